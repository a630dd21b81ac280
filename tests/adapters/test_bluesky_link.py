"""What only Bluesky's link does; what every link does is in tests/conformance."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.bluesky import Settings, ids, platform
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    Absent,
    AuthorGone,
    AuthorKnown,
    Echoed,
    Edited,
    Found,
    Media,
    Order,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    RetryLater,
    Sent,
    Words,
    Written,
)
from bridge.ports import Platform
from bridge.text import marked
from simulator.bluesky import Server
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject


class Bluesky(Subject):
    network = "bluesky"

    def __init__(self, **options: Any) -> None:
        self.options = options

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, options | self.options)


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Rig, Server, Session]]:
    async with Bluesky(**options).rig() as rig, rig.open() as link:
        yield rig, server(rig), link


# ---------------------------------------------------------------- logging in


def test_the_package_is_light() -> None:
    """Loading the adapter's settings must not load the SDK."""
    code = "import sys, adapters.bluesky; sys.exit('atproto' in sys.modules or 'aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_stored_session_spares_the_login() -> None:
    async with Bluesky().rig() as rig:
        logins = server(rig).pds.budgets.logins[0]
        for _ in range(3):
            async with rig.open(read=False):
                pass
        assert logins.used == 1


async def test_another_account_s_session_is_not_used() -> None:
    async with Bluesky().rig() as rig:
        async with rig.open(read=False):
            pass
        assert rig.sessions.stored is not None
        rig.sessions.stored = rig.sessions.stored.replace(b"chat.bluesky", b"past.bluesky")
        stale = rig.sessions.stored.replace(server(rig).me.did.encode(), b"did:plc:past")
        rig.sessions.stored = stale
        async with rig.open(read=False) as link:
            assert link.opened.account == server(rig).me.did
        assert rig.sessions.stored != stale


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\xff", b"a:::b:::c:::d:::e"])
async def test_an_unreadable_session_is_replaced(rubbish: bytes) -> None:
    async with Bluesky().rig() as rig:
        rig.sessions.stored = rubbish
        async with rig.open(read=False):
            pass
        assert rig.sessions.stored != rubbish


async def test_tokens_that_rotate_are_saved_before_they_are_used() -> None:
    """Access tokens of five minutes: the SDK refreshes before each request."""
    async with Bluesky(access_seconds=300).rig() as rig:
        async with rig.open(read=False) as link:
            for n in range(3):
                before = rig.sessions.stored
                await link.sent(rig.publish(f"Q{n}"))
                assert rig.sessions.stored != before
        logins = server(rig).pds.budgets.logins[0].used
        async with rig.open(read=False) as link:
            await link.sent(rig.publish("Q4"))
        assert server(rig).pds.budgets.logins[0].used == logins, "the last one saved is good"


async def test_a_token_the_server_finds_too_old_is_renewed() -> None:
    """The SDK goes by our own clock; here the server's says otherwise."""
    async with Bluesky().rig() as rig, rig.open(read=False) as link:
        server(rig).pds.expire()
        order = rig.publish("Q1")
        assert isinstance(await link.send(order), Sent)
        rig.copy(order)
        assert server(rig).pds.budgets.logins[0].used == 1


async def test_a_wrong_or_missing_password() -> None:
    async with Bluesky().rig() as rig:
        table = rig.stage.access()["table"]
        for secrets in ({"password": "wrong"}, {}):
            made = platform.create("bluesky", Settings(**table), secrets, rig.clock)
            with pytest.raises(NeedsLogin) as refusal:
                async with made.open(rig.sessions):
                    pass
            assert "password" in str(refusal.value)
            assert "wrong" not in str(refusal.value)


async def test_nobody_there() -> None:
    async with Bluesky().rig() as rig:
        settings = Settings("chat.bluesky.example", api="http://127.0.0.1:9")
        made = platform.create("bluesky", settings, {"password": "x"}, rig.clock)
        with pytest.raises(Unreachable):
            async with made.open(rig.sessions):
                pass


# ---------------------------------------------------------------- reading


