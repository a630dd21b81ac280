"""What came of an order."""

from __future__ import annotations

from typing import TypeAlias

from bridge.model.posts import Ref
from bridge.model.values import Micros, Tagged


class Sent(Tagged, frozen=True):
    """The post exists: act on it by `ref`, recognise it by `uri`."""

    ref: Ref
    uri: str
    version: str = ""
    url: str | None = None
    at: Micros = 0  # when its network says it was posted; 0: it does not say


class RetryLater(Tagged, frozen=True):
    """Certainly not done; try again after `after` seconds (chat time)."""

    after: float
    why: str


class Refused(Tagged, frozen=True):
    """Certainly not done, and trying the same again is useless."""

    why: str


class Unclear(Tagged, frozen=True):
    """May or may not have been done."""

    why: str


class Held(Tagged, frozen=True):
    """Not sent because it was too late; the hosts are asked."""

    why: str


class Cancelled(Tagged, frozen=True):
    """Not sent and no longer wanted."""

    why: str


Outcome: TypeAlias = Sent | RetryLater | Refused | Unclear
Final: TypeAlias = Sent | Refused | Held | Cancelled


class Found(Tagged, frozen=True):
    """The posts that an order made, oldest first; at least one."""

    posts: tuple[Sent, ...]


class Absent(Tagged, frozen=True):
    """The order certainly made no post."""


class Unknown(Tagged, frozen=True):
    """Could not look, or not well enough to be sure."""

    why: str
