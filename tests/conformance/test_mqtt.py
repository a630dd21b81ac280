"""The suite once more, with a broker between the core and the real adapter: the core cannot tell.

The process beside the adapter is a thread with a loop of its own here (`tests/adapters/test_mqtt_processes.py` has
real ones), so that the suite's look for what is left running sees the core's side alone.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from adapters.mqtt.link import RemoteAdapter
from adapters.mqtt.serving import Server
from bridge.model import (
    Absent,
    Cursor,
    Found,
    Inbound,
    Interest,
    Network,
    Opened,
    Order,
    Outcome,
    Ref,
    Unknown,
)
from bridge.ports import Adapter, Clock, Link, Platform, SessionStore
from tests.brokers import Mosquitto, mosquitto
from tests.conformance.rig import Rig, Subject
from tests.conformance.suite import LinkConformance
from tests.conformance.test_bluesky import TestBluesky as Bluesky
from tests.conformance.test_mastodon import TestMastodon as Mastodon
from tests.conformance.test_reference import InTheHall
from tests.conformance.test_slack import TestSlack as Slack
from tests.conformance.trouble import Trouble

T = TypeVar("T")


class Kept:
    """A `SessionStore` in memory."""

    def __init__(self) -> None:
        self._kept: bytes | None = None

    def load(self) -> bytes | None:
        return self._kept

    def save(self, session: bytes) -> None:
        self._kept = session


class Thread:
    """Runs something forever on a loop in a thread, until it is cancelled."""

    def __init__(self, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._doing = doing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="beside")

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._doing())
        self._begun.set()
        await asyncio.wait((self._task,))

    async def __aenter__(self) -> Thread:
        self._thread.start()
        await asyncio.to_thread(self._begun.wait)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._task is not None
        if not self._task.done():
            self._loop.call_soon_threadsafe(self._task.cancel)
        await asyncio.to_thread(self._thread.join)
        if not self._task.cancelled():
            raise AssertionError("serve ended by itself") from self._task.exception()


class Between(Subject):
    """A platform's subject, whose adapter is at the other end of a broker."""

    def platform(self) -> Platform:
        return Remote(super().platform(), self)

    here = False  # the real link must live on the stage's loop

    @asynccontextmanager
    async def rig(self, speed: float | None = None, patience: float = 2.0) -> AsyncIterator[Rig]:
        with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as broker:
            self.broker: Mosquitto = broker
            self.epoch = 0
            async with super().rig(speed, patience) as rig:
                access = rig.stage.access()
                real = super().platform()
                table = {k: v for k, v in access["table"].items() if k not in ("kind", "post")}
                adapter = real.create(
                    rig.network,
                    msgspec.convert(table, real.settings),
                    {key.lower(): value for key, value in access["secrets"].items()},
                    rig.clock,
                )
                if self.here:
                    adapter = Across(adapter, asyncio.get_running_loop())
                async with Thread(
                    lambda: Server(adapter, broker.mqtt, rig.sessions, Kept(), rig.clock).run()
                ):
                    yield rig


class Remote:
    """The real platform but for `create`: each adapter is that of a core started anew."""

    def __init__(self, real: Platform, subject: Between) -> None:
        self._real, self._subject = real, subject

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        self._subject.epoch += 1
        return RemoteAdapter(name, self._subject.broker.mqtt, "journal-1", self._subject.epoch, clock)


class Across:
    """An adapter that lives on another loop: the hall is reached without sockets."""

    def __init__(self, adapter: Adapter, loop: asyncio.AbstractEventLoop) -> None:
        self.name, self._adapter, self._loop = adapter.name, adapter, loop

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[Link]:
        manager = self._adapter.open(sessions)
        link = await self._do(manager.__aenter__())
        try:
            yield Carried(link, self._do)
        finally:
            await self._do(manager.__aexit__(None, None, None))

    async def _do(self, doing: Any) -> Any:
        async def done() -> Any:
            return await doing

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(done(), self._loop))


class Carried:
    """A link on another loop."""

    def __init__(self, link: Link, do: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
        self._link, self._do = link, do

    @property
    def opened(self) -> Opened:
        return self._link.opened

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        async for item in self._each(self._link.inbound(after)):
            yield item

    async def acknowledge(self, cursor: Cursor) -> None:
        await self._do(self._link.acknowledge(cursor))

    async def follow(self, interest: Interest) -> None:
        await self._do(self._link.follow(interest))

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        async for item in self._each(self._link.reread(refs)):
            yield item

    async def send(self, order: Order) -> Outcome:
        outcome: Outcome = await self._do(self._link.send(order))
        return outcome

    async def find(self, order: Order) -> Found | Absent | Unknown:
        found: Found | Absent | Unknown = await self._do(self._link.find(order))
        return found

    async def _each(self, items: AsyncIterator[Inbound]) -> AsyncIterator[Inbound]:
        while True:
            try:
                item: Inbound = await self._do(anext(items))
            except StopAsyncIteration:
                return
            yield item


class InTheSky(Subject):
    """Bluesky's subject, without its tests."""

    network = "bluesky"
    asks_to_wait = Bluesky.asks_to_wait
    platform = Bluesky.platform
    stage = Bluesky.stage


class TestReferenceBetween(Between, InTheHall, LinkConformance):
    """The worked example, over a broker."""

    here = True


class TestMastodonBetween(Between, Mastodon):
    """Mastodon, over a broker."""


class TestSlackBetween(Between, Slack):
    """Slack, over a broker."""


class TestBlueskyBetween(Between, InTheSky, Trouble):
    """Where something fails on Bluesky, over a broker."""
