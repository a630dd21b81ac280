"""compose.yaml brought up by podman-compose, profile after profile.

Everything stands in one network namespace, that of the stand-in networks, since those are on loopback. The services
find each other by the names of compose.yaml all the same; what an override takes away is their published ports.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container import stage
from container.image import CHEAP, IMAGE, MOSQUITTO, PROMETHEUS
from container.shell import HERE, Failed, judge, run, tried
from container.stage import ANYBODY, CHAT, TAG, memory, unhealthy, until

NETWORKS = ("mastodon", "bluesky", "slack")
PUBLISHED = ("chatbridge", "core", "mosquitto", "prometheus")
SERVICES = (*PUBLISHED, *NETWORKS)
IMAGES = {"CHATBRIDGE_IMAGE": IMAGE, "MOSQUITTO_IMAGE": MOSQUITTO, "PROMETHEUS_IMAGE": PROMETHEUS}
STOP = 10.0  # seconds a process of ours has to end
USERS = ("MQTT_PASSWORD", *(f"MQTT_{name.upper()}_PASSWORD" for name in NETWORKS), "MQTT_DISPLAY_PASSWORD")
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


@dataclass(frozen=True)
class Project:
    """A folder as an operator has it, and what is up of it."""

    name: str
    folder: Path
    env: dict[str, str]  # what .env says
    options: tuple[str, ...]  # of compose: its files and profiles

    def compose(self, *arguments: str) -> str:
        command = (str(judge("podman-compose")), "-p", self.name, *self.options)
        cheap = ("--in-pod", "false", f"--podman-run-args={' '.join(CHEAP)}")
        env = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "CHATBRIDGE_USER": ANYBODY, **IMAGES}
        return run(*command, *cheap, *arguments, cwd=self.folder, env=env)

    def up(self, *services: str) -> float:
        """Start services, or those that a bare `up` starts. Gives the seconds until all of ours are healthy."""
        began, ours = time.monotonic(), services or ("chatbridge",)
        self.compose("up", "--detach", "--no-build", *services)
        until(lambda: next(filter(None, map(unhealthy, map(self.container, ours))), ""))
        return time.monotonic() - began

    def container(self, service: str) -> str:
        return f"{self.name}_{service}_1"

    def within(self, service: str, *command: str) -> str:
        return run("podman", "exec", self.container(service), *command)

    def ask(self, service: str, address: str) -> str:
        """What an address answers, asked from within a service of ours."""
        return self.within(service, "python3", "-c", ASK, address)

    def stop(self, *services: str) -> str:
        """Stop services one by one: each within the time, with status 0, its log in order. Gives the figure."""
        longest = 0.0
        for container in map(self.container, services):
            began = time.monotonic()
            run("podman", "stop", "--time", "20", container)
            longest = max(longest, took := time.monotonic() - began)
            status = run("podman", "inspect", "--format", "{{.State.ExitCode}}", container)
            log = stage.logged(container, self.env)
            if status != "0" or took > STOP:
                raise Failed(
                    f"{container} was told to stop and ended after {took:.1f} s with status {status}:", log
                )
        return f"{longest:.1f} s, status 0"


@contextmanager
def project(joined: str, access: dict[str, Any], *profiles: str) -> Iterator[Project]:
    """compose.yaml with what an operator puts beside it. `joined`: the container whose network it shares. Without a
    profile the secrets are files, with one they stand in .env."""
    accounts, users = stage.secrets(access), {name: secrets.token_hex(24) for name in USERS}
    with tempfile.TemporaryDirectory(prefix="chatbridge-") as made:
        folder = Path(made)
        shutil.copy(HERE / "compose.yaml", folder)
        shutil.copytree(HERE / "deploy", folder / "deploy")
        for place in ("data/data", "secrets", *(f"logins/{network}" for network in NETWORKS)):
            (folder / place).mkdir(parents=True)
        (folder / "data" / "config.toml").write_text(stage.config(access, broker=bool(profiles)))
        if profiles:
            lines = [f"{variable}={value}" for variable, value in (accounts | users).items()]
            (folder / ".env").write_text("\n".join(lines) + "\n")
        else:
            for variable, value in accounts.items():
                (folder / "secrets" / variable).write_text(value)
                (folder / "secrets" / variable).chmod(0o400)
        owner = int(ANYBODY.partition(":")[0])
        for place in ("data", "logins", "secrets"):
            for path in (folder / place, *(folder / place).rglob("*")):
                os.chown(path, owner, owner)
        override(folder, joined)
        files = ("compose.yaml", *(() if profiles else ("deploy/secrets.yaml",)), "override.yaml")
        options = [word for file in files for word in ("-f", file)]
        options += [word for profile in profiles for word in ("--profile", profile)]
        name = "-".join(("chatbridge", *profiles, str(os.getpid())))
        mine = Project(name, folder, accounts | users, tuple(options))
        try:
            yield mine
        finally:
            mine.compose("down", "--volumes", "--timeout", "20")


def override(folder: Path, joined: str) -> None:
    """All in one network namespace, where the services know each other by name."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost {' '.join(SERVICES)}\n")
    apart = f"network_mode: 'container:{joined}', volumes: ['./hosts:/etc/hosts:ro']"
    said = dict.fromkeys(SERVICES, apart) | dict.fromkeys(PUBLISHED, f"{apart}, ports: !reset []")
    said["core"] += ", networks: !reset []"
    lines = ["services:", *(f"  {name}: {{{words}}}" for name, words in said.items())]
    (folder / "override.yaml").write_text("\n".join(lines) + "\n")


