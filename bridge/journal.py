"""The append-only record everything is rebuilt from: SQLite in WAL mode, one writer thread, group commit.

Events carry the truth; orders and cursors stand beside them and change in the same transaction. `commit`
returns when its batch is on disk (synchronous=FULL); batches that wait together share one commit.
"""

from __future__ import annotations

import asyncio
import os
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bridge.chat.expiry import Clearing
from bridge.chat.state import Erased, Event, Recorded, post_in, undotted
from bridge.delivery import FINAL, Row, Trace, kept, silenced
from bridge.model import Account, Cursor, Final, Micros, Network, Order, OrderId, Post, Ref, Sent
from bridge.retention import clear
from bridge.storage import kept_copies, locked, opened, reader, recorded, usable

__all__ = ["Batch", "Journal", "Redacted", "recorded"]

PATIENCE = 30.0  # seconds that a backup, or whoever else reads, may keep us from emptying the write-ahead log

REDACTED = "UPDATE life SET redacted = redacted + 1"

_event = msgspec.json.Decoder(Event)
_order = msgspec.json.Decoder(Order)
_encode = msgspec.json.Encoder().encode


@dataclass
class Batch:
    """What becomes durable together. `rows`: orders, new or with a new state; `outcomes`: of final ones."""

    events: list[Recorded] = field(default_factory=list)
    cursors: dict[Network, Cursor] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    outcomes: dict[OrderId, Final] = field(default_factory=dict)
    quarantine: list[tuple[Micros, Network, bytes, str]] = field(default_factory=list)

    def freeze(self) -> list[tuple[str, list[tuple[object, ...]]]]:
        """The statements, with every value as it is now: the writer runs while the rows change on."""
        rows: list[tuple[object, ...]] = [
            (
                *r.order.id,
                r.order.network,
                r.state,
                r.attempts,
                r.not_before,
                r.tried,
                _encode(kept(r)),
                *_columns(self.outcomes.get(r.order.id)),
            )
            for r in self.rows
        ]
        statements: list[tuple[str, list[tuple[object, ...]]]] = [
            ("INSERT INTO events VALUES (?, ?, ?)", [(e.seq, e.at, _encode(e.event)) for e in self.events]),
            ("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows),
            ("INSERT OR REPLACE INTO cursors VALUES (?, ?)", list(self.cursors.items())),
            ("INSERT INTO quarantine (at, network, payload, why) VALUES (?, ?, ?, ?)", list(self.quarantine)),
        ]
        return [(sql, values) for sql, values in statements if values]


def _columns(outcome: Final | None) -> tuple[bytes | None, str | None]:
    return (
        None if outcome is None else _encode(outcome),
        outcome.ref.id if isinstance(outcome, Sent) else None,
    )


@dataclass(frozen=True)
class Redacted:
    """What was taken out: so many events are different; `traces`: what its orders are known by."""

    events: int
    traces: frozenset[Trace]


_Job = tuple[Callable[[sqlite3.Connection], None], asyncio.Future[None], asyncio.AbstractEventLoop]


class Journal:
    """An open journal. Holds its lock until `close`: one bridge a journal.

    `inline`: `run` writes at once in the caller's thread and leaves the disk to the operating system. For
    simulations, whose runs have to repeat; a power cut may cost what was committed last.

    `identity`: of this journal and its copies, made once. `epoch`: raised at each opening, so that whoever works
    for a bridge knows an earlier one's word from this one's; also if a backup was put in the place of a later one.

    Raises JournalLocked if another process has it, JournalUnreadable if the file is something else or was
    written by a newer version, JournalError if it cannot be opened.
    """

    def __init__(self, path: Path, *, inline: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = locked(path)
        try:
            with usable(path):
                self._db = opened(path, "OFF" if inline else "FULL")
                self.identity, self.epoch = _begun(self._db)
        except BaseException:
            os.close(self._lock)
            raise
        self._closed = False
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=4096)
        self._writer: threading.Thread | None = None
        if not inline:
            self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
            self._writer.start()

    # ------------------------------------------------------------ reading, at start

    def events(self) -> Iterator[Recorded]:
        """Every event, in order."""
        return recorded(self.path)

    def cursors(self) -> dict[Network, Cursor]:
        """How far each network was read."""
        with reader(self.path) as db:
            return dict(db.execute("SELECT network, cursor FROM cursors"))

    def open_orders(self) -> list[Row]:
        """Orders that are not final, oldest first. What was in flight when the process ended is unclear."""
        rows = []
        with reader(self.path) as db:
            found = db.execute(
                "SELECT state, attempts, not_before, tried, body FROM orders"
                " WHERE state IN ('queued', 'in_flight', 'unclear') ORDER BY seq, idx"
            )
            for state, attempts, not_before, tried, body in found:
                row = Row(_order.decode(body), state, attempts, not_before, tried)
                if row.state == "in_flight":
                    row.step("lose")
                rows.append(row)
        return rows

    def ended(self) -> dict[OrderId, Ref | None]:
        """Every final order with the post it made, if any."""
        marks = ", ".join("?" * len(FINAL))
        with reader(self.path) as db:
            return {
                (seq, idx): None if ref is None else Ref(network, ref)
                for seq, idx, network, ref in db.execute(
                    f"SELECT seq, idx, network, ref FROM orders WHERE state IN ({marks})",  # noqa: S608  # only question marks
                    sorted(FINAL),
                )
            }

    # ------------------------------------------------------------ writing

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. Raises sqlite3.Error; the caller must then stop, for it knows no more what is
        on disk."""
        statements = batch.freeze()

        def write(db: sqlite3.Connection) -> None:
            for sql, values in statements:
                db.executemany(sql, values)

        began = time.perf_counter()
        await self.run(write)
        self.committed(batch, time.perf_counter() - began)

    committed: Callable[[Batch, float], None] = staticmethod(lambda batch, seconds: None)  # told on the loop

    async def redact(
        self, what: Account | Erased, redacted: Callable[[Event], Event], written: Callable[[Post], bool]
    ) -> Redacted:
        """Replace every event that names an account, or is about an entry, by what `redacted` makes of it, take
        the words out of open orders, drop what is in quarantine of the networks they were `written` on, since
        nobody can tell whose that is, and leave no trace of them in the file or its write-ahead log."""
        named = (what,) if isinstance(what, str) else what.uris
        done = Redacted(0, frozenset())

        def rewrite(db: sqlite3.Connection) -> None:
            nonlocal done
            found = _naming(db, named)
            events = [(seq, body, _event.decode(body)) for seq, body in found.items()]
            changes = [(new, seq) for seq, body, event in events if (new := _encode(redacted(event))) != body]
            db.executemany("UPDATE events SET body = ? WHERE seq = ?", changes)
            posts = [p for _, _, event in events if (p := post_in(event)) and written(p)]
            done = Redacted(len(changes), _traces(posts, what))
            _silence(db, done.traces)
            networks = {("",), *((p.ref.network,) for p in posts)}
            db.executemany("DELETE FROM quarantine WHERE network = ?", sorted(networks))
            payloads = [(name.encode(),) for name in named]
            db.executemany("DELETE FROM quarantine WHERE instr(payload, ?)", payloads)
            db.execute(REDACTED)

        await self.run(rewrite)
        await self._leave_no_trace(done)
        return done

    async def expire(self, clearing: Clearing) -> Redacted:
        """Take a chat's people out, words, names and handles, and leave no trace of them either."""
        done = Redacted(0, frozenset())

        def rewrite(db: sqlite3.Connection) -> None:
            nonlocal done
            done = Redacted(*clear(db, clearing))
            db.execute(REDACTED)

        await self.run(rewrite)
        await self._leave_no_trace(done)
        return done

    async def _leave_no_trace(self, done: Redacted) -> None:
        """What left the tables is in no other file of ours."""
        if done.events:
            for copy in kept_copies(self.path):
                copy.unlink()
        if self._writer is None:
            self._truncate()
        else:
            await asyncio.to_thread(self._truncate)

    def _truncate(self) -> None:
        """Empty the write-ahead log, waiting for a commit under way. Raises sqlite3.Error if that fails."""
        with reader(self.path, patience=PATIENCE) as db:
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise sqlite3.OperationalError("the write-ahead log could not be emptied")

    async def run(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run `work` in the writer thread, inside a transaction it may share with others."""
        if self._writer is None:
            if error := _transaction(self._db, [work]):
                raise error
            return
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put_nowait((work, done, loop))
        await asyncio.shield(done)

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs: list[_Job] = [job]
            last = False
            while len(jobs) < 256:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                jobs.append(more)
            _answer(jobs, _transaction(self._db, [work for work, _, _ in jobs]))
            if last:
                return

    def close(self) -> None:
        """Finish what is queued and let go of the file. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join()
        self._db.close()
        os.close(self._lock)


def _begun(db: sqlite3.Connection) -> tuple[str, int]:
    """Identity and epoch of a journal that is opened now. The clock, in microseconds, keeps a backup's epochs from
    those that were used after it was taken, and those of two copies apart; where it is behind, chance does."""
    new = {"now": time.time_ns() // 1000, "step": 1 + secrets.randbelow(1_000_000)}
    db.execute("UPDATE life SET epoch = CASE WHEN epoch < :now THEN :now ELSE epoch + :step END", new)
    identity, epoch = db.execute("SELECT identity, epoch FROM life").fetchone()
    return str(identity), int(epoch)


def _naming(db: sqlite3.Connection, named: Iterable[str]) -> dict[int, bytes]:
    """The events that name something, in which a host may speak of it, or a bridge may have copied it, by number."""
    needles = [*map(_encode, named), b'"type":"Command"', b'"reach":"direct"', b'"original":']
    query = "SELECT seq, body FROM events WHERE instr(body, ?)"
    return {seq: body for needle in needles for seq, body in db.execute(query, (needle,))}


def _traces(posts: Iterable[Post], what: Account | Erased) -> frozenset[Trace]:
    """What orders show of somebody's posts, or of an entry."""
    if isinstance(what, str):
        return frozenset(post.author.handle for post in posts) - {""}
    return frozenset({(what.chat, what.entry), *map(undotted, what.orders)})


def _silence(db: sqlite3.Connection, traces: Collection[Trace]) -> None:
    """Orders that are not final, without these words; final ones have none."""
    found = db.execute(
        "SELECT seq, idx, body FROM orders WHERE state IN ('queued', 'in_flight', 'unclear')"
    ).fetchall()
    for seq, idx, body in found:
        order = _order.decode(body)
        if (silent := silenced(order, traces)) is not order:
            db.execute("UPDATE orders SET body = ? WHERE seq = ? AND idx = ?", (_encode(silent), seq, idx))


def _transaction(
    db: sqlite3.Connection, works: Iterable[Callable[[sqlite3.Connection], None]]
) -> sqlite3.Error | None:
    try:
        db.execute("BEGIN IMMEDIATE")
        for work in works:
            work(db)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        return error
    return None


def _answer(jobs: list[_Job], error: sqlite3.Error | None) -> None:
    """Wake those who wait, each loop once: a flood of commits must not become a flood of wake-ups."""

    def wake(futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            if future.cancelled():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _, future, loop in jobs:
        loops.setdefault(loop, []).append(future)
    for loop, futures in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(wake, futures)
