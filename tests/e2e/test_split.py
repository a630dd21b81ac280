"""One chat in several processes over a real Mosquitto, each of them killed in it, the broker too."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from bridge.errors import NotRunning
from tests.brokers import Mosquitto, mosquitto
from tests.certificates import Authority
from tests.e2e.split_stage import Crew, Display, display, until
from tests.e2e.test_rehearsal import NETWORKS, ROOT, assert_whole
from tests.e2e.test_run import config, opened
from tests.unit.configs import SHIPPED

PARTS = ("core", *NETWORKS)
ACL = ROOT / "docs" / "mqtt" / "acl.example"


# ---------------------------------------------------------------- rehearsed


class Rehearsal:
    """`chatbridge rehearse --split`, seen from outside while it goes on."""

    def __init__(self, process: subprocess.Popen[str], out: Path) -> None:
        self._process, self._out = process, out

    def _ask(self, what: str, part: str = "") -> Any:
        place = self._out / "stage" / (f"sessions/{part}" if part else "journal.db")
        try:
            return control.ask(place, {"do": what})
        except NotRunning:
            return None  # it is just being killed

    def until_asked(self, label: str) -> None:
        """A question is on its way or further."""

        def asked() -> bool:
            assert self._process.poll() is None, self._process.communicate()
            lines = (self._ask("status") or {"board": {"lines": []}})["board"]["lines"]
            return any(line.get("label") == label and line["state"] == "posted" for line in lines)

        until(asked, f"{label} is asked")

    def until_missed(self) -> None:
        """Every adapter's process, and the core for every network, know that there is no broker."""

        def missed() -> bool:
            beside = [self._ask("health", network) for network in NETWORKS]
            core = self._ask("health")
            if core is None or None in beside:
                return False
            away = [not each["ready"] and "the broker" in str(each["troubles"]) for each in beside]
            return all(away) and len(core["troubles"]) == len(NETWORKS)

        until(missed, "the broker is missed")

    def result(self) -> dict[str, Any]:
        said, errors = self._process.communicate(timeout=200)
        log = (self._out / "bridge.log").read_text()
        assert self._process.returncode == 0, f"{errors[-2000:]}\n{said[-4000:]}\n{log[-2000:]}"
        found: dict[str, Any] = json.loads(said)
        return found

    def failure(self) -> tuple[int, str]:
        """How it ended, and the last it said."""
        _, errors = self._process.communicate(timeout=60)
        return self._process.returncode, errors.partition("chatbridge: ")[2]


@contextmanager
def rehearsing(folder: Path, mqtt: str, *arguments: str) -> Iterator[Rehearsal]:
    given = folder / "config.toml"
    given.write_text(SHIPPED.read_text() + mqtt)
    command = [sys.executable, "-m", "bridge", "rehearse", "--split", "--json", "--speed", "90"]
    command += ["--config", str(given), "--out", str(folder / "out"), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Rehearsal(process, folder / "out")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def assert_shown(shown: Display, result: dict[str, Any]) -> None:
    """The public feed had the chat and its entries while it lasted, and nothing is left of the rehearsal."""
    assert f"{result['chat']}/state" in shown.ever
    entries = [topic for topic in shown.ever if "/entries/" in topic]
    assert len(entries) >= 0.9 * result["timeline"]["entries"], "most of them, for a while at least"
    until(lambda: not shown.standing(), "everything is taken off")


@pytest.mark.timeout(300)
def test_a_rehearsal_in_which_everything_is_killed(tmp_path: Path) -> None:
    """Every process once, and the broker twice: for a moment, and until everybody missed it."""
    with (
        mosquitto(tmp_path / "broker") as broker,
        display(broker, "chatbridge/rehearsal/+/public/#") as shown,
    ):
        with rehearsing(
            tmp_path, f'\n[mqtt]\nurl = "{broker.url}"\n', "--seed", "31",
            "--participants", "30", "--answers", "150", "--faults", "mild", "--kills", "4",
        ) as rehearsal:  # fmt: skip
            rehearsal.until_asked("Q2")
            broker.kill()
            broker.start()
            rehearsal.until_asked("Q4")
            broker.kill()
            rehearsal.until_missed()
            broker.start()
            result = rehearsal.result()
        assert_whole(result)
        assert result["kills"] == len(PARTS)
        assert_shown(shown, result)


def rights(folder: Path) -> Path:
    """The example, with a line for each network as it says."""
    core, adapter, display = ACL.read_text().split("\n\n")[1:]
    each = [adapter.replace("mastodon", network) for network in NETWORKS]
    file = folder / "acl"
    file.write_text("\n\n".join((core, *each, display)))
    file.chmod(0o600)
    return file


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Mosquitto, Authority]]:
    """A broker that lets in who has a certificate, with the rights of the example."""
    authority = Authority(folder)
    certificate, key = authority.sign("broker")
    lines = (
        f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}",
        "require_certificate true", "use_identity_as_username true", f"acl_file {rights(folder)}",
    )  # fmt: skip
    with mosquitto(folder / "broker", *lines) as broker:
        yield broker, authority


