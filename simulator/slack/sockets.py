"""Socket Mode: websockets at single-use addresses, envelopes to any one of them, and what can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from collections.abc import Callable
from typing import TypeAlias

from aiohttp import WSMsgType, web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack.tickets import PATIENCE, Spell
from simulator.slack.wire import APP, BOT_USER, SECOND, TEAM, VERIFICATION, Table

MOST = 10  # sockets of one app
NOTICE = 10.0  # seconds of chat time a client has to open another socket (documentation: about ten)
HELD = 5.0  # seconds of chat time a frame is held back to be swapped with its successor
_OVER = None

Answered: TypeAlias = Callable[[Table], None]  # takes what an app answers to an interaction


class Socket:
    """One open websocket and the frames on their way to it."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.until: int | None = None  # when it is closed, once that was announced
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, frame: Table | str) -> None:
        """Queue a frame."""
        self.frames.put_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def cut(self) -> None:
        """As a broken cable would."""
        if self.request.transport is not None:
            self.request.transport.abort()
        self.frames.put_nowait(_OVER)


class Hub:
    """All sockets of the app."""

    def __init__(self, network: str, clock: Clock, faults: Faults) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.address = ""
        self.acked: list[str] = []  # envelope ids, in order
        self.sent = 0
        self.opened = 0
        self.patience = PATIENCE  # seconds in which an interaction is to be acknowledged
        self._sockets: list[Socket] = []
        self.given: set[str] = set()  # secrets
        self._tickets: set[str] = set()
        self._held: list[tuple[int, Table]] = []
        self._turn = itertools.count()
        self._asked: dict[str, tuple[Answered, Spell]] = {}  # by envelope id

    @property
    def connected(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    # ------------------------------------------------------------ the wire

    def open(self) -> Table:
        """The answer of apps.connections.open."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        self.given.add(ticket)
        return {"ok": True, "url": f"ws://{self.address}/link/?ticket={ticket}&app_id={APP}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One websocket, from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._sockets) >= MOST:
            return web.Response(status=403, text="used")
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(heartbeat=None)
        await ws.prepare(request)
        socket = Socket(request)
        self._sockets.append(socket)
        self.opened += 1
        socket.send(self._hello())
        if self._hit("socket_dropped"):
            socket.frames.put_nowait(_OVER)
        try:
            async with asyncio.TaskGroup() as both:
                writer = both.create_task(self._write(ws, socket))
                await self._read(ws)
                writer.cancel()
        except* (ConnectionError, RuntimeError):
            pass  # the other side is gone
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
        return ws

    async def _write(self, ws: web.WebSocketResponse, socket: Socket) -> None:
        while (frame := await socket.frames.get()) is not _OVER:
            await ws.send_str(frame)
        await ws.close()

    async def _read(self, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                with contextlib.suppress(ValueError, KeyError):
                    self._ack(json.loads(message.data))

    def _ack(self, frame: Table) -> None:
        """An acknowledgement, perhaps with an answer; one that comes late counts for nothing."""
        self.acked.append(frame["envelope_id"])
        answered, spell = self._asked.pop(frame["envelope_id"], (None, None))
        if answered is not None and spell is not None and not spell.over:
            payload = frame.get("payload")
            answered(payload if isinstance(payload, dict) else {})

    def _hello(self) -> Table:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "debug_info": {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }

    # ------------------------------------------------------------ frames

    def event(self, event: Table) -> bool:
        """An event to any one socket; lost (False) if there is none. The stream's faults strike here."""
        if not self._sockets:
            return False
        if self._hit("socket_dropped"):
            self.drop()
            return False
        if self._hit("bad_payload"):
            self._junk()
        frame = self._envelope("events_api", self._callback(event))
        if self._hit("reordered"):
            self._held.append((self.clock.now() + int(HELD * SECOND), frame))
            return True
        self._deliver(frame)
        if self._hit("duplicated"):
            again = {"envelope_id": str(uuid.uuid4()), "retry_attempt": 1, "retry_reason": "timeout"}
            self._deliver(frame | again)
        self.release()
        return True

    def interactive(self, payload: Table, answered: Answered | None = None) -> bool:
        """A control was used; False if nobody is there to hear of it. Slack never sends one twice."""
        return self._ask("interactive", payload, answered)

    def slash(self, payload: Table, answered: Answered | None = None) -> bool:
        """A slash command was typed."""
        return self._ask("slash_commands", payload, answered)

    def _ask(self, kind: str, payload: Table, answered: Answered | None) -> bool:
        envelope = self._envelope(kind, payload) | {"accepts_response_payload": True}
        self._asked = {id_: asked for id_, asked in self._asked.items() if not asked[1].over}
        if answered is not None:
            self._asked[envelope["envelope_id"]] = answered, Spell(self.clock, self.patience)
        return self._deliver(envelope)

    def release(self, *, due: bool = False) -> None:
        """Send what was held back (`due`: only what was held for long)."""
        ready = [frame for at, frame in self._held if not due or at <= self.clock.now()]
        self._held = [(at, frame) for at, frame in self._held if due and at > self.clock.now()]
        for frame in ready:
            self._deliver(frame)

    def refresh(self) -> None:
        """Ask every client to open a new socket, as Slack does every few hours; the old ones are closed soon."""
        for socket in self._sockets:
            socket.until = self.clock.now() + int(NOTICE * SECOND)
            socket.send(
                {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "applink-1"}}
            )

    def expire(self) -> None:
        """Close the sockets whose time is up."""
        for socket in [s for s in self._sockets if s.until is not None and s.until <= self.clock.now()]:
            self._sockets.remove(socket)
            socket.frames.put_nowait(_OVER)

    def drop(self) -> None:
        """Cut every socket."""
        sockets, self._sockets = self._sockets, []
        for socket in sockets:
            socket.cut()

    def _hit(self, kind: str) -> bool:
        return self.faults.hit(self.network, kind)

    def _deliver(self, frame: Table) -> bool:
        if not self._sockets:
            return False
        self._sockets[next(self._turn) % len(self._sockets)].send(frame)
        self.sent += 1
        return True

    def _junk(self) -> None:
        """Two frames nobody can read: not JSON, and an event that lacks what makes it one."""
        if self._sockets:
            self._sockets[0].send('{"type": "events_api", "payload": {"event": {"type": "mess')
            self._deliver(self._envelope("events_api", self._callback({"type": "message", "channel": 7})))

    def _envelope(self, kind: str, payload: Table) -> Table:
        envelope: Table = {"envelope_id": str(uuid.uuid4()), "payload": payload, "type": kind}
        retries = {"retry_attempt": 0, "retry_reason": ""} if kind == "events_api" else {}
        return envelope | {"accepts_response_payload": False} | retries

    def _callback(self, event: Table) -> Table:
        return {
            "token": VERIFICATION,
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": self.clock.now() // SECOND,
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
