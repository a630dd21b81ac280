"""Mastodon's HTML as Text. Pure.

The parser is lexbor, because the standard library's needs 10 s for 30 KB of "<a " (measured); what it gets is
cut to 32 KiB all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bridge.model import Span, Text
from bridge.text import joined, stripped, tamed

LIMIT = 32 * 1024  # bytes of HTML looked at
DEPTH = 100  # elements inside one another; Mastodon's own sanitiser leaves a handful
_BLOCKS = {"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"}
_HIDDEN = {"script", "style", "template", "head", "title", "textarea", "iframe", "svg", "math", "rp"}
_ADDRESS = re.compile(r"(?:https?://|www\.)?[\w-]+(?:\.[\w-]+)+(?:[/?#:]\S*)?")


def words(html: str, mentions: Mapping[str, str], emojis: Mapping[str, str]) -> Text:
    """The words of `html`.

    `mentions`: address of a profile, or "@name", -> full handle ("ann@mastodon.example"); a link of class
    "mention" that is none of them is an ordinary link. `emojis`: shortcode -> picture.
    """
    return read(html, mentions, emojis)[0]


def read(html: str, mentions: Mapping[str, str], emojis: Mapping[str, str]) -> tuple[Text, str | None]:
    """The words, and the page of what they quote, if that stands in a paragraph of class "quote-inline": what
    Mastodon says ("RE: address") to servers that know no quotes, and not the author's words."""
    html = html.encode()[:LIMIT].decode(errors="ignore")
    body = LexborHTMLParser(html).body
    if body is None:
        return Text(), None
    walk = _Walk(mentions)
    walk.children(body, 0)
    return stripped(tamed(with_emojis(joined(*walk.pieces), emojis))), walk.quoted


class _Walk:
    """Goes through the elements once and collects pieces of Text."""

    def __init__(self, mentions: Mapping[str, str]) -> None:
        self._mentions = mentions
        self.quoted: str | None = None
        self.pieces: list[Text | str] = []
        self._blank = 2  # line breaks standing at the end so far; the start needs none

    def children(self, node: LexborNode, depth: int, pre: bool = False) -> None:
        child = node.child
        while child is not None:
            self._node(child, depth + 1, pre)
            child = child.next

    def _node(self, node: LexborNode, depth: int, pre: bool) -> None:
        name = node.tag or ""
        if name == "-text":
            shown = node.text_content or ""
            self._add(shown if pre else re.sub(r"[ \t\n\r\f]+", " ", shown))
        elif name == "br":
            self._break(self._blank + 1)
        elif name in _HIDDEN or name.startswith(("-", "!")) or depth > DEPTH or self._quotes(node):
            return
        elif name == "a":
            self._link(node)
        elif name == "li":
            self._break(1)
            self._add("• ")
            self.children(node, depth)
            self._break(1)
        elif name in _BLOCKS:
            self._break(2)
            self.children(node, depth, pre or name == "pre")
            self._break(2)
        else:
            self.children(node, depth, pre)

    def _quotes(self, node: LexborNode) -> bool:
        """Whether an element stands for a quote; anything else of that class is words like others."""
        if "quote-inline" not in _classes(node):
            return False
        links = node.css("a[href]")
        shown = " ".join(node.text(deep=True).split())
        if not links or not shown.startswith("RE: ") or " " in shown.removeprefix("RE: "):
            return False
        self.quoted = (links[0].attributes.get("href") or "").strip()
        return True

    def _link(self, node: LexborNode) -> None:
        """A mention, a hashtag, or a link whose truth is its href."""
        href = (node.attributes.get("href") or "").strip()
        shown = " ".join(node.text(deep=True).split())  # hidden spans included: the whole address
        classes = _classes(node)
        if not shown:
            return
        if "hashtag" in classes or (node.attributes.get("rel") == "tag" and shown[:1] in "#＃"):
            self._span(shown, "tag", shown.lstrip("#＃"))
        elif "mention" in classes and (full := self._mentions.get(href) or self._mentions.get(shown)):
            self._span(shown, "mention", full)
        elif _scheme(href) in ("http", "https"):
            self._span(href if _disguised(shown, href) else shown, "link", href)
        else:
            self._add(shown)

    def _span(self, shown: str, kind: str, value: str) -> None:
        self._blank = 0
        self.pieces.append(Text(shown, (Span(0, len(shown), kind, value),)))  # type: ignore[arg-type]

    def _add(self, shown: str) -> None:
        if self._blank:
            shown = shown.lstrip(" ")
        if shown:
            self._blank = len(shown) - len(shown.rstrip("\n"))
            self.pieces.append(shown)

    def _break(self, lines: int) -> None:
        """At least so many line breaks here, and never more than two."""
        lines = min(lines, 2)
        if lines > self._blank:
            self.pieces.append("\n" * (lines - self._blank))
            self._blank = lines


def _scheme(address: str) -> str:
    """The scheme of an address, or nothing if it is none."""
    try:
        return urlsplit(address).scheme.lower()
    except ValueError:
        return ""


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _disguised(shown: str, href: str) -> bool:
    """Whether the words look like an address and the link leads to another one."""
    if not _ADDRESS.fullmatch(shown.rstrip("…")):
        return False

    def bare(address: str) -> str:
        return re.sub(r"^https?://(www\.)?", "", address.casefold()).rstrip("/…")

    if "/" not in bare(shown):  # a host alone
        return bare(href).split("/")[0] != bare(shown) and not shown.endswith("…")
    return not bare(href).startswith(bare(shown))


def with_emojis(text: Text, emojis: Mapping[str, str]) -> Text:
    """`:code:` outside other spans becomes an emoji span."""
    if not emojis or ":" not in text.plain:
        return text
    taken = [(s.start, s.end) for s in text.spans]
    found = [
        Span(m.start(), m.end(), "emoji", emojis[m.group(1)])
        for m in re.finditer(r":(\w+):", text.plain)
        if m.group(1) in emojis and not any(start < m.end() and m.start() < end for start, end in taken)
    ]
    return Text(text.plain, tuple(sorted((*text.spans, *found), key=lambda s: s.start)))
