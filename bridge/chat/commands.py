"""What hosts can tell the bridge. Every control names the item it means, so that two hosts pressing at once
do one thing; the answer says what came of it. Only hosts command; on their own words alone anybody does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from bridge.chat import conduct, consent
from bridge.chat.community import SERVER, is_host
from bridge.chat.intake import retouch, touch
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.model import MINUTE, Command, Network

Handler: TypeAlias = Callable[[Work, ChatState, Command], str]

LONGEST = 2_000  # characters of a host's question or words

CLOSED = "The chat is already closed."


def obey(work: Work, network: Network, command: Command) -> str:
    """Do what a host says; gives the answer for the one who said it."""
    if command.verb == "consent" and network != SERVER:
        return _consent(work, network, command)
    chat = work.state.chats.get(command.chat) if command.chat else _only(work)
    if chat is None:
        return "Say which chat you mean: " + ", ".join(work.state.chats)
    if not (network == command.by == SERVER) and not is_host(chat.settings, network, command.by):
        return "Only the hosts of this chat can do that. Ask one of them, they will be glad to hear from you."
    handler = VERBS.get(command.verb)
    if handler is None:
        return f"There is no command '{command.verb}'. There are: {', '.join(VERBS)}."
    conduct.run_due(work, chat)  # what has come due goes out before what is said now
    answer = handler(work, chat, command)
    if answer.startswith("Done"):
        work.note(chat, f"{command.name or 'A host'}: {answer.removeprefix('Done: ')}")
    work.effects.sheet.add(chat.id)
    return answer


def _consent(work: Work, network: Network, command: Command) -> str:
    """Anybody's word on where their own answers stand; the last one counts."""
    chosen = consent.choice(command)
    if chosen is None:
        return consent.HOW
    someone = work.state.people.get(command.by)
    if someone.consent != chosen:
        someone.consent = chosen
        retouch(work, command.by)
    return consent.answer(someone, work.state.nets[network])


def _only(work: Work) -> ChatState | None:
    """The chat meant by a command that names none: the one there is, or the one going on."""
    running = [c for c in work.state.chats.values() if c.phase(work.now) == "open"] or [
        c for c in work.state.chats.values() if not c.over
    ]
    return running[0] if len(running) == 1 else None


# ---------------------------------------------------------------- the run sheet


def _upcoming(chat: ChatState, command: Command) -> Item | str:
    """The next item, if it is the one the control means; else why not."""
    item = chat.sheet.upcoming()
    if command.item is not None and (item is None or item.id != command.item):
        meant = chat.sheet.get(command.item)
        if meant is None:
            return f"There is no item '{command.item}' in the run sheet."
        return f"{meant.label} is already {meant.state}; nothing was done."
    return item if item is not None else "Everything on the run sheet has gone out."


def _next(work: Work, chat: ChatState, command: Command) -> str:
    item = _upcoming(chat, command)
    if isinstance(item, str):
        return item
    conduct.fire(work, chat, item)
    return f"Done: {item.label} goes out now."


def _hold(work: Work, chat: ChatState, command: Command) -> str:
    item = _upcoming(chat, command)
    if isinstance(item, str):
        return item
    if item.state == "held":
        return f"{item.label} is already on hold."
    item.step("hold")
    return f"Done: {item.label} and what follows wait until you resume."


def _resume(work: Work, chat: ChatState, command: Command) -> str:
    item = _upcoming(chat, command)
    if isinstance(item, str):
        return item
    if item.state != "held":
        return "Nothing is on hold."
    item.step("resume")
    if late := max(0, work.now - item.due):
        chat.sheet.shift(late)
    conduct.run_due(work, chat)
    return (
        f"Done: {item.label} goes on, and the rest moves along." if late else f"Done: {item.label} goes on."
    )


def _skip(work: Work, chat: ChatState, command: Command) -> str:
    if command.on is not None:
        return _on_network(work, chat, command, "skipped")
    item = _upcoming(chat, command)
    if isinstance(item, str):
        return item
    item.step("skip")
    return f"Done: {item.label} is skipped."


def _post(work: Work, chat: ChatState, command: Command) -> str:
    return _on_network(work, chat, command, "pending")


