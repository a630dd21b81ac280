"""Several servers of one kind: our copies seen there are places to answer at, a post is one wherever it is seen."""

from __future__ import annotations

import msgspec
import pytest

from bridge.chat.session import Session
from bridge.chat.sightings import MOST
from bridge.chat.state import Recorded
from bridge.model import Author, Edited, Post, Ref, Removed, Sent, Written
from bridge.settings import Net
from tests.unit.make import HOST, LIMITS, NETS, Hour, community, edited, journal, post

SECOND = Net("second", "mastodon", "Mastodon (second)", LIMITS["mastodon"], post=False)
OURS = Author("our:mastodon", "@ours@ward.example")


def at(minute: float) -> Hour:
    hour = Hour(community(networks=(*NETS, SECOND)))
    hour.until(minute)
    return hour


def elsewhere(what: Post, id_: str) -> Post:
    """The same status, as the second server has it."""
    return msgspec.structs.replace(what, ref=Ref("second", id_))


def sighting(hour: Hour, uri: str, id_: str = "s-q1") -> Post:
    return post(id_, "Q1 What? #WardChat", network="second", by=OURS, uri=uri, at=hour.now)


def see(hour: Hour, what: Post) -> bool:
    return hour.arrive(Written(what), "second")


# ---------------------------------------------------------------- our own posts


def test_replies_to_a_question_seen_on_a_second_server_answer_it() -> None:
    hour = at(16)
    assert see(hour, sighting(hour, f"mastodon:{hour.copy_of('q1').id}"))
    assert hour.effects.follow == {"second"}
    assert Ref("second", "s-q1") in hour.session.interest("second").threads
    assert Ref("second", "s-q1") not in hour.session.interest("mastodon").threads
    answer = post("s1", "we listen", network="second", at=hour.now, reply_to=Ref("second", "s-q1"))
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "thread")
    assert len(hour.entries) == 1


def test_what_a_listening_server_hears_follows_the_clock_of_its_own_kind() -> None:
    """Bluesky asked Q1 first and Q2 late: that says nothing to people on Mastodon."""
    hour = at(4)
    hour.down.add("mastodon")
    hour.until(6)
    hour.down.clear()
    hour.until(14)
    hour.down.add("bluesky")
    hour.until(18)
    assert (hour.on("q2")["mastodon"], hour.on("q2")["bluesky"]) == ("posted", "held")
    answer = post("s1", "we listen #WardChat", network="second", at=hour.now)
    hour.write(answer)
    assert hour.placed(answer) == ((2,), "time")


def test_it_may_be_seen_before_we_know_that_it_is_ours() -> None:
    hour = at(4)
    hour.down.add("mastodon")
    hour.until(5)
    assert see(hour, sighting(hour, "mastodon:q1-copy"))
    answer = post("s1", "we listen #WardChat", network="second", at=hour.now, reply_to=Ref("second", "s-q1"))
    hour.write(answer)
    order = next(o for o in hour.queued if o.item == "q1")
    hour.settle(order, Sent(Ref("mastodon", "q1-copy"), "mastodon:q1-copy"))
    assert hour.placed(answer) == ((1,), "thread")
    assert "second" in hour.effects.follow
    assert Ref("second", "s-q1") in hour.session.interest("second").threads
    assert hour.session.state.sighted == {}


def test_only_what_may_be_a_copy_of_an_item_is_written_down() -> None:
    hour = at(16)
    uri = f"mastodon:{hour.copy_of('q1').id}"
    stranger = sighting(hour, "mastodon:a-birthday")
    assert not see(hour, stranger), "every order is final: it is none of ours"
    assert not hour.arrive(Written(msgspec.structs.replace(sighting(hour, uri), ref=Ref("mastodon", "x"))))
    assert see(hour, sighting(hour, uri))
    assert not see(hour, sighting(hour, uri)), "it is not news a second time"
    assert not hour.arrive(Edited(sighting(hour, uri)), "second")
    hour.write(post("1", "@ours stop", mentions=("our:mastodon",), reach="direct", at=hour.now))
    reply = next(o for o in hour.orders if o.lane == "people")
    assert not see(hour, sighting(hour, f"mastodon:{hour.made[reply.id]}", "s-reply"))
    assert hour.entries == {}


def test_what_is_remembered_is_bounded() -> None:
    hour = at(4)
    hour.down.add("mastodon")
    hour.until(5)
    for n in range(MOST + 20):
        assert see(hour, sighting(hour, f"mastodon:{n}", f"s{n}"))
    assert list(hour.session.state.sighted) == [f"mastodon:{n}" for n in range(20, MOST + 20)]


def test_replay_equals_live() -> None:
    hour = at(4)
    hour.down.add("mastodon")
    hour.until(5)
    see(hour, sighting(hour, "mastodon:ours-9"))
    hour.down.clear()
    hour.until(16)
    see(hour, sighting(hour, f"mastodon:{hour.copy_of('q2').id}", "s-q2"))
    again = Session()
    for recorded in msgspec.json.decode(msgspec.json.encode(hour.events), type=list[Recorded]):
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


