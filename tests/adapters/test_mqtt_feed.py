"""The public feed at a real broker: what stands there is what the page may show, whatever happened before."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest

from adapters.mqtt.broker import beside
from adapters.mqtt.feed import PublicFeed
from bridge import control
from bridge.chat.view import ChatView, EntryView, QuestionView, Source
from bridge.model import Media, Span, Text
from bridge.ports import Feed
from bridge.when import micros
from simulator.clock import Clock
from tests.adapters.mqtt_rig import until
from tests.brokers import Mosquitto, mosquitto
from tests.unit import chats
from tests.unit.bridges import running
from tests.unit.make import post
from tests.unit.site import CHAT, Book

DOCS = Path(__file__).parents[2] / "docs" / "mqtt"
SECRET = "words to be regretted"
OLD = json.dumps(SECRET)
LITTLE = "max_queued_bytes 2000"  # of retained messages that Mosquitto shows at once


class Display:
    """What somebody who listens has, by the end of the topic; and everything it was ever told."""

    def __init__(self) -> None:
        self.standing: dict[str, Any] = {}
        self.told: list[tuple[str, bytes]] = []

    async def listen(self, broker: Mosquitto) -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", broker.port, timeout=2) as client:
                    await client.subscribe("chatbridge/public/#", qos=1)
                    async for message in client.messages:
                        self._heard(str(message.topic).removeprefix("chatbridge/public/"), message.payload)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    def _heard(self, topic: str, payload: bytes) -> None:
        self.told.append((topic, payload))
        self.standing.pop(topic, None)
        if payload:
            self.standing[topic] = json.loads(payload)

    @property
    def entries(self) -> list[int]:
        return sorted(int(topic.rpartition("/")[2]) for topic in self.standing if "/entries/" in topic)


async def standing(broker: Mosquitto) -> dict[str, bytes]:
    """What the broker itself keeps, in the words of who comes late."""
    found: dict[str, bytes] = {}
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("chatbridge/public/#", qos=1)
        await client.subscribe("probe", qos=1)
        await client.publish("probe", b"x", qos=1)
        async for message in client.messages:
            if str(message.topic) == "probe":
                return found
            found[str(message.topic)] = message.payload
    raise AssertionError


async def until_standing(broker: Mosquitto, numbers: Iterable[int]) -> None:
    """Until the broker keeps these entries and no others. It is asked for each: of many it may show a part."""
    wanted, found = set(numbers), set[int]()
    async with asyncio.timeout(20):
        while found != wanted or not wanted:
            found = set()
            for part in range(0, 210, 5):
                found |= await _kept(broker, range(part, part + 5))


async def _kept(broker: Mosquitto, numbers: range) -> set[int]:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe([(f"chatbridge/public/{CHAT}/entries/{no}", 1) for no in numbers])
        await client.subscribe("probe", qos=1)
        await client.publish("probe", b"x", qos=1)
        found = set()
        async for message in client.messages:
            if str(message.topic) == "probe":
                break
            found.add(int(str(message.topic).rpartition("/")[2]))
        return found


@asynccontextmanager
async def feeding(
    broker: Mosquitto, book: Book, *, delay: float = 0, speed: float = 20
) -> AsyncIterator[tuple[Feed, Display]]:
    feed = PublicFeed(broker.mqtt, book, delay, Clock(speed=speed))
    display = Display()
    async with beside(feed.run(), display.listen(broker)):
        yield feed, display


def book(*numbers: int) -> Book:
    return Book(chats.chat(*(chats.entry(no, "Q1") for no in numbers)))


async def test_who_comes_late_gets_all_that_stands(broker: Mosquitto) -> None:
    shown = book(4, 7)
    async with feeding(broker, shown) as (_, display):
        await until(lambda: display.entries == [4, 7])
        await until(lambda: f"{CHAT}/state" in display.standing)
    found = await standing(broker)
    entries = {
        topic: msgspec.json.decode(found[topic], type=EntryView) for topic in found if "entries" in topic
    }
    view = shown.view(CHAT, "page")
    assert entries == {f"chatbridge/public/{CHAT}/entries/{e.no}": e for e in view.entries}
    state = json.loads(found[f"chatbridge/public/{CHAT}/state"])
    assert msgspec.convert({**state, "entries": []}, ChatView) == msgspec.structs.replace(view, entries=())


async def test_changes_come_and_what_is_hidden_is_cleared(broker: Mosquitto) -> None:
    shown = book(4)
    async with feeding(broker, shown) as (feed, display):
        await until(lambda: display.entries == [4])
        shown.put(chats.entry(5, "Q1", text=Text(SECRET)))
        feed.changed(CHAT, [5])
        await until(lambda: display.entries == [4, 5])
        shown.put(chats.entry(4, "Q1", text=Text("better words"), edited=True))
        shown.drop(5)
        feed.changed(CHAT, [4, 5])
        await until(lambda: display.entries == [4])
        await until(lambda: display.standing[f"{CHAT}/entries/4"]["text"]["plain"] == "better words")
        shown.put(chats.entry(6, "Q1", hidden=True))
        shown.put(chats.entry(7, "Q1"))
        feed.changed(CHAT, [6, 7])
        await until(lambda: display.entries == [4, 7])
    assert SECRET not in str(await standing(broker))
    assert f"{CHAT}/entries/6" not in dict(display.told)


async def test_the_sheet_and_the_figures_follow(broker: Mosquitto) -> None:
    shown = book(4)
    async with feeding(broker, shown) as (feed, display):
        await until(lambda: f"{CHAT}/state" in display.standing)
        shown.views[CHAT] = msgspec.structs.replace(shown.views[CHAT], phase="late")
        feed.changed(CHAT, [])
        await until(lambda: display.standing[f"{CHAT}/state"]["phase"] == "late")
        shown.views[CHAT] = msgspec.structs.replace(shown.views[CHAT], total=77)
        feed.changed(CHAT, [4])
        await until(lambda: display.standing[f"{CHAT}/state"].get("total") == 77)


async def test_what_a_former_run_left_is_cleared(broker: Mosquitto) -> None:
    """A hidden entry, a chat that is no more, rubbish; but not what others keep elsewhere."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for topic in (
            f"{CHAT}/entries/5",
            f"{CHAT}/entries/4",
            "older-chat/state",
            "older-chat/entries/1",
            "x",
        ):
            await client.publish(f"chatbridge/public/{topic}", json.dumps(SECRET), qos=1, retain=True)
        await client.publish("kitchen/tea", b"ready", qos=1, retain=True)
    async with feeding(broker, book(4)) as (_, display):
        await until(lambda: SECRET not in str(display.standing) and display.entries == [4])
        await until(lambda: set(display.standing) == {f"{CHAT}/state", f"{CHAT}/entries/4"})
    assert set(await standing(broker)) == {
        f"chatbridge/public/{CHAT}/state",
        f"chatbridge/public/{CHAT}/entries/4",
    }
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("kitchen/tea", qos=1)
        assert (await anext(client.messages)).payload == b"ready"


