"""Which question a post answers, what it quotes, and what never enters."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from bridge.chat.state import Tick
from bridge.model import (
    Gathered,
    Ref,
    Sent,
)
from bridge.settings import Net
from tests.unit.make import (
    HOST,
    LIMITS,
    LONG,
    NETS,
    STARTS,
    Hour,
    at,
    community,
    edited,
    person,
    post,
)

# ---------------------------------------------------------------- placing


@pytest.mark.parametrize(
    ("minute", "words", "expected"),
    [
        (2, "hello all #WardChat", ((), "time")),  # before Q1
        (2, "A1: early #WardChat", ((), "time")),  # not asked yet
        (6, "we listen #WardChat", ((1,), "time")),
        (6, "A1: we listen #WardChat", ((1,), "label")),
        (16, "A1: we listen #WardChat", ((1,), "label")),
        (15.5, "we listen #WardChat", ((1,), "time")),  # grace
        (16, "we listen #WardChat", ((2,), "time")),
        (16, "A1, A2: both #WardChat", ((1, 2), "label")),
        (16, "A1, A3: one was not asked #WardChat", ((1,), "label")),
    ],
)
def test_placed_by_label_or_clock(minute: float, words: str, expected: Any) -> None:
    hour = at(minute)
    answer = post("1", words, at=hour.now)
    hour.write(answer)
    assert hour.placed(answer) == expected


def test_placed_by_thread_up_to_a_question_on_any_network() -> None:
    hour = at(16)
    answer = post("1", "we listen", at=hour.now, reply_to=hour.copy_of("q1"))
    reply = post("2", "so do we", by="midwife", at=hour.now, reply_to=answer.ref)
    quote = post("3", "this!", network="bluesky", at=hour.now, quotes=(hour.copy_of("q1", "bluesky"),))
    label = post("4", "A2: rather", at=hour.now, reply_to=answer.ref)
    greeting = post("5", "thanks for having us", at=hour.now, reply_to=hour.copy_of("welcome"))
    hour.write(answer, reply, quote, label, greeting)
    assert hour.placed(answer) == hour.placed(reply) == hour.placed(quote) == ((1,), "thread")
    assert hour.placed(label) == ((2,), "label")
    assert hour.placed(greeting) == ((2,), "time")
    assert [e.reply_to for e in hour.entries.values()] == [None, 1, None, 1, None]


def test_a_reply_that_came_before_what_it_answers_is_placed_again() -> None:
    """A server may tell the younger post first; until the older one is here only the clock can place it."""
    hour = at(16)
    first = post("1", "A1: we listen #WardChat", at=hour.now)
    reply = post("2", "so do we #WardChat", by="midwife", at=hour.now, reply_to=first.ref)
    further = post("3", "and we #WardChat", by="nurse-03", at=hour.now, reply_to=reply.ref)
    moved = post("4", "us too #WardChat", by="nurse-04", at=hour.now, reply_to=first.ref)
    hour.write(reply, further, moved)
    assert "Q2" in hour.command("move", "3 Q2")
    assert [hour.placed(p)[0] for p in (reply, further, moved)] == [(2,), (2,), (2,)]
    hour.write(first)
    assert [hour.placed(p)[0] for p in (reply, further, moved)] == [(1,), (1,), (2,)]
    assert not hour._chat.orphans


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_what_hangs_on_what_comes_later_is_placed_alike_in_any_order(order: tuple[int, ...]) -> None:
    """Also what joined a bridge's copy that was there already, and what says itself which question it answers."""
    hour, words = at(16), f"{LONG} #WardChat"
    above = post("70", "A1: first things first #WardChat", by="anneli", at=hour.now)
    below = post("71", words, by="wilhelm", at=hour.now, reply_to=above.ref)
    copy = post("72", words, by="wilhelm-b", network="bluesky", at=hour.now, original=below.uri)
    labelled = post("73", "A2: and another #WardChat", by="joelle", at=hour.now, reply_to=above.ref)
    for n in order:
        hour.write((above, below, copy, labelled)[n])
    parent = hour.entry(above)
    assert parent is not None
    assert hour.entry(below) is hour.entry(copy)
    for said, expected in ((below, ((1,), "thread")), (labelled, ((2,), "label"))):
        entry = hour.entry(said)
        assert entry is not None
        assert entry.reply_to == parent.no
        assert hour.placed(said) == expected


