"""Mastodon, and servers that speak its API. Importing this imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.model import Limits, Network
from bridge.ports import Adapter, Clock


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[networks.NAME]` of kind "mastodon".

    `server`: its public address, "https://mastodon.example". `api`: where requests go instead, for tests and
    proxies.
    """

    server: str
    api: str | None = None


class _Mastodon:
    title = "Mastodon"
    settings: type[msgspec.Struct] = Settings
    secrets: tuple[str, ...] = ("token",)
    limits = Limits(graphemes=500, url=23, local_mentions=True)  # Mastodon's own defaults
    mirror = False

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        """Nothing is connected before `open` of what this returns."""
        from adapters.mastodon.link import MastodonAdapter

        return MastodonAdapter(name, settings, secrets.get("token", ""), clock)


platform = _Mastodon()
