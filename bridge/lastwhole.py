"""The config as it last was whole: kept beside the journal, for a start in the middle of a chat while somebody's slip
stands in the file.

What is kept is what was understood, not the text: a picture or an included file may be gone by then. A config has no
secret in it, so neither has this.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bridge import config as configs
from bridge.chat import runsheet
from bridge.config import CommunityTable, Config, Place, Platforms
from bridge.errors import ChatbridgeError, Mistake
from bridge.model import HOUR, Micros
from bridge.sessions import FileSessions
from bridge.settings import Chat, Community
from bridge.split import place
from bridge.when import moment

log = logging.getLogger(__name__)

NEAR = 24 * HOUR  # before an item of a run sheet
UNUSABLE = (OSError, ValueError, TypeError, AttributeError, LookupError, OverflowError, ChatbridgeError)


class Kept(msgspec.Struct, frozen=True):
    """What the file holds. `path`: of the config, absolute; `at`: when it was taken in."""

    path: str
    at: Micros
    community: Community
    fixed: dict[str, Any]
    places: tuple[Place, ...]


class LastWhole(NamedTuple):
    """A config, and when it was taken in."""

    config: Config
    at: Micros


def keep(config: Config, only: str | None, now: Micros) -> None:
    """What a part of the bridge has taken in is the last whole one. Blocks. A disk that is full stops no chat."""
    kept = Kept(os.path.abspath(config.path), now, config.community, config.fixed, config.places)
    try:
        _file(config.journal, only).save(msgspec.json.format(msgspec.json.encode(kept), indent=1))
    except OSError as error:
        log.warning("the config could not be kept, should there be a slip in it at the next start: %s", error)


def recall(
    path: Path,
    only: str | None,
    env: Mapping[str, str],
    mistakes: tuple[Mistake, ...] = (),
    *,
    platforms: Platforms | None = None,
) -> LastWhole | None:
    """The config in the file `path` as a part of the bridge took it in last, with the `mistakes` that stand there
    now; None if there is none, or it can be used no more."""
    try:
        kept = msgspec.json.decode(_file(journal(path), only).load() or b"", type=Kept)
        moment(kept.at, kept.community.zone)  # it is told
        if kept.path != os.path.abspath(path) or len(kept.places) != len(kept.community.chats):
            return None
        found = configs.again(path, kept.community, kept.fixed, kept.places, env, platforms=platforms)
    except UNUSABLE:
        return None
    if found.journal != journal(path):
        return None
    return LastWhole(replace(found, mistakes=mistakes), kept.at)


def journal(path: Path) -> Path:
    """Where the journal is, by a config that may have mistakes in it: where it says so, were it only in a line that
    can be read alone; else where it is if nothing is said."""
    return path.parent / next(_said(path), CommunityTable().journal)


def under_way(config: Config, now: Micros) -> bool:
    """Whether people count on the bridge: a chat is on, or its late window is open, or something of its run sheet is
    due within a day. Before that there is time to mend a config."""
    return any(_near(chat, now) for chat in config.community.chats)


def _near(chat: Chat, now: Micros) -> bool:
    if chat.starts <= now:
        return now < chat.late_until
    return any(now <= item.due <= now + NEAR for item in runsheet.build(chat).items)


def _said(path: Path) -> Iterator[str]:
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return
    for part in (text, *text.splitlines()):
        try:
            document = tomllib.loads(part)
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
        community = document.get("community", document)
        said = community.get("journal") if isinstance(community, dict) else None
        if isinstance(said, str):
            yield said


def _file(journal: Path, only: str | None) -> FileSessions:
    """Of mode 0600, and replaced as a whole, as the logins are."""
    beside = place(journal, only)
    return FileSessions(beside.with_name(f"{beside.name}.config.json"))
