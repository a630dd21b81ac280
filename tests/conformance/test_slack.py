"""The suite on Slack."""

from __future__ import annotations

from typing import Any, ClassVar

from adapters.slack import platform
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.stage import Draft, Stage
from tests.conformance.suite import LinkConformance


class TestSlack(LinkConformance):
    network = "slack"
    asks_to_wait = (3.0, 3.0)
    too_long = 40_001  # characters: 4,000 are advised, 40,000 accepted
    cannot: ClassVar[dict[str, str]] = {
        "test_a_content_warning_stays_with_its_post": "Slack has no content warnings",
        "test_nothing_is_lost_or_doubled[cursor_lost]": "a gap is filled from history, not by a cursor",
    }

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options)

    def off_topic(self, text: str) -> Draft:
        """Whatever stands in the channel belongs; what stands in the hosts' room does not."""
        return Draft(text, tag="none", place="hosts")
