"""What is Mastodon's own about reading; what every link does is in tests/conformance."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bridge.model import MINUTE, SECOND, AuthorGone, AuthorKnown, Beat, Edited, Ref, Removed, Sent, Written
from simulator.faults import Faults
from simulator.mastodon import Server
from simulator.stage import Draft, Person
from tests.adapters.mastodon_rig import Mastodon, behind, forwarded, server
from tests.conformance.rig import TAG, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Mastodon().rig() as rig:
        yield rig


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
    async with behind(rig), rig.open() as link:
        said = rig.says(rig.person(), "A1")
        await link.expect(Written, said)
        rig.edits(said, f"{said.text.split()[0]} reworded")
        await link.expect(Edited, said)


async def test_several_at_once_may_be_refused(rig: Rig) -> None:
    refused: list[str] = []

    async def no_bulk(request: web.Request) -> web.StreamResponse:
        refused.append(request.path)
        return web.json_response({"error": "Method Not Allowed"}, status=405)

    async with behind(rig, ("GET", "/api/v1/statuses", no_bulk)):
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


@pytest.mark.parametrize("code", [403, 404, 503])
async def test_the_stream_carries_the_chat_where_nothing_can_be_asked(rig: Rig, code: int) -> None:
    refused: list[str] = []

    async def no(request: web.Request) -> web.StreamResponse:
        refused.append(request.path)
        return web.json_response({"error": "This action is not allowed"}, status=code)

    paths = ("/api/v1/timelines/{rest:.*}", "/api/v1/notifications", "/api/v1/statuses{rest:.*}")
    async with behind(rig, *(("GET", path, no) for path in paths), streams=True), rig.open() as link:
        nurse = rig.person()
        stream = ("hashtag", TAG.casefold())
        await rig.until(lambda: any(stream in c.streams for c in server(rig).hub.clients), "the stream")
        kept, gone = rig.says(nurse, "A1"), rig.says(nurse, "A1 as well")
        for said in (kept, gone):
            await link.expect(Written, said)
        reply = rig.says(nurse, "me too", tag="none", reply_to=kept.id)
        letter = rig.says(nurse, "stop", tag="none", place="direct")
        await link.expect(Written, letter)
        rig.edits(kept, f"{kept.text.split()[0]} reworded")
        rig.deletes(gone)
        await link.expect(Edited, kept)
        await link.expect(Removed, gone)
        started = rig.time.now()
        await rig.until(lambda: rig.time.now() - started > 6 * MINUTE, "six minutes to pass")
        await link.expect(Written, rig.says(nurse, "still there"))
        assert refused
        assert not link.whats(Written, reply), "without its tag only asking would show it"


async def test_after_the_stream_was_cut_everything_is_right(rig: Rig) -> None:
    nurse, hub = rig.person(), server(rig).hub
    async with rig.open() as link:
        kept, changed, gone = (rig.says(nurse, what) for what in ("kept", "to change", "to go"))
        for said in (kept, changed, gone):
            await link.expect(Written, said)
        hub.cut = True
        hub.drop()
        began = rig.time.now()
        written = rig.says(nurse, "written meanwhile")
        rig.edits(changed, f"{changed.text.split()[0]} changed #{TAG}")
        rig.deletes(gone)
        brief = rig.says(nurse, "written and removed meanwhile")
        rig.deletes(brief)
        await rig.until(lambda: rig.time.now() - began > 30 * SECOND, "half a minute without a stream")
        hub.cut = False
        await link.expect(Written, written)
        assert "changed" in (await link.expect(Edited, changed)).post.text.plain
        await link.expect(Removed, gone)
        await rig.until(lambda: hub.clients, "the stream to come back")
        await link.expect(Written, rig.says(nurse, "and on"))
        assert not link.whats(Removed, kept)
        assert not link.whats(Written, brief)


async def test_who_left_is_reported_with_all_that_was_theirs(rig: Rig) -> None:
    """The stream tells of public posts only; asking shows that the others, and their author, are gone."""
    person = _living_here(rig)
    async with rig.open() as link:
        public, quiet = rig.says(person, "tea"), rig.says(person, "quiet tea", reach="quiet", place="chat")
        account = (await link.expect(Written, public)).post.author.account
        await link.link.follow(rig.interest([Ref("mastodon", quiet.id)]))
        await link.reread([Ref("mastodon", quiet.id)])
        other = rig.says(rig.person(), "still here")
        await link.expect(Written, other)
        rig.stage.leave(person)
        await link.expect(Removed, public)
        await link.expect(Removed, quiet)
        await link.until(lambda: link.others(AuthorGone), "AuthorGone")
        assert link.others(AuthorGone) == [AuthorGone(account)]
        assert not link.whats(Removed, other)


async def test_who_removes_all_their_posts_has_not_left(rig: Rig) -> None:
    person = _living_here(rig)
    async with rig.open() as link:
        said = rig.says(person, "quiet tea", tag="none", reach="quiet")
        await link.reread([Ref("mastodon", said.id)])
        rig.deletes(said)
        await link.expect(Removed, said)
        await link.reread([Ref("mastodon", said.id)])
        assert not link.others(AuthorGone)


async def test_rounds_wait_for_a_new_budget_before_the_old_one_is_spent(rig: Rig) -> None:
    """Another program uses the same token."""
    budget = server(rig).budgets.token
    async with rig.open() as link:
        said = rig.says(rig.person(), "A1")
        await link.expect(Written, said)
        server(rig).hub.deaf = True
        await link.until(lambda: link.others(Beat), "a whole round")
        budget.used = budget.limit - 61
        start = budget.start
        missed = rig.says(rig.person(), "meanwhile")
        await link.expect(Written, missed)
        assert budget.start > start, "it was read when the budget was renewed"
        assert not link.errors
        assert server(rig).refused == 0


async def test_a_question_of_ours_is_seen_on_another_server(rig: Rig) -> None:
    """There it is known by another id; who answers it there without the tag is heard."""
    faults = Faults(rig.time.now)
    first = Server("first", rig.time, faults, {"tag": TAG})
    await first.start()
    try:
        first.federate(server(rig))
        person = Person("nurse-04", "Nurse", "first")
        first.join(person)
        here = rig.person()
        async with rig.open() as link:
            question = Draft("Q1: what is tea?")
            said = first.said[first.publish(first.me, question, rig.time.now())]
            local = server(rig).statuses[said.also[0][1]]
            await link.until(lambda: link.others(Written), "our question as the other server shows it")
            [written] = link.others(Written)
            assert written.post.ref == Ref("mastodon", local.id)
            assert written.post.uri == first.statuses[said.id].uri
            assert written.post.author.account == "acct:chat@first.example"
            await link.link.follow(rig.interest([written.post.ref]))
            answer = rig.says(here, "A1", tag="none", reply_to=local.id)
            await link.expect(Written, answer)
            theirs = first.said[first.write(person, Draft("A1 too", tag="none", reply_to=said.id))]
            copy = theirs.also[0][1]
            await link.until(
                lambda: any(w.post.ref.id == copy for w in link.others(Written)),
                "a reply from the other server",
            )
    finally:
        await first.stop()


def _living_here(rig: Rig) -> Person:
    """Somebody whose account is on this server."""
    while True:
        person = rig.person()
        if server(rig).accounts[person.account].local:
            return person


async def test_a_page_of_a_proxys_own_is_no_empty_timeline(rig: Rig) -> None:
    """Answered with "back soon" the link says that it cannot read, and afterwards finds what was written."""
    away = False
    passed_on = forwarded(rig.stage.access()["table"]["api"], streams=False)

    async def timeline(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>Back soon</h1>") if away else await passed_on(request)

    async with behind(rig, ("GET", "/api/v1/timelines/tag/{tag}", timeline)), rig.core() as core:
        await core.expect(Written, rig.says(rig.person(), "A1"))
        away = True
        missed = rig.says(rig.person(), "A2")
        await core.until(lambda: core.errors, "Unreachable")
        assert "something else than Mastodon" in str(core.errors[-1])
        away = False
        await core.expect(Written, missed)
