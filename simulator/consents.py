"""What people answer when the bridge asks them alone whether their words may leave the room.

About half let them stand with their name, some with their first name, some keep them, some never answer, and
a few change their mind later. Who pressed a button and is told nothing presses it again: the bridge may have
been away, or gone a moment later.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.ledger import Choice, Ledger
from simulator.stage import Person, Stage

SECOND = 1_000_000
VERB = "consent"
LOOK = 2 * SECOND  # how often they look at what they were asked
THINK = (4, 90)  # seconds until they answer
RETHINK = (60, 600)  # and until they change their mind
AGAIN = 20 * SECOND  # who was told nothing presses again ...
TIMES = 40  # ... but not for ever
LAST = 20 * 60 * SECOND  # so long before the end of the late window nobody begins to answer any more
ANSWERS: dict[tuple[Choice, ...], int] = {
    ("name",): 42,
    ("first",): 16,
    ("no",): 14,
    (): 14,
    ("name", "no"): 5,
    ("name", "first"): 4,
    ("first", "name"): 3,
    ("no", "first"): 2,
}

Control = dict[str, Any]


@dataclass
class Mind:
    """Somebody who was asked: what they are still going to press, and when they do so next."""

    who: Person
    choices: list[Choice]
    due: int
    tried: int = 0  # presses of the present choice
    told: int | None = None  # how often they had been told something when a press of theirs was taken


class Consents:
    """Everybody who is asked. `people`: accounts by (handle, network); `until`: when the late window ends."""

    def __init__(
        self,
        stages: Mapping[str, Stage],
        people: Mapping[tuple[str, str], Person],
        ledger: Ledger,
        until: int,
        seed: int,
    ) -> None:
        self.stages, self.people, self.ledger = stages, people, ledger
        self._until, self._seed = until, seed
        self.decided: dict[str, Choice] = {}  # who has made up their mind before they are asked
        self._minds: dict[tuple[str, str], Mind] = {}
        self._looked = 0

    @property
    def next(self) -> int | None:
        """Chat time of the next press; None if nobody is going to press anything."""
        return min((mind.due for mind in self._minds.values() if mind.choices), default=None)

    @property
    def finished(self) -> bool:
        """Whether nobody is going to press anything."""
        return self.next is None

    def step(self, now: int) -> None:
        """Look at what people were asked, if it is time to, and do what is due."""
        if now < self._looked + LOOK:
            return
        self._looked = now
        for network, stage in self.stages.items():
            asked: dict[str, list[Control]] = {}
            for control in stage.find_control(VERB):
                asked.setdefault(control["user"], []).append(control)
            for handle, controls in asked.items():
                if (handle, network) not in self._minds:
                    self._minds[handle, network] = self._asked(self.people[handle, network], now)
                self._live(self._minds[handle, network], controls, now)

    def _asked(self, who: Person, now: int) -> Mind:
        """Somebody sees the question for the first time."""
        rng = self._chance(who)
        chosen = rng.choices(list(ANSWERS), list(ANSWERS.values()))[0]
        if who.host:
            chosen = ("name",)  # everybody knows theirs
        if who.handle in self.decided:
            chosen = (self.decided[who.handle],)
        if now > self._until - LAST:
            chosen = ()
        return Mind(who, list(chosen), now + int(rng.uniform(*THINK) * SECOND))

    def _live(self, mind: Mind, controls: Iterable[Control], now: int) -> None:
        """Go on to the next choice if this one was heard; else press, if it is time to."""
        buttons = [c for c in controls if mind.choices and c["value"]["item"] == mind.choices[0]]
        if not buttons:
            return
        if mind.told is not None and buttons[0]["told"] > mind.told:
            mind.choices, mind.told, mind.tried = mind.choices[1:], None, 0
            mind.due = now + int(self._chance(mind.who).uniform(*RETHINK) * SECOND)
        elif now >= mind.due and mind.tried < TIMES:
            mind.due, mind.tried = now + AGAIN, mind.tried + 1
            self._press(mind, self._chance(mind.who).choice(buttons))  # an old question is as good as a new
        elif now >= mind.due:
            mind.choices = []

    def _press(self, mind: Mind, control: Control) -> None:
        pressed = time.monotonic()
        if self.stages[mind.who.network].use_control(mind.who, control):
            mind.told = control["told"] if mind.told is None else mind.told
            self.ledger.chose(mind.who.network, mind.who.handle, mind.choices[0], pressed)

    def _chance(self, who: Person) -> random.Random:
        return random.Random(f"consent {self._seed} {who.network} {who.handle}")
