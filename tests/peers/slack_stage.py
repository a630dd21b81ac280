"""emulate as a stage: its people write through its own API, the bridge comes through the fault proxy."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import rules, wire
from simulator.stage import Draft, Person, Reach, Said
from tests.peers.mastodon_stage import picture
from tests.peers.proxy import Answer, Dialect, FaultProxy
from tests.peers.slack_events import Receiver
from tests.peers.slack_peer import Emulate, Json, Member, Workspace
from tests.peers.slack_shim import Shim
from tests.peers.strikes import Message, Sight

SECOND = 1_000_000
WRITES = {"/api/chat.postMessage", "/api/chat.update", "/api/chat.delete"}


# ---------------------------------------------------------------- what the proxy must know


def _refusal(error: str, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps({"ok": False, "error": error}).encode(), headers)


def _sight(message: Message) -> Sight | None:
    """Of which message an envelope tells that it was written, or that it is gone."""
    event = json.loads(message).get("payload", {}).get("event", {})
    if event.get("type") != "message":
        return None
    match event.get("subtype"):
        case "message_deleted":
            return Sight("gone", f"{event['channel']}/{event['deleted_ts']}")
        case "message_changed":
            return None
    return Sight("made", f"{event['channel']}/{event['ts']}")


DIALECT = Dialect(
    writes=lambda method, path: method == "POST" and path in WRITES,
    rate_limited=lambda now: _refusal("ratelimited", 429, **{"Retry-After": "3"}),
    server_error=_refusal("internal_error", 500),
    revoked=lambda request: _refusal("token_revoked"),
    sight=_sight,
    slow=45.0,
)


# ---------------------------------------------------------------- the stage


class EmulateStage:
    """`simulator.stage.Stage` over a running emulate, with a workspace of its own. It has no options."""

    workspace: Workspace
    shim: Shim
    proxy: FaultProxy

    def __init__(self, emulate: Emulate, network: str, clock: Clock, faults: Faults) -> None:
        self.emulate, self.network, self.clock, self.faults = emulate, network, clock, faults
        self._app_token = f"xapp-{secrets.token_hex(16)}"
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.members: dict[str, Member] = {}  # by handle

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.receiver = Receiver(self.clock, self._heard)
        self.workspace = self.emulate.open(self.clock, self.receiver.url)
        self.receiver.signing = self.workspace.signing
        self.receiver.start()
        self.shim = Shim(self.workspace, self._app_token)
        await self.shim.start()
        self.proxy = FaultProxy(
            self.network, self.shim.url, self.faults, self.clock, DIALECT, wrote=self._wrote
        )
        await self.proxy.start()

    async def stop(self) -> None:
        await self.proxy.stop()
        await self.shim.stop()
        self.receiver.stop()
        self.workspace.close()

    def access(self) -> dict[str, Any]:
        channels = {"channel": self.workspace.chat, "hosts_channel": self.workspace.hosts}
        table = channels | {"api": f"{self.proxy.url}/api/"}
        return {
            "table": table,
            "secrets": {"BOT_TOKEN": self.workspace.me.token, "APP_TOKEN": self._app_token},
        }

    def _heard(self, event: Json) -> None:
        """In the receiver's thread: Socket Mode is the loop's."""
        self._loop.call_soon_threadsafe(self.shim.sockets.event, event)

    # ------------------------------------------------------------ people

    def join(self, person: Person) -> str:
        member = self.emulate.join(person.handle, person.name, person.profile, bot=person.bot)
        self.members[person.handle] = member
        person.account = member.user
        for channel in (self.workspace.chat, self.workspace.hosts):
            self.ask(person, "conversations.join", channel=channel)
        return member.user

    def ask(self, person: Person, method: str, **arguments: Any) -> Json:
        """A call of a person's client, straight to the server. Raises ApiError."""
        return self.workspace.call(self.members[person.handle], method, **arguments)

    def read(self, method: str, **arguments: Any) -> Json:
        """What the server holds, as the bot would be told without anything between. Raises ApiError."""
        return self.workspace.call(self.workspace.me, method, **arguments)

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. What they quote they link to, as one does in Slack."""
        places = {"chat": self.workspace.chat, "hosts": self.workspace.hosts}
        channel = places.get(draft.place) or self._direct(person)
        words = draft.text if draft.quote is None else f"{draft.text} {self.said[draft.quote].url}"
        words = self._typed("\n".join((words, *(f"{n}. {choice}" for n, choice in enumerate(draft.poll, 1)))))
        thread = {}
        if draft.reply_to:
            parent = self.said[draft.reply_to]
            channel, ts = parent.id.split("/")
            thread = {"thread_ts": parent.raw.get("thread_ts", ts)}
        if draft.pictures:
            message = self._share(person, channel, words, draft.pictures, **thread)
        else:
            message = self.ask(person, "chat.postMessage", channel=channel, text=words, **thread)["message"]
        said = self._keep(channel, message, person.handle)
        said.quote = draft.quote
        return said.id

    def edit(self, person: Person, post: str, text: str) -> None:
        channel, ts = post.split("/")
        self._changed(
            channel,
            self.ask(person, "chat.update", channel=channel, ts=ts, text=self._typed(text))["message"],
        )

    def delete(self, person: Person, post: str) -> None:
        channel, ts = post.split("/")
        self.ask(person, "chat.delete", channel=channel, ts=ts)
        self.said[post].deleted = True

    def leave(self, person: Person) -> None:
        """A member is deactivated. Slack keeps their messages and tells the app nothing."""
        self.emulate.leave(self.members[person.handle])

    def react(self, person: Person, post: str, name: str, *, add: bool = True) -> None:
        """A person sets a reaction, or takes theirs back."""
        channel, ts = post.split("/")
        method = "reactions.add" if add else "reactions.remove"
        self.ask(person, method, channel=channel, timestamp=ts, name=name)

    def trigger(self, person: Person) -> str:
        """What a control that this person used would be told by, and a form can be opened with."""
        return str(self.read("views.generateTriggerId", user_id=person.account)["trigger_id"])

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """None: emulate delivers no interactions; `slack_hands` does what a test wants done."""
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        return False

    # ------------------------------------------------------------ what the server confirms

    async def _wrote(self, request: web.Request, status: int, body: bytes) -> None:
        """The bridge wrote something, and this is what the server says of it."""
        answer = json.loads(body)
        if not answer.get("ok"):
            return
        channel = answer["channel"]
        match request.path:
            case "/api/chat.postMessage":
                said = self._keep(channel, answer["message"], "bridge")
            case "/api/chat.update":
                said = self._changed(channel, answer["message"])
            case _:
                self.said[f"{channel}/{answer['ts']}"].deleted = True
                return
        for callback in self.on_ours:
            callback(said)

    def _keep(self, channel: str, message: Json, author: str) -> Said:
        ts, thread = message["ts"], message.get("thread_ts")
        places = {self.workspace.chat: "chat", self.workspace.hosts: "hosts"}
        said = Said(
            network=self.network,
            id=f"{channel}/{ts}",
            author=author,
            text=self._read(message),
            at=micros(ts),
            real=time.monotonic(),
            ours=author == "bridge",
            reply_to=None if thread in (None, ts) else f"{channel}/{thread}",
            reach=_reach(channel),
            place=places.get(channel, "direct"),
            url=f"{self.workspace.site}archives/{channel}/p{ts.replace('.', '')}",
            pictures=_pictures(message),
            raw=message,
        )
        self.said[said.id] = said
        return said

    def _changed(self, channel: str, message: Json) -> Said:
        said = self.said[f"{channel}/{message['ts']}"]
        said.history.append(said.text)
        said.text, said.edited, said.raw = self._read(message), True, message
        said.pictures = _pictures(message)
        return said

    # ------------------------------------------------------------ inside

    def _direct(self, person: Person) -> str:
        """The person's direct conversation with the bot."""
        opened = self.ask(person, "conversations.open", users=self.workspace.me.user)
        return str(opened["channel"]["id"])

    def _typed(self, words: str) -> str:
        return wire.typed(words, {handle: member.user for handle, member in self.members.items()})

    def _read(self, message: Json) -> str:
        words = rules.readable(message)
        for handle, member in self.members.items():
            words = words.replace(f"@{member.user}", f"@{handle}")
        return words

    def _share(self, person: Person, channel: str, words: str, alts: tuple[str, ...], **thread: str) -> Json:
        """A message with a picture for each text; gives it as the history does."""
        files = []
        for alt in alts:
            content = picture(len(alt))
            about = {"filename": "picture.png", "length": len(content), "alt_text": alt}
            place = self.ask(person, "files.getUploadURLExternal", **about)
            self.workspace.post(place["upload_url"].removeprefix(self.workspace.url), content)
            files.append({"id": place["file_id"]})
        shared = {"channel_id": channel, "initial_comment": words, **thread}
        self.ask(person, "files.completeUploadExternal", files=files, **shared)
        listing = (
            self.read("conversations.replies", channel=channel, ts=thread["thread_ts"])["messages"][::-1]
            if thread
            else self.read("conversations.history", channel=channel)["messages"]
        )
        return next(m for m in listing if m.get("files") and m["files"][0]["id"] == files[0]["id"])


def _reach(channel: str) -> Reach:
    return "direct" if channel.startswith("D") else "room"


def _pictures(message: Json) -> tuple[str, ...]:
    """What its pictures are said to show."""
    shared = [file.get("alt_txt", "") for file in message.get("files") or ()]
    shown = [block["alt_text"] for block in message.get("blocks") or () if block["type"] == "image"]
    return (*shared, *shown)


def micros(ts: str) -> int:
    """The time a `ts` says."""
    seconds, fraction = ts.split(".")
    return int(seconds) * SECOND + int(fraction)
