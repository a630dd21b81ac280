"""Nobody is ignored: who waits for a word, whose own question waits, and what takes them off the lists."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from bridge.chat.state import Arrived, Recorded
from bridge.model import HOUR, MINUTE, AuthorGone, Board, Leaders, Opened, Post, Ref, Waiting, Written
from tests.unit.make import STARTS, Hour, at, chat, community, person, post

OURS = "our:mastodon"


def board(hour: Hour) -> Board:
    return hour.session.board("handovers", hour.now)


def ignored(hour: Hour) -> list[int]:
    return [row.card.no for row in board(hour).ignored]


def asked(hour: Hour) -> list[int]:
    return [row.card.no for row in board(hour).asked]


def press(hour: Hour, row: Waiting, label: str) -> str:
    (button,) = [b for b in row.buttons if b.label == label]
    return hour.command(button.verb, chat=button.chat, item=button.item)


def says(hour: Hour, id_: str, words: str = "A1: we listen #WardChat", **more: Any) -> Post:
    said = post(id_, words, at=hour.now, **more)
    hour.write(said)
    return said


def seasoned() -> Hour:
    """A community whose second chat is on: nurse-01 has been at the first one."""
    first = chat(id="rounds", hashtag="Rounds", starts=STARTS - 48 * HOUR, ends=STARTS - 47 * HOUR)
    hour = Hour(community(chat(), first), STARTS - 48 * HOUR)
    hour.write(post("0", "Hello #Rounds", by="nurse-01", at=STARTS - 48 * HOUR))
    hour.until(6)
    return hour


# ---------------------------------------------------------------- nobody ignored


def test_who_has_no_answer_after_four_minutes_is_listed_with_the_newest_of_what_they_wrote() -> None:
    hour = at(6)
    says(hour, "1", by="nurse-01")
    hour.until(9)
    assert ignored(hour) == []
    says(hour, "2", "A1: and we write it down #WardChat", by="nurse-01")
    hour.until(11)
    (row,) = board(hour).ignored
    assert (row.card.no, row.card.text.plain, row.why) == (
        2,
        "A1: and we write it down #WardChat",
        "waits for 5 min",
    )
    assert [(b.label, b.verb, b.item) for b in row.buttons] == [
        ("Reply…", "reply", "2"),
        ("Seen", "dismiss", "2"),
    ]


def test_first_timers_come_first_and_are_offered_a_welcome() -> None:
    hour = seasoned()
    says(hour, "1", by="nurse-01")
    hour.until(7)
    says(hour, "2", by="nurse-02")
    says(hour, "3", by="nurse-03")
    hour.until(12)
    rows = board(hour).ignored
    assert [r.card.handle for r in rows] == [
        "@nurse-02@ward.example",
        "@nurse-03@ward.example",
        "@nurse-01@ward.example",
    ]
    assert [r.why for r in rows] == ["first time here, for 5 min"] * 2 + ["waits for 6 min"]
    assert [r.buttons[0].verb for r in rows] == ["welcome", "welcome", "reply"]


def test_at_a_communitys_first_chat_nobody_is_listed_as_new() -> None:
    hour = at(6)
    says(hour, "1")
    hour.until(12)
    assert [row.why for row in board(hour).ignored] == ["waits for 6 min"]


def test_ten_at_most_and_who_waits_longest_first() -> None:
    hour = at(6)
    for n in range(12):
        says(hour, str(n), by=f"nurse-{n:02}")
        hour.until(6 + n / 10)
    hour.until(20)
    assert ignored(hour) == list(range(1, 11))


def _reply(hour: Hour) -> None:
    says(hour, "2", "thank you!", by="nurse-09", reply_to=Ref("mastodon", "1"))


def _in_the_room(hour: Hour) -> None:
    merged = next(k for k, v in hour.session.state.chats["handovers"].shown.items() if v == [1])
    place = Ref("slack", merged.partition("\n")[2])
    says(hour, "2", "tell us more", by="porter", network="slack", reply_to=place)


def _say(verb: str, words: str) -> Callable[[Hour], None]:
    def say(hour: Hour) -> None:
        assert hour.command(verb, words).startswith("Done")

    return say


def _reacts(hour: Hour) -> None:
    merged = next(k for k, v in hour.session.state.chats["handovers"].shown.items() if v == [1])
    hour.command("noticed", at=Ref("slack", merged.partition("\n")[2]), once="1 eyes UHOST")


def _leaves(hour: Hour) -> None:
    hour.arrive(AuthorGone("acct:nurse@ward.example"))


def _opts_out(hour: Hour) -> None:
    hour.wishes("acct:nurse@ward.example", nobridge=True)


ENDS = [
    _reply,
    _in_the_room,
    _say("like", "1"),
    _say("boost", "1"),
    _say("reply", "1 Thank you!"),
    _say("hide", "1"),
    _say("block", "1"),
    _say("dismiss", "1"),
    _reacts,
    _leaves,
    _opts_out,
]


@pytest.mark.parametrize("heard", ENDS)
def test_who_was_heard_or_is_not_there_to_be_heard_is_off_the_list(heard: Callable[[Hour], None]) -> None:
    hour = at(6)
    says(hour, "1")
    hour.until(12)
    assert ignored(hour) == [1]
    heard(hour)
    assert 1 not in ignored(hour)


def test_one_answer_is_for_the_person_and_their_own_reply_is_none() -> None:
    hour = at(6)
    says(hour, "1")
    says(hour, "2", "and more", reply_to=Ref("mastodon", "1"))
    hour.until(12)
    assert ignored(hour) == [2], "who replies to themselves still waits"
    hour.command("like", "1")
    says(hour, "3", "A1: more #WardChat")
    hour.until(20)
    assert ignored(hour) == []


def test_neither_hosts_nor_the_held_nor_bots_are_listed() -> None:
    hour = at(6)
    says(hour, "1", by=person("wren"))
    says(hour, "2", "A1: https://evil.example #WardChat", by="stranger")
    says(hour, "3", by=person("robot", bot=True))
    hour.arrive(Leaders(("slack:T1/UMEMBER",)), "slack")
    says(hour, "4", by="member", network="slack")
    hour.until(12)
    assert ignored(hour) == []
    hour.command("show", "2")
    assert ignored(hour) == [2]


def test_two_hosts_who_dismiss_at_once_do_one_thing() -> None:
    hour = at(6)
    says(hour, "1")
    hour.until(12)
    (row,) = board(hour).ignored
    assert press(hour, row, "Seen") == "Done: entry 1 is seen."
    assert press(hour, row, "Seen") == "Entry 1 is off the lists already."
    assert ignored(hour) == []


def test_who_wrote_in_the_room_is_listed_too() -> None:
    hour = at(6)
    says(hour, "1", "A1: we sing", by="porter", network="slack")
    hour.until(12)
    assert [(r.card.name, r.card.networks) for r in board(hour).ignored] == [("Porter", ("Slack",))]


# ---------------------------------------------------------------- participants' questions


@pytest.mark.parametrize(
    ("words", "more", "listed"),
    [
        ("Q: what about nights? #WardChat", {}, True),
        ("q : what about nights #WardChat", {}, True),
        ("@wren@ward.example Q: what about nights #WardChat", {}, True),
        ("Q1: we listen #WardChat", {}, False),
        ("FAQ: what about nights? #WardChat", {}, False),
        ("Is that so? #WardChat", {}, False),
        ("@ours what about nights? #WardChat", {"mentions": (OURS,)}, True),
        ("@ours thank you #WardChat", {"mentions": (OURS,)}, False),
        ("@ours A1: is that not obvious? #WardChat", {"mentions": (OURS,)}, False),
        ("Q: a secret? #WardChat #nobridge", {}, False),
        ("Q: what about nights? #WardChat", {"by": "wren"}, False),
    ],
)
def test_what_is_a_question_of_their_own(words: str, more: dict[str, Any], listed: bool) -> None:
    hour = at(6)
    says(hour, "1", words, **more)
    assert asked(hour) == [1] * listed


def test_a_question_waits_until_a_host_takes_it_up_or_puts_it_aside() -> None:
    hour = at(6)
    for n in range(1, 4):
        says(hour, str(n), f"Q: what about {n}? #WardChat", by=f"nurse-{n:02}")
    hour.until(9)
    (one, two, _) = board(hour).asked
    assert one.why == "asked 3 min ago"
    assert [(b.label, b.verb, b.item) for b in one.buttons] == [
        ("Make this a question…", "promote", "1"),
        ("Reply…", "reply", "1"),
        ("Seen", "dismiss", "1"),
    ]
    hour.command("promote", "1 What about it?")
    press(hour, two, "Seen")
    assert asked(hour) == [3]
    hour.until(20)
    assert ignored(hour) == [3], "who asked what became a question was answered"


def test_the_lists_are_gone_when_the_chat_is() -> None:
    hour = at(6)
    says(hour, "1", "Q: what about nights? #WardChat")
    hour.until(26 * 60)
    assert (ignored(hour), asked(hour)) == ([], [])


def test_the_boards_message_itself_is_made_without_peoples_words() -> None:
    """It is an order, which the journal keeps; what stands in it later is not."""
    hour = Hour(refusing={"slack": "not in that channel"})
    hour.until(6)
    says(hour, "1", "Q: what about nights? #WardChat")
    hour.until(12)
    hour.refusing.clear()
    opened = next(e.event for e in hour.events if isinstance(e.event, Opened) and e.event.network == "slack")
    hour.event(opened)
    (order,) = [o for o in hour.effects.orders if o.lane == "hosts"]
    assert "what about nights" not in repr(order)
    assert asked(hour) == [1]


# ---------------------------------------------------------------- what it costs


def test_a_board_of_a_long_hour_is_made_in_a_moment() -> None:
    """Made every ten seconds: 30 questions and 5,000 answers by 1,000 people."""
    hour = Hour(community(chat(30)))
    hour.until(6)
    for n in range(5_000):
        said = post(str(n), f"A1: answer {n} #WardChat", by=f"nurse-{n % 1000}", at=hour.now)
        hour.session.decide(Recorded(10_000 + n, hour.now, Arrived("mastodon", Written(said))))
    hour.now += 10 * MINUTE
    before = time.perf_counter()
    shown = board(hour)
    spent = time.perf_counter() - before
    print(f"{spent * 1000:.0f} ms")
    assert (shown.entries, shown.people, len(shown.ignored)) == (5_000, 1_000, 10)
    assert spent < 2
