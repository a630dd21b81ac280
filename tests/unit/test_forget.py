"""Who wants to be forgotten leaves no words in the journal, and everybody else's chat stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge import control, forget
from bridge.chat.state import Arrived, Configured, Settled
from bridge.engine import Engine
from bridge.errors import ChatbridgeError
from bridge.journal import Journal, Redacted
from bridge.model import (
    MINUTE,
    SECOND,
    Author,
    AuthorKnown,
    Cancelled,
    Capabilities,
    Command,
    Edited,
    Gathered,
    Inbound,
    Malformed,
    Micros,
    Opened,
    Post,
    Publish,
    Removed,
    Written,
)
from bridge.outbox import Outbox
from tests.unit.make import LIMITS, LONG, SLACK_HOST, STARTS, community, person, post

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
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(f"{path.name}*")) if p.is_file())


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


async def _nothing(*_: object) -> Redacted:
    return Redacted(0, frozenset())


# ---------------------------------------------------------------- by the operator

HEDDA = person("hedda", name="Hedda")


async def hold_a_quiet_chat(engine: Engine) -> None:
    """Nobody asks for anything. Hedda writes, also in a room that cannot be reached, and takes one back."""
    await engine.submit(Configured(community()))
    for network, account in OURS.items():
        await engine.submit(Opened(network, account, "@chat", Capabilities(LIMITS[network])))
    room = Capabilities(LIMITS["slack"], mirror=True, console=True)
    await engine.submit(Opened("slack", "slack:T1/UBOT", "@chat", room))
    await write(
        engine,
        post("1", "A1: my paper lantern https://a.example #WardChat", by=HEDDA),  # held: the hosts are asked
        post("2", "A1: another thing #WardChat"),
        post("3", "A1: a green folder #WardChat", by=HEDDA),
    )
    await engine.arrive(Inbound("mastodon", Removed(post("3").ref)))
    await engine.arrive(Inbound("mastodon", Malformed(b"my blue notebook, said @hedda", "not JSON")))
    await engine.arrive(Inbound("bluesky", Malformed(b"a kettle", "not JSON")))
    await engine.caught_up()
    await engine.submit(Arrived("slack", Command("show", SLACK_HOST, item="1")))
    step = engine.session.following("slack", STARTS + 10 * MINUTE)
    assert step is not None
    await engine.submit(step)


async def quiet_journal(path: Path) -> None:
    async with running(path) as engine:
        await hold_a_quiet_chat(engine)
        for words in (b"paper lantern", b"green folder", b"blue notebook", b"Hedda"):
            assert words in files(path)


def left(path: Path) -> list[bytes]:
    """Which of her words, names and handles can still be found. Her account stays, to keep her out."""
    return [words for words in (*SECRETS, b"@hedda@") if words in files(path)]


@pytest.mark.parametrize("handle", ["@hedda@ward.example", "Hedda@Ward.example", "acct:hedda@ward.example"])
def test_the_operator_forgets_a_person_while_no_bridge_runs(tmp_path: Path, handle: str) -> None:
    path = tmp_path / "journal.db"
    asyncio.run(quiet_journal(path))
    done = forget.erase(path, f"mastodon:{handle}")
    assert (done.account, done.posts, done.entries) == (HEDDA.account, 2, ("Hello · 1",))
    assert not done.running
    assert left(path) == []
    assert b"another thing" in files(path)
    assert b"a kettle" in files(path), "what was set aside from another network cannot be hers"
    with pytest.raises(ChatbridgeError, match="Nobody called"):
        forget.erase(path, "mastodon:@hedda@ward.example")


async def test_what_was_erased_offline_is_taken_off_when_the_bridge_runs_next(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await quiet_journal(path)
    await asyncio.to_thread(forget.erase, path, "mastodon:@hedda@ward.example")
    async with running(path) as engine:
        live = engine.session.digest()
        (order,) = [r.order for r in engine.journal.open_orders() if r.order.lane == "mirror"]
        assert order.op == Publish(Gathered(()), orphan="alone")
        assert engine.session.outdated(order.id), "so it is never sent"
        await engine.submit(Settled(order.id, Cancelled("its entries are different now")))
        view = engine.session.entry("handovers", 1, "page")
        assert view is None
        step = engine.session.following("slack", STARTS + 20 * MINUTE)
        assert step is not None
        await engine.submit(step)
        (shown,) = [r.order.op for r in engine.journal.open_orders() if r.order.lane == "mirror"][-1:]
        assert isinstance(shown, Publish)
        assert "stays on Mastodon" in repr(shown.content)
    assert live


async def test_the_operator_forgets_a_person_while_the_bridge_runs(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine, asyncio.TaskGroup() as group:
        await hold_a_quiet_chat(engine)
        outbox = Outbox(engine, engine.journal.open_orders())
        engine.released.forgotten = outbox.forget

        async def handle(request: dict[str, Any]) -> Any:
            return msgspec.to_builtins(await forget.forget(engine, request["who"], engine.submit))

        socket = group.create_task(control.listen(path, {"forget": handle}))
        while not control.address(path).exists():  # noqa: ASYNC110  # it has no other sign
            await asyncio.sleep(0)
        done = await asyncio.to_thread(forget.erase, path, "mastodon:@hedda@ward.example")
        assert (done.running, done.mirrors, done.posts) == (True, ("Slack",), 2)
        assert left(path) == []
        for lane in outbox._networks["slack"].lanes.values():  # what waits there to be sent
            assert "lantern" not in repr(list(lane))
        live = engine.session.digest()
        socket.cancel()
    async with running(path) as again:
        assert again.session.digest() == live


def test_it_says_what_is_not_ours_to_erase_and_who_can(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    asyncio.run(quiet_journal(path))
    shown = forget.show(forget.erase(path, "mastodon:@hedda@ward.example"))
    assert "Forgotten: @hedda@ward.example (mastodon)." in shown
    assert "the words, pictures and name of 2 posts: " in shown
    assert "Taken off the page and Slack when the bridge runs next" in shown
    assert (
        "what they wrote on Mastodon itself:\n    they can delete it there, or Mastodon's moderators" in shown
    )
    assert "what the chat's account replied on Mastodon when they asked it something" in shown
    assert f"backups and other copies of {path}" in shown
    assert "`chatbridge report`" in shown


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (
            "@hedda@ward.example",
            "names nobody. Say NETWORK:HANDLE, with one of these networks: mastodon, bluesky",
        ),
        ("myspace:hedda", "names nobody"),
        ("mastodon:", "names nobody"),
        ("mastodon:@nobody@ward.example", "Nobody called @nobody@ward.example wrote anything on mastodon"),
        ("bluesky:@hedda@ward.example", "Nobody called"),
        (
            "slack:nurse",
            "2 people were called nurse. Say which account:\n  chatbridge forget slack:slack:T1/U1",
        ),
    ],
)
def test_who_is_not_clear_is_not_guessed(tmp_path: Path, who: str, words: str) -> None:
    path = tmp_path / "journal.db"

    async def hold() -> None:
        async with running(path) as engine:
            await hold_a_quiet_chat(engine)
            for n in (1, 2):
                nurse = Author(f"slack:T1/U{n}", "nurse")
                await write(engine, post(f"s{n}", "A1: we write it down", by=nurse, network="slack"))

    asyncio.run(hold())
    before = files(path)
    with pytest.raises(ChatbridgeError) as raised:
        forget.erase(path, who)
    assert words in str(raised.value)
    assert len(before) >= len(files(path)) > 0
    assert all(w in files(path) for w in (b"paper lantern", b"green folder"))


def test_without_a_journal_nobody_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(ChatbridgeError, match="There is no journal at"):
        forget.erase(tmp_path / "journal.db", "mastodon:@hedda@ward.example")
    assert list(tmp_path.iterdir()) == []
