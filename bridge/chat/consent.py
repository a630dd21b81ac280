"""Where the words of somebody who writes in a room may go: they are asked alone, and heard.

Whether their answers may also stand on the page, and whether one that answers somebody out there shall be sent to
them. That we asked is part of deciding their entry, so it is journalled with it. Whether the question ever reached
them nobody can know: without an answer their words stay in the room, and a later entry asks again.
"""

from __future__ import annotations

from typing import Literal

from bridge.chat import gestures
from bridge.chat.audience import may_see, undecided
from bridge.chat.community import Person
from bridge.chat.present import display_name
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import Entry
from bridge.model import MINUTE, Button, Notice, Post, Ref, Text
from bridge.settings import Net
from bridge.text import cut, tame

AGAIN = 10 * MINUTE  # between two questions to somebody who does not answer
HOW_SENT = " It goes out under our name, with your first name before it, once a host has said yes."
CHOICES: dict[str, Literal["name", "first", "no"]] = {"name": "name", "first": "first", "no": "no"}


# ---------------------------------------------------------------- asking


def ask(work: Work, chat: ChatState, entry: Entry, post: Post) -> None:
    """Ask the author of a new source of an entry what is still to be asked, in one message; not again if they
    were asked just now."""
    if post.reach != "room":
        return
    net, people = work.state.nets[post.ref.network], work.state.people
    someone = people.get(post.author.account)
    words: list[str] = []
    buttons: tuple[Button, ...] = ()
    if undecided(post, people, net) and _long_ago(work, someone.asked):
        someone.asked = work.now
        words.append(_page_question(work.state, net))
        buttons = _page_buttons(chat, net)
    to = addressee(work, chat, entry) if _long_ago(work, someone.offered) else None
    if to is not None:
        someone.offered = work.now
        words.append(f"Send this as a reply to {whom(work.state, chat, *to)}?" + HOW_SENT)
        buttons += (Button("Send my reply", "send", chat.id, item=str(entry.no)),)
    if words:
        notice = Notice("\n\n".join(words), buttons)
        work.effects.whispers.append((net.name, someone.account, "chat", notice))


def _long_ago(work: Work, asked: int) -> bool:
    return not asked or work.now >= asked + AGAIN


def _page_question(state: State, net: Net) -> str:
    page = state.community.page if state.community else None
    return (
        f"Shall your answers also stand on the page{f' ({page})' if page else ''} and in the transcript, "
        "where anybody can read them? Your picture and your handle stay away from there. "
        f"Until you choose, everything you write here stays in {net.title}."
    )


def _page_buttons(chat: ChatState, net: Net) -> tuple[Button, ...]:
    return (
        Button("Show on page with my name", "consent", chat.id, item="name", style="primary"),
        Button("Show with my first name", "consent", chat.id, item="first"),
        Button(f"Keep in {net.title}", "consent", chat.id, item="no"),
    )


# ---------------------------------------------------------------- the page


def answer(someone: Person, net: Net) -> str:
    """What somebody is told who has just chosen."""
    if someone.consent == "no":
        done = f"Done: your answers stay in {net.title}."
    elif net.public == "no":
        return f"Here all answers stay in {net.title}, whatever you choose."
    elif someone.opted_out:
        return (
            "We will remember that. But you asked us, or your profile does, to leave your words where they "
            "are, and that counts more. Message us 'start' to undo it."
        )
    else:
        name = "first name" if someone.consent == "first" else "name"
        done = f"Done: your answers here now stand on the page with your {name}."
    return f"{done} To change that, press another button or type /chat consent name, first or no."


# ---------------------------------------------------------------- whom it answers


def written_here(work: Work, entry: Entry) -> Post | None:
    """What was written in a room, of an entry whose words may be sent on by its author; else None."""
    people, nets = work.state.people, work.state.everywhere
    for post in entry.sources:
        if post.reach == "room" and may_see(post, entry, people, nets[post.ref.network], "slack"):
            return post
    return None


def addressee(work: Work, chat: ChatState, entry: Entry) -> tuple[Post, Ref] | None:
    """Whom an entry written in a room answers on a network where we may answer them in turn, and where; None
    where nothing can be sent."""
    community = work.state.community
    above = chat.timeline.entries.get(entry.reply_to or 0)
    if community is None or community.outward == "none" or above is None or not written_here(work, entry):
        return None
    if any(post.reach != "room" for post in entry.sources):
        return None  # they have said it out there themselves
    return next(iter(gestures.places(work, chat, above)), None)


def whom(state: State, chat: ChatState, post: Post, ref: Ref) -> str:
    """ "Ann on Mastodon"."""
    name = display_name(state, chat, post, "slack") or tame(post.author.handle)
    return f"{cut(Text(name), 60).plain} on {state.everywhere[ref.network].title}"
