"""Likes, boosts and replies of the community: only under what anybody may read, and taken back with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridge.chat.commands import USAGE, VERBS
from bridge.chat.community import SERVER
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Recorded
from bridge.model import (
    AuthorGone,
    Command,
    Endorse,
    Final,
    Held,
    Post,
    Publish,
    Ref,
    Refused,
    Retract,
    Span,
    Words,
)
from bridge.settings import Host, Net
from tests.unit.make import LIMITS, LONG, NETS, Hour, chat, community, post


def hour_with(*posts: Post, **config: Any) -> Hour:
    hour = Hour(community(**config))
    hour.until(6)
    hour.write(*posts)
    return hour


def said(id_: str = "1", words: str = "A1: we listen #WardChat", **more: Any) -> Post:
    return post(id_, words, **more)


def twins() -> tuple[Post, Post]:
    words = f"A1: {LONG} #WardChat"
    return said("1", words), said("2", words, network="bluesky")


def told(hour: Hour) -> list[str]:
    """What the hosts were told, but for what somebody hid."""
    return [n.text for n in hour.notices() if "is off our screens" not in n.text]


# ---------------------------------------------------------------- like and boost


@pytest.mark.parametrize(("kind", "done"), [("like", "liked"), ("boost", "boosted")])
def test_an_entry_is_endorsed_wherever_it_stands_and_once(kind: str, done: str) -> None:
    hour = hour_with(*twins())
    assert hour.command(kind, "1") == f"Done: entry 1 is {done} on Mastodon and Bluesky."
    assert sorted(hour.endorsed.values()) == [("bluesky", "2", kind), ("mastodon", "1", kind)]
    assert hour.command(kind, "1") == f"Entry 1 is already {done}."
    assert hour.command(f"un{kind}", "1") == f"Done: entry 1 is no longer {done} on Mastodon and Bluesky."
    assert hour.endorsed == {}
    assert hour.command(f"un{kind}", "1") == f"Entry 1 is not {done} by us."
    assert hour.command(kind, "1").startswith("Done")
    assert len(hour.endorsed) == 2


def test_a_like_is_no_boost() -> None:
    hour = hour_with(said())
    hour.command("like", "1")
    hour.command("boost", "1")
    assert len(hour.endorsed) == 2
    hour.command("unboost", "1")
    assert list(hour.endorsed.values()) == [("mastodon", "1", "like")]


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("how", ["hide", "removed", "gone", "stop", "forget me", "profile"])
def test_it_goes_with_what_it_stands_under(how: str, waiting: bool) -> None:
    """What has gone out is taken back; what still waits never goes out."""
    what = said()
    hour = hour_with(what)
    if waiting:
        hour.down.add("mastodon")
    hour.command("like", "1")
    match how:
        case "hide":
            hour.command("hide", "1")
        case "removed":
            hour.remove(what)
        case "gone":
            hour.arrive(AuthorGone(what.author.account))
        case "profile":
            hour.wishes(what.author.account, nobridge=True)
        case _:
            hour.write(post("9", f"@ours {how}", mentions=("our:mastodon",), reach="direct"))
    before = len(hour.events)
    hour.down.clear()
    hour.deliver()
    assert hour.endorsed == {}
    if waiting:
        outcomes = [repr(e.event) for e in hour.events[before:]]
        assert not [o for o in outcomes if "like of" in o], "it was never given"
    assert told(hour) == [], "nobody needs to be told"


def test_other_entries_keep_theirs() -> None:
    other = said("2", "A1: we wait #WardChat", by="midwife")
    hour = hour_with(said(), other)
    for no in ("1", "2"):
        hour.command("like", no)
    hour.command("hide", "1")
    assert list(hour.endorsed.values()) == [("mastodon", "2", "like")]


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        (said(reach="limited"), "Entry 1 is on Mastodon: only what anybody may read"),
        (said(words="A1: https://a.example #WardChat"), "Entry 1 is not shown; show it first: show 1."),
        (said(words="A1: no #nobridge #WardChat"), "Entry 1 is on Mastodon: only what anybody may read"),
    ],
)
@pytest.mark.parametrize("verb", ["like", "boost", "reply", "welcome"])
def test_only_what_anybody_may_read_is_answered_to(what: Post, answer: str, verb: str) -> None:
    hour = hour_with(what)
    orders = len(hour.orders)
    assert hour.command(verb, "1 thank you").startswith(answer)
    assert len(hour.orders) == orders


@pytest.mark.parametrize("verb", ["like", "boost"])
def test_what_is_written_in_a_room_has_no_native_like(verb: str) -> None:
    hour = hour_with(said(network="slack"))
    answer = "Entry 1 is on Slack: only what anybody may read, on a network where we post"
    assert hour.command(verb, "1").startswith(answer)


def test_a_second_server_is_read_only_but_what_it_showed_first_is_liked_at_home() -> None:
    second = Net("second", "mastodon", "Mastodon (second)", LIMITS["mastodon"], post=False)
    there = said("s1", network="second")
    hour = hour_with(there, networks=(*NETS, second))
    assert hour.command("like", "1").startswith("Entry 1 is on Mastodon (second)")
    here = msgspec.structs.replace(there, ref=Ref("mastodon", "m1"))
    hour.write(here)
    assert hour.command("like", "1") == "Done: entry 1 is liked on Mastodon."
    assert list(hour.endorsed.values()) == [("mastodon", "m1", "like")]


def test_hosts_are_told_what_a_network_refused() -> None:
    hour = hour_with(said())
    hour.refusing["mastodon"] = "too fast"
    hour.command("boost", "1")
    hour.command("reply", "1 thank you")
    hour.refusing.clear()
    hour.deliver()
    assert told(hour) == [
        "On Mastodon, entry 1 could not be boosted: too fast",
        "On Mastodon, entry 1 could not be answered: too fast",
    ]
    assert hour.command("boost", "1").startswith("Done"), "it can be tried again"


@pytest.mark.parametrize(("kind", "done"), [("like", "liked"), ("boost", "boosted")])
@pytest.mark.parametrize("gone", [False, True])
def test_hosts_are_told_what_could_not_be_taken_back(kind: str, done: str, gone: bool) -> None:
    what = said()
    hour = hour_with(what)
    hour.command(kind, "1")
    hour.refusing["mastodon"] = "too fast"
    if gone:
        hour.remove(what)
    else:
        hour.command("hide", "1")
    hour.deliver()
    assert told(hour) == [f"On Mastodon, entry 1 is still {done} by us: too fast. Take that back there."]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (
            Held("nobody can tell"),
            ["On Mastodon, entry 1 may be liked or boosted by us: nobody can tell. Look there."],
        ),
        (Refused("not there"), []),
    ],
)
def test_hosts_are_told_that_what_they_took_back_may_stand(outcome: Final, words: list[str]) -> None:
    """The boost was under way when it was taken back."""
    hour = hour_with(said())
    hour.down.add("mastodon")
    hour.command("boost", "1")
    hour.command("hide", "1")
    (boost,) = [o for o in hour.queued if isinstance(o.op, Endorse)]
    hour.settle(boost, outcome)
    hour.down.clear()
    hour.deliver()
    assert told(hour) == words


# ---------------------------------------------------------------- reply


def replies(hour: Hour) -> list[Publish]:
    return [o.op for o in hour.orders if o.lane == "people" and isinstance(o.op, Publish)]


def test_a_reply_stands_in_the_authors_thread_signed_and_quiet() -> None:
    hour = hour_with(said(), said("2", "A1: we wait #WardChat", network="bluesky", by="midwife"))
    assert (
        hour.command("reply", "1 How often, @midwife@ward.example?")
        == "Done: entry 1 is answered on Mastodon."
    )
    hour.command("reply", "Welcome!", entry=2)
    one, other = replies(hour)
    assert isinstance(one.content, Words)
    assert isinstance(other.content, Words)
    assert (one.reply_to, one.reach) == (Ref("mastodon", "1"), "quiet")
    assert one.content.text.plain == "@nurse@ward.example How often, midwife@ward.example? ^WA"
    assert one.content.text.spans == (Span(0, 19, "mention", "nurse@ward.example"),)
    assert (other.reply_to, other.content.text.plain) == (Ref("bluesky", "2"), "Welcome! ^WA")


def test_who_answers_our_reply_answers_the_question() -> None:
    hour = hour_with(said())
    hour.command("reply", "1 How often?")
    (place,) = [
        p for p, c in hour.standing["mastodon"].items() if isinstance(c, Words) and "^WA" in c.text.plain
    ]
    assert Ref("mastodon", place) in hour.session.interest("mastodon").threads
    hour.until(16)
    again = said("2", "every night", reply_to=Ref("mastodon", place))
    hour.write(again)
    assert hour.placed(again) == ((1,), "thread")
    entry = hour.entry(again)
    assert entry is not None
    assert entry.reply_to == 1


def test_a_bridges_copy_of_our_reply_never_enters() -> None:
    hour = hour_with(said())
    hour.command("reply", "1 How often? #WardChat")
    (place,) = [
        p for p, c in hour.standing["mastodon"].items() if isinstance(c, Words) and "^WA" in c.text.plain
    ]
    hour.write(
        said("3", "How often? #WardChat", network="bluesky", by="bridged", original=f"mastodon:{place}")
    )
    assert len(hour.entries) == 1


def test_nobody_signs_as_who_has_the_same_id_on_another_network() -> None:
    """A user's id is unique in its own workspace only."""
    hosts = (Host("Lucy Scarisbrick", (("staff", "U1"),)), Host("Vanessa Garrity", (("slack", "U1"),)))
    staff = Net("staff", "slack", "Staff", LIMITS["slack"])
    hour = Hour(community(chat(hosts=hosts), networks=(staff, *NETS)))
    hour.until(6)
    hour.write(said())
    hour.command("reply", "1 Welcome!", by="slack:T1/U1")
    (reply,) = replies(hour)
    assert isinstance(reply.content, Words)
    assert reply.content.text.plain.endswith("Welcome! ^VG")


