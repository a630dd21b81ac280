"""After the close each network is read again once a night: when, what is taken from it, and what if it cannot be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.chat import conduct
from bridge.chat.session import Session
from bridge.chat.state import ChatState, Configured, Expired, Reconciled, Tick, Work
from bridge.engine import Engine
from bridge.errors import Unreachable
from bridge.journal import Journal
from bridge.model import HOUR, MINUTE, SECOND, AuthorGone, Inbound, Interest, Micros, Ref, Removed
from bridge.rereading import Rereading
from bridge.when import DAY, local, micros, next_hour, readings
from tests.simulation.clock import VirtualClock, run
from tests.unit.make import STARTS, Hour, chat, community, edited, post

NETWORKS = ("mastodon", "bluesky", "slack")
NIGHT = (
    STARTS + 55 * HOUR
)  # Friday 23 March 2018, 3:00 in London: the first after a day's late window and a rest


def over(hour: Hour, *chats: str) -> None:
    """The late window closes and every network was read once more."""
    hour.until(max(25 * 60, (hour.now - STARTS) / MINUTE))
    for name in chats or ("handovers",):
        for network in NETWORKS:
            hour.event(Reconciled(network, name))


def held(*, closed: bool = True) -> Hour:
    """A chat with three answers, each of which Slack and the page show; over, or in its late window."""
    hour = Hour()
    hour.until(6)
    hour.write(*(post(str(n), f"A1: thing {n} #WardChat", by=f"nurse-0{n}") for n in (1, 2, 3)))
    hour.command("boost", "1")
    if closed:
        over(hour)
    return hour


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("zone", "after", "then"),
    [
        ("Europe/London", (2018, 3, 24, 2, 59), (2018, 3, 24, 3)),
        ("Europe/London", (2018, 3, 24, 3, 0), (2018, 3, 25, 3)),  # the clocks go forward in between
        ("Europe/Helsinki", (2018, 3, 24, 12, 0), (2018, 3, 26, 3)),  # on the 25th no clock shows three
        ("Europe/Helsinki", (2018, 10, 27, 12, 0), (2018, 10, 28, 3)),  # on the 28th they do so twice
        ("Asia/Kathmandu", (2018, 3, 24, 23, 0), (2018, 3, 25, 3)),
    ],
)
def test_three_in_the_morning(zone: str, after: tuple[int, ...], then: tuple[int, ...]) -> None:
    def moment(*when: int) -> Micros:
        naive = datetime(*when)  # type: ignore[arg-type]  # noqa: DTZ001  # year to minute, on that zone's clocks
        return micros(readings(naive, ZoneInfo(zone))[0])

    assert next_hour(moment(*after), 3, zone) == moment(*then)


def test_the_first_night_comes_after_the_close_and_then_one_a_day() -> None:
    hour = held()
    assert hour.session.night("mastodon") == (NIGHT, "handovers")
    hour.now = NIGHT + 20 * MINUTE
    hour.event(Reconciled("mastodon", "handovers"))
    at, name = hour.session.night("mastodon") or (0, "")
    assert (local(at, "Europe/London").hour, at - NIGHT, name) == (3, DAY, "handovers")
    assert hour.session.night("bluesky") == (NIGHT, "handovers"), "each network has its own"


def test_a_chat_that_goes_on_has_none_nor_has_one_whose_words_are_gone() -> None:
    hour = Hour()
    hour.until(70)
    assert hour.session.night("mastodon") is None
    over(hour)
    assert hour.session.night("mastodon") is not None
    hour.now = STARTS + HOUR + 90 * DAY
    hour.event(Expired("handovers"))
    assert hour.session.night("mastodon") is None
    assert hour.session.known("mastodon", "handovers", most=None) == ()


def test_it_disturbs_no_other_chat_and_begins_with_the_newest() -> None:
    later = chat(id="later", starts=STARTS + HOUR, ends=STARTS + 2 * HOUR, late_until=STARTS + 25 * HOUR)
    nightly = chat(id="owls", starts=NIGHT, ends=NIGHT + HOUR, late_until=NIGHT + 25 * HOUR)
    hour = Hour(community(chat(), later, nightly))
    over(hour, "handovers", "later")
    assert hour.session.night("mastodon") == (NIGHT + HOUR, "later")
    hour.until((NIGHT + HOUR - STARTS) / MINUTE)
    hour.event(Reconciled("mastodon", "later"))
    assert (hour.session.night("mastodon") or (0, ""))[1] == "handovers"


def test_a_network_that_was_never_read_at_the_close_has_its_night_too() -> None:
    hour = Hour()
    hour.until(27 * 60)
    assert hour.session.state.chats["handovers"].over
    assert hour.session.night("mastodon") == (NIGHT, "handovers")


def test_what_is_due_at_night_is_no_deadline_of_the_chat() -> None:
    hour = held()
    assert hour.session.deadline() is None
    assert not any(hour.session.ending(name) for name in NETWORKS)


def test_a_replay_neither_forgets_nor_repeats_a_night() -> None:
    hour = held()
    hour.now = NIGHT
    hour.event(Reconciled("mastodon", "handovers"))
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()
    assert [again.night(name) for name in NETWORKS] == [hour.session.night(name) for name in NETWORKS]


# ---------------------------------------------------------------- what is taken


def test_edits_and_removals_reach_every_copy_and_nothing_new_is_taken() -> None:
    hour = held()
    hour.now = NIGHT
    first, second, third = (post(str(n), f"A1: thing {n} #WardChat", by=f"nurse-0{n}") for n in (1, 2, 3))
    assert hour.edit(edited(second, "A1: another thing #WardChat", DAY))
    assert not hour.edit(edited(second, "A1: another thing #WardChat", DAY)), "once is enough"
    assert hour.remove(first)
    assert not hour.endorsed, "the boost is taken back"
    assert list(hour.mirrored().values()) == ["A1: another thing #WardChat", "A1: thing 3 #WardChat"]
    assert hour.arrive(AuthorGone(third.author.account))
    view = hour.session.view("handovers", "page", hour.now)
    assert [e.text.plain for e in view.entries if e.text] == ["A1: another thing #WardChat"]
    hour.write(
        post("4", "A1: too late #WardChat", at=hour.now),
        post("5", "and another", reply_to=second.ref, at=hour.now),
    )
    assert len(hour.entries) == 1
    assert view.phase == "over"
    assert hour.session.interest("mastodon").tags == ()


def test_of_one_chat_our_own_posts_are_read_first() -> None:
    hour = held()
    known = [ref.id for ref in hour.session.known("mastodon", "handovers", most=None)]
    assert known[-3:] == ["3", "2", "1"]
    assert hour.copy_of("q1").id in known[:-3]
    assert hour.session.known("mastodon") == (), "after a gap only what goes on is read again"


# ---------------------------------------------------------------- the link


class Archive:
    """A network in which one post is gone; it answers only at those times of being asked that `answers` has."""

    def __init__(self, clock: VirtualClock, answers: Iterable[int]) -> None:
        self.asked: list[tuple[Micros, tuple[str, ...]]] = []
        self._clock, self._answers = clock, set(answers)

    async def follow(self, interest: Interest) -> None:
        pass

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        self.asked.append((self._clock.now(), tuple(ref.id for ref in refs)))
        if len(self.asked) not in self._answers:
            raise Unreachable("the archive is closed tonight")
        yield Inbound("mastodon", Removed(Ref("mastodon", "1")))


class Nights:
    """An engine over the journal of a chat that is over, and one network that is read again."""

    def __init__(self, path: Path, answers: Iterable[int]) -> None:
        self.clock = VirtualClock()
        self.engine = Engine(Journal(path, inline=True), self.clock)
        self.archive = Archive(self.clock, answers)
        self.rereading = Rereading("mastodon", self.engine)

    async def pass_by(self, until: Micros, *, closed: bool = True) -> None:
        """Live until then."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.engine.run())]
            for recorded in held(closed=closed).events:
                await self.clock.sleep(max(0, recorded.at - self.clock.now()) / SECOND)
                if not isinstance(recorded.event, Tick):
                    await self.engine.submit(recorded.event)
            tasks.append(group.create_task(self.rereading.serve(self.archive)))  # type: ignore[arg-type]  # all it asks of a link
            await self.clock.sleep((until - self.clock.now()) / SECOND)
            for task in tasks:
                task.cancel()
        self.engine.journal.close()


