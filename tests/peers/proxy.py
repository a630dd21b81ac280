"""A reverse proxy with faults: what stands between an adapter and a server that others wrote.

Such a server does not fail on command, so what a rehearsal's stand-ins do by themselves (`simulator.faults`)
is done here, on the wire: requests are refused, answers lost or late, messages of a stream cut off, doubled,
swapped or broken. What the proxy has to know of a platform's protocol is its `Dialect`. Like any reverse
proxy it writes the `Date` itself, by the clock it is given.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from simulator.clock import Clock
from simulator.faults import Faults
from tests.peers.strikes import Message, Sight, Strikes

LOOK = 0.02  # real seconds after which an idle connection looks whether a fault is due
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
HANDSHAKE = frozenset(
    {
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "sec-websocket-accept",
    }
)


@dataclass(frozen=True)
class Answer:
    """An answer that the proxy gives by itself."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        headers = {"Content-Type": "application/json"} | dict(self.headers)
        return web.Response(status=self.status, body=self.body, headers=headers)


@dataclass(frozen=True)
class Dialect:
    """How a platform writes, refuses and streams.

    `writes`: whether a request (method, path) changes something that faults may strike. `rate_limited`: the
    429 it gives at a chat time (microseconds). `revoked`: what it answers to a request with a token that was
    taken back; None if that request needs none. `sight`: what a message of its stream tells. `listing`:
    whether a GET of this path lists posts in a JSON array, newest first, which then are messages like those of
    a stream. `cursor`: the query parameter by which a websocket resumes. `slow`: chat seconds by which a slow
    answer is late.
    """

    writes: Callable[[str, str], bool]
    rate_limited: Callable[[int], Answer]
    server_error: Answer
    revoked: Callable[[web.Request], Answer | None]
    sight: Callable[[Message], Sight | None] = lambda message: None
    listing: Callable[[str], bool] = lambda path: False
    cursor: str = ""
    slow: float = 25.0


Wrote = Callable[[web.Request, int, bytes], Awaitable[None]]


