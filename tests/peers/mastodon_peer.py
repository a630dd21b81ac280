"""A running mastodon-mock, and talking to it as its own people do."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import json
import os
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.clock import ClockFile
from simulator.clock import Clock
from tests.peers.installed import PYTHON, need

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # real seconds for anything


class ApiError(Exception):
    """The server said no. `status`: its status code."""

    def __init__(self, status: int, said: str) -> None:
        self.status = status
        super().__init__(f"{status}: {said[:300]}")


class Mock:
    """One process of mastodon-mock. `public`: a listening socket at the address it gives as its own; whoever
    stands in front of it takes connections there."""

    def __init__(self, python: Path) -> None:
        self.public = socket.create_server(("127.0.0.1", 0))
        self.domain = f"127.0.0.1:{self.public.getsockname()[1]}"
        self._folder = tempfile.TemporaryDirectory(prefix="mastodon-mock-")
        self.clock = Path(self._folder.name) / "clock"
        self.keep_time(Clock())
        self._process = subprocess.Popen(
            [python, "-m", "tests.peers.mastodon_server", self.domain, self.clock],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": self._folder.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"mastodon-mock did not start: exit status {self._process.wait()}")
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE)

    def keep_time(self, clock: Clock) -> None:
        """Let the server live in this clock's time from now on."""
        ClockFile.create(self.clock, clock.now(), clock.speed)

    def reset(self) -> None:
        """Forget everybody and everything."""
        self.ask("POST", "/api/v1/_mock/reset")

    def join(self, username: str, name: str) -> tuple[str, str]:
        """A new account; gives its id and its token."""
        account = self.ask("POST", "/api/v1/_mock/dev_user", {"username": username, "display_name": name})
        return account["id"], account["access_token"]

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """One request as JSON, straight to the server; blocks. Raises ApiError if it is refused."""
        data = None if body is None else json.dumps(body).encode()
        return self._request(method, path, data, "application/json", token)

    def form(self, method: str, path: str, fields: Mapping[str, str | bytes], token: str) -> Any:
        """`ask` with a form; bytes are a PNG file."""
        boundary = uuid.uuid4().hex
        parts = []
        for name, value in fields.items():
            file = '; filename="picture.png"\r\nContent-Type: image/png' if isinstance(value, bytes) else ""
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
            parts.append(head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
        data = b"".join(parts) + f"--{boundary}--\r\n".encode()
        return self._request(method, path, data, f"multipart/form-data; boundary={boundary}", token)

    def _request(self, method: str, path: str, data: bytes | None, kind: str, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if data is not None:
            headers["Content-Type"] = kind
        try:
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # kept open for longer than the server does
            self._connection.close()
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise ApiError(answer.status, said.decode(errors="replace"))
        return json.loads(said)

    def stop(self) -> None:
        """End the process; it also ends by itself when we do."""
        self._connection.close()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(timeout=PATIENCE)
        self.public.close()
        self._folder.cleanup()


@functools.cache
def mock() -> Mock:
    """The one of this test run, started when first asked for."""
    need(PYTHON, "mastodon-mock")
    running = Mock(PYTHON)
    atexit.register(running.stop)
    return running
