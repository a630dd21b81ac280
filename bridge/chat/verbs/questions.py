"""Questions in the hosts' words: asked now, planned, said otherwise, or made of what a participant asked. Before
one goes out, "Show as posted" shows how it will read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from bridge.chat import conduct, drafts, promoted, waiting
from bridge.chat.community import DOORS
from bridge.chat.present import display_name, hosts_card
from bridge.chat.runsheet import NAME, How, Item
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.chat.verbs import which
from bridge.chat.verbs.common import LONGEST, Verb, clock, everywhere, too_long
from bridge.chat.verbs.sheet import CLOSED, closed
from bridge.model import Button, Choice, Command, Field, Form, Reply

_ACTIVE = re.compile(r"[@＠#＃{}<>|*_~`\\/:]+")  # what could make an address, a mention or markup of a name


def _form(
    chat: ChatState, command: Command, title: str, submit: str, *, words: str = "", text: str = ""
) -> Form:
    about = " ".join(filter(None, (command.verb, command.item)))
    return Form(
        title,
        command.verb,
        chat.id,
        item=command.item,
        words=words,
        field=Field("The question", text, most=LONGEST),
        submit=submit,
        buttons=(Button("Show as posted", "preview", chat.id, item=about),),
    )


# ---------------------------------------------------------------- ask and plan


def _ask(work: Work, chat: ChatState, command: Command) -> Reply:
    if why := _too_early_or_late(work, chat) or too_long(command.text.strip()):
        return why
    if not command.text.strip():
        item = chat.sheet.question("", work.now)
        where = f"It goes out at once as {item.label}, on {everywhere(work)}."
        return _form(chat, command, "Ask a question", "Ask now", words=where)
    item = chat.sheet.add(_asked(work, chat, command))
    conduct.fire(work, chat, item)
    return f"Done: the question goes out as {item.label}."


def _too_early_or_late(work: Work, chat: ChatState) -> str:
    """Why nothing can be asked now; "" if it can."""
    if closed(chat):
        return CLOSED
    if work.now < chat.sheet.starts - DOORS:
        return "Nobody is here yet: plan the question, or ask it when the chat is on."
    return ""


def _asked(work: Work, chat: ChatState, command: Command) -> Item:
    return chat.sheet.question(command.text.strip(), work.now)


def _plan(work: Work, chat: ChatState, command: Command) -> Reply:
    if closed(chat):
        return CLOSED
    if why := too_long(command.text.strip()):
        return why
    item = _planned(work, chat, command)
    at = clock(work, item.due)
    if not item.text:
        where = f"It goes out as {item.label} at {at}, on {everywhere(work)}."
        return _form(chat, command, "Plan a question", "Plan it", words=where)
    chat.sheet.add(item)
    return f"Done: {item.label} is planned for {at}."


def _planned(work: Work, chat: ChatState, command: Command) -> Item:
    return chat.sheet.question(command.text.strip(), chat.sheet.gap(work.now))


# ---------------------------------------------------------------- edit


def _edit(work: Work, chat: ChatState, command: Command) -> Reply:
    name, words = _named(command)
    if not name:
        return _which(chat, command)
    item = chat.sheet.called(name)
    if item is None:
        return f"There is no item '{name}' in the run sheet. Say which one: {VERBS['edit'].usage}"
    if item.kind != "question":
        return f"{item.label} has its words from the config; only questions can be edited."
    if not item.editable:
        return f"{item.label} is already {item.state}; nothing was done. To put it right, say so: say …"
    if why := too_long(words):
        return why
    if not words:
        about = replace(command, item=item.id)
        return _form(chat, about, f"Edit {item.label}", "Save", text=item.words)
    item.reword(words)
    return f"Done: {item.label} is worded anew."


def _named(command: Command) -> tuple[str, str]:
    """The item a host means, and its new words."""
    if name := command.item or command.choice:
        return name, command.text.strip()
    name, *words = command.text.split(maxsplit=1) or [""]
    return name, "".join(words).strip()


def _which(chat: ChatState, command: Command) -> Form | str:
    """Which question? One that stands nowhere yet."""
    items = [item for item in chat.sheet.questions() if item.editable]
    if not items:
        return "Every question has gone out. Ask a new one: ask …"
    form = _form(chat, command, "Edit a question", "Save")
    choices = tuple(Choice(i.id, f"{i.label} {i.words}") for i in items)
    return replace(form, choices=choices, pick="Which question", chosen=choices[0].value)


def _edited(work: Work, chat: ChatState, command: Command) -> Item:
    name, words = _named(command)
    item = chat.sheet.called(name)
    assert item is not None, "its form could not be made"
    draft = replace(item)
    draft.reword(words)
    return draft


# ---------------------------------------------------------------- promote


def _promote(work: Work, chat: ChatState, command: Command) -> Reply:
    """What a participant asked becomes the next question, in a host's words. Who asked is named only as they
    agreed to it."""
    entry, words = which.entry(work, chat, command, VERBS["promote"].usage), which.rest(command)
    if not isinstance(entry, Entry):
        return entry
    if (item := chat.sheet.get(chat.promoted.get(entry.no))) is not None:
        return f"Entry {entry.no} is already {item.label}; nothing was done."
    if why := which.off(work, entry):
        return why
    if why := _too_early_or_late(work, chat) or too_long(words):
        return why
    if not words:
        return _wording(work, chat, replace(command, item=str(entry.no)), entry)
    item = _promoted(work, chat, replace(command, item=str(entry.no), text=words))
    chat.sheet.add(item)
    conduct.fire(work, chat, item)
    chat.promoted[entry.no] = item.id
    return f"Done: entry {entry.no} is asked as {item.label}."


def _wording(work: Work, chat: ChatState, command: Command, entry: Entry) -> Form:
    words = f"It goes out at once as {chat.sheet.question('', work.now).label}, on {everywhere(work)}."
    said = waiting.words(work.state, chat, entry)
    form = _form(chat, command, "Make it a question", "Ask now", words=words, text=said[:LONGEST])
    choices = (Choice("no", "Not named"), *_credits(work, chat, entry))
    agreed = entry.first.reach == "room"  # to that very choice; elsewhere nobody is named unasked
    return replace(
        form,
        card=hosts_card(work.state, chat, entry),
        choices=choices,
        pick="Name who asked",
        chosen=choices[-1 if agreed else 0].value,
    )


def _credits(work: Work, chat: ChatState, entry: Entry) -> tuple[Choice, ...]:
    """How the author may be named: in a room as they consented to, elsewhere by name, on the host's word."""
    agreed = "" if entry.first.reach == "room" else " (if they agreed)"
    how = promoted.agreed(work.state, entry)
    name = _credit(work, chat, entry, how) if how else ""
    return (Choice(how, f"Asked by {name}{agreed}"),) if name else ()


