"""What becomes of an order: its states as a table, and when and how it is tried again. Pure.

    queued ──dispatch──▶ in_flight ──▶ sent | refused
      ▲  │                   │
      │  ├──▶ held           ├──retry──▶ queued        certainly not done, later again
      │  └──▶ cancelled      └──lost───▶ unclear       may have been done
      │                                    │
      └────────────absent──────────────────┼──dispatch──▶ in_flight   (the network knows the key)
                                           └──▶ sent | held

`in_flight` is durable before any I/O, so after a crash an order that was in flight is unclear.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from bridge.errors import IllegalTransition
from bridge.model import (
    SECOND,
    Board,
    Capabilities,
    Card,
    Content,
    Endorse,
    Gathered,
    Micros,
    Notice,
    Order,
    OrderId,
    Publish,
    Report,
    Text,
    Update,
    Words,
)

State: TypeAlias = Literal["queued", "in_flight", "unclear", "sent", "refused", "held", "cancelled"]

STEPS: dict[tuple[State, str], State] = {
    ("queued", "dispatch"): "in_flight",
    ("queued", "hold"): "held",
    ("queued", "cancel"): "cancelled",
    ("in_flight", "sent"): "sent",
    ("in_flight", "refuse"): "refused",
    ("in_flight", "retry"): "queued",
    ("in_flight", "lose"): "unclear",
    ("unclear", "dispatch"): "in_flight",
    ("unclear", "sent"): "sent",
    ("unclear", "absent"): "queued",
    ("unclear", "hold"): "held",
    ("queued", "sent"): "sent",  # its echo came although it was taken for absent
}
FINAL: frozenset[State] = frozenset({"sent", "refused", "held", "cancelled"})

FIRST_WAIT = 2.0  # seconds before the second try
LONGEST_WAIT = 60.0  # seconds between two later ones
HURRY = 2.0  # seconds between two looks for what is to go
MOST_LOOKS = 12  # fruitless looks for an unclear order, or tries of a like, before the hosts are asked

# What is to leave the journal: a person's handle, an entry (its chat and number), or one order.
Trace: TypeAlias = str | tuple[str, int] | OrderId

NOBODY = Gathered(())  # what is left of entries of somebody who is to be forgotten
GONE = Notice("What stood here is gone.")  # and of a message to the hosts


@dataclass(slots=True)
class Row:
    """An order and what became of it so far. `tried`: when it was first in flight and may have been done;
    `attempts`: how often it was tried, or looked for, in vain since it last moved on; `again`: what is in
    flight was so before, and that may have been done. `settles`: before that it tells nothing that an unclear one
    does not stand yet; `looked`: when it was last looked for."""

    order: Order
    state: State = "queued"
    attempts: int = 0
    not_before: Micros = 0
    tried: Micros = 0
    again: bool = False
    settles: Micros = 0
    looked: Micros = 0

    def step(self, event: str) -> None:
        """Move on. Raises IllegalTransition if the table has no such step."""
        if (self.state, event) not in STEPS:
            raise IllegalTransition(f"order {self.order.id} is {self.state}: cannot {event}")
        if event == "dispatch":
            self.again = self.state == "unclear"
        self.state = STEPS[self.state, event]


def kept(row: Row) -> Order:
    """What the journal keeps of an order. The words of others that a final one carried are not: should they
    ask for it, they must be gone, and the events have what is needed."""
    if row.state not in FINAL or (row.order.lane == "sheet" and not row.order.whose):
        return row.order
    return msgspec.structs.replace(row.order, op=Publish(Words(Text())))


def silenced(order: Order, traces: Collection[Trace]) -> Order:
    """An open order without the words of somebody who is to be forgotten, or of an entry that was erased, if it
    shows any. It is out of date by then: it is not sent any more, or what it says is put right at once."""
    if (order.lane == "sheet" and not order.whose) or not isinstance(order.op, Publish | Update):
        return order
    if not any(_bears(order, order.op.content, trace) for trace in traces):
        return order
    silent: Content = GONE if order.lane == "hosts" else NOBODY
    if isinstance(order.op.content, Board):
        silent = msgspec.structs.replace(order.op.content, ignored=(), asked=())
    return msgspec.structs.replace(order, op=msgspec.structs.replace(order.op, content=silent))


def _bears(order: Order, content: Content, trace: Trace) -> bool:
    """Whether an order shows what somebody wrote, or names them: them, and nobody whose handle only begins or
    ends like theirs."""
    shown = _cards(content)
    if not isinstance(trace, str):
        return trace == order.id or any(trace == (order.chat, card.no) for card in shown)
    if order.whose == trace or order.lane in ("people", "sheet"):
        return order.whose == trace
    named = rf"(?<![\w@.-]){re.escape(trace)}(?![\w@-]|\.\w)"
    text = content.text if isinstance(content, Notice) else ""
    return any(card.handle == trace for card in shown) or re.search(named, text) is not None


def _cards(content: Content) -> tuple[Card, ...]:
    """The entries that something shows."""
    match content:
        case Gathered(cards):
            return cards
        case Notice(card=Card() as card):
            return (card,)
        case Board(ignored=ignored, asked=asked):
            return tuple(waiting.card for waiting in (*ignored, *asked))
        case _:
            return ()


def is_silent(order: Order) -> bool:
    """Whether what an order showed was taken out of it."""
    return isinstance(order.op, Publish | Update) and order.op.content in (NOBODY, GONE)


def is_empty(order: Order) -> bool:
    """Whether nothing is left of an order that could be shown."""
    return isinstance(order.op, Publish | Update) and order.op.content == NOBODY


def wait(attempts: int) -> float:
    """Seconds to wait after so many tries in vain: doubling, no longer than a minute."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 10))


