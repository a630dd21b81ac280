"""Controls are heard, and heard in time: while a socket is changed for another, while the history is read, behind
many others, where there is no room. Slack tells one once, and takes a form for it for three seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.slack import feed
from bridge.model import Command, Field, Form, Gathered, Publish, Written
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.stage import Stage
from tests.adapters.slack_bridge import bridge
from tests.adapters.slack_rig import Slack, Workspace, card, commanded, server, slack, subject
from tests.conformance.rig import Rig

TRIGGER = 3.0  # seconds


def refused(stage: Server, method: str) -> None:
    """From now on this method is asked for too often, whoever asks."""
    spend = stage.api.budgets.spend

    def never(name: str, channel: str, now: int) -> int:
        return 600 if name == method else spend(name, channel, now)

    stage.api.budgets.spend = never  # type: ignore[assignment,method-assign]


async def refreshed(rig: Rig, number: int = 1) -> None:
    """Slack wants every socket to be another; it is not taken for one that never lasts."""
    await rig.clock.sleep(feed.SHORTEST)
    server(rig).hub.refresh()
    await rig.until(lambda: server(rig).hub.opened == number + 1, "a new socket")


# ---------------------------------------------------------------- sockets


async def test_a_control_used_while_the_socket_is_changed_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    """The old one is there until the new one is; and nobody takes that for somebody else's."""
    async with subject().rig() as rig, rig.open() as link:
        stage, nurse, heard = server(rig), rig.person(), []
        fresh = stage.hub.open

        def asked_for_an_address() -> dict[str, Any]:
            heard.append(stage.command(nurse, "hold"))
            return fresh()

        await link.expect(Written, rig.says(nurse, "before"))
        stage.hub.open = asked_for_an_address  # type: ignore[method-assign]
        await refreshed(rig)
        (command,) = await commanded(link, 1)
        assert (heard, command.verb) == ([True], "hold")
        await rig.until(lambda: stage.hub.connected == 1, "the old socket to be closed")
        await link.expect(Written, rig.says(nurse, "after"))
    assert "another process" not in caplog.text


async def test_another_process_at_the_same_app_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with subject().rig() as rig, rig.open(), rig.adapter().open(rig.sessions):
        await rig.until(lambda: "another process uses this app token" in caplog.text, "a warning")


async def test_a_dead_socket_is_replaced_while_the_history_is_read() -> None:
    """Reading it can take minutes, since Slack allows so many calls a minute."""
    async with subject().rig() as rig:
        stage = server(rig)
        refused(stage, "conversations.history")
        async with rig.open() as link:
            await rig.until(lambda: "conversations.history" in [m for m, _ in stage.api.calls], "a reading")
            await rig.clock.sleep(feed.SHORTEST)
            stage.hub.drop()
            await rig.until(lambda: stage.hub.connected == 1, "another socket")
            assert stage.command(rig.person(), "hold")
            assert [c.verb for c in await commanded(link, 1)] == ["hold"]


# ---------------------------------------------------------------- acknowledged


@pytest.mark.parametrize("ends", [False, True])
async def test_a_control_is_acknowledged_when_the_core_has_it(ends: bool) -> None:
    """Whoever used one that the core never had is told by Slack that it did not work."""
    async with subject().rig() as rig, rig.open(read=False) as link:
        stage, host = server(rig), rig.person(name="host")
        reading = slack(link).inbound(None)
        try:
            first = asyncio.ensure_future(anext(reading))
            await rig.until(lambda: stage.hub.connected == 1, "a socket")
            assert stage.command(host, "hold")
            while not isinstance((item := await first).what, Command):
                first = asyncio.ensure_future(anext(reading))
            assert item.what.verb == "hold"
            for n in range(3):  # each is acknowledged at once, on the same socket
                rig.says(host, f"{n}")
                await rig.until(lambda n=n: len(stage.hub.acked) > n, "an event to be acknowledged")
            unheard = stage.hub.sent - 1
            assert len(stage.hub.acked) == unheard, "the control is not"
            if not ends:
                more = asyncio.ensure_future(anext(reading))
                await rig.until(lambda: len(stage.hub.acked) > unheard, "the control to be")
                await more
        finally:
            await reading.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert len(stage.hub.acked) == (unheard if ends else unheard + 1)


# ---------------------------------------------------------------- no room


