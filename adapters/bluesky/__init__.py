"""Bluesky: posts through the account's PDS, reading through Jetstream.

Importing this package imports no SDK: `open` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import msgspec

from bridge.model import Limits, Network
from bridge.ports import Adapter, Clock, Link, SessionStore, Terminal

LIMITS = Limits(
    graphemes=300, bytes=3000, image=1_000_000
)  # lexicons app.bsky.feed.post, app.bsky.embed.images

JETSTREAM = (
    "wss://jetstream1.us-east.bsky.network",
    "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-west.bsky.network",
    "wss://jetstream2.us-west.bsky.network",
)


HANDLE = msgspec.Meta(
    pattern=r"^([\w-]+(\.[\w-]+)+|did:[a-z]+:\S+|\S*…\S*)$",
    title="a handle, without @",
    examples=['"yourcommunity.bsky.social"'],
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[networks.NAME]` of kind bluesky. `account`: a handle or DID. `jetstream`: hosts to read from, tried
    in turn; one whose address ends in `/xrpc/network.bsky.jetstream.subscribeEvents` is read in version 2.
    `api`: the account's own server, if it is not one of Bluesky's, or a proxy."""

    account: Annotated[str, HANDLE]
    jetstream: tuple[str, ...] = JETSTREAM
    api: str | None = None


class Bluesky:
    """The kind of network, as the core knows it."""

    title = "Bluesky"
    settings: type[msgspec.Struct] = Settings
    secrets: tuple[str, ...] = ("password",)
    limits = LIMITS
    mirror = False
    direct = False  # its private messages are another service, which we do not read
    handle = (r"@?[\w-]+(\.[\w-]+)+|did:[a-z]+:\S+", "ann.bsky.social")

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        return Account(name, settings, secrets.get("password"), clock)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        from adapters.bluesky.login import login

        return await login(settings, terminal, clock)


class Account:
    """One configured Bluesky account."""

    def __init__(self, name: Network, settings: Settings, password: str | None, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._password = password
        self._clock = clock

    def open(self, sessions: SessionStore) -> AbstractAsyncContextManager[Link]:
        return self._open(sessions)

    @asynccontextmanager
    async def _open(self, sessions: SessionStore) -> AsyncIterator[Link]:
        from adapters.bluesky.link import connected

        async with connected(self.name, self._settings, self._password, self._clock, sessions) as link:
            yield link


platform = Bluesky()
