"""What an interaction hands out for a while: a trigger to open a form with, an address to answer at."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from simulator.clock import Clock
from simulator.slack.rules import Refusal
from simulator.slack.wire import SECOND, Table

PATIENCE = 3.0  # seconds in which a trigger can be used and an interaction acknowledged (documentation)
USES, LASTS = 5, 30 * 60  # of an address for answers; seconds (documentation)


class Spell:
    """So many seconds of chat time, but never less in real ones: no app is faster because the clock is."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._chat, self._real = clock.now() + seconds * SECOND, time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether they have passed."""
        return self._clock.now() > self._chat and time.monotonic() > self._real


class Triggers:
    """All trigger_ids, each good for one view of one user. `patience`: seconds for which one lives."""

    def __init__(self, clock: Clock) -> None:
        self.patience = PATIENCE
        self._clock = clock
        self._numbers = itertools.count(1)
        self._issued: dict[str, tuple[str, Spell]] = {}
        self._used: set[str] = set()

    def issue(self, user: str) -> str:
        """A fresh one."""
        trigger = f"{next(self._numbers)}.{self._clock.now() // SECOND}.{secrets.token_hex(16)}"
        self._issued[trigger] = user, Spell(self._clock, self.patience)
        return trigger

    def exchange(self, trigger: object) -> str:
        """Whose it is; it is used up then. Raises Refusal."""
        if not re.fullmatch(r"\d+\.\d+\.[0-9a-f]+", str(trigger)) or str(trigger) not in self._issued:
            raise Refusal("invalid_trigger_id")
        if trigger in self._used:
            raise Refusal("exchanged_trigger_id")
        user, spell = self._issued[str(trigger)]
        if spell.over:
            raise Refusal("expired_trigger_id")
        self._used.add(str(trigger))
        return user


@dataclass
class Address:
    """A response_url: who used what where."""

    user: str
    channel: str
    original: str | None  # ts of the message whose control was used
    until: int
    left: int = USES


class Addresses:
    """All response_urls. `say`: does what is asked at one; raises Refusal."""

    def __init__(self, clock: Clock, say: Callable[[Address, Table], None]) -> None:
        self.base = ""  # of the server, "host:port"
        self._clock, self._say = clock, say
        self.given: set[str] = set()  # secrets
        self._known: dict[str, Address] = {}

    def issue(self, user: str, channel: str, original: str | None = None) -> str:
        """A fresh one."""
        secret = secrets.token_hex(12)
        self.given.add(secret)
        self._known[secret] = Address(user, channel, original, self._clock.now() + LASTS * SECOND)
        return f"http://{self.base}/response/{secret}"

    async def answer(self, request: web.Request) -> web.Response:
        """Somebody posts to one."""
        address = self._known.get(request.match_info["secret"])
        if address is None or self._clock.now() > address.until:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if not address.left:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        address.left -= 1
        try:
            self._say(address, await request.json())
        except Refusal as refusal:
            return web.json_response(refusal.body, status=400)
        return web.json_response({"ok": True})
