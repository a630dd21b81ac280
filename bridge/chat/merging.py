"""Two entries become one: what hosts decided about either, and all that was done or is under way for them, is the
one's that stays. Of two decisions the stricter holds. (What goes out of them, `outward.review` moves.)"""

from __future__ import annotations

from bridge.chat import held
from bridge.chat.state import Answer, ChatState, Endorsement, Hiding, Measure, Work
from bridge.chat.timeline import Entry

ABOUT_ENTRIES = (  # orders whose purpose names an entry by `message`
    "alert", "answer", "conceal", "endorse", "outward", "report", "unanswer", "unboost", "unconceal", "unlike",
    "unoutward",
)  # fmt: skip


def merge(work: Work, chat: ChatState, stays: Entry, goes: Entry) -> None:
    """Everything of `goes` becomes `stays`'."""
    timeline = chat.timeline
    _decided(stays, goes)
    for source in tuple(goes.sources):
        timeline.leave(goes, source)
        timeline.join(stays, source)
    one, other = stays.no, goes.no
    timeline.merged = {no: one if to == other else to for no, to in timeline.merged.items()} | {other: one}
    if other in timeline.left:
        timeline.left.setdefault(one, []).extend(timeline.left.pop(other))
    for entry in timeline.entries.values():
        if entry.reply_to == other:
            entry.reply_to = one if entry.no != one else None
    if stays.reply_to == other:
        stays.reply_to = None
    _done(work, chat, one, other)
    if f"entry {one}" not in chat.notices and f"entry {other}" in chat.notices:
        chat.notices[f"entry {one}"] = chat.notices.pop(f"entry {other}")
        held.renew(work, chat, stays)
    else:
        held.renew(work, chat, goes)


def _decided(stays: Entry, goes: Entry) -> None:
    """By hosts, about either."""
    stays.hidden, stays.held = stays.hidden or goes.hidden, stays.held or goes.held
    stays.frozen = stays.frozen or goes.frozen
    stays.noticed = tuple(dict.fromkeys((*stays.noticed, *goes.noticed)))
    if goes.rule == "host" != stays.rule:
        stays.rule, stays.questions = goes.rule, goes.questions


def _done(work: Work, chat: ChatState, one: int, other: int) -> None:
    """For either."""
    done: list[Endorsement | Answer | Measure]
    done = [*chat.endorsed.values(), *chat.replies.values(), *chat.measures.values()]
    for given in done:
        if given.entry == other:
            given.entry = one
    for purpose in work.state.purposes.values():
        if (purpose.chat, purpose.message) == (chat.id, other) and purpose.kind in ABOUT_ENTRIES:
            purpose.message = one
    if one not in chat.promoted and other in chat.promoted:  # of two, the hosts hear about the second
        chat.promoted[one] = chat.promoted.pop(other)
    if other in chat.alerts:
        chat.alerts[one] = [*chat.alerts.get(one, ()), *chat.alerts.pop(other)]
    for hiding in chat.hidings.values():
        _hidden(hiding, one, other)
    for numbers in (chat.dismissed, *chat.shown.values(), *chat.orphans.values()):
        numbers[:] = _renamed(numbers, one, other)


def _hidden(hiding: Hiding, one: int, other: int) -> None:
    """It is shown again if both are."""
    back = all(no in hiding.back for no in (one, other) if no in hiding.entries)
    shown = [no for no in hiding.back if no not in (one, other)]
    if other in hiding.entries:
        hiding.entries = _renamed(hiding.entries, one, other)
    hiding.back = [*shown, one] if back and one in hiding.entries else shown


def _renamed(numbers: list[int], one: int, other: int) -> list[int]:
    return list(dict.fromkeys(one if no == other else no for no in numbers))
