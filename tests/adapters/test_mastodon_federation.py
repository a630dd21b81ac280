"""Two stand-ins that know each other hold the same posts, each under ids of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.mastodon.wire import Status
from simulator.stage import Draft, Person, Said

Pair = tuple[Server, Server]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    clock = Clock(speed=3000.0)
    faults = Faults(clock.now)
    here, there = (Server(name, clock, faults, {"tag": "CoastalTea"}) for name in ("here", "there"))
    await here.start()
    await there.start()
    here.federate(there)
    yield here, there
    await here.stop()
    await there.stop()


def person(server: Server, handle: str = "nurse-01") -> Person:
    someone = Person(handle, "Nurse", server.network)
    server.join(someone)
    return someone


def elsewhere(said: Said, server: Server) -> Status:
    """A post as the other server holds it."""
    [(network, id_)] = said.also
    assert network == server.network
    return server.statuses[id_]


async def test_a_post_stands_on_both_and_is_said_on_one(pair: Pair) -> None:
    here, there = pair
    draft = Draft(
        "look :teapot:", pictures=("tea",), emoji=("teapot",), language="cy", warning="hot", reach="quiet"
    )
    id_ = here.write(person(here), draft)
    copy = elsewhere(here.said[id_], there)
    assert copy.id != id_
    assert there.said == {}
    one, other = here.json(here.statuses[id_]), there.json(copy)
    for field in (
        "uri",
        "url",
        "content",
        "created_at",
        "spoiler_text",
        "language",
        "visibility",
        "sensitive",
    ):
        assert one[field] == other[field]
    assert one["account"]["uri"] == other["account"]["uri"]
    assert "@" in other["account"]["acct"]
    [theirs], [ours] = other["media_attachments"], one["media_attachments"]
    assert (theirs["remote_url"], theirs["description"]) == (ours["url"], "tea")
    async with aiohttp.ClientSession() as session:
        for picture in (theirs["url"], other["emojis"][0]["url"]):
            assert picture.startswith(f"http://{there.address}/")
            async with session.get(picture) as answer:
                assert answer.status == 200


async def test_a_poll_travels(pair: Pair) -> None:
    here, there = pair
    copy = elsewhere(here.said[here.write(person(here), Draft("which?", poll=("green", "black")))], there)
    assert [o["title"] for o in there.json(copy)["poll"]["options"]] == ["green", "black"]


@pytest.mark.parametrize(("reach", "place"), [("limited", "chat"), ("direct", "chat"), ("public", "direct")])
async def test_what_not_anybody_may_read_stays(pair: Pair, reach: str, place: str) -> None:
    here, there = pair
    id_ = here.write(person(here), Draft("for few", reach=reach, place=place))  # type: ignore[arg-type]
    assert here.said[id_].also == []
    assert there.statuses == {}


async def test_a_conversation_across_both(pair: Pair) -> None:
    here, there = pair
    nurse, doctor = person(here), person(there, "doctor-04")
    first = here.write(nurse, Draft("A1"))
    above = elsewhere(here.said[first], there)
    reply = there.write(doctor, Draft("yes", tag="none", reply_to=above.id))
    back = elsewhere(there.said[reply], here)
    assert back.parent == first
    assert [a.handle for a in back.mentions] == [nurse.handle]
    assert there.said[reply].reply_to == above.id
    assert (above.replies, here.statuses[first].replies) == (1, 1)
    quote = there.write(doctor, Draft("that", quote=above.id))
    assert elsewhere(there.said[quote], here).quote is here.statuses[first]
    assert (
        here.json(elsewhere(there.said[quote], here))["content"]
        == there.json(there.statuses[quote])["content"]
    )
    below = here.write(nurse, Draft("thanks", tag="none", reply_to=back.id))
    last = elsewhere(here.said[below], there)
    assert (last.parent, [a.handle for a in last.mentions]) == (reply, [doctor.handle])
    assert there.json(last)["content"] == here.json(here.statuses[below])["content"]


async def test_edits_and_removals_follow(pair: Pair) -> None:
    here, there = pair
    nurse = person(here)
    address = f"ws://{there.address}/api/v1/streaming?stream=hashtag&tag=coastaltea"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {there.token}"}) as session,
        session.ws_connect(address) as socket,
    ):
        id_ = here.write(nurse, Draft("before", pictures=("tea",)))
        copy = elsewhere(here.said[id_], there)
        here.edit(nurse, id_, "after")
        here.delete(nurse, id_)
        frames = [await socket.receive_json() for _ in range(3)]
    assert [f["event"] for f in frames] == ["update", "status.update", "delete"]
    before, after = (json.loads(f["payload"]) for f in frames[:2])
    assert (before["id"], after["id"], frames[2]["payload"]) == (copy.id,) * 3
    assert ("before" in before["content"], "after" in after["content"]) == (True, True)
    assert before["media_attachments"][0]["id"] == after["media_attachments"][0]["id"]
    assert after["edited_at"] == here.json(here.statuses[id_])["edited_at"]
    assert copy.deleted


async def test_a_deleted_account_is_gone_from_both(pair: Pair) -> None:
    here, there = pair
    nurse = person(here)
    copies = [elsewhere(here.said[here.write(nurse, Draft(f"tea {n}"))], there) for n in range(2)]
    account = copies[0].account
    here.leave(nurse)
    assert [c.deleted for c in copies] == [True, True]
    assert account.gone
    assert there.named(account.username, account.host) is None


async def test_what_the_bridge_posts_and_likes_reaches_the_other(pair: Pair) -> None:
    here, there = pair
    doctor = person(there, "doctor-04")
    told: list[Said] = []
    here.on_ours.append(told.append)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {here.token}"}) as session:

        async def post(path: str, **fields: str) -> dict[str, object]:
            async with session.post(f"http://{here.address}/api/v1/statuses{path}", data=fields) as answer:
                assert answer.status == 200
                body: dict[str, object] = await answer.json()
                return body

        await post("", status="Q1 #CoastalTea")
        [question] = told
        assert elsewhere(question, there).account.acct == "chat@here.example", "known by the time it is told"
        reply = there.write(doctor, Draft("A1", tag="none", reply_to=elsewhere(question, there).id))
        answer = elsewhere(there.said[reply], here)
        assert [n[1] for n in here.notifications] == ["mention"]
        await post(f"/{answer.id}/favourite")
        await post(f"/{answer.id}/reblog")
        said, origin = there.said[reply], there.statuses[reply]
        assert (said.liked, said.boosted) == ({"bridge"}, {"bridge"})
        assert (origin.likes, origin.boosts, origin.favourited) == (1, 1, False)
        await post(f"/{answer.id}/unfavourite")
        await post(f"/{answer.id}/unreblog")
        assert (said.liked, said.boosted, origin.likes, origin.boosts) == (set(), set(), 0, 0)
