"""The one door into the core: what is never written down, the merged timeline, time, replay."""

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
    Publish,
    Ref,
    Removed,
    Wishes,
    Written,
)
from tests.unit.make import (
    LONG,
    NETS,
    SLACK_HOST,
    STARTS,
    Hour,
    at,
    chat,
    community,
    edited,
    journal,
    person,
    post,
)

# ---------------------------------------------------------------- what is never written down


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


def test_no_step_is_taken_twice() -> None:
    hour = at(6)
    hour.down.add("slack")
    hour.write(*(post(str(n), f"A1: {n} #WardChat", at=hour.now) for n in range(3)))
    step = hour.session.following("slack", hour.now)
    assert step is not None
    hour.event(step)
    other = hour.session.following("slack", hour.now)
    assert other is not None
    assert set(step.entries).isdisjoint(other.entries)
    assert hour.event(step).orders == []
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
    hour.refusing["slack/removals"] = "cant_delete_message"
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
        st.tuples(st.just("host"), st.integers(0, 9), st.integers(0, 11)),
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
                    *(("promote", f"{n} What?"), ("plan", "One more?"), ("edit", f"Q{n} What else?")),
                    *(("dismiss", str(n)), ("blackout", ("on", "off")[n % 2]), ("lead", "wren")),
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
