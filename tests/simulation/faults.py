"""What goes wrong, drawn from the seed and counted when it strikes."""

from __future__ import annotations

import random
from collections import Counter

# of frames: how what people do reaches us
FRAMES = ("reordered", "duplicated", "lost", "delete_first", "wishes_late", "malformed")
# of requests: how what we want reaches a network
REQUESTS = (
    "rate_limited",
    "refused",
    "request_lost",
    "answer_lost",
    "socket_dropped",
    "answer_slow",
    "find_unknown",
)
# for minutes
LASTING = ("outage", "login_refused", "cursor_lost")
# of the process: at a commit
CRASHES = ("crash_before", "crash_after", "crash_unsettled")

# what happens to people and hosts, not to the bridge; counted too
TURNS = ("author_gone", "quoted", "endorsed", "taken_back", "replied", "seen_elsewhere")

KINDS = (*FRAMES, *REQUESTS, *LASTING, *CRASHES, "pressed_twice", "echo_first")


class Faults:
    """Each kind has a rate of its own in each run; in some runs it never strikes."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"faults {seed}")
        quiet = self.rng.random() < 0.1
        self.rates = {kind: self._rate(kind, quiet) for kind in KINDS}
        self.fired: Counter[str] = Counter()
        self.crashes_left = 0 if quiet else self.rng.randint(0, 5)

    def _rate(self, kind: str, quiet: bool) -> float:
        if quiet or self.rng.random() < 0.35:
            return 0.0
        most = {"refused": 0.08, "find_unknown": 0.5, "crash_unsettled": 0.06}
        most |= dict.fromkeys(("crash_before", "crash_after"), 0.015)
        return self.rng.random() * most.get(kind, 0.2)

    def hit(self, kind: str) -> bool:
        """Whether this opportunity fails. Counts it if so."""
        if not (rate := self.rates[kind]) or self.rng.random() >= rate:
            return False
        self.fired[kind] += 1
        return True

    def crash(self, settles: bool) -> str:
        """Whether the process dies at this commit, and on which side of it; "" if it lives on. `settles`: a
        network's answer is in it."""
        kinds: tuple[str, ...] = ("crash_unsettled",) if settles else ()
        for kind in (*kinds, "crash_before", "crash_after"):
            if self.crashes_left and self.hit(kind):
                self.crashes_left -= 1
                return kind
        return ""
