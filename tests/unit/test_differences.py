"""What the hosts read of an edited config: every difference once, in plain words, and what stays as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bridge.chat.session import Session
from bridge.chat.state import Configured, Misconfigured, Recorded
from bridge.model import HOUR, MINUTE, Notice, Publish
from bridge.settings import Chat, Host, Question
from tests.unit.make import NETS, STARTS, Hour, at, chat, community

PLAN = chat()
LIN = Host("Lin Moss", (("slack", "ULIN"),))


def said(hour: Hour, *chats: Chat, waiting: tuple[str, ...] = (), **more: Any) -> str:
    """What the hosts are told of an edit; "" if nothing."""
    before = hour.session.state.community
    assert before is not None
    effects = hour.event(Configured(replace(before, chats=chats or before.chats, **more), waiting))
    told = [order.op.content.text for order in effects.orders if isinstance(order.op.content, Notice)]  # type: ignore[union-attr]  # all of them publish
    hour.deliver()
    assert len(told) <= 1, "one message for one edit"
    return told[0] if told else ""


def asked(n: int, **more: Any) -> Chat:
    """The plan with its question n changed."""
    questions = list(PLAN.questions)
    questions[n - 1] = replace(questions[n - 1], **more)
    return replace(PLAN, questions=tuple(questions))


def learn(n: int) -> str:
    return f"What did your team learn in round {n}?"


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        (asked(3, text="What next?"), f"Q3 is now “What next?” (was “{learn(3)}”)."),
        (asked(3, due=STARTS + 35 * MINUTE), "Q3 is asked at 20:35 instead of 20:25."),
        (replace(PLAN, questions=PLAN.questions[:2]), f"Q3 “{learn(3)}” is taken out and does not go out."),
        (
            replace(PLAN, questions=(*PLAN.questions, Question(STARTS + 50 * MINUTE, "And now?"))),
            "Q4 is new: “And now?”. It is due at 20:50.",
        ),
        (asked(3, image="/q.png", digest="1", alt="a wave"), "Q3 has a picture now."),
        (asked(3, warning="blood"), "Q3 has the content warning “blood” now."),
        (asked(3, translations=(("cy", "Beth?"),)), "Q3 is translated anew (cy)."),
        (asked(1, text="What else?"), "Q1 has been posted: it stays as it was. “What else?” is not asked."),
        (replace(PLAN, title="Safe handovers"), "It is called “Safe handovers” now (was “Safer handovers”). "
         "The welcome has gone out: it stays as it was."),
        (replace(PLAN, hashtag="Wards"), "Its hashtag is #Wards now (was #WardChat). "
         "The welcome has gone out: it stays as it was."),
        (replace(PLAN, hosts=(*PLAN.hosts, LIN)), "Lin Moss is a host now."),
        (replace(PLAN, hosts=(LIN,)), "Lin Moss is a host now. Wren Adair is no host any more."),
        (replace(PLAN, hosts=(replace(PLAN.hosts[0], handles=()),)), "Wren Adair is known by other accounts now."),
        (replace(PLAN, closing="Bye!"), "The closing words are worded anew."),
        (replace(PLAN, welcome="Hi!"), "The welcome has gone out: it stays as it was."),
        (replace(PLAN, ends=PLAN.ends + 15 * MINUTE, late_until=PLAN.late_until + 15 * MINUTE),
         "It lasts 1 hour 15 minutes instead of 1 hour."),
        (replace(PLAN, late_until=PLAN.ends + HOUR), "Late answers are gathered for 1 hour instead of 24 hours."),
        (replace(PLAN, stale=5 * MINUTE), "You are asked about what is more than 5 minutes late."),
        (replace(PLAN, warning="work"), "What is posted has the content warning “work” now."),
        (PLAN, ""),
    ],
)  # fmt: skip
def test_one_difference_is_one_sentence(edited: Chat, words: str) -> None:
    """At 20:08, with Q1 posted."""
    assert said(at(8), edited) == (f"The config changed. {words}" if words else "")


def test_before_anything_is_out_everything_can_change() -> None:
    hour = Hour(now=STARTS - 8 * 24 * HOUR)
    plan = replace(PLAN, announce=7 * 24 * HOUR, remind=(24 * HOUR,))
    words = said(hour, plan)
    assert "The announcement is new. It is due at 20:00 on Tuesday 13 March 2018." in words
    assert "The reminder 24 hours before is new." in words
    later = said(hour, replace(plan, announce=6 * 24 * HOUR, remind=()))
    assert (
        "The announcement goes out at 20:00 on Wednesday 14 March 2018 instead of 20:00 on Tuesday" in later
    )
    assert "The reminder 24 hours before is taken out and does not go out." in later


def test_a_chat_that_moves_is_told_of_once() -> None:
    hour, by = Hour(now=STARTS - 30 * HOUR), 24 * HOUR
    moved = replace(
        PLAN,
        starts=PLAN.starts + by,
        ends=PLAN.ends + by,
        late_until=PLAN.late_until + by,
        questions=tuple(replace(q, due=q.due + by) for q in PLAN.questions),
    )
    assert said(hour, moved) == (
        "The config changed. It begins on Wednesday 21 March 2018, 20:00 London time (20:00 UTC) instead of "
        "Tuesday 20 March 2018, 20:00 London time (20:00 UTC); what is to come moves along."
    )


def test_many_times_are_told_in_one_sentence() -> None:
    plan = chat(asks=5)
    hour = Hour(community(plan))
    edited = replace(plan, questions=tuple(replace(q, due=q.due + MINUTE) for q in plan.questions))
    assert said(hour, edited) == (
        "The config changed. Q1, Q2, Q3, Q4 and Q5 are due at 20:06, 20:16, 20:26, 20:36 and 20:46 now."
    )


def test_what_hosts_did_is_part_of_it() -> None:
    hour = at(8)
    hour.command("extend", "5")
    hour.command("edit", "Q3 What did we learn?")
    words = said(hour, asked(3, due=STARTS + 35 * MINUTE))
    assert words == "The config changed. Q3 is asked at 20:40 instead of 20:30.", "and their words stay"
    assert said(hour, asked(3, text="What next?")).endswith(
        "Q3 is now “What next?” (was “What did we learn?”). Q3 is asked at 20:30 instead of 20:40."
    )


def test_a_hosts_own_question_makes_room_and_its_host_is_told() -> None:
    hour = at(8)
    hour.command("plan", "What would you change?")
    more = replace(PLAN, questions=(*PLAN.questions, Question(STARTS + 50 * MINUTE, "And now?")))
    words = said(hour, more)
    assert "Q4 is new: “And now?”." in words
    assert "Q4 is Q5 now." in words


def test_what_stays_is_told_of_once() -> None:
    hour = at(8)
    first = said(hour, asked(1, text="What else?"))
    assert "Q1 has been posted" in first
    both = replace(asked(1, text="What else?"), closing="Bye!")
    assert said(hour, both) == "The config changed. The closing words are worded anew."


def test_what_is_on_its_way_stays_too() -> None:
    hour = Hour()
    hour.down = {net.name for net in NETS}
    hour.until(6)
    assert said(hour, asked(1, text="What else?")).endswith(
        "Q1 is on its way: it stays as it was. “What else?” is not asked."
    )
    hour.down.clear()
    hour.deliver()
    assert {text for text in hour.texts("bluesky") if text.startswith("Q1")} == {f"Q1 {learn(1)} #WardChat"}


def test_what_was_skipped_stays_so() -> None:
    hour = at(8)
    hour.command("skip", "Q2")
    assert said(hour, asked(2, text="What else?")).endswith(
        "Q2 was skipped: that stays so. “What else?” is not asked."
    )


def test_a_question_whose_time_is_past_is_announced_as_such() -> None:
    hour = at(12)
    first = PLAN.questions[0]
    early = replace(PLAN, questions=(first, Question(STARTS + 7 * MINUTE, "Sooner?"), *PLAN.questions[1:]))
    assert said(hour, early) == (
        "The config changed. Q2 is new: “Sooner?”. Its time is past: you are asked. Q2 and Q3 are Q3 and Q4 now."
    )
    earlier = asked(2, due=STARTS + 11 * MINUTE)
    assert said(at(12), earlier).endswith("Q2 is asked at 20:11 instead of 20:15. It is due now."), (
        "it has its grace"
    )
    assert said(at(12), asked(2, due=STARTS + 9 * MINUTE)).endswith("Its time is past: you are asked.")


def test_one_put_in_and_one_taken_out_are_told_as_such() -> None:
    plan = chat(asks=6)
    hour = Hour(community(plan))
    hour.until(8)
    asks = list(plan.questions)
    more = replace(plan, questions=(asks[0], replace(asks[1], text="What else?"), *asks[3:5], asks[5]))
    assert said(hour, more) == (
        f"The config changed. Q2 is now “What else?” (was “{learn(2)}”). Q4, Q5 and Q6 are Q3, Q4 and Q5 now. "
        f"Q3 “{learn(3)}” is taken out and does not go out."
    )
    assert said(hour, plan) == (
        f"The config changed. Q2 is now “{learn(2)}” (was “What else?”). Q3 is new: “{learn(3)}”. It is due at "
        "20:25. Q3, Q4 and Q5 are Q4, Q5 and Q6 now."
    )


def test_several_chats_are_told_apart() -> None:
    other = chat(id="rounds", hashtag="Rounds", title="Rounds", starts=STARTS + HOUR, ends=STARTS + 2 * HOUR)
    hour = Hour(community(PLAN, other))
    words = said(hour, replace(PLAN, closing="Bye!"), replace(other, title="Night rounds"))
    assert words == (
        "The config changed.\n“Safer handovers”: The closing words are worded anew.\n"
        "“Night rounds”: It is called “Night rounds” now (was “Rounds”)."
    )


def test_what_holds_for_all_chats() -> None:
    assert said(Hour(), name="Wards") == "The config changed. The community is called “Wards” now."
    assert (
        said(Hour(), page="https://w.example") == "The config changed. Links lead to https://w.example now."
    )
    assert said(Hour(), zone="Europe/Paris").startswith("The config changed. Times are Paris time now")
    assert "stay in Slack now" in said(Hour(), outward="none")


LONGEST = 3_000  # characters that Slack shows of a message at once


def test_the_hosts_are_not_buried_in_differences() -> None:
    more = [
        Question(STARTS + 30 * MINUTE + n * MINUTE // 2, f"{n} " + "What would you do then? " * 6)
        for n in range(40)
    ]
    words = said(at(8), replace(PLAN, questions=(*PLAN.questions, *more)))
    told = words.count(" is new: ")
    assert words.endswith(f"And {40 - told} more differences.")
    assert (told >= 5, len(words) <= LONGEST) == (True, True)


def test_nor_in_those_of_several_chats() -> None:
    plans = [chat(id=f"c{n}", hashtag=f"C{n}", title=f"Chat {n} " + "of ours " * 40) for n in range(9)]
    hour = Hour(community(*plans))
    words = said(
        hour,
        *(replace(plan, questions=chat(asks=5).questions, hosts=(LIN, *plan.hosts)) for plan in plans),
        name="Wards " * 100,
        waiting=tuple(f"networks.network{n}.account" for n in range(99)),
    )
    assert len(words) <= LONGEST
    assert "“Chat 0 of ours" in words
    assert "Lin Moss is a host now." in words
    assert "3 more chats are different too." in words
    assert "more wait for the next start of the bridge." in words


def test_the_mistakes_told_are_no_longer_than_that() -> None:
    (order,) = at(8).event(Misconfigured(tuple(f"{n}: {'expected much ' * 99}" for n in range(7)))).orders
    assert isinstance(order.op, Publish)
    assert isinstance(order.op.content, Notice)
    assert len(order.op.content.text) <= LONGEST
    assert order.op.content.text.endswith("and 2 more: chatbridge check --offline")


def test_what_waits_is_told_once() -> None:
    hour = Hour()
    waits = ("networks.bluesky.account", "web.port")
    words = "The config changed. networks.bluesky.account and web.port wait for the next start of the bridge."
    assert said(hour, waiting=waits) == words
    assert said(hour, waiting=waits) == ""
    assert said(hour, waiting=waits[:1]) == ""
    assert hour.session.state.waiting == waits[:1]


# ---------------------------------------------------------------- a broken edit


def test_a_broken_edit_changes_nothing_and_is_told_once() -> None:
    hour = at(8)
    before = msgspec.json.encode(hour.session.state.chats)
    mistakes = tuple(f"chats/a.toml: chats[{n}].minuets: expected …" for n in range(7))
    (order,) = hour.event(Misconfigured(mistakes)).orders
    assert isinstance(order.op, Publish)
    assert isinstance(order.op.content, Notice)
    text = order.op.content.text
    assert text.startswith(
        "The config was edited and has 7 mistakes. Nothing changes until it is whole.\n• chats/"
    )
    assert text.count("•") == 5
    assert text.endswith("and 2 more: chatbridge check --offline")
    assert hour.event(Misconfigured(mistakes)).orders == []
    assert msgspec.json.encode(hour.session.state.chats) == before
    assert len(hour.event(Misconfigured(mistakes[:1])).orders) == 1, "another broken state"
    assert said(hour) == "The config is whole again, and nothing in it is different."
    hour.event(Misconfigured(mistakes))
    assert said(hour, replace(PLAN, closing="Bye!")) == (
        "The config is whole again, and it changed. The closing words are worded anew."
    )


def test_nobody_is_told_before_there_is_a_room() -> None:
    session = Session()
    for n, plan in enumerate((PLAN, replace(PLAN, closing="Bye!")), 1):
        assert session.decide(Recorded(n, STARTS - HOUR, Configured(community(plan)))).orders == []
