"""How much the token may still ask, learnt from what the server says.

Mastodon counts a request in every budget it belongs to and tells of the one nearest its end (its source):
300 requests in 5 minutes for all, 300 in 15 minutes for those that page through a listing.
"""

from __future__ import annotations

from bridge.model import SECOND, Micros


class Budget:
    """The two budgets that reading meets. Times are chat time."""

    def __init__(self) -> None:
        self._left: dict[bool, tuple[int, Micros]] = {}  # paging or not -> requests left, until when

    def learn(self, left: int, until: Micros, *, paging: bool) -> None:
        """The server said so."""
        self._left[paging] = left, until

    def spend(self) -> None:
        """A request was made whose answer may tell of another budget, or never come."""
        self._left = {paging: (left - 1, until) for paging, (left, until) in self._left.items()}

    def left(self, now: Micros) -> int | None:
        """Requests left; None if nobody said, or the time is over for which somebody did."""
        left, until = self._left.get(False, (0, 0))
        return max(0, left) if now < until else None

    def wait(self, now: Micros, reserve: int, *, paging: bool) -> float:
        """Seconds until a request may be made that leaves `reserve` for others."""
        told = [self._left.get(kind, (0, 0)) for kind in ((False, True) if paging else (False,))]
        return (
            max((until - now for left, until in told if left <= reserve and now < until), default=0) / SECOND
        )
