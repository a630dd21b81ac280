"""Each fault of the proxy, against a tiny upstream; and that without one nothing is changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from simulator.clock import Clock
from simulator.faults import Faults
from tests.peers.proxy import Answer, Dialect, FaultProxy
from tests.peers.strikes import Message, Sight

SPEED = 60.0
NET = "tiny"


def sight(message: Message) -> Sight | None:
    event = json.loads(message) if isinstance(message, str) else {}
    return Sight(event["kind"], event["id"]) if event.get("kind") in ("made", "gone") else None


DIALECT = Dialect(
    writes=lambda method, path: method == "POST",
    rate_limited=lambda now: Answer(429, b'{"error":"slow down"}', {"X-Reset": str(now + 20_000_000)}),
    server_error=Answer(500, b"<h1>oops</h1>", {"Content-Type": "text/html"}),
    revoked=lambda request: Answer(401, b'{"error":"revoked"}') if request.path != "/open" else None,
    sight=sight,
    listing=lambda path: path == "/posts",
    cursor="cursor",
    slow=25.0,
)


class Upstream:
    """Keeps what is posted, and tells websockets and event streams what it is told to."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        self.seen: list[web.Request] = []
        self.heard: list[Any] = []
        self.joined = asyncio.Event()
        self.url = ""
        self._sockets: list[web.WebSocketResponse] = []
        self._streams: list[web.StreamResponse] = []

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.add_routes(
            [
                web.post("/post", self.post),
                web.get("/open", self.open),
                web.get("/posts", self.posts),
                web.get("/big", self.big),
                web.get("/events", self.events),
                web.get("/socket", self.socket),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def post(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        self.posted.append(await request.read())
        return web.json_response({"id": str(len(self.posted))}, status=201, headers={"X-Own": "a"})

    async def open(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        raise web.HTTPFound("/elsewhere")

    async def posts(self, request: web.Request) -> web.Response:
        return web.json_response([{"id": "2"}, {"id": "1"}])

    async def big(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for n in range(64):
            await response.write(bytes([n]) * 65_536)
        return response

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b":)\n\n")
        self._streams.append(response)
        self.joined.set()
        await asyncio.Event().wait()
        return response

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        self.seen.append(request)
        if "refuse" in request.query:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        self.joined.set()
        async for message in socket:
            self.heard.append(message.data)
            await socket.send_str(message.data) if isinstance(message.data, str) else await socket.send_bytes(
                message.data
            )
        return socket

    async def tell(self, *messages: dict[str, Any]) -> None:
        await self.joined.wait()
        for message in messages:
            for socket in self._sockets:
                await socket.send_str(json.dumps(message))
            for stream in self._streams:
                await stream.write(b"data: " + json.dumps(message).encode() + b"\n\n")


class Stand:
    """Upstream, proxy and client."""

    def __init__(self, upstream: Upstream, client: aiohttp.ClientSession) -> None:
        self.upstream, self.client = upstream, client
        self.clock = Clock(speed=SPEED)
        self.faults = Faults(self.clock.now)
        self.wrote: list[tuple[str, int, bytes]] = []
        self.proxy = FaultProxy(NET, upstream.url, self.faults, self.clock, DIALECT, wrote=self._wrote)

    async def _wrote(self, request: web.Request, status: int, body: bytes) -> None:
        self.wrote.append((request.path, status, body))

    def strike(self, *kinds: str) -> None:
        for kind in kinds:
            self.faults.at(NET, kind, 0)

    async def post(self, words: str) -> tuple[int, str]:
        async with self.client.post(f"{self.proxy.url}/post", data=words) as answer:
            return answer.status, await answer.text()

    async def listing(self) -> list[Any]:
        async with self.client.get(f"{self.proxy.url}/posts") as answer:
            listed: list[Any] = await answer.json()
            return listed

    def socket(self, query: str = "") -> Any:
        return self.client.ws_connect(f"{self.proxy.url}/socket{query}")


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    upstream = Upstream()
    runner = await upstream.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
        stand = Stand(upstream, client)
        await stand.proxy.start()
        yield stand
        await stand.proxy.stop()
    await runner.cleanup()


async def heard(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    return [await socket.receive_str(timeout=10) for _ in range(count)]


# ---------------------------------------------------------------- nothing wrong


async def test_what_goes_through_is_unchanged(stand: Stand) -> None:
    url = URL(f"{stand.proxy.url}/post?a=b%2Fc&d=%C3%A9", encoded=True)
    headers = {"Authorization": "Bearer secret", "Connection": "X-Hop", "X-Hop": "1", "X-Far": "2"}
    async with stand.client.post(url, data=b"\x00words", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (201, {"id": "1"})
        assert answer.headers["X-Own"] == "a"
    request = stand.upstream.seen[0]
    assert stand.upstream.posted == [b"\x00words"]
    assert request.raw_path == "/post?a=b%2Fc&d=%C3%A9"
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["X-Far"] == "2"
    assert stand.proxy.url.endswith(request.headers["Host"])
    assert "X-Hop" not in request.headers
    assert stand.wrote == [("/post", 201, b'{"id": "1"}')]


async def test_redirections_are_the_client_s_business(stand: Stand) -> None:
    async with stand.client.get(f"{stand.proxy.url}/open", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_long_answers_pass(stand: Stand) -> None:
    async with stand.client.get(f"{stand.proxy.url}/big") as answer:
        body = await answer.read()
    assert body == b"".join(bytes([n]) * 65_536 for n in range(64))


async def test_the_date_is_that_of_the_clock(stand: Stand) -> None:
    async with stand.client.get(f"{stand.proxy.url}/posts") as answer:
        date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(date - stand.clock.now() / 1e6) < 30  # half a real second at this speed


async def test_websockets_carry_text_and_bytes_both_ways(stand: Stand) -> None:
    async with stand.socket() as socket:
        await socket.send_str('{"say": "é"}')
        await socket.send_bytes(b"\x00\xff")
        assert (await socket.receive(timeout=10)).data == '{"say": "é"}'
        assert (await socket.receive(timeout=10)).data == b"\x00\xff"


async def test_a_refused_handshake_is_refused(stand: Stand) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await stand.socket("?refuse=1")
    assert refusal.value.status == 403


async def test_events_pass_one_by_one(stand: Stand) -> None:
    async with stand.client.get(f"{stand.proxy.url}/events") as answer:
        assert await answer.content.readuntil(b"\n\n") == b":)\n\n"
        await stand.upstream.tell({"id": "1"}, {"id": "2"})
        assert await answer.content.readuntil(b"\n\n") == b'data: {"id": "1"}\n\n'
        assert await answer.content.readuntil(b"\n\n") == b'data: {"id": "2"}\n\n'


# ---------------------------------------------------------------- requests


async def test_rate_limited(stand: Stand) -> None:
    stand.strike("rate_limited")
    async with stand.client.post(f"{stand.proxy.url}/post", data="words") as answer:
        assert (answer.status, await answer.json()) == (429, {"error": "slow down"})
        assert int(answer.headers["X-Reset"]) > stand.clock.now()
    assert stand.upstream.posted == []
    assert await stand.post("again") == (201, '{"id": "1"}')
    assert stand.faults.fired["rate_limited"] == 1


async def test_server_error(stand: Stand) -> None:
    stand.strike("server_error")
    assert await stand.post("words") == (500, "<h1>oops</h1>")
    assert stand.upstream.posted == []
    assert stand.wrote == []


async def test_answer_lost(stand: Stand) -> None:
    stand.strike("answer_lost")
    with pytest.raises(aiohttp.ClientConnectionError):
        await stand.post("words")
    assert stand.upstream.posted == [b"words"]
    assert stand.wrote == [("/post", 201, b'{"id": "1"}')]


async def test_slow(stand: Stand) -> None:
    stand.strike("slow")
    began = stand.clock.now()
    assert (await stand.post("words"))[0] == 201
    assert stand.clock.now() - began >= 25_000_000


async def test_only_writes_are_struck(stand: Stand) -> None:
    stand.strike("rate_limited", "server_error", "answer_lost", "slow")
    assert await stand.listing() == [{"id": "2"}, {"id": "1"}]
    assert not stand.faults.fired


async def test_an_outage_breaks_everything(stand: Stand) -> None:
    async with stand.socket() as socket:
        await stand.upstream.joined.wait()
        stand.strike("outage")
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    with pytest.raises(aiohttp.ClientConnectionError):
        await stand.post("words")
    with pytest.raises(aiohttp.ClientConnectionError):
        await stand.socket()
    assert stand.upstream.posted == []
    await stand.clock.sleep(80)
    assert (await stand.post("words"))[0] == 201


async def test_a_revoked_token(stand: Stand) -> None:
    async with stand.socket() as socket:
        await stand.upstream.joined.wait()
        stand.strike("token_revoked")
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert await stand.post("words") == (401, '{"error":"revoked"}')
    async with stand.client.get(f"{stand.proxy.url}/open", allow_redirects=False) as answer:
        assert answer.status == 302  # needs no token
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await stand.socket()
    assert refusal.value.status == 401


async def test_an_upstream_that_is_gone_is_no_answer(stand: Stand) -> None:
    nowhere = FaultProxy(NET, "http://127.0.0.1:9", stand.faults, stand.clock, DIALECT)
    await nowhere.start()
    with pytest.raises(aiohttp.ClientConnectionError):
        await stand.client.get(f"{nowhere.url}/posts")
    await nowhere.stop()


# ---------------------------------------------------------------- messages


async def test_socket_dropped_takes_the_message_along(stand: Stand) -> None:
    stand.strike("socket_dropped")
    async with stand.socket() as socket:
        await stand.upstream.tell({"id": "1"})
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert stand.faults.fired["socket_dropped"] == 1


async def test_socket_dropped_does_not_wait_for_a_message(stand: Stand) -> None:
    async with stand.socket() as socket:
        stand.strike("socket_dropped")
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_duplicated(stand: Stand) -> None:
    stand.strike("duplicated")
    async with stand.socket() as socket:
        await stand.upstream.tell({"id": "1"}, {"id": "2"})
        assert await heard(socket, 3) == ['{"id": "1"}', '{"id": "1"}', '{"id": "2"}']


async def test_bad_payload_comes_beside_the_good_one(stand: Stand) -> None:
    stand.strike("bad_payload")
    async with stand.socket() as socket:
        await stand.upstream.tell({"id": "1"})
        assert await heard(socket, 2) == ['{"id": "1"}', '{"id"']


async def test_reordered(stand: Stand) -> None:
    stand.strike("reordered")
    async with stand.socket() as socket:
        await stand.upstream.tell({"id": "1"}, {"id": "2"})
        assert await heard(socket, 2) == ['{"id": "2"}', '{"id": "1"}']


async def test_what_is_held_back_for_swapping_goes_out_in_the_end(stand: Stand) -> None:
    stand.strike("reordered")
    async with stand.socket() as socket:
        await stand.upstream.tell({"id": "1"})
        assert await heard(socket, 1) == ['{"id": "1"}']


async def test_delete_first(stand: Stand) -> None:
    made, gone = {"kind": "made", "id": "1"}, {"kind": "gone", "id": "1"}
    stand.strike("delete_first")
    async with stand.socket() as socket:
        await stand.upstream.tell(made, gone)
        assert await heard(socket, 3) == [json.dumps(message) for message in (made, gone, made)]


async def test_cursor_lost(stand: Stand) -> None:
    stand.strike("cursor_lost")
    for expected in ("a=1", "a=1&cursor=7"):
        async with stand.socket("?a=1&cursor=7"):
            await stand.upstream.joined.wait()
        assert stand.upstream.seen[-1].query_string == expected


async def test_events_are_struck_as_well(stand: Stand) -> None:
    stand.strike("duplicated")
    async with stand.client.get(f"{stand.proxy.url}/events") as answer:
        assert await answer.content.readuntil(b"\n\n") == b":)\n\n"
        await stand.upstream.tell({"id": "1"})
        for _ in range(2):
            assert await answer.content.readuntil(b"\n\n") == b'data: {"id": "1"}\n\n'


async def test_listings_are_struck_as_well(stand: Stand) -> None:
    two, one = {"id": "2"}, {"id": "1"}
    assert await stand.listing() == [two, one]
    for kind, expected in (
        ("duplicated", [two, two, one]),
        ("reordered", [one, two]),
        ("bad_payload", [{"id": "broken-1"}, two, one]),
    ):
        stand.strike(kind)
        assert await stand.listing() == expected
    stand.strike("delete_first")
    stand.proxy.strikes.removed({"id": "3"})
    assert await stand.listing() == [{"id": "3"}, two, one]
    stand.strike("socket_dropped", "socket_dropped")  # aiohttp asks again by itself, once
    with pytest.raises(aiohttp.ClientConnectionError):
        await stand.listing()
    assert await stand.listing() == [two, one]
