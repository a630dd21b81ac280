"""scripts/peers tells a registry that is silent, which excuses, from everything else, which does not."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "peers"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module, in a hurry."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = spec_from_loader("peers", SourceFileLoader("peers", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return module


def says(words: str) -> tuple[str, ...]:
    """A command that fails with these words."""
    return sys.executable, "-c", f"import sys; print({words!r}); sys.exit(1)"


def test_a_silent_registry_is_asked_again(peers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(peers.Failed) as failed:
        peers.fetch("npm", *says("npm error code ECONNREFUSED"))
    assert failed.value.silent
    assert capsys.readouterr().err.count("npm got no answer") == peers.ATTEMPTS - 1


def test_a_registry_that_answers_is_not_silent(peers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(peers.Failed) as failed:
        peers.fetch("pip", *says("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"))
    assert not failed.value.silent
    assert not capsys.readouterr().err


def test_a_step_that_asks_no_registry_is_never_excused(peers: Any) -> None:
    with pytest.raises(peers.Failed) as failed:
        peers.run("mastodon-mock", *says("TimeoutError: timed out"))
    assert not failed.value.silent
