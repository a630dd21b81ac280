"""What the community's account does about somebody's post, natively: reports it, hides it under a post of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.model import Absent, Conceal, Found, Ref, Refused, Report, Retract, Unknown, Written
from simulator.bluesky import wire
from tests.adapters import mastodon_rig
from tests.adapters.bluesky_rig import opened, server
from tests.adapters.mastodon_rig import Mastodon
from tests.conformance.rig import Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Mastodon().rig() as rig:
        yield rig


# ---------------------------------------------------------------- Mastodon


async def test_moderators_are_told_of_a_post(rig: Rig) -> None:
    async with rig.open() as link:
        assert link.link.opened.capabilities.reports
        said = rig.says(rig.person(), "tea and a name")
        order = rig.order(Report(Ref("mastodon", said.id), "names a patient " + "x" * 2_000))
        sent = await link.sent(order)
        (report,) = mastodon_rig.server(rig).reports
        assert report["status_ids"] == [said.id]
        assert report["comment"].startswith("names a patient")
        assert len(report["comment"]) <= 1_000
        elsewhere = "@" in report["target_account"]["acct"]
        assert report["forwarded"] is elsewhere, (
            "to the moderators of its author's server, if that is another"
        )
        assert sent.ref.id == f"report {report['id']}"
        assert isinstance(await link.find(order), Unknown), "it must not be made twice"


async def test_a_post_that_is_gone_is_not_reported(rig: Rig) -> None:
    async with rig.open() as link:
        said = rig.says(rig.person(), "tea")
        rig.deletes(said)
        outcome = await link.send(rig.order(Report(Ref("mastodon", said.id), "spam")))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why
        assert mastodon_rig.server(rig).reports == []


async def test_mastodon_hides_no_replies(rig: Rig) -> None:
    async with rig.open() as link:
        assert not link.link.opened.capabilities.conceals
        said = rig.says(rig.person(), "tea")
        assert isinstance(await link.send(rig.order(Conceal(Ref("mastodon", said.id)))), Refused)


# ---------------------------------------------------------------- Bluesky


async def test_bluesky_moderators_are_told_of_a_post() -> None:
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person(), "tea and a name")
        await link.until(lambda: link.others(Written), "the post")
        order = rig.order(Report(Ref("bluesky", said.id), "names a patient"))
        await link.sent(order)
        (report,) = stage.reports
        assert report["subject"]["uri"] == said.id
        assert report["reason"] == "names a patient"
        assert isinstance(await link.find(order), Unknown)


async def test_a_report_that_nobody_takes_is_refused_for_people() -> None:
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person(), "tea")
        stage.has_appview = False
        outcome = await link.send(rig.order(Report(Ref("bluesky", said.id), "spam")))
        assert isinstance(outcome, Refused)
        assert "in the app" in outcome.why


async def test_a_reply_is_hidden_and_shown_again() -> None:
    async with opened() as (rig, stage, link):
        root = await link.sent(rig.publish("Q1"))
        one, two = (rig.says(rig.person(), word, reply_to=root.ref.id) for word in ("tea", "milk"))
        hide = rig.order(Conceal(Ref("bluesky", one.id)))
        assert isinstance(await link.find(hide), Absent)
        sent = await link.sent(hide)
        assert await link.sent(rig.order(Conceal(Ref("bluesky", one.id)))) == sent, "twice is once"
        await link.sent(rig.order(Conceal(Ref("bluesky", two.id))))
        assert _hidden(stage, root.uri) == [one.id, two.id]
        assert isinstance(await link.find(hide), Found)
        show = rig.order(Retract(sent.ref))
        assert isinstance(await link.find(show), Absent)
        await link.sent(show)
        assert _hidden(stage, root.uri) == [two.id]
        assert isinstance(await link.find(show), Found)
        await link.sent(show)
        assert _hidden(stage, root.uri) == [two.id]


async def test_what_hosts_hid_in_the_app_stays_hidden() -> None:
    async with opened() as (rig, stage, link):
        root = await link.sent(rig.publish("Q1"))
        one, two = (rig.says(rig.person(), word, reply_to=root.ref.id) for word in ("tea", "milk"))
        stage.hide(one.id)
        await link.sent(rig.order(Conceal(Ref("bluesky", two.id))))
        assert _hidden(stage, root.uri) == [one.id, two.id]


async def test_only_replies_in_our_own_threads_are_hidden() -> None:
    async with opened() as (rig, stage, link):
        elsewhere = rig.says(rig.person(), "a thread of its own")
        reply = rig.says(rig.person(), "tea", reply_to=elsewhere.id)
        for said in (elsewhere, reply):
            outcome = await link.send(rig.order(Conceal(Ref("bluesky", said.id))))
            assert isinstance(outcome, Refused)
            assert "of our own" in outcome.why
        assert not [uri for uri in stage.repos.records if wire.GATE in uri]


async def test_a_gate_holds_no_more_than_the_lexicon_allows() -> None:
    async with opened() as (rig, stage, link):
        root = await link.sent(rig.publish("Q1"))
        said = rig.says(rig.person(), "tea", reply_to=root.ref.id)
        full = tuple(f"at://did:plc:nurse07/{wire.POST}/3k{n:03}2222222a2" for n in range(300))
        stage._gate(root.uri, full)
        outcome = await link.send(rig.order(Conceal(Ref("bluesky", said.id))))
        assert isinstance(outcome, Refused)
        assert "300" in outcome.why
        assert server(rig) is stage


def _hidden(stage: object, root: str) -> list[str]:
    gate = root.replace(wire.POST, wire.GATE)
    return list(stage.repos.records[gate].record["hiddenReplies"])  # type: ignore[attr-defined]  # a stand-in server
