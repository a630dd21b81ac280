"""The door for everything people tell the bridge: whose word counts, and for which chat. Only hosts command; on
their own words alone anybody does. The answer says what came of it."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.chat import by_message, conduct, early, requests
from bridge.chat.belonging import part_of
from bridge.chat.community import SERVER, host_of
from bridge.chat.intake import retouch
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import key
from bridge.chat.verbs import entries, own, questions, room, sheet
from bridge.chat.verbs.common import Verb, by
from bridge.chat.verbs.which import act
from bridge.model import Command, Form, Micros, Network, Notice, Post, Reply
from bridge.settings import Host

# what takes an act back, and the act
UNDOES = {"restore": "hide", "unlike": "like", "unboost": "boost", "unnoticed": "noticed"}
FORGET = "forget"  # the server's alone; `item` is the account


def _help(work: Work, chat: ChatState, command: Command) -> Reply:
    """What the one who asks can say."""
    if (one := VERBS.get(command.text.strip().casefold())) is not None and (work.leads or one.anybody):
        return f"{one.usage}: {one.about}"
    theirs = {
        title: {name: verb for name, verb in group.items() if work.leads or verb.anybody}
        for title, group in GROUPS.items()
    }
    return Notice(room.usages(theirs))


HELP = {"help": Verb(_help, "help", "what you can say", anybody=True)}
GROUPS: dict[str, dict[str, Verb]] = {
    "The run sheet": sheet.VERBS | questions.VERBS,
    "Entries": entries.VERBS,
    "The room": room.VERBS | HELP,
    "Your own words": own.VERBS,
}
VERBS: dict[str, Verb] = {name: verb for group in GROUPS.values() for name, verb in group.items()}
USAGE: dict[str, str] = {verb: said.usage for verb, said in VERBS.items()}


def obey(work: Work, network: Network, command: Command) -> Reply:
    """Do what somebody says; gives the answer for the one who said it, "" if nothing is to be said."""
    handled, once = work.state.handled, act(command.verb, command.once)
    if command.again:
        handled.pop(act(UNDOES[command.verb], command.again), None)
    if once in handled or f"refused {once}" in handled:
        return ""
    if command.verb == FORGET and network == command.by == SERVER:
        return _forget(work, command)
    verb = VERBS.get(command.verb)
    chat = _meant(work.state, command)
    if chat is None and verb is not None and verb.anybody:
        chat = _nearest(work.state, network, command)
    if chat is None:
        chats = " or ".join(f"{name} {command.verb}" for name in work.state.chats)
        return f"Say first which chat you mean: {chats} …"
    work.network, work.host = network, leader(work.state, chat, network, command)
    work.leads = work.host is not None or network == command.by == SERVER
    allowed = work.leads or (verb is not None and verb.anybody)
    if command.once and (command.at is None or part_of(chat, command.at)):
        handled[once if allowed else f"refused {once}"] = work.now
    if not allowed:
        return "Only the hosts of this chat can do that. Ask one of them, they will be glad to hear from you."
    if verb is None:
        return f"There is no command '{command.verb}'. There are: {', '.join(VERBS)}."
    if chat.withdrawn and command.verb in GROUPS["The run sheet"]:
        return "This chat was taken out of the config: nothing more of it goes out, unless it is put back."
    if chat.expired and command.verb in GROUPS["Entries"]:
        return "What people wrote in this chat has been erased; its figures stay."
    conduct.run_due(work, chat)  # what has come due goes out before what is said now
    reply = verb.do(
        work, chat, sheet.pointed(work, chat, command) if command.verb in sheet.POINTING else command
    )
    if isinstance(reply, Form) and not command.forms:
        reply = f"Say it in one line: {verb.usage}"
    if not verb.anybody and isinstance(reply, str) and reply.startswith("Done"):
        work.note(chat, f"{by(work, command)}: {reply.removeprefix('Done: ')}")
    work.effects.sheet.add(chat.id)
    return reply


def obey_message(work: Work, chat: ChatState, post: Post) -> None:
    """A host says something by direct message: obeyed once, and answered there."""
    if key(post.ref) in work.state.handled:
        return
    work.state.handled[key(post.ref)] = work.now
    said = by_message.command(chat, post, VERBS)
    if said is None:
        words = by_message.HELLO
    elif said.verb == "help" and not said.text:
        words = by_message.names(VERBS)
    else:
        words = room.in_words(work, obey(work, post.ref.network, said))
    by_message.answer(work, chat, post, words)


def _forget(work: Work, command: Command) -> str:
    """The operator erases a person, as they could themselves."""
    if command.item not in work.state.people.all:
        return "Say it on the command line: chatbridge forget mastodon:@ann@mastodon.example"
    requests.forget(work, command.item)
    retouch(work, command.item)
    return "Done: that person is forgotten."


def leader(state: State, chat: ChatState, network: Network, command: Command) -> Host | None:
    """The host who speaks: one of the chat's, or a member of the group that may command from there."""
    if command.by in state.leaders.get(network, ()):
        return host_of(chat.settings, network, command.by) or Host(command.name or "A host")
    return host_of(chat.settings, network, command.by)


def addressed(state: State, command: Command) -> Command:
    """A command that may name its chat before the verb, as in "handovers hide 42"."""
    named = next((name for name in state.chats if name.casefold() == command.verb), None)
    if named is None or command.chat is not None or command.verb in VERBS:
        return command
    verb, _, text = command.text.strip().partition(" ")
    return replace(command, verb=verb.casefold() or "help", chat=named, text=text.strip())


def heeded(state: State, network: Network, command: Command) -> bool:
    """Whether a command is worth an event. A reaction to a message is only told (again) or taken back where that
    means something: by a host, on something of a chat. Somebody else's wish to hide is answered, once."""
    if not command.once and not command.again:
        return True
    chat, once = _meant(state, command), act(command.verb, command.once)
    if chat is None:
        return False
    leads = leader(state, chat, network, command) is not None
    ours = command.at is None or part_of(chat, command.at)
    if command.again:
        done = act(UNDOES.get(command.verb, ""), command.again) in state.handled
        return leads and (done or early.is_kept(state, command.again))
    if once in state.handled or f"refused {once}" in state.handled:
        return False
    return leads or ours if command.verb == "hide" else leads and ours


def acts(state: State) -> tuple[str, ...]:
    """What hosts did that can be taken back by taking a reaction back, as `Command.once` named it."""
    named = (name.partition(" ") for name in state.handled)
    return tuple(once for verb, _, once in named if verb in UNDOES.values())


def _meant(state: State, command: Command) -> ChatState | None:
    """The chat a command is about: the one it names, else the one it was used in."""
    if command.chat:
        return state.chats.get(command.chat)
    at = command.at
    return next((c for c in state.chats.values() if at and part_of(c, at)), None) or _only(state)


def _nearest(state: State, network: Network, command: Command) -> ChatState | None:
    """The chat for what concerns no certain one: one that the speaker leads before others; one that goes on, else
    the next, else the last."""

    def distance(chat: ChatState) -> tuple[bool, int, Micros]:
        phase = ("open", "before", "late", "over").index(chat.phase(state.at))
        led = leader(state, chat, network, command) is not None
        return not led, phase, chat.sheet.starts if phase < 2 else -chat.sheet.starts

    return min(state.chats.values(), key=distance, default=None)


def _only(state: State) -> ChatState | None:
    """The chat meant by a command that names none: the one there is, or the one going on."""
    coming = [c for c in state.chats.values() if not (c.over or c.withdrawn)]
    running = [c for c in coming if c.phase(state.at) == "open"] or coming
    return running[0] if len(running) == 1 else None