def _credit(work: Work, chat: ChatState, entry: Entry, how: How) -> str:
    """The author's name as it may stand in a question of ours, made inert; "" if there is none to be told."""
    name = " ".join(_ACTIVE.sub(" ", display_name(work.state, chat, entry.first, "slack")).split())
    return (name.split(" ")[0] if how == "first" else name)[:NAME]


def _promoted(work: Work, chat: ChatState, command: Command) -> Item:
    """The question as it would go out. Whom it credits is kept whatever their name is by now: a journal that was
    redacted must tell the same."""
    item = _asked(work, chat, command)
    entry = chat.timeline.entries[int(command.item or 0)]
    how = promoted.agreed(work.state, entry)
    if how and how == command.choice:
        author = entry.first.author
        item.named(author.account, how, _credit(work, chat, entry, how), author.handle)
    return item


# ---------------------------------------------------------------- how it will read

Drafted: TypeAlias = Callable[[Work, ChatState, Command], Item]

DRAFTED: dict[str, Drafted] = {"ask": _asked, "plan": _planned, "edit": _edited, "promote": _promoted}


def as_posted(work: Work, chat: ChatState, command: Command) -> Reply:
    """A form again, now with how the words in its field will read. `Command.item`: its verb, and what it is
    about: "ask", "edit q4"."""
    verb, _, item = (command.item or "").partition(" ")
    asked = replace(command, verb=verb, item=item or None, text="")
    form = VERBS[verb].do(work, chat, asked)  # without words a form answers, or why there can be none
    if not isinstance(form, Form) or form.field is None:
        return form
    if verb == "edit" and chat.sheet.called(form.item or command.choice) is None:
        return form  # typed, without saying which question
    said = command.text.strip()
    words = too_long(said) or ("" if said else "There are no words yet.")
    if not words:
        draft = DRAFTED[verb](work, chat, replace(asked, item=form.item, text=said))
        words = drafts.shown(work.state, chat, draft, work.now)
    chosen = command.choice if command.choice and form.choices else form.chosen
    return replace(form, words=words, field=replace(form.field, text=command.text), chosen=chosen)


VERBS: dict[str, Verb] = {
    "ask": Verb(_ask, "ask What helps newcomers?", "a new question, everywhere, now"),
    "plan": Verb(_plan, "plan What helps newcomers?", "a new question, before the close"),
    "edit": Verb(
        _edit, "edit Q4 What helps newcomers most?", "say a question otherwise that has not gone out"
    ),
    "promote": Verb(
        _promote, "promote 42 What helps newcomers?", "make a question of what somebody asked, in your words"
    ),
}
