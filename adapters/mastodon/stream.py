"""Mastodon's streaming websocket: one connection, subscribed to hashtags and to our notifications.

Nothing is replayed after a reconnect (measured), so each loss and each return is told to the reader, which
fills the gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import aiohttp
import msgspec

from bridge.model import SECOND, Micros, Network
from bridge.ports import Clock

log = logging.getLogger(__name__)
CONNECT = 10.0  # seconds to connect
PING = 30.0  # seconds between pings, as Mastodon's own server sends them
LEAST_PING = 5.0  # real seconds: in a rehearsal a busy moment must not pass for a dead peer
BACKOFF = (1.0, 60.0)  # seconds before connecting again: first, most
STEADY = 60 * SECOND  # a connection that lived so long starts the back-off anew
CLOSE = 0.3  # real seconds to wait for the other side's goodbye
FRAME = 1 << 20  # bytes of one frame at most

Deliver = Callable[[bytes], Awaitable[None]]


def address(api: str, said: object) -> str | None:
    """Where to stream: what the server says (`configuration.urls.streaming`), else beside its API. None if
    that would send the token over a plain connection though the API's is encrypted."""
    base = (
        said if isinstance(said, str) and said.startswith(("ws://", "wss://", "http://", "https://")) else api
    )
    if urlsplit(api).scheme == "https" and base.startswith(("ws://", "http://")):
        return None
    return base.rstrip("/").replace("http", "ws", 1) + "/api/v1/streaming"


class Stream:
    """A connection that comes back by itself. `since`: chat time from which on nothing was missed, None while
    it is down. `settled` is set when the first attempt has ended, either way."""

    def __init__(self, network: Network, address: str | None, token: str, clock: Clock) -> None:
        self._network, self.address, self._token, self._clock = network, address, token, clock
        self._tags: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self.settled = asyncio.Event()
        self.since: Micros | None = None

    def want(self, tags: Iterable[str]) -> None:
        """Subscribe to these hashtags and no others; takes effect by itself."""
        if frozenset(tags) != self._tags:
            self._tags = frozenset(tags)
            self._changed.set()

    async def run(self, deliver: Deliver, turned: Callable[[], None]) -> None:
        """Connect and deliver frames until cancelled. `turned` is called when the stream came or went."""
        wait = BACKOFF[0]
        if self.address is None:
            self.settled.set()
            return
        while True:
            began = self._clock.now()
            try:
                await self._connection(self.address, deliver, turned)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.info("%s: no stream: %s", self._network, type(error).__name__)
            finally:
                was, self.since = self.since, None
                self.settled.set()
            if was is not None:
                turned()
            if self._clock.now() - began > STEADY:
                wait = BACKOFF[0]
            await self._clock.sleep(wait)
            wait = min(wait * 2, BACKOFF[1])

    async def _connection(self, address: str, deliver: Deliver, turned: Callable[[], None]) -> None:
        """One connection, from its handshake to its end."""
        async with contextlib.AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            async with asyncio.timeout(self._clock.timeout(CONNECT)):
                socket = await session.ws_connect(
                    address,
                    headers={"Authorization": f"Bearer {self._token}"},
                    heartbeat=max(LEAST_PING, self._clock.timeout(PING)),
                    max_msg_size=FRAME,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE),
                )
            await stack.enter_async_context(socket)
            await socket.send_str(_command("subscribe", "user:notification"))
            subscribed = await self._subscribe(socket, frozenset())
            self.since = self._clock.now()
            self.settled.set()
            turned()
            async with asyncio.TaskGroup() as tasks:
                keeper = tasks.create_task(self._keep_subscribed(socket, subscribed))
                try:
                    async for message in socket:
                        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                            data = message.data
                            await deliver(data.encode() if isinstance(data, str) else data)
                finally:
                    keeper.cancel()

    async def _keep_subscribed(
        self, socket: aiohttp.ClientWebSocketResponse, subscribed: frozenset[str]
    ) -> None:
        with contextlib.suppress(ConnectionError):  # the reading side sees the end as well
            while True:
                await self._changed.wait()
                subscribed = await self._subscribe(socket, subscribed)

    async def _subscribe(
        self, socket: aiohttp.ClientWebSocketResponse, subscribed: frozenset[str]
    ) -> frozenset[str]:
        """Ask for what is wanted beyond `subscribed`; gives what is subscribed now."""
        self._changed.clear()
        wanted = self._tags
        for tag in sorted(wanted - subscribed):
            await socket.send_str(_command("subscribe", "hashtag", tag))
        for tag in sorted(subscribed - wanted):
            await socket.send_str(_command("unsubscribe", "hashtag", tag))
        return wanted


def _command(kind: str, stream: str, tag: str | None = None) -> str:
    command = {"type": kind, "stream": stream} | ({"tag": tag} if tag else {})
    return msgspec.json.encode(command).decode()