def test_a_night_that_fails_is_left_to_the_next_and_the_link_stays(tmp_path: Path) -> None:
    async def live() -> Nights:
        nights = Nights(tmp_path / "journal.db", answers=(2, 3))
        await nights.pass_by(NIGHT + 2 * DAY + HOUR)
        return nights

    nights = run(live())
    third = 2 * DAY - HOUR  # the clocks went forward
    assert [at - NIGHT for at, _ in nights.archive.asked] == [0, DAY, third]
    assert nights.engine.session.state.chats["handovers"].reread["mastodon"] == NIGHT + third
    known = [[id_ for id_ in refs if id_ in ("3", "2", "1")] for _, refs in nights.archive.asked]
    assert known == [["3", "2", "1"], ["3", "2", "1"], ["3", "2"]], "what is gone is not asked for again"


def stumble(work: Work, chat: ChatState, network: str) -> None:
    """A bug in the core: what is told of a night, or of the last look at a chat, is set aside."""
    if chat.ending:
        raise ZeroDivisionError


async def stirred(nights: Nights, at: Micros) -> None:
    """Something happens in the chat."""
    await nights.clock.sleep((at - nights.clock.now()) / SECOND)
    nights.rereading.stir()


def test_a_night_that_is_set_aside_is_left_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(conduct, "reconciled", stumble)

    async def live() -> Nights:
        nights = Nights(tmp_path / "journal.db", answers=range(1, 9))
        with caplog.at_level(logging.CRITICAL):
            async with asyncio.TaskGroup() as group:
                group.create_task(stirred(nights, NIGHT - HOUR))
                await nights.pass_by(NIGHT + DAY + HOUR, closed=False)
        return nights

    assert [at - NIGHT for at, _ in run(live()).archive.asked if at >= NIGHT] == [0, DAY]


