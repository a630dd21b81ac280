"""Running commands, and telling a registry that does not answer from something that is wrong."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
ROOT = Path(os.environ.get("CHATBRIDGE_CONTAINER") or Path.home() / ".cache" / "chatbridge" / "container")
LOCK = HERE / "scripts" / "container" / "requirements.lock"
SILENT = re.compile(
    r"Temporary failure|Could not (resolve|connect)|Failed to (fetch|establish)|Couldn't download"
    r"|timed? ?out|No route to host|Max retries exceeded|[Cc]onnection (broken|refused|reset)|error sending request"
)


class Failed(Exception):
    """What a step ended with. `silent`: because a registry did not answer."""

    def __init__(self, what: str, output: str = "", *, silent: bool = False) -> None:
        self.silent = silent
        super().__init__(f"{what}\n{output[-3_000:]}".strip())


def say(sentence: str) -> None:
    print(f"{Path(sys.argv[0]).name}: {sentence}", file=sys.stderr, flush=True)


def tried(*command: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
    """How a command ended, and what it said."""
    return subprocess.run(command, text=True, capture_output=True, check=False, **how)


def run(*command: str | Path, asks: bool = False, **how: Any) -> str:
    """What a command prints. `asks`: it asks a registry. Raises Failed."""
    done = tried(*command, **how)
    if done.returncode:
        output = done.stdout + done.stderr
        silent = asks and bool(SILENT.search(output))
        raise Failed(f"{' '.join(map(str, command[:3]))} failed:", output, silent=silent)
    return done.stdout.strip()


def judge(name: str) -> Path:
    """A program of the tools that requirements.lock pins, which are installed once."""
    venv, stamp = ROOT / "judges", ROOT / "judges.stamp"
    wanted = hashlib.sha256(sys.version.encode() + LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        ROOT.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        run(sys.executable, "-m", "venv", "--clear", venv)
        pip = (venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--no-deps", "--require-hashes", "-r", LOCK, asks=True)
        stamp.write_text(wanted)
    return venv / "bin" / name


def debian(programs: dict[str, str]) -> None:
    """Install Debian's packages of the programs (by name) that are missing."""
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise Failed(f"Missing: {', '.join(missing)}; root can install them on Debian with apt-get.")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(apt, "update", "-qq", asks=True, env=quiet)
    run(apt, "install", "-y", "-qq", "--no-install-recommends", *missing, asks=True, env=quiet)
    say(f"installed {', '.join(missing)}.")


def ended(check: Callable[[], None], unproven: str) -> int:
    """The exit status of a check: 0; 75 if a registry did not answer, so that something is `unproven`; 1."""
    try:
        check()
    except Failed as failed:
        say(str(failed))
        if failed.silent:
            say(f"A PACKAGE REGISTRY DID NOT ANSWER: {unproven}.")
            return os.EX_TEMPFAIL
        return 1
    return 0
