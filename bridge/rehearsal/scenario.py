"""What is rehearsed: the options, the community as it plays, and what the simulator is told of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bridge.chat.runsheet import build
from bridge.config import Config
from bridge.model import MINUTE, SECOND, Micros, Network
from bridge.rehearsal.hour import in_real_time, rehearsed
from bridge.settings import Community, Host, Net


@dataclass(frozen=True)
class Options:
    """What `chatbridge rehearse` was told. `minutes`: how long the chat lasts; None: as the config says. `real`: the
    network that is no stand-in. `hosts`: whether scripted hosts only answer what they are asked, or run the hour."""

    out: Path
    speed: float = 60.0
    participants: int = 40
    answers: int = 200
    seed: int = 1
    faults: Literal["none", "mild", "harsh"] = "none"
    kills: int = 0
    hold: bool = False
    minutes: int | None = None
    real: str | None = None
    hosts: Literal["asked", "busy"] = "asked"
    level: str = "WARNING"


def community(config: Config, options: Options, now: Micros) -> Community:
    """The community with the chat that is rehearsed. It begins with this minute; where time cannot be jumped over,
    a minute from now."""
    if options.real is None:
        return rehearsed(config, now // MINUTE * MINUTE, options.minutes)
    return in_real_time(rehearsed(config, now // SECOND * SECOND + MINUTE, options.minutes), now)


def understaffed(config: Config, real: Network | None) -> str:
    """Why nobody could run the hour by a script; "" if two hosts can."""
    chat = config.community.chats[0]
    posting = [net for net in config.community.networks if net.post]
    if real is not None:
        return "--hosts busy is for stand-ins: with --real your own hosts run the hour"
    if not any(net.kind == "slack" for net in posting) or len(posting) < 2:
        return "--hosts busy needs Slack, where hosts command, and a network beside it"
    if len(chat.hosts) < 2 or len(chat.questions) < 4:
        return "--hosts busy needs two hosts and four questions in the config"
    return ""


def played(community: Community, options: Options) -> list[Net]:
    """The networks that are stand-ins."""
    return [net for net in community.networks if net.name != options.real]


def told(config: Config, community: Community, options: Options, clock: Path) -> dict[str, Any]:
    """The first line to the simulator; see `python -m simulator`."""
    chat, planned = community.chats[0], config.community.chats[0]
    return {
        "clock": str(clock),
        "seed": options.seed,
        "participants": options.participants,
        "answers": options.answers,
        "faults": options.faults,
        "out": str(options.out),
        "chat": chat.id,
        "tag": chat.hashtag,
        "starts": chat.starts,
        "ends": chat.ends,
        "late_until": chat.late_until,
        "questions": [{"label": i.label, "text": i.text, "due": i.due} for i in build(chat).questions()],
        "networks": [
            {"name": n.name, "kind": n.kind, "post": n.post, "layout": n.layout, "public": n.public}
            for n in played(community, options)
        ],
        "real": [options.real] if options.real else [],
        "hurry": (chat.ends - chat.starts) / (planned.ends - planned.starts),
        "hosts": [{"name": host.name} for host in chat.hosts],
        "script": options.hosts,
    }


def staffed(
    community: Community, handles: Sequence[Mapping[Network, str]], real: Network | None, page: str
) -> Community:
    """The community as its bridge plays it. `handles`: the hosts' accounts on the stand-ins; on a real network they
    keep their own."""
    chat = community.chats[0]
    hosts = tuple(
        Host(host.name, (*(own for own in host.handles if own[0] == real), *given.items()))
        for host, given in zip(chat.hosts, handles, strict=True)
    )
    chats = (msgspec.structs.replace(chat, hosts=hosts),)
    return msgspec.structs.replace(community, page=page.rstrip("/"), chats=chats)
