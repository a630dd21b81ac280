"""What the tests of Bluesky's adapter and stand-in stand on: a bare HTTP client, or a link of the adapter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from adapters.bluesky import platform
from bridge.ports import Platform
from simulator.bluesky import Server, wire
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Person, Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject


class Bench:
    """A running server and a bare HTTP client that has logged in."""

    def __init__(self, http: aiohttp.ClientSession, server: Server, clock: Clock) -> None:
        self.http, self.server, self.clock = http, server, clock
        self.token = ""

    async def call(self, method: str, body: Any = None, token: str | None = None, **query: Any) -> Any:
        """The body of an answer, with its status and headers."""
        url = f"{self.server.address}/xrpc/{method}"
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if token == "":
            headers = {}
        verb = "GET" if body is None else "POST"
        async with self.http.request(verb, url, json=body, headers=headers, params=query) as answer:
            self.status, self.headers = answer.status, answer.headers
            return await answer.json()

    async def put(self, record: Any, rkey: str = "", **more: Any) -> Any:
        body = {
            "repo": self.server.me.did,
            "collection": wire.POST,
            "rkey": rkey or self.key(),
            "record": record,
        }
        return await self.call("com.atproto.repo.putRecord", body | more)

    def key(self) -> str:
        return self.server.repos.next_tid()

    def post(self, text: str = "hello", **fields: Any) -> dict[str, Any]:
        return {"$type": wire.POST, "text": text, "createdAt": wire.iso(self.clock.now()), **fields}

    def join(self, name: str, **more: Any) -> Person:
        person = Person(name, name.title(), "bluesky", **more)
        self.server.join(person)
        return person

    async def listen(self, *query: tuple[str, str], host: int = 0) -> aiohttp.ClientWebSocketResponse:
        address = self.server.access()["table"]["jetstream"][host]
        v2 = "/xrpc/" in address
        url = address if v2 else f"{address}/subscribe"
        return await self.http.ws_connect(url, params=query, protocols=("xrpc.v1.json",) if v2 else ())


@asynccontextmanager
async def bench(speed: float = 60, **options: Any) -> AsyncIterator[Bench]:
    clock = Clock(speed=speed)
    server = Server("bluesky", clock, Faults(clock.now), {"tag": "Tea", "chatter": False, **options})
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            made = Bench(http, server, clock)
            login = {"identifier": server.me.handle, "password": server.password}
            made.token = (await made.call("com.atproto.server.createSession", login, token=""))["accessJwt"]
            yield made
    finally:
        await server.stop()


async def heard(stream: aiohttp.ClientWebSocketResponse, count: int) -> list[dict[str, Any]]:
    """The next frames of a stream."""
    async with asyncio.timeout(5):
        return [json.loads(await stream.receive_str()) for _ in range(count)]


class Bluesky(Subject):
    network = "bluesky"

    def __init__(self, **options: Any) -> None:
        self.options = options

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options | self.options)


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Rig, Server, Session]]:
    async with Bluesky(**options).rig() as rig, rig.open() as link:
        yield rig, server(rig), link
