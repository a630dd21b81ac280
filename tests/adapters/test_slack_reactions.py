"""Reactions as commands: live, from the history, each once, nobody's but people's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.slack import feed, ids, reactions
from bridge.model import Command, Gathered, Notice, Publish, Ref, Written
from simulator.slack import wire
from simulator.stage import Person, Said
from tests.adapters.slack_rig import card, commanded, server, subject
from tests.conformance.came import Session
from tests.conformance.rig import Rig


def told(link: Session) -> list[tuple[str, str]]:
    """Verb and person of every command, in order."""
    return [(command.verb, command.by.rpartition("/")[2]) for command in link.others(Command)]


async def seen(rig: Rig, link: Session) -> None:
    """Whatever was going on before this has arrived."""
    await link.expect(Written, rig.says(rig.person(), "until here"))


async def entry(rig: Rig, link: Session) -> Said:
    """Somebody's answer on another network, as it stands in the channel: under a borrowed name, so that no
    reaction to it says whose it is."""
    sent = await link.sent(rig.order(Publish(Gathered((card("We meet"),))), lane="mirror"))
    return rig.stage.said[sent.ref.id]


# ---------------------------------------------------------------- as Slack documents it


def event(**more: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": "CCHAT", "ts": "1700000000.000100"}
    return {"type": "reaction_added", "user": "UANN", "reaction": "heart", "item": item} | more


def test_a_reaction_names_its_message() -> None:
    place = ids.Place("CCHAT", "1700000000.000100")
    assert reactions.happened(event()) == reactions.Reaction(place, "heart", "UANN")
    toned = event(reaction="raised_hands::skin-tone-4")
    assert reactions.happened(toned) == reactions.Reaction(place, "raised_hands", "UANN")
    assert reactions.happened(event(item={"type": "file", "file": "F1"})) is None


@pytest.mark.parametrize("more", [{"item": {"type": "message", "channel": "C", "ts": "now"}}, {"item": {}}])
def test_what_cannot_be_read_says_so(more: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        reactions.happened(event(**more))


# ---------------------------------------------------------------- live


@pytest.mark.parametrize(
    ("name", "added", "removed"),
    [
        ("no_entry_sign", "hide", "restore"),
        ("no_entry", "hide", "restore"),
        ("heart", "like", "unlike"),
        ("star", "boost", "unboost"),
        ("tada", "noticed", "unnoticed"),
    ],
)
async def test_what_reactions_mean(name: str, added: str, removed: str) -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, copy = rig.person(name="host"), await entry(rig, link)
        assert server(rig).react(host, copy.id, name)
        assert server(rig).unreact(host, copy.id, name)
        on, off = await commanded(link, 2)
        assert (on.verb, off.verb) == (added, removed)
        assert on.at == off.at == Ref("slack", copy.id)
        assert on.by == off.by == f"slack:T0TEASHOP/{host.account}"
        assert on.once
        assert (off.again, on.again, off.once) == (on.once, "", "")
        assert ids.parse_answer(on.answer) == ids.Where(host.account, wire.CHAT)
        assert not on.forms, "nothing a form could be opened with"


async def test_who_takes_note_or_likes_is_not_looked_up_and_who_hides_is() -> None:
    """In a lively chat everybody reacts; Slack tells few names a minute."""
    async with subject().rig() as rig, rig.open() as link:
        copy = await entry(rig, link)
        people = [rig.person() for _ in range(5)]
        server(rig).api.calls.clear()
        for nurse in people:
            server(rig).react(nurse, copy.id, "eyes")
            server(rig).react(nurse, copy.id, "heart")
        await commanded(link, 10)
        assert not [m for m, _ in server(rig).api.calls if m == "users.info"]
        server(rig).react(people[0], copy.id, "no_entry_sign")
        assert (await commanded(link, 11))[10].name == people[0].name


async def test_reactions_elsewhere_and_of_bots_are_nobodys_word() -> None:
    async with subject().rig() as rig, rig.open() as link:
        stage, nurse = server(rig), rig.person()
        robot = Person("feeds-01", "Feeds 1", "slack", bot=True)
        stage.join(robot)
        copy = await entry(rig, link)
        board = await link.sent(rig.order(Publish(Notice("Q3 is due.")), place="hosts", lane="hosts"))
        for said in (rig.says(nurse, "a word", place="hosts").id, board.ref.id):
            assert stage.react(nurse, said, "heart")
        assert stage.react(nurse, rig.says(nurse, "stop", place="direct").id, "heart")
        assert stage.react(robot, copy.id, "no_entry_sign")
        assert stage.mark(stage.messages[wire.CHAT, copy.id.partition("/")[2]], wire.BOT_USER, "eyes")
        stage.command(nurse, "me")
        (command,) = await commanded(link, 1)
        await seen(rig, link)
        assert told(link) == [("me", nurse.account)]
        assert command.at is None


async def test_a_reaction_to_a_reply_in_a_thread_counts() -> None:
    async with subject().rig() as rig, rig.open() as link:
        copy, nurse = await entry(rig, link), rig.person()
        reply = rig.says(nurse, "and this", reply_to=copy.id)
        await link.expect(Written, reply)
        server(rig).react(rig.person(name="host"), reply.id, "no_entry_sign")
        (command,) = await commanded(link, 1)
        assert (command.verb, command.at) == ("hide", Ref("slack", reply.id))


async def test_a_reaction_comes_after_the_message_it_is_on() -> None:
    async with subject().rig() as rig, rig.open(read=False) as link:
        host = rig.person(name="host")
        saids = [rig.says(rig.person(), f"{n}") for n in range(10)]
        for said in saids:
            server(rig).react(host, said.id, "no_entry_sign")
        link.start(None)
        await commanded(link, 10)
        kinds = [type(item.what) for item in link.items]
        for said, hidden in zip(saids, link.others(Command), strict=True):
            assert hidden.at == Ref("slack", said.id)
            position = [item.what for item in link.items].index(hidden)
            assert link.whats(Written, said)[0] in [item.what for item in link.items[:position]], kinds


# ---------------------------------------------------------------- from the history


async def test_what_was_added_or_taken_back_in_a_gap_is_told_once() -> None:
    """Also by the link itself, when only its socket was replaced."""
    async with subject().rig() as rig, rig.open() as link:
        stage, (ann, ben) = server(rig), [rig.person(name="host") for _ in range(2)]
        copy, other = await entry(rig, link), await entry(rig, link)
        stage.react(ann, copy.id, "heart")
        stage.react(ann, other.id, "star")
        first = await commanded(link, 2)
        rig.strike("socket_dropped")
        assert not stage.react(ben, copy.id, "no_entry_sign"), "nobody was told"
        stage.unreact(ann, copy.id, "heart")
        await seen(rig, link)
        commands = await commanded(link, 4)
        assert sorted(told(link)[2:]) == sorted([("hide", ben.account), ("unlike", ann.account)])
        unlike = next(c for c in commands if c.verb == "unlike")
        assert unlike.again == first[0].once
        assert len(commands) == 4, "what stood and stands is not told again"


async def test_more_than_can_wait_are_read_from_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "CONTROLS", 3)
    async with subject().rig() as rig, rig.open(read=False) as link:
        copy, people = await entry(rig, link), [rig.person() for _ in range(20)]
        inbound = link.link.inbound(None)
        first = rig.says(rig.person(), "the gap is read")
        while not link.whats(Written, first):
            link.take(await anext(inbound))
        for nurse in people:
            assert server(rig).react(nurse, copy.id, "heart")
        hub = server(rig).hub
        await rig.until(lambda: len(hub.acked) == hub.sent, "every event to be taken from the socket")
        async with asyncio.timeout(rig.limit):
            while len(told(link)) < 20:
                link.take(await anext(inbound))
        assert sorted(told(link)) == sorted(("like", nurse.account) for nurse in people)


async def test_after_a_restart_what_stands_is_told_by_the_same_name() -> None:
    async with subject().rig() as rig:
        host, nurse = rig.person(name="host"), rig.person()
        async with rig.open() as link:
            said, copy = rig.says(nurse, "mine"), await entry(rig, link)
            server(rig).react(host, copy.id, "heart")
            server(rig).react(host, said.id, "star")
            before = await commanded(link, 2)
            await seen(rig, link)
        server(rig).react(host, copy.id, "no_entry_sign")
        async with rig.open(link.cursor) as again:
            after = await commanded(again, 3)
            assert {c.once for c in before} < {c.once for c in after}
            assert {(c.verb, c.at) for c in after} == {
                ("like", Ref("slack", copy.id)),
                ("boost", Ref("slack", said.id)),
                ("hide", Ref("slack", copy.id)),
            }


@pytest.mark.parametrize("number", [1, 6])
async def test_reading_posts_again_finds_reactions_in_old_threads(number: int) -> None:
    """One by one, or with the channel around them; a gap's own reading leaves old threads alone."""
    async with subject().rig(speed=1_200) as rig:
        host, nurse = rig.person(name="host"), rig.person()
        async with rig.open() as link:
            copy = await entry(rig, link)
            replies = [rig.says(nurse, f"reply {n}", reply_to=copy.id) for n in range(number)]
            for reply in replies:
                await link.expect(Written, reply)
            await rig.clock.sleep(15 * 60)
            await seen(rig, link)
        server(rig).react(host, replies[0].id, "no_entry_sign")
        async with rig.open(link.cursor) as again:
            await seen(rig, again)
            assert told(again) == []
            await again.reread([Ref("slack", reply.id) for reply in replies])
            assert told(again) == [("hide", host.account)]


