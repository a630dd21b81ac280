"""A bridge as it is run, between a stand-in Mastodon and a stand-in Slack: real adapters, real sockets, a journal on
disk, the clock on the wall. One process, one thread: what the stand-ins take is taken from the bridge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.clock import WallClock
from bridge.config import load
from bridge.runner import Bridge
from bridge.sessions import FileSessions
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from simulator.stage import Draft, Person, Said

TAG = "WardChat"
QUESTION = "What makes a handover safe?"
ROLES = ("nurse", "doctor", "midwife", "porter", "carer")


class Stage:
    """The two stand-ins and who is on them. `bridge` runs from `playing` on."""

    bridge: Bridge

    def __init__(self, people: int) -> None:
        clock = Clock()
        self.faults = Faults(clock.now)
        self.mastodon = Mastodon("mastodon", clock, self.faults, {"tag": TAG})
        self.slack = Slack("slack", clock, self.faults, {"tag": TAG, "public": "no"})
        self.people = [_person(n, "mastodon") for n in range(people)]
        self.host = Person("host-01", "Host 01", "slack", host=True)

    def shown(self) -> list[Said]:
        """What of the bridge's stands in the merged channel."""
        return [s for s in self.slack.said.values() if s.ours and s.place == "chat" and not s.deleted]

    def write(self, who: int, text: str) -> str:
        """Somebody answers on Mastodon; gives the post's id."""
        return self.mastodon.write(self.people[who % len(self.people)], Draft(text))

    def cut(self) -> None:
        """Every connection to Slack breaks: the events' and those of requests under way."""
        self.slack.hub.drop()
        runner = self.slack._runner
        assert runner is not None
        assert runner.server is not None
        for connection in runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()


def _person(n: int, network: str) -> Person:
    role = ROLES[n % len(ROLES)]
    return Person(f"{role}-{n:03}", f"{role.title()} {n:03}", network)


@asynccontextmanager
async def playing(folder: Path, people: int, minutes: float) -> AsyncIterator[Stage]:
    """A chat whose first question stands on both networks, its links ready, for so many minutes."""
    stage = Stage(people)
    await stage.mastodon.start()
    await stage.slack.start()
    try:
        for person in stage.people:
            stage.mastodon.join(person)
        (folder / "config.toml").write_text(_config(stage, minutes))
        config = load(folder / "config.toml", _secrets(stage))
        stage.bridge = Bridge(
            config, WallClock(), lambda name: FileSessions(folder / "sessions" / f"{name}.json"), stay=True
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(stage.bridge.run())
            await until(lambda: any(QUESTION in s.text for s in stage.shown()), 30)
            await until(lambda: any(QUESTION in s.text for s in stage.mastodon.said.values()), 30)
            yield stage
            stage.bridge.stop()
            await running
    finally:
        await stage.slack.stop()
        await stage.mastodon.stop()


def _config(stage: Stage, minutes: float) -> str:
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    host = stage.slack.join(stage.host)
    lines = [
        '[community]\nname = "Benchmarks"\ntimezone = "Europe/London"\njournal = "journal.db"',
        f'[[chats]]\nid = "benchmark"\ntitle = "A full room"\nhashtag = "{TAG}"\nremind = []',
        f"starts = {starts.isoformat()}\nminutes = {minutes}\nlate_hours = 1",
        f"[[chats.hosts]]\nname = {json.dumps(stage.host.name)}\nslack = {json.dumps(host)}",
        f"[[chats.questions]]\nat = 0.05\ntext = {json.dumps(QUESTION)}",
        "[web]\nport = 0",
    ]
    for server in (stage.mastodon, stage.slack):
        table: dict[str, Any] = server.access()["table"]
        lines.append(f'[networks.{server.network}]\nkind = "{server.network}"')
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _secrets(stage: Stage) -> dict[str, str]:
    return {
        f"{server.network}_{name}".upper(): value
        for server in (stage.mastodon, stage.slack)
        for name, value in server.access()["secrets"].items()
    }


async def until(met: Callable[[], object], seconds: float) -> bool:
    """Look every few milliseconds whether it is so; False if it is not in so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not met():  # noqa: ASYNC110 - the stand-ins tell nobody
                await asyncio.sleep(0.002)
            return True
    return False
