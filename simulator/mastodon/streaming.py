"""The websocket of Mastodon's streaming server, with the faults that strike a stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any

from aiohttp import WSMsgType, web

from simulator.clock import Clock
from simulator.faults import Faults

STREAMS = ("user", "user:notification", "public", "public:local", "hashtag", "hashtag:local")
SECOND = 1_000_000
HELD_BACK = 2 * SECOND  # chat time after which a frame held back for swapping goes out anyway
QUIET = 5 * SECOND  # chat time after which a due fault no longer waits for a frame to strike
LAG = 3 * SECOND  # chat time by which a lagging server announces a post after its removal


class Client:
    """One websocket and the streams it asked for."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.streams: set[tuple[str, ...]] = set()
        self.outbox: asyncio.Queue[list[str] | None] = asyncio.Queue(10_000)

    async def write(self) -> None:
        """Send what is queued until told to close (None)."""
        with contextlib.suppress(ConnectionError):
            while (frames := await self.outbox.get()) is not None:
                for frame in frames:
                    await self.socket.send_str(frame)
            await self.socket.close(code=1001)


class Hub:
    """All open websockets. `emit` never blocks: people write synchronously."""

    def __init__(self, network: str, clock: Clock, faults: Faults) -> None:
        self._network, self._clock, self._faults = network, clock, faults
        self.clients: set[Client] = set()
        self.cut = False  # let nobody in
        self.deaf = False  # accept subscriptions and never send, as GoToSocial does with hashtags
        self._held: list[tuple[Client, str]] = []
        self._held_until = 0
        self._late: list[tuple[int, list[tuple[str, ...]], str]] = []  # creations a lagging server still owes
        self._last = 0  # chat time of the last frame

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one websocket; the request is already authorised."""
        if self.cut:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        client = Client(socket)
        self._subscribe(client, dict(request.query))
        self.clients.add(client)
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(client.write())
            try:
                async for message in socket:
                    if message.type == WSMsgType.TEXT:
                        self._command(client, message.data)
            finally:
                self.clients.discard(client)
                writer.cancel()
        return socket

    def _command(self, client: Client, data: str) -> None:
        try:
            command = json.loads(data)
        except ValueError:
            return
        if command.get("type") == "unsubscribe":
            client.streams.discard(_key(command))
        else:
            self._subscribe(client, command)

    def _subscribe(self, client: Client, command: dict[str, Any]) -> None:
        stream = command.get("stream")
        if stream is None:
            return
        if stream not in STREAMS:
            client.outbox.put_nowait([json.dumps({"error": "Unknown stream type", "status": 400})])
        elif stream.startswith("hashtag") and not command.get("tag"):
            client.outbox.put_nowait([json.dumps({"error": "Missing tag name parameter", "status": 400})])
        else:
            client.streams.add(_key(command))

    def emit(self, streams: Iterable[tuple[str, ...]], event: str, payload: str) -> None:
        """An event, to every client that asked for one of its streams."""
        wanted = set(streams)
        self._last = self._clock.now()
        if self.deaf:
            return
        for client in list(self.clients):
            for stream in sorted(client.streams & wanted):
                frame = json.dumps({"stream": list(stream), "event": event, "payload": payload})
                self._deliver(client, frame)

    def _deliver(self, client: Client, frame: str) -> None:
        def hit(kind: str) -> bool:
            return self._faults.hit(self._network, kind)

        if hit("socket_dropped"):
            self.drop()
            return
        frames = [frame]
        if hit("duplicated"):
            frames.append(frame)
        if hit("bad_payload"):
            frames.append('{"stream":["hashtag"],"event":"update","payload":"{\\"id\\": \\"1\\", ')
        if not self._held and hit("reordered"):
            self._held = [(client, f) for f in frames]
            self._held_until = self._clock.now() + HELD_BACK
            return
        client.outbox.put_nowait(frames)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for client, frame in held:
            client.outbox.put_nowait([frame])

    def lag(self, streams: list[tuple[str, ...]], payload: str) -> None:
        """Announce a creation late, when somebody listens."""
        self._late.append((self._clock.now() + LAG, streams, payload))

    def tick(self) -> None:
        """Let go of what was held back, and let a drop strike that found no frame."""
        now = self._clock.now()
        if self._held and now >= self._held_until:
            self._release()
        if not self.clients:
            return
        while self._late and now >= self._late[0][0]:
            _, streams, payload = self._late.pop(0)
            self.emit(streams, "update", payload)
        if now - self._last > QUIET and self._faults.hit(self._network, "socket_dropped"):
            self.drop()

    def drop(self) -> None:
        """Cut every socket, as a restarting proxy does."""
        self._held.clear()
        for client in list(self.clients):
            self.clients.discard(client)
            while not client.outbox.empty():
                client.outbox.get_nowait()
            client.outbox.put_nowait(None)


def _key(command: dict[str, Any]) -> tuple[str, ...]:
    stream = str(command.get("stream"))
    return (stream, str(command["tag"]).lower()) if stream.startswith("hashtag") else (stream,)
