"""Hosts steer the hour: what their controls do, and hosts who press at the same time."""

from __future__ import annotations

import pytest

from bridge.chat.state import Arrived
from bridge.model import MINUTE, SECOND, Board, Command, Notice, Opened
from bridge.settings import Host
from tests.unit.make import STARTS, Hour, chat, community, post
from tests.unit.test_conduct import buttons, press, state


def test_what_is_due_goes_out_before_what_a_host_says_now() -> None:
    """A host speaks the moment we are back, before any Tick."""
    hour = Hour()
    hour.until(4)
    hour.now = STARTS + 6 * MINUTE
    hour.command("ask", "And you?")
    assert hour.went_out["bluesky"] == ["welcome", "q1", "q4"]


def test_only_hosts_command() -> None:
    hour = Hour()
    hour.until(1)
    for verb in ("next", "end", "hide", "say"):
        assert hour.command(verb, "1", by="slack:T1/UNURSE").startswith("Only the hosts")
    assert hour.sheet.current().id == "welcome"  # type: ignore[union-attr]  # it has gone out
    assert "say1" not in [i.id for i in hour.sheet.items]
    assert not hour.session.state.chats["handovers"].log


def test_a_host_by_mastodon_account_commands_too() -> None:
    hour = Hour()
    hour.until(1)
    hour.event(Arrived("mastodon", Command("next", "acct:wren@ward.example", answer="there")))
    assert hour.answers[-1] == "Done: Q1 goes out now."
    hour.event(Arrived("bluesky", Command("next", "acct:wren@ward.example", answer="there")))
    assert hour.answers[-1].startswith("Only the hosts"), "an account counts on its own network only"


ANN_HERE = "slack:T1/UANN"


def two_hosts() -> Hour:
    hosts = (Host("Wren Adair", (("slack", "UHOST"),)), Host("Ann Lee", (("slack", "UANN"),)))
    hour = Hour(community(chat(hosts=hosts)))
    hour.until(6)
    return hour


@pytest.mark.parametrize(("verb", "did"), [("next", "went out"), ("skip", "was skipped")])
def test_two_hosts_who_say_the_same_at_once_mean_one_item(verb: str, did: str) -> None:
    hour = two_hosts()
    assert hour.command(verb, by=ANN_HERE).startswith("Done: Q2")
    hour.now += 2 * SECOND
    assert hour.command(verb) == f"Q2 {did} 2 s ago, by Ann Lee: say {verb} again for Recap."
    assert hour.command(verb).startswith("Done: Recap")
    hour.now += 5 * SECOND
    assert hour.command(verb).startswith("Done: Q3"), "by now they mean it"


def test_a_phone_that_says_it_twice_sends_one_item() -> None:
    hour = two_hosts()
    assert hour.command("next").startswith("Done: Q2")
    assert hour.command("next") == "Q2 went out 0 s ago, by Wren Adair: say next again for Recap."
    assert hour.on("recap-half") == {}


def test_next_and_the_clock_may_mean_the_same_item() -> None:
    hour = two_hosts()
    hour.until(15)
    hour.now += 3 * SECOND
    assert hour.command("next") == "Q2 went out 3 s ago, as planned: say next again for Recap."
    hour.until(25.05)
    assert hour.command("skip") == "Q3 went out 3 s ago, as planned: say skip again for Recap."
    assert hour.command("next", item="recap").startswith("Done: Recap"), "a button names what it means"


@pytest.mark.parametrize("verb", ["next", "hold", "skip"])
def test_two_hosts_pressing_at_once_do_one_thing(verb: str) -> None:
    hour = Hour(community(chat(hosts=(Host("One", (("slack", "UONE"),)), Host("Two", (("slack", "UTWO"),))))))
    hour.until(1)
    board = hour.session.board("handovers", hour.now)
    (button,) = [b for b in board.buttons if b.verb == verb]
    first, second = press(hour, button, "slack:T1/UONE"), press(hour, button, "slack:T1/UTWO")
    assert first.startswith("Done")
    assert "already" in second
    states = [i.state for i in hour.sheet.items if i.kind == "question"]
    assert states.count("planned") == 2, "Q2 and Q3 are as they were"


def test_nothing_is_asked_before_anybody_is_there() -> None:
    hour = Hour()
    hour.until(-40)
    assert "Nobody is here yet" in hour.command("ask", "Who comes?")
    hour.until(-20)
    assert hour.command("ask", "Who comes?") == "Done: the question goes out as Q4."


