"""The suite on Mastodon."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.mastodon import platform
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.stage import Stage
from tests.conformance.suite import LinkConformance


class TestMastodon(LinkConformance):
    network = "mastodon"
    asks_to_wait = (10.0, 20.0)  # the stage says 20, less what has passed
    cannot: ClassVar[dict[str, str]] = {
        "test_an_echo_names_its_order": "no field of a status carries the key it was posted with",
        "test_nothing_is_lost_or_doubled[cursor_lost]": "a gap is filled from timelines, not by a cursor",
    }

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options)
