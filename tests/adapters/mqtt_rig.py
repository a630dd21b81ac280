"""A small town whose adapter runs at the other end of a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from adapters.mqtt.link import RemoteAdapter, RemoteLink
from adapters.mqtt.serving import Server
from bridge.errors import LinkError
from bridge.model import (
    Absent,
    Account,
    Author,
    Board,
    Capabilities,
    Cursor,
    Edited,
    Found,
    Inbound,
    Interest,
    Limits,
    Notice,
    Opened,
    Order,
    Outcome,
    Place,
    Post,
    Publish,
    Ref,
    Reply,
    Sent,
    Text,
    Unknown,
    Words,
    Written,
)
from bridge.ports import Remark
from simulator.clock import Clock
from tests.brokers import Mosquitto, Mqtt

NETWORK = "town"


class Kept:
    """A `SessionStore` in memory."""

    def __init__(self) -> None:
        self.kept: bytes | None = None

    def load(self) -> bytes | None:
        return self.kept

    def save(self, session: bytes) -> None:
        self.kept = session


class Town:
    """A network in memory, with one account that is ours; and its adapter."""

    name = NETWORK

    def __init__(self, *, console: bool = False) -> None:
        self.kind: type[TownLink] = TownConsole if console else TownLink
        self.words: list[str] = []
        self.posts: list[Order] = []  # what was posted
        self.arrived = asyncio.Event()  # an order has
        self.open_gate = asyncio.Event()  # nothing is posted before
        self.open_gate.set()
        self.outcomes: list[Outcome | LinkError] = []  # said instead of posting
        self.refuses: LinkError | None = None  # raised when a link is opened
        self.breaks: LinkError | None = None  # raised by reading, after all words
        self.opened = self.read = self.rereads = 0
        self.read_gate = asyncio.Event()  # nothing is read again before
        self.read_gate.set()
        self.interests: list[Interest] = []
        self.acknowledged: list[Cursor] = []
        self.shown: list[Any] = []
        self._news = asyncio.Event()

    def says(self, *words: str) -> None:
        self.words += words
        self._news.set()

    def fails(self, error: LinkError) -> None:
        self.breaks = error
        self._news.set()

    @asynccontextmanager
    async def open(self, sessions: object) -> AsyncIterator[TownLink]:
        if self.refuses is not None:
            raise self.refuses
        self.opened += 1
        yield self.kind(self)

    async def more(self) -> None:
        self._news.clear()
        await self._news.wait()


class TownLink:
    """A cursor is the number of words read."""

    opened = Opened(NETWORK, "town:us", "@us", Capabilities(Limits(300), edits=True))

    def __init__(self, town: Town) -> None:
        self._town = town

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        at = int(after or 0)
        while True:
            while at < len(self._town.words):
                at += 1
                self._town.read = max(self._town.read, at)
                yield Inbound(NETWORK, Written(post(at, self._town.words[at - 1])), str(at))
            if self._town.breaks is not None:
                raise self._town.breaks
            await self._town.more()

    async def acknowledge(self, cursor: Cursor) -> None:
        self._town.acknowledged.append(cursor)

    async def follow(self, interest: Interest) -> None:
        self._town.interests.append(interest)

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        self._town.rereads += 1
        await self._town.read_gate.wait()
        for ref in refs:
            yield Inbound(NETWORK, Edited(post(int(ref.id), self._town.words[int(ref.id) - 1])))

    async def send(self, order: Order) -> Outcome:
        town = self._town
        town.arrived.set()
        await town.open_gate.wait()
        if town.outcomes:
            said = town.outcomes.pop(0)
            if isinstance(said, LinkError):
                raise said
            return said
        town.posts.append(order)
        return sent(order)

    async def find(self, order: Order) -> Found | Absent | Unknown:
        return Found((sent(order),)) if order in self._town.posts else Absent()


class TownConsole(TownLink):
    async def show(self, ref: Ref, board: Board) -> None:
        self._town.shown.append((ref, board))

    async def answer(self, answer: str, reply: Reply) -> None:
        self._town.shown.append((answer, reply))

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        self._town.shown.append((account, place, notice))

    async def inspect(self) -> tuple[Remark, ...]:
        return (Remark("it rains", "take a coat"),)

    def budget(self) -> dict[str, int]:
        return {"posts": 100 - len(self._town.posts)}


def post(number: int, words: str) -> Post:
    ref, author = Ref(NETWORK, str(number)), Author("town:nurse-01", "@nurse-01")
    return Post(ref, f"town:{number}", author, Text(words), at=number, seen=number)


def order(number: int) -> Order:
    return Order((number, 0), NETWORK, "sheet", number, Publish(Words(Text(f"Q{number}"))), chat="tea")


def sent(made: Order) -> Sent:
    return Sent(Ref(NETWORK, f"p{made.stamp}"), f"town:p{made.stamp}")


class Split:
    """A core's side and a process beside the town, with a real broker between them."""

    def __init__(self, broker: Mosquitto, town: Town, speed: float) -> None:
        self.broker, self.town, self.clock = broker, town, Clock(speed=speed)
        self.memory = Kept()
        self.epoch = 1
        self.beside: asyncio.Task[None] | None = None

    def start(self, mqtt: Mqtt | None = None) -> None:
        """The process beside the town."""
        doing = Server(self.town, mqtt or self.broker.mqtt, Kept(), self.memory, self.clock).run()
        self.beside = asyncio.create_task(doing)

    async def stop(self) -> None:
        if self.beside is not None:
            self.beside.cancel()
            await asyncio.wait((self.beside,))
            if not self.beside.cancelled():
                await self.beside
            self.beside = None

    def adapter(self, journal: str = "journal-1", mqtt: Mqtt | None = None) -> RemoteAdapter:
        return RemoteAdapter(NETWORK, mqtt or self.broker.mqtt, journal, self.epoch, self.clock)

    @asynccontextmanager
    async def link(self, *, interest: Interest | None = None) -> AsyncIterator[RemoteLink]:
        async with self.adapter().open(Kept()) as link:
            await link.follow(interest or Interest(("tea",)))
            yield link


@asynccontextmanager
async def split(
    broker: Mosquitto, town: Town | None = None, *, speed: float = 20.0, beside: bool = True
) -> AsyncIterator[Split]:
    both = Split(broker, town or Town(), speed)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(both.stop)
        if beside:
            both.start()
        yield both


async def until(met: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for what nobody sends word of."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
