"""What `check` says of a config and its networks, and what `login` keeps."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import sys
from pathlib import Path

import msgspec
import pytest

from bridge import check
from bridge.config import Config, load
from bridge.errors import ChatbridgeError, ConfigError, NeedsLogin, Unreachable
from bridge.login import Shell, login
from bridge.model import Capabilities, Limits, Micros, Network, Opened
from bridge.ports import Remark, SessionStore
from bridge.readiness import missing_secrets, passed, unseen, unsteered
from tests.unit.configs import SHIPPED, at
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
        "rhythm posts 133 times, 37 of them quietly",
        "Q1 of rhythm goes out as a thread of 3 posts",
    )
    assert report.networks[1].can == (
        "posts are corrected by a new post or a reply",
        "rhythm posts 10 times, 4 of them quietly",
    )
    assert report.networks[0].remarks[0].what == "its clock is 12 seconds behind ours"
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
    assert "HALL_TOKEN" in report.networks[0].remarks[0].mend
    assert "HALL_TOKEN" in report.networks[0].remarks[0].mend
    assert report.networks[1].remarks[0].what == "square.test does not answer"
    assert "[networks.square]" in report.networks[1].remarks[0].mend
    assert "Not ready yet." in check.show(report)
    assert "hush" not in check.show(report) + repr(report)


@pytest.mark.parametrize("grouped", [False, True])
async def test_a_bug_of_one_adapter_harms_no_other_network(
    tmp_path: Path, grouped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(name: Network) -> Opened:
        bug = KeyError("configuration")
        raise ExceptionGroup("reading", [bug]) if grouped else bug

    report = await check.check(
        config(tmp_path, hall(opens=fails), square(), room()), Still(), offline=False, sessions=sessions
    )
    assert [n.state for n in report.networks] == ["down", "ready", "ready"]
    remark = report.networks[0].remarks[0]
    assert remark.needed
    assert remark.what == "the adapter failed: KeyError"
    assert "Hall" in remark.mend
    assert "configuration" in caplog.text
    assert not report.ok


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
    assert [m.key for m in report.missing] == ["networks.hall.server", "networks.room"]
    shown = check.show(report)
    assert shown.count("networks.hall.server") == shown.count("ROOM_APP_TOKEN_FILE") == 1
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


async def test_remarks_are_shown_with_their_mend_and_only_needed_ones_stand_in_the_way(
    tmp_path: Path,
) -> None:
    remarks = (Remark("streams"), Remark("not marked as automated", "Tick it."))
    report = await check.check(
        config(tmp_path, hall(remarks=remarks), square(), room()), Still(), offline=False, sessions=sessions
    )
    assert report.ok
    assert "  streams\n  ! not marked as automated\n    Tick it.\n" in check.show(report)
    needed = (Remark("the token lacks the scope write", "Get another.", needed=True),)
    report = await check.check(
        config(tmp_path, hall(remarks=needed), square(), room()), Still(), offline=False, sessions=sessions
    )
    assert not report.ok


@pytest.mark.parametrize(
    ("page", "web", "noted"),
    [
        ("https://tide.test", "", True),
        ("https://tide.test", 'host = "::1"', True),
        ("https://tide.test", 'host = "0.0.0.0"', False),
        ("http://localhost:8080", "", False),
        ("http://127.0.0.1:8080", "", False),
        ("", "", False),
    ],
)
def test_a_page_for_all_that_is_served_to_this_machine_alone_is_noted(
    tmp_path: Path, page: str, web: str, noted: bool
) -> None:
    own = f'page = "{page}"' if page else ""
    text = CONFIG.replace('page = "https://tide.test"', own) + f"[web]\n{web}\n"
    found = unseen(config(tmp_path, text=text))
    assert [(note.key, note.warning) for note in found] == ([("web.host", True)] if noted else [])
    assert not noted or "Fine if a web server on this machine passes them on to port 8080" in found[0].mend


def test_what_will_not_be_posted_any_more_is_named(tmp_path: Path) -> None:
    late = passed(config(tmp_path), at(2027, 3, 16, 10))
    assert [w.key for w in late] == ["chats[0].announce", "chats[0].remind"]
    assert "Tuesday 9 March 2027" in late[0].expected
    assert passed(config(tmp_path), at(2027, 3, 1)) == ()
    assert passed(config(tmp_path), at(2027, 3, 17)) == ()


@pytest.mark.parametrize(
    ("network", "host", "expected"),
    [
        ("slack", "", "a host with an account in Slack"),
        ("slack", 'mastodon = "@wren@ward.social"', "a host with an account in Slack"),
        ("slack", 'slack = "U012AB3CD"', ""),
        ("group", "", ""),
        ("mastodon", "", "a host with an account"),
        ("mastodon", 'mastodon = "@wren@ward.social"', ""),
    ],
)
def test_a_chat_that_its_hosts_could_not_steer_is_named(
    tmp_path: Path, network: str, host: str, expected: str
) -> None:
    room = '[networks.slack]\nkind = "slack"\nchannel = "C…"\nhosts_channel = "C…"\n' * (
        network != "mastodon"
    )
    group = 'hosts_group = "S012AB3CD"\n' * (network == "group")
    path = tmp_path / "config.toml"
    path.write_text(
        '[community]\nname = "The Night Round"\ntimezone = "UTC"\n'
        '[[chats]]\nid = "a"\ntitle = "Safer handovers"\nhashtag = "WardChat"\nstarts = 2027-03-16T20:00:00\n'
        f'[[chats.hosts]]\nname = "Wren Adair"\n{host}\n[[chats.questions]]\ntext = "Who is missing?"\n'
        f'[networks.mastodon]\nkind = "mastodon"\nserver = "https://ward.social"\n{room}{group}'
    )
    found = unsteered(load(path, {}))
    assert [(w.key, w.expected) for w in found] == [("chats[0].hosts", expected)] * bool(expected)


# ---------------------------------------------------------------- login


class Typed:
    """Somebody at the terminal who types these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        self.said.append(prompt)
        return self._lines.pop(0)


