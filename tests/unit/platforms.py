"""Small kinds of network for tests of what does not depend on any real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import msgspec

from bridge.config import Platforms
from bridge.errors import NeedsLogin
from bridge.model import Capabilities, Limits, Network, Opened
from bridge.ports import Adapter, Clock, Link, Platform, Remark, SessionStore, Terminal


class HallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    relays: tuple[str, ...] = ()
    api: str | None = None


class RoomSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel: str
    layout: Literal["channel", "threads"] = "channel"
    public: Literal["ask", "yes", "no"] = "ask"
    admins: tuple[str, ...] = ()
    api: str = "https://room.test/api/"


class OpenLink:
    """As much of a Link as looking at it takes."""

    def __init__(self, opened: Opened, remarks: tuple[Remark, ...]) -> None:
        self.opened = opened
        self._remarks = remarks

    async def inspect(self) -> tuple[Remark, ...]:
        return self._remarks


class Kind:
    """A platform whose networks open as `opens` says: by giving what they learnt, or by raising."""

    def __init__(
        self,
        title: str,
        settings: type[msgspec.Struct],
        secrets: tuple[str, ...],
        limits: Limits,
        *,
        mirror: bool = False,
        handle: tuple[str, str] = (r"@?\w+@\w+\.test", "@ann@hall.test"),
        opens: Callable[[Network], Opened] | None = None,
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        self.title = title
        self.settings = settings
        self.secrets = secrets
        self.limits = limits
        self.mirror = mirror
        self.handle = handle
        self.opened: list[Network] = []
        self._opens = opens or self._at_once
        self.remarks = remarks

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        assert isinstance(settings, self.settings)
        return Opening(name, self)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        given = {secret: await terminal.ask(f"The {secret}: ", secret=True) for secret in self.secrets}
        if not all(given.values()):
            raise NeedsLogin(f"{self.title} does not accept it")
        return given

    def open(self, name: Network) -> Opened:
        self.opened.append(name)
        return self._opens(name)

    def _at_once(self, name: Network) -> Opened:
        return Opened(name, f"acct:{name}", f"@{name}", Capabilities(self.limits, mirror=self.mirror))


class Opening:
    def __init__(self, name: Network, kind: Kind) -> None:
        self.name = name
        self._kind = kind

    def open(self, sessions: SessionStore) -> AbstractAsyncContextManager[Link]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Any]:
        yield OpenLink(self._kind.open(self.name), self._kind.remarks)


def hall(**more: Any) -> Kind:
    return Kind("Hall", HallSettings, ("token",), Limits(500, url=23, local_mentions=True), **more)


def square(**more: Any) -> Kind:
    return Kind("Square", HallSettings, ("password",), Limits(300, bytes=3000), **more)


def room(**more: Any) -> Kind:
    return Kind(
        "Room",
        RoomSettings,
        ("bot_token", "app_token"),
        Limits(3500),
        mirror=True,
        handle=(r"U\d+", "U123"),
        **more,
    )


def kinds(*known: Platform) -> Platforms:
    """As `load` takes them, by lower-case title; without arguments one of each."""
    chosen = known or (hall(), square(), room())
    return {platform.title.lower(): (lambda p=platform: p) for platform in chosen}  # type: ignore[misc]


CONFIG = """
[community]
name = "The Tide Readers"
timezone = "Europe/London"
page = "https://tide.test"

[[chats]]
id = "rhythm"
title = "Reading the tide"
hashtag = "TideTalk"
starts = 2027-03-16T20:00:00
announce = "7d"
[[chats.hosts]]
name = "Mara Quill"
hall = "@mara@hall.test"
[[chats.questions]]
at = 5
text = "What is a tide?"
[[chats.questions]]
text = "Who keeps it?"

[networks.hall]
kind = "hall"
server = "https://hall.test"
[networks.square]
kind = "square"
server = "https://square.test"
[networks.room]
kind = "room"
channel = "C123"
"""
