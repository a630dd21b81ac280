"""Replies that were sent out of a room, taken back: by their author, a host, or who they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.chat.session import Session
from bridge.chat.state import Arrived, Configured
from bridge.delivery import silenced
from bridge.model import (
    Capabilities,
    Command,
    Opened,
    Retract,
    Sent,
    Words,
)
from tests.unit.hosting import button, press
from tests.unit.make import NETS, SLACK_HOST, community, edited, person, post
from tests.unit.outwards import (
    ANN,
    answer,
    asked,
    hour_with,
    last,
    send,
    sent,
    theirs,
)
from tests.unit.test_forget import files, running, write

# ---------------------------------------------------------------- taken back


@pytest.mark.parametrize("stage", ["asked", "waiting", "sent"])
@pytest.mark.parametrize(
    "how",
    [
        "removed",
        "stop",
        "forget",
        "hide",
        "#nobridge",
        "their stop",
        "their forget",
        "their removal",
        "their hiding",
    ],
)
def test_it_goes_when_anybody_it_concerns_wants_it(how: str, stage: str) -> None:
    answered = theirs()
    hour = hour_with(answered)
    said = asked(hour)
    if stage == "waiting":
        hour.down.add("mastodon")
    if stage != "asked":
        hour.command("approve", "2")
    told = len(hour.whispers)
    direct: dict[str, Any] = {"mentions": ("our:mastodon",), "reach": "direct", "by": "midwife"}
    match how:
        case "removed":
            hour.remove(said)
        case "stop" | "forget":
            hour.command("me", how, by=ANN.account)
        case "hide":
            hour.command("hide", "2")
        case "#nobridge":
            hour.edit(edited(said, "So do we. #nobridge"))
        case "their stop":
            hour.write(post("9", "@ours stop", **direct))
        case "their forget":
            hour.write(post("9", "@ours forget me", **direct))
        case "their removal":
            hour.remove(answered)
        case "their hiding":
            hour.command("hide", "1")
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []
    assert not [o for o in hour.queued if o.network == "mastodon"]
    assert hour.session.state.chats["handovers"].outward == {}
    asked_of = [n for n in hour.notices() if "entry 2" in n.text or "Send this out" in n.text]
    assert not [b for n in asked_of for b in n.buttons if b.verb in ("approve", "decline", "takeback")]
    assert hour.command("approve", "2").startswith("Entry 2 is not waiting to be sent")
    assert (len(hour.whispers) > told) is how.startswith("their"), "who took it away knows"


def test_a_host_takes_it_back() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    assert hour.command("takeback", item="2") == "Done: the reply of entry 2 on Mastodon is taken back."
    assert sent(hour) == []
    assert "have taken your reply on Mastodon back" in last(hour)
    assert hour.command("takeback", item="2") == "Entry 2 is not sent out; nothing was done."
    assert len([o for o in hour.orders if isinstance(o.op, Retract)]) == 1
    assert send(hour, "2").startswith("The hosts have decided")


def test_a_host_takes_back_what_still_waits() -> None:
    hour = hour_with()
    asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    hour.command("takeback", "2")
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []
    assert order.id not in hour.made, "not even for a moment"
    assert not [n for n in hour.notices() if "could not" in n.text]


def test_what_is_just_going_out_is_taken_back_when_it_is_there() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    hour.remove(said)
    hour.settle(order, Sent(hour._act(order), "mastodon:late"))
    assert len(sent(hour)) == 1
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []


def test_a_bridges_copy_of_it_never_enters() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    there = next(
        p for p, c in hour.standing["mastodon"].items() if isinstance(c, Words) and "Ann," in c.text.plain
    )
    copy = post("c", "Ann, on Slack: So do we. #WardChat", network="bluesky", original=f"mastodon:{there}")
    hour.write(copy)
    assert hour.entry(copy) is None


def test_the_hosts_are_told_if_it_cannot_be_taken_back() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    hour.refusing["mastodon"] = "the server is closed"
    hour.command("takeback", "2")
    texts = [n.text for n in hour.notices()]
    assert (
        "On Mastodon, entry 2 may still have its reply: the server is closed. Take that back there." in texts
    )


def test_other_replies_stand() -> None:
    hour = hour_with()
    asked(hour)
    answer(hour, "s2", "And we.", by="porter")
    send(hour, "3", by=person("porter", "slack").account)
    for no in ("2", "3"):
        hour.command("approve", no)
    hour.command("hide", "2")
    assert sent(hour) == ["@midwife@ward.example Porter, on Slack: And we."]


def test_words_of_who_is_forgotten_leave_an_order_that_waits() -> None:
    hour = hour_with()
    asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    assert "So do we" in repr(order)
    assert "So do we" not in repr(silenced(order, {ANN.handle}))
    assert silenced(order, {"@somebody"}) is order


async def test_who_is_forgotten_leaves_no_words_in_the_journal_either(tmp_path: Path) -> None:
    """Neither in the order that waits, nor in what the hosts were asked."""
    path = tmp_path / "journal.db"
    hedda = person("hedda", "slack", name="Hedda")
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for net in NETS:
            can = Capabilities(net.limits, mirror=net.mirror, console=net.mirror)
            await engine.submit(Opened(net.name, f"our:{net.name}", "@chat", can))
        await write(engine, theirs(), post("s", ">1 My paper lantern.", by=hedda, network="slack"))
        for verb, by in (("send", hedda.account), ("approve", SLACK_HOST)):
            await engine.submit(Arrived("slack", Command(verb, by, text="2", name=by)))
        assert any("paper lantern" in repr(row.order.op) for row in engine.journal.open_orders())
        assert b"paper lantern" in files(path)
        await engine.submit(Arrived("slack", Command("me", hedda.account, text="forget", name="Hedda")))
        left = files(path)
        live = engine.session.digest()
    for words in (b"paper lantern", b"Hedda"):
        assert words not in left
    async with running(path) as again:
        assert again.session.digest() == live


async def test_nor_does_an_entry_that_is_erased(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for net in NETS:
            can = Capabilities(net.limits, mirror=net.mirror, console=net.mirror)
            await engine.submit(Opened(net.name, f"our:{net.name}", "@chat", can))
        await write(engine, theirs(), post("s", ">1 My paper lantern.", by=ANN, network="slack"))
        for verb, by in (("send", ANN.account), ("approve", SLACK_HOST), ("erase", SLACK_HOST)):
            await engine.submit(Arrived("slack", Command(verb, by, text="2", name=by)))
        assert b"paper lantern" not in files(path)
        assert engine.session.state.chats["handovers"].outward == {}


def test_what_goes_out_is_what_the_host_has_read() -> None:
    """Edited while the host reads it: the button they press is that of the old words."""
    hour = hour_with()
    said = asked(hour)
    (read,) = hour.notices()
    hour.edit(edited(said, "Mrs T of bed 4 was so funny."))
    (asks,) = hour.notices()
    assert press(hour, button(read, "approve")) == (
        "The author of entry 2 has edited it meanwhile; nothing was done. Read it anew, and decide then."
    )
    assert sent(hour) == []
    assert press(hour, button(asks, "approve")) == "Done: entry 2 goes out as a reply on Mastodon."


# ---------------------------------------------------------------- replay


def test_replay_equals_live() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.command("approve", "2")
    hour.edit(edited(said, "So do we, on Tuesdays."))
    hour.command("takeback", "2")
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()
