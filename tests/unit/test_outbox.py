"""The workers that send: how often something is tried, and what they do when somebody is to be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.chat.state import Arrived, Configured
from bridge.delivery import LONGEST_WAIT, MOST_LOOKS, Row
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import (
    MINUTE,
    SECOND,
    Absent,
    AuthorKnown,
    Capabilities,
    Command,
    Endorse,
    Found,
    Gathered,
    Inbound,
    Micros,
    Network,
    Notice,
    Opened,
    Order,
    Outcome,
    Post,
    Publish,
    Ref,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
    Update,
    Written,
)
from bridge.outbox import Outbox
from tests.simulation.clock import EPOCH, STARTS, VirtualClock, run
from tests.unit.make import LIMITS, NETS, SLACK_HOST, community, person, post
from tests.unit.test_forget import files

HEDDA = person("hedda", name="Hedda")
CAN = {
    "mastodon": Capabilities(LIMITS["mastodon"], resend="same_key", key_lasts=3600.0, endorses=True),
    "slack": Capabilities(LIMITS["slack"], mirror=True, console=True),
}


class Room:
    """One network's link: `answer` and `look` say what it answers, and it keeps what it was sent, and when."""

    def __init__(self, name: Network) -> None:
        self.opened = Opened(name, f"our:{name}", "@ours", CAN[name])
        self.sent: list[tuple[Micros, Order]] = []
        self.looks = 0
        self.answer: Callable[[Order], Coroutine[Any, Any, Outcome]] = self.take
        self.look: Found | Absent | Unknown = Unknown("nobody answers")

    async def take(self, order: Order) -> Outcome:
        return Sent(Ref(order.network, f"p{order.stamp}"), f"{order.network}:{order.stamp}")

    async def send(self, order: Order) -> Outcome:
        self.sent.append((VirtualClock().now(), order))
        return await self.answer(order)

    async def find(self, order: Order) -> Found | Absent | Unknown:
        self.looks += 1
        return self.look

    def said(self) -> str:
        """All words it was sent."""
        return repr([order.op for _, order in self.sent])

    def told(self) -> list[str]:
        """What the hosts were told."""
        ops = [order.op for _, order in self.sent]
        return [op.content.text for op in ops if isinstance(op, Publish) and isinstance(op.content, Notice)]


class Hour:
    """A chat on two networks, with everything that runs."""

    def __init__(self, engine: Engine, outbox: Outbox) -> None:
        self.engine = engine
        self.outbox = outbox
        self.mastodon, self.slack = Room("mastodon"), Room("slack")

    async def write(self, *posts: Post) -> None:
        """They arrive together, and are decided together."""
        for what in posts:
            await self.engine.arrive(Inbound(what.ref.network, AuthorKnown(what.author.account)))
            await self.engine.arrive(Inbound(what.ref.network, Written(what)))
        await self.engine.caught_up()

    async def command(self, verb: str, text: str) -> None:
        await self.engine.submit(Arrived("slack", Command(verb, SLACK_HOST, text=text)))

    async def idle(self) -> None:
        """Until every order is final."""
        await until(lambda: not self.outbox.waiting())


async def until(met: Callable[[], object]) -> None:
    while not met():  # noqa: ASYNC110  # the time is not real, and passes by itself
        await asyncio.sleep(1)


@asynccontextmanager
async def hour(path: Path, minute: int = 10) -> AsyncIterator[Hour]:
    clock, journal = VirtualClock(), Journal(path / "journal.db", inline=True)
    try:
        await clock.sleep((STARTS + minute * MINUTE - EPOCH) / SECOND)
        engine = Engine(journal, clock)
        outbox = Outbox(engine)
        released = engine.released
        released.orders, released.settled, released.forgotten = outbox.accept, outbox.settled, outbox.forget
        made = Hour(engine, outbox)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(engine.run()), group.create_task(outbox.expire())]
            await engine.submit(Configured(community(networks=(NETS[0], NETS[2]))))
            for room in (made.mastodon, made.slack):
                await engine.submit(room.opened)
                tasks.append(group.create_task(outbox.serve(room.opened.network, room)))  # type: ignore[arg-type]  # as much of a Link as sending takes
            await made.idle()
            yield made
            for task in tasks:
                task.cancel()
    finally:
        journal.close()


async def unclear(order: Order) -> Outcome:
    return Unclear("no answer")


# ---------------------------------------------------------------- tried again


@pytest.mark.parametrize("look", [Unknown("nobody answers"), Absent()])
def test_a_like_that_stays_unclear_is_given_up_and_the_hosts_hear_of_it(
    tmp_path: Path, look: Unknown | Absent
) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(post("1", "A1: we write it down #WardChat"))
            await it.idle()

            async def answer(order: Order) -> Outcome:
                return await (unclear if isinstance(order.op, Endorse) else it.mastodon.take)(order)

            it.mastodon.answer, it.mastodon.look = answer, look
            start = len(it.mastodon.sent)
            await it.command("like", "1")
            await it.command("reply", "1 Thank you!")
            async with asyncio.timeout(3600):
                await it.idle()
            tries = [at for at, order in it.mastodon.sent[start:] if isinstance(order.op, Endorse)]
            assert len(tries) == MOST_LOOKS
            waits = [(after - before) / SECOND for before, after in pairwise(tries)]
            assert waits == sorted(waits)
            assert waits[-1] == LONGEST_WAIT
            assert it.mastodon.looks == 1
            assert [t for t in it.slack.told() if "entry 1 could not be liked" in t]
            last = it.mastodon.sent[-1][1].op
            assert isinstance(last, Publish)
            assert "Thank you!" in repr(last.content)

    run(chat())


