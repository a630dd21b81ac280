"""The suite on the real Bluesky, which can show all of it."""

from __future__ import annotations

import pytest

from tests.conformance.suite import LinkConformance
from tests.peers.bluesky_subject import OnBluesky

pytestmark = pytest.mark.peers


class TestBlueskyPeer(OnBluesky, LinkConformance):
    """Posting through the PDS, reading through Jetstream and the AppView."""
