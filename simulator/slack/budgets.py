"""Slack's rate limits, in chat time (its documentation: a message a second a channel with short bursts; tiers
of so many calls a minute and method)."""

from __future__ import annotations

import math

SECOND = 1_000_000
MINUTE = 60.0

TIER_2, TIER_3, TIER_4 = 20, 50, 100
TIERS = {
    "chat.update": TIER_3,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "conversations.history": TIER_3,
    "conversations.replies": TIER_3,
    "conversations.info": TIER_3,
    "conversations.join": TIER_3,
    "users.info": TIER_4,
    "users.conversations": TIER_3,
    "files.getUploadURLExternal": TIER_4,
    "files.completeUploadExternal": TIER_4,
    "files.info": TIER_4,
    "views.open": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
    "views.publish": TIER_4,
    "reactions.add": TIER_3,
    "reactions.remove": TIER_2,
    "reactions.get": TIER_3,
    "pins.add": TIER_2,
    "pins.remove": TIER_2,
    "pins.list": TIER_2,
    "conversations.open": TIER_3,
    "usergroups.users.list": TIER_2,
}
BURST = 4  # messages a channel takes at once


class Budgets:
    """One bucket of calls for each method, one of messages for each channel."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, int]] = {}  # bucket -> (calls left, when that was true)

    def spend(self, method: str, channel: str, now: int) -> int:
        """Whole seconds to stay away; 0: the call was within the budget and is counted."""
        if method == "chat.postMessage":
            return self._take(f"{method} {channel}", BURST, 1.0, now)
        if method in TIERS:
            return self._take(method, TIERS[method], TIERS[method] / MINUTE, now)
        return 0

    def _take(self, bucket: str, most: float, a_second: float, now: int) -> int:
        left, at = self._left.get(bucket, (float(most), now))
        left = min(float(most), left + max(0, now - at) / SECOND * a_second)
        if left >= 1:
            self._left[bucket] = (left - 1, now)
            return 0
        self._left[bucket] = (left, now)
        return max(1, math.ceil((1 - left) / a_second))
