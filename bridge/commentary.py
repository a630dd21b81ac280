"""What a running bridge says on a terminal: how things stand when it starts, then a line for each thing that
happened. Where there is no terminal the log says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import when
from bridge.model import Board, Health, Line, Micros, Network
from bridge.ports import Standing
from bridge.report.layout import listed, one_line
from bridge.terminal import called, length
from bridge.text import tame

if TYPE_CHECKING:
    from bridge.runner import Bridge
    from bridge.split import Part

PAUSE = 0.25  # real seconds that what happens together has to come together
HERE = ("127.0.0.1", "::1", "localhost")

LEFT = {
    "held": "{item} could not go out in time on {where} and waits there; the hosts are asked.{mend}",
    "refused": "{item} was refused by {where}; the hosts are asked.",
    "dropped": "{item} came too late for {where} and is left out there.",
    "skipped": "{item} is skipped on {where}.",
}
SHEET = {
    "held": "{item} is on hold, and what follows with it, until a host resumes.",
    "skipped": "{item} is skipped.",
}


def opening(board: Board, community: str, page: str, journal: Path) -> Iterator[str]:
    """What a person wants to know of a chat they have just started. `page`: where it is served."""
    yield f"{tame(community)}: {tame(board.title)} (#{board.tag})"
    yield f"  When       {when.moment(board.starts, board.zone, board.ends)}"
    yield f"  Next       {_next(board)}"
    alone = "   (this machine only: [web] host)" if any(f"//{host}:" in page for host in HERE) else ""
    yield f"  Page       {page}{alone}"
    yield f"  Journal    {journal}"


def _next(board: Board) -> str:
    coming = next((line for line in board.lines if line.id == board.upcoming), None)
    if coming is None:
        return f"nothing; answers are gathered until {when.moment(board.late_until, board.zone)}"
    if coming.state == "held":
        return f"{called(coming)}, on hold until a host resumes"
    left = coming.due - board.now
    return f"{called(coming)}, " + (
        f"{when.moment(coming.due, board.zone)}, in {length(left)}" if left > 0 else "now"
    )


class Commentary:
    """Finds what is different from last time. The first look at a chat only remembers how it stands."""

    def __init__(self) -> None:
        self._links: dict[Network, str] = {}
        self._items: dict[tuple[str, str, Network], str] = {}
        self._phases: dict[str, str] = {}

    def links(self, health: tuple[Health, ...], handles: Mapping[Network, str]) -> Iterator[str]:
        """What became of the networks' links. `handles`: our accounts there."""
        for link in health:
            before = self._links.get(link.network, "opening")
            self._links[link.network] = link.state
            if link.state == before:
                continue
            title, why = tame(link.title), f": {tame(link.why).rstrip('.')}" if link.why else ""
            if link.state == "ready":
                handle = handles.get(link.network, "")
                again = "" if before == "opening" else " again"
                yield f"{title} is open{again}{f', as {tame(handle)}' if handle else ''}."
            elif link.state == "refused":
                yield f"{title} refuses our login{why}. What belongs there waits."
            elif link.state == "down":
                yield f"{title} is down{why}. What belongs there waits; it is tried again."

    def sheet(self, board: Board) -> Iterator[str]:
        """What became of a chat's items."""
        first = board.chat not in self._phases
        for line in board.lines:
            told = list(self._item(board, line))
            yield from told if not first else ()
        before = self._phases.get(board.chat)
        self._phases[board.chat] = board.phase
        if not first and before != board.phase and board.phase == "late":
            until = when.moment(board.late_until, board.zone)
            yield f"The hour is over. Late answers are gathered until {until}."

    def _item(self, board: Board, line: Line) -> Iterator[str]:
        item = f"“{one_line(line.text)[:40]}”" if line.label == "Say" else called(line)
        if self._changed(board, line, "", line.state) and line.state in SHEET:
            yield SHEET[line.state].format(item=item)
        up = {health.network for health in board.health if health.state == "ready"}
        if any(state == "queued" and network in up for network, state in line.on):
            return  # one line for all of them, in a moment
        titles = {health.network: tame(health.title) for health in board.health}
        became: dict[str, list[str]] = {}
        for network, state in line.on:
            if self._changed(board, line, network, state):
                became.setdefault(state, []).append(network)
        if networks := became.get("posted"):
            coming = next((other for other in board.lines if other.id == board.upcoming), None)
            then = f" Next: {called(coming)} at {_at(coming.due, board)}." if coming is not None else ""
            where = listed(tuple(titles.get(name, name) for name in networks))
            yield f"{item} is on {where}.{then if line.id == board.current else ''}"
        for state, words in LEFT.items():
            if networks := became.get(state):
                where = listed(tuple(titles.get(name, name) for name in networks))
                yield words.format(item=item, where=where, mend=_mend(board, line, networks[0]))

    def _changed(self, board: Board, line: Line, network: Network, state: str) -> bool:
        key = (board.chat, line.id, network)
        before = self._items.get(key)
        self._items[key] = state
        return before != state


