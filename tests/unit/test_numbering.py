"""The questions of an edited config take their places around those that have gone out."""

from __future__ import annotations

import random

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


@pytest.mark.parametrize("corrected", [False, True])
def test_one_that_was_taken_out_and_is_back_is_not_asked_again(corrected: bool) -> None:
    """Between two saves another line stood where it had been, and was taken for its new words."""
    one, other, third = (
        "How do oak and elm grow?",
        "Where does moss thrive best today?",
        "Who calls the night ward?",
    )
    hour = Hour(community(asking(one, third)))
    hour.until(6)
    back = one.replace("grow", "live") if corrected else one
    for questions in ((other, third), (other, back, third)):
        hour.configure(asking(*questions))
    hour.until(61)
    assert [item.text for item in hour.sheet.questions()] == [one, other, third]


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


# ---------------------------------------------------------------- corrected and moved in one save

ONE, TWO, NEXT, LAST = (
    "What is the first thing you say at a handover?",
    "Who else should be in the room with you?",
    "Which habit of your team would you never give up?",
    "What will you try out before we meet again?",
)
NEW = "Where do you write down what was said?"


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        (
            (NEW, ONE, "Who else should be in that room with you?", NEXT, LAST),
            "Who else should be in that room",
        ),
        ((ONE, NEW, "Who should be in the room, too?", NEXT, LAST), "Who should be in the room, too?"),
        (("Who else is in the room with you?", ONE, NEW, LAST), "Who else is in the room"),
        (
            (ONE, NEXT, LAST, NEW, "Who else should be in the room, in your view?"),
            "Who else should be in the",
        ),
        ((ONE, NEW, "Who with?", NEXT, LAST), "Who with?"),
    ],
)
def test_one_that_is_corrected_and_moved_at_once_is_asked_once(edited: tuple[str, ...], said: str) -> None:
    hour = Hour(community(asking(ONE, TWO, NEXT, LAST)))
    hour.until(16)
    settings = asking(*edited)
    stands = numbering.standing(hour.sheet, hour.session.state.chats["handovers"].settings, settings)
    assert stands[2] is not None
    assert stands[2].text.startswith(said)
    hour.configure(settings)
    hour.until(90)
    left = {item.text for item in hour.sheet.questions()} - {ONE, TWO}
    assert left == {*edited} - {ONE, stands[2].text}, "the others are, and none is lost"


def test_a_planned_one_that_is_corrected_stays_planned_though_one_that_was_asked_is_taken_out() -> None:
    """They are all of a pattern."""
    patterned = [f"What did your team learn in round {n} of the year?" for n in range(1, 5)]
    hour = Hour(community(asking(*patterned)))
    hour.until(16)
    hour.configure(
        asking(patterned[0], "What did your whole team learn in round 3 of the year?", patterned[3])
    )
    hour.until(61)
    went = [item.text for item in hour.sheet.questions()]
    assert went == [*patterned[:2], "What did your whole team learn in round 3 of the year?", patterned[3]]


def test_one_that_was_taken_for_another_and_comes_back_is_not_asked_again() -> None:
    hour = after_two()
    hour.configure(asking("a", "x", "c", "d"))
    hour.configure(asking("a", "x", "b", "c", "d"))
    hour.until(90)
    assert [item.text for item in hour.sheet.questions() if item.state == "posted"].count("b") == 1


def test_what_a_host_asked_and_somebody_writes_down_is_not_asked_again() -> None:
    hour = after_two()
    hour.command("ask", "Ours")
    hour.configure(asking("a", "b", "Ours", "c", "d"))
    hour.configure(asking("a", "Ours?", "b", "c", "d"))
    hour.until(90)
    asked = [item.text for item in hour.sheet.questions() if item.state == "posted"]
    assert sorted(asked) == ["Ours", "a", "b", "c", "d"]


WORDS = (
    "oak",
    "elm",
    "ash",
    "fir",
    "yew",
    "bay",
    "fig",
    "plum",
    "pear",
    "lime",
    "rose",
    "moss",
    "fern",
    "sage",
)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_edited_nothing_is_asked_twice(seed: int) -> None:
    """Lines put in, taken out, corrected by a word and swapped, several in one save. `whose`: which question a line
    was, whatever became of its words."""
    rng = random.Random(seed)
    fresh = iter(range(10_000))

    def line() -> tuple[int, list[str]]:
        return next(fresh), [rng.choice(WORDS) for _ in range(9)]

    lines = [line() for _ in range(6)]
    whose = {" ".join(words): name for name, words in lines}
    hour = Hour(community(asking(*whose)))
    hour.until(rng.choice((6, 16, 26)))
    for _ in range(8):
        hour.until((hour.now - STARTS) / MINUTE + rng.choice((0, 1, 5)))
        corrected = set[int]()
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(lines))
            match rng.choice(("insert", "delete", "correct", "swap")):
                case "insert":
                    lines.insert(at, line())
                case "delete" if len(lines) > 2:
                    del lines[at]
                case "correct" if lines[at][0] not in corrected:
                    corrected.add(lines[at][0])
                    words = list(lines[at][1])
                    words[rng.randrange(9)] = rng.choice(WORDS)
                    lines[at] = lines[at][0], words
                case "swap":
                    other = rng.randrange(len(lines))
                    lines[at], lines[other] = lines[other], lines[at]
        whose |= {" ".join(words): name for name, words in lines}
        hour.configure(asking(*(" ".join(words) for _, words in lines)))
    hour.until(120)
    asked = [whose[item.text] for item in hour.sheet.questions() if item.fired]
    assert len(set(asked)) == len(asked)
