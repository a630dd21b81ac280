"""The run sheet in the hosts' hands. Every control names the item it means, so that two hosts pressing at once
do one thing."""

from __future__ import annotations

import re

import msgspec

from bridge.chat import conduct
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, Turn, Work
from bridge.chat.verbs.common import LONGEST, Verb, by, clock, everywhere, too_long
from bridge.model import MINUTE, SECOND, Choice, Command, Field, Form, Reply

CLOSED = "The chat is already closed."
SOON = 5 * SECOND  # after an item, in which "next" may still have meant that one


def pointed(work: Work, chat: ChatState, command: Command) -> Command:
    """A control that says in words which item it means and where ("Q3 mastodon"), as one with a button says it."""
    words = command.text.split()
    if command.item is not None or not words:
        return command
    item = chat.sheet.called(words[0])
    on = next((n.name for n in work.state.nets.values() if words[1:2] == [n.name]), None)
    return msgspec.structs.replace(command, item=item.id if item else words[0], on=on)


def _upcoming(chat: ChatState, command: Command) -> Item | str:
    """The next item, if it is the one the control means; else why not."""
    item = chat.sheet.upcoming()
    if command.item is not None and (item is None or item.id != command.item):
        meant = chat.sheet.get(command.item)
        if meant is None:
            return f"There is no item '{command.item}' in the run sheet. {_say_which(command)}"
        if item is not None and meant.state in ("planned", "held"):
            return f"{meant.label} is not next, {item.label} is; nothing was done."
        return f"{meant.label} is already {meant.state}; nothing was done."
    return item if item is not None else "Everything on the run sheet has gone out."


def _meant(work: Work, chat: ChatState, command: Command) -> Item | str:
    """The next item, if it is the one that whoever speaks can have meant: two hosts may say the same, or a phone say
    it twice. Who says it once more means the next."""
    item, turn = _upcoming(chat, command), chat.turn
    if isinstance(item, str) or command.item is not None or turn is None:
        return item
    before = chat.sheet.get(turn.item)
    if before is None or work.now >= turn.at + SOON or command.by in turn.told:
        return item
    turn.told = (*turn.told, command.by)
    done = "was skipped" if before.state == "skipped" else "went out"
    ago, by_whom = (work.now - turn.at) // SECOND, f"by {turn.by}" if turn.by else "as planned"
    return f"{before.label} {done} {ago} s ago, {by_whom}: say {command.verb} again for {item.label}."


def _next(work: Work, chat: ChatState, command: Command) -> str:
    item = _meant(work, chat, command)
    if isinstance(item, str):
        return item
    chat.turn = Turn(item.id, work.now, by(work, command))
    conduct.fire(work, chat, item)
    return f"Done: {item.label} goes out now."


def _hold(work: Work, chat: ChatState, command: Command) -> str:
    item = _upcoming(chat, command)
    if isinstance(item, str):
        return item
    if item.state == "held":
        return f"{item.label} is already on hold."
    item.step("hold")
    return f"Done: {item.label} and what follows wait. To go on: resume."


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
    meant = chat.sheet.get(command.item)
    if command.on is not None or (meant is not None and {"held", "refused"} & set(meant.on.values())):
        return _on_network(work, chat, command, "skipped")
    item = _meant(work, chat, command)
    if isinstance(item, str):
        return item
    chat.turn = Turn(item.id, work.now, by(work, command))
    item.step("skip")
    return f"Done: {item.label} is skipped."


def _post(work: Work, chat: ChatState, command: Command) -> str:
    return _on_network(work, chat, command, "pending")


def _on_network(work: Work, chat: ChatState, command: Command, then: str) -> str:
    """Release or skip what one network did not take in time."""
    item = chat.sheet.get(command.item)
    if item is None:
        return f"There is no item '{command.item or ''}' in the run sheet. {_say_which(command)}"
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
            conduct.answered(work, chat, item, net.name, f"skipped by {by(work, command)}")
        conduct.advance(work, chat, net)
    where = ", ".join(n.title for n in nets)
    return f"Done: {item.label} {'goes out on' if then == 'pending' else 'is skipped on'} {where}."


def _extend(work: Work, chat: ChatState, command: Command) -> Reply:
    """`Command.item` names the end that a control knew: two hosts who press at once move it once."""
    words = (command.text or command.choice).strip()
    if not words and not closed(chat):
        return Form(
            "Extend the chat",
            "extend",
            chat.id,
            item=str(chat.sheet.ends),
            words="Everything still to come moves along.",
            choices=tuple(Choice(n, f"{n} minutes") for n in ("5", "10", "15")),
            pick="By how much",
            chosen="5",
            submit="Extend",
        )
    if words and (not re.fullmatch(r"[0-9]{1,3}", words) or not 0 < int(words) <= 240):
        return f"Say by how many minutes: {VERBS['extend'].usage} (at most 240)."
    if closed(chat):
        return CLOSED
    if command.item not in (None, str(chat.sheet.ends)):
        return f"The chat was moved already, it ends at {clock(work, chat.sheet.ends)}; nothing was done."
    chat.sheet.shift(int(words) * MINUTE)
    return f"Done: everything still to come moves by {words} minutes."


def closed(chat: ChatState) -> bool:
    """Whether the closing words have gone out, or were skipped: the clock alone does not tell, since the chat
    may be on hold."""
    closing = chat.sheet.get("closing")
    return chat.over or closing is None or closing.state not in ("planned", "held")


def _say(work: Work, chat: ChatState, command: Command) -> Reply:
    said = command.text.strip()
    if not said:
        where = f"They go out at once on {everywhere(work)}."
        field = Field("Your words", most=LONGEST)
        return Form("Say something", "say", chat.id, words=where, field=field, submit="Say it")
    if why := too_long(said):
        return why
    conduct.fire(work, chat, chat.sheet.add(chat.sheet.say(said, work.now)))
    return "Done: the words go out everywhere."


def _end(work: Work, chat: ChatState, command: Command) -> str:
    if closed(chat):
        return CLOSED
    chat.sheet.end(work.now)
    conduct.run_due(work, chat)
    return "Done: the chat is closed."


def _say_which(command: Command) -> str:
    return f"Say which one: {VERBS[command.verb].usage}"


VERBS: dict[str, Verb] = {
    "next": Verb(_next, "next", "the next item goes out now"),
    "hold": Verb(_hold, "hold", "the next item and what follows wait"),
    "resume": Verb(_resume, "resume", "go on after a hold; the rest moves along"),
    "skip": Verb(_skip, "skip", "leave the next item out"),
    "post": Verb(_post, "post Q3 mastodon", "send what a network did not take in time"),
    "extend": Verb(_extend, "extend 5", "everything still to come moves by so many minutes"),
    "say": Verb(_say, "say Two minutes' break!", "words of yours, everywhere, now"),
    "end": Verb(_end, "end", "recap and closing words, now"),
}
POINTING = ("next", "hold", "resume", "skip", "post", "preview")  # these mean an item
