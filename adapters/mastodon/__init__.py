"""Mastodon, and servers that speak its API. Importing this imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bridge.model import Limits, Network
from bridge.ports import Adapter, Clock

HTTPS = Meta(
    pattern=r"^https?://[^/\s]+/?$",
    title="an address that begins with https://",
    examples=['"https://mastodon.example"'],
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[networks.NAME]` of kind "mastodon".

    `server`: its public address, "https://mastodon.example". `api`: where requests go instead, for tests and
    proxies.
    """

    server: Annotated[str, HTTPS]
    api: str | None = None


class _Mastodon:
    title = "Mastodon"
    settings: type[msgspec.Struct] = Settings
    secrets: tuple[str, ...] = ("token",)
    limits = Limits(graphemes=500, url=23, local_mentions=True)  # Mastodon's own defaults
    mirror = False
    handle = (r"@?[\w.-]+@[\w-]+(\.[\w-]+)+", "@ann@mastodon.example")

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        """Nothing is connected before `open` of what this returns."""
        from adapters.mastodon.link import MastodonAdapter

        return MastodonAdapter(name, settings, secrets.get("token", ""), clock)


platform = _Mastodon()
