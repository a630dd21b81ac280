"""The stand-in refuses what Mastodon refuses, in Mastodon's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.mastodon.budgets import Budgets
from simulator.stage import Draft, Person

SPEED = 3000.0
FAMILY = "👩‍👩‍👧‍👦"


class Api:
    """Plain requests to the stand-in, with or without the token."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server, self._session = server, session
        self.token: str | None = server.token

    async def ask(self, method: str, path: str, key: str = "", **fields: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        address = f"http://{self.server.address}/api/{path}"
        async with self._session.request(method, address, headers=headers, data=fields or None) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json()

    def socket(self) -> Any:
        address = f"ws://{self.server.address}/api/v1/streaming"
        return self._session.ws_connect(address, headers={"Authorization": f"Bearer {self.token}"})


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    clock = Clock(speed=SPEED)
    server = Server("mastodon", clock, Faults(clock.now), {"tag": "CoastalTea"})
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Api(server, session)
    await server.stop()


def person(server: Server, handle: str = "nurse-01") -> Person:
    someone = Person(handle, "Nurse", "mastodon")
    server.join(someone)
    return someone


async def test_no_token_a_wrong_one_and_one_without_the_scope(api: Api) -> None:
    api.token = None
    assert await api.ask("GET", "v1/notifications") == (
        401,
        {"error": "This method requires an authenticated user"},
    )
    api.token = "guessed"
    assert await api.ask("GET", "v1/notifications") == (401, {"error": "The access token is invalid"})
    api.token, api.server.scopes = api.server.token, "read"
    assert (await api.ask("GET", "v1/notifications"))[0] == 200
    assert await api.ask("POST", "v1/statuses", status="tea") == (
        403,
        {"error": "This action is outside the authorized scopes"},
    )


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("x" * 500, True),
        ("x" * 501, False),
        (FAMILY * 500, True),
        (FAMILY * 501, False),
        ("x" * 476 + " https://example.org/" + "y" * 300, True),
        ("x" * 477 + " https://example.org/" + "y" * 300, False),
        ("x" * 494 + " @chat@" + "y" * 80 + ".example", True),
        ("x" * 495 + " @chat@" + "y" * 80 + ".example", False),
        (" \n", False),
    ],
)
async def test_words_are_counted_as_mastodon_counts(api: Api, words: str, taken: bool) -> None:
    code, body = await api.ask("POST", "v1/statuses", status=words)
    assert (code == 200) == taken, body
    if not taken:
        assert code == 422
        assert body["error"].startswith("Validation failed: Text c")


async def test_a_warning_counts_too(api: Api) -> None:
    assert (await api.ask("POST", "v1/statuses", status="x" * 490, spoiler_text="y" * 10))[0] == 200
    assert (await api.ask("POST", "v1/statuses", status="x" * 490, spoiler_text="y" * 11))[0] == 422


async def test_a_key_is_honoured_for_an_hour(api: Api) -> None:
    first = (await api.ask("POST", "v1/statuses", "key", status="tea"))[1]["id"]
    assert (await api.ask("POST", "v1/statuses", "key", status="tea"))[1]["id"] == first
    assert (await api.ask("POST", "v1/statuses", "other", status="tea"))[1]["id"] != first
    await api.server.clock.sleep(3600)
    assert (await api.ask("POST", "v1/statuses", "key", status="tea"))[1]["id"] != first


async def test_what_is_gone_is_not_found(api: Api) -> None:
    id_ = (await api.ask("POST", "v1/statuses", status="tea"))[1]["id"]
    gone = {"error": "Record not found"}
    assert (await api.ask("DELETE", f"v1/statuses/{id_}"))[1]["text"] == "tea"
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", ""), ("GET", "/context")):
        assert await api.ask(method, f"v1/statuses/{id_}{path}") == (404, gone)
    assert await api.ask("POST", "v1/statuses", status="tea", in_reply_to_id=id_) == (404, gone)
    assert await api.ask("GET", f"v1/statuses?id[]={id_}") == (200, [])


async def test_another_persons_status_is_not_ours_to_change(api: Api) -> None:
    id_ = api.server.write(person(api.server), Draft("tea"))
    assert (await api.ask("DELETE", f"v1/statuses/{id_}"))[0] == 404
    assert (await api.ask("PUT", f"v1/statuses/{id_}", status="coffee"))[0] == 404


async def test_a_spent_budget_is_a_429_with_its_reset(api: Api) -> None:
    while api.server.budgets.deletes.spend(api.server.clock.now()):
        pass
    assert await api.ask("DELETE", "v1/statuses/1") == (429, {"error": "Too many requests"})
    assert (api.headers["X-RateLimit-Limit"], api.headers["X-RateLimit-Remaining"]) == ("30", "0")
    assert api.headers["X-RateLimit-Reset"].endswith("Z")
    assert (await api.ask("GET", "v1/notifications"))[0] == 200
    assert api.headers["X-RateLimit-Limit"] == "300"


