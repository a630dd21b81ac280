"""What a link must say and do when the network fails: nothing lost, nothing twice, no doubt denied."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.model import Edited, Found, Order, Outcome, Removed, RetryLater, Unclear, Written
from simulator.faults import HARSH
from simulator.stage import Said
from tests.conformance.came import Core, Session, same
from tests.conformance.rig import TAG, Rig, Subject


class Trouble(Subject):
    async def test_an_answer_lost_after_the_commit_is_unclear(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            rig.strike("answer_lost")
            order = rig.publish("Q1: did it arrive?")
            outcome = await link.send(order)
            await rig.struck("answer_lost")
            story = rig.story(f"Unclear, since the answer was lost after the commit, not {outcome}", link)
            assert isinstance(outcome, Unclear), story
            await _found_once(rig, link, order)

    async def test_an_answer_that_takes_too_long_is_unclear(self) -> None:
        """A real time-out after the commit: slower time, so that the stage's delay outlasts our patience."""
        async with self.rig(speed=20.0, patience=0.5) as rig, rig.open(read=False) as link:
            rig.strike("slow")
            order = rig.publish("Q1: is it slow?")
            outcome = await link.send(order)
            await rig.struck("slow")
            story = rig.story(f"Unclear, since no answer came in time, not {outcome}", link)
            assert isinstance(outcome, Unclear), story
            await rig.until(lambda: rig.copies(order), "the slow server to commit")
            await _found_once(rig, link, order)

    async def test_too_many_requests_are_told_when_to_return(self) -> None:
        """In slower time, so that hardly any of the delay has passed when it is told."""
        async with self.rig(speed=20.0) as rig, rig.open() as link:
            rig.strike("rate_limited")
            order = rig.publish("Q1: too soon?")
            outcome = await link.send(order)
            await rig.struck("rate_limited")
            least, most = self.asks_to_wait
            story = rig.story(
                f"RetryLater with the server's delay of {least} to {most} s, not {outcome}", link
            )
            assert isinstance(outcome, RetryLater), story
            assert least <= outcome.after <= most, story
            assert not rig.copies(order), rig.story("nothing posted yet", link)
            await rig.clock.sleep(outcome.after)
            await link.sent(order)
            rig.copy(order)

    async def test_a_server_s_error_posts_nothing_twice(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            rig.strike("server_error")
            order = rig.publish("Q1: an error?")
            outcome = await link.send(order)
            await rig.struck("server_error")
            story = rig.story(f"Unclear or RetryLater after a 5xx, not {outcome}", link)
            assert isinstance(outcome, Unclear | RetryLater), story
            assert not rig.copies(order), rig.story("no attempt of the link's own", link)
            await link.sent(order)
            rig.copy(order)

    async def test_several_failures_in_a_row_post_once(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            rig.strike("answer_lost", "server_error", "rate_limited", times=2)
            for n in range(4):
                order = rig.publish(f"Q{n}: once?")
                await link.sent(order)
                rig.copy(order)

    async def test_a_revoked_token_at_opening(self) -> None:
        async with self.rig() as rig:
            rig.strike("token_revoked")
            with pytest.raises(NeedsLogin) as refusal:
                async with rig.open(read=False):
                    pass
            assert str(refusal.value), "NeedsLogin says what happened and what to do"
            await rig.over("token_revoked")
            async with rig.open() as link:
                await link.expect(Written, rig.says(rig.person(), "restored"))

    async def test_a_revoked_token_at_sending(self) -> None:
        async with self.rig() as rig:
            async with rig.open(read=False) as link:
                rig.strike("token_revoked")
                order = rig.publish("Q1: still us?")
                with pytest.raises(NeedsLogin):
                    await link.send(order)
                assert not rig.copies(order), rig.story("nothing posted with a revoked token", link)
            await rig.over("token_revoked")
            async with rig.open() as link:
                await link.sent(order)
            rig.copy(order)

    async def test_a_revoked_token_while_reading(self) -> None:
        async with self.rig() as rig:
            nurse = rig.person()
            async with rig.open() as link:
                await link.expect(Written, rig.says(nurse, "the stream is up"))
                last = link.cursor
                rig.strike("token_revoked", times=3)
                rig.strike("socket_dropped")
                missed = rig.says(nurse, "meanwhile")
                error = await link.failed()
                assert isinstance(error, NeedsLogin), rig.story(f"NeedsLogin, not {error!r}", link)
            await rig.over("token_revoked")
            async with rig.open(last) as link:
                await link.expect(Written, missed, "written while the token was revoked")

    async def test_an_outage(self) -> None:
        async with self.rig() as rig:
            nurse = rig.person()
            before = rig.says(nurse, "before")
            async with rig.core() as core:
                await core.expect(Written, before)
                session = await core.live()
                rig.strike("outage")
                order = rig.publish("Q1: anyone there?")
                outcome = await _outcome(session, order)
                await rig.struck("outage")
                story = rig.story(f"RetryLater, Unclear or Unreachable in an outage, not {outcome!r}", core)
                assert isinstance(outcome, RetryLater | Unclear | Unreachable), story
                during = [rig.says(nurse, f"during {n}") for n in range(3)]
                await core.sent(order)
                rig.copy(order)
                for said in (*during, rig.says(nurse, "afterwards")):
                    await core.expect(Written, said)

    async def test_an_outage_at_opening(self) -> None:
        async with self.rig() as rig:
            rig.strike("outage")
            with pytest.raises(Unreachable) as refusal:
                async with rig.open(read=False):
                    pass
            assert str(refusal.value), "Unreachable says what happened"
            await rig.over("outage")
            async with rig.open() as link:
                await link.expect(Written, rig.says(rig.person(), "restored"))

    @pytest.mark.parametrize("kind", HARSH)
    async def test_nothing_is_lost_or_doubled(self, kind: str) -> None:
        """A small chat in which this fault strikes three times, whatever else the network does about it."""
        async with self.rig() as rig, rig.core() as core:
            people = [rig.person() for _ in range(3)]
            await core.expect(Written, rig.says(people[0], "the stream is up"))
            orders: list[Order] = []
            saids: list[Said] = []
            for n in range(1, 4):
                rig.strike(kind, *(("socket_dropped",) if kind == "cursor_lost" else ()))
                orders.append(rig.publish(f"Q{n}: all there?"))
                asking = asyncio.create_task(core.sent(orders[-1]))
                saids += [rig.says(person, f"A{n}") for person in people]
                victim = rig.says(people[0], "taken back")
                if kind == "delete_first":
                    await core.expect(Written, victim)
                rig.edits(saids[-1], f"{saids[-1].text.split()[0]} reworded #{TAG}")
                rig.deletes(victim)
                await asking
                saids.append(rig.says(people[1], "no tag", tag="none", reply_to=rig.copy(orders[-1]).id))
                await rig.struck(kind, n)
            await self._all_there(core, saids, kind)
            for order in orders:
                copy = rig.copy(order)
                assert not core.whats(Written, copy), rig.story(f"our own {copy.id} never as Written", core)

    async def _all_there(self, core: Core, saids: list[Said], kind: str) -> None:
        """Every post, edit and removal has come, at the latest by rereading."""
        for said in saids:
            await core.expect(Written, said, f"in spite of `{kind}`")
        await core.reread_all()
        for said in core.rig.stage.said.values():
            if said.deleted and core.whats(Written, said):
                await core.expect(Removed, said, f"in spite of `{kind}`")
            elif said.edited:
                await core.until(
                    lambda: any("reworded" in e.post.text.plain for e in core.whats(Edited, said)),  # noqa: B023
                    f"Edited of {said.id} in spite of `{kind}`",
                )


async def _found_once(rig: Rig, link: Session, order: Order) -> None:
    """The procedure after Unclear: wait, look, and find the one post."""
    await rig.clock.sleep(link.opened.capabilities.settle)
    found = await link.find(order)
    story = rig.story(f"Found for a post that is there, not {found}", link)
    assert isinstance(found, Found), story
    copy = rig.copy(order)
    assert len(found.posts) == 1, story
    assert same(found.posts[0].ref, copy), story
    if link.opened.capabilities.resend == "same_key":
        again = await link.sent(order)
        assert same(again.ref, copy), rig.story(f"the same post again, not {again}", link)
        rig.copy(order)


async def _outcome(session: Session, order: Order) -> Outcome | LinkError:
    try:
        return await session.send(order)
    except LinkError as error:
        return error
