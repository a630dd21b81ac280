"""The local socket, from both ends."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from bridge.errors import ChatbridgeError, NotRunning


async def echo(request: dict[str, Any]) -> Any:
    return request["say"]


async def refuse(request: dict[str, Any]) -> Any:
    raise ChatbridgeError("There is no chat 'tea'.")


@asynccontextmanager
async def listening(journal: Path) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(control.listen(journal, {"echo": echo, "refuse": refuse}))
        while not control.address(journal).exists():  # noqa: ASYNC110  # it has no other sign
            await asyncio.sleep(0)
        yield
        task.cancel()


async def ask(journal: Path, **request: Any) -> Any:
    return await asyncio.to_thread(control.ask, journal, request)


@pytest.mark.parametrize("deep", [0, 150])
async def test_a_request_is_answered(tmp_path: Path, deep: int) -> None:
    """However long the journal's path is, and by nobody but its user."""
    journal = tmp_path / ("d" * deep) / "journal.db"
    journal.parent.mkdir(exist_ok=True)
    async with listening(journal):
        assert stat.S_IMODE(control.address(journal).stat().st_mode) == 0o600
        assert await ask(journal, do="echo", say="Здравствуйте\n") == "Здравствуйте\n"
        with pytest.raises(ChatbridgeError, match="no chat 'tea'"):
            await ask(journal, do="refuse")
        with pytest.raises(ChatbridgeError, match="echo, refuse"):
            await ask(journal, do="dance")
    with pytest.raises(NotRunning):
        await ask(journal, do="echo", say="")


@pytest.mark.parametrize("said", [b"", b'{"ok": "half'])
async def test_a_bridge_that_ends_in_the_middle_is_no_bridge(tmp_path: Path, said: bytes) -> None:
    journal = tmp_path / "journal.db"

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    server = await asyncio.start_unix_server(die, control.address(journal))
    async with server:
        with pytest.raises(NotRunning, match="before it could answer"):
            await ask(journal, do="echo", say="")
