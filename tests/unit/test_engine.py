"""The engine: what is durable, what is set aside, and when it ends."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from bridge.chat.copies import Gather
from bridge.chat.state import Arrived, Configured
from bridge.engine import BACKLOG, Engine
from bridge.journal import Journal
from bridge.model import AuthorKnown, Beat, Echoed, Inbound, Malformed, Ref, Sent, Written
from tests.unit.make import community, post
from tests.unit.test_forget import HourClock, running, write


async def test_an_event_the_core_stumbles_over_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is kept with its bytes, never decided again, and everything else goes on."""
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        await write(engine, post("1", "A1: before #WardChat"))
        with caplog.at_level(logging.CRITICAL):
            await engine.submit(Gather("slack", "no such chat", "publish", (1,)))
        await write(engine, post("2", "A1: after #WardChat"))
        assert len(engine.session.state.chats["handovers"].timeline.entries) == 2
        live = engine.session.digest()
    async with running(path) as again:
        assert again.session.digest() == live
    with sqlite3.connect(path) as db:
        ((payload, why),) = db.execute("SELECT payload, why FROM quarantine")
    db.close()
    assert b"no such chat" in payload
    assert why.startswith("KeyError")


async def test_only_what_a_chat_wants_is_journalled_but_every_cursor_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        await engine.arrive(Inbound("mastodon", Written(post("1", "about my lunch")), cursor="c1"))
        await engine.arrive(Inbound("mastodon", Beat(), cursor="c2"))
        await engine.arrive(Inbound("bluesky", Malformed(b"{half", "not JSON"), cursor="b7"))
        await engine.caught_up()
        assert not [e for e in engine.journal.events() if isinstance(e.event, Arrived)]
        assert engine.journal.cursors() == {"mastodon": "c2", "bluesky": "b7"}


async def test_an_echo_is_told_and_not_kept(tmp_path: Path) -> None:
    told: list[tuple[str, int, Sent]] = []
    async with running(tmp_path / "journal.db") as engine:
        engine.released.echo = lambda network, stamp, sent: told.append((network, stamp, sent))
        await engine.arrive(Inbound("bluesky", Echoed(7, Ref("bluesky", "at://x"), "at://x", "cid")))
        await engine.caught_up()
        assert list(engine.journal.events()) == []
    assert told == [("bluesky", 7, Sent(Ref("bluesky", "at://x"), "at://x", "cid"))]


async def test_a_flood_waits_for_room(tmp_path: Path) -> None:
    """Nothing grows without bound: who brings more than there is room for waits until there is."""
    journal = Journal(tmp_path / "journal.db")
    engine = Engine(journal, HourClock())
    item = Inbound("mastodon", AuthorKnown("acct:nurse@ward.example"))
    try:
        for _ in range(BACKLOG):
            await engine.arrive(item)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await engine.arrive(item)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(engine.run())
            await engine.arrive(item)
            await engine.caught_up()
            task.cancel()
    finally:
        journal.close()


async def test_a_commit_that_fails_ends_it(tmp_path: Path) -> None:
    """Nobody knows what is on disk then; who waited is not told that it is done."""
    journal = Journal(tmp_path / "journal.db")
    engine = Engine(journal, HourClock())

    def spoil(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE events")

    await journal.run(spoil)
    submitted = asyncio.ensure_future(engine.submit(Configured(community())))
    try:
        with pytest.raises(ExceptionGroup) as caught:
            await engine.run()
        assert caught.group_contains(sqlite3.Error)
        with pytest.raises(asyncio.CancelledError):
            await submitted
    finally:
        journal.close()