def test_what_is_sent_again_is_sent_less_and_less_often_but_once_more_in_time(tmp_path: Path) -> None:
    async def chat() -> None:
        async with hour(tmp_path, minute=0) as it:
            it.mastodon.answer = unclear
            start, asked = len(it.mastodon.sent), VirtualClock().now()
            await it.command("ask", "And at night?")
            async with asyncio.timeout(1200):
                await until(lambda: it.mastodon.looks)
            tries = [(at - asked) / SECOND for at, _ in it.mastodon.sent[start:]]
            assert tries == [0, 2, 6, 14, 30, 62, 119]

    run(chat())


@pytest.mark.parametrize("look", ["absent", "found"])
def test_an_unclear_like_that_is_taken_back_is_not_given_again(tmp_path: Path, look: str) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(post("1", "A1: we write it down #WardChat"))
            await it.idle()
            given = Sent(Ref("mastodon", "l1"), "mastodon:l1")
            it.mastodon.answer = unclear
            it.mastodon.look = Absent() if look == "absent" else Found((given,))
            start = len(it.mastodon.sent)
            await it.command("like", "1")
            await until(lambda: len(it.mastodon.sent) > start)
            it.mastodon.answer = it.mastodon.take
            await it.command("hide", "1")
            await it.idle()
            ops = [type(order.op).__name__ for _, order in it.mastodon.sent[start:]]
            assert ops == (["Endorse"] if look == "absent" else ["Endorse", "Retract"])

    run(chat())


# ---------------------------------------------------------------- forgotten

HELD = post("1", "A1: my paper lantern https://a.example #WardChat", by=HEDDA)
FORGET = post("2", "@ours forget me", by=HEDDA, mentions=("our:mastodon",), reach="direct")


def test_what_was_held_and_forgotten_in_one_batch_is_never_sent_nor_written_down_again(
    tmp_path: Path,
) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(HELD, FORGET)
            await it.idle()
            assert "lantern" not in it.slack.said()
            assert b"lantern" not in files(tmp_path / "journal.db")

    run(chat())


@pytest.mark.parametrize("outcome", [RetryLater(5, "busy"), Unclear("no answer")])
def test_what_is_in_flight_comes_back_without_the_words(tmp_path: Path, outcome: Outcome) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it:
            started, gone = asyncio.Event(), asyncio.Event()

            async def slowly(order: Order) -> Outcome:
                it.slack.answer = it.slack.take
                started.set()
                await gone.wait()
                return outcome

            it.slack.answer, it.slack.look = slowly, Absent()
            await it.write(HELD)
            await started.wait()
            assert "lantern" in it.slack.said()
            it.slack.sent.clear()
            await it.write(FORGET)
            gone.set()
            await it.idle()
            assert "lantern" not in it.slack.said()
            assert b"lantern" not in files(tmp_path / "journal.db")

    run(chat())


def test_what_is_forgotten_while_its_sending_is_written_down_is_not_sent(tmp_path: Path) -> None:
    async def chat() -> None:
        async with hour(tmp_path) as it, asyncio.TaskGroup() as group:

            def accept(rows: list[Row]) -> None:
                it.outbox.accept(rows)
                if any("lantern" in repr(row.order) for row in rows):
                    group.create_task(it.write(FORGET))

            it.engine.released.orders = accept
            await it.write(HELD)
            await it.idle()
            assert "lantern" not in it.slack.said()
            assert b"lantern" not in files(tmp_path / "journal.db")

    run(chat())


def test_who_is_called_like_somebody_forgotten_is_still_shown(tmp_path: Path) -> None:
    """In a room a handle is not one person's alone: nothing empty is sent, and theirs is sent anew."""
    namesake = msgspec.structs.replace(HEDDA, account="acct:other@ward.example")

    async def chat() -> None:
        async with hour(tmp_path) as it:
            await it.write(post("1", "A1: my paper lantern #WardChat", by=HEDDA))
            await until(lambda: "lantern" in it.slack.said())

            async def busy(order: Order) -> Outcome:
                if "folder" not in repr(order):
                    return await it.slack.take(order)
                it.slack.answer = it.slack.take
                return RetryLater(30, "busy")

            it.slack.answer = busy
            await it.write(post("3", "A1: a green folder #WardChat", by=namesake))
            await until(lambda: "folder" in it.slack.said())
            it.slack.sent.clear()
            await it.write(FORGET)
            await asyncio.sleep(60)
            shown = [o.op.content for _, o in it.slack.sent if isinstance(o.op, Publish | Update)]
            assert "folder" in repr(shown)
            assert Gathered(()) not in shown

    run(chat())
