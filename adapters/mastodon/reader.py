"""Everything that reads: the stream, and rounds of asking that fill its gaps or stand in for it.

A round reads the hashtag timelines, our notifications, the present state of a few dozen known statuses (which
tells of edits, removals and new replies that no stream shows) and the contexts of threads that have grown.
While the stream works a round runs every 45 seconds and spends about 10 of the 300 requests in 5 minutes; while
it is down, silent or refused, three times as often, and then the rounds alone carry the chat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from adapters.mastodon import convert, ids, wire
from adapters.mastodon.convert import micros
from adapters.mastodon.intake import WINDOW, Intake
from adapters.mastodon.rest import Answer, Rest
from adapters.mastodon.stream import Stream
from bridge.errors import LinkError, Unreachable
from bridge.model import (
    MINUTE,
    SECOND,
    Account,
    Beat,
    Cursor,
    Inbound,
    Malformed,
    Micros,
    Network,
    Ref,
    Removed,
    What,
)
from bridge.ports import Clock

log = logging.getLogger(__name__)
LIVE, UNPROVEN, ALONE = 45.0, 20.0, 15.0  # seconds between rounds, by how far the stream can be trusted
LEAST = 5.0  # seconds between rounds whatever calls for one
DEEP = 5  # every so many rounds even a trusted stream's overlap is read again
PAGE = 40
BULK = 20  # statuses in one request, Mastodon's most
RECENT = 60  # statuses lately active that every round looks at
IN_TURN, IDLE = 100, 40  # others it looks at, in turn, while the chat goes on and while nothing happens
AFTER_GAP = 500  # known statuses looked at after the stream was away
SINGLES = 5  # instead, where a server refuses to be asked for several at once
CONTEXTS = 8  # contexts read in a round
RESERVE = 60  # requests of the token's budget that rounds leave to what the bridge writes
FAILURES = 3  # rounds that may fail in a row while the stream works
QUEUE = 500


class Reader:
    """One link's reading: `run` finds, `next` gives."""

    def __init__(
        self, network: Network, rest: Rest, stream: Stream, intake: Intake, *, clock: Clock, skew: float
    ) -> None:
        self._network, self._rest, self._stream, self._intake = network, rest, stream, intake
        self._clock, self._skew = clock, int(skew * SECOND)
        self._items: asyncio.Queue[Inbound | Exception] = asyncio.Queue()  # kept short by `_room`
        self._drained = asyncio.Event()
        self._wake = asyncio.Event()
        self._filled = asyncio.Event()  # the gap before this link is told; the stream's news may follow
        self._read: Micros | None = None  # server time up to which everything was reported
        self._gap = True  # the stream was away since the last round
        self._proven = False  # the stream has shown something since it is up
        self._bulk = True
        self._rounds = 0
        self._asked: set[Account] = set()  # of whom this round asked whether they are still there
        self._tags: set[str] = set()  # hashtags whose timelines were read from the interest's start

    def wake(self) -> None:
        """Have a round soon."""
        self._wake.set()

    async def run(self, after: Cursor | None) -> None:
        """Report everything after `after`, then go on until cancelled. `next` raises what ends it."""
        self._read = ids.read(after) if after is not None else None
        if self._read is not None:
            self._tags.update(self._intake.interest.tags)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stream.run(self._frame, self._turned))
                tasks.create_task(self._rounds_forever())
        except* LinkError as group:
            self._items.put_nowait(_first(group))
        except* Exception as group:  # a bug of ours: whoever reads has to hear of it
            self._items.put_nowait(group)

    # ------------------------------------------------------------ the stream

    def _turned(self) -> None:
        """The stream came or went: what it missed has to be asked for."""
        self._gap, self._proven = True, False
        self.wake()

    async def _frame(self, data: bytes) -> None:
        """One frame of the stream."""
        await self._filled.wait()
        await self._room()
        self.tell(self._told_by(data))

    def _told_by(self, data: bytes) -> list[What]:
        try:
            frame = msgspec.json.decode(data, type=wire.Frame)
            payload = frame.payload
            if isinstance(payload, str) and frame.event != "delete":
                payload = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return [Malformed(data, f"not a frame of Mastodon's stream: {error}")]
        if frame.error is not None:
            log.warning("%s: the stream refuses: %s", self._network, frame.error)
            return []
        now = self._clock.now()
        if frame.event == "delete":
            return self._intake.removed(str(payload))
        if frame.event in ("update", "status.update"):
            self._proven = True
            return self._intake.status(payload, now, edit=frame.event == "status.update")
        if frame.event == "notification" and isinstance(payload, dict) and payload.get("status"):
            return self._intake.status(payload["status"], now)
        return []

    # ------------------------------------------------------------ rounds

    async def _rounds_forever(self) -> None:
        await self._stream.settled.wait()  # nothing must fall between the gap's end and the stream's start
        failures = 0
        while True:
            self._wake.clear()
            try:
                await self._round()
                failures = 0
            except Unreachable as error:
                failures += 1
                if error.after is not None:
                    await self._clock.sleep(error.after)
                elif self._stream.since is None or (failures >= FAILURES and not self._proven):
                    raise
                elif failures == FAILURES:
                    log.warning("%s: the stream carries the chat alone: %s", self._network, error)
            self._filled.set()
            await self._pause()

    async def _pause(self) -> None:
        """Until the next round is due, or called for."""
        await self._clock.sleep(LEAST)
        seconds = ALONE if self._stream.since is None else LIVE if self._proven else UNPROVEN
        async with asyncio.TaskGroup() as tasks:
            waits = {
                tasks.create_task(self._clock.sleep(seconds - LEAST)),
                tasks.create_task(self._wake.wait()),
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()

    async def _round(self) -> None:
        """Ask for everything once. When it is done, all up to its start has been reported. While the stream is
        up, a part that the server does not serve does not keep the others from being read."""
        started = self._clock.now() + self._skew
        gap, self._gap = self._gap, self._stream.since is None
        deep = gap or not self._proven or self._rounds % DEEP == 0
        self._rounds += 1
        self._asked.clear()
        failed: Unreachable | None = None
        for part in (
            partial(self._timelines, started, deep=deep),
            partial(self._notifications, deep=deep),
            partial(self._check, gap=gap),
            self._contexts,
        ):
            try:
                await part()
            except Unreachable as error:
                failed = error
                if self._stream.since is None or error.after is not None:
                    break
        if failed is not None:
            self._gap = self._gap or gap
            raise failed
        self._read = started
        self.tell([Beat()])

    async def _timelines(self, started: Micros, *, deep: bool) -> None:
        for tag in self._intake.interest.tags:
            new = tag not in self._tags
            until = self._intake.interest.since if new else self._until()
            page = await self._pages("timeline_hashtag", tag, until=until, deep=deep or new)
            self._suspect(page, started)
            await self._statuses(page)
            self._tags.add(tag)

    async def _notifications(self, *, deep: bool) -> None:
        types = ["mention", "quote"]
        notes = await self._pages("notifications", until=self._until(), deep=deep, types=types)
        await self._statuses([s for n in notes if isinstance(s := n.get("status"), dict)])

    def _until(self) -> Micros:
        """How far back a listing is read again."""
        return max(self._intake.interest.since, (self._read or 0) - WINDOW)

    def _to_check(self, *, gap: bool) -> list[str]:
        """Which known statuses to ask for, as far as the budget goes."""
        active = self._intake.active(self._clock.now() - 15 * MINUTE, RECENT)
        turn = self._intake.unchecked(AFTER_GAP if gap else IN_TURN if active else IDLE)
        wanted = list(dict.fromkeys((*active, *turn)))
        if not self._bulk:
            return wanted[:SINGLES]
        left = self._rest.budget.left(self._clock.now())
        return wanted if left is None else wanted[: max(0, left - RESERVE) * BULK]

    def budget(self) -> dict[str, int]:
        """Requests the token may still make, if the server told."""
        left = self._rest.budget.left(self._clock.now())
        return {} if left is None else {"requests": left}

    def _suspect(self, page: list[Any], started: Micros) -> None:
        """A stream that did not show what it should have is not trusted until it shows something."""
        since = self._stream.since
        if since is None:
            return
        for payload in page:
            at = _time(payload)
            if at is None or payload.get("id") in self._intake.looked_at:
                continue
            if since + self._skew + 5 * SECOND <= at <= started - 15 * SECOND:
                self._proven = False

    async def _pages(self, method: str, *args: Any, until: Micros, deep: bool, **kwargs: Any) -> list[Any]:
        """A listing from its newest end back to `until`, oldest first; unless `deep`, only back to what is
        known. An id from a late remote post's own time stands deep in a listing: hence the overlap."""
        found: dict[str, Any] = {}
        while True:
            answer = await self._ask(method, *args, limit=PAGE, **kwargs)
            page = [p for p in _list(answer) if isinstance(p, dict) and p.get("id") not in found]
            found |= {str(p.get("id")): p for p in page}
            times = [at for p in page if (at := _time(p)) is not None]
            known = all(_status(p).get("id") in self._intake.looked_at for p in page)
            if not page or not times or min(times) < until or (known and not deep):
                break
            kwargs["max_id"] = page[-1]["id"]
        return sorted(found.values(), key=lambda p: _time(p) or 0)

    async def _statuses(self, payloads: Iterable[Any]) -> None:
        for payload in payloads:
            await self._room()
            self.tell(self._intake.status(payload, self._read or 0))

    async def _check(self, *, gap: bool) -> None:
        async for id_, payload in self.states(self._to_check(gap=gap)):
            self._intake.checked(id_)
            await self._room()
            if payload is None:
                self.tell(await self._gone(id_, self._asked))
            else:
                self.tell(self._intake.status(payload, self._read or 0))

    async def _contexts(self) -> None:
        for id_, replies in self._intake.grown()[:CONTEXTS]:
            await self._statuses(await self._replies(id_, replies))

    # ------------------------------------------------------------ asking

    async def _ask(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """`Rest.read` once the budget has room for it."""
        await self._rest.room(RESERVE, paging="max_id" in kwargs)
        return await self._rest.read(method, *args, **kwargs)

    async def _ask_one(self, method: str, id_: str) -> Answer:
        """`Rest.read_one` once the budget has room for it."""
        await self._rest.room(RESERVE, paging=False)
        return await self._rest.read_one(method, id_)

    async def _gone(self, id_: str, asked: set[Account]) -> list[What]:
        """What a status that is gone tells: perhaps its author is gone as well. `asked`: of whom that was
        asked already."""
        known = self._intake.native(id_)
        found = self._intake.removed(id_)
        if known is None or known.author in asked:
            return found
        asked.add(known.author)
        answer = await self._ask_one("account", known.account)
        person = convert.person(answer.data()) if answer.ok else None
        if answer.status in (404, 410) or (person is not None and person.suspended):
            return [*found, *self._intake.left(known.author)]
        return found

    async def states(self, wanted: Iterable[str]) -> AsyncIterator[tuple[str, Any]]:
        """The present state of statuses; None for one that is certainly gone, nothing for one that cannot be
        read now."""
        for chunk in _chunks(list(wanted), BULK):
            found: dict[str, Any] = {}
            if self._bulk:
                answer = await self._ask("statuses", chunk)
                self._bulk = answer.ok  # some servers answer 404 or 405 (measured)
                found = {str(p.get("id")): p for p in _list(answer) if isinstance(p, dict)}
            for id_ in chunk:
                if id_ in found:
                    yield id_, found[id_]
                    continue
                answer = await self._ask_one("status", id_)
                if answer.ok and isinstance(payload := answer.data(), dict):
                    yield id_, payload
                elif answer.status in (404, 410):
                    yield id_, None

    async def _replies(self, id_: str, count: int) -> list[Any]:
        """All replies below a status that we may see, parents before their replies. `count`: as many as the
        server counts by now."""
        answer = await self._ask_one("status_context", id_)
        if answer.status >= 500:  # threads exist that a server can never show
            self._intake.postpone(id_)
            return []
        data = answer.data() if answer.ok else None
        below = data.get("descendants") if isinstance(data, dict) else None
        self._intake.complete(id_, count)
        return below if isinstance(below, list) else []

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[What]:
        """`Link.reread`: the refs' state, then what belongs and was missed below them or under the tag."""
        wanted = ids.of(refs, self._network)
        told: set[Account] = set()
        asked: set[Account] = set()
        async for id_, payload in self.states(wanted):
            self._intake.checked(id_)
            if payload is None:
                for what in await self._gone(id_, asked) or [Removed(Ref(self._network, id_))]:
                    yield what
            else:
                for what in self._intake.reread(payload, self._read or 0, told):
                    yield what
        missed: list[Any] = []
        for id_, replies in self._intake.grown():
            missed += await self._replies(id_, replies)
        for tag in self._intake.interest.tags:
            missed += await self._pages("timeline_hashtag", tag, until=self._intake.interest.since, deep=True)
        for payload in missed:
            for what in self._intake.status(payload, self._read or 0, told=told):
                yield what

    # ------------------------------------------------------------ telling

    async def next(self) -> Inbound:
        """The next thing to report. Raises what ended the reading: a LinkError, or for a bug of ours the group
        it was raised in."""
        item = await self._items.get()
        self._drained.set()
        if isinstance(item, Exception):
            raise item
        return item

    def tell(self, found: Iterable[What]) -> None:
        """Queue what was found, with how far everything has been reported by then. At once: between deciding
        what is news and queueing it nothing else may be queued."""
        cursor = None if self._read is None or not self._filled.is_set() else ids.cursor(self._read)
        for what in found:
            self._items.put_nowait(Inbound(self._network, what, cursor))

    async def _room(self) -> None:
        """Wait for the core while it has enough to do."""
        while self._items.qsize() >= QUEUE:
            self._drained.clear()
            await self._drained.wait()


def _first(group: BaseExceptionGroup[LinkError]) -> LinkError:
    """Any one of the errors that ended the reading."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, LinkError)
    return error


def _time(payload: dict[str, Any]) -> Micros | None:
    """When a status or notification says it was made."""
    try:
        return micros(datetime.fromisoformat(payload["created_at"]))
    except (KeyError, TypeError, ValueError):
        return None


def _status(payload: dict[str, Any]) -> dict[str, Any]:
    """A status, or the status of a notification."""
    inner = payload.get("status")
    return inner if isinstance(inner, dict) else payload


def _list(answer: Answer) -> list[Any]:
    """What is listed in an answer that is yes. Raises Unreachable for one that is no list, as of a proxy that has
    put up a page of its own: it must not pass for "there is nothing"."""
    data = answer.data() if answer.ok else []
    if not isinstance(data, list):
        raise Unreachable("the server answers something else than Mastodon would")
    return data


def _chunks(items: list[str], size: int) -> Iterator[list[str]]:
    return (items[n : n + size] for n in range(0, len(items), size))
