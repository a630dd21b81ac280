"""A link in two halves over a real broker: nothing lost, nothing twice, whatever the broker does."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import aiomqtt
import pytest

from adapters.mqtt.broker import beside
from adapters.mqtt.window import WINDOW
from bridge.errors import CursorLost, LinkError, NeedsLogin, Unreachable
from bridge.journal import Journal
from bridge.model import (
    Absent,
    Cursor,
    Edited,
    Found,
    Inbound,
    Interest,
    Outcome,
    Ref,
    Refused,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
    Written,
)
from bridge.ports import Link
from tests.adapters.mqtt_rig import NETWORK, Kept, Town, order, sent, split, until
from tests.brokers import Mosquitto

RUBBISH = (b'{"boot":"x","say":{"type":"Ready"}}', b"[" * 5000, b'{"journal":"\xff"}', b'{"boot":"\xff"}')


class Reader:
    """Reads a link in the background."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.words: list[str] = []
        self.cursor: Cursor | None = None

    async def read(self) -> None:
        async for item in self._link.inbound(self.cursor):
            self.take(item)
            if item.cursor is not None:
                await self._link.acknowledge(item.cursor)

    def take(self, item: Inbound) -> None:
        assert isinstance(item.what, Written)
        self.words.append(item.what.post.text.plain)
        self.cursor = item.cursor


def words(number: int, start: int = 0) -> list[str]:
    return [f"word {n}" for n in range(start, start + number)]


# ---------------------------------------------------------------- reading


async def test_items_arrive_once_and_in_order_over_restarts_of_the_broker(broker: Mosquitto) -> None:
    """What is said while it is dead is said again by us; no Mosquitto remembers it."""
    async with split(broker) as both, both.link() as link:
        reader = Reader(link)
        async with beside(reader.read()):
            said: list[str] = []
            for _ in range(3):
                both.town.says(*(new := words(700, len(said))))
                said.extend(new)
                await until(lambda: len(reader.words) > len(said) - 650)
                broker.kill()
                both.town.says(*(new := words(100, len(said))))
                said.extend(new)
                broker.start()
                await until(lambda: len(reader.words) >= len(said))
            assert reader.words == said
    assert both.town.opened == 1


async def test_a_lost_tail_is_found(broker: Mosquitto) -> None:
    """The last words are said while nobody can hear them, and nothing comes after."""
    async with split(broker) as both, both.link() as link:
        reader = Reader(link)
        async with beside(reader.read()):
            both.town.says("first")
            await until(lambda: reader.words)
            broker.kill()
            both.town.says("last")
            await until(lambda: both.town.read == 2)
            broker.start()
            await until(lambda: reader.words == ["first", "last"])


