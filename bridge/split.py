"""One bridge in several processes (`run --only`): which parts there are, what each needs, and the part that runs
beside one network's adapter.

The core has the journal, the run sheet and the page. Beside an adapter there is no journal, only a folder of logins;
a network's secrets are nowhere else. They speak over the broker of `[mqtt]`, through what the entry point group
`chatbridge.brokers` names, so that the core knows no broker either.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bridge import control
from bridge.config import Config, Mqtt
from bridge.errors import ChatbridgeError, JournalLocked, Mistake
from bridge.model import Micros, Network
from bridge.ports import Clock, SessionStore, Standing, Transport
from bridge.readiness import missing_secrets, not_ready
from bridge.sessions import FileSessions
from bridge.storage import locked

log = logging.getLogger(__name__)

GROUP = "chatbridge.brokers"
CORE = "core"
PART = "{part}"  # in the name of a certificate: which of the processes it is for


def parts(config: Config) -> tuple[str, ...]:
    """What `--only` takes."""
    return (CORE, *(network.name for network in config.networks))


def unknown(config: Config, only: str | None) -> str:
    """Why there is no such part, in a sentence; "" if there is, or all are meant."""
    known = parts(config)
    if only is None or only in known:
        return ""
    near = get_close_matches(only, known, n=1, cutoff=0.5)
    mend = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
    return f"There is no network '{only}' in {config.path}. {mend}"


def lacking(config: Config, only: str | None, now: Micros, *, staying: bool = False) -> tuple[Mistake, ...]:
    """What a part (None: all in one process) lacks to run at `now`: the core needs no network's secret, an adapter no
    other's, and whether a chat is ahead is nothing to it. `staying`: a past chat is reason enough."""
    if only is not None and config.mqtt is None:
        return (unspoken(config),)
    found = not_ready(config, now, staying=staying) + (() if only == CORE else missing_secrets(config))
    if only not in (None, CORE):
        found = tuple(m for m in found if f"{m.key}.".startswith(f"networks.{only}."))
    return found + absent(config, only or CORE)


def unspoken(config: Config) -> Mistake:
    """That there is no broker the processes could speak over."""
    return Mistake(
        str(config.path),
        "mqtt",
        "",
        "the broker over which the processes speak",
        'Add a table: [mqtt] url = "mqtt://localhost:1883". docs/mqtt.md has the rest.',
    )


def absent(config: Config, part: str) -> tuple[Mistake, ...]:
    """The files of a part's certificate that are not there."""
    mqtt = config.mqtt and own(config.mqtt, part)
    named = {"certificate": mqtt.certificate, "key": mqtt.key} if mqtt else {}
    return tuple(
        Mistake(str(config.path), f"mqtt.{key}", "", "a file", f"There is no {file}.")
        for key, file in named.items()
        if file is not None and not Path(file).is_file()
    )


def own(mqtt: Mqtt, part: str) -> Mqtt:
    """The broker as one part logs in there: a certificate that has {part} in its name is its own."""

    def named(file: str | None) -> str | None:
        return file and file.replace(PART, part)

    return replace(mqtt, certificate=named(mqtt.certificate), key=named(mqtt.key))


def of(config: Config, only: str | None) -> Config:
    """The config as a part uses it (None: all in one process)."""
    return config if config.mqtt is None else replace(config, mqtt=own(config.mqtt, only or CORE))


def transport() -> Transport:
    """How the processes speak. Raises ChatbridgeError if nothing of the kind is installed."""
    for point in entry_points(group=GROUP):
        loaded: Transport = point.load()
        return loaded
    raise ChatbridgeError("What speaks to a broker is not installed. Install chatbridge again.")


def place(journal: Path, only: str | None) -> Path:
    """What a part's lock and socket are beside and called after: the journal, or where the network's login is."""
    return journal if only in (None, CORE) else journal.parent / "sessions" / str(only)


class Part:
    """One network's adapter in a process without a journal, serving the core that asks for it.

    `sessions` makes a network's store of logins. Raises ChatbridgeError when made if another process does the same
    here, or if what it remembers of its core cannot be read.
    """

    def __init__(
        self, config: Config, name: Network, clock: Clock, sessions: Callable[[str], SessionStore]
    ) -> None:
        assert config.mqtt is not None
        self.config, self.name, self.clock = config, name, clock
        self.title = next(net.title for net in config.community.networks if net.name == name)
        self.broker = config.mqtt.url
        self.news = asyncio.Event()  # `standing` is another
        self._stop = asyncio.Event()
        self._place = place(config.journal, name)
        self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        network = next(network for network in config.networks if network.name == name)
        adapter = network.platform.create(name, network.settings, network.secrets, clock)
        memory = self._place.with_name(f"{name}.mqtt.json")
        self._lock = self._alone()
        try:
            self._beside = transport().beside(
                adapter, config.mqtt, sessions(name), FileSessions(memory), clock
            )
        except ValueError as error:
            os.close(self._lock)
            raise ChatbridgeError(f"{error}. If you have one core only, delete {memory}.") from None
        except BaseException:
            os.close(self._lock)
            raise
        self._beside.noticed = self.news.set

    def _alone(self) -> int:
        try:
            return locked(self._place)
        except JournalLocked:
            raise ChatbridgeError(
                f"Another process runs for {self.title} on {self._place.parent}. Two would take the link from each "
                "other: stop that one first."
            ) from None

    settled = False  # it has no end of its own: that is the core's

    @property
    def standing(self) -> Standing:
        return self._beside.standing

    async def run(self) -> None:
        """Until `stop`: what is being sent is finished before."""
        log.info("%s: waiting for the core at the broker %s", self.name, self.broker)
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(self._beside.run(), name=f"beside {self.name}")
                handlers: dict[str, control.Handler] = {"health": self._health, "pace": self._pace}
                listening = group.create_task(control.listen(self._place, handlers), name="socket")
                await self._stop.wait()
                serving.cancel()
                await asyncio.wait((serving,))
                listening.cancel()
        finally:
            os.close(self._lock)

    def stop(self) -> None:
        """End in good order."""
        self._stop.set()

    # ------------------------------------------------------------ the local socket

    async def _health(self, request: dict[str, Any]) -> dict[str, Any]:
        standing = self.standing
        troubles = [standing.broker] if standing.broker else []
        if standing.link not in ("unasked", "ready"):
            troubles.append(f"{self.title}: {standing.link} {standing.why}".strip())
        return {"ready": standing.ready, "troubles": troubles}

    async def _pace(self, request: dict[str, Any]) -> dict[str, Any]:
        """For who directs a rehearsal: whether the core was met, or why there is no connection to the broker, and
        whether anything is under way between network and core."""
        standing = self.standing
        met = not standing.broker and standing.link != "unasked"
        return {"met": met, "broker": standing.broker, "busy": standing.busy}
