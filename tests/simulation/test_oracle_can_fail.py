"""An oracle that never speaks proves nothing: what a world recorded is spoilt here, and the oracle says so."""

from __future__ import annotations

import copy

import msgspec
import pytest

from bridge.model import Gathered, Micros, Publish, Text, Words
from tests.simulation.oracle import violations
from tests.simulation.record import Endorsed, Ours, Record, Said, at_home
from tests.simulation.world import simulate

SEED = 16


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Record:
    record = simulate(SEED, tmp_path_factory.mktemp("world"))
    assert violations(record) == []
    return record


@pytest.fixture
def record(good: Record) -> Record:
    return copy.deepcopy(good)


def broken(record: Record) -> set[str]:
    return {invariant for invariant, _ in violations(record)}


def mirrored(record: Record) -> Ours:
    """A message that shows one post."""
    return next(o for o in record.ours if isinstance(o.content, Gathered) and len(o.content.cards) == 1)


def question(record: Record, number: int, network: str = "mastodon") -> Ours:
    return next(o for o in record.ours if o.network == network and o.words.startswith(f"Q{number} "))


def mastodon_post(record: Record) -> Said:
    """One that everybody sees."""
    assert record.page is not None
    shown = {at_home(s.network, s.id) for e in record.page.entries for s in e.sources if e.text}
    return next(
        s for s in record.said if s.network == "mastodon" and ("mastodon", s.id) in shown and not s.twin
    )


def test_a_post_is_not_in_the_mirror(record: Record) -> None:
    mirrored(record).contents.append((0, None))
    assert broken(record) == {"every_post_once_in_the_mirror"}


def test_a_post_is_in_the_mirror_twice(record: Record) -> None:
    record.ours.append(mirrored(record))
    assert "every_post_once_in_the_mirror" in broken(record)


def test_an_edit_did_not_reach_the_mirror(record: Record) -> None:
    message = mirrored(record)
    assert isinstance(message.content, Gathered)
    said = next(s for s in record.said if s.mark in message.content.cards[0].text.plain)
    said.marks.append("w9999w")
    assert {"every_post_once_in_the_mirror", "the_hosts_read_what_is_there"} <= broken(record)


def test_a_removal_reached_nothing(record: Record) -> None:
    mastodon_post(record).deleted = record.ends
    assert {
        "every_post_once_in_the_timeline",
        "every_post_once_on_the_page",
        "every_post_once_in_the_mirror",
    } <= broken(record)


def test_a_post_is_no_entry(record: Record) -> None:
    said = copy.copy(mastodon_post(record))
    said.id = "m9999"
    record.said.append(said)
    assert "every_post_once_in_the_timeline" in broken(record)


def test_a_post_seen_on_two_servers_is_two_entries(record: Record) -> None:
    said = mastodon_post(record)
    assert record.hosts is not None
    entry = next(
        e for e in record.hosts.entries if any(at_home(s.network, s.id)[1] == said.id for s in e.sources)
    )
    there = (msgspec.structs.replace(entry.sources[0], network="north", id=f"n-{said.id}"),)
    again = msgspec.structs.replace(entry, no=9999, sources=there)
    record.hosts = msgspec.structs.replace(record.hosts, entries=(*record.hosts.entries, again))
    assert "every_post_once_in_the_timeline" in broken(record)


def test_what_does_not_belong_is_an_entry(record: Record) -> None:
    said = mastodon_post(record)
    said.tagged, said.reply_to = False, None
    assert "every_post_once_in_the_timeline" in broken(record)


def test_what_was_taken_back_is_shown_later(record: Record) -> None:
    said = mastodon_post(record)
    record.told.append((said.at, said.mark))
    record.displayed.append((said.at + 60_000_000, said.text))
    assert broken(record) == {"what_was_taken_back_is_not_shown_again"}


def test_withheld_words_are_shown(record: Record) -> None:
    mastodon_post(record).reach = "limited"
    assert {"withheld_words_stay", "the_hosts_read_what_is_there"} <= broken(record)


