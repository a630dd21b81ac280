"""The page's event log: what open pages have to be told, encoded once for all of them.

A reader is a position in the log, not a queue: a slow one costs nothing but its socket, and one that comes
back goes on where it was. An entry stands in the log once, as it is now, so that words since taken away are
never sent to anybody who comes back.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Hashable, Iterable
from typing import Any

import msgspec

KEPT = 2048  # events; some minutes of a lively chat
STEP = 64  # events written at once
SHARED = 16  # positions whose next step is kept: nearly all readers stand at one or two


class Log:
    """Numbered Server-Sent Events. `start`: the number before the first; greater than any an earlier process
    used, so that its readers are reset and not misled."""

    def __init__(self, start: int, kept: int = KEPT) -> None:
        self.head = start
        self._floor = start
        self._kept = kept
        self._ids: list[int] = []
        self._events: dict[int, tuple[Hashable, bytes]] = {}
        self._latest: dict[Hashable, int] = {}
        self._joined: dict[int, tuple[bytes, int]] = {}
        self._turn = asyncio.Event()

    def append(self, events: Iterable[tuple[str, Hashable, Any]]) -> None:
        """Add (event, what it is about, data) and wake every reader. A newer event about the same thing
        replaces the older one."""
        for event, about, data in events:
            self.head += 1
            self._forget(self._latest.get(about))
            line = b"id: %d\nevent: %b\ndata: %b\n\n"
            encoded = line % (self.head, event.encode(), msgspec.json.encode(data))
            self._ids.append(self.head)
            self._events[self.head] = (about, encoded)
            self._latest[about] = self.head
            if len(self._ids) > self._kept:
                self._floor = self._ids[0]
                self._forget(self._floor)
        self._joined.clear()
        self.wake()

    def since(self, position: int) -> tuple[bytes, int] | None:
        """The next events after `position` and the position behind them; None if it is not known any more (or
        never was). A long absence is made good in several steps, so that nobody's share fills the memory."""
        if not self._floor <= position <= self.head:
            return None
        if position in self._joined:
            return self._joined[position]
        first = bisect_right(self._ids, position)
        ids = self._ids[first : first + STEP]
        end = ids[-1] if first + STEP < len(self._ids) else self.head
        step = b"".join(self._events[n][1] for n in ids), end
        if len(self._joined) < SHARED:
            self._joined[position] = step
        return step

    @property
    def turn(self) -> asyncio.Event:
        """Set as soon as there is something new, or it is time for a sign of life."""
        return self._turn

    def wake(self) -> None:
        """Let every reader look."""
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def _forget(self, number: int | None) -> None:
        if number is None:
            return
        about, _ = self._events.pop(number)
        del self._ids[bisect_right(self._ids, number) - 1]
        if self._latest.get(about) == number:
            del self._latest[about]
