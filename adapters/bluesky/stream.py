"""Jetstream: the whole network's posts over a websocket, from whichever host answers, in either version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from urllib.parse import urlencode, urlsplit

import aiohttp

from adapters.bluesky import ids
from bridge.errors import CursorLost, Unreachable
from bridge.model import SECOND, Micros
from bridge.ports import Clock

_OVERLAP = 5 * SECOND  # hosts stamp the same event a little apart
_SILENCE = 60.0  # seconds: the network is never this quiet
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before the next host
_STEADY = 60.0  # seconds a connection must hold for those before it to be forgotten
_LARGEST = 1 << 20  # bytes of a frame
_V2 = "/xrpc/network.bsky.jetstream.subscribeEvents"
_COLLECTIONS = (ids.POST, ids.PROFILE, ids.GATE)
_KINDS = ("commit", "identity", "account")


class Jetstream:
    """Reads from one of `hosts`: v1 at `/subscribe`, also where an address has no path; v2 at its own (lexicon
    network.bsky.jetstream.subscribeEvents). Every connection resumes by time, with an overlap, since that
    means the same on every host and in both versions."""

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        self.addresses = tuple(_address(host) for host in hosts)
        self._clock = clock
        self._next = 0

    async def frames(self, read: Callable[[], Micros], since: Micros) -> AsyncGenerator[bytes | None, None]:
        """Every frame after `read()`, how far it has been read; 0: from `since` (0: live), as far as that goes
        back. None says that a connection has been made anew: what a v1 host has forgotten by then it skips
        without a word. Raises CursorLost if a host says that what came after `read()` is gone; Unreachable
        once all hosts in a row told nothing. The pauses between connections that do not hold grow."""
        failed = short = 0
        why = host = ""
        async with aiohttp.ClientSession() as session:
            while failed < max(2, len(self.addresses)):
                host = self.addresses[self._next]
                got = False
                began = self._clock.now()
                try:
                    async with aclosing(self._connection(session, host, read(), since)) as connection:
                        async for frame in connection:
                            got = got or frame is not None
                            failed = 0 if got else failed
                            yield frame
                    why = "closed the connection"
                except aiohttp.WSServerHandshakeError as error:
                    why = f"answers {error.status}"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    why = str(error) or type(error).__name__
                failed += 1
                self._next = (self._next + 1) % len(self.addresses)
                held = (self._clock.now() - began) / SECOND
                short = 1 if got and held > _STEADY else short + 1
                await self._clock.sleep(min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(short - 1, 8)))
        raise Unreachable(f"No Jetstream host serves us. The last one, {urlsplit(host).hostname}, {why}.")

    async def _connection(
        self, session: aiohttp.ClientSession, host: str, read: Micros, since: Micros
    ) -> AsyncGenerator[bytes | None, None]:
        v2 = urlsplit(host).path == _V2
        silence = self._clock.timeout(_SILENCE)
        async with session.ws_connect(
            f"{host}?{_query(v2=v2, cursor=max(0, (read or since) - _OVERLAP))}",
            protocols=("xrpc.v1.json",) if v2 else (),
            timeout=aiohttp.ClientWSTimeout(ws_close=self._clock.timeout(1)),
            heartbeat=silence / 2,  # a time-out on each frame would cost more than the frame
            max_msg_size=_LARGEST,
            decode_text=False,
            autoping=False,
        ) as socket:
            yield None
            now = asyncio.get_running_loop().time
            heard = now()
            async for message in socket:
                frame = message.data
                if message.type is aiohttp.WSMsgType.TEXT:
                    heard = now()
                    if not v2 or not _is_notice(frame, host, resumed=bool(read)):
                        yield frame
                    continue
                if message.type is aiohttp.WSMsgType.PING:
                    await socket.pong(frame)
                if now() - heard > silence:  # it pings, or answers our pings, and has nothing to tell
                    raise TimeoutError("went silent")


def _query(*, v2: bool, cursor: Micros) -> str:
    """v2 is told the kinds, since it has more of them than anybody wants."""
    query = [("collections" if v2 else "wantedCollections", name) for name in _COLLECTIONS]
    if v2:
        query += [("kinds", kind) for kind in _KINDS]
    query.append(("maxMessageSizeBytes", str(_LARGEST)))
    if cursor:
        query.append(("cursor", str(cursor)))
    return urlencode(query)


def _is_notice(frame: bytes, host: str, *, resumed: bool) -> bool:
    """Whether a frame of v2 tells of the stream itself. Raises CursorLost, or ClientError where the host ends
    the stream."""
    if frame.startswith(b'{"$type":"error"'):
        raise aiohttp.ClientError(f"says {frame[:200].decode(errors='replace')}")
    if b'subscribeEvents#info"' not in frame[:120]:
        return False
    if resumed and b'"OutdatedCursor"' in frame:
        raise CursorLost(
            f"Jetstream at {urlsplit(host).hostname} no longer has what came after we read it last."
        )
    return True


def _address(host: str) -> str:
    return host if urlsplit(host).path.strip("/") else f"{host.rstrip('/')}/subscribe"
