"""One request that changes something, and what the server's answer means for the order behind it."""

from __future__ import annotations

from typing import Any

from adapters.mastodon import convert, wire
from adapters.mastodon.rest import Answer, LostError, NotSentError, Rest
from bridge.errors import Unreachable
from bridge.model import SECOND, Network, Outcome, Ref, Refused, RetryLater, Sent, Unclear
from bridge.ports import Clock

PAUSE = 10.0  # seconds before trying again what certainly failed


class Stop(Exception):
    """The order ends here, before anything was published."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome)


class Sending:
    """Requests for one account. `home`: how people call the server; `skew`: seconds its clock is ahead."""

    def __init__(self, network: Network, rest: Rest, home: str, *, clock: Clock, skew: float) -> None:
        self.network, self.rest, self.home, self.clock = network, rest, home, clock
        self._skew = skew

    async def write(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """A request that changes something. Raises Stop if there is no answer."""
        try:
            return await self.rest.ask(method, *args, **kwargs)
        except NotSentError as error:
            raise Stop(RetryLater(PAUSE, f"{self.home} cannot be reached: {error}")) from None
        except LostError as error:
            raise Stop(Unclear(f"{self.home}: {error}")) from None

    async def look(self, id_: str) -> wire.Status | None:
        """A status as it is now; None if it is gone. Raises Stop if that cannot be said."""
        try:
            answer = await self.rest.read("status", id_)
        except Unreachable as error:
            raise Stop(RetryLater(error.after or PAUSE, str(error))) from None
        if answer.status in (404, 410):
            return None
        status = convert.answered(answer.data())
        if status is None:
            raise Stop(RetryLater(PAUSE, f"{self.home} does not show the post: {answer.error()}"))
        return status

    def outcome(self, answer: Answer) -> Outcome:
        """What the answer to a post or an edit means. Raises NeedsLogin."""
        self.rest.check(answer)
        if answer.ok:
            status = convert.answered(answer.data())
            if status is None:
                return Unclear(f"{self.home} said yes without showing the post")
            return made(status, self.network)
        if answer.status == 429:
            wait = answer.wait(self.clock.now() + int(self._skew * SECOND))
            return RetryLater(wait, f"{self.home} asks us to wait {wait:.0f} s: too many posts or requests")
        if answer.status >= 500 or answer.status == 408:  # may stand before or behind the commit
            return Unclear(f"{self.home} answers {answer.error()} ({answer.status})")
        return Refused(f"{self.home} refuses it: {answer.error()} ({answer.status})")


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