# ---------------------------------------------------------------- what each shows

Figures = Iterator[tuple[str, str, str]]  # what, how much, and how much at most


def alone(joined: str, access: dict[str, Any]) -> Figures:
    """No profile: the bridge, its secrets in files."""
    with project(joined, access) as mine:
        yield "alone: healthy after", f"{mine.up():.1f} s", f"{stage.READY:.0f} s"
        yield "alone: resident", f"{memory(mine.container('chatbridge')) / 1e6:.0f} MB", ""
        if "In the box" not in (page := mine.ask("chatbridge", "http://127.0.0.1:8080/")):
            raise Failed("the page does not name the chat:", page)
        yield "alone: stopped after", mine.stop("chatbridge"), f"{STOP:.0f} s"


def watched(joined: str, access: dict[str, Any]) -> Figures:
    """Profiles mqtt and metrics beside the bridge: a display, and Prometheus."""
    with project(joined, access, "mqtt", "metrics") as mine:
        mine.up()
        display = ("-V", "5", "-u", "display", "-P", mine.env["MQTT_DISPLAY_PASSWORD"])
        state = json.loads(mine.within("mosquitto", "mosquitto_sub", *display, "-t", "chatbridge/public/+/state",
                                       "-C", "1", "-W", "30"))  # fmt: skip
        if state["tag"] != TAG:
            raise Failed("the display is shown another chat:", str(state))
        forbidden(mine, display)
        yield "mqtt: display", "reads, cannot write", ""
        took = until(lambda: unscraped(mine))
        yield "metrics: bridge scraped after", f"{took:.1f} s", ""
        yield "metrics: rules loaded", rules(mine), ""


def forbidden(mine: Project, display: tuple[str, ...]) -> None:
    """What a display writes arrives nowhere, and who has no password is not let in."""
    for topic in (f"chatbridge/public/{CHAT}/entries/1", "chatbridge/mastodon/down"):
        told = tried("podman", "exec", mine.container("mosquitto"), "mosquitto_pub", *display, "-q", "1", "-r",
                     "-t", topic, "-m", "forged")  # fmt: skip
        if "ot authorized" not in told.stdout + told.stderr:
            raise Failed(f"a display may write {topic}:", told.stdout + told.stderr)
    core = ("-V", "5", "-u", "chatbridge-core", "-P", mine.env["MQTT_PASSWORD"])
    seen = tried("podman", "exec", mine.container("mosquitto"), "mosquitto_sub", *core, "-t", "chatbridge/public/#",
                 "-W", "1").stdout  # fmt: skip
    if "forged" in seen or TAG not in seen:
        raise Failed("what a display wrote stands at the broker:", seen)
    nobody = ("-V", "5", "-u", "display", "-P", "guessed", "-t", "chatbridge/public/#", "-C", "1", "-W", "5")
    if not tried("podman", "exec", mine.container("mosquitto"), "mosquitto_sub", *nobody).returncode:
        raise Failed("a display with a wrong password is let in")


