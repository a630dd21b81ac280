"""Mastodon's rate limits, in chat time.

The figures are those of Mastodon's source (config/initializers/rack_attack.rb, app/lib/rate_limiter.rb); its
windows begin at multiples of their length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

SECOND = 1_000_000
MINUTE = 60 * SECOND


@dataclass
class Budget:
    """So many requests in a window of so many microseconds."""

    limit: int
    window: int
    start: int = 0
    used: int = 0

    def spend(self, now: int) -> bool:
        """Take one; False if none is left."""
        start = now - now % self.window
        if start != self.start:
            self.start, self.used = start, 0
        self.used += 1
        return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        """As Mastodon sends them: the reset is an ISO time."""
        return headers(self.limit, max(0, self.limit - self.used), self.start + self.window)


def headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    """The three X-RateLimit headers; `reset` in microseconds."""
    when = datetime.fromtimestamp(reset // SECOND, UTC).replace(microsecond=reset % SECOND)
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


@dataclass
class Budgets:
    """All budgets of the bridge's token."""

    token: Budget = field(default_factory=lambda: Budget(300, 5 * MINUTE))
    paging: Budget = field(default_factory=lambda: Budget(300, 15 * MINUTE))
    statuses: Budget = field(default_factory=lambda: Budget(300, 180 * MINUTE))
    deletes: Budget = field(default_factory=lambda: Budget(30, 30 * MINUTE))
    media: Budget = field(default_factory=lambda: Budget(30, 30 * MINUTE))

    def spend(self, method: str, path: str, paged: bool, now: int) -> tuple[Budget, bool]:
        """Charge a request. Gives the budget whose headers Mastodon would send, and whether it may pass."""
        spent = [self.token]
        if method == "GET" and paged:
            spent.append(self.paging)
        elif method == "POST" and path.endswith(("/statuses", "/reblog")):
            spent.append(self.statuses)
        elif method == "POST" and path.endswith("/media"):
            spent.append(self.media)
        elif method == "DELETE":
            spent.append(self.deletes)
        passed = [(budget, budget.spend(now)) for budget in spent]
        return next(((b, ok) for b, ok in passed if not ok), passed[-1])
