"""The local socket, from both ends."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from bridge.errors import ChatbridgeError, NotRunning


async def echo(request: dict[str, Any]) -> Any:
    return request["say"]


async def refuse(request: dict[str, Any]) -> Any:
    raise ChatbridgeError("There is no chat 'tea'.")


async def dream(request: dict[str, Any]) -> Any:
    await asyncio.Event().wait()


async def mumble(request: dict[str, Any]) -> Any:
    return object()  # what cannot be said in JSON


@asynccontextmanager
async def listening(journal: Path) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        handlers = [echo, refuse, dream, mumble]
        task = group.create_task(control.listen(journal, {handler.__name__: handler for handler in handlers}))
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


@pytest.mark.parametrize("said", [b"", b'{"do": "echo", "sa', b'{"do": "dream"}\n'])
async def test_who_is_connected_does_not_hold_up_the_end(tmp_path: Path, said: bytes) -> None:
    """Be they silent, in the middle of a word, or waiting for an answer that takes its time."""
    journal = tmp_path / "journal.db"
    async with asyncio.timeout(10):
        async with listening(journal):
            reader, writer = await asyncio.open_unix_connection(control.address(journal))
            await ask(journal, do="echo", say="")  # so the one before was met
            writer.write(said)
            await writer.drain()
        with suppress(ConnectionResetError):  # what was not read yet
            assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("said", [b"", b'{"do": "echo", "say": "much"}\n' * 100_000])
async def test_who_neither_asks_nor_reads_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(control, "SILENCE", 0.05)
    journal = tmp_path / "journal.db"
    async with listening(journal):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(control.address(journal)))
            await asyncio.to_thread(client.sendall, said)
            ended = select.poll()
            ended.register(client, 0)  # of what could be read it does not want to know
            assert await asyncio.to_thread(ended.poll, 10_000)
        assert await ask(journal, do="echo", say="tea") == "tea"


@pytest.mark.parametrize(
    "said", [b"tea", b"\xff", b"[]", b'{"do": ' + b"[" * 9_000, b'{"do": []}', b'{"do": "mumble"}']
)
async def test_what_is_no_question_is_answered_too(tmp_path: Path, said: bytes) -> None:
    journal = tmp_path / "journal.db"
    async with listening(journal), asyncio.timeout(10):
        reader, writer = await asyncio.open_unix_connection(control.address(journal))
        writer.write(said + b"\n")
        assert b'"error"' in await reader.readline()
        assert await ask(journal, do="echo", say="tea") == "tea"
        writer.close()


async def test_a_line_too_long_ends_that_conversation_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LONGEST", 100)
    journal = tmp_path / "journal.db"
    async with listening(journal), asyncio.timeout(10):
        with pytest.raises(NotRunning):
            await ask(journal, do="echo", say="tea" * 1_000)
        assert await ask(journal, do="echo", say="tea") == "tea"


@pytest.mark.parametrize("said", [b"", b'{"ok": "half'])
async def test_a_bridge_that_ends_in_the_middle_is_no_bridge(tmp_path: Path, said: bytes) -> None:
    journal = tmp_path / "journal.db"

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    server = await asyncio.start_unix_server(die, control.address(journal))
    async with server:
        with pytest.raises(NotRunning, match="before it could answer") as ended:
            await ask(journal, do="echo", say="")
    assert ended.value.__cause__ is None


async def test_a_bridge_that_takes_its_time_is_there_all_the_same(tmp_path: Path) -> None:
    journal, asked = tmp_path / "journal.db", asyncio.Event()

    async def ponder(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        asked.set()

    async with await asyncio.start_unix_server(ponder, control.address(journal)):
        with pytest.raises(NotRunning, match=r"did not answer within 0\.05 seconds") as slow:
            await asyncio.to_thread(control.ask, journal, {"do": "echo"}, 0.05)
        assert isinstance(slow.value.__cause__, TimeoutError)
        await asked.wait()


async def test_what_a_killed_bridge_leaves_is_no_bridge_and_is_swept(tmp_path: Path) -> None:
    journal = tmp_path / ("d" * 150) / "journal.db"
    control._bound(control.address(journal)).close()  # nobody listens, and the file is still there
    assert control.address(journal).exists()
    with pytest.raises(NotRunning, match="No bridge is running"):
        await ask(journal, do="echo", say="")
    control.sweep(journal)
    assert not control.address(journal).exists()


def make_folder(place: Path) -> None:
    place.mkdir(0o755)


def make_file(place: Path) -> None:
    place.touch(0o600)


def make_link(place: Path) -> None:
    elsewhere = place.with_name("elsewhere")
    elsewhere.mkdir(0o700)
    place.symlink_to(elsewhere)


@pytest.mark.parametrize("taken", [make_folder, make_file, make_link])
async def test_a_place_that_others_could_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: Callable[[Path], None]
) -> None:
    """By who listens as by who asks: another user could answer there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    taken(tmp_path / f"chatbridge-{os.getuid()}")
    journal = tmp_path / ("d" * 150) / "journal.db"
    with pytest.raises(ChatbridgeError, match="cannot stand there: somebody else could command"):
        await control.listen(journal, {})
    with pytest.raises(ChatbridgeError, match="Take it away"):
        await ask(journal, do="echo", say="")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make somebody else's folder")
def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = control.address(tmp_path / ("d" * 150)).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    os.chown(folder, 65534, 65534)
    with pytest.raises(ChatbridgeError, match="not a folder that only the user of this bridge can enter"):
        control.address(tmp_path / ("d" * 150))


async def test_what_is_no_text_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ChatbridgeError, match="not text in UTF-8"):
        await ask(tmp_path / "journal.db", do="echo", say="caf\udce9")