def _mend(board: Board, line: Line, network: Network) -> str:
    """How the server says what the hosts are asked."""
    tell = f"chatbridge tell {board.chat}"
    known = line.label.startswith("Q")
    return f" From here: {tell} post {line.label} {network}" if known else ""


def _at(at: Micros, board: Board) -> str:
    """ "20:12", with the day if it is another one."""
    hour = when.hour(at, board.zone)
    day = when.day(at, board.zone)
    return hour if day == when.day(board.now, board.zone) else f"{hour} on {day}"


async def comment(bridge: Bridge, say: Callable[[str], None]) -> None:
    """Say what `bridge` does until cancelled. `say` may block: a terminal can be halted."""
    commentary = Commentary()
    await bridge.listening.wait()
    told = bridge.engine.session.state.told
    for line in begun(bridge):
        await asyncio.to_thread(say, line)
    while True:
        bridge.news.clear()
        state, now = bridge.engine.session.state, bridge.clock.now()
        health = bridge.supervisor.health()
        handles = {network: opened.handle for network, opened in state.opened.items()}
        news = list(commentary.links(health, handles))
        if told != (told := state.told) and not state.mistakes:  # those are in the log
            news.append(one_line(told))
        for chat in state.chats.values():
            if not chat.over:
                news += commentary.sheet(bridge.engine.session.board(chat.id, now, health))
        zone = bridge.config.community.zone
        for line in news:
            await asyncio.to_thread(say, f"{when.local(now, zone):%H:%M:%S}  {line}")
        await bridge.news.wait()
        await asyncio.sleep(PAUSE)


async def comment_part(part: Part, say: Callable[[str], None]) -> None:
    """Say what becomes of one network's adapter in a process of its own, until cancelled."""
    await asyncio.to_thread(
        say, f"{tame(part.title)} for {tame(part.config.community.name)}, by way of {part.broker}"
    )
    await asyncio.to_thread(say, "Ctrl-C stops it. Start it again any time: the core goes on where it was.\n")
    said = Standing()
    zone = part.config.community.zone
    while True:
        part.news.clear()
        now, before, said = when.local(part.clock.now(), zone), said, part.standing
        for line in part_lines(part.title, before, said):
            await asyncio.to_thread(say, f"{now:%H:%M:%S}  {line}")
        await part.news.wait()
        await asyncio.sleep(PAUSE)


def part_lines(title: str, before: Standing, now: Standing) -> Iterator[str]:
    """What became of the connection to the broker, and of the adapter's link."""
    if now.broker and now.broker != before.broker:
        yield f"{tame(now.broker).rstrip('.')}. It is tried again."
    elif before.broker and not now.broker:
        yield "The broker is there."
    if (now.link, now.why) == (before.link, before.why):
        return
    title, why = tame(title), f": {tame(now.why).rstrip('.')}" if now.why else ""
    match now.link:
        case "ready":
            yield f"{title} is open, as {tame(now.handle)}."
        case "refused":
            yield f"{title} refuses our login{why}. The core tries it again."
        case "down":
            yield f"{title} is down{why}. The core tries it again."
        case "unasked":
            yield "The core has closed its link, or is not heard any more."


def begun(bridge: Bridge) -> Iterator[str]:
    """How things stand when a bridge starts: every chat that is not over."""
    session, now = bridge.engine.session, bridge.clock.now()
    name, journal = bridge.config.community.name, bridge.config.journal
    for chat in session.state.chats.values():
        if not chat.over:
            yield from opening(session.board(chat.id, now), name, bridge.address, journal)
    yield "Ctrl-C stops the bridge. Start it again any time: it goes on where it was."
    yield ""
