"""Records of Bluesky to posts. Pure; the way back is `records`.

Anyone may put anything into a record: every field is looked at before it is used, and what is not as the
lexicon says is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from adapters.bluesky import ids
from bridge.model import (
    Account,
    Author,
    Media,
    Micros,
    Network,
    Post,
    Ref,
    Span,
    Text,
    Value,
    Wishes,
)
from bridge.text import MENTION, URL, hashtags, joined, tame, tamed

Json = Mapping[str, Any]

_WARNINGS = {
    "porn": "Adult content",
    "sexual": "Adult content",
    "nudity": "Nudity",
    "graphic-media": "Graphic media",
    "!warn": "Content warning",
}
_MEMBERS_ONLY = "!no-unauthenticated"
_TAKEN_DOWN = {"!hide", "!takedown"}  # by a moderation service
_BRIDGED = ".ap.brid.gy"  # handles that Bridgy Fed alone can give
_AUTHORED = re.compile(r"https://[^/]+/(?:@|users/)(\w+(?:[\w.-]*\w)?)/")
_MOST_FACETS = 100
_CDN = "https://cdn.bsky.app/img/feed_fullsize/plain"
_FEDIVERSE = re.compile(r"(?<![\w/@.])@([\w.-]+)@([\w-]+(?:\.[\w-]+)+)")


class Profile(Value, frozen=True):
    """What is known of an author. `handle` is None if none is verified; `asked`: whether `wishes` were read
    from their profile or are only assumed; `members`: their posts are for people who are logged in, or not for
    us, whom they blocked."""

    did: str
    handle: str | None = None
    name: str = ""
    avatar: str | None = None
    bot: bool = False
    members: bool = False
    wishes: Wishes = Wishes()
    asked: bool = False


# ---------------------------------------------------------------- people


def profile(view: Json) -> Profile:
    """A profile as app.bsky.actor.getProfiles tells it."""
    did = _str(view, "did")
    handle = _str(view, "handle").lower()
    return Profile(
        did,
        handle=handle if handle and handle != "handle.invalid" else None,
        name=_str(view, "displayName"),
        avatar=_str(view, "avatar") or None,
        bot="bot" in _labels(view, did),
        members=_MEMBERS_ONLY in _labels(view, did) or _is_blocked(view),
        wishes=wishes(view),
        asked=True,
    )


def own_profile(did: str, handle: str | None, record: Json) -> Profile:
    """The same from the record in the author's own repository."""
    labels = _labels(record)
    return Profile(
        did,
        handle=handle,
        name=_str(record, "displayName"),
        bot="bot" in labels,
        members=_MEMBERS_ONLY in labels,
        wishes=wishes(record),
        asked=True,
    )


def wishes(profile: Json) -> Wishes:
    """What the words of a profile (a view or the record itself) ask of bridges."""
    words = f"{_str(profile, 'displayName')} {_str(profile, 'description')}"
    tags = hashtags(words)
    links = [found.group() for found in URL.finditer(words)]
    links += [f"https://{host}/@{name}" for name, host in _FEDIVERSE.findall(words)]
    return Wishes("nobridge" in tags, "nobot" in tags, tuple(dict.fromkeys(links)))


def signed(post: Post, by: Profile) -> Post:
    """`post` with what its author's profile adds: name, page, and whether a copy is a verified bridge's."""
    who = by.handle or by.did
    address = ids.address(post.uri)
    bridged = by.handle is not None and by.handle.endswith(_BRIDGED)
    author = Author(
        by.did,
        f"@{by.handle}" if by.handle else by.did,
        by.name,
        f"{ids.WEB}/profile/{who}",
        by.avatar,
        by.bot,
    )
    return msgspec.structs.replace(
        post,
        author=author,
        url=ids.page(who, address.rkey) if address else None,
        original=post.original if bridged else None,
        whose=_whose(post.original, by.handle) if bridged and post.original and by.handle else "",
        reach="limited" if by.members else post.reach,
    )


