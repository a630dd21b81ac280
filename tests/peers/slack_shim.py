"""What stands between our adapter and emulate: it passes on every call, and adds what Slack has and emulate has not.

That is Socket Mode (`slack_sockets`), calls whose arguments stand in the address (emulate reads bodies alone),
`users.conversations` (emulate's `conversations.list` is asked), and `thread_ts` and `latest_reply` of a message
with replies in the history (what emulate's own `conversations.replies` says of them).
"""

from __future__ import annotations

from typing import NamedTuple

import aiohttp
from aiohttp import web

from tests.peers.slack_peer import Json, Workspace
from tests.peers.slack_sockets import Sockets

JSON = "application/json"
SAME = {"users.conversations": "conversations.list"}  # of im both list those the caller is in


class Call(NamedTuple):
    """A call of our adapter's and what emulate said. `json`: whether the arguments stood in a body of JSON."""

    method: str
    asked: Json
    answer: Json
    json: bool


class Shim:
    """Listens at `url` after `start`. `calls`: every call that emulate has answered, in order."""

    def __init__(self, workspace: Workspace, app_token: str) -> None:
        self._workspace, self._app_token = workspace, app_token
        self.sockets = Sockets(workspace.app)
        self.calls: list[Call] = []
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/link/", self.sockets.serve)
        self._client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    def answers(self, method: str) -> list[Json]:
        """What emulate said to a method, refusals too."""
        return [call.answer for call in self.calls if call.method == method]

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        asked = await _arguments(request)
        token = asked.pop("token", "") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "apps.connections.open":
            return web.json_response(self._open(token, request.host))
        status, answer = await self._ask(method, token, asked)
        if method == "conversations.history" and answer.get("ok"):
            for message in answer["messages"]:
                await self._threaded(message, token, str(asked["channel"]))
        self.calls.append(Call(method, asked, answer, request.content_type == JSON))
        return web.json_response(answer, status=status)

    def _open(self, token: str, host: str) -> Json:
        if token != self._app_token:
            return {"ok": False, "error": "invalid_auth"}
        return {"ok": True, "url": self.sockets.address(host)}

    async def _ask(self, method: str, token: str, asked: Json) -> tuple[int, Json]:
        """What emulate answers."""
        assert self._client is not None
        url = f"{self._workspace.url}/api/{SAME.get(method, method)}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._client.post(url, json=asked, headers=headers) as answer:
            said: Json = await answer.json()
            return answer.status, said

    async def _threaded(self, message: Json, token: str, channel: str) -> None:
        if message.get("reply_count"):
            _, thread = await self._ask(
                "conversations.replies", token, {"channel": channel, "ts": message["ts"]}
            )
            if len(thread["messages"]) > 1:
                message |= {"thread_ts": message["ts"], "latest_reply": thread["messages"][-1]["ts"]}


async def _arguments(request: web.Request) -> Json:
    """From wherever they stand."""
    if request.content_type == JSON:
        given: Json = await request.json()
        return dict(request.query) | given
    return dict(request.query) | {name: str(value) for name, value in (await request.post()).items()}
