"""Core and adapter in two processes, a broker between them, each killed in the middle of things (SIGKILL): nothing
is lost, and nothing stands twice on the stand-in server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from bridge.clock import LAYOUT
from bridge.model import Order, Written
from simulator.stage import Said
from tests.adapters.mqtt_process import Line, whole_lines
from tests.brokers import Mosquitto, mosquitto
from tests.conformance.came import same
from tests.conformance.rig import TAG, Rig, Subject
from tests.conformance.test_mastodon import TestMastodon as Mastodon
from tests.conformance.test_slack import TestSlack as Slack

ROOT = Path(__file__).parents[2]
SPEED = 30.0
Role = Literal["core", "beside"]


class Two:
    """The two processes, and what the people and the hosts do meanwhile."""

    def __init__(self, rig: Rig, broker: Mosquitto, folder: Path) -> None:
        self.rig, self.broker, self.folder = rig, broker, folder
        self.orders: list[Order] = []
        self.saids: list[Said] = []
        self._people = [rig.person() for _ in range(3)]
        self._running: dict[Role, subprocess.Popen[bytes]] = {}
        real, chat, speed = rig.time._base()
        (folder / "clock").write_bytes(LAYOUT.pack(0, real, chat, speed, 0))
        access = rig.stage.access()
        given = {
            "kind": rig.network,
            "network": rig.network,
            "mqtt": broker.url,
            "tags": [TAG.casefold()],
            "since": rig.since,
            "table": {key: value for key, value in access["table"].items() if key not in ("kind", "post")},
            "secrets": {key.lower(): value for key, value in access["secrets"].items()},
        }
        (folder / "given.json").write_text(json.dumps(given))
        (folder / "orders").touch()

    def start(self, *roles: Role) -> None:
        for role in roles:
            arguments = [sys.executable, "-m", "tests.adapters.mqtt_process", role, str(self.folder)]
            with (self.folder / f"{role}.err").open("ab") as errors:
                self._running[role] = subprocess.Popen(arguments, cwd=ROOT, stderr=errors)

    def kill(self, *roles: Role) -> None:
        for role in roles:
            process = self._running.pop(role)
            assert process.poll() is None, (self.folder / f"{role}.err").read_text()
            process.kill()
            process.wait()

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def asks(self) -> Order:
        """A question for the core to send."""
        order = self.rig.publish(f"Q{len(self.orders)}: still there?")
        self.orders.append(order)
        with (self.folder / "orders").open("ab") as file:
            file.write(msgspec.json.encode(order) + b"\n")
        return order

    def say(self, number: int) -> None:
        for n in range(number):
            self.saids.append(self.rig.says(self._people[n % 3], f"A{n}"))

    def lines(self) -> list[Line]:
        """What the core's journal holds."""
        return [msgspec.json.decode(line, type=Line) for line in whole_lines(self.folder / "journal")]

    def read(self) -> int:
        """How many of the people's words the core has."""
        refs = [w.post.ref for line in self.lines() if line.item and isinstance(w := line.item.what, Written)]
        return sum(any(same(ref, said) for ref in refs) for said in self.saids)

    def sent(self) -> int:
        return len({line.sent for line in self.lines() if line.sent})

    async def until(self, met: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(40):
                while not met():  # noqa: ASYNC110 - a process sends no word
                    await asyncio.sleep(0.05)
        except TimeoutError:
            logs = "\n".join(f"{f.name}:\n{f.read_text()[-3000:]}" for f in self.folder.glob("*.[le]*[gr]"))
            raise AssertionError(self.rig.story(what) + "\n" + logs) from None

    async def caught_in_the_act(self, times: int) -> None:
        """A post was made, its answer is slow, and people go on writing."""
        self.rig.strike("slow")
        await self.posted(self.asks())
        self.say(30)
        assert self.rig.faults.fired["slow"] == times

    async def posted(self, order: Order) -> None:
        """A post is made, and its answer is still to come."""
        await self.until(lambda: self.rig.copies(order), "a post")
        assert self.sent() < len(self.orders)

    async def all_is_well(self) -> None:
        await self.until(lambda: self.read() == len(self.saids), "every word of the people's at the core")
        await self.until(lambda: self.sent() == len(self.orders), "every order sent")
        for order in self.orders:
            self.rig.copy(order)


@asynccontextmanager
async def two(subject: Subject, folder: Path) -> AsyncIterator[Two]:
    with mosquitto(folder / "broker") as broker:
        async with subject.rig(speed=SPEED) as rig:
            both = Two(rig, broker, folder)
            both.start("beside", "core")
            try:
                both.say(3)
                await both.until(lambda: both.read() == 3, "the first words at the core")
                yield both
            finally:
                both.end()


@pytest.fixture(params=[Mastodon, Slack])
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = request.param()
    return made


async def test_the_process_beside_the_adapter_is_killed(subject: Subject, tmp_path: Path) -> None:
    """While it reads, and after a post was made and before the core hears of it."""
    async with two(subject, tmp_path) as both:
        for n in range(2):
            await both.caught_in_the_act(n + 1)
            both.kill("beside")
            both.say(30)
            both.start("beside")
            await both.all_is_well()


async def test_the_broker_is_killed(subject: Subject, tmp_path: Path) -> None:
    """While both speak, and while an order is out."""
    async with two(subject, tmp_path) as both:
        for n in range(2):
            await both.caught_in_the_act(n + 1)
            both.broker.kill()
            both.say(30)
            both.asks()
            both.broker.start()
            await both.all_is_well()


async def test_the_core_is_killed(subject: Subject, tmp_path: Path) -> None:
    async with two(subject, tmp_path) as both:
        for n in range(2):
            await both.caught_in_the_act(n + 1)
            both.kill("core")
            both.say(30)
            both.start("core")
            await both.all_is_well()


async def test_all_three_are_killed_at_once(subject: Subject, tmp_path: Path) -> None:
    async with two(subject, tmp_path) as both:
        both.rig.strike("slow")
        await both.posted(both.asks())
        both.asks()
        both.say(30)
        both.kill("core", "beside")
        both.broker.kill()
        both.say(30)
        both.asks()
        both.start("core", "beside")
        both.broker.start()
        await both.all_is_well()
