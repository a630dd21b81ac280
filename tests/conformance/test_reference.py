"""The suite on its worked example, with both ways of settling an unclear order."""

from __future__ import annotations

from typing import Any, ClassVar

from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.hall import Hall
from tests.conformance.reference import HallPlatform
from tests.conformance.rig import Subject
from tests.conformance.suite import LinkConformance
from tests.conformance.trouble import Trouble


class InTheHall(Subject):
    network = "hall"
    speed = 120.0
    limit = 5.0
    asks_to_wait = (7.0, 7.0)
    cannot: ClassVar[dict[str, str]] = {
        "test_nothing_is_lost_or_doubled[cursor_lost]": "a log that is kept for ever loses no cursor"
    }

    def platform(self) -> Platform:
        return HallPlatform("same_key")

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Hall(network, clock, faults, options)


class TestReference(InTheHall, LinkConformance):
    """Sends the identical order again."""


class TestReferenceThatLooksFirst(InTheHall, Trouble):
    """Waits and looks."""

    def platform(self) -> Platform:
        return HallPlatform("look_first")
