"""A Link whose other half runs in another process. The core cannot tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from adapters.mqtt.broker import beside
from adapters.mqtt.conversation import Conversation
from adapters.mqtt.wire import (
    Done,
    Follow,
    Inspect,
    More,
    Name,
    Offer,
    Page,
    Read,
    Ready,
    Remarks,
    Request,
    Reread,
    Seek,
    Show,
    Tell,
    Trouble,
    Whisper,
)
from bridge.errors import LinkError, Unreachable
from bridge.model import (
    Absent,
    Account,
    Board,
    Cursor,
    Found,
    Inbound,
    Interest,
    Network,
    Notice,
    Opened,
    Order,
    Outcome,
    Place,
    Ref,
    Refused,
    Reply,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
)
from bridge.ports import Clock, Mqtt, Remark, SessionStore

NAMED = 1_000  # posts named in one message: Bluesky's, whose names are the longest, are 100 kB then

T = TypeVar("T")


class RemoteAdapter:
    """A network whose real adapter `serving.Server` runs beside. `journal` and `epoch`: the journal's id, and a
    number that rises at each start; an older start, or another journal, is refused there."""

    def __init__(self, name: Network, mqtt: Mqtt, journal: str, epoch: int, clock: Clock) -> None:
        self.name = name
        self._mqtt, self._journal, self._epoch, self._clock = mqtt, journal, epoch, clock
        self._session = 0

    def __repr__(self) -> str:
        return f"RemoteAdapter({self.name!r})"

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[RemoteLink]:
        """See `bridge.ports.Adapter.open`. Logins are kept where the real adapter is, not in `sessions`."""
        self._session = max(self._session + 1, self._clock.now())
        key = self._journal, self._epoch, self._session
        talk = Conversation(self.name, self._mqtt, key, self._clock)
        async with beside(talk.run(), talk.beat()):
            try:
                ready = await talk.open()
                yield _kind(ready)(talk, ready)
            finally:
                await talk.close()


class RemoteLink:
    """See `bridge.ports.Link`. Raises what the real link raises, and Unreachable if that process is gone."""

    def __init__(self, talk: Conversation, ready: Ready) -> None:
        self._talk, self._opened = talk, ready.opened
        self._following = asyncio.Lock()

    @property
    def opened(self) -> Opened:
        return self._opened

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        await self._ask(Read(after))
        while True:
            entry = await self._talk.next()
            if isinstance(entry, Trouble):
                raise entry.error()
            yield entry

    async def acknowledge(self, cursor: Cursor) -> None:
        self._talk.acknowledge(cursor)

    async def follow(self, interest: Interest) -> None:
        """Returns when it is followed: a person who sees our post can answer it within the second. Nothing is
        followed on a link that is over; whoever reads it is told."""
        try:
            async with self._following:  # none overtakes a newer one
                named, rest = await self._named(interest.threads)
                interest = msgspec.structs.replace(interest, threads=rest)
                _, result = await self._talk.ask(Follow(interest, named))
        except LinkError:
            return
        if isinstance(result, Trouble):
            raise result.error()

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        named, rest = await self._named(tuple(refs))
        of, page = await self._talk.ask(Reread(rest, named))
        while True:
            shown = _as(Page, page)
            for item in shown.items:
                yield item
            if shown.last:
                return
            _, page = await self._talk.ask(More(of))

    async def send(self, order: Order) -> Outcome:
        """Offered until there is an answer. If that process ends or falls silent meanwhile, nobody here knows."""
        self._talk.check()
        try:
            _, result = await self._talk.ask(Offer(order))
        except LinkError as error:
            return Unclear(str(error))
        if isinstance(result, Sent | RetryLater | Refused | Unclear):
            return result
        raise _unlike(result)

    async def find(self, order: Order) -> Found | Absent | Unknown:
        result = await self._ask(Seek(order))
        if isinstance(result, Found | Absent | Unknown):
            return result
        raise _unlike(result)

    async def _named(self, refs: tuple[Ref, ...]) -> tuple[tuple[int, ...], tuple[Ref, ...]]:
        """What to say in place of so many: the numbers under which most of them were named, and the rest."""
        named: list[int] = []
        while len(refs) > NAMED:
            no, result = await self._talk.ask(Name(refs[:NAMED]))
            _as(Done, result)
            named.append(no)
            refs = refs[NAMED:]
        return tuple(named), refs

    async def _ask(self, what: Request) -> object:
        _, result = await self._talk.ask(what)
        if isinstance(result, Trouble):
            raise result.error()
        return result


class _Console(RemoteLink):
    """See `bridge.ports.Console`."""

    async def show(self, ref: Ref, board: Board) -> None:
        await self._ask(Show(ref, board))

    async def answer(self, answer: str, reply: Reply) -> None:
        await self._ask(Tell(answer, reply))

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        await self._ask(Whisper(account, place, notice))


class _Inspected(RemoteLink):
    """See `bridge.ports.Inspected`."""

    async def inspect(self) -> tuple[Remark, ...]:
        return _as(Remarks, await self._ask(Inspect())).remarks


class _Budgeted(RemoteLink):
    """See `bridge.ports.Budgeted`."""

    def budget(self) -> Mapping[str, int]:
        return self._talk.budget


def _kind(ready: Ready) -> type[RemoteLink]:
    """What the real link is beside a Link, this one is too."""
    parts = (_Console, ready.console), (_Inspected, ready.inspected), (_Budgeted, ready.budgeted)
    return type("RemoteLink", tuple(part for part, has in parts if has) or (RemoteLink,), {})


def _as(kind: type[T], result: object) -> T:
    if isinstance(result, kind):
        return result
    raise _unlike(result)


def _unlike(result: object) -> LinkError:
    """Trouble, or an answer to something else: a version that we do not know."""
    if isinstance(result, Trouble):
        return result.error()
    return Unreachable(f"The other process answers with {type(result).__name__}: is it of another version?")