@pytest.mark.parametrize("forgets", [False, True], ids=["with its memory", "without it"])
async def test_a_broker_that_was_killed_is_brought_up_to_date(
    broker: Mosquitto, tmp_path: Path, forgets: bool
) -> None:
    shown = book(4, 5)
    async with feeding(broker, shown) as (feed, display):
        await until(lambda: display.entries == [4, 5])
        broker.kill()
        if forgets:
            (tmp_path / "broker" / "mosquitto.db").unlink(missing_ok=True)
        shown.drop(5)
        shown.put(chats.entry(6, "Q1"))
        feed.changed(CHAT, [5, 6])
        display.standing.clear()
        broker.start()
        await until(lambda: display.entries == [4, 6])
    assert {topic for topic in await standing(broker) if "entries" in topic} == {
        f"chatbridge/public/{CHAT}/entries/{no}" for no in (4, 6)
    }


async def test_what_is_hidden_while_the_broker_is_away_is_cleared_however_little_it_shows(
    tmp_path: Path,
) -> None:
    """A broker may show a part of what it retains, and says nothing of the rest."""
    with mosquitto(tmp_path / "broker", LITTLE) as broker:
        shown = book(*range(1, 101))
        async with feeding(broker, shown) as (feed, _):
            await until_standing(broker, range(1, 101))
            broker.kill()
            for no in range(1, 101, 10):
                shown.drop(no)
            feed.changed(CHAT, range(1, 101, 10))
            broker.start()
            await until_standing(broker, [no for no in range(1, 101) if no % 10 != 1])


