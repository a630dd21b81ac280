"""`python -m benchmarks.many [--json] [--chats 20] [--answers 1000] [--speed 60] [--seed 1]`: many chats at once in
one process.

A bridge as it is run, in a process of its own, on stand-ins of Mastodon, Bluesky and Slack over real sockets. Each
chat has its hashtag, its run sheet and its people; they answer with and without labels, reply without the tag, bear
two chats' tags, edit and delete. What is lost, stands twice or in the wrong place is found by comparing what the
stand-ins and the page hold with a ledger of what was written; the core is not asked. The lag, in real seconds, is
from a post being taken by its server to its standing on the page's event stream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.apart import Process, apart
from benchmarks.crowd import (
    MARK,
    MINUTE,
    QUESTIONS,
    SECOND,
    Chat,
    Crowd,
    Reckoning,
    Server,
    in_slack,
    reckoned,
)
from benchmarks.figure import Figure
from benchmarks.stage import until
from bridge.clock import ClockFile
from simulator.bluesky import Server as Bluesky
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from simulator.stage import Person

LEAD = 6 * MINUTE  # chat time before the chats begin: imports take seconds, of which each is a minute
MINUTES = 60
PATIENCE = 30.0  # real seconds for what is still on its way at the end
AFTER = 2.0  # and for what would come twice
MEMORY = 400.0  # megabytes
LAG = 1.0  # real seconds


@dataclass(frozen=True)
class Result:
    """`lag_*`, `told_*`: real seconds, of all posts and of those that their servers tell of; `memory_*`: megabytes;
    `cpu_s`: of the bridge, its start included; `boards`: how often the least and the most refreshed board of a chat
    was edited."""

    chats: int
    answers: int
    edited: int
    deleted: int
    lost: list[str]
    duplicated: list[str]
    misplaced: list[str]
    lag_p50_s: float
    lag_p99_s: float
    told_p99_s: float
    memory_peak_mb: float
    memory_mb: float
    events: int
    cpu_s: float
    boards: tuple[int, int]


class Page:
    """Who has the page open: when each answer came to stand there first, in seconds of the monotonic clock."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http, self._address = http, address
        self.seen: dict[int, float] = {}
        self.reading = asyncio.Event()

    async def read(self) -> None:
        """Follow the event stream, for ever."""
        async with self._http.get(f"{self._address}events") as answer:
            self.reading.set()
            async for line in answer.content:
                if line.startswith(b"data:"):
                    for mark in MARK.findall(line.decode()):
                        self.seen.setdefault(int(mark), time.monotonic())

    async def chat(self, name: str) -> Any:
        """A chat as the page shows it to machines."""
        async with self._http.get(f"{self._address}api/chats/{name}.json") as answer:
            return await answer.json()


class Hall:
    """The stand-ins, the crowd and the bridge between them."""

    def __init__(self, folder: Path, chats: int, speed: float, seed: int) -> None:
        self.folder = folder
        now = time.time_ns() // 1000 // MINUTE * MINUTE
        self._file = ClockFile.create(folder / "clock", now, speed)
        clock = Clock(folder / "clock")
        faults = Faults(clock.now)
        self.servers: dict[str, Server] = {
            "mastodon": Mastodon("mastodon", clock, faults, {"tag": "WardChat"}),
            "bluesky": Bluesky("bluesky", clock, faults, {"tag": "WardChat"}),
            "slack": Slack("slack", clock, faults, {"public": "yes"}),
        }
        starts = now + LEAD
        self.chats = [Chat(no, starts) for no in range(1, chats + 1)]
        self.ends = starts + MINUTES * MINUTE
        self.crowd = Crowd(self.chats, self.servers, clock, seed)

    def config(self) -> str:
        """What the bridge is told of all this."""
        host = self.servers["slack"].join(Person("host-01", "Host 01", "slack", host=True))
        lines = [
            '[community]\nname = "Benchmarks"\ntimezone = "UTC"\njournal = "journal.db"\n[web]\nport = 0'
        ]
        for chat in self.chats:
            starts = datetime.fromtimestamp(chat.starts / SECOND, UTC).isoformat()
            lines.append(
                f'[[chats]]\nid = "{chat.id}"\ntitle = "Room {chat.no:02}"\nhashtag = "{chat.tag}"\n'
                f'starts = {starts}\nminutes = {MINUTES}\nlate_hours = 1\nannounce = "2m"\nremind = []\n'
                f'[[chats.hosts]]\nname = "Host 01"\nslack = "{host}"'
            )
            for number in range(1, QUESTIONS + 1):
                at = (chat.due(number) - chat.starts) / MINUTE
                lines.append(f'[[chats.questions]]\nat = {at}\ntext = "{chat.question(number)}"')
        for name, server in self.servers.items():
            lines.append(f'[networks.{name}]\nkind = "{name}"')
            lines += [f"{key} = {json.dumps(value)}" for key, value in server.access()["table"].items()]
        return "\n".join(lines) + "\n"

    def secrets(self) -> dict[str, str]:
        return {
            f"{name}_{key}".upper(): value
            for name, server in self.servers.items()
            for key, value in server.access()["secrets"].items()
        }

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[tuple[Process, Page]]:
        """With everybody there, the bridge running and its page open."""
        async with AsyncExitStack() as stack:
            for server in self.servers.values():
                await server.start()
                stack.push_async_callback(server.stop)
            (self.folder / "config.toml").write_text(self.config())
            process = await stack.enter_async_context(
                apart(self.folder / "config.toml", self.folder / "clock", self.secrets())
            )
            timeout = aiohttp.ClientTimeout(total=None)
            http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            page = Page(http, process.page)
            reading = group.create_task(page.read())
            stack.callback(reading.cancel)
            await page.reading.wait()
            yield process, page

    def stands(self, page: Page) -> bool:
        """Whether everything has arrived that was written and not taken away."""
        wanted = [post for post in self.crowd.ledger if not post.deleted]
        copies = in_slack(self.crowd)
        return all(p.no in page.seen and (p.person.network == "slack" or p.no in copies) for p in wanted)

    def boards(self) -> tuple[int, int]:
        """How often the board of a chat was edited: the least, and the most."""
        edits = {chat.id: 0 for chat in self.chats}
        for said in self.servers["slack"].said.values():
            if (
                said.ours
                and said.place == "hosts"
                and (found := re.search(r"#WardChat(\d\d)", json.dumps(said.raw)))
            ):
                edits[f"room-{found[1]}"] = max(edits[f"room-{found[1]}"], len(said.history))
        return min(edits.values()), max(edits.values())


