"""`python -m simulator` as its director sees it."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from simulator.clock import LAYOUT
from tests.unit.paper import HOURS, NETWORKS, SECOND, STARTS, TEXTS


class Process:
    """`python -m simulator`, spoken to as the director does, with a clock that runs 120 times as fast."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(LAYOUT.size))
        self.turns = itertools.count(2, 2)
        self.jump_to(STARTS - 60 * SECOND)
        self.scenario = {
            "clock": str(self.clock),
            "seed": 7,
            "participants": 12,
            "answers": 40,
            "faults": "mild",
            "out": str(folder / "out"),
            "chat": "c",
            "tag": "CCNVirtual",
            "starts": HOURS.starts,
            "ends": HOURS.ends,
            "late_until": HOURS.late_until,
            "questions": [{"label": "Q1", "text": TEXTS[0]}, {"label": "Q2", "text": TEXTS[1]}],
            "networks": [{"name": kind, "kind": kind} for kind in NETWORKS],
            "hosts": [{"name": "Lucy Scarisbrick"}],
        } | changes

    def jump_to(self, when: int) -> None:
        turn = next(self.turns)
        with self.clock.open("r+b") as file:
            file.write(LAYOUT.pack(turn, time.monotonic_ns(), when, 120.0, turn))

    async def start(self) -> dict[str, Any]:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator", stdin=pipe, stdout=pipe, limit=1 << 24
        )
        return await self.ask(self.scenario)

    async def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

    async def ended(self) -> int:
        async with asyncio.timeout(1.5):
            return await self.process.wait()


async def ask(begun: dict[str, Any]) -> None:
    """The bridge posts the first question on Mastodon."""
    mastodon = begun["networks"]["mastodon"]
    async with (
        ClientSession(headers={"Authorization": f"Bearer {mastodon['secrets']['TOKEN']}"}) as session,
        session.post(
            f"{mastodon['table']['api']}/api/v1/statuses", json={"status": f"Q1 {TEXTS[0]} #CCNVirtual"}
        ) as answer,
    ):
        assert answer.status == 200


async def test_the_process_stages_a_chat_and_compares_what_became_of_it(tmp_path: Path) -> None:
    simulator = Process(tmp_path)
    begun = await simulator.start()
    assert set(begun["networks"]) == set(NETWORKS)
    assert [set(host) for host in begun["hosts"]] == [set(NETWORKS)]
    await ask(begun)
    async with asyncio.timeout(10):
        while (pace := await simulator.ask({"do": "pace"}))["written"] < 8:
            simulator.jump_to(pace["next"])
    assert set(pace) == {"next", "busy", "written", "planned", "finished", "fired"}
    assert pace["planned"] == 40
    assert not pace["finished"]
    transcript = tmp_path / "transcript.json"
    transcript.write_text(json.dumps({"entries": []}))
    found = await simulator.ask({"do": "compare", "transcript": str(transcript)})
    assert found["questions"] == [{"label": "Q1", "posted": {"mastodon": 1}, "skew_ms": 0.0}]
    assert found["lost"]
    assert not found["leaked"]
    assert {f["why"] for f in found["lost"]} == {"in no entry"}
    rows = json.loads((tmp_path / "out" / "servers.json").read_text())
    assert sum(found["written"].values()) == sum(
        r["belongs"] and not r["opted_out"] and r["audience"] in ("public", "room")
        for n in rows
        for r in rows[n]
    )
    assert await simulator.ask({"do": "traces"}) == {"leaked": []}
    assert "error" in await simulator.ask({"do": "compare", "transcript": str(tmp_path / "nowhere.json")})
    assert "error" in await simulator.ask({"do": "dance"})
    assert await simulator.ask({"do": "end"}) == {"done": True}
    assert await simulator.ended() == 0


async def test_people_on_a_server_where_nothing_is_asked_answer_what_is_asked_on_another(
    tmp_path: Path,
) -> None:
    servers = [{"name": "mastodon", "kind": "mastodon"}, {"name": "welsh", "kind": "mastodon", "post": False}]
    simulator = Process(tmp_path, networks=servers, hosts=[], faults="none")
    transcript, file = tmp_path / "transcript.json", tmp_path / "out" / "servers.json"
    transcript.write_text(json.dumps({"entries": []}))
    begun = await simulator.start()
    await ask(begun)
    async with asyncio.timeout(20):
        while True:
            pace = await simulator.ask({"do": "pace"})
            simulator.jump_to(pace["next"])
            found = await simulator.ask({"do": "compare", "transcript": str(transcript)})
            rows = json.loads(file.read_text())
            copies = {id_ for row in rows["mastodon"] for _, id_ in row["also"]}
            if any(row["reply_to"] in copies for row in rows["welsh"]):
                break
    assert found["questions"] == [{"label": "Q1", "posted": {"mastodon": 1}, "skew_ms": 0.0}]
    assert not any(row["author"] == "bridge" for row in rows["welsh"])
    assert await simulator.ask({"do": "end"}) == {"done": True}
    assert await simulator.ended() == 0


async def test_words_of_who_asked_to_be_forgotten_are_looked_for_in_what_the_bridge_left(
    tmp_path: Path,
) -> None:
    simulator = Process(
        tmp_path, networks=[{"name": "mastodon", "kind": "mastodon"}], hosts=[], faults="none"
    )
    begun = await simulator.start()
    await ask(begun)
    async with asyncio.timeout(20):
        while not (pace := await simulator.ask({"do": "pace"}))["finished"]:
            simulator.jump_to(pace["next"])
    transcript = tmp_path / "transcript.json"
    transcript.write_text(json.dumps({"entries": []}))
    await simulator.ask({"do": "compare", "transcript": str(transcript)})
    rows = json.loads((tmp_path / "out" / "servers.json").read_text())["mastodon"]
    theirs = [row for row in rows if row.get("forgotten") and row["kind"] != "command"]
    assert theirs
    journal = tmp_path / "out" / "stage" / "journal.db"
    journal.parent.mkdir()
    journal.write_bytes(b"\x00SQLite" + theirs[0]["words"].encode() + b"\x00")
    (found,) = (await simulator.ask({"do": "traces"}))["leaked"]
    assert found["id"] == theirs[0]["id"]
    assert found["why"].endswith("stage/journal.db")
    assert await simulator.ask({"do": "end"}) == {"done": True}
    assert await simulator.ended() == 0


@pytest.mark.parametrize("how", ["end of file", "SIGTERM"])
async def test_the_process_ends_within_a_second(how: str, tmp_path: Path) -> None:
    simulator = Process(tmp_path)
    await simulator.start()
    if how == "SIGTERM":
        simulator.process.terminate()
    else:
        assert simulator.process.stdin is not None
        simulator.process.stdin.close()
    assert await simulator.ended() == 0
