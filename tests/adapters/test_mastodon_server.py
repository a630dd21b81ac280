"""The stand-in refuses what Mastodon refuses, in Mastodon's words."""

from __future__ import annotations

import asyncio
import io
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
PNG = b"\x89PNG" + bytes(200)
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

    async def upload(self, body: bytes, description: str = "") -> tuple[int, Any]:
        form = aiohttp.FormData({"description": description} if description else {})
        form.add_field("file", io.BytesIO(body), filename="a.png", content_type="image/png")
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"http://{self.server.address}/api/v2/media"
        async with self._session.post(address, headers=headers, data=form) as answer:
            return answer.status, await answer.json()

    async def fetch(self, address: str) -> bytes:
        async with self._session.get(address) as answer:
            assert answer.status == 200
            return await answer.read()

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
    code, body = await api.ask("POST", "v1/statuses", status="tea", in_reply_to_id=id_)
    assert (code, body["error"]) == (404, "The post you are trying to reply to does not appear to exist.")
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


async def test_an_upload_is_refused_in_mastodons_words(api: Api) -> None:
    api.server.image_limit = 2 * 1024 * 1024
    for body, code, error in (
        (PNG, 200, None),
        (b"GIF8" + bytes(100), 200, None),
        (b"%PDF-1.4", 422, "Validation failed: File content type is invalid, File is invalid"),
        (b"", 422, "Validation failed: File can't be blank"),
        (
            PNG + bytes(2 * 1024 * 1024),
            422,
            "Validation failed: File file size must be less than 2 MB, File must be less than 2 MB",
        ),
    ):
        answer = await api.upload(body)
        assert (answer[0], answer[1].get("error")) == (code, error)


async def test_an_upload_can_be_read_and_belongs_to_one_status(api: Api) -> None:
    _, made = await api.upload(PNG, "a tide table")
    assert await api.fetch(made["url"]) == PNG
    assert (await api.ask("GET", f"v1/media/{made['id']}"))[0] == 200
    picture = {"media_ids[]": made["id"]}
    code, status = await api.ask("POST", "v1/statuses", status="tea", **picture)
    assert code == 200
    assert [m["description"] for m in status["media_attachments"]] == ["a tide table"]
    assert (await api.ask("GET", f"v1/media/{made['id']}"))[0] == 404, "attached: no longer an upload"
    code, body = await api.ask("POST", "v1/statuses", status="more tea", **picture)
    assert code == 422
    assert body["error"] == f"Media {made['id']} not found or already attached to another post"
    assert (await api.ask("PUT", f"v1/statuses/{status['id']}", status="tea!", **picture))[0] == 200
    assert (await api.ask("PUT", f"v1/statuses/{status['id']}", status="tea?"))[1]["media_attachments"] == []


async def test_an_upload_takes_its_time(api: Api) -> None:
    api.server.processing = 60 * 1_000_000
    code, made = await api.upload(PNG)
    assert (code, made["url"]) == (202, None)
    picture = {"media_ids[]": made["id"]}
    code, body = await api.ask("POST", "v1/statuses", status="tea", **picture)
    assert (code, body["error"][:43]) == (422, "Cannot attach files that have not finished ")
    assert (await api.ask("GET", f"v1/media/{made['id']}"))[0] == 206
    await api.server.clock.sleep(60)
    code, ready = await api.ask("GET", f"v1/media/{made['id']}")
    assert (code, ready["url"] is None) == (200, False)
    assert (await api.ask("POST", "v1/statuses", status="tea", **picture))[0] == 200


async def test_likes_and_boosts_are_counted_once_and_taken_back(api: Api) -> None:
    server = api.server
    id_ = server.write(person(server), Draft("tea"))
    said = server.said[id_]
    for _ in range(2):
        assert (await api.ask("POST", f"v1/statuses/{id_}/favourite"))[1]["favourited"]
    boost, again = [(await api.ask("POST", f"v1/statuses/{id_}/reblog"))[1] for _ in range(2)]
    assert boost["id"] == again["id"]
    assert (boost["reblog"]["id"], boost["id"] == id_) == (id_, False)
    now = (await api.ask("GET", f"v1/statuses/{id_}"))[1]
    assert [now[k] for k in ("favourited", "reblogged", "favourites_count", "reblogs_count")] == [
        True,
        True,
        1,
        1,
    ]
    assert (said.liked, said.boosted) == ({"bridge"}, {"bridge"})
    own = f"v1/accounts/{server.me.id}/statuses"
    assert [s["id"] for s in (await api.ask("GET", own))[1]] == [boost["id"]]
    assert (await api.ask("GET", f"{own}?exclude_reblogs=true"))[1] == []
    for _ in range(2):
        assert not (await api.ask("POST", f"v1/statuses/{id_}/unfavourite"))[1]["favourited"]
        assert not (await api.ask("POST", f"v1/statuses/{id_}/unreblog"))[1]["reblogged"]
    assert (said.liked, said.boosted, server.statuses[id_].likes) == (set(), set(), 0)
    letter = server.write(person(server), Draft("stop", tag="none", place="direct"))
    assert await api.ask("POST", f"v1/statuses/{letter}/reblog") == (
        403,
        {"error": "This action is not allowed"},
    )


