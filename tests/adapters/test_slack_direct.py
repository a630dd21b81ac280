"""What is for one person alone: a direct message to a member whom a config or an entry names."""

from __future__ import annotations

import pytest

from bridge.model import Absent, Button, Found, Notice, Publish, Refused, Text, Unknown, Words
from simulator.slack.server import SCOPES
from tests.adapters.slack_rig import server, subject

ALERT = Notice(
    "Entry 42 is hidden. Only you can delete it in Slack.", (Button("Done", "dismiss", "tea", "42"),)
)


@pytest.mark.parametrize("content", [Words(Text("Entry 42 is hidden.")), ALERT])
async def test_a_message_to_one_person(content: Words | Notice) -> None:
    async with subject().rig() as rig, rig.open() as link:
        admin = rig.person(name="porter")
        order = rig.order(Publish(content, to=admin.account), lane="people")
        assert isinstance(await link.find(order), Absent), "there is no conversation with them yet"
        sent = await link.sent(order)
        (said,) = [s for s in rig.stage.said.values() if s.ours]
        assert (said.place, said.id) == ("direct", sent.ref.id)
        assert said.text.startswith("Entry 42 is hidden.")
        assert ("[Done]" in said.text) == isinstance(content, Notice)
        found = await link.find(order)
        assert isinstance(found, Found)
        assert [f.ref for f in found.posts] == [sent.ref]
        assert isinstance(
            await link.find(rig.order(Publish(content, to=admin.account), lane="people")), Absent
        )


async def test_a_lost_answer_is_found_again_by_a_process_that_remembers_nothing() -> None:
    async with subject().rig() as rig:
        admin = rig.person(name="porter")
        async with rig.open() as link:
            order = rig.order(Publish(ALERT, to=admin.account), lane="people")
            sent = await link.sent(order)
        async with rig.open() as link:
            found = await link.find(order)
            assert isinstance(found, Found)
            assert [f.ref for f in found.posts] == [sent.ref]
            rig.strike("answer_lost")
            await link.sent(rig.order(Publish(ALERT, to=admin.account), lane="people"))
        assert [m for m, _ in server(rig).api.calls].count("chat.postMessage") == 2


async def test_finding_admits_that_it_may_not_look() -> None:
    without = [s for s in SCOPES if s not in {"im:read", "im:write"}]
    async with subject(scopes=without).rig() as rig, rig.open() as link:
        order = rig.order(Publish(ALERT, to=rig.person().account), lane="people")
        unknown = await link.find(order)
        assert isinstance(unknown, Unknown)
        assert unknown.why.startswith("Slack does not say in which direct conversation it would be: ")
        assert "im:read" in unknown.why


@pytest.mark.parametrize("to", ["@porter", "C0CHAT", "D0123456", "porter"])
async def test_nobody_is_written_to_who_is_no_member(to: str) -> None:
    async with subject().rig() as rig, rig.open() as link:
        outcome = await link.send(rig.order(Publish(ALERT, to=to), lane="people"))
        assert outcome == Refused(f"{to!r} is not the ID of a member.")
        assert [m for m, _ in server(rig).api.calls].count("chat.postMessage") == 0
