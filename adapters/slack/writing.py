"""What the core wants done in Slack, done once, and found again when its answer was lost."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.slack import blocks, convert, ids, platform
from adapters.slack.controls import TooLong
from adapters.slack.convert import Home
from adapters.slack.history import History
from adapters.slack.pictures import Pictures, Unfit
from adapters.slack.web import Failure, Web
from bridge.model import (
    MINUTE,
    Absent,
    Conceal,
    Content,
    Endorse,
    Found,
    Gathered,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Report,
    Retract,
    Sent,
    Unknown,
    Update,
)

log = logging.getLogger(__name__)

_MOST = 20_000  # messages whose thread or author is remembered
_DIRECTS = 50  # pages of direct conversations looked through for one person's

# Slack must neither make links and mentions of bare words (chat.update would) nor unfold links.
_LITERAL: dict[str, Any] = {"parse": "none", "link_names": False}
_FOLDED: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


class Memory:
    """Where messages stand: the thread of each, and who wrote it, as far as we have seen them."""

    def __init__(self) -> None:
        self._roots: OrderedDict[ids.Place, tuple[str, str]] = OrderedDict()
        self.directs: OrderedDict[str, str] = OrderedDict()  # user id -> direct conversation

    def saw(self, channel: str, message: dict[str, Any]) -> None:
        """Remember a message."""
        thread = str(message.get("thread_ts") or message["ts"])
        user = str(message.get("user") or "")
        self._roots[ids.Place(channel, message["ts"])] = thread, user
        while len(self._roots) > _MOST:
            self._roots.popitem(last=False)
        if channel.startswith("D") and user:
            self.directs[user] = channel

    def get(self, place: ids.Place) -> tuple[str, str] | None:
        """Thread root and user id."""
        return self._roots.get(place)


class Writer:
    """Sends and finds orders."""

    def __init__(self, web: Web, history: History, home: Home, memory: Memory, pictures: Pictures) -> None:
        self._web, self._history, self._home, self._memory = web, history, home, memory
        self._pictures = pictures
        self._room = blocks.TOTAL  # characters of entries in one message, as far as we know

    async def send(self, order: Order) -> Outcome:
        """Raises NeedsLogin; see `bridge.ports.Link.send`."""
        try:
            match order.op:
                case Publish():
                    return await self._publish(order, order.op)
                case Update():
                    return await self._update(order, order.op)
                case Retract():
                    return await self._retract(order.op)
                case Endorse():
                    return Refused("Slack has no likes or boosts.")
                case Report() | Conceal():
                    return Refused("In Slack a message's author and the workspace's admins can delete it.")
        except (TooLong, Unfit) as error:
            return Refused(str(error))
        except Failure as failure:
            return failure.outcome()

    # -------------------------------------------------------------- doing

    async def _publish(self, order: Order, op: Publish) -> Outcome:
        where = await self._where(order, op)
        if isinstance(where, Refused):
            return where
        channel, thread = where
        mark = {"metadata": convert.metadata(order.stamp)} | ({"thread_ts": thread} if thread else {})
        arguments = {"channel": channel, **_LITERAL, **_FOLDED, **mark}
        answer = await self._say("chat.postMessage", op.content, arguments)
        if thread and (answer.get("message") or {}).get("thread_ts") != thread:  # its first message is gone
            if not isinstance(op.content, Gathered):
                await self._web.write("chat.delete", {"channel": answer["channel"], "ts": answer["ts"]})
                return Refused("The message it replies to is gone.")
            thread = None
        self._memory.saw(answer["channel"], {"ts": answer["ts"], "thread_ts": thread})
        if _personal(channel):
            self._memory.directs[channel] = answer["channel"]
        return self._sent(answer["channel"], answer["ts"], thread)

    async def _update(self, order: Order, op: Update) -> Outcome:
        place = self._place(op.target)
        mark = {"metadata": convert.metadata(order.stamp)}
        arguments = {**place._asdict(), **_LITERAL, **mark}
        answer = await self._say("chat.update", op.content, arguments, named=isinstance(op.content, Gathered))
        return self._sent(answer["channel"], answer["ts"], version=str(order.stamp))

    async def _say(
        self, method: str, content: Content, arguments: dict[str, Any], *, named: bool = False
    ) -> dict[str, Any]:
        """Slack refuses a whole message for one picture that it cannot fetch or has not looked at yet; then the
        pictures are described. It does not say how much a message holds; what several entries take is made less
        until it fits, and stays so. Raises Failure, Unfit, TooLong."""
        files: Mapping[str, str] | None = await self._pictures.uploaded(content)
        while True:
            shown = blocks.message(content, named=named, files=files, room=self._room)
            try:
                return await self._web.write(method, arguments | shown.arguments())
            except Failure as failure:
                if failure.error == "invalid_blocks" and shown.illustrated:
                    files = None
                elif failure.error == "msg_blocks_too_long" and isinstance(content, Gathered):
                    self._room = min(self._room, shown.weight) * 9 // 10
                else:
                    raise
                log.warning("slack: shown with less: %s", failure)

    async def _retract(self, op: Retract) -> Outcome:
        place = self._place(op.target)
        try:
            await self._web.write("chat.delete", place._asdict())
        except Failure as failure:
            if failure.error not in {"message_not_found", "thread_not_found"}:
                raise
        return self._sent(place.channel, place.ts)

    async def _where(self, order: Order, op: Publish) -> tuple[str, str | None] | Refused:
        """Channel and thread. A private answer to words in a channel goes to their author alone; for one person
        the channel is their direct conversation, or their id, which opens it."""
        if op.to:
            known = self._memory.directs.get(op.to) or op.to
            return (known, None) if _personal(op.to) else Refused(f"{op.to!r} is not the ID of a member.")
        if not isinstance(op.reply_to, Ref):
            if op.reach == "direct":
                return Refused("A direct message in Slack must answer somebody's message.")
            return (self._home.hosts if order.place == "hosts" else self._home.channel), None
        target = self._place(op.reply_to)
        if target.channel.startswith("D"):
            return target.channel, None
        thread, user = await self._stands(target)
        if op.reach != "direct":
            return target.channel, thread
        return (self._memory.directs.get(user) or user, None) if user else Refused("Its author is not known.")

    async def _stands(self, place: ids.Place) -> tuple[str, str]:
        """The thread of a message and its author; asked of Slack if it is not remembered."""
        if (known := self._memory.get(place)) is not None:
            return known
        try:
            message = await self._history.one(*place)
        except Failure as failure:
            if failure.kind != "unclear":
                raise
            raise Failure(failure.method, "unsent", failure.error, "looking up its thread", 5.0) from None
        if message is None:
            raise Failure("chat.postMessage", "refused", "message_not_found", "what it replies to")
        self._memory.saw(place.channel, message)
        return self._memory.get(place) or (place.ts, "")

    # -------------------------------------------------------------- finding

    async def find(self, order: Order) -> Found | Absent | Unknown:
        """By the stamp in the metadata, which every message of ours carries."""
        try:
            match order.op:
                case Publish():
                    return await self._find_published(order, order.op)
                case Update(target=target):
                    message = await self._history.one(*self._place(target))
                    as_wanted = message is not None and convert.stamp(message) == order.stamp
                    return self._found(target, str(order.stamp)) if as_wanted else Absent()
                case Retract(target=target):
                    gone = await self._history.one(*self._place(target)) is None
                    return self._found(target) if gone else Absent()
                case Endorse() | Report() | Conceal():
                    return Absent()
        except Failure as failure:
            if failure.kind == "login":
                raise failure.trouble() from None
            return Unknown(str(failure))

    async def _find_published(self, order: Order, op: Publish) -> Found | Absent | Unknown:
        where = await self._where(order, op)
        if isinstance(where, Refused):
            return Absent()
        channel, thread = where
        if _personal(channel):
            try:
                channel = await self._direct(channel)
            except Failure as failure:
                if failure.error != "missing_scope":
                    raise
                return Unknown(f"Slack does not say in which direct conversation it would be: {failure}")
            if not channel:
                return Absent()  # it would have begun one
        oldest = order.stamp - MINUTE  # it cannot be older than its order, save for the clocks' difference
        messages, complete = (
            await self._history.channel(channel, oldest)
            if thread is None
            else await self._history.thread(channel, thread, oldest)
        )
        ours = self._of(order, messages)
        if thread and not ours:  # without its first message it would stand in the channel
            thread = None
            messages, whole = await self._history.channel(channel, oldest)
            ours, complete = self._of(order, messages), complete and whole
        if ours:
            return Found(tuple(self._sent(channel, ts, thread) for ts in ours))
        return Absent() if complete else Unknown("Too much was written since to look through.")

    def _of(self, order: Order, messages: Iterable[Mapping[str, Any]]) -> list[str]:
        """Where an order's messages stand among others, oldest first."""
        return sorted(m["ts"] for m in messages if convert.stamp(m) == order.stamp and self._home.ours(m))

    async def _direct(self, user: str) -> str:
        """The direct conversation with somebody, "" if there is none. Raises Failure."""
        async for page in self._web.pages("users.conversations", _DIRECTS, types="im"):
            for direct in page["channels"]:
                if direct.get("user") == user:
                    self._memory.directs[user] = str(direct["id"])
                    return str(direct["id"])
        return ""

    def _found(self, target: Ref | tuple[int, int], version: str = "") -> Found:
        place = self._place(target)
        return Found((self._sent(place.channel, place.ts, version=version),))

    def _sent(self, channel: str, ts: str, thread: str | None = None, version: str = "") -> Sent:
        home = self._home
        return Sent(
            ref=ids.ref(home.network, channel, ts),
            uri=ids.uri(home.team, channel, ts),
            version=version or ts,
            at=ids.micros(ts),
            url=ids.permalink(home.site, channel, ts, thread),
        )

    def _place(self, target: Ref | tuple[int, int]) -> ids.Place:
        assert isinstance(target, Ref), "targets are resolved before an order is dispatched"
        try:
            return ids.place(target)
        except ValueError as error:
            raise Failure("chat", "refused", "not a message of Slack", str(error)) from None


def _personal(channel: str) -> bool:
    """Whether a message sent there goes to one member: where a channel's id is asked for, a member's will do."""
    return re.fullmatch(platform.handle[0], channel) is not None
