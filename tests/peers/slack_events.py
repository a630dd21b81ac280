"""Where emulate posts the app's events: signed, as Slack's Events API does over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from slack_sdk.signature import SignatureVerifier

from simulator.clock import Clock

Heard = Callable[[dict[str, Any]], None]


class ChatSeconds:
    """What the SDK's verifier takes for the time of day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now() / 1_000_000


class Receiver:
    """Takes the posts, in a thread of its own: emulate answers nobody before its post was answered, and the
    people of the stage wait for emulate while the loop stands still. `signing` is to be set before the first
    post; `heard` is called in the thread with each body whose signature is right. `forged`: how many were not."""

    def __init__(self, clock: Clock, heard: Heard) -> None:
        self.signing = ""
        self.forged = 0
        self._clock, self._heard = ChatSeconds(clock), heard
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(body, dict(self.headers)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Not on stderr."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="slack events")
        self.url = f"http://127.0.0.1:{self._server.server_port}/slack/events"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """One post; gives the status of its answer."""
        if not SignatureVerifier(self.signing, self._clock).is_valid_request(body, headers):  # type: ignore[arg-type]
            self.forged += 1
            return 401
        self._heard(json.loads(body))
        return 200
