"""Jetstream: the events of all repositories over websockets, from one or several hosts, in both versions.

Every host tells the same events, but has seen them at a time of its own and gives them numbers of its own.
What is refused, and how, is read from the service's source and lexicon (bluesky-social/jetstream): v1 takes a
time as cursor and skips in silence what it has forgotten; v2 takes a number or, from 1e15 on, a time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from simulator.bluesky import events, wire
from simulator.bluesky.events import EVENTS, Event, Log
from simulator.bluesky.repo import Stored
from simulator.bluesky.wire import Record, XrpcError
from simulator.clock import Clock
from simulator.faults import Faults

SECOND = 1_000_000
BACK = 36 * 3600 * SECOND  # how far a cursor reaches
TIMES = 10**15  # a v2 cursor from here on is a time, in microseconds
CHATTER = 2.0  # seconds between two events from elsewhere
APART = 300_000  # microseconds between two hosts' sight of the same event
PROTOCOL = "xrpc.v1.json"
KINDS = ("commit", "identity", "account", "sync")


class Hub:
    """What happens, struck by faults, and the hosts that tell it."""

    def __init__(self, network: str, clock: Clock, faults: Faults, hosts: int) -> None:
        self.network = network
        self.clock = clock
        self.faults = faults
        self.log = Log()
        self.hosts = [Host(self, number) for number in range(hosts)]
        self._news = asyncio.Event()
        self._last = 0
        self._swapped: Event | None = None
        self._rng = random.Random(f"chatter {network}")

    def commit(self, operation: str, stored: Stored, *, struck: bool = True) -> None:
        """Announce a commit. `struck`: whether faults may strike this event."""
        event = events.commit(operation, stored, self._time())
        if not struck:
            self._append(event)
            return
        if self._hit("bad_payload"):
            self._append(events.torn(event))
        if self._swapped is None and self._hit("reordered"):
            self._swapped = event
            return
        self._append(event)
        if self._hit("duplicated"):
            self._append(event)
        self._unswap()
        if self._hit("socket_dropped"):
            self.drop()

    def late(self, stored: Stored, rev: str) -> None:
        """Announce a creation again, after what happened to the record since, as a lagging host does."""
        self._append(events.commit("create", stored, self._time(), rev))

    def account(self, did: str, active: bool, status: str | None) -> None:
        """Announce an account's state."""
        state: Record = {"active": active, "did": did, **self._upstream()}
        if status:
            state["status"] = status
        self._append(Event("account", did, self._time(), state))

    def identity(self, did: str, handle: str) -> None:
        """Announce a handle."""
        self._append(Event("identity", did, self._time(), {"did": did, "handle": handle, **self._upstream()}))

    def chatter(self) -> None:
        """Something happens elsewhere. It also lets an event that was to swap places go at last."""
        self._unswap()
        self._append(events.elsewhere(self._rng, self._time()))

    def drop(self) -> None:
        """Cut every connection, without a word of farewell."""
        for host in self.hosts:
            host.drop()

    async def news(self) -> None:
        """Until something has happened."""
        await self._news.wait()

    def stir(self) -> None:
        """Let everybody who waits look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _upstream(self) -> Record:
        return {"seq": self._last, "time": wire.iso(self.clock.now())}

    def _hit(self, kind: str) -> bool:
        return self.faults.hit(self.network, kind)

    def _time(self) -> int:
        self._last = max(self._last + 1, self.clock.now())
        return self._last

    def _append(self, event: Event) -> None:
        self.log.append(event)
        self.stir()

    def _unswap(self) -> None:
        if self._swapped is not None:
            event, self._swapped = self._swapped, None
            self._append(event)


@dataclass(frozen=True)
class Wish:
    """What a listener asked for."""

    kinds: frozenset[str]
    dids: frozenset[str]
    collections: tuple[str, ...]
    largest: int = 0

    def wants(self, event: Event) -> bool:
        if event.torn:
            return True
        if event.kind not in self.kinds or (self.dids and event.did not in self.dids):
            return False
        collection = event.collection
        if collection is None or not self.collections:
            return True
        return any(
            collection == wanted or (wanted.endswith("*") and collection.startswith(wanted[:-1]))
            for wanted in self.collections
        )


class Host:
    """One host. `down`: it answers 503 and has cut every connection; `mute`: it pings, but tells nothing."""

    def __init__(self, hub: Hub, number: int) -> None:
        self._hub = hub
        self._apart = APART * number
        self._first = 1_000_000 * (number + 1)  # the seq of the log's first event
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._down = self._mute = False
        self.asked: list[str] = []  # the query of each connection taken

    @property
    def down(self) -> bool:
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        if down:
            self.drop()

    @property
    def mute(self) -> bool:
        return self._mute

    @mute.setter
    def mute(self, mute: bool) -> None:
        self._mute = mute
        self._hub.stir()

    def routes(self, app: web.Application) -> None:
        """Serve both versions."""
        app.router.add_get("/subscribe", self.subscribe)
        app.router.add_get(f"/xrpc/{EVENTS}", self.subscribe_events)

    def drop(self) -> None:
        """Cut every connection, without a word of farewell."""
        for request in self._sockets.values():
            if request.transport is not None:
                request.transport.abort()

    # ------------------------------------------------------------ v1

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """GET /subscribe."""
        if self._is_out():
            return web.Response(status=503, text="upstream connect error")
        wanted = tuple(request.query.getall("wantedCollections", []))
        dids = frozenset(request.query.getall("wantedDids", []))
        if len(wanted) > 100 or len(dids) > 10_000:
            return web.Response(status=400, text="too many wanted collections or DIDs")
        try:
            cursor = int(request.query["cursor"]) if "cursor" in request.query else None
            largest = int(request.query.get("maxMessageSizeBytes", 0))
        except ValueError as error:
            return web.Response(status=400, text=f"failed to parse a number: {error}")
        log = self._hub.log
        position = log.end
        if cursor is not None and not self._hub.faults.hit(self._hub.network, "cursor_lost"):
            position = log.since(max(cursor, self._floor()) - self._apart)
        wish = Wish(frozenset(KINDS[:3]), dids, wanted, largest)
        return await self._stream(request, position, wish, self._v1)

    def _v1(self, position: int, event: Event) -> str:
        return event.v1(event.at + self._apart)

    # ------------------------------------------------------------ v2

    async def subscribe_events(self, request: web.Request) -> web.StreamResponse:
        """GET /xrpc/network.bsky.jetstream.subscribeEvents."""
        if self._is_out():
            return XrpcError(503, "ServiceUnavailable", "service not ready").response()
        try:
            wish = _wish(request)
            position, notice = self._resume(request.query.get("cursor", ""))
        except XrpcError as error:
            return error.response()
        return await self._stream(request, position, wish, self._v2, protocols=(PROTOCOL,), notice=notice)

    def _v2(self, position: int, event: Event) -> str:
        return event.v2(event.at + self._apart, self._first + position)

    def _resume(self, raw: str) -> tuple[int, str | None]:
        """The position a cursor means, and what its reader must be told of it first. Raises XrpcError."""
        log, lost = self._hub.log, False
        if not raw:
            return log.end, None
        if not raw.isdigit():
            raise XrpcError(400, "InvalidRequest", f'subscribe: invalid cursor: "{raw}"')
        cursor, floor = int(raw), log.since(self._floor() - self._apart)
        if self._hub.faults.hit(self._hub.network, "cursor_lost"):
            floor, lost = log.end, True
        if cursor < TIMES:
            if cursor >= self._first + log.end:
                return log.end, _info("FutureCursor", "the cursor is beyond the next seq to be assigned")
            if lost or cursor < self._first + floor:
                why = f"cursor {cursor} below lookback floor {self._first + floor}"
                message = f"subscribe: cursor too old: {why}; re-backfill from your last seq"
                raise XrpcError(400, "CursorTooOld", message)
            return cursor - self._first, None
        if lost or cursor < self._floor():
            return floor, _info("OutdatedCursor", f"resumed from seq {self._first + floor}")
        return log.since(cursor - self._apart), None

    # ------------------------------------------------------------ both

    def _is_out(self) -> bool:
        return self._down or self._hub.faults.active(self._hub.network, "outage")

    def _floor(self) -> int:
        """The oldest time a cursor reaches. What was before the first event is thought to have been quiet."""
        log = self._hub.log
        oldest = next((event.at for _, event in log.read(log.start)), 0) if log.start else 0
        return max(oldest, self._hub.clock.now() - BACK)

    async def _stream(
        self,
        request: web.Request,
        position: int,
        wish: Wish,
        worded: Callable[[int, Event], str],
        *,
        protocols: tuple[str, ...] = (),
        notice: str | None = None,
    ) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoclose=True, protocols=protocols)
        await socket.prepare(request)
        self._sockets[socket] = request
        self.asked.append(request.query_string)
        listening = asyncio.create_task(
            _until_closed(socket, server_push=bool(protocols)), name="jetstream listens"
        )
        try:
            if notice is not None:
                await socket.send_str(notice)
            await self._serve(socket, position, wish, worded, listening)
        except (ConnectionError, RuntimeError):
            pass
        finally:
            del self._sockets[socket]
            listening.cancel()
        return socket

    async def _serve(
        self,
        socket: web.WebSocketResponse,
        position: int,
        wish: Wish,
        worded: Callable[[int, Event], str],
        listening: asyncio.Task[None],
    ) -> None:
        while not socket.closed and not listening.done():
            waiting = asyncio.create_task(self._hub.news(), name="jetstream waits")
            try:
                for at, event in self._hub.log.read(position):
                    if self._mute:
                        await socket.ping()
                        break
                    position = at + 1
                    text = worded(at, event) if wish.wants(event) else ""
                    if text and not 0 < wish.largest < len(text.encode()):
                        await socket.send_str(text)
                await asyncio.wait((waiting, listening), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()


def _wish(request: web.Request) -> Wish:
    """The filters of v2, which refuses what v1 let pass. Raises XrpcError."""
    query = request.query
    for old, new in (("wantedDids", "dids"), ("wantedCollections", "collections")):
        if old in query:
            raise _invalid(f"{old} is the legacy /subscribe parameter; use {new}")
    kinds = query.getall("kinds", [])
    for kind in kinds:
        if kind not in KINDS:
            raise _invalid(f'unknown kind "{kind}" (valid: {", ".join(KINDS)})')
    collections, dids = query.getall("collections", []), query.getall("dids", [])
    if len(collections) > 100 or len(dids) > 10_000:
        raise _invalid("too many collections or dids values")
    if collections and kinds and "commit" not in kinds:
        raise _invalid("collections filter can never apply: kinds excludes commit")
    largest = query.get("maxMessageSizeBytes", "0")
    return Wish(
        frozenset(kinds or KINDS),
        frozenset(dids),
        tuple(collections),
        int(largest) if largest.isdigit() else 0,
    )


def _invalid(why: str) -> XrpcError:
    return XrpcError(400, "InvalidRequest", f"invalid options: {why}")


def _info(name: str, message: str) -> str:
    payload = {"$type": f"{EVENTS}#info", "name": name, "message": message}
    return wire.as_go_writes({"$type": "message", "payload": payload})


async def _until_closed(socket: web.WebSocketResponse, *, server_push: bool) -> None:
    """v2 closes on any word from its reader."""
    async for message in socket:
        if server_push and message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await socket.close(code=1008, message=b"server push only")
