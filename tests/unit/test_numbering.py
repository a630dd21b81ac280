"""The questions of an edited config take their places around those that have gone out."""

from __future__ import annotations

import msgspec
import pytest

from bridge.chat import numbering
from bridge.model import MINUTE
from bridge.settings import Chat, Question
from tests.unit.make import STARTS, Hour, chat, community


def asking(*texts: str) -> Chat:
    """A chat with these questions, ten minutes apart."""
    due = (STARTS + (5 + 10 * n) * MINUTE for n in range(len(texts)))
    return msgspec.structs.replace(chat(), questions=tuple(map(Question, due, texts)))


def after_two() -> Hour:
    """An hour in which a and b of four have been asked."""
    hour = Hour(community(asking("a", "b", "c", "d")))
    hour.until(16)
    return hour


@pytest.mark.parametrize(
    ("edited", "numbered", "said"),
    [
        ("abcd", "abcd", {1: "a", 2: "b"}),
        ("abCd", "abCd", {1: "a", 2: "b"}),  # one still to come, worded anew
        ("aBcd", "abcd", {1: "a", 2: "B"}),  # one that is out, worded anew: it stays
        ("abxcd", "abxcd", {1: "a", 2: "b"}),  # one more
        ("axbcd", "abxcd", {1: "a", 2: "b"}),  # one more, above one that is out: it is asked, and b only once
        ("bcd", "abcd", {1: None, 2: "b"}),  # one that is out is taken out: none is lost
        ("abd", "abd", {1: "a", 2: "b"}),
        ("abdc", "abdc", {1: "a", 2: "b"}),
        ("", "ab", {1: None, 2: None}),
        ("xy", "ab", {1: "x", 2: "y"}),
        ("dcba", "abdc", {1: "a", 2: "b"}),
    ],
)
def test_what_is_out_keeps_its_number(edited: str, numbered: str, said: dict[int, str | None]) -> None:
    hour, settings = after_two(), asking(*edited)
    before = hour.session.state.chats["handovers"].settings
    found = numbering.renumbered(hour.sheet, before, settings)
    assert "".join(question.text for question in found.questions) == numbered
    stands = numbering.standing(hour.sheet, before, settings)
    assert {n: question and question.text for n, question in stands.items()} == said


@pytest.mark.parametrize("edited", ["abcd", "axbcd", "bcd", "abcde", "aBcd"])
def test_each_question_is_asked_once(edited: str) -> None:
    """Whatever is edited, and however often."""
    hour = after_two()
    for words in (edited, "abcd", edited):
        hour.configure(asking(*words))
    hour.until(61)
    asked = [item.text for item in hour.sheet.questions() if item.state == "posted"]
    assert len(set(asked)) == len(asked)
    assert set(asked) >= {"a", "b", *(edited if edited != "aBcd" else "cd")}
    assert hour.went_out["mastodon"].count("q3") == 1


def test_a_hosts_question_that_is_out_takes_none_of_the_configs_away() -> None:
    hour = after_two()
    hour.command("ask", "Ours")
    assert hour.sheet.questions()[-1].number == 5
    hour.configure(asking("a", "b", "c", "d", "e"))
    hour.configure(asking("a", "b", "c", "d", "E"))
    hour.until(61)
    asked = {item.label: item.text for item in hour.sheet.questions() if item.state == "posted"}
    assert asked == {"Q1": "a", "Q2": "b", "Q3": "c", "Q4": "d", "Q5": "Ours", "Q6": "E"}


@pytest.mark.parametrize("later", ["xaBcd", "Bacd", "aBxcd", "Bcd"])
def test_one_that_was_corrected_after_it_went_out_is_known_by_its_new_words(later: str) -> None:
    hour = after_two()
    for words in ("aBcd", later, later + "e", later):
        hour.configure(asking(*words))
    hour.until(90)
    asked = [item.text for item in hour.sheet.questions() if item.state == "posted"]
    late = {"x"} if later[0] == "x" else set()  # its time had passed: the hosts were asked
    assert sorted(asked) == sorted({*"abcd", *later} - {"B"} - late)
