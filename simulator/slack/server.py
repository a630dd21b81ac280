"""The workspace as its people see it: they write into its store; `web` and `sockets` are the wire."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.given import cookies
from simulator.slack.console import Console
from simulator.slack.web import Api
from simulator.slack.wire import CHAT, HOSTS, VERIFICATION, Member, Message
from simulator.stage import Draft, Person

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
    "reactions:read",
    "pins:write",
    "users:read",
    "usergroups:read",
    "files:read",
    "files:write",
    "app_mentions:read",
)


class Server(Console):
    """A Slack workspace. Options: `layout` and `public` (handed to the bridge's config), `scopes` (of its bot
    token), `joined` (channels the app is a member of from the start), `groups` (its user groups: handles of
    people by id)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        scopes, joined = tuple(options.get("scopes", SCOPES)), set(options.get("joined", (CHAT, HOSTS)))
        super().__init__(network, clock, faults, scopes, joined)
        self.layout = options.get("layout") or "channel"
        self.public = options.get("public") or "ask"
        self.groups = {id_: list(handles) for id_, handles in (options.get("groups") or {}).items()}
        self.bot_token = f"xoxb-simulated-{network}"
        self.app_token = f"xapp-simulated-{network}"
        self.given = {self.bot_token, self.app_token, VERIFICATION}
        self.hub.given = self.files.given = self.addresses.given = self.given
        self.api = Api(self)
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        app = web.Application()
        cookies(app, self.given)
        app.router.add_route("*", "/api/{method}", self.api.answer)
        app.router.add_get("/link/", self.hub.serve)
        app.router.add_post("/upload/v1/{ticket}", self.files.upload)
        app.router.add_post("/response/{secret}", self.addresses.answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.hub.address = self.files.address = self.addresses.base = address
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
            self.hub.expire()
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