async def test_a_core_that_does_not_read_is_not_flooded(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        both.town.says(*words(20 * WINDOW))
        inbound = link.inbound(None)
        for number in range(1, WINDOW):
            await anext(inbound)
            assert both.town.read <= number + WINDOW + 1
        await until(lambda: both.town.read >= WINDOW + WINDOW // 2)
        read = both.town.read
        assert await link.find(order(1)) == Absent()  # both have had their turn
        assert both.town.read == read


async def test_a_new_link_reads_from_the_last_cursor(broker: Mosquitto) -> None:
    async with split(broker) as both:
        both.town.says(*words(10))
        async with both.link() as link:
            inbound = link.inbound(None)
            assert [(await anext(inbound)).cursor for _ in range(4)] == ["1", "2", "3", "4"]
            await link.acknowledge("4")
            await until(lambda: both.town.acknowledged == ["4"])
        async with both.link() as link:
            again = await anext(link.inbound("4"))
            assert isinstance(again.what, Written)
            assert again.what.post.text.plain == "word 4"


@pytest.mark.parametrize(
    "error",
    [CursorLost("too long ago"), NeedsLogin("a new token, please"), Unreachable("it is night", 7.5)],
    ids=lambda error: type(error).__name__,
)
async def test_what_reading_raises_comes_after_what_was_read(broker: Mosquitto, error: LinkError) -> None:
    async with split(broker) as both, both.link() as link:
        reader = Reader(link)
        both.town.says(*words(100))
        both.town.fails(error)
        with pytest.raises(type(error), match=str(error)) as raised:
            await reader.read()
        assert reader.words == words(100)
        assert getattr(raised.value, "after", None) == getattr(error, "after", None)


async def test_rereading_comes_in_pages(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        both.town.says(*words(1000))
        read = [item.what async for item in link.reread(Ref(NETWORK, str(n)) for n in range(1, 1001))]
        assert [edited.post.ref.id for edited in read if isinstance(edited, Edited)] == [
            str(n) for n in range(1, 1001)
        ]


async def test_an_interest_is_followed_when_follow_returns(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link(interest=Interest(("tea",))) as link:
        assert both.town.interests == [Interest(("tea",))]
        interest = Interest(("tea",), tuple(Ref(NETWORK, str(n)) for n in range(2000)))
        await link.follow(interest)
        assert both.town.interests[-1] == interest


# ---------------------------------------------------------------- sending


async def test_outcomes_come_back_as_they_were(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        both.town.outcomes = [RetryLater(3.5, "later"), Unclear("who knows"), Refused("too long")]
        for expected in [*both.town.outcomes]:
            assert await link.send(order(1)) == expected
        assert await link.send(order(1)) == Refused("too long"), "what is final stays so"
        assert await link.find(order(1)) == Absent()
        assert await link.send(order(2)) == sent(order(2))
        assert await link.find(order(2)) == Found((sent(order(2)),))
        both.town.outcomes = [NeedsLogin("a new token, please")]
        with pytest.raises(NeedsLogin, match="a new token, please"):
            await link.send(order(3))
        assert await link.send(order(3)) == sent(order(3)), "the link goes on"


async def test_a_request_that_comes_several_times_is_carried_out_once(broker: Mosquitto) -> None:
    """A broker may deliver twice, also late."""
    async with (
        split(broker) as both,
        aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as echo,
        both.link() as link,
    ):
        await echo.subscribe(f"chatbridge/{NETWORK}/down", qos=1)
        both.town.open_gate.clear()
        sending = asyncio.create_task(link.send(order(1)))
        offer = await _heard(echo, b'"Offer"')
        for _ in range(5):
            await echo.publish(f"chatbridge/{NETWORK}/down", offer, qos=1)
        assert await link.find(order(1)) == Unknown("it is being sent at this moment")
        both.town.open_gate.set()
        assert await sending == sent(order(1))
        for _ in range(5):
            await echo.publish(f"chatbridge/{NETWORK}/down", offer, qos=1)
        assert isinstance(await link.find(order(1)), Found)
        assert both.town.posts == [order(1)]


@pytest.mark.parametrize("outcome", [None, Unclear("who knows"), RetryLater(3, "later")], ids=str)
async def test_an_outcome_that_was_lost_on_the_way_is_told_again(
    broker: Mosquitto, outcome: Outcome | None
) -> None:
    """Whatever it was: to do it again is for the core to decide."""
    async with split(broker) as both, both.link() as link:
        both.town.outcomes = [outcome] if outcome else []
        both.town.open_gate.clear()
        sending = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        broker.kill()
        both.town.open_gate.set()
        await until(lambda: both.town.posts or (outcome and not both.town.outcomes))
        broker.start()
        assert await sending == (outcome or sent(order(1)))
        assert both.town.posts == ([] if outcome else [order(1)])


async def test_an_order_sent_again_on_the_same_link_joins_what_is_running(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        both.town.open_gate.clear()
        first = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        first.cancel()
        second = asyncio.create_task(link.send(order(1)))
        assert isinstance(await link.find(order(1)), Unknown)
        both.town.open_gate.set()
        assert await second == sent(order(1))
        assert both.town.posts == [order(1)]


async def test_an_order_offered_again_after_the_core_died_joins_what_is_running(broker: Mosquitto) -> None:
    """The core's process ends without a word while its order is being sent."""
    async with split(broker) as both:
        both.town.open_gate.clear()
        first = both.adapter().open(Kept())
        link = await first.__aenter__()
        lost = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        both.epoch += 1
        opening = both.link()
        entering = asyncio.create_task(opening.__aenter__())
        assert isinstance(await lost, Unclear), "the older core is told that it is over"
        both.town.open_gate.set()
        async with asyncio.timeout(10):
            link = await entering
        assert await link.send(order(1)) == sent(order(1))
        assert both.town.posts == [order(1)]
        await opening.__aexit__(None, None, None)
        await first.__aexit__(None, None, None)


async def test_a_former_life_s_orders_are_unclear(broker: Mosquitto) -> None:
    """It is started again while it was sending; what it knew is gone."""
    async with split(broker) as both, both.link() as link:
        both.town.open_gate.clear()
        sending = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        other = Town()
        was, both.town = both.beside, other
        both.start()
        outcome = await sending
        assert isinstance(outcome, Unclear)
        assert "started again" in outcome.why
        with pytest.raises(Unreachable):
            await link.find(order(1))
        assert other.posts == []
        assert was is not None
        was.cancel()
        await asyncio.wait((was,))


async def test_stopping_in_good_order_finishes_what_is_being_sent(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        both.town.open_gate.clear()
        sending = asyncio.create_task(link.send(order(1)))
        await both.town.arrived.wait()
        stopping = asyncio.create_task(both.stop())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.shield(stopping)
        both.town.open_gate.set()
        await stopping
        assert await sending == sent(order(1))
        with pytest.raises(Unreachable, match="stopped"):
            await anext(link.inbound(None))


# ---------------------------------------------------------------- who is served


async def test_a_newer_link_takes_the_place_of_an_older_one(broker: Mosquitto) -> None:
    async with split(broker) as both, both.adapter().open(Kept()) as old:
        await old.follow(Interest())
        reading = asyncio.create_task(Reader(old).read())
        async with both.link() as new:
            with pytest.raises(Unreachable):
                await reading
            assert isinstance(await new.send(order(1)), Sent)


async def test_an_older_start_and_a_foreign_journal_are_refused(broker: Mosquitto) -> None:
    """Also after the process beside the adapter was started again."""
    async with split(broker) as both:
        both.epoch = 7
        async with both.link():
            pass
        await both.stop()
        both.start()
        both.epoch = 6
        with pytest.raises(NeedsLogin, match="older copy"):
            await both.adapter().open(Kept()).__aenter__()
        both.epoch = 8
        with pytest.raises(NeedsLogin, match="another journal"):
            await both.adapter("journal-2").open(Kept()).__aenter__()
        async with both.link() as link:
            assert isinstance(await link.send(order(1)), Sent)
        assert both.town.opened == 2


async def test_of_two_cores_on_copies_of_a_journal_the_later_one_is_served(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """Also if they are started in the same second: neither may take the link from the other again and again."""
    journal, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    Journal(journal).close()
    shutil.copy(journal, copy)
    async with split(broker) as both:
        with closing(Journal(journal)) as first, closing(Journal(copy)) as second:
            both.epoch = first.epoch
            earlier = both.adapter()
            both.epoch = second.epoch
        async with earlier.open(Kept()), both.link() as link:
            with pytest.raises(NeedsLogin, match="started later"):
                await earlier.open(Kept()).__aenter__()
            assert isinstance(await link.send(order(1)), Sent)


async def test_a_refused_core_harms_nobody(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        with pytest.raises(NeedsLogin):
            await both.adapter("journal-2").open(Kept()).__aenter__()
        assert isinstance(await link.send(order(1)), Sent)


async def test_rubbish_on_the_topics_changes_nothing(broker: Mosquitto) -> None:
    async with (
        split(broker) as both,
        aiomqtt.Client("127.0.0.1", broker.port) as stranger,
        both.link() as link,
    ):
        for topic in ("up", "down"):
            for payload in (b"", b"{}", b"\xff\xfe", *RUBBISH):
                await stranger.publish(f"chatbridge/{NETWORK}/{topic}", payload, qos=1)
        assert await link.send(order(1)) == sent(order(1))


# ---------------------------------------------------------------- nobody there


async def test_without_a_broker_the_link_does_not_open(broker: Mosquitto) -> None:
    broker.kill()
    async with split(broker) as both:
        with pytest.raises(Unreachable, match=f"127.0.0.1:{broker.port}"):
            await both.adapter().open(Kept()).__aenter__()


async def test_without_anybody_at_the_other_end_it_says_what_to_look_at(broker: Mosquitto) -> None:
    async with split(broker, beside=False) as both:
        with pytest.raises(Unreachable, match="run --only town") as raised:
            await both.adapter().open(Kept()).__aenter__()
        assert "chatbridge/town/down" in str(raised.value)


async def test_a_core_that_is_started_first_waits_for_the_other_end(broker: Mosquitto) -> None:
    async with split(broker, beside=False) as both:
        opening = both.link()
        entering = asyncio.create_task(opening.__aenter__())
        async with aiomqtt.Client("127.0.0.1", broker.port) as ear:
            await ear.subscribe(f"chatbridge/{NETWORK}/down", qos=1)
            await _heard(ear, b'"Open"')
        both.start()
        assert isinstance(await (await entering).send(order(1)), Sent)
        await opening.__aexit__(None, None, None)


async def test_silence_ends_the_link_and_the_core_opens_another(broker: Mosquitto) -> None:
    async with split(broker) as both, both.link() as link:
        reader = Reader(link)
        both.town.says("first")
        reading = asyncio.create_task(reader.read())
        await until(lambda: reader.words)
        broker.kill()
        sending = asyncio.create_task(link.send(order(1)))
        with pytest.raises(Unreachable, match="silent"):
            await reading
        assert isinstance(await sending, Unclear)
        assert both.town.posts == []
        broker.start()
        both.town.says("second")
        async with both.link() as again:
            assert (await anext(again.inbound(reader.cursor))).cursor == "2"
            assert await again.find(order(1)) == Absent()


async def test_what_opening_raises_is_told(broker: Mosquitto) -> None:
    town = Town()
    town.refuses = NeedsLogin("a new token, please")
    async with split(broker, town) as both:
        with pytest.raises(NeedsLogin, match="a new token, please"):
            await both.adapter().open(Kept()).__aenter__()
        town.refuses = None
        async with both.link():
            pass


async def test_a_bug_in_the_adapter_is_one_link_s_trouble(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    town = Town()
    town.refuses = ZeroDivisionError("division by tea")  # type: ignore[assignment]  # that is the bug
    async with split(broker, town) as both:
        with pytest.raises(Unreachable, match="division by tea"):
            await both.adapter().open(Kept()).__aenter__()
        assert "the adapter failed" in caplog.text
        town.refuses = None
        async with both.link() as link:
            assert isinstance(await link.send(order(1)), Sent)


async def _heard(client: aiomqtt.Client, part: bytes) -> bytes:
    """The next message with this in it."""
    async with asyncio.timeout(10):
        async for message in client.messages:
            if part in message.payload:
                return message.payload
    raise AssertionError
