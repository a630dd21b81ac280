"""The merged timeline on a network: which message holds which entries, and what is to be done next.

Copies are reconciled, not queued one by one: each message has what it shows and each entry what it should say
(its revision); `following` compares them and names the next single step of a stream: removals, edits, new
messages. Each stream goes its own way, so that nothing that must go waits for what is new. A message takes one
step at a time; what an edit changes meanwhile is simply still different when it ends.

    (none) ──publish──▶ flying ──sent──▶ shown ──update──▶ flying ...
                          │                └──retract──▶ flying ──sent──▶ gone
                          └──refused──▶ failed        (its entries go fewer at a time; of one the hosts are told)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from bridge.model import SECOND, Capabilities, Lane, Micros, Network, OrderId, Ref, Tagged

LAG: Micros = 5 * SECOND  # answers waiting longer than this are gathered into one message
LATE: Micros = LAG - SECOND  # and with them those that would wait longer before the message after it
SHORT = 240  # what is left of each answer when several share a message
SHORTEST = 150  # and what is left at least when that is too much for those that are late

Act: TypeAlias = Literal["publish", "update", "retract"]
Step: TypeAlias = tuple[Act, tuple[int, ...], int]  # act, entries, message (0: a new one)
STREAMS: tuple[Lane, ...] = ("removals", "edits", "mirror")  # what must go, what reads otherwise, what is new


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
Size: TypeAlias = Callable[
    [int], tuple[int, int]
]  # characters of an entry: its words, and what stands around them


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
    company: dict[
        int, int
    ] = {}  # entries that were refused in company -> how many may share a message with one
    failed: dict[int, str] = {}  # entries no message can hold, and why
    last: int = 0

    def holding(self, no: int) -> Message | None:
        """The message that shows an entry."""
        return self.messages.get(self.where.get(no, 0))

    def since(self, lane: Lane) -> Micros:
        """When the entry began to wait that has waited longest for one of the STREAMS; 0 if none waits for it."""
        new = lane == "mirror"
        return min((at for no, at in self.waiting.items() if (no not in self.where) == new), default=0)

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
        lane: Lane,
        wanted: Wanted,
        size: Size,
        together: Callable[[int, int], bool],
        *,
        able: Capabilities,
        now: Micros,
    ) -> Step | None:
        """The next step of one of the STREAMS, or None if it has none. Changes nothing.

        New entries go one a message, or several once one has waited too long. `together`: whether two may share
        a message; `able`: how much a message holds.
        """
        if lane == "mirror":
            fresh = sorted(no for no in self.waiting if no not in self.where)
            return ("publish", self._batch(fresh, size, together, able, now), 0) if fresh else None
        for message in dict.fromkeys(self.where.get(no, 0) for no in self.waiting):
            if not message or (found := self.messages[message]).flying is not None:
                continue
            live = () if found.broken else tuple(n for n in found.entries if wanted(n) is not None)
            if (len(live) < len(found.entries)) == (lane == "removals"):
                return ("update" if live else "retract", live, message)
        return None

    def _batch(
        self,
        fresh: list[int],
        size: Size,
        together: Callable[[int, int], bool],
        able: Capabilities,
        now: Micros,
    ) -> tuple[int, ...]:
        """What goes into one message: as many as it holds with 240 characters each and, of those that are late,
        as many as it holds if their words are cut somewhat further. Whoever renders them cuts no more than it must.
        """
        first = fresh[0]
        if now - min(self.waiting[no] for no in fresh) <= LAG:
            return (first,)
        batch: list[int] = []
        easy = tight = able.gather_room
        most = able.gather_most
        for no in fresh:
            if len(batch) >= self.company.get(no, most) or not together(first, no):
                continue
            words, frame = size(no)
            easy -= frame + min(words, SHORT)
            tight -= frame + min(words, SHORTEST)
            fits = easy >= 0 or (tight >= 0 and now - self.waiting[no] > LATE)
            if batch and not fits:
                break
            batch.append(no)
            most = min(most, self.company.get(no, most))
            if len(batch) == most:
                break
        return tuple(batch)

    def begin(self, step: Gather, order: OrderId, wanted: Wanted) -> Message:
        """The step is under way."""
        if step.message:
            message = self.messages[step.message]
        else:
            self.last += 1
            message = Message(self.last, list(step.entries), order, short=len(step.entries) > 1)
            self.messages[message.no] = message
        message.act = step.act
        message.flying = {no: wanted(no) or 0 for no in step.entries}
        for no in message.entries:
            self.where[no] = message.no
            self.waiting.pop(no, None)
        return message

    def sent(self, message: Message, ref: Ref, wanted: Wanted, now: Micros) -> None:
        """The step is done; what changed meanwhile is noted as waiting."""
        flying, message.flying = message.flying or {}, None
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
        that were refused together come half as many at a time. Gives the entries that nothing can be done for."""
        message.flying = None
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
                self.company.update(dict.fromkeys(entries, len(entries) // 2))
        for no in entries:
            self.touch(no, wanted, now)
        return given_up

    def dropped(self, message: Message, wanted: Wanted, now: Micros) -> None:
        """The step was not taken after all: what is to be done is looked at anew."""
        message.flying = None
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
