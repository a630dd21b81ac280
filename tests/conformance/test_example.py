"""The suite on the worked example of docs/adapters.md, over real sockets."""

from __future__ import annotations

from typing import Any, ClassVar

from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.suite import LinkConformance
from tests.example.board import Board
from tests.example.chatbridge_noticeboard import platform


class TestNoticeBoard(LinkConformance):
    network = "board"
    asks_to_wait = (7.0, 7.0)
    cannot: ClassVar[dict[str, str]] = {
        "test_a_picture_goes_with_its_words": "the board shows words, and nothing else"
    }

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Board(network, clock, faults, options)