@pytest.mark.parametrize("waiting", [False, True])
def test_our_replies_go_with_who_is_forgotten(waiting: bool) -> None:
    """They name them, in their own thread. What still waits never goes out; replies to others stay."""
    hour = hour_with(said(), said("2", "A1: we wait #WardChat", by="midwife"))
    if waiting:
        hour.down.add("mastodon")
    hour.command("reply", "1 How often?")
    hour.command("reply", "2 How long?")
    hour.write(post("9", "@ours forget me", mentions=("our:mastodon",), reach="direct"))
    before = len(hour.events)
    hour.down.clear()
    hour.deliver()
    texts = [words for words in hour.texts("mastodon") if "^WA" in words]
    assert texts == ["@midwife@ward.example How long? ^WA"]
    assert hour.notices() == []
    cancelled = [e for e in hour.events[before:] if "nobody wants it any more" in repr(e.event)]
    assert bool(cancelled) is waiting


def test_hosts_are_told_which_reply_could_not_be_taken_back() -> None:
    hour = hour_with(said())
    hour.command("reply", "1 How often?")
    hour.down.add("mastodon")
    hour.write(post("9", "@ours forget me", mentions=("our:mastodon",), reach="direct"))
    for order in [o for o in hour.queued if isinstance(o.op, Retract)]:
        hour.settle(order, Held("nobody can tell"))
    hour.deliver()
    assert told(hour) == [
        "On Mastodon, entry 1 may still be answered by us: nobody can tell. Take that back there."
    ]


