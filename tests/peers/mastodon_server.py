"""Runs mastodon-mock with chat time for its clock: `python -m tests.peers.mastodon_server DOMAIN CLOCK`.

It runs in mastodon-mock's own environment, as a process of its own. A rehearsal's hour lasts a minute, so a
server that lives on the wall clock would date every post into the past: the one change made here is where
mastodon-mock's `utcnow` looks. Prints its port when it listens; ends when its standard input does.
"""

from __future__ import annotations

import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import uvicorn  # type: ignore[import-not-found]
from mastodon_mock.db import models  # type: ignore[import-not-found]

from simulator.clock import Clock


def main(domain: str, clock: Path) -> None:
    """Serve until the standard input is closed. `domain`: the public host and port; `clock`: the clock's
    file, which may be replaced at any time."""
    models.utcnow = lambda: datetime.fromtimestamp(Clock(clock).now() / 1e6, UTC)
    from mastodon_mock.app import create_app  # type: ignore[import-not-found]  # takes utcnow with it
    from mastodon_mock.config import MastodonMockConfig, SeedConfig  # type: ignore[import-not-found]

    config = MastodonMockConfig(domain=domain, url_scheme="http", seed=SeedConfig())
    served = uvicorn.Config(create_app(config), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(served)

    def watch() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
