"""A journal that somebody's words have left: whoever else took part is where they were, and nothing names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Configured, Recorded
from bridge.model import Capabilities, Command, Gathered, Opened, Ref, Words
from tests.unit.hosting import at, gathered, three
from tests.unit.make import LIMITS, NETS, SLACK_HOST, STARTS, Hour, community, edited, journal, person, post
from tests.unit.test_forget import OURS, files, running, write

ALL = (
    "copies",
    "shown",
    "items",
    "endorsed",
    "measures",
    "notices",
    "hidings",
    "outward",
    "promoted",
    "alerts",
)


def hour_with(*posts: object) -> Hour:
    hour = Hour()
    hour.until(6)
    hour.write(*posts)  # type: ignore[arg-type]  # posts
    return hour


def forget(hour: Hour, by: str = "nurse-01") -> None:
    hour.write(post("dm", "@ours forget me", by=by, mentions=("our:mastodon",), reach="direct"))


def redacted(hour: Hour) -> list[Recorded]:
    """The journal as it is after all that was to leave it has left."""
    left = []
    for recorded in hour.events:
        event = recorded.event
        for what in hour.session.forgotten():
            event = redact(hour.session.state, what, event)  # type: ignore[arg-type]  # nothing expires here
        left.append(Recorded(recorded.seq, recorded.at, event))
    return left


def replayed(hour: Hour) -> Session:
    again = Session()
    for recorded in redacted(hour):
        again.decide(recorded)
    return again


def answer_to(hour: Hour, words: str) -> None:
    """Somebody answers to a post of ours on Mastodon, without the tag."""
    place = next(
        p for p, c in hour.standing["mastodon"].items() if isinstance(c, Words) and words in c.text.plain
    )
    hour.write(post("77", "I did not know that", by="gp", reply_to=Ref("mastodon", place)))


def same(hour: Hour, again: Session) -> None:
    ours, theirs = (s.state.chats["handovers"] for s in (hour.session, again))
    assert set(ours.timeline.entries) == set(theirs.timeline.entries), (
        "entries are lost, or numbered otherwise"
    )
    for field in ALL:
        assert getattr(ours, field) == getattr(theirs, field), field
    assert hour.session.state.purposes == again.state.purposes


@pytest.mark.parametrize("gather", [False, True])
@pytest.mark.parametrize(
    "before", ["nothing", "edit", "hide", "like", "reply", "note", "welcome", "move", "remove", "promote"]
)
def test_who_is_forgotten_leaves_everybody_else_where_they_were(before: str, gather: bool) -> None:
    hour = gathered(*three()) if gather else hour_with(*three())
    match before:
        case "edit":
            hour.edit(edited(three()[0], "A1: the blue lamp #WardChat"))
        case "hide" | "like":
            hour.command(before, "1")
        case "reply" | "note" | "welcome":
            hour.command(before, "1 Tell us of the lantern!")
        case "move":
            hour.command("move", "1 Q1")
        case "remove":
            hour.remove(three()[0])
        case "promote":
            hour.reply("promote", "1 What of lamps?", choice="name")
    if before in ("reply", "welcome"):
        answer_to(hour, "lantern")
    forget(hour)
    hour.write(post("8", "A1: after #WardChat", by="nurse-02"))
    again = replayed(hour)
    same(hour, again)
    assert "thing 1" not in repr(again.state)


@pytest.mark.parametrize("before", ["nothing", "show", "flood"])
def test_what_was_held_is_so_in_a_replay(before: str) -> None:
    """A link made it be held, which has left with the words, or a handle."""
    hour = hour_with(post("1", "A1: see https://lamps.example/1 #WardChat", by="nurse-01", at=STARTS))
    assert hour.entries[1].held is not None
    if before == "show":
        hour.command("show", "1")
    if before == "flood":
        hour.write(*(post(f"{n}", f"A1: thing {n} #WardChat", by="nurse-01") for n in range(2, 10)))
        assert hour.entries[9].held is not None
    forget(hour)
    again = replayed(hour)
    same(hour, again)
    assert hour.session.digest() == again.digest()
    assert "lamps" not in repr(again.state)
    assert "stays on" not in repr(again.view("handovers", "page", hour.now))


def test_the_message_that_bears_their_name_goes_and_is_not_only_reworded() -> None:
    """In the real engine a replay follows at once: it must know that the message bore a name."""
    hour = hour_with(*three())
    hour.down.add("slack")
    forget(hour)
    step = replayed(hour).following("slack", hour.now)
    assert step == hour.session.following("slack", hour.now)
    assert step is not None
    assert step.act == "retract"


@pytest.mark.parametrize("how", ["forget", "erase"])
def test_who_answers_a_reply_that_was_sent_out_stays(how: str) -> None:
    hour = hour_with(post("1", "A1: bed charts #WardChat", by="ann"))
    said = post("s1", ">1 We do this too", by="wil", network="slack")
    hour.write(said)
    wil = said.author.account
    assert hour.command("send", "2", by=wil).startswith("Done")
    assert hour.command("approve", "2").startswith("Done")
    hour.edit(edited(said, ">1 We do this as well"))
    answer_to(hour, "as well")
    assert hour.entries[3].reply_to == 2
    if how == "forget":
        hour.command("me", "forget", by=wil)
    else:
        hour.command("erase", "2")
    same(hour, replayed(hour))


def test_the_drafts_of_a_question_that_was_theirs_leave_too() -> None:
    """Its form begins with their words, and "Show as posted" hands them in."""
    for leave in (lambda hour: hour.command("erase", "1"), forget):
        hour = hour_with(post("1", "Q: how do you fold a paper lantern? #WardChat", by="nurse-01"))
        hour.reply(
            "preview", "how do you fold a paper lantern?", item="promote 1", chat="handovers", forms=True
        )
        hour.reply("promote", "1 how do you fold a paper lantern?" + "?" * 2_000)
        hour.reply("promote", "1 How do you fold?")
        leave(hour)
        left = repr(redacted(hour))
        assert "paper lantern" in journal(hour)
        assert "paper lantern" not in left
        assert "How do you fold?" in left, "that stands everywhere: the hosts are told"
        same(hour, replayed(hour))


def test_what_hosts_said_to_who_is_forgotten_leaves_with_them() -> None:
    """A welcome begins with their name."""
    hour = hour_with(*three())
    hour.command("welcome", "1 Welcome, Ignatius!")
    hour.command("welcome", "2 Welcome, Florence!")
    forget(hour)
    left = repr(redacted(hour))
    assert "Ignatius" not in left
    assert "Florence" in left
    same(hour, replayed(hour))


def test_a_host_who_speaks_by_message_is_treated_alike() -> None:
    hour = hour_with(*three())
    for n, words in enumerate(("reply 1 Was it Ignatius?", "reply 2 Was it Florence?", "hide 1")):
        hour.write(post(f"h{n}", f"@ours {words}", by="wren", mentions=("our:mastodon",), reach="direct"))
    hour.command("erase", "1")
    left = repr(redacted(hour))
    assert "Ignatius" not in left
    assert "Florence" in left
    same(hour, replayed(hour))


def test_what_was_refused_is_refused_again() -> None:
    """Two replies that are told apart, and one too long, are so without their words as well."""
    hour = hour_with(*three())
    hour.command("reply", f"1 {'long ' * 120}")
    assert hour.command("reply", "1 Thank you!").startswith("Done")
    assert hour.command("reply", "1 Bless you!").startswith("Done")
    assert "already" in hour.command("reply", "1 Thank you!")
    hour.down.add("slack")
    hour.command("erase", "1")
    hour.down.clear()
    hour.deliver()
    same(hour, replayed(hour))


@pytest.mark.parametrize("verb", ["reply", "welcome"])
def test_a_reply_that_waits_does_not_keep_whom_it_names(verb: str) -> None:
    """The network cannot be reached, and whom we answer wants to be forgotten."""
    hour = hour_with(*three())
    hour.down.add("mastodon")
    hour.command(verb, "1 Thank you!")
    (order,) = [o for o in hour.queued if o.lane == "people"]
    assert order.whose == person("nurse-01").handle
    assert "nurse-01" in repr(order.op)


async def test_neither_the_journal_nor_what_waits_to_be_sent_has_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for net in NETS:
            can = Capabilities(LIMITS[net.name], mirror=net.mirror, console=net.mirror)
            account = OURS.get(net.name, "slack:T1/UBOT")
            await engine.submit(Opened(net.name, account, "@chat", can))
        await write(engine, post("1", "A1: my paper lantern #WardChat", by="hedda"))
        for verb, text, item in (
            ("preview", "my paper lantern", "promote 1"),
            ("reply", "Dear Hedda, thank you!", "1"),
        ):
            await engine.submit(Arrived("slack", Command(verb, SLACK_HOST, "handovers", item, text=text)))
        dm = post("h", "@chat welcome 1 Hello Hedda", by="wren", mentions=(OURS["mastodon"],), reach="direct")
        await write(engine, dm)
        assert all(words in files(path) for words in (b"lantern", b"Dear Hedda", b"Hello Hedda", b"@hedda"))
        await write(
            engine, post("2", "@chat forget me", by="hedda", mentions=(OURS["mastodon"],), reach="direct")
        )
        left = [row.order for row in engine.journal.open_orders()]
        assert not any("Hedda" in repr(order.op) for order in left)
        live = engine.session.digest()
    assert [words for words in (b"lantern", b"Dear Hedda", b"Hello Hedda") if words in files(path)] == []
    async with running(path) as again:
        assert again.session.digest() == live


def test_a_message_of_several_loses_theirs_alone() -> None:
    hour = gathered(*three())
    place = at(hour, 1)
    forget(hour, "nurse-02")
    content = next(c for c in hour.standing["slack"].values() if isinstance(c, Gathered))
    assert "thing 2" not in repr(content)
    assert place.id not in hour.standing["slack"], "it bore a name"
    same(hour, replayed(hour))
