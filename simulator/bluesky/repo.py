"""The repositories of all accounts, and the log of what was committed to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.bluesky import wire
from simulator.bluesky.wire import Record


@dataclass
class Account:
    """Somebody with a repository."""

    did: str
    handle: str
    short: str  # the name by which the simulated people know it
    active: bool = True
    status: str = ""  # why it is not active
    blocks: bool = False  # has blocked the bridge's account
    record: Record = field(default_factory=dict)  # app.bsky.actor.profile/self


@dataclass
class Stored:
    """A record with what the AppView knows of it. Times are chat time, microseconds."""

    uri: str
    did: str
    collection: str
    rkey: str
    cid: str
    rev: str
    record: Record
    made: int
    indexed: int

    @property
    def is_post(self) -> bool:
        return self.collection == wire.POST

    def linked(self, end: str) -> str | None:
        """The uri of a reply's `root` or `parent`."""
        found = self.record.get("reply", {}).get(end, {}).get("uri")
        return found if isinstance(found, str) else None

    def quoted(self) -> str | None:
        """The uri of what a post quotes, with pictures of its own or without."""
        quote: Record = self.record.get("embed", {}).get("record", {})
        found = quote.get("record", quote).get("uri")
        return found if isinstance(found, str) else None

    def pictures(self) -> tuple[str, ...]:
        """The alt texts of a post's pictures."""
        return tuple(image["alt"] for image in images(self.record))

    def links(self) -> list[str]:
        """The CIDs of the files a post refers to."""
        return [image["image"]["ref"]["$link"] for image in images(self.record)]

    def subject(self) -> str | None:
        """The uri of what a like or repost is about."""
        subject = self.record.get("subject")
        return str(subject.get("uri")) if isinstance(subject, dict) else None

    def named(self) -> set[str]:
        """The uris of the posts this one is about: it answers, quotes, likes or reposts them."""
        return {uri for uri in (self.linked("parent"), self.quoted(), self.subject()) if uri}


class Repos:
    """All records. `committed` is called with (operation, stored) after each commit."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self.records: dict[str, Stored] = {}  # by uri, in the order made
        self._naming: defaultdict[str, dict[str, Stored]] = defaultdict(dict)  # by the uri of what is named
        self.blobs: dict[str, bytes] = {}  # by CID
        self.labels: defaultdict[str, list[str]] = defaultdict(list)  # a labeler's, by the post's uri
        self.committed: list[Callable[[str, Stored], None]] = []
        self._last = 0

    def account(self, name: str) -> Account | None:
        """By DID or handle."""
        by_handle = (a for a in self.accounts.values() if a.handle == name.lower())
        return self.accounts.get(name) or next(by_handle, None)

    def next_tid(self, clock_id: int = 17) -> str:
        """Never the same twice, never backwards."""
        self._last = max(self._last + 1, self.now())
        return wire.tid(self._last, clock_id)

    def replies(self, uri: str) -> list[Stored]:
        """The replies to a post, in the order written."""
        return [stored for stored in self._naming[uri].values() if stored.linked("parent") == uri]

    def quotes(self, uri: str) -> list[Stored]:
        """The quotes of a post."""
        return [stored for stored in self._naming[uri].values() if stored.quoted() == uri]

    def marks(self, uri: str, collection: str) -> list[Stored]:
        """The likes or reposts of a post."""
        return [stored for stored in self._naming[uri].values() if stored.collection == collection]

    def put(self, did: str, collection: str, rkey: str, record: Record) -> tuple[Stored, bool]:
        """Store a record. An identical one makes no commit; False then."""
        uri = f"at://{did}/{collection}/{rkey}"
        cid = wire.cid(record)
        before = self.records.get(uri)
        if before is not None and before.cid == cid:
            return before, False
        now = self.now()
        stored = Stored(
            uri, did, collection, rkey, cid, self.next_tid(), record, before.made if before else now, now
        )
        self.records[uri] = stored
        self._unlink(before)
        for named in stored.named():
            self._naming[named][uri] = stored
        self._tell("update" if before else "create", stored)
        return stored, True

    def delete(self, uri: str) -> Stored | None:
        """Take a record away; None if there is none."""
        stored = self.records.pop(uri, None)
        self._unlink(stored)
        if stored is not None:
            stored.rev = self.next_tid()
            self._tell("delete", stored)
        return stored

    def _unlink(self, stored: Stored | None) -> None:
        if stored is not None:
            for named in stored.named():
                self._naming[named].pop(stored.uri, None)

    def _tell(self, operation: str, stored: Stored) -> None:
        for callback in self.committed:
            callback(operation, stored)


def images(record: Record) -> list[Record]:
    """The pictures in a record, beside a quote or not."""
    embed: Record = record.get("embed", {})
    found: list[Record] = embed.get("media", embed).get("images", [])
    return found
