"""The hosts' room: who may say what, who leads, what stands still, and hosts who press at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.chat.commands import VERBS
from bridge.chat.community import SERVER
from bridge.chat.state import Arrived, Tick
from bridge.model import HOUR, MINUTE, Board, Button, Command, Form, Leaders, Notice
from bridge.settings import Host
from tests.unit.make import STARTS, Hour, at, chat, community, post

HOSTS = (
    Host("Ann Lee", (("slack", "UANN"),)),
    Host("Ben Poe", (("slack", "UBEN"),)),
    Host("Anna Roe", (("slack", "UANNA"),)),
)
ANN, BEN, NURSE, MEMBER = (f"slack:T1/U{name}" for name in ("ANN", "BEN", "NURSE", "MEMBER"))


def hosted(minute: float = 6) -> Hour:
    hour = Hour(community(chat(hosts=HOSTS)))
    hour.until(minute)
    return hour


def board(hour: Hour) -> Board:
    return hour.session.board("handovers", hour.now)


def button(hour: Hour, label: str) -> Button:
    return next(b for b in board(hour).buttons if b.label == label)


def press(hour: Hour, pressed: Button, by: str = ANN, **more: Any) -> Any:
    return hour.reply(
        pressed.verb, pressed.text, by=by, chat=pressed.chat, item=pressed.item, on=pressed.on, **more
    )


# ---------------------------------------------------------------- which chat


def typed(hour: Hour, words: str, by: str = ANN) -> str:
    """`/chat`: what is typed, as a link reports it."""
    verb, _, text = words.partition(" ")
    before = len(hour.answers)
    hour.arrive(Command(verb, by, text=text, answer="here"), "slack")
    return hour.answers[before]


def test_where_several_could_be_meant_a_chat_is_named_before_the_rest() -> None:
    """A day after the hour its late window is open, and the next chat is planned."""
    later: dict[str, Any] = {"starts": STARTS + 24 * HOUR, "ends": STARTS + 25 * HOUR, "questions": ()}
    hour = Hour(community(chat(hosts=HOSTS), chat(id="Drills", hashtag="Drills", hosts=HOSTS[1:], **later)))
    hour.until(6)
    hour.write(post("1", "A1: bed nine #WardChat", at=hour.now))
    hour.until(90)
    assert typed(hour, "hide 1") == "Say first which chat you mean: handovers hide or Drills hide …"
    assert typed(hour, "drills hold", by=BEN).startswith("Done")
    assert typed(hour, "drills hold").startswith("Only the hosts of this chat"), "she leads the other one"
    assert typed(hour, "handovers hide 1", by=NURSE).startswith("Only the hosts of this chat")
    assert typed(hour, "handovers  Hide 1") == "Done: entry 1 is hidden."
    assert typed(hour, "wards hide 1").startswith("Say first which chat you mean")


# ---------------------------------------------------------------- whose word counts


@pytest.mark.parametrize("verb", sorted(verb for verb, said in VERBS.items() if not said.anybody))
def test_nobody_but_a_host_commands(verb: str) -> None:
    hour = at(6)
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    before = [o.id for o in hour.orders]
    sheet = repr(hour.sheet)
    for more in ({}, {"forms": True}, {"item": "1"}, {"item": "q2"}, {"choice": "5"}):
        said = hour.reply(verb, "1 Q1 words", by=NURSE, **more)
        assert isinstance(said, str)
        assert said.startswith("Only the hosts of this chat can do that.")
    assert [o.id for o in hour.orders] == before
    assert repr(hour.sheet) == sheet
    assert board(hour).log == ()


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_from_the_server_everything_is_said_in_one_line(verb: str) -> None:
    hour = at(6)
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    for words in ("", "1", "1 Q1"):
        command = Command(verb, SERVER, chat="handovers", text=words, name="The server", answer="1")
        (answer,) = hour.event(Arrived(SERVER, command)).answers
        assert not isinstance(answer[2], Form)
        assert answer[2] != ""


def test_members_of_the_group_command_until_they_leave_it() -> None:
    hour = at(6)
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    assert hour.command("hold", by=MEMBER).startswith("Only the hosts")
    assert hour.arrive(Leaders((MEMBER,)), "slack")
    assert not hour.arrive(Leaders((MEMBER,)), "slack"), "nothing is new"
    assert hour.command("hold", by=MEMBER, name="Mia Orr").startswith("Done")
    assert hour.command("reply", "1 Thank you!", by=MEMBER, name="Mia Orr").startswith("Done")
    assert hour.texts("mastodon")[-1].endswith("Thank you! ^MO")
    assert hour.command("lead", by=MEMBER, name="Mia Orr") == "Done: Mia Orr leads now."
    assert board(hour).lead == "Mia Orr"
    hour.event(Arrived("mastodon", Command("resume", MEMBER, answer="there")))
    assert hour.answers[-1].startswith("Only the hosts"), "the group is one room's"
    hour.arrive(Leaders(()), "slack")
    assert hour.command("resume", by=MEMBER).startswith("Only the hosts")


def test_help_says_to_everybody_what_they_can_say() -> None:
    hour = hosted()
    told = hour.reply("help", by=ANN)
    assert isinstance(told, Notice)
    for said in VERBS.values():
        assert f"{said.usage}: {said.about}" in told.text
    assert told.text.startswith("The run sheet\nnext: ")
    theirs = hour.reply("help", by=NURSE)
    assert isinstance(theirs, Notice)
    assert "me: " in theirs.text
    assert "hide 42" not in theirs.text
    assert hour.command("help", "hide", by=ANN) == f"{VERBS['hide'].usage}: {VERBS['hide'].about}"
    assert isinstance(hour.reply("help", "hide", by=NURSE), Notice)


def test_home_is_the_board_for_a_host_and_their_own_record_for_everybody_else() -> None:
    hour = hosted()
    assert hour.reply("home", by=ANN) == board(hour)
    assert hour.reply("status", by=ANN) == board(hour)
    record = hour.reply("home", by=NURSE)
    assert isinstance(record, Notice)
    assert "We hold nothing of yours." in record.text


def test_home_is_of_the_chat_one_leads_that_goes_on_or_comes_next() -> None:
    ann, ben, anna = HOSTS
    week = 7 * 24 * HOUR
    later: dict[str, Any] = {
        "starts": STARTS + week,
        "ends": STARTS + week + HOUR,
        "late_until": STARTS + week + 25 * HOUR,
    }
    hour = Hour(
        community(chat(hosts=(ann, ben)), chat(id="drills", hashtag="Drills", hosts=(ann, anna), **later))
    )
    whose = {by: hour.reply("home", by=by) for by in (ANN, BEN, "slack:T1/UANNA")}
    assert {by: said.chat for by, said in whose.items() if isinstance(said, Board)} == {
        ANN: "handovers",
        BEN: "handovers",
        "slack:T1/UANNA": "drills",
    }
    hour.until(26 * 60)  # the first is over, but for what still comes in late
    said = hour.reply("home", by=ANN)
    assert isinstance(said, Board)
    assert said.chat == "drills"


def test_who_did_what_is_told_by_the_names_of_the_config() -> None:
    """A reaction comes without a name, and what people are called in Slack need not say who they are."""
    hour = hosted()
    hour.reply("hold", by=ANN, name="")
    hour.reply("resume", by=BEN, name="bp")
    assert [line.partition(":")[0] for line in board(hour).log] == ["Ann Lee", "Ben Poe"]


# ---------------------------------------------------------------- who leads


def test_the_first_host_leads_until_another_does() -> None:
    hour = hosted()
    assert board(hour).lead == "Ann Lee"
    assert hour.command("lead", by=BEN, name="ben") == "Done: Ben Poe leads now."
    assert board(hour).lead == "Ben Poe"
    assert board(hour).log[-1] == "Ben Poe: Ben Poe leads now."
    assert hour.command("lead", by=BEN) == "Ben Poe leads already."
    assert hour.command("lead", "roe", by=BEN) == "Done: Anna Roe leads now."
    assert hour.command("lead", "ANN LEE", by=BEN) == "Done: Ann Lee leads now."
    assert hour.command("lead", "ann", by=BEN) == "Say which host leads: Ann Lee or Anna Roe."
    assert hour.command("lead", "zoe", by=BEN) == "Say which host leads: Ann Lee, Ben Poe, Anna Roe."
    assert board(hour).lead == "Ann Lee"


def test_handing_over_is_picking_one_of_the_others() -> None:
    hour = hosted()
    given = press(hour, button(hour, "Hand over…"), forms=True)
    assert isinstance(given, Form)
    assert [c.value for c in given.choices] == ["Ben Poe", "Anna Roe"]
    handed: dict[str, Any] = {"by": ANN, "chat": given.chat, "item": given.item}
    assert hour.command("lead", choice="Ben Poe", **handed) == "Done: Ben Poe leads now."
    assert hour.command("lead", choice="Anna Roe", **handed) == "Ben Poe leads by now; nothing was done."
    assert board(hour).lead == "Ben Poe"


def test_where_there_is_nobody_to_hand_over_to() -> None:
    hour = at(6)
    assert "no other host" in press(hour, button(hour, "Hand over…"), by="slack:T1/UHOST", forms=True)
    hour = Hour(community(chat(hosts=())))
    assert board(hour).lead == ""
    command = Command("lead", SERVER, chat="handovers", answer="1")
    assert hour.event(Arrived(SERVER, command)).answers[0][2] == "Say who leads: lead Ann"


# ---------------------------------------------------------------- what stands still


def test_a_blackout_keeps_what_is_new_off_the_page_until_it_is_lifted() -> None:
    hour = hosted()
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    said = press(hour, button(hour, "Freeze the page"))
    assert said.startswith("Done: page, wall and feed stand still.")
    assert (
        press(hour, Button("", "blackout", "handovers", text="on"))
        == "Page, wall and feed stand still already."
    )
    assert board(hour).blackout
    hour.write(post("2", "A1: we write it down #WardChat", by="nurse-02", at=hour.now))
    assert [e.no for e in hour.session.view("handovers", "page", hour.now).entries] == [1]
    hour.command("hide", "1", by=ANN)
    assert hour.session.view("handovers", "page", hour.now).entries == ()
    assert press(hour, button(hour, "Let the page go on")).startswith("Done: page, wall and feed go on")
    assert [e.no for e in hour.session.view("handovers", "page", hour.now).entries] == [2]
    assert hour.command("blackout", "off", by=ANN) == "Page, wall and feed go on already."
    assert hour.command("blackout", "maybe", by=ANN).startswith("Say which")
    assert "stand still" in board(hour).log[-3]


# ---------------------------------------------------------------- the board


def test_the_boards_buttons_name_what_they_mean() -> None:
    hour = hosted()
    assert [(b.label, b.verb, b.item) for b in board(hour).buttons] == [
        ("Next: Q2", "next", "q2"),
        ("Hold", "hold", "q2"),
        ("Skip Q2", "skip", "q2"),
        ("Extend 5 min", "extend", str(hour.sheet.ends)),
        ("Ask…", "ask", None),
        ("Say…", "say", None),
        ("Hand over…", "lead", "Ann Lee"),
        ("Freeze the page", "blackout", None),
        ("End the chat", "end", "closing"),
    ]
    end = board(hour).buttons[-1]
    assert end.style == "danger"
    assert end.confirm
    hour.command("hold", by=ANN)
    assert button(hour, "Resume").item == "q2"
    hour.until(61)
    hour.command("end", by=ANN)
    assert [b.verb for b in board(hour).buttons] == ["say", "lead", "blackout"]
    hour.until(27 * 60)
    assert board(hour).buttons == ()
    hour.command("blackout", by=ANN, chat="handovers")
    assert [b.label for b in board(hour).buttons] == ["Let the page go on"]


@pytest.mark.parametrize(
    ("label", "twice"),
    [
        ("Next: Q2", "Q2 is already posted; nothing was done."),
        ("Hold", "Q2 is already on hold."),
        ("Skip Q2", "Q2 is already skipped; nothing was done."),
        ("Extend 5 min", "The chat was moved already, it ends at 21:05 London time; nothing was done."),
        ("Freeze the page", "Page, wall and feed stand still already."),
        ("End the chat", "The chat is already closed."),
    ],
)
def test_two_hosts_who_press_at_once_do_one_thing(label: str, twice: str) -> None:
    hour = hosted()
    pressed = button(hour, label)
    assert press(hour, pressed, ANN).startswith("Done")
    after = repr(hour.sheet)
    assert press(hour, pressed, BEN) == twice
    assert repr(hour.sheet) == after
    hour.event(Tick())
    hour.deliver()
    posted = hour.went_out["slack"]
    assert len(set(posted)) == len(posted)


def test_lines_say_how_long_they_are_and_what_can_still_be_said_otherwise() -> None:
    hour = hosted()
    lines = {line.id: line for line in board(hour).lines}
    assert [c.title for c in lines["q2"].counts] == ["Mastodon", "Bluesky", "Slack"]
    assert [(c.used, c.most, c.posts) for c in lines["q2"].counts] == [
        (49, 500, 1),
        (49, 300, 1),
        (49, 3000, 1),
    ]
    assert (lines["q1"].counts, lines["q1"].editable) == ((), False)
    assert [i for i, line in lines.items() if line.editable] == ["q2", "q3"]
    assert lines["recap"].counts == ()
    assert lines["closing"].counts
    hour.command("edit", "Q3 " + "What helps? " * 40, by=ANN)
    (size,) = [
        c for line in board(hour).lines for c in line.counts if (line.id, c.title) == ("q3", "Bluesky")
    ]
    assert size.posts == 2
    assert 250 < size.used <= 300


def test_preview_shows_the_next_item_or_the_one_named() -> None:
    hour = hosted()
    shown = hour.reply("preview", by=ANN)
    assert isinstance(shown, Notice)
    assert shown.text == (
        "Q2, at 20:15 London time\n\n"
        "Mastodon, 49 of 500; Bluesky, 49 of 300; Slack, 49 of 3000: "
        "Q2 What did your team learn in round 2? #WardChat"
    )
    closing = hour.reply("preview", "closing", by=ANN)
    assert isinstance(closing, Notice)
    assert "Thank you, everyone!" in closing.text
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    hour.now += 3 * MINUTE
    recap = hour.reply("preview", "recap", by=ANN)
    assert isinstance(recap, Notice)
    assert "So far: 1 answer." in recap.text
    whole = hour.reply("preview", item="recap", by=ANN)
    assert isinstance(whole, Notice)
    assert "The whole hour: 1 answer." in whole.text
    assert hour.command("preview", "Q9", by=ANN).startswith("There is no item 'Q9'")
    hour.until(61)
    assert hour.command("preview", by=ANN) == "Everything on the run sheet has gone out."
    assert hour.sheet.starts == STARTS
