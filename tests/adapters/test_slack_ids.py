"""Slack's ids as the bridge's strings, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import ids
from bridge.errors import CursorLost
from bridge.model import Ref

SITE = "https://teashop.slack.example/"
TIMES = st.integers(0, 4_000_000_000_000_000)


@given(TIMES)
def test_a_time_and_its_ts_are_one(at: int) -> None:
    assert ids.micros(ids.timestamp(at)) == at


@given(TIMES, st.lists(st.from_regex(r"D[A-Z0-9]{3,10}", fullmatch=True), max_size=4))
def test_a_cursor_says_what_was_put_in(at: int, directs: list[str]) -> None:
    ts = ids.timestamp(at)
    assert ids.parse_cursor(ids.cursor(ts, tuple(directs))) == (ts, tuple(directs))


@pytest.mark.parametrize("cursor", ["", "yesterday", "1700000000", "1700000000.1", "-1.000000"])
def test_a_foreign_cursor_is_lost(cursor: str) -> None:
    with pytest.raises(CursorLost):
        ids.parse_cursor(cursor)


def test_a_message_is_known_by_channel_and_ts() -> None:
    ref = ids.ref("slack", "C1", "1700000000.000100")
    assert ref == Ref("slack", "C1/1700000000.000100")
    assert ids.place(ref) == ("C1", "1700000000.000100")
    assert ids.uri("T1", *ids.place(ref)) == "slack:T1/C1/1700000000.000100"
    with pytest.raises(ValueError, match="not a Slack timestamp"):
        ids.place(Ref("slack", "https://elsewhere.example/1"))


def test_a_permalink_leads_back() -> None:
    link = ids.permalink(SITE, "C1", "1700000000.000100")
    assert link == f"{SITE}archives/C1/p1700000000000100"
    assert ids.from_permalink(link) == ("C1", "1700000000.000100")
    reply = ids.permalink(SITE, "C1", "1700000000.000200", "1700000000.000100")
    assert ids.from_permalink(reply) == ("C1", "1700000000.000200")
    assert ids.from_permalink("https://teashop.slack.example/files/F1") is None


def test_accounts_and_answers() -> None:
    assert ids.account("T1", "U1") == "slack:T1/U1"
    where = ids.Where("U1", "C1", trigger="1.2.3", view="V1", hash="1.a", home=True)
    assert ids.parse_answer(ids.answer(where)) == where
    assert ids.answer(ids.Where("U1", "C1")) == '{"user":"U1","channel":"C1"}'
    with pytest.raises(ValueError, match="malformed"):
        ids.parse_answer("C1/U1")


@pytest.mark.parametrize("account", ["slack:T2/U1", "slack:T1/", "slack:T1", "acct:ann@tea.example", ""])
def test_a_user_is_one_of_this_workspace(account: str) -> None:
    assert ids.user("T1", ids.account("T1", "U1")) == "U1"
    with pytest.raises(ValueError, match="not an account of the workspace T1"):
        ids.user("T1", account)
