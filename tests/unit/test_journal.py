"""The journal on real files."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bridge.chat.state import Recorded, Tick
from bridge.delivery import Row
from bridge.errors import JournalLocked, JournalUnreadable
from bridge.journal import Batch, Journal
from bridge.model import Notice, Order, Publish, Ref, Sent, Text, Words


def order(index: int, words: str = "hello") -> Order:
    return Order((1, index), "mastodon", "sheet", 1000 + index, Publish(Words(Text(words))))


async def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.db"
    journal = Journal(path)
    events = [Recorded(n, n * 10, Tick()) for n in (1, 2, 3)]
    rows = [Row(order(0)), Row(order(1), state="in_flight", tried=5), Row(order(2), state="sent")]
    sent = Sent(Ref("mastodon", "42"), "https://m.example/42")
    await journal.commit(Batch(events, {"mastodon": "c1"}, rows, {(1, 2): sent}))
    await journal.commit(Batch(cursors={"mastodon": "c2"}))
    journal.close()
    journal.close()
    with closing(Journal(path)) as again:
        assert list(again.events()) == events
        assert again.cursors() == {"mastodon": "c2"}
        assert [(r.order, r.state, r.tried) for r in again.open_orders()] == [
            (order(0), "queued", 0),
            (order(1), "unclear", 5),  # nobody knows what became of it
        ]
        assert again.ended() == {(1, 2): Ref("mastodon", "42")}


def epochs_of_copies(path: Path) -> list[int]:
    """Of cores that are started on copies of this journal, one right after the other."""
    copies = [Path(shutil.copy(path, path.with_name(f"copy-{n}.db"))) for n in range(4)]
    epochs = []
    for copy in copies:
        with closing(Journal(copy)) as journal:
            epochs.append(journal.epoch)
    return epochs


def with_epoch(path: Path, epoch: int) -> Path:
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE life SET epoch = ?", (epoch,))
    return path


def test_copies_that_are_started_at_once_have_epochs_of_their_own(tmp_path: Path) -> None:
    epochs = epochs_of_copies(with_epoch(tmp_path / "journal.db", 1))
    assert epochs == sorted(set(epochs)), "and the later one the higher"


def test_so_have_copies_that_were_last_used_by_a_clock_ahead_of_ours(tmp_path: Path) -> None:
    ahead = time.time_ns() // 1000 + 10**15
    epochs = epochs_of_copies(with_epoch(tmp_path / "journal.db", ahead))
    assert len(set(epochs)) == len(epochs)
    assert all(ahead < epoch <= ahead + 1_000_000 for epoch in epochs)


def test_an_epoch_in_seconds_as_it_was_once_goes_up(tmp_path: Path) -> None:
    seconds = int(time.time())
    with closing(Journal(with_epoch(tmp_path / "journal.db", seconds))) as journal:
        assert journal.epoch >= seconds * 1_000_000


async def test_a_batch_is_all_or_nothing(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        await journal.commit(Batch([Recorded(1, 1, Tick())]))
        with pytest.raises(sqlite3.IntegrityError):
            await journal.commit(Batch([Recorded(2, 1, Tick()), Recorded(1, 1, Tick())], {"mastodon": "c9"}))
        assert [e.seq for e in journal.events()] == [1]
        assert journal.cursors() == {}


async def test_commits_that_wait_together_share_one(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        await asyncio.gather(*(journal.commit(Batch([Recorded(n, n, Tick())])) for n in range(1, 301)))
        assert [e.seq for e in journal.events()] == list(range(1, 301))


async def test_words_of_others_do_not_outlive_their_order(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        notice = Order((1, 0), "slack", "hosts", 1, Publish(Notice("Held: seagull")), place="hosts")
        row = Row(notice)
        await journal.commit(Batch(rows=[row]))
        (kept,) = journal.open_orders()
        assert kept.order == notice
        row.state = "sent"
        await journal.commit(Batch(rows=[row]))
        with closing(sqlite3.connect(journal.path)) as db:
            ((body,),) = db.execute("SELECT body FROM orders")
        assert b"seagull" not in body


def test_one_bridge_a_journal(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")), pytest.raises(JournalLocked, match="another chatbridge"):
        Journal(tmp_path / "journal.db")
    with closing(Journal(tmp_path / "journal.db")):
        pass


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 40, None])
def test_what_is_no_journal_of_ours_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "journal.db"
    if content is None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version=99")
            db.execute("CREATE TABLE other (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(JournalUnreadable, match=str(path)):
        Journal(path)
    assert path.read_bytes() == before
    assert not (path.stat().st_mode & 0o100)


def test_a_commit_survives_a_kill(tmp_path: Path) -> None:
    """What `commit` returned from is on disk, however the process ends."""
    script = (
        "import asyncio, pathlib, sys\n"
        "from bridge.journal import Batch, Journal\n"
        "from bridge.chat.state import Recorded, Tick\n"
        "async def main():\n"
        "    journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "    for n in range(1, 100000):\n"
        "        await journal.commit(Batch([Recorded(n, n, Tick())]))\n"
        "        print(n, flush=True)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.getcwd()) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    last = max(int(line) for line in told if line.endswith("\n"))
    with closing(Journal(path)) as journal:
        seqs = [e.seq for e in journal.events()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= last
