"""A stand-in Mastodon server with our adapter on it, and servers that stand in its way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import aiohttp
from aiohttp import web

from adapters.mastodon import platform
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.stage import Stage
from tests.conformance.rig import Rig, Subject

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Mastodon(Subject):
    network: ClassVar[str] = "mastodon"
    speed: ClassVar[float] = 120.0

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options)


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """A server on a free port for as long as the block; gives its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def behind(rig: Rig, *routes: tuple[str, str, Handler], streams: bool = False) -> AsyncIterator[None]:
    """The adapter reaches the stage only through a proxy that answers these (method, path) itself. `streams`:
    the stage's websocket can be reached beside it."""
    access = rig.stage.access
    proxy = web.Application()
    for method, path, handler in routes:
        proxy.router.add_route(method, path, handler)
    proxy.router.add_route("*", "/{path:.*}", forwarded(access()["table"]["api"], streams=streams))
    async with serving(proxy) as address:
        rig.stage.access = lambda: {**access(), "table": {**access()["table"], "api": address}}  # type: ignore[method-assign]
        yield


def forwarded(api: str, *, streams: bool) -> Handler:
    """A handler that passes requests on to `api`; it speaks no websocket, and says so of the stream."""

    async def forward(request: web.Request) -> web.StreamResponse:
        if "streaming" in request.path:
            return web.json_response({"error": "Not found"}, status=404)
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, api + request.path_qs, data=body or None, headers=headers
            ) as answer,
        ):
            text = (await answer.read()).decode()
            if not streams and request.path.startswith(
                "/api/v2/instance"
            ):  # the stream is looked for here as well
                text = text.replace('"ws://', '"none://')
            kept = {k: v for k, v in answer.headers.items() if k.startswith("X-") or k == "Date"}
            return web.Response(
                text=text, status=answer.status, headers=kept, content_type="application/json"
            )

    return forward
