"""What every noun is made of: names for ids and times, and the base of all values."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Micros: TypeAlias = int
Network: TypeAlias = str  # the name of a table `[networks.NAME]`
Cursor: TypeAlias = str  # how far a link has been read; only its adapter can tell what it says
Account: TypeAlias = str  # canonical: the same person's account seen from any server has the same value
OrderId: TypeAlias = tuple[int, int]  # (seq of the event that caused it, index among that event's orders)

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of everything here: immutable, compared by content, written as JSON without its defaults."""


class Tagged(Value, frozen=True, tag=True):
    """Base of the members of a union: the class name stands in the JSON as `type`."""
