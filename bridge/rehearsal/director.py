"""Directs a rehearsal: starts the simulator and the bridge, moves the clock, kills and restarts, compares.

The simulator and the bridge are processes of their own, told what to do by JSON lines; they share nothing but
the clock's file and the wire between them.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import msgspec

from bridge.chat.runsheet import build
from bridge.chat.view import EntryView
from bridge.clock import ClockFile, SharedClock
from bridge.config import Config, load
from bridge.edits import readings
from bridge.errors import ConfigError
from bridge.model import MINUTE, SECOND, Board, Micros
from bridge.rehearsal import scenario, withheld
from bridge.rehearsal.players import Players
from bridge.rehearsal.process import Failed, started
from bridge.rehearsal.scenario import Options
from bridge.rehearsal.understudy import Cue
from bridge.report.layout import one_line
from bridge.split import parts
from bridge.terminal import LiveBoard

LEAD = 5 * SECOND  # chat time left before what a jump leads to
LONG = 30 * SECOND  # a stretch of chat time worth jumping over
LOOK = 0.05  # real seconds between two looks at how things are
SEEN = 0.25  # and between two pictures of the board
RARELY = 9  # times as long as a picture of a full room takes its bridge, which has a chat to hold,
SELDOM = 2.0  # and real seconds at most
BRIEF = 10.0  # real seconds for what is under way when somebody ends it before its time
APART = 1.5  # real seconds at least between two kills
MARGIN = 2 * MINUTE  # no kill before the chat has begun so long, none so near its end


class Director:
    """One rehearsal. `board` shows it live; if the page is to be held, `finished` is told the result before."""

    def __init__(
        self,
        config: Config,
        options: Options,
        board: LiveBoard,
        finished: Callable[[dict[str, Any]], None] = lambda result: None,
    ) -> None:
        self.config = config
        self.options = options
        self.board = board
        self.finished = finished
        self.holding = False
        self._let_go = asyncio.Event()
        self._enough = asyncio.Event()
        self.out = options.out
        self.stage = options.out / "stage"  # clock, journal and logins
        self.casting = scenario.casting(options, time.time_ns() // 1000, config.community.chats[0].id)
        self.community = scenario.cast(config, self.casting)
        self.chat = self.community.chats[0]
        self.sheet = build(self.chat)
        self.killed = 0
        self._seen: Board | None = None
        self._told = ""  # of the config, as it is edited
        self._ends: tuple[Micros, Micros] | None = None  # end and late window, as the people know them

    async def run(self) -> dict[str, Any]:
        """The whole chat; gives what `rehearse --json` prints."""
        self._prepare()
        kinds = [n.kind for n in self.config.networks] + ["mqtt"] * self.options.split
        path = self.stage / "clock"
        self.file = self._clock(path)
        self.clock = SharedClock(path)
        async with (
            started(self.out / "simulator.log", "-m", "simulator") as simulator,
            started(self.out / "bridge.log", "-m", "bridge.rehearsal.understudy", *kinds) as understudy,
        ):
            self.simulator = simulator
            self.board.note(
                "Building the stage: stand-ins for "
                + ", ".join(n.title for n in scenario.played(self.community, self.options))
                + " ..."
            )
            self.access = await simulator.ask(scenario.told(self.config, self.community, self.options, path))
            await understudy.hear()
            self.bridge = Players(understudy, self.stage / "journal.db", *self._cues(path))
            async with self.bridge.never_orphaned(), asyncio.TaskGroup() as group:
                listening = group.create_task(self.bridge.hear())
                await self.bridge.start(*self.bridge.parts)
                await self.bridge.meet()
                await simulator.ask({"do": "page", "url": self.address})
                self.board.page(self.address)
                showing = group.create_task(self._show())
                minding = group.create_task(self._mind_edits())
                self._killing = group.create_task(self._kill())
                await self._conduct()
                self._killing.cancel()
                result = await self._compare()
                showing.cancel()
                minding.cancel()
                if self.options.hold:
                    await self._hold(result)
                await self.bridge.stop()
                result["leaked"] += [f for f in await self._traces() if f not in result["leaked"]]
                listening.cancel()
                await simulator.tell({"do": "end"})
        return result

    async def _hold(self, result: dict[str, Any]) -> None:
        """Say what came of it, then keep everything up until `let_go`."""
        self.board.end()
        self.finished(result)
        self.board.note(f"The page stays at {self.address} until you press Ctrl-C.")
        self.holding = True
        await self._let_go.wait()

    def stop(self) -> bool:
        """End in good order, if there is a way: the page has been looked at, or a real room has seen enough."""
        if self.holding:
            self._let_go.set()
        elif self.options.real is None or self._seen is None or self._enough.is_set():
            return False
        self._enough.set()
        return True

    def _clock(self, path: Path) -> ClockFile:
        """Some time before the first item, or now."""
        if self.options.real is not None:
            return ClockFile.create(path, time.time_ns() // 1000, 1.0)
        speed, first = self.options.speed, min(item.due for item in self.sheet.items)
        return ClockFile.create(path, first - int(speed * 120 * SECOND), speed)

    def _prepare(self) -> None:
        """An empty place for this rehearsal, a folder within `out` that is its own: what an earlier one left
        there is taken away, and nothing else. Raises Failed if another one is using it."""
        self.stage.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.stage / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                f"{self.out}: another rehearsal goes on here. Name another folder with --out."
            ) from None
        for name in ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"):
            (self.stage / name).unlink(missing_ok=True)
        for old in (self.stage / "sessions").glob("*.json"):
            old.unlink()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"

    def _cues(self, clock: Path) -> list[Cue]:
        """What the bridge's processes are told: each adapter its own secrets, a core none."""
        networks = self.access["networks"]
        whole = Cue(
            config=str(self.config.path),
            clock=str(clock),
            folder=str(self.stage),
            casting=msgspec.structs.replace(
                self.casting, handles=tuple(self.access["hosts"]), page=self.address
            ),
            tables={name: access["table"] for name, access in networks.items()},
            secrets={name: access["secrets"] for name, access in networks.items()},
            real=(self.options.real,) if self.options.real else (),
            port=self.port,
            level=self.options.level,
        )
        if not self.options.split or self.config.mqtt is None:
            return [whole]
        prefix = f"{self.config.mqtt.prefix}/rehearsal/{secrets.token_hex(4)}"
        self.board.note(f"What the page shows is at the broker, too: {prefix}/public/#")
        return [
            msgspec.structs.replace(
                whole,
                only=only,
                prefix=prefix,
                secrets={name: given for name, given in whole.secrets.items() if name == only},
            )
            for only in parts(self.config)
        ]

    # ------------------------------------------------------------ the bridge's processes

    async def _kill(self) -> None:
        """SIGKILL and restart at seeded instants of the hour, each once the bridge has been up for a while; if it is
        several processes, one after the other."""
        rng = random.Random(f"kills {self.options.seed}")
        margin = min(MARGIN, (self.chat.ends - self.chat.starts) // 4)
        first, last = self.chat.starts + margin, self.chat.ends - margin
        instants = sorted(rng.randint(first, last) for _ in range(self.options.kills))
        turns = itertools.cycle(rng.sample(self.bridge.parts, len(self.bridge.parts)))
        for instant, victim in zip(instants, turns, strict=False):
            await self.clock.sleep(max(0, instant - self.clock.now()) / SECOND)
            await asyncio.sleep(max(0.0, self.bridge.began + APART - time.monotonic()))
            if self._closed and self.options.real is not None:  # real hosts ended it before
                return
            await self.bridge.kill(victim)
            self.killed += 1
            who = f"The process of {victim}" if victim else "The bridge"
            self.board.note(f"{who} was killed ({self.killed} of {self.options.kills}) and starts again.")
            await self.bridge.start(victim)

    # ------------------------------------------------------------ time

    async def _conduct(self) -> None:
        """Let the chat happen, jumping over stretches in which nothing is due, until everything is settled."""
        if self.options.real is not None:
            return await self._attend()
        real = (self.chat.ends - self.chat.starts) / SECOND / self.options.speed
        limit = time.monotonic() + 120 + 4 * real + 10 * self.options.kills
        while True:
            pace = await self.bridge.pace()
            people = await self.simulator.ask({"do": "pace"})
            if pace is not None:
                if pace["settled"] and people["finished"]:
                    return None
                self._jump(pace, people)
            if time.monotonic() > limit:
                raise Failed(f"the chat did not come to its end: {pace}, people: {people}")
            await asyncio.sleep(LOOK)

    async def _attend(self) -> None:
        """Let real hosts run the hour, for as long as they like: the people learn from the board when it ends."""
        while not self._enough.is_set():
            pace = await self.bridge.pace()
            if self._seen is not None:
                await self._people_know(self._seen.ends, self._seen.late_until)
            people = await self.simulator.ask({"do": "pace"})
            if pace is not None and pace["settled"] and people["finished"]:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(SEEN):
                    await self._enough.wait()
        await self._break_off()

    async def _people_know(self, ends: Micros, late_until: Micros) -> None:
        if self._ends != (ends, late_until):
            self._ends = ends, late_until
            await self.simulator.ask({"do": "hours", "ends": ends, "late_until": late_until})

    async def _mind_edits(self) -> None:
        """The people know what the config says, as it is edited: from the config, never from the bridge."""
        path = self.config.path
        read = lambda files: load(path, None, files=files)  # noqa: E731  # nothing else needs it
        async with aclosing(readings(path, read, LOOK)) as found:
            async for config in found:
                edited = None if isinstance(config, ConfigError) else scenario.cast(config, self.casting)
                if edited is None or edited.chats == (self.chat,) or not edited.chats:
                    continue
                (self.chat,) = edited.chats
                texts = [question.text for question in self.chat.questions]
                await self.simulator.ask({"do": "edited", "questions": texts})
                if self.options.real is None:
                    await self._people_know(self.chat.ends, self.chat.late_until)

    async def _break_off(self) -> None:
        """Somebody has seen enough: nobody writes any more, the room is told, what is under way comes to its end."""
        self.board.note(
            "Stopping: the chat is closed and its transcript written. Ctrl-C again stops at once."
        )
        now = self.clock.now()
        await self._people_know(now, now)
        await self._look()
        if self._seen is not None and any(line.state in ("due", "posted") for line in self._seen.lines):
            await self.bridge.ask({"do": "tell", "chat": self.chat.id, "verb": "end"})
        with suppress(TimeoutError):
            async with asyncio.timeout(BRIEF):
                await asyncio.sleep(BRIEF / 10)  # what was just written is on its way
                while (pace := await self.bridge.pace()) is None or pace["busy"]:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(LOOK)

    @property
    def _closed(self) -> bool:
        """Whether the hosts' hour is over."""
        return self._seen is not None and self._seen.ends <= self.clock.now()

    def _jump(self, pace: dict[str, Any], people: dict[str, Any]) -> None:
        now = self.clock.now()
        if pace["busy"] or people["busy"] or self.chat.starts - MINUTE <= now < self.chat.ends:
            return
        if not self._killing.done() and now >= self.chat.starts:
            return
        planned = [t for t in (pace["next"], people["next"]) if t is not None]
        if planned and min(planned) - now > LONG:
            self.file.jump_to(min(planned) - LEAD)

    # ------------------------------------------------------------ what is seen

    async def _show(self) -> None:
        while True:
            began = time.monotonic()
            await self._look()
            await asyncio.sleep(max(SEEN, min(SELDOM, RARELY * (time.monotonic() - began))))

    async def _look(self) -> None:
        """Have the board as it is now."""
        if (status := await self.bridge.ask({"do": "status"})) is not None:
            self._seen = msgspec.convert(status["board"], Board)
            self.board.show(self._seen, msgspec.convert(status["newest"], tuple[EntryView, ...]))
            if status["config"] != self._told:
                self._told = status["config"]
                self.board.note(one_line(self._told))

    async def _compare(self) -> dict[str, Any]:
        paths = await self.bridge.ask({"do": "report", "out": str(self.out)})
        if paths is None:
            raise Failed("the bridge was gone before it wrote the transcript")
        found = await self.simulator.ask({"do": "compare", "transcript": str(self.out / "transcript.json")})
        found["leaked"] += await self._traces()
        result: dict[str, Any] = {
            "chat": self.chat.id,
            "seed": self.options.seed,
            **found,
            "transcript": paths,
        }
        if self.options.kills:
            result["kills"] = self.killed
        if self.options.real is not None:
            result["real"] = [self.options.real]
            off = withheld.posts(self.stage / "journal.db", self.chat.id)
            missed = result["lost"]
            result["lost"] = [f for f in missed if (f["network"], f["id"]) not in off]
            result["withheld"] = [f for f in missed if (f["network"], f["id"]) in off]
        return result

    async def _traces(self) -> list[dict[str, Any]]:
        """Words of people who asked to be forgotten, wherever there still are any: in what is there only while
        the bridge runs, and in what it leaves behind."""
        found: list[dict[str, Any]] = (await self.simulator.ask({"do": "traces"}))["leaked"]
        return found
