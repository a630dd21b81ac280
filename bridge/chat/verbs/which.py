"""Which entry a command means: the one it names, or the one where it was used."""

from __future__ import annotations

import re

from bridge.chat.audience import readable, taken_off
from bridge.chat.belonging import part_of
from bridge.chat.present import heading, quoted
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import Entry, key
from bridge.chat.wording import listed
from bridge.model import Choice, Command, Form, Reply, Text
from bridge.text import cut, tame

NONE_THERE = "Nothing of the chat stands there, or not any more; nothing was done."
OURS = "That is ours: you can write a new one with say or ask, or delete it where it stands."
EDGE = 75  # characters of a line in a list, the most that Slack shows (its documentation)


def number(command: Command) -> int | None:
    """The number a command names: a button's, the one picked from a list, or its first word."""
    if command.entry is not None:
        return command.entry
    if command.item is not None or command.choice.isdecimal():
        return _number(command.item if command.item is not None else command.choice)
    return _number(command.text) if command.at is None else None


def _number(words: str) -> int | None:
    first = words.split(maxsplit=1)[0] if words.split() else ""
    return int(first) if re.fullmatch(r"[0-9]{1,9}", first) else None


def rest(command: Command) -> str:
    """What a command says beside the number."""
    said = command.text.strip()
    named = (command.entry, command.item, command.at)
    if all(it is None for it in named) and not command.choice.isdecimal():
        said = said.partition(" ")[2].strip()
    return said


def entries(work: Work, chat: ChatState, command: Command, usage: str) -> list[Entry] | str:
    """All entries that a command means: several where it was used on a message that shows several; else why
    there are none."""
    found = chat.timeline.entries
    no = number(command)
    if no is not None:
        if no not in found and chat.timeline.merged.get(no) in found:
            return f"Entry {no} is one with entry {chat.timeline.merged[no]} now: say that number."
        return [found[no]] if no in found else f"There is no entry {no}. It may be gone already."
    if command.at is None:
        return f"Say which one: {usage}"
    if (entry := chat.timeline.at(command.at)) is not None:
        return [entry]
    copies = chat.copies.get(command.at.network)
    merged = any(m.ref == command.at for m in copies.messages.values()) if copies else False
    live = [found[n] for n in chat.shown.get(key(command.at), ()) if n in found] if merged else []
    return live or (OURS if part_of(chat, command.at) else NONE_THERE)


def entry(work: Work, chat: ChatState, command: Command, usage: str) -> Entry | Reply:
    """The entry that a command means; where it was used on a message that shows several, the question which."""
    found = entries(work, chat, command, usage)
    if isinstance(found, str):
        return found
    if len(found) == 1:
        return found[0]
    if not command.forms:
        numbers = [str(e.no) for e in found]
        return f"That message shows entries {listed(numbers)}. Say which one: {usage}"
    return Form(
        title="Which one?",
        verb=command.verb,
        chat=chat.id,
        on=command.on,
        words="That message shows several entries.",
        choices=tuple(Choice(str(e.no), _line(work.state, e)) for e in found),
        pick="Entry",
        chosen=str(found[0].no),
        submit="Go on",
    )


def own(chat: ChatState, command: Command) -> Entry | None:
    """The entry that a command means, if who says it wrote it in a room themselves."""
    no, at = number(command), command.at
    found = chat.timeline.at(at) if no is None and at is not None else chat.timeline.entries.get(no or 0)
    mine = found is not None and any(
        post.reach == "room" and post.author.account == command.by for post in found.sources
    )
    return found if mine else None


def off(work: Work, entry: Entry) -> str:
    """Why nobody but hosts sees an entry, if hosts decided that or have yet to; else ""."""
    if entry.hidden or entry.held is not None:
        return f"Entry {entry.no} is not shown; show it first: show {entry.no}."
    if taken_off(entry, work.state.people):
        return f"Who wrote entry {entry.no} is blocked; unblock them first: unblock {entry.no}."
    return ""


def _line(state: State, entry: Entry) -> str:
    """An entry in a list: "A3 · 42 @ann@mastodon.example: I think that"."""
    seen = readable(entry, state.people, state.everywhere, "hosts")
    said = f" {tame(seen[0].author.handle)}: {tame(quoted(seen[0].text))}" if seen else ""
    return cut(Text(" ".join(f"{heading(entry)}{said}".split())), EDGE).plain


# ---------------------------------------------------------------- who acted on it


def notice(entry: Entry, command: Command) -> None:
    """A host took notice of an entry."""
    if command.by not in entry.noticed:
        entry.noticed = (*entry.noticed, command.by)


def act(verb: str, once: str) -> str:
    """How an act that may be told more than once is remembered."""
    return f"{verb} {once}"


def another(work: Work, command: Command, verb: str) -> bool:
    """Whether somebody else still stands by what this command takes back: their reaction is on the same message.
    What names an act (`Command.once`) ends in the reaction and who it is by."""
    if not command.again:
        return False
    at = act(verb, command.again.rsplit(" ", 2)[0])
    return any(known.rsplit(" ", 2)[0] == at for known in work.state.handled)
