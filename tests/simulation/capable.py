"""What the little networks can do, and which of them are a room, or a second server."""

from __future__ import annotations

from bridge.model import HOUR, SECOND, Capabilities, Limits

CAPABLE = {
    "mastodon": Capabilities(
        Limits(500, url=23, local_mentions=True), "same_key", HOUR / SECOND, edits=True, endorses=True
    ),
    "north": Capabilities(Limits(500, url=23, local_mentions=True), "same_key", HOUR / SECOND, edits=True),
    "bluesky": Capabilities(Limits(300, bytes=3000), "same_key", endorses=True),
    "slack": Capabilities(Limits(3000), "look_first", mirror=True, console=True, edits=True, spacing=1.0),
}
ROOMS = ("slack",)
HOMES = {"north": "mastodon"}  # a second server, and whose posts can be read there too
