"""The web application: the page, its event stream, the view as JSON."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web

from bridge.ports import Clock, Feed
from bridge.report import render
from bridge.web.feed import PageFeed
from bridge.web.shown import Shown
from bridge.web.views import Settings, Views

STATIC = Path(__file__).parent / "static"
FILES = {"chat.css": render.STYLE, "live.js": STATIC / "live.js", "icon.svg": STATIC / "icon.svg"}
READERS = 5000  # event streams at once; beyond that a page still loads, and says so
FRESH = 1.0  # seconds a page is handed out again while nothing changes
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def policy(pictures: bool) -> str:
    """What the page may load: our own style and script and, if pictures are on, pictures."""
    images = "'self' https:" if pictures else "'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {images}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def make_app(
    views: Views,
    settings: Settings,
    clock: Clock,
    *,
    routes: Iterable[web.RouteDef] = (),
    patience: float = 20.0,
    heartbeat: float = 15.0,
) -> tuple[web.Application, Feed]:
    """The page over `views`, and the feed that keeps open pages up to date.

    `clock` is chat time; `routes`: what else is served here. Real seconds: `patience` is how long one write to
    a reader may take before they are let go (and come back by themselves), `heartbeat` how often a quiet stream
    shows that it lives.
    """
    site = Site(views, settings, clock, patience=patience, heartbeat=heartbeat)
    app = web.Application()
    app.add_routes(
        [
            web.get("/", site.home),
            web.get("/chats/{chat}", site.chat),
            web.get("/events", site.events, allow_head=False),
            web.get("/api/chats/{chat}.json", site.api),
            web.get("/robots.txt", site.robots),
            web.get("/static/{name}", site.static),
            *routes,
        ]
    )
    app.on_response_prepare.append(site.protect)
    app.on_shutdown.append(site.close)
    app.cleanup_ctx.append(site.living)
    return app, site.feed


class Site:
    """The handlers."""

    def __init__(
        self,
        views: Views,
        settings: Settings,
        clock: Clock,
        *,
        patience: float,
        heartbeat: float,
    ) -> None:
        self.shown = Shown(views, settings, clock)
        self.feed = PageFeed(self.shown, clock, heartbeat)
        self._patience = patience
        self._policy = policy(settings.pictures)
        self._pages: dict[str, tuple[int, float, bytes]] = {}

    async def living(self, app: web.Application) -> AsyncIterator[None]:
        """The feed runs while the application does."""
        running = asyncio.create_task(self.feed.run())  # not a TaskGroup: start and end may be in two tasks
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def close(self, app: web.Application) -> None:
        """Streams end, so that the server need not wait for them."""
        self.feed.close()

    async def protect(self, request: web.Request, response: web.StreamResponse) -> None:
        """On every answer, errors too."""
        response.headers.update(SECURITY)
        response.headers["Content-Security-Policy"] = self._policy
        response.headers.setdefault("Cache-Control", "no-store")

    async def home(self, request: web.Request) -> web.Response:
        """The chat that is on, or the nearest."""
        chat = self.shown.current()
        if chat is None:
            return web.Response(text=render.empty(), content_type="text/html")
        return self._page(request, chat)

    async def chat(self, request: web.Request) -> web.Response:
        """One chat."""
        return self._page(request, request.match_info["chat"])

    async def api(self, request: web.Request) -> web.Response:
        """What the page shows, for machines."""
        try:
            view = self.shown.view(request.match_info["chat"])
        except KeyError:
            raise web.HTTPNotFound(text="There is no such chat.") from None
        self.feed.rendered()
        return web.Response(body=msgspec.json.encode(view), content_type="application/json")

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Changes as Server-Sent Events, after the reader's last one if the log still has it."""
        if self.feed.readers >= READERS:
            raise web.HTTPServiceUnavailable(text="Too many open pages.", headers={"Retry-After": "30"})
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        self.feed.readers += 1
        try:
            await self._follow(response, _position(request))
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionResetError:
            pass  # gone, as readers do
        finally:
            self.feed.readers -= 1
        return response

    async def robots(self, request: web.Request) -> web.Response:
        """Nothing here is for search engines."""
        return web.Response(text="User-agent: *\nDisallow: /\n")

    async def static(self, request: web.Request) -> web.FileResponse:
        """Our own files, and only those."""
        file = FILES.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    def _page(self, request: web.Request, chat: str) -> web.Response:
        revision, made, body = self._pages.get(chat, (-1, 0.0, b""))
        if revision != self.feed.revision or time.monotonic() - made > FRESH:
            try:
                html = self.shown.page(chat, self.feed.log.head)
            except KeyError:
                raise web.HTTPNotFound(text="There is no such chat.") from None
            self.feed.rendered()
            body = gzip.compress(html.encode(), 5)
            self._pages[chat] = (self.feed.revision, time.monotonic(), body)
        headers = {"Vary": "Accept-Encoding", "Content-Type": "text/html; charset=utf-8"}
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=gzip.decompress(body), headers=headers)
        return web.Response(body=body, headers=headers | {"Content-Encoding": "gzip"})

    async def _follow(self, response: web.StreamResponse, position: int | None) -> None:
        log = self.feed.log
        # Spread over some seconds, so that a thousand pages do not come back at once.
        await response.write(b"retry: %d\n\n" % (1000 + 40 * self.feed.readers % 4000))
        position = log.head if position is None else position
        while not self.feed.closing:
            turn = log.turn
            step = log.since(position)
            if step is None:
                position = log.head
                news = b"id: %d\nevent: reset\ndata: {}\n\n" % position
            else:
                news, position = step
            async with asyncio.timeout(self._patience):
                await response.write(news or b": still here\n\n")
            if position == log.head:
                await turn.wait()


def _position(request: web.Request) -> int | None:
    """Where the reader is: what it says after a lost connection, else what stood on its page."""
    said = request.headers.get("Last-Event-ID") or request.query.get("after")
    if said is None:
        return None
    with suppress(ValueError):
        return int(said)
    return -1  # not one of ours: start over
