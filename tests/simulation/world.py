"""One seed's world: networks, people, hosts, faults, and the bridge, which dies and comes back."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from bridge.journal import Journal
from bridge.model import HOUR, MINUTE, SECOND, Network
from bridge.settings import Chat, Community, Host, Net, Question
from tests.simulation.capable import CAPABLE, HOMES, ROOMS
from tests.simulation.clock import STARTS, Stuck, VirtualClock, run
from tests.simulation.faults import Faults
from tests.simulation.federation import SecondServer
from tests.simulation.hosts import ACCOUNTS, CHAT, Hosts
from tests.simulation.network import Server
from tests.simulation.people import NETWORKS, People
from tests.simulation.process import Process
from tests.simulation.record import Record

TITLES = {"mastodon": "Mastodon", "north": "Mastodon (north)", "bluesky": "Bluesky", "slack": "Slack"}
QUESTIONS = ("What did you learn?", "What would you change?", "What will you do tomorrow?")
MOST = 8 * HOUR  # after the start everything is long over


def community(rng: random.Random) -> Community:
    public: Literal["ask", "yes", "no"] = rng.choice(("ask", "yes", "no"))
    layout: Literal["channel", "threads"] = rng.choice(("channel", "threads"))
    apart = rng.choice((2, 3, 5, 15)) * MINUTE
    questions = tuple(Question(STARTS + 5 * MINUTE + n * apart, text) for n, text in enumerate(QUESTIONS))
    hosts = tuple(Host(f"Host {n}", (("slack", account),)) for n, account in enumerate(ACCOUNTS))
    chat = Chat(
        id=CHAT,
        title="Safer handovers",
        hashtag="WardChat",
        starts=STARTS,
        ends=STARTS + HOUR,
        late_until=STARTS + 2 * HOUR,
        questions=questions,
        hosts=hosts,
        announce=35 * MINUTE,
        remind=(10 * MINUTE,),
    )
    nets = tuple(
        Net(
            n,
            HOMES.get(n, n),
            TITLES[n],
            can.limits,
            post=n not in HOMES,
            mirror=can.mirror,
            layout=layout,
            public=public,
        )
        for n, can in CAPABLE.items()
    )
    return Community("The Night Round", "Europe/London", "en", (chat,), nets, "https://chat.example")


class World:
    def __init__(self, seed: int, folder: Path) -> None:
        rng = random.Random(f"world {seed}")
        self._rng, self._path = rng, folder / f"{seed}.db"
        self._community = community(rng)
        self._clock = VirtualClock()
        self._faults = Faults(seed)
        self.record = Record(
            seed=seed,
            starts=STARTS,
            ends=STARTS + HOUR,
            spacing={n: CAPABLE[n].spacing for n in NETWORKS},
            titles=TITLES,
            questions=list(QUESTIONS),
            mirrors=tuple(n for n in NETWORKS if CAPABLE[n].mirror),
            rooms=ROOMS,
            read_only=tuple(HOMES),
            rooms_public=self._community.networks[0].public,
        )
        self._acts: set[asyncio.Task[Any]] = set()

    # ------------------------------------------------------------ what happens

    async def live(self) -> Record:
        self._servers: dict[Network, Server] = {}
        for name in NETWORKS:
            given = (name, self._clock, self._faults, self.record, self._log)
            home = self._servers.get(HOMES.get(name, ""))
            self._servers[name] = SecondServer(home, *given) if home else Server(*given)
        People(self.record.seed, self._clock, self._servers)
        Hosts(
            self.record.seed,
            clock=self._clock,
            room=self._servers["slack"],
            record=self.record,
            faults=self._faults,
            spawn=self._spawn,
        )
        self._plan_trouble()
        while (process := await self._life()).died:
            await self._clock.sleep(self._rng.choice((2, 10, 60, 200)))
        await self._clock.sleep(10)  # who pressed something last is answered
        self._close(process)
        for task in self._acts:
            task.cancel()
        await asyncio.gather(*self._acts, return_exceptions=True)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        self.record.tasks = sorted(task.get_name() for task in rest)
        return self.record

    async def _life(self) -> Process:
        """From a start of the bridge to its death or its end."""
        process = Process(
            self._path,
            community=self._community,
            servers=self._servers,
            clock=self._clock,
            faults=self._faults,
            record=self.record,
        )
        self._log("bridge", "starts")
        living = asyncio.create_task(process.run())
        left = (STARTS + MOST - self._clock.now()) / SECOND
        try:
            async with asyncio.timeout(left):
                await process.ended.wait()
        except TimeoutError:
            raise Stuck(f"the bridge does not come to its end: {process.unsettled}") from None
        if process.died:
            self._log("bridge", "dies", process.died)
            self.record.deaths.append(self._clock.now())
            living.cancel()
            await asyncio.wait((living,))
        else:
            await living
        return process

    def _spawn(self, act: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(act)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    def _plan_trouble(self) -> None:
        """Outages and the like, for minutes, on any network."""
        loop, rng = asyncio.get_running_loop(), self._faults.rng
        for server in self._servers.values():
            for kind, strike in (
                ("outage", lambda s=server: s.outage(rng.uniform(5, 400))),
                ("login_refused", lambda s=server: s.bar(rng.uniform(5, 400))),
                ("cursor_lost", server.forget_frames),
            ):
                if self._faults.rates[kind] and rng.random() < 0.4:
                    loop.call_later(self._instant(), strike)

    def _instant(self) -> float:
        """Seconds from now: any time, or when a question comes due."""
        if self._rng.random() < 0.5:
            return self._rng.uniform(0, 170 * 60)
        due = self._rng.choice(self._community.chats[0].questions).due
        return (due - self._clock.now()) / SECOND + self._rng.uniform(-60, 5)

    # ------------------------------------------------------------ what is kept of it

    def _log(self, *what: object) -> None:
        seconds = (self._clock.now() - STARTS) / SECOND
        self.record.trace.append(f"{seconds:10.3f} " + " ".join(str(w) for w in what))

    def _close(self, process: Process) -> None:
        """The end, as the world can see it: the views, the file."""
        record, session, now = self.record, process.engine.session, self._clock.now()
        record.page = session.view(CHAT, "page", now)
        record.hosts = session.view(CHAT, "hosts", now)
        record.fired = self._faults.fired
        journal = Journal(self._path, inline=True)
        record.open_orders = [f"{r.order.network} {r.order.id} {r.state}" for r in journal.open_orders()]
        with closing(sqlite3.connect(self._path)) as db:
            aside = db.execute("SELECT why FROM quarantine WHERE network = ''").fetchall()
            record.set_aside = [str(why) for (why,) in aside]
        record.journal = b"".join(p.read_bytes() for p in self._path.parent.glob(f"{self._path.name}*"))
        journal.close()


class _Errors(logging.Handler):
    """What the bridge logs as an error is a bug: nothing here deserves one."""

    def __init__(self, record: Record) -> None:
        super().__init__(logging.ERROR)
        self._record = record

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else ""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._record.errors.append(f"{record.getMessage()}: {error!r}")
        self._record.trace.append(f"           bridge logs {record.getMessage()}: {error!r}")


def simulate(seed: int, folder: Path) -> Record:
    """Everything that happens in the world of this seed."""
    world = World(seed, folder)
    errors = _Errors(world.record)
    logging.getLogger("bridge").addHandler(errors)
    try:
        return run(world.live())
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed}", *world.record.trace[-80:]]))
        raise
    finally:
        gc.unfreeze()  # each start of the bridge keeps what there is from being collected
        logging.getLogger("bridge").removeHandler(errors)
