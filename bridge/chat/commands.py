"""The door for everything people tell the bridge: whose word counts, and for which chat. Only hosts command; on
their own words alone anybody does. The answer says what came of it."""

from __future__ import annotations

from bridge.chat import conduct, consent, requests
from bridge.chat.community import SERVER, host_of
from bridge.chat.intake import part_of, retouch
from bridge.chat.state import ChatState, State, Work
from bridge.chat.verbs import entries, sheet
from bridge.chat.verbs.common import Verb
from bridge.model import Command, Form, Network, Reply
from bridge.settings import Host

FORGET = "forget"  # the server's alone; `item` is the account

VERBS: dict[str, Verb] = sheet.VERBS | entries.VERBS
USAGE: dict[str, str] = {verb: said.usage for verb, said in VERBS.items()}


def obey(work: Work, network: Network, command: Command) -> Reply:
    """Do what somebody says; gives the answer for the one who said it, "" if nothing is to be said."""
    if command.again:
        work.state.handled.pop(command.again, None)
    if command.once in work.state.handled:
        return ""
    if command.once:
        work.state.handled[command.once] = work.now
    if command.verb == "consent" and network != SERVER:
        return _consent(work, network, command)
    if command.verb == FORGET and network == command.by == SERVER:
        return _forget(work, command)
    verb = VERBS.get(command.verb)
    chat = _meant(work, command)
    if chat is None and verb is not None and verb.anybody:
        chat = next(reversed(work.state.chats.values()), None)
    if chat is None:
        return "Say which chat you mean: " + ", ".join(work.state.chats)
    work.network, work.host = network, leader(work.state, chat, network, command)
    work.leads = work.host is not None or network == command.by == SERVER
    if not work.leads and not (verb is not None and verb.anybody):
        return "Only the hosts of this chat can do that. Ask one of them, they will be glad to hear from you."
    if verb is None:
        return f"There is no command '{command.verb}'. There are: {', '.join(VERBS)}."
    conduct.run_due(work, chat)  # what has come due goes out before what is said now
    reply = verb.do(
        work, chat, sheet.pointed(work, chat, command) if command.verb in sheet.POINTING else command
    )
    if isinstance(reply, Form) and not command.forms:
        reply = f"Say it in one line: {verb.usage}"
    if isinstance(reply, str) and reply.startswith("Done"):
        work.note(chat, f"{command.name or 'A host'}: {reply.removeprefix('Done: ')}")
    work.effects.sheet.add(chat.id)
    return reply


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


def leader(state: State, chat: ChatState, network: Network, command: Command) -> Host | None:
    """The host who speaks: one of the chat's, or a member of the group that may command from there."""
    if command.by in state.leaders.get(network, ()):
        return host_of(chat.settings, network, command.by) or Host(command.name or "A host")
    return host_of(chat.settings, network, command.by)


def _meant(work: Work, command: Command) -> ChatState | None:
    """The chat a command is about: the one it names, else the one it was used in."""
    if command.chat:
        return work.state.chats.get(command.chat)
    at = command.at
    return next((c for c in work.state.chats.values() if at and part_of(c, at)), None) or _only(work)


def _only(work: Work) -> ChatState | None:
    """The chat meant by a command that names none: the one there is, or the one going on."""
    running = [c for c in work.state.chats.values() if c.phase(work.now) == "open"] or [
        c for c in work.state.chats.values() if not c.over
    ]
    return running[0] if len(running) == 1 else None