async def test_a_form_that_is_not_heard_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With what was typed into it, and Slack's own word that it did not work."""
    async with subject().rig() as rig, rig.open() as link:
        stage, host = server(rig), rig.person(name="host")
        stage.command(host, "say")
        (command,) = await commanded(link, 1)
        form = Form("Say", "say", "tea", field=Field("What"))
        await slack(link).answer(command.answer, form)
        monkeypatch.setattr(feed, "CONTROLS", 0)
        await rig.until(lambda: len(stage.hub.acked) == stage.hub.sent, "the command to be acknowledged")
        before = len(stage.hub.acked)
        assert stage.submit(host, "Everybody back in five minutes, please.")
        await rig.until(lambda: "one was not heard" in caplog.text, "a warning")
        await link.expect(Written, rig.says(host, "something later"))
        view = stage.modal(host)
        assert view is not None, "it is still open"
        assert "five minutes" in str(view["state"])
        assert len(stage.hub.acked) == before + 1, "the later message alone"


async def test_a_storm_of_reactions_leaves_room_for_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history has them, and nothing has a button that was pressed."""
    monkeypatch.setattr(feed, "CONTROLS", 20)
    async with subject().rig() as rig, rig.open(read=False) as link:
        stage, host = server(rig), rig.person(name="host")
        sent = await link.sent(rig.order(Publish(Gathered((card("We meet"),))), lane="mirror"))
        people = [rig.person() for _ in range(30)]
        for nurse in people:
            stage.react(nurse, sent.ref.id, "tada")
        stage.command(host, "hold")
        await rig.until(lambda: len(stage.hub.acked) == stage.hub.sent, "everything to be acknowledged")
        link.start(None)
        commands = await commanded(link, len(people) + 1)
        assert sorted(c.verb for c in commands) == ["hold", *["noticed"] * len(people)]


# ---------------------------------------------------------------- behind others


async def test_people_slack_does_not_tell_of_hold_nobody_up() -> None:
    """Names are looked up, and Slack tells a hundred a minute: whoever uses a control waits a second for one, and
    nobody that second times those before them."""
    async with subject().rig(patience=0.3) as rig, rig.open() as link:
        stage, host = server(rig), rig.person(name="host")
        said = rig.says(host, "a word")
        await link.expect(Written, said)
        refused(stage, "users.info")
        people = [rig.person() for _ in range(20)]
        for nurse in people:
            assert stage.command(nurse, "me")
        begun = time.monotonic()
        assert stage.shortcut(host, "chatbridge:reply", said.id)
        names = [command.name for command in await commanded(link, len(people) + 1)]
        assert time.monotonic() - begun < 4 * 0.3
        assert names == [*(nurse.handle for nurse in people), host.name]


async def test_a_press_in_a_flood_is_heard_and_its_form_open_in_time() -> None:
    """Whatever else the socket brings, and however slowly that is taken in; which comes in its order."""
    async with subject().rig() as rig, rig.open() as link:
        stage, host = server(rig), rig.person(name="host")
        said = rig.says(host, "a word")
        await link.expect(Written, said)
        saids = [rig.says(host, f"{n}") for n in range(2_000)]
        begun = time.monotonic()
        assert stage.shortcut(host, "chatbridge:reply", said.id)
        (command,) = await commanded(link, 1)
        await slack(link).answer(command.answer, Form("Reply", "reply", "tea", field=Field("Your words")))
        assert stage.modal(host) is not None
        assert time.monotonic() - begun < TRIGGER / 2
        await link.expect(Written, saids[-1])
        assert link.order_of(saids) == [said.id for said in saids]


# ---------------------------------------------------------------- behind words to others


class Hanging(Slack):
    """A workspace that does not answer one method until `go`."""

    method = "chat.postEphemeral"

    def __init__(self) -> None:
        super().__init__()
        self.go, self.hanging = asyncio.Event(), 0

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        made = Workspace(network, clock, faults, options)
        made.table = {}
        answer = made.api.answer

        async def slow(request: web.Request) -> web.StreamResponse:
            if request.match_info["method"] == self.method:
                self.hanging += 1
                await self.go.wait()
            return await answer(request)

        made.api.answer = slow  # type: ignore[method-assign]
        return made


async def test_a_form_waits_behind_nobodys_words(tmp_path: Path) -> None:
    """Somebody is refused, somebody is asked for their consent, and Slack takes its time over each."""
    workspace = Hanging()
    async with workspace.rig() as rig:
        stage, host, people = server(rig), rig.person(name="host"), [rig.person() for _ in range(3)]
        async with bridge(rig, tmp_path / "tea.db", host):
            said = rig.says(people[0], "A1 a word")
            await rig.until(lambda: workspace.hanging == 1, "its author to be asked")
            for nurse in people:
                assert stage.command(nurse, "hold")
            await rig.until(lambda: workspace.hanging > 1, "somebody to be refused")
            assert stage.shortcut(host, "chatbridge:reply", said.id)
            await rig.until(lambda: stage.modal(host) is not None, "the form")
            workspace.go.set()
            await rig.until(lambda: workspace.hanging == 4, "everybody to be told")
