"""Which worlds are run: `--seeds N` of them from 0 on, or with `--seed N` that one alone."""

from __future__ import annotations

import pytest

SEEDS = 200
GROUP = 25  # seeds a test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--seed", type=int, help="run the world of this seed alone")
    group.addoption("--seeds", type=int, default=SEEDS, help=f"run so many worlds (default: {SEEDS})")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" not in metafunc.fixturenames:
        return
    one, most = metafunc.config.getoption("--seed", None), metafunc.config.getoption("--seeds", SEEDS)
    groups = [range(one, one + 1)] if one is not None else []
    groups = groups or [range(n, min(n + GROUP, most)) for n in range(0, most, GROUP)]
    metafunc.parametrize("seeds", groups, ids=[f"{g[0]}-{g[-1]}" for g in groups])
