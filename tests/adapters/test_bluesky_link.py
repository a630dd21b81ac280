"""What only Bluesky's link does; what every link does is in tests/conformance."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.bluesky import Settings, ids, platform
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import AuthorGone, AuthorKnown, Edited, Ref, Removed, Sent, Written
from tests.adapters.bluesky_rig import Bluesky, opened, server

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
        quote = rig.says(ann, "as they said", tag="none", quote=tagged.id)
        stop = rig.says(ann, "stop", tag="none", place="direct")
        await rig.clock.sleep(5)
        rig.strike("cursor_lost")
        theirs = Ref("bluesky", tagged.id)
        async with rig.open(last, threads=[question.ref, theirs]) as link:
            for said in (tagged, reply, stop, quote):
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


# ---------------------------------------------------------------- what is not for everybody


async def test_a_reply_the_hosts_hid_in_the_app_is_for_them_alone() -> None:
    """It can be undone, which a removal could not."""
    async with opened() as (rig, stage, link):
        question = await link.sent(rig.publish("Q1"))
        await link.link.follow(rig.interest([question.ref]))
        said, other = (rig.says(rig.person(), reply_to=question.ref.id) for _ in range(2))
        for reply in (said, other):
            assert (await link.expect(Written, reply)).post.reach == "public"
        stage.hide(said.id)
        assert (await link.expect(Edited, said)).post.reach == "limited"
        stage.unhide(question.ref.id)
        await link.until(lambda: link.whats(Edited, said)[-1].post.reach == "public", "the reply, unhidden")
        assert not link.whats(Edited, other)


async def test_a_reply_that_was_hidden_while_nobody_read_is_found_so() -> None:
    async with Bluesky().rig() as rig:
        async with rig.open() as link:
            question = await link.sent(rig.publish("Q1"))
            said = rig.says(rig.person(), reply_to=question.ref.id)
            await link.expect(Written, said)
        server(rig).hide(said.id)
        await rig.clock.sleep(5)
        async with rig.open(link.cursor, threads=[question.ref], read=False) as link:
            await link.reread([Ref("bluesky", said.id), question.ref])
            assert link.whats(Edited, said)[-1].post.reach == "limited"


@pytest.mark.parametrize("label", ["!hide", "!takedown"])
async def test_what_moderators_take_down_is_removed(label: str) -> None:
    async with opened() as (rig, stage, link):
        said, kept = rig.says(rig.person()), rig.says(rig.person())
        refs = [(await link.expect(Written, post)).post.ref for post in (said, kept)]
        stage.label(said.id, label)
        stage.label(kept.id, "graphic-media")
        await rig.clock.sleep(1)
        await link.reread(refs)
        assert link.whats(Removed, said)
        assert link.whats(Edited, kept)[-1].post.warning == "Graphic media"


async def test_who_blocks_us_is_shown_no_more() -> None:
    """Old posts go when they are read again; of new ones nobody sees the words."""
    async with opened() as (rig, stage, link):
        ann, bob = rig.person(), rig.person()
        said = rig.says(ann)
        ref = (await link.expect(Written, said)).post.ref
        for person in (ann, bob):
            stage.block(person)
        await rig.clock.sleep(1)
        await link.reread([ref])
        assert link.whats(Removed, said)
        assert (await link.expect(Written, rig.says(bob))).post.reach == "limited"


@pytest.mark.parametrize("status", ["deactivated", "takendown", "suspended"])
async def test_an_account_that_comes_back_is_read_again(status: str) -> None:
    async with opened() as (rig, stage, link):
        ann = rig.person()
        kept, gone = rig.says(ann, "kept"), rig.says(ann, "gone")
        for said in (kept, gone):
            await link.expect(Written, said)
        stage.leave(ann, status)
        await link.until(lambda: link.others(AuthorGone), "AuthorGone")
        rig.deletes(gone)
        stage.come_back(ann)
        await link.expect(Edited, kept)
        await link.expect(Removed, gone)
        await link.expect(Written, rig.says(ann, "and on"))


async def test_a_new_handle_is_shown_with_the_next_post() -> None:
    async with opened() as (rig, stage, link):
        ann = rig.person()
        await link.expect(Written, rig.says(ann))
        stage.rename(ann, "ann.example")
        assert (await link.expect(Written, rig.says(ann))).post.author.handle == "@ann.example"


async def test_pictures_quotes_and_warnings_arrive() -> None:
    async with opened() as (rig, _, link):
        ann = rig.person()
        first = rig.says(ann)
        said = rig.says(ann, pictures=("a cup", ""), quote=first.id, warning="blood", language="cy")
        post = (await link.expect(Written, said)).post
        assert [(media.kind, media.alt) for media in post.media] == [("image", "a cup"), ("image", "")]
        assert post.quotes == (Ref("bluesky", first.id),)
        assert post.quoted is not None
        assert post.quoted.endswith(first.id.rpartition("/")[2])
        assert (post.warning, post.language) == (said.warning, "cy")