async def test_everybody_is_asked_for_where_a_message_names_only_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "REACTED", 2)
    async with subject().rig() as rig:
        async with rig.open() as link:
            copy = await entry(rig, link)
            await seen(rig, link)
        people = [rig.person() for _ in range(4)]
        for nurse in people:
            server(rig).react(nurse, copy.id, "heart")
            server(rig).react(nurse, copy.id, "eyes")
        async with rig.open(link.cursor) as again:
            await again.until(lambda: len(_by(again, "like")) == 4, "all four")
            await seen(rig, again)
            assert _by(again, "like") == {nurse.account for nurse in people}
            assert _by(again, "noticed") == {nurse.account for nurse in people}


async def test_nobody_more_is_asked_for_who_only_took_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REACTED", 2)
    async with subject().rig() as rig, rig.open() as link:
        copy = await entry(rig, link)
        people = [rig.person() for _ in range(4)]
        for nurse in people:
            server(rig).react(nurse, copy.id, "eyes")
        await commanded(link, 4)
        server(rig).api.calls.clear()
        server(rig).hub.drop()
        await rig.until(lambda: server(rig).hub.opened == 2, "another socket")
        await seen(rig, link)
        assert "reactions.get" not in [method for method, _ in server(rig).api.calls]
        assert len(told(link)) == 4, "who is not named has not taken it back"


async def test_what_happens_while_the_history_is_read_is_newer() -> None:
    """The page says that a 🚫 stands; by the time it has come, it was taken back."""
    async with subject().rig() as rig:
        host, stage = rig.person(name="host"), server(rig)
        async with rig.open() as link:
            copy = await entry(rig, link)
            await seen(rig, link)
        stage.react(host, copy.id, "no_entry_sign")
        async with rig.open(link.cursor, read=False) as again:
            rig.strike("slow")  # the page is made, and takes its time
            stage.api.calls.clear()
            again.start(link.cursor)
            await rig.until(lambda: "conversations.history" in [m for m, _ in stage.api.calls], "the page")
            stage.unreact(host, copy.id, "no_entry_sign")
            await seen(rig, again)
            assert told(again) == [("restore", host.account)]


def _by(link: Session, verb: str) -> set[str]:
    return {who for said, who in told(link) if said == verb}
