"""`python -m benchmarks.apart CONFIG CLOCK`: a bridge in a process of its own, by the clock in that file, until
SIGTERM. Says where its page is, in a line of JSON; secrets come from the environment, as for `run`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.clock import SharedClock
from bridge.config import load
from bridge.runner import Bridge
from bridge.sessions import beside

TICK = os.sysconf("SC_CLK_TCK")


async def run(config: Path, clock: Path) -> None:
    """Until told to stop."""
    settings = load(config, os.environ)
    bridge = Bridge(settings, SharedClock(clock), beside(settings.journal), stay=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bridge.stop)
    async with asyncio.TaskGroup() as group:
        group.create_task(bridge.run())
        await bridge.listening.wait()
        print(json.dumps({"page": bridge.address}), flush=True)


@dataclass(frozen=True)
class Process:
    """The bridge's, from outside. `page`: its address."""

    pid: int
    page: str

    def megabytes(self, name: str) -> float:
        """Resident memory: now ("VmRSS"), or at its peak ("VmHWM")."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e6

    @property
    def cpu(self) -> float:
        """Seconds of a processor it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


@asynccontextmanager
async def apart(config: Path, clock: Path, secrets: Mapping[str, str]) -> AsyncIterator[Process]:
    """With such a bridge, its page being served. Raises RuntimeError if it ends before that."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.apart", str(config), str(clock)),
        env={**os.environ, **secrets},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        if not (line := await child.stdout.readline()):
            raise RuntimeError("the bridge ended before it served its page")
        yield Process(child.pid, json.loads(line)["page"])
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2])))
