"""What Slack says, as the bridge's values. Pure; what is unreadable raises ValueError, TypeError, KeyError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from adapters.slack import composed, ids, mrkdwn
from bridge.model import Author, Media, Micros, Network, Post, Ref, Text, Wishes
from bridge.text import URL, hashtags, tamed

ORDER = "chatbridge_order"  # the event_type of the metadata on everything we post
TOMBSTONE = "tombstone"  # the subtype of what is left of a deleted message that others replied to
NAMED = 20  # people of one message whose names are looked up
# Subtypes a person's words can have. All others are joins, topics, bots, thread counters …
PERSONAL = (None, "thread_broadcast", "file_share")

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
    return list(dict.fromkeys((_string(message["user"]), *composed.users(message))))[:NAMED]


def inbound(
    message: Mapping[str, Any],
    channel: str,
    home: Home,
    authors: Mapping[str, Author],
    belongs: tuple[str, ...] = (),
) -> Post | None:
    """A message as a post; None if it is not a person's, or an order's, or stands in the hosts' room.

    `authors`: by user id, at least the author. `belongs`: tags a message bears by standing in the chats' own
    channel, where nobody repeats the hashtag. Who does says which of the chats they mean.
    """
    if channel == home.hosts or home.ours(message) or stamp(message) is not None or not personal(message):
        return None
    ts, thread = _string(message["ts"]), root(message)
    author = authors[message["user"]]
    raw = _string(message.get("text") or "")
    words = tamed(composed.text(message, {user: a.name for user, a in authors.items()}))
    direct = channel.startswith("D")
    typed = mrkdwn.tags(raw) if raw else hashtags(words.plain)
    meant = not set(typed).isdisjoint(belongs)
    implied = belongs if channel == home.channel and not author.bot and not meant else ()
    mentioned = [ids.account(home.team, user) for user in composed.users(message)]
    if direct:
        mentioned.append(ids.account(home.team, home.user))
    at = ids.micros(ts)
    page = ids.permalink(home.site, channel, ts, thread)
    parent = None if thread is None else ids.ref(home.network, channel, thread)
    return Post(
        ref=ids.ref(home.network, channel, ts),
        uri=ids.uri(home.team, channel, ts),
        author=author,
        text=words,
        at=at,
        seen=at,
        version=message["edited"]["ts"] if edited(message) else ts,
        edited=edited(message),
        reach="direct" if direct else "room",
        reply_to=parent,
        root=parent,
        quotes=_quotes(raw, home),
        tags=tuple(dict.fromkeys((*implied, *typed))),
        mentions=tuple(dict.fromkeys(mentioned)),
        media=_media(message, page),
        url=page,
    )


def author(user: Mapping[str, Any], home: Home) -> Author:
    """An account, from users.info. People go by their display name in Slack. Guests are people like others;
    Slackbot is the one bot that Slack does not call one."""
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
        bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
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


# ---------------------------------------------------------------- help


def _quotes(raw: str, home: Home) -> tuple[Ref, ...]:
    """Messages of this workspace the text links to: Slack shows them as quoted."""
    places = [
        ids.from_permalink(mrkdwn.unescaped(body.partition("|")[0]))
        for body in mrkdwn.sequences(raw)
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