class FaultProxy:
    """Forwards to `upstream` ("http://127.0.0.1:3000") what reaches `url`, with the faults of `network`.

    `sockets`: where websockets go instead, if another server streams. `wrote` is awaited for each write with
    the request and the upstream's status and body, after the upstream has answered and before the client
    hears of it (if it ever does).
    """

    def __init__(
        self,
        network: str,
        upstream: str,
        faults: Faults,
        clock: Clock,
        dialect: Dialect,
        *,
        sockets: str | None = None,
        wrote: Wrote | None = None,
    ) -> None:
        self._network, self._upstream = network, upstream.rstrip("/")
        self._sockets = (sockets or upstream).rstrip("/")
        self._faults, self._clock, self._dialect, self._wrote = faults, clock, dialect, wrote
        self.strikes = Strikes(network, faults, clock, dialect.sight)
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    # ------------------------------------------------------------ life

    async def start(self, public: socket.socket | None = None) -> None:
        """Listen on a free port of 127.0.0.1, or on a listening socket (which stays open when this stops, so
        that the upstream's public address may outlive it); `url` is known then."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(self._date)
        self._client = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
        await self._runner.setup()
        listening = socket.create_server(("127.0.0.1", 0)) if public is None else public.dup()
        await web.SockSite(self._runner, listening).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every socket."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self._clock.now() // 1_000_000, usegmt=True)

    # ------------------------------------------------------------ requests

    def _hit(self, kind: str) -> bool:
        return self._faults.hit(self._network, kind)

    def _active(self, kind: str) -> bool:
        return self._faults.active(self._network, kind)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """One request, with what strikes it."""
        if self._active("outage"):
            return _cut(request)
        if self._active("token_revoked") and (refusal := self._dialect.revoked(request)) is not None:
            self._hit("socket_dropped")  # with the refusal the connection ends, so a cut that is due is done
            response = refusal.response()
            response.force_close()
            return response
        try:
            if request.headers.get("Upgrade", "").casefold() == "websocket":
                return await self._socket(request)
            if self._dialect.writes(request.method, request.path):
                return await self._write(request)
            return await self._read(request)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError):
            return _cut(request)

    def _forward(self, request: web.Request) -> Any:
        """The request as the upstream gets it; a context manager of its answer."""
        assert self._client is not None
        return self._client.request(
            request.method,
            URL(self._upstream + request.raw_path, encoded=True),
            headers=_passed_on(request.headers),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        )

    async def _write(self, request: web.Request) -> web.StreamResponse:
        if self._hit("rate_limited"):
            return self._dialect.rate_limited(self._clock.now()).response()
        if self._hit("server_error"):
            return self._dialect.server_error.response()
        lost, slow = self._hit("answer_lost"), self._hit("slow")
        async with self._forward(request) as answer:
            body = await answer.read()
        if self._wrote is not None:
            await self._wrote(request, answer.status, body)
        if slow:
            await self._clock.sleep(self._dialect.slow)
        if lost:
            return _cut(request)
        return web.Response(status=answer.status, body=body, headers=_passed_on(answer.headers))

    async def _read(self, request: web.Request) -> web.StreamResponse:
        async with self._forward(request) as answer:
            headers = _passed_on(answer.headers)
            if answer.status == 200 and request.method == "GET" and self._dialect.listing(request.path):
                body = self.strikes.listing(await answer.read())
                if body is None:
                    return _cut(request)
                headers.pop("Content-Length", None)
                return web.Response(status=answer.status, body=body, headers=headers)
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            if answer.content_type == "text/event-stream":
                return await self._relay(request, _events(answer.content), response.write, response)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    # ------------------------------------------------------------ streams

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """A websocket: what the client says passes unharmed, what it hears is struck."""
        assert self._client is not None
        url = request.rel_url
        if self._dialect.cursor in url.query and self._hit("cursor_lost"):
            url = url.without_query_params(self._dialect.cursor)
        protocols = tuple(
            part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if part
        )
        try:
            upstream = await self._client.ws_connect(
                URL(self._sockets + str(url), encoded=True),
                headers=_passed_on(request.headers, HANDSHAKE),
                protocols=protocols,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            return web.Response(status=error.status, text=error.message)
        async with upstream:
            chosen = (upstream.protocol,) if upstream.protocol else ()
            client = web.WebSocketResponse(protocols=chosen, max_msg_size=0)
            await client.prepare(request)
            saying = asyncio.create_task(_say(client, upstream))
            try:
                return await self._relay(request, _heard(upstream), _speaker(client), client)
            finally:
                saying.cancel()
                with suppress(asyncio.CancelledError):
                    await saying
                if not client.closed:
                    await client.close(code=upstream.close_code or 1001)

    async def _relay(
        self,
        request: web.Request,
        messages: AsyncIterator[Message],
        send: Callable[[Any], Awaitable[None]],
        response: web.StreamResponse,
    ) -> web.StreamResponse:
        """Pass on a stream's messages until it ends, the client leaves or a fault cuts it."""
        struck = self.strikes.stream()
        following = asyncio.ensure_future(anext(messages, None))
        try:
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.wait((following,), timeout=LOOK)
                ready: list[Message] | None = struck.due()
                if following.done() and ready is not None:
                    message = following.result()
                    if message is None:
                        return response
                    following = asyncio.ensure_future(anext(messages, None))
                    more = struck.take(message)
                    ready = None if more is None else [*ready, *more]
                if ready is None or self._active("outage") or self._active("token_revoked"):
                    return _cut(request, response)
                for passing in ready:
                    await send(passing)
            return response
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, aiohttp.ClientError, ConnectionError):
                await following


# ---------------------------------------------------------------- the wire


def _cut(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Break the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response(status=502)


def _passed_on(headers: Mapping[str, str], without: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """The headers that go on to the other side, the name it was asked for by (`Host`) among them; answers come
    plain, to be read on the way."""
    named = {name.strip().casefold() for name in headers.get("Connection", "").split(",")}
    left_out = HOP_BY_HOP | without | named | {"date", "accept-encoding"}
    return CIMultiDict((name, value) for name, value in headers.items() if name.casefold() not in left_out)


async def _say(client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
    """What the client says goes up; its leaving ends the upstream's side."""
    with suppress(ConnectionError):
        async for message in client:
            if message.type == WSMsgType.TEXT:
                await upstream.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await upstream.send_bytes(message.data)
    await upstream.close()


async def _heard(upstream: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Message]:
    async for message in upstream:
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            yield message.data


def _speaker(client: web.WebSocketResponse) -> Callable[[Message], Awaitable[None]]:
    async def speak(message: Message) -> None:
        if isinstance(message, str):
            await client.send_str(message)
        else:
            await client.send_bytes(message)

    return speak


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[Message]:
    """The events of a text/event-stream, each with the empty line that ends it."""
    buffer = b""
    async for chunk in content.iter_any():
        *events, buffer = (buffer + chunk).split(b"\n\n")
        for event in events:
            yield event + b"\n\n"