async def test_what_a_former_run_left_is_cleared_however_little_the_broker_shows(tmp_path: Path) -> None:
    """It is asked until it shows nothing more of it."""
    with mosquitto(tmp_path / "broker", LITTLE) as broker:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            for no in range(1, 101):
                await client.publish(f"chatbridge/public/{CHAT}/entries/{no}", OLD, qos=1, retain=True)
        async with feeding(broker, book(4)):
            await until_standing(broker, [4])


async def test_a_broker_that_drops_most_of_what_must_be_acknowledged_shows_the_feed_all(
    tmp_path: Path,
) -> None:
    """Mosquitto's default with smaller numbers, for 20 messages on their way and 1,000 waiting. Else what should
    stand might be all that it shows, and what should not would never be seen."""
    with mosquitto(tmp_path / "broker", "max_inflight_messages 2", "max_queued_messages 8") as broker:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            for no in range(1, 201):
                await client.publish(f"chatbridge/public/{CHAT}/entries/{no}", OLD, qos=1, retain=True)
        async with feeding(broker, book(*range(1, 101))):
            await until_standing(broker, range(1, 101))


async def test_words_stand_as_long_as_on_the_page(broker: Mosquitto) -> None:
    """What is hidden in time was never told; edited words begin anew."""
    shown = book(4)
    async with feeding(broker, shown, delay=20, speed=20) as (feed, display):
        await until(lambda: display.entries == [4])
        shown.put(chats.entry(5, "Q1", text=Text(SECRET)))
        shown.put(chats.entry(6, "Q1", text=Text("patience")))
        feed.changed(CHAT, [5, 6])
        shown.put(chats.entry(4, "Q1", text=Text("other words")))
        feed.changed(CHAT, [4])
        await until(lambda: display.entries == [])
        shown.drop(5)
        feed.changed(CHAT, [5])
        await until(lambda: display.entries == [4, 6])
        assert display.standing[f"{CHAT}/entries/4"]["text"]["plain"] == "other words"
    assert SECRET.encode() not in b"".join(payload for _, payload in display.told)


