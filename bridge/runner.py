"""A running bridge: journal, engine, outbox, links, page and socket put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiohttp import web

from bridge import control
from bridge.chat.community import SERVER
from bridge.chat.state import Arrived, Configured
from bridge.chat.view import ChatView, EntryView
from bridge.config import Config
from bridge.delivery import Row
from bridge.edits import Edits
from bridge.engine import Engine
from bridge.errors import ChatbridgeError, ConfigError, LinkError
from bridge.forget import forget
from bridge.journal import Journal
from bridge.metrics import CONTENT_TYPE_LATEST, Metrics
from bridge.model import Board, Command, Final, Form, Network, Notice, Reply
from bridge.outbox import Outbox
from bridge.ports import Adapter, Clock, PublicFeed, SessionStore
from bridge.readiness import used_again
from bridge.report.from_journal import FORMATS, USUAL, chosen, status, write
from bridge.serving import served
from bridge.split import transport
from bridge.supervise import Supervisor, Watch
from bridge.web import make_app, watched, watching

log = logging.getLogger(__name__)

TAKEN_OFF = 10.0  # real seconds until a rehearsal's public feed is empty
AGAIN = 5.0  # seconds of chat time before the public feed is begun again


class Bridge:
    """One process's bridge over one journal. `sessions` makes a network's store of logins. `apart`: the adapters run
    in processes of their own, and are spoken to over the config's broker. `edits`: of the config, taken up meanwhile.

    Raises JournalLocked or JournalUnreadable when made, OSError from `run` if the page's port is taken.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        sessions: Callable[[str], SessionStore],
        *,
        stay: bool = False,
        apart: bool = False,
        edits: Edits | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.stay = stay
        self._edits = edits
        self.journal = Journal(config.journal)
        try:
            self.engine = Engine(self.journal, clock)
            self.engine.replay()
            self.outbox = Outbox(self.engine, self.journal.open_orders(), self.journal.ended())
            titles = {net.name: net.title for net in config.community.networks}
            self.supervisor = Supervisor(
                (
                    Watch(
                        self._remote(n.name)
                        if apart
                        else n.platform.create(n.name, n.settings, n.secrets, clock),
                        titles[n.name],
                        self.engine,
                        self.outbox,
                        sessions(n.name),
                    )
                    for n in config.networks
                ),
                self.journal.cursors(),
            )
            mqtt, delay = config.mqtt, config.web.delay_seconds
            self.public = None if mqtt is None else transport().feed(mqtt, self, delay, clock)
        except BaseException:
            self.journal.close()
            raise
        self.metrics = Metrics(self.engine, self.outbox, self.supervisor)
        self.address = ""
        self.watched = ""  # where /healthz, /readyz and /metrics are
        self._asked = 0
        self._told: dict[str, str] = {}  # answers to `tell`, on their way
        self.listening = asyncio.Event()
        self.news = asyncio.Event()  # a sheet, an entry or a network's health is different
        self.supervisor.noticed = self.news.set
        self._over = asyncio.Event()
        self._stop = asyncio.Event()

    def _remote(self, name: Network) -> Adapter:
        assert self.config.mqtt is not None
        return transport().remote(
            name, self.config.mqtt, self.journal.identity, self.journal.epoch, self.clock
        )

    # ------------------------------------------------------------ running

    async def run(self) -> None:
        """Until every chat is over and settled (or for ever, with `stay`), or until `stop`."""
        routes = watching(self.supervisor.health, lambda: (self.metrics.text(), CONTENT_TYPE_LATEST))
        beside = () if self.config.web.watched else routes
        app, feed = make_app(self, self.config.web, self.clock, routes=beside)
        self.journal.committed = self.metrics.committed
        self.outbox.unsettled = self.metrics.came
        released = self.engine.released
        released.orders = self.outbox.accept
        released.settled = self._order_ended
        released.echo = self.outbox.echo
        released.follow = self.supervisor.follow
        released.cursor = self.supervisor.cursor
        released.seen = self.supervisor.seen
        released.answer = self._answer
        released.whisper = self.supervisor.whisper
        released.forgotten = self.outbox.forget
        released.anew = self.supervisor.anew
        released.feeds = [feed, self.supervisor, self, *([self.public] if self.public else [])]
        try:
            async with asyncio.TaskGroup() as group:
                await self.engine.forget(*self.engine.session.forgotten())  # it may have been cut short
                tasks = [group.create_task(self.engine.run(), name="engine")]
                await self._configure()
                if self._edits is not None:
                    tasks.append(group.create_task(self._edits.run(self.engine), name="edits"))
                serving = asyncio.Event()
                tasks += [
                    group.create_task(self.outbox.expire(), name="expiry"),
                    group.create_task(self._serve(app, routes, serving), name="page"),
                    group.create_task(control.listen(self.config.journal, self._handlers()), name="socket"),
                ]
                await serving.wait()
                self.listening.set()
                tasks.append(group.create_task(self.supervisor.run(), name="links"))
                if self.public is not None:
                    tasks.append(group.create_task(self._publish(self.public), name="public feed"))
                ending = group.create_task(self._until_over(), name="end")
                await self._stop.wait()
                ending.cancel()
                for task in reversed(tasks):
                    task.cancel()
        finally:
            self.journal.close()

    async def _configure(self) -> None:
        """Begin with the config as it is. Raises ConfigError for one that would hold a chat once more."""
        state = self.engine.session.state
        if mistakes := used_again(self.config, state):
            raise ConfigError(mistakes)
        for chat in self.config.community.chats:
            if chat.id not in state.chats and chat.ends <= self.clock.now() < chat.late_until:
                log.warning(
                    "%s was over before the bridge knew of it: only late answers are gathered", chat.id
                )
        standing = state.mistakes if self.config.mistakes else ()
        if state.community != self.config.community or state.mistakes != standing or state.waiting:
            await self.engine.submit(Configured(self.config.community, mistakes=standing, late=True))

    def stop(self) -> None:
        """End in good order."""
        self._stop.set()

    async def _serve(
        self, page: web.Application, routes: Iterable[web.RouteDef], serving: asyncio.Event
    ) -> None:
        """The page and, if they have an address of their own, the `routes` of what watches over us."""
        async with AsyncExitStack() as stack:
            listen, apart = self.config.web, self.config.web.watched
            self.address = await stack.enter_async_context(served(page, listen.host, listen.port))
            self.watched = self.address
            if apart is not None:
                self.watched = await stack.enter_async_context(served(watched(routes), *apart))
            serving.set()
            await asyncio.Event().wait()

    async def _publish(self, public: PublicFeed) -> None:
        """Keep the public feed going; a bug in it must not take the chat along, nor leave standing what is to go."""
        while True:
            try:
                await public.run()
            except Exception:
                log.exception("the public feed failed; it is begun again")
                await self.clock.sleep(AGAIN)

    async def _until_over(self) -> None:
        """Ends when nothing is left to do; something that settles, or a change, may be the last."""
        while True:
            self._over.clear()
            await self.engine.quiet()
            if self.settled and not self.stay:
                break
            await self._over.wait()
        self._stop.set()

    def _order_ended(self, row: Row, outcome: Final) -> None:
        self.outbox.settled(row, outcome)
        self.metrics.came(row.order.network, outcome)
        self._over.set()

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        """`bridge.ports.Feed`: the merged timeline has work, and a chat may be over."""
        self.outbox.stir()
        self._over.set()
        self.news.set()

    # ------------------------------------------------------------ how things are

    @property
    def busy(self) -> bool:
        """Whether anything is under way that the clock should not jump over."""
        session, now = self.engine.session, self.clock.now()
        return (
            self.engine.busy
            or not self.supervisor.ready
            or self.supervisor.rereading
            or self.outbox.waiting() > 0
            or any(session.following(name, now) is not None for name in session.state.nets)
            or any(session.ending(name) for name in session.state.nets)
        )

    @property
    def settled(self) -> bool:
        """Whether every chat is over and everything about it is where it should be."""
        session, now = self.engine.session, self.clock.now()
        return (
            all(chat.over for chat in session.state.chats.values())
            and not self.engine.busy
            and not self.outbox.waiting()
            and all(session.following(name, now) is None for name in session.state.nets)
        )

    # ------------------------------------------------------------ `bridge.web.Views`

    def chats(self) -> tuple[str, ...]:
        return tuple(self.engine.session.state.chats)

    def view(self, chat: str, audience: Literal["hosts", "page"]) -> ChatView:
        return self.engine.session.view(chat, audience, self.clock.now())

    def entry(self, chat: str, no: int, audience: Literal["hosts", "page"]) -> EntryView | None:
        return self.engine.session.entry(chat, no, audience)

    # ------------------------------------------------------------ the local socket

    def _handlers(self) -> dict[str, control.Handler]:
        return {
            "pace": self._pace,
            "withdraw": self._withdraw,
            "status": self._status,
            "tell": self._tell,
            "report": self._report,
            "reread": self._reread,
            "digest": self._digest,
            "health": self._health,
            "forget": self._forget,
        }

    async def _pace(self, request: dict[str, Any]) -> dict[str, Any]:
        """For who directs a rehearsal: the next deadline, and whether anything is under way."""
        return {"next": self.engine.session.deadline(), "busy": self.busy, "settled": self.settled}

    async def _withdraw(self, request: dict[str, Any]) -> dict[str, Any]:
        """The end of a rehearsal: nothing of it stays on the public feed, unless the broker is away too long."""
        if self.public is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKEN_OFF):
                    await self.public.withdraw()
        return {}

    async def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        session, chat = self.engine.session, self._chat(request.get("chat"))
        shown = status(session, chat, self.clock.now(), self.supervisor.health())
        return {**shown, "page": self.address, "running": True}

    async def _tell(self, request: dict[str, Any]) -> str:
        """A host's command from the server. Waits until it is done."""
        self._asked += 1
        where = str(self._asked)
        command = Command(
            verb=request["verb"],
            by=SERVER,
            chat=self._chat(request.get("chat")),
            item=request.get("item"),
            on=request.get("on"),
            text=request.get("text", ""),
            name="The server",
            answer=where,
        )
        await self.engine.submit(Arrived(SERVER, command))
        return self._told.pop(where, "")

    def _answer(self, network: Network, where: str, reply: Reply) -> None:
        if isinstance(reply, Board):
            reply = msgspec.structs.replace(reply, health=self.supervisor.health())
        if network == SERVER:
            self._told[where] = _in_words(reply)
        else:
            self.supervisor.answer(network, where, reply)

    async def _report(self, request: dict[str, Any]) -> list[str]:
        """Write a chat's transcript, as anybody may read it, into a folder."""
        chat = self._chat(request.get("chat"))
        session, now = self.engine.session, self.clock.now()
        view, every = session.view(chat, "page", now), session.view(chat, "page", now, every=True)
        formats = [ending for ending in request.get("formats", USUAL) if ending in FORMATS]
        try:
            return await asyncio.to_thread(write, view, every, Path(request["out"]), formats)
        except OSError as error:
            raise ChatbridgeError(f"{error.filename or request['out']}: {error.strerror}") from None

    async def _reread(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read all posts of a chat on a network again; `why`: it could not be asked."""
        chat, watch = self._chat(request.get("chat")), self.supervisor.watches.get(request["network"])
        if watch is None:
            return {"posts": 0, "why": "the bridge was started without it"}
        try:
            return {"posts": await watch.reread(chat), "why": ""}
        except LinkError as error:
            return {"posts": 0, "why": str(error)}

    async def _digest(self, request: dict[str, Any]) -> str:
        return self.engine.session.digest()

    async def _forget(self, request: dict[str, Any]) -> dict[str, Any]:
        """Erase a person, named as NETWORK:HANDLE."""
        return msgspec.to_builtins(await forget(self.engine, request["who"], self.engine.submit))  # type: ignore[no-any-return]  # it takes a struct

    async def _health(self, request: dict[str, Any]) -> dict[str, Any]:
        troubles = [
            f"{h.title}: {h.state} {h.why}".strip() for h in self.supervisor.health() if h.state != "ready"
        ]
        return {"ready": self.supervisor.ready, "troubles": troubles}

    def _chat(self, name: str | None) -> str:
        return chosen(self.engine.session, name)


def _in_words(reply: Reply) -> str:
    """What is read at the server's terminal."""
    match reply:
        case Board():
            from bridge.terminal import (
                text,  # a library for terminals, which a bridge without one does not need
            )

            return text(reply)
        case Notice():
            return reply.text
        case Form():
            return reply.title
        case _:
            return reply
