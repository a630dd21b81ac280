"""The journal's file: whose it is, how it is opened, locked, copied, read, and brought up to date."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from bridge.chat.state import Event, Recorded
from bridge.errors import JournalError, JournalLocked, JournalUnreadable
from bridge.migrations import APPLICATION, STEPS, VERSION, create, format_of, migrate

log = logging.getLogger(__name__)

_event = msgspec.json.Decoder(Event)


def locked(path: Path) -> int:
    """The journal's lock, as a file descriptor. Raises JournalLocked if another process has it."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise JournalLocked(
            f"{path}: another chatbridge runs on this journal. Stop it first, or use `chatbridge tell`, "
            "`status` and `report`, which talk to the one that runs."
        ) from None
    return handle


def opened(path: Path, synchronous: str) -> sqlite3.Connection:
    """Open the file for writing, make it, or bring it up to date. One that is not ours is left as it is."""
    new = not path.exists() or path.stat().st_size == 0
    if new:  # before SQLite does: what it keeps beside the file gets the file's mode
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.chmod(0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        version = VERSION if new else readable(db, path)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("PRAGMA secure_delete=ON")
        if new:
            create(db)
        elif version != VERSION:
            kept = kept_copy(path, version)
            copy(db, kept)
            migrate(db)
            log.warning(
                "%s was of format %d and is of format %d now; as it was: %s", path, version, VERSION, kept
            )
    except BaseException:
        db.close()
        raise
    return db


def readable(db: sqlite3.Connection, path: Path) -> int:
    """The format of a journal that this version can read. Raises JournalUnreadable if it is none of ours, or of a
    later format."""
    version = ours(db, path)
    if version != VERSION and version not in STEPS:
        raise JournalUnreadable(
            f"{path}: written by another version of chatbridge (format {version}, this one reads up to {VERSION}). "
            "Use that version, or start with a new file."
        )
    return version


def ours(db: sqlite3.Connection, path: Path) -> int:
    """The format of a journal of any version. Raises JournalUnreadable if the file is something else."""
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = format_of(db)
    except sqlite3.OperationalError:  # the disk, the folder or its rights, not the file's content
        raise
    except sqlite3.DatabaseError:
        application, version = 0, 0
    if application != APPLICATION:
        raise JournalUnreadable(
            f"{path}: this is not a journal of chatbridge. Name another file under [community] journal."
        )
    return version


# ---------------------------------------------------------------- copies


def kept_copy(path: Path, version: int) -> Path:
    """Where a journal stands as it was before it was brought up to date."""
    return path.with_name(f"{path.name}.format-{version}")


def kept_copies(path: Path) -> list[Path]:
    """Those that there are."""
    return [copy for version in STEPS if (copy := kept_copy(path, version)).exists()]


def copy(db: sqlite3.Connection, to: Path) -> None:
    """A whole journal as it is at one moment, in a single file of mode 0600, complete or not there at all;
    whoever writes on it meanwhile is not held up. Replaces what stands there. Raises sqlite3.Error, OSError."""
    draft = to.with_name(f".{to.name}.new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as made:
            db.backup(made)  # all pages in one step: one reading transaction
            made.execute("PRAGMA journal_mode=DELETE")  # nothing of it stands beside the file
            _must_be_whole(made)
        for beside in ("-wal", "-shm"):  # of what stood here before: SQLite would take it for the copy's
            to.with_name(f"{to.name}{beside}").unlink(missing_ok=True)
        os.replace(draft, to)
        durable(to.parent)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _must_be_whole(db: sqlite3.Connection) -> None:
    if (found := db.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(found)


def durable(folder: Path) -> None:
    """What was renamed in a folder stays so, whatever happens to the machine."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---------------------------------------------------------------- reading


def recorded(path: Path, after: int = 0) -> Iterator[Recorded]:
    """Every event of a journal later than number `after`, in order, whoever writes on it; nothing of the file is
    changed. Raises JournalUnreadable if it is not a journal or damaged, JournalError if it cannot be opened or
    read."""
    with usable(path), _as_of_today(path) as db:
        for seq, at, body in db.execute(
            "SELECT seq, at, body FROM events WHERE seq > ? ORDER BY seq", (after,)
        ):
            yield Recorded(seq, at, _event.decode(body))


def mark(path: Path) -> tuple[int, int]:
    """How far a journal has come: the number of its last event, and how often words were taken out of it since it
    began. Raises as `recorded` does."""
    with usable(path), reader(path, "?mode=ro") as db:
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        now = readable(db, path) == VERSION  # earlier formats did not count
        (times,) = db.execute("SELECT redacted FROM life").fetchone() if now else (0,)
    return int(last), int(times)


@contextmanager
def _as_of_today(path: Path) -> Iterator[sqlite3.Connection]:
    """A journal to read from; one of an earlier format is brought up to date in memory, and stays what it is."""
    with reader(path, "?mode=ro") as db:
        if readable(db, path) == VERSION:
            yield db
            return
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
            db.backup(memory)
            migrate(memory)
            yield memory


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raises JournalError for what the disk, the folder or its rights do not allow."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalError(
            f"{path}: the journal cannot be used: {error}. Is there room on the disk, and is it a file that this "
            "user may read and write?"
        ) from None


@contextmanager
def reader(path: Path, how: str = "", patience: float = 5.0) -> Iterator[sqlite3.Connection]:
    """A connection of its own for reading, closed at the end of its `with`; it waits `patience` seconds for a
    lock. Raises JournalUnreadable for what a page that went bad gives."""
    try:
        where = f"{path.absolute().as_uri()}{how}"
        with closing(sqlite3.connect(where, uri=True, isolation_level=None, timeout=patience)) as db:
            yield db
    except sqlite3.OperationalError:  # the disk, the folder or its rights, not the file's content
        raise
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        raise JournalUnreadable(
            f"{path}: the journal is damaged: {error}. Put a copy from before in its place. Without one, move it "
            "away: then everything begins anew, and questions that were asked already may be asked again."
        ) from error
