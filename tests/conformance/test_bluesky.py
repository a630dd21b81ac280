"""The suite on Bluesky."""

from __future__ import annotations

from typing import Any

from adapters.bluesky import platform
from bridge.ports import Platform
from simulator.bluesky import Server
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.reading import Reading
from tests.conformance.suite import LinkConformance
from tests.conformance.trouble import Trouble


class TestBluesky(LinkConformance):
    network = "bluesky"
    asks_to_wait = (20.0, 31.0)  # the stage says 30, less what has passed, in whole seconds

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options)


class TestBlueskyThroughJetstreamV2(Reading, Trouble):
    """What depends on the stream, once more; the first of two hosts speaks the second version."""

    network = "bluesky"
    asks_to_wait = TestBluesky.asks_to_wait

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options | {"jetstream": ("v2", "v1")})
