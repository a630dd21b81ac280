"""What a link reported, and waiting for it: on one open link (`Session`) or over many (`Core`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.errors import CursorLost, LinkError, Unreachable
from bridge.model import (
    Absent,
    Cursor,
    Edited,
    Found,
    Inbound,
    Order,
    Outcome,
    Ref,
    Refused,
    Removed,
    RetryLater,
    Sent,
    Tagged,
    Unclear,
    Unknown,
    Written,
)
from bridge.ports import Adapter, Link
from simulator.stage import Said

if TYPE_CHECKING:
    from tests.conformance.rig import Rig

W = TypeVar("W", Written, Edited, Removed)


def same(ref: Ref, said: Said) -> bool:
    """Whether a Ref means a post of the stage. Both ids are opaque here; a stage may name a post by the last
    part of what the adapter names it by (a record's key of its address), or the other way round."""
    return ref.id == said.id or ref.id.endswith(f"/{said.id}") or said.id.endswith(f"/{ref.id}")


def named(thing: Any) -> str:
    """Short words for an item, an order or a call."""
    match thing:
        case Written(post) | Edited(post):
            return f"{type(thing).__name__} {post.ref.id} by {post.author.handle}: {post.text.plain[:60]!r}"
        case Order(stamp=stamp, op=op):
            return f"the order {type(op).__name__} {stamp}"
        case Tagged():
            return repr(thing)[:200]
    return getattr(thing, "__qualname__", type(thing).__name__)


class Came:
    """Everything that came, in order."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.items: list[Inbound] = []
        self.errors: list[Exception] = []
        self.cursor: Cursor | None = None
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    def take(self, item: Inbound) -> None:
        self.items.append(item)
        self.cursor = item.cursor or self.cursor
        self._news.set()

    def fail(self, error: Exception) -> None:
        self.rig.ears.hear_error(error)
        self.errors.append(error)
        self._news.set()

    # ------------------------------------------------------------ asking

    def whats(self, kind: type[W], said: Said) -> list[W]:
        """The items of one kind about one post."""
        return [w for item in self.items if isinstance(w := item.what, kind) and same(_ref(w), said)]

    def others(self, kind: type[Any]) -> list[Any]:
        return [item.what for item in self.items if isinstance(item.what, kind)]

    def order_of(self, saids: Iterable[Said]) -> list[str]:
        """The ids of these posts in the order in which each was first delivered."""
        seen = [w.post.ref for item in self.items if isinstance(w := item.what, Written)]
        pairs = [(next((n for n, ref in enumerate(seen) if same(ref, s)), -1), s.id) for s in saids]
        return [said_id for _, said_id in sorted(pairs)]

    def cursor_at(self, said: Said) -> Cursor | None:
        """The newest cursor given up to the first delivery of a post."""
        cursor = None
        for item in self.items:
            cursor = item.cursor or cursor
            if isinstance(item.what, Written) and same(item.what.post.ref, said):
                break
        return cursor

    # ------------------------------------------------------------ waiting

    async def until(self, met: Callable[[], object], expected: str) -> None:
        """Waits until `met`; says what was expected and what came instead if it is not in time, or never can
        be because reading has ended."""
        try:
            async with asyncio.timeout(self.rig.limit):
                while not met():
                    if self.ended:
                        raise AssertionError(self.rig.story(f"{expected}, but reading has ended", self))
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(self.rig.story(expected, self)) from None

    async def expect(self, kind: type[W], said: Said, why: str = "") -> W:
        """The first item of this kind about this post."""
        expected = f"{kind.__name__} of {said.id} ({said.text[:40]!r}){why and ': '}{why}"
        await self.until(lambda: self.whats(kind, said), expected)
        return self.whats(kind, said)[0]

    # ------------------------------------------------------------ sending

    async def live(self) -> Session:
        """The link to use now."""
        raise NotImplementedError

    def lost(self, error: LinkError) -> None:
        """A call raised this."""
        raise error

    async def deliver(self, order: Order) -> Sent | Refused:
        """Sends as the outbox does: waits as told, and after an unclear answer (or a link that failed) does
        what `resend` prescribes, until the order is settled."""
        unclear = False
        trace: list[str] = []
        for _ in range(20):
            session = await self.live()
            able = session.opened.capabilities
            answer: Outcome | Found | Absent | Unknown
            try:
                if unclear and able.resend == "look_first":
                    await self.rig.clock.sleep(able.settle)
                    answer = await session.find(order)
                else:
                    answer = await session.send(order)
            except LinkError as error:
                trace.append(repr(error)[:200])
                unclear = True
                self.lost(error)
                continue
            trace.append(repr(answer)[:200])
            match answer:
                case Sent() | Refused():
                    return answer
                case Found(posts):
                    return posts[0]
                case RetryLater(after):
                    await self.rig.clock.sleep(after)
                case Unclear() if able.resend == "same_key":
                    await self.rig.clock.sleep(5)
            unclear = isinstance(answer, Unclear | Unknown)
        raise AssertionError(self.rig.story(f"{named(order)} to be settled; the answers were {trace}", self))

    async def sent(self, order: Order) -> Sent:
        """Delivers; fails if it is refused."""
        outcome = await self.deliver(order)
        assert isinstance(outcome, Sent), self.rig.story(f"{named(order)} to be sent, not {outcome!r}", self)
        return outcome

    @property
    def ended(self) -> bool:
        return self._reading is not None and self._reading.done()

    async def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def ended_well(self) -> None:
        """Only the errors a link may raise were raised."""
        for error in self.errors:
            story = self.rig.story(f"nothing but a LinkError out of a link, not {error!r}", self)
            assert isinstance(error, LinkError), story
        if self._reading is not None and not self._reading.cancelled() and self._reading.exception():
            raise AssertionError(
                self.rig.story("reading to end quietly", self)
            ) from self._reading.exception()


class Session(Came):
    """One open link, read until it raises."""

    def __init__(self, rig: Rig, link: Link) -> None:
        super().__init__(rig)
        self.link = link
        self.opened = link.opened

    def start(self, after: Cursor | None) -> None:
        self._reading = asyncio.create_task(self._read(after))

    async def live(self) -> Session:
        return self

    async def _read(self, after: Cursor | None) -> None:
        try:
            async with aclosing(self.link.inbound(after)) as inbound:  # type: ignore[type-var]
                async for item in inbound:
                    self.take(item)
                    if item.cursor is not None:
                        await self.link.acknowledge(item.cursor)
            raise RuntimeError("inbound ended by itself")  # noqa: TRY301 - told like any other error
        except Exception as error:
            self.fail(error)

    async def reread(self, refs: Iterable[Ref]) -> None:
        """Reads posts again; what comes is kept like anything else."""
        try:
            async with asyncio.timeout(self.rig.limit):
                async for item in self.link.reread(list(refs)):
                    self.take(item)
        except TimeoutError:
            raise AssertionError(self.rig.story("an end of reread", self)) from None

    async def failed(self) -> Exception:
        """What reading ended with."""
        try:
            async with asyncio.timeout(self.rig.limit):
                while not self.errors:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(self.rig.story("inbound to raise", self)) from None
        return self.errors[0]

    async def send(self, order: Order) -> Outcome:
        """One call of `send`; its words are listened to for secrets."""
        outcome: Outcome = await self.rig.heard(self.link.send(order))
        self.rig.ears.hear(repr(outcome), "an outcome")
        return outcome

    async def find(self, order: Order) -> Found | Absent | Unknown:
        found: Found | Absent | Unknown = await self.rig.heard(self.link.find(order))
        self.rig.ears.hear(repr(found), "what find says")
        return found


class Core(Came):
    """Keeps a link open as the core does: after a LinkError it is closed and opened again with the last
    cursor, what is known is read again, and every entry's thread is followed."""

    def __init__(self, rig: Rig, adapter: Adapter) -> None:
        super().__init__(rig)
        self._adapter = adapter
        self._threads: dict[Ref, None] = {}
        self._session: Session | None = None
        self._ready = asyncio.Event()
        self._broken = asyncio.Event()

    def start(self) -> None:
        self._reading = asyncio.create_task(self._keep_open())

    async def _keep(self, item: Inbound) -> None:
        self.take(item)
        if isinstance(item.what, Written):
            await self._follow(item.what.post.ref)

    async def _follow(self, ref: Ref) -> None:
        """Copies and entries are threads of the chat."""
        if ref not in self._threads:
            self._threads[ref] = None
            if self._session is not None:
                await self._session.link.follow(self.rig.interest(self._threads))

    async def _keep_open(self) -> None:
        while True:
            try:
                async with self._adapter.open(self.rig.sessions) as link:
                    await self._serve(link)
            except* LinkError as group:
                for error in _leaves(group):
                    self.fail(error)
                    if isinstance(error, CursorLost):
                        self.cursor = None
            except* Exception as group:
                self.errors += _leaves(group)
                raise
            finally:
                self._session = None
                self._ready.clear()
            await self.rig.clock.sleep(5)

    async def _serve(self, link: Link) -> None:
        known = tuple(self._threads)
        await link.follow(self.rig.interest(known))
        self._broken.clear()
        self._session = Session(self.rig, link)
        self._ready.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(link))
            tasks.create_task(self._give_up())
            if known:
                tasks.create_task(self._reread(link, known))

    async def _read(self, link: Link) -> None:
        async with aclosing(link.inbound(self.cursor)) as inbound:  # type: ignore[type-var]
            async for item in inbound:
                await self._keep(item)
                if item.cursor is not None:
                    await link.acknowledge(item.cursor)
        raise RuntimeError("inbound ended by itself")

    async def _reread(self, link: Link, refs: Iterable[Ref]) -> None:
        async for item in link.reread(refs):
            await self._keep(item)

    async def _give_up(self) -> None:
        await self._broken.wait()
        raise Unreachable("sending failed, so the link is opened again")

    async def live(self) -> Session:
        try:
            async with asyncio.timeout(self.rig.limit):
                await self._ready.wait()
        except TimeoutError:
            raise AssertionError(self.rig.story("an open link", self)) from None
        assert self._session is not None
        return self._session

    async def sent(self, order: Order) -> Sent:
        sent = await super().sent(order)
        await self._follow(sent.ref)
        return sent

    def lost(self, error: LinkError) -> None:
        self._ready.clear()
        self._broken.set()

    async def reread_all(self) -> None:
        """What the core does before the transcript."""
        for _ in range(20):
            session = await self.live()
            try:
                await self._reread(session.link, tuple(self._threads))
            except LinkError as error:
                self.lost(error)
            else:
                return
        raise AssertionError(self.rig.story("rereading to succeed once", self))


def _ref(what: Written | Edited | Removed) -> Ref:
    return what.ref if isinstance(what, Removed) else what.post.ref


def _leaves(group: BaseExceptionGroup[Any]) -> list[Any]:
    return [
        leaf for e in group.exceptions for leaf in (_leaves(e) if isinstance(e, BaseExceptionGroup) else [e])
    ]
