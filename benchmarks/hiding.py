"""`python -m benchmarks.hiding [--json] [--times 5] [--rate 50] [--seed 1]`: how long what a host hides can still
be seen.

A host taps 🚫 below a message of the merged channel, which reaches the bridge as Slack tells it: a reaction_added
event over the socket. Measured is when that message is gone from Slack, when open pages are told (the event
stream), and when a page and its JSON that are loaded anew no longer have the words; at rest, and in the flood of
`benchmarks.flood`, where a message holds dozens of answers and all of them go.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import aiohttp

from benchmarks.figure import Figure
from benchmarks.flood import APART, MARK, answer, arrived, pour
from benchmarks.stage import Stage, playing, until
from simulator.stage import Said

REACTION = "no_entry_sign"
TARGET = 1.0  # seconds
ENTRY = re.compile(r"A1 · (\d+) · |\b(n\d{5})\b")
PATIENCE = 20.0  # seconds after which it is taken for never
PAUSE = 0.02  # seconds between two loads of a page


@dataclass(frozen=True)
class Gone:
    """Seconds until it was gone, the worst of some tries: from Slack, from open pages, from a page loaded anew, from
    its JSON."""

    slack_s: float = 0.0
    stream_s: float = 0.0
    page_s: float = 0.0
    json_s: float = 0.0

    def worst(self, other: Gone) -> Gone:
        names = [field.name for field in fields(self)]
        return Gone(**{name: max(getattr(self, name), getattr(other, name)) for name in names})

    @property
    def slowest(self) -> float:
        return max(self.slack_s, self.stream_s, self.page_s, self.json_s)


class Reader:
    """Somebody who has the page open: which entries they were told are gone, and how to load it anew."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http, self._address = http, address
        self.gone: set[int] = set()
        self.reading = asyncio.Event()

    async def read(self) -> None:
        """Follow the event stream, for ever."""
        async with self._http.get(f"{self._address}events") as answer:
            self.reading.set()
            event = ""
            async for raw in answer.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                event = value if name == "event" else event
                if name == "data" and event == "gone":
                    self.gone.add(json.loads(value)["no"])

    async def without(self, path: str, word: str) -> None:
        """Load what is at `path` until the word is not in it."""
        while True:
            async with self._http.get(self._address + path) as answer:
                if word not in await answer.text():
                    return
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def reading(stage: Stage) -> AsyncIterator[Reader]:
    """With the page open."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http,
        asyncio.TaskGroup() as group,
    ):
        reader = Reader(http, stage.bridge.address)
        following = group.create_task(reader.read())
        await reader.reading.wait()
        yield reader
        following.cancel()


def last(said: Said) -> tuple[str, int]:
    """The mark of the last answer in a message, and the number of its entry."""
    no, word = 0, ""
    for found in ENTRY.finditer(json.dumps(said.raw["blocks"], ensure_ascii=False)):
        no, word = int(found[1] or no), found[2] or word
    return word, no


async def hide(stage: Stage, reader: Reader, said: Said) -> Gone:
    """A host taps 🚫 below a message; how long until nobody sees the last of its answers any more."""
    word, no = last(said)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert stage.slack.react(stage.host, said.id, REACTION), "nobody is connected to hear of it"

    async def timed(met: Callable[[], object]) -> float:
        assert await until(met, PATIENCE), f"{word} is still there after {PATIENCE:.0f} s"
        return loop.time() - begin

    async def loaded(path: str) -> float:
        async with asyncio.timeout(PATIENCE):
            await reader.without(path, word)
        return loop.time() - begin

    times = await asyncio.gather(
        timed(lambda: said.deleted),
        timed(lambda: no in reader.gone),
        loaded("chats/benchmark"),
        loaded("api/chats/benchmark.json"),
    )
    return Gone(*(round(time, 3) for time in times))


async def at_rest(stage: Stage, reader: Reader, times: int, rng: random.Random) -> Gone:
    """One answer, alone in its message, so often."""
    worst = Gone()
    for n in range(times):
        number = 90_000 + n
        stage.write(n, answer(number, rng))
        await until(lambda number=number: number in arrived(stage), PATIENCE)  # type: ignore[misc]  # bound now
        (said,) = [s for s in stage.shown() if f"n{number}" in s.text]
        worst = worst.worst(await hide(stage, reader, said))
    return worst


async def in_a_flood(stage: Stage, reader: Reader, times: int, rate: float, rng: random.Random) -> Gone:
    """The newest message of dozens, so often, while more answers come than Slack takes messages."""
    worst = Gone()
    async with asyncio.TaskGroup() as group:
        pouring = group.create_task(pour(stage, rate, 3600, rng))
        for _ in range(times):
            await asyncio.sleep(rng.uniform(1, 3))
            assert await until(lambda: len(MARK.findall(stage.shown()[-1].text)) > 10, PATIENCE)
            worst = worst.worst(await hide(stage, reader, stage.shown()[-1]))
        pouring.cancel()
    return worst


async def hiding(folder: Path, *, times: int, rate: float, seed: int) -> dict[str, Gone]:
    """Measure both."""
    rng = random.Random(seed)
    async with playing(folder, people=round(rate * APART) + 1, minutes=30) as stage, reading(stage) as reader:
        idle = await at_rest(stage, reader, times, rng)
        return {"idle": idle, "flood": await in_a_flood(stage, reader, times, rate, rng)}


def once(times: int = 5, rate: float = 50, seed: int = 1) -> dict[str, Gone]:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(hiding(Path(folder), times=times, rate=rate, seed=seed))


def figure() -> Figure:
    """For the table of all benchmarks."""
    found = once(times=3)
    return Figure(
        "hidden everywhere, in a flood",
        "seconds at worst",
        found["flood"].slowest,
        TARGET,
        found["idle"].slowest,
        "the same at rest",
    )


def main() -> int:
    """Print what was measured; 1 if it is not good enough."""
    parser = argparse.ArgumentParser(prog="benchmarks.hiding", description="From 🚫 to gone.")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--times", type=int, default=5, help="tries, of which the worst counts (5)")
    parser.add_argument("--rate", type=float, default=50.0, help="answers a second in the flood (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the words and of the moments (1)")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    found = once(args.times, args.rate, args.seed)
    if args.json:
        print(json.dumps({name: asdict(gone) for name, gone in found.items()}))
    else:
        for name, gone in found.items():
            print(
                f"{name}: gone from Slack after {gone.slack_s:.3f} s, from open pages after {gone.stream_s:.3f} s, "
                f"from a page loaded anew after {gone.page_s:.3f} s, from its JSON after {gone.json_s:.3f} s"
            )
    return 0 if all(gone.slowest < TARGET for gone in found.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
