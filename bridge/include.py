"""`include = "chats/*.toml"`: chats in files of their own, for a series that would make one file too long."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bridge.tables import SECRET, Findings, read, refuse_secret

EXAMPLE = 'include = "chats/*.toml"'


@dataclass
class Files:
    """All that a config is read from, for whoever watches it. `patterns` and `pictures` are known once it has been
    read; a picture may be missing."""

    config: Path
    patterns: tuple[str, ...] = ()
    pictures: list[Path] = field(default_factory=list)

    def included(self) -> list[Path]:
        """The files that are included now, by name."""
        found = {path.resolve(): path for pattern in self.patterns for path in self.matching(pattern)}
        return sorted(found.values(), key=lambda path: path.as_posix())

    def matching(self, pattern: str) -> Iterator[Path]:
        """Those of one pattern, relative to the config's folder. Hidden files are none, nor is the config itself."""
        for name in _names(os.path.join(glob.escape(str(self.config.parent)), Path(pattern))):
            path = Path(name)
            if os.path.isfile(path) and path.absolute() != self.config.absolute():
                yield path


def _names(pattern: str) -> Iterator[str]:
    """As `glob.iglob`, but `**` leaves out links to folders: they may lead in a circle."""
    above, recursive, below = f"{pattern}{os.sep}".partition(f"{os.sep}**{os.sep}")
    if not recursive:
        yield from glob.iglob(pattern)
        return
    for top in glob.iglob(above or os.sep):
        for folder, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from _names(os.path.join(glob.escape(folder), below.rstrip(os.sep) or "*"))


def patterns(written: object, found: Findings) -> tuple[str, ...]:
    """What `include` says."""
    several = [written] if isinstance(written, str) else written
    if not isinstance(several, list) or not all(isinstance(each, str) and each.strip() for each in several):
        found.mistake(
            "include", written, "a path, or a list of paths, in quotes", f"Write it like this: {EXAMPLE}"
        )
        return ()
    return tuple(each.strip() for each in several)


def check_matches(files: Files, found: Findings) -> None:
    """A pattern without a file may be a slip, or a series that has not begun."""
    for pattern in files.patterns:
        if next(files.matching(pattern), None) is None:
            found.warn(
                "include",
                pattern,
                "a file it fits",
                "There is none. Paths begin in the folder of this file; * stands for any name.",
            )


def tables(path: Path, config: Path, found: Findings) -> object:
    """The `[[chats]]` of an included file; whatever else is in it is a mistake."""
    before = len(found.mistakes)
    document: dict[str, Any] = read(path, found)
    if len(found.mistakes) > before:
        return []
    for key in document.keys() - {"chats"}:
        if SECRET.search(key):
            refuse_secret(found, key, key, ())
        elif get_close_matches(key, ("chats",), n=1, cutoff=0.75):
            found.unknown(key, ("chats",))
        else:
            found.mistake(
                key, "", "nothing but [[chats]] in an included file", f"It belongs in {config.name}."
            )
    if not document:
        found.warn("the file", "", "a chat", "Begin it with a line [[chats]], or leave the file out.")
    return document.get("chats", [])
