"""The merged timeline: entries, each one post or several that are the same words.

A post is known by its uri; refs are the places it can be reached at. A removal leaves a tombstone, so that a
post that arrives after its removal stays away; an edit older than what is known changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from bridge.chat.attribution import written_at
from bridge.model import MINUTE, Account, Micros, Post, Ref
from bridge.text import normalised

Rule: TypeAlias = Literal["label", "thread", "time", "host"]

SAME_WORDS = 40  # characters of normalised text from which equal words are taken for one post
SAME_TIME = 10 * MINUTE


class Entry(msgspec.Struct):
    """One line of the timeline. `revision` counts what readers can see change."""

    no: int
    sources: list[Post]
    at: Micros
    questions: tuple[int, ...] = ()
    rule: Rule = "time"
    late: bool = False
    reply_to: int | None = None
    hidden: bool = False
    held: str | None = None  # what of its author makes it wait for the hosts: "a link in the first post of"
    frozen: bool = False  # came, was edited or shown again during a blackout: not on the page before it ends
    noticed: tuple[Account, ...] = ()  # the hosts who reacted to it or answered it
    revision: int = 1
    words: str = ""  # fingerprint, "" if too short to compare

    @property
    def first(self) -> Post:
        return self.sources[0]


def key(ref: Ref) -> str:
    """A ref as one string, for indexes."""
    return f"{ref.network}\n{ref.id}"


def ref_of(name: str) -> Ref:
    """The ref that `key` made a string of."""
    network, _, place = name.partition("\n")
    return Ref(network, place)


def writers(post: Post) -> tuple[Account, ...]:
    """Who has a say in a post: its author and, if that is a bridge's account, who wrote what it copied."""
    return (post.author.account, post.whose) if post.whose else (post.author.account,)


def names(post: Post) -> tuple[str, ...]:
    """What a bridge that copies a post may call it: its uri or its page, which Bridgy Fed prefers (its source).
    Anybody can give out a page; one on the post's own server is its own."""
    if post.url is None or post.url == post.uri:
        return (post.uri,)
    end = post.uri.find("/", len("https://")) + 1
    plainly = end and post.uri.startswith("https://") and post.url.startswith(post.uri[:end])  # nearly always
    return (post.uri, post.url) if plainly or _server(post.url) == _server(post.uri) else (post.uri,)


def _server(address: str) -> str:
    scheme, _, rest = address.partition("://")
    return rest.partition("/")[0].casefold() if scheme == "https" else address


