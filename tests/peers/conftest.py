"""One real Bluesky for all tests; each has its own accounts there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers import installed, network


@pytest.fixture(scope="session")
def bluesky() -> Iterator[network.Network]:
    """Skips, or with REQUIRE_PEERS=1 fails, where it is not installed."""
    installed.need()
    with network.running() as running:
        yield running
