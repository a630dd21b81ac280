"""Slack takes a message and its answer never comes: looked for, found, never sent twice. The core, the journal, the
outbox and the adapter are real, and the clock is handed in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from adapters.slack.link import SlackLink
from bridge.chat.state import Configured
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import SECOND, AuthorKnown, Inbound, Opened, Post, Removed, Written
from bridge.outbox import Outbox
from bridge.text import marked
from simulator.stage import Said
from tests.adapters.slack_rig import server, slack
from tests.conformance.rig import TAG, Rig
from tests.conformance.test_merged import community
from tests.conformance.test_slack import TestSlack as Slack
from tests.unit.make import person, post

TIMES = 100
SPEED = 400.0  # a look after half a minute is one after a moment


class Room:
    """The merged channel, and people elsewhere."""

    def __init__(self, rig: Rig, link: SlackLink, engine: Engine, outbox: Outbox) -> None:
        self.rig, self.link, self.engine, self.outbox = rig, link, engine, outbox
        self.count = 0

    async def write(self, times: int = 1) -> list[Post]:
        """So many answers at once."""
        made = []
        for _ in range(times):
            self.count += 1
            by = person(f"nurse-{self.count:03}")
            text = marked(f"A1: answer n{self.count:03} #{TAG}")
            what = post(f"{self.count}", text, by=by, at=self.rig.time.now())
            made.append(msgspec.structs.replace(what, tags=(TAG.casefold(),)))
            await self.engine.arrive(Inbound("mastodon", AuthorKnown(by.account)))
            await self.engine.arrive(Inbound("mastodon", Written(made[-1])))
        await self.engine.caught_up()
        self.outbox.stir()
        return made

    def shown(self) -> list[Said]:
        """What stands in the channel of answers."""
        said = self.rig.stage.said.values()
        return [s for s in said if s.ours and not s.deleted and "answer n" in s.text]

    def stands(self) -> Counter[int]:
        """How often each answer stands there, as its block says it."""
        found: Counter[int] = Counter()
        for said in self.shown():
            words = str(said.raw["blocks"])
            found.update(n for n in range(1, self.count + 1) if f"answer n{n:03}" in words)
        return found

    def settled(self) -> bool:
        nothing = self.engine.session.following("slack", self.rig.time.now()) is None
        return nothing and self.outbox.waiting("slack") == 0 and not self.engine.busy

    async def rest(self) -> None:
        await self.rig.until(self.settled, "everything to be known", 60.0)

    def lose(self, times: int) -> None:
        """The next answers to a write are lost, after it was done."""
        self.rig.faults.at("slack", "answer_lost", *([0] * times))

    def posted(self) -> int:
        """How often a message with an answer was posted, done or not."""
        calls = server(self.rig).api.calls
        return sum(name == "chat.postMessage" and "answer n" in str(given) for name, given in calls)


@asynccontextmanager
async def room(path: Path, *, events: bool, speed: float = SPEED) -> AsyncIterator[Room]:
    """With its questions asked. `events`: whether Slack's events are read, which tell of our own messages too."""
    async with Slack().rig(speed=speed) as rig, rig.open(read=False) as session:
        journal = Journal(path / "journal.db")
        engine = Engine(journal, rig.clock)
        outbox = Outbox(engine)
        released = engine.released
        released.orders, released.settled, released.echo = outbox.accept, outbox.settled, outbox.echo

        async def read() -> None:
            async for item in session.link.inbound(None):
                await engine.arrive(item)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(engine.run())]
                await engine.submit(Configured(community(rig)))
                await engine.submit(session.link.opened)
                can = msgspec.structs.replace(session.link.opened.capabilities, mirror=False, console=False)
                await engine.submit(Opened("mastodon", "acct:chat@ward.example", "@chat", can))
                tasks.append(group.create_task(outbox.serve("slack", session.link)))
                if events:
                    tasks.append(group.create_task(read()))
                made = Room(rig, slack(session), engine, outbox)
                await made.rest()
                yield made
                for task in tasks:
                    task.cancel()
        finally:
            journal.close()


@pytest.mark.parametrize("events", [True, False], ids=["told by its echo", "searched in the history"])
async def test_a_hundred_lost_answers_make_a_hundred_messages(tmp_path: Path, events: bool) -> None:
    async with room(tmp_path, events=events) as it:
        for _ in range(TIMES):
            it.lose(1)
            await it.write()
            await it.rest()
        assert it.rig.faults.fired["answer_lost"] == TIMES
        assert len(it.shown()) == TIMES
        assert it.stands() == Counter(range(1, TIMES + 1))
        assert it.posted() == TIMES, "none was tried twice"


async def test_while_one_is_unclear_the_others_go_on(tmp_path: Path) -> None:
    """Nobody waits half a minute because of somebody else's lost answer."""
    async with room(tmp_path, events=False) as it:
        it.lose(1)
        await it.write()
        await it.rig.struck("answer_lost")
        before = it.rig.time.now()
        await it.write()
        await it.rig.until(lambda: it.stands()[2] == 1, "the second answer")
        assert it.outbox.waiting("slack") >= 1, "the first is still unclear"
        assert it.rig.time.now() - before < 30 * SECOND
        await it.rest()
        assert it.stands() == Counter((1, 2))


async def test_in_a_flood_with_lost_answers_each_entry_stands_there_once(tmp_path: Path) -> None:
    async with room(tmp_path, events=True) as it:
        for _ in range(10):
            it.lose(2)
            await it.write(30)
            await it.rig.until(lambda: it.posted() > 0, "the first message")
        gone = await it.write()
        await it.engine.arrive(Inbound("mastodon", Removed(gone[0].ref)))
        it.outbox.stir()
        await it.rest()
        assert it.rig.faults.fired["answer_lost"] > 2
        assert it.stands() == Counter(range(1, it.count))
        assert len(it.shown()) < it.count
