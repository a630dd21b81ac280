"""Numbered items over a channel that loses them: kept until the other side has them, never more than it granted.

Both ends are plain data. A gap is not read from the network again: whatever is missing is still here.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from adapters.mqtt.wire import Items, Trouble
from bridge.model import Inbound

Entry: TypeAlias = Inbound | Trouble

WINDOW = 256  # items that may be on their way or waiting to be read
BATCH = 64  # items in one message at most


class Outgoing:
    """The end that reads a network."""

    def __init__(self) -> None:
        self._kept: deque[Entry] = deque()
        self._had = 0  # everything up to here has arrived
        self._granted = WINDOW
        self.said = 0  # everything up to here was said

    @property
    def idle(self) -> bool:
        """Whether everything has arrived."""
        return not self._kept

    @property
    def full(self) -> bool:
        return self._had + len(self._kept) >= self._granted

    def put(self, entry: Entry) -> None:
        """One more. Only while it is not `full`."""
        self._kept.append(entry)

    def take(self) -> Items | None:
        """What is to be said next; it counts as said from here on, whether or not it arrives."""
        start = self.said - self._had
        batch = [self._kept[n] for n in range(start, min(start + BATCH, len(self._kept)))]
        if not batch:
            return None
        items: list[Inbound] = []
        broke: Trouble | None = None
        for entry in batch:
            if isinstance(entry, Trouble):
                broke = entry
                break
            items.append(entry)
        message = Items(self.said + 1, tuple(items), broke)
        self.said += len(items) + (broke is not None)
        return message

    def had(self, number: int, grant: int) -> None:
        """Everything up to `number` has arrived, and there is room up to `grant`."""
        for _ in range(min(number - self._had, len(self._kept))):
            self._kept.popleft()
            self._had += 1
        self.said = max(self.said, self._had)
        self._granted = max(self._granted, grant)

    def again(self, after: int) -> None:
        """What comes after `after` was lost."""
        self.said = max(self._had, min(self.said, after))


class Incoming:
    """The end that feeds the core."""

    def __init__(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._told = WINDOW  # the last grant the other end was told
        self.have = 0
        self._asked = -1  # behind which something was found missing

    def take(self, message: Items) -> bool:
        """Keep what is new; False if something before it is missing."""
        if message.first > self.have + 1:
            return False
        entries: list[Entry] = [*message.items, *([message.broke] if message.broke else [])]
        new = entries[self.have + 1 - message.first :]
        self._waiting.extend(new)
        self.have += len(new)
        return True

    def gap(self) -> bool:
        """Whether to ask for what is missing: once, and not at each of the messages behind it."""
        asked, self._asked = self._asked, self.have
        return asked != self.have

    def pop(self) -> Entry | None:
        return self._waiting.popleft() if self._waiting else None

    @property
    def grant(self) -> int:
        """How far there is room."""
        return self.have - len(self._waiting) + WINDOW

    @property
    def stingy(self) -> bool:
        """Whether the other end should be told of the room there is."""
        return self.grant - self._told >= WINDOW // 2

    def tell(self) -> int:
        """The grant, about to be told."""
        self._told = self.grant
        return self._told
