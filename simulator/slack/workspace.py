"""The workspace's store: members, messages and what hangs on them, and the events of each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import rules, wire
from simulator.slack.files import Files
from simulator.slack.sockets import Hub
from simulator.slack.wire import BOT_NAME, BOT_USER, CHAT, HOSTS, SITE, Member, Message, Table, Whisper
from simulator.stage import Said


class Workspace:
    """See `simulator.slack.server.Server` for the options."""

    def __init__(
        self, network: str, clock: Clock, faults: Faults, scopes: tuple[str, ...], joined: set[str]
    ) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.scopes, self.joined = scopes, joined  # of the app
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.members: dict[str, Member] = {BOT_USER: Member(BOT_USER, BOT_NAME, "The chat", bot=True)}
        self.directs: dict[str, str] = {}  # user id -> direct conversation with the bridge
        self.messages: dict[tuple[str, str], Message] = {}  # in the order of their ts
        self.whispers: list[Whisper] = []
        self.hub = Hub(network, clock, faults)
        self.files = Files(clock)
        self._last = 0

    def next_ts(self) -> str:
        """A ts of now, unlike any other."""
        self._last = max(self._last + 1, self.clock.now())
        return wire.ts(self._last)

    def live(self, channel: str, ts: str) -> Message | None:
        """A message that stands."""
        message = self.messages.get((channel, ts))
        return None if message is None or message.deleted else message

    def channel(self, channel: str) -> list[Message]:
        """All messages of a channel, oldest first."""
        return [m for m in self.messages.values() if m.channel == channel]

    def direct(self, user: str) -> str:
        """The direct conversation of a user with the bridge."""
        return self.directs.setdefault(user, f"D{user[1:]}")

    def inside(self, channel: str) -> bool:
        """Whether the app is in a conversation."""
        return channel in self.joined or channel in self.directs.values()

    def url(self, message: Message) -> str:
        """The message's page."""
        return f"{SITE}archives/{message.channel}/p{message.ts.replace('.', '')}"

    def post(self, channel: str, arguments: Table) -> Message:
        """The app posts. Raises Refusal."""
        message = Message(
            channel=channel,
            ts=self.next_ts(),
            user=None if arguments.get("username") else BOT_USER,
            text=arguments.get("text", ""),
            thread=arguments.get("thread_ts"),
            ours=True,
            blocks=arguments.get("blocks", []),
            attachments=arguments.get("attachments", []),
            metadata=arguments.get("metadata"),
            username=arguments.get("username"),
            icon=arguments.get("icon_url"),
        )
        self._check(message.text, message.blocks, message.attachments, update=False)
        self.take(message)
        return message

    def rewrite(self, message: Message, arguments: Table) -> str:
        """The app changes its message; what is not given stays, except blocks beside a new text
        (documentation). Gives the text. Raises Refusal."""
        text = arguments.get("text", message.text)
        blocks = arguments.get("blocks", [] if "text" in arguments else message.blocks)
        attachments = arguments.get("attachments", message.attachments)
        self._check(text, blocks, attachments, update=True)
        metadata = arguments.get("metadata", message.metadata)
        self.change(message, text=text, blocks=blocks, attachments=attachments, metadata=metadata)
        return str(text)

    def whisper(self, channel: str, user: str, arguments: Table) -> str:
        """The app says something that one user sees. Gives its ts. Raises Refusal."""
        text, blocks = arguments.get("text", ""), arguments.get("blocks", [])
        self._check(text, blocks, arguments.get("attachments", []), update=False)
        thread = arguments.get("thread_ts")
        self.whispers.append(Whisper(channel, self.next_ts(), user, rules.plain(text), blocks, thread))
        return self.whispers[-1].ts

    def take(self, message: Message, place: str | None = None) -> None:
        """Store a new message and tell the app."""
        self.messages[message.channel, message.ts] = message
        if message.thread is not None:
            self.messages[message.channel, message.thread].replies.append(message.ts)
        direct = message.channel.startswith("D")
        author = self.members[message.user] if message.user else None
        self.said[message.id] = Said(
            network=self.network,
            id=message.id,
            author="bridge" if message.ours or author is None else author.handle,
            text=self._read(message),
            at=self._last,
            real=time.monotonic(),
            ours=message.ours,
            reply_to=None if message.thread is None else f"{message.channel}/{message.thread}",
            reach="direct" if direct else "room",
            place=place or {CHAT: "chat", HOSTS: "hosts"}.get(message.channel, "direct"),
            url=self.url(message),
            pictures=_pictures(message),
            raw=message.json(),
        )
        created = self._created(message)
        self.hub.event(created)
        if not message.ours and not direct and f"<@{BOT_USER}>" in message.text:
            self.hub.event(created | {"type": "app_mention"})
        self._tell(message)

    def change(self, message: Message, **fields: Any) -> None:
        """Store an edit and tell the app."""
        before = message.json()
        for name, value in fields.items():
            setattr(message, name, value)
        message.edited = self.next_ts()
        said = self.said[message.id]
        said.history.append(said.text)
        said.text, said.edited, said.raw = self._read(message), True, message.json()
        said.pictures = _pictures(message)
        changed = {"message": message.json(), "previous_message": before}
        self.hub.event(wire.event("message_changed", message.channel, message.edited, **changed))
        self._tell(message)

    def remove(self, message: Message) -> None:
        """Delete a message. One that others replied to leaves a stump."""
        before = message.json()
        message.deleted = self.said[message.id].deleted = True
        if message.thread is not None:
            self.messages[message.channel, message.thread].replies.remove(message.ts)
        kind, more = "message_deleted", Table(deleted_ts=message.ts)
        if message.stump:
            kind, more = "message_changed", Table(message=message.json())
        self.hub.event(wire.event(kind, message.channel, self.next_ts(), previous_message=before, **more))

    def mark(self, message: Message, user: str, name: str) -> bool:
        """Store a reaction and tell the app, which may not hear of it (False)."""
        message.reactions.setdefault(name, []).append(user)
        return self._reacted("reaction_added", message, user, name)

    def unmark(self, message: Message, user: str, name: str) -> bool:
        """Take a reaction away and tell the app."""
        message.reactions[name].remove(user)
        if not message.reactions[name]:
            del message.reactions[name]
        return self._reacted("reaction_removed", message, user, name)

    def _reacted(self, kind: str, message: Message, user: str, name: str) -> bool:
        """Whoever borrowed a name for a message is no user one could have reacted to (documentation)."""
        if "reactions:read" not in self.scopes or not self.inside(message.channel):
            return False
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        author = {"item_user": message.user} if message.user else {}
        said = {"type": kind, "user": user, "reaction": name, "item": item, **author}
        return self.hub.event(said | {"event_ts": self.next_ts()})

    def _check(self, text: str, blocks: list[Table], attachments: list[Table], *, update: bool) -> None:
        rules.check(text, blocks, attachments, update=update, picture=self.files.fault)

    def _created(self, message: Message) -> Table:
        kind = wire.channel_type(message.channel)
        return message.json() | {"channel": message.channel, "event_ts": message.ts, "channel_type": kind}

    def _tell(self, message: Message) -> None:
        if message.ours:
            for callback in self.on_ours:
                callback(self.said[message.id])

    def _at(self, post: str) -> Message:
        channel, _, ts = post.partition("/")
        return self.messages[channel, ts]

    def _typed(self, words: str) -> str:
        return wire.typed(words, {m.handle: m.id for m in self.members.values()})

    def _read(self, message: Message) -> str:
        if message.ours:
            return rules.readable(message.json() | {"blocks": message.blocks})
        names = {f"<@{m.id}>": f"@{m.handle}" for m in self.members.values()}
        words = message.text
        for mark, name in names.items():
            words = words.replace(mark, name)
        return rules.plain(words)


def _pictures(message: Message) -> tuple[str, ...]:
    """What pictures of a message are said to show."""
    shared = [f.get("alt_txt", "") for f in message.files]
    return (*shared, *(b["alt_text"] for b in message.blocks if b["type"] == "image"))
