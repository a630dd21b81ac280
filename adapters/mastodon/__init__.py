"""Mastodon, and servers that speak its API. Importing this imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bridge.model import Limits, Network
from bridge.ports import Adapter, Clock, Terminal

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
    limits = Limits(  # Mastodon's own defaults
        graphemes=500, url=23, local_mentions=True, image=16 * 1024 * 1024, warning="{}"
    )
    mirror = False
    handle = (r"@?[\w.-]+@[\w-]+(\.[\w-]+)+", "@ann@mastodon.example")

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        """Nothing is connected before `open` of what this returns."""
        from adapters.mastodon.link import MastodonAdapter

        return MastodonAdapter(name, settings, secrets.get("token", ""), clock)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        from adapters.mastodon.login import login

        return await login(settings, terminal, clock)


platform = _Mastodon()
