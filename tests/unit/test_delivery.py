"""Every step of an order, as a table."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from bridge import delivery
from bridge.delivery import FINAL, STEPS, Row, State
from bridge.errors import IllegalTransition
from bridge.model import (
    HOUR,
    SECOND,
    Capabilities,
    Card,
    Content,
    Endorse,
    Gathered,
    Lane,
    Limits,
    Notice,
    Order,
    Publish,
    Ref,
    Text,
    Words,
)

MASTODON = Capabilities(Limits(500), resend="same_key", key_lasts=3600.0)
BLUESKY = Capabilities(Limits(300), resend="same_key")
SLACK = Capabilities(Limits(3500), resend="look_first", settle=30.0)
NOW = 1_000 * SECOND
EVENTS = sorted({event for _, event in STEPS})


def row(state: State = "queued", **more: Any) -> Row:
    late = more.pop("not_after", None)
    order = Order((1, 0), "one", "sheet", 1, Publish(Words(Text("hello"))), not_after=late)
    return Row(order, state, **more)


def test_a_like_is_given_again_rather_than_looked_for() -> None:
    it = Row(Order((1, 0), "one", "people", 1, Endorse(Ref("one", "1"), "like")), "unclear", tried=NOW)
    for can in (MASTODON, BLUESKY, SLACK):
        assert delivery.may_resend(it, can, NOW + 24 * HOUR)


@pytest.mark.parametrize("lane", get_args(Lane))
def test_of_what_was_said_in_answer_to_people_nothing_is_kept(lane: Lane) -> None:
    order = Order((1, 0), "one", lane, 1, Publish(Words(Text("@ann thank you"))))
    assert delivery.kept(Row(order)) == order
    assert ("ann" in repr(delivery.kept(Row(order, "sent")))) is (lane == "sheet")


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("event", EVENTS)
def test_only_the_steps_of_the_table(state: State, event: str) -> None:
    it = row(state)
    if (state, event) in STEPS:
        it.step(event)
        assert it.state == STEPS[state, event]
    else:
        with pytest.raises(IllegalTransition):
            it.step(event)


def test_nothing_follows_what_is_final() -> None:
    assert not [state for state, _ in STEPS if state in FINAL]
    assert set(get_args(State)) - FINAL == {state for state, _ in STEPS}


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 2), (1, 4), (2, 8), (4, 32), (5, 60), (50, 60)])
def test_waits_double_up_to_a_minute(attempts: int, seconds: float) -> None:
    assert delivery.wait(attempts) == seconds


@pytest.mark.parametrize(
    ("asked", "attempts", "waits"), [(30.0, 0, 30), (0.0, 0, 2), (0.0, 3, 16), (300.0, 9, 300)]
)
def test_a_retry_comes_no_sooner_than_the_network_asked(asked: float, attempts: int, waits: float) -> None:
    it = row("in_flight", attempts=attempts, tried=NOW)
    delivery.retry(it, asked, NOW)
    assert (it.state, it.not_before - NOW) == ("queued", waits * SECOND)
    assert (it.attempts, it.tried) == (attempts + 1, 0)


def test_a_retry_of_what_may_have_been_done_stays_unclear() -> None:
    it = row("unclear", tried=NOW - SECOND)
    it.step("dispatch")
    delivery.retry(it, 5.0, NOW)
    assert (it.state, it.tried) == ("unclear", NOW - SECOND)


@pytest.mark.parametrize(("can", "waits"), [(MASTODON, 2), (BLUESKY, 2), (SLACK, 30)])
def test_an_unclear_order_waits_until_the_network_has_settled(can: Capabilities, waits: float) -> None:
    it = row("in_flight", tried=NOW)
    delivery.lose(it, can, NOW)
    assert (it.state, it.not_before - NOW) == ("unclear", waits * SECOND)


@pytest.mark.parametrize(
    ("can", "tried_before", "late", "may"),
    [
        (MASTODON, 10 * SECOND, False, True),
        (MASTODON, HOUR, False, False),  # the server has forgotten the key
        (BLUESKY, 9 * HOUR, False, True),
        (BLUESKY, SECOND, True, False),  # it must not appear now
        (SLACK, SECOND, False, False),
    ],
)
def test_when_the_identical_order_may_be_sent_again(
    can: Capabilities, tried_before: int, late: bool, may: bool
) -> None:
    it = row("unclear", tried=NOW - tried_before, not_after=NOW - 1 if late else NOW + 1)
    assert delivery.may_resend(it, can, NOW) is may


def test_looking_is_given_up_in_the_end() -> None:
    it = row("unclear")
    looks = 1
    while delivery.look_again(it, NOW):
        looks += 1
    assert looks == delivery.MOST_LOOKS


ANN = "@ann@mas.to"


def shows(content: Content, lane: Lane) -> Order:
    return Order((1, 0), "one", lane, 1, Publish(content))


def card(handle: str) -> Card:
    return Card(1, "A1 · 1", "Ann", handle, ("Mastodon",), Text("my paper lantern"), NOW)


@pytest.mark.parametrize(
    ("handle", "theirs"), [(ANN, True), ("@ann@mas.town", False), ("@joann@mas.to", False), ("", False)]
)
def test_only_the_cards_of_who_is_forgotten_are_silenced(handle: str, theirs: bool) -> None:
    merged, notice = (
        shows(Gathered((card(handle),)), "mirror"),
        shows(Notice("Held", card=card(handle)), "hosts"),
    )
    for order in (merged, notice):
        silent = delivery.silenced(order, [ANN])
        assert ("lantern" not in repr(silent)) is theirs
        assert delivery.is_silent(silent) is theirs


@pytest.mark.parametrize(
    ("forgotten", "text", "theirs"),
    [
        (ANN, "Held: a link in the first post of @ann@mas.to. Nobody else sees it yet.", True),
        (ANN, "more than 6 posts a minute from @ann@mas.to", True),
        (ANN, "a link in the first post of @ann@mas.town.", False),
        (ANN, "a link in the first post of @ann@mas.to.example.", False),
        ("ann.example", "a link in the first post of jo-ann.example.", False),
        ("ann.example", "a link in the first post of ann.example.", True),
        ("ann.example", "a link in the first post of @ann.example", False),
    ],
)
def test_a_message_that_names_who_is_forgotten_is_silenced(forgotten: str, text: str, theirs: bool) -> None:
    assert delivery.is_silent(delivery.silenced(shows(Notice(text), "hosts"), [forgotten])) is theirs
