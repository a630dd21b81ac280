"""What happened on the whole network, as Jetstream tells it: a log, and each event in both of its wordings.

v1 is one flat object a frame; v2 (lexicon network.bsky.jetstream.subscribeEvents) wraps it in a message with a
sequence number, which is its host's own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from simulator.bluesky import wire
from simulator.bluesky.repo import Stored
from simulator.bluesky.wire import Record

SECOND = 1_000_000
MOST = 50_000  # events kept
EVENTS = "network.bsky.jetstream.subscribeEvents"
STRANGERS = tuple(wire.did(f"stranger {n}") for n in range(200))
SMALL_TALK = (
    "the bus is late again, of course",
    "soup weather ☁️ and nobody to share it with",
    "今日は雨でした。傘を忘れた",
    "new hinges on the garden gate, very proud #allotment",
    "does anyone still repair umbrellas? #lostcrafts #repair",
    "Ich glaube, die Katze kann lesen",
)


@dataclass(frozen=True)
class Event:
    """One thing that happened. `body` is what stands under the name of its `kind`. Struck by a fault it is
    `torn`: sent only in half."""

    kind: str  # commit, account, identity, sync
    did: str
    at: int
    body: Record
    torn: bool = False

    @property
    def collection(self) -> str | None:
        """Of a commit."""
        found = self.body.get("collection") if self.kind == "commit" else None
        return found if isinstance(found, str) else None

    def v1(self, at: int) -> str:
        """As `/subscribe` sends it. `at`: when the host says it saw it."""
        return self._text({"did": self.did, "time_us": at, "kind": self.kind, self.kind: self.body})

    def v2(self, at: int, seq: int) -> str:
        """As `subscribeEvents` sends it. `seq`: its number on this host."""
        when = wire.iso_us(at)
        head = {
            "$type": f"{EVENTS}#{self.kind}",
            "seq": seq,
            "did": self.did,
            "time": when,
            "witnessedAt": when,
        }
        if self.kind == "commit":
            first = ("rev", "operation", "collection", "rkey", "cid", "record")
            body = {key: self.body[key] for key in first if key in self.body}
        else:
            body = {self.kind: self.body}
        return self._text({"$type": "message", "payload": head | body})

    def _text(self, frame: Record) -> str:
        text = wire.as_go_writes(frame)
        return text[: len(text) // 2] if self.torn else text


def commit(operation: str, stored: Stored, at: int, rev: str | None = None) -> Event:
    """A record was made, changed or taken away. `rev`: if not the repository's present one."""
    body: Record = {
        "rev": rev or stored.rev,
        "operation": operation,
        "collection": stored.collection,
        "rkey": stored.rkey,
    }
    if operation != "delete":
        body |= {"record": dict(sorted(stored.record.items())), "cid": stored.cid}
    return Event("commit", stored.did, at, body)


class Log:
    """The events in the order they are told, each with a position; the oldest are forgotten."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self.start = 0  # position of the oldest event kept

    @property
    def end(self) -> int:
        """The position of the next event."""
        return self.start + len(self._events)

    def append(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > 2 * MOST:
            self.start += len(self._events) - MOST
            del self._events[:-MOST]

    def read(self, position: int) -> Iterator[tuple[int, Event]]:
        """The events from a position on, also those that come meanwhile."""
        position = max(position, self.start)
        while position < self.end:
            yield position, self._events[position - self.start]
            position += 1

    def since(self, at: int) -> int:
        """The position from which on everything that happened at `at` or later is told: swapped neighbours
        share the later one's time."""
        last = 0
        for position, event in self.read(self.start):
            last = max(last, event.at)
            if last >= at:
                return position
        return self.end


def elsewhere(rng: random.Random, now: int) -> Event:
    """Something that is none of the chat's business: a like, a stranger's post or reply, a removal, or a
    repository that lost its thread (which v1 does not tell)."""
    uri = f"at://{rng.choice(STRANGERS)}/{wire.POST}/{wire.tid(now - 60 * SECOND, rng.randrange(1024))}"
    ref = {"cid": wire.cid({"uri": uri}), "uri": uri}
    kind = rng.choice(("like", "post", "reply", "gone", "sync"))
    author = rng.choice(STRANGERS)
    if kind == "sync":
        body: dict[str, Any] = {
            "blocks": "",
            "did": author,
            "rev": wire.tid(now),
            "seq": 1,
            "time": wire.iso(now),
        }
        return Event("sync", author, now, body)
    collection = wire.LIKE if kind == "like" else wire.POST
    record: Record = {"$type": collection, "createdAt": wire.iso(now)}
    if kind == "like":
        record["subject"] = ref
    else:
        record |= {"langs": ["en"], "text": rng.choice(SMALL_TALK)}
        record["facets"] = wire.facets(record["text"], {})
    if kind == "reply":
        record["reply"] = {"parent": ref, "root": ref}
    rkey = wire.tid(now, rng.randrange(1024))
    stored = Stored(uri, author, collection, rkey, wire.cid(record), wire.tid(now), record, now, now)
    return commit("delete" if kind == "gone" else "create", stored, now)


def torn(event: Event) -> Event:
    """The same, cut in the middle."""
    return replace(event, torn=True)