def test_an_answer_composed_on_the_page_names_its_entry() -> None:
    hour = at(6)
    first = post("1", "A1: we listen #WardChat", at=hour.now)
    hour.write(first)
    hour.until(16)
    composed = post("2", ">1 so do we #WardChat", network="bluesky", at=hour.now)
    private = post("3", ">1 so do we, in private #WardChat", reach="limited", at=hour.now)
    hour.write(composed, private)
    for answer in (composed, private):
        assert hour.placed(answer) == ((1,), "label")
        entry = hour.entry(answer)
        assert entry is not None
        assert entry.reply_to == 1


def test_an_answer_in_the_thread_of_a_merged_message() -> None:
    """In Slack people answer under the message that shows an entry."""
    hour = at(16)
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    (shown,) = [i for i, m in hour.standing["slack"].items() if isinstance(m, Gathered)]
    answer = post("9", "so do we", network="slack", at=hour.now, reply_to=Ref("slack", shown), tags=())
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "thread")


def test_the_question_open_on_that_network_counts() -> None:
    hour = at(4)
    hour.down.add("mastodon")
    hour.until(6)
    here = post("1", "we listen #WardChat", at=hour.now)
    there = post("2", "we listen too #WardChat", network="bluesky", at=hour.now)
    hour.write(here, there)
    assert hour.placed(here) == ((), "time"), "nobody on Mastodon has seen Q1"
    assert hour.placed(there) == ((1,), "time")


def test_people_of_a_read_only_network_read_the_questions_elsewhere() -> None:
    second = Net("second", "mastodon", "Mastodon", LIMITS["mastodon"], post=False)
    hour = Hour(community(networks=(*NETS, second)))
    hour.until(6)
    answer = post("1", "we listen #WardChat", network="second", at=hour.now)
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "time")


def test_when_a_question_settles_late_its_answers_are_placed_again() -> None:
    hour = at(14)
    early = post("0", "A1: first #WardChat", at=hour.now)
    hour.write(early)
    hour.down.add("mastodon")
    hour.until(15)  # Q2 is posted there, but its answer is lost on the way
    asked = hour.now
    hour.until(16.5)
    answers = [
        post("1", "we listen #WardChat", at=hour.now),
        post("2", "A2: we listen, twice #WardChat", at=hour.now),
        post("3", "A1, A2: both #WardChat", at=hour.now),
        post(
            "4",
            "under the copy nobody knows of yet #WardChat",
            at=hour.now,
            reply_to=Ref("mastodon", "q2-copy"),
        ),
    ]
    hour.write(*answers)
    assert hour.placed(answers[0]) == ((1,), "time")
    order = next(o for o in hour.queued if o.item == "q2")
    hour.made[order.id] = "q2-copy"
    hour.settle(order, Sent(Ref("mastodon", "q2-copy"), "mastodon:q2-copy", at=asked))
    assert [hour.placed(a)[0] for a in answers] == [(2,), (2,), (1, 2), (2,)]
    assert hour.placed(early) == ((1,), "label")


def test_a_hosts_move_overrides_all() -> None:
    hour = at(16)
    answer = post("1", "A2: we listen #WardChat", at=hour.now)
    hour.write(answer)
    assert hour.command("move", "1 Q1") == "Done: entry 1 moves to Q1."
    hour.edit(edited(answer, "A2: we listen more #WardChat"))
    assert hour.placed(answer) == ((1,), "host")
    assert (
        hour.command("move", "1 Q3") == "Say to which question it belongs: move 42 Q3 (one that was asked)."
    )
    assert hour.command("move") == "Say which one: move 42 Q3"
    assert hour.command("move", "99 Q1") == "There is no entry 99. It may be gone already."


