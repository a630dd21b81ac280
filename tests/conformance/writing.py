"""What sending must do when nothing goes wrong: order, once, limits, replies, changes, removals."""

from __future__ import annotations

from typing import Literal

import pytest

from bridge.model import (
    Absent,
    Card,
    Content,
    Found,
    Gathered,
    Notice,
    Publish,
    Refused,
    Retract,
    Sent,
    Text,
    Written,
)
from bridge.text import fits, marked
from tests.conformance.came import Session, named, same
from tests.conformance.rig import TAG, Rig, Subject

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

    async def test_a_change_is_shown_where_the_network_can(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("before")
            sent = await link.sent(order)
            word = rig.copy(order).text.split()[0]
            change = rig.update(sent.ref, f"{word} after #{TAG}")
            outcome = await link.deliver(change)
            text = rig.copy(order).text
            if link.opened.capabilities.edits:
                assert isinstance(outcome, Sent), rig.story(f"Sent, not {outcome}", link)
                assert "after" in text, rig.story(f"the new words, not {text!r}", link)
                assert isinstance(await link.find(change), Found), rig.story("the change to be found", link)
                assert isinstance(await link.deliver(change), Sent), rig.story(
                    "the same change to be fine", link
                )
            else:
                assert isinstance(outcome, Refused), rig.story(f"Refused: no edits here, not {outcome}", link)
                assert "before" in text, rig.story(f"the old words, not {text!r}", link)

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


def _filled(rig: Rig, link: Session, unit: str) -> str:
    """A unique word and as many whole units as the limits allow, filled up with dots."""
    limits = link.opened.capabilities.limits
    text = rig.word() + " "
    while fits(Text(text + unit), limits):
        text += unit
    while fits(Text(text + "."), limits):
        text += "."
    return text
