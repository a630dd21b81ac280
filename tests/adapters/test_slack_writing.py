"""What a Slack link writes, and what the hosts command from it."""

from __future__ import annotations

import asyncio

import pytest

from bridge.model import (
    Absent,
    Board,
    Button,
    Command,
    Found,
    Gathered,
    Notice,
    Publish,
    Ref,
    Refused,
    Retract,
    Sent,
    Text,
    Unknown,
    Update,
    Words,
    Written,
)
from simulator.slack.wire import CHAT, HOSTS
from tests.adapters.slack_rig import card, server, slack, subject

# ---------------------------------------------------------------- writing


async def test_a_reply_to_a_reply_stands_in_the_first_ones_thread() -> None:
    async with subject().rig() as rig:
        parent = rig.says(rig.person(), "parent")
        reply = rig.says(rig.person(), "reply", reply_to=parent.id)
        async with rig.open(read=False) as link:  # a new process: it must ask where the reply stands
            order = rig.publish("ours", reply_to=Ref("slack", reply.id))
            await link.sent(order)
            assert rig.copy(order).reply_to == parent.id


async def test_a_reply_in_a_thread_that_is_gone_does_not_stay_in_the_channel() -> None:
    """Slack posts it there without a word; only its answer tells."""
    async with subject().rig() as rig, rig.open() as link:
        said = rig.says(rig.person(), "parent")
        ref = (await link.expect(Written, said)).post.ref
        rig.deletes(said)
        outcome = await link.send(rig.publish("ours", reply_to=ref))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why
        assert all(copy.deleted for copy in rig.stage.said.values() if copy.ours)


async def test_an_entry_whose_question_is_gone_stands_in_the_channel() -> None:
    async with subject().rig() as rig, rig.open() as link:
        question = await link.sent(rig.publish("Q1"))
        await link.sent(rig.order(Retract(question.ref)))
        op = Publish(Gathered((card("kestrel4 tea"),)), reply_to=question.ref, orphan="alone")
        order = rig.order(op, lane="mirror")
        sent = await link.sent(order)
        (copy,) = [s for s in rig.stage.said.values() if s.ours and not s.deleted]
        assert copy.reply_to is None
        found = await link.find(order)
        assert isinstance(found, Found)
        assert [f.ref for f in found.posts] == [sent.ref]


async def test_a_private_answer_to_words_in_the_channel_goes_to_their_author_alone() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person()
        said = rig.says(nurse, "@chatbridge stop")
        ref = (await link.expect(Written, said)).post.ref
        words = Words(Text("kestrel9 You are out."))
        order = rig.order(Publish(words, reply_to=ref, reach="direct"), lane="people")
        sent = await link.sent(order)
        assert sent.ref.id.startswith("D")
        (copy,) = [s for s in rig.stage.said.values() if s.ours]
        assert (copy.place, copy.text) == ("direct", "kestrel9 You are out.")
        found = await link.find(order)
        assert isinstance(found, Found)
        assert [f.ref for f in found.posts] == [sent.ref]


async def test_everything_carries_its_stamp_and_unfolds_nothing() -> None:
    async with subject().rig() as rig, rig.open() as link:
        order = rig.order(Publish(Gathered((card("Hello *all*"),))), lane="mirror")
        sent = await link.sent(order)
        said = rig.stage.said[sent.ref.id]
        payload = said.raw["metadata"]
        assert payload == {"event_type": "chatbridge_order", "event_payload": {"stamp": str(order.stamp)}}
        assert (said.raw["username"], sent.at) == ("Kim (Mastodon)", said.at)
        (posted,) = [a for m, a in server(rig).api.calls if m == "chat.postMessage"]
        assert (posted["parse"], posted["link_names"]) == ("none", False)
        assert (posted["unfurl_links"], posted["unfurl_media"]) == (False, False)
        change = rig.order(Update(sent.ref, Gathered((card("Hello everybody"),))), lane="mirror")
        assert isinstance(await link.find(change), Absent)
        await link.sent(change)
        assert isinstance(await link.find(change), Found)
        assert "Kim · @kim@tea.example" in said.text, (
            "the name stands in the words, whatever the update keeps"
        )


async def test_two_copies_of_one_order_are_both_found_oldest_first() -> None:
    async with subject().rig() as rig, rig.open() as link:
        order = rig.publish("Q1: twice?")
        first = await link.sent(order)
        second = await link.sent(order)
        found = await link.find(order)
        assert isinstance(found, Found)
        assert [f.ref for f in found.posts] == [first.ref, second.ref]


async def test_finding_admits_what_it_cannot_know() -> None:
    async with subject().rig() as rig, rig.open(read=False) as link:
        order = rig.publish("Q1: there?")
        await link.sent(order)
        rig.strike("outage")
        assert isinstance(await link.find(order), Unknown)


@pytest.mark.parametrize(
    ("error", "why"),
    [("message_not_found", "the message is gone"), ("cant_update_message", "not the app's own")],
)
async def test_a_refusal_says_why(error: str, why: str) -> None:
    async with subject().rig() as rig, rig.open() as link:
        theirs = rig.says(rig.person(), "theirs")
        target = Ref("slack", theirs.id if error == "cant_update_message" else f"{CHAT}/1.000000")
        outcome = await link.send(rig.update(target, "x"))
        assert isinstance(outcome, Refused)
        assert error in outcome.why
        assert why in outcome.why


