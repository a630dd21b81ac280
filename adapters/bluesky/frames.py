"""Jetstream's frames, in both of its versions. Pure.

v1 (`/subscribe`, github.com/bluesky-social/jetstream): one flat object. v2 (lexicon
network.bsky.jetstream.subscribeEvents): a message with a payload. A frame is looked at as bytes first: its
head, which each version writes in one order, tells who did what to which record; few need to be decoded.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from adapters.bluesky import ids
from bridge.model import Micros

_V1 = re.compile(
    rb'\{"did":"([^"]+)","time_us":(\d+),(?:"cursor":\d+,)?"kind":"\w+"'
    rb'(?:,"commit":\{"rev":"(\w+)","operation":"(\w+)","collection":"([\w.]+)","rkey":"([^"]+)")?'
)
_V2 = re.compile(
    rb'\{"\$type":"message","payload":\{"\$type":"network\.bsky\.jetstream\.subscribeEvents#\w+"'
    rb',"seq":\d+,"did":"([^"]+)","time":"([^"]+)"(?:,"witnessedAt":"([^"]+)")?'
    rb'(?:,"rev":"(\w+)","operation":"(\w+)","collection":"([\w.]+)","rkey":"([^"]+)")?'
)


class Head(NamedTuple):
    """What a frame's first bytes tell, left as bytes: it is made of every frame there is. The last four are
    empty unless it is a commit."""

    did: bytes
    time_us: Micros
    rev: bytes
    operation: bytes
    collection: bytes
    rkey: bytes

    @property
    def author(self) -> str:
        return self.did.decode()

    @property
    def uri(self) -> str:
        """Of the record that a commit is about."""
        return ids.uri(self.did.decode(), self.rkey.decode(), self.collection.decode())


class Commit(msgspec.Struct):
    operation: str
    collection: str
    rkey: str
    rev: str = ""
    cid: str = ""
    record: dict[str, Any] | None = None


class Status(msgspec.Struct):
    active: bool
    status: str = ""


class Frame(msgspec.Struct):
    """A whole frame, whichever version it came in."""

    did: str
    time_us: Micros
    kind: str
    commit: Commit | None = None
    account: Status | None = None


class _Payload(Commit):
    type: str = msgspec.field(name="$type", default="")
    did: str = ""
    time: str = ""
    witnessed: str = msgspec.field(name="witnessedAt", default="")
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    account: Status | None = None


class _Message(msgspec.Struct):
    payload: _Payload


def head(raw: bytes) -> Head | None:
    """None if the frame is unreadable, cut short, or has its keys in another order: then only `decoded` can
    tell."""
    if not raw.endswith(b"}}"):
        return None
    if found := _V1.match(raw):
        did, time_us, rev, operation, collection, rkey = found.groups(b"")
        return Head(did, int(time_us), rev, operation, collection, rkey)
    if found := _V2.match(raw):
        did, time, witnessed, rev, operation, collection, rkey = found.groups(b"")
        at = ids.micros((witnessed or time).decode())
        return None if at is None else Head(did, at, rev, operation, collection, rkey)
    return None


def decoded(raw: bytes) -> Frame:
    """Raises ValueError (msgspec's errors are ones) for what is no frame."""
    if not raw.startswith(b'{"$type"') and b'"payload"' not in raw[:32]:
        return msgspec.json.decode(raw, type=Frame)
    payload = msgspec.json.decode(raw, type=_Message).payload
    at = ids.micros(payload.witnessed or payload.time)
    if at is None or not payload.did:
        raise ValueError("a message without time or repository")
    kind = payload.type.rpartition("#")[2]
    return Frame(payload.did, at, kind, payload if kind == "commit" else None, payload.account)