def test_after_the_close_it_is_late() -> None:
    hour = at(62)
    answer = post("1", "A3: after all #WardChat", at=hour.now)
    hour.write(answer)
    view = hour.session.entry("handovers", 1, "page")
    assert view is not None
    assert (view.heading, view.questions) == ("A3, late · 1", ("Q3",))


# ---------------------------------------------------------------- quotes


def test_what_a_post_quotes_is_linked_unless_it_is_the_question() -> None:
    hour = at(6)
    page = "https://elsewhere.example/7"
    quotes = {
        "1": (hour.copy_of("q1"),),
        "2": (Ref("mastodon", "strangers"),),
    }
    hour.write(
        *(
            post(n, f"A1: look, {n} #WardChat", at=hour.now, quotes=refs, quoted=page)
            for n, refs in quotes.items()
        )
    )
    assert [c.quoted for c in hour.cards()] == [None, page]
    views = [hour.session.entry("handovers", no, "page") for no in (1, 2)]
    assert [v.quoted for v in views if v] == [None, page]


def test_an_edit_that_changes_only_what_is_quoted_is_seen() -> None:
    hour = at(6)
    first = post("1", "A1: look #WardChat", at=hour.now)
    hour.write(first)
    again = msgspec.structs.replace(first, quoted="https://elsewhere.example/7", edited=hour.now)
    hour.edit(again)
    assert [c.quoted for c in hour.cards()] == ["https://elsewhere.example/7"]


# ---------------------------------------------------------------- questions by hand, our own posts


def test_a_question_posted_by_hand_is_an_alias() -> None:
    hour = at(6)
    by_hand = post("1", f"Q1: {hour.sheet.items[1].text} #WardChat", by="wren", at=hour.now)
    assert by_hand.author.account == HOST
    hour.write(by_hand)
    assert hour.entries == {}
    hour.until(16)
    answer = post("2", "we listen", at=hour.now, reply_to=by_hand.ref)
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "thread")
    events = len(hour.events)
    hour.write(by_hand)
    assert len(hour.events) == events, "it is not news a second time"


def test_others_may_quote_a_question_in_full() -> None:
    hour = at(6)
    repeated = post("1", f"Q1: {hour.sheet.items[1].text} #WardChat", at=hour.now)
    hour.write(repeated)
    assert hour.entry(repeated) is not None


def test_our_own_accounts_never_enter_on_any_server() -> None:
    hour = at(6)
    for network in ("mastodon", "bluesky", "slack"):
        for ours in ("our:mastodon", "our:bluesky", "our:slack"):
            by = msgspec.structs.replace(person("x"), account=ours)
            hour.write(post("1", "#WardChat hello", network=network, by=by, at=hour.now))
    assert hour.entries == {}


def test_a_bridges_copy_of_our_own_post_never_enters() -> None:
    hour = at(6)
    uri = f"mastodon:{hour.copy_of('q1').id}"
    copy = post("1", "Q1 What? #WardChat", network="bluesky", by="bridged", original=uri, at=hour.now)
    hour.write(copy)
    assert hour.entries == {}


def test_nor_does_one_that_names_its_page() -> None:
    hour = Hour()
    hour.now = STARTS
    hour.event(Tick())
    order = next(o for o in hour.queued if (o.item, o.network) == ("welcome", "mastodon"))
    page = "https://ward.example/@chat/9"
    hour.settle(order, Sent(Ref("mastodon", "9"), "https://ward.example/users/chat/statuses/9", url=page))
    hour.write(post("1", "Welcome! #WardChat", network="bluesky", by="bridged", original=page, at=hour.now))
    assert hour.entries == {}
