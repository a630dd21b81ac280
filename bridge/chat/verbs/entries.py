"""What hosts do about single entries: move, like, boost, take notice. Beside it: what they say to authors, and what
they do about harm."""

from __future__ import annotations

from typing import Literal

from bridge.chat import gestures, hidden
from bridge.chat.audience import taken_off
from bridge.chat.consent import written_here
from bridge.chat.intake import touch
from bridge.chat.present import called
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.chat.verbs import answers, harm, which
from bridge.chat.verbs.common import Verb, titles
from bridge.model import Button, Choice, Command, Form, Notice, Reply, Text
from bridge.text import cut

Kind = Literal["like", "boost"]


def _move(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["move"].usage)
    if not isinstance(entry, Entry):
        return entry
    asked = [item for item in chat.sheet.questions() if item.posted_at]
    said = (command.choice if command.item is not None else "") or " ".join(which.rest(command).split()[-1:])
    item = next((i for i in asked if i.label == said.upper()), None)
    if item is None and (said or not asked):
        return f"Say to which question it belongs: {VERBS['move'].usage} (one that was asked)."
    if item is None:
        return Form(
            title="Move an answer",
            verb="move",
            chat=chat.id,
            item=str(entry.no),
            words=f"{called(work.state, entry)}.",
            choices=tuple(Choice(i.label, cut(Text(f"{i.label} {i.text}"), which.EDGE).plain) for i in asked),
            pick="Question",
            submit="Move",
        )
    if (entry.questions, entry.rule) == ((item.number,), "host"):
        return f"Entry {entry.no} already belongs to {item.label}."
    entry.questions, entry.rule = (item.number,), "host"
    entry.revision += 1
    touch(work, chat, entry.no)
    return f"Done: entry {entry.no} moves to {item.label}."


# ---------------------------------------------------------------- like and boost


def _endorse(work: Work, chat: ChatState, command: Command) -> Reply:
    """Natively, on every network where the entry stands and we have an account."""
    kind: Kind = "like" if command.verb == "like" else "boost"
    entry = which.entry(work, chat, command, VERBS[kind].usage)
    if not isinstance(entry, Entry):
        return entry
    which.notice(entry, command)
    if networks := gestures.endorse(work, chat, entry, kind):
        return f"Done: entry {entry.no} is {gestures.DONE[kind]} on {titles(work, networks)}."
    if gestures.of(chat, entry, kind):
        return f"Entry {entry.no} is already {gestures.DONE[kind]}."
    if command.once and any(post.reach == "room" for post in entry.sources):
        return ""  # the reaction itself is there for all to see
    return answers.out_of_reach(work, entry, f"can be {gestures.DONE[kind]}")


def _unendorse(work: Work, chat: ChatState, command: Command) -> Reply:
    kind: Kind = "like" if command.verb == "unlike" else "boost"
    if which.another(work, command, kind):
        return ""
    entry = which.entry(work, chat, command, VERBS[command.verb].usage)
    if not isinstance(entry, Entry):
        return entry
    networks = [gestures.undo(work, chat, name) for name in gestures.of(chat, entry, kind)]
    if not networks:
        return "" if command.again else f"Entry {entry.no} is not {gestures.DONE[kind]} by us."
    return f"Done: entry {entry.no} is no longer {gestures.DONE[kind]} on {titles(work, networks)}."


# ---------------------------------------------------------------- notice


def _noticed(work: Work, chat: ChatState, command: Command) -> str:
    """A reaction to a message that shows several is to all of them."""
    found = which.entries(work, chat, command, VERBS["noticed"].usage)
    if isinstance(found, str):
        return "" if command.once else found
    fresh = [entry for entry in found if command.by not in entry.noticed]
    for entry in fresh:
        which.notice(entry, command)
    if command.once:
        return ""
    no = found[0].no
    return f"Done: entry {no} is marked as seen." if fresh else f"You have marked entry {no} as seen already."


def _unnoticed(work: Work, chat: ChatState, command: Command) -> str:
    found = which.entries(work, chat, command, VERBS["unnoticed"].usage)
    if isinstance(found, str):
        return "" if command.again else found
    seen = [entry for entry in found if command.by in entry.noticed]
    for entry in seen:
        entry.noticed = tuple(account for account in entry.noticed if account != command.by)
    if command.again:
        return ""
    no = found[0].no
    if seen:
        return f"Done: entry {no} is no longer marked as seen."
    return f"You had not marked entry {no} as seen."


# ---------------------------------------------------------------- more


def _more(work: Work, chat: ChatState, command: Command) -> Reply:
    """Everything that can be done with an entry; who is no host can have their own sent out."""
    own, community = which.own(chat, command), work.state.community
    buttons: tuple[Button, ...] = ()
    if own is not None and written_here(work, own) and community is not None and community.outward != "none":
        buttons = (Button("Send my reply", "send", chat.id, item=str(own.no)),)
    if not work.leads:  # and must not learn here what else there is
        if own is None or not buttons:
            return "Only the hosts of this chat can do more. Ask one of them, they will be glad to hear from you."
        return Notice(f"{called(work.state, own)}.", buttons)
    entry = which.entry(work, chat, command, VERBS["more"].usage)
    if not isinstance(entry, Entry):
        return entry
    return Notice(f"{called(work.state, entry)}.", (*_choices(work, chat, entry), *buttons))


def _choices(work: Work, chat: ChatState, entry: Entry) -> tuple[Button, ...]:
    """What a host can do with an entry as it is now."""
    no = str(entry.no)

    def button(label: str, verb: str) -> Button:
        return Button(label, verb, chat.id, item=no)

    if entry.hidden:
        return (button("Restore", "restore"), *hidden.offers(work, chat, entry))
    found = [Button("Hide", "hide", chat.id, item=no, style="danger")]
    if entry.held is not None:
        found.insert(0, button("Show", "show"))
    if not taken_off(entry, work.state.people) and entry.held is None:
        liked, boosted = gestures.of(chat, entry, "like"), gestures.of(chat, entry, "boost")
        if gestures.places(work, chat, entry, endorsing=True):
            found.append(button("Take the like back", "unlike") if liked else button("Like", "like"))
            found.append(button("Take the boost back", "unboost") if boosted else button("Boost", "boost"))
        if gestures.answerable(work, chat, entry, "reply"):
            found += [button("Reply…", "reply"), button("Welcome…", "welcome")]
        found.append(button("Make this a question…", "promote"))
    found.append(button("Move…", "move"))
    erase = Button("Erase", "erase", chat.id, item=no, style="danger", confirm=hidden.ERASE)
    return (*found, erase, hidden.blocking(work, chat, entry))


VERBS: dict[str, Verb] = {
    **harm.VERBS,
    "move": Verb(_move, "move 42 Q3", "put an entry under another question"),
    "like": Verb(_endorse, "like 42", "like it on its network, as the community"),
    "unlike": Verb(_unendorse, "unlike 42", "take that back"),
    "boost": Verb(_endorse, "boost 42", "boost it on its network, as the community"),
    "unboost": Verb(_unendorse, "unboost 42", "take that back"),
    **answers.VERBS,
    "noticed": Verb(_noticed, "noticed 42", "you have seen it: nobody need remind you"),
    "unnoticed": Verb(_unnoticed, "unnoticed 42", "take that back"),
    "more": Verb(_more, "more 42", "what else can be done with it", anybody=True),
}
