"""Telling a room's admins what only they can delete."""

from __future__ import annotations

import pytest

from bridge.chat import alerts
from bridge.chat.state import Work
from bridge.model import (
    Notice,
    Publish,
    Ref,
)
from bridge.settings import Host
from tests.unit.make import Hour, person
from tests.unit.outwards import (
    hour_with,
    theirs,
)

# ---------------------------------------------------------------- telling the admins


def hidden(admins: tuple[str, ...] = ("UADMIN1", "UADMIN2")) -> tuple[Hour, str]:
    hour = hour_with(theirs("x", "A1: Mrs T of bed 4", network="slack", by="porter"), admins=admins)
    work = Work(hour.session.state, 999, hour.now)
    work.host = Host("Wren Adair")
    found = hour.session.state.chats["handovers"]
    told = alerts.send(work, found, found.timeline.entries[1])
    assert alerts.send(work, found, found.timeline.entries[1]) == "", "once"
    hour.queued += work.effects.orders
    hour.orders += work.effects.orders
    return hour, told


def test_each_admin_of_the_room_is_told_without_the_words() -> None:
    hour, told = hidden()
    orders = [o for o in hour.orders if isinstance(o.op, Publish) and o.op.to]
    assert [o.op.to for o in orders if isinstance(o.op, Publish)] == ["UADMIN1", "UADMIN2"]
    assert {(o.network, o.lane, o.place) for o in orders} == {("slack", "hosts", "hosts")}
    content = orders[0].op.content  # type: ignore[union-attr]  # a Publish
    assert isinstance(content, Notice)
    for words in (
        "Porter",
        "https://slack.example/post/x",
        "Wren Adair did",
        "only its author",
        "Safer handovers",
    ):
        assert words in content.text
    assert "Mrs T" not in repr(orders)
    assert told == "It still stands in Slack: the admins are told, who can delete it there."
    hour.deliver()
    assert hour.notices()


def told_admins(hour: Hour) -> set[str]:
    """What the admins read."""
    return {notice.text for notice in hour.notices() if "in the chat's channel" in notice.text}


@pytest.mark.parametrize("how", ["gone", "forgotten", "erased", "erased and forgotten"])
def test_what_the_admins_read_follows_it(how: str) -> None:
    hour = hour_with(theirs("x", "A1: Mrs T of bed 4", network="slack", by="porter"), admins=("UADMIN1",))
    hour.command("hide", "1")
    (before,) = told_admins(hour)
    assert "Porter porter" in before
    match how:
        case "gone":
            hour.remove(Ref("slack", "x"))
            now = "A message that the hosts of “Safer handovers” hid in the chat's channel is gone."
        case "forgotten":
            hour.command("me", "forget", by=person("porter", "slack").account)
            now = before.replace(" of Porter porter", "").replace(" (Wren Adair did)", "")
        case "erased and forgotten":  # what it was is known by its number alone
            hour.command("erase", "1")
            hour.command("me", "forget", by=person("porter", "slack").account)
            at = " (https://slack.example/post/x) (Wren Adair did)"
            now = before.replace(" of Porter porter", "").replace(at, "")
        case _:  # the message itself still has to go
            hour.command("erase", "1")
            now = before
    assert told_admins(hour) == {now}


def test_the_hosts_are_told_if_an_admin_could_not_be() -> None:
    hour, _ = hidden()
    hour.refusing["slack/hosts"] = "no such member"
    first = next(o for o in hour.queued if isinstance(o.op, Publish) and o.op.to)
    hour.deliver()
    assert first not in hour.queued
    told = [
        o.op.content.text
        for o in hour.orders
        if isinstance(o.op, Publish) and isinstance(o.op.content, Notice)
    ]
    assert any(
        "entry 1 still stands, and an admin could not be told: no such member" in text for text in told
    )


def test_without_admins_the_hosts_are_told_how_to_name_them() -> None:
    hour, told = hidden(admins=())
    assert not [o for o in hour.orders if isinstance(o.op, Publish) and o.op.to]
    assert "only its author or an admin there can delete it" in told
    assert '[networks.slack] admins = ["U…"]' in told


def test_what_was_written_elsewhere_is_no_matter_of_a_rooms_admins() -> None:
    hour = hour_with()
    work = Work(hour.session.state, 999, hour.now)
    found = hour.session.state.chats["handovers"]
    assert alerts.send(work, found, found.timeline.entries[1]) == ""
    assert work.effects.orders == []
