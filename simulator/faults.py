"""Which faults strike when: a seeded plan, so that a run can be repeated and every kind is seen to fire.

A server asks `hit` at each opportunity (each request, each frame). A planned fault fires at the first
opportunity after its instant; what fired is counted by kind. Long ones (`outage`, `token_revoked`) stay on for
a while, asked with `active`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

SECOND = 1_000_000

MILD = ("rate_limited", "server_error", "socket_dropped", "answer_lost", "duplicated", "reordered")
HARSH = (*MILD, "outage", "token_revoked", "cursor_lost", "bad_payload", "delete_first", "slow")
LASTING = {"outage": 75, "token_revoked": 60}  # seconds of chat time


class Faults:
    """A plan of (network, kind) -> instants. `now` gives chat time in microseconds."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._plan: dict[tuple[str, str], list[int]] = {}
        self._until: dict[tuple[str, str], int] = {}
        self.fired: Counter[str] = Counter()
        self.fired_on: Counter[tuple[str, str]] = Counter()

    def plan(
        self, level: str, networks: Iterable[str], start: int, end: int, seed: int, *, times: int = 2
    ) -> None:
        """Spread each kind of `level` ("none", "mild", "harsh") `times` over the chat on each network."""
        rng = random.Random(f"faults {seed}")
        for kind in {"none": (), "mild": MILD, "harsh": HARSH}[level]:
            for network in networks:
                self.at(network, kind, *(rng.randint(start, end) for _ in range(times)))

    def at(self, network: str, kind: str, *instants: int) -> None:
        """Let a fault strike at these instants (0: at the very next opportunity)."""
        plan = self._plan.setdefault((network, kind), [])
        plan.extend(instants)
        plan.sort()

    def hit(self, network: str, kind: str) -> bool:
        """Whether this opportunity fails. Counts it if so."""
        plan = self._plan.get((network, kind))
        if not plan or plan[0] > self._now():
            return False
        plan.pop(0)
        self.fired[kind] += 1
        self.fired_on[network, kind] += 1
        return True

    def active(self, network: str, kind: str) -> bool:
        """Whether a lasting fault is on (and let it begin if its instant has come)."""
        now = self._now()
        if now < self._until.get((network, kind), 0):
            return True
        if self.hit(network, kind):
            self._until[network, kind] = now + LASTING[kind] * SECOND
            return True
        return False
