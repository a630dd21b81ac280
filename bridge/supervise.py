"""Keeps every network's link open: opens it, feeds what it reports to the engine, serves its orders, and when
it breaks backs off and opens it again. One network's trouble stays its own; the hosts see it as health."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from bridge.boards import Boards
from bridge.chat import silence
from bridge.chat.state import Fell, Rose
from bridge.engine import Engine, woken
from bridge.errors import CursorLost, LinkError, NeedsLogin, Unreachable
from bridge.model import (
    SECOND,
    Account,
    Cursor,
    Form,
    Health,
    Micros,
    Network,
    Notice,
    Place,
    Reply,
)
from bridge.outbox import Outbox
from bridge.ports import Adapter, Budgeted, Clock, Console, Link, SessionStore
from bridge.rereading import Rereading

log = logging.getLogger(__name__)

FIRST_WAIT = 2.0  # seconds before a broken link is opened again
LONGEST_WAIT = 60.0
STEADY = 60.0  # seconds a link must hold for its failures to be forgotten
WORDS = 500  # answers and questions to single people that may wait
TELLERS = 4  # that are told at once: one may hang


class Mail:
    """What is for one person's eyes, told in the order it came up, some at once. Too much of it, and what has
    waited longest is given up."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[Console], Awaitable[None]]] = deque(maxlen=WORDS)
        self._more = asyncio.Event()

    def add(self, word: Callable[[Console], Awaitable[None]]) -> None:
        self._waiting.append(word)
        self._more.set()

    async def tell(self, console: Console) -> None:
        """One after the other, until cancelled."""
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            await self._waiting.popleft()(console)


class _Anew(LinkError):
    """The link is to be opened anew: it may remember people whom nothing else remembers any more, and would not
    introduce them again."""


class Watch:
    """One network's link through its comings and goings."""

    def __init__(
        self, adapter: Adapter, title: str, engine: Engine, outbox: Outbox, store: SessionStore
    ) -> None:
        self.adapter = adapter
        self.name: Network = adapter.name
        self.title = title
        self._engine = engine
        self._clock: Clock = engine.clock
        self._outbox = outbox
        self._store = store
        self._cursor: Cursor | None = None
        self._acknowledge = asyncio.Event()
        self._follow = asyncio.Event()
        self._turn = asyncio.Event()
        self._forms, self._mail = Mail(), Mail()
        self._anew = asyncio.Event()
        self._budgeted: Budgeted | None = None
        self._state = Health(self.name, title, "opening", self._clock.now())
        self._unheard: Micros = self._clock.now()  # since when, unless it is ready
        self._last: Micros = 0
        self._rereading = Rereading(self.name, engine)
        self.boards = Boards(self.name, engine)

    # ------------------------------------------------------------ being told

    def resume_from(self, cursor: Cursor | None) -> None:
        self._cursor = cursor

    def cursor(self, cursor: Cursor) -> None:
        """Everything up to here is durable."""
        self._cursor = cursor
        self._acknowledge.set()

    def seen(self, at: Micros) -> None:
        self._last = at

    def follow(self) -> None:
        """The interest is different."""
        self._follow.set()

    def stir(self, chat: str) -> None:
        """The chat's state is different: a board to show, perhaps a network to read once more."""
        self._rereading.stir()
        self.boards.stir(chat)
        self._turn.set()

    def anew(self) -> None:
        """Whatever the link knows of people is to be forgotten."""
        self._anew.set()

    def answer(self, where: str, reply: Reply) -> None:
        """A form has to be there within seconds, or it is not opened at all: it waits behind no words."""
        mail = self._forms if isinstance(reply, Form) else self._mail
        mail.add(lambda console: console.answer(where, reply))

    def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        self._mail.add(lambda console: console.whisper(account, place, notice))

    @property
    def health(self) -> Health:
        state = self._state
        waiting = self._outbox.waiting(self.name)
        return Health(self.name, self.title, state.state, state.since, state.why, self._last, waiting)

    @property
    def rereading(self) -> bool:
        """Whether known posts are being read again."""
        return self._rereading.under_way

    async def reread(self, chat: str) -> int:
        """Read every post of a chat there again now; gives how many. Raises LinkError if that cannot be done."""
        if (state := self._state).state != "ready":
            raise Unreachable(f"it is {state.state}{f': {state.why}' if state.why else ''}")
        return await self._rereading.ask(chat)

    @property
    def budget(self) -> Mapping[str, int]:
        """What the network still allows, as far as the open link knows."""
        return self._budgeted.budget() if self._budgeted is not None else {}

    def _is(self, state: str, why: str = "") -> None:
        if (state, why) != (self._state.state, self._state.why):
            log.info("%s is %s%s", self.name, state, f": {why}" if why else "", extra={"network": self.name})
            if self._state.state == "ready":
                self._unheard = self._clock.now()
            self._state = Health(self.name, self.title, state, self._clock.now(), why)  # type: ignore[arg-type]  # one of Health's
            self.boards.stir()
            self._turn.set()
            self.noticed()

    # ------------------------------------------------------------ being silent

    async def mind(self) -> None:
        """Have the hosts told when the network has been silent for too long while a chat is on, and when it is
        heard again. Until cancelled."""
        told: Fell | Rose | None = None
        while True:
            self._turn.clear()
            matter, due = self._matter()
            if matter is not None and matter != told:
                told = matter
                await self._engine.submit(matter)
            else:
                await woken(self._turn, self._clock, due)

    def _matter(self) -> tuple[Fell | Rose | None, Micros | None]:
        """What the hosts should know now; else when there may be something, if nothing changes until then."""
        state, ready = self._engine.session.state, self._state.state == "ready"
        if ready or self.name in state.silent:
            return (Rose(self.name) if ready and self.name in state.silent else None), None
        due = silence.minded(state, self._unheard + silence.AFTER)
        if due is None or due > self._clock.now():
            return None, due
        return Fell(self.name, self._state.why, self._unheard, self._state.state == "refused"), None

    # ------------------------------------------------------------ living

    async def keep(self) -> None:
        """Open the link and open it again, until cancelled."""
        failures = 0
        while True:
            opened = self._clock.now()
            self._anew.clear()
            try:
                # In a task of its own: a group of tasks that fails while it is cancelled tells of the failure alone.
                await asyncio.create_task(self._once(), name=f"link {self.name}, open")
            except* _Anew:
                self._is("opening")
            except* CursorLost as group:
                self._cursor = None
                self._is("down", _first(group))
            except* NeedsLogin as group:
                self._is("refused", _first(group))
            except* LinkError as group:
                self._is("down", _first(group))
            except* Exception as group:  # a bug in one adapter must not take the other networks along
                log.exception("%s: the adapter failed", self.name, extra={"network": self.name})
                self._is("down", f"the adapter failed: {_first(group)}")
            _heed_cancellation()  # somebody wants us to end, whatever became of the link meanwhile
            if self._anew.is_set():
                continue
            held = (self._clock.now() - opened) / SECOND
            failures = 1 if held > STEADY else failures + 1
            await self._clock.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 8)))

    async def _once(self) -> None:
        """One link, from opening to breaking."""
        async with self._opened() as link:
            await self._engine.submit(link.opened)
            await link.follow(self._engine.session.interest(self.name))
            self._is("ready")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_anew(), name=f"{self.name} anew")
                group.create_task(self._read(link), name=f"{self.name} inbound")
                group.create_task(self._outbox.serve(self.name, link), name=f"{self.name} outbox")
                group.create_task(self._acknowledging(link), name=f"{self.name} acknowledge")
                group.create_task(self._following(link), name=f"{self.name} follow")
                group.create_task(self._rereading.serve(link), name=f"{self.name} reread")
                if isinstance(link, Console):
                    group.create_task(self.boards.keep(link), name=f"{self.name} board")
                    for mail in (self._forms, self._mail) * TELLERS:
                        group.create_task(mail.tell(link), name=f"{self.name} words")

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Link]:
        async with self.adapter.open(self._store) as link:
            self._budgeted = link if isinstance(link, Budgeted) else None
            try:
                yield link
            finally:
                self._budgeted = None

    async def _until_anew(self) -> None:
        await self._anew.wait()
        raise _Anew

    async def _read(self, link: Link) -> None:
        async for item in link.inbound(self._cursor):
            await self._engine.arrive(item)
        raise Unreachable(f"{self.title} ended the stream")

    async def _acknowledging(self, link: Link) -> None:
        while True:
            await self._acknowledge.wait()
            self._acknowledge.clear()
            if self._cursor is not None:
                await link.acknowledge(self._cursor)

    async def _following(self, link: Link) -> None:
        while True:
            await self._follow.wait()
            self._follow.clear()
            await link.follow(self._engine.session.interest(self.name))

    noticed: Callable[[], None] = staticmethod(lambda: None)  # its health is another


