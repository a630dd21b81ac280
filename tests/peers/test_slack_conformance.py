"""The suite on npm's emulate, through the shim and the fault proxy."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.conformance.suite import LinkConformance
from tests.peers.slack_subject import EmulatedSlack

pytestmark = pytest.mark.peers


class TestEmulate(EmulatedSlack, LinkConformance):
    cannot: ClassVar[dict[str, str]] = {
        "test_a_content_warning_stays_with_its_post": "Slack has no content warnings",
        "test_nothing_is_lost_or_doubled[cursor_lost]": "a gap is filled from history, not by a cursor",
    }
