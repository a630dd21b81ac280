"""Jetstream: the whole network's posts over a websocket, from whichever host answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from urllib.parse import urlencode, urlsplit

import aiohttp

from adapters.bluesky import ids
from bridge.errors import Unreachable
from bridge.model import SECOND, Micros
from bridge.ports import Clock

_OVERLAP = 5 * SECOND  # hosts stamp the same event a little apart
_SILENCE = 60.0  # seconds: the network is never this quiet
_PAUSE = 1.0  # seconds before the next host
_LARGEST = 1 << 20  # bytes of a frame


class Jetstream:
    """Reads v1 of the protocol (`/subscribe`, documented in bluesky-social/jetstream) from one of `hosts`."""

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        self._hosts = [_address(host) for host in hosts]
        self._clock = clock
        self._next = 0

    async def frames(self, cursor: Callable[[], Micros]) -> AsyncGenerator[bytes | None, None]:
        """Every frame after `cursor()` (0: live). None says that a connection has been made anew: what a host
        has forgotten by then it skips without a word. Raises Unreachable once all hosts have failed in a row.
        """
        failed = 0
        why = host = ""
        async with aiohttp.ClientSession() as session:
            while failed < max(2, len(self._hosts)):
                host = self._hosts[self._next]
                got = False
                try:
                    async with aclosing(self._connection(session, host, cursor())) as connection:
                        async for frame in connection:
                            got = got or frame is not None
                            failed = 0 if got else failed
                            yield frame
                    why = "closed the connection at once"
                except aiohttp.WSServerHandshakeError as error:
                    why = f"answers {error.status}"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    why = str(error) or type(error).__name__
                failed += 1
                self._next = (self._next + 1) % len(self._hosts)
                await self._clock.sleep(_PAUSE)
        raise Unreachable(f"No Jetstream host serves us. The last one, {urlsplit(host).hostname}, {why}.")

    async def _connection(
        self, session: aiohttp.ClientSession, host: str, cursor: Micros
    ) -> AsyncGenerator[bytes | None, None]:
        query = [("wantedCollections", ids.POST), ("wantedCollections", ids.PROFILE)]
        query += [("maxMessageSizeBytes", str(_LARGEST))]
        if cursor:
            query.append(("cursor", str(cursor - _OVERLAP)))
        seconds = self._clock.timeout
        waits = aiohttp.ClientWSTimeout(ws_receive=seconds(_SILENCE), ws_close=seconds(1))
        async with session.ws_connect(
            f"{host}?{urlencode(query)}",
            timeout=waits,
            max_msg_size=_LARGEST,
            decode_text=False,
        ) as socket:
            yield None
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    yield bytes(message.data)


def _address(host: str) -> str:
    return host if urlsplit(host).path.strip("/") else f"{host.rstrip('/')}/subscribe"
