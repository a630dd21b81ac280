"""No secret stands anywhere but where it is kept: not in a log at debug level, not in the journal, not on the page,
not in what commands print. The stand-ins write down what they gave (`secrets.json`); it is searched for in bytes."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.bluesky import platform as bluesky
from adapters.mastodon import platform as mastodon
from adapters.slack import platform as slack
from bridge import logs
from bridge.errors import LinkError
from bridge.ports import Platform
from simulator.bluesky import Server as Bluesky
from simulator.given import spellings
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from tests.adapters.test_accounts import Owner, inspected, log_in, staged
from tests.e2e.test_backup import config

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bridge"]
HARSH = ["--speed", "120", "--participants", "30", "--answers", "120", "--faults", "harsh", "--kills", "2"]
LOOKS = ("/", "/metrics", "/readyz", "/api/chats/communities-of-practice.json")


def exposed(given: Mapping[str, list[str]], held: Mapping[str, bytes]) -> list[str]:
    """Where a secret stands, and whose."""
    return [
        f"{network} in {place}"
        for network, secrets in given.items()
        for place, content in held.items()
        if any(needle in content for secret in secrets for needle in spellings(secret))
    ]


class Onlooker(threading.Thread):
    """Looks at everything that a running rehearsal shows, over and over, and keeps what it saw."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, bytes] = {}
        self.page = ""
        self.over = threading.Event()
        self._config = ["--config", str(path)]

    def run(self) -> None:
        while not self.over.wait(0.5):
            for look in LOOKS if self.page else ():
                with suppress(OSError):
                    try:
                        with urllib.request.urlopen(f"{self.page}{look}", timeout=5) as answer:
                            self._keep(look, answer.read() + str(answer.headers).encode())
                    except urllib.error.HTTPError as error:
                        self._keep(look, error.read())
            for command in (["status"], ["status", "--json"], ["health"]):
                done = subprocess.run(
                    [*COMMAND, *command, *self._config], cwd=ROOT, capture_output=True, check=False
                )
                self._keep(" ".join(command), done.stdout + done.stderr)

    def _keep(self, name: str, content: bytes) -> None:
        self.seen[name] = self.seen.get(name, b"") + content


@pytest.mark.timeout(300)
def test_a_harsh_rehearsal_at_debug_level_gives_no_secret_away(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = config(tmp_path, "out/stage/journal.db")
    command = [*COMMAND, "rehearse", "--config", str(path), "--out", str(out), "--json", *HARSH]
    onlooker = Onlooker(path)
    onlooker.start()
    with subprocess.Popen(
        [*command, "--log-level", "debug"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as rehearsal:
        assert rehearsal.stdout is not None
        assert rehearsal.stderr is not None
        told = b""
        for line in rehearsal.stderr:
            told += line
            if address := re.search(rb"http://127\.0\.0\.1:\d+", line):
                onlooker.page = address[0].decode()
        printed = rehearsal.stdout.read()
    onlooker.over.set()
    onlooker.join(30)
    assert rehearsal.returncode == 0, told.decode()
    assert json.loads(printed)["leaked"] == []

    given: dict[str, list[str]] = json.loads((out / "secrets.json").read_text())
    assert len(given["bluesky"]) >= 4, "a password, a cookie, and logins that were renewed"
    assert len([secret for secret in given["slack"] if re.fullmatch("[0-9a-f]{32}", secret)]) >= 3, "tickets"
    held = dict(everything(out)) | onlooker.seen | {"stderr": told, "stdout": printed}
    for place in (
        "bridge.log",
        "stage/journal.db",
        "servers.json",
        "transcript.html",
        *LOOKS,
        "status",
        "health",
    ):
        assert held[place], place
    assert b"DEBUG" in held["bridge.log"]
    assert b"chatbridge_commit_seconds" in held["/metrics"]
    assert exposed(given, held) == []

    sessions = {"sessions": (out / "stage" / "sessions" / "bluesky.json").read_bytes()}
    assert exposed(given, sessions) == ["bluesky in sessions"], "where it is kept, it is found"
    for network, secrets in given.items():
        planted = {"bridge.log": held["bridge.log"] + f"DEBUG sdk: {secrets[-1]}\n".encode()}
        assert exposed(given, planted) == [f"{network} in bridge.log"]


def everything(out: Path) -> Iterator[tuple[str, bytes]]:
    """What a rehearsal left, but for where secrets are kept."""
    for path in out.rglob("*"):
        name = path.relative_to(out).as_posix()
        if path.is_file() and name != "secrets.json" and not name.startswith("stage/sessions/"):
            yield name, path.read_bytes()


# ---------------------------------------------------------------- logging in


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged, at debug level."""
    stream, root = io.StringIO(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(sys, "stderr", stream)
    logs.begin("DEBUG")
    yield stream
    root.setLevel(logging.WARNING)


async def test_who_logs_in_reads_no_secret_and_none_is_logged(log: io.StringIO) -> None:
    """A token, a password, OAuth's code and an application's secret; and what a refusal says."""

    async def try_out(stage: Any, platform: Platform, owner: Owner, good: Mapping[str, str]) -> None:
        assert await log_in(platform, stage, owner) == good
        await inspected(platform, stage)
        stage.faults.at("net", "token_revoked", 0)
        with pytest.raises(LinkError) as refused:
            await inspected(platform, stage)
        logging.getLogger("bridge.check").error("not ready", exc_info=refused.value)
        shown = {"log": log.getvalue().encode(), "terminal": "\n".join(owner.said).encode()}
        assert b"not ready" in shown["log"]
        assert exposed({"net": sorted(stage.given)}, shown) == []
        assert exposed({"net": sorted(stage.given)}, {"planted": json.dumps(good).encode()})

    async def on_mastodon(stage: Mastodon) -> None:
        def reads_the_code(said: str) -> str:
            return stage.oauth.authorise(said.split("\n\n  ")[1].split(maxsplit=1)[0])

        await try_out(stage, mastodon, Owner(code=reads_the_code, automated="n"), {"token": stage.token})
        assert len(stage.given) == 4

    async def on_bluesky(stage: Bluesky) -> None:
        owner = Owner(password=stage.password, Label="n")
        await try_out(stage, bluesky, owner, {"password": stage.password})

    async def on_slack(stage: Slack) -> None:
        good = {"bot_token": stage.bot_token, "app_token": stage.app_token}
        await try_out(stage, slack, Owner(bot_token=stage.bot_token, app_token=stage.app_token), good)

    await staged(Mastodon, on_mastodon)
    await staged(Bluesky, on_bluesky)
    await staged(Slack, on_slack)
