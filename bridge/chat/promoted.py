"""Participants' questions that hosts made the chat's: what becomes of them when who asked is not to be named or read
any more. What stands on the networks only people can take away, so the hosts are told."""

from __future__ import annotations

from collections.abc import Collection

from bridge.chat import conduct
from bridge.chat.audience import blocked, stays
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: who asked them is named only as long as they let us."""
    for no, name in chat.promoted.items():
        item = chat.sheet.get(name) if no in numbers else None
        if item is None or not item.asker or _named(work, chat.timeline.entries.get(no)):
            continue
        item.named()
        why = "Who asked it is not to be named any more: where it names them, take the name out by hand."
        conduct.tell(work, chat, f"{item.label} stands everywhere. {why}")


def _named(work: Work, entry: Entry | None) -> bool:
    if entry is None:
        return False
    post, people = entry.first, work.state.people
    kept = post.reach == "room" and people.of(post.author.account).consent == "no"
    return not (kept or stays(post, people) or blocked(post, entry, people))


def wordless(work: Work, chat: ChatState, no: int) -> None:
    """What an entry said leaves for good, and a question was made of it."""
    item = chat.sheet.get(chat.promoted.get(no))
    if item is None:
        return
    named = ", and names who asked" if item.asker else ""
    item.named()
    made = f"{item.label} was made of entry {no}, whose words are gone for good."
    left = f"It still stands everywhere as a host worded it{named}: take away by hand what should not stay."
    conduct.tell(work, chat, f"{made} {left}")
