"""A link to a Slack workspace: what the conformance suite does not ask of every network."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.slack import Settings, feed, platform
from adapters.slack.link import SlackLink
from bridge.errors import CursorLost, NeedsLogin, Unreachable
from bridge.model import (
    Absent,
    Beat,
    Board,
    Button,
    Card,
    Command,
    Edited,
    Found,
    Gathered,
    Interest,
    Notice,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    Sent,
    Text,
    Unknown,
    Update,
    Words,
    Written,
)
from bridge.ports import Console, Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.slack.sockets import Hub
from simulator.slack.wire import BOT_USER, CHAT, HOSTS
from simulator.stage import Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject


class Slack(Subject):
    network = "slack"
    options: dict[str, Any] = {}  # noqa: RUF012 - set by each test for its own instance

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, {**options, **self.options})


def subject(**options: Any) -> Slack:
    made = Slack()
    made.options = options
    return made


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


def slack(link: Session) -> SlackLink:
    assert isinstance(link.link, SlackLink)
    assert isinstance(link.link, Console)
    return link.link


def card(text: str, no: int = 1) -> Card:
    return Card(
        no, f"A1 · {no}", "Kim", "@kim@tea.example", ("Mastodon",), Text(text), 0, "https://tea.example/1"
    )


# ---------------------------------------------------------------- opening


async def test_a_missing_permission_is_named() -> None:
    async with subject(scopes=("chat:write", "channels:history")).rig() as rig:
        with pytest.raises(NeedsLogin, match=r"lacks chat:write\.customize, users:read") as refused:
            async with rig.open():
                pass
        assert "install the app again" in str(refused.value)


async def test_a_missing_token_is_named() -> None:
    async with subject().rig() as rig:
        table = msgspec.convert(rig.stage.access()["table"], Settings)
        for secrets in ({}, {"bot_token": "xoxb-1"}):
            adapter = platform.create("work", table, secrets, rig.clock)
            with pytest.raises(NeedsLogin, match="WORK_APP_TOKEN must be set"):
                async with adapter.open(rig.sessions):
                    pass


async def test_swapped_tokens_are_told_apart() -> None:
    async with subject().rig() as rig:
        access = rig.stage.access()
        tokens = {"bot_token": access["secrets"]["APP_TOKEN"], "app_token": access["secrets"]["BOT_TOKEN"]}
        adapter = platform.create("slack", msgspec.convert(access["table"], Settings), tokens, rig.clock)
        with pytest.raises(NeedsLogin, match="wrong kind of token"):
            async with adapter.open(rig.sessions):
                pass


async def test_a_channel_is_joined_or_asked_for() -> None:
    async with subject(joined=(CHAT,)).rig() as rig, rig.open():
        assert HOSTS in server(rig).joined
    async with subject().rig() as rig:
        table = rig.stage.access()["table"] | {"channel": "C9"}
        secrets = {key.lower(): value for key, value in rig.stage.access()["secrets"].items()}
        adapter = platform.create("slack", msgspec.convert(table, Settings), secrets, rig.clock)
        with pytest.raises(NeedsLogin, match=r"cannot read the channel C9\. Type /invite @chatbridge there"):
            async with adapter.open(rig.sessions):
                pass


async def test_nobody_there_is_unreachable() -> None:
    async with subject().rig() as rig:
        table = rig.stage.access()["table"] | {"api": "http://127.0.0.1:9/api/"}
        adapter = platform.create(
            "slack", msgspec.convert(table, Settings), {"bot_token": "x", "app_token": "x"}, rig.clock
        )
        with pytest.raises(Unreachable, match=r"auth\.test: cannot connect"):
            async with adapter.open(rig.sessions):
                pass


async def test_layout_and_pace_are_capabilities() -> None:
    async with subject(layout="threads").rig() as rig, rig.open() as link:
        able = link.opened.capabilities
        assert (able.layout, able.spacing, able.mirror, able.console, able.edits) == (
            "threads",
            1.0,
            True,
            True,
            True,
        )
        assert link.opened.account == f"slack:T0TEASHOP/{BOT_USER}"


async def test_a_foreign_cursor_is_lost() -> None:
    async with subject().rig() as rig, rig.open("event: 12") as link:
        assert isinstance(await link.failed(), CursorLost)


# ---------------------------------------------------------------- the socket


async def test_a_refreshed_socket_loses_nothing() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person()
        hub = server(rig).hub
        await link.expect(Written, rig.says(nurse, "before"))
        for n in range(2):
            await rig.clock.sleep(feed.SHORTEST)
            hub.refresh()
            await rig.until(lambda: hub.opened > n + 1, "a new socket")  # noqa: B023 - waited for here
            await link.expect(Written, rig.says(nurse, "after it was changed"))
        await rig.until(lambda: hub.connected == 1, "the old sockets to be closed")
        assert len(link.others(Written)) == 3, "each once"


async def test_a_socket_that_never_lasts_is_told() -> None:
    async with subject().rig() as rig, rig.open() as link:
        rig.strike("socket_dropped", times=5)
        rig.says(rig.person(), "lost at once")
        assert isinstance(await link.failed(), Unreachable)


async def test_every_event_is_acknowledged() -> None:
    async with subject().rig() as rig, rig.open() as link:
        said = rig.says(rig.person(), "hello @chatbridge")
        rig.edits(said, f"{said.text} again")
        rig.deletes(said)
        await link.expect(Removed, said)
        hub = server(rig).hub
        await rig.until(lambda: len(hub.acked) == hub.sent, "an answer to each envelope")
        assert len(link.whats(Written, said)) == 1, "a mention is two events and one post"


async def test_edits_and_removals_in_a_gap_are_seen_without_asking() -> None:
    """The link notices by itself, also in threads: the core does not hear of a socket that was replaced."""
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person()
        names = ("kept", "changed", "gone", "parent")
        kept, changed, gone, parent = (rig.says(nurse, name) for name in names)
        replies = [rig.says(nurse, f"reply {n}", reply_to=parent.id) for n in range(2)]
        only = rig.says(nurse, "the only reply", reply_to=kept.id)
        for said in (kept, changed, gone, parent, *replies, only):
            await link.expect(Written, said)
        rig.strike("socket_dropped")
        missed = rig.says(nurse, "missed")
        rig.edits(changed, "changed now")
        rig.deletes(gone)
        rig.deletes(replies[0])
        rig.deletes(only)
        rig.edits(replies[1], "a changed reply")
        await link.expect(Written, missed)
        for said in (gone, replies[0], only):
            await link.expect(Removed, said)
        for said in (changed, replies[1]):
            await link.expect(Edited, said)
        assert not link.whats(Edited, kept)
        assert len(link.whats(Written, kept)) == 1, "what is known is not told again"


async def test_more_than_fits_the_queue_is_read_from_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "QUEUE", 5)
    async with subject().rig() as rig, rig.open(read=False) as link:
        nurse, hub = rig.person(), server(rig).hub
        first = rig.says(nurse, "first")
        inbound = link.link.inbound(None)
        async for item in inbound:
            link.take(item)
            if link.whats(Written, first):
                break
        saids = [rig.says(nurse, f"{n}") for n in range(40)]
        await rig.until(lambda: len(hub.acked) == 41, "every event to be taken from the socket")
        async with asyncio.timeout(rig.limit):
            while not all(link.whats(Written, said) for said in saids):
                link.take(await anext(inbound))
        assert link.order_of(saids) == [said.id for said in saids]


async def test_a_silent_peer_does_not_hold_up_closing() -> None:
    class Deaf(Hub):
        async def _read(self, ws: web.WebSocketResponse) -> None:
            await asyncio.Event().wait()

    async with subject().rig() as rig:
        stage = server(rig)
        deaf = Deaf("slack", rig.time, rig.faults)
        deaf.address = stage.hub.address
        app = web.Application()
        app.router.add_get("/link/", deaf.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        deaf.address = f"127.0.0.1:{runner.addresses[0][1]}"
        stage.hub.open = deaf.open  # type: ignore[method-assign]
        try:
            manager = rig.adapter().open(rig.sessions)
            await manager.__aenter__()
            await rig.promptly(manager.__aexit__(None, None, None), "closing", 1.0)
        finally:
            deaf.drop()
            await runner.cleanup()


# ---------------------------------------------------------------- reading


async def test_direct_messages_written_in_a_gap_arrive() -> None:
    async with subject().rig() as rig:
        nurse = rig.person()
        async with rig.open() as link:
            await link.expect(Written, rig.says(nurse, "hello", place="direct", tag="none"))
            last = link.cursor
        stop = rig.says(nurse, "stop", place="direct", tag="none")
        async with rig.open(last) as link:
            post = (await link.expect(Written, stop, "the cursor remembers the conversation")).post
            assert post.reach == "direct"


async def test_a_mention_in_another_channel_reaches_us_and_nothing_else_of_it() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person()
        hub = server(rig).hub
        base = {"user": nurse.account, "channel": "C9", "channel_type": "channel"}
        hub.event({**base, "type": "message", "ts": "1.000001", "text": "private talk"})
        hub.event({**base, "type": "app_mention", "ts": "1.000002", "text": f"<@{BOT_USER}> Q: who pours?"})
        await link.until(lambda: link.others(Written), "the mention")
        await link.expect(Written, rig.says(nurse, "later"))
        written = link.others(Written)
        assert [w.post.ref.id for w in written][:1] == ["C9/1.000002"]
        assert len(written) == 2
        assert written[0].post.tags == ()
        assert link.opened.account in written[0].post.mentions


async def test_a_quoted_question_is_named() -> None:
    async with subject().rig() as rig, rig.open() as link:
        order = rig.publish("Q1: who?")
        sent = await link.sent(order)
        quote = rig.says(rig.person(), "we do", tag="none", quote=rig.copy(order).id)
        assert (await link.expect(Written, quote)).post.quotes == (sent.ref,)


async def test_nothing_arrives_until_somebody_asks_and_then_it_does() -> None:
    async with subject().rig() as rig, rig.open() as link:
        await link.link.follow(Interest())
        said = rig.says(rig.person(), "too early")
        await link.until(lambda: link.others(Beat), "a beat")
        assert not link.whats(Written, said)
        await link.link.follow(rig.interest())
        await link.expect(Written, said)


async def test_an_old_thread_is_read_when_it_is_followed() -> None:
    async with subject().rig() as rig:
        parent = rig.says(rig.person(), "long ago")
        reply = rig.says(rig.person(), "and answered", reply_to=parent.id)
        await rig.clock.sleep(1)
        rig.since = rig.clock.now()
        async with rig.open() as link:
            await link.expect(Written, rig.says(rig.person(), "the stream is up"))
            assert not link.whats(Written, reply)
            rig.since = reply.at
            await link.link.follow(rig.interest([Ref("slack", parent.id)]))
            await link.expect(Written, reply)


async def test_reading_many_again_takes_few_calls() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person()
        saids = [rig.says(nurse, f"{n}") for n in range(30)]
        replies = [rig.says(nurse, f"reply {n}", reply_to=saids[0].id) for n in range(5)]
        for said in (*saids, *replies):
            await link.expect(Written, said)
        rig.deletes(saids[7])
        await link.expect(Removed, saids[7])
        link.items.clear()
        calls = server(rig).api.calls
        calls.clear()
        await link.reread([Ref("slack", said.id) for said in (*saids, *replies)])
        assert len([s for s in (*saids, *replies) if link.whats(Edited, s)]) == 34
        assert link.whats(Removed, saids[7])
        assert len(calls) == 3, f"a page, a thread, and one that is gone, not {[m for m, _ in calls]}"


# ---------------------------------------------------------------- writing


async def test_a_reply_to_a_reply_stands_in_the_first_ones_thread() -> None:
    async with subject().rig() as rig:
        parent = rig.says(rig.person(), "parent")
        reply = rig.says(rig.person(), "reply", reply_to=parent.id)
        async with rig.open(read=False) as link:  # a new process: it must ask where the reply stands
            order = rig.publish("ours", reply_to=Ref("slack", reply.id))
            await link.sent(order)
            assert rig.copy(order).reply_to == parent.id


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
        assert command == Command("post", by, "tea", "q3", on="bluesky", name="Lucy 1", answer=command.answer)
        await slack(link).answer(command.answer, "Done: <Q3> goes out now.")
        assert server(rig).whispers == [(HOSTS, host.account, "Done: <Q3> goes out now.")]


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


# ---------------------------------------------------------------- the app itself


def test_the_manifest_asks_for_what_the_code_uses() -> None:
    from pathlib import Path

    from simulator.slack.web import SCOPES

    lines = {
        line.strip().partition("#")[0].strip()
        for line in Path("slack-manifest.yaml").read_text().splitlines()
    }
    needed = {*SCOPES.values(), "commands", "channels:history", "groups:history", "im:history", "groups:read"}
    assert {f"- {scope}" for scope in needed} <= lines
    assert {"- app_mention", "- message.channels", "- message.groups", "- message.im"} <= lines
    assert {"- command: /chat", "socket_mode_enabled: true", "messages_tab_read_only_enabled: false"} <= lines


async def test_help_imports_no_sdk() -> None:
    import sys

    code = (
        "import sys, adapters.slack; print(sorted({'slack_sdk', 'slack_bolt', 'aiohttp'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
