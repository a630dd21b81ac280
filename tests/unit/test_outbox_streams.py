"""The merged timeline's streams: what must go waits neither for what is new, nor for what reads otherwise, nor for
what nobody knows the end of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from bridge.model import (
    SECOND,
    Absent,
    Capabilities,
    Edited,
    Found,
    Inbound,
    Micros,
    Order,
    Outcome,
    Publish,
    Retract,
    RetryLater,
    Text,
    Unclear,
    Update,
)
from tests.simulation.clock import VirtualClock, run
from tests.unit import test_outbox
from tests.unit.make import LIMITS, person, post
from tests.unit.test_outbox import Hour, hour, until

SPACING = 40.0
FIRST, SECOND_ONE = post("1", "A1: one #WardChat"), post("2", "A1: two #WardChat", by=person("porter"))


@pytest.fixture(autouse=True)
def _paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room that takes few messages."""
    able = Capabilities(LIMITS["slack"], mirror=True, console=True, spacing=SPACING, edit_spacing=SPACING)
    monkeypatch.setitem(test_outbox.CAN, "slack", able)


def copies(it: Hour, kind: type[Publish | Update | Retract]) -> list[Micros]:
    """When orders of a kind for the merged timeline were sent."""
    lanes = ("mirror", "edits", "removals")
    return [at for at, order in it.slack.sent if order.lane in lanes and isinstance(order.op, kind)]


async def hide(it: Hour, no: int) -> float:
    """A host hides an entry; seconds until its copy is taken away."""
    begin = VirtualClock().now()
    await it.command("hide", str(no))
    it.outbox.stir()
    async with asyncio.timeout(3600):
        await until(lambda: copies(it, Retract))
    return (copies(it, Retract)[0] - begin) / SECOND


async def shown(it: Hour, *numbers: int) -> None:
    """These stand in the room."""
    it.outbox.stir()
    copied = it.engine.session.state.chats["handovers"].copies["slack"]
    await until(lambda: all((m := copied.holding(no)) and m.ref for no in numbers))


def test_a_removal_waits_for_no_other_message(tmp_path: Path) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(FIRST)
            await shown(it, 1)
            await it.write(SECOND_ONE)
            it.outbox.stir()
            assert await hide(it, 1) < 1, "though the next message may not be sent yet"
            await shown(it, 2)
            first, second = copies(it, Publish)
            assert second - first >= SPACING * SECOND

    run(chat())


def test_a_removal_waits_for_nothing_unclear(tmp_path: Path) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(FIRST)
            await shown(it, 1)

            async def lost(order: Order) -> Outcome:
                return Unclear("no answer") if order.lane == "mirror" else await it.slack.take(order)

            it.slack.answer, it.slack.look = lost, Absent()
            await it.write(SECOND_ONE)
            it.outbox.stir()
            await until(lambda: len(copies(it, Publish)) == 2)
            assert await hide(it, 1) < 1

    run(chat())


@pytest.mark.parametrize("stands", [True, False])
def test_what_is_hidden_is_looked_for_at_once_if_nobody_knows_whether_it_stands(
    tmp_path: Path, stands: bool
) -> None:
    """Its message may have been lost on the way, or only the answer: that Slack shows nothing yet is no answer."""

    async def chat() -> None:
        async with hour(tmp_path) as it:

            async def lost(order: Order) -> Outcome:
                return Unclear("no answer") if isinstance(order.op, Publish) else await it.slack.take(order)

            it.slack.answer, it.slack.look = lost, Absent()
            await it.write(FIRST)
            it.outbox.stir()
            await until(lambda: copies(it, Publish))
            begin = VirtualClock().now()
            await asyncio.sleep(3)
            assert it.slack.looks == 0, "what is wanted has time to settle"
            await it.command("hide", "1")
            it.outbox.stir()
            await until(lambda: it.slack.looks == 2)
            assert (VirtualClock().now() - begin) / SECOND < 8
            assert not copies(it, Retract)
            order = next(o for _, o in it.slack.sent if isinstance(o.op, Publish) and o.lane == "mirror")
            if stands:
                it.slack.look = Found((await it.slack.take(order),))  # type: ignore[arg-type]  # it is Sent
                await until(lambda: copies(it, Retract))
                assert (VirtualClock().now() - begin) / SECOND < 12
            else:
                copied = it.engine.session.state.chats["handovers"].copies["slack"]
                await until(lambda: not copied.messages)
                assert (VirtualClock().now() - begin) / SECOND >= 30, "by then it would stand there"
                assert len(copies(it, Publish)) == 1
                assert not copies(it, Retract)

    run(chat())


def test_what_nobody_wants_any_more_does_not_wait_for_its_turn(tmp_path: Path) -> None:
    """An edit that was asked to come back in ten minutes holds nothing up when its entry is hidden."""

    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(FIRST)
            await shown(it, 1)

            async def busy(order: Order) -> Outcome:
                return (
                    RetryLater(600, "too fast")
                    if isinstance(order.op, Update)
                    else await it.slack.take(order)
                )

            it.slack.answer = busy
            changed = msgspec.structs.replace(
                FIRST, text=Text("A1: one, I mean #WardChat"), edited=FIRST.at + 1
            )
            await it.engine.arrive(Inbound("mastodon", Edited(changed)))
            await it.engine.caught_up()
            it.outbox.stir()
            await until(lambda: copies(it, Update))
            assert await hide(it, 1) < 1

    run(chat())


def test_edits_and_new_messages_do_not_wait_for_each_other_but_for_their_like(tmp_path: Path) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(FIRST)
            await shown(it, 1)
            begin = VirtualClock().now()
            for n in range(3):
                changed = msgspec.structs.replace(
                    FIRST, text=Text(f"A1: {n} #WardChat"), edited=FIRST.at + 1 + n
                )
                await it.engine.arrive(Inbound("mastodon", Edited(changed)))
                await it.engine.caught_up()
                it.outbox.stir()
                await until(lambda n=n: len(copies(it, Update)) > n)  # type: ignore[misc]  # bound now
            first, second, third = copies(it, Update)
            assert first - begin < SECOND
            assert min(second - first, third - second) >= SPACING * SECOND

    run(chat())
