"""Socket Mode, which emulate has not: what it posts over HTTP goes out in envelopes over websockets.

The envelopes' form is that of Slack's documentation and of bolt-python's own samples; what is in them is emulate's,
or for commands and interactions, which it does not deliver, the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]


class Sockets:
    """The app's websockets. `sent` and `acked`: envelope ids."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self.sent: set[str] = set()
        self.acked: set[str] = set()
        self._open: list[asyncio.Queue[str]] = []
        self._tickets: set[str] = set()
        self._turn = itertools.count()

    def address(self, host: str) -> str:
        """An address to open one websocket at, on the host it was asked of."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"ws://{host}/link/?ticket={ticket}&app_id={self._app_id}"

    def event(self, callback: Json) -> bool:
        """To any one of the sockets; False, and lost, if there is none."""
        return self._send("events_api", callback, retry_attempt=0, retry_reason="")

    def interactive(self, payload: Json) -> bool:
        """A control or a form was used."""
        return self._send("interactive", payload)

    def slash(self, payload: Json) -> bool:
        """A command was typed."""
        return self._send("slash_commands", payload)

    def _send(self, kind: str, payload: Json, **more: Any) -> bool:
        if not self._open:
            return False
        id_ = str(uuid.uuid4())
        takes_answer = kind != "events_api"
        envelope = {"envelope_id": id_, "type": kind, "accepts_response_payload": takes_answer, **more}
        self.sent.add(id_)
        socket = self._open[next(self._turn) % len(self._open)]
        socket.put_nowait(json.dumps(envelope | {"payload": payload}))
        return True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One websocket, from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        frames: asyncio.Queue[str] = asyncio.Queue()
        self._open.append(frames)
        info = {"connection_info": {"app_id": self._app_id}, "debug_info": {"host": "applink-1"}}
        frames.put_nowait(json.dumps({"type": "hello", "num_connections": len(self._open), **info}))
        writing = asyncio.create_task(_write(socket, frames))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.acked.add(json.loads(message.data)["envelope_id"])
        finally:
            self._open.remove(frames)
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing
        return socket


async def _write(socket: web.WebSocketResponse, frames: asyncio.Queue[str]) -> None:
    while True:
        await socket.send_str(await frames.get())
