"""A running emulate, a workspace in it, and calling its Web API as Slack's own clients do."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import json
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from simulator.clock import Clock
from tests.peers.installed import MODULES, need, node

HERE = Path(__file__).parent
MANIFEST = HERE.parents[1] / "slack-manifest.yaml"
PATIENCE = 30.0  # real seconds for anything
Json = dict[str, Any]


class ApiError(Exception):
    """An answer that is not "ok". `error`: Slack's name for it, or the status."""

    def __init__(self, method: str, error: str) -> None:
        self.error = error
        super().__init__(f"{method}: {error}")


class Member(NamedTuple):
    """Somebody of the workspace: the user id and a token of their own."""

    user: str
    token: str


class Workspace:
    """An empty workspace with our app in it. `token`: the app's bot's; `signing`: the secret its events are
    signed with."""

    def __init__(self, opened: Json, signing: str) -> None:
        self.url: str = opened["url"]
        self.team: str = opened["team"]
        self.site: str = opened["site"]
        self.app: str = opened["app_id"]
        self.bot: str = opened["bot_id"]
        self.me = Member(opened["bot_user_id"], opened["token"])
        self.chat: str = opened["channels"]["chat"]
        self.hosts: str = opened["channels"]["hosts"]
        self.signing = signing
        self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)

    def call(self, member: Member, method: str, **arguments: Any) -> Json:
        """One call, straight to the server; blocks. Raises ApiError."""
        status, body = self.post(f"/api/{method}", json.dumps(arguments).encode(), member.token)
        answer: Json = json.loads(body)
        if not answer.get("ok"):
            raise ApiError(method, answer.get("error") or str(status))
        return answer

    def post(self, path: str, data: bytes, token: str = "") -> tuple[int, bytes]:
        """Status and body of one POST."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        try:
            answer = self._ask(path, data, headers)
        except (http.client.RemoteDisconnected, ConnectionError):  # kept open for longer than the server does
            self._connection.close()
            answer = self._ask(path, data, headers)
        return answer.status, answer.read()

    def _ask(self, path: str, data: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request("POST", path, data, headers)
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


class Emulate:
    """The process, with one workspace at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node(), HERE / "slack_server.mjs", MODULES, MANIFEST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def open(self, clock: Clock, hook: str) -> Workspace:
        """A new workspace, in this clock's time, that posts its events to `hook`; the one before is gone."""
        signing = secrets.token_hex(16)
        time_ = {"real": str(time.monotonic_ns()), "chat": clock.now(), "speed": clock.speed}
        return Workspace(self._ask("open", hook=hook, signing=signing, clock=time_), signing)

    def join(self, name: str, real_name: str, title: str, *, bot: bool = False) -> Member:
        """A new member of the workspace."""
        return Member(**self._ask("join", name=name, real_name=real_name, title=title, bot=bot))

    def leave(self, member: Member) -> None:
        """Deactivate a member."""
        self._ask("leave", user=member.user)

    def _ask(self, command: str, **asked: Any) -> Json:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({command: asked}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"emulate ended: exit status {self._process.wait()}")
        answer: Json = json.loads(line)
        return answer

    def stop(self) -> None:
        """End the process; it also ends by itself when we do."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(timeout=PATIENCE)


@functools.cache
def emulate() -> Emulate:
    """The one of this test run, started when first asked for."""
    need(MODULES / "node_modules" / "emulate", "emulate")
    running = Emulate()
    atexit.register(running.stop)
    return running
