"""The worked example of docs/adapters.md: as small as it says, and a network like any other once it is installed."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server as Mastodon
from simulator.stage import Draft, Person, Said
from tests.example.board import Board
from tests.test_architecture import OURS, PORTS, imports, within

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULE = HERE / "chatbridge_noticeboard.py"
PAGE = ROOT / "docs" / "adapters.md"
TAG, QUESTION = "WardChat", "What makes a handover safe?"

# ---------------------------------------------------------------- the module and the page about it


def test_it_has_at_most_150_lines() -> None:
    lines = MODULE.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150, "blank lines and comments count"
    assert max(map(len, lines)) <= 118
    assert ";" not in "".join(re.sub(r'".*?"|#.*', "", line) for line in lines[6:]), "one statement a line"


def test_it_imports_what_an_adapter_may() -> None:
    imported = [name for name in imports(MODULE) if name.split(".")[0] in OURS]
    assert imported
    assert [name for name in imported if name != "bridge" and not within(name, PORTS)] == []


def test_what_the_page_shows_of_it_stands_in_it() -> None:
    """Every Python excerpt of the page, word for word; what has been left out is its own line "…"."""
    source = MODULE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    excerpts = [block for block in blocks if "# tests/" not in block.splitlines()[0]]
    assert len(excerpts) >= 8
    for excerpt in excerpts:
        assert excerpt in source, f"not in the module any more:\n{excerpt}"


def test_the_page_tells_how_to_put_it_through_the_suite_and_the_packaging() -> None:
    page = PAGE.read_text(encoding="utf-8")
    suite = (ROOT / "tests" / "conformance" / "test_example.py").read_text(encoding="utf-8")
    shown = re.findall(
        r"^```python\n# tests/conformance/test_example.py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    assert [block in suite for block in shown] == [True]
    project = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    shown = re.findall(r"^```toml\n(\[project\].*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [block in project for block in shown] == [True]


def test_every_name_of_the_ports_that_the_page_uses_is_there() -> None:
    """`Link.send`, `Clock.timeout` and the like are not the names of last year."""
    tree = ast.parse((ROOT / "bridge" / "ports.py").read_text(encoding="utf-8"))
    classes = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    named = re.findall(r"`([A-Z]\w+)\.(\w+)`", PAGE.read_text(encoding="utf-8"))
    known = [(port, name) for port, name in named if port in classes]
    assert len(known) >= 5
    assert [f"{port}.{name}" for port, name in known if not re.search(rf"\b{name}\b", classes[port])] == []


# ---------------------------------------------------------------- installed, as a stranger would


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from its own pyproject.toml and put where nothing else is."""
    target = tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *alone, str(HERE)], check=True, timeout=60)
    return target