def test_withheld_words_are_in_the_journal(record: Record) -> None:
    said = copy.copy(mastodon_post(record))
    said.id, said.reach, said.tagged, said.reply_to, said.marks = "m9999", "direct", False, None, ["w9999w"]
    record.said.append(said)
    assert broken(record) == set()
    record.journal += b" w9999w "
    assert broken(record) == {"withheld_words_stay"}


def test_forgotten_words_are_in_the_journal(record: Record) -> None:
    mastodon_post(record).by.forgotten = True
    assert "forgotten_words_are_gone" in broken(record)


def test_words_from_a_room_are_on_the_page_unasked(record: Record) -> None:
    said = next(s for s in record.said if s.network == "slack" and not s.twin and not s.command)
    record.rooms_public = "no"
    record.displayed.append((0, said.text))
    assert "who_is_in_a_room_decides_for_the_page" in broken(record)


def test_who_was_moved_is_not_where_the_hosts_said(record: Record) -> None:
    assert record.hosts is not None
    placed = {s.id: e.questions for e in record.hosts.entries for s in e.sources}
    said = next(s for s in record.said if s.label and "Q1" not in placed.get(s.id, ("Q1",)))
    record.moved.add(said.mark)
    assert broken(record) == {"labels_are_obeyed"}


def test_two_questions_change_places(record: Record) -> None:
    first, second = question(record, 1), question(record, 2)
    first.contents, second.contents = second.contents, first.contents
    assert "questions_in_order" in broken(record)


def test_a_question_comes_twice(record: Record) -> None:
    record.ours.append(question(record, 2, "bluesky"))
    assert broken(record) == {"each_item_once"}


def test_a_question_never_comes_and_nobody_is_told(record: Record) -> None:
    record.ours.remove(question(record, 2, "bluesky"))
    assert "each_item_once" in broken(record)


def test_something_is_liked_that_nobody_wanted_liked(record: Record) -> None:
    said = mastodon_post(record)
    record.endorsed.append(Endorsed("mastodon", said.id, "like"))
    assert broken(record) == {"likes_stand_only_where_hosts_want_them"}


def test_something_is_not_liked_that_a_host_wanted_liked(record: Record) -> None:
    record.liked.add(mastodon_post(record).mark)
    assert broken(record) == {"likes_stand_only_where_hosts_want_them"}


def test_a_post_of_ours_is_an_entry(record: Record) -> None:
    assert record.page is not None
    source = record.page.entries[0].sources[0]
    record.ours.append(Ours(source.network, source.id, "chat", 0, 0, [(0, Words(Text("us")))]))
    assert "nothing_of_ours_is_an_entry" in broken(record)


def test_a_label_is_not_obeyed(record: Record) -> None:
    assert record.hosts is not None
    entries = tuple(msgspec.structs.replace(e, questions=()) for e in record.hosts.entries)
    record.hosts = msgspec.structs.replace(record.hosts, entries=entries)
    assert broken(record) == {"labels_are_obeyed"}


def test_the_page_missed_a_change(record: Record) -> None:
    record.followed.popitem()
    assert broken(record) == {"a_followed_page_is_right"}


def test_a_replay_gives_something_else(record: Record) -> None:
    record.replays.append(("a crash", "one", "other"))
    assert broken(record) == {"replay_equals_live"}


def test_something_was_sent_too_late(record: Record) -> None:
    tried = next(t for t in record.tried if t.not_after is not None)
    tried.not_after = tried.at - 1
    assert broken(record) == {"nothing_is_sent_too_late"}


def test_two_messages_were_too_close(record: Record) -> None:
    first = next(t for t in record.tried if t.network == "slack" and isinstance(t.op, Publish))
    closer: Micros = first.at + 999_999
    other = copy.copy(first)
    other.at = closer
    record.tried.insert(record.tried.index(first) + 1, other)
    assert "messages_keep_their_distance" in broken(record)


@pytest.mark.parametrize("kept", ["open_orders", "set_aside", "errors", "tasks"])
def test_something_is_left(record: Record, kept: str) -> None:
    getattr(record, kept).append("this")
    assert broken(record) == {"everything_ends"}
