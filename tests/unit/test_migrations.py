"""A journal of every format that was ever released opens, comes up to date, and loses nothing."""

from __future__ import annotations

import asyncio
import gzip
import logging
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from bridge import migrations, storage
from bridge.backup import backup
from bridge.chat.session import Session
from bridge.chat.state import Configured
from bridge.clock import WallClock
from bridge.engine import Engine
from bridge.errors import JournalError, JournalUnreadable
from bridge.journal import Journal, recorded
from bridge.migrations import STEPS, VERSION, format_of
from bridge.report.from_journal import replayed

KEPT = Path(__file__).parents[1] / "data" / "journals"
FORMATS = range(1, VERSION)


def journal_of(version: int, folder: Path) -> Path:
    """A rehearsal's journal, as a bridge of that format left it."""
    path = folder / "journal.db"
    path.write_bytes(gzip.decompress((KEPT / f"format-{version}.db.gz").read_bytes()))
    with closing(sqlite3.connect(path)) as db:
        assert format_of(db) == version
    return path


def schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        statements = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted("".join(sql.split()) for (sql,) in statements)


def rows(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        return [
            list(db.execute(f"SELECT * FROM {table}"))
            for table in ("events", "orders", "cursors", "quarantine")
        ]


def test_a_journal_of_every_released_format_is_kept() -> None:
    assert sorted(p.name for p in KEPT.iterdir()) == [f"format-{version}.db.gz" for version in FORMATS]
    assert sorted(STEPS) == list(FORMATS)


@pytest.mark.parametrize("version", FORMATS)
def test_it_opens_and_replays(version: int, tmp_path: Path) -> None:
    path = journal_of(version, tmp_path)
    before = rows(path)
    with closing(Journal(path)) as journal:
        engine = Engine(journal, WallClock())
        assert engine.replay() == len(before[0])
        assert journal.epoch > 0
        assert not journal.open_orders()
        assert set(journal.cursors()) == {"mastodon", "bluesky", "slack"}
        chat = engine.session.state.chats["handovers"]
    assert chat.over
    assert [item.state for item in chat.sheet.questions()] == ["posted", "posted"]
    assert len(chat.timeline.entries) == 23
    assert {no: len([e for e in chat.timeline.entries.values() if no in e.questions]) for no in (1, 2)} == {
        1: 7,
        2: 15,
    }
    assert rows(path) == before
    assert schema(path) == schema(_fresh(tmp_path))


def _fresh(folder: Path) -> Path:
    Journal(folder / "fresh.db").close()
    return folder / "fresh.db"


@pytest.mark.parametrize("version", FORMATS)
def test_it_is_kept_beside_as_it_was(version: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = journal_of(version, tmp_path)
    before = rows(path)
    with caplog.at_level(logging.WARNING):
        Journal(path).close()
    kept = tmp_path / f"journal.db.format-{version}"
    assert str(kept) in caplog.text
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert rows(kept) == before
    with closing(sqlite3.connect(kept)) as db:
        assert format_of(db) == version
    caplog.clear()
    Journal(path).close()
    assert caplog.text == "", "the second time there is nothing to do"


@pytest.mark.parametrize("version", FORMATS)
def test_who_only_reads_changes_nothing(version: int, tmp_path: Path) -> None:
    path = journal_of(version, tmp_path)
    before = path.read_bytes()
    read = replayed(path).digest()
    backup(path, tmp_path / "kept.db")
    assert path.read_bytes() == before
    assert storage.kept_copies(path) == []
    Journal(path).close()
    assert replayed(path).digest() == read == replayed(tmp_path / "kept.db").digest()


def test_a_step_that_fails_leaves_the_journal_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = journal_of(1, tmp_path)
    before = rows(path)

    def half(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (done TEXT)")
        db.execute("DELETE FROM events")
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setitem(migrations.STEPS, 1, half)
    with pytest.raises(JournalError, match="disk full"):
        Journal(path)
    assert rows(path) == before
    with closing(sqlite3.connect(path)) as db:
        assert format_of(db) == 1
        assert "half" not in str(list(db.execute("SELECT sql FROM sqlite_master")))
    monkeypatch.undo()
    Journal(path).close()
    assert rows(path) == before


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_one_of_no_known_format_is_refused_and_stays(version: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    for look in (Journal, lambda p: list(recorded(p))):
        with pytest.raises(JournalUnreadable, match=f"format {version}, this one reads up to {VERSION}"):
            look(path)
    assert path.read_bytes() == before
    assert storage.kept_copies(path) == []


def test_a_journal_keeps_its_identity_and_every_opening_has_a_higher_epoch(tmp_path: Path) -> None:
    lives = []
    for _ in range(3):
        with closing(Journal(tmp_path / "journal.db")) as journal:
            lives.append((journal.identity, journal.epoch))
    assert len({identity for identity, _ in lives}) == 1
    assert [epoch for _, epoch in lives] == sorted({epoch for _, epoch in lives})
    with closing(Journal(tmp_path / "other.db")) as other:
        assert other.identity != lives[0][0]
        assert len(other.identity) == 32


def test_what_was_migrated_goes_on(tmp_path: Path) -> None:
    """Its next event is decided and is there after the next start."""
    path = journal_of(1, tmp_path)

    async def go_on() -> str:
        with closing(Journal(path)) as journal:
            engine = Engine(journal, WallClock())
            engine.replay()
            community = engine.session.state.community
            assert community is not None
            await engine.alone(Configured(community))
            return engine.session.digest()

    live = asyncio.run(go_on())
    assert replayed(path).digest() == live != Session().digest()
