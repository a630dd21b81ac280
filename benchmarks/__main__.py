"""`./dev bench`, `python -m benchmarks [--json] [--posts N] [--events N] [--frames N] [--flood S]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import flood, hiding, jetstream, many, statuses
from benchmarks.chat import BriskClock, arrivals, community, opened
from benchmarks.figure import Figure
from bridge.chat.state import Arrived, Configured, Event, Recorded
from bridge.engine import Engine
from bridge.journal import Batch, Journal
from bridge.model import Inbound

RUNS = 5


def main() -> None:
    """Measure, print a table or JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--posts", type=int, default=20_000, help="posts taken in (20000)")
    parser.add_argument(
        "--events", type=int, default=100_000, help="events of the journal restarted on (100000)"
    )
    parser.add_argument(
        "--frames",
        type=int,
        default=3_600_000,
        help="frames of Jetstream that memory is watched over (3600000)",
    )
    parser.add_argument("--flood", type=float, default=20.0, help="seconds of a flood into Slack (20)")
    args = parser.parse_args()
    figures = [
        in_folder(lambda path: intake(path, args.posts)),
        in_folder(lambda path: restart(path, args.events)),
        help_time(),
        statuses.converted(5_000),
        jetstream.filtered(100_000),
        jetstream.streamed(100_000),
        *jetstream.hour(args.frames),
        flood.figure(args.flood),
        hiding.figure(),
        *many.figures(),
    ]
    if args.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
    else:
        print(table(figures))


def in_folder(measure: Callable[[Path], Figure]) -> Figure:
    """A measurement over files of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder))


def table(figures: list[Figure]) -> str:
    """For a person."""
    rows = [("figure", "measured", "target", "limit here", "which is")]
    rows += [
        (f"{f.name}, {f.unit}", f"{f.value:,.3g}" if f.value < 1000 else f"{f.value:,.0f}",
         f"{f.target:,g}", f"{f.limit:,.3g}" if f.limit < 1000 else f"{f.limit:,.0f}", f.limit_is)
        for f in figures
    ]  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


# ---------------------------------------------------------------- posts a second


def intake(folder: Path, posts: int) -> Figure:
    """From Inbound objects to a committed timeline, one core, durable."""
    items = list(arrivals(posts))

    async def take() -> float:
        journal = Journal(folder / "journal.db")
        try:
            engine = Engine(journal, BriskClock())
            async with asyncio.TaskGroup() as group:
                running = group.create_task(engine.run())
                await engine.submit(Configured(community()))
                for event in opened():
                    await engine.submit(event)
                begin = time.perf_counter()
                for item in items:
                    await engine.arrive(item)
                await engine.caught_up()
                took = time.perf_counter() - begin
                running.cancel()
            taken = len(engine.session.state.chats["benchmark"].timeline.entries)
            assert taken == posts, f"{taken} of {posts} posts are in the timeline"
            return took
        finally:
            journal.close()

    took = asyncio.run(take())
    return Figure("posts committed", "a second", posts / took, 10_000, posts / rows(folder, items),
                  "bare SQLite inserting the same rows, 512 a commit")  # fmt: skip


def rows(folder: Path, items: list[Inbound]) -> float:
    """Seconds to insert the same events without deciding anything."""
    recorded = [
        Recorded(n, 0, Arrived(item.network, item.what))  # type: ignore[arg-type]  # what a benchmark makes
        for n, item in enumerate(items, start=1)
    ]
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE events (seq INTEGER PRIMARY KEY, at, body);"
    )
    begin = time.perf_counter()
    for at in range(0, len(recorded), 512):
        db.execute("BEGIN")
        for sql, values in Batch(events=recorded[at : at + 512]).freeze():
            db.executemany(sql, values)
        db.execute("COMMIT")
    took = time.perf_counter() - begin
    db.close()
    return took


# ---------------------------------------------------------------- restart


def restart(folder: Path, events: int) -> Figure:
    """A journal of so many events, opened and replayed."""
    path = folder / "journal.db"
    first: list[Event] = [Configured(community()), *opened()]
    wanted = [Arrived(i.network, i.what) for i in arrivals(events)][: events - len(first)]  # type: ignore[arg-type]  # as above
    clock = BriskClock()
    recorded = [Recorded(n, clock.now(), e) for n, e in enumerate([*first, *wanted], start=1)]

    async def fill() -> None:
        journal = Journal(path)
        for at in range(0, len(recorded), 5000):
            await journal.commit(Batch(events=recorded[at : at + 5000]))
        journal.close()

    asyncio.run(fill())
    begin = time.perf_counter()
    journal = Journal(path)
    count = Engine(journal, BriskClock()).replay()
    journal.open_orders()
    journal.ended()
    took = time.perf_counter() - begin
    assert count == events
    begin = time.perf_counter()
    for _ in journal.events():
        pass
    bare = time.perf_counter() - begin
    journal.close()
    return Figure(
        f"restart with {events:,} events", "seconds", took, 3, bare, "reading and decoding them alone"
    )


# ---------------------------------------------------------------- help


def help_time() -> Figure:
    """`chatbridge --help`."""
    return Figure(
        "chatbridge --help", "seconds", timed("-m", "bridge", "--help"), 0.2, timed("-c", ""), "bare Python"
    )


def timed(*arguments: str) -> float:
    """Seconds a Python takes, the median of some runs."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    main()
