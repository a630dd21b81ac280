"""The stand-in refuses what the real servers refuse, in their words, and keeps what they keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulator.bluesky import wire
from simulator.stage import Draft, Person
from tests.adapters.bluesky_rig import Bench, bench, heard

POST = wire.POST


@pytest.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


# ---------------------------------------------------------------- records

STRONG = {"uri": f"at://did:plc:ann/{POST}/3jzfcijpj2z2a", "cid": wire.cid({})}
NO_TIME = "createdAt must be an valid atproto datetime (both RFC-3339 and ISO-8601)"


def facet(start: int, end: int | None, uri: str = "") -> dict[str, Any]:
    index = {"byteStart": start} | ({} if end is None else {"byteEnd": end})
    return {"index": index, "features": [{"$type": "app.bsky.richtext.facet#link", "uri": uri}]}


def reply(**parent: str) -> dict[str, Any]:
    return {"reply": {"root": STRONG, "parent": STRONG | parent}}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"text": "x" * 301}, "text must not be longer than 300 graphemes"),
    ({"text": "👩‍👩‍👧‍👦" * 121}, "text must not be longer than 3000 characters"),
    ({"text": 7}, "text must be a string"),
    ({"createdAt": "2026-11-23 10:00"}, NO_TIME),
    ({"createdAt": "2026-13-23T10:00:00Z"}, NO_TIME),
    ({"reply": {"root": STRONG}}, 'reply must have the property "parent"'),
    (reply(cid="x"), "reply/parent/cid must be a cid string"),
    (reply(uri="x"), "reply/parent/uri must be a valid at-uri"),
    ({"facets": [facet(0, None)]}, 'facets/0/index must have the property "byteEnd"'),
    ({"facets": [{"features": []}]}, 'facets/0 must have the property "index"'),
    ({"facets": [facet(-1, 2)]}, "facets/0/index/byteStart can not be less than 0"),
    ({"facets": [facet(0, 2, "https://a.example/ü")]}, "facets/0/features/0/uri must be a uri"),
    ({"langs": ["en", "cy", "de", "fr"]}, "langs must not have more than 3 elements"),
    ({"tags": ["x" * 65]}, "tags/0 must not be longer than 64 graphemes"),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
async def test_a_bad_record(at: Bench, fields: dict[str, Any], message: str) -> None:
    answer = await at.put(at.post() | fields)
    assert (at.status, answer["error"]) == (400, "InvalidRequest")
    assert answer["message"] == f"Invalid app.bsky.feed.post record: Record/{message}"
    assert not at.server.said


async def test_a_record_at_the_limits(at: Bench) -> None:
    past_the_end = {"index": {"byteStart": 0, "byteEnd": 999}, "features": [{"$type": "a#tag", "tag": "tea"}]}
    for record in (
        at.post("x" * 300),
        at.post("é" * 300),
        at.post("👩‍👩‍👧‍👦" * 120),
        at.post(facets=[past_the_end]),
    ):
        await at.put(record)
        assert at.status == 200
    missing = at.post()
    del missing["createdAt"]
    assert (await at.put(missing))["message"].endswith('Record must have the property "createdAt"')


async def test_a_bad_key(at: Bench) -> None:
    answer = await at.put(at.post(), "not-a-tid")
    assert at.status == 400
    assert answer["message"].startswith("Invalid record key for app.bsky.feed.post")
    answer = await at.put(at.post() | {"$type": "app.bsky.feed.like"})
    assert answer["message"] == "Invalid $type: expected app.bsky.feed.post, got app.bsky.feed.like"


async def test_putting_the_same_again_commits_nothing(at: Bench) -> None:
    rkey, record = at.key(), at.post()
    stream = await at.listen()
    first = await at.put(record, rkey)
    second = await at.put(record, rkey)
    assert first["cid"] == second["cid"]
    assert ("commit" in first, "commit" in second) == (True, False)
    third = await at.put(at.post("other"), rkey)
    assert third["cid"] != first["cid"]
    operations = [frame["commit"]["operation"] for frame in await heard(stream, 2)]
    assert operations == ["create", "update"]
    assert len(at.server.said) == 1


async def test_creating_where_something_is(at: Bench) -> None:
    body = {"repo": at.server.me.did, "collection": POST, "rkey": at.key(), "record": at.post()}
    made = await at.call("com.atproto.repo.createRecord", body)
    assert made["uri"] in at.server.said
    answer = await at.call("com.atproto.repo.createRecord", body)
    assert (at.status, answer["error"]) == (500, "InternalServerError")


async def test_swapping(at: Bench) -> None:
    rkey = at.key()
    answer = await at.put(at.post(), rkey, swapRecord=wire.cid({}))
    assert (at.status, answer["error"]) == (400, "InvalidSwap")
    first = await at.put(at.post(), rkey, swapRecord=None)
    answer = await at.put(at.post("new"), rkey, swapRecord=None)
    assert answer["error"] == "InvalidSwap"
    await at.put(at.post("new"), rkey, swapRecord=first["cid"])
    assert at.status == 200


async def test_deleting_twice_is_fine(at: Bench) -> None:
    rkey = at.key()
    made = await at.put(at.post(), rkey)
    body = {"repo": at.server.me.did, "collection": POST, "rkey": rkey}
    for _ in range(2):
        assert await at.call("com.atproto.repo.deleteRecord", body) == {}
        assert at.status == 200
    answer = await at.call("com.atproto.repo.getRecord", **body)
    assert (at.status, answer["error"]) == (400, "RecordNotFound")
    assert answer["message"] == f"Could not locate record: {made['uri']}"


async def test_only_one_s_own_repository(at: Bench) -> None:
    ann = Person("ann", "Ann", "bluesky")
    at.server.join(ann)
    body = {"repo": ann.account, "collection": POST, "rkey": at.key(), "record": at.post()}
    await at.call("com.atproto.repo.putRecord", body)
    assert at.status == 403


async def test_content_ids_are_those_of_the_real_network(at: Bench) -> None:
    """The CID of an empty map in DAG-CBOR, as every implementation has it."""
    assert wire.cid({}) == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"


# ---------------------------------------------------------------- sessions


async def test_a_wrong_password(at: Bench) -> None:
    login = {"identifier": at.server.me.handle, "password": "wrong"}
    answer = await at.call("com.atproto.server.createSession", login, token="")
    assert (at.status, answer["error"]) == (401, "AuthenticationRequired")


async def test_no_token_and_bad_tokens(at: Bench) -> None:
    answer = await at.call("com.atproto.server.getSession", token="")
    assert (at.status, answer["error"]) == (401, "AuthMissing")
    answer = await at.call("com.atproto.server.getSession", token=at.token[:-4] + "AAAA")
    assert (at.status, answer["error"]) == (400, "InvalidToken")


async def test_tokens_expire() -> None:
    async with bench(access_seconds=0) as at:
        answer = await at.call("com.atproto.server.getSession")
        assert (at.status, answer["error"]) == (400, "ExpiredToken")


async def test_refreshing_rotates(at: Bench) -> None:
    login = {"identifier": at.server.me.did, "password": at.server.password}
    session = await at.call("com.atproto.server.createSession", login, token="")
    refresh = session["refreshJwt"]
    again = await at.call("com.atproto.server.refreshSession", {}, token=refresh)
    assert again["refreshJwt"] != refresh
    assert again["didDoc"]["service"][0]["serviceEndpoint"] == at.server.address
    answer = await at.call("com.atproto.server.refreshSession", {}, token=refresh)
    assert (at.status, answer["error"]) == (400, "ExpiredToken")
    answer = await at.call("com.atproto.server.refreshSession", {}, token=again["accessJwt"])
    assert (at.status, answer["error"]) == (400, "InvalidToken")


# ---------------------------------------------------------------- budgets


async def test_logins_are_limited() -> None:
    async with bench(speed=1) as at:
        login = {"identifier": at.server.me.handle, "password": at.server.password}
        for _ in range(29):
            await at.call("com.atproto.server.createSession", login, token="")
            assert at.status == 200
        answer = await at.call("com.atproto.server.createSession", login, token="")
        assert (at.status, answer["error"]) == (429, "RateLimitExceeded")
        assert at.headers["ratelimit-policy"] == "30;w=300"
        wait = int(at.headers["ratelimit-reset"]) - at.clock.now() / 1e6
        assert 290 < wait <= 301


async def test_writes_cost_points() -> None:
    async with bench(speed=1) as at:
        at.server.pds.budgets.writes[0].limit = 5
        for status in (200, 200, 429):
            await at.put(at.post())
            assert at.status == status
        assert at.headers["ratelimit-limit"] == "5"


async def test_budgets_come_back() -> None:
    async with bench(speed=1000) as at:
        at.server.pds.budgets.requests.limit = 1
        await at.call("com.atproto.server.describeServer")
        assert at.status == 429
        await at.clock.sleep(300)
        await at.call("com.atproto.server.describeServer")
        assert at.status == 200


# ---------------------------------------------------------------- the AppView


async def test_queries_need_a_login_and_known_methods(at: Bench) -> None:
    await at.call("app.bsky.feed.searchPosts", token="", q="tea")
    assert at.status == 401
    answer = await at.call("app.bsky.feed.getTimeline")
    assert (at.status, answer["error"]) == (501, "MethodNotImplemented")
    await at.call("app.bsky.feed.getPosts", uris=["at://x"] * 26)
    assert at.status == 400


async def test_threads_search_and_notifications() -> None:
    async with bench(speed=600) as at:
        ann = Person("ann", "Ann", "bluesky", profile="tea, mostly")
        at.server.join(ann)
        ours = (await at.put(at.post("Q1 #Tea")))["uri"]
        first = at.server.write(ann, Draft("A1 yes", reply_to=ours))
        second = at.server.write(ann, Draft("also this", tag="none", reply_to=first))
        quote = at.server.write(ann, Draft("look", tag="none", quote=ours))
        message = at.server.write(ann, Draft("stop", tag="none", place="direct"))
        await at.clock.sleep(3)
        thread = (await at.call("app.bsky.feed.getPostThread", uri=ours))["thread"]
        assert thread["post"]["replyCount"] == 1
        assert thread["replies"][0]["post"]["uri"] == first
        assert thread["replies"][0]["replies"][0]["post"]["uri"] == second
        found = await at.call("app.bsky.feed.searchPosts", q="#tea")
        assert [post["uri"] for post in found["posts"]] == [first], "ours has no facet"
        told = (await at.call("app.bsky.notification.listNotifications"))["notifications"]
        reasons = {note["uri"]: note["reason"] for note in told}
        assert reasons == {first: "reply", second: "reply", quote: "quote", message: "mention"}
        profiles = await at.call("app.bsky.actor.getProfiles", actors=[ann.account, "did:plc:nobody"])
        assert [p["description"] for p in profiles["profiles"]] == ["tea, mostly"]
        at.server.delete(ann, second)
        answer = await at.call("app.bsky.feed.getPostThread", uri=second)
        assert (at.status, answer["error"]) == (400, "NotFound")


async def test_a_server_without_an_appview() -> None:
    async with bench(appview=False) as at:
        answer = await at.call("app.bsky.feed.searchPosts", q="#tea")
        assert (at.status, answer["error"]) == (502, "UpstreamFailure")
