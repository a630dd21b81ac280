"""mastodon-mock's streaming in Mastodon's way.

Mastodon's own streaming server takes the token as a header and subscriptions as messages, several on one
websocket; mastodon-mock wants the token in the address, one stream a websocket, and calls an edit
`status_update` (`status.update` at Mastodon). This stands between the two: what is told is mastodon-mock's, only
the manner is translated. It is a server of its own, as Mastodon's streaming is.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

Stream = tuple[str, str]  # its name and the hashtag


class MockStreaming:
    """Listens at `url` after `start`. `subscribed` is set while somebody listens to a hashtag."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.replace("http", "ws", 1)
        self._open: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._down = False
        self.subscribed = asyncio.Event()
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/api/v1/streaming", self._serve)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    def cut(self) -> None:
        """Break every websocket and refuse new ones."""
        self._down = True
        self.subscribed.clear()
        for transport in self._open:
            transport.abort()

    def mend(self) -> None:
        """Take websockets again."""
        self._down = False

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._down or not token:
            return web.Response(status=503 if token else 401)
        transport = request.transport
        assert transport is not None
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._open.add(transport)
        streams: dict[Stream, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                async for message in socket:
                    command = json.loads(message.data)
                    stream = (command["stream"], command.get("tag", ""))
                    if command["type"] == "unsubscribe" and stream in streams:
                        streams.pop(stream).cancel()
                    elif command["type"] == "subscribe" and stream not in streams:
                        streams[stream] = tasks.create_task(self._follow(stream, token, socket))
                for following in streams.values():
                    following.cancel()
        finally:
            self._open.discard(transport)
        return socket

    async def _follow(self, stream: Stream, token: str, socket: web.WebSocketResponse) -> None:
        """One stream of mastodon-mock's, until cancelled."""
        assert self._client is not None
        name, tag = stream
        query = {"access_token": token, "stream": name.partition(":")[0]} | ({"tag": tag} if tag else {})
        async with self._client.ws_connect(f"{self._upstream}/api/v1/streaming?{urlencode(query)}") as told:
            if tag:
                self.subscribed.set()
            with suppress(ConnectionError):
                async for message in told:
                    if message.type == WSMsgType.TEXT and (frame := _translated(message.data, stream)):
                        await socket.send_str(frame)


def _translated(data: str, stream: Stream) -> str | None:
    """A frame as Mastodon sends it; None for what it would not send on this stream."""
    name, tag = stream
    frame = json.loads(data)
    if name == "user:notification" and frame["event"] != "notification":
        return None
    event = {"status_update": "status.update"}.get(frame["event"], frame["event"])
    return json.dumps({"stream": [name, tag] if tag else [name], "event": event, "payload": frame["payload"]})
