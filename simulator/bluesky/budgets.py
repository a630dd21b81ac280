"""The PDS's rate limits, in chat time.

Figures of the PDS's source and docs.bsky.app: 3,000 requests in 5 minutes, 5,000 write points an hour and
35,000 a day (create 3, put 2, delete 1), 30 logins in 5 minutes and 300 a day. A window begins with its first
request.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
POINTS = {"createRecord": 3, "putRecord": 2, "deleteRecord": 1, "applyWrites": 4}  # applyWrites: one of each


@dataclass
class Budget:
    """So many points in a window of so many microseconds."""

    limit: int
    window: int
    until: int = 0
    used: int = 0

    def spend(self, now: int, points: int) -> bool:
        """Take some; False if there are not enough left."""
        if now >= self.until:
            self.until, self.used = now + self.window, 0
        self.used += points
        return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        return headers(self.limit, max(0, self.limit - self.used), self.until, self.window)


def headers(limit: int, remaining: int, reset: int, window: int) -> dict[str, str]:
    """The headers a PDS sends; `reset` and `window` in microseconds."""
    return {
        "ratelimit-limit": str(limit),
        "ratelimit-remaining": str(remaining),
        "ratelimit-reset": str(-(-reset // SECOND)),
        "ratelimit-policy": f"{limit};w={window // SECOND}",
    }


class Budgets:
    """All budgets of one caller."""

    def __init__(self) -> None:
        self.requests = Budget(3_000, 5 * MINUTE)
        self.writes = (Budget(5_000, HOUR), Budget(35_000, 24 * HOUR))
        self.logins = (Budget(30, 5 * MINUTE), Budget(300, 24 * HOUR))

    def spend(self, method: str, now: int) -> tuple[Budget, bool]:
        """Charge a request. Gives the scarcest budget, whose headers are sent, and whether it may pass."""
        spent = [(self.requests, self.requests.spend(now, 1))]
        name = method.rpartition(".")[2]
        if name in POINTS:
            spent += [(budget, budget.spend(now, POINTS[name])) for budget in self.writes]
        elif name == "createSession":
            spent += [(budget, budget.spend(now, 1)) for budget in self.logins]
        return next(((b, ok) for b, ok in spent if not ok), min(spent, key=lambda s: s[0].limit - s[0].used))


def refusal(given: dict[str, str]) -> web.Response:
    """429 as a PDS answers it."""
    body = {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}
    return web.json_response(body, status=429, headers=given)
