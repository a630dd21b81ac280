"""An entry's words leave for good: every screen, the journal and its log, and they never come back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bridge import delivery
from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Configured, Erased, Leaving, Recorded, Settled
from bridge.engine import Engine
from bridge.journal import Redacted
from bridge.model import (
    MINUTE,
    Board,
    Capabilities,
    Command,
    Edited,
    Gathered,
    Inbound,
    Malformed,
    Notice,
    Opened,
    Order,
    OrderId,
    Post,
    Publish,
    Ref,
    Sent,
    Text,
    Waiting,
    Words,
    Written,
)
from bridge.outbox import Outbox
from tests.unit.hosting import gathered, three
from tests.unit.make import LIMITS, LONG, SLACK_HOST, STARTS, Hour, community, edited, person, post
from tests.unit.test_delivery import card
from tests.unit.test_forget import OURS, files, running, write

SECRET = "A1: bed nine is called Ignatius #WardChat #Ignatius"
WORDS = (b"Ignatius", b"bed nine", b"Ignatz", b"paper lantern", b"tell us of the lantern", b"Florence")


def hour_with(*posts: Post) -> Hour:
    hour = Hour()
    hour.until(6)
    hour.write(*posts)
    return hour


def twins() -> tuple[Post, Post]:
    words = f"A1: {LONG} #WardChat"
    return post("1", words), post("2", words, network="bluesky")


# ---------------------------------------------------------------- off every screen


def test_it_leaves_with_all_that_hung_on_it() -> None:
    hour = hour_with(*twins(), post("3", "A1: yes #WardChat", by="midwife", reply_to=Ref("mastodon", "1")))
    hour.command("like", "1")
    hour.command("reply", "1 Tell us more!")
    assert hour.command("erase", "1") == "Done: entry 1 is erased, here and in our records."
    assert set(hour.mirrored()) == {2}
    assert hour.endorsed == {}
    assert not any("Tell us more!" in words for words in hour.texts("mastodon"))
    assert hour.session.entry("handovers", 1, "hosts") is None
    assert hour.entries[2].reply_to is None
    assert hour.command("erase", "1") == "Entry 1 is already erased."
    for verb in ("hide", "restore", "like", "reply", "block"):
        assert hour.command(verb, "1 x") == "There is no entry 1. It may be gone already."


@pytest.mark.parametrize("waiting", [False, True])
def test_a_reply_that_waits_never_goes_out(waiting: bool) -> None:
    hour = hour_with(post("1", SECRET))
    if waiting:
        hour.down.add("mastodon")
    hour.command("reply", "1 Tell us more!")
    hour.command("erase", "1")
    hour.down.clear()
    hour.deliver()
    assert not any("Tell us more!" in words for words in hour.texts("mastodon"))
    assert hour.queued == []


def test_of_a_gathered_message_the_others_stay() -> None:
    hour = gathered(*three())
    hour.command("erase", "2")
    assert set(hour.mirrored()) == {1, 3}


def test_it_never_comes_in_again() -> None:
    one, two = twins()
    hour = hour_with(one, two)
    hour.command("erase", "1")
    events = len(hour.events)
    for again in (
        one,
        two,
        edited(one, SECRET),
        msgspec.structs.replace(one, ref=Ref("mastodon", "elsewhere")),
    ):
        assert not hour.arrive(_written(again))
    copy = post("9", SECRET, network="bluesky", by="bridged", original=one.uri)
    assert not hour.arrive(_written(copy), "bluesky")
    assert not hour.remove(one)
    assert len(hour.events) == events
    assert hour.entries == {}


def _written(what: Post) -> Edited | Written:
    return Edited(what) if what.edited else Written(what)


def test_what_its_author_has_removed_can_be_erased_too() -> None:
    one = post("1", SECRET)
    hour = hour_with(one)
    hour.remove(one)
    assert hour.command("erase", "1") == "Done: entry 1 is erased, here and in our records."
    (gone,) = hour.session.forgotten()
    assert isinstance(gone, Erased)
    assert gone.uris == ("mastodon:1",)
    assert hour.command("erase", "7") == "There is no entry 7. It may be gone already."


def test_the_hosts_message_about_it_is_closed_and_what_asks_about_it() -> None:
    hour = hour_with(post("1", SECRET), post("2", "A1: see https://lantern.example #WardChat", by="gp"))
    hour.command("hide", "1")
    hour.command("erase", "1")
    hour.command("erase", "2")
    assert [(n.text, n.buttons, n.card) for n in hour.notices()] == [
        ("Entry 2 is erased by Wren Adair.", (), None),
        ("Entry 1 is erased. Wren Adair hid it. Wren Adair erased entry 1.", (), None),
    ]


def test_in_a_room_the_message_itself_stays_until_somebody_deletes_it() -> None:
    hour = hour_with(post("s1", "A1: bed nine", network="slack"))
    assert hour.command("erase", "1") == (
        "Done: entry 1 is erased, here and in our records. In Slack its author or an admin can delete the message "
        "itself."
    )


# ---------------------------------------------------------------- a replay of what is left


def redacted(hour: Hour) -> Session:
    """A session over the journal as it is after all that was to leave it has left."""
    again = Session()
    for recorded in hour.events:
        event = recorded.event
        for what in hour.session.forgotten():
            assert not isinstance(what, Leaving)
            event = redact(hour.session.state, what, event)
        again.decide(Recorded(recorded.seq, recorded.at, event))
    return again


@pytest.mark.parametrize("gather", [False, True])
@pytest.mark.parametrize(
    "before", ["nothing", "edit", "hide", "like", "reply", "note", "twin", "move", "remove"]
)
def test_a_replay_without_the_words_comes_to_the_same(before: str, gather: bool) -> None:
    """Messages, endorsements and orders under way are those that the networks have."""
    hour = gathered(*three()) if gather else hour_with(*three())
    one = three()[0]
    match before:
        case "edit":
            hour.edit(edited(one, SECRET))
        case "hide" | "like":
            hour.command(before, "1")
        case "reply" | "note":
            hour.command(before, "1 Tell us of the lantern!")
        case "twin":
            first, second = twins()
            hour.write(first, second)
            hour.command("erase", "4")
        case "move":
            hour.command("move", "1 Q1")
        case "remove":
            hour.remove(one)
    hour.down.add("mastodon")
    hour.command("like", "2")
    hour.command("erase", "1")
    hour.down.clear()
    hour.write(post("8", "A1: after #WardChat", by="nurse-01"))
    hour.deliver()
    again = redacted(hour)
    ours, theirs = (s.state.chats["handovers"] for s in (hour.session, again))
    for field in ("copies", "shown", "endorsed", "erased", "notices", "hidings", "items", "measures"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert hour.session.state.purposes == again.state.purposes
    assert {no: e.questions for no, e in ours.timeline.entries.items()} == {
        no: e.questions for no, e in theirs.timeline.entries.items()
    }
    assert "thing 1" not in repr(again.state)
    assert "lantern" not in repr(again.state)


# ---------------------------------------------------------------- the journal


HEDDA = person("hedda", name="Florence the Terrible")


async def hold_a_chat(engine: Engine) -> None:
    """Hedda's words come to stand everywhere: edited, copied into a room that cannot be reached, answered."""
    await engine.submit(Configured(community()))
    for network, account in OURS.items():
        await engine.submit(Opened(network, account, "@chat", Capabilities(LIMITS[network])))
    room = Capabilities(LIMITS["slack"], mirror=True, console=True)
    await engine.submit(Opened("slack", "slack:T1/UBOT", "@chat", room))
    first = post("1", SECRET, by=HEDDA, warning="about Ignatz")
    await write(engine, first, edited(first, "A1: my paper lantern #WardChat"))
    await write(engine, post("2", "A1: another thing #WardChat"))
    await engine.arrive(Inbound("mastodon", Malformed(b"bed nine, once more", "not JSON")))
    await engine.arrive(Inbound("bluesky", Malformed(b"a kettle", "not JSON")))
    await engine.caught_up()
    step = engine.session.following("slack", STARTS + 10 * MINUTE)
    assert step is not None
    await engine.submit(step)
    await command(engine, "reply", "Do tell us of the lantern!")