def test_words_name_the_item_a_button_would_mean() -> None:
    hour = Hour()
    hour.until(4)
    hour.down.add("mastodon")
    hour.until(8)
    hour.down.clear()
    assert hour.command("skip", "Q9").startswith("There is no item 'Q9'")
    assert hour.command("next", "Q3") == "Q3 is not next, Q2 is; nothing was done."
    assert hour.command("skip", "Q1 bluesky") == "Q1 is not waiting there any more; nothing was done."
    assert hour.command("skip", "q1 mastodon") == "Done: Q1 is skipped on Mastodon."
    assert hour.command("skip", "Q2") == "Done: Q2 is skipped."
    assert hour.on("q1")["mastodon"] == "skipped"
    assert state(hour, "q2") == "skipped"
    assert state(hour, "q3") == "planned"


def test_two_hosts_releasing_at_once_post_once() -> None:
    hour = Hour()
    hour.until(4)
    hour.down.add("mastodon")
    hour.until(8)
    hour.down.clear()
    post_now, skip = buttons(hour)
    assert press(hour, post_now).startswith("Done")
    assert "nothing was done" in press(hour, post_now)
    assert "nothing was done" in press(hour, skip)
    assert hour.went_out["mastodon"] == ["welcome", "q1"]


def test_hold_and_resume_move_the_rest_along() -> None:
    hour = Hour()
    hour.until(1)
    hour.command("hold")
    assert hour.command("hold") == "Q1 is already on hold."
    hour.until(9)
    assert hour.went_out["slack"] == ["welcome"]
    hour.command("resume")
    hour.until(18)
    assert hour.went_out["slack"] == ["welcome", "q1"]
    hour.until(19)
    assert hour.went_out["slack"] == ["welcome", "q1", "q2"]
    assert hour.sheet.ends == STARTS + 64 * MINUTE


def test_held_beyond_the_end_it_can_still_be_ended() -> None:
    hour = Hour()
    hour.until(30)
    hour.command("hold")
    hour.until(70)
    assert hour.command("end") == "Done: the chat is closed."
    assert hour.went_out["slack"][-2:] == ["recap", "closing"]
    assert hour.command("end") == "The chat is already closed."


def test_after_the_close_nothing_is_asked_or_extended() -> None:
    hour = Hour()
    hour.until(61)
    ends = hour.sheet.ends
    for verb, words in (("ask", "One more?"), ("extend", "5"), ("end", "")):
        assert hour.command(verb, words) == "The chat is already closed."
    assert hour.sheet.ends == ends
    assert hour.session.state.chats["handovers"].phase(hour.now) == "late"


def test_a_new_question_is_numbered_on_and_collects_answers() -> None:
    hour = Hour()
    hour.until(6)
    assert hour.command("ask", "And you?") == "Done: the question goes out as Q4."
    answer = post("1", "A4: me too #WardChat", at=hour.now)
    hour.write(answer)
    assert hour.placed(answer) == ((4,), "label")
    assert "Q4 And you?" in hour.texts("bluesky")[-1]


@pytest.mark.parametrize("words", ["0", "-5", "five", "241", "9999999999"])
def test_extend_wants_minutes(words: str) -> None:
    hour = Hour()
    hour.until(1)
    assert hour.command("extend", words).startswith("Say by how many")
    assert hour.sheet.ends == STARTS + 60 * MINUTE


def test_who_did_what_is_on_the_board() -> None:
    hour = Hour()
    hour.until(1)
    hour.command("next", name="Wren")
    hour.command("nonsense")
    assert hour.session.board("handovers", hour.now).log == ("Wren Adair: Q1 goes out now.",)
    assert "There is no command 'nonsense'" in hour.answers[-1]


def test_a_board_that_could_not_be_posted_is_tried_again() -> None:
    hour = Hour()
    assert [m for m in hour.standing["slack"].values() if isinstance(m, Board)]
    other = Hour(refusing={"slack": "not in that channel"})
    assert not other.standing["slack"]
    other.refusing.clear()
    opened = next(e.event for e in other.events if isinstance(e.event, Opened) and e.event.network == "slack")
    other.event(opened)
    other.deliver()
    assert [m for m in other.standing["slack"].values() if isinstance(m, Board)]
    assert all(isinstance(n, Notice) for n in other.notices())
