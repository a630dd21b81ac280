"""How the link opens, asks and closes; what every link does is in tests/conformance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from adapters.mastodon import platform
from adapters.mastodon.rest import LostError, NotSentError, Rest
from bridge.errors import NeedsLogin, Unreachable
from simulator.clock import Clock
from tests.adapters.mastodon_rig import Mastodon, server, serving
from tests.conformance.rig import BridgeClock, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Mastodon().rig() as rig:
        yield rig


# ---------------------------------------------------------------- opening


async def test_it_learns_who_and_how_much(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        opened = link.opened
    assert (opened.account, opened.handle) == ("acct:chat@mastodon.example", "@chat@mastodon.example")
    assert opened.url == "https://mastodon.example/@chat"
    assert (opened.capabilities.limits.graphemes, opened.capabilities.limits.url) == (500, 23)
    assert (opened.capabilities.resend, opened.capabilities.key_lasts) == ("same_key", 3600)
    assert abs(opened.skew) < 60


async def test_a_token_without_the_scope_is_for_a_person_to_mend(rig: Rig) -> None:
    server(rig).scopes = "read"
    async with rig.open() as link:
        with pytest.raises(NeedsLogin, match="scopes read and write"):
            await link.send(rig.publish("Q1"))


async def test_without_a_token_nothing_is_asked(rig: Rig) -> None:
    table = rig.stage.access()["table"]
    adapter = platform.create("mastodon", msgspec.convert(table, platform.settings), {}, rig.clock)
    with pytest.raises(NeedsLogin, match="MASTODON_TOKEN"):
        async with adapter.open(rig.sessions):
            pass
    assert server(rig).budgets.token.used == 0


async def test_a_server_that_is_no_mastodon() -> None:
    app = web.Application()
    app.router.add_get("/{anything:.*}", _hello)
    async with serving(app) as address:
        settings = msgspec.convert({"server": "https://m.example", "api": address}, platform.settings)
        adapter = platform.create("m", settings, {"token": "t"}, BridgeClock(Clock(), 2.0))
        with pytest.raises(Unreachable, match="does not answer like Mastodon"):
            async with adapter.open(None):  # type: ignore[arg-type]
                pass


# ---------------------------------------------------------------- requests


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    async with serving(web.Application()) as address:
        pass
    rest = Rest(address, "t", Clock())
    with pytest.raises(NotSentError):
        await rest.ask("status_post", "tea")
    rest.close()


async def test_an_answer_that_breaks_off_is_lost() -> None:
    async def abort(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_post("/api/v1/statuses", abort)
    async with serving(app) as address:
        rest = Rest(address, "t", Clock())
        with pytest.raises(LostError):
            await rest.ask("status_post", "tea")
        rest.close()


async def test_closing_frees_a_thread_that_waits_for_an_answer() -> None:
    asked = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", never)
    async with serving(app) as address:
        others = _requesting()
        rest = Rest(address, "t", Clock())
        threads = _requesting() - others
        asking = asyncio.create_task(rest.ask("instance_v2"))
        await asked.wait()
        rest.close()
        async with asyncio.timeout(3):
            with pytest.raises(LostError):
                await asking
            for thread in threads:
                await asyncio.to_thread(thread.join, 3)
        assert not any(thread.is_alive() for thread in threads)
        with pytest.raises(NotSentError):
            await rest.ask("instance_v2")


async def test_no_error_tells_the_token(rig: Rig) -> None:
    """The rig listens to every log record and every error; here it is shown to hear."""
    rig.ears.hear(f"Bearer {server(rig).token}", "a made-up log")
    assert rig.ears.leaks
    rig.ears.leaks.clear()
    assert server(rig).token not in repr(rig.adapter())


# ---------------------------------------------------------------- helpers


def _requesting() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("mastodon ")}


async def _hello(request: web.Request) -> web.Response:
    return web.Response(text="<h1>Hello</h1>", content_type="text/html", status=404)