def _on_network(work: Work, chat: ChatState, command: Command, then: str) -> str:
    """Release or skip what one network did not take in time."""
    item = chat.sheet.get(command.item)
    if item is None:
        return f"There is no item '{command.item}' in the run sheet."
    nets = [
        n
        for n in work.state.nets.values()
        if command.on in (None, n.name) and item.on.get(n.name) in ("held", "refused")
    ]
    if not nets:
        return f"{item.label} is not waiting there any more; nothing was done."
    for net in nets if then == "pending" and item.kind in conduct.WAITS else ():
        if (later := conduct.overtaken(chat, item, net.name)) is not None:
            return f"{item.label} cannot come after {later.label}, which is on {net.title} already; skip it."
    for net in nets:
        item.on[net.name] = "pending" if then == "pending" else "skipped"
        item.held_at.setdefault(net.name, work.now)
        if then == "skipped":
            conduct.conclude(item)
            conduct.answered(work, chat, item, net.name, f"skipped by {command.name or 'a host'}")
        conduct.advance(work, chat, net)
    where = ", ".join(n.title for n in nets)
    return f"Done: {item.label} {'goes out on' if then == 'pending' else 'is skipped on'} {where}."


def _too_long(words: str) -> str:
    """Why words of a host cannot go out, if they are longer than anybody would read; else ""."""
    return f"That is longer than {LONGEST} characters; say it in fewer." if len(words) > LONGEST else ""


def _extend(work: Work, chat: ChatState, command: Command) -> str:
    words = command.text.strip()
    if not re.fullmatch(r"[0-9]{1,3}", words) or not 0 < int(words) <= 240:
        return "Say by how many minutes: extend 5 (at most 240)."
    if _closed(chat):
        return CLOSED
    chat.sheet.shift(int(words) * MINUTE)
    return f"Done: everything still to come moves by {words} minutes."


def _ask(work: Work, chat: ChatState, command: Command) -> str:
    if not command.text.strip():
        return "Say what to ask: ask What helps newcomers?"
    if _closed(chat):
        return CLOSED
    if why := _too_long(command.text):
        return why
    item = chat.sheet.ask(command.text.strip(), work.now)
    conduct.fire(work, chat, item)
    return f"Done: your question goes out as {item.label}."


def _closed(chat: ChatState) -> bool:
    """Whether the closing words have gone out, or were skipped: the clock alone does not tell, since the chat
    may be on hold."""
    closing = chat.sheet.get("closing")
    return chat.over or closing is None or closing.state not in ("planned", "held")


def _say(work: Work, chat: ChatState, command: Command) -> str:
    if not command.text.strip():
        return "Say what to say: say Two minutes' break!"
    if why := _too_long(command.text):
        return why
    conduct.fire(work, chat, chat.sheet.say(command.text.strip(), work.now))
    return "Done: your words go out everywhere."


def _end(work: Work, chat: ChatState, command: Command) -> str:
    if _closed(chat):
        return CLOSED
    chat.sheet.end(work.now)
    conduct.run_due(work, chat)
    return "Done: the chat is closed."


# ---------------------------------------------------------------- entries


def _entry(chat: ChatState, command: Command) -> Entry | str:
    number = command.entry if command.entry is not None else _number(command.item or command.text)
    entry = chat.timeline.entries.get(number or 0)
    return entry if entry is not None else "Say which entry: hide 42. It may be gone already."


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
        return "Say to which question it belongs: move 42 Q3 (one that was asked)."
    entry.questions, entry.rule = (item.number,), "host"
    entry.revision += 1
    return _changed(work, chat, entry, f"entry {entry.no} moves to {item.label}")


def _changed(work: Work, chat: ChatState, entry: Entry, what: str) -> str:
    conduct.close(work, chat, f"entry {entry.no}", f"{what[0].upper()}{what[1:]}.")
    touch(work, chat, entry.no)
    return f"Done: {what}."


VERBS: dict[str, Handler] = {
    "next": _next,
    "hold": _hold,
    "resume": _resume,
    "skip": _skip,
    "post": _post,
    "extend": _extend,
    "ask": _ask,
    "say": _say,
    "end": _end,
    "show": _show,
    "restore": _show,
    "hide": _hide,
    "move": _move,
}
