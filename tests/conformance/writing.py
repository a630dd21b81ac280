"""What sending must do when nothing goes wrong: order, once, limits, replies, changes, removals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import pytest

from bridge.model import (
    Absent,
    Card,
    Content,
    Endorse,
    Found,
    Gathered,
    Media,
    Notice,
    Publish,
    Refused,
    Retract,
    Sent,
    Text,
    Written,
)
from bridge.text import fits, marked
from simulator.stage import Said
from tests.conformance.came import Session, named, same
from tests.conformance.rig import TAG, Rig, Subject

PIXEL = bytes.fromhex(  # a PNG of one red pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)
SCRIPTS = {"ascii": "tide-", "emoji families": "👩‍👩‍👧‍👦", "CJK": "護理"}


class Writing(Subject):
    async def test_orders_appear_in_the_order_they_are_sent(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            orders = [rig.publish(f"Q{n}: where?") for n in range(1, 6)]
            sent = [await link.sent(order) for order in orders]
            copies = [rig.copy(order) for order in orders]
            ours = [said.id for said in rig.stage.said.values() if said.ours]
            assert [c.id for c in copies] == ours, rig.story("our posts in the order of the orders", link)
            assert all(map(same, (s.ref for s in sent), copies)), rig.story(
                f"the refs of our posts in {sent}", link
            )
            assert len({s.uri for s in sent}) == 5, rig.story(f"a uri for each post in {sent}", link)

    async def test_the_same_order_twice_makes_one_post(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: once?")
            first = await link.sent(order)
            if link.opened.capabilities.resend == "same_key":
                second = await link.sent(order)
                assert second.ref == first.ref, rig.story(f"{first} again, not {second}", link)
            found = await link.find(order)
            story = rig.story(f"{named(order)} to be found as {first}, not {found}", link)
            assert isinstance(found, Found), story
            assert [post.ref for post in found.posts] == [first.ref], story
            rig.copy(order)

    async def test_what_was_never_sent_is_absent(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            await link.sent(rig.publish("Q1: another one"))
            order = rig.publish("Q2: never sent")
            await rig.clock.sleep(link.opened.capabilities.settle)
            found = await link.find(order)
            assert isinstance(found, Absent), rig.story(f"Absent for an order never sent, not {found}", link)

    async def test_words_are_read_as_they_were_meant(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            words = """5 < 6 && 7 > 6, "quoted" &amp; <b>bold?</b> 👩🏽‍⚕️ naïve 護理 https://tea.example/a?b=1&c=2"""
            order = rig.publish(words)
            await link.sent(order)
            read = rig.copy(order).text
            assert words in read, rig.story(f"readers to see {words!r}, not {read!r}", link)

    @pytest.mark.parametrize("script", SCRIPTS)
    async def test_a_text_at_the_limit_is_accepted(self, script: str) -> None:
        async with self.rig() as rig, rig.open() as link:
            text = _filled(rig, link, SCRIPTS[script])
            outcome = await link.deliver(rig.publish(text, exact=True))
            story = rig.story(f"{len(text)} code points of {script} to be accepted, not {outcome!r}", link)
            assert isinstance(outcome, Sent), story

    @pytest.mark.parametrize("script", SCRIPTS)
    async def test_a_text_over_the_limit_is_refused(self, script: str) -> None:
        async with self.rig() as rig, rig.open() as link:
            unit = SCRIPTS[script]
            text = _filled(rig, link, unit)
            if self.too_long is None:
                text += "."
            else:
                text += unit * (self.too_long // len(unit) + 1)
            order = rig.publish(text, exact=True)
            outcome = await link.deliver(order)
            story = rig.story(
                f"{len(text)} code points of {script} to be Refused, not {outcome!r}"[:300], link
            )
            assert isinstance(outcome, Refused), story
            assert outcome.why, story
            assert not rig.copies(order), rig.story("nothing posted of a refused order", link)

    async def test_a_reply_stands_in_its_thread(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            first = rig.publish("Q1: the first part")
            ours = await link.sent(first)
            second = rig.publish("the second part", reply_to=ours.ref)
            await link.sent(second)
            assert rig.copy(second).reply_to == rig.copy(first).id, rig.story(
                "our reply under our post", link
            )
            theirs = rig.says(rig.person(), "a question to the host")
            ref = (await link.expect(Written, theirs)).post.ref
            answer = rig.publish("an answer", reply_to=ref)
            await link.sent(answer)
            assert rig.copy(answer).reply_to == theirs.id, rig.story(f"our reply under {theirs.id}", link)

    async def test_a_change_is_shown(self) -> None:
        """In place, or where posts cannot be edited by a new post in its place: its ref is told."""
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("before")
            sent = await link.sent(order)
            word = rig.copy(order).text.split()[0]
            change = rig.update(sent.ref, f"{word} after #{TAG}")
            assert isinstance(await link.find(change), Absent) or link.opened.capabilities.edits, rig.story(
                "no change to be found yet", link
            )
            first = await link.sent(change)
            shown = rig.copy(order)
            story = rig.story(f"the new words at {first.ref}, not {shown.text!r} at {shown.id}", link)
            assert "after" in shown.text, story
            assert same(first.ref, shown), story
            assert (first.ref == sent.ref) == link.opened.capabilities.edits, story
            assert isinstance(await link.find(change), Found), rig.story("the change to be found", link)
            again = await link.sent(change)
            assert again.ref == first.ref, rig.story("the same change to be fine", link)
            assert rig.copy(order) is shown, rig.story("nothing else changed", link)

    async def test_a_retracted_copy_is_gone_and_may_be_retracted_again(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("to be taken away")
            sent = await link.sent(order)
            copy = rig.copy(order)
            retract = rig.order(Retract(sent.ref))
            for _ in range(2):
                assert isinstance(await link.deliver(retract), Sent), rig.story(
                    "retracting, also twice", link
                )
                assert copy.deleted, rig.story(f"{copy.id} gone from the stage", link)
            found = await link.find(retract)
            assert isinstance(found, Found), rig.story(f"Found for what is gone as wanted, not {found}", link)

    async def test_a_picture_goes_with_its_words(self, tmp_path: Path) -> None:
        async with self.rig() as rig, rig.open() as link:
            picture = tmp_path / "q 1.png"
            picture.write_bytes(PIXEL)
            media = Media(picture.as_uri(), "image", "A tide table", hashlib.sha256(PIXEL).hexdigest())
            order = rig.publish("Q1: what does it show?", media=(media,))
            sent = await link.sent(order)
            shown = rig.copy(order).pictures
            assert shown == ("A tide table",), rig.story(f"the picture with its alt text, not {shown}", link)
            if link.opened.capabilities.resend == "same_key":
                assert (await link.sent(order)).ref == sent.ref, rig.story("the same post again", link)
            assert isinstance(await link.find(order), Found), rig.story("the post to be found", link)
            picture.write_bytes(PIXEL + b"changed")
            order = rig.publish("Q2: and now?", media=(media,))
            outcome = await link.deliver(order)
            story = rig.story(f"Refused, since the file is another than the config's, not {outcome}", link)
            assert isinstance(outcome, Refused), story
            assert picture.name in outcome.why, story
            assert not rig.copies(order), rig.story("nothing posted without its picture", link)

    @pytest.mark.parametrize("kind", ["like", "boost"])
    async def test_an_endorsement_is_given_once_and_taken_back(self, kind: Literal["like", "boost"]) -> None:
        async with self.rig() as rig, rig.open() as link:
            theirs = rig.says(rig.person(), "well said")
            ref = (await link.expect(Written, theirs)).post.ref
            first, again = (rig.order(Endorse(ref, kind)) for _ in range(2))
            if not link.opened.capabilities.endorses:
                outcome = await link.deliver(first)
                assert isinstance(outcome, Refused), rig.story(
                    f"Refused: no {kind}s here, not {outcome}", link
                )
                assert not _endorsing(theirs, kind), rig.story(f"no {kind}", link)
                return
            found = await link.find(first)
            assert isinstance(found, Absent), rig.story(f"Absent for a {kind} never given, not {found}", link)
            given = [await link.sent(order) for order in (first, first, again)]
            assert _endorsing(theirs, kind) == {"bridge"}, rig.story(f"one {kind} of the bridge's", link)
            assert all(sent.ref == given[0].ref for sent in given), rig.story(
                f"one {kind}, not {given}", link
            )
            assert given[0].ref != ref, rig.story(f"the {kind} named by a ref of its own", link)
            assert given[0].uri != (await link.expect(Written, theirs)).post.uri, rig.story(
                "its own uri", link
            )
            assert isinstance(await link.find(first), Found), rig.story(f"the {kind} to be found", link)
            retract = rig.order(Retract(given[0].ref))
            for _ in range(2):
                await link.sent(retract)
                assert not _endorsing(theirs, kind), rig.story(f"no {kind} any more", link)
            assert isinstance(await link.find(retract), Found), rig.story(f"the {kind} found gone", link)
            assert isinstance(await link.find(first), Absent), rig.story(f"no {kind} to be found", link)
            assert not theirs.deleted, rig.story("their post untouched", link)

    async def test_gathered_entries_are_shown_or_refused(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            words = marked(f"{rig.word()} tea <!channel> & *scones*")
            card = Card(1, "A1 · 1", "Kim", "@kim@tea.example", ("Elsewhere",), words, rig.clock.now())
            able, parts = link.opened.capabilities.mirror, ("A1 · 1", "Kim", words.plain)
            await self._shown_or_refused(rig, link, Gathered((card,)), able=able, parts=parts)

    async def test_a_notice_is_shown_or_refused(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            notice = Notice(f"{rig.word()}: a decision is waiting")
            able, parts = link.opened.capabilities.console, (notice.text,)
            await self._shown_or_refused(rig, link, notice, able=able, parts=parts, place="hosts")

    async def _shown_or_refused(
        self,
        rig: Rig,
        link: Session,
        content: Content,
        *,
        able: bool,
        parts: tuple[str, ...],
        place: Literal["chat", "hosts"] = "chat",
    ) -> None:
        outcome = await link.deliver(rig.order(Publish(content), place=place))
        ours = [said.text for said in rig.stage.said.values() if said.ours]
        what = f"{type(content).__name__} to be"
        if able:
            assert isinstance(outcome, Sent), rig.story(f"{what} sent, not {outcome}", link)
            shown = all(part in ours[0] for part in parts)
            assert shown, rig.story(f"{what} shown with {parts}, not {ours}", link)
        else:
            assert isinstance(outcome, Refused), rig.story(f"{what} Refused, not {outcome}", link)
            assert outcome.why, rig.story(f"{what} Refused with a reason", link)
            assert not ours, rig.story(f"{what} not posted", link)

    async def test_our_account_and_abilities_are_known_when_open(self) -> None:
        async with self.rig() as rig, rig.open(read=False) as link:
            opened = link.opened
            story = rig.story(f"a complete Opened, not {opened}", link)
            assert opened.network == rig.network, story
            assert opened.account, story
            assert opened.handle, story
            assert opened.capabilities.limits.graphemes > 100, story
            assert abs(opened.skew) < 5, story


def _endorsing(said: Said, kind: Literal["like", "boost"]) -> set[str]:
    return said.liked if kind == "like" else said.boosted


def _filled(rig: Rig, link: Session, unit: str) -> str:
    """A unique word and as many whole units as the limits allow, filled up with dots."""
    limits = link.opened.capabilities.limits
    text = rig.word() + " "
    while fits(Text(text + unit), limits):
        text += unit
    while fits(Text(text + "."), limits):
        text += "."
    return text
