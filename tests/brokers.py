"""A real Mosquitto on a loopback port of its own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
LONGEST = 10.0  # seconds until it listens


@dataclass(frozen=True)
class Mqtt:
    """What `bridge.config.Mqtt` is to the adapter."""

    url: str
    prefix: str = "chatbridge"
    tls: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None
    key: str | None = None
    authority: str | None = None


def program(name: str) -> str:
    """Where a program of Mosquitto's is; the test is skipped without, or fails where it must not be."""
    if found := shutil.which(name, path=PATH):
        return found
    missing = f"{name} is not installed (Debian: apt-get install mosquitto)"
    if os.environ.get("REQUIRE_PEERS"):
        pytest.fail(missing)
    pytest.skip(missing)


class Mosquitto:
    """The broker; `lines` are added to its config. It keeps retained messages in its folder, and writes them down
    at every change, so that they are there after it was killed."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        self._program, self._folder = program("mosquitto"), folder
        self.port = _free()
        folder.mkdir(parents=True, exist_ok=True)
        config = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'true' if anonymous else 'false'}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            f"log_dest file {folder}/log",
            *(["user root"] if os.geteuid() == 0 else []),  # else it becomes a user who may not write there
            *lines,
        ]
        (folder / "conf").write_text("\n".join(config) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def mqtt(self) -> Mqtt:
        return Mqtt(self.url)

    def start(self) -> None:
        """Returns when it listens."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._folder / "conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        log = self._folder / "log"
        raise AssertionError(f"Mosquitto does not listen: {log.read_text() if log.exists() else 'no log'}")

    def kill(self) -> None:
        """At once, as in a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def mosquitto(folder: Path, *lines: str, anonymous: bool = True) -> Iterator[Mosquitto]:
    """A broker that runs while the context is open."""
    broker = Mosquitto(folder, *lines, anonymous=anonymous)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
