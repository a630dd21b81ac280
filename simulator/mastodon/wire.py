"""Accounts and statuses as a server holds them, and their JSON as Mastodon 4.5 answers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.mastodon.markup import as_html, quoting
from simulator.mastodon.media import Attachment
from simulator.stage import Reach

SECOND = 1_000_000
MAX_CHARACTERS = 500
POLL_LASTS = 24 * 3600 * SECOND

_REACH: dict[Reach, str] = {
    "public": "public",
    "quiet": "unlisted",
    "limited": "private",
    "direct": "direct",
}


@dataclass(eq=False)
class Account:
    """An account a server knows. `host`: the server it lives on, `local` if that is the one that knows it."""

    id: str
    username: str
    host: str
    name: str
    note: str
    created: int
    local: bool = True
    bot: bool = False
    gone: bool = False
    followers: int = 0
    handle: str = ""  # the simulated person's, empty for the bridge's account

    @property
    def acct(self) -> str:
        return self.username if self.local else self.full

    @property
    def full(self) -> str:
        return f"{self.username}@{self.host}"

    @property
    def page(self) -> str:
        return f"https://{self.host}/@{self.username}"

    @property
    def uri(self) -> str:
        """The ActivityPub id."""
        return f"https://{self.host}/users/{self.username}"


@dataclass(eq=False)
class Status:
    """A status as one server holds it. `id` and `parent` are that server's; `uri` is what it is everywhere."""

    id: str
    account: Account
    text: str
    created: int
    visibility: str
    base: str = ""  # address of the server it was written on
    uri: str = ""
    page: str = ""
    parent: str | None = None
    spoiler: str = ""
    language: str | None = "en"
    sensitive: bool = False
    quote: Status | None = None
    reblog: Status | None = None
    mentions: list[Account] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    media: list[Attachment] = field(default_factory=list)
    poll: tuple[str, ...] = ()
    emoji: dict[str, str] = field(default_factory=dict)  # shortcode -> picture
    bare: bool = False  # hashtags known but not linked, as some other software sends them
    edited: int | None = None
    deleted: bool = False
    replies: int = 0
    likes: int = 0
    boosts: int = 0
    favourited: bool = False  # by this server's bridge account
    application: str | None = None

    def __post_init__(self) -> None:
        self.uri = self.uri or f"{self.account.uri}/statuses/{self.id}"
        self.page = self.page or f"{self.account.page}/{self.id}"

    @property
    def open(self) -> bool:
        """Whether anybody may read it."""
        return self.visibility in ("public", "unlisted")


def visibility(reach: Reach) -> str:
    """Our word for who may read a post, as Mastodon's."""
    return _REACH[reach]


def reach(visibility: str) -> Reach:
    """Mastodon's word for who may read a post, as ours."""
    return next(ours for ours, theirs in _REACH.items() if theirs == visibility)


def iso(micros: int) -> str:
    """Milliseconds and a Z, as Mastodon writes times."""
    when = datetime.fromtimestamp(micros // SECOND, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{micros % SECOND // 1000:03d}Z"


def account_json(account: Account) -> dict[str, Any]:
    """An account as Mastodon 4 answers it."""
    base = f"https://{account.host}"
    picture = f"{base}/avatars/original/missing.png"
    return {
        "id": account.id,
        "username": account.username,
        "acct": account.acct,
        "display_name": account.name,
        "locked": False,
        "bot": account.bot,
        "discoverable": True,
        "indexable": False,
        "group": False,
        "created_at": iso(account.created)[:10] + "T00:00:00.000Z",
        "note": as_html(account.note, base, {}),
        "url": account.page,
        "uri": account.uri,
        "avatar": picture,
        "avatar_static": picture,
        "avatar_description": "",
        "header": picture,
        "header_static": picture,
        "header_description": "",
        "followers_count": account.followers,
        "following_count": 12,
        "statuses_count": 12,
        "last_status_at": iso(account.created)[:10],
        "hide_collections": None,
        "show_media": True,
        "show_media_replies": True,
        "show_featured": True,
        "noindex": False,
        "feature_approval": {"automatic": [], "manual": [], "current_user": "denied"},
        "emojis": [],
        "roles": [],
        "fields": [],
    }


def status_json(
    status: Status, parent: Status | None, *, own: bool, boosted: bool = False, deep: bool = True
) -> dict[str, Any]:
    """A status as Mastodon 4.5 answers it to the bridge's token. `boosted`: by the bridge's account. `deep`:
    with what it quotes, which itself only names what it quotes."""
    body = {
        "id": status.id,
        "created_at": iso(status.created),
        "in_reply_to_id": status.parent,
        "in_reply_to_account_id": parent.account.id if parent else None,
        "sensitive": status.sensitive or bool(status.spoiler),
        "spoiler_text": status.spoiler,
        "visibility": status.visibility,
        "language": status.language,
        "uri": status.uri,
        "url": status.page,
        "replies_count": status.replies,
        "reblogs_count": status.boosts,
        "favourites_count": status.likes,
        "quotes_count": 0,
        "edited_at": iso(status.edited) if status.edited else None,
        "favourited": status.favourited,
        "reblogged": boosted,
        "muted": False,
        "bookmarked": False,
        "content": _content(status),
        "filtered": [],
        "reblog": None
        if status.reblog is None
        else status_json(status.reblog, None, own=False, boosted=True),
        "application": {"name": status.application, "website": None} if status.application else None,
        "account": account_json(status.account),
        "media_attachments": [a.json(a.ready) for a in status.media],
        "mentions": [
            {"id": a.id, "username": a.username, "url": a.page, "acct": a.acct} for a in status.mentions
        ],
        "tags": [{"name": tag, "url": f"{status.base}/tags/{tag}"} for tag in status.tags],
        "emojis": [
            {"shortcode": name, "url": url, "static_url": url, "visible_in_picker": True}
            for name, url in status.emoji.items()
        ],
        "tagged_collections": [],
        "quote": _quote(status.quote, deep=deep),
        "card": None,
        "poll": _poll(status),
        "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "automatic"},
    }
    if own:
        body["pinned"] = False
    return body


def _content(status: Status) -> str:
    people = {(a.username, a.host): a.page for a in status.mentions}
    content = as_html(status.text, status.base, people, link_tags=not status.bare)
    return content if status.quote is None else quoting(status.quote.page, content)


def _quote(quoted: Status | None, *, deep: bool) -> dict[str, Any] | None:
    """The quote, or one level further down (ShallowQuote) only its id."""
    if quoted is None:
        return None
    key = "quoted_status" if deep else "quoted_status_id"
    if quoted.deleted:
        return {"state": "deleted", key: None}
    return {
        "state": "accepted",
        key: status_json(quoted, None, own=False, deep=False) if deep else quoted.id,
    }


def _poll(status: Status) -> dict[str, Any] | None:
    if not status.poll:
        return None
    return {
        "id": status.id,
        "expires_at": iso(status.created + POLL_LASTS),
        "expired": False,
        "multiple": False,
        "votes_count": 0,
        "voters_count": 0,
        "options": [{"title": choice, "votes_count": 0} for choice in status.poll],
        "emojis": [],
        "voted": False,
        "own_votes": [],
    }
