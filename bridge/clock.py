"""Chat time: the wall clock's, or a rehearsal's.

A rehearsal's clock is a small memory-mapped file that its director writes and every process of it reads. It
holds (little-endian) a sequence number, the monotonic clock (ns) and chat time (microseconds since 1970) at
the same instant, the speed, and the sequence number again. While it is being written the first number is odd
or differs from the last. A jump is a new base.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import time
from pathlib import Path

from bridge.model import SECOND, Micros

LAYOUT = struct.Struct("<QqqdQ")
_NUMBER = struct.Struct("<Q")
_BASE = struct.Struct("<qqd")
LOOK = 0.02  # real seconds after which a sleeper notices a jump at the latest
SHORTEST = 0.3  # real seconds that a request is allowed at least, however fast the clock


class WallClock:
    """The clock on the wall, for a real chat."""

    def now(self) -> Micros:
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> float:
        return seconds


class SharedClock:
    """A rehearsal's clock, read from its file. It may run fast, and it jumps; sleepers wake when it does.

    However many sleep, one timer looks at the file for all of them, and none is left when nobody sleeps.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), LAYOUT.size, access=mmap.ACCESS_READ)
        self._sleepers: dict[asyncio.Future[None], Micros] = {}
        self._timer: asyncio.TimerHandle | None = None

    def _base(self) -> tuple[int, Micros, float]:
        while True:
            before, real, chat, speed, after = LAYOUT.unpack(self._map[: LAYOUT.size])
            if before == after and not before % 2:
                return real, chat, speed

    @property
    def speed(self) -> float:
        """How many seconds of chat time pass in a real one."""
        return self._base()[2]

    def now(self) -> Micros:
        return _chat_time(*self._base())

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers[sleeper] = self.now() + round(seconds * SECOND)
        self._look()
        try:
            await sleeper
        finally:
            self._sleepers.pop(sleeper, None)
            if not self._sleepers and self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def timeout(self, seconds: float) -> float:
        return max(SHORTEST, seconds / self.speed)

    def _look(self) -> None:
        """Wake whose time has come, and look again when the next one's has, or soon in case of a jump."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self.now()
        for sleeper in [s for s, when in self._sleepers.items() if when <= now]:
            del self._sleepers[sleeper]
            if not sleeper.done():
                sleeper.set_result(None)
        if self._sleepers:
            left = (min(self._sleepers.values()) - now) / SECOND / self.speed
            self._timer = asyncio.get_running_loop().call_later(min(left, LOOK), self._look)


class ClockFile:
    """The writing end of a rehearsal's clock; there is one, its director's."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), LAYOUT.size)

    @classmethod
    def create(cls, path: Path, chat_now: Micros, speed: float) -> ClockFile:
        """A new clock that shows `chat_now` and runs at `speed`; nobody ever sees half of the file. Raises
        ValueError unless the speed is above 0."""
        if speed <= 0:
            raise ValueError(f"a clock runs at a speed above 0, not {speed}")
        draft = path.with_name(path.name + ".new")
        draft.write_bytes(LAYOUT.pack(0, time.monotonic_ns(), chat_now, speed, 0))
        os.replace(draft, path)
        return cls(path)

    def jump_to(self, chat_time: Micros) -> None:
        """Let it be `chat_time` now. Time that has passed already stays: the clock never goes back."""
        number, *base, _ = LAYOUT.unpack(self._map[: LAYOUT.size])
        real, chat, speed = base
        chat_time = max(chat_time, _chat_time(real, chat, speed))
        _NUMBER.pack_into(self._map, 0, number + 1)
        _BASE.pack_into(self._map, _NUMBER.size, time.monotonic_ns(), chat_time, speed)
        _NUMBER.pack_into(self._map, _NUMBER.size + _BASE.size, number + 2)
        _NUMBER.pack_into(self._map, 0, number + 2)


def _chat_time(real: int, chat: Micros, speed: float) -> Micros:
    return chat + int((time.monotonic_ns() - real) / 1000 * speed)
