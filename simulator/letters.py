"""Texts as letters: what survives every rendering of the same words.

A post is recognised by its letters and digits alone, no case, the first 120 of them, so that markup, escaping
and cutting make no difference.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

KEY = 120  # letters and digits that tell one post from all others; a gathered message shows more of each
LEAST = 12  # fewer say nothing about who wrote them ("stop")

_MARKUP = re.compile(r"<[^<>]*>")
_OTHER = re.compile(r"[\W_]+")


def letters(text: str) -> str:
    """Letters and digits only, case-folded: what survives every rendering of the same words."""
    return _OTHER.sub("", unicodedata.normalize("NFKC", text).casefold())


def key(words: str) -> str:
    """What a post is recognised by; "" if its words are too few."""
    found = letters(words)[:KEY]
    return found if len(found) >= LEAST else ""


def readings(text: str) -> str:
    """A text as letters, read as plain words and as markup; the two are apart by a line end."""
    plain = letters(html.unescape(text))
    if "<" not in text:
        return plain
    return f"{plain}\n{letters(html.unescape(_MARKUP.sub('', text)))}"


def searchable(texts: Iterable[str]) -> str:
    """Many texts as one string to look for keys in."""
    return "\n".join(readings(text) for text in texts)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