async def many(folder: Path, *, chats: int, answers: int, speed: float, seed: int) -> Result:
    """Measure once."""
    hall = Hall(folder, chats, speed, seed)
    crowd = hall.crowd
    async with hall.playing() as (process, page):
        await crowd.play(answers, hall.ends - 2 * MINUTE)
        await crowd.clock.until(hall.ends)
        await until(lambda: hall.stands(page), PATIENCE)
        await asyncio.sleep(AFTER)
        found = reckoned(crowd, {chat.id: await page.chat(chat.id) for chat in hall.chats})
        lags = [(page.seen[post.no] - post.real, post.told) for post in crowd.ledger if post.no in page.seen]
        memory = process.megabytes("VmHWM"), process.megabytes("VmRSS")
        cpu = process.cpu
    return _result(hall, found, lags, memory, cpu)


def _result(
    hall: Hall, found: Reckoning, lags: list[tuple[float, bool]], memory: tuple[float, float], cpu: float
) -> Result:
    ledger = hall.crowd.ledger
    with closing(sqlite3.connect(hall.folder / "journal.db")) as db:
        (events,) = db.execute("SELECT count(*) FROM events").fetchone()
    return Result(
        chats=len(hall.chats),
        answers=len(ledger),
        edited=sum(post.edited for post in ledger),
        deleted=sum(post.deleted for post in ledger),
        lost=found.lost,
        duplicated=found.duplicated,
        misplaced=found.misplaced,
        lag_p50_s=_share([lag for lag, _ in lags], 50),
        lag_p99_s=_share([lag for lag, _ in lags], 99),
        told_p99_s=_share([lag for lag, told in lags if told], 99),
        memory_peak_mb=round(memory[0], 1),
        memory_mb=round(memory[1], 1),
        events=events,
        cpu_s=round(cpu, 1),
        boards=hall.boards(),
    )


def _share(lags: list[float], percent: int) -> float:
    """The lag that so many in a hundred do not exceed."""
    return round(sorted(lags)[min(len(lags) - 1, len(lags) * percent // 100)], 3) if lags else float("inf")


def once(chats: int = 20, answers: int = 1000, speed: float = 60, seed: int = 1) -> Result:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(many(Path(folder), chats=chats, answers=answers, speed=speed, seed=seed))


def figures() -> list[Figure]:
    """For the table of all benchmarks."""
    found = once()
    for kind in ("lost", "duplicated", "misplaced"):
        assert not getattr(found, kind), f"{kind}: {getattr(found, kind)}"
    name = f"{found.chats} chats at once"
    return [
        Figure(
            f"{name}, answer on the page",
            "seconds at p99",
            found.lag_p99_s,
            LAG,
            found.lag_p50_s,
            "the median",
        ),
        Figure(
            f"{name}, memory at its peak", "MB", found.memory_peak_mb, MEMORY, found.memory_mb, "at the end"
        ),
    ]


def main() -> int:
    """Print what was measured; 1 if anything is lost, doubled or misplaced."""
    parser = argparse.ArgumentParser(prog="benchmarks.many", description="Many chats at once in one process.")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--chats", type=int, default=20, help="how many, 2 to 60 (20)")
    parser.add_argument("--answers", type=int, default=1000, help="posts of their people, about (1000)")
    parser.add_argument("--speed", type=float, default=60.0, help="times faster than the clock (60)")
    parser.add_argument("--seed", type=int, default=1, help="of what is written, and when (1)")
    args = parser.parse_args()
    if not 2 <= args.chats <= 60:
        parser.error("--chats is 2 to 60")
    logging.basicConfig(level=logging.WARNING)
    found = once(args.chats, args.answers, args.speed, args.seed)
    if args.json:
        print(json.dumps(asdict(found)))
    else:
        for kind in ("lost", "duplicated", "misplaced"):
            named: list[str] = getattr(found, kind)
            print(f"{kind}: {len(named)}{'; '.join(['', *named[:20]])}")
        print(
            f"{found.answers} answers in {found.chats} chats, {found.edited} edited, {found.deleted} deleted\n"
            f"on the page after {found.lag_p50_s:.3f} s (p50), {found.lag_p99_s:.3f} s (p99, at most {LAG:g}); those "
            f"that their servers tell of after {found.told_p99_s:.3f} s (p99)\n"
            f"memory {found.memory_peak_mb:.0f} MB at its peak (at most {MEMORY:g}), {found.memory_mb:.0f} now\n"
            f"{found.events} events journalled, {found.cpu_s:.1f} s of processor time\n"
            f"boards edited {found.boards[0]} to {found.boards[1]} times"
        )
    return 0 if not (found.lost or found.duplicated or found.misplaced) else 1


if __name__ == "__main__":
    raise SystemExit(main())