# ---------------------------------------------------------------- people's posts


def test_a_status_seen_on_two_servers_counts_once() -> None:
    hour = at(6)
    what = post("1", "A1: we listen #WardChat", at=hour.now)
    there = elsewhere(what, "s1")
    hour.write(what, there)
    assert hour.effects.follow == {"second"}, "replies there hang on it from now on"
    assert len(hour.entries) == len(hour.mirrored()) == 1
    assert hour.session.known("second") == (there.ref,)
    view = hour.session.view("handovers", "page", hour.now)
    assert view.questions[0].counts == (("Mastodon", 1),)
    assert {Ref("mastodon", "1")} <= set(hour.session.interest("mastodon").threads)
    assert {Ref("second", "s1")} <= set(hour.session.interest("second").threads)
    events = len(hour.events)
    otherwise = msgspec.structs.replace(there, text=post("x", "A1: we listen (#WardChat)").text)
    hour.write(there, otherwise)
    assert len(hour.events) == events, "how another server renders it is no news"
    reply = post("s2", "so do we", network="second", by="midwife", at=hour.now, reply_to=there.ref)
    hour.write(reply)
    assert hour.placed(reply) == ((1,), "thread")


@pytest.mark.parametrize("where", ["home", "there"])
def test_an_edit_is_taken_from_whichever_server_tells_it_first(where: str) -> None:
    hour = at(6)
    what = post("1", "A1: we listen #WardChat", at=hour.now)
    hour.write(what, elsewhere(what, "s1"))
    better = msgspec.structs.replace(what, text=post("x", "A1: we hear #WardChat").text, edited=what.at + 9)
    both = (better, elsewhere(better, "s1"))
    for told in both if where == "home" else both[::-1]:
        hour.edit(told)
    assert hour.mirrored() == {1: "A1: we hear #WardChat"}


@pytest.mark.parametrize("where", ["home", "there"])
def test_a_removal_seen_anywhere_is_a_removal(where: str) -> None:
    hour = at(6)
    what = post("1", "A1: we listen #WardChat", at=hour.now)
    there = elsewhere(what, "s1")
    hour.write(what, there)
    hour.remove(what if where == "home" else there)
    assert hour.entries == {}
    hour.write(what, there)
    assert hour.entries == {}, "the other server has not heard of it yet"


def test_a_removal_there_before_we_knew_that_it_is_the_same_post() -> None:
    hour = at(6)
    what = post("1", "A1: we listen #WardChat", at=hour.now)
    hour.write(what)
    hour.arrive(Removed(Ref("second", "s1")), "second")
    assert hour.mirrored() == {1: what.text.plain}
    assert hour.arrive(Written(elsewhere(what, "s1")), "second")
    assert hour.entries == {}
    assert hour.mirrored() == {}


@pytest.mark.parametrize("edit", [False, True])
def test_a_removal_before_its_post_holds_on_the_other_server_too(edit: bool) -> None:
    hour = at(6)
    what = post("1", "A1: secret #WardChat", at=hour.now)
    hour.remove(what)
    hour.write(what)
    later = edited(what, "A1: secret still #WardChat") if edit else what
    hour.edit(elsewhere(later, "s1")) if edit else hour.write(elsewhere(later, "s1"))
    assert hour.entries == {}
    assert "secret" not in journal(hour)
    events = len(hour.events)
    hour.write(what, elsewhere(what, "s1"))
    assert len(hour.events) == events, "once is enough"


# ---------------------------------------------------------------- people, seen twice


def test_an_old_profile_on_a_second_server_undoes_no_wish() -> None:
    hour = at(6)
    what = post("1", "A1: secret words #WardChat")
    hour.wishes(what.author.account, nobridge=True)
    hour.wishes(what.author.account, network="second")
    hour.write(what)
    assert "secret" not in repr(hour.mirrored())


@pytest.mark.parametrize("second_first", [False, True])
def test_a_host_is_one_on_a_second_server_too(second_first: bool) -> None:
    hour = at(6)
    wren = Author(HOST, "@wren@ward.example", "Wren Adair")
    asked = post("hq", f"{hour.sheet.questions()[0].text} #WardChat", by=wren)
    said = post("ha", "A1: it is fine #WardChat", by=wren)
    for what in (asked, said):
        for seen in (elsewhere(what, f"s-{what.ref.id}"), what)[:: 1 if second_first else -1]:
            hour.write(seen)
    (card,) = hour.cards()
    assert card.host
    assert card.name == "Wren Adair"


def test_a_server_that_claims_somebody_elses_post_changes_nothing() -> None:
    hour = at(6)
    what = post("1", "A1: hi there #WardChat")
    hour.write(what)
    hour.write(
        post("e1", "A1: buy pills #WardChat", network="second", by="evil", uri=what.uri, edited=what.at + 5)
    )
    assert "pills" not in repr(hour.mirrored())
    assert "hi there" in repr(hour.mirrored())
