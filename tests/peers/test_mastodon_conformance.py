"""The suite on mastodon-mock, through the fault proxy."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from adapters.mastodon import platform
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.suite import LinkConformance
from tests.peers.mastodon_peer import mock
from tests.peers.mastodon_stage import MockStage

pytestmark = pytest.mark.peers


class TestMastodonMock(LinkConformance):
    """Its websocket refuses our subscriptions, so polling carries all of it."""

    network = "mastodon"
    asks_to_wait = (10.0, 20.0)  # the proxy says 15, in whole seconds
    cannot: ClassVar[dict[str, str]] = {
        "test_an_echo_names_its_order": "no field of a status carries the key it was posted with",
        "test_nothing_is_lost_or_doubled[cursor_lost]": "a gap is filled from timelines, not by a cursor",
        "test_a_text_at_the_limit_is_accepted[emoji families]": "it counts code points where Mastodon counts"
        " grapheme clusters",
        "test_a_quote_of_a_followed_post_arrives": "it tells nobody that they were quoted, as Mastodon does",
    }

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return MockStage(mock(), network, clock, faults, options)
