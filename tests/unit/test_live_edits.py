"""Chats that come into the config and leave it while the bridge runs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bridge.chat import runsheet
from bridge.chat.session import Session
from bridge.chat.state import Configured, Settled
from bridge.model import HOUR, MINUTE, Board, Notice, Publish, Sent
from bridge.settings import Chat
from tests.unit.make import STARTS, Hour, at, chat, community, post

DAY = 24 * HOUR
PLAN = chat()


def week(n: int, **more: Any) -> Chat:
    """The chat of a week after the first."""
    by = 7 * n * DAY
    fields: dict[str, Any] = {"id": f"week-{n}", "title": f"Week {n}"}
    times = {"starts": PLAN.starts + by, "ends": PLAN.ends + by, "late_until": PLAN.late_until + by}
    questions = tuple(replace(q, due=q.due + by) for q in PLAN.questions)
    return replace(PLAN, **fields | times | {"questions": questions} | more)


def boards(hour: Hour) -> list[str]:
    """The chats that have one in the hosts' room."""
    return [content.chat for content in hour.standing["slack"].values() if isinstance(content, Board)]


def told(hour: Hour) -> str:
    """The last that the hosts were told."""
    return [content.text for content in hour.standing["slack"].values() if isinstance(content, Notice)][-1]


def replayed(hour: Hour) -> Session:
    session = Session()
    for recorded in hour.events:
        session.decide(recorded)
    return session


# ---------------------------------------------------------------- a chat that is new


def test_a_chat_that_is_new_appears() -> None:
    hour = at(6)
    rounds = week(0, id="rounds", title="Rounds", hashtag="Rounds", remind=(DAY,))
    hour.configure(PLAN, rounds)
    assert told(hour) == (
        "The config changed. “Rounds”: It is new (#Rounds) and begins on Tuesday 20 March 2018, 20:00 London time "
        "(20:00 UTC). The reminder 24 hours before would have been due before now and is left out."
    )
    assert boards(hour) == ["handovers", "rounds"]
    assert "rounds" in hour.session.interest("mastodon").tags
    hour.until(16)
    hour.write(post("1", "A2: hello #Rounds"), post("2", "A2: hello #WardChat"))
    assert [len(chat.timeline.entries) for chat in hour.session.state.chats.values()] == [1, 1]
    assert hour.texts("mastodon").count("Q2 What did your team learn in round 2? #Rounds") == 1


def test_links_are_told_at_once_what_else_to_deliver() -> None:
    hour = at(6)
    hour.event(Configured(community(PLAN, week(1))))
    assert hour.effects.follow == {"mastodon", "bluesky", "slack"}


def test_a_series_does_not_bury_the_room_in_boards() -> None:
    series = [week(n) for n in range(4)]
    hour = Hour(community(*series))
    assert boards(hour) == ["week-0"]
    hour.until(7 * 24 * 60 - 23 * 60)
    assert boards(hour) == ["week-0", "week-1"]
    assert hour.went_out["mastodon"].count("q1") == 1
    hour.until(7 * 24 * 60 + 6)
    assert hour.went_out["mastodon"].count("q1") == 2


def test_one_that_was_over_before_is_left_out() -> None:
    hour = Hour(community(week(-1), PLAN))
    assert list(hour.session.state.chats) == ["handovers"]
    hour.configure(week(-2), week(-1), PLAN)
    assert told(hour) == (
        "The config changed. “Week -2”: It was over before the bridge knew of it, and is left out."
    )
    hour.until(10)
    assert len(hour.texts("mastodon")) == 2, "one welcome, one question"


def test_of_one_that_is_over_but_for_its_late_window_late_answers_are_gathered() -> None:
    first = replace(week(0), late_until=week(0).ends + 2 * DAY)
    hour = Hour(community(first), now=first.ends + DAY)  # an old journal
    assert not hour.session.state.chats
    hour.event(Configured(community(first), late=True))
    hour.until(60 + 25 * 60)
    hour.write(post("1", "A1: I had no time before #WardChat", at=hour.now))
    (entry,) = hour.session.state.chats["week-0"].timeline.entries.values()
    assert entry.late
    assert len(hour.mirrored()) == 1
    hour.until(60 + 47 * 60)
    assert set(map(tuple, hour.went_out.values())) == {()}
    assert hour.session.state.chats["week-0"].phase(hour.now) == "late"
    hour.until(60 + 49 * 60 + 1)
    assert hour.session.state.chats["week-0"].phase(hour.now) == "over"
    assert replayed(hour).digest() == hour.session.digest()


