"""What Slack refuses in a message, with the words it has for it, and what a reader sees of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from simulator.slack.blocks import faults as faults_in

TEXT = 40_000
UPDATED = 4_000
BLOCKS = 50
TOTAL = 13_200

Table = dict[str, Any]


class Refusal(Exception):
    """An answer with `"ok": false`."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body: Table = {"ok": False, "error": error, **more}


def check(
    text: str,
    blocks: list[Table],
    attachments: list[Table],
    *,
    update: bool,
    picture: Callable[[Table], tuple[str, str] | None] = lambda block: None,
) -> None:
    """Raises Refusal. `picture`: the field of an image block that is to blame if its picture cannot be shown,
    and why."""
    if not text and not blocks and not attachments:
        raise Refusal("no_text")
    if len(text) > (UPDATED if update else TEXT):
        raise Refusal("msg_too_long")
    faults = [*faults_in(blocks, "/blocks", BLOCKS)] or [*picture_faults(blocks, "/blocks", picture)]
    if faults:
        messages = [f"[ERROR] {fault}" for fault in faults]
        raise Refusal("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    if sum(len(words) for block in blocks for words in _texts(block)) > TOTAL:
        raise Refusal("msg_blocks_too_long")


def picture_faults(
    blocks: list[Table], at: str, picture: Callable[[Table], tuple[str, str] | None]
) -> Iterator[str]:
    """Image blocks whose picture cannot be shown; `at`: where the blocks stand."""
    for n, block in enumerate(blocks):
        if block.get("type") == "image" and (fault := picture(block)):
            yield f"{fault[1]} [json-pointer:{at}/{n}/{fault[0]}]"


# ---------------------------------------------------------------- reading


def readable(message: Table) -> str:
    """Everything a reader sees of a message: the name it goes by, its blocks, its attachments; its text where
    that says something else, since that is read aloud and shown in notifications."""
    shown = "\n".join(line for block in message.get("blocks") or () if (line := "".join(_texts(block))))
    folded = "\n".join(plain(a.get("text", "")) for a in message.get("attachments") or ())
    text = plain(message.get("text", ""))
    said = text if text and _bare(text) not in _bare(shown) else ""
    return "\n".join(part for part in (message.get("username", ""), said, shown, folded) if part)


def displayed(view: Table) -> str:
    """Everything a reader sees of a form or a Home tab, save what they typed themselves."""
    named = [view.get(part) for part in ("title", "submit", "close")]
    return "\n".join(line for part in (*named, *view["blocks"]) if (line := "".join(_texts(part))))


def plain(mrkdwn: str) -> str:
    """The words of mrkdwn as they are read."""

    def word(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        return label or ("@" + target[1:] if target[:1] in {"@", "!"} else target)

    words = re.sub(r"<([^<>]*)>", word, mrkdwn)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


_PARTS = (
    *("title", "label", "text", "fields", "elements", "element", "accessory", "placeholder", "options"),
    *("description", "hint", "confirm", "deny"),
)


def _texts(block: object) -> Iterator[str]:
    """The texts in a block, in order."""
    if isinstance(block, list):
        for item in block:
            yield from _texts(item)
    elif isinstance(block, dict):
        kind = block.get("type")
        if kind == "mrkdwn":
            yield f" {plain(block['text'])} "
        elif kind == "button":
            yield f" [{block['text']['text']}] "
            yield from _texts(block.get("confirm"))
        elif kind == "link":
            yield block.get("text") or block["url"]
        elif isinstance(block.get("text"), str):
            yield block["text"]
        else:
            yield block.get("alt_text", "")
            yield block.get("initial_value", "")
            yield from _texts([block.get(part) for part in _PARTS])


def _bare(words: str) -> str:
    return " ".join(words.split())
