"""The run sheet: its table, and an hour steered every possible way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat import runsheet
from bridge.chat.commands import VERBS
from bridge.chat.runsheet import STEPS, Item, Sheet, build, grace, span, update
from bridge.errors import IllegalTransition
from bridge.model import HOUR, MINUTE, SECOND
from bridge.settings import Question
from tests.unit.make import SLACK_HOST, STARTS, Hour, chat, community

DAY = 24 * HOUR


def ids(sheet: Sheet) -> list[str]:
    return [i.id for i in sheet.items]


def states(sheet: Sheet) -> dict[str, str]:
    return {i.id: i.state for i in sheet.items}


# ---------------------------------------------------------------- building


def test_the_sheet_of_a_config() -> None:
    sheet = build(chat(announce=7 * DAY, remind=(DAY, 10 * MINUTE)))
    assert ids(sheet) == [
        *("announcement", "reminder-24h", "reminder-10m", "welcome", "q1", "q2", "recap-half", "q3"),
        *("recap", "closing"),
    ]
    assert [(i.due - STARTS) // MINUTE for i in sheet.items[-7:]] == [0, 5, 15, 20, 25, 60, 60]
    assert [i.label for i in sheet.items[3:5]] == ["Welcome", "Q1"]


@pytest.mark.parametrize(
    ("asked", "recap"),
    [
        ((5, 13, 21, 29, 37, 45, 53), 33),
        ((5, 30, 55), 17.5),  # never beside the one in the middle
        ((5, 7, 9), 34.5),
        ((5,), 32.5),
        ((), 30),
    ],
)
def test_the_halfway_recap_stands_between_two_questions(asked: tuple[int, ...], recap: float) -> None:
    questions = tuple(Question(STARTS + n * MINUTE, f"In minute {n}?") for n in asked)
    sheet = build(chat(questions=questions))
    assert [(i.due - STARTS) / MINUTE for i in sheet.items if i.id == "recap-half"] == [recap]


def test_at_the_same_instant_the_order_is_fixed() -> None:
    at_once = (Question(STARTS, "One?"), Question(STARTS, "Two?"))
    sheet = build(
        chat(questions=0, starts=STARTS, ends=STARTS).__class__(
            "x", "x", "x", STARTS, STARTS, STARTS, at_once, announce=0, remind=(0,)
        )
    )
    assert ids(sheet) == [
        *("announcement", "reminder-0s", "welcome", "q1", "q2", "recap-half", "recap", "closing")
    ]


def test_an_id_is_given_once() -> None:
    sheet = build(chat(remind=(DAY, DAY, 10 * MINUTE)))
    assert len(set(ids(sheet))) == len(ids(sheet))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (7 * DAY, "7d"),
        (DAY, "24h"),
        (2 * DAY, "2d"),
        (90 * MINUTE, "90m"),
        (30 * SECOND, "30s"),
        (HOUR, "1h"),
    ],
)
def test_span(length: int, expected: str) -> None:
    assert span(length) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item("welcome", "welcome", 0), None),
        (Item("closing", "closing", 0), None),
        (Item("q1", "question", 0, 1), 120),
        (Item("say1", "say", 0), 120),
        (Item("recap", "recap", 0), 120),
        (Item("announcement", "announcement", 0, lead=7 * DAY), 7 * 86_400 // 10),
        (Item("reminder-10m", "reminder", 0, lead=10 * MINUTE), 120),
    ],
)
def test_grace(item: Item, expected: int | None) -> None:
    allowed = grace(item, 120 * SECOND)
    assert allowed == (None if expected is None else expected * SECOND)


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("state", ["planned", "due", "posted", "held", "skipped"])
@pytest.mark.parametrize("event", ["fire", "hold", "skip", "resume", "sent", "drop"])
def test_the_table_says_it_all(state: runsheet.State, event: str) -> None:
    item = Item("q1", "question", 0, 1, state=state)
    if (state, event) in STEPS:
        item.step(event)
        assert item.state == STEPS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"q1 is {state}: cannot {event}"):
            item.step(event)
        assert item.state == state


def test_what_was_posted_stays_posted() -> None:
    assert {after for (before, _), after in STEPS.items() if before == "posted"} == {"posted"}


# ---------------------------------------------------------------- what goes out when


def test_due_stops_at_the_first_on_hold() -> None:
    sheet = build(chat())
    assert [i.id for i in sheet.due(STARTS + 16 * MINUTE)] == ["welcome", "q1", "q2"]
    sheet.items[1].step("hold")
    assert [i.id for i in sheet.due(STARTS + 16 * MINUTE)] == ["welcome"]
    sheet.items[0].step("fire")
    assert sheet.deadline() is None
    assert sheet.due(STARTS + 16 * MINUTE) == []


def test_extending_moves_only_what_is_to_come() -> None:
    sheet = build(chat())
    sheet.items[0].step("fire")
    before = [i.due for i in sheet.items]
    sheet.shift(5 * MINUTE)
    assert [b - a for a, b in zip(before, (i.due for i in sheet.items), strict=True)] == [
        0,
        *[5 * MINUTE] * (len(before) - 1),
    ]
    assert (sheet.ends, sheet.late_until) == (STARTS + 65 * MINUTE, STARTS + 25 * HOUR + 5 * MINUTE)


def test_ending_early_leaves_recap_and_closing() -> None:
    sheet = build(chat())
    now = STARTS + 20 * MINUTE
    for item in sheet.items[:3]:
        item.step("fire")
    sheet.items[3].step("hold")
    sheet.end(now)
    assert [i.id for i in sheet.due(now)] == ["recap", "closing"]
    assert states(sheet)["q3"] == states(sheet)["recap-half"] == "skipped"
    assert (sheet.ends, sheet.late_until) == (now, now + 24 * HOUR)


# ---------------------------------------------------------------- a changed config


def test_a_changed_config_changes_what_is_to_come() -> None:
    sheet = build(chat())
    sheet.items[0].step("fire")
    sheet.items[1].step("fire")
    sheet.items[1].text = "as it was asked"
    fresh = chat(4)
    update(sheet, fresh)
    assert ids(sheet) == ["welcome", "q1", "q2", "q3", "recap-half", "q4", "recap", "closing"]
    asked = sheet.get("q1")
    assert asked is not None
    assert asked.text == "as it was asked"


def test_a_changed_config_undoes_neither_hold_nor_extension() -> None:
    sheet = build(chat())
    sheet.items[0].step("fire")
    sheet.items[1].step("hold")
    sheet.shift(5 * MINUTE)
    update(sheet, chat(title="Even safer handovers"))
    assert states(sheet)["q1"] == "held"
    assert sheet.items[1].due == STARTS + 10 * MINUTE
    assert sheet.ends == STARTS + 65 * MINUTE


def test_a_changed_config_does_not_reopen_a_chat() -> None:
    sheet = build(chat())
    now = STARTS + 20 * MINUTE
    sheet.end(now)
    for item in sheet.due(now):
        item.step("fire")
    update(sheet, chat(4))
    assert (sheet.ends, sheet.late_until) == (now, now + 24 * HOUR)
    assert sheet.upcoming() is None


# ---------------------------------------------------------------- hosts steer

steps = st.one_of(
    st.tuples(
        st.sampled_from(sorted(VERBS)),
        st.sampled_from(["", "5", "1 Q1", "Why?"]),
        st.sampled_from([None, "welcome", "q1", "q2", "say1", "recap", "closing", "nonsense"]),
        st.sampled_from([None, "mastodon", "slack"]),
    ),
    st.integers(1, 20),  # minutes that pass
    st.sampled_from(["mastodon down", "mastodon up", "bluesky refuses", "bluesky takes", "we are down"]),
)


@given(st.lists(steps, max_size=30))
def test_however_the_hosts_steer(taken: list[tuple[str, str, str | None, str | None] | int | str]) -> None:
    """No illegal step is reachable (`decide` would raise), nothing goes out twice, questions keep the order
    of the sheet on every network, and the hour comes to its end."""
    hour = Hour(community(chat(remind=(10 * MINUTE,))))
    minute = -15.0
    for step in taken:
        match step:
            case int():
                minute += step
                hour.until(minute)
            case "mastodon down":
                hour.down.add("mastodon")
            case "mastodon up":
                hour.down.discard("mastodon")
                hour.deliver()
            case "bluesky refuses":
                hour.refusing["bluesky"] = "not today"
            case "bluesky takes":
                hour.refusing.clear()
            case "we are down":
                minute += 11
                hour.now = STARTS + int(minute * MINUTE)
            case (verb, words, item, on):
                answer = hour.command(verb, words, by=SLACK_HOST, item=item, on=on)
                assert answer
    hour.down.clear()
    hour.refusing.clear()
    hour.until(minute + 48 * 60)
    for network, items in hour.went_out.items():
        assert len(set(items)) == len(items), f"twice on {network}: {items}"
        place = {i.id: n for n, i in enumerate(hour.sheet.items)}
        asked = [i for i in items if i[0] == "q" or i == "closing"]
        assert asked == sorted(asked, key=place.__getitem__), f"out of order on {network}"
        for line in hour.sheet.items:
            assert (line.on.get(network) == "posted") == (line.id in items)
    for line in hour.sheet.items:
        assert line.state != "due" or "held" in line.on.values()
        assert line.state != "posted" or "posted" in line.on.values()
