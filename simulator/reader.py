"""An anonymous visitor of the page, who remembers everything it was ever served and when."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from bisect import bisect_left
from dataclasses import dataclass

import aiohttp

from simulator.evidence import Page
from simulator.letters import readings, searchable, strings

log = logging.getLogger(__name__)

PAUSE = 0.05  # real seconds before connecting again
BETWEEN = b"\n\n"  # ends an event that a broken connection cut short


@dataclass(frozen=True)
class Served:
    """Bytes of the page's event stream and when they came (time.monotonic(), seconds)."""

    real: float
    data: bytes


class Reader:
    """Keeps the page's event stream open until cancelled; call `last_look` before `page`."""

    def __init__(self) -> None:
        self.stream: list[Served] = []
        self.pages: list[tuple[float, str]] = []  # when it had come (time.monotonic()), and the page
        self.api = ""  # what the page told machines at the last look
        self._url = ""
        self._last_id = ""
        self._connected = asyncio.Event()

    async def follow(self, url: str) -> None:
        """Look at the page once, then read `/events` for ever, connecting again by itself. What an earlier
        address served stays remembered."""
        self._url = url.rstrip("/")
        self._connected.clear()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    await self._read(session)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    log.debug("the page's stream broke off: %s", error)
                self.stream.append(Served(time.monotonic(), BETWEEN))
                await asyncio.sleep(PAUSE)

    async def connected(self) -> None:
        """Wait until the stream is open."""
        await self._connected.wait()

    async def _read(self, session: aiohttp.ClientSession) -> None:
        headers = {"Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        async with session.get(f"{self._url}/events", headers=headers) as answer:
            answer.raise_for_status()
            self._connected.set()
            await self._look(session)  # after the stream: nothing can fall in between
            async for data in answer.content.iter_any():
                self.stream.append(Served(time.monotonic(), data))
                self._note_id(data)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        self.pages.append((time.monotonic(), await self._get(session, "/")))

    async def _get(self, session: aiohttp.ClientSession, path: str) -> str:
        async with session.get(f"{self._url}{path}") as answer:
            answer.raise_for_status()
            return await answer.text()

    def _note_id(self, data: bytes) -> None:
        for line in data.splitlines():
            if line.startswith(b"id:"):
                self._last_id = line[3:].strip().decode("ascii", "replace")

    async def last_look(self, chat: str) -> None:
        """The page, and what it tells machines of a chat, as they are at the end. Raises aiohttp.ClientError if
        they are not there any more."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await self._look(session)
            self.api = await self._get(session, f"/api/chats/{chat}.json")

    def page(self) -> Page:
        """Everything that was served, to search in."""
        if not self.pages:
            return Page()
        served = Arrivals(sorted([*self.pages, *self.events()]))
        api = searchable(strings(json.loads(self.api or "{}")))
        return Page(ever=served.text, final=readings(self.pages[-1][1]), came=served.first, api=api)

    def served(self) -> dict[str, bytes]:
        """The last looks, as they came."""
        return {
            "the page": self.pages[-1][1].encode() if self.pages else b"",
            "the page's API": self.api.encode(),
        }

    def events(self) -> list[tuple[float, str]]:
        """The stream's events, each with the real time at which it was complete."""
        found: list[tuple[float, str]] = []
        rest = b""
        for served in self.stream:
            *whole, rest = (rest + served.data.replace(b"\r\n", b"\n")).split(b"\n\n")
            found += [(served.real, _words(event)) for event in whole if event]
        return found

    def arrivals(self) -> Arrivals:
        """When words first came over the stream."""
        return Arrivals(self.events())


class Arrivals:
    """Looks up when a post's key first arrived."""

    def __init__(self, events: list[tuple[float, str]]) -> None:
        self._times = [real for real, _ in events]
        self._ends: list[int] = []
        pieces = []
        end = 0
        for _, text in events:
            pieces.append(readings(text))
            end += len(pieces[-1]) + 1
            self._ends.append(end)
        self.text = "\n".join(pieces)

    def first(self, words: str) -> float | None:
        """time.monotonic() of the first event with these letters; None if there was none."""
        at = self.text.find(words)
        return None if at < 0 else self._times[bisect_left(self._ends, at + 1)]


def _words(event: bytes) -> str:
    """What an event says: the strings of its JSON data, or the data as it stands."""
    lines = event.decode("utf-8", "replace").splitlines()
    data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
    try:
        return "\n".join(strings(json.loads(data)))
    except ValueError:
        return "\n".join(lines)
