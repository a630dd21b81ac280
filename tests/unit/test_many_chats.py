"""Chats that go on at the same time in one process: each post in its own, and none waits for ever for another."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bridge.boards import APART, EVERY, Boards
from bridge.chat.state import Arrived, Configured, Reconciled, Settled
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import (
    MINUTE,
    SECOND,
    Account,
    Board,
    Capabilities,
    Command,
    Limits,
    Micros,
    Notice,
    Opened,
    Place,
    Publish,
    Ref,
    Reply,
    Sent,
)
from bridge.settings import Chat
from tests.simulation.clock import VirtualClock, run
from tests.unit.make import SLACK_HOST, Hour, chat, community, post


def rooms(count: int) -> tuple[Chat, ...]:
    """So many chats in the same hour."""
    return tuple(chat(id=f"room-{n}", hashtag=f"Room{n}") for n in range(count))


def in_the_hour(count: int = 2) -> Hour:
    hour = Hour(community(*rooms(count)))
    hour.until(10)
    return hour


# ---------------------------------------------------------------- which chat


def test_a_reply_is_in_its_threads_chat_though_what_it_answers_is_gone() -> None:
    hour = in_the_hour()
    first = post("1", "one more #Room1", network="slack", tags=("room1",), at=hour.now)
    hour.write(first)
    hour.remove(first)
    both = ("room0", "room1")  # an adapter's for who types none, in a channel that two chats share
    reply = post("2", "so did we", network="slack", tags=both, reply_to=first.ref, at=hour.now)
    hour.write(reply, post("3", "and we", network="slack", tags=both, at=hour.now))
    found = {
        name: [e.first.ref.id for e in c.timeline.entries.values()]
        for name, c in hour.session.state.chats.items()
    }
    assert found == {"room-0": ["3"], "room-1": ["2"]}


# ---------------------------------------------------------------- one channel for all of them


def test_chats_that_share_a_channel_take_turns() -> None:
    hour = in_the_hour()
    hour.down.add("slack")  # it takes nothing for the moment
    for n in range(3):
        for room in (1, 0):
            hour.write(post(f"{room}{n}", f"answer {n} #Room{room}", at=hour.now))
            hour.now += SECOND // 2
    turns = []
    while (step := hour.session.following("slack", hour.now, "mirror")) is not None:
        turns.append(step.chat)
        hour.event(step)
    assert turns == ["room-1", "room-0"] * 3


# ---------------------------------------------------------------- one hosts' room for all of them


class Wall:
    """A console that notes which board was shown when."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.shown: list[tuple[Micros, str]] = []

    async def show(self, ref: Ref, board: Board) -> None:
        assert ref == Ref("slack", f"board of {board.chat}")
        self.shown.append((self._clock.now(), board.chat))

    async def answer(self, answer: str, reply: Reply) -> None:
        raise AssertionError("nobody is answered here")

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        raise AssertionError("nobody is asked here")


async def played(path: Path, count: int) -> tuple[Wall, list[tuple[Micros, str]]]:
    """So many boards for two minutes in which everything changes all the time; then in the last chat a host holds the
    next item. Gives the wall with what was shown after that, and what was shown before."""
    clock = VirtualClock()
    journal = Journal(path / "journal.db", inline=True)
    engine, wall = Engine(journal, clock), Wall(clock)
    boards = Boards("slack", engine)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(engine.run())
        await engine.submit(Configured(community(*rooms(count))))
        await engine.submit(
            Opened("slack", "our:slack", "@ours", Capabilities(Limits(3000), mirror=True, console=True))
        )
        for row in journal.open_orders():
            if isinstance(row.order.op, Publish) and isinstance(row.order.op.content, Board):
                ref = Ref("slack", f"board of {row.order.chat}")
                await engine.submit(Settled(row.order.id, Sent(ref, f"slack:{row.order.chat}")))
        keeping = group.create_task(boards.keep(wall))
        for _ in range(1200):
            await clock.sleep(0.1)
            boards.stir()
        await clock.sleep(2 * MINUTE / SECOND)  # nothing is different any more
        before, wall.shown = wall.shown, []
        last = f"room-{count - 1}"
        hold = Command("hold", SLACK_HOST, chat=last, item="welcome")
        await engine.submit(Arrived("slack", hold))
        boards.stir(*engine.session.state.chats)
        await clock.sleep(0)
        await clock.sleep(1)
        running.cancel()
        keeping.cancel()
    journal.close()
    return wall, before


def test_every_board_has_its_turn_and_the_network_its_time(tmp_path: Path) -> None:
    wall, before = run(played(tmp_path, 12))
    times = [at for at, _ in before]
    hurried = [later - at for at, later in pairwise(times[11:]) if later - at < APART]
    assert not hurried, "the first of each is urgent; after that they come one at a time"
    assert len(before) < 12 + 120 * SECOND // APART + 15, "what is not different is not shown again"
    often = Counter(name for _, name in before).values()
    assert max(often) - min(often) <= 1, "none is shown more often than another"
    assert wall.shown[0][1] == "room-11", "the board whose item is different goes first"


async def test_the_board_of_a_chat_that_is_over_is_not_made_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hour = Hour()
    hour.until(25 * 60)
    for network in hour.session.state.nets:
        hour.event(Reconciled(network, "handovers"))
    clock, session, looks = VirtualClock(), hour.session, 0
    monkeypatch.setattr(clock, "now", lambda: hour.now)
    shown = session.moment

    def looked(chat: str, now: Micros) -> tuple[object, ...]:
        nonlocal looks
        looks += 1
        return shown(chat, now)

    monkeypatch.setattr(session, "moment", looked)
    boards = Boards("slack", cast(Engine, SimpleNamespace(session=session, clock=clock)))
    boards.stir()
    told: dict[str, tuple[tuple[object, ...], Micros]] = {"handovers": (shown("handovers", hour.now), 0)}
    for _ in range(9):  # another chat goes on
        assert boards._turns(told, 0, hour.now) == []
    assert looks == 1


def test_the_only_board_is_shown_every_ten_seconds(tmp_path: Path) -> None:
    _, before = run(played(tmp_path, 1))
    times = [at for at, _ in before]
    assert all(later - at >= EVERY for at, later in pairwise(times))
    assert len(times) in (12, 13, 14)


@pytest.mark.parametrize("copy_first", [False, True])
def test_a_bridges_copy_is_where_its_original_is(copy_first: bool) -> None:
    """Whoever hides one hides both: the original is in a thread of a chat whose tag it does not bear."""
    hour = Hour(community(chat(), chat(id="rounds", hashtag="Rounds")))
    hour.until(6)
    above = post("1", "A1: we go round #Rounds", by="anneli", at=hour.now)
    original = post("2", "so do we #WardChat", by="wilhelm", at=hour.now, reply_to=above.ref)
    copy = post(
        "3", "so do we #WardChat", by="wilhelm-b", network="bluesky", at=hour.now, original=original.uri
    )
    hour.write(above, *((copy, original) if copy_first else (original, copy)))
    held = [c for c in hour.session.state.chats.values() if c.timeline.knows(original)]
    assert [c.timeline.knows(copy) for c in held] == [True]
    assert held[0].timeline.known(copy) in held[0].timeline.entries[held[0].timeline.last].sources
    assert held[0].id == ("handovers" if copy_first else "rounds")
