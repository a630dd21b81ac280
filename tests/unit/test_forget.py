"""Who wants to be forgotten leaves no words in the journal, and everybody else's chat stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bridge.chat.state import Configured
from bridge.engine import Engine
from bridge.journal import Journal
from bridge.model import (
    MINUTE,
    SECOND,
    AuthorKnown,
    Capabilities,
    Edited,
    Inbound,
    Micros,
    Opened,
    Post,
    Written,
)
from tests.unit.make import LIMITS, LONG, STARTS, community, person, post

OURS = {"mastodon": "acct:chat@ward.example", "bluesky": "did:plc:chat"}
SECRETS = (b"blue notebook", b"paper lantern", b"green folder", b"Hedda")


class HourClock:
    """Ten minutes into the chat, a second later at each look."""

    def __init__(self) -> None:
        self._now = STARTS + 10 * MINUTE

    def now(self) -> Micros:
        self._now += SECOND
        return self._now

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()

    def timeout(self, seconds: float) -> float:
        return seconds


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Engine]:
    """An engine over a journal."""
    journal = Journal(path)
    engine = Engine(journal, HourClock())
    engine.replay()
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(engine.run())
            yield engine
            task.cancel()
    finally:
        journal.close()


async def write(engine: Engine, *posts: Post) -> None:
    for what in posts:
        await engine.arrive(Inbound(what.ref.network, AuthorKnown(what.author.account)))
        await engine.arrive(Inbound(what.ref.network, Edited(what) if what.edited else Written(what)))
    await engine.caught_up()


async def hold_a_chat(engine: Engine) -> None:
    """Hedda says this and that on two networks, among others; then she wants to be forgotten."""
    await engine.submit(Configured(community()))
    for network, account in OURS.items():
        await engine.submit(Opened(network, account, "@chat", Capabilities(LIMITS[network])))
    hedda = person("hedda", name="Hedda")
    words = f"{LONG}, in the blue notebook #WardChat"
    copy = post("4", words, by=person("hedda", "bluesky", name="Hedda"), network="bluesky")
    first = post("1", "A1: my paper lantern #WardChat", by=hedda)
    await write(
        engine,
        first,
        post("2", "A1: another thing #WardChat"),
        post("3", words, by=hedda),
        copy,
        msgspec.structs.replace(
            first, text=post("1", "A1: a green folder #WardChat").text, edited=first.at + 1
        ),
        post("5", "A1: the last word #WardChat"),
        post("6", "@chat forget me", by=hedda, mentions=(OURS["mastodon"],), reach="direct"),
        post("7", f"{LONG}, in the blue notebook #WardChat", by=person("hedda", name="Hedda")),
    )


def files(path: Path) -> bytes:
    """Everything the journal keeps, its write-ahead log included."""
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(f"{path.name}*")))


async def test_the_words_are_gone_from_the_journal_and_its_log(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        left = files(path)
    assert b"another thing" in left
    for words in (b"paper lantern", b"green folder"):
        assert words not in left
    for words in (b"paper lantern", b"green folder"):
        assert words not in files(path)


async def test_only_the_account_that_asked_is_forgotten(tmp_path: Path) -> None:
    """Her other account is another account, as far as anybody can tell."""
    async with running(tmp_path / "journal.db") as engine:
        await hold_a_chat(engine)
        entries = engine.session.state.chats["handovers"].timeline.entries
    assert sorted(entries) == [1, 2, 3, 4, 5]
    assert [p.text.plain for p in entries[1].sources] == ["A1."]
    assert [p.ref.network for p in entries[3].sources] == ["mastodon", "bluesky"]
    assert entries[3].sources[0].text.plain == ""
    assert "blue notebook" in entries[3].sources[1].text.plain
    assert entries[1].first.author.name == ""


async def test_a_replay_of_what_is_left_equals_what_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        live = engine.session.digest()
    async with running(path) as again:
        assert again.session.digest() == live


async def test_a_redaction_that_was_cut_short_is_done_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        redact = engine.journal.redact
        engine.journal.redact = _nothing  # type: ignore[method-assign, assignment]  # stands for a crash right after the commit
        await hold_a_chat(engine)
        engine.journal.redact = redact  # type: ignore[method-assign]  # as above
        assert b"paper lantern" in files(path)
    async with running(path) as again:
        await again.forget(*again.session.forgotten())
        assert b"paper lantern" not in files(path)


async def _nothing(*_: object) -> int:
    return 0
