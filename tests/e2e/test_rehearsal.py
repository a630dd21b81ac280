"""A whole chat with one command: real processes, real sockets, a real journal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from simulator.faults import HARSH, MILD

ROOT = Path(__file__).parents[2]
NETWORKS = ("mastodon", "bluesky", "slack")
SOMEWHERE = {"cursor_lost"}  # fires where a network has cursors; the rest fires everywhere


def rehearse(out: Path, *arguments: str) -> dict[str, Any]:
    """What `chatbridge rehearse --json` prints; its exit status has to be 0."""
    command = [sys.executable, "-m", "bridge", "rehearse", "--json", "--speed", "120", "--out", str(out)]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-6000:]}"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def assert_whole(result: dict[str, Any]) -> None:
    """Nothing lost, doubled or leaked; every question once on every network; everything followed."""
    for kind in ("lost", "duplicated", "leaked"):
        assert result[kind] == []
    assert [q["label"] for q in result["questions"]] == [f"Q{n}" for n in range(1, 8)]
    for question in result["questions"]:
        assert question["posted"] == dict.fromkeys(NETWORKS, 1)
    for kind, done in (("edits", "followed"), ("deletions", "followed"), ("opt_outs", "obeyed")):
        assert result[kind][done] == result[kind]["made"] > 0
    assert result["consents"]["followed"] == result["consents"]["made"]
    assert all(result["written"][network] > 0 for network in NETWORKS)


@pytest.mark.timeout(240)
def test_a_chat_from_beginning_to_end(tmp_path: Path) -> None:
    result = rehearse(tmp_path, "--seed", "21", "--participants", "30", "--answers", "150")
    assert_whole(result)
    assert result["faults"] == {}
    assert result["consents"]["made"] > 0
    assert result["latency_ms"]["p50"] > 0
    for path in result["transcript"]:
        assert Path(path).stat().st_size > 1000


@pytest.mark.timeout(240)
def test_a_chat_under_faults_and_kills(tmp_path: Path) -> None:
    result = rehearse(
        tmp_path, "--seed", "22", "--participants", "30", "--answers", "150", "--faults", "harsh", "--kills", "4"
    )  # fmt: skip
    assert_whole(result)
    assert result["kills"] == 4
    assert {kind for kind, times in result["faults"].items() if times} == set(HARSH)
    assert all(result["faults"][kind] >= 3 for kind in MILD)


@pytest.mark.timeout(240)
def test_threads_and_agreement(tmp_path: Path) -> None:
    """The other layout, in a community whose room is public."""
    config = (ROOT / "config.toml").read_text()
    assert 'layout = "channel"' in config
    assert 'public = "ask"' in config
    other = tmp_path / "config.toml"
    other.write_text(
        config.replace('layout = "channel"', 'layout = "threads"').replace('public = "ask"', 'public = "yes"')
    )
    result = rehearse(
        tmp_path / "out", "--config", str(other), "--seed", "23", "--participants", "20", "--answers", "80"
    )
    assert_whole(result)
    messages = json.loads((tmp_path / "out" / "servers.json").read_text())["slack"]
    under = [m for m in messages if m["author"] == "bridge" and m["place"] == "chat" and m["reply_to"]]
    assert len(under) > 20


@pytest.mark.timeout(240)
def test_the_verdict_comes_before_the_page_is_held(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "bridge", "rehearse", "--hold", "--speed", "240", "--out", str(tmp_path)),
        *("--participants", "8", "--answers", "24", "--seed", "24"),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as held:
        assert held.stdout is not None
        assert held.stderr is not None
        said = ""
        while "transcript.html" not in said:
            line = held.stdout.readline()
            assert line, held.stderr.read()
            said += line
        assert "Nothing lost, nothing doubled, nothing leaked." in said
        notes = ""
        while "until you press Ctrl-C" not in notes:
            notes += held.stderr.readline()
        with urllib.request.urlopen(notes.split("The page stays at ")[1].split()[0]) as page:
            assert b"CCNVirtual" in page.read()
        held.send_signal(signal.SIGINT)
        rest, errors = held.communicate(timeout=60)
    assert (held.returncode, rest) == (0, ""), errors
    assert "The chat is rehearsed as if it began now." in notes
    assert not control.address(tmp_path / "stage" / "journal.db").exists()


def test_three_mistakes_are_named_at_once(tmp_path: Path) -> None:
    config = (ROOT / "config.toml").read_text()
    broken = tmp_path / "config.toml"
    broken.write_text(
        config.replace('timezone = "Europe/London"', 'timezone = "Europe/Londn"')
        .replace("minutes = 60", "minuets = 60")
        .replace('hashtag = "CCNVirtual"', 'hashtag = "#CCN Virtual"')
    )
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "check", "--offline", "--config", str(broken)],
        capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    for said in (
        "community.timezone",
        "Europe/London",
        "chats[0].minuets",
        "minutes",
        "chats[0].hashtag",
        "CCNVirtual",
    ):
        assert said in done.stderr
    assert "3 mistakes" in done.stderr