async def test_quotes_and_mentions_and_bare_tags() -> None:
    async with opened() as (rig, _, link):
        question = await link.sent(rig.publish("Q1"))
        await link.link.follow(rig.interest([question.ref]))
        ann = rig.person()
        quote = rig.says(ann, "look here", tag="none", quote=question.ref.id)
        assert (await link.expect(Written, quote)).post.quotes == (question.ref,)
        message = (await link.expect(Written, rig.says(ann, "stop", tag="none", place="direct"))).post
        assert message.mentions == (link.opened.account,)
        assert message.reach == "public", "Bluesky's direct messages are another service"
        bare = (await link.expect(Written, rig.says(ann, tag="bare"))).post
        assert bare.tags == ("coastaltea",)


async def test_an_author_as_the_network_shows_them() -> None:
    async with opened() as (rig, _, link):
        post = (await link.expect(Written, rig.says(rig.person("see https://ann.example")))).post
        assert post.author.handle == "@nurse-01.bluesky.example"
        assert post.author.name == "Nurse 1"
        rkey = post.uri.rpartition("/")[2]
        assert post.url == f"https://bsky.app/profile/nurse-01.bluesky.example/post/{rkey}"
        (known,) = (w for w in link.others(AuthorKnown) if w.account == post.author.account)
        assert known.wishes.links == ("https://ann.example",)


async def test_a_profile_worded_anew_is_told() -> None:
    async with opened() as (rig, stage, link):
        ann = rig.person()
        await link.expect(Written, rig.says(ann))
        stage.change_profile(ann, "#nobridge, thank you")
        await link.until(lambda: any(w.wishes.nobridge for w in link.others(AuthorKnown)), "the new wish")
        assert sum(w.account == ann.account for w in link.others(AuthorKnown)) == 2


async def test_an_account_that_goes() -> None:
    async with opened() as (rig, stage, link):
        ann, bob = rig.person(), rig.person()
        await link.expect(Written, rig.says(ann))
        stage.leave(bob)
        stage.leave(ann, "deactivated")
        await link.until(lambda: link.others(AuthorGone), "AuthorGone")
        assert link.others(AuthorGone) == [AuthorGone(ann.account)], "only of accounts that are known"


async def test_posts_come_through_without_an_appview() -> None:
    """The PDS alone: handles and wishes from the authors' repositories, no search, no threads."""
    async with opened(appview=False) as (rig, _, link):
        ann = rig.person("#nobridge")
        said = rig.says(ann)
        post = (await link.expect(Written, said)).post
        assert post.author.handle == "@nurse-01.bluesky.example"
        assert link.others(AuthorKnown)[0].wishes.nobridge
        rig.deletes(said)
        await link.expect(Removed, said)
        link.items.clear()
        await link.reread([post.ref])
        await link.expect(Removed, said)


async def test_an_author_who_could_not_be_looked_up_is_named_later() -> None:
    """A post waits for nobody; once the profile service is back, its author and their wishes are told."""
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person("#nobridge"))
        stage.faulty.add("app.bsky.actor.getProfiles")
        post = (await link.expect(Written, said)).post
        assert post.author.handle == post.author.account
        assert not link.others(AuthorKnown)
        stage.faulty.clear()
        await link.until(lambda: len(link.whats(Written, said)) > 1, "the post again, with its author")
        assert link.whats(Written, said)[-1].post.author.handle == "@nurse-01.bluesky.example"
        assert link.others(AuthorKnown)[-1].wishes.nobridge


@pytest.mark.parametrize("method", ["app.bsky.feed.getPosts", "com.atproto.repo.getRecord"])
async def test_what_cannot_be_read_again_now_is_not_called_gone(method: str) -> None:
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person())
        ref = (await link.expect(Written, said)).post.ref
        rig.deletes(said)
        await link.expect(Removed, said)
        link.items.clear()
        stage.faulty.add(method)
        with pytest.raises(Unreachable):
            await link.reread([ref])
        assert not link.whats(Removed, said)


