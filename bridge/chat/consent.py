"""Whether what somebody writes in a room may also stand on the page: they are asked alone, and heard.

That we asked is part of deciding their entry, so it is journalled with it. Whether the question ever reached
them nobody can know: without an answer their words stay in the room, and a later entry asks again.
"""

from __future__ import annotations

from typing import Literal

from bridge.chat.audience import undecided
from bridge.chat.community import Person
from bridge.chat.state import ChatState, State, Work
from bridge.model import MINUTE, Button, Command, Notice, Post
from bridge.settings import Net

AGAIN = 10 * MINUTE  # between two questions to somebody who does not answer
HOW = "Say which: consent name, consent first or consent no."
CHOICES: dict[str, Literal["name", "first", "no"]] = {"name": "name", "first": "first", "no": "no"}


def ask(work: Work, chat: ChatState, post: Post) -> None:
    """Ask the author of an entry, unless they have answered, or were asked just now."""
    net, people = work.state.nets[post.ref.network], work.state.people
    if not undecided(post, people, net):
        return
    someone = people.get(post.author.account)
    if someone.asked and work.now < someone.asked + AGAIN:
        return
    someone.asked = work.now
    work.effects.whispers.append((net.name, someone.account, "chat", _question(work.state, chat, net)))


def _question(state: State, chat: ChatState, net: Net) -> Notice:
    page = state.community.page if state.community else None
    return Notice(
        f"Shall your answers also stand on the page{f' ({page})' if page else ''} and in the transcript, "
        "where anybody can read them? Your picture and your handle stay away from there. "
        f"Until you choose, everything you write here stays in {net.title}.",
        buttons=(
            Button("Show on page with my name", "consent", chat.id, item="name", style="primary"),
            Button("Show with my first name", "consent", chat.id, item="first"),
            Button(f"Keep in {net.title}", "consent", chat.id, item="no"),
        ),
    )


def choice(command: Command) -> Literal["name", "first", "no"] | None:
    """What somebody chose: a button's item, or the word they typed; None if it is no choice."""
    return CHOICES.get((command.item or command.text).strip().casefold())


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
