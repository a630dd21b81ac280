"""The core's end of one session: asks until it is answered, takes items in, notices when nobody is there."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any, TypeAlias

from adapters.mqtt import wire
from adapters.mqtt.broker import Broker, Patience, passed
from adapters.mqtt.window import Entry, Incoming
from adapters.mqtt.wire import (
    Again,
    Beating,
    Call,
    Close,
    Closed,
    Down,
    Failed,
    Items,
    Open,
    Opening,
    Pulse,
    Ready,
    Request,
    Result,
    Return,
    Up,
)
from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.model import Cursor, Network
from bridge.ports import Clock, Mqtt

log = logging.getLogger(__name__)

REPEAT = 3.0  # seconds after which a request that was not answered is made again
PULSE = 3.0  # seconds of chat time between two signs of life
SILENCE = 20.0  # seconds without one after which the other side is taken for gone
ROUNDS = 4  # pulses in vain that this takes at least
FAREWELL = 0.5  # real seconds the other side has to close

Downward: TypeAlias = Open | Close | Pulse | Again | Call


class Conversation:
    """One session over the broker; `broker.Listener`. Once it is over, everything raises what ended it."""

    def __init__(self, network: Network, mqtt: Mqtt, key: tuple[str, int, int], clock: Clock) -> None:
        self._network, self._key, self._clock = network, key, clock
        self._down, self._up = wire.down_topic(mqtt.prefix, network), wire.up_topic(mqtt.prefix, network)
        self._broker = Broker(mqtt, f"core-{network}", self._up, self, clock)
        self._boot = ""
        self._over: LinkError | None = None
        self._answered = False  # anything at all
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._closed = asyncio.Event()
        self._turn = asyncio.Event()  # say everything again, there is a new connection
        self._wake = asyncio.Event()  # a pulse is due before its time
        self._news = asyncio.Event()  # items came, or it is over
        self._patience = Patience(SILENCE, ROUNDS, clock)
        self._incoming = Incoming()
        self._durable: Cursor | None = None
        self.budget: dict[str, int] = {}  # as it was told last
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Result]] = {}

    # ------------------------------------------------------------ from opening to closing

    async def run(self) -> None:
        """Keep connected. Until cancelled."""
        try:
            await self._broker.run()
        finally:
            self._end(Unreachable(f"The link to {self._network} is closed."))

    async def beat(self) -> None:
        """Show that we are here, and notice when they are not. Until cancelled."""
        while True:
            if self._ready.done():
                self._say(Pulse(self._incoming.have, self._incoming.tell(), self._durable))
            if await passed(self._wake, self._clock, PULSE) and self._patience.spent():
                self._end(Unreachable(self._nobody()))
            self._wake.clear()

    async def open(self) -> Ready:
        """Have the real link opened. Raises what opening it raises, Unreachable if nobody answers, NeedsLogin
        if the broker or the other side refuses us."""
        while not self._ready.done():
            self._say(Open())
            await self._answer_or_turn(self._ready)
        return self._ready.result()

    async def close(self) -> None:
        """Have the real link closed; nobody waits for it longer than a moment."""
        self._end(Unreachable(f"The link to {self._network} is closed."))
        if self._answered and self._broker.connected:
            self._say(Close())
            try:
                async with asyncio.timeout(FAREWELL):
                    await self._closed.wait()
            except TimeoutError:
                pass  # they will notice by themselves

    def _end(self, error: LinkError) -> None:
        if self._over is None:
            self._over = error
            futures: list[asyncio.Future[Any]] = [self._ready, *self._waiting.values()]
            for future in futures:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # whoever waits gets it; nobody need
            self._news.set()

    # ------------------------------------------------------------ what a link does

    def check(self) -> None:
        """Raises what ended it, if it is over."""
        if self._over is not None:
            raise self._over

    def acknowledge(self, cursor: Cursor) -> None:
        """Told with the next sign of life."""
        self._durable = cursor

    async def ask(self, what: Request) -> tuple[int, Result]:
        """The number and the answer of a request, which is made until it is answered; whoever does it, does it
        once."""
        self.check()
        no = next(self._numbers)
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[no] = answer
        try:
            while not answer.done():
                self._say(Call(no, min(self._waiting), what))
                await self._answer_or_turn(answer)
            return no, answer.result()
        finally:
            del self._waiting[no]

    async def next(self) -> Entry:
        """The next item, or what the real link's reading raised."""
        while (entry := self._incoming.pop()) is None:
            self.check()
            self._news.clear()
            await self._news.wait()
        if self._incoming.stingy:
            self._wake.set()
        return entry

    async def _answer_or_turn(self, answer: asyncio.Future[Ready] | asyncio.Future[Result]) -> None:
        """Until there is an answer, or it is time to ask again."""
        turn = asyncio.ensure_future(self._turn.wait())
        try:
            patience = self._clock.timeout(REPEAT)
            await asyncio.wait((answer, turn), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            turn.cancel()

    def _ask_again(self) -> None:
        """Wakes everybody who waits for an answer at this moment."""
        self._turn.set()
        self._turn = asyncio.Event()

    def _say(self, say: Downward) -> None:
        journal, epoch, session = self._key
        self._broker.tell(self._down, wire.encode(Down(journal, epoch, session, say, self._boot)))

    # ------------------------------------------------------------ `broker.Listener`

    def connected(self) -> None:
        self._ask_again()
        self._wake.set()

    def disconnected(self, why: str, denied: bool) -> None:
        """A link that is open waits for the broker to come back, as long as its patience lasts."""
        if denied:
            self._end(NeedsLogin(why))
        elif not self._ready.done():
            self._end(Unreachable(why))

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            up = wire.decode_up(payload)
        except wire.UNREADABLE as error:
            log.warning("%s: not a message of this version: %s", topic, error)
            return
        if self._boot and self._boot != up.boot and (up.say is None or self._ours(up)):
            self._end(
                Unreachable(f"The process that speaks to {self._network} was started again, or runs twice.")
            )
        elif up.say is None:  # they have just come
            self._ask_again()
        elif self._ours(up):
            self._answered = True
            self._patience.heard()
            self._hear(up)

    def _ours(self, up: Up) -> bool:
        return (up.journal, up.epoch, up.session) == self._key

    def _hear(self, up: Up) -> None:
        match up.say:
            case Ready() as ready:
                self._boot = up.boot
                if not self._ready.done():
                    self._ready.set_result(ready)
                    self._wake.set()
            case Failed(trouble):
                self._end(trouble.error())
            case Closed():
                self._closed.set()
                self._end(Unreachable(f"The process that speaks to {self._network} closed the link."))
            case Beating(last, budget):
                self.budget = budget
                if last > self._incoming.have:  # it was said before this, and never came
                    self._say(Again(self._incoming.have))
            case Items() as items:
                if self._incoming.take(items):
                    self._news.set()
                elif self._incoming.gap():
                    self._say(Again(self._incoming.have))
            case Return(no, result):
                if (answer := self._waiting.get(no)) and not answer.done():
                    answer.set_result(result)
            case Opening() | None:
                pass

    def _nobody(self) -> str:
        """What to look at when nobody answers. A broker does not tell whom it denies a topic."""
        if self._answered:
            return f"The process that speaks to {self._network} has been silent; it is asked again."
        return (
            f"Nobody answers for {self._network} at the broker {self._broker.address}. Is `chatbridge run --only "
            f"{self._network}` running, with the same [mqtt] prefix? May its user read {self._down} and write "
            f"{self._up}, and ours the other way round?"
        )
