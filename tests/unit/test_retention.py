"""People's words stay for as long as the config says. Then words, names and handles are nowhere, and figures stay."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from bridge.chat.expiry import Clearing
from bridge.chat.session import Session
from bridge.chat.state import (
    Configured,
    Expired,
    Leaving,
    Reconciled,
    Recorded,
    Tick,
)
from bridge.model import (
    HOUR,
    MINUTE,
    Edited,
    Micros,
    OrderId,
    Ref,
    Removed,
    Wishes,
    Written,
)
from bridge.report import transcript
from bridge.report.render import page
from tests.unit.make import (
    LONG,
    STARTS,
    Hour,
    chat,
    community,
    edited,
    person,
    post,
)

DAY: Micros = 24 * HOUR
OURS = {"mastodon": "acct:chat@ward.example", "bluesky": "did:plc:chat", "slack": "slack:T1/UBOT"}
# Of people in the first chat alone: what they wrote, how they are called, what their profiles say.
GONE = (b"paper lantern", b"blue notebook", b"green folder", b"tin whistle", b"lamp oil", b"Hedda", b"hedda",
        b"Midge", b"midge", b"Florence", b"florence", b"lantern.example", b"UOLIVE", b"Olive")  # fmt: skip
STAYING = (b"hand it over", b"What did your team learn", b"Wren Adair", b"well put, thank you")


# ---------------------------------------------------------------- when


def over(hour: Hour) -> None:
    """The late window closes and every network was read once more."""
    hour.until(25 * 60)
    for network in OURS:
        hour.event(Reconciled(network, "handovers"))


def test_words_are_kept_for_as_long_as_the_config_says_and_not_a_moment_longer() -> None:
    hour = Hour()
    assert hour.session.expiring() is None
    over(hour)
    found = hour.session.expiring()
    assert found == (STARTS + HOUR + 90 * DAY, Expired("handovers"))
    shorter = msgspec.structs.replace(community(), keep_text=7 * DAY)
    hour.event(Configured(shorter))
    found = hour.session.expiring()
    assert found is not None
    assert found[0] == STARTS + HOUR + 7 * DAY
    hour.event(Configured(msgspec.structs.replace(shorter, keep_text=1)))
    found = hour.session.expiring()
    assert found is not None
    assert found[0] == STARTS + 25 * HOUR + DAY, "there is time for the transcript"


def test_a_chat_that_goes_on_expires_never_and_none_in_the_hour_of_another() -> None:
    hour = Hour()
    hour.until(70)
    assert hour.session.expiring() is None
    starts = STARTS + 90 * DAY + HOUR
    later = chat(id="later", starts=starts, ends=starts + HOUR, late_until=starts + 25 * HOUR)
    hour.event(Configured(community(chat(), later)))
    over(hour)
    found = hour.session.expiring()
    assert found is not None
    assert found[0] == starts + HOUR


# ---------------------------------------------------------------- what stays in the state


def a_chat() -> Hour:
    """People write on three networks, hosts do what hosts do, and it is over."""
    hour = Hour()
    hour.until(6)
    hour.write(
        post("1", "A1: my paper lantern #WardChat", by=person("hedda", name="Hedda")),
        post(
            "2",
            "A1: a blue notebook #WardChat",
            by=person("midge", "bluesky", name="Midge"),
            network="bluesky",
        ),
        post("3", "A1: a green folder https://lantern.example #WardChat", by="florence"),
        post("s1", "A1: a tin whistle", by=person("olive", "slack", name="Olive"), network="slack"),
        post("4", "A1: and lamp oil #WardChat", by=person("hedda", name="Hedda")),
    )
    hour.command("like", "1")
    hour.command("reply", "1 well put, thank you")
    hour.command("hide", "5")
    hour.command("promote", "2 What do you hand it over with?")
    over(hour)
    return hour


def expired(hour: Hour) -> Hour:
    found = hour.session.expiring()
    assert found is not None
    hour.now = found[0]
    hour.event(found[1])
    return hour


def words(session: Session) -> bytes:
    return msgspec.json.encode(session.state)


def test_words_names_and_handles_leave_the_state() -> None:
    hour = a_chat()
    assert all(said in words(hour.session) for said in (b"paper lantern", b"Hedda", b"florence", b"UOLIVE"))
    expired(hour)
    for gone in GONE:
        assert gone not in words(hour.session), gone


def test_figures_stay() -> None:
    hour = a_chat()
    before, board = (
        hour.session.view("handovers", "page", hour.now),
        hour.session.board("handovers", hour.now),
    )
    expired(hour)
    after = hour.session.view("handovers", "page", hour.now)
    assert after.entries == ()
    assert after.erased == hour.now
    assert (after.total, after.kept, after.people) == (before.total, 0, 4)
    assert [(q.label, q.text, q.posted, q.total, q.counts, q.kept) for q in after.questions] == [
        (q.label, q.text, q.posted, q.total, q.counts, 0) for q in before.questions
    ]
    assert hour.session.entry("handovers", 1, "page") is None
    assert hour.session.entry("handovers", 1, "hosts") is None
    later = hour.session.board("handovers", hour.now)
    assert (later.entries, later.people, later.answers) == (board.entries, board.people, board.answers)
    assert [line.text for line in later.lines] == [line.text for line in board.lines]


def test_what_we_made_of_their_words_is_taken_back_and_what_hosts_said_stays() -> None:
    hour = a_chat()
    assert hour.mirrored()
    assert any("green folder" in repr(notice) for notice in hour.notices())
    asked = {words for words in hour.texts("mastodon") if "What did your team learn" in words}
    expired(hour)
    hour.deliver()
    assert hour.cards() == []
    for gone in ("lantern", "folder", "Hedda", "florence"):
        assert gone not in repr(hour.notices())
    assert asked <= set(hour.texts("mastodon"))
    assert any("well put, thank you" in words for words in hour.texts("mastodon"))
    assert hour.queued == []


def test_nothing_of_it_comes_in_again() -> None:
    hour = expired(a_chat())
    hour.deliver()
    events = len(hour.events)
    first = post("1", "A1: my paper lantern #WardChat", by=person("hedda", name="Hedda"))
    for again in (
        Written(first),
        Edited(edited(first, "A1: my paper lantern, polished #WardChat")),
        Written(post("9", "A1: yes! #WardChat", reply_to=first.ref, at=hour.now)),
        Removed(first.ref),
    ):
        assert not hour.arrive(again)
    assert len(hour.events) == events
    assert (
        hour.command("like", "1", chat="handovers")
        == "What people wrote in this chat has been erased; its figures stay."
    )
    assert hour.session.known("mastodon") == ()


def test_who_said_what_they_want_of_us_is_known_by_that_alone() -> None:
    hour = Hour()
    hour.until(6)
    for who, ask in (("hedda", "stop"), ("midge", "start")):
        by = person(who, name=who.capitalize())
        hour.wishes(by.account, nobot=True, links=("https://lantern.example",))
        hour.write(post(who, "A1: x #WardChat", by=by), post(f"{who} says", f"@chat {ask}", by=by,
                   mentions=(hour.session.state.people.ours["mastodon"],), reach="direct"))  # fmt: skip
    hour.write(post("3", "A1: y #WardChat", by="florence"), post("4", "A1: z #WardChat", by="olive"))
    hour.command("block", "3")
    over(hour)
    expired(hour)
    people = hour.session.state.people.all
    assert {a: (p.stopped, p.blocked, p.wishes, p.first) for a, p in people.items()} == {
        "acct:hedda@ward.example": (True, False, Wishes(), ""),
        "acct:midge@ward.example": (False, False, Wishes(), ""),
        "acct:florence@ward.example": (None, True, Wishes(), ""),
    }


# ---------------------------------------------------------------- what stays in the journal


def cleared(hour: Hour, orders: Collection[OrderId] = ()) -> list[Recorded]:
    """The journal as it is after all that was to leave it has left."""
    events = list(hour.events)
    for what in hour.session.forgotten():
        if not isinstance(what, Leaving):
            continue
        clearing = Clearing(hour.session.state, what)
        clearing.orders = orders
        upto = next(r.seq for r in events if r.event == Expired(what.step.chat))
        for one in events:
            if one.seq <= upto:
                clearing.look(one.event)
        done: list[Recorded] = []
        for one in events:
            left = clearing.left(one.event) if one.seq <= upto else one.event
            if left is not None:
                done.append(Recorded(one.seq, one.at, left))
        events = done
    return events


def again(events: list[Recorded]) -> Session:
    session = Session()
    for one in events:
        session.decide(msgspec.json.decode(msgspec.json.encode(one), type=Recorded))
    return session


def test_a_replay_of_what_is_left_comes_to_the_same() -> None:
    hour = expired(a_chat())
    hour.deliver()
    hour.event(Tick())
    left = cleared(hour)
    assert len(left) < len(hour.events)
    session = again(left)
    assert session.state.chats == hour.session.state.chats
    assert session.state.people == hour.session.state.people
    assert session.state.purposes == hour.session.state.purposes
    assert session.state.handled == hour.session.state.handled
    assert session.forgotten() == (), "there is nothing left to do"
    assert again(left).digest() == session.digest()


def test_a_replay_of_what_has_not_left_yet_knows_that_it_must() -> None:
    hour = expired(a_chat())
    session = again(hour.events)
    assert session.digest() == hour.session.digest()
    (leaving,) = session.forgotten()
    assert isinstance(leaving, Leaving)
    assert leaving.step.chat == "handovers"


def test_another_chat_and_its_people_are_as_they_were() -> None:
    starts = STARTS + 7 * DAY
    later = chat(id="later", starts=starts, ends=starts + HOUR, late_until=starts + 25 * HOUR)
    hour = a_chat()
    hour.event(Configured(community(chat(), later)))
    hour.until(7 * 24 * 60 + 6)
    late = starts + 6 * MINUTE
    hour.write(
        post("11", f"A1: {LONG} #WardChat", by=person("hedda", name="Hedda"), at=late),
        post("12", "A1: yes #WardChat", reply_to=Ref("mastodon", "11"), at=late),
    )
    hour.command("hide", "2", chat="later")
    hour.until(7 * 24 * 60 + 25 * 60 + 120)
    hour.now = STARTS + 8 * DAY + HOUR
    before = msgspec.json.encode(hour.session.state.chats["later"])
    assert b"green folder" in words(hour.session)
    hour.event(Configured(msgspec.structs.replace(community(chat(), later), keep_text=5 * DAY)))
    expired(hour)
    assert b"green folder" not in words(hour.session)
    assert msgspec.json.encode(hour.session.state.chats["later"]) == before
    session = again(cleared(hour))
    assert msgspec.json.encode(session.state.chats["later"]) == before
    assert session.state.people == hour.session.state.people
    hedda = session.state.people.all["acct:hedda@ward.example"]
    assert (hedda.first, hedda.known) == ("handovers", True)


# ---------------------------------------------------------------- what readers are told


def test_page_and_transcript_show_figures_and_say_why_there_are_no_words() -> None:
    hour = expired(a_chat())
    view = hour.session.view("handovers", "page", hour.now)
    why = "What people wrote here was kept until Monday 18 June 2018 and is erased. The figures stay."
    shown = page(view)
    assert why in shown
    assert "5 answers" not in shown.split("<main")[0]
    assert "Ask before quoting" not in shown
    assert "Mastodon 2, Bluesky 1" in shown
    written = transcript.markdown(view)
    assert why in written
    assert "4 people" in written
    for gone in GONE:
        assert gone.decode() not in shown + written


def test_it_happens_once() -> None:
    hour = expired(a_chat())
    assert hour.session.expiring() is None
    before = hour.session.digest()
    effects = hour.event(Expired("handovers"))
    assert effects.forget == []
    assert hour.session.digest() == before
