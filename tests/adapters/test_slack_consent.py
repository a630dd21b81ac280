"""The whole way of an answer from Slack to the page: core, engine, links, a workspace's sockets, and back."""

from __future__ import annotations

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.chat.state import Configured
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import HOUR, MINUTE, Limits
from bridge.outbox import Outbox
from bridge.settings import Chat, Community, Net, Question
from bridge.supervise import Supervisor, Watch
from simulator.stage import Person
from tests.adapters.slack_rig import server, subject
from tests.conformance.rig import TAG, Rig

NET = Net("slack", "slack", "Slack", Limits(3500), mirror=True)


def community(now: int) -> Community:
    """A chat that has been open for ten minutes."""
    starts = now - 10 * MINUTE
    question = Question(starts + 50 * MINUTE, "Who pours the tea?")
    chat = Chat("tea", "Tea", TAG, starts, starts + HOUR, starts + 24 * HOUR, (question,))
    return Community("The Tea Shop", "Europe/London", "en", (chat,), (NET,))


@asynccontextmanager
async def bridge(rig: Rig, path: Path) -> AsyncIterator[Engine]:
    """A bridge on the workspace, as `bridge.runner` puts it together, without page and socket."""
    journal = Journal(path)
    engine = Engine(journal, rig.clock)
    engine.replay()
    outbox = Outbox(engine, journal.open_orders(), journal.ended())
    watch = Watch(rig.adapter(), "Slack", engine, outbox, rig.sessions)
    supervisor = Supervisor([watch], journal.cursors())
    released = engine.released
    released.orders, released.settled, released.echo = outbox.accept, outbox.settled, outbox.echo
    released.follow, released.cursor, released.seen = supervisor.follow, supervisor.cursor, supervisor.seen
    released.answer, released.whisper = supervisor.answer, supervisor.whisper
    released.feeds = [supervisor]
    try:
        async with TaskGroup() as group:
            tasks = [group.create_task(engine.run())]
            if engine.session.state.community is None:
                await engine.submit(Configured(community(rig.clock.now())))
            tasks.append(group.create_task(supervisor.run()))
            await rig.until(lambda: supervisor.ready, "the link to open")
            yield engine
            for task in reversed(tasks):
                task.cancel()
    finally:
        journal.close()


def shown(engine: Engine) -> list[tuple[str, str]]:
    """Name and words of what stands on the page."""
    entries = engine.session.view("tea", "page", engine.clock.now()).entries
    return [(e.name, e.text.plain) for e in entries if e.text is not None]


def press(rig: Rig, who: Person, choice: str) -> None:
    """Somebody presses the button of that choice in the one message that put it to them."""
    buttons = [c for c in rig.stage.find_control("consent") if c["value"]["item"] == choice]
    (button,) = [c for c in buttons if c["user"] == who.handle]
    assert rig.stage.use_control(who, button)


async def test_an_answer_stands_on_the_page_once_its_author_says_so_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with subject().rig() as rig:
        nurse, porter = rig.person(name="nurse"), rig.person(name="porter")
        asked = server(rig).whispers
        async with bridge(rig, tmp_path / "tea.db") as engine:
            one = rig.says(nurse, "said first")
            rig.says(porter, "said by another")
            await rig.until(lambda: len(asked) == 2, "both to be asked")
            assert sorted(w.user for w in asked) == sorted((nurse.account, porter.account))
            assert shown(engine) == []
            press(rig, nurse, "first")
            await rig.until(lambda: shown(engine), "the answer on the page")
            assert shown(engine) == [("Nurse", one.text)]
            await rig.until(lambda: len(asked) == 3, "a word back")
            assert (asked[-1].user, asked[-1].words.partition(".")[0]) == (
                nurse.account,
                "Done: your answers here now stand on the page with your first name",
            )
        async with bridge(rig, tmp_path / "tea.db") as engine:
            assert shown(engine) == [("Nurse", one.text)]
            two = rig.says(nurse, "said later")
            await rig.until(lambda: len(shown(engine)) == 2, "what follows on the page")
            press(rig, nurse, "name")
            await rig.until(lambda: shown(engine)[0][0] != "Nurse", "the whole name, by the old message")
            assert shown(engine) == [(nurse.name, one.text), (nurse.name, two.text)]
            press(rig, nurse, "no")
            await rig.until(lambda: not shown(engine), "the words to be gone")
            await rig.until(lambda: len(asked) == 5, "the answers")
            assert [w.user for w in asked[2:]] == [nurse.account] * 3, "nobody was asked twice"