async def command(engine: Engine, verb: str, text: str = "") -> None:
    await engine.submit(Arrived("slack", Command(verb, SLACK_HOST, entry=1, text=text, answer="here")))


def left(path: Path) -> list[bytes]:
    return [words for words in WORDS if words in files(path)]


async def test_no_word_is_left_in_the_journal_or_its_log(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        assert left(path) == list(WORDS)
        await command(engine, "erase")
        assert left(path) == []
        live = engine.session.digest()
        assert b"another thing" in files(path)
        assert b"a kettle" in files(path), "what was set aside from another network cannot be hers"
    assert left(path) == []
    async with running(path) as again:
        assert again.session.digest() == live
        await again.arrive(Inbound("mastodon", _written(post("1", SECRET, by=HEDDA))))
        await again.caught_up()
        assert left(path) == []


async def test_what_waits_to_be_sent_has_no_words_either(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        outbox = Outbox(engine, engine.journal.open_orders())
        engine.released.forgotten = outbox.forget
        await command(engine, "erase")
        for network in outbox._networks.values():
            for lane in network.lanes.values():
                assert not any(words.decode() in repr(list(lane)) for words in WORDS)


async def test_an_erasure_that_was_cut_short_is_done_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        engine.journal.redact = _nothing  # type: ignore[method-assign, assignment]  # stands for a crash right after the commit
        await hold_a_chat(engine)
        await command(engine, "erase")
        assert left(path) == list(WORDS)
    async with running(path) as again:
        await again.forget(*again.session.forgotten())
        assert left(path) == []
        once = again.session.digest()
        await again.forget(*again.session.forgotten())
        assert again.session.digest() == once


async def _nothing(*_: object) -> Redacted:
    return Redacted(0, frozenset())


async def test_a_copy_that_was_in_flight_is_taken_away_when_it_stands(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db") as engine:
        await hold_a_chat(engine)
        (order,) = [r.order for r in engine.journal.open_orders() if r.order.lane == "mirror"]
        await command(engine, "erase")
        await engine.submit(Settled(order.id, Sent(Ref("slack", "5"), "slack:5")))
        step = engine.session.following("slack", STARTS + 20 * MINUTE)
        assert step is not None
        assert (step.act, step.entries) == ("retract", ())


# ---------------------------------------------------------------- orders


def order(content: Gathered | Notice | Board | Words, lane: str, **more: object) -> Order:
    return Order((4, 0), "slack", lane, 1, Publish(content), **{"chat": "handovers", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("trace", [("handovers", 1), (4, 0), ("handovers", 2), ("rounds", 1), (4, 1)])
def test_only_orders_that_show_it_are_silenced(trace: tuple[str, int] | OrderId) -> None:
    theirs = trace == ("handovers", 1)
    mine = card("@ann@mas.to")
    shown = (order(Gathered((mine,)), "mirror"), order(Notice("Held", card=mine), "hosts"))
    for each in shown:
        assert ("lantern" not in repr(delivery.silenced(each, [trace]))) is (theirs or trace == (4, 0))
    said = order(Words(Text("my lantern")), "people")
    assert ("lantern" not in repr(delivery.silenced(said, [trace]))) is (trace == (4, 0))


def test_a_board_loses_its_lists() -> None:
    waiting = Waiting(card("@ann@mas.to"), "first time here", ())
    board = Board("handovers", "Safer handovers", "WardChat", 1, "open", 1, 2, "UTC", asked=(waiting,))
    silent = delivery.silenced(order(board, "hosts"), [("handovers", 1)])
    assert "lantern" not in repr(silent)
    assert isinstance(silent.op, Publish)
    assert isinstance(silent.op.content, Board)
    assert silent.op.content.title == "Safer handovers"
