"""Words that a verified bridge copied are their author's: what they want counts for the copy too, whether the
original is there, was removed, comes later or never does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bridge import forget
from bridge.chat.state import Configured
from bridge.model import AuthorGone, Capabilities, Inbound, Malformed, Opened, Removed, Written
from tests.unit.make import LIMITS, Hour, community, edited, journal, person, post
from tests.unit.test_forget import OURS, files, running, write
from tests.unit.test_redacted import hour_with, redacted, replayed, same

WORDS = "A1: the paper lantern #WardChat"
ANN = person("ann").account
ORIGINAL = post("1", WORDS, by="ann")
COPY = post("2", WORDS, by="ann-bridged", network="bluesky", original=ORIGINAL.uri)
ADDRESSED = msgspec.structs.replace(COPY, whose=ANN)  # as an adapter gives it whose address tells
LATER = post(
    "9", "A1: another day #WardChat", by="ann-bridged", network="bluesky", original="mastodon:8", whose=ANN
)


def ask(hour: Hour, words: str, by: str = "ann") -> None:
    id_ = f"dm {words}"
    hour.write(post(id_, f"@ours {words}", by=by, mentions=("our:mastodon",), reach="direct", at=hour.now))


def shown(hour: Hour) -> bool:
    """Whether anybody can read it."""
    views = [hour.session.view("handovers", audience, hour.now) for audience in ("hosts", "slack", "page")]
    return "lantern" in repr((views, hour.standing))


def come(how: str, *, wish: str = "") -> Hour:
    """The copy comes as said, and its author wishes something at some time before or after that."""
    hour = Hour()
    hour.until(6)
    if wish == "before":
        ask(hour, "stop")
    match how:
        case "after":
            hour.write(ORIGINAL, COPY)
        case "before":
            hour.write(COPY, ORIGINAL)
        case "alone":
            hour.write(ADDRESSED)
        case "after its removal":
            hour.write(ORIGINAL)
            hour.remove(ORIGINAL)
            hour.write(COPY)
    if wish == "after":
        ask(hour, "stop")
    return hour


HOWS = ["after", "before", "alone", "after its removal"]


@pytest.mark.parametrize("wish", ["before", "after"])
@pytest.mark.parametrize("how", HOWS)
def test_who_opted_out_did_so_for_every_copy(how: str, wish: str) -> None:
    hour = come(how, wish=wish)
    assert not shown(hour)
    hour.remove(ORIGINAL)
    assert not shown(hour)
    hour.edit(edited(COPY, f"{WORDS} again"))
    assert not shown(hour)
    ask(hour, "start")
    hour.edit(edited(COPY, WORDS, 2))
    assert shown(hour), "they came back"


def test_a_profile_that_opts_out_does_so_for_every_copy() -> None:
    hour = come("after")
    hour.remove(ORIGINAL)
    assert shown(hour)
    hour.wishes(ANN, nobridge=True)
    assert not shown(hour)
    hour = come("alone")
    hour.wishes(ANN, nobridge=True)
    assert not shown(hour), "of whom we have nothing else"


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_who_is_blocked_is_so_in_every_copy(how: str, removed: bool) -> None:
    hour = come(how)
    hour.write(post("5", "A1: something else #WardChat", by="ann"))
    other = hour.entry(post("5"))
    assert other is not None
    hour.command("block", str(other.no))
    if removed:
        hour.remove(ORIGINAL)
    page = repr((hour.session.view("handovers", "page", hour.now), hour.mirrored()))
    assert "lantern" not in page
    hour.write(LATER)
    page = repr((hour.session.view("handovers", "page", hour.now), hour.mirrored()))
    assert "another day" not in page
    assert "another day" not in repr(hour.notices()), "nobody is asked about it either"


def test_who_is_blocked_by_a_copy_is_blocked_where_they_write() -> None:
    hour = come("alone")
    hour.command("block", "1")
    hour.write(ORIGINAL, post("5", "A1: something else #WardChat", by="ann"))
    assert hour.mirrored() == {}
    hour.command("unblock", "1")
    assert set(hour.mirrored()) == {1, 2}


def test_a_hosts_copy_does_not_block_the_host() -> None:
    hour = hour_with(post("2", WORDS, by="b", network="bluesky", original="x", whose=person("wren").account))
    assert hour.command("block", "1") == "Entry 1 is a host's own; nothing was done."


@pytest.mark.parametrize("removed", ["", "before", "after"])
@pytest.mark.parametrize("how", HOWS)
def test_who_is_forgotten_is_so_in_every_copy(how: str, removed: str) -> None:
    hour = come(how)
    (no,) = hour.entries
    hour.command("reply", f"{no} Thank you for the lantern, Ann-bridged!", on="bluesky")
    if removed == "before":
        hour.remove(ORIGINAL)
    ask(hour, "forget me")
    if removed == "after":
        hour.remove(ORIGINAL)
    hour.write(LATER, post("7", "A1: after #WardChat", by="gp"))
    state = repr(hour.session.state)
    for words in ("lantern", "another day"):
        assert words not in state
        assert words not in repr(redacted(hour))
        assert words not in repr(hour.standing)
    assert "another day" not in journal(hour)
    same(hour, replayed(hour))


def test_the_copy_of_somebody_forgotten_may_come_before_its_original() -> None:
    """Only then it turns out whose words they are."""
    hour = hour_with(post("5", "A1: something else #WardChat", by="ann"))
    ask(hour, "forget me")
    hour.write(COPY)
    came = hour.session.admit("mastodon", Written(ORIGINAL))
    assert came is not None
    assert hour.event(came).forget == [ANN]
    assert "lantern" not in repr(hour.session.state)
    assert "lantern" not in repr(redacted(hour))
    hour.write(post("7", "A1: after #WardChat", by="gp"))
    same(hour, replayed(hour))


def test_who_deleted_their_account_took_the_copies_along() -> None:
    hour = come("alone")
    hour.arrive(AuthorGone(ANN))
    assert hour.entries == {}
    hour.write(ADDRESSED)
    assert hour.entries == {}


def test_a_bridge_may_name_the_page_of_what_it_copied() -> None:
    """As Bridgy Fed does with what was written on Mastodon."""
    one = post(
        "1",
        "A1: short #WardChat",
        uri="https://ward.example/users/ann/statuses/1",
        url="https://ward.example/@ann/1",
    )
    copy = post("2", "A1: short #WardChat", by="b", network="bluesky", original=one.url)
    for first, then in ((one, copy), (copy, one)):
        hour = hour_with(first, then)
        (entry,) = hour.entries.values()
        assert entry.first.uri == one.uri, "it leads"
        hour.edit(edited(one, "A1: shorter #WardChat"))
        assert len(hour.entries) == 1
        hour.command("erase", "1")
        assert not hour.arrive(Written(copy), "bluesky")


def test_a_page_on_another_server_names_nothing() -> None:
    """Anybody can give out somebody's page as that of a post of their own."""
    one = post(
        "1",
        "A1: short #WardChat",
        uri="https://evil.example/users/x/statuses/1",
        url="https://ward.example/@ann/1",
    )
    hour = hour_with(one, post("2", "A1: short #WardChat", by="b", network="bluesky", original=one.url))
    assert len(hour.entries) == 2


