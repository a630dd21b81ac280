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
        embed = self.record.get("embed", {})
        found = embed.get("record", {}).get("uri") if embed.get("$type") == "app.bsky.embed.record" else None
        return found if isinstance(found, str) else None


class Repos:
    """All records. `committed` is called with (operation, stored) after each commit."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self.records: dict[str, Stored] = {}  # by uri, in the order made
        self.replies: defaultdict[str, list[Stored]] = defaultdict(list)  # by their parent's uri
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
        if parent := stored.linked("parent"):
            self.replies[parent].append(stored)
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
        if stored is not None and (parent := stored.linked("parent")):
            self.replies[parent].remove(stored)

    def _tell(self, operation: str, stored: Stored) -> None:
        for callback in self.committed:
            callback(operation, stored)
