"""Rotating logins kept beside the journal, one file a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def beside(journal: Path) -> Callable[[str], FileSessions]:
    """Where the login of a network, by its name, is kept."""
    return lambda name: FileSessions(journal.parent / "sessions" / f"{name}.json")


class FileSessions:
    """The `SessionStore` of one network, in the file `path`.

    A server takes a refreshed login's predecessor back, so what is saved must survive a power cut from the
    moment `save` returns; and it is a secret, so only our own user may read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes | None:
        """What was saved last; None if nothing was. Raises OSError if the file cannot be read."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def save(self, session: bytes) -> None:
        """Replace the file, durably. Raises OSError if that fails; the old session then still stands."""
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(self._path.name + ".new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # a draft left by a crash may have been made otherwise
            file.write(session)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path)
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)
