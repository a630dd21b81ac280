"""A rehearsal in a community's own room: whether it can be held there, and what is said before it begins."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from typing import Any

from bridge import control
from bridge.config import Config, NetworkConfig
from bridge.errors import ChatbridgeError, Mistake, NotRunning, Unreachable
from bridge.model import MINUTE, Micros, Opened
from bridge.ports import Clock, Inspected, Remark
from bridge.readiness import missing_secrets, not_ready
from bridge.rehearsal.hour import rehearsed
from bridge.sessions import FileSessions

PATIENCE = 30.0  # seconds for the network to let us in
HURRIED = (
    "{title}'s clock cannot be hurried: with --real an hour takes an hour. Leave --speed out; --minutes makes it "
    "shorter."
)


def unfit(config: Config, name: str, speed: float | None) -> str:
    """Why `--real NAME` cannot be done at all, in a sentence; "" if it can."""
    networks = {network.name: network for network in config.networks}
    if name not in networks:
        near = get_close_matches(name, list(networks), n=1, cutoff=0.5)
        mend = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(networks)}."
        return f"There is no network '{name}' in {config.path}. {mend}"
    title = networks[name].platform.title
    if not networks[name].platform.mirror:
        rooms = [network.name for network in config.networks if network.platform.mirror]
        instead = f"Say --real {rooms[0]}." if rooms else "The config has none."
        return f"Only a network that hosts command from can be real, and {title} is none. {instead}"
    if len(networks) == 1:
        return (
            f"Nobody would answer: people are simulated on the other networks, and {title} is the only one."
        )
    return HURRIED.format(title=title) if speed not in (None, 1.0) else ""


def missing(config: Config, name: str, now: Micros) -> tuple[Mistake, ...]:
    """What a config lacks to rehearse in NAME for real: its own values, its secrets, a host who may command."""
    table, host = f"networks.{name}", "chats[0].hosts["
    found = [
        mistake
        for mistake in (*not_ready(config, now), *missing_secrets(config))
        if f"{mistake.key}.".startswith(f"{table}.")
        or (mistake.key.startswith(host) and mistake.key.endswith(f"].{name}"))
    ]
    network = next(n for n in config.networks if n.name == name)
    named = {where for one in config.community.chats[0].hosts for where, _ in one.handles}
    if name not in named and not getattr(network.settings, "hosts_group", ""):
        title, example = network.platform.title, network.platform.handle[1]
        found.append(
            Mistake(
                str(config.path),
                "chats[0].hosts",
                "",
                f"a host who has an account on {title}: nobody could command",
                f'Add a line {name} = "{example}" below a [[chats.hosts]], with that member\'s ID.',
            )
        )
    return tuple(found)


async def announcement(config: Config, name: str, clock: Clock, minutes: int | None) -> str:
    """What is going to happen, and where, in words for who is about to let it: looked up on the network itself.

    Raises LinkError if it lets nobody in, ChatbridgeError if a bridge is at work there or something that the chat
    needs is missing.
    """
    network = next(n for n in config.networks if n.name == name)
    title = network.platform.title
    if await asyncio.to_thread(_at_work, config):
        raise ChatbridgeError(
            f"A bridge is running for {config.path}, and {title} would tell each of the two only half of what "
            "happens. Stop that one first."
        )
    opened, remarks = await _looked(config, network, clock)
    for remark in remarks:
        if remark.needed:
            raise ChatbridgeError(f"{title}: {remark.what}. {remark.mend}")
    others = " and ".join(n.title for n in config.community.networks if n.name != name)
    chat = rehearsed(config, clock.now(), minutes).chats[0]
    lasts = f"{(chat.ends - chat.starts) / MINUTE:g} minutes"
    return "\n".join(
        (
            f"This rehearsal is held on {title} for real: {opened.url or ''} as {opened.handle}.",
            *(f"  {line}" for line in _places(network.settings)),
            *(f"  {remark.what}{f'. {remark.mend}' if remark.mend else ''}" for remark in remarks),
            f"Everybody there will read the questions, and answers of people who are simulated, on {others}.",
            f"It begins in a minute and lasts {lasts} by the clock on the wall, or until a host ends it.",
            "Nothing that was posted is taken away afterwards. The page can only be opened on this machine.",
            "Ctrl-C ends it before.",
            "",
        )
    )


def _places(settings: Any) -> list[str]:
    """Where it takes place, as the config has it."""
    rooms = {"channel": "the chat", "hosts_channel": "the hosts' room, with the board"}
    return [f"{key} {place}: {what}" for key, what in rooms.items() if (place := getattr(settings, key, ""))]


def _at_work(config: Config) -> bool:
    """Whether a bridge runs on the config's own journal."""
    try:
        control.ask(config.journal, {"do": "health"})
    except NotRunning as error:
        return error.__cause__ is not None  # it is only slow
    return True


async def _looked(config: Config, network: NetworkConfig, clock: Clock) -> tuple[Opened, tuple[Remark, ...]]:
    """Log in and look, changing nothing."""
    sessions = FileSessions(config.journal.parent / "sessions" / f"{network.name}.json")
    adapter = network.platform.create(network.name, network.settings, network.secrets, clock)
    try:
        async with asyncio.timeout(clock.timeout(PATIENCE)), adapter.open(sessions) as link:
            return link.opened, await link.inspect() if isinstance(link, Inspected) else ()
    except TimeoutError:
        raise Unreachable(f"{network.platform.title}: no answer within {PATIENCE:g} seconds") from None
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from group
