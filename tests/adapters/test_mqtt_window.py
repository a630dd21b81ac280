"""Numbered items over a channel that loses, doubles and swaps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt.window import BATCH, WINDOW, Entry, Incoming, Outgoing
from adapters.mqtt.wire import Items, Trouble
from bridge.model import Beat, Inbound


def item(number: int) -> Inbound:
    return Inbound("town", Beat(), str(number))


@given(st.data(), st.integers(0, 3 * WINDOW))
def test_everything_arrives_once_and_in_order(data: st.DataObject, many: int) -> None:
    """Whatever the broker does to the messages, as long as it lets one through now and then."""
    ours, theirs = Outgoing(), Incoming()
    to_put: list[Entry] = [*(item(n) for n in range(many)), Trouble("cursor", "the end")]
    sent, wire, came = list(to_put), list[Items](), list[Entry]()
    for turn in range(50 * (many + 10)):
        while to_put and not ours.full:
            ours.put(to_put.pop(0))
        assert len(ours._kept) <= WINDOW
        while (message := ours.take()) is not None:
            assert len(message.items) <= BATCH
            wire.append(message)
        fate = (
            data.draw(st.sampled_from(("arrives", "lost", "doubled", "swapped"))) if turn < 60 else "arrives"
        )
        if fate == "swapped":
            wire.reverse()
        if wire:
            message = wire.pop(0)
            for _ in range({"lost": 0, "doubled": 2}.get(fate, 1)):
                if not theirs.take(message) and theirs.gap():
                    ours.again(theirs.have)
        if not wire and ours.said > theirs.have:
            ours.again(theirs.have)  # a pulse told
        while len(came) < len(sent) and (entry := theirs.pop()) is not None:
            came.append(entry)
        ours.had(theirs.have, theirs.tell())
        if len(came) == len(sent):
            break
    assert came == sent


def test_nothing_is_taken_beyond_what_was_granted() -> None:
    ours, theirs = Outgoing(), Incoming()
    for put in range(1, WINDOW + 1):
        assert not ours.full
        ours.put(item(put))
    assert ours.full
    while (message := ours.take()) is not None:
        assert theirs.take(message)
    ours.had(theirs.have, theirs.tell())  # everything arrived, nothing was read
    assert ours.full
    assert theirs.pop() == item(1)
    ours.had(theirs.have, theirs.tell())
    ours.put(item(WINDOW + 1))
    assert ours.full, "there was room for one"


def test_a_gap_is_told_once() -> None:
    theirs = Incoming()
    assert not theirs.take(Items(5, (item(5),)))
    assert theirs.gap()
    assert not theirs.take(Items(6, (item(6),)))
    assert not theirs.gap()
    assert theirs.take(Items(1, (item(1),)))
    assert not theirs.take(Items(6, (item(6),)))
    assert theirs.gap()
