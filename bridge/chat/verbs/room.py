"""The hosts' room: how things are, who leads, what stands still, who waits."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.chat import drafts, intake, silence
from bridge.chat.board import board, leads
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.chat.verbs import own, which
from bridge.chat.verbs.common import Verb, clock
from bridge.chat.verbs.questions import DRAFTED, as_posted
from bridge.model import Board, Choice, Command, Form, Notice, Reply


def _status(work: Work, chat: ChatState, command: Command) -> Board:
    return board(work.state, chat, work.now, ())  # how the networks are, whoever keeps the links adds


def _home(work: Work, chat: ChatState, command: Command) -> Reply:
    return _status(work, chat, command) if work.leads else own.me(work, chat, command)


# ---------------------------------------------------------------- who leads


def _lead(work: Work, chat: ChatState, command: Command) -> Reply:
    """A control names who led when it was shown: two hosts who hand over at once do it once."""
    before, called = leads(chat), command.choice or command.text.strip()
    if command.item not in (None, before):
        return f"{before} leads by now; nothing was done."
    if command.item is not None and not called:
        return _whom(chat, before)
    if called:
        found = _called(chat, called)
        if len(found) != 1:
            known = " or ".join(found) or ", ".join(host.name for host in chat.settings.hosts) or "none named"
            return f"Say which host leads: {known}."
        (name,) = found
    elif work.host is not None:
        name = work.host.name
    else:
        return f"Say who leads: {VERBS['lead'].usage}"
    if name == before:
        return f"{name} leads already."
    chat.lead = name
    return f"Done: {name} leads now."


def _called(chat: ChatState, words: str) -> list[str]:
    """The hosts of that name, or with that in their names."""
    names = [host.name for host in chat.settings.hosts]
    same = [name for name in names if name.casefold() == words.casefold()]
    return same or [name for name in names if words.casefold() in name.casefold()]


def _whom(chat: ChatState, before: str) -> Form | str:
    others = tuple(Choice(host.name, host.name) for host in chat.settings.hosts if host.name != before)
    if not others:
        return "There is no other host in the config. Who wants to lead says: lead"
    words = f"{before} leads now." if before else ""
    return Form(
        "Hand over the lead", "lead", chat.id, item=before, words=words,
        choices=others, pick="Who leads", submit="Hand over",
    )  # fmt: skip


# ---------------------------------------------------------------- what stands still


def _blackout(work: Work, chat: ChatState, command: Command) -> str:
    word = command.text.strip().casefold() or "on"
    if word not in ("on", "off"):
        return "Say which: blackout, or blackout off."
    if chat.blackout == (word == "on"):
        return f"Page, wall and feed {'stand still' if chat.blackout else 'go on'} already."
    chat.blackout = word == "on"
    if chat.blackout:
        return (
            "Done: page, wall and feed stand still. Answers still arrive here, and what you hide is gone from "
            "there at once. To let them go on: blackout off."
        )
    intake.lift(work, chat)
    return "Done: page, wall and feed go on, with what has come since."


# ---------------------------------------------------------------- how it reads


def _preview(work: Work, chat: ChatState, command: Command) -> Reply:
    if (command.item or "").partition(" ")[0] in DRAFTED:
        return as_posted(work, chat, command)
    item = chat.sheet.get(command.item) if command.item else chat.sheet.upcoming()
    if item is None and command.item:
        return f"There is no item '{command.item}' in the run sheet. Say which one: {VERBS['preview'].usage}"
    if item is None:
        return "Everything on the run sheet has gone out."
    due = "" if item.fired else f", at {clock(work, item.due)}"
    return Notice(f"{item.label}{due}\n\n{drafts.shown(work.state, chat, item, work.now)}")


# ---------------------------------------------------------------- who waits


def _dismiss(work: Work, chat: ChatState, command: Command) -> Reply:
    """Off the lists of those who wait: somebody has seen it, and nothing else is to be done. With a network: the
    hosts go on without it."""
    if command.on is not None:
        return silence.dismiss(work, chat, command.on)
    entry = which.entry(work, chat, command, VERBS["dismiss"].usage)
    if not isinstance(entry, Entry):
        return entry
    if entry.no in chat.dismissed:
        return f"Entry {entry.no} is off the lists already."
    chat.dismissed.append(entry.no)
    return f"Done: entry {entry.no} is seen."


# ---------------------------------------------------------------- what can be said


def usages(groups: Mapping[str, Mapping[str, Verb]]) -> str:
    """What can be said, with what it does, group by group."""
    return "\n\n".join(
        "\n".join([title, *(f"{verb.usage}: {verb.about}" for verb in group.values())])
        for title, group in groups.items()
        if group
    )


def in_words(work: Work, reply: Reply) -> str:
    """An answer where there is room for nothing but words."""
    match reply:
        case Board():
            return _told(work, reply)
        case Notice():
            return reply.text
        case Form():
            return reply.title
        case _:
            return reply


def _told(work: Work, shown: Board) -> str:
    lines = {line.id: line for line in shown.lines}
    now, then = lines.get(shown.current or ""), lines.get(shown.upcoming or "")
    bits = (
        f"{shown.title}: {'on hold' if shown.on_hold else shown.phase}, ends at {clock(work, shown.ends)}.",
        f"Now: {now.label}." if now else "",
        f"Next: {then.label} at {clock(work, then.due)}." if then else "",
        f"{shown.entries} entries by {shown.people} people.",
        f"{shown.lead} leads." if shown.lead else "",
        "Page, wall and feed stand still." if shown.blackout else "",
        f"People waiting for a word: {len(shown.ignored)}. Questions of their own: {len(shown.asked)}.",
    )
    return "\n".join(filter(None, bits))


VERBS: dict[str, Verb] = {
    "status": Verb(_status, "status", "how the chat is going"),
    "home": Verb(_home, "home", "the same; for everybody else, their own record", anybody=True),
    "lead": Verb(_lead, "lead Ann", "hand the lead over; without a name, you take it"),
    "blackout": Verb(_blackout, "blackout", "page, wall and feed stand still; blackout off lets them go on"),
    "preview": Verb(_preview, "preview Q4", "how an item will read on each network"),
    "dismiss": Verb(_dismiss, "dismiss 42", "take it off the lists of what waits"),
}
