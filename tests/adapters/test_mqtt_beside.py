"""How the half beside an adapter says that it is: to a container's health check, and to who directs a rehearsal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.mqtt.broker import beside
from adapters.mqtt.serving import Server
from bridge.errors import NeedsLogin, Unreachable
from bridge.ports import Standing
from simulator.clock import Clock
from tests.adapters.mqtt_rig import Kept, Split, Town, order, split, until
from tests.brokers import Mosquitto


@asynccontextmanager
async def served(broker: Mosquitto, town: Town) -> AsyncIterator[tuple[Split, Server, list[Standing]]]:
    """A server that has not begun, and everything that was noticed of it."""
    async with split(broker, town, beside=False) as both:
        server = Server(town, broker.mqtt, Kept(), Kept(), both.clock)
        seen = [server.standing]
        server.noticed = lambda: seen.append(server.standing)
        yield both, server, seen


async def test_it_is_ready_when_nobody_has_to_wait_for_it(broker: Mosquitto) -> None:
    async with served(broker, Town()) as (both, server, seen):
        assert "No connection to the broker" in seen[0].broker
        assert not seen[0].ready
        async with beside(server.run()):
            await until(lambda: server.standing == Standing())
            async with both.link() as link:
                await until(lambda: server.standing == Standing(link="ready", handle="@us"))
                both.town.open_gate.clear()
                sending = asyncio.create_task(link.send(order(1)))
                await both.town.arrived.wait()
                assert server.standing.busy, "an order is being sent"
                both.town.open_gate.set()
                await sending
                await until(lambda: not server.standing.busy)
            await until(lambda: server.standing == Standing())
        assert [now.link for now in seen if not now.broker] == ["unasked", "ready", "unasked"]


async def test_a_broker_that_goes_is_missed_and_one_that_comes_is_used(broker: Mosquitto) -> None:
    """Also one that is away at the start."""
    broker.kill()
    async with served(broker, Town()) as (_, server, seen):
        async with beside(server.run()):
            for _ in range(2):
                await until(lambda: f"broker at 127.0.0.1:{broker.port}: " in server.standing.broker)
                assert server.standing.busy
                broker.start()
                await until(lambda: server.standing.ready)
                broker.kill()
        assert len(seen) > 4


@pytest.mark.parametrize(
    ("error", "link"), [(NeedsLogin("a new token, please"), "refused"), (Unreachable("it is night"), "down")]
)
async def test_a_link_that_cannot_be_opened_is_its_trouble(
    broker: Mosquitto, error: NeedsLogin | Unreachable, link: str
) -> None:
    town = Town()
    town.refuses = error
    async with served(broker, town) as (both, server, _), beside(server.run()):
        with pytest.raises(type(error)):
            await both.adapter().open(Kept()).__aenter__()
        assert (server.standing.link, server.standing.why) == (link, str(error))
        assert not server.standing.ready
        town.refuses = None
        async with both.link():
            assert server.standing.ready


async def test_it_ends_in_time_though_nothing_comes_to_an_end(broker: Mosquitto) -> None:
    """An order that hangs is given up before whoever ends us loses patience, and the core does not know of it."""
    async with split(broker, speed=1.0) as both, both.link() as link:
        both.town.open_gate.clear()
        sending = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        began = time.monotonic()
        await both.stop()
        assert 6 < time.monotonic() - began < 9
        assert "stopped" in str(await sending)


async def test_it_ends_at_once_when_the_broker_is_away(broker: Mosquitto) -> None:
    broker.kill()
    server = Server(Town(), broker.mqtt, Kept(), Kept(), Clock(speed=1.0))
    running = asyncio.create_task(server.run())
    await until(lambda: "No connection to the broker" in server.standing.broker and server.standing.busy)
    began = time.monotonic()
    running.cancel()
    await asyncio.wait((running,))
    assert running.cancelled()
    assert time.monotonic() - began < 2
