"""The part of Mastodon's JSON that the bridge reads. msgspec checks the types; the rest is not looked at.

Fields beyond the id, the time and the author have defaults, because servers that speak Mastodon's API leave
some out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Emoji(msgspec.Struct, frozen=True):
    """A picture that stands for `:shortcode:`."""

    shortcode: str
    url: str = ""
    static_url: str = ""


class Field(msgspec.Struct, frozen=True):
    """A line of a profile; `value` is HTML."""

    name: str = ""
    value: str = ""


class Account(msgspec.Struct, frozen=True):
    """An account; `acct` lacks the host if it is the server's own; `note` is HTML."""

    id: str
    acct: str
    username: str = ""
    display_name: str | None = None
    note: str | None = None
    url: str | None = None
    uri: str | None = None
    avatar: str | None = None
    avatar_static: str | None = None
    bot: bool | None = None
    locked: bool | None = None
    suspended: bool | None = None  # said only of accounts that are
    fields: list[Field] | None = None


class Mention(msgspec.Struct, frozen=True):
    """Who is mentioned. `url` is what the content's link leads to."""

    id: str
    acct: str
    url: str | None = None
    username: str = ""


class Tag(msgspec.Struct, frozen=True):
    """A hashtag the server knows this status to bear."""

    name: str


class Attachment(msgspec.Struct, frozen=True):
    """A picture, video or sound; a type not known here is a file."""

    id: str = ""
    type: str = "unknown"
    url: str | None = None
    remote_url: str | None = None
    description: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of the choices of a poll; `title` is plain."""

    title: str


class Poll(msgspec.Struct, frozen=True):
    """What may be voted on."""

    options: list[Choice] = []


class Quote(msgspec.Struct, frozen=True):
    """Since Mastodon 4.4. Only an accepted quote carries the status (or, nested deeper, its id)."""

    state: str = ""
    quoted_status: dict[str, Any] | None = None
    quoted_status_id: str | None = None


class Status(msgspec.Struct, frozen=True):
    """A status; `content` is HTML."""

    id: str
    created_at: datetime
    account: Account
    uri: str = ""
    url: str | None = None
    content: str | None = None
    spoiler_text: str | None = None
    sensitive: bool | None = None
    visibility: str = "public"
    language: str | None = None
    edited_at: datetime | None = None
    in_reply_to_id: str | None = None
    replies_count: int | None = None
    mentions: list[Mention] = []
    tags: list[Tag] = []
    emojis: list[Emoji] = []
    media_attachments: list[Attachment] = []
    reblog: dict[str, Any] | None = None
    quote: Quote | None = None
    poll: Poll | None = None
    favourited: bool | None = None  # by us
    reblogged: bool | None = None  # by us


class Notification(msgspec.Struct, frozen=True):
    """Something the account was told. `status` stays raw: one that cannot be read must not hide the rest."""

    id: str
    type: str
    created_at: datetime
    status: dict[str, Any] | None = None


class Frame(msgspec.Struct, frozen=True):
    """What the streaming websocket sends: an event, or an error in-band."""

    event: str = ""
    payload: Any = None
    stream: list[str] = []
    error: str | None = None
    status: int | None = None
