"""Who is who, and which chat, if any, a post belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from bridge.chat import attribution
from bridge.chat.attribution import written_at
from bridge.chat.timeline import fingerprint, writers
from bridge.model import (
    MINUTE,
    Account,
    Author,
    AuthorKnown,
    Media,
    Micros,
    Network,
    Post,
    Span,
    Text,
    Wishes,
)
from bridge.settings import Chat, Host, Net
from bridge.text import MENTION, URL, person

DOORS = 30 * MINUTE  # before the start from which the tag alone makes a post part of the chat
BUSY = 6  # posts a minute from one person, from which on they are held
NOBRIDGE = "nobridge"
SERVER = "server"  # who commands through the bridge's own socket

_SAID: dict[str, str] = {
    "stop": "stop",
    "start": "start",
    "forget me": "forget",
    "forgetme": "forget",
    "my record": "record",
}


class Person(msgspec.Struct):
    """What is known of an account that took part. `stopped`: None until they told us themselves."""

    account: Account
    known: bool = False
    told: dict[Network, Wishes] = {}  # what their profile asks, as each network shows it
    stopped: bool | None = None
    forgotten: bool = False  # asked to have their words removed, and has not come back since
    consent: Literal["", "name", "first", "no"] = ""  # for what they write in a room
    asked: Micros = 0  # when we last asked them for that
    offered: Micros = 0  # when we last offered to send a reply of theirs out
    gone: Micros = 0  # when their account was found deleted
    first: str = ""  # the chat they first wrote in
    blocked: bool = False  # by a host: what they write is for hosts alone
    shown: int = 0  # posts of theirs that were let through
    recent: list[Micros] = []

    @property
    def wishes(self) -> Wishes:
        """What their profile asks anywhere: another server may show an old one, and must not undo a wish."""
        told = self.told.values()
        return Wishes(
            any(w.nobridge for w in told),
            any(w.nobot for w in told),
            tuple(dict.fromkeys(link for w in told for link in w.links)),
        )

    @property
    def opted_out(self) -> bool:
        """Whether their words stay where they are. What they told us counts more than their profile."""
        if self.stopped is not None:
            return self.stopped
        for wishes in self.told.values():  # noqa: SIM110 - as in `audience.stays`
            if wishes.nobridge or wishes.nobot:
                return True
        return False


class People(msgspec.Struct):
    """Everybody who took part, and our own accounts on every network."""

    ours: dict[Network, Account] = {}
    all: dict[Account, Person] = {}

    def get(self, account: Account) -> Person:
        if account not in self.all:
            self.all[account] = Person(account)
        return self.all[account]

    def of(self, account: Account) -> Person:
        """Like `get`, but remembers nobody new: for looking only."""
        return self.all.get(account) or Person(account)

    def took_along(self, post: Post) -> bool:
        """Whether a post went with its author's account, though it is told only now."""
        return any(written_at(post) < self.of(account).gone for account in writers(post))

    def is_ours(self, account: Account) -> bool:
        return account in self.ours.values()

    def known(self, network: Network, what: AuthorKnown) -> bool:
        """Take an author's wishes in, as `network` tells them; whether anything changed."""
        someone = self.get(what.account)
        if someone.known and someone.told.get(network) == what.wishes:
            return False
        someone.known = True
        someone.told[network] = what.wishes
        return True

    def same(self, one: Post, other: Post) -> bool:
        """Whether two posts on two networks are by one person: the same name, or a profile that links to the
        other's."""
        name = name_mark(one.author)
        if name and name == name_mark(other.author):
            return True
        return self._links(one, other) or self._links(other, one)

    def _links(self, one: Post, other: Post) -> bool:
        links = self.of(one.author.account).wishes.links
        return other.author.url is not None and other.author.url.rstrip("/") in {u.rstrip("/") for u in links}


def akin(chat: Chat, networks: Iterable[Net]) -> Chat:
    """The chat with its hosts known on every network of a kind: an account is the same on a second server. Rooms
    are apart: an id means another person in another workspace."""
    nets = tuple(networks)
    kinds = {net.name: net.kind for net in nets}
    hosts = tuple(
        msgspec.structs.replace(
            host,
            handles=tuple(
                dict.fromkeys(
                    (net.name, handle)
                    for name, handle in host.handles
                    for net in nets
                    if net.name == name or (net.kind == kinds.get(name) and not net.mirror)
                )
            ),
        )
        for host in chat.hosts
    )
    return msgspec.structs.replace(chat, hosts=hosts)


