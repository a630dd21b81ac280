"""Words that have had their time leave a real journal: its events, orders, log and what was set aside."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bridge.chat.expiry import Clearing
from bridge.chat.state import (
    Arrived,
    ChatState,
    Configured,
    Reconciled,
    Settled,
    post_in,
)
from bridge.clock import WallClock
from bridge.engine import Engine
from bridge.journal import Journal, Redacted, recorded
from bridge.model import (
    HOUR,
    MINUTE,
    SECOND,
    Account,
    AuthorKnown,
    Capabilities,
    Command,
    Inbound,
    Malformed,
    Micros,
    Opened,
    Post,
    Publish,
    Ref,
    Removed,
    Sent,
    Wishes,
    Written,
)
from bridge.report.from_journal import replayed
from bridge.settings import Community
from tests.unit import bridges
from tests.unit.make import (
    LIMITS,
    SLACK_HOST,
    STARTS,
    community,
    person,
    post,
)
from tests.unit.test_forget import files
from tests.unit.test_migrations import journal_of
from tests.unit.test_retention import DAY, GONE, OURS, STAYING


class Calendar:
    """A clock that stands until somebody turns it; who sleeps is woken by that."""

    def __init__(self) -> None:
        self.at = STARTS + 10 * MINUTE
        self._turned = asyncio.Event()

    def now(self) -> Micros:
        self.at += SECOND
        return self.at

    def turn(self, at: Micros) -> None:
        self.at = at
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()

    async def sleep(self, seconds: float) -> None:
        end = self.at + int(seconds * SECOND)
        while self.at < end:
            await self._turned.wait()

    def timeout(self, seconds: float) -> float:
        return seconds


class Running:
    """An engine over a journal, with nobody to send what it orders."""

    def __init__(self, path: Path) -> None:
        self.clock = Calendar()
        self.journal = Journal(path)
        self.engine = Engine(self.journal, self.clock)
        self.engine.replay()

    async def until_over(self) -> None:
        engine = self.engine
        self.clock.turn(STARTS + 26 * HOUR)
        await self.ticked()
        for network in OURS:
            await engine.submit(Reconciled(network, "handovers"))
        assert self.chat.over

    async def ticked(self) -> None:
        """Every deadline that has come is decided."""
        session = self.engine.session
        while (deadline := session.deadline()) is not None and deadline <= self.clock.at:  # noqa: ASYNC110  # there is no other sign
            await asyncio.sleep(0)
        await self.engine.quiet()

    async def until_expired(self) -> None:
        self.clock.turn(STARTS + HOUR + 90 * DAY)
        while not self.chat.expired:  # noqa: ASYNC110  # there is no other sign
            await asyncio.sleep(0)
        await self.engine.quiet()

    @property
    def chat(self) -> ChatState:
        return self.engine.session.state.chats["handovers"]


async def hold(running: Running, settings: Community) -> None:
    """The same on a real journal, with something set aside, an order under way and one that is done."""
    engine = running.engine
    await engine.submit(Configured(settings))
    for network, account in OURS.items():
        able = Capabilities(LIMITS[network], mirror=network == "slack", console=network == "slack")
        await engine.submit(Opened(network, account, "@chat", able))
    said: list[Post] = [
        post("1", "A1: my paper lantern #WardChat", by=person("hedda", name="Hedda")),
        post(
            "2",
            "A1: a blue notebook #WardChat",
            by=person("midge", "bluesky", name="Midge"),
            network="bluesky",
        ),
        post("3", "A1: a green folder https://lantern.example #WardChat", by="florence"),
        post("5", "A1: lamp oil #WardChat", by=person("hedda", name="Hedda")),
    ]
    for what in said:
        await engine.arrive(
            Inbound(
                what.ref.network, AuthorKnown(what.author.account, Wishes(links=("https://lantern.example",)))
            )
        )
        await engine.arrive(Inbound(what.ref.network, Written(what)))
    await engine.arrive(Inbound("mastodon", Removed(Ref("mastodon", "5"))))
    await engine.arrive(Inbound("mastodon", Malformed(b"a tin whistle, said @hedda", "not JSON")))
    await engine.caught_up()
    await command(running, "reply", SLACK_HOST, "1 well put, thank you")
    await command(running, "me", "slack:T1/UOLIVE", "record", name="Olive")
    step = engine.session.following("slack", running.clock.at)
    assert step is not None
    await engine.submit(step)
    for row in engine.journal.open_orders():
        if row.order.lane == "people":
            row.step("dispatch")
            row.step("sent")
            outcome = Sent(Ref("mastodon", "ours"), "mastodon:ours by @hedda", at=running.clock.at)
            await engine.submit(Settled(row.order.id, outcome), row, outcome=(row.order.id, outcome))
    await running.until_over()


async def command(running: Running, verb: str, by: Account, text: str, name: str = "") -> None:
    said = Command(verb, by, chat="handovers", text=text, answer="here", name=name)
    await running.engine.submit(Arrived("slack", said))


@pytest.mark.parametrize("killed", [False, True])
async def test_it_leaves_the_journal_its_orders_its_log_and_what_was_set_aside(
    tmp_path: Path, killed: bool
) -> None:
    path = tmp_path / "journal.db"
    kept = path.with_name(f"{path.name}.format-1")
    running = Running(path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.engine.run())
        await hold(running, community())
        found = files(path)
        assert [
            gone for gone in (b"paper lantern", b"tin whistle", b"Olive", b"UOLIVE") if gone not in found
        ] == []
        kept.write_bytes(b"a paper lantern of an earlier format")
        if killed:  # between the decision and what comes of it
            running.journal.expire = _nothing  # type: ignore[method-assign]  # see there
        await running.until_expired()
        live, left = running.engine.session.digest(), files(path)
        task.cancel()
    running.journal.close()
    if killed:
        assert b"paper lantern" in files(path)
        running = Running(path)
        await running.engine.forget(*running.engine.session.forgotten())
        live, left = running.engine.session.digest(), files(path)
        running.journal.close()
    for gone in GONE:
        assert gone not in left, gone
        assert gone not in files(path), gone
    for stays in STAYING:
        assert stays in left or stays == STAYING[0], stays
    assert not kept.exists()
    assert replayed(path).digest() == live
    with closing(Journal(path)) as journal:
        assert [row for row in journal.open_orders() if isinstance(row.order.op, Publish) and b"hedda" in
                msgspec.json.encode(row)] == []  # fmt: skip
        assert (Ref("mastodon", "ours")) in journal.ended().values()


async def _nothing(clearing: Clearing) -> Redacted:
    """Stands for a kill right after the commit."""
    return Redacted(0, frozenset())


async def test_links_are_opened_anew_since_they_remember_people(tmp_path: Path) -> None:
    """Who is not known any more must be introduced again before their next post is shown."""
    running = Running(tmp_path / "journal.db")
    told: list[str] = []
    running.engine.released.anew = lambda: told.append("anew")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.engine.run())
        await hold(running, community())
        assert told == []
        await running.until_expired()
        task.cancel()
    running.journal.close()
    assert told == ["anew"]
    async with bridges.running(tmp_path / "real", []) as bridge:
        door = bridge.supervisor.watches["hall"].adapter
        assert isinstance(door, bridges.Door)
        for opened in (1, 2):
            while door.opened < opened or bridge.supervisor.health()[0].state != "ready":
                bridge.news.clear()
                await bridge.news.wait()
            bridge.engine.released.anew()


async def test_nothing_of_anybody_is_left_of_a_whole_rehearsal(tmp_path: Path) -> None:
    path = journal_of(1, tmp_path)
    said: set[str] = set()
    for event in recorded(path):
        if (post := post_in(event.event)) is not None and "wren" not in post.author.handle.casefold():
            author = post.author
            said |= {post.text.plain, author.name, author.handle, author.account, author.url or "", post.uri}
            said |= {item.alt for item in post.media} | {post.warning or "", post.url or ""}
    said = {words for words in said if len(words) > 3}
    before = files(path)
    assert sum(_written(words) in before for words in said) > 60
    with closing(Journal(path)) as journal:
        engine = Engine(journal, WallClock())
        engine.replay()
        figures = engine.session.view("handovers", "page", STARTS)
        found = engine.session.expiring()
        assert found is not None
        await engine.alone(found[1])
        live, left = engine.session.digest(), engine.session.view("handovers", "page", STARTS)
        assert (left.total, left.questions[0].counts) == (figures.total, figures.questions[0].counts)
        wished = set(engine.session.state.people.all)
    assert len(wished & said) == 2, "somebody consented, somebody wants to be forgotten"
    assert {words for words in said if _written(words) in files(path)} == wished & said
    assert replayed(path).digest() == live


def _written(words: str) -> bytes:
    """As it stands in the journal."""
    return msgspec.json.encode(words)[1:-1]
