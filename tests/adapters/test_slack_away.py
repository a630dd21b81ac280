"""What hosts did in Slack while the bridge was stopped: found, and done, when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.engine import Engine
from tests.adapters.slack_bridge import bridge
from tests.adapters.slack_rig import server, subject


def hidden(engine: Engine) -> list[bool]:
    """Of each entry, whether a host hid it."""
    return [entry.hidden for entry in engine.session.state.chats["tea"].timeline.entries.values()]


async def test_what_was_hidden_meanwhile_is_hidden(tmp_path: Path) -> None:
    """The history tells the message and the reaction in one breath."""
    async with subject().rig() as rig:
        stage, host, nurse = server(rig), rig.person(name="host"), rig.person()
        async with bridge(rig, tmp_path / "tea.db", host):
            pass
        for n in range(5):
            said = rig.says(nurse, f"A1 {n}")
            assert not stage.react(host, said.id, "no_entry_sign"), "nobody listens"
        async with bridge(rig, tmp_path / "tea.db", host) as engine:
            await rig.until(lambda: hidden(engine) == [True] * 5, "all of them to be hidden")


@pytest.mark.parametrize("others", [0, 6], ids=["few are read again one by one", "many with their channel"])
async def test_what_was_taken_back_meanwhile_is_taken_back(tmp_path: Path, others: int) -> None:
    """Nothing in the history says that it was ever there."""
    async with subject().rig() as rig:
        stage, host, nurse = server(rig), rig.person(name="host"), rig.person()
        async with bridge(rig, tmp_path / "tea.db", host) as engine:
            first, second, *_ = [rig.says(nurse, f"A1 {n}") for n in range(2 + others)]
            await rig.until(lambda: len(hidden(engine)) == 2 + others, "all of them")
            for said in (first, second):
                assert stage.react(host, said.id, "no_entry_sign")
            await rig.until(lambda: hidden(engine)[:2] == [True, True], "two to be hidden")
        assert not stage.unreact(host, first.id, "no_entry_sign"), "nobody listens"
        async with bridge(rig, tmp_path / "tea.db", host) as engine:
            assert hidden(engine)[:2] == [True, True]
            await rig.until(lambda: not hidden(engine)[0], "the first to be shown again")
            rig.says(nurse, "until here")
            await rig.until(lambda: len(hidden(engine)) == 3 + others, "what came later")
            assert hidden(engine)[:2] == [False, True]
