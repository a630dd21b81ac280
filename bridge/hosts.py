"""The `[[chats.hosts]]` of a config -> `settings.Host`: who has the badge and may command."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bridge.model import Network
from bridge.settings import Host
from bridge.tables import Findings, decode


class HostTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(examples=['"Lucy Scarisbrick"'])] = ""


def read(
    tables: Sequence[Any],
    at: str,
    networks: Sequence[Network],
    handles: Mapping[Network, tuple[str, str]],
    found: Findings,
) -> tuple[Host, ...]:
    """The hosts of the chat at the key path `at`. `networks` may be named; `handles`: how those that could be
    read name a person (`Platform.handle`)."""
    hosts = []
    for n, table in enumerate(tables):
        key = f"{at}.hosts[{n}]"
        if not isinstance(table, dict):
            found.mistake(key, table, "a table", "Begin each host with a line [[chats.hosts]].")
            continue
        named = {name: handle for name, handle in table.items() if name in networks and name != "name"}
        raw = decode(
            HostTable, {k: v for k, v in table.items() if k == "name"}, key, found, required=("name",)
        )
        for name in table.keys() - named.keys() - {"name"}:
            near = get_close_matches(name, ("name", *networks), n=1)
            found.mistake(
                f"{key}.{name}",
                "",
                "name, or a configured network: " + (", ".join(networks) or "there is none"),
                f"Did you mean {near[0]!r}?" if near else f"Add [networks.{name}], or take the handle out.",
            )
        for name, handle in named.items():
            pattern, example = handles.get(name, (".*", "…"))
            mend = f'Write it like this: {name} = "{example}"'
            if not isinstance(handle, str) or not handle.strip():
                found.mistake(f"{key}.{name}", handle, "a handle in quotes", mend)
            elif "…" not in handle and not re.fullmatch(pattern, handle.strip(), re.IGNORECASE):
                found.mistake(f"{key}.{name}", handle, f"a person as {name} names them", mend)
        good = tuple((name, h.strip()) for name, h in named.items() if isinstance(h, str) and h.strip())
        hosts.append(Host((raw or HostTable()).name, good))
    _check_hosts(hosts, at, found)
    return tuple(hosts)


def check_admins(admins: Sequence[str], at: str, handle: tuple[str, str], found: Findings) -> None:
    """The `admins` of the network at the key path `at`: people as it names them (`Platform.handle`)."""
    pattern, example = handle
    for n, admin in enumerate(admins):
        if "…" not in admin and not re.fullmatch(pattern, admin):
            mend = f'Write it like this: admins = ["{example}"]'
            found.mistake(f"{at}.admins[{n}]", admin, "a person as this network names them", mend)


def _check_hosts(hosts: Sequence[Host], at: str, found: Findings) -> None:
    """Two hosts are two people, and somebody has to be one."""
    if not hosts:
        found.warn(
            f"{at}.hosts",
            "",
            "at least one host",
            "Nobody has a badge, and only `chatbridge tell` can steer. Add [[chats.hosts]] with their handles.",
        )
    seen: dict[tuple[str, str], str] = {}
    for n, host in enumerate(hosts):
        for name, handle in host.handles:
            other = seen.setdefault((name, handle.casefold().lstrip("@")), host.name)
            if other != host.name and "…" not in handle:
                found.mistake(
                    f"{at}.hosts[{n}].{name}",
                    handle,
                    f"an account of their own; {other} has it too",
                    "Give each host their own handle, or take one of the two out.",
                )