def test_a_close_that_is_set_aside_is_left_to_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(conduct, "reconciled", stumble)
    closes = STARTS + 25 * HOUR

    async def live() -> Nights:
        nights = Nights(tmp_path / "journal.db", answers=range(1, 9))
        with caplog.at_level(logging.CRITICAL):
            async with asyncio.TaskGroup() as group:
                for minute in range(1, 60):
                    group.create_task(stirred(nights, closes + minute * MINUTE))
                await nights.pass_by(closes + 2 * HOUR, closed=False)
        return nights

    nights = run(live())
    assert len([at for at, _ in nights.archive.asked if at >= closes]) == 1
    assert nights.engine.session.state.chats["handovers"].over


def test_who_asks_for_it_need_not_wait_for_the_night(tmp_path: Path) -> None:
    async def live() -> tuple[Nights, int, BaseException | None]:
        nights = Nights(tmp_path / "journal.db", answers=(1,))
        asked: list[int] = []
        failed: list[BaseException] = []

        async def ask() -> None:
            await nights.clock.sleep((STARTS + 30 * HOUR - nights.clock.now()) / SECOND)
            asked.append(await nights.rereading.ask("handovers"))
            try:
                await nights.rereading.ask("handovers")
            except Unreachable as error:
                failed.append(error)

        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            await nights.pass_by(NIGHT - HOUR)
        return nights, asked[0], failed[0]

    nights, number, error = run(live())
    assert number == len(nights.archive.asked[0][1])
    assert len(nights.engine.session.state.chats["handovers"].timeline.entries) == 2
    assert str(error) == "the archive is closed tonight", "who asked hears of it, and the link stays"


def test_who_asks_hears_that_the_link_broke(tmp_path: Path) -> None:
    async def live() -> None:
        nights = Nights(tmp_path / "journal.db", answers=())
        serving = asyncio.create_task(nights.rereading.serve(nights.archive))  # type: ignore[arg-type]  # as below
        await asyncio.sleep(0)
        asked = asyncio.create_task(nights.rereading.ask("handovers"))
        await asyncio.sleep(0)
        serving.cancel()
        with pytest.raises(Unreachable, match="broke before everything was read"):
            await asked
        with pytest.raises(Unreachable, match="has just broken"):
            async with asyncio.timeout(5):
                await nights.rereading.ask("handovers")
        nights.engine.journal.close()

    run(live())


def test_a_chat_that_goes_on_can_be_read_again_and_still_has_its_close(tmp_path: Path) -> None:
    async def live() -> Session:
        nights = Nights(tmp_path / "journal.db", answers=(1, 2))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(nights.engine.run())]
            await nights.engine.submit(Configured(community()))
            tasks.append(group.create_task(nights.rereading.serve(nights.archive)))  # type: ignore[arg-type]  # as above
            await asyncio.sleep(0)
            await nights.rereading.ask("handovers")
            for task in tasks:
                task.cancel()
        nights.engine.journal.close()
        return nights.engine.session

    assert not run(live()).state.chats["handovers"].reconciled