@pytest.mark.parametrize(
    ("hosts", "by", "signed"),
    [
        (("Lucy Scarisbrick", "Vanessa Garrity"), 1, " ^VG"),
        (("Cher",), 0, " ^C"),
        (("Ann Marie van Lowe ✅", "Bo"), 0, " ^AL"),
        (("Lucy Scarisbrick",), None, " ^LS"),  # from the server, where there is but one
        (("Lucy Scarisbrick", "Vanessa Garrity"), None, "!"),
    ],
)
def test_the_initials_are_the_hosts(hosts: tuple[str, ...], by: int | None, signed: str) -> None:
    made = tuple(Host(name, (("slack", f"U{n}"),)) for n, name in enumerate(hosts))
    hour = Hour(community(chat(hosts=made)))
    hour.until(6)
    hour.write(said())
    command = Command("reply", f"slack:T1/U{by}", text="1 Welcome!", answer="here")
    if by is None:
        command = msgspec.structs.replace(command, by=SERVER)
    hour.event(Arrived("slack" if by is not None else SERVER, command))
    (reply,) = replies(hour)
    assert isinstance(reply.content, Words)
    assert reply.content.text.plain.endswith(f"Welcome!{signed}" if signed != "!" else "Welcome!")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "Say which one: reply 42 Thank you, tell us more!"),
        ("1", "Say it in one line: reply 42 Thank you, tell us more!"),
        ("7 yes", "There is no entry 7. It may be gone already."),
        ("1 " + "word " * 120, "That is longer than one post on Mastodon can be; say it in fewer words."),
    ],
)
def test_what_cannot_be_replied(text: str, answer: str) -> None:
    hour = hour_with(said())
    assert hour.command("reply", text) == answer
    assert replies(hour) == []


# ---------------------------------------------------------------- all verbs


def test_every_verb_says_how_it_is_used() -> None:
    assert list(USAGE) == list(VERBS)
    for verb, usage in USAGE.items():
        assert usage.split()[0] == verb
        assert "\n" not in usage


def test_replay_equals_live() -> None:
    hour = hour_with(*twins())
    for verb, text in (("like", "1"), ("boost", "1"), ("unlike", "1"), ("reply", "1 yes"), ("hide", "1")):
        hour.command(verb, text)
    again = Session()
    for recorded in msgspec.json.decode(msgspec.json.encode(hour.events), type=list[Recorded]):
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


@pytest.mark.parametrize("ask", ["stop", "forget me", "hide", "remove"])
def test_a_reply_that_has_not_gone_out_stays_when_its_reason_is_gone(ask: str) -> None:
    hour = Hour()
    hour.until(6)
    what = post("1", "A1: we listen #WardChat")
    hour.write(what)
    hour.down.add("mastodon")
    assert hour.command("reply", "1 Thank you, dear nurse!").startswith("Done")
    match ask:
        case "hide":
            hour.command("hide", "1")
        case "remove":
            hour.remove(what)
        case _:
            hour.write(post("9", f"@ours {ask}", mentions=("our:mastodon",), reach="direct"))
    hour.down.clear()
    hour.deliver()
    assert not any("dear nurse" in text for text in hour.texts("mastodon"))
