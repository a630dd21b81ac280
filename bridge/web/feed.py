"""Carries committed changes to the open pages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Hashable, Iterable
from typing import Any, TypeAlias

from bridge.model import SECOND
from bridge.ports import Clock
from bridge.report import render
from bridge.web.log import Log
from bridge.web.shown import Shown

logger = logging.getLogger(__name__)

Event: TypeAlias = tuple[str, Hashable, Any]  # name, what it is about, data

COUNTS_EVERY = 2.0  # seconds between two looks at the figures while answers pour in
PER_READER = 0.00005  # seconds a reader costs; so long changes are gathered, up to:
GATHERED = 0.1


class PageFeed:
    """`bridge.ports.Feed` for the page. `changed` only notes what changed, so that it never waits; `run`
    looks it up, renders it once and puts it in the log."""

    def __init__(self, shown: Shown, clock: Clock, heartbeat: float) -> None:
        # Numbers go on growing over restarts, so that no reader takes a new event for one it has.
        self.log = Log(time.time_ns() // 1000)
        self.readers = 0
        self.closing = False
        self.revision = 0  # raised at each change: what was rendered before is out of date
        self._shown = shown
        self._clock = clock
        self._heartbeat = heartbeat
        self._entries: dict[str, set[int]] = {}
        self._sheets: set[str] = set()
        self._stale: set[str] = set()  # chats whose figures may have moved
        self._told: dict[str, dict[str, Any]] = {}
        self._wake = asyncio.Event()
        self._counting = asyncio.Event()
        self._waiting = asyncio.Event()

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        """Note that these entries of a chat (or, if empty, its run sheet) are different now. To be called on
        the event loop's thread."""
        numbers = set(entries)
        for no in numbers:
            self._shown.delay.noticed(chat, no)
        if numbers:
            self._entries.setdefault(chat, set()).update(numbers)
            self._stale.add(chat)
            self._counting.set()
        else:
            self._sheets.add(chat)
        self.revision += 1
        self._wake.set()

    def rendered(self) -> None:
        """A page was rendered: whatever that found gone or still waiting is seen to."""
        if self._shown.taken:
            self._wake.set()
        if self._shown.delay.waiting:
            self._waiting.set()

    def close(self) -> None:
        """Let every reader go."""
        self.closing = True
        self.log.wake()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._count())
            group.create_task(self._release())
            group.create_task(self._beat())

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            events = self._events()
            if events:
                self.log.append(events)
            self.rendered()
            await asyncio.sleep(min(GATHERED, self.readers * PER_READER))

    async def _count(self) -> None:
        while True:
            await self._counting.wait()
            await asyncio.sleep(COUNTS_EVERY)
            self._counting.clear()
            self._sheets |= self._stale
            self._stale.clear()
            self._wake.set()

    async def _release(self) -> None:
        """Show what has stood long enough."""
        waiting = self._shown.delay.waiting
        while True:
            while waiting:
                chat, no = next(iter(waiting))
                left = waiting[chat, no] - self._clock.now()
                if left > 0:
                    await self._clock.sleep(left / SECOND)
                    continue
                del waiting[chat, no]
                self.changed(chat, (no,))
            self._waiting.clear()
            await self._waiting.wait()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            self.log.wake()

    def _events(self) -> list[Event]:
        entries, self._entries = self._entries, {}
        sheets, self._sheets = self._sheets, set()
        events: list[Event] = []
        for chat in sorted((entries.keys() | sheets) & self._shown.chats()):
            try:
                if chat in sheets:
                    events += self._sheet(chat)
                events += [event for no in sorted(entries.get(chat, ())) for event in self._entry(chat, no)]
            except Exception:  # one chat that cannot be shown must not silence the others
                logger.exception("The page could not show what changed in the chat %r", chat)
        gone = sorted(self._shown.taken)
        self._shown.taken.clear()
        return events + [("gone", key, {"chat": key[0], "no": key[1]}) for key in gone]

    def _sheet(self, chat: str) -> list[Event]:
        pieces = render.pieces(self._shown.view(chat))
        if self._told.get(chat) == pieces:
            return []
        self._told[chat] = pieces
        return [("sheet", (chat, None), {"chat": chat, **pieces})]

    def _entry(self, chat: str, no: int) -> list[Event]:
        found = self._shown.give(chat, no)
        if found is None:
            return []
        given, after = found
        data = {"chat": chat, "no": no, "html": given.html, "question": given.section, "after": after}
        return [("entry", (chat, no), data)]
