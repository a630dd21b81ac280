"""Which question a post answers: labels as a table, and the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.attribution import BACKDATED, GRACE, labels, named_entry, open_question, written_at
from bridge.model import MINUTE, SECOND
from tests.unit.make import STARTS, post

ASKED = range(1, 11)


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        # as people write them
        ("A3 we meet monthly", (3,)),
        ("A3. we meet monthly", (3,)),
        ("a3: we meet monthly", (3,)),
        ("A3:we meet monthly", (3,)),
        ("A3) we meet", (3,)),
        ("(A3) we meet", (3,)),
        ("[A3] we meet", (3,)),
        ("A3, for us it is trust", (3,)),
        ("A3 - trust", (3,)),
        ("A3 – trust", (3,)),
        ("A3! trust", (3,)),
        ("A3; trust", (3,)),
        ("A3", (3,)),
        ("  A3 trust", (3,)),
        ("Q3: trust", (3,)),
        ("q3 trust", (3,)),
        ("T3: trust", (3,)),
        ("T3", (3,)),
        ("Re Q3 trust", (3,)),
        ("RE: A3 trust", (3,)),
        ("A03 trust", (3,)),
        ("A10: trust", (10,)),
        # a hashtag is a label anywhere
        ("#A3 trust", (3,)),
        ("trust, #a3", (3,)),
        ("＃A3 trust", (3,)),
        ("trust #Q3 #WardChat", (3,)),
        ("trust #T3", (3,)),
        # what may stand before it
        ("@ann@ward.example A3 trust", (3,)),
        ("@ann @ben.example: A3 trust", (3,)),
        ("#WardChat A3 trust", (3,)),
        ("@ann #WardChat Re: Q3, trust", (3,)),
        # several
        ("A1, A2: both", (1, 2)),
        ("A1/A2 both", (1, 2)),
        ("A1 & A2 both", (1, 2)),
        ("A2 and A1 both", (2, 1)),
        ("A1 A2 both", (1, 2)),
        ("A1+A2+A3", (1, 2, 3)),
        ("A1: one\nA2: two", (1, 2)),
        ("A1: one\n\n#WardChat A2: two", (1, 2)),
        ("A1: one #A1", (1,)),
        # no labels
        ("", ()),
        ("trust", ()),
        ("we answered A3 last week", ()),
        ("A 3", ()),
        ("A3b", ()),
        ("A100: long", ()),
        ("A0 nothing", ()),
        ("A11: not asked yet", ()),
        ("#A3b", ()),
        ("x#A3", ()),
        ("https://ward.example/#A3", ()),
        ("https://ward.example/page#A3", ()),
        ("&#A3;", ()),
        # clinical talk
        ("A1c is a blood test", ()),
        ("A1C: what is yours?", ()),
        ("A1.5 is a half", ()),
        ("T3 levels", ()),
        ("T2 diabetes is common here", ()),
        ("T1-weighted images", ()),
        ("T4 is low", ()),
        ("Q4-hourly checks", ()),
        ("T1DM", ()),
        ("T2, as they call it", (2,)),  # it has punctuation
    ],
)
def test_labels(plain: str, expected: tuple[int, ...]) -> None:
    assert labels(plain, ASKED) == expected


def test_only_what_was_asked() -> None:
    assert labels("A1, A2, A3: all", {2}) == (2,)


@given(st.text(alphabet="aAqQtT0123456789 #@.:,;/&-()[]\nre>", max_size=40))
def test_labels_are_asked_and_each_once(plain: str) -> None:
    found = labels(plain, ASKED)
    assert len(set(found)) == len(found)
    assert set(found) <= set(ASKED)


@given(st.sampled_from(ASKED), st.text(alphabet=st.characters(categories=["Ll", "Lo"]), min_size=3))
def test_a_label_is_found_before_any_words(number: int, words: str) -> None:
    for label in (f"A{number}: ", f"a{number} ", f"Re Q{number}. ", f"T{number}: "):
        assert labels(label + words, ASKED) == (number,)


@pytest.mark.parametrize("plain", ["@" * 50_000, "#a" * 25_000, "@a " * 20_000, "A1," * 20_000, " " * 50_000])
@pytest.mark.timeout(5)
def test_no_text_takes_long(plain: str) -> None:
    labels(plain + "!", ASKED)


@pytest.mark.parametrize(
    ("plain", "expected"),
    [(">42 yes", 42), ("  >7", 7), ("> 42", None), ("a >42", None), (">42a", None), (">1234567", None)],
)
def test_named_entry(plain: str, expected: int | None) -> None:
    assert named_entry(plain) == expected


@pytest.mark.parametrize(
    ("claimed", "believed"),
    [(0, 0), (-1, -1), (-BACKDATED, -BACKDATED), (-BACKDATED - 1, 0), (1, 0), (60 * MINUTE, 0)],
)
def test_a_post_is_believed_its_time_within_a_quarter_of_an_hour(claimed: int, believed: int) -> None:
    assert written_at(post("1", at=STARTS + claimed, seen=STARTS)) == STARTS + believed


def test_the_numbers_of_the_rules() -> None:
    assert (GRACE, BACKDATED) == (45 * SECOND, 15 * MINUTE)


POSTED = [(STARTS, 1), (STARTS + 10 * MINUTE, 2), (STARTS + 10 * MINUTE + 20 * SECOND, 3)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (STARTS - 1, None),
        (STARTS, 1),  # the first has no grace: there is nothing before it to finish
        (STARTS + 10 * MINUTE, 1),
        (STARTS + 10 * MINUTE + GRACE - 1, 1),
        (STARTS + 10 * MINUTE + GRACE, 2),
        (STARTS + 10 * MINUTE + GRACE + 20 * SECOND, 3),
        (STARTS + 900 * MINUTE, 3),
    ],
)
def test_the_question_that_was_open(at: int, expected: int | None) -> None:
    assert open_question(POSTED, at) == expected


def test_no_question_no_answer() -> None:
    assert open_question([], STARTS) is None


@given(st.lists(st.integers(0, 100), unique=True, max_size=6), st.integers(-10, 200), st.integers(0, 50))
def test_the_open_question_only_moves_on(minutes: list[int], at: int, later: int) -> None:
    posted = [(m * MINUTE, n) for n, m in enumerate(sorted(minutes), start=1)]
    one, other = open_question(posted, at * MINUTE), open_question(posted, (at + later) * MINUTE)
    assert (one or 0) <= (other or 0)
    assert all(when <= at * MINUTE for when, n in posted if n == one)
