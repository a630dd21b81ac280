"""The merged timeline on the real link: an entry is edited, hidden, moved or removed while its copy is queued, in
flight or of unknown fate, and in the end the channel shows what it should, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from bridge.chat.community import SERVER
from bridge.chat.state import Arrived, Configured
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import HOUR, MINUTE, AuthorKnown, Command, Edited, Inbound, Opened, Post, Removed, Written
from bridge.outbox import Outbox
from bridge.settings import Chat, Community, Net, Question
from bridge.text import marked
from simulator.stage import Said
from tests.conformance.came import Session
from tests.conformance.rig import TAG, Rig
from tests.conformance.test_slack import TestSlack as Slack
from tests.unit.make import LIMITS, post

# the fault that leaves the copy in this phase: refused for now, answered late, done without an answer
PHASES = {"queued": "rate_limited", "in flight": "slow", "unclear": "answer_lost"}
CHANGES = ("edit", "hide", "move", "remove")


class Merge:
    """An engine and an outbox over one open link of the room, and an answer from elsewhere."""

    def __init__(self, rig: Rig, session: Session, engine: Engine, outbox: Outbox) -> None:
        self.rig, self.link, self.engine, self.outbox = rig, session.link, engine, outbox
        at = rig.time.now()
        self.answer = post("1", f"A1: kestrel before #{TAG}", network="mastodon", at=at)
        self.answer = msgspec.structs.replace(self.answer, tags=(TAG.casefold(),))

    async def arrive(self, *what: Written | Edited | Removed | AuthorKnown) -> None:
        for item in what:
            await self.engine.arrive(Inbound("mastodon", item))
        await self.engine.caught_up()
        self.outbox.stir()

    async def write(self) -> None:
        await self.arrive(AuthorKnown(self.answer.author.account), Written(self.answer))

    async def change(self, how: str) -> None:
        match how:
            case "edit":
                await self.arrive(Edited(self.edited()))
            case "remove":
                await self.arrive(Removed(self.answer.ref))
            case "hide":
                await self.tell("hide", "1")
            case "move":
                await self.tell("move", "1 Q2")

    def edited(self) -> Post:
        text = marked(f"A1: kestrel after #{TAG}")
        return msgspec.structs.replace(self.answer, text=text, edited=self.answer.at + 1)

    async def tell(self, verb: str, text: str) -> None:
        await self.engine.submit(Arrived(SERVER, Command(verb, SERVER, chat="tea", text=text)))
        self.outbox.stir()

    def shown(self) -> list[Said]:
        """The answer's copies that stand in the channel."""
        said = self.rig.stage.said.values()
        return [s for s in said if s.ours and not s.deleted and "kestrel" in s.text]

    async def until(self, met: Callable[[], bool], expected: str) -> None:
        await self.rig.until(met, expected, 20.0)

    def settled(self) -> bool:
        nothing = self.engine.session.following("slack", self.rig.time.now()) is None
        return nothing and self.outbox.waiting("slack") == 0 and not self.engine.busy


def community(rig: Rig) -> Community:
    """A chat in which two questions are asked at once."""
    now = rig.time.now()
    questions = (Question(now - 2 * MINUTE, "What is it?"), Question(now - MINUTE, "What for?"))
    chat = Chat("tea", "Tea", TAG, now - 5 * MINUTE, now + HOUR, now + 2 * HOUR, questions, stale=HOUR)
    nets = (
        Net("mastodon", "mastodon", "Mastodon", LIMITS["mastodon"], post=False),
        Net("slack", "slack", "Slack", LIMITS["slack"], mirror=True),
    )
    return Community("Coast", "UTC", "en", (chat,), nets)


@asynccontextmanager
async def merging(tmp_path: Path) -> AsyncIterator[tuple[Merge, Callable[[], None]]]:
    """The engine runs; the second value lets the outbox begin to send."""
    async with Slack().rig() as rig, rig.open(read=False) as session:
        journal = Journal(tmp_path / "journal.db")
        engine = Engine(journal, rig.clock)
        outbox = Outbox(engine)
        engine.released.orders, engine.released.settled = outbox.accept, outbox.settled
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(engine.run())]
                await engine.submit(Configured(community(rig)))
                await engine.submit(session.link.opened)
                can = msgspec.structs.replace(session.link.opened.capabilities, mirror=False, console=False)
                await engine.submit(Opened("mastodon", "acct:chat@ward.example", "@chat", can))
                merge = Merge(rig, session, engine, outbox)
                yield merge, lambda: tasks.append(group.create_task(outbox.serve("slack", session.link)))
                for task in tasks:
                    task.cancel()
        finally:
            journal.close()


async def sheet_is_out(merge: Merge) -> None:
    """Both questions stand in the channel."""
    asked = merge.engine.session.state.chats["tea"].sheet.questions
    await merge.until(lambda: all(i.posted_at for i in asked()), "both questions to be asked")
    await merge.until(merge.settled, "nothing under way")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_in_any_phase(tmp_path: Path, phase: str, change: str) -> None:
    async with merging(tmp_path) as (merge, serve):
        serve()
        await sheet_is_out(merge)
        merge.rig.strike(PHASES[phase])
        await merge.write()
        await merge.rig.struck(PHASES[phase])
        await merge.change(change)
        await merge.until(merge.settled, "the channel to be as it should")
        shown = [s.text for s in merge.shown()]
        if change in ("hide", "remove"):
            assert shown == []
        else:
            assert len(shown) == 1, merge.rig.story("one copy")
            assert ("kestrel after" in shown[0]) == (change == "edit")
            assert ("A2 · 1" if change == "move" else "A1 · 1") in shown[0]
