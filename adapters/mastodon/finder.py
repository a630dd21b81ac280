"""What an order whose answer never came has made: a look at our own account's recent statuses."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.mastodon import convert, ids, wire
from adapters.mastodon.intake import Recent
from adapters.mastodon.rest import Answer, Rest
from adapters.mastodon.sending import made
from adapters.mastodon.writer import given, target
from bridge.errors import Unreachable
from bridge.model import (
    MINUTE,
    SECOND,
    Absent,
    Conceal,
    Endorse,
    Found,
    Micros,
    Network,
    Order,
    Publish,
    Ref,
    Report,
    Retract,
    Sent,
    Unknown,
    Update,
    Words,
)

PAGE = 40
PAGES = 10  # of our own statuses: more than the 300 in 3 hours that Mastodon allows
MARGIN = MINUTE  # how far the server's clock may be behind beyond the skew measured


class Finder:
    """Searches for one account, `me` (the server's id). `stamps`: which order made which status, so that two
    orders of the same words are told apart."""

    def __init__(self, network: Network, rest: Rest, me: str, *, skew: float, stamps: Recent[Micros]) -> None:
        self._network, self._rest, self._me = network, rest, me
        self._skew, self._stamps = int(skew * SECOND), stamps

    async def find(self, order: Order) -> Found | Absent | Unknown:
        """`Link.find`."""
        try:
            match order.op:
                case Publish() as op:
                    return await self._published(order, op)
                case Update() as op:
                    return await self._updated(op)
                case Retract() as op:
                    return await self._retracted(op)
                case Endorse() as op:
                    return await self._endorsed(op)
                case Report():
                    return Unknown("a server does not list our reports")
                case Conceal():
                    return Absent()
        except Unreachable as error:
            return Unknown(str(error))

    async def _published(self, order: Order, op: Publish) -> Found | Absent | Unknown:
        said = op.content if isinstance(op.content, Words) else None  # taken out of the order meanwhile
        parent = None if op.reply_to is None else target(op.reply_to)
        since = order.stamp + self._skew - MARGIN
        found: list[Sent] = []
        async for status in self._own():
            if status is None:
                return Unknown("the server does not list our own posts far enough back")
            if convert.micros(status.created_at) < since:
                break
            other = self._stamps.get(status.id, order.stamp) != order.stamp
            if not other and self._same(status, op, said, parent):
                found.append(made(status, self._network))
        if found and said is None:
            return Unknown("its words were taken out meanwhile, and other posts of ours stand in its place")
        return Found(tuple(reversed(found))) if found else Absent()

    def _same(self, status: wire.Status, op: Publish, said: Words | None, parent: str | None) -> bool:
        """Whether a status of ours is what the order asks for, or may be if nobody knows what that said. A parent
        that is gone is gone from the status as well."""
        placed = status.in_reply_to_id in (parent, None) if parent else status.in_reply_to_id is None
        return (
            placed
            and convert.shown(status, op.reach)
            and (said is None or convert.says(status, said, addressed=op.reach == "direct"))
        )

    async def _own(self) -> AsyncIterator[wire.Status | None]:
        """Our statuses, newest first; None in the end if there are more than are looked at, or if one cannot
        be read."""
        last: str | None = None
        for _ in range(PAGES):
            answer = await self._rest.read(
                "account_statuses", self._me, exclude_reblogs=True, max_id=last, limit=PAGE
            )
            page = answer.data() if answer.ok else None
            if not isinstance(page, list):
                yield None
                return
            if not page:
                return
            for payload in page:
                status = convert.answered(payload)
                yield status
                if status is None:
                    return
                last = status.id
        yield None

    async def _updated(self, op: Update) -> Found | Absent | Unknown:
        answer = await self._rest.read("status", target(op.target))
        if answer.status in (404, 410):
            return Absent()
        status = _shown(answer)
        if status is None:
            return Unknown(f"the server does not show the post: {answer.error()}")
        done = isinstance(op.content, Words) and convert.says(status, op.content)
        return Found((made(status, self._network),)) if done else Absent()

    async def _retracted(self, op: Retract) -> Found | Absent | Unknown:
        name = target(op.target)
        kind, id_ = ids.endorsed(name) or (None, name)
        answer = await self._rest.read("status", id_)
        if answer.status in (404, 410) or (kind and (status := _shown(answer)) and not _given(status, kind)):
            return Found((Sent(Ref(self._network, name), ""),))
        return Absent() if answer.ok else Unknown(f"the server does not say: {answer.error()}")

    async def _endorsed(self, op: Endorse) -> Found | Absent | Unknown:
        answer = await self._rest.read("status", op.target.id)
        if answer.status in (404, 410):
            return Absent()
        status = _shown(answer)
        if status is None:
            return Unknown(f"the server does not say: {answer.error()}")
        return Found((given(op, status, self._network),)) if _given(status, op.kind) else Absent()


def _shown(answer: Answer) -> wire.Status | None:
    return convert.answered(answer.data()) if answer.ok else None


def _given(status: wire.Status, kind: ids.Kind) -> bool:
    """Whether we like or boost it."""
    return bool(status.favourited if kind == "like" else status.reblogged)