async def test_login_keeps_secrets_for_this_user_alone_and_the_next_load_has_them(tmp_path: Path) -> None:
    before = config(tmp_path, env={})
    (place,) = await login(before, "hall", Typed("hush-9"), Still())
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    after = config(tmp_path, env={})
    assert dict(after.networks[0].secrets) == {"token": "hush-9"}
    assert "networks.hall" not in [m.key for m in missing_secrets(after)]
    assert dict(config(tmp_path).networks[0].secrets) == {"token": "hush-1"}  # the environment goes first
    assert "hush" not in repr(after)


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # as the locale has it
async def test_what_is_no_text_is_refused_in_words(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8", errors))
    async with asyncio.timeout(5):
        with pytest.raises(ChatbridgeError, match="not text in UTF-8") as refused:
            await Shell().ask("The password: ", secret=True)
    assert "caf" not in str(refused.value)


async def test_login_keeps_nothing_that_was_refused_and_names_what_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(NeedsLogin):
        await login(config(tmp_path, env={}), "hall", Typed(""), Still())
    assert not (tmp_path / "data").exists()
    with pytest.raises(ConfigError, match="The config has: hall, square, room"):
        await login(config(tmp_path, env={}), "porch", Typed(), Still())
    text = CONFIG.replace("https://hall.test", "https://hall.example")
    with pytest.raises(ConfigError, match=r"networks\.hall\.server"):
        await login(config(tmp_path, text=text, env={}), "hall", Typed(), Still())


@pytest.mark.parametrize("typed", [b"", b"\n", b"   \n"])
async def test_a_secret_that_is_not_given_ends_it_there(
    monkeypatch: pytest.MonkeyPatch, typed: bytes
) -> None:
    """Ctrl-D must not lead on to the next question, and then to the network with nothing."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8"))
    with pytest.raises(ChatbridgeError, match="nothing was kept"):
        await Shell().ask("The bot token: ", secret=True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8"))
    assert await Shell().ask("Label the account? [Y/n] ") == ""
