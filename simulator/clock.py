"""Chat time, shared with the bridge through a small memory-mapped file.

The file holds (little-endian) a sequence number, the monotonic clock (ns) and chat time (us since 1970) at the
same instant, and the speed; the sequence number is odd while it is being written. Whoever directs a rehearsal
writes it; a jump is a new base.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from pathlib import Path

LAYOUT = struct.Struct("<QqqdQ")
SECOND = 1_000_000


class Clock:
    """Reads the shared clock. Without a file: the wall clock at speed 1 (for tests: give `speed`)."""

    def __init__(self, path: Path | None = None, speed: float = 1.0) -> None:
        self._map: mmap.mmap | None = None
        self._own = (time.monotonic_ns(), time.time_ns() // 1000, speed)
        if path is not None:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), LAYOUT.size, access=mmap.ACCESS_READ)

    def _base(self) -> tuple[int, int, float]:
        if self._map is None:
            return self._own
        while True:
            before, real, chat, speed, after = LAYOUT.unpack(self._map[: LAYOUT.size])
            if before == after and not before % 2:
                return real, chat, speed

    @property
    def speed(self) -> float:
        """How many seconds of chat time pass in a real one."""
        return self._base()[2]

    def now(self) -> int:
        """Chat time in microseconds since 1970 UTC."""
        real, chat, speed = self._base()
        return chat + int((time.monotonic_ns() - real) / 1000 * speed)

    async def until(self, when: int) -> None:
        """Wait until chat time `when`. Looks up every 20 real ms, since the clock may jump."""
        while (left := when - self.now()) > 0:  # noqa: ASYNC110  # a file has no event for us
            await asyncio.sleep(
                min(left / SECOND / self.speed, 0.02) if self._map else left / SECOND / self.speed
            )

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of chat time."""
        await self.until(self.now() + int(seconds * SECOND))

    def timeout(self, seconds: float) -> float:
        """Real seconds for a ping that takes `seconds` on a real network."""
        return seconds if self.speed == 1 else max(0.3, seconds / self.speed)
