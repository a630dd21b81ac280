"""Listening at an address; and `chatbridge serve`, the page alone, over a journal that it only reads.

Whoever writes on that journal is followed: a look each second, and what is new is decided here as it was there. If
words were taken out of the journal, everything is read anew, so that none of them stays in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bridge.chat.session import Session
from bridge.chat.view import ChatView, EntryView
from bridge.config import Web
from bridge.ports import Clock, Feed
from bridge.storage import mark, recorded
from bridge.web import make_app, watched, watching

log = logging.getLogger(__name__)

LOOK = 1.0  # real seconds between two looks at the journal


class _Unnamed(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp logs of a request, without its sender's address. One that is no HTTP is no fault of ours: neither
    a traceback, nor what was in it."""

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        error = more.get("exc_info")
        if isinstance(error, HttpProcessingError):
            self.logger.debug("a request was no HTTP: %s", type(error).__name__)
        else:
            self.logger.log(level, "a request failed" if args else msg, **more)


@asynccontextmanager
async def served(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve an application; gives its address. `port` 0: any that is free. Raises OSError if it is taken."""
    runner = web.AppRunner(app, access_log=None, logger=_Unnamed(log), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
        where, number = runner.addresses[0][:2]
        yield f"http://{f'[{where}]' if ':' in where else where}:{number}/"
    finally:
        await runner.cleanup()


class Reading:
    """A community as its journal has it: `bridge.web.Views`, kept up to date by `follow`.

    Raises JournalError when made if the journal cannot be read.
    """

    def __init__(self, journal: Path, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self.session, self._last, self._redacted = _read(journal)

    def chats(self) -> tuple[str, ...]:
        return tuple(self.session.state.chats)

    def view(self, chat: str, audience: Literal["hosts", "page"]) -> ChatView:
        return self.session.view(chat, audience, self._clock.now())

    def entry(self, chat: str, no: int, audience: Literal["hosts", "page"]) -> EntryView | None:
        return self.session.entry(chat, no, audience)

    async def follow(self, feed: Feed) -> None:
        """Tell `feed` what changes, until cancelled. Raises JournalError if the journal cannot be read any more."""
        while True:
            await asyncio.sleep(LOOK)
            last, redacted = await asyncio.to_thread(mark, self._journal)
            if redacted != self._redacted or last < self._last:
                before = self.session
                self.session, self._last, self._redacted = await asyncio.to_thread(_read, self._journal)
                _tell(feed, _everything(before))
                _tell(feed, _everything(self.session))
            elif last > self._last:
                for event in await asyncio.to_thread(lambda: list(recorded(self._journal, self._last))):
                    changes = self.session.decide(event)
                    _tell(feed, {chat: set[int]() for chat in changes.sheet} | changes.changed)
                    self._last = event.seq


def _read(journal: Path) -> tuple[Session, int, int]:
    """The community as it is, the number of the last event in it, and how often words had been taken out before."""
    _, redacted = mark(journal)
    session, last = Session(), 0
    for event in recorded(journal):
        session.decide(event)
        last = event.seq
    return session, last, redacted


def _everything(session: Session) -> dict[str, set[int]]:
    """Every entry of every chat."""
    return {chat.id: set(chat.timeline.entries) for chat in session.state.chats.values()}


def _tell(feed: Feed, changed: dict[str, set[int]]) -> None:
    for chat, numbers in changed.items():
        if numbers:
            feed.changed(chat, sorted(numbers))
        feed.changed(chat, ())


async def serve(
    journal: Path, listen: Web, clock: Clock, stop: asyncio.Event, said: Callable[[str], None]
) -> None:
    """The page over a journal, until `stop` is set; `said` is told where. Raises JournalError, OSError."""
    reading = await asyncio.to_thread(Reading, journal, clock)
    routes = watching(lambda: ())
    page, feed = make_app(reading, listen, clock, routes=() if listen.watched else routes)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(served(page, listen.host, listen.port))
        if listen.watched is not None:
            await stack.enter_async_context(served(watched(routes), *listen.watched))
        async with asyncio.TaskGroup() as group:
            following = group.create_task(reading.follow(feed), name="follow")
            said(address)
            await stop.wait()
            following.cancel()
