"""What people type at `chatbridge init` is read as they mean it, or refused in words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.init import spelt
from bridge.init.spelt import Unread

ZONE = "Europe/London"
NOW = datetime(2026, 11, 23, 15, tzinfo=ZoneInfo(ZONE))  # a Monday


def start(words: str) -> str:
    return spelt.start(words, ZONE, NOW).isoformat()


@pytest.mark.parametrize(
    "words",
    [
        "2027-03-16 20:00",
        "2027-03-16T20:00:00",
        "2027/03/16 20h00",
        "16.3.2027 20.00",
        "16. 3. 2027, 20 Uhr",
        "16-03-2027 20:00",
        "16/3/2027 20:00",
        "3/16/2027 8 pm",
        "16 March 2027 8pm",
        "March 16th, 2027 at 8:00 p.m.",
        "Tuesday the 16th of March, 20:00",
        "20:00 on 16 Mar",
        "20:00, march 16",
        "  16 MARCH 2027 20:00\r",
        "2027-03-16T20:00Z",
        "2027-03-16T21:00+01:00",
    ],
)
def test_a_start_may_be_spelt_in_many_ways(words: str) -> None:
    assert datetime.fromisoformat(start(words)) == datetime(2027, 3, 16, 20, tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("words", "when"),
    [
        ("today 16:00", "2026-11-23T16:00"),
        ("tomorrow noon", "2026-11-24T12:00"),
        ("monday 16:00", "2026-11-23T16:00"),
        ("monday 14:00", "2026-11-30T14:00"),
        ("next monday 16:00", "2026-11-30T16:00"),
        ("next tuesday 8:30 pm", "2026-11-24T20:30"),
        ("1 jan 00:30", "2027-01-01T00:30"),
        ("12 dec 12 am", "2026-12-12T00:00"),
        ("29 february 2028 20:00", "2028-02-29T20:00"),
    ],
)
def test_what_is_left_out_of_a_start_is_the_next_there_is(words: str, when: str) -> None:
    assert start(words) == f"{when}:00+00:00"


@pytest.mark.parametrize(
    ("words", "why", "meant"),
    [
        ("2021-01-01 20:00", "Friday 1 January 2021, 20:00 London time (20:00 UTC) is past.", ""),
        ("today 14:00", "is past.", ""),
        ("16 March", "At what time of day?", ""),
        ("20:00", "On what day?", ""),
        ("3/4/2027 20:00", "3/4 may be 3 April or 4 March: write the month's name.", ""),
        ("31 Feb 2027 20:00", "There is no 31 February 2027.", ""),
        ("16.13.2027 20:00", "There is no", ""),
        ("16 March 25:00", "There is no time 25:00.", ""),
        ("16 March 13 pm", "There is no 13 pm.", ""),
        ("16 Mars 20:00", "“16 mars” cannot be read in it.", ""),
        ("16 March 20:00 EST", "“est” cannot be read in it.", ""),
        ("2099-01-01 20:00", "The year 2099 is far away.", ""),
        ("Wed 16 March 2027 20:00", "16 March 2027 is a Tuesday, not a Wednesday.", "2027-03-16 20:00"),
        ("2027-03-28 01:30", "01:30 does not exist on that day", "2027-03-28 02:30"),
        ("2027-10-31 01:30", "Write 2027-10-31T01:30:00+01:00 for the earlier", ""),
    ],
)
def test_a_start_that_cannot_be_told_is_refused_in_words(words: str, why: str, meant: str) -> None:
    with pytest.raises(Unread) as no:
        start(words)
    assert why in str(no.value)
    assert no.value.meant == meant
    if meant:
        start(meant)


def test_an_hour_that_comes_twice_is_taken_as_it_is_told() -> None:
    assert start("2027-10-31T01:30:00+01:00") != start("2027-10-31T01:30:00+00:00")


@pytest.mark.parametrize(
    ("read", "words", "value"),
    [
        (spelt.zone, "europe/london", "Europe/London"),
        (spelt.zone, "london", "Europe/London"),
        (spelt.zone, " New York ", "America/New_York"),
        (spelt.zone, "utc", "UTC"),
        (spelt.hashtag, "#WardChat", "WardChat"),
        (spelt.hashtag, "Café_2", "Café_2"),
        (spelt.server, "ward.social", "https://ward.social"),
        (spelt.server, "https://Ward.social/@us", "https://ward.social"),
        (spelt.server, "@us@ward.social", "https://ward.social"),
        (spelt.handle, "@us.bsky.social", "us.bsky.social"),
        (spelt.handle, "https://bsky.app/profile/us.ward.org", "us.ward.org"),
        (spelt.minutes, "60", 60),
        (spelt.minutes, "1h30", 90),
        (spelt.minutes, "1.5 hours", 90),
        (spelt.minutes, "1 hour and 15 minutes", 75),
        (spelt.question, "Q1: Who is missing?\r\n", "Who is missing?"),
        (spelt.question, "2. Who is missing?", "Who is missing?"),
        (spelt.question, "• Who is missing?", "Who is missing?"),
        (spelt.question, "2 things you learnt?", "2 things you learnt?"),
        (spelt.question, "QI is what?", "QI is what?"),
        (spelt.text, "\ufeff a\tb \xa0\r\n", "a b"),
        (spelt.yes, "Y", True),
        (spelt.yes, "nope", False),
    ],
)
def test_an_answer_is_read_as_it_is_meant(read: object, words: str, value: object) -> None:
    assert callable(read)
    assert read(words) == value


@pytest.mark.parametrize(
    ("read", "words", "why", "meant"),
    [
        (spelt.zone, "Europe/Londno", "Did you mean Europe/London?", "Europe/London"),
        (spelt.zone, "Pari", "Did you mean Europe/Paris?", "Europe/Paris"),
        (spelt.zone, "CET", "Write region and city", ""),
        (spelt.zone, "UTC+1", "Write region and city", ""),
        (spelt.hashtag, "our ward's chat", "Shall it be #OurWardsChat?", "OurWardsChat"),
        (spelt.hashtag, "2027", "A hashtag is one word", ""),
        (spelt.hashtag, "x" * 65, "at most 64", "X" + "x" * 63),
        (spelt.server, "mastodon", "has a dot in it", ""),
        (spelt.handle, "us", "Did you mean us.bsky.social?", "us.bsky.social"),
        (spelt.handle, "abcd-efgh-ijkl-mnop", "That looks like an app password.", ""),
        (spelt.minutes, "an hour", "Write a number of minutes", ""),
        (spelt.minutes, "0", "a whole number of minutes", "60"),
        (spelt.text, "left\x1b[D", "a sign in it that cannot be seen", ""),
        (spelt.yes, "perhaps", "Answer yes or no.", ""),
    ],
)
def test_an_answer_that_cannot_be_told_is_refused_in_words(
    read: object, words: str, why: str, meant: str
) -> None:
    assert callable(read)
    with pytest.raises(Unread) as no:
        read(words)
    assert why in str(no.value)
    assert no.value.meant == meant
    assert "abcd-" not in str(no.value)


def test_gmt_is_asked_about_since_london_leaves_it_in_summer() -> None:
    with pytest.raises(Unread, match="Europe/London") as asked:
        spelt.zone("gmt")
    assert asked.value.meant == "Europe/London"
    assert spelt.zone("utc") == "UTC"
