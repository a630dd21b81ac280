"""A running page over real sockets, and a reader of its event stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
import msgspec
from aiohttp import web
from selectolax.lexbor import LexborHTMLParser

from bridge.chat.view import ChatView, EntryView
from bridge.ports import Clock, Feed
from bridge.web import Views, make_app
from simulator.clock import Clock as FastClock
from tests.unit import chats

CHAT = chats.busy().id


@dataclass
class Settings:
    delay_seconds: float = 0
    pictures: bool = False


class Book:
    """A core reduced to its views: what is in it is what the page's audience may see."""

    def __init__(self, *views: ChatView) -> None:
        self.views = {view.id: view for view in views}

    def chats(self) -> tuple[str, ...]:
        return tuple(self.views)

    def view(self, chat: str, audience: Literal["hosts", "page"]) -> ChatView:
        assert audience == "page"
        return self.views[chat]

    def entry(self, chat: str, no: int, audience: Literal["hosts", "page"]) -> EntryView | None:
        assert audience == "page"
        return next((e for e in self.views[chat].entries if e.no == no), None)

    def put(self, entry: EntryView, chat: str = CHAT) -> None:
        view = self.views[chat]
        kept = [e for e in view.entries if e.no != entry.no]
        entries = tuple(sorted([*kept, entry], key=lambda e: e.no))
        self.views[chat] = msgspec.structs.replace(view, entries=entries)

    def drop(self, no: int, chat: str = CHAT) -> None:
        view = self.views[chat]
        entries = tuple(e for e in view.entries if e.no != no)
        self.views[chat] = msgspec.structs.replace(view, entries=entries)


@dataclass
class Said:
    """A Server-Sent Event as it came."""

    id: int = 0
    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass
class Site:
    """A running page."""

    book: Book
    feed: Feed
    url: str
    port: int
    http: aiohttp.ClientSession
    runner: web.AppRunner

    async def get(self, path: str = "/", **more: Any) -> str:
        async with self.http.get(self.url + path, **more) as answer:
            assert answer.status == 200, answer.status
            return await answer.text()

    async def position(self) -> str:
        """The event a page loaded now goes on from."""
        body = LexborHTMLParser(await self.get()).css_first("body")
        assert body is not None
        return str(body.attributes["data-event"])

    @asynccontextmanager
    async def stream(
        self, after: str | int | None = None, **headers: str
    ) -> AsyncIterator[AsyncIterator[Said]]:
        query = {} if after is None else {"after": str(after)}
        async with self.http.get(self.url + "/events", params=query, headers=headers) as answer:
            assert answer.content_type == "text/event-stream"
            yield self._events(answer)

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[Said]:
        said = Said()
        async for raw in answer.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "id":
                said.id = int(value)
            elif name == "event":
                said.event = value
            elif name == "data":
                said.data = json.loads(value)
            elif not name and not value:
                if said.event:
                    yield said
                said = Said()
            else:
                yield Said(event=name or "comment")


async def following(stream: AsyncIterator[Said], *kinds: str) -> Said:
    """The next event of these kinds."""
    async with asyncio.timeout(10):
        async for said in stream:
            if said.event in kinds:
                return said
    raise AssertionError(f"the stream ended without {kinds}")


@asynccontextmanager
async def running(
    *views: ChatView,
    book: Book | None = None,
    settings: Settings | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[Site]:
    book = book or Book(*views)
    checked: Views = book
    app, feed = make_app(checked, settings or Settings(), clock or FastClock(), **more)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(app, shutdown_timeout=2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield Site(book, feed, f"http://127.0.0.1:{port}", port, http, runner)
