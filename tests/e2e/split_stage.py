"""What the tests of a bridge in several processes stand on: a broker's topics from outside, and the processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import Mosquitto

LONGEST = 60.0  # real seconds until what is waited for must be there


def until(met: Callable[[], Any], what: str) -> Any:
    """Waits for what nobody sends word of: it happens in another process."""
    deadline = time.monotonic() + LONGEST
    while not (found := met()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


class Display:
    """What somebody who listens to public feeds has at this moment, by the end of the topic: `chat/state` and
    `chat/entries/no`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._changed = threading.Condition()
        self._standing: dict[str, bytes] = {}
        self.ever: set[str] = set()
        self.told: list[bytes] = []

    def standing(self) -> dict[str, Any]:
        with self._changed:
            return {
                topic.partition("/public/")[2]: json.loads(body) for topic, body in self._standing.items()
            }

    def entries(self) -> dict[int, Any]:
        """By number."""
        return {int(t.rpartition("/")[2]): body for t, body in self.standing().items() if "/entries/" in t}

    def connected(self, client: paho.Client, *_: Any) -> None:
        """What stands comes anew."""
        with self._changed:
            self._standing.clear()
        client.subscribe(self._pattern, qos=1)

    def heard(self, client: paho.Client, given: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self._standing.pop(message.topic, None)
            if message.payload:
                self._standing[message.topic] = bytes(message.payload)
                self.ever.add(message.topic.partition("/public/")[2])
                self.told.append(bytes(message.payload))


@contextmanager
def display(
    broker: Mosquitto, pattern: str = "chatbridge/public/#", *, files: tuple[str, str, str] | None = None
) -> Iterator[Display]:
    """Listens; connects again when the broker was away. `files`: for TLS, in PEM: who
    signed the broker's certificate; ours, and its key."""
    shown = Display(pattern)
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.reconnect_delay_set(1, 1)
    if files:
        client.tls_set(*files)
    client.on_connect, client.on_message = shown.connected, shown.heard
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield shown
    finally:
        client.disconnect()
        client.loop_stop()


class Crew:
    """The processes of one bridge, each in a folder of its own with the same config, and with no secret but its own:
    as if on machines of their own."""

    def __init__(self, folder: Path, config: str, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self.folders = {part: folder / part for part in ("core", *secrets)}
        for place in self.folders.values():
            place.mkdir()
            (place / "config.toml").write_text(config)
        bare = {k: v for k, v in os.environ.items() if not k.endswith(("_TOKEN", "_PASSWORD"))}
        self._env = {
            part: bare | {f"{part}_{k}".upper(): v for k, v in secrets.get(part, {}).items()}
            for part in self.folders
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "bridge", *words]

    def start(self, *parts: str, stay: bool = True) -> None:
        for part in parts:
            command = self._command("run", "--only", part, *(["--stay"] if stay else []))
            with self.log(part).open("ab") as errors:
                self._running[part] = subprocess.Popen(
                    command, cwd=self.folders[part], env=self._env[part], stderr=errors
                )

    def log(self, part: str) -> Path:
        return self.folders[part] / "log"

    def kill(self, part: str) -> None:
        """SIGKILL."""
        process = self._running.pop(part)
        assert process.poll() is None, self.log(part).read_text()[-3000:]
        process.kill()
        process.wait()

    def stop(self, part: str) -> tuple[int, float]:
        """SIGTERM; its exit status, and the seconds that took."""
        process, began = self._running.pop(part), time.monotonic()
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=30), time.monotonic() - began

    def do(self, part: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A command beside a part, to its end."""
        return subprocess.run(
            self._command(*words), cwd=self.folders[part], env=self._env[part],
            capture_output=True, text=True, timeout=40, check=False,
        )  # fmt: skip

    def health(self, part: str) -> subprocess.CompletedProcess[str]:
        return self.do(part, "health", "--only", part)

    def ready(self, *parts: str) -> None:
        """Waits until they say so."""
        for part in parts:
            until(lambda part=part: not self.health(part).returncode, f"{part} is ready")  # type: ignore[misc]  # bound

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
