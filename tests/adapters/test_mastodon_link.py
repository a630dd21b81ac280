"""What is Mastodon's own about its link; what every link does is in tests/conformance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from aiohttp import web

from adapters.mastodon import platform
from adapters.mastodon.rest import LostError, NotSentError, Rest
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    MINUTE,
    Absent,
    AuthorKnown,
    Beat,
    Edited,
    Found,
    Gathered,
    Media,
    Publish,
    Ref,
    Refused,
    Removed,
    Sent,
    Text,
    Words,
    Written,
)
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.stage import Draft, Stage
from tests.conformance.rig import BridgeClock, Rig, Subject


class Mastodon(Subject):
    network: ClassVar[str] = "mastodon"
    speed: ClassVar[float] = 120.0

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Mastodon().rig() as rig:
        yield rig


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


# ---------------------------------------------------------------- opening


async def test_it_learns_who_and_how_much(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        opened = link.opened
    assert (opened.account, opened.handle) == ("acct:chat@mastodon.example", "@chat@mastodon.example")
    assert opened.url == "https://mastodon.example/@chat"
    assert (opened.capabilities.limits.graphemes, opened.capabilities.limits.url) == (500, 23)
    assert (opened.capabilities.resend, opened.capabilities.key_lasts) == ("same_key", 3600)
    assert abs(opened.skew) < 60


async def test_a_token_without_the_scope_is_for_a_person_to_mend(rig: Rig) -> None:
    server(rig).scopes = "read"
    async with rig.open() as link:
        with pytest.raises(NeedsLogin, match="scopes read and write"):
            await link.send(rig.publish("Q1"))


async def test_without_a_token_nothing_is_asked(rig: Rig) -> None:
    table = rig.stage.access()["table"]
    adapter = platform.create("mastodon", msgspec.convert(table, platform.settings), {}, rig.clock)
    with pytest.raises(NeedsLogin, match="MASTODON_TOKEN"):
        async with adapter.open(rig.sessions):
            pass
    assert server(rig).budgets.token.used == 0


async def test_a_server_that_is_no_mastodon() -> None:
    app = web.Application()
    app.router.add_get("/{anything:.*}", _hello)
    async with _serving(app) as address:
        settings = msgspec.convert({"server": "https://m.example", "api": address}, platform.settings)
        adapter = platform.create("m", settings, {"token": "t"}, BridgeClock(Clock(), 2.0))
        with pytest.raises(Unreachable, match="does not answer like Mastodon"):
            async with adapter.open(None):  # type: ignore[arg-type]
                pass


# ---------------------------------------------------------------- reading


async def test_polling_carries_the_chat_while_the_stream_is_silent(rig: Rig) -> None:
    server(rig).hub.deaf = True
    async with rig.open() as link:
        order = rig.publish("Q1")
        question = await link.sent(order)
        await link.link.follow(rig.interest([question.ref]))
        nurse = rig.person()
        tagged = rig.says(nurse, "A1")
        untagged = rig.says(nurse, "me too", tag="none", reply_to=tagged.id)
        letter = rig.says(nurse, "stop", tag="none", place="direct")
        for said in (tagged, untagged, letter):
            await link.expect(Written, said, "though the stream shows nothing")
        rig.edits(tagged, f"{tagged.text.split()[0]} reworded")
        rig.deletes(untagged)
        await link.expect(Edited, tagged)
        await link.expect(Removed, untagged)


async def test_polling_carries_the_chat_where_the_stream_is_refused(rig: Rig) -> None:
    access = rig.stage.access
    elsewhere = dict(access()["table"])
    proxy = web.Application()
    proxy.router.add_route("*", "/{path:.*}", _forwarded(elsewhere["api"]))
    async with _serving(proxy) as address:
        rig.stage.access = lambda: {**access(), "table": {**elsewhere, "api": address}}  # type: ignore[method-assign]
        async with rig.open() as link:
            said = rig.says(rig.person(), "A1")
            await link.expect(Written, said)
            rig.edits(said, f"{said.text.split()[0]} reworded")
            await link.expect(Edited, said)


async def test_several_at_once_may_be_refused(rig: Rig) -> None:
    refused: list[str] = []
    proxy = web.Application()
    forward = _forwarded(rig.stage.access()["table"]["api"])

    async def no_bulk(request: web.Request) -> web.StreamResponse:
        refused.append(request.path)
        return web.json_response({"error": "Method Not Allowed"}, status=405)

    proxy.router.add_get("/api/v1/statuses", no_bulk)
    proxy.router.add_route("*", "/{path:.*}", forward)
    access = rig.stage.access
    async with _serving(proxy) as address:
        table = {**access()["table"], "api": address}
        rig.stage.access = lambda: {**access(), "table": table}  # type: ignore[method-assign]
        nurse = rig.person()
        kept, gone = rig.says(nurse, "kept"), rig.says(nurse, "gone")
        async with rig.open(read=False) as link:
            rig.deletes(gone)
            await link.reread([Ref("mastodon", kept.id), Ref("mastodon", gone.id)])
            assert len(link.whats(Edited, kept)) == 1
            assert len(link.whats(Removed, gone)) == 1
            await link.reread([Ref("mastodon", kept.id)])
            assert len(link.whats(Edited, kept)) == 2
    assert len(refused) == 1, "asked once, and then one by one"


async def test_a_late_remote_post_is_found_behind_the_cursor(rig: Rig) -> None:
    """It gets an id of its own time: more than a page of newer ones, all reported, stands before it."""
    server(rig).hub.deaf = True
    people = [rig.person() for _ in range(5)]
    async with rig.open() as link:
        for said in [rig.says(people[n % 5], f"A{n}") for n in range(45)]:
            await link.expect(Written, said)
        link.items.clear()
        await link.until(lambda: link.others(Beat), "a whole round")
        rig.since -= 10 * MINUTE
        await link.link.follow(rig.interest())
        late = server(rig).arrive_late(people[0], Draft("late tea"), rig.time.now() - 4 * MINUTE)
        post = (await link.expect(Written, rig.stage.said[late])).post
        assert post.seen - post.at > 3 * MINUTE, "the server cannot have shown it when it was written"


async def test_what_a_gap_shows_is_as_old_as_it_says(rig: Rig) -> None:
    """Filled from a timeline minutes later, a post still counts for the question of its own time."""
    async with rig.open() as link:
        await link.until(lambda: link.others(Beat), "a whole round")
    missed = rig.says(rig.person(), "meanwhile")
    await rig.clock.sleep(150)
    async with rig.open(link.cursor) as link:
        post = (await link.expect(Written, missed)).post
        assert abs(post.seen - missed.at) < MINUTE


async def test_a_reply_keeps_its_parent_when_that_is_deleted(rig: Rig) -> None:
    async with rig.open() as link:
        above = rig.says(rig.person(), "A1")
        below = rig.says(rig.person(), "yes", reply_to=above.id)
        await link.expect(Written, below)
        rig.deletes(above)
        rig.edits(below, f"{below.text.split()[1]} no #CoastalTea")
        edited = await link.expect(Edited, below)
        assert edited.post.reply_to == Ref("mastodon", above.id)
        assert server(rig).statuses[below.id].parent is None


async def test_private_words_come_with_their_reach(rig: Rig) -> None:
    async with rig.open() as link:
        order = rig.publish("Q1")
        await link.sent(order)
        nurse = rig.person("#nobot", "private")
        answer = rig.says(nurse, "A1", tag="none", reply_to=rig.copy(order).id, reach="limited")
        post = (await link.expect(Written, answer)).post
        assert (post.reach, post.mentions) == ("limited", ("acct:chat@mastodon.example",))
        known = next(w for w in link.others(AuthorKnown) if w.account == post.author.account)
        assert known.wishes.nobot
        hidden = rig.says(nurse, "to my followers", reach="limited")
        shown = rig.says(nurse, "to all")
        await link.expect(Written, shown)
        assert not link.whats(Written, hidden)


async def test_a_quote_is_delivered_with_what_it_quotes(rig: Rig) -> None:
    async with rig.open() as link:
        order = rig.publish("Q1")
        question = await link.sent(order)
        await link.link.follow(rig.interest([question.ref]))
        said = rig.says(rig.person(), "this one", tag="none", quote=rig.copy(order).id)
        post = (await link.expect(Written, said)).post
        assert post.quotes == (question.ref,)
        assert "RE:" not in post.text.plain


async def test_rounds_stay_within_the_budget_and_leave_room_for_posts(rig: Rig) -> None:
    server(rig).hub.deaf = True
    people = [rig.person() for _ in range(20)]
    async with rig.open() as link:
        saids = [rig.says(people[n % 20], f"A{n}") for n in range(120)]
        for said in saids:
            await link.expect(Written, said)
        await link.link.follow(rig.interest([Ref("mastodon", s.id) for s in saids]))
        started = rig.time.now()
        await rig.until(lambda: rig.time.now() - started > 6 * MINUTE, "six minutes to pass")
        assert isinstance(await link.send(rig.publish("still room")), Sent)
        assert server(rig).budgets.token.used < 240


# ---------------------------------------------------------------- writing


async def test_a_picture_goes_with_its_words_and_stays_when_they_change(rig: Rig, tmp_path: Path) -> None:
    picture = tmp_path / "q1.png"
    picture.write_bytes(b"\x89PNG" + bytes(2_000))
    async with rig.open() as link:
        words = Words(Text("Q1 #CoastalTea"), media=(Media(str(picture), "image", "A tide table"),))
        sent = await link.send(rig.order(Publish(words)))
        assert isinstance(sent, Sent)
        status = server(rig).statuses[sent.ref.id]
        assert [m["description"] for m in status.media] == ["A tide table"]
        assert status.media[0]["meta"]["size"] == 2_004
        assert isinstance(await link.send(rig.update(sent.ref, "Q1 again #CoastalTea")), Sent)
        assert status.text == "Q1 again #CoastalTea"
        assert len(status.media) == 1


@pytest.mark.parametrize(
    ("url", "why"), [("nowhere/q1.png", "cannot be read"), ("https://m.example/1.png", "must be a file")]
)
async def test_a_picture_that_cannot_be_sent_stops_its_post(rig: Rig, url: str, why: str) -> None:
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.order(Publish(Words(Text("Q1"), media=(Media(url),)))))
    assert isinstance(outcome, Refused)
    assert why in outcome.why
    assert not any(said.ours for said in rig.stage.said.values())


async def test_a_direct_answer_mentions_its_reader_and_is_found_again(rig: Rig) -> None:
    async with rig.open() as link:
        letter = rig.says(rig.person(), "stop", tag="none", place="direct")
        received = (await link.expect(Written, letter)).post
        op = Publish(Words(Text("Done.")), reply_to=received.ref, reach="direct")
        order = rig.order(op)
        sent = await link.send(order)
        assert isinstance(sent, Sent)
        status = server(rig).statuses[sent.ref.id]
        assert status.visibility == "direct"
        assert status.mentions[0].handle == letter.author
        assert isinstance(await link.find(order), Found)


async def test_where_a_copy_can_be_read(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        for reach, visibility in (("public", "public"), ("quiet", "unlisted")):
            sent = await link.send(rig.order(Publish(Words(Text(f"{reach} tea")), reach=reach)))  # type: ignore[arg-type]
            assert isinstance(sent, Sent)
            assert server(rig).statuses[sent.ref.id].visibility == visibility


async def test_two_orders_of_the_same_words_are_told_apart(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        first, second = (rig.order(Publish(Words(Text("Thank you all!")))) for _ in range(2))
        assert isinstance(await link.send(first), Sent)
        assert isinstance(await link.find(second), Absent)
        assert isinstance(await link.send(second), Sent)
        found = await link.find(second)
        assert isinstance(found, Found)
        assert len(found.posts) == 1


async def test_an_older_post_of_the_same_words_is_not_taken_for_this_one(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        assert isinstance(await link.send(rig.order(Publish(Words(Text("Welcome!"))))), Sent)
    await rig.clock.sleep(150)
    async with rig.open(read=False) as link:
        assert isinstance(await link.find(rig.order(Publish(Words(Text("Welcome!"))))), Absent)


async def test_what_mastodon_cannot_show_is_refused(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.order(Publish(Gathered(()))))
    assert isinstance(outcome, Refused)
    assert "gathered" in outcome.why


async def test_a_reply_to_what_is_gone_is_refused(rig: Rig) -> None:
    said = rig.says(rig.person(), "tea")
    rig.deletes(said)
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.publish("A1", reply_to=Ref("mastodon", said.id)))
    assert isinstance(outcome, Refused)
    assert "gone" in outcome.why


# ---------------------------------------------------------------- requests


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    async with _serving(web.Application()) as address:
        pass
    rest = Rest(address, "t", Clock())
    with pytest.raises(NotSentError):
        await rest.ask("status_post", "tea")
    rest.close()


async def test_an_answer_that_breaks_off_is_lost() -> None:
    async def abort(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_post("/api/v1/statuses", abort)
    async with _serving(app) as address:
        rest = Rest(address, "t", Clock())
        with pytest.raises(LostError):
            await rest.ask("status_post", "tea")
        rest.close()


async def test_closing_frees_a_thread_that_waits_for_an_answer() -> None:
    asked = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", never)
    async with _serving(app) as address:
        others = _requesting()
        rest = Rest(address, "t", Clock())
        asking = asyncio.create_task(rest.ask("instance_v2"))
        await asked.wait()
        rest.close()
        async with asyncio.timeout(3):
            with pytest.raises(LostError):
                await asking
            while _requesting() - others:  # noqa: ASYNC110 - a thread's end is no event
                await asyncio.sleep(0.01)
        with pytest.raises(NotSentError):
            await rest.ask("instance_v2")


async def test_no_error_tells_the_token(rig: Rig) -> None:
    """The rig listens to every log record and every error; here it is shown to hear."""
    rig.ears.hear(f"Bearer {server(rig).token}", "a made-up log")
    assert rig.ears.leaks
    rig.ears.leaks.clear()
    assert server(rig).token not in repr(rig.adapter())


# ---------------------------------------------------------------- helpers


def _requesting() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("mastodon ")}


class _serving:  # noqa: N801 - reads like a function
    """A server on a free port for as long as the block; gives its address."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def _hello(request: web.Request) -> web.Response:
    return web.Response(text="<h1>Hello</h1>", content_type="text/html", status=404)


def _forwarded(api: str) -> Any:
    """A handler that passes requests on to `api`; it speaks no websocket, and says so of the stream."""
    import aiohttp

    async def forward(request: web.Request) -> web.StreamResponse:
        if "streaming" in request.path:
            return web.json_response({"error": "Not found"}, status=404)
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, api + request.path_qs, data=body or None, headers=headers
            ) as answer,
        ):
            text = (await answer.read()).decode()
            if request.path.startswith("/api/v2/instance"):  # the stream is looked for here as well
                text = text.replace('"ws://', '"none://')
            kept = {k: v for k, v in answer.headers.items() if k.startswith("X-") or k == "Date"}
            return web.Response(
                text=text, status=answer.status, headers=kept, content_type="application/json"
            )

    return forward
