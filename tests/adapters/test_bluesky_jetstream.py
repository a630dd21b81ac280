"""The stand-in's Jetstream: what both versions send, where a cursor leads, what is refused and how."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.bluesky import wire
from simulator.stage import Draft
from tests.adapters.bluesky_rig import Bench, bench, heard

POST = wire.POST
COMMITS = (("kinds", "commit"), ("collections", POST))
HOUR = 3_600_000_000


@pytest.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


@pytest.fixture
async def both() -> AsyncIterator[Bench]:
    """Two hosts: the first of v1, the second of v2."""
    async with bench(jetstream=("v1", "v2")) as made:
        yield made


# ---------------------------------------------------------------- v1


async def test_frames_look_like_production_s(at: Bench) -> None:
    ann = at.join("ann")
    stream = await at.listen(("wantedCollections", POST))
    uri = at.server.write(ann, Draft("A1 & more"))
    at.server.edit(ann, uri, "A1 and more")
    at.server.delete(ann, uri)
    text = await stream.receive_str()
    assert text.startswith(f'{{"did":"{ann.account}","time_us":')
    assert '"kind":"commit","commit":{"rev":"' in text
    assert "A1 \\u0026 more #Tea" in text, "as Go's encoder writes it"
    created = json.loads(text)["commit"]
    assert created["record"]["facets"][0]["features"][0]["tag"] == "Tea"
    edited, gone = (frame["commit"] for frame in await heard(stream, 2))
    assert (edited["operation"], gone["operation"]) == ("update", "delete")
    assert created["rev"] < edited["rev"] < gone["rev"]
    assert not {"record", "cid"} & set(gone)


async def test_a_cursor_replays(at: Bench) -> None:
    ann = at.join("ann")
    uris = [at.server.write(ann, Draft(f"{n}")) for n in range(4)]
    stream = await at.listen(("cursor", "1"), ("wantedCollections", POST))
    frames = await heard(stream, 4)
    assert [f["commit"]["rkey"] for f in frames] == [uri.rpartition("/")[2] for uri in uris]
    stream = await at.listen(("cursor", str(frames[2]["time_us"])), ("wantedCollections", POST))
    assert [f["time_us"] for f in await heard(stream, 2)] == [f["time_us"] for f in frames[2:]]
    live = await at.listen()
    at.server.write(ann, Draft("live"))
    assert (await heard(live, 1))[0]["commit"]["record"]["text"] == "live #Tea"


async def test_only_what_is_wanted(at: Bench) -> None:
    ann, bob = at.join("ann"), at.join("bob")
    profiles = await at.listen(("wantedCollections", "app.bsky.actor.*"))
    bobs = await at.listen(("wantedDids", bob.account), ("wantedCollections", POST))
    at.server.write(ann, Draft("from ann"))
    at.server.change_profile(ann, "new")
    at.server.write(bob, Draft("from bob"))
    at.server.leave(bob)
    changed, left = await heard(profiles, 2)
    assert changed["commit"]["record"]["description"] == "new"
    assert left["account"]["status"] == "deleted", "told to all, whatever they want"
    assert [frame["did"] for frame in await heard(bobs, 2)] == [bob.account] * 2


async def test_life_goes_on_elsewhere() -> None:
    async with bench(speed=2000, chatter=True) as at:
        stream = await at.listen(("wantedCollections", POST))
        frames = await heard(stream, 20)
        assert not at.server.said
        assert not any("Tea" in json.dumps(frame) for frame in frames)


# ---------------------------------------------------------------- v2


async def test_both_versions_tell_the_same(both: Bench) -> None:
    ann = both.join("ann")
    old, new = await both.listen(("wantedCollections", POST)), await both.listen(*COMMITS, host=1)
    assert new.protocol == "xrpc.v1.json"
    uri = both.server.write(ann, Draft("A1 & more"))
    both.server.delete(ann, uri)
    first = await new.receive_str()
    assert first.startswith(
        '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#commit"'
    )
    assert "A1 \\u0026 more #Tea" in first
    payloads = [json.loads(first)["payload"], (await heard(new, 1))[0]["payload"]]
    for flat, payload in zip(await heard(old, 2), payloads, strict=True):
        assert payload["did"] == flat["did"] == ann.account
        assert {key: payload[key] for key in flat["commit"]} == flat["commit"]
        assert wire.micros(payload["time"]) - flat["time_us"] in range(200_000, 400_000), "each saw it itself"
    assert payloads[1]["seq"] == payloads[0]["seq"] + 1
    assert payloads[1]["operation"] == "delete"
    assert not {"record", "cid"} & set(payloads[1])


async def test_accounts_and_identities(both: Bench) -> None:
    ann = both.join("ann")
    old = await both.listen(("wantedCollections", "no.such.thing"))
    new = await both.listen(("kinds", "account"), ("kinds", "identity"), host=1)
    both.server.rename(ann, "ann.example")
    both.server.leave(ann)
    for frames in (await heard(old, 2), [frame["payload"] for frame in await heard(new, 2)]):
        assert frames[0]["identity"]["handle"] == "ann.example"
        assert (frames[1]["account"]["active"], frames[1]["account"]["status"]) == (False, "deleted")


async def test_only_who_asks_for_all_kinds_is_sent_sync() -> None:
    async with bench(speed=4000, chatter=True, jetstream=("v2",)) as at:
        everything, asked = await at.listen(), await at.listen(*COMMITS)
        kinds = {frame["payload"]["$type"].partition("#")[2] for frame in await heard(everything, 60)}
        assert kinds == {"commit", "sync"}
        assert {frame["payload"]["collection"] for frame in await heard(asked, 20)} == {POST}


async def test_a_number_resumes_at_that_very_event(both: Bench) -> None:
    ann = both.join("ann")
    stream = await both.listen(*COMMITS, host=1)
    for n in range(4):
        both.server.write(ann, Draft(f"{n}"))
    seqs = [frame["payload"]["seq"] for frame in await heard(stream, 4)]
    again = await both.listen(*COMMITS, ("cursor", str(seqs[2])), host=1)
    assert [frame["payload"]["seq"] for frame in await heard(again, 2)] == seqs[2:]


async def test_a_time_resumes_on_any_host(both: Bench) -> None:
    ann = both.join("ann")
    stream = await both.listen(("wantedCollections", POST))
    uris = [both.server.write(ann, Draft(f"{n}")) for n in range(2)]
    at = (await heard(stream, 2))[1]["time_us"]
    again = await both.listen(*COMMITS, ("cursor", str(at - 5_000_000)), host=1)
    told = [frame["payload"]["rkey"] for frame in await heard(again, 2)]
    assert told == [uri.rpartition("/")[2] for uri in uris]


async def refused(at: Bench, *query: tuple[str, str], host: int = 1) -> tuple[int, dict[str, Any]]:
    address = at.server.access()["table"]["jetstream"][host].replace("ws", "http", 1)
    async with at.http.get(address, params=query) as answer:
        return answer.status, await answer.json()


async def test_a_number_that_is_forgotten(both: Bench) -> None:
    status, answer = await refused(both, ("cursor", "1"))
    assert (status, answer["error"]) == (400, "CursorTooOld")
    assert "cursor 1 below lookback floor" in answer["message"]


async def test_a_time_that_is_forgotten_and_a_number_to_come(both: Bench) -> None:
    old = str(both.clock.now() - 37 * HOUR)
    for cursor, name in ((old, "OutdatedCursor"), ("999999999", "FutureCursor")):
        (notice,) = await heard(await both.listen(*COMMITS, ("cursor", cursor), host=1), 1)
        assert notice["payload"]["$type"].endswith("#info")
        assert notice["payload"]["name"] == name
        assert "seq" not in notice["payload"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (("kinds", "likes"), 'unknown kind "likes"'),
        (("wantedDids", "did:plc:x"), "use dids"),
        (("wantedCollections", POST), "use collections"),
        (("cursor", "yesterday"), 'invalid cursor: "yesterday"'),
    ],
)
async def test_what_v2_refuses(both: Bench, query: tuple[str, str], why: str) -> None:
    status, answer = await refused(both, query)
    assert (status, answer["error"]) == (400, "InvalidRequest")
    assert why in answer["message"]
    status, answer = await refused(both, ("kinds", "account"), ("collections", POST))
    assert "can never apply" in answer["message"]


async def test_v2_listens_to_nobody(both: Bench) -> None:
    stream = await both.listen(*COMMITS, host=1)
    await stream.send_str('{"type":"options_update"}')
    message = await stream.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_a_host_that_is_down(both: Bench) -> None:
    stream = await both.listen(*COMMITS, host=1)
    both.server.hub.hosts[1].down = True
    assert (await stream.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert await refused(both) == (503, {"error": "ServiceUnavailable", "message": "service not ready"})
    await both.listen(host=0)
