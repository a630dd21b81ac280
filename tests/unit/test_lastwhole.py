"""The config as it last was whole: what is kept of it, where it is found again, and when a bridge begins with it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from bridge.chat.state import Configured, Misconfigured
from bridge.config import Config, load
from bridge.edits import Edits
from bridge.errors import ConfigError, Mistake
from bridge.include import Files
from bridge.lastwhole import journal, keep, recall, under_way
from bridge.model import HOUR, MINUTE
from tests.unit.configs import at, read, swap
from tests.unit.make import Hour, community
from tests.unit.platforms import CONFIG, kinds
from tests.unit.test_edits import TOKEN, Watched, reader
from tests.unit.test_forget import running
from tests.unit.test_include import BARE, RHYTHM, series
from tests.unit.test_live_edits import told

STARTS = at(2027, 3, 16, 20)
NOW = STARTS - HOUR
ENV = {"HALL_TOKEN": TOKEN, "CHATBRIDGE_HOST": "0.0.0.0", "MQTT_PASSWORD": "sand"}
MORE = """
layout = "threads"
[mqtt]
url = "mqtts://broker.test"
certificate = "{part}.pem"
key = "{part}-key.pem"
[web]
port = 8081
[consent]
outward = "none"
keep_text_days = 7
"""


def test_all_of_it_comes_back_though_its_files_are_gone(tmp_path: Path) -> None:
    picture, platforms = tmp_path / "chats" / "q.png", kinds()
    path = series(tmp_path, BARE + MORE, a=RHYTHM + 'image = "q.png"\nalt = "a wave"\n')
    picture.write_bytes(b"\x89PNG")
    config = load(path, ENV, platforms=platforms)
    keep(config, None, NOW)
    (tmp_path / "chats" / "a.toml").unlink()
    picture.unlink()
    path.write_text("[community\n")
    slip = Mistake(str(path), "line 1", "", "TOML", "A bracket is missing.")
    found = recall(path, None, ENV, (slip,), platforms=platforms)
    assert found is not None
    assert found.at == NOW
    assert found.config == replace(config, mistakes=(slip,), warnings=())


def test_it_is_for_our_user_alone_and_has_no_secret_in_it(tmp_path: Path) -> None:
    keep(read(tmp_path, CONFIG, ENV), None, NOW)
    (file,) = (tmp_path / "data").iterdir()
    assert file.name == "chatbridge.db.config.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in file.read_text()


def test_a_part_beside_a_network_has_one_of_its_own(tmp_path: Path) -> None:
    path = read(tmp_path).path
    keep(read(tmp_path), "hall", NOW)
    keep(read(tmp_path), "core", NOW + MINUTE)
    assert (tmp_path / "data" / "sessions" / "hall.config.json").exists()
    for part, taken in {"hall": NOW, "core": NOW + MINUTE, None: NOW + MINUTE}.items():
        found = recall(path, part, {}, platforms=kinds())
        assert found is not None
        assert found.at == taken
    assert recall(path, "square", {}, platforms=kinds()) is None


def test_another_config_s_is_not_taken(tmp_path: Path) -> None:
    keep(read(tmp_path), None, NOW)
    other = tmp_path / "other.toml"
    other.write_text("[community\n")
    assert recall(other, None, {}, platforms=kinds()) is None


def test_it_must_fit_what_there_is_now(tmp_path: Path) -> None:
    path = read(tmp_path).path
    keep(read(tmp_path), None, NOW)
    assert recall(path, None, {}, platforms=kinds()) is not None
    assert recall(path, None, {"HALL_TOKEN": "a", "HALL_TOKEN_FILE": "b"}, platforms=kinds()) is None
    assert recall(path, None, {}, platforms={}) is None
    (tmp_path / "data").rename(tmp_path / "kept")
    path.write_text('[community]\njournal = "kept/chatbridge.db"\nname = x\n')
    assert recall(path, None, {}, platforms=kinds()) is None, "it is of another journal"


@pytest.mark.parametrize(
    ("written", "spoilt"),
    [
        (r"(?s).*", ""),
        (r"(?s).*", "{"),
        (r"(?s).*", '{"path": 1}'),
        (r'"at": \d+', '"at": 9000000000000000000'),
        (r'"zone": "[^"]*"', '"zone": "Europe/Atlantis"'),
        (r'(?s)"places": \[.*?\]', '"places": ['),
        (r'(?s)"places": .*\]', '"places": []'),
        (r'"networks.hall.kind": "[^"]*"', '"networks.hall.kind": 5'),
        (r'"networks.hall.kind": "[^"]*"', '"networks.hall": "hall"'),
        (r'"networks.hall.kind": "[^"]*"', '"community.journal": 5, "networks.hall.kind": "hall"'),
    ],
)
def test_one_that_cannot_be_used_is_none(tmp_path: Path, written: str, spoilt: str) -> None:
    path = read(tmp_path).path
    keep(read(tmp_path), None, NOW)
    file = tmp_path / "data" / "chatbridge.db.config.json"
    other = re.sub(written, spoilt, file.read_text(), count=1)
    assert other != file.read_text()
    file.write_text(other)
    assert recall(path, None, {}, platforms=kinds()) is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[community]\nname = "x"\njournal = "tide.db"  # here\n', "tide.db"),
        ('[community\nname = x\n  journal = "kept/tide.db"\n', "kept/tide.db"),
        ('community = {journal = "tide.db"}\nname = \n', "tide.db"),
        ('[community]\njournal = "tide.db\n', "data/chatbridge.db"),
        ("[community]\njournal = 5\n", "data/chatbridge.db"),
        ('community = 5\nname = "x"\n', "data/chatbridge.db"),
        (CONFIG, "data/chatbridge.db"),
        (None, "data/chatbridge.db"),
    ],
)
def test_the_journal_is_found_whatever_else_is_wrong(tmp_path: Path, text: str | None, where: str) -> None:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text)
    assert journal(path) == tmp_path / where


@pytest.mark.parametrize(
    ("ahead", "wanted"),
    [
        (STARTS - 9 * 24 * HOUR, False),
        (STARTS - 8 * 24 * HOUR, True),  # its announcement is due tomorrow
        (STARTS - 6 * 24 * HOUR, False),
        (STARTS - 48 * HOUR, True),  # its first reminder is
        (STARTS + MINUTE, True),
        (STARTS + 25 * HOUR - 1, True),  # the late window
        (STARTS + 25 * HOUR, False),
    ],
)
def test_it_is_for_when_people_count_on_the_bridge(tmp_path: Path, ahead: int, wanted: bool) -> None:
    assert under_way(read(tmp_path), ahead) is wanted


# ---------------------------------------------------------------- when it is kept, and what the hosts are told


async def test_each_config_that_is_taken_in_whole_is_kept_and_no_other(tmp_path: Path) -> None:
    path = series(tmp_path, CONFIG)
    config = load(path, {}, platforms=kinds())
    kept: list[str] = []
    edits = Edits(config, reader(path), every=0.01, keep=lambda config: kept.append(config.community.name))
    async with running(tmp_path / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        task = group.create_task(edits.run(engine))
        assert isinstance(await watched.write(CONFIG.replace("hashtag", "hashtags")), Misconfigured)
        assert set(kept) == {"The Tide Readers"}
        assert isinstance(await watched.write(swap("The Tide Readers", "The Ebb Readers")), Configured)
        assert kept[-1] == "The Ebb Readers"
        task.cancel()


async def test_a_chat_that_has_begun_is_kept_at_its_hour(tmp_path: Path) -> None:
    """Whatever date is put into the file then: who started the bridge by that would find nothing to run."""
    path = series(tmp_path, CONFIG)
    config = load(path, {}, platforms=kinds())
    (plain,) = config.community.chats
    kept: list[Config] = []
    async with running(tmp_path / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        task = group.create_task(Edits(config, reader(path), every=0.01, keep=kept.append).run(engine))
        state = engine.session.state
        sheet = state.chats[plain.id].sheet
        next(item for item in sheet.items if item.kind == "welcome").state = "posted"
        for date in ("2020-03-16", "2031-03-16"):
            edited = swap("2027-03-16T20:00:00", f"{date}T20:00:00\nminutes = 75")
            assert isinstance(await watched.write(edited), Configured)
            (chat,) = kept[-1].community.chats
            assert (chat.starts, chat.ends) == (plain.starts, plain.starts + 75 * MINUTE)
            assert under_way(kept[-1], plain.starts + HOUR)
        state.chats[plain.id].over = True
        await watched.write(swap("2027-03-16", "2020-03-16"))
        assert not under_way(kept[-1], plain.starts + HOUR), "it is over"
        task.cancel()


async def test_hosts_are_told_the_mistakes_that_a_bridge_began_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, kept = series(tmp_path, CONFIG), list[Config]()
    config = load(path, {}, platforms=kinds())
    path.write_text(CONFIG.replace("hashtag", "hashtags"))
    with pytest.raises(ConfigError) as caught:
        reader(path)(Files(path))
    config = replace(config, mistakes=caught.value.mistakes)
    async with running(tmp_path / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        task = group.create_task(Edits(config, reader(path), every=0.01, keep=kept.append).run(engine))
        event = await watched.heard()
        assert isinstance(event, Misconfigured)
        assert len(event.mistakes) == 2
        assert kept == []
        assert caplog.text == "", "who started it has read them"
        assert isinstance(await watched.write(CONFIG), Configured)
        assert [config.community.name for config in kept] == ["The Tide Readers"]
        task.cancel()


def test_mistakes_that_still_stand_at_a_start_are_not_told_again() -> None:
    """The config as it last was whole may have had an edit that waited for that start."""
    hour, slip = Hour(community()), 'config.toml: chats[0].minutes (chat 1) = "sixty"'
    renamed = changed(community(), name="The Night Round")

    def said(event: Misconfigured | Configured) -> str:
        hour.event(event)
        hour.deliver()
        return told(hour)

    words = said(Misconfigured((slip,)))
    assert said(Configured(renamed, mistakes=(slip,))) == words
    assert said(Misconfigured((slip,))) == words
    assert said(Configured(renamed)) == "The config is whole again, and nothing in it is different."
