"""Edits of the config while a bridge runs: noticed, validated, and taken up or named.

The files are looked at every second of real time, off the loop. What differs from one look to the next is still
being written: only what has stood still for one is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace as changed

from bridge.chat.configuring import at_its_hour
from bridge.chat.state import Configured, Misconfigured, State
from bridge.config import Config, load
from bridge.engine import Engine
from bridge.errors import ConfigError, Mistake
from bridge.include import Files
from bridge.model import Text
from bridge.readiness import known, pasted, placeholders, used_again
from bridge.settings import Community
from bridge.text import cut

log = logging.getLogger(__name__)

EVERY = 1.0  # real seconds between two looks
EXPECTED = 80  # graphemes of what was expected, as hosts read it

Reader: TypeAlias = Callable[[Files], Config]
Look: TypeAlias = tuple[tuple[str, int, int, int], ...]  # path, inode, time of change (ns), bytes


def reader(path: Path) -> Reader:
    """Reads a config for `run`. Secrets are not looked for: those the links began with stay."""

    def read(files: Files) -> Config:
        config = load(path, None, files=files)
        if mistakes := placeholders(config):
            raise ConfigError(mistakes)
        return config

    return read


async def readings(path: Path, read: Reader, every: float) -> AsyncGenerator[Config | ConfigError, None]:
    """The config each time it has been edited, or what is wrong with it, for ever. `every`: real seconds between two
    looks. The first comes at once: the files may have changed since somebody read them."""
    files = Files(path)
    before: Look | None = None
    taken: Look | None = None
    while True:
        look = await asyncio.to_thread(_look, files)
        if look == before != taken:
            taken, files = look, Files(path)
            try:
                yield await asyncio.to_thread(read, files)
            except ConfigError as error:
                yield error
            except Exception:  # the chat goes on, whatever there is in the files
                log.exception("an edit of the config could not be looked at")
        before = look
        await asyncio.sleep(every)


def _look(files: Files) -> Look:
    """How all the files are. One that is not there is not in it."""
    paths = (files.config, *files.included(), *files.pictures)
    return tuple(stand for path in dict.fromkeys(paths) for stand in _stand(path))


def _stand(path: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        found = path.stat()
    except (OSError, ValueError):  # not there, or no path at all
        return
    yield str(path), found.st_ino, found.st_mtime_ns, found.st_size


class Edits:
    """Keeps a bridge that began with `config` at what `read` finds now. `every`: real seconds between two looks.
    `keep` is given, off the loop, each config that was taken in whole."""

    def __init__(
        self,
        config: Config,
        read: Reader,
        *,
        every: float = EVERY,
        keep: Callable[[Config], None] = lambda config: None,
    ) -> None:
        self._config = config
        self._read = read
        self._every = every
        self._keep = keep
        self._told = tuple(veiled(mistake.line, config) for mistake in config.mistakes)

    async def run(self, engine: Engine) -> None:
        """Until cancelled."""
        if not self._config.mistakes:
            await self._kept(engine, self._config)
        async with aclosing(readings(self._config.path, self._read, self._every)) as found:
            async for config in found:
                try:
                    await self._heed(engine, config)
                except Exception:  # the chat goes on as it is
                    log.exception("an edit of the config could not be taken up")

    async def _heed(self, engine: Engine, config: Config | ConfigError) -> None:
        state = engine.session.state
        if isinstance(config, ConfigError):
            await self._refuse(engine, config.mistakes)
        elif wrong := used_again(config, state) + pasted(config, known(self._config)):
            await self._refuse(engine, wrong)
        else:
            await self._take_up(engine, config)

    async def _kept(self, engine: Engine, config: Config) -> None:
        community = as_they_began(config.community, engine.session.state)
        await asyncio.to_thread(self._keep, replace(config, community=community))

    async def _take_up(self, engine: Engine, config: Config) -> None:
        self._told = ()
        await self._kept(engine, config)
        waiting = tuple(sorted(_different(self._config.fixed, config.fixed)))
        community, state = self._live(config.community), engine.session.state
        if (state.community, state.waiting, state.mistakes) == (community, waiting, ()):
            return
        if waiting and waiting != state.waiting:
            log.warning("edits of the config that wait for the next start: %s", ", ".join(waiting))
        await engine.submit(Configured(community, waiting, late=True))
        log.info("the config was edited, and is taken up as it is now")

    def _live(self, edited: Community) -> Community:
        """What can be different without a new start. Networks stay as their links know them; and a slip of the
        hand must not erase anybody's words within a second."""
        began = self._config.community
        return changed(edited, networks=began.networks, keep_text=began.keep_text)

    async def _refuse(self, engine: Engine, mistakes: Iterable[Mistake]) -> None:
        """Nothing changes; the mistakes are named, once."""
        lines = tuple(veiled(mistake.line, self._config) for mistake in mistakes)
        if lines != self._told:
            self._told = lines
            for line in lines:
                log.warning("the config was edited and has a mistake, so nothing changes: %s", line)
        told = tuple(veiled(self._briefly(mistake).line, self._config) for mistake in mistakes)
        if told != engine.session.state.mistakes:
            await engine.submit(Misconfigured(told))

    def _briefly(self, mistake: Mistake) -> Mistake:
        """For people on a phone: the file as the config names it, and not every key there could be."""
        beside = self._config.path.parent
        file = Path(mistake.file)
        return replace(
            mistake,
            file=str(file.relative_to(beside) if file.is_relative_to(beside) else file),
            expected=cut(Text(mistake.expected), EXPECTED).plain,
        )


def as_they_began(community: Community, state: State) -> Community:
    """With every chat that goes on at its hour: a date that was edited since is not taken up, and who starts the
    bridge again by it would find nothing to run."""
    on = {chat.id: chat for chat in state.chats.values() if not chat.over}
    chats = (at_its_hour(on[chat.id], chat) if chat.id in on else chat for chat in community.chats)
    return changed(community, chats=tuple(chats))


def veiled(words: str, config: Config) -> str:
    """Without the secrets we know, wherever somebody pasted one."""
    for secret in known(config):
        words = words.replace(secret, "…")
    return words


def _different(before: dict[str, object], now: dict[str, object]) -> Iterator[str]:
    """The keys that are not as they were."""
    return (key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
