"""Conducting the hour: what goes out when, and what is held and asked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bridge.chat.state import Tick
from bridge.model import (
    MINUTE,
    SECOND,
    Button,
    Media,
    Publish,
    Ref,
    Sent,
    Words,
)
from bridge.settings import Net, Question
from tests.unit.make import LIMITS, NETS, SLACK_HOST, STARTS, Hour, chat, community, post

ALL = ("mastodon", "bluesky", "slack")


def buttons(hour: Hour) -> list[Button]:
    return [b for notice in hour.notices() for b in notice.buttons]


def press(hour: Hour, button: Button, by: str = SLACK_HOST) -> str:
    return hour.command(button.verb, by=by, chat=button.chat, item=button.item, on=button.on)


def state(hour: Hour, item: str) -> str:
    found = hour.sheet.get(item)
    assert found is not None
    return found.state


def texts(hour: Hour) -> list[str]:
    return [n.text for n in hour.notices()]


# ---------------------------------------------------------------- by the clock


def test_everything_goes_out_once_and_in_its_order_everywhere() -> None:
    hour = Hour(community(chat(announce=24 * 60 * MINUTE, remind=(10 * MINUTE,))), STARTS - 25 * 60 * MINUTE)
    hour.until(61)
    for network in ALL:
        assert hour.went_out[network] == [
            *("announcement", "reminder-10m", "welcome", "q1", "q2", "recap-half", "q3", "recap", "closing")
        ]
    assert all(i.state == "posted" for i in hour.sheet.items)
    (reminder,) = [o for o in hour.orders if o.item == "reminder-10m" and o.network == "mastodon"]
    assert isinstance(reminder.op, Publish)
    (first,) = [o for o in hour.orders if o.item == "announcement" and o.network == "mastodon"]
    assert (reminder.op.reply_to, reminder.op.reach) == (first.id, "quiet")


def test_what_is_due_at_the_same_instant_goes_out_then_one_after_the_other() -> None:
    at_once = tuple(Question(STARTS + 5 * MINUTE, words) for words in ("One?", "Two?", "Three?"))
    hour = Hour(community(chat(questions=at_once)))
    hour.until(5)
    assert hour.went_out["bluesky"] == ["welcome", "q1", "q2", "q3"]
    assert hour.sheet.get("q3").posted_at["bluesky"] == hour.now  # type: ignore[union-attr]  # it is there


def test_a_network_that_is_read_only_is_asked_nothing() -> None:
    second = Net("second", "mastodon", "Mastodon", LIMITS["mastodon"], post=False)
    hour = Hour(community(networks=(*NETS, second)))
    hour.until(61)
    assert hour.went_out["second"] == []
    assert "second" not in hour.on("q1")


def test_the_chat_ends_and_then_is_over() -> None:
    hour = Hour()
    hour.until(61)
    state = hour.session.state.chats["handovers"]
    assert state.phase(hour.now) == "late"
    hour.until(25 * 60 + 61)
    assert state.phase(hour.now) == "over"
    assert hour.session.deadline() is None


# ---------------------------------------------------------------- one network that cannot


def test_held_there_asked_and_posted() -> None:
    hour = Hour()
    hour.until(4)
    hour.down.add("mastodon")
    hour.until(6)
    assert hour.on("q1") == {"mastodon": "queued", "bluesky": "posted", "slack": "posted"}
    assert buttons(hour) == []
    hour.until(8)
    assert hour.on("q1")["mastodon"] == "held"
    assert [(b.verb, b.item, b.on) for b in buttons(hour)] == [
        ("post", "q1", "mastodon"),
        ("skip", "q1", "mastodon"),
    ]
    assert texts(hour)[0].startswith("Q1 on Mastodon: ")
    hour.down.clear()
    hour.until(10)
    assert hour.went_out["mastodon"] == ["welcome"], "it is never fired stale by itself"
    answer = press(hour, buttons(hour)[0])
    assert answer == "Done: Q1 goes out on Mastodon."
    assert hour.went_out["mastodon"] == ["welcome", "q1"]
    assert buttons(hour) == [], "what is decided has no buttons any more"
    assert texts(hour) == ["Q1 on Mastodon: posted."]


def test_nobody_answers_and_the_next_one_is_due() -> None:
    hour = Hour()
    hour.until(4)
    hour.down.add("mastodon")
    hour.until(12)
    hour.down.clear()
    hour.until(16)
    assert hour.on("q1")["mastodon"] == "skipped"
    assert hour.went_out["mastodon"] == ["welcome", "q2"]
    assert hour.went_out["bluesky"] == ["welcome", "q1", "q2"]
    assert "skipped, since the next one was due" in texts(hour)[0]


def test_back_after_two_were_due() -> None:
    """The hosts get their time to answer about the first; the second waits for that, and goes out though it
    is late by then."""
    hour = Hour()
    hour.until(4)
    hour.now = STARTS + 15 * MINUTE + 30_000_000  # our own process was down
    hour.event(Tick())
    hour.deliver()
    assert hour.on("q1") == dict.fromkeys(ALL, "held")
    assert hour.on("q2") == dict.fromkeys(ALL, "pending")
    hour.until(24)
    for network in ALL:
        assert (hour.on("q1")[network], hour.on("q2")[network]) == ("skipped", "posted")
        assert hour.went_out[network] == ["welcome", "q2", "recap-half"]
    assert state(hour, "q1") == "skipped"


def test_what_was_too_late_before_it_waited_is_asked_about_as_well() -> None:
    """The one before it only has to have made way: that alone excuses nothing."""
    hour = Hour()
    hour.until(4)
    hour.now = STARTS + 25 * MINUTE + 30 * SECOND
    hour.event(Tick())
    hour.deliver()
    hour.until(28)
    assert (set(hour.on("q1").values()), set(hour.on("q2").values())) == ({"skipped"}, {"held"})
    assert [t for t in texts(hour) if t.startswith("Q2 on")] == [
        f"Q2 on {title}: too late" for title in ("Mastodon", "Bluesky", "Slack")
    ]
    hour.until(31)
    for network in ALL:
        assert [item for item in hour.went_out[network] if item[0] == "q"] == ["q3"]


@pytest.mark.parametrize("minute", [7, 11])
def test_a_question_that_an_edit_brings_too_late_is_asked_about_behind_a_held_one(minute: int) -> None:
    """The hosts were told that they are."""
    hour = Hour()
    hour.until(4)
    hour.down.add("mastodon")
    hour.until(12)
    hour.down.clear()
    before, *after = chat().questions
    late = Question(STARTS + minute * MINUTE, "Sooner?")
    hour.configure(chat(questions=(before, late, *after)))
    asked = "Its time is past: you are asked." in texts(hour)[-1]
    assert asked is (minute == 7)
    hour.until(13)
    assert hour.on("q1")["mastodon"] == "skipped"
    assert hour.on("q2") == dict.fromkeys(ALL, "held" if asked else "posted")


def test_a_question_cannot_be_posted_behind_the_next_one() -> None:
    hour = Hour()
    hour.until(4)
    hour.refusing["mastodon"] = "too rude"
    hour.until(6)
    assert hour.on("q1")["mastodon"] == "refused"
    assert "too rude" in texts(hour)[0]
    (post_now, skip) = buttons(hour)
    hour.refusing.clear()
    hour.until(16)
    assert hour.went_out["mastodon"] == ["welcome", "q2"]
    assert "cannot come after Q2" in press(hour, post_now)
    assert hour.went_out["mastodon"] == ["welcome", "q2"]
    assert press(hour, skip) == "Done: Q1 is skipped on Mastodon."


def test_refused_everywhere_is_skipped() -> None:
    hour = Hour()
    hour.until(4)
    hour.refusing.update(dict.fromkeys(ALL, "no"))
    hour.until(6)
    assert state(hour, "q1") == "skipped"
    hour.refusing.clear()
    assert hour.command("post", item="q1").startswith("Done")
    assert state(hour, "q1") == "posted"


@pytest.mark.parametrize("item", ["announcement", "reminder-10m"])
def test_late_announcements_and_reminders_are_dropped(item: str) -> None:
    hour = Hour(community(chat(announce=60 * MINUTE, remind=(10 * MINUTE,))), STARTS - 2 * 60 * MINUTE)
    hour.until(-61)
    hour.now = STARTS - 1
    hour.event(Tick())
    hour.deliver()
    assert set(hour.on(item).values()) == {"dropped"}
    assert hour.notices() == []


def test_welcome_and_closing_go_out_however_late() -> None:
    hour = Hour()
    hour.until(-1)
    hour.down.update(ALL)
    hour.until(58)
    hour.down.clear()
    hour.until(59)
    assert all(hour.went_out[network][0] == "welcome" for network in ALL)


def test_what_is_long_is_a_thread_and_its_first_part_decides() -> None:
    hour = Hour()
    hour.until(1)
    words = "Please say in a few words what your team has changed about handovers since last year. " * 8
    hour.command("say", words)
    parts = [o for o in hour.orders if o.item == "say1" and o.network == "bluesky"]
    assert len(parts) > 1
    for n, (one, other) in enumerate(pairwise(parts), start=1):
        assert isinstance(other.op, Publish)
        assert isinstance(other.op.content, Words)
        assert (other.op.reply_to, other.part, other.not_after) == (one.id, n, None)
    assert hour.on("say1")["bluesky"] == "posted"
    assert hour.went_out["bluesky"].count("say1") == 1


def test_a_part_that_is_refused_is_told() -> None:
    hour = Hour()
    hour.until(1)
    hour.down.add("bluesky")
    hour.command("say", "A long sentence about handovers that goes on. " * 20)
    hour.down.clear()
    first = next(o for o in hour.queued if o.network == "bluesky")
    hour.made[first.id] = "x"
    hour.settle(first, Sent(Ref("bluesky", "x"), "bluesky:x"))
    hour.refusing["bluesky"] = "not a second time"
    hour.deliver()
    assert [t for t in texts(hour) if "a part was refused: not a second time" in t]


# ---------------------------------------------------------------- pictures, languages, recaps

PICTURED = Question(
    STARTS + 5 * MINUTE,
    "What helps?",
    image="/srv/our chat/q1.png",
    digest="ab12",
    alt="A tidy ward",
    warning="hospital",
    translations=(("cy", "Beth sy'n helpu?"), ("fr", "Qu'est-ce qui aide ? " * 30)),
)


def published(hour: Hour, item: str, network: str) -> list[Publish]:
    return [
        o.op
        for o in hour.orders
        if o.item == item and o.network == network and o.lane == "sheet" and isinstance(o.op, Publish)
    ]


@pytest.mark.parametrize("network", ALL)
def test_a_question_takes_its_picture_along_and_its_translations_follow_it(network: str) -> None:
    hour = Hour(community(chat(questions=(PICTURED,))))
    hour.until(6)
    first, *others = [o for o in hour.orders if (o.item, o.network, o.lane) == ("q1", network, "sheet")]
    words = [o.op.content for o in (first, *others) if isinstance(o.op, Publish)]
    assert all(isinstance(w, Words) and w.warning == "hospital" for w in words)
    assert [w.language for w in words if isinstance(w, Words)][:3] == ["en", "cy", "fr"]
    assert [w.media for w in words if isinstance(w, Words)] == [
        (Media("file:///srv/our%20chat/q1.png", "image", "A tidy ward", "ab12"),),
        *[()] * len(others),
    ]
    cy, fr, *rest = others
    assert isinstance(cy.op, Publish)
    assert isinstance(fr.op, Publish)
    assert cy.op.reply_to == fr.op.reply_to == first.id, "each language is a thread of its own"
    assert bool(rest) is (network != "slack")
    for one, other in pairwise((fr, *rest)):
        assert isinstance(other.op, Publish)
        assert other.op.reply_to == one.id


def test_who_answers_a_translation_answers_the_question() -> None:
    hour = Hour(community(chat(questions=(PICTURED, Question(STARTS + 15 * MINUTE, "And you?")))))
    hour.until(16)
    order = next(o for o in hour.orders if (o.item, o.network, o.part) == ("q1", "mastodon", 1))
    answer = post("1", "cerddoriaeth", at=hour.now, reply_to=Ref("mastodon", hour.made[order.id]))
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "thread")


def test_a_picture_that_is_refused_is_the_hosts_to_decide() -> None:
    hour = Hour(community(chat(questions=(PICTURED,))))
    hour.until(4)
    hour.refusing["bluesky"] = "the picture is too large"
    hour.until(6)
    assert hour.on("q1") == {"mastodon": "posted", "bluesky": "refused", "slack": "posted"}
    assert texts(hour) == ["Q1 on Bluesky: refused: the picture is too large"]
    hour.refusing.clear()
    press(hour, buttons(hour)[0])
    *_, again = [p.content for p in published(hour, "q1", "bluesky") if p.reply_to is None]
    assert isinstance(again, Words)
    assert again.media, "nor is it left out then"


def test_a_recap_leaves_out_a_question_that_was_only_just_asked() -> None:
    hour = Hour()
    hour.until(18.5)
    hour.write(post("1", "A1: we listen #WardChat", at=hour.now))
    hour.command("next")  # the recap
    assert hour.texts("bluesky")[-1] == "So far: 1 answer.\nQ1: Mastodon 1\nQ2: none yet #WardChat"
    hour.now += 5 * SECOND
    hour.command("next")  # Q3
    hour.write(post("2", "A3: we do #WardChat", at=hour.now))
    hour.command("end")
    (recap,) = [words for words in hour.texts("bluesky") if words.startswith("The whole hour")]
    assert recap == "The whole hour: 1 answer.\nQ1: Mastodon 1\nQ2: none yet #WardChat"
