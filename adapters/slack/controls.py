"""Buttons as Slack has them. Pure."""

from __future__ import annotations

import msgspec

from adapters.slack import rich
from adapters.slack.rich import Block
from bridge.model import Button

# Slack's documentation: actions block, button element, confirmation dialog object
BUTTONS = 25  # in one block
LABEL = 75  # characters on a button, and of what is read out in its place
VALUE = 2_000  # characters of its value
TITLE, QUESTION, CHOICE = (
    100,
    300,
    30,
)  # characters of a confirmation's title, of what it asks and of either way out

PREFIX = "chatbridge:"  # of an action_id; then the verb, then a number where a block has a verb twice


class TooLong(Exception):
    """It does not fit what Slack shows; says why, for a person."""


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button's value says, and a form's private_metadata, as JSON. `channel` and
    `thread`: of a form alone, where what came of it is told."""

    chat: str | None = None
    item: str | None = None
    on: str | None = None
    text: str = ""
    channel: str = ""
    thread: str = ""


def rows(buttons: tuple[Button, ...], about: str = "") -> list[Block]:
    """`about`: whom or what they are about, for those who hear them without what stands above."""
    return [
        {
            "type": "actions",
            "elements": [button(b, n, about) for n, b in enumerate(buttons[at : at + BUTTONS])],
        }
        for at in range(0, len(buttons), BUTTONS)
    ]


def button(button: Button, n: int = 0, about: str = "") -> Block:
    """`n` tells it from others with its verb in the same block. Raises TooLong."""
    said = Control(button.chat, button.item, button.on, button.text)
    made = {
        "type": "button",
        "action_id": f"{PREFIX}{button.verb}:{n}",
        "text": rich.plain_text(button.label, LABEL),
        "value": value(said, VALUE, f"The button {button.label!r}"),
    }
    if about:
        made["accessibility_label"] = rich.short(f"{button.label}: {about}", LABEL)
    if button.style:
        made["style"] = button.style
    if button.confirm:
        made["confirm"] = _confirmation(button)
    return made


def value(control: Control, most: int, whose: str) -> str:
    """A control as what carries it says it. Raises TooLong for more than `most` characters."""
    said = msgspec.json.encode(control).decode()
    if len(said) > most:
        raise TooLong(f"{whose} names too much to fit Slack's {most:,} characters.")
    return said


def _confirmation(button: Button) -> Block:
    return {
        "title": rich.plain_text(button.label, TITLE),
        "text": rich.plain_text(button.confirm, QUESTION),
        "confirm": rich.plain_text(button.label if len(button.label) <= CHOICE else "Yes", CHOICE),
        "deny": rich.plain_text("Cancel", CHOICE),
    } | ({"style": button.style} if button.style else {})
