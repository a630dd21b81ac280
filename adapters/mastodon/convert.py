"""Mastodon's JSON to posts, and orders to what Mastodon is sent. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from adapters.mastodon import ids, wire
from adapters.mastodon.html import text as words
from bridge.model import Author, Limits, Media, Micros, Network, Post, Reach, Ref, Text, Wishes, Words
from bridge.text import MENTION, hashtags, tame, tamed

_REACH: dict[str, Reach] = {"public": "public", "unlisted": "quiet", "private": "limited", "direct": "direct"}
_VISIBILITY = {"public": "public", "quiet": "unlisted", "direct": "direct"}
_MEDIA: dict[str, Literal["image", "video", "audio"]] = {
    "image": "image",
    "video": "video",
    "gifv": "video",
    "audio": "audio",
}
SENSITIVE = "Sensitive media"  # stands for a warning where only the pictures were marked


def status(payload: object) -> wire.Status:
    """A status of the API, checked. Raises msgspec.ValidationError if it is none."""
    return msgspec.convert(payload, wire.Status)


def answered(payload: object) -> wire.Status | None:
    """The status in an answer, or None if there is none to be read."""
    try:
        return status(payload)
    except msgspec.ValidationError:
        return None


def inbound(payload: dict[str, Any], network: Network, home: str, seen: Micros) -> Post | None:
    """A status as a Post; None for a boost, which says nothing of its own.

    `home`: the domain of accounts given without one. `seen`: microseconds, when the server showed it. Raises
    msgspec.ValidationError for what is no status.
    """
    return post(status(payload), network, home, seen)


def post(status: wire.Status, network: Network, home: str, seen: Micros) -> Post | None:
    """`inbound` for a status already checked."""
    if status.reblog is not None:
        return None
    emojis = {e.shortcode: e.url or e.static_url for e in status.emojis if address(e.url or e.static_url)}
    text = words(status.content or "", _profiles(status, home), emojis, quoted=status.quote is not None)
    tags = [t.name.casefold() for t in status.tags]
    tags += [s.value.casefold() for s in text.spans if s.kind == "tag"]
    account = status.account
    uri = status.uri or status.url or f"{network}:{status.id}"
    return Post(
        ref=Ref(network, status.id),
        uri=uri,
        author=author(account, home),
        text=text,
        at=micros(status.created_at),
        seen=max(seen, micros(status.created_at)),
        version=status.edited_at.isoformat() if status.edited_at else "",
        edited=micros(status.edited_at) if status.edited_at else 0,
        reach=_REACH.get(status.visibility, "limited"),  # a visibility we do not know is not public
        reply_to=Ref(network, status.in_reply_to_id) if status.in_reply_to_id else None,
        quotes=_quotes(status.quote, network),
        tags=tuple(dict.fromkeys((*tags, *hashtags(text.plain)))),
        mentions=tuple(dict.fromkeys(ids.account(ids.acct(m.acct, home)) for m in status.mentions)),
        media=tuple(m for a in status.media_attachments if (m := _media(a)) is not None),
        warning=_warning(status),
        language=status.language or None,
        url=address(status.url),
        original=ids.original(account.uri or account.url or "", uri),
    )


def author(account: wire.Account, home: str) -> Author:
    """Who wrote it; the handle always names the server."""
    full = ids.acct(account.acct, home)
    return Author(
        account=ids.account(full),
        handle=f"@{full}",
        name=tame(account.display_name or account.username or full.split("@")[0]),
        url=address(account.url),
        avatar=address(account.avatar_static or account.avatar),
        bot=bool(account.bot),
    )


def wishes(account: wire.Account) -> Wishes:
    """What a profile asks of bridges, in its text or its fields."""
    parts = [account.note or "", *(f"{f.name} {f.value}" for f in account.fields or ())]
    texts = [words(part, {}, {}) for part in parts]
    tags = {tag for text in texts for tag in (*hashtags(text.plain), *_tags(text))}
    links = [s.value for text in texts for s in text.spans if s.kind == "link"]
    return Wishes(nobridge="nobridge" in tags, nobot="nobot" in tags, links=tuple(dict.fromkeys(links)))


def person(payload: object) -> wire.Account | None:
    """The account in an answer, or None if there is none to be read."""
    try:
        return msgspec.convert(payload, wire.Account)
    except msgspec.ValidationError:
        return None


def streaming(instance: dict[str, Any]) -> object:
    """Where the server says its stream is."""
    urls = (instance.get("configuration") or {}).get("urls") or {}
    return urls.get("streaming")


def limits(instance: dict[str, Any], assumed: Limits) -> Limits:
    """What `GET /api/v2/instance` says of lengths; what it leaves out stays as assumed."""
    statuses = (instance.get("configuration") or {}).get("statuses") or {}
    most, url = statuses.get("max_characters"), statuses.get("characters_reserved_per_url")
    return msgspec.structs.replace(
        assumed,
        graphemes=most if isinstance(most, int) and most > 0 else assumed.graphemes,
        url=url if isinstance(url, int) and url > 0 else assumed.url,
    )


def honours_keys(instance: dict[str, Any]) -> bool:
    """Whether the server is known to honour Idempotency-Key for an hour: Mastodon and its forks do (its
    source); others say "compatible" in their version or count from 0, and some of them ignore the key."""
    version = str(instance.get("version", ""))
    return "compatible" not in version and re.match(r"[3-9]\.\d+\.\d+", version) is not None


def outbound(content: Words, addressee: str | None = None) -> str:
    """The words Mastodon is sent: plain, since some servers pass markup on. `addressee` ("ann@host") is
    mentioned, because a direct message reaches only whom it mentions."""
    plain = content.text.plain
    if addressee is None or addressee.casefold() in plain.casefold():
        return plain
    return f"@{addressee} {plain}"


def visibility(reach: str) -> str:
    """Our word for who may read a copy, as Mastodon's."""
    return _VISIBILITY[reach]


