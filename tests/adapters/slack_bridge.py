"""A bridge on the stand-in workspace: core, engine, outbox and link, as they run."""

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
from bridge.settings import Chat, Community, Host, Net, Question
from bridge.supervise import Supervisor, Watch
from simulator.stage import Person
from tests.conformance.rig import TAG, Rig

NET = Net("slack", "slack", "Slack", Limits(3500), mirror=True)


def community(now: int, *hosts: Person) -> Community:
    """A chat that has been open for ten minutes, led by these."""
    starts = now - 10 * MINUTE
    question = Question(starts + 50 * MINUTE, "Who pours the tea?")
    led = tuple(Host(host.name, (("slack", host.account),)) for host in hosts)
    chat = Chat("tea", "Tea", TAG, starts, starts + HOUR, starts + 24 * HOUR, (question,), led)
    return Community("The Tea Shop", "Europe/London", "en", (chat,), (NET,))


@asynccontextmanager
async def bridge(rig: Rig, path: Path, *hosts: Person) -> AsyncIterator[Engine]:
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
                await engine.submit(Configured(community(rig.clock.now(), *hosts)))
            tasks.append(group.create_task(supervisor.run()))
            await rig.until(lambda: supervisor.ready, "the link to open")
            yield engine
            for task in reversed(tasks):
                task.cancel()
    finally:
        journal.close()
