"""Buttons as Slack has them. Pure."""

from __future__ import annotations

import msgspec

from adapters.slack import rich
from adapters.slack.rich import Block
from bridge.model import Button

BUTTONS = 25  # in one block (Slack's documentation)
VALUE = 2_000  # characters of a button's value (Slack's documentation)


class TooLong(Exception):
    """It does not fit one message; says why, for a person."""


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button's value says, as JSON."""

    chat: str | None = None
    item: str | None = None
    on: str | None = None


PREFIX = "chatbridge:"  # of an action_id; then the verb, then a number where a block has a verb twice


def rows(buttons: tuple[Button, ...]) -> list[Block]:
    return [
        {"type": "actions", "elements": [button(b, n) for n, b in enumerate(buttons[at : at + BUTTONS])]}
        for at in range(0, len(buttons), BUTTONS)
    ]


def button(button: Button, n: int) -> Block:
    value = msgspec.json.encode(Control(button.chat, button.item, button.on)).decode()
    if len(value) > VALUE:
        raise TooLong(f"The button {button.label!r} names too much to fit Slack's {VALUE:,} characters.")
    return {
        "type": "button",
        "action_id": f"{PREFIX}{button.verb}:{n}",
        "text": rich.plain_text(button.label, 75),
        "value": value,
    } | ({"style": button.style} if button.style else {})
