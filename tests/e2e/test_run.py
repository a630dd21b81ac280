"""`chatbridge run` against stand-ins, by the clock on the wall, and the commands that reach it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

NETWORKS = ("mastodon", "bluesky", "slack")


@dataclass
class Stand:
    """The simulator's process, and a config that runs a short chat on it."""

    process: subprocess.Popen[str]
    folder: Path
    env: dict[str, str]
    access: dict[str, Any] = field(default_factory=dict)

    def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def chatbridge(self, *arguments: str, start: bool = False) -> Any:
        """Run a command to its end, or only start it."""
        command = [sys.executable, "-m", "bridge", *arguments[:1], "--config", "config.toml", *arguments[1:]]
        if start:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stderr=subprocess.PIPE, text=True)
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=30, check=False
        )

    def wait(self, *arguments: str) -> Any:
        """Run a command until it does its work."""
        until = time.monotonic() + 20
        while (done := self.chatbridge(*arguments)).returncode:
            assert time.monotonic() < until, done.stderr + done.stdout
        return done


def config(starts: datetime, minutes: float, networks: dict[str, Any]) -> str:
    """A chat with two questions, the first nine seconds after the start."""
    servers = {"mastodon": 'server = "https://mastodon.example"'}
    lines = [
        '[community]\nname = "The Night Round"\ntimezone = "Europe/London"\njournal = "journal.db"',
        '[[chats]]\nid = "handovers"\ntitle = "Safer handovers"\nhashtag = "WardChat"\nremind = []',
        f"starts = {starts.isoformat()}\nminutes = {minutes}\nlate_hours = 0.001",
        '[[chats.questions]]\nat = 0.15\ntext = "What makes a handover safe?"',
        f'[[chats.questions]]\nat = {minutes * 0.9}\ntext = "Who is missing from it?"',
        "[web]\nport = 0",
    ]
    for name, access in networks.items():
        lines.append(f'[networks.{name}]\nkind = "{name}"')
        lines += [f"{key} = {json.dumps(value)}" for key, value in access["table"].items()]
        lines += [] if "server" in access["table"] else filter(None, [servers.get(name)])
    return "\n".join(lines) + "\n"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    command = [sys.executable, "-m", "simulator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield opened(process, tmp_path)
        finally:
            process.kill()


def opened(process: subprocess.Popen[str], tmp_path: Path, **more: Any) -> Stand:
    """The stand-ins with everybody's accounts; `more` of the scenario."""
    made = Stand(process, tmp_path, dict(os.environ))
    now = int(time.time() * 1_000_000)
    access = made.ask(
        {
            "clock": None, "seed": 1, "participants": 3, "answers": 4, "faults": "none", "out": str(tmp_path),
            "tag": "WardChat", "starts": now, "ends": now + 60_000_000, "late_until": now + 120_000_000,
            "questions": [
                {"label": "Q1", "text": "What makes a handover safe?"},
                {"label": "Q2", "text": "Who is missing from it?"},
            ],
            "networks": [{"name": n, "kind": n, "layout": "channel", "public": "no"} for n in NETWORKS],
            "hosts": [{"name": "Wren Adair"}], **more,
        }
    )["networks"]  # fmt: skip
    for name, given in access.items():
        made.env |= {f"{name}_{secret}".upper(): value for secret, value in given["secrets"].items()}
    made.access = access
    return made


def begin(stand: Stand, minutes: float) -> None:
    """Write a config whose chat has just begun."""
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    (stand.folder / "config.toml").write_text(config(starts, minutes, stand.access))


@pytest.mark.timeout(120)
def test_a_short_chat_is_run_steered_and_ends_by_itself(stand: Stand) -> None:
    begin(stand, minutes=0.4)
    assert stand.chatbridge("check").returncode == 0
    assert stand.chatbridge("status").returncode == 1  # nothing runs yet
    run = stand.chatbridge("run", start=True)
    stand.wait("health")
    said = stand.wait("tell", "handovers", "say", "Hello", "from", "the", "server")
    assert said.stdout.startswith("Done")
    assert "Q1" in stand.wait("status").stdout
    again = stand.chatbridge("run")
    assert again.returncode == 1
    assert "another chatbridge runs" in again.stderr
    assert stand.wait("report", "--out", "kept").returncode == 0
    assert (stand.folder / "kept" / "transcript.md").read_text().startswith("# Safer handovers")
    _, errors = run.communicate(timeout=90)
    assert run.returncode == 0, errors
    for secret in (value for name, value in stand.env.items() if name.endswith(("_TOKEN", "_PASSWORD"))):
        assert secret not in errors
        assert secret.encode() not in (stand.folder / "journal.db").read_bytes()
    transcript = stand.folder / "transcript.json"
    transcript.write_text('{"entries": []}')
    found = stand.ask({"do": "compare", "transcript": str(transcript)})
    for question in found["questions"]:
        assert question["posted"] == dict.fromkeys(NETWORKS, 1)
    # the chat is over and nothing runs: what was kept is still to be had
    assert "No bridge is running" in stand.wait("status").stdout
    assert stand.wait("report", "--out", "later", "--format", "md", "--format", "csv").returncode == 0
    assert (stand.folder / "later" / "transcript.md").read_text().startswith("# Safer handovers")
    assert sorted(path.name for path in (stand.folder / "later").iterdir()) == [
        "transcript.csv",
        "transcript.md",
    ]
    assert "Start it with: chatbridge run" in stand.chatbridge("tell", "handovers", "next").stderr


@pytest.mark.timeout(120)
def test_on_a_terminal_it_says_what_it_does(stand: Stand) -> None:
    begin(stand, minutes=0.6)
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "bridge", "run"]
    with subprocess.Popen(command, cwd=stand.folder, env=stand.env, stderr=terminal) as run:
        os.close(terminal)
        said = until(screen, "Q1 is on ")
        run.send_signal(signal.SIGINT)
        said += until(screen, None)
    assert run.returncode == 0, said
    for words in (
        "The Night Round: Safer handovers (#WardChat)",
        "  Page       http://127.0.0.1:",
        "Ctrl-C stops the bridge. Start it again any time",
        "Mastodon is open, as @",
        "Slack is open, as @",
        "Welcome is on Mastodon, Bluesky and Slack. Next: Q1 at ",
        "Stopping: ",
        "Stopped. For the transcript: chatbridge report; to go on: chatbridge run",
    ):
        assert words in said
    assert " INFO " not in said


def until(screen: int, words: str | None) -> str:
    """What comes on a terminal until these words do, or until nobody writes there any more."""
    said = b""
    while words is None or words.encode() not in said:
        try:
            more = os.read(screen, 4096)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        said += more
    return said.decode()


@pytest.mark.timeout(120)
def test_it_stops_when_told_and_goes_on_where_it_was(stand: Stand) -> None:
    begin(stand, minutes=0.6)
    run = stand.chatbridge("run", start=True)
    stand.wait("health")
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=15)
    assert run.returncode == 0, errors
    run = stand.chatbridge("run", start=True)
    _, errors = run.communicate(timeout=90)
    assert run.returncode == 0, errors
    transcript = stand.folder / "transcript.json"
    transcript.write_text('{"entries": []}')
    found = stand.ask({"do": "compare", "transcript": str(transcript)})
    assert [q["posted"] for q in found["questions"]] == [dict.fromkeys(NETWORKS, 1)] * 2
