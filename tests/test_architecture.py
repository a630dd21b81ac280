"""Who may import whom, read from the source itself; and files and functions stay short enough to read."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for top in ("bridge", "adapters", "simulator") for p in (ROOT / top).rglob("*.py"))
OURS = {"bridge", "adapters", "simulator", "tests"}

# Modules without a clock, chance, I/O, a log or a loop: all that a decision may be made of.
PURE = {
    *(
        "__future__",
        "bisect",
        "collections",
        "collections.abc",
        "dataclasses",
        "difflib",
        "enum",
        "functools",
        "hashlib",
    ),
    *("heapq", "html", "itertools", "math", "operator", "re", "string", "textwrap", "typing", "unicodedata"),
}
PORTS = {"bridge.model", "bridge.text", "bridge.ports", "bridge.errors", "bridge.kit"}
CORE = {"bridge.model", "bridge.text", "bridge.errors", "bridge.settings", "bridge.when", "bridge.chat"}
WORLD = {"open", "print", "input", "breakpoint", "exec", "eval", "__import__"}

LINES = 450
FUNCTION = 60


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path: Path, source: str | None = None) -> Iterator[str]:
    """Every module a file imports, wherever in it, relative ones resolved. "from a import b" yields "a.b"
    where that is a module of ours, else "a"."""
    here = module(path)
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(source if source is not None else path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                inner = ROOT.joinpath(*base, alias.name)
                found = inner.with_suffix(".py").exists() or inner.is_dir()
                yield ".".join((*base, alias.name) if found and base[0] in OURS else base)


def within(imported: str, allowed: set[str]) -> bool:
    """Whether a module is one of `allowed`, or inside one."""
    parts = imported.split(".")
    return any(".".join(parts[:n]) in allowed for n in range(1, len(parts) + 1))


def forbidden(path: Path, source: str | None = None) -> list[str]:
    """The imports of a file that it may not have."""
    here = module(path)
    found = []
    for imported in imports(path, source):
        top = imported.split(".")[0]
        match here:
            case ("bridge", "chat", *_):
                fine = imported in PURE or within(imported, CORE) or top in ("msgspec", "wcwidth")
            case ("bridge", "text" | "model" | "errors" | "settings" | "when"):
                fine = imported in PURE | {"datetime", "zoneinfo"} or within(imported, CORE - {"bridge.chat"})
                fine = fine or top in ("msgspec", "wcwidth")
            case ("bridge", *_):
                fine = top not in OURS or top == "bridge"
            case ("adapters", platform, *_):
                fine = top not in OURS or within(imported, PORTS | {f"adapters.{platform}"})
            case _:
                fine = top not in OURS or top == here[0]
        if not fine or top in ("tests", "pytest"):
            found.append(imported)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_who_may_import_whom(path: Path) -> None:
    assert forbidden(path) == []


@pytest.mark.parametrize("path", [p for p in SOURCES if module(p)[:2] == ("bridge", "chat")], ids=name)
def test_the_core_touches_no_world(path: Path) -> None:
    calls = (n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
    assert [f.id for f in calls if isinstance(f, ast.Name) and f.id in WORLD] == []
    tree = ast.walk(ast.parse(path.read_text()))
    assert not [n for n in tree if isinstance(n, ast.AsyncFunctionDef | ast.Await | ast.Global)]


def test_an_adapter_is_named_only_where_it_is_loaded() -> None:
    """The core finds adapters by their entry points, never by module name."""
    for path in SOURCES:
        if module(path)[0] != "adapters":
            strings = (n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant))
            assert not [s for s in strings if isinstance(s, str) and s.startswith("adapters.")], name(path)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_short_enough_to_read(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION, f"{node.name} is long"


@pytest.mark.parametrize(
    ("place", "source", "expected"),
    [
        ("bridge/chat/x.py", "import time", ["time"]),
        ("bridge/chat/x.py", "def f():\n    import random", ["random"]),
        ("bridge/chat/x.py", "from collections import abc", []),
        ("bridge/chat/x.py", "from asyncio import Queue", ["asyncio"]),
        ("bridge/chat/x.py", "from ..engine import Engine", ["bridge.engine"]),
        ("bridge/chat/x.py", "from .. import journal", ["bridge.journal"]),
        ("bridge/chat/x.py", "from . import state", []),
        ("bridge/chat/x.py", "from bridge import when, clock", ["bridge.clock"]),
        ("bridge/chat/__init__.py", "from .state import State", []),
        ("bridge/chat/__init__.py", "from ..engine import Engine", ["bridge.engine"]),
        ("bridge/engine.py", "import adapters.slack", ["adapters.slack"]),
        ("bridge/engine.py", "from simulator import stage", ["simulator.stage"]),
        ("bridge/engine.py", "import asyncio, sqlite3", []),
        ("bridge/text.py", "import os", ["os"]),
        ("adapters/slack/link.py", "from bridge.chat import state", ["bridge.chat.state"]),
        ("adapters/slack/link.py", "from bridge import model, settings", ["bridge.settings"]),
        ("adapters/slack/link.py", "from ..mastodon import ids", ["adapters.mastodon.ids"]),
        ("adapters/slack/link.py", "from . import ids\nimport slack_sdk", []),
        ("simulator/stage.py", "from bridge.model import Post", ["bridge.model"]),
        ("simulator/stage.py", "import adapters", ["adapters"]),
        ("simulator/stage.py", "import pytest", ["pytest"]),
    ],
)
def test_the_walk_can_fail(place: str, source: str, expected: list[str]) -> None:
    assert forbidden(ROOT / place, source) == expected


def test_the_walk_saw_everything() -> None:
    assert {module(p)[0] for p in SOURCES} == {"bridge", "adapters", "simulator"}
    assert len(SOURCES) > 50
    assert not PURE - {*sys.stdlib_module_names, "collections.abc"}
