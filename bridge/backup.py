"""`chatbridge backup`: the journal as it is at one moment, in a file of its own, whether a bridge runs on it or not.

Every commit is one transaction, so that a copy of what SQLite has at some moment is a whole journal: its events, the
orders they caused, and how far each network was read. Logins are not in it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bridge.errors import ChatbridgeError
from bridge.storage import copy, ours, reader, usable

RESTORE = (
    "To go back to it: stop the bridge, take away the journal and what is called like it with -wal and -shm at the\n"
    "end, put the backup in its place, start the bridge."
)
BESIDE = ("", "-wal", "-shm", ".lock")


class Kept(msgspec.Struct, frozen=True):
    """A backup. `events`: how many are in it; `last`: the number of the newest; `bytes`: its size."""

    file: str
    events: int
    last: int
    bytes: int


def backup(journal: Path, file: Path, *, force: bool = False) -> Kept:
    """Copy `journal` to `file`, mode 0600; `force`: replace what stands there.

    Raises ChatbridgeError if something does, or there is no journal; JournalError if one of them cannot be used;
    OSError.
    """
    if not journal.exists():
        raise ChatbridgeError(f"There is no journal at {journal}, so there is nothing to keep.")
    if file.is_dir():
        raise ChatbridgeError(f"{file} is a folder. Name a file in it: {file / 'chatbridge-backup.db'}")
    if file.absolute().resolve() in {
        journal.absolute().resolve().with_name(f"{journal.name}{s}") for s in BESIDE
    }:
        raise ChatbridgeError(f"{file} is the journal itself. Name another file.")
    if not file.parent.is_dir():
        raise ChatbridgeError(f"There is no folder {file.parent}. Make it first.")
    if file.exists() and not force:
        raise ChatbridgeError(f"{file} exists already. Name another file, or replace it with --force.")
    with usable(journal), reader(journal, "?mode=ro") as db:
        ours(db, journal)  # of whatever version: before an upgrade is when one wants a backup
        copy(db, file)
    with usable(file), reader(file, "?mode=ro") as made:
        events, last = made.execute("SELECT count(*), coalesce(max(seq), 0) FROM events").fetchone()
    return Kept(str(file), events, last, file.stat().st_size)


def show(kept: Kept) -> str:
    """For a person."""
    return (
        f"Kept in {kept.file}: {kept.events:,} events, {kept.bytes / 1e6:.1f} MB.\n"
        "It holds what people wrote: keep it as safe as the journal, and no longer than their words are kept. The\n"
        "logins are not in it; they stand in the folders secrets and sessions beside the journal.\n"
        f"{RESTORE}\n"
    )
