"""The bridge is killed in the middle of a chat while a slip stands in its config, and started again."""

from __future__ import annotations

import signal
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.arguments import WRONG
from bridge.clock import WallClock
from bridge.config import load
from bridge.errors import Mistake
from bridge.lastwhole import keep
from bridge.running import _last_whole
from tests.e2e.test_edits import ONCE, asked, told, until
from tests.e2e.test_run import Stand, config, stand
from tests.unit.configs import swap

__all__ = ["stand"]  # a fixture

SLIP = "The config was edited and has a mistake. Nothing changes until it is whole."
SECOND = "Who is missing from it?"


@pytest.mark.timeout(240)
def test_the_chat_goes_on_though_a_slip_stands_in_its_config(stand: Stand) -> None:
    path = stand.folder / "config.toml"
    whole = config(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4), 1, stand.access)
    path.write_text(whole)
    run = stand.chatbridge("run", start=True)
    until(lambda: asked(looked(stand), "Q1 What makes a handover safe?") == ONCE, run)
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=15)

    path.write_text(swap('name = "The Night Round"', 'name = "The Night Round', whole))
    assert stand.chatbridge("check", "--offline").returncode == WRONG
    assert "No bridge is running" in stand.chatbridge("status").stdout
    run = stand.chatbridge("run", start=True)
    stand.wait("health")
    assert stand.wait("tell", "handovers", "say", "Here", "we", "are", "again").stdout.startswith("Done")
    until(lambda: SLIP in hosts(stand), run)
    assert 'A quote (") is missing in this line.' in hosts(stand)

    path.write_text(swap(SECOND, "Who came late?", whole))
    mended = f"whole again, and it changed. Q2 is now “Who came late?” (was “{SECOND}”)."
    until(lambda: mended in hosts(stand), run)
    _, errors = run.communicate(timeout=150)
    assert run.returncode == 0, errors
    assert errors.count("the config has a mistake: config.toml: line 2") == 1
    assert "so the bridge runs with the config as it last was whole, on" in errors
    assert hosts(stand).count(SLIP) == 1
    looked(stand)
    for words in ("Q1 What makes a handover safe?", "Here we are again", "Q2 Who came late?"):
        assert asked(stand.folder, words) == ONCE

    path.write_text(swap('name = "The Night Round"', 'name = "The Night Round', whole))
    refused = stand.chatbridge("run")  # nobody would lose anything
    assert refused.returncode == WRONG
    assert "1 mistake in the config" in refused.stderr


def looked(stand: Stand) -> Path:
    """Where the stand-ins have written what they hold by now."""
    transcript = stand.folder / "transcript.json"
    transcript.write_text('{"entries": []}')
    stand.ask({"do": "compare", "transcript": str(transcript)})
    return stand.folder


def hosts(stand: Stand) -> str:
    """What the hosts read by now."""
    return told(looked(stand))


@pytest.mark.parametrize(
    ("only", "days", "goes_on"),
    [("core", 0, True), ("core", 2, False), ("mastodon", 0, True), ("mastodon", 2, True)],
)
def test_each_process_goes_by_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str, days: int, goes_on: bool
) -> None:
    """What is beside a network does not know when the chats are by now."""
    monkeypatch.setenv("MASTODON_TOKEN", "Zx9qP7vLk2mN8bR4")
    path = tmp_path / "config.toml"
    networks = {"mastodon": {"table": {"server": "https://tide.test"}}}
    whole = config(datetime.now(UTC) + timedelta(days=days), 60, networks)
    path.write_text(whole + '[mqtt]\nurl = "mqtt://broker.test"\n')
    keep(load(path, {}), only, WallClock().now())
    path.write_text("[community\n" + whole)
    slip = (Mistake("config.toml", "line 1", "", "TOML", "Zx9qP7vLk2mN8bR4 is not."),)
    noted: list[str] = []
    args = Namespace(config=path, only=only, stay=False)
    found = _last_whole(args, WallClock(), slip, noted.append)
    assert (found is not None) is goes_on
    assert [words.partition(":")[0] for words in noted[:1]] == ["the config has a mistake"] * goes_on
    assert "Zx9q" not in str(noted)
    if only == "mastodon":
        assert noted[-1].endswith("Mend it, and start this again.")
