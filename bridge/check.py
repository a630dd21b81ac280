"""Whether a config could run now: logs in to each network and says what is there, what is missing, the mend.

Nothing is posted. A network that fails harms no other network's report.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from bridge import when
from bridge.chat import runsheet, wording
from bridge.chat.conduct import QUIET
from bridge.config import Config, NetworkConfig
from bridge.errors import LinkError, Mistake, NeedsLogin
from bridge.model import Limits, Network, Opened
from bridge.ports import Clock, Inspected, Remark, SessionStore
from bridge.readiness import missing_secrets, not_ready, passed, unseen, unsteered
from bridge.secrets import variable
from bridge.settings import Chat, Community, Net

log = logging.getLogger(__name__)

Sessions: TypeAlias = Callable[[Network], SessionStore]
Planned: TypeAlias = list[tuple[runsheet.Item, tuple[wording.Part, ...]]]

PATIENCE = 30.0  # seconds for one network to let us in
SKEW = 5.0  # seconds a clock may be wrong before answers could seem to come at another question's time


class NetworkReport(msgspec.Struct, frozen=True):
    """What a network said. `skew`: seconds its clock is ahead of ours. `can`: what our account and server
    allow, in words. `remarks`: what was seen of the account. `incomplete`: not asked, since something is missing
    in the config."""

    name: Network
    title: str
    state: Literal["ready", "refused", "down", "incomplete"]
    account: str | None = None
    handle: str | None = None
    url: str | None = None
    limits: Limits | None = None
    skew: float | None = None
    can: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the chat can be held there."""
        return self.state == "ready" and not any(remark.needed for remark in self.remarks)


class Report(msgspec.Struct, frozen=True):
    """What `chatbridge check --json` prints. `missing`: what `run` would refuse. `ok`: exit status 0."""

    config: str
    ok: bool
    offline: bool
    chats: tuple[str, ...]
    missing: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    networks: tuple[NetworkReport, ...] = ()


async def check(config: Config, clock: Clock, *, offline: bool, sessions: Sessions) -> Report:
    """Look at a config that `load` has read; with `offline` nothing else is asked, and what is missing to run
    is named without failing. `sessions` makes the store of a network's login."""
    missing = _in_turn((*not_ready(config, clock.now()), *missing_secrets(config)), config)
    networks: tuple[NetworkReport, ...] = ()
    if not offline:
        missing += _journal(config)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_network(n, config, clock, sessions, missing)) for n in config.networks
            ]
        networks = tuple(task.result() for task in tasks)
    return Report(
        config=str(config.path),
        ok=offline or (not missing and all(n.good for n in networks)),
        offline=offline,
        chats=tuple(_chat(chat, config.community.zone) for chat in config.community.chats),
        missing=missing,
        warnings=(*config.warnings, *passed(config, clock.now()), *unsteered(config), *unseen(config)),
        networks=networks,
    )


def _in_turn(missing: tuple[Mistake, ...], config: Config) -> tuple[Mistake, ...]:
    """One network after the other, as somebody mends them."""
    order = [f"networks.{network.name}" for network in config.networks]
    return tuple(
        sorted(missing, key=lambda m: next((n for n, own in enumerate(order) if _about(m, own)), -1))
    )


def _about(mistake: Mistake, own: str) -> bool:
    return f"{mistake.key}.".startswith(f"{own}.")


async def _network(
    network: NetworkConfig, config: Config, clock: Clock, sessions: Sessions, missing: tuple[Mistake, ...]
) -> NetworkReport:
    own = f"networks.{network.name}"
    lacking = any(_about(m, own) for m in missing)
    title = next(net.title for net in config.community.networks if net.name == network.name)
    if lacking:
        return NetworkReport(network.name, title, "incomplete")
    try:
        adapter = network.platform.create(network.name, network.settings, network.secrets, clock)
        async with asyncio.timeout(clock.timeout(PATIENCE)), adapter.open(sessions(network.name)) as link:
            remarks = await link.inspect() if isinstance(link, Inspected) else ()
            return _opened(link.opened, title, network, config.community, remarks)
    except Exception as error:  # the other networks are still to be looked at
        return _failed(error, network, title)


