"""One half of a link as a process, to be killed: `python -m tests.adapters.mqtt_process core|beside FOLDER`.

The core here is as small as a core can be: a journal of lines in which everything stands before anything is done
about it. What it holds after the last line was written is all it knows when it starts again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from adapters.mqtt.link import RemoteAdapter
from adapters.mqtt.serving import Server
from bridge.clock import SharedClock
from bridge.errors import CursorLost, LinkError
from bridge.model import (
    Absent,
    Cursor,
    Found,
    Inbound,
    Interest,
    Order,
    Ref,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
    Written,
)
from bridge.ports import Link
from bridge.sessions import FileSessions
from tests.brokers import Mqtt

log = logging.getLogger(__name__)

decode_order = msgspec.json.Decoder(Order).decode


class Line(msgspec.Struct, omit_defaults=True):
    """A line of the journal: an item, or what became of an order."""

    item: Inbound | None = None
    flying: int = 0
    sent: int = 0
    ref: Ref | None = None


def whole_lines(journal: Path) -> list[bytes]:
    """Those of a journal; a last one that is still being written, or was cut short by a kill, is none."""
    found = journal.read_bytes() if journal.exists() else b""
    return [line for line in found.splitlines(keepends=True) if line.endswith(b"\n")]


class Core:
    def __init__(self, folder: Path, given: dict[str, Any], clock: SharedClock) -> None:
        self._folder, self._given, self._clock = folder, given, clock
        journal = folder / "journal"
        self.cursor: Cursor | None = None
        self._flying: set[int] = set()
        self._sent: set[int] = set()
        self._threads: dict[Ref, None] = {}
        self._journal = journal.open("ab", buffering=0)
        whole = whole_lines(journal)
        self._journal.truncate(sum(map(len, whole)))
        for line in whole:
            self._take(msgspec.json.decode(line, type=Line))
        epoch = folder / "epoch"
        self._epoch = int(epoch.read_text()) + 1 if epoch.exists() else 1
        epoch.write_text(str(self._epoch))

    def _write(self, line: Line) -> None:
        self._journal.write(msgspec.json.encode(line) + b"\n")
        self._take(line)

    def _take(self, line: Line) -> None:
        if line.item is not None:
            self.cursor = line.item.cursor or self.cursor
            if isinstance(line.item.what, Written):
                self._threads[line.item.what.post.ref] = None
        elif line.sent:
            self._sent.add(line.sent)
        else:
            self._flying.add(line.flying)

    async def run(self) -> None:
        mqtt = Mqtt(self._given["mqtt"])
        adapter = RemoteAdapter(self._given["network"], mqtt, "journal-1", self._epoch, self._clock)
        while True:
            try:
                async with adapter.open(FileSessions(self._folder / "unused")) as link:
                    await link.follow(Interest(tuple(self._given["tags"]), (), self._given["since"]))
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._read(link))
                        group.create_task(self._send(link))
                        if self._threads:
                            group.create_task(self._reread(link))
            except* LinkError as error:
                log.info("%s", error.exceptions[0])
                if error.subgroup(CursorLost):
                    self.cursor = None
            await self._clock.sleep(2)

    async def _read(self, link: Link) -> None:
        async for item in link.inbound(self.cursor):
            self._write(Line(item))
            if item.cursor is not None:
                await link.acknowledge(item.cursor)

    async def _reread(self, link: Link) -> None:
        async for item in link.reread(tuple(self._threads)):
            self._write(Line(Inbound(item.network, item.what)))

    async def _send(self, link: Link) -> None:
        while True:
            for line in (self._folder / "orders").read_bytes().splitlines():
                order = decode_order(line)
                while order.stamp not in self._sent:
                    await self._deliver(link, order)
            await asyncio.sleep(0.02)

    async def _deliver(self, link: Link, order: Order) -> None:
        """One step of what the outbox does."""
        able = link.opened.capabilities
        answer: object
        if order.stamp in self._flying and able.resend == "look_first":
            await self._clock.sleep(able.settle)
            answer = await link.find(order)
            if isinstance(answer, Absent):
                self._flying.discard(order.stamp)
        else:
            self._write(Line(flying=order.stamp))
            answer = await link.send(order)
        log.info("order %s: %s", order.stamp, answer)
        match answer:
            case Sent(ref) | Found((Sent(ref), *_)):
                self._write(Line(sent=order.stamp, ref=ref))
            case RetryLater(after):
                self._flying.discard(order.stamp)
                await self._clock.sleep(after)
            case Unclear() | Unknown() | Absent():
                pass
            case _:
                raise AssertionError(answer)


async def beside(folder: Path, given: dict[str, Any], clock: SharedClock) -> None:
    platform = import_module(f"adapters.{given['kind']}").platform
    settings = msgspec.convert(given["table"], platform.settings)
    adapter = platform.create(given["network"], settings, given["secrets"], clock)
    sessions, memory = FileSessions(folder / "login.json"), FileSessions(folder / "login.mqtt.json")
    await Server(adapter, Mqtt(given["mqtt"]), sessions, memory, clock).run()


def main() -> None:
    role, folder = sys.argv[1], Path(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", filename=folder / f"{role}.log")
    given, clock = json.loads((folder / "given.json").read_text()), SharedClock(folder / "clock")
    with suppress(KeyboardInterrupt):
        asyncio.run(Core(folder, given, clock).run() if role == "core" else beside(folder, given, clock))


if __name__ == "__main__":
    main()
