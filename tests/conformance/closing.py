"""Links end promptly, whenever they are told to, and leave nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import LinkError
from bridge.model import Absent, Found, Sent, Written
from tests.conformance.came import named
from tests.conformance.rig import Subject, running, turns


class Closing(Subject):
    async def test_sending_can_be_cancelled(self) -> None:
        """`rig.open` then sees that the link closes promptly and leaves no task and no thread behind."""
        async with self.rig() as rig:
            async with rig.open() as link:
                rig.strike("slow")
                order = rig.publish("Q1: never mind?")
                sending = asyncio.create_task(link.link.send(order))
                await rig.until(
                    lambda: rig.copies(order) or rig.faults.fired["slow"], "the request to arrive"
                )
                sending.cancel()
                await rig.promptly(asyncio.wait([sending]), "cancelling send")
            async with rig.open() as link:  # what became of it is known afterwards
                await rig.clock.sleep(link.opened.capabilities.settle)
                found = await link.find(order)
                wanted = Found if rig.copies(order) else Absent
                assert isinstance(found, wanted), rig.story(
                    f"{wanted.__name__} for {named(order)}, not {found}"
                )

    @pytest.mark.parametrize("after", [0, 1, 3, 10, 30, 100])
    async def test_reading_can_be_cancelled_at_any_time(self, after: int) -> None:
        async with self.rig() as rig:
            said = rig.says(rig.person())
            async with rig.open() as link:
                await turns(after)
                await rig.promptly(link.stop(), f"cancelling inbound after {after} turns")
            async with rig.open() as link:
                await link.expect(Written, said)

    async def test_leaving_is_prompt_in_an_outage(self) -> None:
        async with self.rig() as rig:
            async with rig.open() as link:
                await link.expect(Written, rig.says(rig.person()))
                rig.strike("outage")
                rig.says(rig.person())
                await rig.until(lambda: rig.faults.active(rig.network, "outage"), "an outage")
            await rig.over("outage")

    async def test_closing_twice_is_harmless(self) -> None:
        async with self.rig() as rig:
            before = running()
            manager = rig.adapter().open(rig.sessions)
            link = await rig.heard(manager.__aenter__())
            for _ in range(2):
                await rig.promptly(manager.__aexit__(None, None, None), "closing")
            await rig.nothing_left(before)
            order = rig.publish("too late")
            try:  # a closed link may raise or say no; it must not hang and must not post
                outcome = await rig.heard(link.send(order))
            except LinkError as error:
                outcome = error
            assert not isinstance(outcome, Sent), rig.story(
                f"a closed link not to send, but it says {outcome}"
            )
            assert not rig.copies(order), rig.story("nothing posted by a closed link")

    async def test_a_session_is_kept_for_the_next_time(self) -> None:
        """Opening again and again with the stored session needs no new login each time."""
        async with self.rig() as rig:
            said = rig.says(rig.person())
            for _ in range(4):
                async with rig.open() as link:
                    await link.expect(Written, said)
