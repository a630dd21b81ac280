"""What watches over a bridge asks it, over real HTTP: does it answer, is every network there, how much of what."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import aiohttp
import pytest

from bridge.journal import Journal
from bridge.model import Post
from bridge.runner import Bridge
from tests.unit.bridges import TOKEN, figures, running
from tests.unit.make import person, post
from tests.unit.test_forget import files

DOCS = Path(__file__).parents[2] / "docs" / "operators.md"
HEDDA = person("hedda", "hall", name="Hedda")


def words() -> Post:
    now = time.time_ns() // 1000
    return post("1", "A1: my paper lantern #WardChat", by=HEDDA, network="hall", at=now)


async def get(address: str, status: int = 200) -> str:
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


async def told(bridge: Bridge, *wanted: str) -> dict[str, float]:
    """The figures, once all of these have come to something."""
    while True:
        found = dict(figures(await get(f"{bridge.watched}metrics")))
        if all(found.get(name) for name in wanted):
            return found
        await bridge.engine.quiet()


async def test_the_figures_are_those_of_what_happened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(tmp_path, [words()]) as bridge:
        found = await told(
            bridge,
            'chatbridge_events_total{kind="written"}',
            'chatbridge_outcomes_total{kind="sent",network="hall"}',
            'chatbridge_outcomes_total{kind="retry_later",network="hall"}',
            'chatbridge_link_state{network="square",state="down"}',
        )
    assert found['chatbridge_events_total{kind="written"}'] == 1
    assert found['chatbridge_events_total{kind="configured"}'] == 1
    assert found['chatbridge_outcomes_total{kind="retry_later",network="hall"}'] == 1
    assert found['chatbridge_entries{chat="rhythm"}'] == 1
    assert found['chatbridge_link_state{network="hall",state="ready"}'] == 1
    assert found['chatbridge_link_state{network="hall",state="down"}'] == 0
    assert 0 <= found['chatbridge_lag_seconds{network="hall"}'] < 60
    assert 'chatbridge_lag_seconds{network="square"}' not in found, "it was never heard"
    assert 0 <= found['chatbridge_link_since_seconds{network="square"}'] < 60
    assert found['chatbridge_budget_left{budget="requests",network="hall"}'] == 42
    assert not [name for name in found if "budget_left" in name and "square" in name]
    assert found['chatbridge_orders_waiting{lane="sheet",network="square"}'] > 0
    assert found["chatbridge_queue_depth"] == 0
    assert found["chatbridge_set_aside_total"] == 0
    assert found["chatbridge_commit_seconds_count"] >= 2
    assert 0 < found["chatbridge_commit_seconds_sum"] < 60
    assert found["chatbridge_journal_bytes"] > 1000
    assert found["process_resident_memory_bytes"] > 1_000_000
    (later,) = (r for r in caplog.records if r.name == "bridge.outbox" and "later" in r.getMessage())
    assert (later.__dict__["network"], later.__dict__["chat"]) == ("hall", "rhythm")
    assert later.__dict__["order"].count(".") == 1


async def test_no_label_bears_words_a_handle_or_a_secret(tmp_path: Path) -> None:
    async with running(tmp_path, [words()]) as bridge:
        await told(bridge, 'chatbridge_events_total{kind="written"}')
        said = await get(f"{bridge.watched}metrics") + await get(f"{bridge.watched}readyz", 503)
        assert b"lantern" in files(bridge.journal.path)
    for never in ("lantern", "hedda", "Hedda", TOKEN, str(tmp_path)):
        assert never not in said


async def test_ready_says_who_is_not_and_since_when(tmp_path: Path) -> None:
    async with running(tmp_path, []) as bridge:
        await told(
            bridge,
            'chatbridge_link_state{network="square",state="down"}',
            'chatbridge_link_state{network="hall",state="ready"}',
        )
        assert await get(f"{bridge.watched}healthz") == "ok\n"
        first, second = (await get(f"{bridge.watched}readyz", 503)).splitlines()
    assert first == "not ready"
    assert re.fullmatch(
        r"Square: down since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: the square does not answer", second
    )


async def test_once_all_are_there_it_is_ready(tmp_path: Path) -> None:
    async with running(tmp_path, []) as bridge:
        bridge.supervisor.watches.pop("square")
        await told(bridge, 'chatbridge_link_state{network="hall",state="ready"}')
        assert await get(f"{bridge.watched}readyz") == "ready\n"


async def test_at_an_address_of_its_own_the_page_has_none_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, [], 'metrics = "127.0.0.1:0"') as bridge:
        assert bridge.watched != bridge.address
        assert await get(f"{bridge.watched}healthz") == "ok\n"
        assert "chatbridge_events" in await get(f"{bridge.watched}metrics")
        await get(bridge.watched, 404)
        for path in ("metrics", "healthz", "readyz"):
            await get(bridge.address + path, 404)
        assert "Reading the tide" in await get(bridge.address)


async def test_every_name_is_documented_and_every_documented_name_is_there(tmp_path: Path) -> None:
    async with running(tmp_path, []) as bridge:
        said = await get(f"{bridge.watched}metrics")
    ours = set(re.findall(r"^# TYPE (chatbridge_\w+)", said, re.MULTILINE))
    assert set(re.findall(r"^\| `(chatbridge_\w+)", DOCS.read_text("utf-8"), re.MULTILINE)) == ours


async def test_a_commit_is_timed_until_it_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path, []) as bridge:
        before = dict(figures(await get(f"{bridge.watched}metrics")))["chatbridge_commit_seconds_sum"]
        write = bridge.journal.run

        async def slow(work: object) -> None:
            time.sleep(0.05)  # noqa: ASYNC251  # a disk that takes its time
            await write(work)  # type: ignore[arg-type]  # what it was given

        bridge.journal.run = slow  # type: ignore[method-assign]  # as above
        assert isinstance(bridge.journal, Journal)
        await bridge.engine.submit(None)
        after = dict(figures(await get(f"{bridge.watched}metrics")))["chatbridge_commit_seconds_sum"]
    assert after - before >= 0.05