def test_a_copy_of_what_we_wrote_is_ours() -> None:
    hour = hour_with(post("2", WORDS, by="b", network="bluesky", original="elsewhere", whose="our:mastodon"))
    assert hour.entries == {}


# ---------------------------------------------------------------- the journal


@pytest.mark.parametrize("first", ["original", "copy", "neither"])
async def test_the_words_of_a_copy_leave_the_journal(tmp_path: Path, first: str) -> None:
    """And what waits to be sent, and what nobody could read; also where the event does not say whose they are."""
    path = tmp_path / "journal.db"
    posts = {"original": [ORIGINAL, COPY], "copy": [COPY, ORIGINAL], "neither": [ADDRESSED]}[first]
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for network, account in {**OURS, "slack": "slack:T1/UBOT"}.items():
            can = Capabilities(LIMITS[network], mirror=network == "slack", console=network == "slack")
            await engine.submit(Opened(network, account, "@chat", can))
        await write(engine, *posts)
        await engine.arrive(Inbound("mastodon", Removed(ORIGINAL.ref)))
        await engine.arrive(Inbound("bluesky", Malformed(b"half a lantern", "cut short")))
        await engine.caught_up()
        while (step := engine.session.following("slack", engine.clock.now())) is not None:
            await engine.submit(step)
        assert b"lantern" in files(path)
        await write(
            engine, post("6", "@chat forget me", by="ann", mentions=(OURS["mastodon"],), reach="direct")
        )
        assert b"lantern" not in files(path)
        left = repr([row.order for row in engine.journal.open_orders()])
        assert "ann-bridged" not in left
        live = engine.session.digest()
    async with running(path) as again:
        assert again.session.digest() == live


async def test_somebody_met_only_in_a_copy_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        await engine.submit(Opened("bluesky", OURS["bluesky"], "@chat", Capabilities(LIMITS["bluesky"])))
        await write(engine, ADDRESSED, post("5", "A1: hello #WardChat"))
        done = await forget.forget(engine, "mastodon:@ann@ward.example", engine.submit)
        assert (done.account, done.posts, done.entries) == (ANN, 1, ("Hello · 1",))
        assert b"lantern" not in files(path)
