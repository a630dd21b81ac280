"""What a link must report: posts, replies, edits, removals, authors, and ourselves not at all."""

from __future__ import annotations

from bridge.model import AuthorKnown, Echoed, Edited, Inbound, Malformed, Removed, Written
from simulator.stage import Said
from tests.conformance.came import same
from tests.conformance.rig import TAG, Subject


class Reading(Subject):
    async def test_a_post_bearing_the_tag_arrives_whole(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            for tag in ("markup", "bare"):
                nurse = rig.person()
                said = rig.says(nurse, "A1. We start with a walk", tag=tag)
                post = (await link.expect(Written, said, f"its tag stands as {tag}")).post
                story = rig.story(f"a complete post, not {post}", link)
                assert said.text.split()[0] in post.text.plain, story
                assert TAG.casefold() in post.tags, story
                assert post.ref.network == rig.network, story
                assert post.uri, story
                assert _letters(nurse.handle) in _letters(post.author.handle + post.author.name), story
                assert post.author.account != link.opened.account, story
                assert abs(post.at - said.at) < 2_000_000, story
                assert said.at - 2_000_000 <= post.seen <= rig.clock.now(), story
                assert post.reach in ("public", "room"), story
                assert post.edited == 0, story

    async def test_words_arrive_as_they_were_written(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            words = """5 < 6 && 7 > 6, "quoted" &amp; 'bare' <b>bold?</b> <!channel> 👩🏽‍⚕️ naïve 護理"""
            said = rig.says(rig.person(), words)
            heard = (await link.expect(Written, said)).post.text.plain
            assert words in heard, rig.story(f"the very words {words!r}, not {heard!r}", link)
            said = rig.says(rig.person(), "the \u202eevil\u202c way")
            heard = (await link.expect(Written, said)).post.text.plain
            assert "the evil way" in heard, rig.story(
                f"nothing that turns the reading direction in {heard!r}", link
            )

    async def test_a_content_warning_stays_with_its_post(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            said = rig.says(rig.person(), "behind it", warning="about \u202edeath")
            post = (await link.expect(Written, said)).post
            told = f"{post.warning} {post.text.plain}"
            assert "about death" in told, rig.story(f"its warning, tamed, not {told!r}", link)

    async def test_off_topic_posts_yield_nothing(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            nurse = rig.person()
            before = rig.says(nurse)
            aside = rig.draws_away(nurse)
            after = rig.says(nurse)
            await link.expect(Written, before)
            await link.expect(Written, after)
            assert not link.whats(Written, aside), rig.story(f"nothing of the off-topic {aside.id}", link)

    async def test_order_is_kept(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            people = [rig.person() for _ in range(3)]
            await link.expect(Written, rig.says(people[0], "the stream is up"))
            saids = [rig.says(people[n % 3], f"{n}") for n in range(12)]
            for said in saids:
                await link.expect(Written, said)
            told = link.order_of(saids)
            wrote = [said.id for said in saids]
            assert told == wrote, rig.story(f"posts in the order written, {wrote}, not {told}", link)

    async def test_an_author_is_known_before_their_first_post(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            for profile, shy in (("I like tea", False), ("Ward nurse. #nobridge please", True)):
                said = rig.says(rig.person(profile))
                account = (await link.expect(Written, said)).post.author.account
                known = [w for w in _until_written(link.items, said) if w.account == account]
                assert known, rig.story(f"AuthorKnown of {account} before their first post", link)
                assert known[-1].wishes.nobridge is shy, rig.story(f"nobridge={shy} of {profile!r}", link)

    async def test_an_edit_yields_the_new_words(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            said = rig.says(rig.person(), "first words")
            first = (await link.expect(Written, said)).post
            word = said.text.split()[0]
            rig.edits(said, f"{word} second words #{TAG}")
            second = (await link.expect(Edited, said)).post
            rig.edits(said, f"{word} third words #{TAG}")
            await link.until(
                lambda: any("third" in e.post.text.plain for e in link.whats(Edited, said)),
                "Edited: third words",
            )
            third = link.whats(Edited, said)[-1].post
            story = rig.story("each edit newer than what it replaces", link)
            assert "second words" in second.text.plain, story
            assert first.edited < second.edited < third.edited, story
            assert first.ref == second.ref == third.ref, story
            assert first.uri == second.uri == third.uri, story

    async def test_a_removal_is_reported(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            said = rig.says(rig.person())
            post = (await link.expect(Written, said)).post
            rig.deletes(said)
            removed = await link.expect(Removed, said)
            assert removed.ref == post.ref, rig.story(f"Removed({post.ref}), not {removed}", link)

    async def test_a_removal_before_its_post_still_removes(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            said = rig.says(rig.person())
            rig.strike("delete_first")
            rig.deletes(said)
            await rig.struck("delete_first")
            await link.expect(Removed, said, "its removal came before the post itself")

    async def test_replies_to_a_followed_thread_arrive(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: what is a tide table?")
            question = await link.sent(order)
            await link.link.follow(rig.interest([question.ref]))
            reply = rig.says(rig.person(), "a list", tag="none", reply_to=rig.copy(order).id)
            post = (await link.expect(Written, reply, "a reply without the tag to a followed thread")).post
            story = rig.story(f"a reply to {question.ref}, not to {post.reply_to} in {post.root}", link)
            assert question.ref in (post.reply_to, post.root), story

    async def test_replies_written_before_their_thread_was_followed_arrive(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: who reads it?")
            question = await link.sent(order)
            theirs = rig.says(rig.person(), "a question of a person's own")
            asked = await link.expect(Written, theirs)
            parents = (rig.copy(order).id, theirs.id)
            replies = [rig.says(rig.person(), "we do", tag="none", reply_to=p) for p in parents for _ in "12"]
            await link.expect(Written, rig.says(rig.person(), "the stream has passed the replies"))
            await link.link.follow(rig.interest([question.ref, asked.post.ref]))
            for reply in replies:
                await link.expect(Written, reply, "written before follow() named its thread")

    async def test_replies_written_in_a_gap_arrive(self) -> None:
        async with self.rig() as rig:
            order = rig.publish("Q1: and while we were away?")
            theirs = rig.says(rig.person(), "a question of a person's own")
            async with rig.open() as link:
                question = await link.sent(order)
                threads = [question.ref, (await link.expect(Written, theirs)).post.ref]
                await link.link.follow(rig.interest(threads))
                await link.expect(Written, rig.says(rig.person(), "the stream is up"))
                last = link.cursor
            parents = (rig.copy(order).id, theirs.id)
            replies = [rig.says(rig.person(), "we were here", tag="none", reply_to=p) for p in parents]
            async with rig.open(last, threads=threads) as link:
                await link.reread(threads)
                for reply in replies:
                    await link.expect(Written, reply, "a reply without the tag, while the link was closed")

    async def test_a_conversation_under_a_question_arrives(self) -> None:
        """Each answers the one before, nobody bears the tag; the core follows what it has seen."""
        async with self.rig() as rig, rig.core() as core:
            order = rig.publish("Q1: who goes on?")
            await core.sent(order)
            last = rig.copy(order)
            for n in range(3):
                last = rig.says(rig.person(), f"turn {n}", tag="none", reply_to=last.id)
                await core.expect(Written, last, f"{n} replies under the question")

    async def test_a_quote_of_a_followed_post_arrives(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: who quotes?")
            question = await link.sent(order)
            await link.link.follow(rig.interest([question.ref]))
            quote = rig.says(rig.person(), "I do", tag="none", quote=rig.copy(order).id)
            post = (await link.expect(Written, quote, "a quote without the tag of a followed post")).post
            assert question.ref in post.quotes, rig.story(
                f"quotes of {question.ref}, not {post.quotes}", link
            )

    async def test_a_reply_before_its_parent_is_not_lost(self) -> None:
        async with self.rig() as rig, rig.core() as core:
            await core.expect(Written, rig.says(rig.person(), "the stream is up"))
            rig.strike("reordered")
            parent = rig.says(rig.person(), "a parent")
            child = rig.says(rig.person(), "a child", tag="none", reply_to=parent.id)
            await core.expect(Written, parent)
            rig.says(rig.person(), "another frame")
            await rig.struck("reordered")
            await core.expect(Written, child, "a reply that came before its parent was known")

    async def test_a_message_to_our_account_arrives(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            said = rig.says(rig.person(), "stop", tag="none", place="direct")
            post = (await link.expect(Written, said, "a message to our account")).post
            story = rig.story(f"reach direct, or {link.opened.account} among the mentions of {post}", link)
            assert post.reach == "direct" or link.opened.account in post.mentions, story

    async def test_a_limited_reply_is_not_called_public(self) -> None:
        async with self.rig() as rig, rig.core() as core:
            order = rig.publish("Q1: in private?")
            await core.sent(order)
            said = rig.says(rig.person(), "for few", reply_to=rig.copy(order).id, reach="limited")
            post = (await core.expect(Written, said)).post
            story = rig.story(f"a reach that is not open to anyone, not {post.reach}", core)
            assert post.reach not in ("public", "quiet"), story

    async def test_reading_without_a_cursor_starts_at_since(self) -> None:
        async with self.rig() as rig:
            said = rig.says(rig.person(), "early")
            async with rig.open() as link:
                await link.expect(Written, said, "written after `since`, before the link opened")

    async def test_a_gap_loses_nothing(self) -> None:
        async with self.rig() as rig:
            nurse = rig.person()
            kept, changed, gone = (rig.says(nurse, what) for what in ("kept", "to change", "to go"))
            async with rig.open() as link:
                refs = [(await link.expect(Written, said)).post.ref for said in (kept, changed, gone)]
                last = link.cursor
            missed = [rig.says(nurse, f"missed {n}") for n in range(3)]
            rig.edits(changed, f"{changed.text.split()[0]} has changed #{TAG}")
            rig.deletes(gone)
            async with rig.open(last) as link:
                for said in missed:
                    await link.expect(Written, said, "written while the link was closed")
                await link.reread(refs)
                edited = (await link.expect(Edited, changed, "edited while the link was closed")).post
                assert "has changed" in edited.text.plain, rig.story("its new words", link)
                await link.expect(Removed, gone, "removed while the link was closed")
                await link.expect(Written, rig.says(nurse, "and on"), "the stream goes on after the gap")
                assert not link.whats(Removed, kept), rig.story(f"{kept.id} not to be Removed", link)

    async def test_a_gap_longer_than_any_page_loses_nothing(self) -> None:
        async with self.rig() as rig:
            people = [rig.person() for _ in range(5)]
            async with rig.open() as link:
                await link.expect(Written, rig.says(people[0], "the stream is up"))
                last = link.cursor
            missed = [rig.says(people[n % 5], f"missed {n}") for n in range(250)]
            async with rig.open(last) as link:
                for said in missed:
                    await link.expect(Written, said, "one of 250 posts written while the link was closed")

    async def test_no_cursor_runs_ahead(self) -> None:
        async with self.rig() as rig:
            nurse = rig.person()
            saids = []
            async with rig.open() as link:
                for n in range(6):
                    saids.append(rig.says(nurse, f"{n}"))
                    await link.expect(Written, saids[-1])
                cursors = [link.cursor_at(said) for said in saids]
            for n in (0, 3):
                async with rig.open(cursors[n]) as link:
                    for said in saids[n + 1 :]:
                        await link.expect(Written, said, f"came after the cursor {cursors[n]!r}")

    async def test_rereading_tells_what_is(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            nurse = rig.person()
            kept, gone = rig.says(nurse, "kept"), rig.says(nurse, "gone")
            refs = [(await link.expect(Written, said)).post.ref for said in (kept, gone)]
            rig.deletes(gone)
            await link.expect(Removed, gone)
            link.items.clear()
            await link.reread(refs)
            assert link.whats(Edited, kept), rig.story(f"Edited of {kept.id}, which exists unchanged", link)
            assert link.whats(Removed, gone), rig.story(f"Removed of {gone.id} from reread", link)
            assert not link.whats(Removed, kept), rig.story(f"{kept.id} not to be Removed", link)

    async def test_a_malformed_payload_does_not_end_the_stream(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            nurse = rig.person()
            await link.expect(Written, rig.says(nurse, "the stream is up"))
            rig.strike("bad_payload")
            saids = [rig.says(nurse, "beside rubbish"), rig.says(nurse, "after rubbish")]
            await rig.struck("bad_payload")
            await link.until(lambda: link.others(Malformed), "Malformed for an unreadable payload")
            assert link.others(Malformed)[0].payload, rig.story("the payload's bytes kept", link)
            for said in saids:
                await link.expect(Written, said)

    async def test_repeated_and_swapped_frames_lose_nothing(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            people = [rig.person() for _ in range(2)]
            await link.expect(Written, rig.says(people[0], "the stream is up"))
            rig.strike("duplicated", "reordered", times=3)
            saids = [rig.says(people[n % 2], f"{n}") for n in range(12)]
            await rig.struck("duplicated", 3)
            await rig.struck("reordered", 3)
            for said in saids:
                await link.expect(Written, said)

    async def test_our_own_posts_are_nobody_s(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            orders = [rig.publish("Q1: ours?"), rig.publish("Q2: ours too?")]
            for order in orders:
                sent = await link.sent(order)
                await link.link.follow(rig.interest([sent.ref]))
            await link.expect(Written, rig.says(rig.person(), "theirs"))
            for order in orders:
                copy = rig.copy(order)
                assert not link.whats(Written, copy), rig.story(f"our own {copy.id} never as Written", link)
                assert not link.whats(Edited, copy), rig.story(f"our own {copy.id} never as Edited", link)

    async def test_an_echo_names_its_order(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            await link.expect(Written, rig.says(rig.person(), "the stream is up"))
            rig.strike("slow")  # so that the echo comes before the answer
            order = rig.publish("Q1: an echo?")
            sent = await link.sent(order)
            await link.until(
                lambda: any(e.stamp == order.stamp for e in link.others(Echoed)), f"Echoed({order.stamp})"
            )
            echo = next(e for e in link.others(Echoed) if e.stamp == order.stamp)
            assert (echo.ref, echo.uri) == (sent.ref, sent.uri), rig.story(
                f"the echo of {sent}, not {echo}", link
            )
            assert not link.whats(Written, rig.copy(order)), rig.story("no Written of our own post", link)


def _letters(name: str) -> str:
    """A network may respell a handle."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _until_written(items: list[Inbound], said: Said) -> list[AuthorKnown]:
    known = []
    for item in items:
        if isinstance(item.what, Written) and same(item.what.post.ref, said):
            break
        if isinstance(item.what, AuthorKnown):
            known.append(item.what)
    return known
