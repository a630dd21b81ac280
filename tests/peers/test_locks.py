"""The peers' locks hold no address, and a checksum for everything."""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent


def test_npm() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    assert packages.pop("")["dependencies"] == wanted["dependencies"]
    assert packages["node_modules/better-sqlite3"]["version"] == wanted["overrides"]["better-sqlite3"]
    assert [name for name, package in packages.items() if not package.get("integrity")] == []


def test_python() -> None:
    text = (HERE / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    pinned = {block.split(" ")[0] for block in blocks}
    assert set((HERE / "requirements.in").read_text(encoding="utf-8").split()) <= pinned
