"""The merged timeline on a network: which message holds which entries, and what is to be done next.

Copies are reconciled, not queued one by one: each message has what it shows and each entry what it should say
(its revision); `following` compares them and names the next single step. One step is under way at a time;
what an edit changes meanwhile is simply still different when it ends.

    (none) ──publish──▶ flying ──sent──▶ shown ──update──▶ flying ...
                          │                └──retract──▶ flying ──sent──▶ gone
                          └──refused──▶ failed        (the hosts are told; its entries go one by one, once)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from bridge.model import SECOND, Micros, Network, OrderId, Ref, Tagged

LAG: Micros = 5 * SECOND  # answers waiting longer than this are gathered into one message
MOST_CARDS = 45  # Slack takes 50 blocks a message (its documentation)
MOST_TEXT = 9_000  # graphemes a message, of the 13,200 characters Slack takes in blocks
SHORT = 240  # what is left of each answer when several share a message
_FRAME = 80  # name, handle and link of one card

Act: TypeAlias = Literal["publish", "update", "retract"]


class Gather(Tagged, frozen=True):
    """The step that is taken now: journalled, so that a replay makes the same messages."""

    network: Network
    chat: str
    act: Act
    entries: tuple[int, ...]
    message: int = 0  # 0: a new one


# The revision of an entry that should be shown, if any. Below 0 it is shown without words or name; no update
# takes a name off a message that bore one.
Wanted: TypeAlias = Callable[[int], int | None]


class Message(msgspec.Struct):
    """One message of ours. `shows`: entry -> revision; `flying`: the same for the step under way. `broken`:
    it could not be updated, so it is retracted and its entries go out again."""

    no: int
    entries: list[int]
    order: OrderId
    shows: dict[int, int] = {}
    flying: dict[int, int] | None = None
    act: Act = "publish"
    ref: Ref | None = None
    broken: bool = False
    short: bool = False


class Copies(msgspec.Struct):
    """All messages of a chat's merged timeline on one network."""

    messages: dict[int, Message] = {}
    where: dict[int, int] = {}  # entry -> message
    waiting: dict[int, Micros] = {}  # entries that differ from what is shown, and since when
    single: dict[int, bool] = {}  # entries that were refused in company
    failed: dict[int, str] = {}  # entries no message can hold, and why
    last: int = 0
    under_way: int = 0  # the message whose step has begun and not ended

    def holding(self, no: int) -> Message | None:
        """The message that shows an entry."""
        return self.messages.get(self.where.get(no, 0))

    def touch(self, no: int, wanted: Wanted, now: Micros) -> None:
        """An entry may be different: note whether its copy must follow."""
        revision, message = wanted(no), self.holding(no)
        if message is None:
            differs = revision is not None and no not in self.failed
        else:
            shown = message.shows if message.flying is None else message.flying
            if revision is not None and revision < 0 < shown.get(no, 0):
                message.broken = True
            differs = message.broken or shown.get(no) != revision
        if differs:
            self.waiting.setdefault(no, now)
        else:
            self.waiting.pop(no, None)

    def following(
        self,
        wanted: Wanted,
        size: Callable[[int], int],
        together: Callable[[int, int], bool],
        now: Micros,
    ) -> tuple[Act, tuple[int, ...], int] | None:
        """The next step as (act, entries, message), or None if all is as it should be. Changes nothing.

        First what must go, then what is shown wrongly, then new entries: one a message, or several once one
        has waited too long. `size`: graphemes of an entry; `together`: whether two may share a message.
        """
        if self.under_way:
            return None
        mend: Message | None = None
        for no in self.waiting:
            if (message := self.holding(no)) is None:
                continue
            if message.broken or wanted(no) is None:
                mend = message
                break
            mend = mend or message
        if mend is not None:
            live = () if mend.broken else tuple(n for n in mend.entries if wanted(n) is not None)
            return ("update" if live else "retract", live, mend.no)
        if not self.waiting:
            return None
        return ("publish", self._batch(size, together, now), 0)

    def _batch(
        self, size: Callable[[int], int], together: Callable[[int, int], bool], now: Micros
    ) -> tuple[int, ...]:
        fresh = sorted(self.waiting)
        first = fresh[0]
        if now - min(self.waiting.values()) <= LAG or first in self.single:
            return (first,)
        batch: list[int] = []
        room = MOST_TEXT
        for no in fresh:
            if no in self.single or not together(first, no):
                continue
            room -= min(size(no), SHORT) + _FRAME
            if batch and (room < 0 or len(batch) == MOST_CARDS):
                break
            batch.append(no)
        return tuple(batch)

    def begin(self, step: Gather, order: OrderId, wanted: Wanted) -> Message:
        """The step is under way."""
        if step.message:
            message = self.messages[step.message]
        else:
            self.last += 1
            message = Message(self.last, list(step.entries), order, short=len(step.entries) > 1)
            self.messages[message.no] = message
        self.under_way = message.no
        message.act = step.act
        message.flying = {no: wanted(no) or 0 for no in step.entries}
        for no in message.entries:
            self.where[no] = message.no
            self.waiting.pop(no, None)
        return message

    def sent(self, message: Message, ref: Ref, wanted: Wanted, now: Micros) -> None:
        """The step is done; what changed meanwhile is noted as waiting."""
        flying, message.flying, self.under_way = message.flying or {}, None, 0
        entries = list(message.entries)
        if message.act == "retract":
            self._forget(message)
        else:
            message.ref, message.entries, message.shows = ref, list(flying), flying
            for no in entries:
                if no not in flying:
                    self.where.pop(no, None)
        for no in entries:
            self.touch(no, wanted, now)

    def refused(self, message: Message, why: str, wanted: Wanted, now: Micros) -> tuple[int, ...]:
        """The step cannot be done. A message too long to update goes, and its entries come again; entries
        that were refused together come singly. Gives the entries that nothing can be done for."""
        message.flying, self.under_way = None, 0
        entries = tuple(message.entries)
        given_up: tuple[int, ...] = ()
        if message.act == "update":
            message.broken = True
        else:
            self._forget(message)
            if message.act == "retract" or len(entries) == 1:
                self.failed.update(dict.fromkeys(entries, why))
                given_up = entries
            else:
                self.single.update(dict.fromkeys(entries, True))
        for no in entries:
            self.touch(no, wanted, now)
        return given_up

    def dropped(self, message: Message, wanted: Wanted, now: Micros) -> None:
        """The step was not taken after all: what is to be done is looked at anew."""
        message.flying, self.under_way = None, 0
        entries = list(message.entries)
        if message.act == "publish":
            self._forget(message)
        for no in entries:
            self.touch(no, wanted, now)

    def _forget(self, message: Message) -> None:
        for no in message.entries:
            if self.where.get(no) == message.no:
                del self.where[no]
        del self.messages[message.no]