async def test_a_gap_the_cursor_does_not_reach_is_filled() -> None:
    """Jetstream skips what it has forgotten without a word."""
    async with Bluesky().rig() as rig:
        ann = rig.person()
        async with rig.open() as link:
            question = await link.sent(rig.publish("Q1"))
            await link.expect(Written, rig.says(ann, "the stream is up"))
            last = link.cursor
        tagged = rig.says(ann, "with the tag")
        reply = rig.says(ann, "without", tag="none", reply_to=question.ref.id)
        stop = rig.says(ann, "stop", tag="none", place="direct")
        await rig.clock.sleep(5)
        rig.strike("cursor_lost")
        async with rig.open(last, threads=[question.ref]) as link:
            for said in (tagged, reply, stop):
                await link.expect(Written, said)
        assert rig.faults.fired["cursor_lost"] == 1


async def test_what_was_missed_while_the_socket_was_down_is_looked_up() -> None:
    """Within one link, entries are looked at again: what changed is told, what did not is not."""
    async with opened() as (rig, _, link):
        ann = rig.person()
        same, changed, gone = (rig.says(ann, what) for what in ("same", "changed", "gone"))
        refs = [(await link.expect(Written, said)).post.ref for said in (same, changed, gone)]
        await link.link.follow(rig.interest(refs))
        rig.strike("cursor_lost", "socket_dropped")
        rig.edits(changed, f"{changed.text.split()[0]} reworded")
        rig.says(ann, "this one drops the socket")
        rig.deletes(gone)
        await link.expect(Removed, gone)
        await link.expect(Edited, changed)
        assert not link.whats(Edited, same)


async def test_another_host_is_asked_when_one_fails() -> None:
    async with Bluesky().rig() as rig:
        table = rig.stage.access()["table"]
        hosts = ["ws://127.0.0.1:9", *table["jetstream"]]
        settings = Settings(table["account"], tuple(hosts), table["api"])
        made = platform.create("bluesky", settings, {"password": server(rig).password}, rig.clock)
        async with made.open(rig.sessions) as link:
            session = Session(rig, link)
            await link.follow(rig.interest())
            session.start(None)
            await session.expect(Written, rig.says(rig.person()))
            await session.stop()


async def test_a_copy_of_bridgy_fed_names_its_original() -> None:
    async with opened() as (rig, stage, link):
        ann = rig.person(name="ann")
        account = stage.repos.accounts[ann.account]
        record = stage._record("A1 #CoastalTea", "2026-11-23T10:00:00.000Z", tags=True)
        record["bridgyOriginalUrl"] = "https://sea.example/@ann/1"
        for handle, original in (
            ("ann.example", None),
            ("ann.sea.example.ap.brid.gy", record["bridgyOriginalUrl"]),
        ):
            account.handle = handle
            stage.change_profile(ann, f"now {handle}")
            stored, _ = stage.repos.put(ann.account, ids.POST, stage.repos.next_tid(), record)
            post = (await link.expect(Written, stage.said[stored.uri])).post
            assert post.original == original


# ---------------------------------------------------------------- writing


async def test_a_post_of_ours() -> None:
    async with opened() as (rig, stage, link):
        order = rig.publish("Q1: which tide?")
        sent = await link.sent(order)
        rkey = ids.tid(order.stamp)
        assert sent.uri == f"at://{stage.me.did}/app.bsky.feed.post/{rkey}"
        assert sent.url == f"https://bsky.app/profile/{stage.me.handle}/post/{rkey}"
        stored = stage.repos.records[sent.uri]
        assert sent.version == stored.cid
        assert stored.record["createdAt"] == ids.iso(order.stamp)
        assert stored.record["langs"] == ["en"]
        await link.until(lambda: link.others(Echoed), "an echo")
        assert link.others(Echoed)[0] == Echoed(order.stamp, sent.ref, sent.uri, sent.version)


async def test_sending_again_commits_nothing() -> None:
    async with opened() as (rig, stage, link):
        order = rig.publish("Q1")
        first = await link.sent(order)
        rev = stage.repos.records[first.uri].rev
        assert await link.sent(order) == first
        assert stage.repos.records[first.uri].rev == rev


