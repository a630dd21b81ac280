"""After the close: what people edit and remove days later is followed by the nightly re-reading, and by
`report --check`; on the stand-ins, by a clock that jumps."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge import control
from bridge.arguments import DONE, FAILED
from bridge.asking import report
from bridge.cli import parser
from bridge.clock import ClockFile, SharedClock
from bridge.config import Config, load
from bridge.model import MINUTE, SECOND, Micros, Ref
from bridge.report.from_journal import replayed
from bridge.runner import Bridge
from bridge.sessions import beside
from bridge.when import DAY, local
from simulator.bluesky import Server as Bluesky
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from simulator.stage import Draft, Person, Said, Stage

NOON: Micros = 1_521_547_200 * SECOND  # Tuesday 20 March 2018
SPEED = 30.0  # chat seconds in a real one
TAG = "HarbourTea"
KINDS: dict[str, type[Any]] = {"mastodon": Mastodon, "bluesky": Bluesky, "slack": Slack}
GONE, CHANGED, STAYS = "Nobody must know", "Leavs and lemon", "Only leaves here"
MENDED = "Leaves and lemon"

pytestmark = pytest.mark.timeout(120)


def config(folder: Path, starts: Micros, stages: dict[str, Stage]) -> Path:
    """Four minutes with a question after one, and three minutes more for who is late."""
    lines = [
        '[community]\nname = "The Coastal Round"\ntimezone = "UTC"\njournal = "journal.db"\n[web]\nport = 0',
        f'[[chats]]\nid = "tea"\ntitle = "Tea and tides"\nhashtag = "{TAG}"\nremind = []\nlate_hours = 0.05',
        f"starts = {local(starts, 'UTC').replace(tzinfo=None).isoformat()}\nminutes = 4",
        '[[chats.questions]]\nat = 1\ntext = "What is in your pot?"',
    ]
    for name, stage in stages.items():
        table = {"kind": name} | stage.access()["table"]
        lines += [f"[networks.{name}]"]
        lines += [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in table.items()]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Afterwards:
    """A chat that was held on three networks and is over; nothing runs."""

    def __init__(self, file: ClockFile, clock: SharedClock, config: Config, stages: dict[str, Stage]) -> None:
        self.file, self.clock, self.config, self.stages = file, clock, config, stages
        self.people: dict[tuple[str, str], Person] = {}
        self.said: dict[tuple[str, str], str] = {}  # (network, words) -> id

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[Bridge]:
        """The bridge, until nobody needs it any more."""
        bridge = Bridge(self.config, self.clock, beside(self.config.journal), stay=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(bridge.run())
            await bridge.listening.wait()
            yield bridge
            bridge.stop()

    async def hold(self) -> None:
        """The hour: on each network a post that will go, one that will change, and one that stays."""
        async with self.bridge() as bridge:
            await until(lambda: all(self.ours(name, "What is in your pot?") for name in self.stages))
            for name, stage in self.stages.items():
                for n, words in enumerate((GONE, CHANGED, STAYS)):
                    person = self.people[name, words] = Person(f"nurse-{n:02}", f"Nurse {n}", name)
                    stage.join(person)
                    self.said[name, words] = stage.write(person, Draft(f"A1. {words} on {name}"))
            await until(lambda: len(self.shown(bridge)) == 9)
            await until(lambda: self.copies(GONE) == 2)  # what was written in Slack stands there anyway
            chat = bridge.engine.session.state.chats["tea"]
            entry = chat.timeline.at(Ref("mastodon", self.said["mastodon", GONE]))
            assert entry is not None
            tell = {"do": "tell", "chat": "tea", "verb": "boost", "text": str(entry.no)}
            await asyncio.to_thread(control.ask, self.config.journal, tell)
            await until(self.boosted)
            self.file.jump_to(chat.sheet.late_until)
            await until(lambda: chat.over and not bridge.busy)

    def change_minds(self) -> None:
        """Each network loses a post, and another is edited."""
        for name, stage in self.stages.items():
            stage.delete(self.people[name, GONE], self.said[name, GONE])
            stage.edit(self.people[name, CHANGED], self.said[name, CHANGED], f"A1. {MENDED} on {name}")

    # ------------------------------------------------------------ what can be seen

    def ours(self, network: str, words: str) -> list[Said]:
        said = self.stages[network].said.values()
        return [s for s in said if s.ours and not s.deleted and s.place == "chat" and words in s.text]

    def copies(self, words: str) -> int:
        return len(self.ours("slack", words))

    def boosted(self) -> bool:
        return "bridge" in self.stages["mastodon"].said[self.said["mastodon", GONE]].boosted

    def shown(self, bridge: Bridge) -> list[str]:
        """The words on the page, all signed."""
        entries = [e for e in bridge.view("tea", "page").entries if e.text is not None]
        assert all(e.name for e in entries)
        return sorted(e.text.plain.removesuffix(f" #{TAG}") for e in entries if e.text is not None)

    @property
    def right(self) -> list[str]:
        """What the page shows once every change of mind is known."""
        return sorted(f"A1. {words} on {name}" for words in (MENDED, STAYS) for name in self.stages)


async def until(met: Callable[[], object]) -> None:
    """Waits for something that a network or the bridge does."""
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)


@pytest.fixture
async def afterwards(tmp_path: Path) -> AsyncIterator[Afterwards]:
    path = tmp_path / "clock"
    file = ClockFile.create(path, NOON, SPEED)
    clock, theirs = SharedClock(path), Clock(path)
    faults = Faults(theirs.now)
    options = {"tag": TAG, "public": "yes", "chatter": False}
    async with AsyncExitStack() as stack:
        stages: dict[str, Stage] = {}
        secrets: dict[str, str] = {}
        for name, kind in KINDS.items():
            stages[name] = stage = kind(name, theirs, faults, options)
            await stage.start()
            stack.push_async_callback(stage.stop)
            secrets |= {f"{name}_{key}".upper(): value for key, value in stage.access()["secrets"].items()}
        made = load(config(tmp_path, clock.now() + MINUTE, stages), secrets)
        chat = Afterwards(file, clock, made, stages)
        await chat.hold()
        yield chat


async def test_what_changes_days_after_the_close_is_followed_at_night(afterwards: Afterwards) -> None:
    chat = afterwards
    chat.file.jump_to(chat.clock.now() + 2 * DAY)
    chat.change_minds()
    async with chat.bridge() as bridge:  # nights were missed: they are made up for at once
        session = bridge.engine.session
        reread = session.state.chats["tea"].reread
        await until(lambda: chat.shown(bridge) == chat.right)
        await until(lambda: (chat.copies(GONE), chat.copies(CHANGED), chat.copies(MENDED)) == (0, 0, 2))
        await until(lambda: set(reread) == set(KINDS) and not bridge.busy)
        assert not session.state.chats["tea"].endorsed, "the boost is taken back"
        read, night = dict(reread), session.night("mastodon")
        assert night is not None
        assert session.view("tea", "page", chat.clock.now()).phase == "over"
        assert session.interest("mastodon").tags == ()
        chat.file.jump_to(night[0])
        await until(lambda: all(reread[name] >= night[0] for name in read))
        assert bridge.settled, "that another night will come holds nothing up"
        live = session.digest()
    assert replayed(chat.config.journal).digest() == live


async def test_report_checks_first_through_the_bridge_that_runs(
    afterwards: Afterwards, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = afterwards
    async with chat.bridge() as bridge:
        await until(lambda: bridge.supervisor.ready)
        chat.change_minds()
        status = await asyncio.to_thread(report, called(chat))
        told = capsys.readouterr()
        assert status == DONE, told.err
        for title in ("Mastodon", "Bluesky", "Slack"):
            assert f"{title}: " in told.err
        assert chat.shown(bridge) == chat.right
        await until(lambda: (chat.copies(GONE), chat.copies(MENDED)) == (0, 2))
    transcript = (chat.config.journal.parent / "transcript.md").read_text()
    assert GONE not in transcript
    assert transcript.count(MENDED) == 3


def called(chat: Afterwards) -> Namespace:
    """`chatbridge report --check`"""
    folder = chat.config.journal.parent
    return parser().parse_args(["report", "--config", str(chat.config.path), "--out", str(folder), "--check"])


async def test_report_checks_by_itself_and_sends_nothing(
    afterwards: Afterwards, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = afterwards
    secrets: dict[str, str] = {}
    for name in ("mastodon", "slack"):  # Bluesky's password is not at hand
        given = chat.stages[name].access()["secrets"]
        secrets |= {f"{name}_{key}".upper(): value for key, value in given.items()}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    chat.change_minds()
    status = await asyncio.to_thread(report, called(chat))
    told = capsys.readouterr()
    assert status == FAILED
    assert "Mastodon: " in told.err
    assert "Bluesky could not be asked: " in told.err
    assert "the bridge runs: chatbridge run" in told.err
    transcript = (chat.config.journal.parent / "transcript.md").read_text()
    assert transcript.count(GONE) == 1, "Bluesky's is as it was last seen"
    assert transcript.count(MENDED) == 2
    assert chat.copies(GONE) == 2, "nothing goes out before the bridge runs"
    async with chat.bridge() as bridge:
        await until(lambda: chat.copies(GONE) == 1)
        await until(lambda: not bridge.busy)