def unscraped(mine: Project) -> str:
    """Why Prometheus has not seen the bridge yet; "" if it has."""
    asked = tried("podman", "exec", mine.container("chatbridge"), "python3", "-c", ASK,
                  "http://127.0.0.1:9090/api/v1/targets")  # fmt: skip
    if asked.returncode:
        return asked.stderr
    targets = json.loads(asked.stdout)["data"]["activeTargets"]
    wrong = [target for target in targets if target["health"] != "up"]
    return str(wrong) if wrong or not targets else ""


def rules(mine: Project) -> str:
    groups = json.loads(mine.ask("chatbridge", "http://127.0.0.1:9090/api/v1/rules"))["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    if not found or (wrong := [rule for rule in found if rule["health"] == "err"]):
        raise Failed("Prometheus has no rules, or cannot work one out:", str(wrong if found else groups))
    return str(len(found))


def split(joined: str, access: dict[str, Any]) -> Figures:
    """Profile split: each process on its own, and a host's words on every network."""
    with project(joined, access, "split") as mine:
        yield "split: all healthy after", f"{mine.up('core', *NETWORKS):.1f} s", f"{stage.READY:.0f} s"
        mine.within("core", "chatbridge", "tell", CHAT, "say", "Hello from four containers")
        until(lambda: unsent(mine))
        yield "split: a host's words", f"posted on {len(NETWORKS)}", ""
        for part in ("core", *NETWORKS):
            yield f"split: {part} resident", f"{memory(mine.container(part)) / 1e6:.0f} MB", ""
            kept = {name for name in mine.env if f"{name}=" in mine.within(part, "env")}
            theirs = {n for n in kept if not n.startswith(("MQTT_PASSWORD", part.upper()))}
            if theirs:
                raise Failed(f"{part} is given what is not its own: {', '.join(sorted(theirs))}")
        yield "split: stopped after, the longest", mine.stop("core", *NETWORKS), f"{STOP:.0f} s"


def unsent(mine: Project) -> str:
    """On which networks nothing has been sent yet."""
    figures = mine.ask("core", "http://127.0.0.1:8080/metrics")
    sent = set(re.findall(r'chatbridge_outcomes_total\{kind="sent",network="(\w+)"\}', figures))
    return "" if sent == set(NETWORKS) else f"sent only on {sorted(sent)}"


def parsed() -> None:
    """Docker's own Compose starts with each profile what it should, and promtool sees every alert fire."""
    started = {
        "": {"chatbridge"},
        "mqtt": {"chatbridge", "mosquitto"},
        "metrics": {"chatbridge", "prometheus"},
        "split": {"chatbridge", "core", *NETWORKS, "mosquitto"},
    }
    there = [
        word
        for name in ("compose.yaml", "deploy")
        for word in ("--volume", f"{HERE / name}:/there/{name}:ro")
    ]
    how = (*there, "--workdir", "/there", "--network", "none", "--entrypoint")
    tool = ("podman", "run", "--rm", *CHEAP, *how)
    for profile, services in started.items():
        which = ("--profile", profile) if profile else ()
        told = run(*tool, "docker-compose", MOSQUITTO, *which, "config", "--services")
        if set(told.split()) != services:
            raise Failed(f"with the profile '{profile}' Docker's Compose starts:", told)
    files = ("-f", "compose.yaml", "-f", "deploy/secrets.yaml")
    run(*tool, "docker-compose", MOSQUITTO, *files, "config", "--quiet")
    run(*tool, "promtool", PROMETHEUS, "check", "config", "deploy/prometheus/prometheus.yml")
    run(*tool, "promtool", PROMETHEUS, "test", "rules", "deploy/prometheus/alerts.test.yml")
