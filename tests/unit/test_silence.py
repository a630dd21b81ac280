"""A network's silence: when the hosts are told, what they can do, and that they hear of its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.chat.session import Session
from bridge.chat.state import Configured, Fell, Rose
from bridge.engine import Engine
from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.journal import Journal
from bridge.model import (
    HOUR,
    MINUTE,
    SECOND,
    Absent,
    Capabilities,
    Cursor,
    Inbound,
    Interest,
    Micros,
    Network,
    Notice,
    Opened,
    Order,
    Outcome,
    Publish,
    Ref,
    Sent,
)
from bridge.outbox import Outbox
from bridge.ports import Link, SessionStore
from bridge.supervise import Supervisor, Watch
from tests.simulation.clock import EPOCH, STARTS, VirtualClock, run
from tests.simulation.process import NoSessions
from tests.unit.make import LIMITS, Hour, chat, community

# ---------------------------------------------------------------- what the hosts read


def at(minute: float = 10) -> Hour:
    hour = Hour()
    hour.until(minute)
    return hour


def fell(
    hour: Hour, network: Network = "mastodon", why: str = "no answer within 10 s.", refused: bool = False
) -> None:
    hour.event(Fell(network, why, hour.now - MINUTE, refused))
    hour.deliver()


def rose(hour: Hour, network: Network = "mastodon") -> None:
    hour.event(Rose(network))
    hour.deliver()


def buttons(notice: Notice) -> list[tuple[str, str, str | None, str]]:
    return [(b.label, b.verb, b.item or b.on, b.text) for b in notice.buttons]


def test_they_are_told_once_and_can_wait_or_go_on() -> None:
    hour = at(10)
    fell(hour)
    fell(hour)
    (notice,) = hour.notices()
    assert notice.text == (
        "Mastodon cannot be reached since 20:09 (no answer within 10 s). People there are not heard. "
        "What they write is fetched later. Go on, or wait?"
    )
    assert buttons(notice) == [
        ("Hold the next item", "hold", "q2", ""),
        ("Add 5 minutes", "extend", str(STARTS + HOUR), "5"),
        ("Go on", "dismiss", "mastodon", ""),
    ]
    for button in notice.buttons:
        more: dict[str, Any] = {"item": button.item, "on": button.on, "chat": button.chat}
        assert hour.command(button.verb, button.text, **more).startswith("Done"), button.label
        assert (
            hour.command(button.verb, button.text, **more).endswith("nothing was done.")
            or button.verb == "hold"
        )
    assert hour.sheet.ends == STARTS + HOUR + 5 * MINUTE, "two hosts who press at once do one thing"


def test_they_hear_that_it_is_back() -> None:
    hour = at(10)
    fell(hour)
    hour.until(12)
    rose(hour)
    rose(hour)
    (notice,) = hour.notices()
    assert notice == Notice("Mastodon is back after 3 minutes; what was written meanwhile is being fetched.")
    hour.until(13)
    fell(hour)
    assert len(hour.notices()) == 2, "the next silence is another matter"


def test_who_went_on_without_it_hears_too() -> None:
    hour = at(10)
    fell(hour)
    assert hour.command("dismiss", on="mastodon") == "Done: the chat goes on without Mastodon."
    assert hour.command("dismiss", on="mastodon") == "That is settled already; nothing was done."
    (notice,) = hour.notices()
    assert notice.buttons == ()
    fell(hour)
    assert len(hour.notices()) == 1, "while it lasts it is one matter"
    rose(hour)
    assert hour.notices()[-1].text.startswith(
        "Mastodon could not be reached from 20:09 on. It is back after 1 minute"
    )


def test_only_hosts_decide() -> None:
    hour = at(10)
    fell(hour)
    assert hour.command("dismiss", on="mastodon", by="slack:T1/UNURSE").startswith("Only the hosts")
    assert hour.notices()[0].buttons


def test_a_refused_login_says_how_to_mend_it() -> None:
    hour = at(10)
    fell(hour, why="the token was revoked", refused=True)
    (notice,) = hour.notices()
    assert notice.text.startswith("Mastodon refuses our login since 20:09 (the token was revoked).")
    assert "chatbridge login mastodon" in notice.text


def test_of_their_own_room_they_read_when_it_is_back() -> None:
    hour = at(10)
    hour.down.add("slack")
    fell(hour, "slack")
    assert not [o for o in hour.orders if isinstance(o.op, Publish) and isinstance(o.op.content, Notice)]
    hour.until(12)
    hour.down.clear()
    rose(hour, "slack")
    (notice,) = hour.notices()
    assert notice.text == (
        "Slack could not be reached from 20:09 on. "
        "It is back after 3 minutes; what was written meanwhile is being fetched."
    )


def test_after_the_close_there_is_nothing_to_hold() -> None:
    hour = at(70)
    fell(hour)
    (notice,) = hour.notices()
    assert [b.label for b in notice.buttons] == ["Go on"]
    assert "Go on, or wait" not in notice.text


def test_a_network_that_nobody_has_and_one_that_never_fell_are_no_matter() -> None:
    hour = at(10)
    fell(hour, "pigeon")
    rose(hour, "mastodon")
    assert hour.notices() == []


def test_replay_equals_live() -> None:
    hour = at(10)
    fell(hour)
    fell(hour, "slack")
    hour.command("dismiss", on="mastodon")
    rose(hour)
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


# ---------------------------------------------------------------- when they are told


class Line:
    """A network that can be reached, or cannot (`trouble`)."""

    def __init__(self, name: Network) -> None:
        self.name = name
        self.trouble: LinkError | None = None
        self.changed = asyncio.Event()

    def becomes(self, trouble: LinkError | None) -> None:
        self.trouble = trouble
        self.changed.set()

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[Link]:
        if self.trouble is not None:
            raise self.trouble
        yield Ends(self)


class Ends:
    """Its link: nothing is ever written there, and what is sent is taken."""

    def __init__(self, line: Line) -> None:
        self._line = line
        can = Capabilities(LIMITS[line.name], mirror=line.name == "slack")
        self.opened = Opened(line.name, f"our:{line.name}", "@ours", can)

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        while self._line.trouble is None:
            self._line.changed.clear()
            await self._line.changed.wait()
        assert self._line.trouble is not None
        raise self._line.trouble
        yield  # type: ignore[unreachable]  # it is a generator

    async def acknowledge(self, cursor: Cursor) -> None: ...

    async def follow(self, interest: Interest) -> None: ...

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        return
        yield

    async def send(self, order: Order) -> Outcome:
        return Sent(Ref(order.network, str(order.stamp)), f"made:{order.stamp}")

    async def find(self, order: Order) -> Absent:
        return Absent()


Played = Callable[[Line, VirtualClock], Awaitable[None]]


def told(path: Path, play: Played, *, trouble: LinkError | None = None) -> list[tuple[Micros, Fell | Rose]]:
    """What the supervisor of one network had the core told of silence, and when, while `play` went on."""

    async def main() -> list[tuple[Micros, Fell | Rose]]:
        clock, line = VirtualClock(), Line("mastodon")
        line.trouble = trouble
        journal = Journal(path, inline=True)
        engine = Engine(journal, clock)
        engine.replay()
        outbox = Outbox(engine, journal.open_orders(), journal.ended())
        watch = Watch(line, "Mastodon", engine, outbox, NoSessions())
        supervisor = Supervisor([watch], journal.cursors())
        released = engine.released
        released.orders, released.settled = outbox.accept, outbox.settled
        released.follow, released.feeds = supervisor.follow, [supervisor]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(engine.run())]
            if engine.session.state.community is None:
                await engine.submit(Configured(community(chat())))
            tasks.append(group.create_task(supervisor.run()))
            await play(line, clock)
            for task in reversed(tasks):
                task.cancel()
        found = [(e.at, e.event) for e in journal.events() if isinstance(e.event, Fell | Rose)]
        journal.close()
        return found

    return run(main())


async def until(clock: VirtualClock, minute: float) -> None:
    """So many minutes after the start of the chat."""
    await clock.sleep((STARTS + minute * MINUTE - clock.now()) / SECOND)


def test_after_a_minute_they_are_told_and_when_it_is_back(tmp_path: Path) -> None:
    async def play(line: Line, clock: VirtualClock) -> None:
        await until(clock, 10)
        line.becomes(Unreachable("nobody answers"))
        await until(clock, 15)
        line.becomes(None)
        await until(clock, 20)

    first, second = told(tmp_path / "j.db", play)
    down = STARTS + 10 * MINUTE
    assert first == (down + MINUTE, Fell("mastodon", "nobody answers", down))
    assert second[1] == Rose("mastodon")
    assert STARTS + 15 * MINUTE <= second[0] <= STARTS + 16 * MINUTE + SECOND, "at the next try"


@pytest.mark.parametrize("minute", [-35, 10])
def test_a_short_silence_and_one_in_which_nothing_is_on_are_nobodys_matter(
    tmp_path: Path, minute: float
) -> None:
    async def play(line: Line, clock: VirtualClock) -> None:
        await until(clock, minute)
        line.becomes(Unreachable("nobody answers"))
        await clock.sleep(25 if minute > 0 else 20 * 60)
        line.becomes(None)
        await until(clock, 20)

    assert told(tmp_path / "j.db", play) == []


def test_who_is_silent_since_long_ago_is_told_of_ten_minutes_before_the_start(tmp_path: Path) -> None:
    async def play(line: Line, clock: VirtualClock) -> None:
        await until(clock, 5)

    refused = NeedsLogin("the token was revoked")
    assert told(tmp_path / "j.db", play, trouble=refused) == [
        (STARTS - 10 * MINUTE, Fell("mastodon", "the token was revoked", EPOCH, refused=True))
    ]


def test_after_the_late_window_nobody_minds(tmp_path: Path) -> None:
    async def play(line: Line, clock: VirtualClock) -> None:
        await clock.sleep((STARTS + 25 * HOUR - EPOCH) / SECOND)
        line.becomes(Unreachable("nobody answers"))
        await clock.sleep(600)

    assert told(tmp_path / "j.db", play) == []


def test_a_bridge_that_starts_again_tells_it_once(tmp_path: Path) -> None:
    async def silent(line: Line, clock: VirtualClock) -> None:
        await until(clock, 5)

    async def still(line: Line, clock: VirtualClock) -> None:
        await until(clock, 10)
        line.becomes(None)
        await until(clock, 15)

    trouble = Unreachable("nobody answers")
    assert [type(e) for _, e in told(tmp_path / "j.db", silent, trouble=trouble)] == [Fell]
    assert [type(e) for _, e in told(tmp_path / "j.db", still, trouble=trouble)] == [Fell, Rose]
