"""What is rehearsed: the options, the community as it plays, and what the simulator is told of both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bridge.chat.runsheet import build
from bridge.config import Config
from bridge.errors import Mistake
from bridge.model import MINUTE, SECOND, Micros, Network, Value
from bridge.rehearsal.hour import each, in_real_time, rehearsed
from bridge.settings import Chat, Community, Host, Net
from bridge.split import absent, parts, unspoken


@dataclass(frozen=True)
class Options:
    """What `chatbridge rehearse` was told. `minutes`: how long the chat lasts; None: as the config says. `real`: the
    network that is no stand-in. `hosts`: whether scripted hosts only answer what they are asked, or run the hour.
    `split`: whether core and adapters are processes of their own."""

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
    split: bool = False
    level: str = "WARNING"


class Casting(Value, frozen=True):
    """How a config's community becomes the one that is rehearsed, so that a config which is edited meanwhile becomes
    it in the same way. `chat`: which of its chats, "" for the first; `starts`: when that begins now; `minutes` and
    `real` as in `Options`; `now`: when the rehearsal was made. `handles`: the hosts' accounts on the stand-ins; on a
    real network they keep their own. `page`: where the page is."""

    starts: Micros
    now: Micros
    chat: str = ""
    minutes: int | None = None
    real: Network | None = None
    handles: tuple[dict[Network, str], ...] = ()
    page: str = ""


def casting(options: Options, now: Micros, chat: str) -> Casting:
    """A chat's rehearsal, made `now`: from this minute on, or where time cannot be jumped over, a minute later."""
    starts = now // MINUTE * MINUTE if options.real is None else now // SECOND * SECOND + MINUTE
    return Casting(starts, now, chat, options.minutes, options.real)


def cast(config: Config, casting: Casting) -> Community:
    """The community as it is rehearsed."""
    community = rehearsed(config, casting.starts, casting.minutes, casting.chat)
    if casting.real is not None:
        community = in_real_time(community, casting.now)
    return _staffed(community, casting) if casting.handles else community


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


def unsplit(config: Config) -> tuple[Mistake, ...]:
    """Why core and adapters cannot be rehearsed in processes of their own."""
    if config.mqtt is None:
        return (unspoken(config),)
    return tuple(mistake for part in parts(config) for mistake in absent(config, part))


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


def _staffed(community: Community, casting: Casting) -> Community:
    """With the hosts' accounts on the stand-ins, and the page where it is. A host whom somebody adds meanwhile has no
    account there."""

    def staffed(chat: Chat) -> Chat:
        given = (*casting.handles, *({} for _ in chat.hosts[len(casting.handles) :]))
        hosts = tuple(
            Host(host.name, (*(own for own in host.handles if own[0] == casting.real), *accounts.items()))
            for host, accounts in zip(chat.hosts, given, strict=False)
        )
        return msgspec.structs.replace(chat, hosts=hosts)

    return msgspec.structs.replace(each(community, staffed), page=casting.page.rstrip("/"))
