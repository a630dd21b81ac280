"""A blackout: the page stands still but for what must go; Slack and the hosts go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.chat.intake import lift
from bridge.chat.session import Session
from bridge.chat.state import Work
from bridge.chat.view import ChatView
from bridge.model import Post, Ref
from bridge.report import render
from tests.unit.make import LONG, Hour, edited, post

PAUSED = "The hosts have paused new answers here."


def begun(*posts: Post) -> Hour:
    """A blackout that began when these stood on the page."""
    hour = Hour()
    hour.until(6)
    hour.write(*posts)
    hour.command("blackout")
    return hour


def page(hour: Hour) -> ChatView:
    return hour.session.view("handovers", "page", hour.now)


def shown(hour: Hour) -> dict[int, str]:
    return {v.no: v.text.plain for v in page(hour).entries if v.text is not None}


def old() -> Post:
    return post("1", "A1: old #WardChat")


def comes(hour: Hour) -> int:
    hour.write(post("2", "A1: new #WardChat", by="midwife"))
    return 2


def changes(hour: Hour) -> int:
    hour.edit(edited(old(), "A1: new #WardChat"))
    return 1


def joins(hour: Hour) -> int:
    """Its original turns up, and says something else."""
    hour.write(post("3", "A1: new #WardChat", network="bluesky", by="bridged", original="mastodon:1"))
    return 1


def consents(hour: Hour) -> int:
    hour.write(post("s1", "A1: new", network="slack", by="ann"))
    hour.command("consent", "name", by="slack:T1/UANN")
    return 2


def known(hour: Hour) -> int:
    hour.write(post("4", "A1: new #WardChat", by="porter"), known=False)
    hour.wishes("acct:porter@ward.example")
    return 2


def restored(hour: Hour) -> int:
    hour.command("hide", "1")
    hour.command("restore", "1")
    return 1


def unblocked(hour: Hour) -> int:
    hour.command("block", "1")
    hour.command("unblock", "1")
    return 1


def released(hour: Hour) -> int:
    hour.write(post("5", "A1: new https://new.example #WardChat", by="gp"))
    hour.command("show", "2")
    return 2


@pytest.mark.parametrize("new", [comes, changes, joins, consents, known, restored, unblocked, released])
def test_what_is_new_waits_and_is_shown_in_the_end(new: Callable[[Hour], int]) -> None:
    hour = begun(old())
    before = shown(hour)
    assert before == {1: "A1: old #WardChat"}
    no = new(hour)
    assert shown(hour) == {n: words for n, words in before.items() if n != no}
    assert hour.session.entry("handovers", no, "page") is None
    assert page(hour).withheld == ()
    hosts = hour.session.entry("handovers", no, "hosts")
    assert hosts is not None
    assert hosts.text is not None
    if hosts.sources[0].network != "slack":
        assert no in hour.mirrored(), "Slack goes on"
    hour.command("blackout", "off")
    assert no in shown(hour)
    assert no in hour.effects.changed.get("handovers", ()) or not page(hour).paused


def test_nothing_of_it_is_counted() -> None:
    hour = begun(old())
    before = page(hour)
    comes(hour)
    hour.write(post("s1", "A1: in the room", network="slack", by="ann"))
    now = page(hour)
    assert (now.total, now.kept, now.questions, now.withheld) == (
        before.total,
        before.kept,
        before.questions,
        before.withheld,
    )
    assert hour.session.view("handovers", "hosts", hour.now).total == 3


@pytest.mark.parametrize("how", ["hide", "erase", "block", "removed"])
def test_what_must_go_goes_at_once(how: str) -> None:
    hour = begun(old())
    if how == "removed":
        hour.remove(old())
    else:
        hour.command(how, "1")
    assert shown(hour) == {}
    hour.command("blackout", "off")
    assert shown(hour) == {}


def test_one_source_of_two_may_go_and_the_other_stays() -> None:
    words = f"A1: {LONG} #WardChat"
    hour = begun(post("1", words), post("2", words, network="bluesky"))
    hour.remove(Ref("mastodon", "1"))
    assert list(shown(hour)) == [1]


def test_what_waits_can_be_liked_and_answered() -> None:
    hour = begun(old())
    comes(hour)
    hour.command("like", "2")
    hour.command("reply", "2 Thank you!")
    changes(hour)
    assert len(hour.endorsed) == 1
    assert any("Thank you!" in words for words in hour.texts("mastodon"))


def test_the_page_says_so_when_it_is_loaded_and_to_who_reads_it() -> None:
    hour = begun(old())
    assert page(hour).paused
    assert PAUSED in render.page(page(hour))
    assert PAUSED in render.pieces(page(hour))["status"]
    assert not hour.session.view("handovers", "hosts", hour.now).paused
    assert "handovers" in hour.effects.sheet or hour.events, "readers are told"
    hour.command("blackout", "off")
    assert not page(hour).paused
    assert PAUSED not in render.page(page(hour))


def test_ending_it_twice_changes_nothing() -> None:
    hour = begun(old())
    comes(hour)
    hour.command("blackout", "off")
    work = Work(hour.session.state, 1, hour.now)
    lift(work, hour.session.state.chats["handovers"])
    assert work.effects.changed == {"handovers": set()}
    assert work.effects.orders == []


def test_a_replay_waits_for_the_same() -> None:
    hour = begun(old())
    comes(hour)
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()
