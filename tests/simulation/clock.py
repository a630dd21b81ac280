"""Virtual time: an event loop on which every sleep is over as soon as nothing else can run.

The loop never waits: where the real one would ask the operating system for news, this one moves its clock on to
the next timer. Nothing but timers and callbacks runs on it, so the same calls give the same run.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

from bridge.model import SECOND, Micros

T = TypeVar("T")

STARTS: Micros = 1_521_576_000 * SECOND  # of the chat: Tuesday 20 March 2018, 20:00 UTC
LAST: Micros = 100 * 60 * SECOND  # after the start: people do nothing later
EPOCH: Micros = STARTS - 40 * 60 * SECOND  # of every simulation
MOST_STEPS = 20_000  # passes of the loop in one instant, beyond which somebody is spinning


class Stuck(Exception):
    """Nobody will ever run again, or somebody runs for ever without letting time pass."""


class _Jump(selectors.SelectSelector):
    """Instead of waiting for news it lets the time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.steps = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("everybody waits for somebody else, and no timer is set")
        self.steps = 0 if timeout > 0 else self.steps + 1
        if self.steps > MOST_STEPS:
            raise Stuck(f"{MOST_STEPS} passes of the loop, and no time went by")
        self.time += max(0.0, timeout)
        return []


class _Task(asyncio.Task[Any]):
    """Hashed by its place in the order of creation: a set of tasks then has the same order in every run."""

    _numbers = count()

    def __init__(self, *given: Any, **named: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(*given, **named)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        _Task._numbers = count()
        self.set_task_factory(lambda loop, coro, **named: _Task(coro, loop=loop, **named))

    def time(self) -> float:
        return self._jump.time


class VirtualClock:
    """`bridge.ports.Clock` on a virtual loop. Sleeps end on whole microseconds, so that nobody wakes early."""

    def now(self) -> Micros:
        return EPOCH + round(asyncio.get_running_loop().time() * SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0, math.ceil(seconds * SECOND)) / SECOND)

    def timeout(self, seconds: float) -> float:
        return seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
