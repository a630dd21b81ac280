"""Keys, addresses, times and cursors of the AT Protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bluesky import ids

STAMPS = st.integers(0, (1 << 53) - 1)


def test_a_known_tid() -> None:
    """The example of atproto.com/specs/tid, whose clock id is not ours."""
    assert ids.time_of("3jzfcijpj2z2a") == 1_688_137_381_887_007


@given(STAMPS)
def test_a_tid_tells_its_stamp(stamp: int) -> None:
    rkey = ids.tid(stamp)
    assert len(rkey) == 13
    assert ids.time_of(rkey) == stamp


@given(STAMPS, STAMPS)
def test_tids_sort_as_their_stamps(one: int, other: int) -> None:
    assert (ids.tid(one) < ids.tid(other)) == (one < other)


@given(st.integers(0, 4_000_000_000_000_000))
def test_an_order_is_recognised_by_key_and_time(stamp: int) -> None:
    assert ids.stamp_of(ids.tid(stamp), ids.iso(stamp)) == stamp
    assert ids.stamp_of(ids.tid(stamp), ids.iso(stamp + 1)) is None


def test_a_post_of_a_person_on_our_account_is_no_order() -> None:
    """An app's TID of the same microsecond has another clock id."""
    stamp = 1_795_000_000_000_000
    theirs = ids.tid(stamp)[:-1] + "2"
    assert ids.time_of(theirs) == stamp
    assert ids.stamp_of(theirs, ids.iso(stamp)) is None
    assert ids.stamp_of("self", ids.iso(stamp)) is None


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_survive(when: int) -> None:
    assert ids.micros(ids.iso(when)) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-07-04T14:38:06.240Z", 1_783_175_886_240_000),
        ("2026-07-04T16:38:06+02:00", 1_783_175_886_000_000),
        ("2026-07-04T14:38:06", 1_783_175_886_000_000),
        ("yesterday", None),
        ("", None),
        (None, None),
        (7, None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_times_as_apps_write_them(text: object, when: int | None) -> None:
    assert ids.micros(text) == when


def test_addresses() -> None:
    uri = "at://did:plc:abc/app.bsky.feed.post/3jzfcijpj2z2a"
    address = ids.address(uri)
    assert address == ids.Address("did:plc:abc", ids.POST, "3jzfcijpj2z2a")
    assert address is not None
    assert address.uri == uri


@pytest.mark.parametrize(
    "text", ["", "at://", "https://bsky.app", "at://nurse.example/app.bsky.feed.post/3j", None, 7]
)
def test_what_is_no_address(text: object) -> None:
    assert ids.address(text) is None


@given(st.integers(0, 1 << 60))
def test_cursors_survive(time_us: int) -> None:
    assert ids.time_us(ids.cursor(time_us)) == time_us


@pytest.mark.parametrize("cursor", ["", "-1", "home/1", "²"])
def test_what_is_no_cursor_of_ours(cursor: str) -> None:
    assert ids.time_us(cursor) is None
