"""The hosts of a simulated chat: they press what they are asked, and steer a little, from the room they have."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from bridge.model import SECOND, Button, Card, Command, Gathered, Notice
from tests.simulation.clock import STARTS, VirtualClock
from tests.simulation.faults import Faults
from tests.simulation.network import Server
from tests.simulation.record import MARK, Ours, Pressed, Record, plain

CHAT = "handovers"
ACCOUNTS = ("slack:uhost1", "slack:uhost2")
TRIES = 8  # presses without an answer after which a host gives up


class Hosts:
    def __init__(
        self,
        seed: int,
        *,
        clock: VirtualClock,
        room: Server,
        record: Record,
        faults: Faults,
        spawn: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        self._rng = random.Random(f"hosts {seed}")
        self._clock, self._room, self._record, self._faults = clock, room, record, faults
        self._spawn = spawn
        self._presses = 0
        room.on_ours.append(self._asked)
        self._plan()

    def _plan(self) -> None:
        """Now and then a host takes the lead."""
        chances = {
            self._next: 0.35,
            self._hold: 0.35,
            self._skip: 0.2,
            self._extend: 0.25,
            self._ask: 0.3,
            self._say: 0.3,
            self._hide: 0.6,
            self._move: 0.4,
            self._like: 0.7,
            self._reply: 0.5,
        }
        for steer, chance in chances.items():
            if self._rng.random() < chance:
                self._at(STARTS + self._rng.randint(2 * 60, 50 * 60) * SECOND, steer)

        if self._rng.random() < 0.08:  # the late hour then still outlasts what people do
            self._at(STARTS + self._rng.randint(46 * 60, 58 * 60) * SECOND, self._end)

    def _at(self, when: int, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later((when - self._clock.now()) / SECOND, do)

    # ------------------------------------------------------------ being asked

    def _asked(self, made: Ours) -> None:
        """A message with buttons stands in the room."""
        content = made.content
        if not isinstance(content, Notice) or not content.buttons or self._rng.random() < 0.25:
            return
        if content.buttons[0].verb == "restore":
            return  # what a host hid they meant to hide
        # a network that is silent they do not wait for; else they do one thing or the other
        choices = [b for b in content.buttons if b.verb == "dismiss"] or content.buttons[:2]
        button = choices[0] if self._rng.random() < 0.65 else choices[-1]
        after = self._rng.choice((5, 40, 200, 400)) * self._rng.uniform(1, 2)
        self._at(self._clock.now() + round(after * SECOND), lambda: self._use(made, button))

    def _use(self, made: Ours, button: Button) -> None:
        words = plain(made.content)
        if button.verb in ("show", "hide") and not MARK.search(words):
            return  # nobody decides about words they cannot read
        for account in self._who():
            self._spawn(self._press(account, button.verb, button.item, on=button.on, words=words))

    def _who(self) -> tuple[str, ...]:
        """Sometimes two press at once."""
        return ACCOUNTS if self._faults.hit("pressed_twice") else ACCOUNTS[:1]

    async def _press(self, by: str, verb: str, item: str | None = None, **more: object) -> Pressed:
        """Press, and press again if nothing happens; give up in the end."""
        words = str(more.pop("words", ""))
        pressed = Pressed(self._clock.now(), verb, item, **more)  # type: ignore[arg-type]  # its own fields
        self._record.pressed.append(pressed)
        try:
            await self._insist(pressed, by)
        finally:
            self._note(pressed, words)
        return pressed

    async def _insist(self, pressed: Pressed, by: str) -> None:
        verb, item = pressed.verb, pressed.item
        repeat = verb not in ("ask", "say", "extend", "reply")
        for _ in range(TRIES if repeat else 1):
            self._presses += 1
            where = f"press {self._presses}"
            command = Command(
                verb, by, CHAT, item, pressed.entry, pressed.on, pressed.text, name="Wren", answer=where
            )
            self._room.log("host", verb, item or "", pressed.on or "", pressed.entry or "", pressed.text)
            if self._room.press(command):
                await self._clock.sleep(8)
                if where in self._room.answers:
                    pressed.answer = self._room.answers[where]
                    self._room.log("host", "told", pressed.answer)
                    break
            if not repeat:
                break
            await self._clock.sleep(self._rng.uniform(20, 120))

    def _note(self, pressed: Pressed, words: str) -> None:
        """What a host did to an entry is seen in what they were told, then or by another press."""
        marks = set(MARK.findall(words))
        if not pressed.answer:
            self._record.unsure |= marks
        elif pressed.done or "already" in pressed.answer:
            if pressed.verb == "hide":
                self._record.hidden |= marks
            elif pressed.verb == "move":
                self._record.moved |= marks
            elif pressed.verb in ("like", "boost"):
                self._record.liked |= marks
            elif pressed.verb in ("unlike", "unboost"):
                self._record.unliked |= marks
            elif pressed.verb == "show":
                self._record.shown |= marks

    # ------------------------------------------------------------ steering

    def _next(self) -> None:
        board = self._room.board
        if board is not None and board.upcoming is not None:
            for account in self._who():
                self._spawn(self._press(account, "next", board.upcoming))

    def _hold(self) -> None:
        board = self._room.board
        if board is None or board.upcoming is None:
            return
        self._spawn(self._hold_and_resume(board.upcoming))

    async def _hold_and_resume(self, item: str) -> None:
        await self._press(ACCOUNTS[0], "hold", item)
        await self._clock.sleep(self._rng.uniform(60, 360))
        await self._press(ACCOUNTS[0], "resume", item)

    def _skip(self) -> None:
        board = self._room.board
        if board is not None and board.upcoming is not None and board.upcoming.startswith("q"):
            self._spawn(self._press(ACCOUNTS[0], "skip", board.upcoming))

    def _extend(self) -> None:
        self._spawn(self._press(ACCOUNTS[0], "extend", text="5"))

    def _ask(self) -> None:
        self._spawn(self._press(ACCOUNTS[0], "ask", text="What would you ask yourself?"))

    def _say(self) -> None:
        self._spawn(self._press(ACCOUNTS[0], "say", text="Two minutes to stretch!"))

    def _end(self) -> None:
        self._spawn(self._press(ACCOUNTS[0], "end"))

    def _hide(self) -> None:
        """Somebody's answer is taken off."""
        if card := self._card():
            self._spawn(self._press(ACCOUNTS[0], "hide", entry=card.no, words=card.text.plain))

    def _move(self) -> None:
        """Somebody's answer belongs to the first question."""
        if card := self._card():
            self._spawn(self._press(ACCOUNTS[0], "move", entry=card.no, text="Q1", words=card.text.plain))

    def _like(self) -> None:
        """Somebody's answer is liked or boosted; some hosts think better of it, or hide it after all."""
        if card := self._card():
            kind = self._rng.choice(("like", "boost"))
            then = self._rng.choice(("", f"un{kind}", "hide"))
            self._spawn(self._like_and(kind, then, card))

    async def _like_and(self, kind: str, then: str, card: Card) -> None:
        await self._press(ACCOUNTS[0], kind, entry=card.no, words=card.text.plain)
        await self._clock.sleep(self._rng.choice((0.0, 20.0, 600.0)))
        if then:
            await self._press(ACCOUNTS[0], then, entry=card.no, words=card.text.plain)

    def _reply(self) -> None:
        if card := self._card():
            self._spawn(self._press(ACCOUNTS[0], "reply", entry=card.no, text="Do tell us more!"))

    def _card(self) -> Card | None:
        """Any answer that stands in the room, with the number it has there."""
        cards = [c for o in self._room.live() if isinstance(o.content, Gathered) for c in o.content.cards]
        marks = {m for s in self._record.said if s.twin for m in s.marks}
        cards = [c for c in cards if (words := set(MARK.findall(c.text.plain))) and not words & marks]
        return self._rng.choice(cards) if cards else None
