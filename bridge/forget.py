"""`chatbridge forget`: erase a person from a journal, running or not, and say what is not ours to erase."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bridge import control
from bridge.chat.commands import FORGET
from bridge.chat.community import SERVER
from bridge.chat.present import heading
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Event, post_in
from bridge.chat.timeline import writers
from bridge.clock import WallClock
from bridge.engine import Engine
from bridge.errors import ChatbridgeError, NotRunning
from bridge.journal import Journal, recorded
from bridge.model import Account, Author, Command, Network


class Remains(msgspec.Struct, frozen=True):
    """Something of a person that we cannot erase, and who can."""

    what: str
    who: str


class Forgotten(msgspec.Struct, frozen=True):
    """What was erased of whom. `entries`: what they were called ("A1 · 3"). `mirrors`: titles of the networks
    where copies of them stand; they are taken away at once, or when the bridge runs next."""

    network: Network
    handle: str
    account: Account
    posts: int
    entries: tuple[str, ...]
    mirrors: tuple[str, ...]
    running: bool
    remains: tuple[Remains, ...]


PATIENCE = 60.0  # seconds a running bridge may take: it rewrites its journal


def erase(journal: Path, who: str) -> Forgotten:
    """Erase the person that `who` names ("NETWORK:HANDLE"), through the bridge that runs on the journal or, if
    none does, in the journal alone.

    Raises ChatbridgeError if nobody, or more than one person, is called so.
    """
    try:
        answer = control.ask(journal, {"do": "forget", "who": who}, PATIENCE)
    except NotRunning as error:
        if error.__cause__ is not None:  # there is one, but it is slow
            raise
    else:
        return msgspec.convert(answer, Forgotten)
    if not journal.exists():
        raise ChatbridgeError(f"There is no journal at {journal}, so nobody is in it.")
    return asyncio.run(_alone(journal, who))


async def _alone(path: Path, who: str) -> Forgotten:
    """Raises JournalLocked if a bridge runs after all."""
    journal = Journal(path)
    try:
        engine = Engine(journal, WallClock())
        engine.replay()
        return await forget(engine, who, engine.alone, running=False)
    finally:
        journal.close()


async def forget(
    engine: Engine, who: str, decide: Callable[[Event], Awaitable[None]], *, running: bool = True
) -> Forgotten:
    """The same in an engine's journal; `decide` makes an event durable."""
    session, journal = engine.session, engine.journal.path
    network, handle = named(session, who)
    author, posts = _chosen(await asyncio.to_thread(called, journal, network, handle), network, handle)
    entries = _entries(session, author.account)
    nets = session.state.everywhere
    await decide(Arrived(SERVER, Command(FORGET, SERVER, item=author.account)))
    return Forgotten(
        network,
        author.handle,
        author.account,
        posts,
        entries,
        tuple(net.title for net in nets.values() if net.mirror and net.name != network),
        running,
        _remains(nets[network].title, journal),
    )


def _remains(title: str, journal: Path) -> tuple[Remains, ...]:
    """What is not ours to erase."""
    return (
        Remains(
            f"what they wrote on {title} itself", f"they can delete it there, or {title}'s moderators can"
        ),
        Remains(
            f"what the chat's account replied on {title} when they asked it something (stop, start, my record)",
            "you can delete it there, as that account",
        ),
        Remains(
            f"backups and other copies of {journal}", "you can delete them, and keep none older than this"
        ),
        Remains(
            "transcripts already written or published (the .html, .md, .json and .csv files)",
            "you can write them again with `chatbridge report` and put the new ones in their place",
        ),
    )


def show(done: Forgotten) -> str:
    """For a person."""
    some = f": {', '.join(done.entries)}" if done.entries else ""
    when = "now" if done.running else "when the bridge runs next"
    places = " and ".join(["the page", *done.mirrors])
    lines = [
        f"Forgotten: {done.handle} ({done.network}).",
        "",
        "Erased from the journal:",
        f"  the words, pictures and name of {_count(done.posts, 'post')}{some}",
        "  what could not be read and was set aside",
        f"Taken off {places} {when}; likes and boosts of theirs, and replies to them, are taken back.",
        "What they write from now on stays where they write it, until they say 'start'.",
        "",
        "Not ours to erase:",
        *(f"  {it.what}:\n    {it.who}." for it in done.remains),
    ]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- who is meant


def called(journal: Path, network: Network, handle: str) -> dict[Account, tuple[Author, int]]:
    """Everybody who wrote on a network under this handle, or has this account, as they called themselves last,
    and how many posts of theirs the journal holds; or whom a bridge copied, if nothing else of theirs is there."""
    wanted = bare(handle)
    found: dict[Account, Author] = {}
    copied: dict[Account, Author] = {}
    uris: dict[Account, set[str]] = {}
    for event in recorded(journal):
        post = post_in(event.event)
        if post is None or not post.author.handle:
            continue
        for account in writers(post):
            uris.setdefault(account, set()).add(post.uri)
        if post.ref.network != network and f":{post.whose.casefold()}".endswith(f":{wanted}"):
            copied[post.whose] = Author(post.whose, handle)
        if post.ref.network == network and wanted in (
            bare(post.author.handle),
            post.author.account.casefold(),
        ):
            found[post.author.account] = post.author
    found = found or copied
    return {account: (author, len(uris[account])) for account, author in found.items()}


def named(session: Session, who: str) -> tuple[Network, str]:
    """The network and the handle that "NETWORK:HANDLE" says. Raises ChatbridgeError if there is no such network."""
    network, _, handle = who.partition(":")
    known = session.state.everywhere
    if network not in known or not handle.strip():
        raise ChatbridgeError(
            f"'{who}' names nobody. Say NETWORK:HANDLE, with one of these networks: {', '.join(known) or 'none'}."
        )
    return network, handle


def _chosen(found: dict[Account, tuple[Author, int]], network: Network, handle: str) -> tuple[Author, int]:
    if not found:
        raise ChatbridgeError(
            f"Nobody called {handle} wrote anything on {network} that the journal holds. Write the handle in full, "
            "as the transcript shows it; who was forgotten before is not found any more."
        )
    if len(found) > 1:
        lines = "\n".join(f"  chatbridge forget {network}:{account}" for account in found)
        raise ChatbridgeError(f"{len(found)} people were called {handle}. Say which account:\n{lines}")
    return next(iter(found.values()))


def bare(handle: str) -> str:
    """A handle as two that are the same compare equal."""
    return handle.strip().casefold().removeprefix("@")


def _entries(session: Session, account: Account) -> tuple[str, ...]:
    return tuple(
        heading(entry)
        for chat in session.state.chats.values()
        for entry in chat.timeline.entries.values()
        if any(account in writers(post) for post in entry.sources)
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
