"""What Slack says, as the bridge's values. Pure; what is unreadable raises ValueError, TypeError, KeyError.

People write mrkdwn: control sequences `<…>`, the escapes `&amp; &lt; &gt;`, `:emoji:` and emphasis. None of
it survives in `Text.plain`, which is what a reader of the channel sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
from rich.emoji import Emoji

from adapters.slack import ids
from bridge.model import Author, Media, Micros, Network, Post, Ref, Span, Text, Wishes
from bridge.text import URL, hashtags, joined, tamed

ORDER = "chatbridge_order"  # the event_type of the metadata on everything we post
TOMBSTONE = "tombstone"  # the subtype of what is left of a deleted message that others replied to
NAMED = 20  # people of one message whose names are looked up
# Subtypes a person's words can have. All others are joins, topics, bots, thread counters …
PERSONAL = (None, "thread_broadcast", "file_share")

_SEQUENCE = re.compile(r"<([^<>]*)>")
# For each mark: a sequence (left alone), or words between two of the mark. Linear in the text's length.
_EMPHASIS = [
    re.compile(rf"(<[^<>]*>)|(?<![\w*_~]){m}(?!\s)((?:<[^<>]*>|[^<>\n{m}])+)(?<!\s){m}(?![\w*_~])")
    for m in (r"\*", "_", "~")
]
_SKIN = re.compile(r":skin-tone-([2-6]):")
_WORD = r"(?<!\w){}(?!\w)"
_NOBRIDGE, _NOBOT = (re.compile(_WORD.format(f"#{w}"), re.IGNORECASE) for w in ("nobridge", "nobot"))


class Home(msgspec.Struct):
    """Our app in its workspace: what tells our own messages and channels from others'. `app` is set by the
    first event, which names it."""

    network: Network
    team: str
    site: str  # the workspace's address with its final slash
    user: str  # our bot's user id
    bot: str  # our bot id
    channel: str
    hosts: str
    app: str | None = None

    def ours(self, message: Mapping[str, Any]) -> bool:
        """Whether we wrote it. A message under a borrowed name lacks `user`, so several marks count."""
        return (
            message.get("bot_id") == self.bot
            or message.get("user") == self.user
            or (self.app is not None and message.get("app_id") == self.app)
        )


class News(NamedTuple):
    """One change of one message. `message` is how it is now; for "gone", what it was, if known."""

    kind: Literal["new", "changed", "gone"]
    channel: str
    ts: str
    message: dict[str, Any]


def news(event: Mapping[str, Any]) -> News | None:
    """The change a `message` or `app_mention` event tells of; None if it is none that concerns words."""
    if event["type"] not in {"message", "app_mention"}:
        return None
    channel = _string(event["channel"])
    match event.get("subtype"):
        case "message_changed":
            message = _table(event["message"])
            before = _table(event.get("previous_message", {}))
            ts, left = _string(message["ts"]), message.get("subtype") == TOMBSTONE
            found = News("gone", channel, ts, before) if left else News("changed", channel, ts, message)
        case "message_deleted":
            found = News(
                "gone", channel, _string(event["deleted_ts"]), _table(event.get("previous_message", {}))
            )
        case _:
            found = News("new", channel, _string(event["ts"]), dict(event))
    ids.micros(found.ts)
    return found


def personal(message: Mapping[str, Any]) -> bool:
    """Whether these are the words of somebody (a person, or another app's bot user)."""
    return message.get("subtype") in PERSONAL and isinstance(message.get("user"), str)


def stamp(message: Mapping[str, Any]) -> Micros | None:
    """The stamp of the order that made a message or changed it last, from its metadata."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != ORDER:
        return None
    payload = metadata.get("event_payload")
    value = payload.get("stamp") if isinstance(payload, dict) else None
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def metadata(stamp: Micros) -> dict[str, Any]:
    """What marks a message as an order's."""
    return {"event_type": ORDER, "event_payload": {"stamp": str(stamp)}}


def root(message: Mapping[str, Any]) -> str | None:
    """The ts of the thread a message replies in; None for one that stands by itself or heads its thread."""
    thread = message.get("thread_ts")
    return _string(thread) if thread and thread != message["ts"] else None


def edited(message: Mapping[str, Any]) -> Micros:
    """When its words were last edited; 0: never."""
    mark = message.get("edited")
    return ids.micros(_string(mark["ts"])) if isinstance(mark, dict) else 0


def people(message: Mapping[str, Any]) -> list[str]:
    """The user ids worth knowing to convert a message: its author, then whom it mentions, some at most."""
    return list(dict.fromkeys((_string(message["user"]), *_mentioned(message))))[:NAMED]


def _mentioned(message: Mapping[str, Any]) -> list[str]:
    sequences = _SEQUENCE.findall(message.get("text", ""))
    return [body[1:].partition("|")[0] for body in sequences if body.startswith("@")]


def inbound(
    message: Mapping[str, Any],
    channel: str,
    home: Home,
    authors: Mapping[str, Author],
    belongs: tuple[str, ...] = (),
) -> Post | None:
    """A message as a post; None if it is not a person's, or an order's, or stands in the hosts' room.

    `authors`: by user id, at least the author. `belongs`: tags a message bears by standing in the chat's own
    channel, where nobody repeats the hashtag.
    """
    if channel == home.hosts or home.ours(message) or stamp(message) is not None or not personal(message):
        return None
    ts, thread = _string(message["ts"]), root(message)
    author = authors[message["user"]]
    raw = _string(message.get("text", ""))
    direct = channel.startswith("D")
    implied = belongs if channel == home.channel and not author.bot else ()
    mentioned = [ids.account(home.team, user) for user in _mentioned(message)]
    if direct:
        mentioned.append(ids.account(home.team, home.user))
    at = ids.micros(ts)
    page = ids.permalink(home.site, channel, ts, thread)
    parent = None if thread is None else ids.ref(home.network, channel, thread)
    return Post(
        ref=ids.ref(home.network, channel, ts),
        uri=ids.uri(home.team, channel, ts),
        author=author,
        text=text(raw, {user: a.name for user, a in authors.items()}),
        at=at,
        seen=at,
        version=message["edited"]["ts"] if edited(message) else ts,
        edited=edited(message),
        reach="direct" if direct else "room",
        reply_to=parent,
        root=parent,
        quotes=_quotes(raw, home),
        tags=tuple(dict.fromkeys((*implied, *_tags(raw)))),
        mentions=tuple(dict.fromkeys(mentioned)),
        media=_media(message, page),
        url=page,
    )


def author(user: Mapping[str, Any], home: Home) -> Author:
    """An account, from users.info. People go by their display name in Slack."""
    profile = user.get("profile") or {}
    name = (
        profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name")
    )
    return Author(
        account=ids.account(home.team, user["id"]),
        handle=f"@{user.get('name') or user['id']}",
        name=tamed(Text(name or "")).plain,
        url=f"{home.site}team/{user['id']}",
        avatar=profile.get("image_192") or profile.get("image_72"),
        bot=bool(user.get("is_bot")),
    )


def wishes(user: Mapping[str, Any]) -> Wishes:
    """What the status and the title of a profile ask of bridges."""
    profile = user.get("profile") or {}
    words = " ".join(str(profile.get(key) or "") for key in ("status_text", "title"))
    return Wishes(
        nobridge=bool(_NOBRIDGE.search(words)),
        nobot=bool(_NOBOT.search(words)),
        links=tuple(m.group() for m in URL.finditer(words)),
    )


# ---------------------------------------------------------------- mrkdwn


def text(raw: str, names: Mapping[str, str]) -> Text:
    """The words of a message. `names`: how to call the users it mentions, by id."""
    return tamed(joined(*(_piece(is_sequence, piece, names) for is_sequence, piece in _pieces(raw))))


def _pieces(raw: str) -> Iterator[tuple[bool, str]]:
    """Words and control sequences in turn."""
    for n, piece in enumerate(_SEQUENCE.split(_plain(raw))):
        if piece:
            yield bool(n % 2), piece


def _plain(raw: str) -> str:
    """Without the marks of bold, italic and struck words, which can enclose each other."""
    for marked in (*_EMPHASIS, *_EMPHASIS):
        raw = marked.sub(lambda m: m[1] or m[2], raw)
    return raw


def _piece(is_sequence: bool, piece: str, names: Mapping[str, str]) -> Text:
    if not is_sequence:
        return Text(_unescaped(_emoji(piece)))
    target, _, label = piece.partition("|")
    label = _unescaped(label)
    if target.startswith("@"):
        name = names.get(target[1:]) or label.lstrip("@") or target[1:]
        return Text(f"@{name}", (Span(0, len(name) + 1, "mention", name),))
    if target.startswith("#"):  # a channel, not a hashtag
        return Text(f"#{label or target[1:]}")
    if target.startswith("!"):  # <!here>, <!subteam^S1|@nurses>, <!date^0^{date}|20 March>
        return Text(label or f"@{target[1:].partition('^')[0]}")
    url = _unescaped(target)
    if not url.startswith(("http://", "https://")):  # mailto:, tel:, or a bare "<" … ">" of something else
        return Text(label or url)
    shown = label if label and not _disguised(label, url) else url
    return Text(shown, (Span(0, len(shown), "link", url),))


def _disguised(label: str, url: str) -> bool:
    """Whether a link's words look like the address of somewhere else."""
    claim = re.fullmatch(r"\s*(?:https?://)?([\w-]+(?:\.[\w-]+)+)(?:[/:?#]\S*)?\s*", label)
    return bool(claim) and claim is not None and claim[1].casefold() != (urlsplit(url).hostname or "")


def _emoji(words: str) -> str:
    """`:tada:` as 🎉; a workspace's own emoji keep their names."""
    if words.count(":") < 2:
        return words
    return Emoji.replace(_SKIN.sub(lambda m: chr(0x1F3FB + int(m[1]) - 2), words))


def _unescaped(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _tags(raw: str) -> tuple[str, ...]:
    """Hashtags people typed; the names of channels are none."""
    return hashtags(" ".join(_unescaped(piece) for is_sequence, piece in _pieces(raw) if not is_sequence))


def _quotes(raw: str, home: Home) -> tuple[Ref, ...]:
    """Messages of this workspace the text links to: Slack shows them as quoted."""
    places = [
        ids.from_permalink(_unescaped(body.partition("|")[0]))
        for body in _SEQUENCE.findall(raw)
        if body.startswith(home.site)
    ]
    return tuple(dict.fromkeys(ids.ref(home.network, p.channel, p.ts) for p in places if p))


def _media(message: Mapping[str, Any], page: str) -> tuple[Media, ...]:
    """Files by the page of their message: their own addresses open only to members of the workspace and name
    the one who sent them. All are files to the world outside, since nothing there could show them."""
    return tuple(
        Media(url=page, kind="file", alt=str(file.get("alt_txt") or ""))
        for file in message.get("files") or ()
        if isinstance(file, dict) and file.get("mode") != TOMBSTONE
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, not {type(value).__name__}")
    return value


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    return value
