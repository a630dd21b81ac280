"""A live connection to one Slack workspace."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any, TypeVar

from adapters.slack import console, convert, ids
from adapters.slack.console import Desk
from adapters.slack.convert import Home, News
from adapters.slack.feed import Feed, Frame
from adapters.slack.history import History, Message, Swept
from adapters.slack.people import People
from adapters.slack.web import Failure
from adapters.slack.writing import Memory, Writer
from bridge.model import (
    MINUTE,
    SECOND,
    Absent,
    Account,
    Beat,
    Board,
    Cursor,
    Echoed,
    Edited,
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
    Post,
    Ref,
    Removed,
    Reply,
    Unknown,
    What,
    Written,
)
from bridge.ports import Clock, Remark

OVERLAP = 10 * MINUTE  # what is read again after a gap: Slack may show things late
KEPT = 1_000  # messages nobody wanted yet, for `OVERLAP`
SEEN = 20_000  # messages remembered as delivered
FEW = 3  # messages read again one by one rather than with the channel around them
DIRECTS = 50  # direct conversations looked into after a gap
_GONE: Micros = -1  # in place of the time of an edit

T = TypeVar("T")
K = TypeVar("K")

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
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        self._opened, self._home, self._clock = opened, home, clock
        self._feed, self._history, self._people = feed, history, people
        self._memory, self._writer, self._desk = memory, writer, desk
        self._remarks = remarks
        self._interest = Interest()
        self._threads: frozenset[Ref] = frozenset()
        self._read_to: str | None = None  # the newest ts reported
        self._whole: Micros | None = None  # everything since is, or will be, reported
        self._seen: OrderedDict[ids.Place, Micros] = OrderedDict()  # -> when edited, or _GONE
        self._echoed: OrderedDict[ids.Place, Micros] = OrderedDict()
        self._events: OrderedDict[str, None] = OrderedDict()
        self._directs: OrderedDict[str, None] = OrderedDict()
        self._kept: deque[News] = deque(maxlen=KEPT)
        self._beat = 0

    @property
    def opened(self) -> Opened:
        """Our account and what Slack can do."""
        return self._opened

    async def inspect(self) -> tuple[Remark, ...]:
        """See `bridge.ports.Inspected`."""
        return self._remarks

    # -------------------------------------------------------------- reading

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        """See `bridge.ports.Link.inbound`. The socket is open before the history is read, so that nothing
        falls between the two."""
        if after is not None:
            self._read_to, directs = ids.parse_cursor(after)
            self._directs.update(dict.fromkeys(directs))
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
        threads = frozenset(interest.threads)
        added, self._threads = threads - self._threads, threads
        self._interest = interest
        kept, horizon = list(self._kept), self._clock.now() - OVERLAP
        self._kept.clear()
        for news in kept:
            if ids.micros(news.ts) >= horizon:
                self._feed.note(Frame("again", news._asdict()))
        if self._whole is None:
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
        if len(wanted) > FEW:
            oldest = min(ids.micros(ts) for ts in wanted)
            found = (await self._asked(self._history.sweep(self._home.channel, oldest, 0))).messages
        for ts in sorted(found):
            news = News("changed", self._home.channel, ts, found[ts])
            for what in await self._safely(self._take(news, again=ts in wanted), news.message):
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
            return await self._take(News("gone", *place, {}), again=True)
        return await self._safely(self._take(News("changed", *place, message), again=True), message)

    # -------------------------------------------------------------- gaps

    async def _gap(self) -> AsyncIterator[Inbound]:
        """What the channel, its threads and the direct conversations hold that was not reported: new, changed
        and, as far as we remember, removed."""
        home, interest = self._home, self._interest
        oldest = interest.since or self._clock.now()
        if self._read_to is not None:
            oldest = max(interest.since, ids.micros(self._read_to) - OVERLAP)
        self._whole = oldest if self._whole is None else min(self._whole, oldest)
        heads = [ids.micros(p.ts) for p in self._places(self._threads) if p.channel == home.channel]
        reading = self._history.sweep(home.channel, min([oldest, *heads]), oldest, self._lively(oldest))
        seen = [p for p, edited in self._seen.items() if p.channel == home.channel and edited != _GONE]
        swept = await self._asked(reading)
        items = [News("new", home.channel, ts, m) for ts, m in swept.messages.items()]
        missing = [place for place in seen if self._missing(place, swept)]
        items += [News("gone", *p, {}) for p in missing if await self._asked(self._history.one(*p)) is None]
        for direct in await self._asked(self._history.directs()):
            _remember(self._directs, direct, None, DIRECTS)
        for direct in tuple(self._directs):
            messages, _ = await self._asked(self._history.channel(direct, oldest))
            items += [News("new", direct, m["ts"], m) for m in messages]
        for news in sorted(items, key=lambda n: ids.micros(n.ts)):
            known = news.kind == "gone" or ids.Place(news.channel, news.ts) in self._seen
            if not known and max(ids.micros(news.ts), convert.edited(news.message)) < oldest:
                continue
            whats = await self._safely(self._take(news), news.message)
            self._advance(news.ts)
            for what in whats:
                yield self._inbound(what, last=what is whats[-1])

    def _missing(self, place: ids.Place, swept: Swept) -> bool:
        """Whether a message should have been found and was not."""
        thread = (self._memory.get(place) or (place.ts, ""))[0]
        looked = thread in swept.threads or (thread == place.ts and ids.micros(place.ts) >= swept.oldest)
        return looked and place.ts not in swept.messages

    def _lively(self, since: Micros) -> set[str]:
        """The threads in which we saw a reply of that time: it may be gone by now."""
        recent = (p for p in self._seen if p.channel == self._home.channel and ids.micros(p.ts) >= since)
        return {known[0] for p in recent if (known := self._memory.get(p)) and known[0] != p.ts}

    async def _thread(self, channel: str, root: str) -> list[What]:
        messages, _ = await self._asked(self._history.thread(channel, root))
        whats: list[What] = []
        for m in messages:
            whats += await self._safely(self._take(News("new", channel, m["ts"], m)), m)
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
                return await self._take(News(**body))
            case "thread":
                return await self._thread(body["channel"], body["ts"])
            case "command":
                fresh = self._first(body.get("trigger_id"))
                return [console.typed(body, self._home)] if fresh else []
            case "action":
                fresh = self._first(body.get("trigger_id"))
                return [*console.pressed(body, self._home, await self._called(body["user"]))] if fresh else []
        self._home.app = body.get("api_app_id") or self._home.app
        news = convert.news(body["event"]) if self._first(body.get("event_id")) else None
        if news is None or not self._ours_to_read(news.channel, body["event"]["type"]):
            return []
        whats = await self._take(news)
        self._advance(news.ts)
        return whats

    async def _called(self, user: dict[str, Any]) -> str:
        """How to call who pressed a button. A command must not fail for want of a name."""
        try:
            return (await self._people.meet([user["id"]]))[user["id"]].name
        except Failure:
            return str(user.get("name") or user["id"])

    def _ours_to_read(self, channel: str, kind: str) -> bool:
        """Our channels, direct messages, and where somebody speaks to us. Other channels we are in are not
        our business."""
        home = self._home
        return channel in {home.channel, home.hosts} or channel.startswith("D") or kind == "app_mention"

    async def _take(self, news: News, *, again: bool = False) -> list[What]:
        """What one change of one message is to the core. `again`: say it even if it has been said."""
        home, place, message = self._home, ids.Place(news.channel, news.ts), news.message
        ref = ids.ref(home.network, *place)
        before = self._seen.get(place)
        if news.kind == "gone":
            if home.ours(message) or news.channel == home.hosts or (before == _GONE and not again):
                return []
            _remember(self._seen, place, _GONE, SEEN)
            return [Removed(ref)]
        self._memory.saw(news.channel, message)
        if home.ours(message):
            return self._echo(place, message)
        edited = convert.edited(message)
        if before is not None and not again and (before == _GONE or edited <= before):
            return []
        post = await self._post(news)
        if post is None:
            return []
        if not self._wanted(post):
            self._kept.append(news)
            return []
        _remember(self._seen, place, edited, SEEN)
        if news.channel.startswith("D"):
            _remember(self._directs, news.channel, None, DIRECTS)
        known = self._people.introduction(message["user"])
        whats: list[What] = [] if known is None else [known]
        if before is None and not again:
            whats.append(Written(post))
        if edited or before is not None or again:
            whats.append(Edited(post))
        return whats

    def _echo(self, place: ids.Place, message: dict[str, Any]) -> list[What]:
        stamp = convert.stamp(message)
        if stamp is None or self._echoed.get(place) == stamp:
            return []
        _remember(self._echoed, place, stamp, SEEN)
        home = self._home
        return [Echoed(stamp, ids.ref(home.network, *place), ids.uri(home.team, *place))]

    async def _post(self, news: News) -> Post | None:
        home = self._home
        if news.channel == home.hosts or not convert.personal(news.message):
            return None
        authors = await self._asked(self._people.meet(convert.people(news.message)))
        return convert.inbound(news.message, news.channel, home, authors, self._interest.tags)

    def _wanted(self, post: Post) -> bool:
        if post.reach == "direct" or self._opened.account in post.mentions:
            return True
        followed = post.root in self._threads or any(quoted in self._threads for quoted in post.quotes)
        return post.at >= self._interest.since and (
            followed or not set(post.tags).isdisjoint(self._interest.tags)
        )

    # -------------------------------------------------------------- help

    async def _asked(self, request: Awaitable[T]) -> T:
        """What was read, or the LinkError that stands for its failure."""
        try:
            return await request
        except Failure as failure:
            raise failure.trouble() from None

    async def _safely(self, reading: Awaitable[list[What]], payload: dict[str, Any]) -> list[What]:
        """What a payload says, if it can be read."""
        try:
            return await reading
        except _UNREADABLE as error:
            return [Malformed(console.readable(payload), f"{type(error).__name__}: {error}")]

    def _first(self, event: str | None) -> bool:
        """Whether this event was not seen before."""
        if event is None or event in self._events:
            return event is None
        _remember(self._events, event, None, SEEN)
        return True

    def _advance(self, ts: str) -> None:
        if self._read_to is None or ids.micros(ts) > ids.micros(self._read_to):
            self._read_to = ts

    def _cursor(self) -> Cursor | None:
        return None if self._read_to is None else ids.cursor(self._read_to, tuple(self._directs))

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


def _remember(memory: OrderedDict[K, T], key: K, value: T, most: int) -> None:
    """Keep the newest `most`."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)
