"""The adapter of a simulated network: `bridge.ports.Link` over a wire that is slow and loses things."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

from bridge.errors import Unreachable
from bridge.model import (
    Absent,
    Account,
    AuthorKnown,
    Beat,
    Board,
    Cursor,
    Echoed,
    Edited,
    Found,
    Inbound,
    Interest,
    Network,
    Notice,
    Opened,
    Order,
    Outcome,
    Place,
    Post,
    Ref,
    Removed,
    Unclear,
    Unknown,
    What,
    Wishes,
    Written,
)
from bridge.ports import SessionStore
from tests.simulation.clock import LAST, STARTS, VirtualClock
from tests.simulation.faults import Faults
from tests.simulation.network import Later, Server

T = TypeVar("T")

PATIENCE = 10.0  # seconds until a request counts as lost


class SimAdapter:
    def __init__(self, server: Server, clock: VirtualClock, faults: Faults) -> None:
        self.name: Network = server.name
        self._server, self._clock, self._faults = server, clock, faults

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[SimLink]:
        kind = SimConsole if self._server.can.console else SimLink
        link = kind(self._server, self._clock, self._faults)
        await link.ask(lambda: None)
        self._server.listeners.append(link.news)
        try:
            yield link
        finally:
            self._server.listeners.remove(link.news)


class SimLink:
    """A cursor is the number of frames read."""

    def __init__(self, server: Server, clock: VirtualClock, faults: Faults) -> None:
        self.opened = Opened(server.name, server.account, "@bridge", server.can)
        self.news = asyncio.Event()
        self._server, self._clock, self._faults = server, clock, faults
        self._interest = Interest()
        self._threads: set[Ref] = set()
        self._extra: deque[What] = deque()  # what comes without being the next frame
        self._known: dict[str, Wishes] = {}

    async def ask(self, handle: Callable[[], T]) -> T:
        """One request: there, done by the server, and back. Raises TimeoutError if no answer comes."""
        return await self._ask(lambda: (handle(), 0.0))

    async def _ask(self, handle: Callable[[], tuple[T, float] | None]) -> T:
        self._server.check()
        loop, rng = asyncio.get_running_loop(), self._faults.rng
        answer: asyncio.Future[T] = loop.create_future()
        back = rng.uniform(0.02, 0.6)

        def arrive() -> None:
            if (done := handle()) is not None:
                loop.call_later(back + done[1], reply, done[0])

        def reply(done: T) -> None:
            if not answer.done():
                answer.set_result(done)

        loop.call_later(rng.uniform(0.02, 0.6), arrive)
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def _looked(self, handle: Callable[[], T]) -> T:
        try:
            return await self.ask(handle)
        except TimeoutError:
            raise Unreachable(f"{self._server.name} does not answer") from None

    # ------------------------------------------------------------ reading

    async def follow(self, interest: Interest) -> None:
        fresh = set(interest.threads) - self._threads
        self._interest, self._threads = interest, set(interest.threads)
        for said in self._server.said.values():
            if said.deleted is None and not set(_above(post := self._server.post(said))).isdisjoint(fresh):
                self._extra.append(Written(post))
        self.news.set()

    async def acknowledge(self, cursor: Cursor) -> None:
        pass  # the server keeps its frames anyway

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        server, frames = self._server, self._server.frames
        at = len(frames) if after is None else server.since(after)
        if after is None:
            self._extra.extend(self._all())
        while True:
            self.news.clear()
            server.check()
            while self._extra:
                for what in self._wanted(self._extra.popleft()):
                    yield Inbound(server.name, what)
            while server.pressed:
                yield Inbound(server.name, server.pressed.pop(0))
            if at < len(frames):
                at += 1
                *before, last = self._wanted(frames[at - 1]) or [Beat()]
                for what in before:
                    yield Inbound(server.name, what)
                yield Inbound(server.name, last, str(at))
            else:
                await self.news.wait()
                await self._clock.sleep(self._faults.rng.uniform(0.01, 0.3))

    def _wanted(self, what: What) -> list[What]:
        """What the core should hear of a frame; before a stranger's first post their wishes."""
        told = self._told(what)
        for one in told:
            self._server.told(one)
            self._server.log(self._server.name, "tells", _brief(one))
        return told

    def _told(self, what: What) -> list[What]:
        match what:
            case Written(post) | Edited(post):
                if not self._interesting(post):
                    return []
                return [*self._introduced(post.author.account), what]
            case _:
                return [what]

    def _interesting(self, post: Post) -> bool:
        if self._server.account in post.mentions:
            return True
        if not self._threads.isdisjoint((post.ref, *_above(post))):
            return True
        return not set(post.tags).isdisjoint(self._interest.tags) and post.at >= self._interest.since

    def _introduced(self, account: str) -> Iterator[AuthorKnown]:
        if account in self._known or account == self._server.account:
            return
        self._known[account] = self._server.wishes(account)
        known = AuthorKnown(account, self._known[account])
        if self._clock.now() < STARTS + LAST and self._faults.hit("wishes_late"):
            self._server.slow_profile(account)
            asyncio.get_running_loop().call_later(15, self._late, account)
        else:
            yield known

    def _late(self, account: str) -> None:
        self._extra.append(AuthorKnown(account, self._server.wishes(account)))
        self.news.set()

    def _all(self) -> list[What]:
        """Everything of interest that can be read now, oldest first."""
        return [Written(p) for p in self._server.all() if self._interesting(p)]

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        found = await self._looked(lambda: [self._server.present(ref) for ref in refs] + self._all())
        for frame in found:
            self._server.check()
            for what in self._wanted(frame):
                yield Inbound(self._server.name, what)

    # ------------------------------------------------------------ writing

    async def send(self, order: Order) -> Outcome:
        self._server.trial(order)
        if self._server.is_down and self._faults.rng.random() < 0.5:
            return Unclear("the connection broke")

        def serve() -> tuple[Outcome, float] | None:
            later: Later = self._server.serve(order)
            return None if later.answer is None else (later.answer, later.after)

        try:
            outcome = await self._ask(serve)
        except TimeoutError:
            return Unclear("no answer came")
        if self._faults.hit("socket_dropped"):
            raise Unreachable("the socket broke")
        return outcome

    async def find(self, order: Order) -> Found | Absent | Unknown:
        return await self._looked(lambda: self._server.find(order))


class SimConsole(SimLink):
    """The network the hosts command from."""

    async def show(self, ref: Ref, board: Board) -> None:
        def edit() -> None:
            self._server.board = board

        await self._looked(edit)

    async def answer(self, answer: str, text: str) -> None:
        self._server.answers.setdefault(answer, text)

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        if self._faults.rng.random() < 0.8:  # it may never arrive
            for tell in self._server.on_whisper:
                tell(account, notice)


def _brief(what: What) -> str:
    match what:
        case Written(post) | Edited(post):
            return f"{type(what).__name__} {post.ref.id} {post.text.plain[:30]!r}"
        case Removed(ref):
            return f"Removed {ref.id}"
        case AuthorKnown(account, wishes):
            return f"AuthorKnown {account} {'#nobridge' if wishes.nobridge else ''}"
        case Echoed(ref=ref):
            return f"Echoed {ref.id}"
    return type(what).__name__


def _above(post: Post) -> tuple[Ref, ...]:
    return tuple(r for r in (post.reply_to, post.root, *post.quotes) if r is not None)
