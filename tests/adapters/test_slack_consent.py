"""The whole way of an answer from Slack to the page: core, engine, links, a workspace's sockets, and back."""

from __future__ import annotations

from pathlib import Path

from bridge.engine import Engine
from simulator.stage import Person
from tests.adapters.slack_bridge import bridge
from tests.adapters.slack_rig import server, subject
from tests.conformance.rig import Rig


def shown(engine: Engine) -> list[tuple[str, str]]:
    """Name and words of what stands on the page."""
    entries = engine.session.view("tea", "page", engine.clock.now()).entries
    return [(e.name, e.text.plain) for e in entries if e.text is not None]


def press(rig: Rig, who: Person, choice: str) -> None:
    """Somebody presses the button of that choice in the one message that put it to them."""
    buttons = [c for c in rig.stage.find_control("consent") if c["value"]["item"] == choice]
    (button,) = [c for c in buttons if c["user"] == who.handle]
    assert rig.stage.use_control(who, button)


async def test_an_answer_stands_on_the_page_once_its_author_says_so_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with subject().rig() as rig:
        nurse, porter = rig.person(name="nurse"), rig.person(name="porter")
        asked = server(rig).whispers
        async with bridge(rig, tmp_path / "tea.db") as engine:
            one = rig.says(nurse, "said first")
            rig.says(porter, "said by another")
            await rig.until(lambda: len(asked) == 2, "both to be asked")
            assert sorted(w.user for w in asked) == sorted((nurse.account, porter.account))
            assert shown(engine) == []
            press(rig, nurse, "first")
            await rig.until(lambda: shown(engine), "the answer on the page")
            assert shown(engine) == [("Nurse", one.text)]
            await rig.until(lambda: len(asked) == 3, "a word back")
            assert (asked[-1].user, asked[-1].words.partition(".")[0]) == (
                nurse.account,
                "Done: your answers here now stand on the page with your first name",
            )
        async with bridge(rig, tmp_path / "tea.db") as engine:
            assert shown(engine) == [("Nurse", one.text)]
            two = rig.says(nurse, "said later")
            await rig.until(lambda: len(shown(engine)) == 2, "what follows on the page")
            press(rig, nurse, "name")
            await rig.until(lambda: shown(engine)[0][0] != "Nurse", "the whole name, by the old message")
            assert shown(engine) == [(nurse.name, one.text), (nurse.name, two.text)]
            press(rig, nurse, "no")
            await rig.until(lambda: not shown(engine), "the words to be gone")
            await rig.until(lambda: len(asked) == 5, "the answers")
            assert [w.user for w in asked[2:]] == [nurse.account] * 3, "nobody was asked twice"
