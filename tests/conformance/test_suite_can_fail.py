"""The suite catches links that are wrong: each of these breaks one promise, and the named test says so."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    Absent,
    AuthorKnown,
    Cursor,
    Echoed,
    Found,
    Inbound,
    Interest,
    Malformed,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Removed,
    RetryLater,
    Unclear,
    Unknown,
    What,
    Words,
)
from bridge.ports import Platform
from tests.conformance import test_reference
from tests.conformance.hall import CLOSED
from tests.conformance.reference import HallLink, HallPlatform

BROKEN: dict[str, tuple[str, str, type[HallLink]]] = {}


def caught_by(test: str, saying: str) -> Any:
    """Registers a broken link under the test that has to catch it and words its failure has to hold."""

    def register(link: type[HallLink]) -> type[HallLink]:
        BROKEN[link.__name__] = test, saying, link
        return link

    return register


@caught_by("test_a_gap_loses_nothing", "written while the link was closed")
class LosesTheGap(HallLink):
    """Reads live only, whatever the cursor."""

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        start = after and str(10**6)
        async for item in super().inbound(start):
            yield item


@caught_by("test_reading_without_a_cursor_starts_at_since", "written after `since`")
class StartsNow(HallLink):
    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        async for item in super().inbound(after or str(10**6)):
            yield item


@caught_by("test_no_cursor_runs_ahead", "came after the cursor")
class CursorAhead(HallLink):
    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        async for item in super().inbound(after):
            yield Inbound(item.network, item.what, str(int(item.cursor) + 1)) if item.cursor else item


@caught_by("test_an_answer_lost_after_the_commit_is_unclear", "expected Unclear")
class DeniesDoubt(HallLink):
    async def send(self, order: Order) -> Outcome:
        outcome = await super().send(order)
        return Refused(outcome.why) if isinstance(outcome, Unclear) else outcome


@caught_by("test_a_server_s_error_posts_nothing_twice", "expected Unclear or RetryLater")
class RetriesByItself(HallLink):
    async def send(self, order: Order) -> Outcome:
        outcome = await super().send(order)
        return await super().send(order) if isinstance(outcome, Unclear) else outcome


@caught_by("test_several_failures_in_a_row_post_once", "exactly one post")
class PostsTwice(HallLink):
    """Its key is new at each attempt."""

    attempts = 0

    async def _request(self, verb: str, **given: Any) -> Any:
        if verb == "publish":
            self.attempts += 1
            given["key"] = f"{given['key']}{self.attempts:02}"
        return await super()._request(verb, **given)


@caught_by("test_too_many_requests_are_told_when_to_return", "not RetryLater(after=1.0")
class IgnoresTheDelay(HallLink):
    async def send(self, order: Order) -> Outcome:
        outcome = await super().send(order)
        return RetryLater(1.0, outcome.why) if isinstance(outcome, RetryLater) else outcome


@caught_by("test_a_revoked_token_at_opening", "text of NeedsLogin: ")
class TellsTheToken(HallLink):
    async def ask(self, verb: str, **given: Any) -> Any:
        try:
            return await super().ask(verb, **given)
        except NeedsLogin as error:
            raise NeedsLogin(f"{error}: {self._token}") from None


@caught_by("test_a_revoked_token_at_sending", "log of adapters.hall: ")
class LogsTheToken(HallLink):
    async def send(self, order: Order) -> Outcome:
        logging.getLogger("adapters.hall").debug("sending with %s", self._token)
        return await super().send(order)


@caught_by("test_a_revoked_token_while_reading", "expected NeedsLogin, not Unreachable")
class TakesRevokedForAway(HallLink):
    async def ask(self, verb: str, **given: Any) -> Any:
        try:
            return await super().ask(verb, **given)
        except NeedsLogin as error:
            raise Unreachable("away") from error


@caught_by("test_our_own_posts_are_nobody_s", "never as Written")
class HearsItself(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        return super()._read(frame.replace(b'"ours": true', b'"ours": false'))


@caught_by("test_an_echo_names_its_order", "expected Echoed")
class TakesAnotherStamp(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        for what in super()._read(frame):
            yield Echoed(what.stamp + 1, what.ref, what.uri) if isinstance(what, Echoed) else what


@caught_by("test_a_malformed_payload_does_not_end_the_stream", "expected Malformed")
class DiesOfRubbish(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        for what in super()._read(frame):
            if isinstance(what, Malformed):
                json.loads(what.payload)
            yield what


@caught_by("test_an_author_is_known_before_their_first_post", "expected AuthorKnown")
class KnowsTooLate(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        return sorted(super()._read(frame), key=lambda what: isinstance(what, AuthorKnown))


@caught_by("test_a_removal_is_reported", "expected Removed of")
class ForgetsRemovals(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        return [what for what in super()._read(frame) if not isinstance(what, Removed)]


@caught_by("test_an_edit_yields_the_new_words", "each edit newer")
class EditsAreOld(HallLink):
    def _read(self, frame: bytes) -> Iterable[What]:
        return super()._read(frame.replace(b'"edited": 1', b'"edited": -1'))


@caught_by("test_rereading_tells_what_is", "which exists unchanged")
class RereadsNothing(HallLink):
    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        async for item in super().reread([]):
            yield item


@caught_by("test_replies_written_before_their_thread_was_followed_arrive", "written before follow()")
class FollowsFromNowOn(HallLink):
    async def follow(self, interest: Interest) -> None:
        self._interest = interest


@caught_by("test_off_topic_posts_yield_nothing", "nothing of the off-topic")
class TakesEverything(HallLink):
    def _wanted(self, post: Any) -> bool:
        return True


@caught_by("test_an_outage", "inbound ended by itself")
class GivesUpQuietly(HallLink):
    """Ends instead of raising when the stream is closed."""

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        try:
            async for item in super().inbound(after):
                yield item
        except Unreachable:
            return


@caught_by("test_the_same_order_twice_makes_one_post", "not Absent()")
class FindsNothing(HallLink):
    async def find(self, order: Order) -> Found | Absent | Unknown:
        return Absent()


@caught_by("test_a_reply_stands_in_its_thread", "our reply under our post")
class RepliesToNobody(HallLink):
    async def send(self, order: Order) -> Outcome:
        match order.op:
            case Publish(Words() as words):
                order = Order(order.id, order.network, order.lane, order.stamp, Publish(words))
        return await super().send(order)


@caught_by("test_a_post_bearing_the_tag_arrives_whole", "still running")
class LeavesATask(HallLink):
    async def follow(self, interest: Interest) -> None:
        await super().follow(interest)
        self.left = asyncio.create_task(asyncio.sleep(4))


@caught_by("test_sending_can_be_cancelled", "cancelling send took")
class ClosesSlowly(HallLink):
    """Sits out a cancelled request."""

    async def _request(self, verb: str, **given: Any) -> Any:
        if verb != "publish":
            return await super()._request(verb, **given)
        try:
            return await super()._request(verb, **given)
        except asyncio.CancelledError:
            await asyncio.sleep(4)
            raise


@caught_by("test_repeated_and_swapped_frames_lose_nothing", "expected Written of")
class TakesARepeatForTheNext(HallLink):
    """Drops the frame after one that it has seen."""

    async def _next(self, socket: asyncio.Queue[bytes]) -> bytes | None:
        frame = await super()._next(socket)
        if frame not in (None, CLOSED) and frame == getattr(self, "last", b""):
            await super()._next(socket)
        self.last = frame
        return frame


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_link_is_caught(name: str) -> None:
    test, saying, link = BROKEN[name]

    class Suite(test_reference.TestReference):
        limit = 2.0

        def platform(self) -> Platform:
            return HallPlatform("same_key", link)

    with pytest.raises(AssertionError, match=re.escape(saying)):
        await getattr(Suite(), test)()


def test_a_failure_tells_what_was_expected_and_what_came() -> None:
    """Every wait of the suite ends in the stage's posts and the items that came."""

    class Suite(test_reference.TestReference):
        limit = 0.5

        def platform(self) -> Platform:
            return HallPlatform("same_key", ForgetsRemovals)

    with pytest.raises(AssertionError) as caught:
        asyncio.run(Suite().test_a_removal_is_reported())
    told = str(caught.value)
    for part in ("expected Removed of p0", "the stage `hall` holds", "what came", "Written p0 by @nurse-01"):
        assert part in told, told


def test_every_test_of_the_suite_is_asynchronous() -> None:
    tests = [name for name in dir(test_reference.TestReference) if name.startswith("test_")]
    assert len(tests) > 40
    assert all(inspect.iscoroutinefunction(getattr(test_reference.TestReference, name)) for name in tests)