async def test_a_denied_feed_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The broker takes what may not be written, and says nothing."""
    rights = tmp_path / "acl"
    rights.write_text("topic read chatbridge/public/#\n")
    rights.chmod(0o600)
    with mosquitto(tmp_path / "broker", f"acl_file {rights}") as broker:
        feed = PublicFeed(broker.mqtt, book(4), 0, Clock(speed=60))
        async with beside(feed.run()):
            await until(lambda: "May our user write and read there?" in caplog.text)


async def test_the_example_consumer_shows_a_chat(broker: Mosquitto) -> None:
    """As a process of its own, as somebody would run it."""
    shown = book(4)
    async with feeding(broker, shown) as (feed, display):
        await until(lambda: display.entries == [4])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(DOCS / "display.py"),
            "127.0.0.1",
            "--port",
            str(broker.port),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        lines: list[str] = []

        async def line(begins: str) -> str:
            assert process.stdout is not None
            async with asyncio.timeout(10):
                while not lines or not lines[-1].startswith(begins):
                    lines.append((await process.stdout.readline()).decode().rstrip())
            return lines[-1]

        try:
            assert (await line("+")).startswith("+ A1 · 4  ")
            shown.put(chats.entry(4, "Q1", text=Text("other words")))
            shown.put(chats.entry(5, "Q1", warning="about death", text=Text(SECRET)))
            feed.changed(CHAT, [4, 5])
            assert (await line("~")).endswith("other words")
            assert (await line("+ A1 · 5")).endswith("[about death]")
            shown.drop(5)
            feed.changed(CHAT, [5])
            assert await line("-") == "- A1 · 5"
        finally:
            process.kill()
            await process.wait()


# ---------------------------------------------------------------- the documentation


def test_the_asyncapi_file_says_what_is_published() -> None:
    """Every topic, and every field with its type: neither more nor less."""
    text = (DOCS / "asyncapi.yaml").read_text()
    assert re.search(r"^asyncapi: 3\.0\.0$", text, re.MULTILINE)
    addresses = re.findall(r"^    address: '(.*)'$", text, re.MULTILINE)
    assert addresses == ["{prefix}/public/{chat}/state", "{prefix}/public/{chat}/entries/{no}"]
    schemas = dict(re.findall(r"^    (\w+):\n      type: object\n((?:      .*\n|\n)+)", text, re.MULTILINE))
    for struct, left_out in (
        (ChatView, {"entries"}),
        (QuestionView, set[str]()),
        (EntryView, set()),
        (Source, set()),
        (Text, set()),
        (Span, set()),
        (Media, {"digest"}),  # of our own pictures alone
    ):
        fields = {field.name: field for field in msgspec.structs.fields(struct)}
        body = schemas[struct.__name__]
        told = set(re.findall(r"^        '?(\w+)'?:", body, re.MULTILINE))
        assert told == set(fields) - left_out, struct
        required = re.search(r"^      required: \[(.*)\]$", body, re.MULTILINE)
        assert required is not None, struct
        assert set(re.findall(r"\w+", required[1])) == {name for name in told if fields[name].required}, (
            struct
        )


async def test_a_feed_that_is_withdrawn_leaves_nothing(broker: Mosquitto) -> None:
    shown = book(*range(1, 200))
    async with feeding(broker, shown) as (feed, display):
        assert isinstance(feed, PublicFeed)
        await until(lambda: len(display.entries) == 199)
        async with asyncio.timeout(10):
            await feed.withdraw()
        assert await standing(broker) == {}
        feed.changed(CHAT, [4])
        feed.changed(CHAT, [])
        for _ in range(20):  # it would have been said by now
            assert await standing(broker) == {}


async def test_a_bridge_in_one_process_publishes_too(broker: Mosquitto, tmp_path: Path) -> None:
    """Also after the broker was away; a host's hide clears the topic."""
    said = post("1", "A1: it comes in twice a day #WardChat", network="hall", at=micros(datetime.now(UTC)))
    async with running(tmp_path, [said], f'[mqtt]\nurl = "{broker.url}"') as bridge:
        display = Display()
        async with beside(display.listen(broker)):
            await until(lambda: "rhythm/entries/1" in display.standing)
            assert display.standing["rhythm/state"]["title"] == "Reading the tide"
            broker.kill()
            tell = {"do": "tell", "chat": "rhythm", "verb": "hide", "text": "1"}
            await asyncio.to_thread(control.ask, bridge.config.journal, tell)
            broker.start()
            await until(lambda: "rhythm/entries/1" not in display.standing)
            await until(lambda: "rhythm/state" in display.standing)
        assert not [topic for topic in await standing(broker) if "entries" in topic]


async def test_a_broker_that_is_away_is_told_once(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """For whoever looks at the log: nothing else tells of the feed."""
    broker.kill()
    feed = PublicFeed(broker.mqtt, book(4), 0, Clock(speed=60))
    async with beside(feed.run()):
        await until(lambda: "The public feed waits" in caplog.text)
        broker.start()
        display = Display()
        async with beside(display.listen(broker)):
            await until(lambda: display.entries == [4])
    assert caplog.text.count("The public feed waits") == 1