def retry(row: Row, after: float, now: Micros) -> None:
    """This time certainly not done: try again, no sooner than the network asked for."""
    row.step("lose" if row.again else "retry")
    row.not_before = now + int(max(after, wait(row.attempts) if after <= 0 else 0) * SECOND)
    row.attempts += 1
    row.tried = row.tried if row.again else 0


def lose(row: Row, can: Capabilities, now: Micros) -> None:
    """Nobody knows: try the same again soon where that is safe, later each time, else look when the network has
    settled."""
    row.step("lose")
    row.attempts = row.attempts + 1 if row.again or isinstance(row.order.op, Endorse) else 0
    doubt(row, can, now)


def doubt(row: Row, can: Capabilities, now: Micros) -> None:
    """What was sent a moment ago may still be on its way, or not stand yet where we look. However long the
    waits have grown, there is one more try before it is too late, and a look soon after."""
    if can.resend == "look_first":
        row.not_before = now + int(max(can.settle, wait(row.attempts)) * SECOND)
        row.settles = now + int(can.settle * SECOND)
        return
    row.not_before = now + int(wait(row.attempts) * SECOND)
    if row.order.not_after is not None:
        last = row.order.not_after - SECOND
        row.not_before = min(row.not_before, last if now < last else now + int(wait(0) * SECOND))


def hurry(row: Row, now: Micros) -> None:
    """What an unclear order may have shown nobody should see any more: look for it at once, and soon again until its
    network has settled."""
    if now < row.settles:
        row.not_before = min(row.not_before, row.looked + int(HURRY * SECOND))


def look_again(row: Row, now: Micros) -> bool:
    """Looking told nothing: look later. False if it has been tried often enough."""
    row.attempts += 1
    row.not_before = now + int(wait(row.attempts) * SECOND)
    return row.attempts < MOST_LOOKS


def absent(row: Row, now: Micros) -> None:
    """It certainly was not done."""
    row.step("absent")
    row.attempts += 1
    row.not_before = now
    row.tried = 0


def may_resend(row: Row, can: Capabilities, now: Micros) -> bool:
    """Whether sending an unclear order again cannot make a second post, nor a late one."""
    if isinstance(row.order.op, Endorse):
        return not exhausted(row)  # doing it twice is doing it once
    once = isinstance(row.order.op, Report)  # nowhere has a report a key
    if once or can.resend != "same_key" or too_late(row.order, now) or is_silent(row.order):
        return False
    return can.key_lasts is None or now - row.tried < can.key_lasts * SECOND


def exhausted(row: Row) -> bool:
    """Whether an order was tried as often as it is worth. Only a like or boost ever is: others have a time past
    which they are too late, or the chat is not whole without them."""
    return isinstance(row.order.op, Endorse) and row.attempts >= MOST_LOOKS


def too_late(order: Order, now: Micros) -> bool:
    """Whether an order's time to be sent has passed."""
    return order.not_after is not None and now > order.not_after
