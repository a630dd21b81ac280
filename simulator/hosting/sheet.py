"""The run sheet in the hands of the hosts: what they do with board, slash command and Home tab."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from simulator.hosting.day import SECOND, Errand, GaveUp
from simulator.hosting.phone import Control, Phone
from simulator.hosting.scene import Scene

ENDS = re.compile(r"\bends ([^·\n]+)")
MORE = 5 * 60 * SECOND  # what "Extend 5 min" gives

SAID = "A short breath, everybody: the kettle at Wrenfold is on. Then we go on."
ASKED = "What would you tell somebody who begins a community tomorrow?"
PLANNED = "Which small habit will you take home from this hour?"
EDITED = "By which signs do you know that a community is worth its trouble?"


class Sheet:
    """`extended`: told by how much the end moved; `closed`: that it is now."""

    def __init__(self, scene: Scene, extended: Callable[[int], None], closed: Callable[[], None]) -> None:
        self.scene, self.day, self.room = scene, scene.day, scene.room
        self.questions = scene.ledger.questions
        self._extended, self._closed = extended, closed

    def asked(self, number: int) -> bool:
        """Whether a question stands in the channel."""
        return self.room.says(f"{self.questions.labels[number]} {self.questions.texts[number]}") is not None

    # ------------------------------------------------------------ items

    def runs(self) -> bool:
        """Whether nothing is on hold."""
        return "ON HOLD" not in self.room.board()

    def upcoming(self, who: Phone) -> int | None:
        """The planned question that the board says is next."""
        found = re.fullmatch(r"q(\d+)", next((str(c["value"].get("item")) for c in who.buttons("next")), ""))
        number = int(found[1]) - 1 if found else self.questions.planned
        return number + 1 if number < self.questions.planned and not self.asked(number) else None

    def next_together(self, one: Phone, other: Phone) -> Errand[None]:
        """Two hosts press "Next" at the same moment: the question goes out, and not the one after it."""
        number = (yield from self.day.until(lambda: False, lambda: self.upcoming(one))) - 1

        def both() -> bool:
            found = one.buttons("next", lambda value: value.get("item") == f"q{number + 1}")
            return sum(who.press(found) for who in (one, other)) > 0

        yield from self.day.until(both, lambda: self.asked(number))
        yield from self.day.pause(20)
        if number + 1 < self.questions.planned and self.asked(number + 1):
            raise GaveUp("two questions went out")
        self.scene.note("next", one, label=self.questions.labels[number], hosts=2)

    def next_typed(self, who: Phone) -> Errand[None]:
        number = (yield from self.day.until(lambda: False, lambda: self.upcoming(who))) - 1
        label = self.questions.labels[number]
        yield from self.day.until(lambda: who.type(f"next {label}"), lambda: self.asked(number))
        self.scene.note("next", who, label=label)

    def hold(self, who: Phone) -> Errand[None]:
        """Hold the next question until after its time."""
        number = (yield from self.day.until(lambda: False, lambda: self.upcoming(who))) - 1
        label, due = self.questions.labels[number], self.questions.due[number] or self.day.now
        yield from self.day.until(lambda: who.type(f"hold {label}"), lambda: not self.runs())
        while self.day.now < due + 30 * SECOND:
            yield
        early = self.asked(number)
        self.scene.note("hold", who, label=label)
        yield from self.day.until(lambda: who.press(who.buttons("resume")), self.runs)
        if early:
            raise GaveUp("it went out all the same")
        yield from self.day.until(lambda: False, lambda: self.asked(number))
        self.scene.note("resume", who, label=label)

    def skip_recap(self, who: Phone) -> Errand[None]:
        yield from self.day.until(
            lambda: who.press(self.recaps(who)),
            lambda: re.search(r"Recap · [^\n]*skipped", self.room.board()),
        )
        self.scene.note("skip", who)

    def recaps(self, who: Phone) -> list[Control]:
        """The button that skips a recap, if that is next."""
        return who.buttons("skip", lambda value: str(value.get("item")).startswith("recap"))

    def extend(self, who: Phone) -> Errand[None]:
        before = self._end()
        yield from self.day.until(
            lambda: who.press(who.buttons("extend")), lambda: self._end() not in ("", before)
        )
        self._extended(MORE)
        self.scene.note("extend", who)

    def _end(self) -> str:
        found = ENDS.search(self.room.board())
        return found[1].strip() if found else ""

    def end(self, who: Phone) -> Errand[None]:
        yield from self.day.until(
            lambda: who.press(who.buttons("end")),
            lambda: "closed, collecting" in self.room.board() or ": over" in self.room.board(),
        )
        self._closed()
        self.scene.note("end", who)

    # ------------------------------------------------------------ words

    def say(self, who: Phone) -> Errand[None]:
        yield from self.day.until(lambda: who.type(f"say {SAID}"), lambda: self.scene.known(SAID))
        yield from self.scene.goes_out(SAID)
        self.scene.note("say", who, words=SAID)

    def ask(self, who: Phone) -> Errand[None]:
        self.questions.expect(ASKED)
        yield from self.scene.form(
            who, lambda: who.press(who.buttons("ask")), lambda: self.scene.known(ASKED), text=ASKED
        )
        yield from self.scene.goes_out(ASKED)
        self.scene.note("ask", who, words=ASKED)

    def plan(self, who: Phone) -> Errand[None]:
        """One more question for later, from the Home tab."""
        self.questions.expect(PLANNED)
        yield from self._at_home(who)
        yield from self.scene.form(
            who,
            lambda: self._home(who) and who.at_home("plan"),
            lambda: self.scene.known(PLANNED),
            text=PLANNED,
        )
        self.scene.note("plan", who, words=PLANNED)

    def edit(self, who: Phone, number: int) -> Errand[None]:
        """Word a planned question otherwise, having looked how it will read."""
        item = f"q{number + 1}"
        yield from self._at_home(who)

        def ask() -> bool:
            return self._home(who) and who.at_home("edit", lambda value: value.get("item") == item)

        def fill() -> Errand[bool]:
            if not ask() or not (yield from self.day.within(who.form)):
                return False
            who.look("preview", EDITED)
            shown = yield from self.day.within(
                lambda: f"{self.questions.labels[number]} {EDITED}" in who.form()
            )
            return bool(shown) and self.scene.hand_in(who, EDITED)

        yield from self.day.through(fill, lambda: self.scene.known(EDITED))
        who.put_away()
        self.questions.reword(number, EDITED)
        self.scene.note("preview", who)
        self.scene.note("edit", who, label=self.questions.labels[number], words=EDITED)

    def _at_home(self, who: Phone) -> Errand[None]:
        yield from self.day.until(lambda: who.stage.open_home(who.person), lambda: "Run sheet" in who.home())
        self.scene.note("home", who)

    def _home(self, who: Phone) -> bool:
        """Look at the Home tab again: a bridge that was away does not know who does."""
        return who.stage.open_home(who.person)

    # ------------------------------------------------------------ the room

    def hand_over(self, who: Phone, to: Phone) -> Errand[None]:
        name = to.person.name
        yield from self.scene.form(
            who,
            lambda: who.press(who.buttons("lead")),
            lambda: f"{name} leads" in self.room.board(),
            choice=name,
        )
        self.scene.note("lead", who, to=name)

    def blackout(self, who: Phone, seconds: float) -> Errand[None]:
        """Let the page stand still for a while."""
        yield from self._freeze(who, "on")
        since = time.monotonic()
        self.scene.note("blackout", who)
        yield from self.day.pause(seconds)
        self.scene.ledger.frozen.append((since, time.monotonic()))
        yield from self._freeze(who, "off")
        self.scene.note("blackout off", who)

    def _freeze(self, who: Phone, word: str) -> Errand[None]:
        yield from self.day.until(
            lambda: who.press(who.buttons("blackout", lambda value: value.get("text") == word)),
            lambda: self.room.board() and ("PAGE FROZEN" in self.room.board()) == (word == "on"),
        )