@pytest.mark.timeout(300)
def test_the_same_over_tls_with_certificates_and_rights(tmp_path: Path) -> None:
    """Each process shows a certificate of its own, and may do what the example lets it do."""
    with guarded(tmp_path) as (broker, authority):
        for part in PARTS:
            authority.sign(f"chatbridge-{part}")
        certificate, key = authority.sign("display")
        mqtt = (
            f'\n[mqtt]\nurl = "mqtts://127.0.0.1:{broker.port}"\nauthority = "authority.pem"\n'
            'certificate = "chatbridge-{part}.pem"\nkey = "chatbridge-{part}-key.pem"\n'
        )
        files = (str(authority.file), str(certificate), str(key))
        with display(broker, "chatbridge/rehearsal/+/public/#", files=files) as shown:
            with rehearsing(
                tmp_path, mqtt, "--seed", "32",
                "--participants", "30", "--answers", "150", "--faults", "harsh", "--kills", "5",
            ) as rehearsal:  # fmt: skip
                rehearsal.until_asked("Q3")
                broker.kill()
                rehearsal.until_missed()
                broker.start()
                result = rehearsal.result()
            assert_whole(result)
            assert result["kills"] == 5
            assert_shown(shown, result)


def test_a_broker_that_refuses_the_rehearsal_ends_it(tmp_path: Path) -> None:
    """Nobody waits for the end of a chat that cannot begin."""
    with mosquitto(tmp_path / "broker", anonymous=False) as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        with rehearsing(tmp_path, f'\n[mqtt]\nurl = "{url}"\n') as rehearsal:
            status, errors = rehearsal.failure()
    assert status == 1
    assert "core and adapters do not find each other at the broker" in errors
    assert errors.count(f"The broker at 127.0.0.1:{broker.port} refuses our login.") == 1
    assert "MQTT_PASSWORD" in errors


# ---------------------------------------------------------------- by the clock on the wall


def board(crew: Crew) -> dict[str, Any]:
    """As `chatbridge status` has it."""
    found: dict[str, Any] = json.loads(crew.do("core", "status", "--json").stdout)["board"]
    return found


def asked(crew: Crew, label: str) -> bool:
    """Whether a question stands on every network."""
    line = next(line for line in board(crew)["lines"] if line.get("label") == label)
    states = [state for _, state in line.get("on", ())]
    return len(states) == len(NETWORKS) and set(states) == {"posted"}


