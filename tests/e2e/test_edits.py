"""The config is edited while a bridge runs: in a rehearsal, and in a series with a file for each chat."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from bridge.errors import ChatbridgeError
from tests.e2e.test_rehearsal import NETWORKS, ROOT
from tests.e2e.test_run import Stand, config, stand
from tests.unit.configs import SHIPPED, swap

PATIENCE = 120  # seconds


def until(done: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Wait for something that processes of their own bring about."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What the bridge posted, as the stand-ins hold it."""
    servers = json.loads((folder / "servers.json").read_text())
    return {name: [row for row in servers[name] if row["author"] == "bridge"] for name in NETWORKS}


def asked(folder: Path, words: str) -> dict[str, int]:
    """On how many posts in the chat itself a line says that, on each network."""
    found: Counter[str] = Counter()
    for name, posts in rows(folder).items():
        found[name] = sum(row["place"] == "chat" and words in row["text"] for row in posts)
    return dict(found)


def told(folder: Path) -> str:
    """All that the hosts read in their channel, boards apart."""
    return "\n".join(row["text"] for row in rows(folder)["slack"] if row["place"] != "chat")


__all__ = ["stand"]  # a fixture

ONCE, NEVER = dict.fromkeys(NETWORKS, 1), dict.fromkeys(NETWORKS, 0)
FIRST = "What is a community of practice?"
SIXTH = "How do you design for value with your community of practice?"
SEVENTH = "How do you create a rhythm for the community?"


