"""`python -m bridge.rehearsal.understudy`: has everything imported and makes a bridge at each cue.

A restart takes seconds of imports whatever the clock; at sixty times its speed they would be minutes of the
chat. So this process imports once and forks a bridge for each cue, a JSON line on stdin; it answers with the
bridge's {"pid"}, and says {"ended": pid, "status"} when one has ended.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from bridge.clock import SharedClock
from bridge.config import GROUP, Config, NetworkConfig, load
from bridge.model import Value
from bridge.rehearsal.scenario import Casting, cast
from bridge.runner import Bridge
from bridge.secrets import Secrets
from bridge.sessions import FileSessions


class Cue(Value, frozen=True):
    """What to perform: the config with its community as it is cast, and with these networks' tables and secrets in
    place of its own; those in `real` keep theirs. `folder` keeps the journal and the logins; `port` is the page's
    (0: any)."""

    config: str
    clock: str
    folder: str
    casting: Casting
    tables: dict[str, dict[str, Any]]
    secrets: dict[str, dict[str, str]]
    real: tuple[str, ...] = ()
    port: int = 0
    level: str = "WARNING"


def staged(config: Config, cue: Cue) -> Config:
    """The config as it is rehearsed."""
    return replace(
        config,
        community=cast(config, cue.casting),
        journal=Path(cue.folder) / "journal.db",
        networks=tuple(_network(n, cue) for n in config.networks),
        web=msgspec.structs.replace(config.web, host="127.0.0.1", port=cue.port, metrics=""),
        mqtt=None,
    )


def _network(network: NetworkConfig, cue: Cue) -> NetworkConfig:
    if network.name in cue.real:
        return network
    table = msgspec.to_builtins(network.settings) | cue.tables[network.name]
    settings = msgspec.convert(table, type(network.settings))
    secrets = Secrets({name.lower(): value for name, value in cue.secrets[network.name].items()})
    return replace(network, settings=settings, secrets=secrets, elsewhere=True)


async def perform(cue: Cue) -> None:
    """Run the bridge until it is told to stop."""
    config = load(Path(cue.config), os.environ)

    def sessions(name: str) -> FileSessions:
        """A real network's login is the community's own: a copy of it would not outlive its next renewal."""
        folder = config.journal.parent if name in cue.real else Path(cue.folder)
        return FileSessions(folder / "sessions" / f"{name}.json")

    bridge = Bridge(staged(config, cue), SharedClock(Path(cue.clock)), sessions, stay=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bridge.stop)
    await bridge.run()


PLAYING: set[int] = set()  # the bridges that have not ended


def say(what: dict[str, int]) -> None:
    """One line on stdout; a single write, since a signal handler says things too."""
    os.write(sys.stdout.fileno(), msgspec.json.encode(what) + b"\n")


def reap(*_: object) -> None:
    """Report the bridges that have ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            PLAYING.discard(ended[0])
            say({"ended": ended[0], "status": os.waitstatus_to_exitcode(ended[1])})


def play(cue: Cue) -> NoReturn:
    """Be a bridge, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=cue.level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    status = 1
    try:
        asyncio.run(perform(cue))
        status = 0
    except BaseException:
        logging.getLogger(__name__).exception("the bridge failed")
    finally:
        logging.shutdown()
        os._exit(status)


def main() -> None:
    """Import everything the kinds named on the command line need, then fork a bridge at each cue."""
    for point in entry_points(group=GROUP):
        if point.name in sys.argv[1:]:
            point.load()
            importlib.import_module(f"{point.module}.link")
    gc.freeze()
    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    say({"ready": 1})
    try:
        for line in sys.stdin:
            cue = msgspec.json.decode(line, type=Cue)
            if pid := os.fork():
                PLAYING.add(pid)
                say({"pid": pid})
            else:
                play(cue)
    finally:  # the director is gone, or wants us to go: no bridge plays on alone
        for pid in PLAYING:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