def _failed(error: Exception, network: NetworkConfig, title: str) -> NetworkReport:
    """A network that could not be looked at, be it for a bug of its adapter's."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    state: Literal["refused", "down"] = "down"
    match error:
        case NeedsLogin():
            state, what = "refused", str(error)
            names = " and ".join(variable(network.name, secret) for secret in network.platform.secrets)
            mend = f"Where a new login is needed: chatbridge login {network.name}. Or put one into {names}."
        case LinkError() | TimeoutError():
            what = str(error) or f"no answer within {PATIENCE:g} seconds"
            addresses = f"the addresses in [networks.{network.name}]"
            mend = f"Look at {addresses} and at this machine's connection, then check again."
        case _:
            log.error("%s: the adapter failed", network.name, exc_info=error)
            what = f"the adapter failed: {type(error).__name__}"
            mend = f"This is a bug: tell those who wrote the adapter for {title} what was logged."
    return NetworkReport(network.name, title, state, remarks=(Remark(what, mend, True),))


def _opened(
    opened: Opened, title: str, network: NetworkConfig, community: Community, remarks: tuple[Remark, ...]
) -> NetworkReport:
    capabilities = opened.capabilities
    can = [
        "posts can be corrected" if capabilities.edits else "posts are corrected by a new post or a reply",
        *(["the merged timeline stands here"] if capabilities.mirror else []),
        *(["hosts command from here"] if capabilities.console else []),
        *([] if network.post else ["only listens (post = false)"]),
    ]
    net = next(net for net in community.networks if net.name == network.name)
    for chat in community.chats if net.post else ():
        items = runsheet.build(chat).items
        planned = [(item, _posts(item, chat, community, net, capabilities.limits)) for item in items]
        can += [] if net.mirror else [_times(planned, chat)]
        can += _threads(planned, chat, community)
    if abs(opened.skew) > SKEW:
        way = "ahead of" if opened.skew > 0 else "behind"
        what = f"its clock is {abs(opened.skew):.0f} seconds {way} ours"
        remarks = (Remark(what, "Switch on time synchronisation (NTP) on this machine."), *remarks)
    if net.mirror and not net.admins:
        what = "no admins are named, who could delete a member's message that the hosts hide"
        remarks = (*remarks, Remark(what, f'Name them by their IDs: [networks.{net.name}] admins = ["…"].'))
    return NetworkReport(
        name=network.name,
        title=title,
        state="ready",
        account=opened.account,
        handle=opened.handle,
        url=opened.url,
        limits=capabilities.limits,
        skew=opened.skew,
        can=tuple(can),
        remarks=remarks,
    )


def _posts(
    item: runsheet.Item, chat: Chat, community: Community, net: Net, limits: Limits
) -> tuple[wording.Part, ...]:
    """The posts an item makes within this server's own limits; a recap, as if there were no answers yet."""
    return wording.posts(
        item.kind,
        chat=chat,
        community=community,
        net=net,
        limits=limits,
        label=item.heading,
        text=item.text,
        lead=item.lead,
    )


def _times(planned: Planned, chat: Chat) -> str:
    """How often an account speaks: some servers ask automated ones to be sparing, or to ask first."""
    count = sum(len(posts) for _, posts in planned)
    quiet = sum(len(posts) for item, posts in planned if item.kind in QUIET)
    return f"{chat.id} posts {count} times, {quiet} of them quietly"


def _threads(planned: Planned, chat: Chat, community: Community) -> list[str]:
    """Which questions this server's own limit makes threads of."""
    notes = []
    for item, posts in planned:
        alike = [part for part in posts if part.words.language == community.language]
        if item.kind == "question" and len(alike) > 1:
            notes.append(f"{item.label} of {chat.id} goes out as a thread of {len(alike)} posts")
    return notes


def _chat(chat: Chat, zone: str) -> str:
    start = when.moment(chat.starts, zone, chat.ends)
    number = len(chat.questions)
    return f"{chat.title}, #{chat.hashtag}, {start}, {number} question{'s' * (number != 1)}"


def _journal(config: Config) -> tuple[Mistake, ...]:
    """Whether the journal can be written where the config wants it."""
    place = config.journal.absolute()
    if place.exists():
        good = place.is_file() and os.access(place, os.W_OK)
    else:
        parent = next(p for p in place.parents if p.exists())
        good = parent.is_dir() and os.access(parent, os.W_OK)
    if good:
        return ()
    return (
        Mistake(
            str(config.path),
            "community.journal",
            f'"{config.journal}"',
            "a file this user may write",
            "Name another place, or give this user the right to write there.",
        ),
    )


# ---------------------------------------------------------------- for a person


def show(report: Report) -> str:
    """The report in plain lines."""
    lines = [report.config, *(f"  {chat}" for chat in report.chats), ""]
    for network in report.networks:
        lines += [*_lines(network), ""]
    if report.warnings:
        lines += [
            "To think about:",
            *(f"  {line}" for w in report.warnings for line in str(w).split("\n")),
            "",
        ]
    if report.missing:
        lines += [
            "Before it can run:",
            *(f"  {line}" for m in report.missing for line in str(m).split("\n")),
            "",
        ]
    if report.offline:
        count = len(report.missing)
        first = f", and {count} thing{'s' * (count != 1)} must be done before it can run" * bool(count)
        lines.append(f"The config can be read{first}. No network was asked (--offline).")
    else:
        lines.append("Ready." if report.ok else "Not ready yet.")
    return "\n".join(lines) + "\n"


def _lines(network: NetworkReport) -> list[str]:
    states = {
        "ready": f"logged in as {network.handle}",
        "refused": "refuses the login",
        "down": "does not answer",
        "incomplete": "not asked, since what it needs is missing (below)",
    }
    lines = [f"{network.title} ({network.name}): {states[network.state]}"]
    if network.url:
        lines.append(f"  {network.url}")
    if network.limits is not None:
        heavy = f" and {network.limits.bytes} bytes" if network.limits.bytes else ""
        lines.append(f"  a post holds {network.limits.graphemes} characters{heavy}")
    if network.skew is not None:
        lines.append(f"  its clock differs by {abs(network.skew):.1f} seconds")
    lines += [f"  {what}" for what in network.can]
    for remark in network.remarks:
        lines += [f"  ! {remark.what}", f"    {remark.mend}"] if remark.mend else [f"  {remark.what}"]
    return lines
