"""Edits of real files: when they are read, what is taken up, and what is named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.chat.state import Configured, Event, Misconfigured
from bridge.config import Config, load
from bridge.edits import Edits, Reader, readings
from bridge.engine import Engine
from bridge.errors import ConfigError, Mistake
from bridge.include import Files
from bridge.model import HOUR
from bridge.readiness import not_ready
from tests.unit.configs import swap
from tests.unit.platforms import CONFIG, kinds
from tests.unit.test_forget import running
from tests.unit.test_include import BARE, RHYTHM, series

OTHER = swap('id = "rhythm"', 'id = "ebb"', swap("TideTalk", "EbbTalk", RHYTHM))
TOKEN = "Zx9qP7vLk2mN8bR4tYw6sD1fG3hJ5kLm"


def reader(path: Path) -> Reader:
    return lambda files: load(path, None, platforms=kinds(), files=files)


# ---------------------------------------------------------------- when it is read


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterable[Callable[[], Any]]], None]:
    """Something to happen between two looks, one after the other; then nothing more does."""

    def let(steps: Iterable[Callable[[], Any]]) -> None:
        left = iter(steps)

        async def next_look(seconds: float) -> None:
            if (step := next(left, None)) is not None:
                step()

        monkeypatch.setattr("bridge.edits.asyncio.sleep", next_look)

    return let


async def test_what_is_still_being_written_is_not_read(tmp_path: Path, between: Any) -> None:
    path = series(tmp_path, a=RHYTHM)
    read: list[str] = []

    def noting(files: Files) -> Config:
        read.append(path.read_text())
        return reader(path)(files)

    whole = swap("The Tide Readers", "The Ebb Readers", BARE)
    halves = [lambda n=n: path.write_text(whole[: n * len(whole) // 4]) for n in range(5)]
    nothing = lambda: None  # noqa: E731
    between([nothing, nothing, *halves])
    found = readings(path, noting, 1.0)
    first, second = await anext(found), await anext(found)
    assert isinstance(first, Config)
    assert isinstance(second, Config)
    assert second.community.name == "The Ebb Readers"
    assert read == [BARE, whole]
    await found.aclose()


async def test_every_file_counts(tmp_path: Path) -> None:
    picture = tmp_path / "chats" / "q.png"
    path = series(tmp_path, a=RHYTHM + 'image = "q.png"\nalt = "a wave"\n')
    found = readings(path, reader(path), 0.01)

    async def chats() -> list[str]:
        config = await anext(found)
        return [chat.id for chat in config.community.chats] if isinstance(config, Config) else []

    async with asyncio.timeout(20):
        assert await chats() == [], "the picture is missing"
        picture.write_bytes(b"\x89PNG")
        while await chats() != ["rhythm"]:
            pass
        (tmp_path / "chats" / "b.toml").write_text(OTHER)
        while await chats() != ["rhythm", "ebb"]:
            pass
        (tmp_path / "chats" / "a.toml").unlink()
        while await chats() != ["ebb"]:
            pass
        path.unlink()
        assert isinstance(await anext(found), ConfigError)
    await found.aclose()


# ---------------------------------------------------------------- what is taken up


class Watched:
    """An engine that edits are brought to, and all that they have it decide."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine, self.path = engine, path
        self._seen: asyncio.Queue[Event] = asyncio.Queue()
        decide = engine.submit

        async def submit(event: Any, *rows: Any, **more: Any) -> None:
            await decide(event, *rows, **more)
            self._seen.put_nowait(event)

        engine.submit = submit  # type: ignore[method-assign]  # it is listened to

    async def write(self, text: str, name: str = "config.toml") -> Event:
        """Save a file; what came of it."""
        (self.path.parent / name).write_text(text)
        return await self.heard()

    async def heard(self) -> Event:
        async with asyncio.timeout(20):
            return await self._seen.get()

    def chats(self) -> list[str]:
        return list(self.engine.session.state.chats)


