"""Slack on a phone: what stands in the chat's channel and in the hosts' room, and what one person sees and uses.

Everything is found by what it says, as people find it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from simulator.letters import key, readings
from simulator.slack import Server, rules
from simulator.slack.controls import Unusable
from simulator.stage import Person, Said

HEADING = re.compile(r"^(?:A\d+(?:, A\d+)*(?:, late)?|Hello|Late) · (\d+) · ", re.MULTILINE)

Control = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A message that shows an entry, `alone` or among others, and the entry's number."""

    said: Said
    no: int
    alone: bool = True

    @property
    def id(self) -> str:
        """The message's."""
        return self.said.id


class Room:
    """What the bridge wrote into the chat's channel and into the hosts' room."""

    def __init__(self, stage: Server, tag: str) -> None:
        self.stage, self._title = stage, f"#{tag} · "
        self._written: dict[str, list[Said]] = {"chat": [], "hosts": []}
        self._read: dict[str, tuple[str, str]] = {}
        stage.on_ours.append(self._saw)

    def _saw(self, said: Said) -> None:
        written = self._written.get(said.place, [])
        if all(known is not said for known in written[-1:]) and said not in written:
            written.append(said)

    def board(self) -> str:
        """The board, as it reads now."""
        boards = (m.text for m in reversed(self._written["hosts"]) if m.text.startswith(self._title))
        return next(boards, "")

    def notices(self, *words: str) -> list[Said]:
        """Other messages in the hosts' room that say all of this."""
        return [
            m
            for m in self._written["hosts"]
            if not m.deleted and not m.text.startswith(self._title) and all(w in m.text for w in words)
        ]

    def says(self, words: str) -> Said | None:
        """A message in the channel with these words."""
        wanted = key(words)
        live = (m for m in reversed(self._written["chat"]) if not m.deleted)
        return next((m for m in live if wanted in self._reading(m)), None)

    def shows(self, words: str) -> Shown | None:
        """The message that shows the entry with these words, alone or among others."""
        if (found := self.says(words)) is None:
            return None
        headings = [*HEADING.finditer(found.text)]
        ends = [heading.start() for heading in headings[1:]] + [len(found.text)]
        for heading, end in zip(headings, ends, strict=True):
            if key(words) in readings(found.text[heading.start() : end]):
                return Shown(found, int(heading[1]), len({h[1] for h in headings}) == 1)
        return None

    def numbered(self, no: int) -> Said | None:
        """The message that shows an entry of this number."""
        live = (m for m in reversed(self._written["chat"]) if not m.deleted)
        return next((m for m in live if str(no) in HEADING.findall(m.text)), None)

    def _reading(self, said: Said) -> str:
        known = self._read.get(said.id)
        if known is None or known[0] != said.text:
            known = self._read[said.id] = said.text, readings(said.text)
        return known[1]


class Phone:
    """One person's."""

    def __init__(self, stage: Server, room: Room, person: Person) -> None:
        self.stage, self.room, self.person = stage, room, person

    # ------------------------------------------------------------ what they see

    def alone(self) -> list[str]:
        """What was said to them alone, in a channel or directly."""
        direct = self.stage.directs.get(self.person.account)
        told = [w.words for w in self.stage.whispers if w.user == self.person.account]
        return told + [m.text for m in self.stage.messages.values() if m.ours and m.channel == direct]

    def form(self) -> str:
        """The form they see, in words; "" for none."""
        view = self.stage.modal(self.person)
        return rules.displayed(view) if view else ""

    def home(self) -> str:
        """The app's Home tab, in words."""
        view = self.stage.home(self.person)
        return rules.displayed(view) if view else ""

    def buttons(self, verb: str, meant: Callable[[Any], bool] = lambda value: True) -> list[Control]:
        """The buttons in the hosts' room, or shown to them alone, that mean `verb`, newest last."""
        found = self.stage.find_control(verb)
        mine = [c for c in found if c.get("user", self.person.handle) == self.person.handle]
        return [c for c in mine if meant(c["value"])]

    def about(self, verb: str, no: int) -> list[Control]:
        """Those that are about an entry."""
        return self.buttons(verb, lambda value: value.get("item") == str(no))

    # ------------------------------------------------------------ what they do; False: it was not possible now

    def press(self, controls: list[Control]) -> bool:
        """Press the newest of these."""
        return bool(controls) and self.stage.use_control(self.person, controls[-1])

    def type(self, command: str) -> bool:
        """`/chat …` in the hosts' room."""
        return self.stage.command(self.person, command)

    def use(self, shortcut: str, message: str) -> bool:
        """A shortcut in a message's menu."""
        return self.stage.shortcut(self.person, f"chatbridge:{shortcut}", message)

    def react(self, message: str, name: str) -> bool:
        """React, once: it stands there even if nobody was told."""
        with suppress(Unusable):
            self.stage.react(self.person, message, name)
        return True

    def at_home(self, verb: str, meant: Callable[[Any], bool] = lambda value: True) -> bool:
        """Press a button of the Home tab."""
        self.put_away()
        found = [b for b in self.stage.buttons(self.person) if b["verb"] == verb and meant(b["value"])]
        return bool(found) and self.stage.press(self.person, found[0])

    def look(self, verb: str, text: str) -> bool:
        """Type into the form they see and press one of its buttons."""
        try:
            return self.stage.press(self.person, verb, text)
        except Unusable:
            return False

    def hand_in(self, text: str | None = None, choice: str | None = None) -> bool:
        """Fill in the form they see and hand it in."""
        try:
            return self.stage.submit(self.person, text, choice)
        except Unusable:
            return False

    def put_away(self) -> None:
        """Close every form they see."""
        while self.stage.modal(self.person) is not None:
            self.stage.close(self.person)