@pytest.mark.timeout(300)
def test_the_changed_question_is_the_one_that_is_posted(tmp_path: Path) -> None:
    path, out = tmp_path / "config.toml", tmp_path / "out"
    text = SHIPPED.read_text()
    path.write_text(text)
    command = [
        *(
            sys.executable,
            "-m",
            "bridge",
            "rehearse",
            "--json",
            "--speed",
            "90",
            "--seed",
            "31",
            "--kills",
            "2",
        ),
        *("--participants", "16", "--answers", "70", "--out", str(out), "--config", str(path)),
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as rehearsal:  # type: ignore[call-overload]  # two pipes

        def line(item: str) -> dict[str, Any]:
            try:
                board = control.ask(out / "stage" / "journal.db", {"do": "status"})["board"]
            except (ChatbridgeError, OSError):  # it is not there yet, or being restarted
                return {}
            return next(line for line in board["lines"] if line["id"] == item)

        until(lambda: line("q1").get("state") == "posted", rehearsal)
        text = swap(SIXTH, "What is your community worth, and to whom?", text)
        path.write_text(text)
        until(lambda: line("q6").get("text", "").startswith("What is your"), rehearsal)
        path.write_text(swap("minutes = 60", 'minutes = "sixty"', swap("timezone", "timzone", text)))
        until(lambda: 'minutes (chat 1) = "sixty"' in (out / "bridge.log").read_text(), rehearsal)
        text = swap(SEVENTH, "Which rhythm suits you?", swap(FIRST, "What is a community?", text))
        path.write_text(swap("port = 8080", "port = 8081", text))
        until(lambda: line("q7").get("text") == "Which rhythm suits you?", rehearsal)
        printed, errors = rehearsal.communicate(timeout=200)
    assert rehearsal.returncode == 0, errors
    result = json.loads(printed)
    assert [result[kind] for kind in ("lost", "duplicated", "leaked")] == [[], [], []]
    assert [(q["label"], q["posted"]) for q in result["questions"]] == [(f"Q{n}", ONCE) for n in range(1, 8)]
    assert result["kills"] == 2
    assert asked(out, "Q6 What is your community worth, and to whom?") == ONCE
    assert asked(out, "Q7 Which rhythm suits you?") == ONCE
    assert asked(out, f"Q1 {FIRST}") == ONCE
    for words in (SIXTH, SEVENTH, "What is a community?"):
        assert asked(out, words) == NEVER
    hosts = told(out)
    for words in (
        f"The config changed. Q6 is now “What is your community worth, and to whom?” (was “{SIXTH}”).",
        "The config was edited and has 3 mistakes. Nothing changes until it is whole.",
        'config.toml: chats[0].minutes (chat 1) = "sixty": expected a number',
        "config.toml: community.timzone: expected one of",
        "Did you mean 'timezone'?",
        f"The config is whole again, and it changed.\nQ7 is now “Which rhythm suits you?” (was “{SEVENTH}”). "
        "Q1 has been posted: it stays as it was. “What is a community?” is not asked.\n"
        "web.port waits for the next start of the bridge.",
    ):
        assert hosts.count(words) == 1, hosts
        assert errors.count(" ".join(words.split())) == 1, "on the terminal as well"


def chat(name: str, tag: str, starts: datetime, minutes: float = 0.5, second: str = "Who is missing?") -> str:
    """A chat with two questions, for a file of its own."""
    return "\n".join(
        (
            f'[[chats]]\nid = "{name}"\ntitle = "The {name}"\nhashtag = "{tag}"\nremind = []',
            f"starts = {starts.isoformat()}\nminutes = {minutes}\nlate_hours = 0.001",
            f'[[chats.questions]]\nat = 0.1\ntext = "What of the {name}?"',
            f'[[chats.questions]]\nat = {minutes * 0.8}\ntext = "{second}"\n',
        )
    )


@pytest.mark.timeout(240)
def test_chats_of_several_files_run_at_once_and_one_is_added(stand: Stand) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    chats = stand.folder / "chats"
    chats.mkdir()
    whole = config(now, 1, stand.access)
    first, last = whole.index("[[chats]]"), whole.index("[web]")
    (stand.folder / "config.toml").write_text('include = "chats/*.toml"\n' + whole[:first] + whole[last:])
    (chats / "a.toml").write_text(chat("handovers", "WardChat", now + timedelta(seconds=6), 1.2))
    (chats / "b.toml").write_text(chat("rounds", "Rounds", now + timedelta(seconds=6), 1.2))
    assert stand.chatbridge("check", "--offline").returncode == 0
    run = stand.chatbridge("run", start=True)
    stand.wait("health")
    for name in ("handovers", "rounds"):
        assert f"The {name}" in stand.wait("status", name).stdout
    assert stand.wait("tell", "rounds", "say", "Hello", "from", "the", "rounds").stdout.startswith("Done")
    assert "Say which chat" in stand.chatbridge("report", "--out", "kept").stderr
    page = json.loads(stand.wait("status", "rounds", "--json").stdout)["page"]
    (chats / "c.toml").write_text(
        chat("nights", "Nights", datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=12))
    )
    stand.wait("status", "nights")
    with urllib.request.urlopen(page) as shown:
        index = shown.read().decode()
    assert all(f"The {name}" in index for name in ("handovers", "rounds", "nights"))
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=15)
    text = (chats / "b.toml").read_text()
    (chats / "b.toml").write_text(swap("Who is missing?", "Who came late?", text))  # nobody runs
    run = stand.chatbridge("run", start=True)
    _, errors = run.communicate(timeout=150)
    assert run.returncode == 0, errors
    for name in ("handovers", "rounds", "nights"):
        assert stand.wait("report", name, "--out", name, "--format", "md").returncode == 0
        assert (stand.folder / name / "transcript.md").read_text().startswith(f"# The {name}")
    (stand.folder / "transcript.json").write_text('{"entries": []}')
    stand.ask({"do": "compare", "transcript": str(stand.folder / "transcript.json")})
    for words in ("Q1 What of the handovers?", "Q1 What of the rounds?", "Q1 What of the nights?"):
        assert asked(stand.folder, words) == ONCE
    assert asked(stand.folder, "Q2 Who is missing?") == dict.fromkeys(NETWORKS, 2)
    assert asked(stand.folder, "Q2 Who came late?") == ONCE
    assert asked(stand.folder, "Hello from the rounds") == ONCE
    hosts = told(stand.folder)
    assert hosts.count("“The nights”: It is new (#Nights) and begins on") == 1
    assert hosts.count("“The rounds”: Q2 is now “Who came late?” (was “Who is missing?”).") == 1
    for heading in ("#WardChat · The handovers", "#Rounds · The rounds", "#Nights · The nights"):
        boards = [row for row in rows(stand.folder)["slack"] if row["text"].startswith(heading)]
        assert len(boards) == 1
