"""`chatbridge report --check` where no bridge runs: a chat's posts are read again on every network, and what became
of them is written into the journal.

Nothing goes out: the outbox is not served and no deadline is kept. Copies that are to change are put right when the
bridge runs next.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bridge.arguments import single
from bridge.chat.state import Reconciled
from bridge.config import Config, NetworkConfig
from bridge.engine import Engine
from bridge.errors import JournalLocked, LinkError, Unreachable
from bridge.journal import Journal
from bridge.model import AuthorGone, AuthorKnown, Edited, Inbound, Network, Ref, Removed
from bridge.ports import Adapter, Clock, SessionStore
from bridge.readiness import missing_secrets
from bridge.report.from_journal import chosen
from bridge.split import place
from bridge.storage import locked

log = logging.getLogger(__name__)


class Checked(msgspec.Struct, frozen=True):
    """What was read again on a network. `why` it could not be asked, "" if it was."""

    network: str  # its title
    posts: int
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"{self.network} could not be asked: {self.why.rstrip('.')}. Its posts are as they were last seen."
        return f"{self.network}: {self.posts} post{'s' * (self.posts != 1)} read again."


async def recheck(
    config: Config,
    clock: Clock,
    name: str | None,
    sessions: Callable[[Network], SessionStore],
    told: Callable[[Checked], None],
) -> list[Checked]:
    """Read the chat of that name (or the only one) again on each network; `told` of each when it is done.

    Raises ChatbridgeError if there is no such chat, JournalLocked if a bridge runs after all.
    """
    journal = Journal(config.journal)
    try:
        engine = Engine(journal, clock)
        engine.replay()
        chat = chosen(engine.session, name)
        found: list[Checked] = []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(engine.run(ticks=False), name="engine")
            for network in config.networks:
                found.append(await _network(engine, config, network, chat, sessions))
                told(found[-1])
            running.cancel()
        return found
    except BaseExceptionGroup as error:  # the journal cannot be written
        raise single(error) from error
    finally:
        journal.close()


async def _network(
    engine: Engine,
    config: Config,
    network: NetworkConfig,
    chat: str,
    sessions: Callable[[Network], SessionStore],
) -> Checked:
    """One network; its trouble stays its own."""
    name, why = network.name, _lacks(config, network.name)
    title = next(net.title for net in config.community.networks if net.name == name)
    refs = engine.session.known(name, chat, most=None)
    if why:
        return Checked(title, 0, why)
    try:
        adapter = network.platform.create(name, network.settings, network.secrets, engine.clock)
        with _alone(config, name):
            await _read(engine, adapter, sessions(name), refs)
    except* LinkError as group:
        why = str(single(group))
    except* Exception as group:  # a bug in one adapter must not keep the others from being asked
        log.exception("%s: the adapter failed", name)
        why = f"the adapter failed: {single(group)}"
    if why:
        return Checked(title, 0, why)
    if engine.session.state.chats[chat].over:
        await engine.submit(Reconciled(name, chat))
    return Checked(title, len(refs))


def _lacks(config: Config, name: Network) -> str:
    """Which of a network's secrets are not there; "" if none."""
    found = (m for m in missing_secrets(config) if m.key == f"networks.{name}")
    return next((f"{m.expected} is missing. {' '.join(m.mend.split())}" for m in found), "")


async def _read(engine: Engine, adapter: Adapter, sessions: SessionStore, refs: tuple[Ref, ...]) -> None:
    """What became of known posts. What is new, and what hosts did meanwhile, the next run reads from where the last
    one was."""
    if not refs:
        return
    async with adapter.open(sessions) as link:
        async for item in link.reread(refs):
            if isinstance(item.what, Edited | Removed | AuthorGone | AuthorKnown):
                await engine.arrive(Inbound(item.network, item.what))
    await engine.caught_up()


@contextmanager
def _alone(config: Config, name: Network) -> Iterator[None]:
    """Not while another process uses the network's login, which it may renew."""
    if config.mqtt is None:
        yield
        return
    login = place(config.journal, name)
    login.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = locked(login)
    except JournalLocked:
        raise Unreachable("another process runs for it; start the core as well, then ask again") from None
    try:
        yield
    finally:
        os.close(handle)
