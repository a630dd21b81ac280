"""What the tests on the real Bluesky stand on."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.bluesky import platform
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.rig import Subject
from tests.peers.bluesky_stage import Peer
from tests.peers.network import Network


class OnBluesky(Subject):
    """Our adapter, and people with accounts of the real PDS."""

    network = "bluesky"
    asks_to_wait = (20.0, 31.0)  # the proxy says 30, less what has passed, in whole seconds

    @pytest.fixture(autouse=True)
    def the_real_one(self, bluesky: Network) -> None:
        self.peer = bluesky

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Peer(self.peer, network, clock, faults, options)