async def test_what_people_attach_is_told_as_mastodon_tells_it(api: Api) -> None:
    server, nurse = api.server, person(api.server)
    draft = Draft(
        "look :teapot:", pictures=("a tide table", ""), emoji=("teapot",), language="cy", warning="tea"
    )
    shown = (await api.ask("GET", f"v1/statuses/{server.write(nurse, draft)}"))[1]
    assert [m["description"] for m in shown["media_attachments"]] == ["a tide table", None]
    assert (await api.fetch(shown["media_attachments"][0]["url"]))[:4] == b"\x89PNG"
    assert [e["shortcode"] for e in shown["emojis"]] == ["teapot"]
    assert (await api.fetch(shown["emojis"][0]["url"]))[:4] == b"\x89PNG"
    assert (shown["language"], shown["spoiler_text"], shown["sensitive"]) == ("cy", "tea", True)
    poll = server.write(nurse, Draft("which?", poll=("green", "black")))
    shown = (await api.ask("GET", f"v1/statuses/{poll}"))[1]
    assert [o["title"] for o in shown["poll"]["options"]] == ["green", "black"]
    quote = server.write(nurse, Draft("that one", quote=poll))
    shown = (await api.ask("GET", f"v1/statuses/{quote}"))[1]
    assert (shown["quote"]["state"], shown["quote"]["quoted_status"]["id"]) == ("accepted", poll)
    assert shown["content"].startswith('<p class="quote-inline">RE: <a href=')
    server.delete(nurse, poll)
    assert (await api.ask("GET", f"v1/statuses/{quote}"))[1]["quote"] == {
        "state": "deleted",
        "quoted_status": None,
    }
    said = list(server.said.values())
    assert [(s.pictures, s.warning, s.quote) for s in said] == [
        (("a tide table", ""), "tea", None),
        ((), None, None),
        ((), None, poll),
    ]


async def test_who_leaves_takes_everything_along(api: Api) -> None:
    server = api.server
    nurse, doctor = person(server), person(server, "doctor-01")
    public = server.write(nurse, Draft("tea"))
    quiet = server.write(nurse, Draft("quiet tea", reach="quiet"))
    reply = server.write(doctor, Draft("yes", reply_to=public))
    async with api.socket() as socket:
        await socket.send_json({"type": "subscribe", "stream": "hashtag", "tag": "coastaltea"})
        await socket.send_json({"type": "subscribe", "stream": "weather"})
        await socket.receive_json()
        server.leave(nurse)
        last = server.write(doctor, Draft("gone?"))
        frames = [await socket.receive_json() for _ in range(2)]
    assert [(f["event"], f["payload"]) for f in frames[:1]] == [("delete", public)]
    assert json.loads(frames[1]["payload"])["id"] == last, "of what is not public nothing is told"
    for path in (f"statuses/{public}", f"statuses/{quiet}", f"accounts/{nurse.account}"):
        assert await api.ask("GET", f"v1/{path}") == (404, {"error": "Record not found"})
    found = (await api.ask("GET", "v1/timelines/tag/coastaltea"))[1]
    assert [s["id"] for s in found] == [last, reply]
    assert found[1]["in_reply_to_id"] is None
    assert [server.said[i].deleted for i in (public, quiet, reply)] == [True, True, False]
    with pytest.raises(ValueError, match="deleted"):
        server.write(nurse, Draft("still here"))


async def test_who_follows_and_what_the_server_asks(api: Api) -> None:
    server = api.server
    people = [person(server, f"nurse-{n:02}") for n in range(5)]
    own = (await api.ask("GET", "v1/accounts/verify_credentials"))[1]
    assert (own["bot"], own["followers_count"], "human" in own["note"]) == (True, 5, True)
    path = f"v1/accounts/{own['id']}/followers?limit=3"
    code, first = await api.ask("GET", path)
    assert code == 200
    assert 'rel="next"' in api.headers["Link"]
    older = api.headers["Link"].split("max_id=")[1].split(">")[0]
    second = (await api.ask("GET", f"{path}&max_id={older}"))[1]
    assert "Link" not in api.headers
    assert [a["id"] for a in (*first, *second)] == [p.account for p in reversed(people)]
    assert {a["acct"].partition("@")[2] for a in (*first, *second)} == {"", "beside.mastodon.example"}
    api.token = None
    assert (await api.ask("GET", "v1/instance/rules"))[1][0]["text"] == "Be kind."


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