@asynccontextmanager
async def edited(path: Path, env: dict[str, str] | None = None) -> AsyncIterator[Watched]:
    """A bridge's engine that runs on this config and heeds its edits."""
    config = load(path, env or {}, platforms=kinds())
    async with running(path.parent / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        task = group.create_task(Edits(config, reader(path), every=0.01).run(engine))
        yield watched
        task.cancel()


async def test_what_is_good_is_taken_up(tmp_path: Path) -> None:
    async with edited(series(tmp_path, a=RHYTHM)) as bridge:
        event = await bridge.write(OTHER, "chats/b.toml")
        assert isinstance(event, Configured)
        assert bridge.chats() == ["rhythm", "ebb"]
        await bridge.write(OTHER.replace("What is a tide?", "What is an ebb?"), "chats/b.toml")
        assert bridge.engine.session.state.chats["ebb"].settings.questions[0].text == "What is an ebb?"


async def test_what_is_broken_changes_nothing_and_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with edited(series(tmp_path, a=RHYTHM)) as bridge:
        before = bridge.engine.session.state.community
        broken = RHYTHM.replace("at = 5", 'at = "five"').replace("hashtag", "hashtags")
        event = await bridge.write(broken, "chats/a.toml")
        assert isinstance(event, Misconfigured)
        assert [mistake.split(": expected")[0] for mistake in event.mistakes] == [
            "chats/a.toml: chats[0].hashtags (chat 1)",
            "chats/a.toml: chats[0].hashtag (chat 1)",
            'chats/a.toml: chats[0].questions[0].at (chat 1, question 1) = "five"',
        ]
        assert "Did you mean 'hashtag'?" in event.mistakes[0]
        assert max(map(len, event.mistakes)) < 250
        assert bridge.engine.session.state.community == before
        (tmp_path / "chats" / "a.toml").write_text(f"# the same mistakes\n{broken}")
        assert isinstance(await bridge.write(RHYTHM, "chats/a.toml"), Configured), "whole again"
        assert bridge.engine.session.state.mistakes == ()
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 3
    assert all("so nothing changes: " in warning and "chats/a.toml" in warning for warning in warnings)


async def test_what_the_links_began_with_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = f'{CONFIG}layout = "threads"\n[consent]\nkeep_text_days = 1\n[web]\nport = 8081\n'
    text = swap("The Tide Readers", "The Ebb Readers", swap("https://hall.test", "https://hall2.test", text))
    async with edited(series(tmp_path, CONFIG)) as bridge:
        before = bridge.engine.session.state.community
        assert before is not None
        event = await bridge.write(text)
        assert isinstance(event, Configured)
        keys = ("consent.keep_text_days", "networks.hall.server", "networks.room.layout", "web.port")
        assert event == Configured(replace(before, name="The Ebb Readers"), keys, late=True)
        assert event.community.keep_text == 90 * 24 * HOUR
        assert await bridge.write(CONFIG) == Configured(before, late=True)
    assert f"wait for the next start: {', '.join(keys)}" in caplog.text


async def test_secrets_are_not_looked_for_again(tmp_path: Path) -> None:
    """A file that named one is gone since."""
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    async with edited(series(tmp_path, CONFIG), {"HALL_TOKEN_FILE": str(secret)}) as bridge:
        secret.unlink()
        assert isinstance(await bridge.write(swap("The Tide Readers", "The Ebb Readers")), Configured)


async def test_a_secret_that_somebody_pasted_is_told_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = "tide-1"  # nothing about it looks like one
    async with edited(series(tmp_path, CONFIG), {"HALL_TOKEN": short}) as bridge:
        text = swap("2027-03-16T20:00:00", f'"{TOKEN}"', swap('"TideTalk"', f'"{short}"'))
        event = await bridge.write(text)
        assert isinstance(event, Misconfigured)
        assert len(event.mistakes) == 2
        assert short not in str(event)
        assert TOKEN not in str(event)
    assert short not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_secret_in_a_text_is_never_posted(tmp_path: Path) -> None:
    """It may well look like words."""
    secret = "correct horse battery"
    text = swap("What is a tide?", f"Is {secret} a tide?", RHYTHM)
    path = series(tmp_path, a=RHYTHM)
    async with edited(path, {"HALL_TOKEN": secret}) as bridge:
        event = await bridge.write(text, "chats/a.toml")
        assert isinstance(event, Misconfigured)
        assert "chats/a.toml: chats[0] (chat 1): expected texts without a secret" in event.mistakes[0]
        assert secret not in str(event)
        again = load(path, {"HALL_TOKEN": secret}, platforms=kinds())
        assert [mistake.key for mistake in not_ready(again, 0)] == ["chats[0]"]
        assert not_ready(load(path, {"HALL_TOKEN": "tide"}, platforms=kinds()), 0) == (), (
            "a word, and no secret"
        )


async def test_so_is_the_brokers_password(tmp_path: Path) -> None:
    broker, password = '[mqtt]\nurl = "mqtts://broker.test"\n', "correct horse battery"
    async with edited(series(tmp_path, CONFIG + broker), {"MQTT_PASSWORD": password}) as bridge:
        event = await bridge.write(CONFIG + broker.replace("mqtts://broker.test", password))
        assert isinstance(event, Misconfigured)
        assert password not in str(event)
        assert "…" in event.mistakes[0]


async def test_an_edit_before_the_first_look_is_seen(tmp_path: Path) -> None:
    """What was read at the start may be old by the time somebody looks."""
    path = series(tmp_path, CONFIG)
    config = load(path, {}, platforms=kinds())
    path.write_text(swap("The Tide Readers", "The Ebb Readers"))
    async with running(tmp_path / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        task = group.create_task(Edits(config, reader(path), every=0.01).run(engine))
        event = await watched.heard()
        assert isinstance(event, Configured)
        assert event.community.name == "The Ebb Readers"
        task.cancel()


@pytest.mark.parametrize("name", ["a\\u0000.png", f"{'a' * 300}.png"])
async def test_what_cannot_be_a_path_is_a_mistake_and_no_more(
    tmp_path: Path, between: Any, name: str
) -> None:
    path = series(tmp_path, a=RHYTHM)
    question = "[[chats.questions]]\n"
    odd = swap(question, f'{question}image = "{name}"\nalt = "A tide table"\n', RHYTHM)
    nothing = lambda: None  # noqa: E731
    between([nothing, nothing, lambda: series(tmp_path, a=odd), nothing, lambda: series(tmp_path, a=RHYTHM)])
    async with aclosing(readings(path, reader(path), 1.0)) as found:
        assert isinstance(await anext(found), Config)
        wrong = await anext(found)
        assert isinstance(wrong, ConfigError)
        assert "a file beside this one" in str(wrong)
        assert isinstance(await anext(found), Config)


async def test_a_reader_that_fails_does_not_take_the_chat_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = series(tmp_path, CONFIG)
    times = iter(range(9))

    def failing(files: Files) -> Config:
        if next(times) == 0:
            path.write_text(CONFIG + "# again\n")
            raise ZeroDivisionError
        return reader(path)(files)

    found = readings(path, failing, 0.01)
    async with asyncio.timeout(20):
        assert isinstance(await anext(found), Config)
    await found.aclose()
    assert "could not be looked at" in caplog.text


async def test_an_edit_that_fails_does_not_take_the_chat_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = series(tmp_path, CONFIG)
    config = load(path, {}, platforms=kinds())
    times = iter(range(9))

    def keep(config: Config) -> None:
        if next(times) == 0:
            path.write_text(swap("The Tide Readers", "The Ebb Readers"))
            raise ZeroDivisionError

    async with running(tmp_path / "journal.db") as engine, asyncio.TaskGroup() as group:
        await engine.submit(Configured(config.community))
        watched = Watched(engine, path)
        began = replaced(
            config, mistakes=(Mistake("config.toml", "community.name", "", "a name", "Name it."),)
        )
        task = group.create_task(Edits(began, reader(path), every=0.01, keep=keep).run(engine))
        event = await watched.heard()
        assert isinstance(event, Configured)
        assert event.community.name == "The Ebb Readers"
        task.cancel()
    assert "could not be taken up" in caplog.text


async def test_an_id_that_was_held_is_refused(tmp_path: Path) -> None:
    path = series(tmp_path, CONFIG)
    async with edited(path) as bridge:
        bridge.engine.session.state.chats["rhythm"].over = True
        event = await bridge.write(swap("2027-03-16", "2028-03-16"))
        assert isinstance(event, Misconfigured)
        (mistake,) = event.mistakes
        assert mistake.startswith('config.toml: chats[0].id (chat 1) = "rhythm": expected an id of its own')
        assert 'id = "rhythm-2"' in mistake
