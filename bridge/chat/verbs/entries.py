"""What hosts do about single entries."""

from __future__ import annotations

import re
from typing import Literal

from bridge.chat import conduct, gestures, wording
from bridge.chat.intake import touch
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.chat.verbs.common import Verb, titles
from bridge.model import Command
from bridge.text import fits, joined, marked, person


def _entry(chat: ChatState, command: Command) -> Entry | str:
    number = command.entry if command.entry is not None else _number(command.item or command.text)
    entry = chat.timeline.entries.get(number or 0)
    if entry is not None:
        return entry
    if number is not None:
        return f"There is no entry {number}. It may be gone already."
    return _say_which(command)


def _say_which(command: Command) -> str:
    return f"Say which one: {VERBS[command.verb].usage}"


def _number(words: str) -> int | None:
    first = words.split(maxsplit=1)[0] if words.split() else ""
    return int(first) if re.fullmatch(r"[0-9]{1,9}", first) else None


def _show(work: Work, chat: ChatState, command: Command) -> str:
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    if entry.held is None and not entry.hidden:
        return f"Entry {entry.no} is already shown."
    entry.held, entry.hidden = None, False
    return _changed(work, chat, entry, f"entry {entry.no} is shown")


def _hide(work: Work, chat: ChatState, command: Command) -> str:
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    if entry.hidden:
        return f"Entry {entry.no} is already hidden."
    entry.hidden = True
    return _changed(work, chat, entry, f"entry {entry.no} is hidden")


def _move(work: Work, chat: ChatState, command: Command) -> str:
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    label = command.text.split()[-1].upper() if command.text.split() else ""
    item = next((i for i in chat.sheet.questions() if i.label == label and i.posted_at), None)
    if item is None:
        return f"Say to which question it belongs: {VERBS['move'].usage} (one that was asked)."
    entry.questions, entry.rule = (item.number,), "host"
    entry.revision += 1
    return _changed(work, chat, entry, f"entry {entry.no} moves to {item.label}")


def _like(work: Work, chat: ChatState, command: Command) -> str:
    return _endorse(work, chat, command, "like")


def _boost(work: Work, chat: ChatState, command: Command) -> str:
    return _endorse(work, chat, command, "boost")


def _endorse(work: Work, chat: ChatState, command: Command, kind: Literal["like", "boost"]) -> str:
    """Natively, on every network where the entry stands and we have an account."""
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    if networks := gestures.endorse(work, chat, entry, kind):
        return f"Done: entry {entry.no} is {gestures.DONE[kind]} on {titles(work, networks)}."
    if gestures.of(chat, entry, kind):
        return f"Entry {entry.no} is already {gestures.DONE[kind]}."
    return _out_of_reach(work, chat, entry, f"can be {gestures.DONE[kind]}")


def _unlike(work: Work, chat: ChatState, command: Command) -> str:
    return _unendorse(work, chat, command, "like")


def _unboost(work: Work, chat: ChatState, command: Command) -> str:
    return _unendorse(work, chat, command, "boost")


def _unendorse(work: Work, chat: ChatState, command: Command, kind: Literal["like", "boost"]) -> str:
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    networks = [gestures.undo(work, chat, name) for name in gestures.of(chat, entry, kind)]
    if not networks:
        return f"Entry {entry.no} is not {gestures.DONE[kind]} by us."
    return f"Done: entry {entry.no} is no longer {gestures.DONE[kind]} on {titles(work, networks)}."


def _reply(work: Work, chat: ChatState, command: Command) -> str:
    """The community answers an author in their own thread, signed by the host who says so."""
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    said = command.text.strip()
    if command.entry is None and command.item is None:
        said = said.partition(" ")[2].strip()
    if not said:
        return f"Say what to reply: {VERBS['reply'].usage}"
    there = gestures.places(work, chat, entry)
    if not there:
        return _out_of_reach(work, chat, entry, "can be answered by us")
    post, ref = there[0]
    limits = work.state.opened[ref.network].capabilities.limits
    signed = joined(marked(wording.unpinging(said)), _signature(work, chat))
    words = gestures.addressed(post, signed, by_name=limits.local_mentions)
    title = work.state.everywhere[ref.network].title
    if not fits(words, limits):
        return f"That is longer than one post on {title} can be; say it in fewer words."
    gestures.reply(work, chat, entry, (post, ref), words)
    return f"Done: entry {entry.no} is answered on {title}."


def _signature(work: Work, chat: ChatState) -> str:
    """ " ^AB": the initials of the host who speaks; "" if that cannot be known."""
    host = work.host or (chat.settings.hosts[0] if len(chat.settings.hosts) == 1 else None)
    names = person(host.name).split() if host else []
    return f" ^{''.join(name[0] for name in dict.fromkeys((names[0], names[-1]))).upper()}" if names else ""


def _out_of_reach(work: Work, chat: ChatState, entry: Entry, can: str) -> str:
    """Why there is nowhere to like, boost or answer an entry."""
    if entry.hidden or entry.held is not None:
        return f"Entry {entry.no} is not shown; show it first: show {entry.no}."
    title = work.state.everywhere[entry.first.ref.network].title
    return f"Entry {entry.no} is on {title}: only what anybody may read, on a network where we post, {can}."


def _changed(work: Work, chat: ChatState, entry: Entry, what: str) -> str:
    conduct.close(work, chat, f"entry {entry.no}", f"{what[0].upper()}{what[1:]}.")
    touch(work, chat, entry.no)
    return f"Done: {what}."


VERBS: dict[str, Verb] = {
    "show": Verb(_show, "show 42", "let an entry that is held or hidden be seen"),
    "restore": Verb(_show, "restore 42", "the same"),
    "hide": Verb(_hide, "hide 42", "take an entry off every screen, at once"),
    "move": Verb(_move, "move 42 Q3", "put an entry under another question"),
    "like": Verb(_like, "like 42", "like it on its network, as the community"),
    "unlike": Verb(_unlike, "unlike 42", "take that back"),
    "boost": Verb(_boost, "boost 42", "boost it on its network, as the community"),
    "unboost": Verb(_unboost, "unboost 42", "take that back"),
    "reply": Verb(_reply, "reply 42 Thank you, tell us more!", "answer its author in their thread, signed"),
}
