"""The steps of the merged timeline, taken: what `Copies.following` found becomes an order, and what came of that is
noted."""

from __future__ import annotations

from bridge.chat import conduct
from bridge.chat.copies import Gather
from bridge.chat.present import card, wanted
from bridge.chat.state import ChatState, Purpose, Work, undotted
from bridge.chat.timeline import key
from bridge.model import (
    Cancelled,
    Gathered,
    Held,
    Lane,
    Network,
    Op,
    Publish,
    Refused,
    Retract,
    Sent,
    Update,
)


def gather(work: Work, step: Gather) -> None:
    """Take the step: one order, rendered from the entries as they are now. A step that something overtook on
    its way here is not taken; the next one is found anew."""
    state, chat = work.state, work.state.chats[step.chat]
    copies = chat.copies[step.network]
    message = copies.messages.get(step.message)

    def want(no: int) -> int | None:
        return wanted(state, chat, step.network, no)

    if message is None:
        overtaken = bool(step.message) or any(no in copies.where for no in step.entries)
    else:
        overtaken = message.flying is not None
    if overtaken or any(want(no) is None for no in step.entries):
        return
    short = message.short if message else len(step.entries) > 1
    entries = [chat.timeline.entries[no] for no in step.entries]
    cards = tuple(c for e in entries if (c := card(state, chat, e, short)) is not None)
    target = message.ref or message.order if message else (0, 0)
    purpose = Purpose("copy", step.network, chat.id, message=step.message or copies.last + 1)
    op: Op
    lane: Lane = "mirror"
    match step.act:
        case "publish":
            thread = _thread(chat, step) if state.nets[step.network].layout == "threads" else None
            op = Publish(Gathered(cards, short), reply_to=thread, orphan="alone")
        case "update":
            op = Update(target, Gathered(cards, short))
            lane = "edits" if message and len(message.entries) == len(cards) else "removals"
        case "retract":
            op = Retract(target)
            lane = "removals"
    order = work.order(step.network, lane, op, purpose)
    copies.begin(step, order, want)


def _thread(chat: ChatState, step: Gather) -> tuple[int, int] | None:
    """In threads an answer stands under its question's copy."""
    questions = chat.timeline.entries[step.entries[0]].questions
    return _first_order(chat, questions[0], step.network) if questions else None


def _first_order(chat: ChatState, number: int, network: Network) -> tuple[int, int] | None:
    item = next((i for i in chat.sheet.questions() if i.number == number), None)
    first = chat.first.get(f"{item.id}/{network}") if item else None
    return undotted(first) if first else None


def copied(work: Work, chat: ChatState, purpose: Purpose, outcome: object) -> None:
    copies = chat.copies[purpose.network]
    message = copies.messages.get(purpose.message)
    if message is None:
        return

    def want(no: int) -> int | None:
        return wanted(work.state, chat, purpose.network, no)

    if isinstance(outcome, Sent):
        if message.ref is not None:
            chat.shown.pop(key(message.ref), None)
        retracted = message.act == "retract"
        copies.sent(message, outcome.ref, want, work.now)
        if not retracted:
            chat.shown[key(outcome.ref)] = list(message.entries)
            work.effects.follow.add(purpose.network)
        return
    if isinstance(outcome, Cancelled):
        copies.dropped(message, want, work.now)
        return
    why = outcome.why if isinstance(outcome, Refused | Held) else "it was not sent"
    done = "taken away from" if message.act == "retract" else "shown in"
    for no in copies.refused(message, why, want, work.now):
        text = f"Entry {no} could not be {done} {work.state.nets[purpose.network].title}: {why}"
        conduct.tell(work, chat, text)
