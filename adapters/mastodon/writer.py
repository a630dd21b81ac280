"""Carries out orders: posts, edits, removals, likes and boosts."""

from __future__ import annotations

from adapters.mastodon import convert, ids, wire
from adapters.mastodon.intake import Recent
from adapters.mastodon.pictures import Pictures
from adapters.mastodon.sending import Sending, Stop
from bridge.model import (
    Conceal,
    Content,
    Endorse,
    Micros,
    Network,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Report,
    Retract,
    Sent,
    Target,
    Text,
    Update,
    Words,
)
from bridge.text import cut

REASON = 1_000  # characters of a report's comment (Mastodon's source: Report)
GIVE = {"like": "status_favourite", "boost": "status_reblog"}
TAKE = {"like": "status_unfavourite", "boost": "status_unreblog"}


class Writer:
    """Carries out orders for one account. `stamps`: which order made which status, for the finder."""

    def __init__(self, sending: Sending, pictures: Pictures, stamps: Recent[Micros]) -> None:
        self._sending, self._pictures, self._stamps = sending, pictures, stamps

    async def send(self, order: Order) -> Outcome:
        """`Link.send`."""
        try:
            match order.op:
                case Publish() as op:
                    return await self._publish(order, op)
                case Update() as op:
                    return await self._update(op)
                case Retract() as op:
                    return await self._retract(op)
                case Endorse() as op:
                    return await self._endorse(op)
                case Report() as op:
                    return await self._report(op)
                case Conceal():
                    return Refused("Mastodon hides no replies; report it, or block its author there.")
        except Stop as stop:
            return stop.outcome

    async def _publish(self, order: Order, op: Publish) -> Outcome:
        content, key = _words(op.content), ids.key(order.stamp)
        parent = None if op.reply_to is None else target(op.reply_to)
        fields = convert.published(op, content, await self._addressee(op.reach, parent))
        media = [await self._pictures.upload(media, key) for media in content.media]
        answer = await self._sending.write(
            "status_post", **fields, media_ids=media or None, idempotency_key=key
        )
        if answer.status == 404 and parent is not None:
            return Refused(f"the post this replies to is gone from {self._sending.home}")
        outcome = self._sending.outcome(answer)
        if isinstance(outcome, Sent):
            self._stamps.put(outcome.ref.id, order.stamp)
            self._pictures.attached(key, outcome.ref.id)
        return outcome

    async def _update(self, op: Update) -> Outcome:
        content, id_ = _words(op.content), target(op.target)
        media = [await self._pictures.upload(media, id_) for media in content.media]
        if not media:  # an edit that leaves them out drops them
            now = await self._sending.look(id_)
            if now is None:
                return Refused("the post to change is gone")
            media = [a.id for a in now.media_attachments if a.id]
        answer = await self._sending.write(
            "status_update",
            id_,
            convert.outbound(content.text),
            spoiler_text=content.warning,
            sensitive=bool(media and content.warning),
            media_ids=media
            or None,  # never with media_attributes: Mastodon.py 2.3.3 fails on both (measured)
        )
        if answer.status == 404:
            return Refused("the post to change is gone")
        return self._sending.outcome(answer)

    async def _retract(self, op: Retract) -> Outcome:
        name = target(op.target)
        endorsed = ids.endorsed(name)
        method, id_ = (TAKE[endorsed[0]], endorsed[1]) if endorsed else ("status_delete", name)
        answer = await self._sending.write(method, id_)
        if answer.ok or answer.status in (404, 410):
            status = convert.answered(answer.data())
            return Sent(Ref(self._sending.network, name), status.uri if status and not endorsed else "")
        return self._sending.outcome(answer)

    async def _endorse(self, op: Endorse) -> Outcome:
        answer = await self._sending.write(GIVE[op.kind], op.target.id)
        if answer.status in (404, 410):
            return Refused(f"the post is gone from {self._sending.home}")
        outcome, status = self._sending.outcome(answer), convert.answered(answer.data())
        if isinstance(outcome, Sent) and status is not None:
            return given(op, status, self._sending.network)
        return outcome

    async def _report(self, op: Report) -> Outcome:
        """To the moderators of our server, and of the author's if that is another one: as in the web client with
        the box ticked. The same twice makes two reports (Mastodon's source), so it is never sent again."""
        status = await self._sending.look(op.target.id)
        if status is None:
            return Refused(f"the post is gone from {self._sending.home}")
        reason = cut(Text(op.why.strip()), REASON).plain
        answer = await self._sending.write(
            "report",
            status.account.id,
            status_ids=[op.target.id],
            comment=reason,
            forward="@" in status.account.acct,
        )
        data = answer.data() if answer.ok else None
        if isinstance(data, dict) and data.get("id"):
            name = f"report {data['id']}"
            return Sent(Ref(self._sending.network, name), name)
        return self._sending.outcome(answer)

    async def _addressee(self, reach: str, parent: str | None) -> str | None:
        """Whom a direct answer must mention to reach them: the author of what it answers."""
        if reach != "direct" or parent is None:
            return None
        status = await self._sending.look(parent)
        if status is None:
            raise Stop(Refused("the message this answers is gone"))
        return ids.acct(status.account.acct, self._sending.home)


def given(op: Endorse, status: wire.Status, network: Network) -> Sent:
    """Our like or boost as what came of an order. `status`: the one endorsed, or our boost of it."""
    uri = (status.reblog or {}).get("uri") or status.uri
    return Sent(Ref(network, ids.endorsement(op.kind, op.target.id)), ids.endorsement(op.kind, str(uri)))


def target(what: Target | None) -> str:
    """The id of what an order is about. Orders come resolved: a `Ref` of this network."""
    assert isinstance(what, Ref), "an order's target is resolved before it is sent"
    return what.id


def _words(content: Content) -> Words:
    """What Mastodon can show. Ends the order if it is something else."""
    if not isinstance(content, Words):
        raise Stop(Refused(f"Mastodon shows posts, and this is a {type(content).__name__.lower()}"))
    return content
