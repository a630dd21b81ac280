"""Which processes a bridge can be, and what each of them needs."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bridge import cli, split
from bridge.arguments import FAILED, WRONG
from bridge.clock import WallClock
from bridge.commentary import part_lines
from bridge.config import Config
from bridge.errors import ChatbridgeError
from bridge.model import HOUR, Micros
from bridge.ports import Standing
from bridge.sessions import beside
from tests.unit.configs import at, only, read
from tests.unit.platforms import CONFIG

BEFORE: Micros = at(2027, 3, 1)
MQTT = CONFIG + '[mqtt]\nurl = "mqtts://broker.test"\n'
CERTIFIED = MQTT + 'certificate = "{part}.pem"\nkey = "{part}-key.pem"\n'


def lacking(config: Config, part: str | None, now: Micros = BEFORE) -> list[str]:
    return [mistake.key for mistake in split.lacking(config, part, now)]


# ---------------------------------------------------------------- what is lacking


def test_a_process_needs_no_other_s_secrets(tmp_path: Path) -> None:
    config = read(tmp_path, MQTT, {"SQUARE_PASSWORD": "sand"})
    assert lacking(config, "core") == []
    assert lacking(config, "square") == []
    assert lacking(config, "hall") == ["networks.hall"]
    assert set(lacking(config, None)) == {"networks.hall", "networks.room"}


def test_a_placeholder_is_for_whom_it_concerns(tmp_path: Path) -> None:
    config = read(
        tmp_path, MQTT.replace("https://hall.test", "https://hall.example"), {"SQUARE_PASSWORD": "sand"}
    )
    assert lacking(config, "core") == ["networks.hall.server"]
    assert lacking(config, "square") == []


def test_whether_a_chat_is_ahead_is_the_core_s_matter(tmp_path: Path) -> None:
    config = read(tmp_path, MQTT, {"SQUARE_PASSWORD": "sand"})
    over = BEFORE + 365 * 24 * HOUR
    assert lacking(config, "core", over) == ["chats[0].starts"]
    assert lacking(config, "square", over) == []


def test_without_a_broker_nothing_can_be_split(tmp_path: Path) -> None:
    config = read(tmp_path)
    for part in ("core", "hall"):
        (mistake,) = split.lacking(config, part, BEFORE)
        assert "[mqtt]" in mistake.mend
    assert "mqtt" not in lacking(config, None)


def test_each_process_can_have_a_certificate_of_its_own(tmp_path: Path) -> None:
    config = read(tmp_path, CERTIFIED, {"SQUARE_PASSWORD": "sand"})
    assert lacking(config, "square") == ["mqtt.certificate", "mqtt.key"]
    for name in ("square", "square-key"):
        (tmp_path / f"{name}.pem").touch()
    assert lacking(config, "square") == []
    assert lacking(config, "core") == ["mqtt.certificate", "mqtt.key"]
    mqtt = split.of(config, "square").mqtt
    assert mqtt is not None
    assert (mqtt.certificate, mqtt.key) == (str(tmp_path / "square.pem"), str(tmp_path / "square-key.pem"))
    whole = split.of(config, None).mqtt
    assert whole is not None
    assert whole.certificate == str(tmp_path / "core.pem"), "all in one process has the core's feed"


def test_no_network_can_be_called_core(tmp_path: Path) -> None:
    assert "“core”" in only(tmp_path, MQTT.replace("networks.square", "networks.core")).mend


# ---------------------------------------------------------------- the command line


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    network = '[networks.mastodon]\nkind = "mastodon"\nserver = "https://ward.example"\n'
    (tmp_path / "config.toml").write_text(
        MQTT[: MQTT.index("[networks")].replace("hall = ", "mastodon = ") + network
    )
    return tmp_path


@pytest.mark.parametrize("command", ["run", "health"])
def test_an_unknown_network_is_refused_with_those_there_are(
    place: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "--only", "mastodn"]) == WRONG
    assert "Did you mean 'mastodon'?" in capsys.readouterr().err
    assert cli.main([command, "--only", "slack"]) == WRONG
    assert "There are: core, mastodon." in capsys.readouterr().err


@pytest.mark.parametrize(
    "call", [["run", "--only", "core"], ["run", "--only", "mastodon"], ["rehearse", "--split"]]
)
def test_without_mqtt_the_call_is_wrong(
    place: Path, call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(call) == WRONG
    assert "expected the broker over which the processes speak" in capsys.readouterr().err
    assert not (place / "data").exists(), "nothing was made"


def test_a_split_rehearsal_is_for_stand_ins(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rehearse", "--split", "--real", "mastodon"]) == WRONG
    assert "--split is for stand-ins" in capsys.readouterr().err


def test_health_says_how_to_start_the_part_that_does_not_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["health", "--only", "mastodon"]) == FAILED
    assert "Start it with: chatbridge run --only mastodon" in capsys.readouterr().err
    assert cli.main(["health", "--only", "core"]) == FAILED
    assert "Start it with: chatbridge run --only core" in capsys.readouterr().err


# ---------------------------------------------------------------- beside an adapter


def test_two_processes_for_one_network_in_one_place_are_one_too_many(tmp_path: Path) -> None:
    config = read(tmp_path, MQTT)
    part = split.Part(config, "hall", WallClock(), beside(config.journal))
    with pytest.raises(ChatbridgeError, match="Another process runs for Hall"):
        split.Part(config, "hall", WallClock(), beside(config.journal))
    assert not part.standing.ready
    split.Part(config, "square", WallClock(), beside(config.journal))


@pytest.mark.parametrize("kept", ["{", ""])
def test_a_memory_that_cannot_be_read_is_named(tmp_path: Path, kept: str) -> None:
    config = read(tmp_path, MQTT)
    memory = split.place(config.journal, "hall").with_name("hall.mqtt.json")
    memory.parent.mkdir(parents=True)
    memory.write_text(kept)
    for _ in range(2):  # it lets go of the place
        with pytest.raises(ChatbridgeError, match=re.escape(f"delete {memory}")):
            split.Part(config, "hall", WallClock(), beside(config.journal))


def test_what_a_process_beside_an_adapter_says() -> None:
    away, refused = "No connection to the broker at x:1: refused.", "a new token, please"
    stages = (
        Standing(broker=away),
        Standing(),
        Standing(link="opening", busy=True),
        Standing(link="refused", why=refused),
        Standing(link="ready", handle="@chat"),
        Standing(link="ready", handle="@chat", busy=True),
        Standing(link="ready", handle="@chat", broker=away),
        Standing(),
    )
    said = [
        line
        for before, now in zip((Standing(), *stages), stages, strict=False)
        for line in part_lines("Hall", before, now)
    ]
    assert said == [
        "No connection to the broker at x:1: refused. It is tried again.",
        "The broker is there.",
        "Hall refuses our login: a new token, please. The core tries it again.",
        "Hall is open, as @chat.",
        "No connection to the broker at x:1: refused. It is tried again.",
        "The broker is there.",
        "The core has closed its link, or is not heard any more.",
    ]


def test_it_is_ready_if_no_core_has_to_wait_for_it() -> None:
    assert Standing().ready
    assert Standing(link="ready").ready
    assert not any(Standing(link=link).ready for link in ("opening", "down", "refused"))
    assert not Standing(link="ready", broker="away").ready


def test_what_the_tree_declares_is_installed() -> None:
    (point,) = entry_points(group=split.GROUP)
    assert f'{point.name} = "{point.value}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()
