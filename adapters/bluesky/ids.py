"""Ids of the AT Protocol: record keys made of time, at:// addresses, times, cursors. Made and read only here.

A record key of ours is a TID: 53 bits of microseconds, then 10 bits of clock id, 13 characters of a base32
that sorts as the number does (atproto.com/specs/tid). The microseconds are the order's stamp, so that sending
an order again puts the same record at the same place, and any sight of the post tells which order made it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bridge.model import Cursor, Micros

POST = "app.bsky.feed.post"
PROFILE = "app.bsky.actor.profile"
LIKE = "app.bsky.feed.like"
REPOST = "app.bsky.feed.repost"
GATE = "app.bsky.feed.threadgate"
WEB = "https://bsky.app"

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_VALUE = {digit: n for n, digit in enumerate(_DIGITS)}
_CLOCK_ID = 0x2CB  # tells our TIDs from those of a person's app on the same account
_TID = re.compile(r"[2-7a-j][2-7a-z]{12}")
_ADDRESS = re.compile(r"at://(did:[a-z]+:[\w.:%-]+)/([a-zA-Z0-9.-]+)/([\w.:~-]{1,512})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Address(NamedTuple):
    """The parts of a record's at:// URI."""

    did: str
    collection: str
    rkey: str

    @property
    def uri(self) -> str:
        return uri(self.did, self.rkey, self.collection)


def tid(stamp: Micros) -> str:
    """The record key of the post that the order of `stamp` makes."""
    value = stamp << 10 | _CLOCK_ID
    return "".join(_DIGITS[value >> shift & 31] for shift in range(60, -1, -5))


def time_of(rkey: str) -> Micros | None:
    """When a TID says it was made; None if it is none."""
    return _number(rkey) >> 10 if _TID.fullmatch(rkey) else None


def stamp_of(rkey: str, created: str) -> Micros | None:
    """The stamp of the order that made this post, None if no order of ours did: key and createdAt agree to
    the microsecond only then."""
    if not _TID.fullmatch(rkey) or _number(rkey) & 1023 != _CLOCK_ID:
        return None
    stamp = _number(rkey) >> 10
    return stamp if created == iso(stamp) else None


def _number(rkey: str) -> int:
    number = 0
    for digit in rkey:
        number = number << 5 | _VALUE[digit]
    return number


def uri(did: str, rkey: str, collection: str = POST) -> str:
    return f"at://{did}/{collection}/{rkey}"


def address(at_uri: object) -> Address | None:
    """The parts of an at:// URI whose authority is a DID; None for anything else."""
    found = _ADDRESS.fullmatch(at_uri) if isinstance(at_uri, str) else None
    return Address(*found.groups()) if found else None


def page(who: str, rkey: str) -> str:
    """Where people read a post. `who`: handle, or DID where there is none."""
    return f"{WEB}/profile/{who}/post/{rkey}"


def iso(when: Micros) -> str:
    """Microseconds as createdAt has them."""
    moment = _EPOCH + timedelta(microseconds=when)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def micros(when: object) -> Micros | None:
    """What a server or app says as a time; without a zone it is taken for UTC. None if it is no time
    or before 1970."""
    if not isinstance(when, str):
        return None
    try:
        moment = datetime.fromisoformat(when)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        passed = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    return passed if passed >= 0 else None


def cursor(time_us: Micros) -> Cursor:
    """How far Jetstream has been read: a time, whichever version told it. v2 has sequence numbers too, but
    they are one host's, and after its restart nobody's; a time it takes as well (its lexicon: a cursor from
    1e15 on), and it means the same on every host."""
    return str(time_us)


def time_us(at: Cursor) -> Micros | None:
    """The time of a cursor; None if it is not ours."""
    return int(at) if at.isascii() and at.isdigit() else None
