"""A whole running bridge on small networks of our own: journal, engine, outbox, page and socket, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bridge.clock import WallClock
from bridge.config import Config, load
from bridge.errors import Unreachable
from bridge.model import (
    Absent,
    AuthorKnown,
    Capabilities,
    Cursor,
    Found,
    Inbound,
    Interest,
    Limits,
    Network,
    Opened,
    Order,
    Outcome,
    Post,
    Ref,
    Refused,
    RetryLater,
    Sent,
    Unknown,
    Written,
)
from bridge.ports import Adapter, Clock, SessionStore, Terminal
from bridge.runner import Bridge
from tests.simulation.process import NoSessions

TOKEN = "hall-token-kept-secret"

CONFIG = """
[community]
name = "The Tide Readers"
timezone = "Europe/London"
journal = "journal.db"
[[chats]]
id = "rhythm"
title = "Reading the tide"
hashtag = "WardChat"
starts = {starts}
remind = []
[[chats.hosts]]
name = "Mara Quill"
[[chats.questions]]
text = "What is a tide?"
[networks.hall]
kind = "hall"
[networks.square]
kind = "square"
[web]
port = 0
{web}
"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Talking:
    """A link on which some posts came, whose network takes a message at the second try and refuses the next."""

    def __init__(self, name: Network, posts: Iterable[Post]) -> None:
        self.opened = Opened(name, f"acct:chat@{name}.example", "@chat", Capabilities(Limits(500)))
        self._posts = posts
        self._sends = 0

    def budget(self) -> Mapping[str, int]:
        return {"requests": 42}

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        for number, post in enumerate(self._posts):
            yield Inbound(self.opened.network, AuthorKnown(post.author.account))
            yield Inbound(self.opened.network, Written(post), str(number))
        await asyncio.Event().wait()

    async def acknowledge(self, cursor: Cursor) -> None:
        pass

    async def follow(self, interest: Interest) -> None:
        pass

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        for _ in ():
            yield _

    async def send(self, order: Order) -> Outcome:
        self._sends += 1
        if self._sends == 1:
            return RetryLater(0.01, "slow down")
        if self._sends == 2:
            return Sent(Ref(self.opened.network, "ours-1"), f"{self.opened.network}:ours-1")
        return Refused("too long")

    async def find(self, order: Order) -> Found | Absent | Unknown:
        return Absent()


class Kind:
    """A platform whose networks talk, or, without `posts`, cannot be reached."""

    settings: type[msgspec.Struct] = Settings
    limits = Limits(500)
    mirror = False
    handle = (r"@\S+", "@ann@hall.example")

    def __init__(self, title: str, posts: Iterable[Post] | None, secrets: tuple[str, ...] = ()) -> None:
        self.title, self.secrets = title, secrets
        self._posts = posts

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        return Door(name, self._posts)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        raise Unreachable("nobody logs in here")


class Door:
    def __init__(self, name: Network, posts: Iterable[Post] | None) -> None:
        self.name = name
        self.opened = 0  # how often
        self._posts = posts

    def open(self, sessions: SessionStore) -> AbstractAsyncContextManager[Any]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Any]:
        if self._posts is None:
            raise Unreachable("the square does not answer")
        self.opened += 1
        yield Talking(self.name, self._posts)


def _config(folder: Path, posts: Iterable[Post], web: str) -> Config:
    starts = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    folder.mkdir(exist_ok=True)
    path = folder / "config.toml"
    path.write_text(CONFIG.format(starts=starts.isoformat(), web=web), encoding="utf-8")
    kinds = {"hall": Kind("Hall", posts, ("token",)), "square": Kind("Square", None)}
    platforms = {name: (lambda kind=kind: kind) for name, kind in kinds.items()}
    return load(path, {"HALL_TOKEN": TOKEN}, platforms=platforms)


@asynccontextmanager
async def running(folder: Path, posts: Iterable[Post], web: str = "") -> AsyncIterator[Bridge]:
    """A bridge whose chat began five minutes ago: the hall has these posts, the square cannot be reached."""
    config = _config(folder, posts, web)
    bridge = Bridge(config, WallClock(), lambda name: NoSessions(), stay=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(bridge.run())
        await bridge.listening.wait()
        yield bridge
        bridge.stop()


def figures(text: str) -> Iterator[tuple[str, float]]:
    """Every sample of an exposition: name with labels, value."""
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            yield name, float(value)
