"""The link: logs in, learns what the server can do, and ties reading and writing together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from adapters.mastodon import convert, ids, platform
from adapters.mastodon.finder import Finder
from adapters.mastodon.inspector import Inspector
from adapters.mastodon.intake import Intake, Recent
from adapters.mastodon.pictures import Pictures, Uploads
from adapters.mastodon.reader import Reader
from adapters.mastodon.rest import Answer, Rest
from adapters.mastodon.sending import Sending
from adapters.mastodon.stream import Stream, address
from adapters.mastodon.writer import Writer
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    SECOND,
    Absent,
    Capabilities,
    Cursor,
    Found,
    Inbound,
    Interest,
    Micros,
    Network,
    Opened,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Sent,
    Unclear,
    Unknown,
)
from bridge.ports import Clock, Link, SessionStore

if TYPE_CHECKING:
    from adapters.mastodon import Settings

KEY_LASTS = 3600.0  # seconds Mastodon remembers an Idempotency-Key (its source)
STAMPS = 2_000  # own statuses whose order is remembered
UPLOADS = 200  # orders and statuses whose pictures are remembered


class MastodonAdapter:
    """One account on one server."""

    def __init__(self, name: Network, settings: Settings, token: str, clock: Clock) -> None:
        self.name = name
        self._server, self._api = settings.server, (settings.api or settings.server).rstrip("/")
        self._token, self._clock = token, clock
        self._stamps: Recent[Micros] = Recent(STAMPS)
        self._uploads: Uploads = Recent(UPLOADS)

    def __repr__(self) -> str:
        return f"MastodonAdapter({self.name!r}, {self._server!r})"

    def open(self, sessions: SessionStore) -> AbstractAsyncContextManager[Link]:
        """Log in. A Mastodon token does not rotate: nothing is stored in `sessions`."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Link]:
        if not self._token:
            raise NeedsLogin(
                f"{self.name} has no access token. Make one on your server, under Preferences, Development, and set "
                f"{self.name.upper()}_TOKEN."
            )
        rest = Rest(self._api, self._token, self._clock)
        try:
            link = await self._connect(rest)
            try:
                yield link
            finally:
                await link.close()
        finally:
            rest.close()

    async def _connect(self, rest: Rest) -> MastodonLink:
        """Ask who we are and what the server can do."""
        about, own = await rest.read("instance_v2"), await rest.read("account_verify_credentials")
        skew = self._skew(own)
        instance = found if about.ok and isinstance(found := about.data(), dict) else {}
        home = str(instance.get("account_domain") or instance.get("domain") or ids.host(self._server))
        me = convert.person(own.data()) if own.ok else None
        if me is None:
            if own.status == 403:
                raise NeedsLogin(f"{self._server} lets the account do nothing: {own.error()}")
            raise Unreachable(f"{self._server} does not answer like Mastodon: {own.error()}")
        author = convert.author(me, home)
        opened = Opened(
            network=self.name,
            account=author.account,
            handle=author.handle,
            url=author.url,
            skew=skew,
            capabilities=Capabilities(
                limits=convert.limits(instance, platform.limits),
                resend="same_key" if convert.honours_keys(instance) else "look_first",
                key_lasts=KEY_LASTS,
                edits=True,
                endorses=True,
                reports=True,
            ),
        )
        stream = Stream(self.name, address(self._api, convert.streaming(instance)), self._token, self._clock)
        intake = Intake(self.name, home, author.account, self._clock.now)
        sending = Sending(self.name, rest, home, clock=self._clock, skew=skew)
        pictures = Pictures(sending, self._uploads, opened.capabilities.limits.image)
        return MastodonLink(
            opened,
            stream,
            intake,
            reader=Reader(self.name, rest, stream, intake, clock=self._clock, skew=skew),
            writer=Writer(sending, pictures, self._stamps),
            finder=Finder(self.name, rest, me.id, skew=skew, stamps=self._stamps),
            inspector=Inspector(rest, me, home, token=self._token, stream=stream.address, clock=self._clock),
        )

    def _skew(self, answer: Answer) -> float:
        """Seconds the server's clock is ahead; its Date header tells whole seconds."""
        date = answer.date()
        return 0.0 if date is None else round((date + SECOND // 2 - self._clock.now()) / SECOND, 1)


class MastodonLink:
    """`Link`. What it does is in the reader, the writer and the finder."""

    def __init__(
        self,
        opened: Opened,
        stream: Stream,
        intake: Intake,
        *,
        reader: Reader,
        writer: Writer,
        finder: Finder,
        inspector: Inspector,
    ) -> None:
        self._opened, self._stream, self._intake = opened, stream, intake
        self._reader, self._writer, self._finder = reader, writer, finder
        self.inspect = inspector.inspect
        self._reading: asyncio.Task[None] | None = None

    @property
    def opened(self) -> Opened:
        return self._opened

    def budget(self) -> dict[str, int]:
        """`bridge.ports.Budgeted`."""
        return self._reader.budget()

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        assert self._reading is None, "inbound is called once per open link"
        self._reading = asyncio.create_task(self._reader.run(after), name=f"{self._opened.network} reads")
        while True:
            yield await self._reader.next()

    async def acknowledge(self, cursor: Cursor) -> None:
        """Nothing to do: the server keeps no place for us."""

    async def follow(self, interest: Interest) -> None:
        new = set(interest.tags) - set(self._intake.interest.tags)
        self._stream.want(interest.tags)
        self._reader.tell(self._intake.follow(interest))
        if new or self._intake.unseen():
            self._reader.wake()

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        async for what in self._reader.reread(refs):
            yield Inbound(self._opened.network, what)

    async def send(self, order: Order) -> Outcome:
        outcome = await self._writer.send(order)
        if isinstance(outcome, Refused) and isinstance(order.op, Publish) and order.op.reply_to is not None:
            outcome = await self._in_spite_of(outcome, order)
        if isinstance(outcome, Sent):
            self._intake.looked_at.put(outcome.ref.id, None)
        return outcome

    async def _in_spite_of(self, refused: Refused, order: Order) -> Outcome:
        """Mastodon looks for the parent before it looks at the key (its source): an order sent before may
        have been carried out, and its parent gone since."""
        match await self._finder.find(order):
            case Found(posts):
                return posts[0]
            case Unknown(why):
                return Unclear(why)
        return refused

    async def find(self, order: Order) -> Found | Absent | Unknown:
        return await self._finder.find(order)

    async def close(self) -> None:
        """End the reading."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
