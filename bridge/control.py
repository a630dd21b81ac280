"""The local socket beside the journal, through which commands reach a running bridge: JSON lines both ways.

Only the user the bridge runs as can open it (mode 0600), which is what makes `tell` a host's command.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from bridge.errors import ChatbridgeError, NotRunning

log = logging.getLogger(__name__)

Answer: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Answer], Awaitable[Any]]
T = TypeVar("T")

LONGEST = 16 << 20  # bytes of one line: a long chat's view
SILENCE = 30.0  # real seconds who is connected may neither ask nor read


def address(journal: Path) -> Path:
    """Where the socket of a journal is: beside it or, if that path is longer than a socket's may be (107 bytes), in a
    folder of our user's where the system keeps temporary files.

    Raises ChatbridgeError if somebody else could get into that folder, or has made it.
    """
    beside = Path(f"{journal.absolute()}.sock")
    if len(str(beside).encode()) <= 100:
        return beside
    mark = hashlib.sha256(str(journal.absolute()).encode()).hexdigest()[:16]
    return _our_own(Path(tempfile.gettempdir()) / f"chatbridge-{os.getuid()}") / f"{mark}.sock"


def _our_own(folder: Path) -> Path:
    """A folder that our user alone can enter; made if it is not there."""
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()  # not what a link leads to
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ChatbridgeError(
            f"{folder} is not a folder that only the user of this bridge can enter. Its socket cannot stand there: "
            "somebody else could command. Take it away, or keep the journal under a path of at most 95 bytes."
        )
    return folder


def sweep(journal: Path) -> None:
    """Take away the socket of a bridge that was killed. Only for who knows that none runs."""
    address(journal).unlink(missing_ok=True)


async def listen(journal: Path, handlers: dict[str, Handler]) -> None:
    """Answer requests `{"do": NAME, ...}` until cancelled."""
    path = address(journal)
    sweep(journal)  # the journal's lock says that nobody listens there any more

    with _bound(path) as mine:
        try:
            async with asyncio.TaskGroup() as conversations:  # ours to end: the server would wait for them

                def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    if server.is_serving():
                        conversations.create_task(_converse(reader, writer, handlers))
                    else:
                        writer.transport.abort()

                server = await asyncio.start_unix_server(meet, sock=mine, limit=LONGEST)
                try:
                    await asyncio.Event().wait()
                finally:
                    server.close()
        finally:
            sweep(journal)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: dict[str, Handler]
) -> None:
    """Answer one who is connected, until they go, or are let go: for their silence, a line that is too long, or
    because we end."""
    try:
        with suppress(OSError, ValueError):
            while line := await _in_time(reader.readline()):
                writer.write(await _answer(line, handlers) + b"\n")
                await _in_time(writer.drain())
            writer.close()  # what was said still goes out
    finally:
        if not writer.is_closing():
            writer.transport.abort()


def _bound(path: Path) -> socket.socket:
    """A socket that nobody but our user could ever open."""
    mine = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        mine.bind(str(path))
    except OSError:
        mine.close()
        raise
    finally:
        os.umask(before)
    return mine


async def _in_time(what: Awaitable[T]) -> T:
    async with asyncio.timeout(SILENCE):
        return await what


async def _answer(line: bytes, handlers: dict[str, Handler]) -> bytes:
    try:
        request = msgspec.json.decode(line, type=Answer)
        handler = handlers[request["do"]]
    except (ValueError, KeyError, TypeError, RecursionError):  # no JSON, or no name of ours
        return msgspec.json.encode({"error": f"requests are JSON lines with do: {', '.join(handlers)}"})
    try:
        return msgspec.json.encode({"ok": await handler(request)})
    except ChatbridgeError as error:
        return msgspec.json.encode({"error": str(error)})
    except Exception as error:  # the bridge must not stop because a question about it failed
        log.exception("%s failed", request["do"])
        return msgspec.json.encode({"error": f"{request['do']} failed: {error}"})


def ask(journal: Path, request: Answer, patience: float = 10.0) -> Any:
    """Ask the bridge that runs on `journal`; `patience` in seconds. Raises NotRunning if there is none or it ends
    before it answers (with a cause, if it only takes longer than that), and ChatbridgeError with what
    it says if it cannot do it."""
    try:
        line = _exchanged(address(journal), msgspec.json.encode(request) + b"\n", patience)
    except UnicodeEncodeError:
        raise ChatbridgeError("That holds something that is not text in UTF-8. Type it anew.") from None
    except (TimeoutError, BlockingIOError) as error:
        raise NotRunning(
            f"The bridge on {journal} did not answer within {patience:g} seconds. Try again; its log may say more."
        ) from error
    except (FileNotFoundError, ConnectionError):
        raise NotRunning(f"No bridge is running on {journal}.") from None
    except OSError as error:
        raise ChatbridgeError(
            f"The bridge on {journal} cannot be reached: {error.strerror or error}. "
            "It answers only to the user it runs as."
        ) from None
    if not line.endswith(b"\n"):
        raise NotRunning(f"The bridge on {journal} ended before it could answer.")
    answer = msgspec.json.decode(line, type=Answer)
    if "error" in answer:
        raise ChatbridgeError(answer["error"])
    return answer["ok"]


def _exchanged(where: Path, line: bytes, patience: float) -> bytes:
    """One line there and one back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(str(where))
        connection.sendall(line)
        with connection.makefile("rb") as stream:
            return stream.readline()
