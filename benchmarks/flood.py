"""`python -m benchmarks.flood [--json] [--seconds 60] [--rate 50] [--kills 0] [--seed 1]`: more answers than Slack
takes messages.

People answer on a stand-in Mastodon, 40 to 200 characters each (the tag included), many a second, in real time.
Slack's stand-in takes one message a second in a channel (its documentation) and refuses the next. Measured is how
long an answer takes from its server to the Slack channel; what is lost or stands there twice is found in what the
stand-ins hold, and the core is not asked.

`--kills`: so often every connection to Slack is cut at the worst moment, when it has taken a message and not yet
answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.stage import TAG, Stage, playing, until
from bridge.chat.copies import LAG
from bridge.model import SECOND
from simulator.stage import Said

APART = 12  # seconds between two answers of one person: seven in a minute would be held
PATIENCE = 60.0  # seconds for what is still on its way at the end
WORDS = (
    "we",
    "keep",
    "it",
    "short",
    "say",
    "it",
    "aloud",
    "write",
    "it",
    "down",
    "then",
    "read",
    "it",
    "back",
)
MARK = re.compile(r"\bn(\d{5})\b")
TARGET = 10.0  # seconds


@dataclass(frozen=True)
class Result:
    """`worst_lag_s`: seconds, of the answers that arrived. `lost`, `duplicated`: how many answers."""

    answers: int
    messages: int
    worst_lag_s: float
    lost: int
    duplicated: int
    kills: int = 0

    @property
    def good(self) -> bool:
        return not self.lost and not self.duplicated and self.worst_lag_s < TARGET


def answer(n: int, rng: random.Random) -> str:
    """The n-th answer, 40 to 200 characters with its tag."""
    size = rng.randint(40, 200) - len(f" #{TAG}")
    text = f"A1 n{n:05}"
    while len(text) < size:
        text = f"{text} {rng.choice(WORDS)}"[:size]
    return text.rstrip()


async def pour(stage: Stage, rate: float, seconds: float, rng: random.Random) -> dict[int, float]:
    """People answer; gives when each answer was taken by its server, on the monotonic clock."""
    loop = asyncio.get_running_loop()
    begin, taken = loop.time(), {}
    for n in range(round(rate * seconds)):
        await asyncio.sleep(begin + n / rate - loop.time())
        taken[n] = stage.mastodon.said[stage.write(n, answer(n, rng))].real
    return taken


async def killing(stage: Stage, kills: int, seconds: float, rng: random.Random) -> int:
    """Cut every connection so often, each time when Slack has taken a message and not yet answered. Gives how often
    that was done."""
    due, done = False, 0

    def strike(said: Said) -> None:
        nonlocal due, done
        if due and said.place == "chat":
            due, done = False, done + 1
            stage.cut()

    stage.slack.on_ours.append(strike)
    for _ in range(kills):
        await asyncio.sleep(seconds / (kills + 1) * rng.uniform(0.8, 1.1))
        due = True
    await until(lambda: not due, PATIENCE)
    return done


def arrived(stage: Stage) -> dict[int, list[float]]:
    """When each answer came to stand in Slack, once for each place where it stands."""
    found: dict[int, list[float]] = {}
    for said in stage.shown():
        said_once = said.raw["blocks"] or [said.text]  # the text repeats the blocks for those who hear them
        for mark in MARK.findall(json.dumps(said_once)):
            found.setdefault(int(mark), []).append(said.real)
    return found


async def flood(folder: Path, *, rate: float, seconds: float, kills: int = 0, seed: int = 1) -> Result:
    """Measure once."""
    rng = random.Random(seed)
    async with playing(folder, people=round(rate * APART) + 1, minutes=seconds / 60 + 5) as stage:
        async with asyncio.TaskGroup() as group:
            pouring = group.create_task(pour(stage, rate, seconds, rng))
            killed = group.create_task(killing(stage, kills, seconds, random.Random(seed)))
        taken = pouring.result()
        await until(lambda: len(arrived(stage)) == len(taken), PATIENCE)
        await asyncio.sleep(2)  # for what would come twice
        found = arrived(stage)
        lags = [min(found[n]) - at for n, at in taken.items() if n in found]
        return Result(
            answers=len(taken),
            messages=sum(bool(MARK.search(said.text)) for said in stage.shown()),
            worst_lag_s=round(max(lags, default=0.0), 2),
            lost=len(taken.keys() - found.keys()),
            duplicated=sum(len(times) > 1 for times in found.values()),
            kills=killed.result(),
        )


def once(rate: float, seconds: float, kills: int = 0, seed: int = 1) -> Result:
    """Measure once, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(flood(Path(folder), rate=rate, seconds=seconds, kills=kills, seed=seed))


def figure(seconds: float) -> Figure:
    """For the table of all benchmarks."""
    result = once(50, seconds, kills=1)
    assert not result.lost, f"{result.lost} answers are lost"
    assert not result.duplicated, f"{result.duplicated} answers stand there twice"
    name = f"answer in Slack, {seconds:g} s of 50 a second"
    return Figure(
        name, "seconds at worst", result.worst_lag_s, TARGET, LAG / SECOND, "the lag that has them gathered"
    )


def main() -> int:
    """Print what was measured; 1 if it is not good enough."""
    parser = argparse.ArgumentParser(prog="benchmarks.flood", description="A flood of answers into Slack.")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it lasts (60)")
    parser.add_argument("--rate", type=float, default=50.0, help="answers a second (50)")
    parser.add_argument("--kills", type=int, default=0, help="how often all connections to Slack are cut (0)")
    parser.add_argument("--seed", type=int, default=1, help="of the words and of the kills (1)")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    result = once(args.rate, args.seconds, args.kills, args.seed)
    if args.json:
        print(json.dumps(asdict(result)))
    else:
        print(
            f"{result.answers} answers in {args.seconds:g} s stand in {result.messages} messages of Slack, the "
            f"slowest after {result.worst_lag_s:.1f} s; {result.lost} lost, {result.duplicated} twice; "
            f"the connections were cut {result.kills} times."
        )
    return 0 if result.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
