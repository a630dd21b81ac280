"""The one door into the core: belonging, placing, merging, replay, and what is never written down."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.copies import LAG, Gather
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Configured, Recorded, Tick
from bridge.model import (
    MINUTE,
    SECOND,
    AuthorGone,
    AuthorKnown,
    Beat,
    Cancelled,
    Edited,
    Gathered,
    Media,
    Post,
    Publish,
    Ref,
    Removed,
    Sent,
    Wishes,
    Written,
)
from bridge.settings import Net
from tests.unit.make import HOST, LIMITS, LONG, NETS, SLACK_HOST, STARTS, Hour, chat, community, person, post


def at(minute: float) -> Hour:
    hour = Hour()
    hour.until(minute)
    return hour


def edited(what: Post, words: str, edit: int = 1) -> Post:
    again = post(what.ref.id, words, network=what.ref.network)
    return msgspec.structs.replace(what, text=again.text, tags=again.tags, edited=what.at + edit)


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


# ---------------------------------------------------------------- the same words once


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


# ---------------------------------------------------------------- what is never written down


def journal(hour: Hour) -> str:
    return msgspec.json.encode(hour.events).decode()


@pytest.mark.parametrize("how", ["limited", "direct", "tag", "profile", "stop"])
def test_words_that_stay_on_their_network_are_not_even_in_the_journal(how: str) -> None:
    hour = at(6)
    more: dict[str, Any] = {"reach": how} if how in ("limited", "direct") else {}
    words = "A1: secret plans #WardChat" + (" #nobridge" if how == "tag" else "")
    media = (Media("https://a.example/secret.png", alt="secret"),)
    quoted = "https://a.example/secret"
    what = post("1", words, warning="a secret", media=media, quoted=quoted, at=hour.now, **more)
    if how == "profile":
        hour.wishes(what.author.account, nobridge=True)
    if how == "stop":
        hour.write(post("0", "@ours stop", mentions=("our:mastodon",), reach="direct", at=hour.now))
    hour.write(what)
    hour.edit(edited(what, words.replace("plans", "plots")))
    assert hour.placed(what) == ((1,), "label"), "counted where it belongs"
    assert "secret" not in journal(hour)
    assert "secret" not in repr(hour.orders)


def test_what_no_chat_wants_is_no_event() -> None:
    session = Session()
    session.decide(Recorded(1, STARTS - 60 * MINUTE, Configured(community())))
    stray = post("1", "lunch", at=STARTS)
    assert session.admit("mastodon", Written(stray)) is None
    assert session.admit("mastodon", Edited(stray)) is None
    assert session.admit("mastodon", Beat()) is None
    assert session.admit("mastodon", AuthorGone("acct:x")) is None
    assert Session().admit("mastodon", Written(post("1", "#WardChat"))) is None, "before any config"


# ---------------------------------------------------------------- the merged timeline


def test_a_step_overtaken_on_its_way_is_not_taken() -> None:
    """An author deletes, or a host hides, between the moment a step is found and the moment it is decided."""
    hour = at(6)
    hour.down.add("slack")
    what = post("1", "A1: secret #WardChat", at=hour.now)
    hour.write(what)
    step = hour.session.following("slack", hour.now)
    assert step == Gather("slack", "handovers", "publish", (1,), 0)
    hour.remove(what)
    assert hour.event(step).orders == []
    assert hour.session.following("slack", hour.now) is None
    hour.down.clear()
    hour.deliver()
    assert hour.mirrored() == {}


def test_one_step_at_a_time() -> None:
    hour = at(6)
    hour.down.add("slack")
    hour.write(*(post(str(n), f"A1: {n} #WardChat", at=hour.now) for n in range(3)))
    step = hour.session.following("slack", hour.now)
    assert step is not None
    hour.event(step)
    assert hour.session.following("slack", hour.now) is None
    assert hour.event(step).orders == [], "nor is the same step taken twice"
    hour.down.clear()
    hour.deliver()
    assert len(hour.mirrored()) == 3


def test_a_copy_that_was_cancelled_is_looked_at_anew() -> None:
    hour = at(6)
    hour.down.add("slack")
    hour.write(post("1", "A1: one #WardChat", at=hour.now))
    step = hour.session.following("slack", hour.now)
    assert step is not None
    (order,) = hour.event(step).orders
    hour.settle(order, Cancelled("there was nothing to change"))
    hour.down.clear()
    hour.deliver()
    assert hour.mirrored() == {1: "A1: one #WardChat"}
    assert hour.notices() == []


@pytest.mark.parametrize(("layout", "threaded"), [("channel", False), ("threads", True)])
def test_where_answers_stand_in_slack(layout: Any, threaded: bool) -> None:
    hour = Hour(community(networks=(*NETS[:2], msgspec.structs.replace(NETS[2], layout=layout))))
    hour.until(16)
    hour.write(post("1", "A1: one #WardChat", at=hour.now), post("2", "A2: two #WardChat", at=hour.now))
    asked = {o.item: o.id for o in hour.orders if o.network == "slack" and o.item in ("q1", "q2")}
    parents = [o.op.reply_to for o in hour.orders if o.lane == "mirror" and isinstance(o.op, Publish)]
    assert parents == ([asked["q1"], asked["q2"]] if threaded else [None, None])


def test_in_a_flood_answers_are_gathered_and_cut() -> None:
    hour = at(6)
    hour.down.add("slack")
    words = "A1: " + "handing over " * 40
    hour.write(*(post(str(n), words, by=f"nurse{n}", at=hour.now, tags=("wardchat",)) for n in range(8)))
    hour.now += LAG + SECOND
    hour.down.clear()
    hour.deliver()
    (message,) = [m for m in hour.standing["slack"].values() if isinstance(m, Gathered)]
    assert (len(message.cards), message.short) == (8, True)
    assert all(200 < len(c.text.plain) <= 240 for c in message.cards)


def test_hosts_are_told_what_could_not_be_taken_away() -> None:
    hour = at(6)
    what = post("1", "A1: one #WardChat", at=hour.now)
    hour.write(what)
    hour.refusing["slack/mirror"] = "cant_delete_message"
    hour.remove(what)
    hour.refusing.clear()
    hour.deliver()
    told = [n.text for n in hour.notices() if "Entry 1" in n.text]
    assert told == ["Entry 1 could not be taken away from Slack: cant_delete_message"]


# ---------------------------------------------------------------- time, replay


def test_event_time_never_runs_backwards() -> None:
    hour = at(10)
    hour.event(Tick())
    hour.now -= 5 * MINUTE
    hour.event(Tick())
    assert hour.session.state.at == STARTS + 10 * MINUTE


def test_stamps_only_grow() -> None:
    hour = at(61)
    stamps = [o.stamp for o in hour.orders]
    assert stamps == sorted(set(stamps))


def test_order_ids_are_unique() -> None:
    hour = at(61)
    assert len({o.id for o in hour.orders}) == len(hour.orders)


story = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9), st.integers(0, 4)),
        st.tuples(st.just("edit"), st.integers(0, 9), st.integers(0, 4)),
        st.tuples(st.just("remove"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("pass"), st.integers(0, 600), st.just(0)),
        st.tuples(st.just("host"), st.integers(0, 9), st.integers(0, 5)),
        st.tuples(st.just("wish"), st.integers(0, 2), st.integers(0, 1)),
        st.tuples(st.just("fail"), st.integers(0, 5), st.just(0)),
    ),
    max_size=25,
)
SAYS = (
    "A1: yes #WardChat",
    f"{LONG} #WardChat",
    "no tag",
    "Q2: see https://a.example #WardChat",
    "#WardChat #nobridge x",
)


def tell(hour: Hour, news: list[tuple[str, int, int]]) -> None:
    """An hour as a list of small happenings."""
    for kind, n, m in news:
        network = "bluesky" if n % 3 == 2 else "slack" if n % 3 == 1 else "mastodon"
        what = post(
            str(n),
            SAYS[m % 5],
            network=network,
            by=f"p{n % 3}",
            at=hour.now,
            edited=m if kind == "edit" else 0,
        )
        match kind:
            case "write":
                hour.write(what, known=bool(m % 2))
            case "edit":
                hour.edit(what)
            case "remove":
                hour.remove(what)
            case "pass":
                hour.until((hour.now - STARTS) / MINUTE + n / 60)
            case "host":
                verb, words = (
                    *(("hide", str(n)), ("show", str(n)), ("move", f"{n} Q1")),
                    *(("next", ""), ("say", "a word"), ("skip", "")),
                )[m]
                hour.command(verb, words, by=SLACK_HOST)
            case "wish":
                hour.arrive(AuthorKnown(person(f"p{n}").account, Wishes(nobridge=bool(m))))
            case _:
                hour.down = {"mastodon"} if n == 0 else set()
                hour.refusing = {"slack": "no"} if n == 1 else {}
                hour.deliver()


@given(story)
def test_replay_equals_live(news: list[tuple[str, int, int]]) -> None:
    """The events alone, through JSON as the journal keeps them, make the same state and the same orders."""
    hour = Hour()
    hour.until(4)
    tell(hour, news)
    again, orders = Session(), []
    for recorded in msgspec.json.decode(msgspec.json.encode(hour.events), type=list[Recorded]):
        orders += again.decide(recorded).orders
    assert again.digest() == hour.session.digest()
    assert orders == hour.orders


@given(story)
def test_the_merged_timeline_ends_as_the_audience_may_see_it(news: list[tuple[str, int, int]]) -> None:
    """Whatever happens, at the end Slack shows exactly the entries it may show, with their present words."""
    hour = Hour()
    hour.until(4)
    tell(hour, news)
    hour.down.clear()
    hour.refusing.clear()
    hour.deliver()
    failed = hour.session.state.chats["handovers"].copies["slack"].failed
    expected = {}
    for no, entry in hour.entries.items():
        view = hour.session.entry("handovers", no, "slack")
        if (
            view is not None
            and view.text is not None
            and all(p.ref.network != "slack" for p in entry.sources)
        ):
            expected[no] = view.text.plain
    assert {n: w for n, w in hour.mirrored().items() if n not in failed} == {
        n: w for n, w in expected.items() if n not in failed
    }


@given(story)
def test_asking_changes_nothing(news: list[tuple[str, int, int]]) -> None:
    hour = Hour()
    hour.until(4)
    tell(hour, news)
    before = hour.session.digest()
    hour.session.deadline()
    for net in NETS:
        hour.session.interest(net.name)
        hour.session.known(net.name)
        hour.session.following(net.name, hour.now + MINUTE)
    hour.session.board("handovers", hour.now)
    for audience in ("hosts", "slack", "page"):
        hour.session.view("handovers", audience, hour.now)
    hour.session.admit("mastodon", Written(post("77", "A1: new #WardChat", at=hour.now)))
    hour.session.admit("mastodon", Removed(Ref("mastodon", "77")))
    assert hour.session.digest() == before


def test_the_page_never_has_what_only_the_hosts_see() -> None:
    hour = at(6)
    hour.event(Arrived("mastodon", Written(post("1", "A1: secret #WardChat", at=hour.now))))  # wishes unknown
    assert "secret" not in repr(hour.session.view("handovers", "page", hour.now))
    assert "secret" in repr(hour.session.view("handovers", "hosts", hour.now))


def test_a_chat_added_to_the_config_runs_beside_the_first() -> None:
    hour = at(6)
    hour.event(
        Configured(community(chat(), chat(id="rounds", hashtag="Rounds", starts=STARTS + 10 * MINUTE)))
    )
    hour.until(11)
    assert hour.went_out["mastodon"].count("welcome") == 2
    hour.write(post("1", "#Rounds hello", at=hour.now))
    assert len(hour.session.state.chats["rounds"].timeline.entries) == 1
    assert hour.entries == {}
