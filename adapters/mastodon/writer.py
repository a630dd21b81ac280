"""Everything that writes, and what the server's answer to a write means."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.mastodon import convert, ids, wire
from adapters.mastodon.intake import Recent
from adapters.mastodon.rest import Answer, LostError, NotSentError, Rest
from bridge.errors import Unreachable
from bridge.model import (
    SECOND,
    Content,
    Media,
    Micros,
    Network,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Retract,
    RetryLater,
    Sent,
    Target,
    Unclear,
    Update,
    Words,
)
from bridge.ports import Clock

PAUSE = 10.0  # seconds before trying again what certainly failed


class Stop(Exception):
    """The order ends here, before anything was published."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome)


class Writer:
    """Carries out orders for one account. `stamps`: which order made which status, for the finder."""

    def __init__(
        self, network: Network, rest: Rest, home: str, *, clock: Clock, skew: float, stamps: Recent[Micros]
    ) -> None:
        self._network, self._rest, self._home = network, rest, home
        self._clock, self._skew, self._stamps = clock, skew, stamps

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
        except Stop as stop:
            return stop.outcome

    # ------------------------------------------------------------ the three kinds

    async def _publish(self, order: Order, op: Publish) -> Outcome:
        content = _words(op.content)
        parent = None if op.reply_to is None else target(op.reply_to)
        text = convert.outbound(content, await self._addressee(op.reach, parent))
        answer = await self._write(
            "status_post",
            text,
            in_reply_to_id=parent,
            media_ids=[await self._upload(media) for media in content.media] or None,
            sensitive=bool(content.media and content.warning),
            visibility=convert.visibility(op.reach),
            spoiler_text=content.warning,
            language=content.language,
            idempotency_key=ids.key(order.stamp),
        )
        if answer.status == 404 and parent is not None:
            return Refused(f"the post this replies to is gone from {self._home}")
        outcome = self._outcome(answer)
        if isinstance(outcome, Sent):
            self._stamps.put(outcome.ref.id, order.stamp)
        return outcome

    async def _update(self, op: Update) -> Outcome:
        content, id_ = _words(op.content), target(op.target)
        media = [await self._upload(media) for media in content.media]
        if not media:  # an edit that leaves them out drops them on some servers
            now = await self._look(id_)
            if now is None:
                return Refused("the post to change is gone")
            media = [a.id for a in now.media_attachments if a.id]
        answer = await self._write(
            "status_update",
            id_,
            convert.outbound(content),
            spoiler_text=content.warning,
            media_ids=media or None,
        )
        return Refused("the post to change is gone") if answer.status == 404 else self._outcome(answer)

    async def _retract(self, op: Retract) -> Outcome:
        id_ = target(op.target)
        answer = await self._write("status_delete", id_)
        if answer.ok or answer.status in (404, 410):
            status = convert.answered(answer.data())
            return Sent(Ref(self._network, id_), status.uri if status else "")
        return self._outcome(answer)

    # ------------------------------------------------------------ its parts

    async def _write(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """A request that changes something. Ends the order if there is no answer."""
        try:
            return await self._rest.ask(method, *args, **kwargs)
        except NotSentError as error:
            raise Stop(RetryLater(PAUSE, f"{self._home} cannot be reached: {error}")) from None
        except LostError as error:
            raise Stop(Unclear(f"{self._home}: {error}")) from None

    def _outcome(self, answer: Answer) -> Outcome:
        """What the server's answer to a post or an edit means."""
        self._rest.check(answer)
        if answer.ok:
            status = convert.answered(answer.data())
            if status is None:
                return Unclear(f"{self._home} said yes without showing the post")
            return made(status, self._network)
        if answer.status == 429:
            wait = answer.wait(self._clock.now() + int(self._skew * SECOND))
            return RetryLater(wait, f"{self._home} asks us to wait {wait:.0f} s: too many posts or requests")
        if answer.status >= 500 or answer.status == 408:  # may stand before or behind the commit
            return Unclear(f"{self._home} answers {answer.error()} ({answer.status})")
        return Refused(f"{self._home} refuses it: {answer.error()} ({answer.status})")

    async def _look(self, id_: str) -> wire.Status | None:
        """A status as it is now; None if it is gone. Ends the order if that cannot be said."""
        try:
            answer = await self._rest.read("status", id_)
        except Unreachable as error:
            raise Stop(RetryLater(error.after or PAUSE, str(error))) from None
        if answer.status in (404, 410):
            return None
        status = convert.answered(answer.data())
        if status is None:
            raise Stop(RetryLater(PAUSE, f"{self._home} does not show the post: {answer.error()}"))
        return status

    async def _addressee(self, reach: str, parent: str | None) -> str | None:
        """Whom a direct answer must mention to reach them: the author of what it answers."""
        if reach != "direct" or parent is None:
            return None
        status = await self._look(parent)
        if status is None:
            raise Stop(Refused("the message this answers is gone"))
        return ids.acct(status.account.acct, self._home)

    async def _upload(self, media: Media) -> str:
        """Send a picture; gives its id. Ends the order if that fails: nothing is published yet."""
        parts = urlsplit(media.url)
        if parts.scheme not in ("", "file"):
            raise Stop(Refused(f"a picture to post must be a file here, not {media.url}"))
        path = Path(unquote(parts.path))
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            body = await asyncio.to_thread(path.read_bytes)
            answer = await self._rest.ask("media_post", body, mime_type=kind, description=media.alt or None)
        except OSError as error:
            raise Stop(Refused(f"the picture {path} cannot be read: {error.strerror}")) from None
        except (NotSentError, LostError) as error:
            raise Stop(RetryLater(PAUSE, f"{self._home} did not take the picture: {error}")) from None
        data = answer.data()
        if answer.ok and isinstance(data, dict) and isinstance(data.get("id"), str):
            return str(data["id"])
        outcome = self._outcome(answer)
        if isinstance(outcome, Unclear):  # unclear of the picture, not of the post
            outcome = RetryLater(PAUSE, outcome.why)
        raise Stop(outcome)


def made(status: wire.Status, network: Network) -> Sent:
    """A status of ours, as what came of an order."""
    version = status.edited_at.isoformat() if status.edited_at else ""
    return Sent(
        Ref(network, status.id),
        status.uri,
        version,
        convert.address(status.url),
        at=convert.micros(status.created_at),
    )


def target(what: Target | None) -> str:
    """The id of the status an order is about. Orders come resolved: a `Ref` of this network."""
    assert isinstance(what, Ref), "an order's target is resolved before it is sent"
    return what.id


def _words(content: Content) -> Words:
    """What Mastodon can show. Ends the order if it is something else."""
    if not isinstance(content, Words):
        raise Stop(Refused(f"Mastodon shows posts, and this is a {type(content).__name__.lower()}"))
    return content
