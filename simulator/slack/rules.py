"""What Slack refuses in a message, with the words it has for it, and what a reader sees of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

TEXT = 40_000
UPDATED = 4_000
BLOCKS = 50
TOTAL = 13_200
SECTION, HEADER, BUTTON, VALUE, ACTION = 3_000, 150, 75, 2_000, 255
IMAGE_URL, ALT_TEXT = 3_000, 2_000
ELEMENTS = {"actions": 25, "context": 10}

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
    faults = [*_block_faults(blocks), *_picture_faults(blocks, picture)]
    if faults:
        messages = [f"[ERROR] {fault}" for fault in faults]
        raise Refusal("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    if sum(len(words) for block in blocks for words in _texts(block)) > TOTAL:
        raise Refusal("msg_blocks_too_long")


def _block_faults(blocks: list[Table]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"
    for n, block in enumerate(blocks):
        at = f"/blocks/{n}"
        kind = block.get("type")
        fault = _KINDS.get(str(kind))
        if fault is None:
            yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        else:
            yield from fault(block, at)


def _sized(text: object, most: int, at: str) -> Iterator[str]:
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        yield f"missing required field: text [json-pointer:{at}]"
    elif not text["text"]:
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    elif len(text["text"]) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}/text]"


def _section(block: Table, at: str) -> Iterator[str]:
    yield from _sized(block.get("text"), SECTION, f"{at}/text")


def _header(block: Table, at: str) -> Iterator[str]:
    yield from _sized(block.get("text"), HEADER, f"{at}/text")


def _context(block: Table, at: str) -> Iterator[str]:
    yield from _counted(block, at, "context")
    for n, element in enumerate(block.get("elements", ())):
        if element.get("type") in {"plain_text", "mrkdwn"}:
            yield from _sized(element, SECTION, f"{at}/elements/{n}")


def _counted(block: Table, at: str, kind: str) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"missing required field: elements [json-pointer:{at}]"
    elif len(elements) > ELEMENTS[kind]:
        yield f"no more than {ELEMENTS[kind]} items allowed [json-pointer:{at}/elements]"


def _actions(block: Table, at: str) -> Iterator[str]:
    yield from _counted(block, at, "actions")
    seen: set[str] = set()
    for n, element in enumerate(block.get("elements", ())):
        here = f"{at}/elements/{n}"
        yield from _sized(element.get("text"), BUTTON, f"{here}/text")
        if len(element.get("value", "")) > VALUE:
            yield f"must be less than {VALUE + 1} characters [json-pointer:{here}/value]"
        action = element.get("action_id", "")
        if len(action) > ACTION:
            yield f"must be less than {ACTION + 1} characters [json-pointer:{here}/action_id]"
        if action in seen:
            yield f"`action_id` {action} already exists [json-pointer:{here}/action_id]"
        seen.add(action)
        if element.get("style") not in {None, "primary", "danger"}:
            yield f"invalid style [json-pointer:{here}/style]"


def _rich_text(block: Table, at: str) -> Iterator[str]:
    if not isinstance(block.get("elements"), list) or not block["elements"]:
        yield f"missing required field: elements [json-pointer:{at}]"
        return
    for n, section in enumerate(block["elements"]):
        for m, element in enumerate(section.get("elements", ())):
            here = f"{at}/elements/{n}/elements/{m}"
            if element.get("type") == "text" and not element.get("text"):
                yield f"must be more than 0 characters [json-pointer:{here}/text]"
            if element.get("type") == "link" and not re.match(r"https?://", element.get("url", "")):
                yield f"invalid url [json-pointer:{here}/url]"


def _image(block: Table, at: str) -> Iterator[str]:
    url, file = block.get("image_url"), block.get("slack_file")
    if (url is None) == (file is None) or (file is not None and ("id" in file) == ("url" in file)):
        yield f"must provide exactly one source of the image [json-pointer:{at}]"
    elif url is not None and not re.match(r"https?://", url):
        yield f"downloading image failed [json-pointer:{at}/image_url]"
    elif url is not None and len(url) > IMAGE_URL:
        yield f"must be less than {IMAGE_URL + 1} characters [json-pointer:{at}/image_url]"
    if not block.get("alt_text"):
        yield f"missing required field: alt_text [json-pointer:{at}]"
    elif len(block["alt_text"]) > ALT_TEXT:
        yield f"must be less than {ALT_TEXT + 1} characters [json-pointer:{at}/alt_text]"


def _picture_faults(blocks: list[Table], picture: Callable[[Table], tuple[str, str] | None]) -> Iterator[str]:
    for n, block in enumerate(blocks):
        if block.get("type") == "image" and (fault := picture(block)):
            yield f"{fault[1]} [json-pointer:/blocks/{n}/{fault[0]}]"


def _nothing(block: Table, at: str) -> Iterator[str]:
    yield from ()


_KINDS: dict[str, Callable[[Table, str], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "rich_text": _rich_text,
    "image": _image,
    "divider": _nothing,
}


# ---------------------------------------------------------------- reading


def readable(message: Table) -> str:
    """Everything a reader sees of a message: the name it goes by, its blocks, its attachments; its text where
    that says something else, since that is read aloud and shown in notifications."""
    shown = "\n".join(line for block in message.get("blocks") or () if (line := "".join(_texts(block))))
    folded = "\n".join(plain(a.get("text", "")) for a in message.get("attachments") or ())
    text = plain(message.get("text", ""))
    said = text if text and _bare(text) not in _bare(shown) else ""
    return "\n".join(part for part in (message.get("username", ""), said, shown, folded) if part)


def plain(mrkdwn: str) -> str:
    """The words of mrkdwn as they are read."""

    def word(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        return label or ("@" + target[1:] if target[:1] in {"@", "!"} else target)

    words = re.sub(r"<([^<>]*)>", word, mrkdwn)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


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
        elif kind == "link":
            yield block.get("text") or block["url"]
        elif isinstance(block.get("text"), str):
            yield block["text"]
        else:
            yield block.get("alt_text", "")
            yield from _texts([block.get("text"), block.get("elements")])


def _bare(words: str) -> str:
    return " ".join(words.split())
