"""A live connection to one Slack workspace."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from typing import Any

from adapters.slack import console, convert, ids
from adapters.slack.convert import Home, News
from adapters.slack.desk import Desk
from adapters.slack.feed import Feed, Frame
from adapters.slack.group import Group
from adapters.slack.history import History, Message, Swept
from adapters.slack.intake import DIRECTS, SEEN, Intake, remember
from adapters.slack.people import People
from adapters.slack.reactions import Reactions
from adapters.slack.web import Failure, asked
from adapters.slack.writing import Memory, Writer
from bridge.model import (
    MINUTE,
    SECOND,
    Absent,
    Account,
    Beat,
    Board,
    Cursor,
    Found,
    Inbound,
    Interest,
    Malformed,
    Micros,
    Notice,
    Opened,
    Order,
    Outcome,
    Place,
    Ref,
    Reply,
    Unknown,
    What,
)
from bridge.ports import Clock, Remark

OVERLAP = 10 * MINUTE  # what is read again after a gap: Slack may show things late
FEW = 3  # messages read again one by one rather than with the channel around them

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


class SlackLink:
    """See `bridge.ports.Link` and `Console`."""

    def __init__(
        self,
        opened: Opened,
        home: Home,
        clock: Clock,
        *,
        feed: Feed,
        history: History,
        people: People,
        memory: Memory,
        writer: Writer,
        desk: Desk,
        reactions: Reactions,
        group: Group,
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        self._opened, self._home, self._clock = opened, home, clock
        self._feed, self._history, self._people = feed, history, people
        self._memory, self._writer, self._desk = memory, writer, desk
        self._reactions, self._group, self._remarks = reactions, group, remarks
        self._intake = Intake(opened.account, home, people, memory)
        self._read_to: str | None = None  # the newest ts reported
        self._whole: Micros | None = None  # everything since is, or will be, reported
        self._events: OrderedDict[str, None] = OrderedDict()
        self._reading: list[asyncio.Future[Any]] = []
        self._beat = 0

    @property
    def opened(self) -> Opened:
        """Our account and what Slack can do."""
        return self._opened

    async def inspect(self) -> tuple[Remark, ...]:
        """See `bridge.ports.Inspected`."""
        return self._remarks + await asked(self._group.remarks())

    # -------------------------------------------------------------- reading

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        """See `bridge.ports.Link.inbound`. Controls come as they are used, whatever is being read."""
        happenings = self._happenings(after)
        keeping = asyncio.ensure_future(self._feed.keep())
        control, step = asyncio.ensure_future(self._control()), asyncio.ensure_future(anext(happenings))
        self._reading = [keeping, control, step]
        try:
            while True:
                await asyncio.wait(self._reading, return_when=asyncio.FIRST_COMPLETED)
                if keeping.done():
                    keeping.result()  # it ends only by raising
                if control.done():
                    frame, whats = control.result()
                    self._reading[1] = control = asyncio.ensure_future(self._control())
                    for what in whats:
                        yield Inbound(
                            self._home.network, what
                        )  # no cursor: it says nothing of how far was read
                    if (
                        frame.heard is not None and not frame.heard.done()
                    ):  # the core has it, and asks for more
                        frame.heard.set_result(None)
                if step.done():
                    item = step.result()
                    self._reading[2] = step = asyncio.ensure_future(anext(happenings))
                    yield item
        finally:
            await self.close()

    async def close(self) -> None:
        """End the reading, also where nobody waits for what it brings any more."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def _control(self) -> tuple[Frame, list[What]]:
        """The next control that was used, and what it says."""
        frame = await self._feed.control()
        return frame, await self._safely(self._used(frame), frame.body)

    async def _happenings(self, after: Cursor | None) -> AsyncGenerator[Inbound]:
        """The socket is open before the history is read, so that nothing falls between the two."""
        if after is not None:
            self._read_to, directs = ids.parse_cursor(after)
            self._intake.directs.update(dict.fromkeys(directs))
        async for item in self._gap():
            yield item
        while True:
            frame = await self._feed.next()
            if frame is None:
                async for item in self._gap():
                    yield item
                continue
            for what in (whats := await self._open(frame)):
                yield self._inbound(what, last=what is whats[-1])
            if not whats and self._clock.now() - self._beat >= SECOND and (cursor := self._cursor()):
                self._beat = self._clock.now()
                yield Inbound(self._home.network, Beat(), cursor)

    async def acknowledge(self, cursor: Cursor) -> None:
        """Nothing to do: Slack keeps no position for us."""

    async def follow(self, interest: Interest) -> None:
        """See `bridge.ports.Link.follow`."""
        intake, threads = self._intake, frozenset(interest.threads)
        added = threads - intake.threads
        intake.interest, intake.threads = interest, threads
        kept, horizon = list(intake.kept), self._clock.now() - OVERLAP
        intake.kept.clear()
        for news in kept:
            if ids.micros(news.ts) >= horizon:
                self._feed.note(Frame("again", news._asdict()))
        if self._whole is None:
            self._reactions.recall(interest.acts)
            return  # `inbound` will read them
        for place in self._places(added):
            known = self._memory.get(place)
            if ids.micros(place.ts) < self._whole and (known is None or known[0] == place.ts):
                self._feed.note(Frame("thread", place._asdict()))

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        """See `bridge.ports.Link.reread`."""
        places = [p for p in self._places(refs) if p.channel != self._home.hosts]
        wanted = {p.ts for p in places if p.channel == self._home.channel}
        found: dict[str, Message] = {}
        with self._reactions.reading():
            if len(wanted) > FEW:
                oldest = min(ids.micros(ts) for ts in wanted)
                found = (await asked(self._history.sweep(self._home.channel, oldest, 0))).messages
            for ts in sorted(found):
                news = News("changed", self._home.channel, ts, found[ts])
                for what in await self._safely(self._taken(news, 0, again=ts in wanted), news.message):
                    yield Inbound(self._home.network, what)
        for place in places:
            if place.channel == self._home.channel and place.ts in found:
                continue
            for what in await self._reread(place):
                yield Inbound(self._home.network, what)

    async def _reread(self, place: ids.Place) -> list[What]:
        try:
            message = await self._history.one(*place)
        except Failure as failure:
            if failure.kind == "refused":  # a conversation we are no longer in: nothing can be said
                return []
            raise failure.trouble() from None
        if message is None:
            return await self._intake.take(News("gone", *place, {}), again=True)
        return await self._safely(self._taken(News("changed", *place, message), 0, again=True), message)

    # -------------------------------------------------------------- gaps

    async def _gap(self) -> AsyncIterator[Inbound]:
        """What the channel, its threads and the direct conversations hold that was not reported: new, changed
        and, as far as we remember, removed; the reactions there; and who commands."""
        for leaders in await asked(self._group.leaders()):
            yield Inbound(self._home.network, leaders)
        oldest = self._since()
        with self._reactions.reading():
            for news in await self._unread(oldest):
                whats = await self._safely(self._taken(news, oldest), news.message)
                self._advance(news.ts)
                for what in whats:
                    yield self._inbound(what, last=what is whats[-1])

    def _since(self) -> Micros:
        """From when on the history has to be read."""
        interest = self._intake.interest
        oldest = interest.since or self._clock.now()
        if self._read_to is not None:
            oldest = max(interest.since, ids.micros(self._read_to) - OVERLAP)
        self._whole = oldest if self._whole is None else min(self._whole, oldest)
        return oldest

    async def _unread(self, oldest: Micros) -> list[News]:
        """What the history holds of our channels, in the order it was written."""
        home, intake = self._home, self._intake
        heads = [ids.micros(p.ts) for p in self._places(intake.threads) if p.channel == home.channel]
        reading = self._history.sweep(home.channel, min([oldest, *heads]), oldest, intake.lively(oldest))
        standing = intake.standing()
        swept = await asked(reading)
        items = [News("new", home.channel, ts, m) for ts, m in swept.messages.items()]
        missing = [place for place in standing if self._missing(place, swept)]
        items += [News("gone", *p, {}) for p in missing if await asked(self._history.one(*p)) is None]
        for direct in await asked(self._history.directs()):
            remember(intake.directs, direct, None, DIRECTS)
        for direct in tuple(intake.directs):
            messages, _ = await asked(self._history.channel(direct, oldest))
            items += [News("new", direct, m["ts"], m) for m in messages]
        return sorted(items, key=lambda n: ids.micros(n.ts))

    async def _taken(self, news: News, oldest: Micros, *, again: bool = False) -> list[What]:
        """What something that was read says: of what is older than the gap, only what has changed, and the
        reactions."""
        place, whats = ids.Place(news.channel, news.ts), list[What]()
        known = news.kind == "gone" or self._intake.knows(place)
        if known or max(ids.micros(news.ts), convert.edited(news.message)) >= oldest:
            whats += await self._intake.take(news, again=again)
        if news.kind != "gone":
            whats += await asked(self._reactions.standing(place, news.message))
        return whats

    def _missing(self, place: ids.Place, swept: Swept) -> bool:
        """Whether a message should have been found and was not."""
        thread = (self._memory.get(place) or (place.ts, ""))[0]
        looked = thread in swept.threads or (thread == place.ts and ids.micros(place.ts) >= swept.oldest)
        return looked and place.ts not in swept.messages

    async def _thread(self, channel: str, root: str) -> list[What]:
        messages, _ = await asked(self._history.thread(channel, root))
        whats: list[What] = []
        for m in messages:
            whats += await self._safely(self._taken(News("new", channel, m["ts"], m), 0), m)
        return whats

    # -------------------------------------------------------------- one thing that happened

    async def _open(self, frame: Frame) -> list[What]:
        """What a frame says to the core."""
        body = frame.body
        if frame.kind == "bad":
            return [Malformed(body["payload"], body["why"])]
        return await self._safely(self._say(frame), body)

    async def _say(self, frame: Frame) -> list[What]:
        body = frame.body
        match frame.kind:
            case "again":
                return await self._intake.take(News(**body))
            case "thread":
                return await self._thread(body["channel"], body["ts"])
        event = self._event(body)
        if event is None:
            return []
        if event["type"] in {"reaction_added", "reaction_removed"}:
            return [*await self._reactions.live(event, frame.came)]
        if self._group.changes(event):
            return [*await asked(self._group.leaders())]
        news = convert.news(event)
        if news is None or not self._ours_to_read(news.channel, event["type"]):
            return []
        whats = await self._intake.take(news)
        self._advance(news.ts)
        return whats

    async def _used(self, frame: Frame) -> list[What]:
        """What a control says that somebody used."""
        body = frame.body
        if frame.kind == "control":
            if not self._first(console.once(body)):
                return []
            return [*console.commands(body, self._home, await self._called(console.user(body), frame.came))]
        event = self._event(body)
        if event is None:
            return []
        if event["type"] == "app_home_opened":
            return [*console.opened(event, self._home, await self._called({"id": event["user"]}, frame.came))]
        return [*await self._reactions.live(event, frame.came)]

    def _event(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The event in a callback, if it was not seen before."""
        self._home.app = body.get("api_app_id") or self._home.app
        event: dict[str, Any] = body["event"]
        return event if self._first(body.get("event_id")) else None

    async def _called(self, user: dict[str, Any], since: float) -> str:
        """How to call who used a control at `since`."""
        author = await self._people.quickly(user["id"], since)
        return (author and (author.name or author.handle)) or str(user.get("name") or user["id"])

    def _ours_to_read(self, channel: str, kind: str) -> bool:
        """Our channels, direct messages, and where somebody speaks to us. Other channels we are in are not
        our business."""
        home = self._home
        return channel in {home.channel, home.hosts} or channel.startswith("D") or kind == "app_mention"

    # -------------------------------------------------------------- help

    async def _safely(self, reading: Awaitable[list[What]], payload: dict[str, Any]) -> list[What]:
        """What a payload says, if it can be read."""
        try:
            return await reading
        except _UNREADABLE as error:
            return [
                Malformed(
                    console.readable(json.dumps(payload, ensure_ascii=False, sort_keys=True)),
                    f"{type(error).__name__}: {error}",
                )
            ]

    def _first(self, event: str | None) -> bool:
        """Whether this event was not seen before."""
        if event is None or event in self._events:
            return event is None
        remember(self._events, event, None, SEEN)
        return True

    def _advance(self, ts: str) -> None:
        if self._read_to is None or ids.micros(ts) > ids.micros(self._read_to):
            self._read_to = ts

    def _cursor(self) -> Cursor | None:
        return None if self._read_to is None else ids.cursor(self._read_to, tuple(self._intake.directs))

    def _inbound(self, what: What, *, last: bool) -> Inbound:
        return Inbound(self._home.network, what, self._cursor() if last else None)

    def _places(self, refs: Iterable[Ref]) -> list[ids.Place]:
        return [ids.place(ref) for ref in refs if ref.network == self._home.network]

    # -------------------------------------------------------------- writing and the console

    async def send(self, order: Order) -> Outcome:
        """See `bridge.ports.Link.send`."""
        return await self._writer.send(order)

    async def find(self, order: Order) -> Found | Absent | Unknown:
        """See `bridge.ports.Link.find`."""
        return await self._writer.find(order)

    async def show(self, ref: Ref, board: Board) -> None:
        """See `bridge.ports.Console.show`."""
        await self._desk.show(ref, board)

    async def answer(self, answer: str, reply: Reply) -> None:
        """See `bridge.ports.Console.answer`."""
        await self._desk.answer(answer, reply)

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        """See `bridge.ports.Console.whisper`."""
        await self._desk.whisper(account, place, notice)
