"""Who wrote it: accounts from users.info, remembered for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec

from adapters.slack import convert
from adapters.slack.convert import Home
from adapters.slack.web import Failure, Web
from bridge.model import MINUTE, Author, AuthorKnown, Micros, Wishes
from bridge.ports import Clock

_MOST = 2_000  # people remembered
_FRESH = 15 * MINUTE  # a profile is looked at again after this: somebody may have added #nobridge
_QUICK = 1.0  # seconds: a form has to be opened within three, and what is hidden be gone within one


class Known(msgspec.Struct, frozen=True):
    """An account as it was at `at`."""

    author: Author
    wishes: Wishes
    at: Micros


class People:
    """The members of the workspace we have met."""

    def __init__(self, web: Web, home: Home, clock: Clock) -> None:
        self._web, self._home, self._clock = web, home, clock
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._told: OrderedDict[str, Wishes] = OrderedDict()

    async def meet(self, users: Iterable[str]) -> dict[str, Author]:
        """The authors by user id. Raises Failure."""
        return {user: (await self._one(user)).author for user in users}

    def known(self, user: str) -> Author | None:
        """Somebody we have met, without asking."""
        known = self._known.get(user)
        return known.author if known else None

    async def quickly(self, user: str, since: float) -> Author | None:
        """Somebody who used a control at `since` (as the loop's clock has it) and waits, as far as can be learnt
        until a moment after: a command must not fail, nor be late, for want of a name, nor those behind it."""
        try:
            async with asyncio.timeout_at(since + self._clock.timeout(_QUICK)):
                return (await self._one(user)).author
        except (Failure, TimeoutError):
            return self.known(user)

    def introduction(self, user: str) -> AuthorKnown | None:
        """What to say of somebody met before their post is shown; None if it has been said."""
        known = self._known[user]
        if self._told.get(user) == known.wishes:
            return None
        self._told[user] = known.wishes
        while len(self._told) > _MOST:
            self._told.popitem(last=False)
        return AuthorKnown(known.author.account, known.wishes)

    async def _one(self, user: str) -> Known:
        known = self._known.get(user)
        if known is None or self._clock.now() - known.at > _FRESH:
            known = self._known[user] = await self._ask(user)
        self._known.move_to_end(user)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known

    async def _ask(self, user: str) -> Known:
        profile: dict[str, Any] = {"id": user}
        try:
            profile = (await self._web.read("users.info", user=user))["user"]
        except Failure as failure:
            if failure.error not in {"user_not_found", "user_not_visible", "users_not_found"}:
                raise
        return Known(convert.author(profile, self._home), convert.wishes(profile), self._clock.now())
