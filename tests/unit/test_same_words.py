"""What is the same words once, and what is edited or removed."""

from __future__ import annotations

import msgspec
import pytest

from bridge.model import MINUTE, SECOND, Author, AuthorGone, Post, Ref, Written
from tests.unit.make import HOST, LONG, Hour, at, edited, journal, person, post


def twins(hour: Hour) -> tuple[Post, Post]:
    one = post("1", f"A1: {LONG} #WardChat", at=hour.now)
    other = post("2", f"{LONG}! #WardChat", network="bluesky", at=hour.now + MINUTE)
    return one, other


def test_the_same_words_on_two_networks_are_one_entry() -> None:
    hour = at(6)
    one, other = twins(hour)
    hour.write(one, other)
    assert len(hour.entries) == 1
    view = hour.session.entry("handovers", 1, "page")
    assert view is not None
    assert [s.network for s in view.sources] == ["mastodon", "bluesky"]
    assert len(hour.mirrored()) == 1


@pytest.mark.parametrize("nameless_first", [True, False])
def test_a_name_told_later_shows_that_two_entries_are_one(nameless_first: bool) -> None:
    """A link that missed who wrote something tells the post again once it knows."""
    hour = at(6)
    one, other = twins(hour)
    nameless = msgspec.structs.replace(
        other, author=msgspec.structs.replace(other.author, name=""), url="https://bluesky.example/unnamed"
    )
    hour.write(*((nameless, one) if nameless_first else (one, nameless)))
    reply = post("3", "So do we #WardChat", by="nurse-03", reply_to=Ref("mastodon", "1"))
    hour.write(reply)
    assert len(hour.entries) == 3
    hour.write(other)
    assert sorted(hour.entries) == [1, 3]
    assert {p.uri for p in hour.entries[1].sources} == {one.uri, other.uri}
    assert hour.entries[3].reply_to == 1
    assert sorted(hour.mirrored()) == [1, 3]


def test_they_part_company_after_an_edit() -> None:
    hour = at(6)
    one, other = twins(hour)
    hour.write(one, other)
    hour.edit(edited(other, "A1: on second thoughts, no #WardChat"))
    assert len(hour.entries) == 2
    assert hour.mirrored() == {1: one.text.plain, 2: "A1: on second thoughts, no #WardChat"}
    hour.remove(one)
    assert hour.mirrored() == {2: "A1: on second thoughts, no #WardChat"}


def test_one_of_two_sources_goes_and_the_words_stay() -> None:
    hour = at(6)
    one, other = twins(hour)
    hour.write(one, other)
    hour.remove(one)
    assert hour.mirrored() == {1: other.text.plain}
    hour.remove(other)
    assert hour.mirrored() == {}
    assert hour.entries == {}


def test_a_verified_copy_follows_its_original_through_edits() -> None:
    hour = at(6)
    one = post("1", "A1: short #WardChat", at=hour.now)
    copy = post("2", "A1: short #WardChat", network="bluesky", by="bridged", original=one.uri, at=hour.now)
    hour.write(copy, one)
    hour.edit(edited(one, "A1: shorter #WardChat"))
    assert len(hour.entries) == 1
    assert hour.mirrored() == {1: "A1: shorter #WardChat"}
    hour.edit(edited(copy, "A1: shorter #WardChat"))
    assert len(hour.entries) == 1


def test_what_came_second_as_the_original_says_where_both_belong() -> None:
    hour = at(16)
    one = post("1", "A1: short #WardChat", at=hour.now)
    copy = post("2", "short #WardChat", network="bluesky", by="bridged", original=one.uri, at=hour.now)
    hour.write(copy)
    assert hour.placed(copy) == ((2,), "time")
    hour.write(one)
    assert hour.placed(copy) == hour.placed(one) == ((1,), "label")


# ---------------------------------------------------------------- edits and removals


def test_removal_before_arrival_wins_and_no_word_is_kept() -> None:
    hour = at(6)
    gone = post("1", "A1: secret #WardChat", at=hour.now)
    hour.remove(gone)
    hour.write(gone)
    hour.edit(edited(gone, "A1: secret still #WardChat"))
    assert hour.entries == {}
    assert "secret" not in journal(hour)


def test_an_older_edit_never_overwrites() -> None:
    hour = at(6)
    first = post("1", "A1: one #WardChat", at=hour.now)
    hour.edit(edited(first, "A1: three #WardChat", 3))
    hour.edit(edited(first, "A1: two #WardChat", 2))
    hour.write(first)
    assert hour.mirrored() == {1: "A1: three #WardChat"}


def test_the_same_news_twice_is_no_event() -> None:
    hour = at(6)
    one = post("1", "A1: one #WardChat", at=hour.now)
    private = post("2", "A1: two #WardChat", reach="limited", at=hour.now)
    hour.write(one, private)
    events = len(hour.events)
    hour.write(one, private)
    hour.edit(one)
    assert len(hour.events) == events


def test_edits_and_removals_are_followed_after_the_chat_is_over() -> None:
    hour = at(6)
    one, other = post("1", "A1: one #WardChat", at=hour.now), post("2", "A1: two #WardChat", at=hour.now)
    hour.write(one, other)
    hour.until(27 * 60)
    assert hour.session.state.chats["handovers"].over
    hour.edit(edited(one, "A1: better #WardChat"))
    hour.remove(other)
    assert hour.mirrored() == {1: "A1: better #WardChat"}
    hour.write(post("3", "A1: too late #WardChat", at=hour.now, reply_to=one.ref))
    assert len(hour.entries) == 1


def test_an_account_takes_its_posts_along() -> None:
    hour = at(6)
    hour.write(*(post(str(n), f"A1: {n} #WardChat", at=hour.now) for n in range(3)))
    hour.write(post("9", "A1: mine #WardChat", by="midwife", at=hour.now))
    hour.arrive(AuthorGone(person("nurse").account))
    assert list(hour.mirrored().values()) == ["A1: mine #WardChat"]
    assert not hour.arrive(AuthorGone("acct:nobody@ward.example"))
    late = post("10", "A1: secret #WardChat", at=hour.now - SECOND)
    hour.write(late)
    assert "secret" not in journal(hour), "what was written before and comes only now is gone as well"
    hour.until(7)
    hour.write(post("11", "A1: back again #WardChat", at=hour.now))
    assert list(hour.mirrored().values()) == ["A1: mine #WardChat", "A1: back again #WardChat"]


def test_a_flood_from_one_person_is_held() -> None:
    hour = at(6)
    hour.write(*(post(str(n), f"A1: {n} #WardChat", at=hour.now) for n in range(9)))
    assert len(hour.mirrored()) == 6
    assert len(hour.notices()) == 3
    hour.until(8)
    hour.write(post("99", "A1: calmer #WardChat", at=hour.now))
    assert len(hour.mirrored()) == 7


def test_whatever_joins_an_entry_or_a_question_is_followed() -> None:
    """Replies to it that bear no tag come only to who follows it."""
    hour = at(6)
    words = f"A1: {LONG} #WardChat"
    hour.write(post("1", words))
    by = Author(HOST, "@wren@ward.example", "Wren")
    asked = post("hq", f"{hour.sheet.questions()[1].text} #WardChat", by=by)
    for joins in (post("2", words, network="bluesky"), asked):
        network = joins.ref.network
        hour.wishes(joins.author.account, network=network)
        event = hour.session.admit(network, Written(joins))
        assert event is not None
        assert network in hour.event(event).follow
        assert joins.ref in hour.session.interest(network).threads
    assert len(hour.entries) == 1
