"""One session beside the real adapter: its link, from opening to closing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias

from adapters.mqtt.broker import Patience, passed
from adapters.mqtt.calls import Calls
from adapters.mqtt.conversation import PULSE, ROUNDS, SILENCE
from adapters.mqtt.window import Entry, Outgoing
from adapters.mqtt.wire import (
    Again,
    Beating,
    Call,
    Close,
    Closed,
    Failed,
    Items,
    Key,
    Made,
    Opening,
    Pulse,
    Ready,
    Return,
    Trouble,
    trouble,
)
from bridge.errors import LinkError, Unreachable
from bridge.model import Cursor, Refused, Sent
from bridge.ports import Budgeted, Console, Inspected, Link, Standing

if TYPE_CHECKING:
    from adapters.mqtt.serving import Server

log = logging.getLogger(__name__)

FINISH = 7.0  # seconds what is being sent has to end when the session does: whoever ends us waits ten

Upward: TypeAlias = Opening | Ready | Failed | Closed | Beating | Items | Return


class Session:
    """From the core's Open to its Close, to a newer Open, or to its silence."""

    def __init__(self, server: Server, key: Key) -> None:
        self.key = key
        self._server, self._name, self._clock = server, server.adapter.name, server.clock
        self._budget: Callable[[], dict[str, int]] = dict
        self._ready: Ready | None = None
        self._ending: Failed | Closed | None = None
        self._over = asyncio.Event()
        self._patience = Patience(SILENCE, ROUNDS, self._clock)
        self._out = Outgoing()
        self._news = asyncio.Event()  # there are items to say
        self._room = asyncio.Event()  # there may be room for more
        self._kept = asyncio.Event()  # the core has kept more
        self._durable: Cursor | None = None
        self._calls: Calls | None = None

    # ------------------------------------------------------------ living

    async def run(self) -> Failed | Closed:
        """Open the link, serve it, close it; how it ended. What is being sent may end first, also when this is
        cancelled."""
        living = asyncio.create_task(self._live())
        watching = asyncio.create_task(self._until_over())
        try:
            await asyncio.wait((living, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end(Closed() if not living.done() else self._why(living))
            watching.cancel()
            if self._calls is not None:
                await self._calls.finish(self._clock.timeout(FINISH))
            living.cancel()
            await asyncio.wait((living, watching))
        if not living.cancelled() and living.exception():
            log.info("%s: the link ended: %s", self._name, _first(living.exception()))
        assert self._ending is not None
        return self._ending

    async def _live(self) -> None:
        async with self._server.adapter.open(self._server.sessions) as link, asyncio.TaskGroup() as group:
            self._calls = Calls(self, link, group)
            if isinstance(link, Budgeted):
                self._budget = lambda: dict(link.budget())
            self._ready = Ready(
                link.opened,
                isinstance(link, Console),
                isinstance(link, Inspected),
                isinstance(link, Budgeted),
            )
            self.opened()
            self._server.noticed()
            group.create_task(self._keep(link))
            group.create_task(self._tell())

    @property
    def standing(self) -> Standing:
        """How the link is."""
        if self._ready is None or self._calls is None:
            return Standing(link="opening", busy=True)
        busy = not (self._out.idle and self._calls.idle)
        return Standing(link="ready", handle=self._ready.opened.handle, busy=busy)

    async def _until_over(self) -> None:
        while await passed(self._over, self._clock, PULSE):
            if self._patience.spent():
                log.info("%s: the core has been silent; its link is closed", self._name)
                self.end(Closed())

    def end(self, how: Failed | Closed) -> None:
        """Take no more; the first reason counts."""
        self._ending = self._ending or how
        self._over.set()

    def _why(self, living: asyncio.Task[None]) -> Failed:
        error = _first(living.exception())
        if isinstance(error, LinkError):
            return Failed(trouble(error))
        log.error(
            "%s: the adapter failed", self._name, exc_info=error
        )  # a bug in it must not end the process
        return Failed(Trouble("unreachable", f"the adapter failed: {error}"))

    # ------------------------------------------------------------ reading

    async def read(self, link: Link, after: Cursor | None) -> None:
        """Everything the link yields, as fast as the core takes it; then what it raised."""
        try:
            async with aclosing(link.inbound(after)) as items:  # type: ignore[type-var]  # they are generators
                async for item in items:
                    await self._put(item)
            raise Unreachable(f"{self._name} ended the stream")
        except LinkError as error:
            await self._put(trouble(error))

    async def _put(self, entry: Entry) -> None:
        while self._out.full:
            self._room.clear()
            await self._room.wait()
        self._out.put(entry)
        self._news.set()

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while (items := self._out.take()) is not None:
                await self._server.put(self.key, items)

    async def _keep(self, link: Link) -> None:
        """Pass on what the core has kept."""
        durable: Cursor | None = None
        while True:
            await self._kept.wait()
            self._kept.clear()
            if self._durable is not None and self._durable != durable:
                durable = self._durable
                await link.acknowledge(durable)

    # ------------------------------------------------------------ what the core says

    def opened(self) -> None:
        """The core asks whether the link is open."""
        self._patience.heard()
        self.say(self._ready or Opening())

    def heard(self, say: object) -> None:
        self._patience.heard()
        if isinstance(say, Close):
            self.end(Closed())
        elif self._calls is None or self._ending is not None:
            self.say(Opening())
        else:
            self._hear(say, self._calls)

    def _hear(self, say: object, calls: Calls) -> None:
        match say:
            case Pulse(have, grant, durable):
                self._out.had(have, grant)
                self._room.set()
                self._durable = durable
                self._kept.set()
                self.beat()
            case Again(after):
                self._out.again(after)
                self._news.set()
            case Call():
                calls.take(say)

    def beat(self) -> None:
        self.say(Beating(self._out.said, self._budget()))

    def say(self, say: Upward) -> None:
        self._server.say(self.key, say)

    # ------------------------------------------------------------ what outlives it

    @property
    def outcomes(self) -> Mapping[Made, Sent | Refused]:
        """Final outcomes of orders, of earlier sessions too."""
        return self._server.outcomes

    def remember(self, order: Made, outcome: Sent | Refused) -> None:
        self._server.remember(order, outcome)


def _first(error: BaseException | None) -> BaseException | None:
    """The first error in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
