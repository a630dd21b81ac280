"""The hosts' room at the other end of a broker."""

from __future__ import annotations

from bridge.model import (
    Board,
    Notice,
    Ref,
)
from bridge.ports import Budgeted, Console, Inspected, Remark
from tests.adapters.mqtt_rig import NETWORK, Town, order, split, until
from tests.brokers import Mosquitto


async def test_a_console_is_one_at_the_other_end_too(broker: Mosquitto) -> None:
    town = Town(console=True)
    async with split(broker, town) as both, both.link() as link:
        assert isinstance(link, Console)
        assert isinstance(link, Inspected)
        ref, notice = Ref(NETWORK, "7"), Notice("well done")
        board = Board("tea", "Tea", "CoastalTea", 1, "open", 0, 2, "Europe/London")
        await link.show(ref, board)
        await link.answer("trigger", notice)
        await link.answer("trigger", "thank you")
        await link.whisper("town:nurse-01", "chat", notice)
        assert town.shown == [
            (ref, board),
            ("trigger", notice),
            ("trigger", "thank you"),
            ("town:nurse-01", "chat", notice),
        ]
        assert await link.inspect() == (Remark("it rains", "take a coat"),)
        assert isinstance(link, Budgeted)
        await link.send(order(1))
        await until(lambda: link.budget() == {"posts": 99})


async def test_what_is_no_console_is_none_at_the_other_end_either(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        assert not isinstance(link, Console)
        assert not isinstance(link, Inspected)
        assert not isinstance(link, Budgeted)
