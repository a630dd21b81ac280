"""Hosts command by direct message: obeyed once, answered there, never an entry."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridge.chat.commands import VERBS
from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Recorded
from bridge.model import Edited, Leaders, Network, Order, Post, Publish, Words, Written
from tests.unit.make import Hour, at, chat, community, journal, person, post

WREN = person("wren")


def message(hour: Hour, words: str, id_: str = "dm-1", *, by: Any = WREN, **more: Any) -> list[str]:
    """A direct message to our account; what it is answered."""
    network: Network = more.get("network", "mastodon")
    said = post(id_, words, by=by, reach="direct", mentions=(f"our:{network}",), at=hour.now, **more)
    before = len(hour.orders)
    hour.write(said)
    return [_words(order, said) for order in hour.orders[before:] if order.lane == "people"]


def _words(order: Order, said: Post) -> str:
    assert isinstance(order.op, Publish)
    assert (order.op.reply_to, order.op.reach, order.network) == (said.ref, "direct", said.ref.network)
    assert isinstance(order.op.content, Words)
    return order.op.content.text.plain


def test_a_host_holds_asks_and_hides_by_message() -> None:
    hour = at(6)
    hour.write(post("1", "A1: a name #WardChat", at=hour.now))
    assert message(hour, "@ours@chat.example hold", "dm-1") == [
        "Done: Q2 and what follows wait. To go on: resume."
    ]
    assert message(hour, "HIDE 1", "dm-2")[0].startswith("Done: entry 1 is hidden")
    assert message(hour, "ask What did @ann say?", "dm-3") == ["Done: the question goes out as Q4."]
    assert "Q4 What did ann say? #WardChat" in hour.texts("bluesky")
    assert hour.mirrored() == {}
    assert list(hour.entries) == [1], "none of it is an entry"
    assert hour.session.board("handovers", hour.now).log[-1] == "Wren Adair: the question goes out as Q4."


def test_it_is_obeyed_once_however_often_it_comes() -> None:
    hour = at(6)
    message(hour, "ask And you?")
    assert message(hour, "ask And you?") == []
    again = post(
        "dm-1", "ask And they?", by=WREN, reach="direct", mentions=("our:mastodon",), edited=hour.now
    )
    assert not hour.arrive(Edited(again))
    assert [i.label for i in hour.sheet.questions()] == ["Q1", "Q2", "Q3", "Q4"]


def test_what_is_no_command_gets_a_friendly_line_and_is_not_kept() -> None:
    hour = at(6)
    (said,) = message(hour, "A1: a secret, between us #WardChat")
    assert said.startswith("Hello! You can tell me what to do with the chat")
    assert "secret" not in journal(hour)
    assert hour.entries == {}
    (known,) = message(hour, "help", "dm-2")
    assert known.startswith("You can say: next, hold, ")
    assert message(hour, "help hide", "dm-3") == [f"{VERBS['hide'].usage}: {VERBS['hide'].about}"]


def test_what_would_be_a_form_is_told_in_one_line_and_long_answers_in_several() -> None:
    hour = at(6)
    assert message(hour, "ask") == ["Say it in one line: ask What helps newcomers?"]
    (status,) = message(hour, "status", "dm-2")
    assert status.startswith("Safer handovers: open, ends at 21:00 London time.\nNow: Q1.\nNext: Q2 at 20:15")
    message(hour, "plan " + "What helps? " * 60, "dm-3")
    several = message(hour, "preview Q4", "dm-4")
    assert len(several) > 1
    assert all(len(part) < 500 for part in several)


def test_only_hosts_and_only_alone() -> None:
    hour = at(6)
    assert message(hour, "hold", by="nurse") == []
    assert message(hour, "A1: between us #WardChat", "dm-2", by="nurse") == []
    assert hour.placed(post("dm-2"))[0] == (1,), "what others write so stays what it is"
    hour.write(post("3", "@ours hold #WardChat", by=WREN, mentions=("our:mastodon",), at=hour.now))
    hour.write(post("4", "hold #WardChat", by=WREN, reach="direct", at=hour.now))
    assert not hour.session.board("handovers", hour.now).on_hold
    assert message(hour, "stop", "dm-5", by=WREN)[0].startswith("Done: your posts are no longer shown")


def test_members_of_the_group_are_heard_there_too() -> None:
    hour = at(6)
    member = person("member", "slack", name="Mia Orr")
    assert message(hour, "hold", by=member, network="slack") == []
    hour.arrive(Leaders((member.account,)), "slack")
    assert message(hour, "hold", "dm-2", by=member, network="slack")[0].startswith("Done")


@pytest.mark.parametrize("minute", [6, 62])
def test_the_chat_that_is_open_is_meant(minute: int) -> None:
    later = chat(id="rounds", hashtag="Rounds", starts=chat().starts + 24 * 3_600_000_000)
    hour = Hour(community(later, chat()))
    hour.until(minute)
    assert message(hour, "status")[0].startswith("Safer handovers: ")


def test_a_host_who_is_forgotten_has_still_commanded() -> None:
    hour = at(6)
    message(hour, "ask And you?")
    message(hour, "forget me", "dm-2")
    again = Session()
    for recorded in msgspec.json.decode(msgspec.json.encode(hour.events), type=list[Recorded]):
        event = redact(hour.session.state, WREN.account, recorded.event)
        again.decide(Recorded(recorded.seq, recorded.at, event))
    assert again.digest() == hour.session.digest()


def test_two_at_once_are_both_decided() -> None:
    """A batch is admitted before any of it is decided."""
    hour = at(6)
    said = post("dm-1", "ask And you?", by=WREN, reach="direct", mentions=("our:mastodon",), at=hour.now)
    events = [hour.session.admit("mastodon", Written(said)) for _ in range(2)]
    for event in events:
        assert event is not None
        hour.event(event)
    assert [i.label for i in hour.sheet.questions()] == ["Q1", "Q2", "Q3", "Q4"]
