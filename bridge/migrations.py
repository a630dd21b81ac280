"""What a journal's tables are, and how one of an earlier format becomes one of today's, step by step.

A step works on what stood in the file then, in SQL and plain Python: it must not use the bridge's types, which go on
changing. `tests/data/journals/` has a journal of each format that was ever released; all of them open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from uuid import uuid4

APPLICATION = 0x43424A31  # "CBJ1": whose file it is, in SQLite's header

FIRST = (
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE cursors (network TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE orders (seq INTEGER, idx INTEGER, network TEXT NOT NULL, state TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, not_before INTEGER NOT NULL, tried INTEGER NOT NULL, body BLOB NOT NULL,"
    " outcome BLOB, ref TEXT, PRIMARY KEY (seq, idx)) WITHOUT ROWID",
    "CREATE INDEX orders_open ON orders (state) WHERE state IN ('queued', 'in_flight', 'unclear')",
    "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, network TEXT, payload BLOB NOT NULL,"
    " why TEXT)",
)


def _life(db: sqlite3.Connection) -> None:
    """Which journal this is, for good; when it was opened, by which a split bridge tells its processes apart; how
    often words were taken out of it, which whoever reads along must know."""
    db.execute(
        "CREATE TABLE life (identity TEXT NOT NULL, epoch INTEGER NOT NULL, redacted INTEGER NOT NULL)"
    )
    db.execute("INSERT INTO life VALUES (?, 0, 0)", (uuid4().hex,))


STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _life}  # format -> makes the next one of it
VERSION = 1 + len(STEPS)


def create(db: sqlite3.Connection) -> None:
    """Lay out an empty file, in one transaction: as the first format, and what became of it."""
    db.execute("BEGIN")
    for statement in FIRST:
        db.execute(statement)
    for step in STEPS.values():
        step(db)
    db.execute(f"PRAGMA application_id={APPLICATION}")
    db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")


def migrate(db: sqlite3.Connection) -> None:
    """Bring a journal up to date, each step in a transaction of its own. `db` is in autocommit mode. Raises
    sqlite3.Error; the file is then of the format of the last step that was done."""
    while (version := format_of(db)) in STEPS:
        db.execute("BEGIN IMMEDIATE")
        try:
            STEPS[version](db)
            db.execute(f"PRAGMA user_version={version + 1}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def format_of(db: sqlite3.Connection) -> int:
    """Which format a file is of."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])
