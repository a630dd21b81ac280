"""What watches over a bridge asks it: `/healthz`, whether the process answers; `/readyz`, whether every network is
there, and if not which one and since when; `/metrics`, the figures.

None of it is for readers of the page. It is served beside the page, or, with `[web] metrics`, at an address of its
own; a proxy in front of the page need not let it through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web

from bridge.model import Health
from bridge.report.layout import iso

Figures = Callable[[], tuple[bytes, str]]  # what /metrics answers, and its media type


def watching(health: Callable[[], Iterable[Health]], figures: Figures | None = None) -> list[web.RouteDef]:
    """The routes. `health` tells of every network; without `figures` there is no `/metrics`."""

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        missing = [each for each in health() if each.state != "ready"]
        lines = ["not ready" if missing else "ready", *map(_line, missing)]
        return web.Response(text="\n".join(lines) + "\n", status=503 if missing else 200)

    async def metrics(request: web.Request) -> web.Response:
        assert figures is not None
        body, kind = figures()
        return web.Response(body=body, headers={"Content-Type": kind})

    routes = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
    return routes if figures is None else [*routes, web.get("/metrics", metrics)]


def watched(routes: Iterable[web.RouteDef]) -> web.Application:
    """An application of these routes alone."""
    app = web.Application()
    app.add_routes(routes)
    app.on_response_prepare.append(_unkept)
    return app


async def _unkept(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _line(missing: Health) -> str:
    """ "Bluesky: down since 2026-03-20T20:12:00Z: the server does not answer"."""
    why = f": {' '.join(missing.why.split())}" if missing.why else ""
    return f"{missing.title}: {missing.state} since {iso(missing.since)}{why}"
