"""`python -m bridge.rehearsal.understudy`: has everything imported and makes a bridge at each cue.

A restart takes seconds of imports whatever the clock; at sixty times its speed they would be minutes of the
chat. So this process imports once and forks a bridge, or a part of one, for each cue, a JSON line on stdin; it
answers with its {"pid", "only"}, and says {"ended": pid, "status"} when one has ended.
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

from bridge import logs, split
from bridge.clock import SharedClock
from bridge.config import GROUP, Config, Mqtt, NetworkConfig, load
from bridge.edits import Edits, Reader
from bridge.errors import ConfigError
from bridge.include import Files
from bridge.model import Value
from bridge.rehearsal.scenario import Casting, cast
from bridge.runner import Bridge
from bridge.secrets import Secrets
from bridge.sessions import FileSessions

EVERY = 0.2  # real seconds between two looks at the config: an hour may take one minute


class Cue(Value, frozen=True):
    """What to perform: the config with its community as it is cast, and with these networks' tables and secrets in
    place of its own; those in `real` keep theirs. `folder` keeps the journal and the logins; `port` is the page's
    (0: any). `only`: the part to be, as for `run --only`; `prefix`: what this rehearsal's topics begin with at the
    config's broker."""

    config: str
    clock: str
    folder: str
    casting: Casting
    tables: dict[str, dict[str, Any]]
    secrets: dict[str, dict[str, str]]
    real: tuple[str, ...] = ()
    port: int = 0
    only: str | None = None
    prefix: str = ""
    level: str = "WARNING"


def staged(config: Config, cue: Cue) -> Config:
    """The config as it is rehearsed."""
    return replace(
        config,
        community=cast(config, cue.casting),
        journal=Path(cue.folder) / "journal.db",
        networks=tuple(_network(n, cue) for n in config.networks),
        web=msgspec.structs.replace(config.web, host="127.0.0.1", port=cue.port, metrics=""),
        mqtt=_broker(config, cue),
    )


def _broker(config: Config, cue: Cue) -> Mqtt | None:
    if cue.only is None or config.mqtt is None:
        return None
    return split.own(replace(config.mqtt, prefix=cue.prefix), cue.only)


def _network(network: NetworkConfig, cue: Cue) -> NetworkConfig:
    if network.name in cue.real:
        return network
    table = msgspec.to_builtins(network.settings) | cue.tables.get(network.name, {})
    settings = msgspec.convert(table, type(network.settings))
    secrets = Secrets({name.lower(): value for name, value in cue.secrets.get(network.name, {}).items()})
    return replace(network, settings=settings, secrets=secrets, elsewhere=True)


def edited(cue: Cue) -> Reader:
    """Reads the config again as it is rehearsed: only the community of a bridge that runs can be different."""

    def read(files: Files) -> Config:
        config = load(Path(cue.config), None, files=files)
        return replace(config, community=cast(config, cue.casting))

    return read


async def perform(cue: Cue, config: Config) -> None:
    """Run the bridge, or the part of it that is meant, until it is told to stop."""

    def sessions(name: str) -> FileSessions:
        """A real network's login is the community's own: a copy of it would not outlive its next renewal."""
        folder = config.journal.parent if name in cue.real else Path(cue.folder)
        return FileSessions(folder / "sessions" / f"{name}.json")

    own, clock = staged(config, cue), SharedClock(Path(cue.clock))
    player: Bridge | split.Part
    if cue.only in (None, split.CORE):
        edits = Edits(own, edited(cue), every=EVERY)
        player = Bridge(own, clock, sessions, stay=True, apart=cue.only is not None, edits=edits)
    else:
        player = split.Part(own, str(cue.only), clock, sessions)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, player.stop)
    await player.run()


PLAYING: set[int] = set()  # the bridges that have not ended


def say(what: dict[str, Any]) -> None:
    """One line on stdout; a single write, since a signal handler says things too."""
    os.write(sys.stdout.fileno(), msgspec.json.encode(what) + b"\n")


def reap(*_: object) -> None:
    """Report the bridges that have ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            PLAYING.discard(ended[0])
            say({"ended": ended[0], "status": os.waitstatus_to_exitcode(ended[1])})


def play(cue: Cue, config: Config | None) -> NoReturn:
    """Be a bridge, in a process of its own. `config`: as it was when it was last whole."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    who = f"{cue.only} " if cue.only else ""
    logs.hold()
    logging.basicConfig(
        level=cue.level, format=f"%(levelname)s {who}%(name)s: %(message)s", stream=sys.stderr
    )
    status = 1
    try:
        asyncio.run(perform(cue, config or load(Path(cue.config), os.environ)))
        status = 0
    except BaseException:
        logging.getLogger(__name__).exception("the bridge failed")
    finally:
        logging.shutdown()
        os._exit(status)


def main() -> None:
    """Import everything the kinds (and the broker) named on the command line need, then fork a bridge at each cue."""
    for group in (GROUP, split.GROUP):
        for point in entry_points(group=group):
            if point.name in sys.argv[1:]:
                point.load()
                importlib.import_module(f"{point.module}.link")
    gc.freeze()
    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    say({"ready": 1})
    config: Config | None = None
    try:
        for line in sys.stdin:
            cue = msgspec.json.decode(line, type=Cue)
            with suppress(ConfigError):  # while an edit is broken the show goes on as it was
                config = load(Path(cue.config), os.environ)
            if pid := os.fork():
                PLAYING.add(pid)
                say({"pid": pid, "only": cue.only})
            else:
                play(cue, config)
    finally:  # the director is gone, or wants us to go: no bridge plays on alone
        for pid in PLAYING:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