def _whose(original: str, handle: str) -> Account:
    """Who wrote what Bridgy Fed copied, as an `acct:` URI (RFC 7565); "" if that cannot be told. The page has their
    name; the handle is made of that and of their server ("ann_b" is "ann-b.sea.example.ap.brid.gy")."""
    found = _AUTHORED.match(original)
    name = found.group(1).casefold() if found else ""
    begins = f"{re.sub('[_.~]', '-', name)}."
    server = handle.removesuffix(_BRIDGED).removeprefix(begins)
    return f"acct:{name}@{server}" if name and handle.startswith(begins) else ""


# ---------------------------------------------------------------- what people write


def inbound(payload: Json, network: Network, seen: Micros, ours: Profile, edited: Micros = 0) -> Post | None:
    """A post of `{"uri", "cid", "record"}`, as both Jetstream's commits and the AppView's views hold them.

    Its author is still without a name (see `signed`). None if it is no post. `ours`: our account, whose bare
    "@handle" counts as a mention."""
    address = ids.address(payload.get("uri"))
    record = payload.get("record")
    if address is None or address.collection != ids.POST or not isinstance(record, dict):
        return None
    if not isinstance(record.get("text"), str):
        return None
    text, mentions = _text(record)
    if ours.handle and ours.handle in {m.group(1).rstrip(".-").lower() for m in MENTION.finditer(text.plain)}:
        mentions = (*mentions, ours.did)
    labels = (*_labels(record), *_given(payload))
    quoted = _quoted(record)
    languages = _list(record, "langs")
    return Post(
        ref=Ref(network, address.uri),
        uri=address.uri,
        author=Author(address.did, address.did),
        text=text,
        at=ids.micros(record.get("createdAt")) or ids.time_of(address.rkey) or seen,
        seen=seen,
        version=_str(payload, "cid"),
        edited=edited,
        reach="limited" if _MEMBERS_ONLY in labels else "public",
        reply_to=_ref(network, record, "parent"),
        root=_ref(network, record, "root"),
        quotes=(Ref(network, quoted.uri),) if quoted else (),
        quoted=ids.page(quoted.did, quoted.rkey) if quoted else None,
        tags=_tags(record, text),
        mentions=tuple(dict.fromkeys(mentions)),
        media=tuple(_media(address.did, record)),
        warning=next((_WARNINGS[label] for label in labels if label in _WARNINGS), None),
        language=languages[0] if languages and isinstance(languages[0], str) else None,
        url=ids.page(address.did, address.rkey),
        original=_str(record, "bridgyOriginalUrl") or None,
    )


def strong(record: Json, end: str) -> tuple[str, str] | None:
    """uri and cid of a reply's `root` or `parent`."""
    ref = _dict(_dict(record, "reply"), end)
    uri, cid = _str(ref, "uri"), _str(ref, "cid")
    return (uri, cid) if ids.address(uri) and cid else None


def answers(record: Json) -> Iterator[str]:
    """The uris of the posts that a record replies to or quotes."""
    if parent := strong(record, "parent"):
        yield parent[0]
    if quoted := _quoted(record):
        yield quoted.uri


def hidden(gate: Json) -> frozenset[str]:
    """The uris of the replies that a threadgate hides."""
    return frozenset(uri for uri in _list(gate, "hiddenReplies") if isinstance(uri, str))


def is_taken_down(view: Json) -> bool:
    """Whether a moderation service has taken a post out of sight."""
    return not _TAKEN_DOWN.isdisjoint(_given(view))


def _text(record: Json) -> tuple[Text, tuple[str, ...]]:
    """The words with their spans, and the DIDs they mention."""
    plain = _str(record, "text")
    raw = plain.encode("utf-8", "replace")
    spans: list[Span] = []
    mentions: list[str] = []
    for facet in _dicts(record, "facets", _MOST_FACETS):
        place = _place(raw, facet)
        if place is None:
            continue
        for feature in _dicts(facet, "features", 1):
            span = _span(plain, place, feature)
            if span is not None:
                spans.append(span)
                if span.kind == "mention":
                    mentions.append(_str(feature, "did"))
    spans.sort(key=lambda span: span.start)
    apart = [span for n, span in enumerate(spans) if n == 0 or span.start >= spans[n - 1].end]
    return _with_card(tamed(Text(plain, tuple(apart))), record), tuple(mentions)


