"""Jetstream's hosts and versions: one that fails, is silent or has forgotten loses nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.bluesky.stream import Jetstream
from bridge.errors import CursorLost, Unreachable
from bridge.model import SECOND, Edited, Malformed, Micros, Removed, Written
from simulator.stage import Said
from tests.adapters.bluesky_rig import Bluesky, opened, server
from tests.conformance.rig import TAG, Rig

each_version = pytest.mark.parametrize("version", ["v1", "v2"])
each_pair = pytest.mark.parametrize("pair", [("v1", "v2"), ("v2", "v1"), ("v2", "v2")], ids="-".join)


def changes(rig: Rig, *saids: Said) -> Said:
    """The first is edited, the second removed, and something is written."""
    rig.edits(saids[0], f"{saids[0].text.split()[0]} reworded #{TAG}")
    rig.deletes(saids[1])
    return rig.says(rig.person(), "in the meantime")


# ---------------------------------------------------------------- one host


@each_version
async def test_after_half_a_minute_without_any_stream_all_is_right(version: str) -> None:
    """Nothing but the stream can tell: there is no AppView to ask."""
    async with Bluesky(jetstream=(version,), appview=False).rig() as rig, rig.core() as core:
        host = server(rig).hub.hosts[0]
        ann = rig.person()
        changed, gone = rig.says(ann, "first words"), rig.says(ann, "to go")
        for said in (changed, gone):
            await core.expect(Written, said)
        host.down = True
        new = changes(rig, changed, gone)
        await rig.clock.sleep(30)
        assert not core.whats(Written, new), "there is no stream"
        host.down = False
        await core.expect(Written, new)
        await core.expect(Removed, gone)
        assert "reworded" in (await core.expect(Edited, changed)).post.text.plain
        assert any(isinstance(error, Unreachable) for error in core.errors)


@each_version
async def test_a_connection_that_breaks_is_resumed_where_it_broke(version: str) -> None:
    async with opened(jetstream=(version,), appview=False) as (rig, stage, link):
        ann = rig.person()
        changed, gone = rig.says(ann, "first words"), rig.says(ann, "to go")
        for said in (changed, gone):
            await link.expect(Written, said)
        stage.hub.drop()
        new = changes(rig, changed, gone)
        await link.expect(Written, new)
        await link.expect(Removed, gone)
        await link.expect(Edited, changed)
        assert len(stage.hub.hosts[0].asked) == 2
        assert "cursor" in parse_qs(stage.hub.hosts[0].asked[1])


async def test_v2_is_asked_for_no_more_than_is_wanted() -> None:
    """Of all kinds it would also send `sync`."""
    async with opened(jetstream=("v2",)) as (rig, stage, link):
        await link.expect(Written, rig.says(rig.person()))
        asked = parse_qs(stage.hub.hosts[0].asked[0])
        assert asked["kinds"] == ["commit", "identity", "account"]
        assert "app.bsky.feed.post" in asked["collections"]
        assert not link.others(Malformed)


async def test_v2_says_that_a_cursor_is_too_old() -> None:
    """Then everything known is read again, from no cursor, and that much it may have forgotten."""
    async with Bluesky(jetstream=("v2",)).rig() as rig:
        ann = rig.person()
        async with rig.open() as link:
            await link.expect(Written, rig.says(ann))
            last = link.cursor
        missed = rig.says(ann, "while nobody read")
        await rig.clock.sleep(5)
        rig.strike("cursor_lost")
        async with rig.open(last) as link:
            assert isinstance(await link.failed(), CursorLost)
        rig.strike("cursor_lost")
        async with rig.open() as link:
            await link.expect(Written, missed)
            assert not link.errors
        assert rig.faults.fired["cursor_lost"] == 2


# ---------------------------------------------------------------- several


@each_pair
async def test_when_one_host_is_cut_the_next_goes_on(pair: tuple[str, str]) -> None:
    """There and back; what happened just before a cut, and just after, is told."""
    async with opened(jetstream=pair, appview=False) as (rig, stage, link):
        first, second = stage.hub.hosts
        ann = rig.person()
        changed, gone = rig.says(ann, "first words"), rig.says(ann, "to go")
        for said in (changed, gone):
            await link.expect(Written, said)
        before = rig.says(ann, "just before")
        first.down = True
        new = changes(rig, changed, gone)
        for said in (before, new):
            await link.expect(Written, said)
        await link.expect(Removed, gone)
        await link.expect(Edited, changed)
        first.down, second.down = False, True
        await link.expect(Written, rig.says(ann, "back again"))
        assert len(second.asked) == 1
        assert len(first.asked) == 2
        assert not link.errors


@each_pair
async def test_a_cursor_of_one_host_is_good_on_the_other(pair: tuple[str, str]) -> None:
    """Also after a restart."""
    async with Bluesky(jetstream=pair, appview=False).rig() as rig:
        ann = rig.person()
        async with rig.open() as link:
            await link.expect(Written, rig.says(ann))
            last = link.cursor
        server(rig).hub.hosts[0].down = True
        missed = [rig.says(ann, f"missed {n}") for n in range(3)]
        async with rig.open(last) as link:
            for said in missed:
                await link.expect(Written, said)


@each_version
async def test_a_host_that_only_pings_is_left(version: str) -> None:
    rig_of = Bluesky(jetstream=(version, "v1"), appview=False)
    async with rig_of.rig(patience=0.3) as rig, rig.open() as link:
        await link.expect(Written, rig.says(rig.person()))
        server(rig).hub.hosts[0].mute = True
        await link.expect(Written, rig.says(rig.person(), "told by another"))
        assert server(rig).hub.hosts[1].asked


class Jumping:
    """A clock that stands, but for jumps; it keeps how long was slept."""

    def __init__(self) -> None:
        self.at = SECOND
        self.slept: list[float] = []

    def now(self) -> Micros:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += int(seconds * SECOND)

    def timeout(self, seconds: float) -> float:
        return seconds


async def test_a_host_that_closes_after_a_frame_is_asked_less_and_less_often() -> None:
    """It is never given up, since what it tells arrives; a connection that holds for long makes it good."""

    async def curt(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("{}")
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/subscribe", curt)
    async with TestServer(app) as host:
        clock = Jumping()
        stream = Jetstream([f"ws://127.0.0.1:{host.port}"], clock)
        came = 0
        async with asyncio.timeout(10), aclosing(stream.frames(lambda: 0, 0)) as frames:
            async for frame in frames:
                came += frame is not None
                if came == 9 and frame is not None:
                    clock.at += 120 * SECOND
                if came == 12:
                    break
        assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2, 4]


async def test_when_no_host_answers_it_is_said_which() -> None:
    async with opened(jetstream=("v1", "v2")) as (rig, stage, link):
        await link.expect(Written, rig.says(rig.person()))
        for host in stage.hub.hosts:
            host.down = True
        error = await link.failed()
        assert isinstance(error, Unreachable)
        assert "127.0.0.1, answers 503" in str(error)
