"""Slack's objects as it sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000
TEAM, APP = "T0TEASHOP", "A0BRIDGE"
BOT_USER, BOT, BOT_NAME = "U0BRIDGE", "B0BRIDGE", "chatbridge"
CHAT, HOSTS = "C0CHAT", "C0HOSTS"
VERIFICATION = "simulated-verification-token"  # stands in every payload; who knows it could pass for Slack
SITE = "https://teashop.slack.example/"
URL = re.compile(r"https?://[^\s<>\"'”’]+[^\s<>\"'”’.,;:!?)\]}]")
REACTED = 50  # users a message names for a reaction; how many Slack does it leaves open (documentation)

Table = dict[str, Any]


@dataclass
class Member:
    """A user of the workspace."""

    id: str
    handle: str
    name: str
    title: str = ""  # of the profile
    bot: bool = False
    deleted: bool = False  # deactivated: Slack keeps what they wrote

    def json(self) -> Table:
        """As users.info gives it."""
        profile = {
            "title": self.title,
            "phone": "",
            "real_name": self.name,
            "display_name": self.name,
            "status_text": "",
            "status_emoji": "",
            "image_72": f"https://pictures.slack.example/{self.id}-72.png",
            "image_192": f"https://pictures.slack.example/{self.id}-192.png",
            "team": TEAM,
        }
        return {
            "id": self.id,
            "team_id": TEAM,
            "name": self.handle,
            "deleted": self.deleted,
            "real_name": self.name,
            "profile": profile,
            "is_bot": self.bot,
            "is_app_user": False,
        }

    def actor(self) -> Table:
        """As the payload of an interaction names who used something."""
        return {"id": self.id, "username": self.handle, "name": self.handle, "team_id": TEAM}


@dataclass
class Message:
    """A message of a channel. `user` is None under a borrowed name."""

    channel: str
    ts: str
    user: str | None
    text: str
    thread: str | None = None
    ours: bool = False
    blocks: list[Table] = field(default_factory=list)
    attachments: list[Table] = field(default_factory=list)
    metadata: Table | None = None
    username: str | None = None
    icon: str | None = None
    edited: str | None = None  # ts
    deleted: bool = False
    replies: list[str] = field(default_factory=list)  # ts of live ones
    files: list[Table] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)  # ids of users, by emoji

    @property
    def id(self) -> str:
        """What the simulation calls it."""
        return f"{self.channel}/{self.ts}"

    @property
    def stump(self) -> bool:
        """Deleted, but others replied to it."""
        return self.deleted and bool(self.replies)

    def json(self, *, metadata: bool = True, full: bool = False) -> Table:
        """As the history gives it. `full`: with everybody who reacted, and not just some of them."""
        body: Table = {"type": "message", "ts": self.ts, "text": self.text, "team": TEAM}
        if self.stump:
            body |= {
                "subtype": "tombstone",
                "user": "USLACKBOT",
                "text": "This message was deleted.",
                "hidden": True,
            }
            return body | self._thread()
        if self.user is not None:
            body["user"] = self.user
        if self.ours:
            body |= {"bot_id": BOT, "app_id": APP}
            if self.username:
                body |= {"subtype": "bot_message", "username": self.username}
                body |= {"icons": {"image_48": self.icon}} if self.icon else {}
            if self.metadata and metadata:
                body["metadata"] = self.metadata
            body |= {"attachments": self.attachments} if self.attachments else {}
        if self.files:
            body |= {"subtype": "file_share", "files": self.files, "upload": True}
        body["blocks"] = self.blocks or [as_blocks(self.text)]
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": users[: None if full else REACTED], "count": len(users)}
                for name, users in self.reactions.items()
            ]
        if self.edited:
            body["edited"] = {"user": self.user or BOT_USER, "ts": self.edited}
        return body | self._thread()

    def _thread(self) -> Table:
        if self.thread is not None:
            return {"thread_ts": self.thread, "parent_user_id": BOT_USER}
        if not self.replies:
            return {}
        return {
            "thread_ts": self.ts,
            "reply_count": len(self.replies),
            "reply_users_count": 1,
            "latest_reply": self.replies[-1],
            "subscribed": False,
        }


@dataclass(frozen=True)
class Whisper:
    """An ephemeral message: for one user's eyes, and in no history."""

    channel: str
    ts: str
    user: str
    words: str
    blocks: list[Table] = field(default_factory=list)
    thread: str | None = None  # ts of the first message of the thread it is shown in


def as_blocks(text: str) -> Table:
    """The rich_text Slack's own composer would have made; nobody needs more of it here."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "b1", "elements": [section]}


def typed(words: str, users: dict[str, str]) -> str:
    """What Slack makes of words typed into its composer. `users`: ids by handle."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    linked = URL.sub(lambda m: f"<{m.group()}>", escaped)
    return re.sub(
        r"(?<![\w@/])@([\w-]+)", lambda m: f"<@{users[m[1]]}>" if m[1] in users else m.group(), linked
    )


def ts(at: int) -> str:
    """Microseconds as a ts."""
    return f"{at // SECOND}.{at % SECOND:06d}"


def channel_name(channel: str) -> str:
    """What people call a channel."""
    return {CHAT: "chat", HOSTS: "hosts"}.get(channel, "directmessage")


def channel_type(channel: str) -> str:
    """What an event calls a channel's kind."""
    return "im" if channel.startswith("D") else "channel"


def event(kind: str, channel: str, at: str, **more: Any) -> Table:
    """The event of a message's change."""
    return {
        "type": "message",
        "subtype": kind,
        "hidden": True,
        "channel": channel,
        "ts": at,
        "event_ts": at,
        "channel_type": channel_type(channel),
        **more,
    }
