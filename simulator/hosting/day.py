"""What somebody sets out to do in the course of the hour, one thing after the other, as people do: they look whether
it came of it, and do it again if it did not.

An errand is a generator: it does something and yields until the next look. Nothing here knows of a bridge; whether a
thing is done is seen where people see it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

SECOND = 1_000_000
LOOK = 2 * SECOND  # between two looks
PATIENCE = 30 * SECOND  # without anything to be seen, until it is done once more ...
AT_LEAST = 2.5  # ... but never in fewer real seconds: no bridge starts faster because the clock is fast
TIMES = 6  # it is not tried more often
LONGEST = 10 * 60 * SECOND  # what one waits for, and while nobody is connected, before giving it up ...
AND_THEN = 12.0  # ... and so many real seconds at least

T = TypeVar("T")
Errand: TypeAlias = Generator[None, None, T]


class GaveUp(Exception):
    """It could not be done; says what."""


@dataclass(frozen=True)
class Plan:
    """Something somebody means to do once `due` says so."""

    what: str
    due: Callable[[], Any]
    do: Callable[[], Errand[None]]


class Diary:
    """What one person has still to do."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.busy: tuple[str, Errand[None]] | None = None

    def add(self, what: str, due: Callable[[], Any], do: Callable[[], Errand[None]]) -> None:
        """Plan one more thing. Of what is due, the first is done first."""
        self.plans.append(Plan(what, due, do))


class Day:
    """Everybody's diaries. `last`: chat time after which nothing new is begun."""

    def __init__(self, last: int) -> None:
        self.now = 0
        self.last = last
        self.diaries: list[Diary] = []
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self._looked = 0

    def diary(self) -> Diary:
        """For one more person."""
        self.diaries.append(Diary())
        return self.diaries[-1]

    @property
    def finished(self) -> bool:
        """Whether nobody has anything left to do."""
        return not any(diary.plans or diary.busy for diary in self.diaries)

    def step(self, now: int) -> None:
        """Let everybody look, if it is time to, and go on."""
        self.now = now
        if now < self._looked + LOOK:
            return
        self._looked = now
        for diary in self.diaries:
            self._live(diary)

    def _live(self, diary: Diary) -> None:
        if self.now > self.last:
            self.failed += [f"{plan.what}: it never was the time for it" for plan in diary.plans]
            diary.plans.clear()
        if diary.busy is None:
            plan = next((plan for plan in diary.plans if plan.due()), None)
            if plan is None:
                return
            diary.plans.remove(plan)
            diary.busy = plan.what, plan.do()
        what, errand = diary.busy
        try:
            next(errand)
        except StopIteration:
            diary.busy = None
        except GaveUp as why:
            diary.busy = None
            self.failed.append(f"{what}: {why}")

    # ------------------------------------------------------------ what errands are made of

    def within(self, seen: Callable[[], T | None]) -> Errand[T | None]:
        """Look for something for a while; None if it does not come."""
        chat, real = self.now + PATIENCE, time.monotonic() + AT_LEAST
        while not (found := seen()) and (self.now < chat or time.monotonic() < real):
            yield
        return found

    def pause(self, seconds: float) -> Errand[None]:
        """Do something else meanwhile."""
        until = self.now + int(seconds * SECOND)
        while self.now < until:
            yield

    def until(self, do: Callable[[], bool], seen: Callable[[], T | None]) -> Errand[T]:
        """Do it (False: that was not possible now), look for what comes of it, and do it again if nothing does.
        Raises GaveUp."""
        return (yield from self.through(lambda: self._at_once(do), seen))

    def through(self, do: Callable[[], Errand[bool]], seen: Callable[[], T | None]) -> Errand[T]:
        """The same for what takes several steps. Raises GaveUp."""
        tries, chat, real = 0, self.now + LONGEST, time.monotonic() + AND_THEN
        while not (found := seen()):
            if tries >= TIMES or (self.now > chat and time.monotonic() > real):
                raise GaveUp("nothing came of it")
            if (yield from do()):
                tries, chat, real = tries + 1, self.now + LONGEST, time.monotonic() + AND_THEN
                if found := (yield from self.within(seen)):
                    break
            yield
        return found

    def _at_once(self, do: Callable[[], bool]) -> Errand[bool]:
        yield from ()
        return do()
