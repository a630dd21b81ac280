"""Texts as Slack takes them: rich_text elements, which it never parses, and escaped fallbacks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias
from urllib.parse import quote

from bridge.model import Text

Block: TypeAlias = dict[str, Any]

_COUNTED = {"text", "value", "alt_text"}
SECTION = 3_000  # characters of a section's text (Slack's documentation)
TEXT = 4_000  # characters of `text` that chat.update takes; chat.postMessage advises the same (documentation)


def escaped(plain: str) -> str:
    """Words that form no control sequence: no mention, no broadcast, no link."""
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def address(url: str | None) -> str | None:
    """An address safe to stand in `<…|…>` and in a link element; None if it is no web address."""
    if url is None or not url.startswith(("http://", "https://")):
        return None
    return quote(url, safe=":/?#[]@!$&'()*+,;=%~")


def mrkdwn(text: Text) -> str:
    """A text with its links; everything else escaped."""
    return "".join(escaped(shown) if url is None else _sequence(url, shown) for shown, url in _pieces(text))


def _sequence(url: str, shown: str) -> str:
    safe = (address(url) or "").replace("&", "&amp;")
    return f"<{safe}>" if shown == url else f"<{safe}|{escaped(shown)}>"


def _pieces(text: Text) -> Iterator[tuple[str, str | None]]:
    """Words, and links with their address. A link whose words hide where it leads shows its address too."""
    at = 0
    for span in text.spans:
        if span.kind != "link" or address(span.value) is None:
            continue
        yield text.plain[at : span.start], None
        shown = text.plain[span.start : span.end]
        if _honest(shown, span.value):
            yield shown, span.value
        else:
            yield f"{shown} (", None
            yield span.value, span.value
            yield ")", None
        at = span.end
    yield text.plain[at:], None


def _honest(shown: str, url: str) -> bool:
    bare = re.sub(r"^https?://(www\.)?", "", url)
    claim = re.sub(r"^https?://(www\.)?", "", shown).rstrip("…")
    return len(claim) > 3 and bare.startswith(claim)


def fallback(text: Text) -> str:
    """What notifications and screen readers get, cut so that the message can be updated later."""
    whole = mrkdwn(text)
    if len(whole) <= TEXT:
        return whole
    return re.sub(r"&[a-z]{0,3}$", "", escaped(text.plain)[: TEXT - 1]) + "…"


def words(plain: str, *, bold: bool = False) -> list[Block]:
    """A stretch of unparsed text; no element at all for no text, which Slack refuses."""
    if not plain:
        return []
    return [{"type": "text", "text": plain} | ({"style": {"bold": True}} if bold else {})]


def link(url: str | None, label: str) -> list[Block]:
    """A link, or its label alone if the address is no web address."""
    safe = address(url)
    return words(label) if safe is None else [{"type": "link", "url": safe, "text": label}]


def rich(text: Text) -> list[Block]:
    """A text as elements."""
    return [e for shown, url in _pieces(text) for e in (words(shown) if url is None else link(url, shown))]


def section(*elements: list[Block]) -> Block:
    """One paragraph of a rich_text block."""
    return {"type": "rich_text_section", "elements": [e for group in elements for e in group]}


def block(*sections: Block) -> Block:
    """A rich_text block of the sections that say anything."""
    return {"type": "rich_text", "elements": [s for s in sections if s["elements"]]}


def short(words: str, size: int) -> str:
    """At most `size` characters, the last one "…" if anything was left out."""
    return words if len(words) <= size else words[: size - 1].rstrip() + "…"


def plain_text(words: str, size: int) -> Block:
    """A plain_text object; emoji codes stay as typed."""
    return {"type": "plain_text", "text": short(words, size), "emoji": False}


def paragraphs(words: str, most: int = 20) -> list[Block]:
    """Words as sections of plain_text, for views, in which no rich_text is documented; cut at line breaks where
    one section cannot hold them, and after `most` sections."""
    sections: list[Block] = []
    rest = words.strip()
    while rest and len(sections) < most - 1 and len(rest) > SECTION:
        end = rest.rfind("\n", 1, SECTION) + 1 or SECTION
        sections.append({"type": "section", "text": plain_text(rest[:end].rstrip(), SECTION)})
        rest = rest[end:].lstrip()
    return [*sections, {"type": "section", "text": plain_text(rest, SECTION)}] if rest else sections


def opens(text: Text, most: int = 10) -> list[Block]:
    """The links of a text of ours that stands there in plain words, for those who want to follow them."""
    urls = dict.fromkeys(a for s in text.spans if s.kind == "link" and (a := address(s.value)))
    links = [{"type": "mrkdwn", "text": _sequence(url, url)} for url in urls if len(url) < SECTION // 2]
    return [{"type": "context", "elements": links[:most]}] if links else []


def weight(thing: object) -> int:
    """How many characters of a message Slack may count: its texts, escaped, as UTF-16 has them. Whether addresses
    count nobody says; should they, Slack refuses the message and gets a shorter one."""
    if isinstance(thing, dict):
        own = sum(_units(v) for k, v in thing.items() if k in _COUNTED and isinstance(v, str))
        return own + weight([v for v in thing.values() if isinstance(v, dict | list)])
    if isinstance(thing, Iterable) and not isinstance(thing, str):
        return sum(weight(item) for item in thing)
    return 0


def _units(words: str) -> int:
    size = len(words) if words.isascii() else len(words.encode("utf-16-le", "surrogatepass")) // 2
    return size + 4 * words.count("&") + 3 * (words.count("<") + words.count(">"))
