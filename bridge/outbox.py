"""The workers that send, find and settle: one per lane of a network while its link is open.

A lane sends its orders in the order they were made, one in flight at a time. What became of each is decided in
`delivery`; every change of state is durable before the next step. In the merged timeline's lanes each order is
another message's: while it is unclear what became of one, the others go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice

import msgspec

from bridge import delivery
from bridge.chat.copies import STREAMS
from bridge.chat.state import Settled, Surplus
from bridge.delivery import Row, Trace
from bridge.engine import Engine, woken
from bridge.errors import NeedsLogin
from bridge.logs import about
from bridge.model import (
    SECOND,
    Absent,
    Cancelled,
    Final,
    Found,
    Held,
    Lane,
    Micros,
    Network,
    Order,
    OrderId,
    Outcome,
    Publish,
    Ref,
    Refused,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
)
from bridge.ports import Link

log = logging.getLogger(__name__)

LANES: tuple[Lane, ...] = ("sheet", "hosts", *STREAMS, "people")
UNCLEAR = 5  # messages of a stream that may be unclear before it waits for them
LATE = "it could not be posted in time"
OUTDATED = "its entries are different now"
ECHOES = 1000  # echoes remembered for answers still to come


class _Network:
    """What the outbox keeps of one network."""

    def __init__(self) -> None:
        self.lanes: dict[Lane, deque[Row]] = {lane: deque() for lane in LANES}
        self.wake: dict[Lane, asyncio.Event] = {lane: asyncio.Event() for lane in LANES}
        self.echoes: OrderedDict[int, Sent] = OrderedDict()
        self.free: dict[str, Micros] = {}  # place -> when the next message may be sent there

    def stir(self) -> None:
        for event in self.wake.values():
            event.set()


class Outbox:
    """All orders that are not final, and how the final ones ended."""

    def __init__(
        self, engine: Engine, rows: Iterable[Row] = (), ended: dict[OrderId, Ref | None] | None = None
    ) -> None:
        self._engine = engine
        self._clock = engine.clock
        self._networks: dict[Network, _Network] = {}
        self._ended = ended or {}
        self._expiry = asyncio.Event()
        rows = list(rows)
        for row in rows:
            if row.state == "unclear":
                delivery.doubt(
                    row, engine.session.state.opened[row.order.network].capabilities, self._clock.now()
                )
        self.accept(rows)

    unsettled: Callable[[Network, RetryLater | Unclear], None] = staticmethod(lambda network, outcome: None)

    # ------------------------------------------------------------ what comes in

    def _of(self, network: Network) -> _Network:
        return self._networks.setdefault(network, _Network())

    def accept(self, rows: list[Row]) -> None:
        """Durable orders to be sent."""
        for row in rows:
            of = self._of(row.order.network)
            of.lanes[row.order.lane].append(row)
            of.wake[row.order.lane].set()
        self._expiry.set()

    def echo(self, network: Network, stamp: int, sent: Sent) -> None:
        """A post of ours came by: its order was done, whatever we heard of it."""
        of = self._of(network)
        of.echoes[stamp] = sent
        while len(of.echoes) > ECHOES:
            of.echoes.popitem(last=False)
        of.stir()

    def forget(self, traces: Collection[Trace]) -> None:
        """Nothing may carry these words any more, not even when it is tried again."""
        for of in self._networks.values():
            for row in (row for lane in of.lanes.values() for row in lane):
                row.order = delivery.silenced(row.order, traces)

    def stir(self, network: Network | None = None) -> None:
        """Something changed that lanes may wait for."""
        for name, of in self._networks.items():
            if network in (None, name):
                of.stir()

    def waiting(self, network: Network | None = None) -> int:
        """Orders that are not final."""
        return sum(
            len(lane)
            for name, of in self._networks.items()
            if network in (None, name)
            for lane in of.lanes.values()
        )

    def depths(self) -> dict[tuple[Network, Lane], int]:
        """The same by network and lane."""
        return {
            (name, lane): len(rows) for name, of in self._networks.items() for lane, rows in of.lanes.items()
        }

    # ------------------------------------------------------------ too late

    async def expire(self) -> None:
        """Hold (or drop) what has become too late, whether or not its network can be reached. Runs for ever."""
        while True:
            self._expiry.clear()
            now = self._clock.now()
            queued = [
                row
                for of in self._networks.values()
                for row in of.lanes["sheet"]
                if row.state == "queued" and row.order.not_after is not None
            ]
            late = [row for row in queued if delivery.too_late(row.order, now)]
            for row in late:
                if row.state == "queued":
                    await self._too_late(row, LATE)
            if not late:
                times = [row.order.not_after + 1 for row in queued if row.order.not_after is not None]
                await woken(self._expiry, self._clock, min(times, default=None))

    async def _too_late(self, row: Row, why: str) -> None:
        if row.order.late == "drop":
            await self._cancel(row, why)
        else:
            row.step("hold")
            await self._settle(row, Held(why))

    async def _cancel(self, row: Row, why: str) -> None:
        row.step("cancel")
        await self._settle(row, Cancelled(why))

    # ------------------------------------------------------------ sending

    async def serve(self, network: Network, link: Link) -> None:
        """Work off a network's lanes through an open link, until cancelled or until the link raises. What is
        in flight then is unclear, as the journal has it."""
        of = self._of(network)
        try:
            async with asyncio.TaskGroup() as group:
                for lane in LANES:
                    group.create_task(self._lane(network, of, lane, link), name=f"{network} {lane}")
        finally:
            for queue in of.lanes.values():
                for row in queue:
                    if row.state == "in_flight":
                        delivery.lose(row, link.opened.capabilities, self._clock.now())

    async def _lane(self, network: Network, of: _Network, lane: Lane, link: Link) -> None:
        wake = of.wake[lane]
        while True:
            wake.clear()
            row = self._next(of, lane)
            if row is None:
                if lane not in STREAMS or not await self._gather(network, of, lane, link):
                    await woken(wake, self._clock, min((r.not_before for r in of.lanes[lane]), default=None))
            elif row.state not in ("queued", "unclear"):
                await wake.wait()  # final, and about to leave the lane
            elif row.order.stamp in of.echoes:
                row.step("sent")
                await self._settle(row, of.echoes[row.order.stamp])
            elif row.not_before > self._clock.now():
                await self._rest(row, wake)
            elif row.state == "unclear":
                await self._clarify(row, of, link)
            else:
                await self._dispatch(row, of, link)

    def _next(self, of: _Network, lane: Lane) -> Row | None:
        """The order whose turn it is; None if the lane is free for another."""
        queue = of.lanes[lane]
        for row in islice(queue, UNCLEAR):  # no more are unclear at a time
            if row.state == "unclear" and self._engine.session.outdated(row.order.id):
                delivery.hurry(row, self._clock.now())
        if lane in STREAMS:
            now = self._clock.now()
            for row in queue:
                if row.state != "unclear" or row.not_before <= now or row.order.stamp in of.echoes:
                    return row
            if len(queue) < UNCLEAR:
                return None
        return queue[0] if queue else None

    async def _rest(self, row: Row, wake: asyncio.Event) -> None:
        """Wait for the order's next turn, unless that would be too late anyway, or nobody wants it any more."""
        if row.state == "queued" and delivery.too_late(row.order, row.not_before):
            await self._too_late(row, "the network asked us to wait longer than it may be late")
        elif row.state == "queued" and self._engine.session.outdated(row.order.id):
            await self._cancel(row, OUTDATED)
        else:
            await woken(wake, self._clock, row.not_before)

    async def _gather(self, network: Network, of: _Network, lane: Lane, link: Link) -> bool:
        """Order the next step of a stream of the merged timeline, at the moment it can be sent; False if all is
        as it should be."""
        if self._engine.session.following(network, self._clock.now(), lane) is None:
            return False
        await self._pace(of, "chat", lane)
        step = self._engine.session.following(network, self._clock.now(), lane)
        if step is not None:
            await self._engine.submit(step)
        return True

    async def _dispatch(self, row: Row, of: _Network, link: Link) -> None:
        if self._resolved(row.order) is None:  # it hangs on an order that is not final yet
            await of.wake[row.order.lane].wait()
            return
        await self._pace(of, row.order.place, row.order.lane)
        order = self._resolved(row.order)
        if row.state != "queued" or order is None:
            return  # held meanwhile
        if why := self._pointless(order):
            await self._cancel(row, why)
            return
        if delivery.too_late(order, self._clock.now()):
            await self._too_late(row, LATE)
            return
        await self._send(row, order, of, link)

    def _resolved(self, order: Order) -> Order | None:
        """The order with posts of ours named by ref; None while one of them is not final. A reply to what was
        never posted stands alone, if it may; any other order id stays."""
        op = order.op
        wanted = op.reply_to if isinstance(op, Publish) else op.target
        if wanted is None or isinstance(wanted, Ref):
            return order
        if wanted not in self._ended:
            return None
        ref = self._ended[wanted]
        if isinstance(op, Publish):
            if ref is None and op.orphan == "cancel":
                return order
            return msgspec.structs.replace(order, op=msgspec.structs.replace(op, reply_to=ref))
        return (
            order
            if ref is None
            else msgspec.structs.replace(order, op=msgspec.structs.replace(op, target=ref))
        )

    def _pointless(self, order: Order) -> str | None:
        """Why a resolved order need not be sent, if so: what it hangs on was never posted, or it says what
        nobody may read any more."""
        if self._engine.session.outdated(order.id) or delivery.is_empty(order):
            return OUTDATED
        if isinstance(order.op, Publish):
            return "what it continues was not posted" if isinstance(order.op.reply_to, tuple) else None
        return "there is nothing there to change" if isinstance(order.op.target, tuple) else None

    async def _pace(self, of: _Network, place: str, lane: Lane) -> None:
        """Leave the network its time between two messages, or two edits, in one place. The sheet goes before the
        mirror; a removal never waits."""
        while lane != "removals":
            of.wake[lane].clear()
            now, free = self._clock.now(), of.free.get("edits" if lane == "edits" else place, 0)
            if lane == "mirror" and self._sheet_ready(of, now):
                await of.wake[lane].wait()
            elif now < free:
                await self._clock.sleep((free - now) / SECOND)
            else:
                return

    def _occupy(self, of: _Network, order: Order, link: Link) -> None:
        """A message goes to its place now, or is edited there: when the next one may."""
        able = link.opened.capabilities
        if order.lane == "edits":
            of.free["edits"] = self._clock.now() + int(able.edit_spacing * SECOND)
        elif isinstance(order.op, Publish):
            of.free[order.place] = self._clock.now() + int(able.spacing * SECOND)

    def _sheet_ready(self, of: _Network, now: Micros) -> bool:
        head = of.lanes["sheet"][0] if of.lanes["sheet"] else None
        return head is not None and head.state in ("queued", "in_flight") and head.not_before <= now

    async def _send(self, row: Row, order: Order, of: _Network, link: Link) -> Outcome:
        """One try, once it is durable that it is made. Where an earlier one may have succeeded, only a success
        says what became of it."""
        self._occupy(of, order, link)
        row.step("dispatch")
        row.tried = row.tried or self._clock.now()
        meant = row.order
        await self._engine.submit(None, row)
        self._occupy(of, order, link)  # again: the commit took its time
        outcome: Outcome = RetryLater(0, "somebody whose words it shows was forgotten")
        try:
            if row.order is meant:
                outcome = await link.send(order)
        except NeedsLogin:
            delivery.retry(row, 0, self._clock.now())
            await self._engine.submit(None, row)
            raise
        now = self._clock.now()
        if not isinstance(outcome, Sent) and order.stamp in of.echoes:
            outcome = of.echoes[order.stamp]
        match outcome:
            case Sent():
                row.step("sent")
                await self._settle(row, outcome)
            case Refused() if not row.again:
                row.step("refuse")
                await self._settle(row, outcome)
            case RetryLater(after, why):
                log.info("%s: order %s later: %s", order.network, order.id, why, extra=about(order))
                self.unsettled(order.network, outcome)
                delivery.retry(row, after, now)
                await self._engine.submit(None, row)
            case Unclear(why) | Refused(why):
                log.info("%s: order %s unclear: %s", order.network, order.id, why, extra=about(order))
                self.unsettled(order.network, Unclear(why))
                delivery.lose(row, link.opened.capabilities, now)
                await self._engine.submit(None, row)
        return outcome

    # ------------------------------------------------------------ unclear orders

    async def _clarify(self, row: Row, of: _Network, link: Link) -> None:
        """Find out what became of an order, by sending the identical one again or by looking."""
        order = self._resolved(row.order)
        if order is None:
            await of.wake[row.order.lane].wait()
            return
        safe = delivery.may_resend(row, link.opened.capabilities, self._clock.now())
        resend = safe and not self._engine.session.outdated(order.id)
        if resend and not isinstance(await self._send(row, order, of, link), Refused):
            return
        found, row.looked = await link.find(order), self._clock.now()
        match found:
            case Found(posts):
                row.step("sent")
                await self._settle(row, posts[0])
                if len(posts) > 1:
                    await self._engine.submit(Surplus(order.network, tuple(p.ref for p in posts[1:])))
            case Absent() | Unknown() if row.looked < row.settles:
                row.not_before = row.settles
            case Absent() if not delivery.exhausted(row):
                delivery.absent(row, self._clock.now())
                await self._engine.submit(None, row)
                self._expiry.set()
            case Unknown() if delivery.look_again(row, self._clock.now()):
                await self._engine.submit(None, row)
            case _:
                row.step("hold")
                await self._settle(row, Held(_given_up(found)))

    async def _settle(self, row: Row, outcome: Final) -> None:
        """An order is final: the journal and the session know, and then `settled` is called. A post whose
        network does not say when it was made was made when it was first tried."""
        if isinstance(outcome, Sent) and not outcome.at:
            outcome = msgspec.structs.replace(outcome, at=row.tried)
        _log(row.order, outcome)
        await self._engine.submit(Settled(row.order.id, outcome), row, outcome=(row.order.id, outcome))

    def settled(self, row: Row, outcome: Final) -> None:
        """It is durable that an order is final: it leaves its lane."""
        self._ended[row.order.id] = outcome.ref if isinstance(outcome, Sent) else None
        of = self._of(row.order.network)
        if row in of.lanes[row.order.lane]:
            of.lanes[row.order.lane].remove(row)
        of.stir()


def _log(order: Order, outcome: Final) -> None:
    match outcome:
        case Sent() | Cancelled():  # as it should be
            log.debug(
                "%s: order %s %s", order.network, order.id, type(outcome).__name__.lower(), extra=about(order)
            )
        case Refused(why=why) | Held(why=why):
            what = type(outcome).__name__.lower()
            log.info("%s: order %s %s: %s", order.network, order.id, what, why, extra=about(order))


def _given_up(found: Absent | Unknown) -> str:
    """Why an order that is unclear is not tried or looked for any more."""
    if isinstance(found, Unknown):
        return f"nobody can tell whether it was posted: {found.why}"
    return "the network gave no answer, however often it was asked"
