"""A rehearsal's children: processes of their own, spoken to by JSON lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from bridge.errors import ChatbridgeError


class Failed(ChatbridgeError):
    """The rehearsal could not be carried through."""


class Process:
    """A child spoken to by JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        self._turn = asyncio.Lock()

    async def tell(self, what: object) -> None:
        assert self.process.stdin is not None
        with suppress(ConnectionError):
            self.process.stdin.write(msgspec.json.encode(what) + b"\n")
            await self.process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """The next line. Raises Failed if the child has ended."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            last = self.log.read_text(errors="replace").strip().splitlines()[-5:]
            raise Failed(f"{self.log.stem} ended by itself; {self.log} says:\n" + "\n".join(last))
        return msgspec.json.decode(line, type=dict[str, Any])

    async def ask(self, what: object) -> dict[str, Any]:
        async with self._turn:
            await self.tell(what)
            answer = await self.hear()
        if "error" in answer:
            raise Failed(f"{self.log.stem}: {answer['error']}")
        return answer


@asynccontextmanager
async def started(log: Path, *command: str) -> AsyncIterator[Process]:
    """A child of ours, gone when the context is left."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, limit=64 << 20,
        )  # fmt: skip
    try:
        yield Process(process, log)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
