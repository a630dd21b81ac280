"""Slack: the hosts' room and the place of the merged timeline. Importing this imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from bridge.model import Limits, Network
from bridge.ports import Adapter, Clock, Terminal

if TYPE_CHECKING:
    from typing import Any

# 4,000 characters are advised for a text (Slack's documentation); the rest is room for links and escapes.
LIMITS = Limits(graphemes=3_500, warning="{}")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[networks.NAME]` of kind "slack". Channels by id ("C…"), not by name. `public` is read by
    the core, and so are the `admins` (members' ids): who can delete what members write. `hosts_group`: the id of a
    user group ("S…") whose members may command like hosts. `api`: another base address of the Web API, for
    tests and proxies."""

    channel: str
    hosts_channel: str
    layout: Literal["channel", "threads"] = "channel"
    public: Literal["ask", "yes", "no"] = "ask"
    hosts_group: Annotated[
        str,
        Meta(pattern=r"^(S[A-Z0-9]{5,}|S?…|)$", title="the ID of a user group", examples=['"S012AB3CD"']),
    ] = ""
    admins: Annotated[tuple[str, ...], Meta(examples=['["U012AB3CD"]'])] = ()
    api: str = "https://slack.com/api/"


class _Slack:
    title = "Slack"
    settings: type[msgspec.Struct] = Settings
    secrets: tuple[str, ...] = ("bot_token", "app_token")
    limits = LIMITS
    mirror = True
    handle = (r"[UW][A-Z0-9]{5,}", "U012AB3CD")  # a member's ID: names change hands

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        """Nothing is imported or connected before `open` of what this returns."""
        from adapters.slack.adapter import SlackAdapter

        return SlackAdapter(name, settings, secrets, clock)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        from adapters.slack.login import login

        return await login(settings, terminal, clock)


platform = _Slack()
