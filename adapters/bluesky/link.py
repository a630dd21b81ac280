"""A live connection to Bluesky: writing through the account's server, reading through Jetstream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec

from adapters.bluesky import LIMITS, Settings, ids
from adapters.bluesky.catchup import CatchUp
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Profile
from adapters.bluesky.inspector import Inspector
from adapters.bluesky.memory import Bounded
from adapters.bluesky.profiles import Profiles
from adapters.bluesky.sieve import KEPT, Sieve
from adapters.bluesky.stream import Jetstream
from adapters.bluesky.writer import Writer
from bridge.errors import LinkError
from bridge.model import (
    SECOND,
    Absent,
    AuthorKnown,
    Beat,
    Capabilities,
    Cursor,
    Edited,
    Found,
    Inbound,
    Interest,
    Network,
    Opened,
    Order,
    Outcome,
    Ref,
    Unknown,
    Written,
)
from bridge.ports import Clock, Remark, SessionStore

log = logging.getLogger(__name__)

_BEAT = 5 * SECOND
_PULSE = 90.0  # seconds
_INDEXED = 60 * SECOND  # how late the search index may be
_QUEUE = 1_000
_BATCH = 50


@asynccontextmanager
async def connected(
    name: Network, settings: Settings, password: str | None, clock: Clock, sessions: SessionStore
) -> AsyncIterator[Link]:
    """Log in. Raises Unreachable or NeedsLogin."""
    client = Client(settings.api, clock, sessions)
    try:
        try:
            await client.login(settings.account, password)
        except Failure as failure:
            raise failure.link_error() from None
        raised: BaseException | None = None
        async with asyncio.TaskGroup() as tasks:
            link = Link(name, settings, client, clock, tasks)
            try:
                yield link
            except BaseException as error:  # as itself, not in a group, once the tasks have ended
                raised = error
            link.close()
        if raised is not None:
            raise raised
    finally:
        await client.close()


class Link:
    """See bridge.ports.Link."""

    def __init__(
        self, name: Network, settings: Settings, client: Client, clock: Clock, tasks: asyncio.TaskGroup
    ) -> None:
        self._network = name
        self._client = client
        self._clock = clock
        ours = Profile(client.did, client.handle)
        self._sieve = Sieve(name, ours)
        self._profiles = Profiles(client, clock)
        self._catch_up = CatchUp(client, self._sieve)
        self._writer = Writer(name, client, self._sieve)
        self._jetstream = Jetstream(settings.jetstream, clock)
        self._queue: asyncio.Queue[Inbound | LinkError] = asyncio.Queue(_QUEUE)
        self._tasks = tasks
        self._reading: list[asyncio.Task[None]] = []
        self._behind = asyncio.Event()
        self._lost = False  # a connection broke: anything may have been missed
        self._old: dict[str, None] = {}  # threads whose past has not been read
        self._doubtful: dict[str, None] = {}  # posts to be told again as they are now
        self._kept: list[Inbound] = []  # found by `follow`, to be delivered by `inbound`
        self._unsigned: Bounded[str, Inbound] = Bounded(500)  # delivered without their author's name
        self._opened = Opened(
            name,
            client.did,
            f"@{client.handle}",
            Capabilities(
                LIMITS,
                resend="same_key",
                key_lasts=None,
                endorses=True,
                reports=True,
                conceals=True,
                direct=False,  # whatever a repository holds anybody can read
            ),
            url=f"{ids.WEB}/profile/{client.handle}",
            skew=client.skew,
        )

    @property
    def opened(self) -> Opened:
        return self._opened

    def budget(self) -> dict[str, int]:
        """`bridge.ports.Budgeted`."""
        return self._client.budget()

    def close(self) -> None:
        """End every task."""
        for task in self._reading:
            task.cancel()

    # ------------------------------------------------------------ reading

    async def follow(self, interest: Interest) -> None:
        known = {ref.id for ref in self._sieve.interest.threads}
        self._kept += self._sieve.follow(interest)
        for ref in interest.threads:
            made = ids.time_of(ref.id.rpartition("/")[2])
            if ref.id not in known and (made is None or made < (self._sieve.first_us or made + 1)):
                self._old[ref.id] = None
        if self._old or self._kept:
            self._behind.set()

    async def acknowledge(self, cursor: Cursor) -> None:
        """Nothing to do: Jetstream keeps no account of its readers."""

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        read = max((ids.time_us(after) or 0) - KEPT, 0) if after else 0
        start = read or self._sieve.interest.since
        for doing in (self._read(read, start), self._close_gaps(start), self._pulse()):
            self._reading.append(self._tasks.create_task(self._telling(doing)))
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < _BATCH:
                batch.append(self._queue.get_nowait())
            failed = next((item for item in batch if isinstance(item, LinkError)), None)
            async for item in self._signed(item for item in batch if isinstance(item, Inbound)):
                yield item
            if failed is not None:
                raise failed

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        uris = [ref.id for ref in refs]
        try:
            async for found in self._catch_up.posts(uris, again=True):
                async for item in self._signed(found):
                    yield msgspec.structs.replace(item, cursor=None)
            self._look_again()
        except Failure as failure:
            raise failure.link_error() from None

    async def _signed(self, items: Iterable[Inbound]) -> AsyncIterator[Inbound]:
        """Items with their posts' authors, each author's wishes before their first post."""
        items = list(items)
        posts = [item.what.post for item in items if isinstance(item.what, Written | Edited)]
        for item in items:
            if isinstance(item.what, AuthorKnown):
                self._profiles.changed(item.what)
        try:
            await self._profiles.learn(post.author.account for post in posts)
        except Failure as failure:
            raise failure.link_error() from None
        for item in items:
            what = item.what
            if isinstance(what, AuthorKnown):
                if self._profiles.tell(what) is None:
                    continue
            elif isinstance(what, Written | Edited):
                if known := self._profiles.news(what.post.author.account):
                    yield Inbound(self._network, known)
                if not self._profiles.is_known(what.post.author.account):
                    self._unsigned[what.post.uri] = item
                what = type(what)(self._profiles.signed(what.post))
            yield msgspec.structs.replace(item, what=what)

    async def _telling(self, doing: Coroutine[Any, Any, None]) -> None:
        """Runs one of the reading tasks; what ends it is raised by `inbound`, after all it has found."""
        try:
            await doing
        except Failure as failure:
            await self._queue.put(failure.link_error())
        except LinkError as error:
            await self._queue.put(error)

    async def _read(self, read: int, start: int) -> None:
        """Jetstream, through the sieve, into the queue."""
        beat = connections = 0
        async with aclosing(self._jetstream.frames(lambda: self._sieve.time_us or read, start)) as frames:
            async for frame in frames:
                if frame is None:
                    connections += 1
                    self._lost = connections > 1
                    self._behind.set()
                    continue
                items = self._sieve.take(frame)
                self._look_again()
                for item in items:
                    await self._queue.put(item)
                if not items and self._clock.now() - beat >= _BEAT:
                    beat = self._clock.now()
                    await self._queue.put(Inbound(self._network, Beat(), ids.cursor(self._sieve.time_us)))

    async def _close_gaps(self, start: int) -> None:
        """What had been said before we read it: at the start, after a broken connection, in threads that are
        followed only now. What the server cannot tell now is asked for again at the next pulse."""
        since = start
        while True:
            await self._behind.wait()
            self._behind.clear()
            for item in self._taken():
                await self._queue.put(item)
            lost, self._lost = self._lost, False
            if lost:
                self._profiles.doubt()
                self._sieve.doubt()
            old, self._old = self._old, {}
            doubtful, self._doubtful = self._doubtful, {}
            try:
                if lost or since:
                    await self._seek(since or self._sieve.time_us - KEPT)
                threads = [ref.id for ref in self._sieve.interest.threads] if lost else list(old)
                async for found in self._catch_up.posts(threads, again=False):
                    await self._put(found)
                async for found in self._catch_up.posts(list(doubtful), again=True):
                    await self._put(found)
                since = 0
                self._look_again()
            except Failure as failure:
                if failure.kind == "login":
                    raise
                log.info("%s: catching up is put off: %s", self._network, failure.why)
                self._lost = self._lost or lost
                self._old = old | self._old
                self._doubtful = doubtful | self._doubtful

    def _look_again(self) -> None:
        """What a frame or a view told only in part has to be asked for."""
        if self._sieve.renamed:
            self._profiles.forget(self._sieve.renamed)
            self._sieve.renamed.clear()
        if self._sieve.doubtful:
            self._doubtful |= self._sieve.doubtful
            self._sieve.doubtful.clear()
            self._behind.set()

    async def _seek(self, since: int) -> None:
        """Posts since then that bear the tag or speak to us."""
        since = max(since, self._sieve.interest.since)
        await self._put(await self._catch_up.search(since))
        await self._put(await self._catch_up.notifications(since))

    async def _pulse(self) -> None:
        """Now and then, ask what the stream should have told: nobody's words depend on Jetstream alone, and
        we learn in time that our login is no longer good."""
        since = self._clock.now()
        while True:
            await self._clock.sleep(_PULSE)
            now = self._clock.now()
            try:
                await self._sign_at_last()
                await self._seek(since - _INDEXED)
                since = now
            except Failure as failure:
                if failure.kind == "login":
                    raise
            if self._lost or self._old or self._doubtful:
                self._behind.set()

    async def _sign_at_last(self) -> None:
        """Posts whose author could not be looked up in time, once more and with their author."""
        await self._profiles.retry()
        for uri, item in list(self._unsigned.items()):
            if isinstance(item.what, Written | Edited) and self._profiles.is_known(
                item.what.post.author.account
            ):
                del self._unsigned[uri]
                await self._put([item])

    def _taken(self) -> list[Inbound]:
        kept, self._kept = self._kept, []
        return kept

    async def _put(self, items: Iterable[Inbound]) -> None:
        """What did not come by Jetstream moves no cursor."""
        for item in items:
            await self._queue.put(msgspec.structs.replace(item, cursor=None))

    # ------------------------------------------------------------ writing

    async def send(self, order: Order) -> Outcome:
        return await self._writer.send(order)

    async def find(self, order: Order) -> Found | Absent | Unknown:
        return await self._writer.find(order)

    async def inspect(self) -> tuple[Remark, ...]:
        """What `check` tells of the account."""
        return await Inspector(self._client, self._jetstream.addresses, self._clock).inspect()
