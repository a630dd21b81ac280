"""What a link in two halves says at once, and remembers: so much, and for one order only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from adapters.mqtt.calls import REREADS
from bridge.errors import LinkError
from bridge.model import Edited, Found, Inbound, Interest, Ref, Unknown
from tests.adapters.mqtt_rig import NETWORK, order, sent, split
from tests.brokers import Mosquitto, mosquitto


async def test_long_lists_of_posts_pass_a_broker_that_takes_small_packets(tmp_path: Path) -> None:
    """It hangs up on whoever says more at once, each time again."""
    refs = tuple(Ref(NETWORK, str(n)) for n in range(1, 5001))
    with mosquitto(tmp_path / "broker", "max_packet_size 60000") as broker:
        async with split(broker) as both, both.link() as link:
            both.town.says(*(f"word {n}" for n in range(5000)))
            async with asyncio.timeout(20):
                read = [item.what async for item in link.reread(refs)]
                await link.follow(Interest(("tea",), refs))
            assert [edited.post.ref for edited in read if isinstance(edited, Edited)] == list(refs)
            assert both.town.interests[-1] == Interest(("tea",), refs)
            assert both.town.rereads == 1, "the network is asked once"


async def test_who_waits_for_a_rereading_that_is_given_up_hears_of_it(broker: Mosquitto) -> None:
    """The core reads little again at once; should it ever read more, nothing of it may hang."""
    async with split(broker) as both, both.link() as link:
        both.town.read_gate.clear()
        async with asyncio.TaskGroup() as group:
            reads = [
                group.create_task(_outcome(link.reread([Ref(NETWORK, "1")]))) for _ in range(REREADS + 1)
            ]
            async with asyncio.timeout(10):
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
            assert ["Too much" in str(task.result()) for task in done] == [True]
            both.town.says("first")
            both.town.read_gate.set()
        assert [task.result() for task in reads].count(None) == REREADS


async def test_a_journal_from_a_backup_uses_the_numbers_of_orders_again(broker: Mosquitto) -> None:
    """What came of another order is not what came of this one. Its stamp is another."""
    async with split(broker) as both:
        async with both.link() as link:
            assert await link.send(order(7)) == sent(order(7))
        both.epoch += 1
        other = msgspec.structs.replace(order(7), stamp=99)
        async with both.link() as link:
            both.town.open_gate.clear()
            both.town.arrived.clear()
            sending = asyncio.create_task(link.send(other))
            await both.town.arrived.wait()
            assert isinstance(await link.find(other), Unknown)
            assert isinstance(await link.find(order(7)), Found), "that one is not being sent"
            both.town.open_gate.set()
            assert await sending == sent(other)
    assert both.town.posts == [order(7), other]


async def _outcome(reading: AsyncIterator[Inbound]) -> LinkError | None:
    """What reading to its end raised."""
    try:
        async for _ in reading:
            pass
    except LinkError as error:
        return error
    return None
