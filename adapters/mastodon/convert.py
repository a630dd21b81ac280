"""Mastodon's JSON to posts, and orders to what Mastodon is sent. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from adapters.mastodon import ids, wire
from adapters.mastodon.html import read, with_emojis, words
from bridge.model import (
    Author,
    Limits,
    Media,
    Micros,
    Network,
    Post,
    Publish,
    Reach,
    Ref,
    Text,
    Wishes,
    Words,
)
from bridge.text import MENTION, URL, hashtags, joined, stripped, tame, tamed

_REACH: dict[str, Reach] = {"public": "public", "unlisted": "quiet", "private": "limited", "direct": "direct"}
_VISIBILITY = {"public": "public", "quiet": "unlisted", "direct": "direct"}
_MEDIA: dict[str, Literal["image", "video", "audio"]] = {
    "image": "image",
    "video": "video",
    "gifv": "video",
    "audio": "audio",
}
JOINER = "\u200d"
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
    text, fallback = read(status.content or "", _profiles(status, home), emojis)
    if status.poll is not None:
        text = _with_choices(text, status.poll, emojis)
    tags = [t.name.casefold() for t in status.tags]
    tags += [s.value.casefold() for s in text.spans if s.kind == "tag"]
    account = status.account
    uri = status.uri or status.url or f"{network}:{status.id}"
    original = ids.original(account.uri or account.url or "", uri)
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
        quoted=_quoted(status.quote, fallback),
        tags=tuple(dict.fromkeys((*tags, *hashtags(text.plain)))),
        mentions=tuple(dict.fromkeys(ids.account(ids.acct(m.acct, home)) for m in status.mentions)),
        media=tuple(m for a in status.media_attachments if (m := _media(a)) is not None),
        warning=_warning(status),
        language=status.language or None,
        url=address(status.url),
        original=original,
        whose=ids.whose(original),
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
    """What `GET /api/v2/instance` says of lengths and sizes; what it leaves out stays as assumed."""
    configuration = instance.get("configuration") or {}

    def told(part: str, key: str, otherwise: int | None) -> Any:
        value = (configuration.get(part) or {}).get(key)
        return value if isinstance(value, int) and value > 0 else otherwise

    return msgspec.structs.replace(
        assumed,
        graphemes=told("statuses", "max_characters", assumed.graphemes),
        url=told("statuses", "characters_reserved_per_url", assumed.url),
        image=told("media_attachments", "image_size_limit", assumed.image),
    )


def honours_keys(instance: dict[str, Any]) -> bool:
    """Whether the server is known to honour Idempotency-Key for an hour: Mastodon and its forks do (its
    source); others say "compatible" in their version or count from 0, and some of them ignore the key."""
    version = str(instance.get("version", ""))
    return "compatible" not in version and re.match(r"[3-9]\.\d+\.\d+", version) is not None


def published(op: Publish, content: Words, addressee: str | None = None) -> dict[str, Any]:
    """The fields of `POST /api/v1/statuses`, pictures and key left out. `addressee` ("ann@host") is mentioned,
    because a direct message reaches only whom it mentions."""
    return {
        "status": outbound(content.text, addressee),
        "in_reply_to_id": op.reply_to.id if isinstance(op.reply_to, Ref) else None,
        "visibility": _VISIBILITY[op.reach],
        "spoiler_text": content.warning,
        "sensitive": bool(content.media and content.warning),
        "language": content.language,
    }


def outbound(text: Text, addressee: str | None = None) -> str:
    """The words Mastodon is sent: plain, since some servers pass markup on. Mastodon makes a mention of every
    "@name"; those that no span says are meant are made inert."""
    plain = _inert(text, addressee)
    if addressee is None or addressee.casefold() in plain.casefold():
        return plain
    return f"@{addressee} {plain}"


def shown(status: wire.Status, reach: str) -> bool:
    """Whether a status can be read by whom an order means."""
    return status.visibility == _VISIBILITY[reach]


def says(status: wire.Status, content: Words, *, addressed: bool = False) -> bool:
    """Whether a status carries these words of ours, however the server spaced them and cut its mentions, with
    their warning and pictures. `addressed`: we may have put a mention before them."""
    shown, wanted = _folded(words(status.content or "", {}, {}).plain), _folded(content.text.plain)
    said = shown == wanted or (addressed and re.sub(r"^@\S+ ", "", shown) == wanted)
    warned = _folded(status.spoiler_text or "") == _folded(content.warning or "")
    alts = [_folded(a.description or "") for a in status.media_attachments]
    return said and warned and (not content.media or alts == [_folded(m.alt) for m in content.media])


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


def _inert(text: Text, addressee: str | None) -> str:
    """The words with a joiner behind each "@" that is to notify nobody: it shows nothing and counts nothing."""
    kept = [(s.start, s.end) for s in text.spans if s.kind in ("mention", "link")]
    kept += [m.span() for m in URL.finditer(text.plain)]

    def sign(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in kept)
        meant = inside or match.group(1).casefold() == (addressee or "").casefold()
        return match.group() if meant else f"@{JOINER}{match.group(1)}"

    return MENTION.sub(sign, text.plain)


def _folded(plain: str) -> str:
    plain = MENTION.sub(lambda m: "@" + m.group(1).split("@")[0], tame(plain).replace(f"@{JOINER}", "@"))
    return " ".join(plain.split())


def _tags(text: Text) -> list[str]:
    return [s.value.casefold() for s in text.spans if s.kind == "tag"]


def _quotes(quote: wire.Quote | None, network: Network) -> tuple[Ref, ...]:
    if quote is None:
        return ()
    id_ = quote.quoted_status.get("id") if quote.quoted_status else quote.quoted_status_id
    return (Ref(network, id_),) if isinstance(id_, str) else ()


def _quoted(quote: wire.Quote | None, fallback: str | None) -> str | None:
    """The page of what is quoted; one that its author withholds is not led to. `fallback`: the page that the
    content names, on servers that know no quotes."""
    if quote is None:
        return address(fallback)
    if quote.state not in ("", "accepted"):
        return None
    page = quote.quoted_status.get("url") if quote.quoted_status else None
    return address(page if isinstance(page, str) else fallback)


def _with_choices(text: Text, poll: wire.Poll, emojis: dict[str, str]) -> Text:
    """A poll's choices below the words, one a line. How many chose what changes by the minute and is left
    out."""
    lines = [f"◦ {' '.join(tame(choice.title).split())}" for choice in poll.options]
    return stripped(joined(text, "\n\n", with_emojis(Text("\n".join(lines)), emojis)))


def _media(attachment: wire.Attachment) -> Media | None:
    url = address(attachment.url) or address(attachment.remote_url)
    if url is None:
        return None
    return Media(url, _MEDIA.get(attachment.type, "file"), tame(attachment.description or ""))


def _warning(status: wire.Status) -> str | None:
    if status.spoiler_text:
        return tamed(Text(status.spoiler_text)).plain
    return SENSITIVE if status.sensitive and status.media_attachments else None
