"""Jetstream v1: the commits of all repositories as JSON frames over websockets, with replay by cursor.

Between the people's posts goes what goes on elsewhere: likes, strangers' posts and replies, profiles.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, web

from simulator.bluesky import wire
from simulator.bluesky.repo import Stored
from simulator.clock import Clock
from simulator.faults import Faults

SECOND = 1_000_000
BACK = 36 * 3600 * SECOND  # how far a cursor reaches; an older one is clamped without a word
MOST = 50_000  # frames kept
CHATTER = 2.0  # seconds between two frames from elsewhere
STRANGERS = tuple(wire.did(f"stranger {n}") for n in range(200))
SMALL_TALK = (
    "the bus is late again, of course",
    "soup weather ☁️ and nobody to share it with",
    "今日は雨でした。傘を忘れた",
    "new hinges on the garden gate, very proud #allotment",
    "does anyone still repair umbrellas? #lostcrafts #repair",
    "Ich glaube, die Katze kann lesen",
)


@dataclass(frozen=True)
class Frame:
    """One event as sent; without `time_us` it is sent, but not replayed."""

    text: str
    time_us: int | None
    did: str = ""
    collection: str | None = None


class Hub:
    """The log of frames and those who read it."""

    def __init__(self, network: str, clock: Clock, faults: Faults) -> None:
        self._network = network
        self._clock = clock
        self._faults = faults
        self._log: list[Frame] = []
        self._dropped = 0  # frames forgotten from the log's beginning
        self._news = asyncio.Event()
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._last = 0
        self._swapped: Frame | None = None
        self._rng = random.Random(f"chatter {network}")

    # ------------------------------------------------------------ what happens

    def commit(self, operation: str, stored: Stored, *, struck: bool = True) -> None:
        """Announce a commit. `struck`: whether faults may strike this frame."""
        frame = self._frame(operation, stored)
        if not struck:
            self._append(frame)
            return
        if self._faults.hit(self._network, "bad_payload"):
            self._append(Frame(frame.text[: len(frame.text) // 2], None))
        if self._swapped is None and self._faults.hit(self._network, "reordered"):
            self._swapped = frame
            return
        self._append(frame)
        if self._faults.hit(self._network, "duplicated"):
            self._append(frame)
        self._unswap()
        if self._faults.hit(self._network, "socket_dropped"):
            self.drop()

    def account(self, did: str, active: bool, status: str | None) -> None:
        """Announce an account's state."""
        state: dict[str, Any] = {
            "active": active,
            "did": did,
            "seq": self._last,
            "time": wire.iso(self._clock.now()),
        }
        if status:
            state["status"] = status
        time_us = self._time()
        body = {"did": did, "time_us": time_us, "kind": "account", "account": state}
        self._append(Frame(wire.as_go_writes(body), time_us, did))

    def late(self, stored: Stored, rev: str) -> None:
        """Announce a creation again, after what happened to the record since, as a lagging host does."""
        self._append(self._frame("create", stored, rev))

    def _frame(self, operation: str, stored: Stored, rev: str | None = None) -> Frame:
        time_us = self._time()
        commit: dict[str, Any] = {
            "rev": rev or stored.rev,
            "operation": operation,
            "collection": stored.collection,
            "rkey": stored.rkey,
        }
        if operation != "delete":
            commit |= {"record": dict(sorted(stored.record.items())), "cid": stored.cid}
        body = {"did": stored.did, "time_us": time_us, "kind": "commit", "commit": commit}
        return Frame(wire.as_go_writes(body), time_us, stored.did, stored.collection)

    def _time(self) -> int:
        self._last = max(self._last + 1, self._clock.now())
        return self._last

    def _append(self, frame: Frame) -> None:
        self._log.append(frame)
        if len(self._log) > 2 * MOST:
            self._dropped += len(self._log) - MOST
            del self._log[:-MOST]
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _unswap(self) -> None:
        if self._swapped is not None:
            frame, self._swapped = self._swapped, None
            self._append(frame)

    def chatter(self) -> None:
        """Something happens elsewhere. It also lets a frame that was to swap places go at last."""
        self._unswap()
        rng, now = self._rng, self._clock.now()
        uri = f"at://{rng.choice(STRANGERS)}/{wire.POST}/{wire.tid(now - 60 * SECOND, rng.randrange(1024))}"
        ref = {"cid": wire.cid({"uri": uri}), "uri": uri}
        kind = rng.choice(("like", "post", "reply", "gone"))
        collection = "app.bsky.feed.like" if kind == "like" else wire.POST
        record: dict[str, Any] = {"$type": collection, "createdAt": wire.iso(now)}
        if kind == "like":
            record["subject"] = ref
        else:
            record |= {"langs": ["en"], "text": rng.choice(SMALL_TALK)}
            record["facets"] = wire.facets(record["text"], {})
        if kind == "reply":
            record["reply"] = {"parent": ref, "root": ref}
        rkey = wire.tid(now, rng.randrange(1024))
        author = rng.choice(STRANGERS)
        stored = Stored(uri, author, collection, rkey, wire.cid(record), wire.tid(now), record, now, now)
        self.commit("delete" if kind == "gone" else "create", stored, struck=False)

    # ------------------------------------------------------------ who listens

    def drop(self) -> None:
        """Cut every connection, without a word of farewell."""
        for request in self._sockets.values():
            if request.transport is not None:
                request.transport.abort()

    async def close(self) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """GET /subscribe."""
        if self._faults.active(self._network, "outage"):
            return web.Response(status=503, text="upstream connect error")
        wanted = request.query.getall("wantedCollections", [])
        dids = set(request.query.getall("wantedDids", []))
        if len(wanted) > 100 or len(dids) > 10_000:
            return web.Response(status=400, text="too many wanted collections or DIDs")
        try:
            cursor = int(request.query["cursor"]) if "cursor" in request.query else None
            largest = int(request.query.get("maxMessageSizeBytes", 0))
        except ValueError as error:
            return web.Response(status=400, text=f"failed to parse a number: {error}")
        socket = web.WebSocketResponse(autoclose=True)
        await socket.prepare(request)
        self._sockets[socket] = request
        listening = asyncio.create_task(_until_closed(socket), name="jetstream listens")
        try:
            await self._serve(socket, self._start(cursor), (wanted, dids, largest), listening)
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
        wish: tuple[list[str], set[str], int],
        listening: asyncio.Task[None],
    ) -> None:
        while not socket.closed and not listening.done():
            news = self._news
            position = max(position, self._dropped)
            for frame in self._from(position):
                position += 1
                if _is_wanted(frame, *wish):
                    await socket.send_str(frame.text)
            if news is self._news:
                waiting = asyncio.create_task(_happened(news), name="jetstream waits")
                try:
                    await asyncio.wait((waiting, listening), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()

    def _start(self, cursor: int | None) -> int:
        """The position from which to send: live, or from a cursor as far as the log reaches."""
        end = self._dropped + len(self._log)
        if cursor is None or self._faults.hit(self._network, "cursor_lost"):
            return end
        floor = max(cursor, self._clock.now() - BACK)
        times = _times(self._log)
        return self._dropped + bisect_left(times, floor)

    def _from(self, position: int) -> Iterator[Frame]:
        while position - self._dropped < len(self._log):
            yield self._log[position - self._dropped]
            position += 1


def _times(log: list[Frame]) -> list[int]:
    """The time of each frame, never falling: swapped neighbours share the later one's."""
    times, last = [], 0
    for frame in log:
        last = max(last, frame.time_us or 0)
        times.append(last)
    return times


def _is_wanted(frame: Frame, collections: list[str], dids: set[str], largest: int) -> bool:
    if frame.time_us is None:
        return True
    if dids and frame.did not in dids:
        return False
    if largest and len(frame.text.encode()) > largest:
        return False
    if frame.collection is None or not collections:
        return True
    return any(
        frame.collection == wanted or (wanted.endswith("*") and frame.collection.startswith(wanted[:-1]))
        for wanted in collections
    )


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


async def _happened(event: asyncio.Event) -> None:
    await event.wait()
