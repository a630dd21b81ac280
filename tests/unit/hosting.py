"""Hosts who use controls on messages: reactions, shortcuts, buttons, forms."""

from __future__ import annotations

import msgspec

from bridge.model import MINUTE, Account, Button, Command, Form, Gathered, Notice, Post, Ref, Reply
from tests.unit.make import SLACK_HOST, Hour, post

OTHER_HOST = "slack:T1/UHOST2"
STRANGER = "slack:T1/UANN"


def use(hour: Hour, command: Command) -> Reply | None:
    """What who used a control is answered, "" if nothing; None if nobody even writes it down."""
    before = len(hour.replies)
    if not hour.arrive(msgspec.structs.replace(command, answer="here"), "slack"):
        return None
    return hour.replies[before] if len(hour.replies) > before else ""


def shortcut(hour: Hour, verb: str, at: Ref, by: Account = SLACK_HOST) -> Reply | None:
    return use(hour, Command(verb, by, at=at, forms=True))


def react(
    hour: Hour, verb: str, at: Ref, by: Account = SLACK_HOST, reaction: str = "no_entry_sign"
) -> Reply | None:
    return use(hour, Command(verb, by, at=at, once=f"{at.id} {reaction} {by}"))


def unreact(
    hour: Hour, verb: str, at: Ref, by: Account = SLACK_HOST, reaction: str = "no_entry_sign"
) -> Reply | None:
    return use(hour, Command(verb, by, at=at, again=f"{at.id} {reaction} {by}"))


def press(hour: Hour, button: Button, by: Account = SLACK_HOST) -> Reply | None:
    return use(
        hour, Command(button.verb, by, button.chat, button.item, on=button.on, text=button.text, forms=True)
    )


def hand_in(
    hour: Hour, form: Form, text: str = "", choice: str = "", by: Account = SLACK_HOST
) -> Reply | None:
    """A form is filled in; without words, as it stands."""
    words = text or (form.field.text if form.field else "")
    command = Command(form.verb, by, form.chat, form.item, on=form.on, text=words, choice=choice, forms=True)
    return use(hour, command)


def at(hour: Hour, no: int) -> Ref:
    """The merged message that shows an entry."""
    for place, content in hour.standing["slack"].items():
        if isinstance(content, Gathered) and any(card.no == no for card in content.cards):
            return Ref("slack", place)
    raise AssertionError(f"entry {no} stands nowhere")


def gathered(*posts: Post) -> Hour:
    """An hour in which these stand in one message."""
    hour = Hour()
    hour.until(6)
    hour.down.add("slack")
    hour.write(*posts)
    hour.now += MINUTE
    hour.down.clear()
    hour.deliver()
    return hour


def three() -> tuple[Post, ...]:
    return tuple(post(str(n), f"A1: thing {n} #WardChat", by=f"nurse-0{n}") for n in (1, 2, 3))


def hiding(hour: Hour) -> Notice:
    """The newest message to the hosts about what was hidden."""
    *_, notice = (n for n in hour.notices() if "hid it" in n.text or "hid them" in n.text)
    return notice


def button(notice: Notice, verb: str) -> Button:
    return next(b for b in notice.buttons if b.verb == verb)
