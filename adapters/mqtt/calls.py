"""What a core asks of an open link: each request carried out once, however often it is made."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from adapters.mqtt.wire import (
    Call,
    Done,
    Follow,
    Inspect,
    Made,
    More,
    Name,
    Offer,
    Page,
    Read,
    Remarks,
    Request,
    Reread,
    Result,
    Return,
    Seek,
    Show,
    Tell,
    Trouble,
    Whisper,
    trouble,
)
from bridge.errors import LinkError
from bridge.model import Inbound, Interest, Order, Outcome, Ref, Refused, Sent, Unclear, Unknown
from bridge.ports import Console, Inspected, Link

if TYPE_CHECKING:
    from adapters.mqtt.session import Session

log = logging.getLogger(__name__)

TOO_MUCH = Trouble("unreachable", "Too much was read again at once.")

CALLS = 256  # requests carried out at once; beyond that the core asks again
REREADS = 8  # rereadings that can be fetched from; of more, the oldest is given up
NAMES = 512  # times that posts were named and not spoken of yet; of more, the oldest are given up
PAGE = 64  # items in one page of a rereading at most


class Calls:
    """The requests of one session. Its tasks live in `group`."""

    def __init__(self, session: Session, link: Link, group: asyncio.TaskGroup) -> None:
        self._session, self._link, self._group = session, link, group
        self._below = 0  # every earlier one is settled for the core
        self._running: dict[int, asyncio.Task[None]] = {}
        self._results: dict[int, Result] = {}
        self._offers: set[asyncio.Task[None]] = set()
        self._sending: dict[Made, asyncio.Task[Outcome | Trouble]] = {}
        self._rereads: OrderedDict[int, Rereading] = OrderedDict()
        self._named: OrderedDict[int, tuple[Ref, ...]] = OrderedDict()
        self._reading = False
        self._following = asyncio.Lock()
        self._followed = 0

    def take(self, call: Call) -> None:
        """A request, perhaps made before: what is answered is answered again, what is running goes on."""
        if call.below > self._below:
            self._below = call.below
            self._results = {no: result for no, result in self._results.items() if no >= call.below}
        if call.no in self._results:
            self._session.say(Return(call.no, self._results[call.no]))
        elif call.no >= self._below and call.no not in self._running and len(self._running) < CALLS:
            self._running[call.no] = self._group.create_task(self._answer(call))
            if isinstance(call.what, Offer):
                self._offers.add(self._running[call.no])

    @property
    def idle(self) -> bool:
        """Whether nothing is being done."""
        return not self._running

    async def finish(self, seconds: float) -> None:
        """Wait until nothing is being sent, so many real seconds at most."""
        if offers := {task for task in self._offers if not task.done()}:
            await asyncio.wait(offers, timeout=seconds)

    async def _answer(self, call: Call) -> None:
        try:
            result = await self._do(call.no, call.what)
        except LinkError as error:
            result = trouble(error)
        except Exception as error:  # a bug in an adapter must not end the process
            log.exception("%s: the adapter failed", self._link.opened.network)
            result = Trouble("unreachable", f"the adapter failed: {error}")
        finally:
            if (task := self._running.pop(call.no, None)) is not None:
                self._offers.discard(task)
        if call.no >= self._below:
            self._results[call.no] = result
        self._session.say(Return(call.no, result))

    async def _do(self, no: int, what: Request) -> Result:
        link = self._link
        match what:
            case Follow(interest, named):
                threads = self._all(named, interest.threads)
                await self._follow(no, msgspec.structs.replace(interest, threads=threads))
            case Read(after):
                if not self._reading:
                    self._reading = True
                    self._group.create_task(self._session.read(link, after))
            case Offer(order):
                return await self._send(order)
            case Seek(order):
                if made(order) in self._sending:
                    return Unknown("it is being sent at this moment")
                return await link.find(order)
            case Name(refs):
                self._named[no] = refs
                while len(self._named) > NAMES:
                    self._named.popitem(last=False)
            case Reread(refs, named):
                return await self._reread(no, Rereading(link.reread(self._all(named, refs))))
            case More(of):
                return await self._more(of)
            case Inspect():
                return Remarks(await link.inspect() if isinstance(link, Inspected) else ())
            case Show() | Tell() | Whisper():
                if isinstance(link, Console):
                    await _console(link, what)
        return Done()

    def _all(self, named: tuple[int, ...], refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        """What was named, and the rest. Raises Unreachable if some of it has been given up."""
        parts = [self._named.pop(no, None) for no in named]
        if None in parts:
            raise TOO_MUCH.error()
        return (*itertools.chain(*(part or () for part in parts)), *refs)

    async def _follow(self, no: int, interest: Interest) -> None:
        """One after the other, and never an older one after a newer."""
        async with self._following:
            if no > self._followed:
                await self._link.follow(interest)
                self._followed = no

    # ------------------------------------------------------------ sending

    async def _send(self, order: Order) -> Outcome | Trouble:
        """An order that is being sent is joined; one that is final stays so. After any other outcome the core
        has decided to try again."""
        if (known := self._session.outcomes.get(made(order))) is not None:
            return known
        if (task := self._sending.get(made(order))) is None:
            task = self._sending[made(order)] = self._group.create_task(self._once(order))
        return await asyncio.shield(task)

    async def _once(self, order: Order) -> Outcome | Trouble:
        try:
            outcome = await self._link.send(order)
        except LinkError as error:
            return trouble(error)
        except Exception as error:  # a bug in an adapter must not end the process
            log.exception("%s: the adapter failed", self._link.opened.network)
            return Unclear(f"the adapter failed: {error}")
        finally:
            del self._sending[made(order)]
        if isinstance(outcome, Sent | Refused):
            self._session.remember(made(order), outcome)
        return outcome

    # ------------------------------------------------------------ reading again

    async def _reread(self, no: int, reading: Rereading) -> Result:
        self._rereads[no] = reading
        reading.task = self._group.create_task(reading.run())
        while len(self._rereads) > REREADS:
            _, oldest = self._rereads.popitem(last=False)
            oldest.stop()
        return await self._more(no)

    async def _more(self, of: int) -> Result:
        reading = self._rereads.get(of)
        if reading is None:
            return TOO_MUCH
        page = await reading.page()
        if not isinstance(page, Page) or page.last:
            self._rereads.pop(of, None)
        return page


def made(order: Order) -> Made:
    return order.id, order.stamp


class Rereading:
    """What `Link.reread` yields, a page ahead of who fetches it."""

    def __init__(self, items: AsyncIterator[Inbound]) -> None:
        self._items = items
        self._ready: asyncio.Queue[Inbound | Trouble | None] = asyncio.Queue(PAGE)
        self._end: Trouble | None = None
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Whoever waits for a page, or comes for one, is told."""
        if self.task is not None:
            self.task.cancel()
        self._end = TOO_MUCH
        if self._ready.empty():
            self._ready.put_nowait(self._end)

    async def run(self) -> None:
        end: Trouble | None = None
        try:
            async for item in self._items:
                await self._ready.put(item)
        except LinkError as error:
            end = trouble(error)
        await self._ready.put(end)

    async def page(self) -> Page | Trouble:
        """What there is, at least one item or the end."""
        if self._end is not None:
            return self._end
        items: list[Inbound] = []
        entry = await self._ready.get()
        while isinstance(entry, Inbound):
            items.append(entry)
            if len(items) == PAGE or self._ready.empty():
                return Page(tuple(items))
            entry = self._ready.get_nowait()
        if entry is None:
            return Page(tuple(items), last=True)
        self._end = entry
        return Page(tuple(items)) if items else entry


async def _console(link: Console, what: Show | Tell | Whisper) -> None:
    match what:
        case Show(ref, board):
            await link.show(ref, board)
        case Tell(answer, reply):
            await link.answer(answer, reply)
        case Whisper(account, place, notice):
            await link.whisper(account, place, notice)
