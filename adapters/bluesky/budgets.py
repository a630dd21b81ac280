"""What the server still allows us, as the headers of its answers tell (docs.bsky.app, Rate limits)."""

from __future__ import annotations

from typing import NamedTuple

from adapters.bluesky.convert import Json
from bridge.model import SECOND, Micros

# Points of a write; a PDS gives 5,000 an hour and 35,000 a day.
_COST = {"createRecord": 3, "putRecord": 2, "deleteRecord": 1, "applyWrites": 4}


class _Left(NamedTuple):
    points: int
    until: Micros


class Budgets:
    """Learns from each answer; a method whose budget is used up is not tried before it is full again. An
    answer tells only of the scarcest budget, which may be another one each time."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], _Left] = {}  # (method, policy) ->

    def learn(self, method: str, headers: Json) -> None:
        """Take in the headers of an answer."""
        policy, left, reset = (headers.get(f"ratelimit-{key}") for key in ("policy", "remaining", "reset"))
        if policy and str(left).isdigit() and str(reset).isdigit():
            self._left[method, str(policy)] = _Left(int(str(left)), int(str(reset)) * SECOND)

    def left(self, now: Micros) -> dict[str, int]:
        """Points left, by the method and the policy that its answers tell of: "createRecord 5000;w=3600"."""
        told = self._left.items()
        return {
            f"{method.rpartition('.')[2]} {policy}": left.points
            for (method, policy), left in told
            if left.until > now
        }

    def wait(self, method: str, now: Micros) -> float:
        """Seconds until a request may be made; 0 if it may at once. `now`: by the server's clock, which stamps
        when a budget is renewed."""
        cost = _COST.get(method.rpartition(".")[2], 1)
        ends = [
            left.until
            for (of, _), left in self._left.items()
            if of == method and left.points < cost and left.until > now
        ]
        return (max(ends) - now) / SECOND if ends else 0.0
