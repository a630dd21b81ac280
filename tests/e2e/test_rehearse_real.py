"""`chatbridge rehearse --real slack`: hosts train in their own workspace, which here is a stand-in that no rehearsal
knows of; people elsewhere are simulated."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridge import cli, control
from bridge.arguments import FAILED, WRONG
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.slack.wire import CHAT, HOSTS
from simulator.stage import Person, Said

CONFIG = """
[community]
name = "The Night Round"
timezone = "Europe/London"
journal = "journal.db"
[[chats]]
id = "handovers"
title = "Safer handovers"
hashtag = "WardChat"
starts = 2018-03-20T20:00:00
minutes = 60
late_hours = 0.001
announce = "7d"
remind = ["10m"]
[[chats.hosts]]
name = "Wren Adair"
slack = "{host}"
[[chats.questions]]
text = "What makes a handover safe?"
[[chats.questions]]
text = "Who is missing from it?"
[networks.mastodon]
kind = "mastodon"
server = "https://mastodon.example"
[networks.bluesky]
kind = "bluesky"
account = "ward.example"
[networks.slack]
kind = "slack"
channel = "{channel}"
hosts_channel = "{hosts_channel}"
"""
TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")


@dataclass
class Room:
    """A workspace, a host in it, and the rehearsal that goes on there."""

    server: Server
    host: Person
    folder: Path
    env: dict[str, str]
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def said(self, place: str) -> list[Said]:
        """What the bridge posted there and has not taken away."""
        return [m for m in self.server.said.values() if m.ours and m.place == place and not m.deleted]

    def posted(self, words: str) -> list[Said]:
        """Its messages in the chat's channel that say this."""
        return [m for m in self.said("chat") if words in m.text]

    async def hide_one_of(self, title: str) -> None:
        """The host hides what a simulated person of that network said, as soon as it stands there under a name."""
        shown = await self.until(lambda: self.posted(f"({title})\n"))
        heading = re.search(r" · \d+ · ", shown[-1].text)
        assert heading
        assert self.server.command(self.host, f"hide {heading[0].strip(' ·')}")
        await self.until(lambda: not self.posted(heading[0]))

    async def until(self, what: Callable[[], Any]) -> Any:
        """The first thing `what` finds, after whatever the bridge posts or edits."""
        async with asyncio.timeout(20):
            while not (found := what()):
                self.changed.clear()
                await self.changed.wait()
        return found

    async def press(self, verb: str) -> None:
        """The host presses a button of the board, once it is there."""
        controls = await self.until(lambda: self.server.find_control(verb))
        assert self.server.use_control(self.host, controls[-1])

    @asynccontextmanager
    async def rehearsing(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "rehearse", "--real", "slack", "--json", "--minutes", "2", *arguments,
            cwd=self.folder, env=self.env, start_new_session=True,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        except BaseException as error:
            if process.returncode is None:
                process.kill()
            error.add_note(b"".join(filter(None, await process.communicate())).decode())
            raise


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Clock()
    server = Server("slack", clock, Faults(clock.now), {})
    await server.start()
    host = Person("host-wren", "Wren Adair", "slack", host=True)
    account, access = server.join(host), server.access()
    text = CONFIG.format(host=account, channel=CHAT, hosts_channel=HOSTS)
    (tmp_path / "config.toml").write_text(f'{text}api = "{access["table"]["api"]}"\n')
    tokens = {f"SLACK_{name}": value for name, value in access["secrets"].items()}
    made = Room(server, host, tmp_path, {**os.environ, **tokens})
    server.on_ours.append(lambda said: made.changed.set())
    try:
        yield made
    finally:
        await server.stop()


@pytest.mark.timeout(120)
async def test_hosts_train_in_their_own_workspace(room: Room) -> None:
    async with room.rehearsing("--participants", "8", "--answers", "24") as process:
        await room.press("next")
        await room.until(lambda: room.posted("Welcome to Safer handovers!"))
        assert not room.posted("What makes")
        for _ in range(2):  # the first could still mean the welcome, as the board's button could
            assert room.server.command(room.host, "next")
        await room.until(lambda: room.posted("Q1"))
        for title in ("Mastodon", "Bluesky"):
            await room.hide_one_of(title)
        assert room.server.command(room.host, "end")
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    result = json.loads(out)
    assert (result["real"], result["slack_copies"]) == (["slack"], None)
    assert [(q["label"], q["posted"]) for q in result["questions"]] == [("Q1", {"mastodon": 1, "bluesky": 1})]
    assert all(result["written"][network] > 0 for network in ("mastodon", "bluesky"))
    assert result["lost"] == result["duplicated"] == result["leaked"] == []
    assert result["withheld"], "what the host hid is not lost"
    words = errors.decode()
    assert "held on Slack for real: https://teashop.slack.example/ as @chatbridge." in words
    assert f"channel {CHAT}: the chat" in words
    assert "answers of people who are simulated, on Mastodon and Bluesky." in words
    everything = [m.text for m in room.server.said.values() if m.ours]
    assert not [text for text in everything if "Announcement" in text or "Reminder" in text]
    assert {m.author for m in room.server.said.values()} == {"bridge"}, "nobody simulated writes there"
    kept = {path: path.read_bytes() for path in (room.folder / "rehearsal").rglob("*") if path.is_file()}
    assert kept
    for secret in (room.env[name].encode() for name in TOKENS):
        assert secret not in out + errors
        assert not [path for path, held in kept.items() if secret in held]


@pytest.mark.timeout(120)
async def test_ctrl_c_closes_the_room_in_good_order(room: Room) -> None:
    async with room.rehearsing("--participants", "4", "--answers", "6") as process:
        await room.press("next")
        await room.until(lambda: room.posted("Welcome to Safer handovers!"))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all that run in it
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert room.posted("Thank you"), "the closing words"
    result = json.loads(out)
    assert (result["questions"], result["lost"]) == ([], [])
    assert result["transcript"]
    assert not control.address(room.folder / "rehearsal" / "stage" / "journal.db").exists()


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config of nobody's yet, without secrets."""
    monkeypatch.chdir(tmp_path)
    for name in TOKENS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.toml").write_text(CONFIG.format(host="U…", channel="C…", hosts_channel="C…"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["slak"], "There is no network 'slak' in config.toml. Did you mean 'slack'?"),
        (
            ["mastodon"],
            "Only a network that hosts command from can be real, and Mastodon is none. Say --real slack.",
        ),
        (["slack", "--speed", "60"], "Slack's clock cannot be hurried: with --real an hour takes an hour."),
    ],
)
def test_what_cannot_be_real(
    arguments: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rehearse", "--real", *arguments]) == WRONG
    assert said in capsys.readouterr().err
    assert not (place / "rehearsal").exists()


def test_what_nobody_has_filled_in_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the stand-ins stand in for is not."""
    assert cli.main(["rehearse", "--real", "slack", "--json"]) == WRONG
    keys = [mistake["key"] for mistake in json.loads(capsys.readouterr().out)["mistakes"]]
    assert keys == [
        "chats[0].hosts[0].slack",
        "networks.slack.channel",
        "networks.slack.hosts_channel",
        "networks.slack",  # both tokens in one: `login` obtains them together
    ]


def test_somebody_has_to_be_able_to_command(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.format(host="", channel="C0123456", hosts_channel="C0123457").replace('slack = ""\n', "")
    (place / "config.toml").write_text(text)
    for name in TOKENS:
        monkeypatch.setenv(name, "simulated")
    assert cli.main(["rehearse", "--real", "slack"]) == WRONG
    assert "expected a host who has an account on Slack: nobody could command" in capsys.readouterr().err


async def test_two_bridges_do_not_share_a_workspace(room: Room) -> None:
    async with at_work(room.folder / "journal.db"), room.rehearsing() as process:
        _, errors = await process.communicate()
    assert process.returncode == FAILED
    assert "Stop that one first." in errors.decode()
    assert not room.server.said


@asynccontextmanager
async def at_work(journal: Path) -> AsyncIterator[None]:
    """Somebody answers as a bridge does."""

    async def ready(request: dict[str, Any]) -> dict[str, Any]:
        return {"ready": True}

    async with asyncio.TaskGroup() as group:
        task = group.create_task(control.listen(journal, {"health": ready}))
        while not control.address(journal).exists():  # noqa: ASYNC110  # it has no other sign
            await asyncio.sleep(0)
        yield
        task.cancel()