@pytest.mark.parametrize(
    ("method", "path", "paged", "most", "minutes"),
    [
        ("GET", "/api/v1/notifications", False, 300, 5),
        ("DELETE", "/api/v1/statuses/1", False, 30, 30),
        ("POST", "/api/v2/media", False, 30, 30),
    ],
)
def test_budgets_are_mastodons(method: str, path: str, paged: bool, most: int, minutes: int) -> None:
    budgets, now = Budgets(), 1_774_002_600 * 1_000_000  # a whole half hour
    assert all(budgets.spend(method, path, paged, now)[1] for _ in range(most))
    assert not budgets.spend(method, path, paged, now)[1]
    assert not budgets.spend(method, path, paged, now + minutes * 60_000_000 - 1)[1]
    assert budgets.spend(method, path, paged, now + minutes * 60_000_000)[1]


def test_statuses_and_pages_have_longer_windows() -> None:
    for method, path, paged, minutes in (
        ("POST", "/api/v1/statuses", False, 180),
        ("GET", "/api/v1/timelines/tag/tea", True, 15),
    ):
        budgets, start = Budgets(), 1_774_008_000 * 1_000_000  # a whole three hours
        times = [start + n * minutes * 60_000_000 // 301 for n in range(301)]
        passed = [budgets.spend(method, path, paged, at)[1] for at in times]
        assert passed == [True] * 300 + [False]


async def test_private_words_reach_only_whom_they_mention(api: Api) -> None:
    server, nurse = api.server, person(api.server)
    for reach in ("limited", "direct"):
        id_ = server.write(nurse, Draft("tea", reach=reach))
        assert (await api.ask("GET", f"v1/statuses/{id_}"))[0] == 404
    question = (await api.ask("POST", "v1/statuses", status="Q1"))[1]["id"]
    answer = server.write(nurse, Draft("A1", tag="none", reply_to=question, reach="limited"))
    letter = server.write(nurse, Draft("stop", tag="none", place="direct"))
    code, notes = await api.ask("GET", "v1/notifications")
    assert code == 200
    assert [n["status"]["id"] for n in notes] == [letter, answer]
    assert [n["status"]["visibility"] for n in notes] == ["direct", "private"]
    assert (await api.ask("GET", "v1/timelines/tag/coastaltea"))[1] == []


async def test_pages_of_a_timeline(api: Api) -> None:
    made = [api.server.write(person(api.server, f"n{n}"), Draft(f"tea {n}")) for n in range(6)]

    async def page(query: str) -> list[int]:
        found = (await api.ask("GET", f"v1/timelines/tag/CoastalTea?{query}"))[1]
        return [made.index(s["id"]) for s in found]

    assert await page("limit=2") == [5, 4]
    assert await page(f"max_id={made[4]}&limit=2") == [3, 2]
    assert await page(f"since_id={made[1]}&limit=2") == [5, 4]
    assert await page(f"min_id={made[1]}&limit=2") == [3, 2]


async def test_the_stream_speaks_as_mastodons(api: Api) -> None:
    server, nurse = api.server, person(api.server)
    async with api.socket() as socket:
        await socket.send_json({"type": "subscribe", "stream": "weather"})
        assert await socket.receive_json() == {"error": "Unknown stream type", "status": 400}
        await socket.send_json({"type": "subscribe", "stream": "hashtag"})
        assert (await socket.receive_json())["error"] == "Missing tag name parameter"
        await socket.send_json({"type": "subscribe", "stream": "hashtag", "tag": "CoastalTea"})
        await socket.send_json({"type": "subscribe", "stream": "weather"})
        await socket.receive_json()  # by now the subscription before it was taken
        id_ = server.write(nurse, Draft("tea"))
        server.edit(nurse, id_, "more tea")
        server.write(nurse, Draft("untold", tag="none"))
        server.delete(nurse, id_)
        frames = [await socket.receive_json() for _ in range(3)]
    assert [f["event"] for f in frames] == ["update", "status.update", "delete"]
    assert frames[0]["stream"] == ["hashtag", "coastaltea"]
    assert json.loads(frames[0]["payload"])["edited_at"] is None
    assert "more tea" in json.loads(frames[1]["payload"])["content"]
    assert frames[2]["payload"] == id_


async def test_replies_to_what_is_deleted_lose_their_parent(api: Api) -> None:
    server, nurse = api.server, person(api.server)
    above = server.write(nurse, Draft("tea"))
    below = server.write(person(server, "n2"), Draft("yes", reply_to=above))
    assert (await api.ask("GET", f"v1/statuses/{above}"))[1]["replies_count"] == 1
    server.delete(nurse, above)
    assert (await api.ask("GET", f"v1/statuses/{below}"))[1]["in_reply_to_id"] is None


async def test_an_outage_and_a_revoked_token_cut_the_sockets(api: Api) -> None:
    for kind, code in (("outage", 503), ("token_revoked", 401)):
        async with api.socket() as socket:
            api.server.faults.at("mastodon", kind, 0)
            async with asyncio.timeout(5):
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)
        assert (await api.ask("GET", "v1/notifications"))[0] == code
        while api.server.faults.active("mastodon", kind):
            await api.server.clock.sleep(5)
        assert (await api.ask("GET", "v1/notifications"))[0] == 200