def test_one_with_a_date_in_the_past_begins_anew_when_that_is_mended() -> None:
    hour = at(6)
    past = replace(
        week(0), starts=PLAN.starts - 2 * DAY, ends=PLAN.ends - 2 * DAY, late_until=PLAN.ends + DAY
    )
    hour.event(Configured(community(PLAN, past), late=True))
    hour.deliver()
    assert told(hour) == (
        "The config changed. “Week 0”: It was over before the bridge knew of it: nothing of it goes out. Late "
        "answers are gathered until Wednesday 21 March 2018, 21:00 London time (21:00 UTC)."
    )
    hour.until(8)
    hour.event(Configured(community(PLAN, week(1, id="week-0")), late=True))
    hour.deliver()
    assert "It is new (#WardChat) and begins on Tuesday 27 March 2018" in told(hour)
    hour.until(7 * 24 * 60 + 6)
    assert hour.went_out["mastodon"].count("q1") == 2
    assert replayed(hour).digest() == hour.session.digest()


# ---------------------------------------------------------------- a chat that is taken out


def test_nothing_more_goes_out_of_a_chat_that_is_taken_out_and_what_was_posted_is_followed() -> None:
    hour = at(6)
    hour.configure()
    assert told(hour).startswith(
        "The config changed. It is not in the config any more: nothing more of it goes out."
    )
    hour.until(30)
    assert hour.went_out["mastodon"] == ["welcome", "q1"]
    hour.write(post("1", "A1: still here", reply_to=hour.copy_of("q1")), post("2", "A1: and I #WardChat"))
    assert len(hour.mirrored()) == 2
    hour.remove(post("1"))
    assert len(hour.mirrored()) == 1
    board = hour.session.board("handovers", hour.now)
    assert (board.upcoming, [b.verb for b in board.buttons]) == (None, ["blackout"])
    assert "The config: the chat was taken out" in board.log
    assert "taken out of the config" in hour.command("next", chat="handovers")
    hour.until(60 + 26 * 60)
    assert hour.went_out["mastodon"] == ["welcome", "q1"]


def test_put_back_it_goes_on() -> None:
    hour = at(6)
    hour.configure()
    hour.until(8)
    hour.configure(PLAN)
    assert told(hour) == "The config changed. It is in the config again and goes on."
    hour.until(61)
    assert [item for item in hour.went_out["mastodon"] if item[0] == "q"] == ["q1", "q2", "q3"]


def test_put_back_late_the_hosts_are_asked() -> None:
    hour = at(6)
    hour.configure()
    hour.until(22)
    hour.configure(PLAN)
    hour.until(22.1)
    assert hour.on("q2") == dict.fromkeys(("mastodon", "bluesky", "slack"), "held")
    assert any("Post now" in {b.label for b in notice.buttons} for notice in hour.notices())


def test_what_a_silent_network_has_not_taken_does_not_go_out_either() -> None:
    hour = Hour()
    hour.down = {"bluesky"}
    hour.until(6)
    hour.configure()
    hour.down.clear()
    hour.deliver()
    assert hour.went_out["bluesky"] == []
    hour.configure(PLAN)
    assert hour.went_out["bluesky"] == ["welcome", "q1"]
    assert hour.went_out["mastodon"] == ["welcome", "q1"]


def test_one_of_which_nothing_is_there_is_forgotten() -> None:
    hour = at(6)
    rounds = week(0, id="rounds", title="Rounds", hashtag="Rounds", starts=STARTS + 30 * MINUTE)
    hour.configure(PLAN, rounds)
    assert boards(hour) == ["handovers", "rounds"]
    hour.configure(PLAN)
    assert told(hour).endswith(
        "“Rounds”: It is not in the config any more. Nothing of it had gone out, and nothing will."
    )
    assert boards(hour) == ["handovers"]
    assert list(hour.session.state.chats) == ["handovers"]
    hour.configure(PLAN, rounds)
    assert boards(hour) == ["handovers", "rounds"]


def test_a_board_that_comes_after_its_chat_has_left_is_taken_down() -> None:
    hour = Hour(now=STARTS - 2 * HOUR)
    effects = hour.event(Configured(community(PLAN, week(0, id="rounds", hashtag="Rounds"))))
    (order,) = (o for o in effects.orders if isinstance(o.op, Publish) and isinstance(o.op.content, Board))
    hour.queued.remove(order)
    hour.event(Configured(community(PLAN)))
    ref = hour._act(order)
    hour.event(Settled(order.id, Sent(ref, "slack:board")))
    hour.deliver()
    assert boards(hour) == ["handovers"]