def says(status: wire.Status, plain: str, *, addressed: bool = False) -> bool:
    """Whether a status carries these words of ours, however the server spaced them and cut its mentions.
    `addressed`: we may have put a mention before them."""
    shown, wanted = _folded(words(status.content or "", {}, {}).plain), _folded(plain)
    return shown == wanted or (addressed and re.sub(r"^@\S+ ", "", shown) == wanted)


def address(value: str | None) -> str | None:
    """A web address, or None for anything else a stranger's server may have put there."""
    return value if value and re.match(r"https?://[^\s<>\"]+$", value) else None


def micros(when: datetime) -> Micros:
    """Microseconds since 1970 UTC."""
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _profiles(status: wire.Status, home: str) -> dict[str, str]:
    """How the content may name whom it mentions -> full handle: by the profile's address, or, since some
    servers link another address than they list, by the name, if only one person has it."""
    full = {m.url: ids.acct(m.acct, home) for m in status.mentions if m.url}
    names = [m.acct.split("@")[0] for m in status.mentions]
    full |= {
        f"@{name}": ids.acct(m.acct, home)
        for name, m in zip(names, status.mentions, strict=True)
        if names.count(name) == 1
    }
    return full


def _folded(plain: str) -> str:
    plain = MENTION.sub(lambda m: "@" + m.group(1).split("@")[0], tame(plain))
    return " ".join(plain.split())


def _tags(text: Text) -> list[str]:
    return [s.value.casefold() for s in text.spans if s.kind == "tag"]


def _quotes(quote: wire.Quote | None, network: Network) -> tuple[Ref, ...]:
    if quote is None:
        return ()
    id_ = quote.quoted_status.get("id") if quote.quoted_status else quote.quoted_status_id
    return (Ref(network, id_),) if isinstance(id_, str) else ()


def _media(attachment: wire.Attachment) -> Media | None:
    url = address(attachment.url) or address(attachment.remote_url)
    if url is None:
        return None
    return Media(url, _MEDIA.get(attachment.type, "file"), tame(attachment.description or ""))


def _warning(status: wire.Status) -> str | None:
    if status.spoiler_text:
        return tamed(Text(status.spoiler_text)).plain
    return SENSITIVE if status.sensitive and status.media_attachments else None