@dataclass
class Outsider:
    """Somebody who has chatbridge and this package, and works in a folder of their own."""

    folder: Path
    env: dict[str, str]

    def configure(self, networks: Mapping[str, Mapping[str, Any]], minutes: float = 60) -> None:
        starts = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        lines = [
            '[community]\nname = "The Night Round"\ntimezone = "Europe/London"\njournal = "journal.db"',
            f'[[chats]]\nid = "handovers"\ntitle = "Safer handovers"\nhashtag = "{TAG}"\nremind = []',
            f"starts = {starts.isoformat()}\nminutes = {minutes}\nlate_hours = 1",
            f"[[chats.questions]]\nat = 0.05\ntext = {json.dumps(QUESTION)}",
            "[web]\nport = 0",
        ]
        for name, table in networks.items():
            lines.append(f"[networks.{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        (self.folder / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        command = (sys.executable, "-m", "bridge", *arguments)
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=dict(self.env), stdin=pipe, stdout=pipe, stderr=pipe
        )

    async def chatbridge(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Run a command to its end; gives exit status, stdout and stderr."""
        process = await self.start(*arguments)
        async with asyncio.timeout(30):
            out, err = await process.communicate(typed.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
def outsider(installed: Path, tmp_path: Path) -> Outsider:
    known = {key: value for key, value in os.environ.items() if not key.endswith(("_TOKEN", "_PASSWORD"))}
    return Outsider(tmp_path, known | {"PYTHONPATH": str(installed)})


BOARD = {"kind": "noticeboard", "server": "https://board.example", "account": "bridge"}


async def test_its_table_is_read_like_any_other(outsider: Outsider) -> None:
    outsider.configure({"board": BOARD})
    status, said, errors = await outsider.chatbridge("check", "--offline")
    assert status == 0, said + errors
    outsider.configure({"board": BOARD | {"sever": "https://board.example"}})
    status, said, errors = await outsider.chatbridge("check", "--offline")
    assert status == 2
    assert "networks.board.sever" in said + errors
    assert "Did you mean 'server'?" in said + errors
    outsider.configure({"board": BOARD | {"kind": "notiseboard"}})
    status, said, errors = await outsider.chatbridge("check", "--offline")
    assert status == 2
    assert 'kind = "noticeboard"' in said + errors


async def test_it_cannot_be_rehearsed_and_says_so(outsider: Outsider) -> None:
    outsider.configure({"board": BOARD})
    status, said, errors = await outsider.chatbridge("rehearse", "--out", "rehearsal")
    assert status == 1
    assert "there is no stand-in for a network of kind noticeboard" in errors
    assert "Traceback" not in said + errors


async def test_without_the_package_there_is_no_such_kind(outsider: Outsider) -> None:
    outsider.configure({"board": BOARD})
    alone = Outsider(
        outsider.folder, {key: value for key, value in outsider.env.items() if key != "PYTHONPATH"}
    )
    status, said, errors = await alone.chatbridge("check", "--offline")
    assert status == 2
    assert "one of the installed kinds" in said + errors


# ---------------------------------------------------------------- a chat on it


@dataclass
class Town:
    """A notice board and a Mastodon server, and somebody on each."""

    board: Board
    mastodon: Mastodon
    ann: Person
    ben: Person

    def tables(self) -> dict[str, dict[str, Any]]:
        return {
            "board": {"kind": "noticeboard", **self.board.access()["table"]},
            "mastodon": {"kind": "mastodon", **self.mastodon.access()["table"]},
        }

    def secrets(self) -> dict[str, str]:
        return {
            f"{stage.network}_{name}".upper(): value
            for stage in (self.board, self.mastodon)
            for name, value in stage.access()["secrets"].items()
        }

    def question(self, stage: Board | Mastodon) -> Said | None:
        """Where the question stands, if it does."""
        return next((said for said in stage.said.values() if said.ours and QUESTION in said.text), None)


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    clock = Clock()
    faults = Faults(clock.now)
    town = Town(
        Board("board", clock, faults, {"tag": TAG}),
        Mastodon("mastodon", clock, faults, {"tag": TAG}),
        Person("nurse-07", "Nurse 07", "board"),
        Person("doctor-02", "Doctor 02", "mastodon"),
    )
    for stage, person in ((town.board, town.ann), (town.mastodon, town.ben)):
        await stage.start()
        stage.join(person)
    yield town
    await town.board.stop()
    await town.mastodon.stop()


async def until(met: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - stand-ins tell nobody
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(outsider: Outsider) -> AsyncIterator[str]:
    """`chatbridge run`, and where its page is. Ends it as a service manager does."""
    run = await outsider.start("run")
    drain = asyncio.create_task(run.communicate())
    try:
        async with asyncio.timeout(30):
            while True:
                status, said, _ = await outsider.chatbridge("status", "--json")
                if status == 0 and json.loads(said)["running"]:
                    break
                assert run.returncode is None, (await drain)[1].decode()
        yield json.loads(said)["page"]
    finally:
        if run.returncode is None:
            run.send_signal(signal.SIGTERM)
        _, errors = await drain
        assert run.returncode == 0, errors.decode()


async def shown(page: str, met: Callable[[str], bool]) -> str:
    """The page, as soon as it is so."""
    text = ""
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while not met(text):
                await asyncio.sleep(0.1)
                async with http.get(f"{page.rstrip('/')}/chats/handovers") as answer:
                    text = await answer.text()
    except TimeoutError:
        raise AssertionError(f"the page does not show it: {text[-8000:]}") from None
    return text


@pytest.mark.timeout(120)
async def test_a_chat_is_held_on_it_and_on_mastodon(outsider: Outsider, town: Town) -> None:
    outsider.env = outsider.env | town.secrets()
    outsider.configure(town.tables(), minutes=5)
    status, said, errors = await outsider.chatbridge("check")
    assert status == 0, said + errors
    assert "Notice board" in said
    async with running(outsider) as page:
        await until(lambda: town.question(town.board) and town.question(town.mastodon))
        asked = town.question(town.board)
        assert asked is not None
        town.mastodon.write(town.ben, Draft("A1 A written list"))
        first = town.board.write(town.ann, Draft("A quiet corner", tag="none", reply_to=asked.id))
        second = town.board.write(town.ann, Draft("A1 No interruptions"))
        text = await shown(
            page, lambda t: all(w in t for w in ("A written list", "A quiet corner", "No interr"))
        )
        assert "Notice board" in text
        town.board.edit(town.ann, first, "A quiet room")
        town.board.delete(town.ann, second)
        await shown(page, lambda text: "A quiet room" in text and "No interruptions" not in text)
        town.board.write(Person("bridge", "", "board"), Draft("by hand, with our account"))
        town.board.write(town.ann, Draft("A1 The last word"))
        text = await shown(page, lambda text: "The last word" in text)
        assert "by hand" not in text
    status, said, errors = await outsider.chatbridge("report", "--out", "kept")
    assert status == 0, said + errors
    transcript = (outsider.folder / "kept" / "transcript.md").read_text(encoding="utf-8")
    assert "A quiet room" in transcript
    assert "A written list" in transcript
    assert "A quiet corner" not in transcript
    assert "No interruptions" not in transcript
    assert "nurse-07" in transcript
    assert "Notice board" in transcript
    for stage in (town.board, town.mastodon):
        assert len([said for said in stage.said.values() if said.ours and QUESTION in said.text]) == 1


async def test_logging_in_tries_the_password_and_keeps_it(outsider: Outsider, town: Town) -> None:
    outsider.configure({"board": town.tables()["board"]})
    status, said, errors = await outsider.chatbridge("login", "board", typed="wrong\n")
    assert status == 1
    assert "refuses our login" in said + errors
    assert not (outsider.folder / "secrets").exists()
    status, said, errors = await outsider.chatbridge("login", "board", typed=f"{town.board.password}\n")
    assert status == 0, said + errors
    assert "Logged in as bridge." in errors
    status, said, errors = await outsider.chatbridge("check")
    assert status == 0, said + errors
    assert town.board.password not in said + errors


async def test_the_stand_in_refuses_what_couchdb_and_the_board_refuse(town: Town) -> None:
    post = town.board.write(town.ann, Draft("hers"))
    gone = town.board.write(town.ann, Draft("hers, too"))
    town.board.delete(town.ann, gone)
    login = {"Authorization": aiohttp.encode_basic_auth("bridge", town.board.password)}
    ours = {"author": "bridge", "text": "ours", "at": 1}
    async with aiohttp.ClientSession(town.board.access()["table"]["server"], headers=login) as http:

        async def put(id_: str, doc: Mapping[str, Any]) -> tuple[int, str, str]:
            async with http.put(f"/posts/{id_}", json=doc) as answer:
                said = await answer.json()
                return answer.status, said.get("error", ""), said.get("reason", said.get("rev"))

        async def get(path: str) -> tuple[int, str]:
            async with http.get(path) as answer:
                return answer.status, (await answer.json()).get("reason", "")

        status, _, rev = await put("1", ours)
        assert (status, rev[:2]) == (201, "1-")
        assert await put("1", ours) == (409, "conflict", "Document update conflict.")
        assert (await put("1", ours | {"_rev": rev, "text": "x" * 3001}))[:2] == (403, "forbidden")
        assert (await put("2", ours | {"author": "nurse-07"}))[:2] == (403, "forbidden")
        assert (await put("2", {"text": "nobody's"}))[:2] == (403, "forbidden")
        hers = town.board.said[post].raw["_rev"]
        assert (await put(post, {"_rev": hers, "_deleted": True}))[:2] == (403, "forbidden")
        assert (await put("1", {"_rev": rev, "_deleted": True}))[0] == 201
        assert await get("/posts/1") == (404, "deleted")
        assert await get(f"/posts/{gone}") == (404, "deleted")
        assert await get("/posts/2") == (404, "missing")
        assert (await get("/posts/_changes?since=7-stranger&limit=9"))[0] == 400
        http.headers["Authorization"] = "Basic eDp5"
        assert await get(f"/posts/{post}") == (401, "Name or password is incorrect.")


# ---------------------------------------------------------------- the suite, elsewhere


OUTSIDE = """
from typing import Any, ClassVar

from chatbridge_noticeboard import platform
from tests.conformance.suite import LinkConformance
from tests.example.board import Board


class TestElsewhere(LinkConformance):
    network = "board"
    asks_to_wait = (7.0, 7.0)
    cannot: ClassVar[dict[str, str]] = {"test_a_picture_goes_with_its_words": "words only"}

    def platform(self) -> Any:
        return platform

    def stage(self, *given: Any) -> Any:
        return Board(*given)
"""


def test_a_stranger_s_project_puts_its_adapter_through_the_suite(installed: Path, tmp_path: Path) -> None:
    """By the command that the page gives."""
    options = "-p tests.conftest -o asyncio_mode=auto test_board.py"
    assert f"PYTHONPATH=../chatbridge pytest {options}\n" in PAGE.read_text(encoding="utf-8")
    (tmp_path / "test_board.py").write_text(OUTSIDE, encoding="utf-8")
    env = os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"}
    chosen = "picture or whole or token_revoked or same_order"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", chosen, *options.split()],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "test_a_picture_goes_with_its_words: words only" in done.stdout
