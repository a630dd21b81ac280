"""Writing, reading and spoiling the small config of `tests.unit.platforms`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.config import Config, load
from bridge.errors import ConfigError, Mistake
from bridge.model import Micros
from bridge.when import micros
from tests.unit.platforms import CONFIG, kinds

# As it comes; the one at the top of the tree may be a community's own by now.
SHIPPED = Path(__file__).parents[1] / "data" / "config.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str = CONFIG, env: Mapping[str, str] | None = None) -> Config:
    return load(written(folder, text), env or {}, platforms=kinds())


def mistakes(folder: Path, text: str, env: Mapping[str, str] | None = None) -> dict[str, Mistake]:
    """By key path."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    assert all(m.expected and m.mend and m.file.endswith("config.toml") for m in caught.value.mistakes)
    return {m.key: m for m in caught.value.mistakes}


def only(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Mistake:
    found = mistakes(folder, text, env)
    assert len(found) == 1, list(found)
    return next(iter(found.values()))


def swap(old: str, new: str, text: str = CONFIG) -> str:
    assert old in text
    return text.replace(old, new, 1)


def at(*when: int) -> Micros:
    return micros(dt.datetime(*when, tzinfo=dt.UTC))  # type: ignore[arg-type, misc]


SECOND = """
[[chats]]
id = "other"
title = "More tides"
hashtag = "tidetalk"
starts = 2027-03-16T20:30:00
[[chats.questions]]
text = "And then?"
"""
