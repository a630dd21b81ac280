"""The scripted hosts: they answer what the bridge asks of them, by pressing buttons in the hosts' room."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.ledger import Questions
from simulator.stage import Person, Said, Stage

SECOND = 1_000_000
LOOK = 4 * SECOND  # how often they look at their room
AGAIN = 20 * SECOND  # a control that is still there after so long is pressed once more ...
TIMES = 5  # ... but not for ever
ASKS = ("post", "show")  # "Post now" of an item held back, "Show" of an entry held back
EARLY = (30 * SECOND, 100 * SECOND)  # how long before its time an item is posted at once, if at all


class Hosts:
    """`accounts`: the hosts' people by network. `early`: they also press "next" before its time, once."""

    def __init__(
        self,
        stages: Mapping[str, Stage],
        accounts: Mapping[str, Sequence[Person]],
        questions: Questions,
        seed: int,
        *,
        early: bool = True,
    ) -> None:
        self.stages, self.accounts, self.questions = stages, accounts, questions
        self.pressed: list[tuple[int, str, str]] = []  # (chat time, verb, who), of what the bridge took
        self.waiting = 0  # what the hosts are asked and have not settled yet
        self._rng = random.Random(f"hosts {seed}")
        self._asked: dict[int, int] = {}  # question -> when its first copy was seen
        self._tried: dict[str, list[int]] = {}  # control -> when it was pressed
        self._looked = 0
        self._early_done = not early or len(questions.labels) < 2
        for stage in stages.values():
            stage.on_ours.append(self._saw)

    def _saw(self, said: Said) -> None:
        """The bridge published something somewhere."""
        question = self.questions.asked_by(said)
        if question is not None:
            self._asked.setdefault(question, said.at)

    def step(self, now: int) -> None:
        """Look at the hosts' room, if it is time to."""
        if now < self._looked + LOOK:
            return
        self._looked = now
        self.waiting = 0
        for network, people in self.accounts.items():
            if people:
                for verb in ASKS:
                    self._answer(network, people, verb, now)
                self._next_early(network, people, now)

    def _answer(self, network: str, people: Sequence[Person], verb: str, now: int) -> None:
        """Press what the hosts are asked to press; again if it is still there or nobody took it."""
        for control in self.stages[network].find_control(verb):
            tried = self._tried.setdefault(json.dumps([verb, control["value"]], sort_keys=True), [])
            if len(tried) >= TIMES:
                continue
            self.waiting += 1
            if not tried or now >= tried[-1] + AGAIN:
                who = self._rng.choice(people)
                if self._press(network, who, verb, control, now):
                    tried.append(now)

    def _next_early(self, network: str, people: Sequence[Person], now: int) -> None:
        """Once, early in the chat, two hosts press "next" at the same moment: one item goes out, once."""
        due = None if self._early_done else self._due()
        if due is None or not EARLY[0] <= due - now <= EARLY[1]:
            return
        controls = self.stages[network].find_control("next")
        if controls:
            pressed = [self._press(network, who, "next", controls[0], now) for who in people[:2]]
            self._early_done = any(pressed)

    def _due(self) -> int | None:
        """When the question after the last one seen is due: as the run sheet says, else as far after it as it
        was after the one before. Only the second and the third are asked early."""
        latest = max(self._asked, default=-1)
        if not 0 <= latest <= min(1, len(self.questions.labels) - 2):
            return None
        if (planned := self.questions.due[latest + 1]) is not None:
            return planned
        if latest == 0 or 0 not in self._asked:
            return None
        return 2 * self._asked[1] - self._asked[0]

    def _press(self, network: str, who: Person, verb: str, control: dict[str, Any], now: int) -> bool:
        taken = self.stages[network].use_control(who, control)
        if taken:
            self.pressed.append((now, verb, who.handle))
        return taken