@pytest.mark.timeout(300)
def test_a_chat_of_processes_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    """No process has another's secrets, none but the core a journal. Each is killed, and the broker."""
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    at = int(starts.timestamp() * 1_000_000)
    with (
        subprocess.Popen(
            [sys.executable, "-m", "simulator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as simulator,
        mosquitto(tmp_path / "broker") as broker,
        display(broker) as shown,
    ):
        stand = opened(
            simulator, tmp_path, participants=6, answers=12, hurry=0.04, chat="handovers",
            starts=at, ends=at + 45_000_000, late_until=at + 105_000_000,
        )  # fmt: skip
        text = config(starts, 0.75, stand.access).replace("late_hours = 0.001", "late_hours = 0.0167")
        secrets = {
            name: {k.lower(): v for k, v in given["secrets"].items()} for name, given in stand.access.items()
        }
        crew = Crew(tmp_path, f'{text}[mqtt]\nurl = "{broker.url}"\n', secrets)
        try:
            crew.start(*PARTS)
            crew.ready(*PARTS)
            until(lambda: asked(crew, "Q1"), "Q1 is on every network")
            killed_one_by_one(crew, broker)
            until(lambda: asked(crew, "Q2"), "Q2 is on every network")
            until(lambda: stand.ask({"do": "pace"})["finished"], "the people have said it all")
            until(lambda: not any(net.get("waiting") for net in board(crew)["health"]), "all is settled")
            assert crew.do("core", "report", "--out", str(tmp_path), "--format", "json").returncode == 0
            found = stand.ask({"do": "compare", "transcript": str(tmp_path / "transcript.json")})
            assert (found["lost"], found["duplicated"], found["leaked"]) == ([], [], [])
            assert [q["posted"] for q in found["questions"]] == [dict.fromkeys(NETWORKS, 1)] * 2
            assert sum(found["written"].values()) >= 9
            taken_off_and_put_back(crew, broker, shown)
            ended_in_good_order(crew, secrets)
        finally:
            crew.end()
            simulator.kill()


def killed_one_by_one(crew: Crew, broker: Mosquitto) -> None:
    again = crew.do("mastodon", "run", "--only", "mastodon")
    assert again.returncode == 1
    assert "Another process runs for Mastodon" in again.stderr
    for part in PARTS:
        crew.kill(part)
        gone = crew.health(part)
        assert gone.returncode == 1
        assert f"Start it with: chatbridge run --only {part}" in gone.stderr
        crew.start(part)
    crew.ready(*PARTS)
    broker.kill()
    missed = until(lambda: (asked := crew.health("mastodon")).returncode and asked, "the broker is missed")
    assert missed.stdout.startswith("not ready: ")
    assert f"the broker at 127.0.0.1:{broker.port}" in missed.stdout
    broker.start()
    crew.ready(*PARTS)


def taken_off_and_put_back(crew: Crew, broker: Mosquitto, shown: Display) -> None:
    """A host's `hide` clears an entry's topic, for who listens and for who comes later."""
    assert shown.standing()["handovers/state"]["title"] == "Safer handovers"
    no = min(no for no, entry in shown.entries().items() if entry.get("text"))
    words = shown.entries()[no]["text"]["plain"]
    assert crew.do("core", "tell", "handovers", "hide", str(no)).stdout.startswith("Done")
    until(lambda: no not in shown.entries(), "it is cleared")
    with display(broker) as late:
        until(lambda: late.standing().keys() == shown.standing().keys(), "who comes later has the same")
        assert words not in str(late.told)
    assert crew.do("core", "tell", "handovers", "restore", str(no)).stdout.startswith("Done")
    until(lambda: no in shown.entries(), "it is back")


def ended_in_good_order(crew: Crew, secrets: dict[str, dict[str, str]]) -> None:
    for part in reversed(PARTS):
        status, seconds = crew.stop(part)
        log = crew.log(part).read_text()
        assert (status, seconds < 10) == (0, True), log[-3000:]
        assert all(json.loads(line)["message"] for line in log.splitlines())
        kept = sorted(path.name for path in crew.folders[part].rglob("*") if path.suffix != ".lock")
        if part == "core":
            assert "journal.db" in kept
            jsons = [name for name in kept if name.endswith(".json")]
            assert jsons == ["journal.db.config.json"], "it logs in nowhere"
        else:
            assert f"{part}.mqtt.json" in kept
            assert "journal" not in str(kept)
        held = b"".join(path.read_bytes() for path in crew.folders[part].rglob("*") if path.is_file())
        for other, given in secrets.items():
            assert not [name for name, value in given.items() if other != part and value.encode() in held]
