"""What `preview` and `check` say of a config."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bridge import check, preview
from bridge.config import Config, load
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import Capabilities, Limits, Micros, Network, Opened
from bridge.ports import SessionStore
from bridge.text import count
from tests.unit.configs import SHIPPED
from tests.unit.platforms import CONFIG, Kind, hall, kinds, room, square

BEFORE = 1_798_761_600_000_000  # 2027-01-01
ENV = {
    "HALL_TOKEN": "hush-1",
    "SQUARE_PASSWORD": "hush-2",
    "ROOM_BOT_TOKEN": "hush-3",
    "ROOM_APP_TOKEN": "hush-4",
}


class Still:
    """A clock that stands; real patience is short."""

    def now(self) -> Micros:
        return BEFORE

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing to wait for")

    def timeout(self, seconds: float) -> float:
        return seconds / 100


class Nothing:
    """A store without a login."""

    def load(self) -> bytes | None:
        return None

    def save(self, session: bytes) -> None:
        raise AssertionError("nothing was renewed")


def sessions(name: Network) -> SessionStore:
    return Nothing()


def config(folder: Path, *known: Kind, text: str = CONFIG, env: dict[str, str] | None = None) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, ENV if env is None else env, platforms=kinds(*known))


# ---------------------------------------------------------------- preview


def test_every_item_stands_on_every_posting_network(tmp_path: Path) -> None:
    text = CONFIG.replace('kind = "square"', 'kind = "square"\npost = false')
    (sheet,) = preview.preview(config(tmp_path, text=text)).chats
    assert [item.id for item in sheet.items] == [
        *(
            "announcement",
            "reminder-24h",
            "reminder-10m",
            "welcome",
            "q1",
            "recap-half",
            "q2",
            "recap",
            "closing",
        ),
    ]
    assert {tuple(s.network for s in item.networks) for item in sheet.items} == {("hall", "room")}
    first = sheet.items[4]
    assert first.local == "2027-03-16T20:05:00+00:00"
    assert first.networks[0].parts[0].text == "Q1 What is a tide? #TideTalk"


def test_counts_are_the_networks_own(tmp_path: Path) -> None:
    text = CONFIG.replace(
        "What is a tide?", "Is 👩‍⚕️ at https://tide.test/a/long/address/that/counts/less ok?"
    )
    (sheet,) = preview.preview(config(tmp_path, text=text)).chats
    question = next(item for item in sheet.items if item.id == "q1")
    in_hall, in_square, _ = (shown.parts[0] for shown in question.networks)
    address = "https://tide.test/a/long/address/that/counts/less"
    assert in_square.count == count(in_square.text)
    assert in_hall.count == in_square.count - len(address) + 23
    assert in_square.bytes == len(in_square.text.encode()) > in_square.count
    assert (in_hall.limit, in_square.limit, in_square.bytes_limit) == (500, 300, 3000)


def test_the_shipped_preview_can_be_read_and_is_json() -> None:
    data = preview.preview(load(SHIPPED, {}))
    shown = preview.show(data)
    assert "Announcement · Tuesday 13 March 2018, 20:00 London time (20:00 UTC)" in shown
    assert "Reminder 10 minutes before · Tuesday 20 March 2018, 19:50 London time (19:50 UTC)" in shown
    assert "  Mastodon (47 of 500), Bluesky (47 of 300), Slack (47 of 3500)\n    Q1 What is a comm" in shown
    assert "Bluesky (" in shown
    assert "part 2 of 2" in shown
    assert max(len(line) for line in shown.splitlines()) <= preview.WIDTH
    assert len(json.loads(msgspec.json.encode(data))["chats"][0]["items"]) == 14


def test_warnings_pictures_and_long_texts_are_shown(tmp_path: Path) -> None:
    (tmp_path / "q1.png").write_bytes(b"picture")
    text = CONFIG.replace("at = 5\n", 'at = 5\nimage = "q1.png"\nalt = "A chart"\nwarning = "water"\n')
    text = text.replace("Who keeps it?", "Who keeps it? " * 30)
    shown = preview.show(preview.preview(config(tmp_path, text=text)))
    assert "[content warning: water]" in shown
    assert "q1.png, described: A chart]" in shown
    assert "of 300), part 1 of 2" in shown
    assert "To think about:\nconfig.toml" in shown.replace(f"{tmp_path}/", "")


# ---------------------------------------------------------------- check


async def test_offline_asks_nobody_and_passes_with_what_is_missing_named(tmp_path: Path) -> None:
    never = hall()
    report = await check.check(
        config(tmp_path, never, square(), room(), env={}), Still(), offline=True, sessions=sessions
    )
    assert report.ok
    assert never.opened == []
    assert [m.key for m in report.missing] == [
        "networks.hall",
        "networks.square",
        "networks.room",
        "networks.room",
    ]
    assert "No network was asked" in check.show(report)


async def test_the_shipped_config_passes_offline() -> None:
    report = await check.check(load(SHIPPED, {}), Still(), offline=True, sessions=sessions)
    assert report.ok
    assert report.missing


async def test_networks_that_are_ready_say_what_they_can(tmp_path: Path) -> None:
    def opens(name: Network) -> Opened:
        can = Capabilities(Limits(27), mirror=True, console=True, edits=True)
        return Opened(name, f"acct:{name}", f"@{name}", can, url="https://hall.test/@us", skew=-12.0)

    report = await check.check(
        config(tmp_path, hall(opens=opens), square(), room()), Still(), offline=False, sessions=sessions
    )
    assert report.ok
    assert [n.state for n in report.networks] == ["ready"] * 3
    assert report.networks[0].limits == Limits(27)
    assert report.networks[0].can == (
        "posts can be corrected",
        "the merged timeline stands here",
        "hosts command from here",
        "Q1 of rhythm goes out as a thread of 3 posts",
    )
    assert report.networks[0].problems[0].what == "its clock is 12 seconds behind ours"
    shown = check.show(report)
    assert "Hall (hall): logged in as @hall" in shown
    assert shown.endswith("Ready.\n")
    assert json.loads(msgspec.json.encode(report))["networks"][1]["handle"] == "@square"


async def test_each_failure_is_told_apart_and_harms_no_other(tmp_path: Path) -> None:
    def refuses(name: Network) -> Opened:
        raise NeedsLogin("Hall does not accept the token")

    def silent(name: Network) -> Opened:
        raise Unreachable("square.test does not answer")

    report = await check.check(
        config(tmp_path, hall(opens=refuses), square(opens=silent), room()),
        Still(),
        offline=False,
        sessions=sessions,
    )
    assert not report.ok
    assert [n.state for n in report.networks] == ["refused", "down", "ready"]
    assert "HALL_TOKEN" in report.networks[0].problems[0].mend
    assert "HALL_TOKEN" in report.networks[0].problems[0].mend
    assert report.networks[1].problems[0].what == "square.test does not answer"
    assert "[networks.square]" in report.networks[1].problems[0].mend
    assert "Not ready yet." in check.show(report)
    assert "hush" not in check.show(report) + repr(report)


async def test_a_network_that_lacks_something_is_not_asked(tmp_path: Path) -> None:
    asked = hall()
    text = CONFIG.replace("https://hall.test", "https://hall.example")
    env = {key: value for key, value in ENV.items() if key != "ROOM_APP_TOKEN"}
    report = await check.check(
        config(tmp_path, asked, square(), room(), text=text, env=env),
        Still(),
        offline=False,
        sessions=sessions,
    )
    assert [n.state for n in report.networks] == ["incomplete", "ready", "incomplete"]
    assert asked.opened == []
    assert "networks.hall.server" in report.networks[0].problems[0].what
    assert "ROOM_APP_TOKEN" in report.networks[2].problems[0].mend
    assert not report.ok


async def test_a_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    report = await check.check(config(tmp_path), Still(), offline=False, sessions=sessions)
    assert [m.key for m in report.missing] == ["community.journal"]
    assert not report.ok


@pytest.mark.parametrize("past", [False, True])
async def test_a_chat_that_is_over_cannot_run(tmp_path: Path, past: bool) -> None:
    text = CONFIG.replace("2027-03-16", "2026-03-17") if past else CONFIG
    report = await check.check(config(tmp_path, text=text), Still(), offline=False, sessions=sessions)
    assert report.ok is not past
