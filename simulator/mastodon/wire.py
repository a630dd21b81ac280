"""What Mastodon makes of words: HTML, tags, mentions, and the JSON of statuses and accounts."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wcwidth import iter_graphemes

from simulator.stage import Reach

SECOND = 1_000_000
MAX_CHARACTERS = 500
PER_URL = 23

_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
_TAG = re.compile(r"(?<![\w/&#])#(\w*[^\W\d_]\w*)")
_MENTION = re.compile(r"(?<![\w/@])@([A-Za-z0-9_]+)(?:@([\w.-]+\w))?")
_PIECE = re.compile(f"(?P<link>{_LINK.pattern})|(?P<tag>{_TAG.pattern})|(?P<mention>{_MENTION.pattern})")
_REACH: dict[Reach, str] = {
    "public": "public",
    "quiet": "unlisted",
    "limited": "private",
    "direct": "direct",
}


@dataclass(eq=False)
class Account:
    """An account this server knows. `domain` is None for its own."""

    id: str
    username: str
    domain: str | None
    name: str
    note: str
    created: int
    bot: bool = False
    handle: str = ""  # the simulated person's, empty for the bridge's account

    @property
    def acct(self) -> str:
        return f"{self.username}@{self.domain}" if self.domain else self.username


@dataclass(eq=False)
class Status:
    """A status as the server holds it."""

    id: str
    account: Account
    text: str
    created: int
    visibility: str
    parent: str | None = None
    spoiler: str = ""
    language: str | None = "en"
    sensitive: bool = False
    quote: Status | None = None
    mentions: list[Account] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    bare: bool = False  # hashtags known but not linked, as some other software sends them
    edited: int | None = None
    deleted: bool = False
    replies: int = 0
    application: str | None = None

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


def length(text: str, spoiler: str = "") -> int:
    """Mastodon's count: grapheme clusters, a link as 23, of a mention the local part, warning included."""
    text = _LINK.sub("x" * PER_URL, text)
    text = re.sub(_MENTION, lambda m: "@" + m.group(1), text)
    return sum(1 for _ in iter_graphemes(text + spoiler))


def tags(text: str) -> list[str]:
    """Hashtags in the text, lower case, each once."""
    return list(dict.fromkeys(m.group(1).lower() for m in _TAG.finditer(_LINK.sub(" ", text))))


def mentioned(text: str) -> list[tuple[str, str | None]]:
    """(username, domain) of each mention, each once."""
    found = ((m.group(1).lower(), m.group(2)) for m in _MENTION.finditer(_LINK.sub(" ", text)))
    return list(dict.fromkeys(found))


def as_html(text: str, base: str, mentions: list[Account], link_tags: bool = True) -> str:
    """The content field: paragraphs, and links as Mastodon marks them up."""
    by_name = {a.acct: a for a in mentions} | {a.username: a for a in mentions}

    def piece(match: re.Match[str]) -> str:
        if match["link"]:
            return _shortened(match["link"])
        if match["tag"]:
            tag = match["tag"][1:]
            if not link_tags:
                return html.escape(match["tag"])
            href = f"{base}/tags/{html.escape(tag.lower())}"
            return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{html.escape(tag)}</span></a>'
        account = by_name.get(match["mention"][1:]) or by_name.get(match["mention"][1:].split("@")[0].lower())
        if account is None:
            return html.escape(match["mention"])
        return (
            f'<span class="h-card" translate="no"><a href="{profile(account, base)}" class="u-url mention">'
            f"@<span>{account.username}</span></a></span>"
        )

    def marked(block: str) -> str:
        out, at = [], 0
        for match in _PIECE.finditer(block):
            out += [html.escape(block[at : match.start()]), piece(match)]
            at = match.end()
        return "".join([*out, html.escape(block[at:])]).replace("\n", "<br />")

    return "".join(f"<p>{marked(block)}</p>" for block in re.split(r"\n{2,}", text) if block)


def _shortened(url: str) -> str:
    """A link as Mastodon shows it: scheme hidden, 30 characters, the rest hidden."""
    prefix = re.match(r"https?://(?:www\.)?", url)
    head = prefix.group() if prefix else ""
    shown, rest = url[len(head) :][:30], url[len(head) :][30:]
    return (
        f'<a href="{html.escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{head}</span><span class="{"ellipsis" if rest else ""}">'
        f'{html.escape(shown)}</span><span class="invisible">{html.escape(rest)}</span></a>'
    )


def profile(account: Account, base: str) -> str:
    """The page of an account on the server it lives on."""
    return (
        f"https://{account.domain}/@{account.username}" if account.domain else f"{base}/@{account.username}"
    )


def actor(account: Account, base: str) -> str:
    """The ActivityPub id of an account."""
    home = f"https://{account.domain}" if account.domain else base
    return f"{home}/users/{account.username}"


def account_json(account: Account, base: str) -> dict[str, Any]:
    """An account as Mastodon 4 answers it."""
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
        "note": as_html(account.note, base, []),
        "url": profile(account, base),
        "uri": actor(account, base),
        "avatar": picture,
        "avatar_static": picture,
        "avatar_description": "",
        "header": picture,
        "header_static": picture,
        "header_description": "",
        "followers_count": 12,
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


def status_json(status: Status, base: str, parent: Status | None, *, own: bool) -> dict[str, Any]:
    """A status as Mastodon 4.5 answers it to the bridge's token."""
    author = status.account
    content = as_html(status.text, base, status.mentions, not status.bare)
    if status.quote is not None:
        content = f'<p class="quote-inline">RE: {_shortened(page(status.quote, base))}</p>{content}'
    body = {
        "id": status.id,
        "created_at": iso(status.created),
        "in_reply_to_id": status.parent,
        "in_reply_to_account_id": parent.account.id if parent else None,
        "sensitive": status.sensitive or bool(status.spoiler),
        "spoiler_text": status.spoiler,
        "visibility": status.visibility,
        "language": status.language,
        "uri": f"{actor(author, base)}/statuses/{status.id}",
        "url": page(status, base),
        "replies_count": status.replies,
        "reblogs_count": 0,
        "favourites_count": 0,
        "quotes_count": 0,
        "edited_at": iso(status.edited) if status.edited else None,
        "favourited": False,
        "reblogged": False,
        "muted": False,
        "bookmarked": False,
        "content": content,
        "filtered": [],
        "reblog": None,
        "application": {"name": status.application, "website": None} if status.application else None,
        "account": account_json(author, base),
        "media_attachments": status.media,
        "mentions": [
            {"id": a.id, "username": a.username, "url": profile(a, base), "acct": a.acct}
            for a in status.mentions
        ],
        "tags": [{"name": tag, "url": f"{base}/tags/{tag}"} for tag in status.tags],
        "emojis": [],
        "tagged_collections": [],
        "quote": None
        if status.quote is None
        else {"state": "accepted", "quoted_status": status_json(status.quote, base, None, own=False)},
        "card": None,
        "poll": None,
        "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "automatic"},
    }
    if own:
        body["pinned"] = False
    return body


def page(status: Status, base: str) -> str:
    return f"{profile(status.account, base)}/{status.id}"
