"""The controls that stand in blocks: what can be pressed, and what holds something a person entered."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.slack.wire import Table

PREFIX = "chatbridge:"  # how the bridge names the actions of its buttons
LISTS = {"static_select", "radio_buttons"}
HOLDING = {"plain_text_input", *LISTS}
MOST = 3_000  # characters of a field that names no limit


class Unusable(ValueError):
    """What Slack's own client keeps a person from doing; says why."""


@dataclass(frozen=True)
class Control:
    """A button, or one line of an overflow menu."""

    block: str
    element: Table
    option: Table | None = None

    @property
    def action_id(self) -> str:
        """What the app calls it."""
        return str(self.element["action_id"])

    @property
    def verb(self) -> str:
        """The bridge's word for it; empty if it is not one of the bridge's."""
        name = self.action_id
        return name.removeprefix(PREFIX).partition(":")[0] if name.startswith(PREFIX) else ""

    @property
    def value(self) -> Any:
        """What the bridge is told with it."""
        said = (self.option or self.element).get("value")
        return json.loads(said) if self.verb and said else said

    def action(self, at: str) -> Table:
        """As block_actions gives it. `at`: a ts."""
        known = {"action_id": self.action_id, "block_id": self.block, "action_ts": at}
        if self.option is not None:
            return {"type": self.element["type"], "selected_option": self.option, **known}
        return {**self.element, **known}


def named(blocks: list[Table], numbers: Iterator[int]) -> list[Table]:
    """A copy in which every block and control has its id; Slack makes those the app left out."""
    made = copy.deepcopy(blocks)
    for block in made:
        block.setdefault("block_id", f"b{next(numbers)}")
    for _, element in elements(made):
        element.setdefault("action_id", f"a{next(numbers)}")
    return made


def elements(blocks: list[Table]) -> Iterator[tuple[str, Table]]:
    """Each control with the id of its block."""
    for n, block in enumerate(blocks, 1):
        parts = {
            "input": [block.get("element")],
            "section": [block.get("accessory")],
            "actions": block.get("elements", []),
        }.get(block["type"], [])
        for element in parts:
            if element is not None and element["type"] != "image":
                yield block.get("block_id") or f"b{n}", element


def pressable(blocks: list[Table]) -> list[Control]:
    """What a person can press, from the top."""
    found = []
    for block, element in elements(blocks):
        if element["type"] == "button" and "action_id" in element:
            found.append(Control(block, element))
        elif element["type"] == "overflow" and "action_id" in element:
            found += [Control(block, element, option) for option in element["options"]]
    return found


def typed(element: Table, text: str) -> str:
    """What stands in a field after somebody typed. Raises Unusable."""
    words = text if element.get("multiline") else " ".join(text.splitlines())
    if len(words) > (most := element.get("max_length", MOST)):
        raise Unusable(f"Too long: the field takes {most} characters, not {len(words)}.")
    return words


def picked(element: Table, choice: str) -> Table:
    """The option of a list that has this value or says this. Raises Unusable."""
    options: list[Table] = element["options"]
    found = [o for o in options if choice in (o["value"], o["text"]["text"])]
    if not found:
        raise Unusable(f"No option: {choice!r} is not among {[o['text']['text'] for o in options]}.")
    return found[0]


def state(blocks: list[Table], entered: dict[tuple[str, str], Any]) -> Table:
    """`state.values` of what holds something: by block, by action."""
    values: Table = {}
    for block, element in elements(blocks):
        if element["type"] in HOLDING and "action_id" in element:
            name = element["action_id"]
            words = element["type"] == "plain_text_input"
            now = entered.get((block, name), element.get("initial_value" if words else "initial_option"))
            said = {"value": now or None} if words else {"selected_option": now}
            values.setdefault(block, {})[name] = {"type": element["type"], **said}
    return {"values": values}
