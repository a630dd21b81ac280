"""What hosts can tell the bridge. Every control names the item it means, so that two hosts pressing at once
do one thing; the answer says what came of it. Only hosts command; on their own words alone anybody does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from bridge.chat import conduct, consent, gestures, requests, wording
from bridge.chat.community import DOORS, SERVER, host_of
from bridge.chat.intake import retouch, touch
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import Entry
from bridge.model import MINUTE, Command, Network
from bridge.text import fits, joined, marked, person

Handler: TypeAlias = Callable[[Work, ChatState, Command], str]

FORGET = "forget"  # the server's alone; `item` is the account
LONGEST = 2_000  # characters of a host's question or words

CLOSED = "The chat is already closed."


def obey(work: Work, network: Network, command: Command) -> str:
    """Do what a host says; gives the answer for the one who said it."""
    if command.verb == "consent" and network != SERVER:
        return _consent(work, network, command)
    if command.verb == FORGET and network == command.by == SERVER:
        return _forget(work, command)
    chat = work.state.chats.get(command.chat) if command.chat else _only(work)
    if chat is None:
        return "Say which chat you mean: " + ", ".join(work.state.chats)
    host = host_of(chat.settings, network, command.by)
    if host is None and not (network == command.by == SERVER):
        return "Only the hosts of this chat can do that. Ask one of them, they will be glad to hear from you."
    verb = VERBS.get(command.verb)
    if verb is None:
        return f"There is no command '{command.verb}'. There are: {', '.join(VERBS)}."
    conduct.run_due(work, chat)  # what has come due goes out before what is said now
    work.host = host
    answer = verb.do(work, chat, _pointed(work, chat, command) if command.verb in POINTING else command)
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


def _forget(work: Work, command: Command) -> str:
    """The operator erases a person, as they could themselves."""
    if command.item not in work.state.people.all:
        return "Say it on the command line: chatbridge forget mastodon:@ann@mastodon.example"
    requests.forget(work, command.item)
    retouch(work, command.item)
    return "Done: that person is forgotten."


def _only(work: Work) -> ChatState | None:
    """The chat meant by a command that names none: the one there is, or the one going on."""
    running = [c for c in work.state.chats.values() if c.phase(work.now) == "open"] or [
        c for c in work.state.chats.values() if not c.over
    ]
    return running[0] if len(running) == 1 else None


# ---------------------------------------------------------------- the run sheet


def _pointed(work: Work, chat: ChatState, command: Command) -> Command:
    """A control that says in words which item it means and where ("Q3 mastodon"), as one with a button says it."""
    words = command.text.split()
    if command.item is not None or not words:
        return command
    item = next((i for i in chat.sheet.items if words[0].casefold() in (i.id, i.label.casefold())), None)
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
    meant = chat.sheet.get(command.item)
    if command.on is not None or (meant is not None and {"held", "refused"} & set(meant.on.values())):
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
        return f"Say by how many minutes: {USAGE['extend']} (at most 240)."
    if _closed(chat):
        return CLOSED
    chat.sheet.shift(int(words) * MINUTE)
    return f"Done: everything still to come moves by {words} minutes."


def _ask(work: Work, chat: ChatState, command: Command) -> str:
    if not command.text.strip():
        return f"Say what to ask: {USAGE['ask']}"
    if _closed(chat):
        return CLOSED
    if why := _too_long(command.text):
        return why
    if work.now < chat.sheet.starts - DOORS:
        return "Nobody is here yet: put the question into the config, or ask it when the chat is on."
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
        return f"Say what to say: {USAGE['say']}"
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
    if entry is not None:
        return entry
    if number is not None:
        return f"There is no entry {number}. It may be gone already."
    return _say_which(command)


def _say_which(command: Command) -> str:
    return f"Say which one: {USAGE[command.verb]}"


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
        return f"Say to which question it belongs: {USAGE['move']} (one that was asked)."
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
        return f"Done: entry {entry.no} is {gestures.DONE[kind]} on {_titles(work, networks)}."
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
    return f"Done: entry {entry.no} is no longer {gestures.DONE[kind]} on {_titles(work, networks)}."


def _reply(work: Work, chat: ChatState, command: Command) -> str:
    """The community answers an author in their own thread, signed by the host who says so."""
    entry = _entry(chat, command)
    if isinstance(entry, str):
        return entry
    said = command.text.strip()
    if command.entry is None and command.item is None:
        said = said.partition(" ")[2].strip()
    if not said:
        return f"Say what to reply: {USAGE['reply']}"
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


def _titles(work: Work, networks: list[Network]) -> str:
    return wording.listed([work.state.everywhere[name].title for name in dict.fromkeys(networks)])


def _changed(work: Work, chat: ChatState, entry: Entry, what: str) -> str:
    conduct.close(work, chat, f"entry {entry.no}", f"{what[0].upper()}{what[1:]}.")
    touch(work, chat, entry.no)
    return f"Done: {what}."


class Verb(NamedTuple):
    """What a host can say, and how to say it."""

    do: Handler
    usage: str


VERBS: dict[str, Verb] = {
    "next": Verb(_next, "next"),
    "hold": Verb(_hold, "hold"),
    "resume": Verb(_resume, "resume"),
    "skip": Verb(_skip, "skip"),
    "post": Verb(_post, "post Q3 mastodon"),
    "extend": Verb(_extend, "extend 5"),
    "ask": Verb(_ask, "ask What helps newcomers?"),
    "say": Verb(_say, "say Two minutes' break!"),
    "end": Verb(_end, "end"),
    "show": Verb(_show, "show 42"),
    "restore": Verb(_show, "restore 42"),
    "hide": Verb(_hide, "hide 42"),
    "move": Verb(_move, "move 42 Q3"),
    "like": Verb(_like, "like 42"),
    "unlike": Verb(_unlike, "unlike 42"),
    "boost": Verb(_boost, "boost 42"),
    "unboost": Verb(_unboost, "unboost 42"),
    "reply": Verb(_reply, "reply 42 Thank you, tell us more!"),
}
POINTING = ("next", "hold", "resume", "skip", "post")  # these mean an item
USAGE: dict[str, str] = {verb: said.usage for verb, said in VERBS.items()}
