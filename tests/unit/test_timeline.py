"""The merged timeline: whatever order news comes in, the same posts stand in it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.timeline import SAME_TIME, SAME_WORDS, Entry, Timeline, comparable, key
from bridge.model import MINUTE, SECOND, Post, Ref, Text
from tests.unit.make import LONG, STARTS, Hour, person, post

AT = STARTS + 7 * MINUTE


def same(one: Post, other: Post) -> bool:
    return one.author.name == other.author.name


def edited(what: Post, words: str, edit: int = 1, **more: Any) -> Post:
    return msgspec.structs.replace(what, text=Text(words), edited=what.at + edit * SECOND, **more)


def sound(timeline: Timeline) -> None:
    """The indexes say what the entries say."""
    uris = {p.uri: e.no for e in timeline.entries.values() for p in e.sources}
    assert {u: n for u, n in timeline.uris.items() if not u.startswith("copy of ")} == uris
    assert all(e.sources for e in timeline.entries.values())
    assert sum(len(e.sources) for e in timeline.entries.values()) == len(uris)
    indexed = sorted((n, words) for words, numbers in timeline.words.items() for n in numbers)
    assert indexed == sorted((e.no, e.words) for e in timeline.entries.values() if e.words)
    assert all(e.words == comparable(e.first) for e in timeline.entries.values())
    for entry in timeline.entries.values():
        for source in entry.sources:
            assert timeline.at(source.ref) is entry
            assert timeline.source(source.ref) is source


# ---------------------------------------------------------------- one post


def test_a_post_is_known_by_its_uri_wherever_it_is_seen() -> None:
    timeline = Timeline()
    here = post("1", "hello")
    entry = timeline.add(here)
    there = msgspec.structs.replace(here, ref=Ref("second", "99"))
    assert timeline.knows(there)
    timeline.alias(there)
    assert timeline.at(there.ref) is entry
    assert timeline.source(there.ref) is here
    sound(timeline)


def test_an_edit_replaces_the_words_and_keeps_the_place() -> None:
    timeline = Timeline()
    first = post("1", "helo", at=AT)
    entry = timeline.add(first)
    assert timeline.replace(entry, edited(first, "hello", at=AT + MINUTE, seen=AT + MINUTE))
    assert (entry.first.text.plain, entry.first.at, entry.revision) == ("hello", AT, 2)
    sound(timeline)


def test_an_older_edit_never_overwrites() -> None:
    timeline = Timeline()
    first = post("1", "one", at=AT)
    entry = timeline.add(first)
    timeline.replace(entry, edited(first, "three", 3))
    assert not timeline.replace(entry, edited(first, "two", 2))
    assert not timeline.replace(entry, first)
    assert (entry.first.text.plain, entry.revision) == ("three", 2)


def test_another_servers_sight_of_the_same_version_is_no_edit() -> None:
    timeline = Timeline()
    first = post("1", "@ann hello")
    entry = timeline.add(first)
    there = msgspec.structs.replace(first, ref=Ref("second", "99"), text=Text("@ann@ward.example hello"))
    timeline.alias(there)
    assert not timeline.replace(entry, there)
    assert (entry.first.text.plain, entry.revision) == ("@ann hello", 1)


def test_an_edit_that_shows_nothing_new_is_none() -> None:
    timeline = Timeline()
    first = post("1", "hello")
    entry = timeline.add(first)
    assert not timeline.replace(entry, edited(first, "hello"))
    assert entry.revision == 1


def test_a_removal_takes_the_last_source_and_the_entry() -> None:
    timeline = Timeline()
    one = post("1", "hello")
    entry = timeline.add(one)
    assert timeline.remove(one.ref, AT) is entry
    assert timeline.entries == {}
    assert timeline.is_removed(one)
    assert timeline.is_removed(
        msgspec.structs.replace(one, ref=Ref("second", "99"))
    )  # the same post elsewhere
    assert timeline.remove(one.ref, AT) is None
    sound(timeline)


def test_a_removal_wins_before_its_post_arrives() -> None:
    timeline = Timeline()
    one = post("1", "hello")
    assert timeline.remove(one.ref, AT) is None
    assert timeline.is_removed(one)


# ---------------------------------------------------------------- the same words


@pytest.mark.parametrize(
    ("other", "merges"),
    [
        (post("2", f"{LONG}!", network="bluesky", at=AT), True),
        (post("2", f"A1: {LONG.upper()} https://a.example", network="bluesky", at=AT), True),
        (post("2", LONG, network="bluesky", at=AT + SAME_TIME), True),
        (post("2", LONG, network="bluesky", at=AT - SAME_TIME), True),
        (post("2", LONG, network="bluesky", at=AT + SAME_TIME + 1), False),
        (post("2", LONG, at=AT), False),  # the same network: a repetition is two posts
        (post("2", LONG, network="bluesky", by="midwife", at=AT), False),
        (post("2", f"{LONG} indeed", network="bluesky", at=AT), False),
        (post("2", "", network="bluesky", at=AT), False),
    ],
)
def test_the_same_words_once(other: Post, merges: bool) -> None:
    timeline = Timeline()
    entry = timeline.add(post("1", LONG, at=AT))
    assert (timeline.twin(other, same) is entry) is merges


def test_few_words_are_anybodys() -> None:
    timeline = Timeline()
    words = "x" * (SAME_WORDS - 1)
    entry = timeline.add(post("1", words))
    assert timeline.twin(post("2", words, network="bluesky"), same) is None
    timeline.replace(entry, edited(entry.first, words + "x"))
    assert timeline.twin(post("2", words + "x", network="bluesky"), same) is entry


@pytest.mark.parametrize("first", ["original", "copy"])
def test_a_verified_copy_joins_its_original_whichever_came_first(first: str) -> None:
    timeline = Timeline()
    original = post("1", "short")
    copy = post(
        "2", "short, as the bridge shows it", network="bluesky", by="nurse_bridge", original=original.uri
    )
    one, other = (original, copy) if first == "original" else (copy, original)
    entry = timeline.add(one)
    assert timeline.twin(other, same) is entry
    timeline.join(entry, other)
    assert entry.first is original  # it leads: its edits are the ones people see
    sound(timeline)
    timeline.remove(original.ref, AT)
    assert entry.sources == [copy]
    sound(timeline)
    timeline.remove(copy.ref, AT)
    assert timeline.twin(original, same) is None
    sound(timeline)


def test_two_copies_of_one_post_are_its_copies_one_by_one() -> None:
    timeline = Timeline()
    original = post("1", "short")
    copies = [
        post(n, "short", network=net, by="b", original=original.uri)
        for n, net in (("2", "bluesky"), ("3", "second"))
    ]
    entry = timeline.add(original)
    for copy in copies:
        timeline.join(entry, copy)
    timeline.remove(copies[0].ref, AT)
    timeline.remove(original.ref, AT)
    assert timeline.twin(original, same) is entry
    sound(timeline)


# ---------------------------------------------------------------- any order

NAMES = ("ann", "ben")
PLACES = [("mastodon", str(n)) for n in range(3)] + [("bluesky", str(n)) for n in range(2)]
WORDS = (LONG, "short", f"{LONG} and then some more")
Act = tuple[Literal["write", "remove"], tuple[str, str], int]
acts = st.tuples(
    st.sampled_from(["write", "write", "write", "remove"]), st.sampled_from(PLACES), st.integers(0, 3)
)


def version(place: tuple[str, str], edit: int) -> Post:
    network, id_ = place
    words = WORDS[(edit + int(id_)) % 3]
    by = person(NAMES[int(id_) % 2], network)
    return post(id_, f"{words} #WardChat", network=network, by=by, at=AT, edited=edit * SECOND)


@given(st.lists(acts, max_size=12), st.randoms(use_true_random=False))
def test_any_order_of_news_ends_in_the_same_posts(news: list[Act], random: object) -> None:
    """Versions and removals come late, twice, and in any order: at the end the newest version of each post
    that was not removed stands in the timeline once."""
    orders = [list(news), list(news), list(news) * 2]
    random.shuffle(orders[1])  # type: ignore[attr-defined]  # a random.Random
    random.shuffle(orders[2])  # type: ignore[attr-defined]  # likewise
    expected: dict[str, str] = {}
    for _, place, _ in news:
        if not any(a == "remove" and p == place for a, p, _ in news):
            newest = version(place, max(e for a, p, e in news if p == place))
            expected[key(newest.ref)] = newest.text.plain
    for order in orders:
        hour = Hour()
        hour.until(6)
        for act, place, edit in order:
            what = version(place, edit)
            if act == "remove":
                hour.remove(what)
            elif edit:
                hour.edit(what)
            else:
                hour.write(what)
        sources = [p for e in hour.entries.values() for p in e.sources]
        assert {key(p.ref): p.text.plain for p in sources} == expected
        assert len(sources) == len(expected)
        sound(hour.timeline)


def test_entries_are_numbered_once() -> None:
    timeline = Timeline()
    numbers = []
    for n in range(4):
        one = post(str(n), "hello")
        numbers.append(timeline.add(one).no)
        if n % 2:
            timeline.remove(one.ref, AT)
    assert numbers == [1, 2, 3, 4]
    assert isinstance(timeline.entries[1], Entry)
