"""What we write, as records of Bluesky. Pure: the same order always gives the same bytes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from adapters.bluesky import ids
from adapters.bluesky.convert import Json
from bridge.model import Leaflet, Limits, Micros, Span, Text, Words
from bridge.text import beside, cut, fits, joined

_CORRECTION = "Correction: "


def post(words: Words, stamp: Micros, reply: Json | None = None, embed: Json | None = None) -> dict[str, Any]:
    """The record of a post.

    `reply`: strong references `root` and `parent`; `embed`: pictures already uploaded. A content warning,
    which Bluesky has no field for, goes before the words; a leaflet is shown where there is no picture.
    """
    text = _warned(words)
    record: dict[str, Any] = {"$type": ids.POST, "text": text.plain, "createdAt": ids.iso(stamp)}
    if facets := [facet for span in text.spans if (facet := _facet(text.plain, span))]:
        record["facets"] = facets
    if words.language:
        record["langs"] = [words.language]
    if reply:
        record["reply"] = reply
    if embed := embed or _card(words.leaflet):
        record["embed"] = embed
    return record


def correction(words: Words, limits: Limits) -> Words:
    """The same as a reply that says it corrects what it answers, cut if there is no room for saying so."""
    spare = beside(words.warning, limits)
    text = joined(_CORRECTION, words.text)
    size = spare.graphemes
    while size > 0 and not fits(text, spare):
        text, size = cut(text, size), size - 1
    return msgspec.structs.replace(words, text=text)


def endorsement(collection: str, uri: str, cid: str, stamp: Micros) -> dict[str, Any]:
    """The record of a like or repost."""
    return {"$type": collection, "subject": {"uri": uri, "cid": cid}, "createdAt": ids.iso(stamp)}


def _warned(words: Words) -> Text:
    return words.text if not words.warning else joined(f"⚠ {words.warning}\n\n", words.text)


def _card(leaflet: Leaflet | None) -> Json | None:
    if leaflet is None:
        return None
    external = {"uri": _uri(leaflet.url), "title": leaflet.title, "description": leaflet.description}
    return {"$type": "app.bsky.embed.external", "external": external}


def _uri(url: str) -> str:
    """An address as the lexicon takes it: in ASCII."""
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")


def _facet(plain: str, span: Span) -> dict[str, Any] | None:
    """Nobody is pinged unless the span names a DID."""
    feature: dict[str, str]
    match span.kind:
        case "link":
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": _uri(span.value)}
        case "tag":
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": span.value}
        case "mention" if span.value.startswith("did:"):
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": span.value}
        case _:
            return None
    start = len(plain[: span.start].encode())
    end = start + len(plain[span.start : span.end].encode())
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}