class Supervisor:
    """All links of a process."""

    def __init__(self, watches: Iterable[Watch], cursors: Mapping[Network, Cursor]) -> None:
        self.watches = {watch.name: watch for watch in watches}
        for name, watch in self.watches.items():
            watch.resume_from(cursors.get(name))
            watch.boards.health = self.health
            watch.noticed = self._noticed

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self.watches.values():
                group.create_task(watch.keep(), name=f"link {watch.name}")
                group.create_task(watch.mind(), name=f"silence of {watch.name}")

    noticed: Callable[[], None] = staticmethod(lambda: None)  # a network's health is another

    def health(self) -> tuple[Health, ...]:
        return tuple(watch.health for watch in self.watches.values())

    def anew(self) -> None:
        """Whatever links know of people is to be forgotten."""
        for watch in self.watches.values():
            watch.anew()

    def budgets(self) -> dict[Network, Mapping[str, int]]:
        """What each network still allows."""
        return {name: watch.budget for name, watch in self.watches.items()}

    @property
    def ready(self) -> bool:
        return all(health.state == "ready" for health in self.health())

    @property
    def rereading(self) -> bool:
        return any(watch.rereading for watch in self.watches.values())

    def _noticed(self) -> None:
        self.noticed()

    # `bridge.ports.Feed`, and the engine's other callbacks

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        for watch in self.watches.values():
            watch.stir(chat)

    def follow(self, networks: Iterable[Network]) -> None:
        for name in networks:
            if name in self.watches:
                self.watches[name].follow()

    def cursor(self, network: Network, cursor: Cursor) -> None:
        if network in self.watches:
            self.watches[network].cursor(cursor)

    def seen(self, network: Network, at: Micros) -> None:
        if network in self.watches:
            self.watches[network].seen(at)

    def answer(self, network: Network, where: str, reply: Reply) -> None:
        if network in self.watches:
            self.watches[network].answer(where, reply)

    def whisper(self, network: Network, account: Account, place: Place, notice: Notice) -> None:
        if network in self.watches:
            self.watches[network].whisper(account, place, notice)


def _heed_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    """The words of the first error in a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
