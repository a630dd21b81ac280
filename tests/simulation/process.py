"""The bridge under test, put together as `bridge.runner` does it but without page and socket, and mortal.

It dies at commits: right before one, right after one, or with a network's answer in hand that is not yet
committed. Everything in memory is gone then; the next one is built over the same file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bridge.chat.session import Session
from bridge.chat.state import Configured
from bridge.delivery import Row
from bridge.engine import Engine
from bridge.journal import Batch, Journal
from bridge.model import Final, Network, Sent
from bridge.outbox import Outbox
from bridge.settings import Community
from bridge.supervise import Supervisor, Watch
from tests.simulation.clock import VirtualClock
from tests.simulation.faults import Faults
from tests.simulation.hosts import CHAT
from tests.simulation.link import SimAdapter
from tests.simulation.network import Server
from tests.simulation.record import Record


class NoSessions:
    """`bridge.ports.SessionStore` of networks whose login does not rotate."""

    def load(self) -> bytes | None:
        return None

    def save(self, session: bytes) -> None:
        pass


class MortalJournal(Journal):
    """Commits at once, takes a moment to say so, and now and then is the last thing its process does."""

    def __init__(
        self, path: Path, clock: VirtualClock, faults: Faults, death: Callable[[str, Batch], None]
    ) -> None:
        super().__init__(path, inline=True)
        self._clock, self._faults, self._death = clock, faults, death
        self.batch = Batch()

    async def commit(self, batch: Batch) -> None:
        fate = self._faults.crash(any(isinstance(o, Sent) for o in batch.outcomes.values()))
        if fate != "crash_after" and fate:
            await self._die(fate, batch)
        await super().commit(batch)
        if fate:
            await self._die(fate, Batch())
        await self._clock.sleep(self._faults.rng.choice((0, 0.001, 0.02)))

    async def _die(self, fate: str, unwritten: Batch) -> None:
        self._death(fate, unwritten)
        await asyncio.Event().wait()


class Process:
    """One life of the bridge."""

    def __init__(
        self,
        path: Path,
        *,
        community: Community,
        servers: Mapping[Network, Server],
        clock: VirtualClock,
        faults: Faults,
        record: Record,
    ) -> None:
        self._community, self._clock, self._record = community, clock, record
        self.ended = asyncio.Event()
        self.died = ""
        self._changed = asyncio.Event()
        self.journal = MortalJournal(path, clock, faults, self._death)
        self.engine = Engine(self.journal, clock)
        self.engine.replay()
        self.outbox = Outbox(self.engine, self.journal.open_orders(), self.journal.ended())
        watches = [
            Watch(SimAdapter(s, clock, faults), record.titles[s.name], self.engine, self.outbox, NoSessions())
            for s in servers.values()
        ]
        self.supervisor = Supervisor(watches, self.journal.cursors())

    async def run(self) -> None:
        released = self.engine.released
        released.orders = self.outbox.accept
        released.settled = self._settled
        released.echo = self.outbox.echo
        released.follow = self.supervisor.follow
        released.cursor = self.supervisor.cursor
        released.seen = self.supervisor.seen
        released.answer = self.supervisor.answer
        released.feeds = [self.supervisor, self]
        self._load_page()
        try:
            async with asyncio.TaskGroup() as group:
                await self.engine.forget(*self.engine.session.forgotten())
                tasks = [group.create_task(self.engine.run())]
                if self.engine.session.state.community != self._community:
                    await self.engine.submit(Configured(self._community))
                tasks.append(group.create_task(self.outbox.expire()))
                tasks.append(group.create_task(self.supervisor.run()))
                while True:
                    await self.engine.quiet()
                    if not self.unsettled:
                        break
                    self._changed.clear()
                    await self._changed.wait()
                self._check("the end", Batch())
                for task in reversed(tasks):
                    task.cancel()
        finally:
            self.ended.set()
            self.journal.close()

    @property
    def unsettled(self) -> list[str]:
        """What keeps the bridge from being at its end."""
        session, now = self.engine.session, self._clock.now()
        chats = session.state.chats.values()
        left = [f"{chat.id}: read again {chat.reconciled}" for chat in chats if not chat.over]
        left += [f"{h.network}: {h.waiting} orders" for h in self.supervisor.health() if h.waiting]
        left += [f"{n}: {step}" for n in session.state.nets if (step := session.following(n, now))]
        return left if chats else ["no chat"]

    def _settled(self, row: Row, outcome: Final) -> None:
        self.outbox.settled(row, outcome)
        self._changed.set()

    # ------------------------------------------------------------ death

    def _death(self, fate: str, unwritten: Batch) -> None:
        if not self.died:
            self.died = fate
            self._check(fate, unwritten)
            self.ended.set()

    def _check(self, when: str, unwritten: Batch) -> None:
        """Replaying the journal, and what was about to be written, must give the state that was live."""
        session = Session()
        for recorded in (*self.journal.events(), *unwritten.events):
            session.decide(recorded)
        self._record.replays.append((when, self.engine.session.digest(), session.digest()))

    # ------------------------------------------------------------ the page

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        """`bridge.ports.Feed`: what the page does, and the merged timeline has work."""
        for no in entries:
            self._show(no)
        self.outbox.stir()
        self._changed.set()

    def _load_page(self) -> None:
        """A page that is opened anew shows everything."""
        self._record.followed.clear()
        if CHAT in self.engine.session.state.chats:
            for no in self.engine.session.state.chats[CHAT].timeline.entries:
                self._show(no)

    def _show(self, no: int) -> None:
        view = self.engine.session.entry(CHAT, no, "page")
        if view is None or view.text is None:
            self._record.followed.pop(no, None)
        else:
            self._record.followed[no] = view.text.plain
            self._record.displayed.append((self._clock.now(), view.text.plain))