class Timeline(msgspec.Struct):
    """All entries of a chat with their indexes. Entries whose every source is gone leave it."""

    entries: dict[int, Entry] = {}
    refs: dict[str, str] = {}  # key(ref) -> uri
    elsewhere: dict[str, list[str]] = {}  # uri -> key(ref)s that other servers than the first call it by
    uris: dict[str, int] = {}  # uri, or another of a post's names -> entry
    authors: dict[
        str, Account
    ] = {}  # each name of a post that is no copy -> who wrote it, also when it is gone
    removed: dict[str, Micros] = {}  # key(ref) or uri -> when
    words: dict[str, list[int]] = {}
    left: dict[int, list[str]] = {}  # entry -> names of what its authors removed
    refused: dict[str, bool] = {}  # names of what is gone, and whose author did not want it copied
    merged: dict[int, int] = {}  # entry that turned out to be another -> which
    last: int = 0

    def at(self, ref: Ref) -> Entry | None:
        """The entry that holds the post at `ref`."""
        uri = self.refs.get(key(ref))
        return None if uri is None else self.entries.get(self.uris.get(uri, 0))

    def source(self, ref: Ref) -> Post | None:
        """The post at `ref`."""
        uri = self.refs.get(key(ref))
        entry = self.at(ref)
        return next((p for p in entry.sources if p.uri == uri), None) if entry else None

    def known(self, post: Post) -> Post | None:
        """The source that this very post is, wherever it was seen."""
        entry = self.entries.get(self.uris.get(post.uri, 0))
        return next((p for p in entry.sources if p.uri == post.uri), None) if entry else None

    def places(self, post: Post) -> tuple[Ref, ...]:
        """Where a source can be reached: where it was first seen, and what other servers call it."""
        return (post.ref, *map(ref_of, self.elsewhere.get(post.uri, ())))

    def knows(self, post: Post) -> bool:
        """Whether this very post is already an entry's source."""
        return post.uri in self.uris

    def is_removed(self, post: Post) -> bool:
        return key(post.ref) in self.removed or post.uri in self.removed

    def alias(self, post: Post) -> bool:
        """The same post was seen; whether at another place than before."""
        name = key(post.ref)
        if name in self.refs:
            return False
        self.refs[name] = post.uri
        self.elsewhere.setdefault(post.uri, []).append(name)
        return True

    def twin(self, post: Post, same_person: Callable[[Post, Post], bool], skip: int = 0) -> Entry | None:
        """The entry that already holds this, as verified, or the same words by the same person on another network
        within ten minutes. `skip`: an entry not to look at."""
        if (kin := self.kin(post, skip)) is not None:
            return kin
        for no in self.words.get(comparable(post), ()):
            entry = self.entries[no]
            if no == skip or any(p.ref.network == post.ref.network for p in entry.sources):
                continue
            if abs(written_at(entry.first) - written_at(post)) <= SAME_TIME and same_person(
                entry.first, post
            ):
                return entry
        return None

    def kin(self, post: Post, skip: int = 0) -> Entry | None:
        """The entry with a verified copy's original, with copies of this, or with another copy of the same; whichever
        came first. `skip`: an entry not to look at."""
        for name in (post.original, *(f"copy of {name}" for name in (post.original, *names(post)))):
            if name in self.uris and self.uris[name] != skip:
                return self.entries[self.uris[name]]
        return None

    def add(self, post: Post) -> Entry:
        """A new entry."""
        self.last += 1
        entry = Entry(no=self.last, sources=[post], at=written_at(post))
        self.entries[entry.no] = entry
        self._index(entry, post)
        self.reword(entry)
        return entry

    def join(self, entry: Entry, post: Post) -> None:
        """One more source of the same words. What a verified bridge copied leads its copy: the original is
        what its author edits."""
        leads = any(p.original in names(post) for p in entry.sources)
        entry.sources.insert(0 if leads else len(entry.sources), post)
        entry.revision += 1
        self._index(entry, post)
        self.reword(entry)

    def replace(self, entry: Entry, post: Post) -> bool:
        """A newer version of a source; whether anything a reader sees changed. An older one is refused, and
        so is another server's rendering of the same one."""
        place = next(n for n, p in enumerate(entry.sources) if p.uri == post.uri)
        known = entry.sources[place]
        if post.edited < known.edited or (post.edited == known.edited and post.ref != known.ref):
            return False
        changed = shown(known) != shown(post)
        self._unindex(entry, known)
        entry.sources[place] = post = msgspec.structs.replace(
            post,
            ref=known.ref,
            at=known.at,
            seen=known.seen,
            reply_to=post.reply_to or known.reply_to,
            original=post.original or known.original,
            whose=post.whose or known.whose,
        )
        self._index(entry, post)
        if changed:
            entry.revision += 1
            self.reword(entry)
        return changed

    def leave(self, entry: Entry, post: Post) -> None:
        """Take one source out; the entry goes when it was the last."""
        entry.sources = [p for p in entry.sources if p.uri != post.uri]
        entry.revision += 1
        self._unindex(entry, post)
        if entry.sources:
            self.reword(entry)
        else:
            self._unword(entry)
            del self.entries[entry.no]

    def remove(self, ref: Ref, now: Micros) -> Entry | None:
        """The post at `ref` is gone, now or when it arrives. Gives the entry it was in."""
        self.removed[key(ref)] = now
        uri = self.refs.get(key(ref))
        entry = self.at(ref)
        if uri is None or entry is None:
            return None
        self.removed[uri] = now
        gone = next(p for p in entry.sources if p.uri == uri)
        self.left.setdefault(entry.no, []).extend(names(gone))
        self.leave(entry, gone)
        return entry

    def _index(self, entry: Entry, post: Post) -> None:
        self.refs[key(post.ref)] = post.uri
        for name in names(post):
            self.uris[name] = entry.no
            if post.original is None:
                self.authors[name] = post.author.account
        if post.original is not None:
            self.uris[f"copy of {post.original}"] = entry.no

    def _unindex(self, entry: Entry, post: Post) -> None:
        for name in names(post):
            self.uris.pop(name, None)
        others = [p.original for p in entry.sources if p.uri != post.uri]
        if post.original is not None and post.original not in others:
            self.uris.pop(f"copy of {post.original}", None)

    def reword(self, entry: Entry) -> None:
        """Index an entry by its present words."""
        self._unword(entry)
        entry.words = comparable(entry.first)
        if entry.words:
            self.words.setdefault(entry.words, []).append(entry.no)

    def _unword(self, entry: Entry) -> None:
        if entry.words:
            numbers = self.words[entry.words]
            numbers.remove(entry.no)
            if not numbers:
                del self.words[entry.words]
        entry.words = ""


def fingerprint(post: Post) -> str:
    """Stands for a post's normalised words, also when they have been taken out: equal words, equal
    fingerprints, if there are enough of them to take equal ones for the same post (then it begins with "=").
    Few words could be guessed from theirs; which version they are of is all it says then."""
    if post.mark:
        return post.mark
    return _mark(post.text.plain) or f"-{post.edited}"


@lru_cache(maxsize=64)  # a post's words are looked at several times in a row
def _mark(plain: str) -> str:
    """The fingerprint of words, "" for too few."""
    words = normalised(plain)
    return (
        "" if len(words) < SAME_WORDS else f"={hashlib.blake2b(words.encode(), digest_size=12).hexdigest()}"
    )


def comparable(post: Post) -> str:
    """The fingerprint if there are enough words to compare, else ""."""
    mark = fingerprint(post)
    return mark if mark.startswith("=") else ""


def shown(post: Post) -> tuple[object, ...]:
    """All of a post that readers can see change."""
    return (post.text, post.mark, post.warning, post.media, post.quoted, post.reach, post.url)