def _place(raw: bytes, facet: Json) -> tuple[int, int] | None:
    """A facet's UTF-8 byte offsets as code points; None if they lie outside or within a character."""
    index = _dict(facet, "index")
    start, end = index.get("byteStart"), index.get("byteEnd")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(raw):
        return None
    try:
        before = len(raw[:start].decode())
        return before, before + len(raw[start:end].decode())
    except UnicodeDecodeError:
        return None


def _span(plain: str, place: tuple[int, int], feature: Json) -> Span | None:
    match _str(feature, "$type").rpartition("#")[2]:
        case "link" if _str(feature, "uri").startswith(("https://", "http://")):
            return Span(*place, "link", _str(feature, "uri"))
        case "tag" if _str(feature, "tag"):
            return Span(*place, "tag", _str(feature, "tag").lstrip("#＃"))
        case "mention" if _str(feature, "did").startswith("did:"):
            return Span(*place, "mention", plain[slice(*place)].lstrip("@"))
    return None


def _with_card(text: Text, record: Json) -> Text:
    """A link that stands only in the card below the words would be lost: it goes to their end."""
    link = _str(_dict(_embed(record), "external"), "uri")
    shown = link in text.plain or any(span.value == link for span in text.spans)
    if shown or not link.startswith(("https://", "http://")):
        return text
    return joined(text, "\n" if text.plain else "", Text(link, (Span(0, len(link), "link", link),)))


def _tags(record: Json, text: Text) -> tuple[str, ...]:
    marked = [span.value for span in text.spans if span.kind == "tag"]
    listed = [tag.lstrip("#＃") for tag in _list(record, "tags") if isinstance(tag, str)]
    folded = [tag.casefold() for tag in (*marked, *listed)]
    return tuple(dict.fromkeys((*folded, *hashtags(text.plain))))


def _ref(network: Network, record: Json, end: str) -> Ref | None:
    found = strong(record, end)
    return Ref(network, found[0]) if found else None


def _embed(record: Json) -> Json:
    """The embed, or of a quote with media the media's."""
    embed = _dict(record, "embed")
    return _dict(embed, "media") or embed


def _quoted(record: Json) -> ids.Address | None:
    """The post that a record quotes; a list or a feed is none."""
    quoted = _dict(_dict(record, "embed"), "record")
    quoted = _dict(quoted, "record") or quoted
    address = ids.address(quoted.get("uri"))
    return address if address and address.collection == ids.POST else None


def _media(did: str, record: Json) -> Iterator[Media]:
    embed = _embed(record)
    for image in _dicts(embed, "images", 4):
        if link := _link(image, "image"):
            yield Media(f"{_CDN}/{did}/{link}@jpeg", "image", tame(_str(image, "alt")))
    if link := _link(embed, "video"):
        yield Media(
            f"https://video.bsky.app/watch/{did}/{link}/playlist.m3u8", "video", tame(_str(embed, "alt"))
        )


def _link(holder: Json, key: str) -> str:
    """The CID of a blob."""
    link = _str(_dict(_dict(holder, key), "ref"), "$link")
    return link if link.isalnum() else ""


def _labels(holder: Json, by: str | None = None) -> tuple[str, ...]:
    """Labels the author put on a record, or of a view's labels those put on by `by`."""
    if by is not None:
        return tuple(_str(label, "val") for label in _dicts(holder, "labels") if label.get("src") == by)
    return tuple(_str(label, "val") for label in _dicts(_dict(holder, "labels"), "values"))


def _given(view: Json) -> tuple[str, ...]:
    """Labels that others put on what a view shows and have not taken back."""
    author = _str(_dict(view, "author"), "did")
    labels = [label for label in _dicts(view, "labels") if label.get("src") != author]
    return tuple(_str(label, "val") for label in labels if label.get("neg") is not True)


def _is_blocked(view: Json) -> bool:
    """Whether the author of a profile and we want nothing of each other."""
    viewer = _dict(view, "viewer")
    return viewer.get("blockedBy") is True or bool(_str(viewer, "blocking"))


def _str(holder: Json, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _dict(holder: Json, key: str) -> Json:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _list(holder: Json, key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _dicts(holder: Json, key: str, most: int = 50) -> Iterable[Json]:
    return [value for value in _list(holder, key)[:most] if isinstance(value, dict)]
