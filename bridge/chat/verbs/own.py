"""What people do about their own words: see what is held of them, choose where it stands, send a reply out. And
the hosts' word on what is to go out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from bridge.chat import outward, requests
from bridge.chat.community import Person
from bridge.chat.consent import CHOICES, addressee, answer
from bridge.chat.intake import retouch
from bridge.chat.present import heading, quoted
from bridge.chat.state import ChatState, Work
from bridge.chat.verbs import which
from bridge.chat.verbs.common import Verb
from bridge.model import Account, Button, Choice, Command, Form, Notice, Reply
from bridge.settings import Net

NOBODY = "The server has no words of its own."
MOST = 20  # answers to pick from
SURE = "Remove all your words and your name from our records? This cannot be undone."


# ---------------------------------------------------------------- me


def me(work: Work, chat: ChatState, command: Command) -> Notice:
    """What the bridge holds of who asks, and where it stands; with a word more ("stop", "show first"), that first."""
    net = work.state.nets.get(work.network)
    if net is None:
        return Notice(NOBODY)
    said = _said(work, net, command.by, " ".join(command.text.casefold().split()))
    someone = work.state.people.of(command.by)
    return Notice(
        "\n\n".join(filter(None, (said, _held(work, chat, someone, net)))), _buttons(chat, someone, net)
    )


def _said(work: Work, net: Net, account: str, words: str) -> str:
    """Do what somebody asks about their own words; gives what came of it."""
    shows = {"show": "name", "show name": "name", "show first": "first", "keep": "no"}
    ask = "forget" if words == "forget me" else words
    if words in shows:
        return _choose(work, net, account, CHOICES[shows[words]])
    if ask in requests.CONFIRMED:
        return requests.done(work, account, ask)
    return "" if words in ("", "record") else f"Say one of these: {ME}."


def _held(work: Work, chat: ChatState, someone: Person, net: Net) -> str:
    """What is held of somebody and where that stands."""
    if not (held := requests.held(work.state, someone.account)):
        return f"We hold nothing of yours. {_standing(work, someone, net, 'What you write')}"
    posts = f"{len(held)} post{'s' * (len(held) > 1)} of yours: {requests.some(held)}"
    sent = [f"{no} ({stage})" for no, stage in _sent(work, chat, someone)]
    replies = f" As a reply out there: {', '.join(sent)}." if sent else ""
    return f"We hold {posts}. {_standing(work, someone, net, 'What you wrote')}{replies}"


def _standing(work: Work, someone: Person, net: Net, what: str) -> str:
    community = work.state.community
    page = f"on the page ({community.page})" if community and community.page else "in the transcript"
    if someone.opted_out:
        asked = "you asked for that" if someone.stopped else "your profile asks for that"
        return f"{what} stays where you write it: {asked}."
    if not net.mirror:
        return f"{what} in public is shown with the chat, and {page}."
    if net.public == "no":
        return f"{what} here stays in {net.title}, as everybody's does."
    if someone.consent == "no":
        return f"{what} here stays in {net.title}."
    if not someone.consent and net.public == "ask":
        return f"{what} here stays in {net.title} until you choose otherwise."
    return f"{what} here stands {page}, with your {'first name' if someone.consent == 'first' else 'name'}."


def _sent(work: Work, chat: ChatState, someone: Person) -> list[tuple[int, str]]:
    stages = {"asked": "the hosts are asked", "approved": "sent", "declined": "not sent"}
    return [(no, stages[w.stage]) for no, w in chat.outward.items() if w.account == someone.account]


def _buttons(chat: ChatState, someone: Person, net: Net) -> tuple[Button, ...]:
    """What they can change from where it stands now."""
    choices = {"name": ("Show with my name", "show name"), "first": ("Show with my first name", "show first")}
    choices["no"] = (f"Keep in {net.title}", "keep")
    asking = net.mirror and net.public != "no" and not someone.opted_out
    shown = [said for choice, said in choices.items() if asking and someone.consent != choice]
    shown.append(("Start", "start") if someone.opted_out else ("Stop", "stop"))
    return (
        *(Button(label, "me", chat.id, text=text) for label, text in shown),
        Button("My record", "me", chat.id, text="record"),
        Button("Forget me", "me", chat.id, text="forget", style="danger", confirm=SURE),
    )


def _choose(work: Work, net: Net, account: str, chosen: Literal["name", "first", "no"]) -> str:
    """Somebody says where their answers from a room may stand; the last word counts."""
    if not net.mirror:
        return f"What you write on {net.title} anybody can read; what you can say is stop and start."
    someone = work.state.people.get(account)
    if someone.consent != chosen:
        someone.consent = chosen
        retouch(work, account)
    return answer(someone, net)


def _consent(work: Work, chat: ChatState, command: Command) -> str:
    net = work.state.nets.get(work.network)
    if net is None:
        return NOBODY
    chosen = CHOICES.get((command.item or command.text).strip().casefold())
    if chosen is None:
        return "Say which: consent name, consent first or consent no."
    return _choose(work, net, command.by, chosen)


# ---------------------------------------------------------------- send my reply


def _send(work: Work, chat: ChatState, command: Command) -> Reply:
    """Only their own: whoever it is that asks."""
    community = work.state.community
    if community is None or community.outward == "none":
        return "In this chat nothing that is written here is sent out."
    if which.number(command) is None and command.at is None:
        return _which(work, chat, command.by)
    entry = which.own(chat, command)
    if entry is None:
        return "That is not an answer of yours from here: only who wrote it can send it out."
    return outward.request(work, chat, entry)


def _which(work: Work, chat: ChatState, account: Account) -> Form | str:
    """Which of their answers, of those that could go out."""
    mine = [
        entry
        for entry in chat.timeline.entries.values()
        if any(post.author.account == account for post in entry.sources) and addressee(work, chat, entry)
    ]
    if not mine:
        return f"Nothing of yours here answers somebody out there. {outward.HOW}"
    newest = tuple(
        Choice(str(e.no), f"{heading(e)}: {quoted(e.first.text, 50)}") for e in mine[: -MOST - 1 : -1]
    )
    return Form("Send my reply", "send", chat.id, choices=newest, pick="Which one", chosen=newest[0].value)


def _decided(decide: Callable[[Work, ChatState, int, str], str]) -> Callable[[Work, ChatState, Command], str]:
    """What a host decides about an entry that is to go out, or has. A button tells which words they have read."""

    def do(work: Work, chat: ChatState, command: Command) -> str:
        no, read = which.number(command), command.text if command.item is not None else ""
        return (
            decide(work, chat, no, read) if no is not None else f"Say which one: {VERBS[command.verb].usage}"
        )

    return do


ME = "me show name, me show first, me keep, me stop, me start, me forget, me record"
VERBS: dict[str, Verb] = {
    "me": Verb(me, "me", f"what we hold of you; {ME}", anybody=True),
    "consent": Verb(_consent, "consent first", "where your answers stand: name, first or no", anybody=True),
    "send": Verb(_send, "send 57", "send your own answer to whom it answers on their network", anybody=True),
    "approve": Verb(_decided(outward.approve), "approve 57", "let somebody's reply go out"),
    "decline": Verb(_decided(outward.decline), "decline 57", "do not let it go out"),
    "takeback": Verb(_decided(outward.take_back), "takeback 57", "take a reply back that went out"),
}
