"""A short chat, held by the real bridge on the peers, through the fault proxy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.chat.view import ChatView
from bridge.config import load
from bridge.report.from_journal import replayed
from bridge.runner import Bridge
from bridge.sessions import FileSessions
from bridge.when import local
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Said, Stage
from tests.conformance.rig import BridgeClock
from tests.peers.bluesky_stage import Peer
from tests.peers.mastodon_peer import mock
from tests.peers.mastodon_stage import MockStage

pytestmark = pytest.mark.peers
SPEED = 30.0  # chat seconds in a real one
LIMIT = 90.0  # real seconds for all of it
PATIENCE = 3.0  # real seconds for a request: a real server hashes passwords at its own speed
TAG = "HarbourTea"  # of its own: what other tests left on the same network bears theirs
ASKED = {"Q1": "What is in your pot?", "Q2": "Who pours?"}
STRUCK = ("answer_lost", "server_error", "rate_limited", "duplicated", "reordered")


def config(starts: int, stages: Mapping[str, Stage]) -> str:
    """Six minutes with two questions, the first after one, the second after four."""
    lines = [
        '[community]\nname = "The Coastal Round"\ntimezone = "UTC"\njournal = "journal.db"\n[web]\nport = 0',
        f'[[chats]]\nid = "tea"\ntitle = "Tea and tides"\nhashtag = "{TAG}"\nremind = []',
        f"starts = {local(starts, 'UTC').replace(tzinfo=None).isoformat()}\nminutes = 6\nlate_hours = 0.05",
    ]
    for at, text in zip((1, 4), ASKED.values(), strict=True):
        lines.append(f'[[chats.questions]]\nat = {at}\ntext = "{text}"')
    for name, stage in stages.items():
        table = {"kind": name} | stage.access()["table"]
        lines += [f"[networks.{name}]"]
        lines += [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


class Chat:
    """The bridge and the people of one chat."""

    def __init__(self, bridge: Bridge, stages: Mapping[str, Stage]) -> None:
        self.bridge, self.stages = bridge, stages
        self.answers: dict[tuple[str, str], str] = {}  # (network, id) -> the question it answers
        self.unseen: list[Said] = []  # whose words nobody may see

    def view(self) -> ChatView:
        return self.bridge.view("tea", "page")

    async def attend(self, network: str) -> None:
        """What the people of a network do."""
        stage = self.stages[network]
        nurses = [Person(f"nurse-{n:02}", f"Nurse {n}", network) for n in range(1, 5)]
        shy = Person("porter-01", "Porter 1", network, "Tea only. #nobridge")
        for person in (*nurses, shy):
            stage.join(person)

        def says(person: Person, text: str, **draft: Any) -> Said:
            return stage.said[stage.write(person, Draft(f"{text} on {network}", **draft))]

        first = await self.copy(stage, "Q1")
        answers = {
            "Q1": [
                says(nurses[0], "A1. Leaves and patience"),
                says(nurses[1], "Only leaves here", reply_to=first.id, tag="none"),
                says(nurses[2], "A1 Leavs and lemon"),
            ]
        }
        gone = says(nurses[3], "A1. Nobody must know")
        says(nurses[3], "Off to the harbour", tag="none")
        self.unseen += [says(shy, "A1. A quiet cup"), gone]
        if network == "mastodon":
            self.unseen.append(says(nurses[3], "A1. Among friends", reply_to=first.id, reach="limited"))
        await self.until(lambda: self.shown(gone) and all(map(self.shown, answers["Q1"])))
        stage.edit(nurses[2], answers["Q1"][2].id, f"A1 Leaves and lemon on {network}")
        stage.delete(nurses[3], gone.id)
        await self.copy(stage, "Q2")
        answers["Q1"].append(says(nurses[3], "A1. Late to the pot"))
        answers["Q2"] = [says(nurses[0], "A2. Whoever sits next to it")]
        self.answers |= {(network, s.id): label for label, given in answers.items() for s in given}

    async def copy(self, stage: Stage, label: str) -> Said:
        """A question, when it has been asked."""
        await self.until(lambda: questions(stage)[label])
        return next(said for said in stage.said.values() if said.ours and ASKED[label] in said.text)

    def shown(self, said: Said) -> bool:
        return any(source.id == said.id for entry in self.view().entries for source in entry.sources)

    async def until(self, met: Callable[[], object]) -> None:
        """Waits for something that a network or the bridge does."""
        while not met():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)


def questions(stage: Stage) -> Counter[str]:
    """How often each question stands on a network."""
    ours = [said.text for said in stage.said.values() if said.ours and not said.deleted]
    return Counter(label for text in ours for label, words in ASKED.items() if words in text)


@pytest.mark.parametrize("networks", [("mastodon",), ("mastodon", "bluesky")], ids="+".join)
async def test_a_short_chat(
    networks: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    clock = Clock(speed=SPEED)
    faults = Faults(clock.now)
    options = {"tag": TAG}
    stages: dict[str, Stage] = {"mastodon": MockStage(mock(), "mastodon", clock, faults, options)}
    if "bluesky" in networks:
        peer = request.getfixturevalue("bluesky")
        stages["bluesky"] = Peer(peer, "bluesky", clock, faults, options)
    async with AsyncExitStack() as stack, asyncio.timeout(LIMIT):
        secrets: dict[str, str] = {}
        for name, stage in stages.items():
            await stage.start()
            stack.push_async_callback(stage.stop)
            secrets |= {f"{name}_{key}".upper(): value for key, value in stage.access()["secrets"].items()}
        path = tmp_path / "config.toml"
        path.write_text(config(clock.now() + 60_000_000, stages), encoding="utf-8")
        bridge = Bridge(
            load(path, secrets),
            BridgeClock(clock, PATIENCE),
            lambda name: FileSessions(tmp_path / "sessions" / f"{name}.json"),
        )
        chat = Chat(bridge, stages)
        for name in networks:
            for kind in STRUCK:
                faults.at(name, kind, 0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bridge.run())
            for name in networks:
                tasks.create_task(chat.attend(name))
        for name in networks:
            assert {kind: faults.fired_on[name, kind] for kind in STRUCK} == dict.fromkeys(STRUCK, 1)
            assert questions(stages[name]) == dict.fromkeys(ASKED, 1)
        _is_right(chat)
    session = replayed(tmp_path / "journal.db")
    assert session.digest() == bridge.engine.session.digest()
    assert session.view("tea", "page", clock.now()).entries == chat.view().entries


def _is_right(chat: Chat) -> None:
    """The timeline holds every answer once, as it was worded last, under its question, and nothing else."""
    view = chat.view()
    shown = [entry for entry in view.entries if entry.text is not None]
    found = [(source.network, source.id) for entry in shown for source in entry.sources]
    assert sorted(found) == sorted(chat.answers)
    for entry in shown:
        assert entry.text is not None
        for source in entry.sources:
            said = chat.stages[source.network].said[source.id]
            assert entry.questions == (chat.answers[source.network, source.id],)
            assert "".join(said.text.split()) == "".join(entry.text.plain.split())
            assert entry.edited == said.edited
    assert view.kept == sum(not said.deleted for said in chat.unseen)
    told = msgspec.json.encode(view).decode()
    for said in chat.unseen:
        assert said.text.split(".")[1][:10] not in told
