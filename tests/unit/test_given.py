"""What the stand-ins gave the bridge to keep to itself is found wherever it stands, however it is spelt."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import aiohttp
import pytest
from aiohttp import web

from simulator.given import cookies, found

SECRET = "hush-T0ken/with+signs~9"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkaWQifQ.c2lnbmF0dXJlIG9mIG91cnM"
GIVEN = {"hall": {SECRET, JWT}, "square": {"hush-of-the-square"}}


def places(*held: bytes) -> list[str]:
    return [f["why"] for f in found(GIVEN, {f"place {n}": b"<" + one + b">" for n, one in enumerate(held)})]


@pytest.mark.parametrize(
    "held",
    [
        SECRET.encode(),
        f"GET /?token={quote_plus(SECRET)} HTTP/1.1".encode(),
        urlencode({"a": "b", "code": SECRET}).encode(),
        *(base64.b64encode(f"{'u' * ahead}:{SECRET}:more".encode()) for ahead in range(6)),
        base64.urlsafe_b64encode(f"{SECRET}ÿ".encode()),
        f"Authorization: Bearer {JWT}".encode(),
        JWT.split(".")[2].encode(),
        json.dumps({"token": SECRET}).encode(),
    ],
)
def test_a_secret_is_found_however_it_is_spelt(held: bytes) -> None:
    assert places(b"nothing", held) == ["a secret of hall is in place 1"]


def test_what_is_no_secret_is_none() -> None:
    assert places(b"", SECRET[:-1].encode(), JWT.partition(".")[0].encode(), base64.b64encode(b"hush-")) == []


def test_where_the_bridge_keeps_them_they_may_be() -> None:
    kept = {"stage/sessions/hall.json": SECRET.encode(), "stage/secrets/HALL_TOKEN": SECRET.encode()}
    assert found(GIVEN, kept) == []
    (one,) = found(GIVEN, {"stage/journal.db-wal": SECRET.encode()})
    assert SECRET not in json.dumps(one)
    assert (one["network"], one["what"]) == ("hall", "secrets")


async def test_every_answer_sets_a_cookie_that_is_a_secret() -> None:
    given: set[str] = set()
    app = web.Application()
    cookies(app, given)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/nowhere"
        async with session.get(address) as answer:
            assert {answer.cookies["__cf_bm"].value} == given
    await runner.cleanup()


async def test_a_rehearsal_tells_of_a_secret_in_what_it_leaves(tmp_path: Path) -> None:
    """By the same look that finds the words of people who asked to be forgotten."""
    from simulator.direct import Rehearsal

    scenario: dict[str, Any] = {
        "networks": [{"name": "mastodon", "kind": "mastodon"}],
        "questions": [],
        "hosts": [],
        "seed": 1,
        "participants": 1,
        "answers": 1,
        "tag": "WardChat",
        "starts": 0,
        "ends": 3_600_000_000,
        "late_until": 3_600_000_000,
        "out": str(tmp_path),
    }
    rehearsal = Rehearsal(scenario)
    assert (await rehearsal.traces())["leaked"] == []
    (tmp_path / "bridge.log").write_text("DEBUG: Bearer simulated-mastodon-token\n")
    (leak,) = (await rehearsal.traces())["leaked"]
    assert leak["why"] == "a secret of mastodon is in bridge.log"
    assert json.loads((tmp_path / "secrets.json").read_text()) == {"mastodon": ["simulated-mastodon-token"]}