def test_a_board_of_before_its_chat_was_put_back_is_taken_down() -> None:
    """Nobody had heard whether it stands when the chat got another one."""
    hour, rounds = Hour(now=STARTS - 2 * HOUR), week(0, id="rounds", hashtag="Rounds")
    hour.down.add("slack")
    hour.configure(PLAN, rounds)
    hour.configure(PLAN)
    hour.configure(PLAN, rounds)
    hour.down.clear()
    hour.deliver()
    assert boards(hour) == ["handovers", "rounds"]
    assert hour.session.state.chats["rounds"].boards["slack"] in hour.standing["slack"]


def test_one_whose_hosts_have_planned_is_kept_for_when_it_is_put_back() -> None:
    hour = Hour(now=STARTS - 2 * HOUR)
    hour.command("plan", "What would you change?")
    hour.configure()
    hour.until(30)
    assert hour.went_out["mastodon"] == []
    hour = Hour(now=STARTS - 2 * HOUR)
    hour.command("plan", "What would you change?")
    hour.configure()
    hour.configure(PLAN)
    hour.until(61)
    assert "q4" in hour.went_out["mastodon"]


def test_a_tag_belongs_to_the_chat_that_is_still_there() -> None:
    """Somebody put another in the place of one that was on."""
    hour = at(6)
    hour.configure(replace(PLAN, id="anew", starts=PLAN.starts + 5 * MINUTE))
    hour.write(post("1", "Good evening #WardChat"))
    assert len(hour.session.state.chats["anew"].timeline.entries) == 1


def test_one_that_is_over_does_no_harm_when_it_leaves() -> None:
    hour = Hour(community(PLAN, week(1)))
    hour.until(60 + 26 * 60)
    assert hour.session.state.chats["handovers"].over
    before = len(hour.notices())
    hour.configure(week(1))
    assert len(hour.notices()) == before
    hour.until(7 * 24 * 60 + 6)
    assert hour.went_out["mastodon"].count("q1") == 2
    assert hour.command("status") != ""


# ---------------------------------------------------------------- always


@pytest.mark.parametrize("gone", [False, True])
def test_a_replay_tells_the_same(gone: bool) -> None:
    hour = at(6)
    rounds = week(0, id="rounds", hashtag="Rounds")
    for chats in (
        (PLAN, rounds),
        (rounds,),
        (replace(PLAN, closing="Bye!"), rounds),
        (PLAN,) if gone else (),
    ):
        hour.configure(*chats)
        hour.until((hour.now - STARTS) / MINUTE + 7)
    assert replayed(hour).digest() == hour.session.digest()


def test_a_chat_keeps_its_hour_once_it_was_held() -> None:
    hour = at(62)
    moved = replace(PLAN, starts=PLAN.starts + 7 * DAY, ends=PLAN.ends + 7 * DAY)
    hour.configure(moved)
    assert "its new date is not taken up: give the next chat an id of its own" in told(hour)
    assert (hour.sheet.starts, hour.sheet.ends) == (PLAN.starts, PLAN.ends)
    hour.until(7 * 24 * 60 + 30)
    assert hour.went_out["mastodon"].count("q1") == 1


@pytest.mark.parametrize("by", [-7 * DAY, -HOUR, HOUR, DAY])
def test_one_that_has_begun_does_not_move(by: int) -> None:
    """A slip in the date of a chat that is on ends it for nobody, however soon it is mended."""
    hour = at(16)
    moved = runsheet.moved(PLAN, by)
    hour.configure(moved)
    assert "It has begun, and its new date is not taken up" in told(hour)
    hour.configure(replace(moved, title="Rounds"))
    hour.until(20)
    hour.configure(PLAN)
    hour.until(26)
    hour.write(post("1", "A3: still here #WardChat", at=hour.now))
    hour.until(62)
    assert hour.went_out["mastodon"] == at(62).went_out["mastodon"]
    assert [entry.questions for entry in hour.entries.values()] == [(3,)]
    assert replayed(hour).digest() == hour.session.digest()


def test_a_chat_that_is_on_keeps_its_id() -> None:
    """As another chat it would begin again."""
    hour = at(16)
    anew = replace(PLAN, id="anew")
    hour.configure(anew)
    assert told(hour) == "The config changed. Its id stays “handovers” while it goes on."
    hour.until(20)
    hour.configure(replace(anew, title="Rounds"))
    assert told(hour).startswith("The config changed. It is called “Rounds” now")
    assert list(hour.session.state.chats) == ["handovers"]
    hour.until(26 * 60)
    hour.configure(anew)
    assert hour.went_out["mastodon"] == at(26 * 60).went_out["mastodon"]
    assert list(hour.session.state.chats) == ["handovers"]
    assert replayed(hour).digest() == hour.session.digest()
