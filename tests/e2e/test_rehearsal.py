"""A whole chat with one command: real processes, real sockets, a real journal."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from simulator.faults import HARSH, MILD
from tests.unit.configs import SHIPPED

ROOT = Path(__file__).parents[2]
NETWORKS = ("mastodon", "bluesky", "slack")
SOMEWHERE = {"cursor_lost"}  # fires where a network has cursors; the rest fires everywhere


def rehearse(out: Path, *arguments: str, config: Path = SHIPPED) -> dict[str, Any]:
    """What `chatbridge rehearse --json` prints; its exit status has to be 0."""
    command = [sys.executable, "-m", "bridge", "rehearse", "--json", "--speed", "120", "--out", str(out)]
    command += ["--config", str(config)]
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
    assert result["departures"]["followed"] == result["departures"]["made"] > 0
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
def test_a_second_server_and_questions_with_everything(tmp_path: Path) -> None:
    """People on a server where we only listen; a question with a picture, a warning and a translation."""
    text = SHIPPED.read_text()
    more = (
        'image = "q1.png"\nalt = "Two people at a table"\ntranslations = {cy = "Beth yw cymuned ymarfer?"}\n'
    )
    second = 'kind = "mastodon"\nserver = "https://toot.example"\npost = false\n'
    text = text.replace("at = 5\n", f"at = 5\n{more}", 1).replace(
        "at = 12\n", 'at = 12\nwarning = "work"\n', 1
    )
    config = tmp_path / "config.toml"
    config.write_text(
        text.replace("[networks.bluesky]", f"[networks.welsh]\n{second}\n[networks.bluesky]", 1)
    )
    (tmp_path / "q1.png").write_bytes(picture())
    result = rehearse(
        tmp_path / "out", "--seed", "25", "--participants", "40", "--answers", "200",
        "--faults", "harsh", "--kills", "3", config=config,
    )  # fmt: skip
    assert_whole(result)
    assert result["written"]["welsh"] > 0
    servers = json.loads((tmp_path / "out" / "servers.json").read_text())
    people = [row for rows in servers.values() for row in rows if row["author"] != "bridge"]
    assert any(row["pictures"] for row in people)
    assert any(row.get("poll") for row in people)
    ours = {name: [row for row in servers[name] if row["author"] == "bridge"] for name in NETWORKS}
    for rows in ours.values():
        assert [row["pictures"] for row in rows if "Q1 What is" in row["text"]] == [["Two people at a table"]]
        assert sum("Beth yw cymuned" in row["text"] for row in rows) == 1
    said = [row for row in servers["welsh"] if row["author"] == "bridge"]
    assert all(row["reply_to"] and not row["question"] for row in said), "only asked-for answers"


def picture() -> bytes:
    """A PNG of one dark point."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x20\x40\x60")),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.timeout(240)
def test_threads_and_agreement(tmp_path: Path) -> None:
    """The other layout, in a community whose room is public."""
    config = SHIPPED.read_text()
    assert 'layout = "channel"' in config
    assert 'public = "ask"' in config
    other = tmp_path / "config.toml"
    other.write_text(
        config.replace('layout = "channel"', 'layout = "threads"').replace('public = "ask"', 'public = "yes"')
    )
    result = rehearse(
        tmp_path / "out", "--seed", "23", "--participants", "20", "--answers", "80", config=other
    )
    assert_whole(result)
    messages = json.loads((tmp_path / "out" / "servers.json").read_text())["slack"]
    under = [m for m in messages if m["author"] == "bridge" and m["place"] == "chat" and m["reply_to"]]
    assert len(under) > 20


@pytest.mark.timeout(240)
def test_the_verdict_comes_before_the_page_is_held(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "bridge", "rehearse", "--hold", "--speed", "240", "--out", str(tmp_path)),
        *("--config", str(SHIPPED), "--participants", "8", "--answers", "24", "--seed", "24"),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
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
        os.killpg(held.pid, signal.SIGINT)  # as a terminal does, to all that run in it
        rest, errors = held.communicate(timeout=60)
    assert (held.returncode, rest) == (0, ""), errors
    assert "The chat is rehearsed as if it began now." in notes
    assert not control.address(tmp_path / "stage" / "journal.db").exists()


def test_three_mistakes_are_named_at_once(tmp_path: Path) -> None:
    config = SHIPPED.read_text()
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
