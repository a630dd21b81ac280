"""A backup is the whole journal as it was at one moment, taken while others write."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from bridge import cli
from bridge.arguments import DONE, FAILED
from bridge.backup import backup
from bridge.chat.session import Session
from bridge.chat.state import Configured
from bridge.engine import Engine
from bridge.errors import ChatbridgeError, JournalLocked, JournalUnreadable
from bridge.journal import Journal, recorded
from bridge.model import Beat, Inbound
from bridge.report.from_journal import replayed
from tests.unit.make import LONG, community, person, post
from tests.unit.test_cli import CONFIG
from tests.unit.test_forget import running, write


def at(journal: Path, seq: int) -> str:
    """What the journal came to with event `seq`."""
    session = Session()
    for event in recorded(journal):
        if event.seq <= seq:
            session.decide(event)
    return session.digest()


async def talk(engine: Engine, who: str) -> None:
    for number in range(200):
        await write(
            engine, post(f"{who}-{number}", f"A1: {LONG} #WardChat", by=person(f"{who}-{number % 9}"))
        )


async def test_taken_while_people_write_it_replays_to_what_the_journal_was(tmp_path: Path) -> None:
    journal, seqs = tmp_path / "journal.db", list[int]()
    async with running(journal) as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(community()))
        talking = [group.create_task(talk(engine, who)) for who in ("nurse", "midwife")]
        while not all(task.done() for task in talking):
            file = tmp_path / f"kept-{len(seqs)}.db"
            seqs.append((await asyncio.to_thread(backup, journal, file)).last)
    assert len(set(seqs)) > 3, "it was taken in the middle"
    for number in range(0, len(seqs), max(1, len(seqs) // 8)):
        file = tmp_path / f"kept-{number}.db"
        assert [event.seq for event in recorded(file)] == list(range(1, seqs[number] + 1))
        assert replayed(file).digest() == at(journal, seqs[number])


async def test_orders_and_cursors_are_those_of_that_moment(tmp_path: Path) -> None:
    journal, file = tmp_path / "journal.db", tmp_path / "kept.db"
    async with running(journal) as engine:
        await engine.submit(Configured(community()))
        await engine.arrive(Inbound("mastodon", Beat(), "as far as here"))
        await engine.caught_up()
        last = backup(journal, file).last
        await engine.arrive(Inbound("mastodon", Beat(), "and further"))
        await write(engine, post("1", "A1: a link https://a.example #WardChat"))
        orders = [row for row in engine.journal.open_orders() if row.order.id[0] <= last]
    with closing(Journal(file)) as kept:
        assert (kept.open_orders(), kept.cursors()) == (orders, {"mastodon": "as far as here"})
        assert [event.seq for event in kept.events()] == list(range(1, last + 1))


def test_it_is_one_file_that_its_user_alone_can_read(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")):
        kept = backup(tmp_path / "journal.db", tmp_path / "kept.db")
    assert stat.S_IMODE((tmp_path / "kept.db").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.glob("*kept*")] == ["kept.db"]
    assert (kept.events, kept.bytes) == (0, (tmp_path / "kept.db").stat().st_size)


def test_what_stands_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    journal, file = tmp_path / "journal.db", tmp_path / "kept.db"
    with closing(Journal(journal)):
        file.write_bytes(b"my shopping list")
        with pytest.raises(ChatbridgeError, match="exists already"):
            backup(journal, file)
        assert file.read_bytes() == b"my shopping list"
        Path(f"{file}-wal").write_bytes(b"of another journal")
        backup(journal, file, force=True)
        assert not Path(f"{file}-wal").exists()
        assert replayed(file).digest() == Session().digest()


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db.lock", "./../there/journal.db"])
def test_not_even_by_force_the_journal_itself(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "there"
    with (
        closing(Journal(folder / "journal.db")),
        pytest.raises(ChatbridgeError, match="is the journal itself"),
    ):
        backup(folder / "journal.db", folder / name, force=True)


def test_what_cannot_be_copied_leaves_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    journal.write_bytes(b"no journal at all" * 1000)
    file = tmp_path / "kept.db"
    with pytest.raises(JournalUnreadable):
        backup(journal, file)
    assert [p.name for p in tmp_path.iterdir()] == ["journal.db"]
    with pytest.raises(ChatbridgeError, match="There is no folder"):
        backup(journal, tmp_path / "none" / "kept.db")
    with pytest.raises(ChatbridgeError, match="is a folder"):
        backup(journal, tmp_path)
    with pytest.raises(ChatbridgeError, match="nothing to keep"):
        backup(tmp_path / "other.db", file)


def test_a_journal_of_a_later_version_can_be_kept_too(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    Journal(journal).close()
    with closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA user_version=99")
    assert backup(journal, tmp_path / "kept.db").events == 0


def test_a_backup_in_the_journals_place_goes_on_with_a_higher_epoch(tmp_path: Path) -> None:
    journal, file = tmp_path / "journal.db", tmp_path / "kept.db"
    with closing(Journal(journal)) as first:
        backup(journal, file)
        identity, epoch = first.identity, first.epoch
    epochs = [epoch]
    for _ in range(3):
        with closing(Journal(journal)) as again:
            epochs.append(again.epoch)
    assert epochs == sorted(set(epochs))
    with closing(Journal(file)) as restored:
        assert restored.identity == identity
        assert restored.epoch > epoch


# ---------------------------------------------------------------- as somebody types it


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_the_command(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backup", "kept.db"]) == FAILED
    assert "There is no journal at journal.db" in capsys.readouterr().err
    with closing(Journal(place / "journal.db")), pytest.raises(JournalLocked):
        Journal(place / "journal.db")
    with closing(Journal(place / "journal.db")):
        assert cli.main(["backup", "kept.db"]) == DONE
        assert "Kept in kept.db: 0 events" in capsys.readouterr().out
        assert cli.main(["backup", "kept.db", "--json"]) == FAILED
        assert "--force" in capsys.readouterr().err
        assert cli.main(["backup", "kept.db", "--json", "--force"]) == DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["events"], told["last"]) == ("kept.db", 0, 0)


def test_its_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["backup", "--help"])
    assert "chatbridge backup " in capsys.readouterr().out.split("options:")[1]
