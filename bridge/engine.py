"""The asyncio shell around `decide`: events queue up, a batch is decided, committed, and only then released.

One task runs the loop; everything else hands it events. A failed commit ends it, since nobody then knows what
is on disk. An event that makes `decide` raise is quarantined, and the state is rebuilt without it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from bridge.chat.erasing import redact, written
from bridge.chat.expiry import Clearing
from bridge.chat.session import Session
from bridge.chat.state import Effects, Erased, Event, Leaving, Recorded, Tick
from bridge.delivery import Row, Trace, silenced
from bridge.journal import Batch, Journal
from bridge.model import (
    SECOND,
    Account,
    Beat,
    Command,
    Cursor,
    Echoed,
    Final,
    Inbound,
    Malformed,
    Micros,
    Network,
    Notice,
    OrderId,
    Place,
    Reply,
    Sent,
)
from bridge.ports import Clock, Feed

log = logging.getLogger(__name__)

BATCH = 512  # events decided before a commit
BACKLOG = 2048  # arrivals that may wait; links wait beyond that


@dataclass
class Submission:
    """An event, or only order rows, on the way to the journal. `rows` change in the same transaction."""

    event: Event | None
    rows: tuple[Row, ...] = ()
    outcome: tuple[OrderId, Final] | None = None
    done: asyncio.Future[None] | None = None


@dataclass
class Released:
    """Who is told what is durable. Each is called on the loop and must neither block nor raise."""

    orders: Callable[[list[Row]], None] = lambda rows: None
    settled: Callable[[Row, Final], None] = lambda row, outcome: None
    echo: Callable[[Network, int, Sent], None] = lambda network, stamp, sent: None
    follow: Callable[[Iterable[Network]], None] = lambda networks: None
    cursor: Callable[[Network, Cursor], None] = lambda network, cursor: None
    seen: Callable[[Network, Micros], None] = lambda network, at: None
    answer: Callable[[Network, str, Reply], None] = lambda network, where, reply: None
    forgotten: Callable[[Collection[Trace]], None] = lambda traces: None
    whisper: Callable[[Network, Account, Place, Notice], None] = lambda network, account, place, notice: None
    anew: Callable[[], None] = lambda: None  # what links remember of people is to be forgotten
    feeds: list[Feed] = field(default_factory=list)


class Engine:
    """Owns the session and is the only one to change it."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal = journal
        self.clock = clock
        self.session = Session()
        self.released = Released()
        self._seq = 0
        self._urgent: deque[Submission] = deque()
        self._arrivals: deque[Inbound] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._deadline = asyncio.Event()
        self._quiet = asyncio.Event()
        self._marks: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._arrived = 0
        self._released = 0

    # ------------------------------------------------------------ at start

    def replay(self) -> int:
        """Rebuild the session from the journal; how many events there were."""
        self.session, count = Session(), 0
        gc.disable()  # everything that is made here stays: looking through it again and again takes half the time
        try:
            for recorded in self.journal.events():
                self.session.decide(recorded)
                self._seq = recorded.seq
                count += 1
        finally:
            gc.enable()
            gc.freeze()
        return count

    # ------------------------------------------------------------ handing events in

    async def submit(
        self, event: Event | None, *rows: Row, outcome: tuple[OrderId, Final] | None = None
    ) -> None:
        """Have an event decided before waiting arrivals, together with changed order rows; returns when it is
        durable and released. Once called it takes place, even if the caller is cancelled meanwhile. Raises
        CancelledError if the engine ends."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._urgent.append(Submission(event, rows, outcome, done))
        self._stir()
        await done

    async def arrive(self, item: Inbound) -> None:
        """Queue what a link reported; waits while too much is queued already. A command overtakes the rest, save
        what it is about: after a gap a link tells a message and the reactions to it in one breath."""
        if isinstance(item.what, Command):
            if item.what.at is not None and not self.session.stands(item.what.at):
                await self.caught_up()
            if (admitted := self.session.admit(item.network, item.what)) is not None:
                await self.submit(admitted)
            if item.cursor is None:
                return
            item = Inbound(item.network, Beat(), item.cursor)
        while len(self._arrivals) >= BACKLOG:
            self._room.clear()
            await self._room.wait()
        self._arrivals.append(item)
        self._arrived += 1
        self._stir()

    def _stir(self) -> None:
        self._quiet.clear()
        self._wake.set()

    async def caught_up(self) -> None:
        """Wait until everything that has arrived by now is durable."""
        if self._released < self._arrived:
            mark: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._marks.append((self._arrived, mark))
            await mark

    @property
    def busy(self) -> bool:
        """Whether anything is queued or being committed."""
        return not self._quiet.is_set()

    @property
    def depth(self) -> int:
        """How many events and arrivals wait to be decided."""
        return len(self._urgent) + len(self._arrivals)

    async def quiet(self) -> None:
        """Wait until nothing is queued or being committed: only then the session is as the journal has it."""
        await self._quiet.wait()

    async def alone(self, event: Event) -> None:
        """Have an event decided where nothing else runs: the clock's deadlines are left to the next `run`."""
        self._urgent.append(Submission(event))
        await self._round()

    # ------------------------------------------------------------ the loop

    async def run(self, *, ticks: bool = True) -> None:
        """Decide, commit, release, for ever. Without `ticks` the clock's deadlines are left to the next run."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop(), name="engine")
            if ticks:
                group.create_task(self._ticks(), name="ticks")

    async def _loop(self) -> None:
        while True:
            if not self._urgent and not self._arrivals:
                self._quiet.set()
                await self._wake.wait()
            self._wake.clear()
            await self._round()

    async def _round(self) -> None:
        """One batch."""
        batch = Batch()
        effects: list[Effects] = []
        waiting: list[Submission] = []
        while self._urgent and len(batch.events) < BATCH:
            submission = self._urgent.popleft()
            waiting.append(submission)
            batch.rows += submission.rows
            if submission.outcome is not None:
                batch.outcomes[submission.outcome[0]] = submission.outcome[1]
            if submission.event is not None:
                effects.append(self._decide(batch, submission.event))
        taken = 0
        while self._arrivals and len(batch.events) < BATCH:
            effects.append(self._take_in(batch, self._arrivals.popleft()))
            taken += 1
        self._room.set()
        fresh = [Row(order) for caused in effects for order in caused.orders]
        batch.rows += fresh
        try:
            await self.journal.commit(batch)
            gone = await self.forget(*(what for caused in effects for what in caused.forget))
        except BaseException:
            for submission in waiting:
                if submission.done is not None:
                    submission.done.cancel()
            raise
        for row in fresh:
            row.order = silenced(row.order, gone)
        self._released += taken
        while self._marks and self._marks[0][0] <= self._released:
            _, mark = self._marks.popleft()
            if not mark.done():
                mark.set_result(None)
        self._release(batch, effects, fresh, waiting)

    async def forget(self, *leaving: Account | Erased | Leaving) -> frozenset[Trace]:
        """Take words out of the journal, a person's, an entry's or a whole chat's, and go on from what is left of it,
        so that a later replay comes to the same. Gives what their orders are known by."""
        state, changed = self.session.state, 0
        gone: frozenset[Trace] = frozenset()
        for what in leaving:
            if isinstance(what, Leaving):
                done = await self.journal.expire(Clearing(state, what))
                self.released.anew()
            else:
                done = await self.journal.redact(
                    what, partial(redact, state, what), partial(written, state, what)
                )
            changed += done.events
            gone |= done.traces
            self.released.forgotten(done.traces)
        if changed:
            self.replay()
        return gone

    def _take_in(self, batch: Batch, item: Inbound) -> Effects:
        """One arrival: journalled if a chat wants it, else only its cursor moves on."""
        if item.cursor is not None:
            batch.cursors[item.network] = item.cursor
        what = item.what
        self.released.seen(item.network, self.clock.now())
        if isinstance(what, Echoed):
            self.released.echo(item.network, what.stamp, Sent(what.ref, what.uri, what.version))
        elif isinstance(what, Malformed):
            batch.quarantine.append((self.clock.now(), item.network, what.payload, what.why))
        elif (event := self._admit(batch, item)) is not None:
            return self._decide(batch, event)
        return Effects()

    def _admit(self, batch: Batch, item: Inbound) -> Event | None:
        """What of an arrival is worth an event; one the core stumbles over is set aside with its bytes."""
        try:
            return self.session.admit(item.network, item.what)
        except Exception as error:  # as in `_decide`
            log.exception("an arrival was set aside: the core failed on it")
            body, why = repr(item.what).encode(errors="backslashreplace"), f"{type(error).__name__}: {error}"
            batch.quarantine.append((self.clock.now(), item.network, body, why))
            return None

    def _decide(self, batch: Batch, event: Event) -> Effects:
        recorded = Recorded(self._seq + 1, max(self.session.state.at, self.clock.now()), event)
        try:
            msgspec.json.encode(event)  # what cannot be written down must not be decided
            effects = self.session.decide(recorded)
        except Exception as error:  # a bug in the core must not stop the hour: set the event aside
            log.exception("an event was set aside: deciding it failed")
            body = repr(event).encode(errors="backslashreplace")
            batch.quarantine.append((recorded.at, "", body, f"{type(error).__name__}: {error}"))
            self.session = Session()
            for earlier in (*self.journal.events(), *batch.events):
                self.session.decide(earlier)
            return Effects()
        self._seq = recorded.seq
        batch.events.append(recorded)
        return effects

    def _release(
        self, batch: Batch, effects: list[Effects], fresh: list[Row], waiting: list[Submission]
    ) -> None:
        """Everything is durable: send it, show it, acknowledge it."""
        released = self.released
        changed: dict[str, set[int]] = {}
        follow: set[Network] = set()
        if fresh:
            released.orders(fresh)
        for submission in waiting:
            if submission.outcome is not None:
                released.settled(submission.rows[0], submission.outcome[1])
            if submission.done is not None and not submission.done.done():
                submission.done.set_result(None)
        for caused in effects:
            for chat, numbers in caused.changed.items():
                changed.setdefault(chat, set()).update(numbers)
            for chat in caused.sheet:
                changed.setdefault(chat, set())
            follow |= caused.follow
            for network, where, reply in caused.answers:
                released.answer(network, where, reply)
            for whisper in caused.whispers:
                released.whisper(*whisper)
        for chat, numbers in changed.items():
            for feed in released.feeds:
                feed.changed(chat, sorted(numbers))
        if follow:
            released.follow(sorted(follow))
        for network, cursor in batch.cursors.items():
            released.cursor(network, cursor)
        if batch.events:
            self._deadline.set()

    # ------------------------------------------------------------ time

    async def _ticks(self) -> None:
        """A Tick at each deadline the session names, and never otherwise; and the end of people's words, when they
        have had their time."""
        while True:
            self._deadline.clear()
            due: list[tuple[Micros, Event]] = []
            if (deadline := self.session.deadline()) is not None:
                due.append((deadline, Tick()))
            if (expiring := self.session.expiring()) is not None:
                due.append(expiring)
            at, event = min(due, key=lambda each: each[0], default=(None, None))
            if at is not None and at <= self.clock.now():
                await self.submit(event)
            else:
                await woken(self._deadline, self.clock, at)


async def woken(event: asyncio.Event, clock: Clock, until: Micros | None) -> None:
    """Wait for the event, or until chat time `until` if that is given."""
    if until is None:
        await event.wait()
        return
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(max(0, until - clock.now()) / SECOND))
        waiter = group.create_task(event.wait())
        await asyncio.wait((sleeper, waiter), return_when=asyncio.FIRST_COMPLETED)
        sleeper.cancel()
        waiter.cancel()
