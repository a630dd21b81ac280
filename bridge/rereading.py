"""Reading a network's known posts again: after a gap, when a chat ends, each night after that, and whenever somebody
asks for it.

What is read goes the way of everything that arrives: the core takes what is new, and copies follow. How fast a
network may be asked is its adapter's matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection

from bridge.chat.expiry import DAY
from bridge.chat.state import Reconciled
from bridge.engine import Engine, woken
from bridge.errors import Unreachable
from bridge.model import Inbound, Micros, Network, Ref
from bridge.ports import Link

log = logging.getLogger(__name__)


class Rereading:
    """One network's."""

    def __init__(self, network: Network, engine: Engine) -> None:
        self.under_way = False
        self._network, self._engine = network, engine
        self._stir = asyncio.Event()
        self._asked: deque[tuple[str, asyncio.Future[int]]] = deque()
        self._served = False  # by a link: nobody waits for the next one

    def stir(self) -> None:
        """The chats' state is different."""
        self._stir.set()

    async def ask(self, chat: str) -> int:
        """Have every post of a chat there read again now; gives how many. Returns when what it told is durable;
        raises LinkError if it cannot be read, the link breaks meanwhile, or `serve` does not run."""
        if not self._served:
            raise Unreachable("the connection has just broken, or is just being made")
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append((chat, done))
        self._stir.set()
        return await done

    async def serve(self, link: Link) -> None:
        """Until cancelled, or until the link breaks."""
        put_off: Micros = 0
        closed: set[str] = set()  # even if the core stumbled over being told so: the clock ends the chat then
        self._served = True
        try:
            await self._read(link, self._engine.session.known(self._network))
            while True:
                self._stir.clear()
                for chat in self._engine.session.ending(self._network):
                    if chat not in closed:
                        closed.add(chat)
                        await self._close(link, chat)
                while self._asked:
                    await self._answer(link, *self._asked[0])
                    self._asked.popleft()
                at, chat = self._engine.session.night(self._network) or (None, "")
                if at is not None and max(at, put_off) <= self._engine.clock.now():
                    put_off = await self._night(link, chat)
                else:
                    await woken(self._stir, self._engine.clock, None if at is None else max(at, put_off))
        finally:
            self._served = False
            while self._asked:
                _, done = self._asked.popleft()
                if not done.done():
                    done.set_exception(Unreachable("the connection broke before everything was read again"))

    async def _close(self, link: Link, chat: str) -> None:
        """The last look at a chat before it is over; what turns up may have replies of its own."""
        read: tuple[Ref, ...] | None = None
        while read != (known := self._engine.session.known(self._network, chat, most=None)):
            read = known
            await link.follow(self._engine.session.interest(self._network))
            await self._read(link, known)
            await self._engine.caught_up()
        await self._engine.submit(Reconciled(self._network, chat))

    async def _answer(self, link: Link, chat: str, done: asyncio.Future[int]) -> None:
        """What somebody asked for. A network that cannot do it now has done no wrong to the link."""
        try:
            number = await self._whole(link, chat)
        except Unreachable as error:
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(number)

    async def _night(self, link: Link, chat: str) -> Micros:
        """A chat's night. Gives until when the next is put off: a network that answers everything but this is left
        in peace for a day, and so it is if the core set its night aside; if the link itself is broken, all of it is
        done once that is open again."""
        night = self._engine.session.night(self._network)
        try:
            number = await self._whole(link, chat)
        except Unreachable as error:
            log.warning("%s: %s could not be read again tonight: %s", self._network, chat, error)
            return self._engine.clock.now() + DAY
        log.info("%s: %d posts of %s were read again", self._network, number, chat)
        if self._engine.session.night(self._network) == night:
            log.error("%s: that %s was read again could not be noted", self._network, chat)
            return self._engine.clock.now() + DAY
        return 0

    async def _whole(self, link: Link, chat: str) -> int:
        """Everything of a chat, once."""
        known = self._engine.session.known(self._network, chat, most=None)
        await self._read(link, known)
        await self._engine.caught_up()
        there = self._engine.session.state.chats.get(chat)  # it may have left the config meanwhile
        if there is not None and there.over:
            await self._engine.submit(Reconciled(self._network, chat))
        return len(known)

    async def _read(self, link: Link, refs: Collection[Ref]) -> None:
        if not refs:
            return
        self.under_way = True
        try:
            async for item in link.reread(refs):
                await self._engine.arrive(Inbound(item.network, item.what))
        finally:
            self.under_way = False
