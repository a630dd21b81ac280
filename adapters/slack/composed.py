"""What people composed in Slack's editor: rich_text blocks as the bridge's words. Pure.

Beside its blocks a message has a `text` made from them (mrkdwn), in which lists, quotes, code and many emoji are
no longer what they were: "rich_text … is the output of the Slack client's composer" (documentation, Rich text
block). So the blocks count where they say more; for plain words both say the same and the `text` is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from adapters.slack import mrkdwn
from bridge.model import Text
from bridge.text import joined, part

Block: TypeAlias = dict[str, Any]

_SIMPLE = {"text", "link", "user", "channel", "broadcast"}  # elements that `text` tells as well
_DEEPEST = 10  # steps a list may be set in


def text(message: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    """The words of a message. `names`: how to call the users it mentions, by id. Raises TypeError."""
    raw = message.get("text") or ""
    if not isinstance(raw, str):
        raise TypeError(f"expected a string, not {type(raw).__name__}")
    blocks = _blocks(message)
    if not blocks or (raw and all(_plain(block) for block in blocks)):
        return mrkdwn.text(raw, names)
    labels = dict(_labels(raw))
    try:
        lines = [line for block in blocks for line in _lines(block, names, labels)]
    except (KeyError, ValueError, TypeError, AttributeError):  # something newer than we are
        return mrkdwn.text(raw, names)
    return joined(*_broken(lines))


def users(message: Mapping[str, Any]) -> Iterator[str]:
    """The user ids a message mentions, in its `text` and in its blocks."""
    for body in mrkdwn.sequences(message.get("text") or ""):
        if body.startswith("@"):
            yield body[1:].partition("|")[0]
    for block in _blocks(message):
        for element in _elements(block):
            if element.get("type") == "user" and isinstance(element.get("user_id"), str):
                yield element["user_id"]


def _blocks(message: Mapping[str, Any]) -> list[Block]:
    """A message's blocks, if its editor made all of them: an app's blocks are no person's words."""
    blocks = message.get("blocks")
    if not isinstance(blocks, list) or not all(
        isinstance(b, dict) and b.get("type") == "rich_text" and isinstance(b.get("elements"), list)
        for b in blocks
    ):
        return []
    return blocks


def _plain(block: Block) -> bool:
    return all(p.get("type") == "rich_text_section" for p in _parts(block)) and all(
        element.get("type") in _SIMPLE and not element.get("style") for element in _elements(block)
    )


def _parts(block: Block) -> list[Block]:
    return [p for p in block["elements"] if isinstance(p, dict)]


def _elements(block: Block) -> Iterator[Block]:
    """Everything said in a block, a list's lines included."""
    for p in _parts(block):
        for element in p.get("elements") or ():
            if isinstance(element, dict):
                yield from _elements({"elements": [element]}) if "elements" in element else (element,)


def _labels(raw: str) -> Iterator[tuple[str, str]]:
    """How the `text` calls the channels and groups that the blocks name by id alone."""
    for body in mrkdwn.sequences(raw):
        target, _, label = body.partition("|")
        if label and target.startswith(("#", "!subteam^")):
            yield target.removeprefix("#").removeprefix("!subteam^"), mrkdwn.unescaped(label)


# ---------------------------------------------------------------- parts: what stands on lines of its own


def _lines(block: Block, names: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[Text]:
    """The parts of a block. Raises KeyError, ValueError, TypeError or AttributeError for what is unknown."""

    def said(elements: Iterable[Block]) -> Text:
        return joined(*(_ELEMENTS[e["type"]](e, names, labels) for e in elements))

    for element in block["elements"]:
        match element["type"]:
            case "rich_text_section" | "rich_text_preformatted":
                yield said(element["elements"])
            case "rich_text_quote":
                yield _prefixed("> ", said(element["elements"]))
            case "rich_text_list":
                yield from _listed(element, said)
            case unknown:
                raise ValueError(unknown)


def _listed(listed: Block, said: Callable[[Iterable[Block]], Text]) -> Iterator[Text]:
    """A list's lines. A list within another is a list of its own with an `indent`; one that goes on after it
    has an `offset`."""
    step = "  " * min(int(listed.get("indent") or 0), _DEEPEST)
    first = int(listed.get("offset") or 0) + 1
    for n, line in enumerate(listed["elements"], first):
        mark = f"{n}. " if listed.get("style") == "ordered" else "• "
        yield joined(f"{step}{mark}", said(line["elements"]))


def _prefixed(mark: str, text: Text) -> Text:
    """Every line after a mark."""
    pieces: list[Text | str] = [mark]
    at = 0
    while (end := text.plain.find("\n", at)) >= 0 and end + 1 < len(text.plain):
        pieces += [part(text, at, end + 1), mark]
        at = end + 1
    return joined(*pieces, part(text, at, len(text.plain)))


def _broken(lines: list[Text]) -> Iterator[Text | str]:
    """Each part begins a line; those that end in a line break need none."""
    for n, line in enumerate(lines):
        if n and not lines[n - 1].plain.endswith("\n"):
            yield "\n"
        yield line


# ---------------------------------------------------------------- elements: what stands in a line


def _emoji(element: Block, *_: Mapping[str, str]) -> Text:
    """By its code points ("1f44b-1f3fc"); a workspace's own emoji have none and keep their names."""
    if code := element.get("unicode"):
        return Text("".join(chr(int(point, 16)) for point in code.split("-")))
    return Text(mrkdwn.emoji(f":{element['name']}:"))


def _date(element: Block, *_: Mapping[str, str]) -> Text:
    return Text(element.get("fallback") or f"<{element['timestamp']}>")


_ELEMENTS: dict[str, Callable[[Block, Mapping[str, str], Mapping[str, str]], Text]] = {
    "text": lambda e, *_: Text(e["text"]),
    "link": lambda e, *_: mrkdwn.link(e["url"], e.get("text") or ""),
    "user": lambda e, names, _: mrkdwn.mention(names.get(e["user_id"]) or e["user_id"]),
    "channel": lambda e, _, labels: Text(f"#{labels.get(e['channel_id']) or e['channel_id']}"),
    "usergroup": lambda e, _, labels: Text(f"@{(labels.get(e['usergroup_id']) or 'group').lstrip('@')}"),
    "broadcast": lambda e, *_: Text(f"@{e['range']}"),
    "team": lambda _e, *_: Text("@team"),
    "color": lambda e, *_: Text(e["value"]),
    "emoji": _emoji,
    "date": _date,
}
