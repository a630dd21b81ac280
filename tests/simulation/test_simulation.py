"""The core in seeded worlds: session, delivery and journal on a virtual clock, without sockets, with everything
going wrong that can, against an oracle that knows only what its world did.

A failure names the seed; `--seed N` repeats that run, event by event.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.faults import KINDS, TURNS
from tests.simulation.oracle import report, violations
from tests.simulation.record import Record
from tests.simulation.world import simulate

ENOUGH = 100  # worlds in which every kind of fault must strike, and of turn be taken


class Fired(Counter[str]):
    """Faults and turns by kind, and how many worlds they are from."""

    worlds = 0


@pytest.fixture(scope="module")
def fired() -> Fired:
    return Fired()


def test_holds(seeds: range, tmp_path: Path, fired: Fired) -> None:
    for seed in seeds:
        record = simulate(seed, tmp_path)
        found = violations(record)
        assert not found, report(record, found)
        fired.update(record.fired)
        fired.worlds += 1


def test_every_fault_has_struck(fired: Fired) -> None:
    if fired.worlds < ENOUGH:
        pytest.skip(f"only {fired.worlds} worlds were run")
    assert {kind for kind in (*KINDS, *TURNS) if not fired[kind]} == set()


@pytest.mark.parametrize("seed", [3, 7, 22])
def test_the_same_seed_gives_the_same_run(seed: int, tmp_path: Path) -> None:
    def trace(folder: Path) -> str:
        folder.mkdir()
        return digest(simulate(seed, folder))

    assert trace(tmp_path / "once") == trace(tmp_path / "again")


def digest(record: Record) -> str:
    return hashlib.sha256("\n".join(record.trace).encode()).hexdigest()
