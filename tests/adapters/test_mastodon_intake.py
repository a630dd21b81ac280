"""What is news and what is not, whatever the order it comes in."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mastodon.intake import WINDOW, Intake
from bridge.model import (
    MINUTE,
    SECOND,
    AuthorKnown,
    Edited,
    Interest,
    Malformed,
    Ref,
    Removed,
    What,
    Written,
)

START = 1_774_002_400 * SECOND
HOME = "mastodon.example"


class Time:
    def __init__(self) -> None:
        self.now = START


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def intake(time: Time) -> Intake:
    intake = Intake("m", HOME, f"acct:chat@{HOME}", lambda: time.now)
    intake.follow(Interest(("tea",), (), START - MINUTE))
    return intake


def status(id_: str, *, tag: bool = True, edited: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "created_at": "2026-03-20T10:26:40Z",
        "edited_at": f"2026-03-20T10:3{edited}:00Z" if edited else None,
        "account": {"id": "7", "acct": "ann", "note": ""},
        "content": f"words of {id_}",
        "tags": [{"name": "tea"}] if tag else [],
        "replies_count": 0,
    } | fields


def follow(intake: Intake, *threads: str) -> list[What]:
    refs = tuple(Ref("m", t) for t in threads)
    return intake.follow(Interest(("tea",), refs, START - MINUTE))


def kinds(found: list[What]) -> list[type[Any]]:
    return [type(what) for what in found]


def test_a_status_is_news_once(intake: Intake) -> None:
    assert kinds(intake.status(status("1"), START)) == [AuthorKnown, Written]
    assert intake.status(status("1"), START) == []
    assert kinds(intake.status(status("2"), START)) == [Written], "the author is known by now"


def test_only_a_newer_edit_is_news(intake: Intake) -> None:
    intake.status(status("1"), START)
    assert kinds(intake.status(status("1", edited=2), START)) == [Edited]
    assert intake.status(status("1", edited=1), START, edit=True) == []
    assert intake.status(status("1", edited=2), START, edit=True) == []
    assert intake.status(status("1"), START) == []
    assert kinds(intake.status(status("1", edited=3, tag=False), START)) == [Edited], "also without its tag"


def test_an_edit_may_come_before_its_post(intake: Intake) -> None:
    assert kinds(intake.status(status("1", edited=1), START, edit=True)) == [AuthorKnown, Edited]
    assert intake.status(status("1"), START) == []


def test_an_edit_can_bring_a_post_in(intake: Intake) -> None:
    assert intake.status(status("1", tag=False), START) == []
    assert kinds(intake.status(status("1", edited=1), START, edit=True)) == [AuthorKnown, Edited]


def test_a_changed_profile_is_told_again(intake: Intake) -> None:
    intake.status(status("1"), START)
    account = {"id": "7", "acct": "ann", "note": "#nobridge"}
    known, _ = intake.status(status("2", account=account), START)
    assert isinstance(known, AuthorKnown)
    assert known.wishes.nobridge


def test_a_removal_is_news_once_and_final(intake: Intake) -> None:
    intake.status(status("1"), START)
    assert intake.removed("1") == [Removed(Ref("m", "1"))]
    assert intake.removed("1") == []
    assert intake.status(status("1"), START) == []
    assert intake.reread(status("1"), START, set()) == []


def test_a_removal_before_its_post_waits_for_it(intake: Intake) -> None:
    assert intake.removed("1") == []
    assert intake.status(status("1", tag=False), START) == [], "none of ours"
    assert intake.status(status("1"), START) == [Removed(Ref("m", "1"))]
    assert intake.status(status("1"), START) == []


def test_a_removal_before_its_thread_is_followed_waits_for_that(intake: Intake) -> None:
    intake.removed("1")
    assert follow(intake, "1") == [Removed(Ref("m", "1"))]
    assert follow(intake) == []
    assert follow(intake, "1") == []


def test_a_reply_waits_for_its_thread(intake: Intake) -> None:
    assert intake.status(status("3", tag=False, in_reply_to_id="2"), START) == []
    assert intake.status(status("2", tag=False, in_reply_to_id="1"), START) == []
    found = follow(intake, "1")
    assert kinds(found) == [AuthorKnown, Written, Written]
    assert [w.post.ref.id for w in found if isinstance(w, Written)] == ["2", "3"]


def test_a_reply_does_not_wait_for_ever(intake: Intake, time: Time) -> None:
    intake.status(status("2", tag=False, in_reply_to_id="1"), START)
    time.now += WINDOW + SECOND
    assert follow(intake, "1") == []


def test_a_reply_to_what_was_reported_is_reported(intake: Intake) -> None:
    intake.status(status("1"), START)
    assert kinds(intake.status(status("2", tag=False, in_reply_to_id="1"), START)) == [Written]


def test_what_only_speaks_to_us_is_told_again_when_its_thread_is_followed(intake: Intake) -> None:
    """When it first came, the question it answers was not known to be ours: no chat wanted it."""
    mentions = [{"id": "9", "acct": "chat"}]
    reply = status("2", tag=False, in_reply_to_id="1", mentions=mentions)
    assert kinds(intake.status(reply, START)) == [AuthorKnown, Written]
    assert intake.status(reply, START) == []
    assert intake.status(status("3", tag=False, in_reply_to_id="2"), START) == []
    assert kinds(intake.status(reply | {"edited_at": "2026-03-20T10:31:00Z", "content": "new"}, START)) == [
        Edited
    ]
    found = [w.post for w in follow(intake, "1") if isinstance(w, Written)]
    assert [(p.ref.id, p.text.plain) for p in found] == [("2", "new"), ("3", "words of 3")]
    assert follow(intake) == follow(intake, "1") == []


def test_our_own_and_what_is_older_than_the_interest_is_no_news(intake: Intake) -> None:
    assert intake.status(status("1", account={"id": "9", "acct": "chat"}), START) == []
    assert intake.status(status("2", created_at="2026-03-20T10:20:00Z"), START) == []


def test_a_thread_that_grew_is_read_until_what_is_left_is_not_for_us(intake: Intake) -> None:
    follow(intake, "1")
    own = {"id": "9", "acct": "chat"}
    intake.status(status("1", account=own, replies_count=2), START)
    assert intake.grown() == [("1", 2)]
    intake.status(status("2", tag=False, in_reply_to_id="1"), START)
    intake.complete("1", 2)
    intake.status(status("1", account=own, replies_count=2), START)
    assert intake.grown() == [], "one reply is hidden from us: asking again would not show it"
    intake.status(status("1", account=own, replies_count=3), START)
    assert intake.grown() == [("1", 3)]


def test_a_server_that_does_not_count_has_its_threads_read(intake: Intake) -> None:
    intake.status(status("1", replies_count=None), START)
    intake.status(status("1", replies_count=None), START)
    assert [id_ for id_, _ in intake.grown()] == ["1"]
    for id_, count in intake.grown():
        intake.complete(id_, count)
    assert intake.grown() == []
    intake.status(status("1", replies_count=None), START)
    assert [id_ for id_, _ in intake.grown()] == ["1"]


def test_what_is_to_be_checked_takes_turns(intake: Intake) -> None:
    for n in range(3):
        intake.status(status(f"{n}"), START)
    follow(intake, "never seen", "0", "1", "2")
    assert intake.unseen()
    assert intake.unchecked(2) == ["never seen", "0"]
    intake.checked("never seen")
    intake.checked("0")
    assert intake.unchecked(9) == ["1", "2", "never seen", "0"]
    intake.removed("1")
    assert intake.unchecked(1) == ["2"]


def test_what_cannot_be_read_is_told_once(intake: Intake) -> None:
    for broken in ({"id": "1"}, {"content": "x"}, "no status"):
        assert kinds(intake.status(broken, START)) == [Malformed]
        assert intake.status(broken, START) == []


def test_rereading_tells_what_is_changed_or_not(intake: Intake) -> None:
    intake.status(status("1", edited=2), START)
    told: set[str] = set()
    assert kinds(intake.reread(status("1", edited=2), START, told)) == [AuthorKnown, Edited]
    assert kinds(intake.reread(status("2"), START, told)) == [Edited]
    assert intake.reread(status("1", edited=1), START, told) == [], "older than what was told"