async def test_a_reply_names_root_and_parent() -> None:
    """Also when neither was seen by this link: then they are looked up."""
    async with Bluesky().rig() as rig:
        ann = rig.person()
        first = rig.says(ann)
        second = rig.says(ann, reply_to=first.id)
        async with rig.open(read=False) as link:
            sent = await link.sent(rig.publish("welcome", reply_to=Ref("bluesky", second.id)))
        records = server(rig).repos.records
        reply = records[sent.uri].record["reply"]
        assert reply["root"] == {"uri": first.id, "cid": records[first.id].cid}
        assert reply["parent"] == {"uri": second.id, "cid": records[second.id].cid}


async def test_a_reply_to_what_is_gone() -> None:
    async with Bluesky().rig() as rig, rig.open(read=False) as link:
        said = rig.says(rig.person())
        rig.deletes(said)
        outcome = await link.send(rig.publish("welcome", reply_to=Ref("bluesky", said.id)))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why
        assert isinstance(await link.send(rig.publish("to nothing", reply_to=Ref("bluesky", "x"))), Refused)


async def test_the_server_says_when_to_come_back() -> None:
    async with opened() as (rig, _, link):
        rig.strike("rate_limited")
        outcome = await link.send(rig.publish("Q1"))
        assert isinstance(outcome, RetryLater)
        assert 10 < outcome.after <= 31


async def test_nothing_private_is_published() -> None:
    async with opened() as (rig, stage, link):
        order = rig.order(Publish(Words(marked("your record")), reach="direct"))
        assert isinstance(await link.send(order), Refused)
        assert not stage.said


async def test_only_our_own_posts_can_be_retracted() -> None:
    async with opened() as (rig, _, link):
        said = rig.says(rig.person())
        assert isinstance(await link.send(rig.order(Retract(Ref("bluesky", said.id)))), Refused)
        assert not said.deleted


async def test_whether_a_retraction_is_done() -> None:
    async with opened() as (rig, _, link):
        sent = await link.sent(rig.publish("Q1"))
        retract = rig.order(Retract(sent.ref))
        assert await link.find(retract) == Absent()
        await link.sent(retract)
        assert isinstance(await link.find(retract), Found)


# ---------------------------------------------------------------- pictures

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def with_picture(rig: Rig, url: str) -> Order:
    order = rig.publish("Q1")
    assert isinstance(order.op, Publish)
    assert isinstance(order.op.content, Words)
    content = Words(order.op.content.text, media=(Media(url, "image", "a tide table"),))
    return msgspec.structs.replace(order, op=Publish(content))


async def test_a_picture_goes_along_with_its_description(tmp_path: Path) -> None:
    path = tmp_path / "a cup.png"
    path.write_bytes(PNG)
    async with opened() as (rig, stage, link):
        for url in (str(path), path.as_uri()):
            order = with_picture(rig, url)
            sent = await link.sent(order)
            assert await link.sent(order) == sent, "the same picture is the same reference"
            (image,) = stage.repos.records[sent.uri].record["embed"]["images"]
            assert (image["alt"], image["image"]["mimeType"]) == ("a tide table", "image/png")
            assert image["image"]["size"] == len(PNG)


async def test_a_picture_from_the_web() -> None:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="image/png")

    app = web.Application()
    app.router.add_get("/q1.png", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with opened() as (rig, stage, link):
            sent = await link.sent(with_picture(rig, f"{address}/q1.png"))
            assert "embed" in stage.repos.records[sent.uri].record
            outcome = await link.send(with_picture(rig, f"{address}/none.png"))
            assert isinstance(outcome, RetryLater)
    finally:
        await runner.cleanup()


async def test_a_picture_that_cannot_be_sent(tmp_path: Path) -> None:
    big = tmp_path / "big.png"
    big.write_bytes(bytes(1_000_001))
    async with opened() as (rig, stage, link):
        for url in (str(big), str(tmp_path / "none.png")):
            outcome = await link.send(with_picture(rig, url))
            assert isinstance(outcome, Refused)
            assert url in outcome.why
        assert not stage.said
