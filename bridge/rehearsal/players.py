"""The bridge in a rehearsal: one process, or the core and one beside each network; to be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bridge import control
from bridge.errors import NotRunning
from bridge.rehearsal.process import Failed, Process
from bridge.rehearsal.understudy import Cue
from bridge.split import place

PATIENCE = 8.0  # real seconds a process may take to answer
START = 30.0  # and to be there
END = 5.0  # and to end in good order
MEET = 15.0  # and core and adapters to find each other at the broker


class Players:
    """Everything `cues` tell of, played by `understudy`, which forks a process for each. The first is the one that
    has the journal."""

    def __init__(self, understudy: Process, journal: Path, *cues: Cue) -> None:
        self._understudy, self._journal = understudy, journal
        self._cues = {cue.only: cue for cue in cues}
        self.main = cues[0].only
        self._pids: dict[str | None, int] = {}
        self._ended = {only: asyncio.Event() for only in self._cues}
        self._stopping = False
        self.began = 0.0  # when one was started last, in real seconds of the monotonic clock

    @property
    def parts(self) -> tuple[str | None, ...]:
        """What can be killed: "core" and the networks, or None, the whole."""
        return tuple(self._cues)

    async def hear(self) -> None:
        """What becomes of them. Until cancelled; raises Failed if one ends that nobody has told to."""
        while True:
            said = await self._understudy.hear()
            if "pid" in said:
                self._pids[said["only"]] = said["pid"]
                continue
            only = next((only for only, pid in self._pids.items() if pid == said.get("ended")), "")
            if only == "":
                continue
            if said["status"] != -signal.SIGKILL and not self._stopping:
                self._fail(said["status"])
            del self._pids[only]
            self._ended[only].set()

    def _fail(self, status: int) -> None:
        log = self._understudy.log
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-12:])
        raise Failed(f"the bridge ended by itself (status {status}); {log} says:\n{last}")

    # ------------------------------------------------------------ coming and going

    async def start(self, *parts: str | None) -> None:
        """Returns when they answer."""
        for only in parts:
            self._ended[only].clear()
            await self._understudy.tell(self._cues[only])
        async with asyncio.timeout(START):
            for only in parts:
                while await self.ask({"do": "pace"}, only) is None:  # noqa: ASYNC110  # another process has no event for us
                    await asyncio.sleep(0.01)
        self.began = time.monotonic()

    async def meet(self) -> None:
        """Returns when the core has reached everything beside a network. Raises Failed with what keeps them apart: a
        broker that refuses them would be waited for until the chat should have been over."""
        try:
            async with asyncio.timeout(MEET):
                while await self._apart():  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise Failed(
                "core and adapters do not find each other at the broker that [mqtt] names.\n"
                + "\n".join(dict.fromkeys(await self._apart()))
            ) from None

    async def _apart(self) -> list[str]:
        """What each that is not met tells of the broker, else the core of the networks."""
        beside = [await self.ask({"do": "pace"}, only) for only in self._cues if only != self.main]
        if all(each and each["met"] for each in beside):
            return []
        told = [each["broker"] for each in beside if each and each["broker"]]
        core = None if told else await self.ask({"do": "health"})
        return told or (core and core["troubles"]) or ["One of the processes does not answer."]

    async def kill(self, only: str | None) -> None:
        """At once, as in a power cut. Returns when it is gone."""
        os.kill(self._pids[only], signal.SIGKILL)
        await self._ended[only].wait()

    async def stop(self) -> None:
        """End all of them in good order, the one with the journal first, if that takes no longer than some seconds.
        Nothing of the rehearsal is left at a broker."""
        with suppress(NotRunning):
            await asyncio.to_thread(control.ask, self._journal, {"do": "withdraw"}, 2 * PATIENCE)
        self._stopping = True
        for only in self._cues:
            if only in self._pids:
                os.kill(self._pids[only], signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(END):
                        await self._ended[only].wait()

    @asynccontextmanager
    async def never_orphaned(self) -> AsyncIterator[None]:
        """However this ends, they end with it."""
        try:
            yield
        finally:
            for pid in self._pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for only in self._cues:
                control.sweep(place(self._journal, only))

    # ------------------------------------------------------------ how they are

    async def ask(self, request: dict[str, Any], only: str | None = None) -> Any:
        """What one of them (None: the one with the journal) answers; None while it is not there."""
        with suppress(NotRunning):
            return await asyncio.to_thread(control.ask, place(self._journal, only), request, PATIENCE)
        return None

    async def pace(self) -> dict[str, Any] | None:
        """The next deadline, whether anything is under way, and whether all is settled; None while one of them is
        not there. The core comes last: what the others had for it, it has by then."""
        beside = [await self.ask({"do": "pace"}, only) for only in self._cues if only != self.main]
        core: dict[str, Any] | None = await self.ask({"do": "pace"})
        if core is None or None in beside:
            return None
        under_way = any(each["busy"] for each in beside)
        return core | {"busy": core["busy"] or under_way, "settled": core["settled"] and not under_way}
