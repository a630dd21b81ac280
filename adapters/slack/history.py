"""What stands in the channels, read back: for gaps, for lost answers, for the nightly look."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

import msgspec

from adapters.slack import ids
from adapters.slack.convert import TOMBSTONE
from adapters.slack.web import Failure, Web
from bridge.model import Micros

_PAGES = 50  # of a channel, newest first: 10,000 messages
_THREAD_PAGES = 10
_THREADS = 100  # threads looked into for one gap, the most recently active first

Message = dict[str, Any]

log = logging.getLogger(__name__)


class Swept(msgspec.Struct):
    """Messages by ts, and how much they prove: every live message from `oldest` on that stands in the channel
    itself or in a thread of `threads` is among them."""

    messages: dict[str, Message]
    threads: set[str]
    oldest: Micros


class History:
    """The channels our app is in. Everything here raises Failure."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def one(self, channel: str, ts: str) -> Message | None:
        """A message wherever it stands, with its metadata; None if it is certainly gone."""
        try:
            page = await self._web.read(
                "conversations.replies",
                channel=channel,
                ts=ts,
                oldest=ts,
                latest=ts,
                inclusive=True,
                include_all_metadata=True,
                limit=10,
            )
        except Failure as failure:
            if failure.error in {"thread_not_found", "message_not_found"}:
                return None
            raise
        return next((m for m in page["messages"] if m.get("ts") == ts and not gone(m)), None)

    async def thread(self, channel: str, root: str, oldest: Micros = 0) -> tuple[list[Message], bool]:
        """A thread's replies since `oldest`, and whether these are all; none if the thread is gone."""
        return await self._list(
            "conversations.replies",
            _THREAD_PAGES,
            channel=channel,
            ts=root,
            oldest=since(oldest),
            inclusive=True,
        )

    async def channel(self, channel: str, oldest: Micros) -> tuple[list[Message], bool]:
        """What stands in a channel itself since `oldest`, newest first, and whether this is all."""
        return await self._list(
            "conversations.history", _PAGES, channel=channel, oldest=since(oldest), inclusive=True
        )

    async def directs(self) -> list[str]:
        """The direct conversations people have with us; none if we may not list them."""
        found: list[str] = []
        try:
            async for page in self._web.pages("users.conversations", _PAGES, types="im"):
                found += [str(c["id"]) for c in page["channels"]]
        except Failure as failure:
            if failure.error != "missing_scope":
                raise
        return found

    async def sweep(self, channel: str, oldest: Micros, active: Micros, also: Collection[str] = ()) -> Swept:
        """The channel since `oldest`, with the threads in it that had a reply since `active`, or whose first
        message is named in `also`."""
        top, complete = await self.channel(channel, oldest)
        if not complete and top:
            oldest = ids.micros(top[-1]["ts"])
            log.warning("slack: too much stands in %s to read it all; what is older is left out", channel)
        swept = Swept({m["ts"]: m for m in top}, set(), oldest)
        latest = {str(m["ts"]): str(m.get("latest_reply") or "0.000000") for m in top}
        roots = [ts for ts, last in latest.items() if ts in also or ids.micros(last) >= max(active, 1)]
        for root in sorted(roots, key=lambda ts: latest[ts], reverse=True)[:_THREADS]:
            replies, complete = await self.thread(channel, root)
            swept.messages |= {m["ts"]: m for m in replies}
            if complete:
                swept.threads.add(root)
        swept.messages = {ts: m for ts, m in swept.messages.items() if not gone(m)}
        return swept

    async def _list(self, method: str, most: int, **arguments: Any) -> tuple[list[Message], bool]:
        messages: list[Message] = []
        more = False
        try:
            async for page in self._web.pages(method, most, include_all_metadata=True, **arguments):
                messages += page["messages"]
                more = bool(page.get("has_more"))
        except Failure as failure:
            if failure.error != "thread_not_found":
                raise
        return messages, not more


def gone(message: Message) -> bool:
    """Whether only the place of a deleted message is left, since others replied to it."""
    return message.get("subtype") == TOMBSTONE


def since(at: Micros) -> str:
    """A lower bound for `oldest`; never before 1970."""
    return ids.timestamp(max(at, 0))