def is_host(chat: Chat, network: Network, account: Account, handle: str = "") -> bool:
    """Whether an account is a configured host's."""
    return host_of(chat, network, account, handle) is not None


def host_of(chat: Chat, network: Network, account: Account, handle: str = "") -> Host | None:
    """The host whose account this is; never decided by name. A config may name the account itself, what it ends
    with (a Slack user id, a Mastodon address), or the handle."""
    account, handle = account.casefold(), handle.casefold().lstrip("@")
    for host in chat.hosts:
        for where, configured in host.handles:
            if where != network:
                continue
            wanted = configured.casefold().lstrip("@")
            if not wanted:
                continue
            if wanted in (account, handle) or account.endswith((f"/{wanted}", f":{wanted}")):
                return host
    return None


def said_to_us(post: Post, ours: Account | None) -> str | None:
    """What a participant asks of the bridge itself ("stop", "start", "forget", "record"): only in a direct
    message, or in a post that is nothing but a mention of us and the words."""
    if ours is None or ours not in post.mentions:
        return None
    words = " ".join(MENTION.sub(" ", post.text.plain).casefold().strip().rstrip(".!").split())
    return _SAID.get(words)


def refuses(post: Post) -> bool:
    """Whether a post itself says #nobridge."""
    return NOBRIDGE in post.tags


def has_link(post: Post) -> bool:
    return any(s.kind == "link" for s in post.text.spans) or bool(URL.search(post.text.plain))


def is_private(post: Post) -> bool:
    """Not readable by anyone."""
    return post.reach in ("limited", "direct")


def wordless(post: Post) -> bool:
    """Whether a post was without its words when it was taken in; they come back when it is read again."""
    return bool(post.mark) and not post.erased


def withhold(post: Post) -> Post:
    """The post without its words, so that not even the journal has them. What places it is kept, that it had a link,
    and a mark that stands for the words."""
    media: tuple[Media, ...] = ()
    return msgspec.structs.replace(
        post,
        text=Text(_placing(post.text.plain), (Span(0, 0, "link", ""),) if has_link(post) else ()),
        warning=None,
        media=media,
        quoted=None,
        mark=fingerprint(post),
    )


def left_of(post: Post) -> Post:
    """What stays in the state of a post by somebody who wants to be forgotten, also where a replay finds no more of
    it than that."""
    return msgspec.structs.replace(unname(post), erased=False)


def unname(post: Post) -> Post:
    """The post of somebody who wants to be forgotten, without words or name. The account stays, to keep it
    out; what the name was compared with stays comparable, so that a replay merges what was merged."""
    nobody = Author(post.author.account, "", url=post.author.url, mark=name_mark(post.author))
    return msgspec.structs.replace(withhold(post), author=nobody)


def name_mark(author: Author) -> str:
    """Stands for a display name, also when it has been taken out: equal names, equal marks; "" for none."""
    name = person(author.name).casefold()
    return author.mark or (hashlib.blake2b(name.encode(), digest_size=12).hexdigest() if name else "")


def _placing(plain: str) -> str:
    """All that is kept of words that stay on their network: what says where the post belongs."""
    entry = attribution.named_entry(plain)
    numbers = attribution.labels(plain, range(100))
    return " ".join([*([f">{entry}"] if entry is not None else []), *(f"A{n}." for n in numbers)])


def in_window(chat: Chat, starts: Micros, late_until: Micros, at: Micros) -> bool:
    """Whether the tag alone makes a post written at `at` part of the chat."""
    return starts - DOORS <= at < late_until


def by_tag(windows: Iterable[tuple[Chat, Micros, Micros, Micros]], post: Post) -> str | None:
    """The chat whose tag a post bears: the one in its hour, else the one in its late window.

    `windows`: (chat, starts, ends, late until) as the run sheets have them now.
    """
    at = written_at(post)
    found: str | None = None
    for chat, starts, ends, late_until in windows:
        if not in_window(chat, starts, late_until, at) or chat.hashtag.casefold() not in post.tags:
            continue
        if at <= ends:
            return chat.id
        found = found or chat.id
    return found
