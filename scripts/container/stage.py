"""Where the image is put to work: stand-in networks beside it, a config for them, and how it is watched."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from container.image import CHEAP, IMAGE
from container.shell import HERE, Failed, run, tried

SCRATCH = ("--tmpfs", "/tmp")  # noqa: S108 - within the container
ANYBODY = "4711:4711"  # a user whom the image does not know
READY = 60.0  # seconds it may take to be healthy
CHAT, TAG = "inside", "ContainerChat"


def rehearse() -> tuple[int, float]:
    """A whole chat inside: no network, nothing writable but the volume, no rights, anybody's user. Gives its
    entries and seconds."""
    began = time.monotonic()
    told = run(
        "podman", "run", "--rm", *CHEAP, "--read-only", *SCRATCH, "--cap-drop", "all", "--user", ANYBODY,
        "--volume", f"{HERE / 'config.toml'}:/data/config.toml:ro", "--network", "none", IMAGE,
        "rehearse", "--out", "/data/rehearsal", "--json",
        "--speed", "120", "--participants", "20", "--answers", "80", "--seed", "7",
    )  # fmt: skip
    result = json.loads(told)
    if any(result[kind] for kind in ("lost", "duplicated", "leaked")):
        raise Failed("the rehearsal inside lost, doubled or leaked something:", told)
    return result["timeline"]["entries"], time.monotonic() - began


@contextmanager
def networks(name: str) -> Iterator[dict[str, Any]]:
    """Stand-in networks in a container of their own, whose loopback others may join; gives how to get at them."""
    now = int(time.time()) * 1_000_000
    scenario = {
        "clock": None, "seed": 7, "participants": 3, "answers": 8, "faults": "none", "out": ".",
        "tag": TAG, "starts": now + 3_600_000_000, "ends": now + 7_200_000_000,
        "late_until": now + 7_300_000_000, "chat": CHAT, "hosts": [{"name": "Host One"}],
        "questions": [{"label": "Q1", "text": "What is in the box?", "due": now + 3_700_000_000}],
        "networks": [{"name": kind, "kind": kind} for kind in ("mastodon", "bluesky", "slack")],
    }  # fmt: skip
    how = ("--rm", "--interactive", "--no-healthcheck", "--name", name, *CHEAP, *SCRATCH)
    command = ("run", *how, "--network", "none", "--entrypoint", "python3", IMAGE, "-m", "simulator")
    podman = shutil.which("podman") or "podman"
    with subprocess.Popen(
        (podman, *command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(scenario) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise Failed("the stand-in networks did not start")
            yield json.loads(line)["networks"]
        finally:
            process.stdin.close()
            process.wait(timeout=20)


def config(access: dict[str, Any], *, broker: bool) -> str:
    """A chat an hour from now on the stand-in networks. It says nothing of where the page listens."""
    starts = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0, tzinfo=None) + dt.timedelta(hours=1)
    lines = [
        '[community]', 'name = "Inside"', 'timezone = "UTC"', 'language = "en"', 'journal = "data/chatbridge.db"',
        '[[chats]]', f'id = "{CHAT}"', 'title = "In the box"', f'hashtag = "{TAG}"',
        f"starts = {starts.isoformat()}",
        '[[chats.questions]]', 'text = "What is in the box?"',
    ]  # fmt: skip
    for name, network in access.items():
        lines += [f"[networks.{name}]", f'kind = "{name}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in network["table"].items() if key != "kind"]
    if broker:
        lines += ["[mqtt]", 'url = "mqtt://mosquitto:1883"']
    return "\n".join(lines) + "\n"


def secrets(access: dict[str, Any]) -> dict[str, str]:
    """Of the accounts there, as the environment names them."""
    return {
        f"{name}_{key}".upper(): value
        for name, network in access.items()
        for key, value in network["secrets"].items()
    }


# ---------------------------------------------------------------- watching


def until(found: Callable[[], str], patience: float = READY) -> float:
    """The seconds until `found` has nothing left to complain of. Raises Failed with what it says last."""
    began = time.monotonic()
    while trouble := found():
        if time.monotonic() - began > patience:
            raise Failed(f"after {patience:.0f} s still:", trouble)
        time.sleep(0.3)
    return time.monotonic() - began


def unhealthy(container: str) -> str:
    """What the container's own health check says, or ""."""
    asked = tried("podman", "healthcheck", "run", container)
    if not asked.returncode:
        return ""
    logs = tried("podman", "logs", container)
    return f"{container} is not healthy: {asked.stdout}{asked.stderr}{(logs.stdout + logs.stderr)[-2_000:]}"


def memory(container: str) -> int:
    """Resident bytes of its process."""
    pid = int(run("podman", "inspect", "--format", "{{.State.Pid}}", container))
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024


def logged(container: str, hidden: dict[str, str]) -> str:
    """Its log, which is one JSON object a line and has no secret in it."""
    logs = tried("podman", "logs", container).stderr
    if plain := [line for line in logs.splitlines() if not line.startswith("{")]:
        raise Failed(f"the log of {container} is not one JSON object a line:", "\n".join(plain))
    if found := [name for name, value in hidden.items() if value in logs]:
        raise Failed(f"{', '.join(found)} stand in the log of {container}")
    return logs