async def test_a_lost_answer_to_a_change_or_a_removal_is_cleared_up() -> None:
    async with subject().rig() as rig, rig.open() as link:
        order = rig.publish("before")
        sent = await link.sent(order)
        change = rig.update(sent.ref, f"{rig.copy(order).text.split()[0]} after")
        rig.strike("answer_lost")
        assert isinstance(await link.sent(change), Sent)
        assert [m for m, _ in server(rig).api.calls].count("chat.update") == 1
        rig.strike("answer_lost")
        await link.sent(rig.order(Retract(sent.ref)))
        assert [m for m, _ in server(rig).api.calls].count("chat.delete") == 1


# ---------------------------------------------------------------- the console


async def test_a_button_becomes_a_command_and_is_answered_to_its_user_alone() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        buttons = (Button("Post now", "post", "tea", item="q3", on="bluesky"),)
        await link.sent(rig.order(Publish(Notice("Q3 is held.", buttons)), lane="hosts", place="hosts"))
        (control,) = rig.stage.find_control("post")
        assert control["value"] == {"chat": "tea", "item": "q3", "on": "bluesky"}
        assert rig.stage.use_control(host, control)
        await link.until(lambda: link.others(Command), "a Command")
        (command,) = link.others(Command)
        by = f"slack:T0TEASHOP/{host.account}"
        assert command == Command(
            "post", by, "tea", "q3", on="bluesky", name="Lucy 1", answer=command.answer, forms=True
        )
        await slack(link).answer(command.answer, "Done: <Q3> goes out now.")
        (whisper,) = server(rig).whispers
        assert (whisper.channel, whisper.user) == (HOSTS, host.account)
        assert whisper.words == "Done: <Q3> goes out now."


async def test_typed_commands() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        for text in ("ask  Who pours the tea?", "", "Hold"):
            assert server(rig).command(host, text)
        await link.until(lambda: len(link.others(Command)) == 3, "three commands")
        told = [(c.verb, c.text, c.item) for c in link.others(Command)]
        assert told == [("ask", "Who pours the tea?", None), ("help", "", None), ("hold", "", None)]


async def test_an_answer_where_we_cannot_speak_comes_directly() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        server(rig).command(host, "hold", channel="C9")
        await link.until(lambda: link.others(Command), "a Command")
        await slack(link).answer(link.others(Command)[0].answer, "Done.")
        (said,) = [s for s in rig.stage.said.values() if s.ours]
        assert (said.place, said.text) == ("direct", "Done.")


async def test_the_newest_board_wins() -> None:
    async with subject().rig() as rig, rig.open() as link:
        boards = [_board(n) for n in range(6)]
        sent = await link.sent(rig.order(Publish(boards[0]), lane="hosts", place="hosts"))
        async with asyncio.TaskGroup() as shows:
            for board in boards:
                shows.create_task(slack(link).show(sent.ref, board))
        assert "5 entries" in rig.stage.said[sent.ref.id].text
        assert [m for m, _ in server(rig).api.calls].count("chat.update") == 2, "the first and the newest"
        assert rig.stage.said[sent.ref.id].raw["metadata"], "still known as the order's"
        await slack(link).show(Ref("slack", f"{HOSTS}/1.000000"), boards[0])  # gone: nobody minds


def _board(entries: int) -> Board:
    return Board("tea", "Tea", "CoastalTea", 1, "open", 0, 2, "Europe/London", entries=entries)


QUESTION = Notice(
    "Shall your answers also stand on the page (https://tea.example)?",
    (
        Button("Show with my name", "consent", "tea", item="name", style="primary"),
        Button("Show with my first name", "consent", "tea", item="first"),
    ),
)


async def test_a_question_is_whispered_to_one_person_who_alone_can_answer() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse, other = rig.person(name="nurse"), rig.person(name="porter")
        account = f"slack:T0TEASHOP/{nurse.account}"
        await slack(link).whisper(account, "chat", QUESTION)
        (whisper,) = server(rig).whispers
        assert (whisper.channel, whisper.user, whisper.words) == (CHAT, nurse.account, QUESTION.text)
        assert not [s for s in rig.stage.said.values() if s.ours], "nobody else sees anything"
        controls = rig.stage.find_control("consent")
        assert [(c["value"], c["user"]) for c in controls] == [
            ({"chat": "tea", "item": "name"}, nurse.handle),
            ({"chat": "tea", "item": "first"}, nurse.handle),
        ]
        assert not rig.stage.use_control(other, controls[1]), "it is not there for anybody else"
        assert rig.stage.use_control(nurse, controls[1])
        await link.until(lambda: link.others(Command), "a Command")
        (command,) = link.others(Command)
        assert command == Command(
            "consent", account, "tea", "first", name=command.name, answer=command.answer, forms=True
        )
        await slack(link).answer(command.answer, "Done.")
        answer = server(rig).whispers[-1]
        assert (answer.channel, answer.user, answer.words) == (CHAT, nurse.account, "Done.")
        assert {c["told"] for c in rig.stage.find_control("consent")} == {1}


async def test_a_whisper_that_cannot_be_had_is_nobodys_trouble() -> None:
    async with subject().rig() as rig, rig.open() as link:
        for account in ("slack:T0TEASHOP/UGONE", "slack:TOTHER/U1", "acct:ann@tea.example", ""):
            await slack(link).whisper(account, "chat", QUESTION)
        rig.strike("outage")
        await slack(link).whisper(f"slack:T0TEASHOP/{rig.person().account}", "chat", QUESTION)
        assert server(rig).whispers == []
        assert not link.others(Command)
