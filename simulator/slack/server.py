"""The workspace as its people see it: they write into its store; `web` and `sockets` are the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import rules, wire
from simulator.slack.files import Files
from simulator.slack.sockets import Hub
from simulator.slack.web import Api
from simulator.slack.wire import (
    BOT_NAME,
    BOT_USER,
    CHAT,
    HOSTS,
    SITE,
    TEAM,
    Member,
    Message,
    Table,
    Whisper,
)
from simulator.stage import Draft, Person, Said

SCOPES = (
    "chat:write",
    "chat:write.customize",
    "commands",
    "channels:history",
    "channels:read",
    "channels:join",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "users:read",
    "files:read",
    "files:write",
    "app_mentions:read",
)
PREFIX = "chatbridge:"  # how the bridge names the actions of its buttons


class Server:
    """A Slack workspace. Options: `layout` and `public` (handed to the bridge's config), `scopes` (of its bot
    token), `joined` (channels the app is a member of from the start)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.layout = options.get("layout") or "channel"
        self.public = options.get("public") or "ask"
        self.scopes: tuple[str, ...] = tuple(options.get("scopes", SCOPES))
        self.joined: set[str] = set(options.get("joined", (CHAT, HOSTS)))
        self.bot_token = f"xoxb-simulated-{network}"
        self.app_token = f"xapp-simulated-{network}"
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.members: dict[str, Member] = {BOT_USER: Member(BOT_USER, BOT_NAME, "The chat", bot=True)}
        self.directs: dict[str, str] = {}  # user id -> direct conversation with the bridge
        self.messages: dict[tuple[str, str], Message] = {}  # in the order of their ts
        self.whispers: list[Whisper] = []
        self.hub = Hub(network, clock, faults)
        self.files = Files(clock)
        self.api = Api(self)
        self._last = 0
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self.api.answer)
        app.router.add_get("/link/", self.hub.serve)
        app.router.add_post("/upload/v1/{ticket}", self.files.upload)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.hub.address = self.files.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self._ticker = asyncio.create_task(self._tick(), name=f"{self.network} ticks")

    async def stop(self) -> None:
        """Close every socket."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        self.hub.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tick(self) -> None:
        """Let lasting faults begin by themselves (they cut the sockets, too); let go of held frames."""
        while True:
            if self.down() or self.revoked():
                self.hub.drop()
            self.hub.release(due=True)
            await asyncio.sleep(0.02)

    def down(self) -> bool:
        """Whether the server is out."""
        return self.faults.active(self.network, "outage")

    def revoked(self) -> bool:
        """Whether the bridge's tokens are refused for now."""
        return self.faults.active(self.network, "token_revoked")

    def access(self) -> dict[str, Any]:
        """The config's table and secrets of the bridge's app."""
        table = {
            "channel": CHAT,
            "hosts_channel": HOSTS,
            "layout": self.layout,
            "public": self.public,
            "api": f"http://{self.hub.address}/api/",
        }
        return {"table": table, "secrets": {"BOT_TOKEN": self.bot_token, "APP_TOKEN": self.app_token}}

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        """Make the account, a member of both channels."""
        person.account = f"U{len(self.members):03}{person.handle.upper().replace('-', '')}"
        member = Member(person.account, person.handle, person.name, person.profile, person.bot)
        self.members[member.id] = member
        return member.id

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. What they quote they link to and what they ask they list, as one does in Slack,
        which has neither quotes nor polls nor warnings nor languages."""
        assert not self.members[person.account].deleted, f"{person.handle} has left"
        channel = {"chat": CHAT, "hosts": HOSTS}.get(draft.place) or self.direct(person.account)
        parent = self._at(draft.reply_to) if draft.reply_to else None
        words = draft.text if draft.quote is None else f"{draft.text} {self.url(self._at(draft.quote))}"
        words = "\n".join((words, *(f"{n}. {choice}" for n, choice in enumerate(draft.poll, 1))))
        message = Message(
            channel=channel if parent is None else parent.channel,
            ts=self.next_ts(),
            user=person.account,
            text=self._typed(words),
            thread=None if parent is None else parent.thread or parent.ts,
            files=[self.files.shared(person.account, alt).json() for alt in draft.pictures],
        )
        self.take(message, draft.place)
        self.said[message.id].quote = draft.quote
        return message.id

    def edit(self, person: Person, post: str, text: str) -> None:
        """A person edits."""
        self.change(self._at(post), text=self._typed(text))

    def delete(self, person: Person, post: str) -> None:
        """A person deletes. Struck by `delete_first`, the creation is announced after the removal, as by a
        server that lags."""
        message = self._at(post)
        late = self._created(message)
        lagging = self.hub.connected and self.faults.hit(self.network, "delete_first")
        self.remove(message)
        if lagging:
            self.hub.event(late)

    def leave(self, person: Person) -> None:
        """A member is deactivated. Slack keeps their messages and tells the app nothing."""
        self.members[person.account].deleted = True

    def command(self, person: Person, text: str, channel: str = HOSTS) -> bool:
        """A person types `/chat TEXT`; False if nobody was there to take it."""
        return self.hub.slash(
            {
                "command": "/chat",
                "text": text,
                "user_id": person.account,
                "user_name": person.handle,
                "channel_id": channel,
                "team_id": TEAM,
                "trigger_id": uuid.uuid4().hex,
            }
        )

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """The buttons whose action is `verb`, of live messages in the hosts' room and of ephemeral ones, each
        newest last. For the latter `user` says who alone sees it (a handle), and `told` how often that person
        has been told anything there in plain words."""
        shown: list[Message | Whisper] = [m for m in self.channel(HOSTS) if m.ours and not m.deleted]
        told = Counter((w.channel, w.user) for w in self.whispers if not w.blocks)
        found = []
        for message in shown + self.whispers:
            place: Table = {"channel": message.channel, "ts": message.ts}
            if isinstance(message, Whisper):
                place["user"] = self.members[message.user].handle
                place["told"] = told[message.channel, message.user]
            found += [
                {"action_id": e["action_id"], "value": json.loads(e["value"])} | place
                for e in _buttons(message)
                if e["action_id"].removeprefix(PREFIX).partition(":")[0] == verb
            ]
        return found

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Press a button, if it is there for this person. Slack sends an ephemeral message's place and not
        what it says (documentation)."""
        place = control["channel"], control["ts"]
        mine = (w for w in self.whispers if (w.channel, w.ts, w.user) == (*place, person.account))
        message: Message | Whisper | None = self.live(*place) or next(mine, None)
        pressed = [e for e in _buttons(message) if e["action_id"] == control["action_id"]] if message else []
        if message is None or not pressed:
            return False
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        said: Table = {"message": message.json()} if isinstance(message, Message) else {}
        return self.hub.interactive(
            {
                "type": "block_actions",
                "user": {
                    "id": person.account,
                    "username": person.handle,
                    "name": person.handle,
                    "team_id": TEAM,
                },
                "api_app_id": wire.APP,
                "container": container | {"is_ephemeral": isinstance(message, Whisper)},
                "trigger_id": uuid.uuid4().hex,
                "team": {"id": TEAM, "domain": "teashop"},
                "channel": {"id": message.channel, "name": "chat" if message.channel == CHAT else "hosts"},
                **said,
                "actions": [{**pressed[0], "action_ts": wire.ts(self.clock.now())}],
            }
        )

    # ------------------------------------------------------------ the store

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

    def url(self, message: Message) -> str:
        """The message's page."""
        return f"{SITE}archives/{message.channel}/p{message.ts.replace('.', '')}"

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


def _buttons(message: Message | Whisper) -> list[Table]:
    return [e for b in message.blocks if b["type"] == "actions" for e in b["elements"] if "action_id" in e]
