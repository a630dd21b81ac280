"""A link to a Slack workspace: what the conformance suite does not ask of every network."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp import web

from adapters.slack import Settings, feed, platform
from bridge.errors import CursorLost, NeedsLogin, Unreachable
from bridge.model import (
    Beat,
    Edited,
    Found,
    Interest,
    Ref,
    Removed,
    Written,
)
from simulator.slack.server import SCOPES as GRANTED
from simulator.slack.sockets import Hub
from simulator.slack.wire import BOT_USER, CHAT, HOSTS
from tests.adapters.slack_rig import commanded, server, subject

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
        with pytest.raises(
            NeedsLogin, match=r"cannot read the channel C9\. Type /invite @chatbridge there, or"
        ):
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


async def test_a_socket_that_falls_silent_is_replaced() -> None:
    """It is open and takes what we send, and nobody is there: no answer to a ping says so."""
    async with subject().rig(patience=0.5) as rig:
        stage, dead, noticed = server(rig), asyncio.Event(), asyncio.Event()
        listening = stage.hub._read

        async def deaf(ws: web.WebSocketResponse) -> None:
            stage.hub._read = listening  # type: ignore[method-assign]
            stage.hub._sockets.clear()
            dead.set()
            await noticed.wait()

        stage.hub._read = deaf  # type: ignore[method-assign]
        first = rig.says(rig.person(), "read from the history")
        async with rig.open() as link:
            await dead.wait()
            await link.expect(Written, first)
            said = rig.says(rig.person(), "into the void")
            await link.expect(Written, said, "another socket was opened, and the gap read")
            assert stage.hub.opened == 2
            noticed.set()


async def test_an_address_that_was_used_up_is_given_up() -> None:
    """The SDK would try it for ever (measured); another is asked for when the link is opened again."""
    async with subject().rig(patience=0.5) as rig:
        hub = server(rig).hub
        fresh, used = hub.open, {"ok": True, "url": f"ws://{hub.address}/link/?ticket=used"}
        hub.open = lambda: used  # type: ignore[method-assign]
        with pytest.raises(Unreachable, match="no connection could be made"):
            async with rig.open():
                pass
        hub.open = fresh  # type: ignore[method-assign]
        async with rig.open() as link:
            await link.expect(Written, rig.says(rig.person(), "heard"))


async def test_an_app_token_that_is_wrong_is_told_at_once() -> None:
    """It would hang the SDK without a word (measured)."""
    async with subject().rig() as rig:
        access = rig.stage.access()
        tokens = {"bot_token": access["secrets"]["BOT_TOKEN"], "app_token": "xapp-wrong"}
        adapter = platform.create("slack", msgspec.convert(access["table"], Settings), tokens, rig.clock)
        with pytest.raises(NeedsLogin, match=r"apps\.connections\.open: invalid_auth.*App-Level Tokens"):
            async with adapter.open(rig.sessions):
                pass


async def test_an_event_told_twice_is_one() -> None:
    """By its event_id, whatever it is; and a message by where it stands."""
    async with subject().rig() as rig, rig.open() as link:
        nurse, hub = rig.person(), server(rig).hub
        said = rig.says(nurse, "once")
        await link.expect(Written, said)
        item = {"type": "message", "channel": CHAT, "ts": said.id.partition("/")[2]}
        event = {"type": "reaction_added", "user": nurse.account, "reaction": "tada", "item": item}
        off = hub._callback(event | {"type": "reaction_removed"})
        for payload in (hub._callback(event), off, off):
            hub._deliver(hub._envelope("events_api", payload))
        hub._deliver(hub._envelope("events_api", hub._callback(said.raw | {"channel": CHAT})))
        server(rig).command(nurse, "hold")
        commands = await commanded(link, 3)
        await link.expect(Written, rig.says(nurse, "later"))
        assert [command.verb for command in commands] == ["noticed", "unnoticed", "hold"]
        assert len(link.whats(Written, said)) == 1


async def test_our_own_messages_are_known_without_their_metadata() -> None:
    """Events bring it only where the app's manifest describes it (reported from live workspaces); the history
    always does."""
    async with subject().rig() as rig, rig.open() as link:
        stage, created = server(rig), server(rig)._created
        stage._created = lambda message: {**created(message), "metadata": {}}  # type: ignore[method-assign]
        order = rig.publish("ours")
        sent = await link.sent(order)
        said = await link.expect(Written, rig.says(rig.person(), "until here"))
        assert [w.post.ref for w in link.others(Written)] == [said.post.ref]
        found = await link.link.find(order)
        assert isinstance(found, Found)
        assert [post.ref for post in found.posts] == [sent.ref]


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


async def test_a_first_direct_message_written_in_a_gap_arrives() -> None:
    """Nobody told us of that conversation: it is found by asking which there are."""
    async with subject().rig() as rig:
        async with rig.open() as link:
            await link.expect(Written, rig.says(rig.person(), "A1"))
        stop = rig.says(rig.person(), "stop", place="direct", tag="none")
        async with rig.open(link.cursor) as link:
            assert (await link.expect(Written, stop)).post.reach == "direct"


async def test_without_the_right_to_list_them_known_direct_conversations_are_read() -> None:
    async with subject(scopes=tuple(s for s in GRANTED if s != "im:read")).rig() as rig:
        async with rig.open() as link:
            assert any("may be missed" in remark.what for remark in await link.link.inspect())  # type: ignore[attr-defined]  # a link of ours has it
            await link.expect(Written, rig.says(rig.person(), "A1"))
        said = rig.says(rig.person(), "A2")
        async with rig.open(link.cursor) as link:
            await link.expect(Written, said)


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


# ---------------------------------------------------------------- the app itself


async def test_help_imports_no_sdk() -> None:
    import sys

    code = (
        "import sys, adapters.slack; print(sorted({'slack_sdk', 'slack_bolt', 'aiohttp'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
