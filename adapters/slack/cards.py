"""Entries, before they are shown anywhere: what others chose in them is bounded and keeps to itself. Pure."""

from __future__ import annotations

import unicodedata

from msgspec.structs import replace

from adapters.slack import rich
from bridge.model import Card, Text
from bridge.text import cut, person, tame, tamed

ALT = 2_000  # characters of a picture's description (Slack's documentation)
MEDIA = 16  # of one entry, shown or described
NAME, HANDLE, WARNING, LINK = 60, 120, 200, 1_000  # characters of what else others choose


def plain(card: Card) -> Card:
    """An entry in which nothing that others chose is endless, or turns what stands beside it around."""
    handle = _isolated(rich.short(tame(card.handle), HANDLE))
    return replace(
        card,
        name=_isolated(rich.short(person(card.name), NAME)) or handle or "Somebody",
        handle=handle,
        text=tamed(card.text),
        url=_near(card.url),
        quoted=_near(card.quoted),
        warning=None if card.warning is None else cut(Text(tame(card.warning)), WARNING).plain,
        media=tuple(replace(m, alt=tame(m.alt)[:ALT]) for m in card.media[:MEDIA]),
    )


def author(card: Card) -> str:
    """As in "Ann · @ann@mastodon.example · Mastodon"; nobody whose words are withheld. Of a plain card."""
    bits = () if card.withheld else (card.name, card.handle, ", ".join(card.networks))
    return " · ".join(dict.fromkeys(bit for bit in bits if bit))


def one_line(words: str, size: int) -> str:
    """At most `size` characters, on one line."""
    return rich.short(" ".join(tame(words).split()), size)


def _near(url: str | None) -> str | None:
    """An address to be linked to; None for one that is no web address, or endless."""
    safe = rich.address(url)
    return safe if safe and len(safe) <= LINK else None


def _isolated(words: str) -> str:
    """Words of a script that runs from right to left, so that they leave the order of what stands around them
    alone."""
    turns = any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in words)
    return f"\u2068{words}\u2069" if turns else words
