"""Chat time: read by bridge and simulator from one file, fast, jumping."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from bridge.clock import LAYOUT, ClockFile, SharedClock, WallClock
from bridge.model import HOUR, MINUTE, SECOND
from bridge.ports import Clock
from simulator.clock import LAYOUT as THEIRS
from simulator.clock import Clock as SimulatorClock

START = 1_521_576_000 * SECOND


def clocks(tmp_path: Path, speed: float = 1.0) -> tuple[ClockFile, SharedClock]:
    file = ClockFile.create(tmp_path / "clock", START, speed)
    return file, SharedClock(tmp_path / "clock")


async def asleep(*tasks: asyncio.Task[None]) -> None:
    """Let tasks get as far as they get without time passing."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(t.done() for t in tasks)


async def test_the_wall_clock_is_the_wall_clock() -> None:
    clock: Clock = WallClock()
    before = time.time_ns() // 1000
    await clock.sleep(0.01)
    assert before + 9_000 <= clock.now() <= time.time_ns() // 1000
    assert clock.timeout(10) == 10


def test_both_halves_read_the_same_time(tmp_path: Path) -> None:
    file, ours = clocks(tmp_path, speed=60)
    theirs = SimulatorClock(tmp_path / "clock")
    assert LAYOUT.format == THEIRS.format
    for jump in (0, HOUR, 24 * HOUR):
        file.jump_to(START + jump)
        one, other, again = ours.now(), theirs.now(), ours.now()
        assert START + jump <= one <= other <= again < START + jump + 10 * MINUTE
    assert ours.speed == theirs.speed == 60


def test_it_runs_at_its_speed(tmp_path: Path) -> None:
    _, clock = clocks(tmp_path, speed=1000)
    chat, real = clock.now(), time.monotonic_ns()
    while time.monotonic_ns() - real < 5_000_000:
        pass
    assert clock.now() - chat >= 5_000_000  # 5 ms became 5 s


async def test_a_sleeper_wakes_in_chat_time_and_never_early(tmp_path: Path) -> None:
    _, clock = clocks(tmp_path, speed=600)
    before, real = clock.now(), time.monotonic()
    await clock.sleep(12)
    assert clock.now() - before >= 12 * SECOND
    assert time.monotonic() - real < 5


async def test_a_jump_wakes_whose_time_has_come_and_nobody_else(tmp_path: Path) -> None:
    file, clock = clocks(tmp_path)
    async with asyncio.TaskGroup() as group:
        soon = group.create_task(clock.sleep(3600))
        sooner = group.create_task(clock.sleep(1800))
        never = group.create_task(clock.sleep(86_400))
        await asleep(soon, sooner, never)
        file.jump_to(START + 2 * HOUR)
        await soon
        await sooner
        await asleep(never)
        never.cancel()
    assert clock.now() < START + 3 * HOUR


async def test_the_simulators_sleepers_wake_at_our_jumps(tmp_path: Path) -> None:
    file, _ = clocks(tmp_path)
    theirs = SimulatorClock(tmp_path / "clock")
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(theirs.sleep(3600))
        await asleep(sleeper)
        file.jump_to(START + 2 * HOUR)


async def test_many_sleepers_share_one_timer_and_leave_none(tmp_path: Path) -> None:
    file, clock = clocks(tmp_path)
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]  # nothing public tells
    before = sum(not t.cancelled() for t in timers)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(clock.sleep(3600 + n)) for n in range(200)]
        await asleep(*tasks)
        assert sum(not t.cancelled() for t in timers) == before + 1
        for task in tasks[:100]:
            task.cancel()
        file.jump_to(START + 2 * HOUR)
    assert sum(t.cancelled() for t in tasks) == 100
    assert sum(not t.cancelled() for t in timers) == before


async def test_a_cancelled_sleeper_leaves_no_timer(tmp_path: Path) -> None:
    _, clock = clocks(tmp_path)
    timers: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # as above
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await clock.sleep(3600)
    assert not [t for t in timers if not t.cancelled()]


async def test_no_time_at_all_still_lets_others_run(tmp_path: Path) -> None:
    _, clock = clocks(tmp_path)
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    await clock.sleep(0)
    assert ran == [1]


def test_time_never_goes_back(tmp_path: Path) -> None:
    file, clock = clocks(tmp_path)
    file.jump_to(START + HOUR)
    file.jump_to(START)
    assert clock.now() >= START + HOUR


@pytest.mark.parametrize(
    ("speed", "seconds", "real"), [(1, 10, 10), (60, 60, 1), (60, 5, 0.3), (120, 30, 0.3), (1, 0.1, 0.3)]
)
def test_timeouts_shrink_but_not_to_nothing(
    tmp_path: Path, speed: float, seconds: float, real: float
) -> None:
    _, clock = clocks(tmp_path, speed)
    assert clock.timeout(seconds) == real


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_must_run(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ClockFile.create(tmp_path / "clock", START, speed)


def test_a_reader_never_sees_half_a_jump(tmp_path: Path) -> None:
    """Read while it jumps by whole hours, the time never goes back nor lies between two jumps."""
    file, clock = clocks(tmp_path)
    jumps = [START + n * HOUR for n in range(1, 3000)]
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(clock.now())

    reader = threading.Thread(target=read)
    reader.start()
    for when in jumps:
        file.jump_to(when)
    done.set()
    reader.join()
    assert seen == sorted(seen)
    assert all((t - START) % HOUR < MINUTE for t in seen)
