"""A host's reaction to a message whose order nobody has heard of yet."""

from __future__ import annotations

from bridge.chat.early import MOST
from bridge.model import Cancelled, Gathered, Order, Publish, Ref, Sent
from tests.unit.hosting import STRANGER, at, react, unreact
from tests.unit.make import Hour, post


def underway() -> tuple[Hour, Order]:
    """An answer is out in the room, and its order is not final."""
    hour = Hour()
    hour.until(6)
    hour.down.add("slack")
    hour.write(post("1", "A1: a name #WardChat"))
    step = hour.session.following("slack", hour.now)
    assert step is not None
    hour.event(step)
    (order,) = (o for o in hour.queued if isinstance(o.op, Publish) and isinstance(o.op.content, Gathered))
    return hour, order


def hidden(hour: Hour) -> bool:
    return hour.session.state.chats["handovers"].timeline.entries[1].hidden


def out(hour: Hour, order: Order, id_: str = "ours-900") -> None:
    """It turns out where the message stands."""
    assert isinstance(order.op, Publish)
    hour.standing["slack"][id_] = order.op.content
    hour.made[order.id] = id_
    hour.settle(order, Sent(Ref("slack", id_), f"slack:{id_}"))


def test_it_counts_when_the_order_is_final() -> None:
    hour, order = underway()
    assert react(hour, "hide", Ref("slack", "ours-900")) == ""
    assert not hidden(hour)
    out(hour, order)
    assert hidden(hour)
    hour.down.clear()
    hour.deliver()
    assert hour.cards() == []
    assert not hour.session.state.early


def test_it_may_have_been_taken_back_by_then() -> None:
    hour, order = underway()
    react(hour, "hide", Ref("slack", "ours-900"))
    unreact(hour, "restore", Ref("slack", "ours-900"))
    out(hour, order)
    assert not hidden(hour)


def test_nobody_else_hides_by_being_early() -> None:
    hour, order = underway()
    react(hour, "hide", Ref("slack", "ours-900"), by=STRANGER)
    out(hour, order)
    assert not hidden(hour)


def test_what_nothing_is_found_for_does_not_stay() -> None:
    hour, _ = underway()
    for n in range(MOST + 5):
        react(hour, "hide", Ref("slack", f"elsewhere-{n}"))
    assert len(hour.session.state.early) <= MOST
    for other in list(hour.queued):
        if other.network == "slack":
            hour.settle(other, Cancelled("not wanted"))
    assert not hour.session.state.early


def test_without_an_order_it_is_answered_at_once() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: a name #WardChat"))
    hour.deliver()
    react(hour, "hide", at(hour, 1))
    assert hidden(hour)
    assert not hour.session.state.early
