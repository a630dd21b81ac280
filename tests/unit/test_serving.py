"""The page alone, over a journal that somebody else may be writing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bridge import cli
from bridge.arguments import DONE, FAILED
from bridge.chat.state import Arrived, Configured
from bridge.clock import WallClock
from bridge.config import Web
from bridge.engine import Engine
from bridge.errors import JournalError
from bridge.journal import Journal
from bridge.model import HOUR, Command, Opened
from bridge.model.networks import Capabilities
from bridge.serving import serve, served
from tests.unit.make import LIMITS, SLACK_HOST, chat, community, person, post
from tests.unit.test_cli import CONFIG
from tests.unit.test_forget import OURS, running, write
from tests.unit.test_migrations import journal_of


async def get(address: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        assert answer.status == 200
        return await answer.text()


async def shows(address: str, words: str, *, gone: bool = False) -> None:
    """Wait until the page has these words, or has them no more."""
    async with asyncio.timeout(15):
        while (words in await get(address)) is gone:  # noqa: ASYNC110  # what a reader sees is what is tested
            await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(journal: Path, web: Web | None = None) -> AsyncIterator[str]:
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(journal, web or Web(port=0), WallClock(), stop, told.set_result))
        yield await told
        stop.set()


async def begin(engine: Engine) -> None:
    await engine.submit(Configured(community()))
    for network, account in OURS.items():
        await engine.submit(Opened(network, account, "@chat", Capabilities(LIMITS[network])))
    await write(engine, post("1", "A1: my paper lantern #WardChat", by=person("hedda", name="Hedda")))


async def test_it_shows_what_there_is_and_what_comes_and_not_what_goes(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await begin(engine)
        async with serving(path) as address:
            await shows(address, "my paper lantern")
            await write(
                engine, post("2", "A1: a green folder #WardChat"), post("3", "A1: a kettle #WardChat")
            )
            await shows(address, "a green folder")
            await engine.submit(Arrived("slack", Command("hide", SLACK_HOST, item="2")))
            await shows(address, "a green folder", gone=True)
            said = post(
                "4", "@chat forget me", by=person("hedda"), mentions=(OURS["mastodon"],), reach="direct"
            )
            await write(engine, said)
            await shows(address, "my paper lantern", gone=True)
            assert "a kettle" in await get(address)
            assert await get(f"{address}healthz") == "ok\n"
            assert await get(f"{address}readyz") == "ready\n"


async def test_an_open_page_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await begin(engine)
        async with (
            serving(path) as address,
            aiohttp.ClientSession() as http,
            http.get(f"{address}events") as stream,
        ):
            await write(engine, post("2", "A1: a green folder #WardChat"))
            async with asyncio.timeout(15):
                while b"a green folder" not in await stream.content.readline():
                    pass
            await engine.submit(Arrived("slack", Command("erase", SLACK_HOST, item="2")))
            async with asyncio.timeout(15):
                while b"event: gone" not in await stream.content.readline():
                    pass


async def test_words_that_were_taken_out_are_not_kept_in_memory(tmp_path: Path) -> None:
    """Also those which no event tells of: an earlier one was rewritten."""
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await begin(engine)
        await write(engine, post("2", "A1: a green folder #WardChat"))
        async with serving(path) as address:
            await shows(address, "a green folder")
            await engine.journal.redact("acct:nurse@ward.example", lambda event: event, lambda post: False)
            await engine.journal.run(
                lambda db: db.execute("DELETE FROM events WHERE instr(body, 'folder')").close()
            )
            await engine.journal.redact("acct:nurse@ward.example", lambda event: event, lambda post: False)
            await shows(address, "a green folder", gone=True)
            assert "my paper lantern" in await get(address)


async def test_a_journal_that_goes_bad_ends_it_in_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await begin(engine)
    with pytest.RaisesGroup(JournalError, flatten_subgroups=True):
        async with serving(path):
            for name in os.listdir(tmp_path):
                os.unlink(tmp_path / name)
            await asyncio.Event().wait()


def test_nothing_of_the_journal_is_changed_not_even_of_an_earlier_format(tmp_path: Path) -> None:
    path = journal_of(1, tmp_path)
    before = path.read_bytes()

    async def look() -> str:
        async with serving(path) as address:
            return await get(address)

    assert "What makes a handover safe?" in asyncio.run(look())
    assert path.read_bytes() == before


# ---------------------------------------------------------------- what is logged of who reads


async def say(address: str, *words: bytes) -> bytes:
    """What a server answers to these bytes, until it hangs up."""
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(10):
        for part in words:
            writer.write(part)
            await writer.drain()
        answer = await reader.read()
    writer.close()
    return answer


async def _tea(request: web.Request) -> web.Response:
    return web.Response(text=(await request.read()).decode())


async def _break(request: web.Request) -> web.Response:
    raise ZeroDivisionError("the kettle")


@pytest.fixture
async def kettle() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/tea", _tea), web.get("/break", _break)])
    async with served(app, "127.0.0.1", 0) as address:
        yield address


GOOD = b"GET /tea HTTP/1.1\r\nHost: tea.example\r\n\r\n"


@pytest.mark.parametrize(
    "words",
    [
        (b"\x16\x03\x01\x02paper lantern\r\n\r\n",),  # TLS, at a port without
        (b"GET /paper lantern HTTP/9\r\n\r\n",),
        (GOOD.replace(b"Host", b"paper lantern"),),
        (GOOD.replace(b"Host:", b"X: " + b"paper lantern " * 2_000 + b"\r\nHost:"),),
        (GOOD, GOOD.replace(b"Host", b"paper lantern")),  # not the first one of a visit
        (GOOD.replace(b"Host:", b"Transfer-Encoding: paper lantern\r\nContent-Length: 3\r\nHost:"),),
    ],
    ids=["tls", "version", "header", "long", "second", "length"],
)
async def test_a_malformed_request_leaves_no_address_in_the_log(
    kettle: str, words: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert b"400 Bad Request" in await say(kettle, *words)
    told = [record for record in caplog.records if record.name != "asyncio"]
    assert [(r.name, r.levelname, r.exc_info) for r in told] == [("bridge.serving", "DEBUG", None)]
    assert "a request was no HTTP: " in told[0].getMessage()
    for secret in ("127.0.0.1", "lantern", "Traceback"):
        assert secret not in caplog.text


async def test_a_fault_of_ours_is_logged_without_the_address(
    kettle: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await say(kettle, GOOD.replace(b"/tea", b"/break"))
    assert b"500 Internal Server Error" in answer
    (told,) = [record for record in caplog.records if record.name == "bridge.serving"]
    assert (told.levelname, told.getMessage()) == ("ERROR", "a request failed")
    assert "ZeroDivisionError: the kettle" in caplog.text
    assert "127.0.0.1" not in caplog.text


# ---------------------------------------------------------------- as somebody types it


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_the_command_says_where_and_stops_when_told(place: Path) -> None:
    with closing(Journal(place / "journal.db")) as journal:

        async def fill() -> None:
            ahead = WallClock().now() + HOUR
            planned = chat(starts=ahead, ends=ahead + HOUR, late_until=ahead + 25 * HOUR)
            await Engine(journal, WallClock()).alone(Configured(community(planned)))

        asyncio.run(fill())
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"]
        env = dict(os.environ, PYTHONPATH=root)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        ) as run:
            assert run.stdout is not None
            assert run.stderr is not None
            told = json.loads("".join(run.stdout.readline() for _ in range(4)))
            assert "Safer handovers" in asyncio.run(get(told["page"]))
            run.send_signal(signal.SIGTERM)
            assert run.wait(timeout=10) == DONE
            assert run.stderr.read() == ""
    assert told["journal"] == "journal.db"


def test_it_says_what_is_in_the_way(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve"]) == FAILED
    assert "There is no journal at journal.db" in capsys.readouterr().err
    Journal(place / "journal.db").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["serve", "--port", str(taken.getsockname()[1])]) == FAILED
    assert "in use" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    assert "chatbridge serve --port 8081" in capsys.readouterr().out
