"""The commands that reach a running bridge through its socket, or read its journal; `status` and `report` do that
where none runs."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from bridge.arguments import DONE, FAILED, LOOKS, WRONG, again, load, nearest, print_json, say, verbs

if TYPE_CHECKING:
    from bridge.chat.session import Session
    from bridge.config import Config
    from bridge.errors import NotRunning


def _ask(args: argparse.Namespace, config: Config, request: dict[str, Any]) -> Any:
    """What the bridge that runs for this config answers."""
    from bridge import control
    from bridge.errors import NotRunning

    try:
        return control.ask(config.journal, request)
    except NotRunning as error:
        if error.__cause__ is not None:  # there is one, but it is slow
            raise
        raise NotRunning(
            f"No bridge is running for {args.config} (its journal is {config.journal}). "
            f"Start it with: {again(args, 'run')}"
        ) from None


def _kept(args: argparse.Namespace, config: Config, why: NotRunning) -> Session:
    """What the journal alone tells, when no bridge runs. Raises `why` if there is none either."""
    from bridge.errors import NotRunning
    from bridge.report.from_journal import replayed

    if why.__cause__ is not None:
        raise why
    if not config.journal.exists():
        raise NotRunning(f"{config.journal}: there is no journal yet. {why}")
    session = replayed(config.journal)
    community = session.state.community
    if community is not None and community.name != config.community.name:
        say(
            f"note: {config.journal} is the journal of {community.name}; {args.config} is the config of "
            f"{config.community.name}."
        )
    return session


def _chat(args: argparse.Namespace, config: Config) -> str | None:
    """The chat that is meant: the one named, else the config's only one."""
    chats = config.community.chats
    return args.chat or (chats[0].id if len(chats) == 1 else None)


def tell(args: argparse.Namespace) -> int:
    config = load(args)
    verb, *words = " ".join(args.words).split(" ")
    verb, known = verb.casefold(), verbs()
    if args.chat.casefold() in known and args.chat not in {chat.id for chat in config.community.chats}:
        said = shlex.join([config.community.chats[0].id, args.chat, *args.words])
        return _wrong(f"Name the chat first: chatbridge tell {said}")
    if not verb:
        return _wrong(f"Say what to tell it. There are: {', '.join(known)}.")
    if verb not in known:
        return _wrong(nearest(verb))
    answer = _ask(args, config, {"do": "tell", "chat": args.chat, "verb": verb, "text": " ".join(words)})
    if args.json:
        print_json({"answer": answer})
    else:
        print(answer)
    return DONE if answer.startswith("Done") or verb in LOOKS else FAILED


def _wrong(words: str) -> int:
    """The call is wrong."""
    say(f"chatbridge: {words}")
    return WRONG


def status(args: argparse.Namespace) -> int:
    import msgspec

    from bridge.clock import WallClock
    from bridge.errors import NotRunning
    from bridge.model import Board
    from bridge.report import from_journal
    from bridge.terminal import text

    config = load(args)
    chat = _chat(args, config)
    try:
        found = _ask(args, config, {"do": "status", "chat": chat})
    except NotRunning as why:
        session = _kept(args, config, why)
        now = max(session.state.at, WallClock().now())
        shown = from_journal.status(session, from_journal.chosen(session, chat), now)
        found = {**shown, "page": "", "running": False}
    if args.json:
        print_json(found)
        return DONE
    if not found["running"]:
        print("No bridge is running; this is what the journal tells.\n")
    print(text(msgspec.convert(found["board"], Board)), end="")
    return DONE


def report(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.errors import NotRunning
    from bridge.report import from_journal

    config = load(args)
    chat, formats = _chat(args, config), args.format or list(from_journal.USUAL)
    out = args.out.absolute()
    try:
        paths = _ask(args, config, {"do": "report", "chat": chat, "out": str(out), "formats": formats})
    except NotRunning as why:
        session = _kept(args, config, why)
        chat, now = from_journal.chosen(session, chat), max(session.state.at, WallClock().now())
        view, every = session.view(chat, "page", now), session.view(chat, "page", now, every=True)
        paths = from_journal.write(view, every, out, formats)
    if args.json:
        print_json({"transcript": paths})
    else:
        print("\n".join(paths))
    return DONE


def backups_told() -> str:
    """For `backup --help`."""
    from bridge.backup import RESTORE

    return f'for example, one a day:\n\n  chatbridge backup "backups/$(date +%F).db"\n\n{RESTORE}'


def backup(args: argparse.Namespace) -> int:
    from bridge.backup import backup, show

    kept = backup(load(args).journal, args.file, force=args.force)
    if args.json:
        print_json(kept)
    else:
        print(show(kept), end="")
    return DONE


def serve(args: argparse.Namespace) -> int:
    import asyncio
    import signal

    import msgspec

    from bridge.clock import WallClock
    from bridge.errors import ChatbridgeError
    from bridge.serving import serve

    config = load(args)
    if not config.journal.exists():
        raise ChatbridgeError(f"There is no journal at {config.journal}, so there is nothing to show.")
    listen = config.web if args.port is None else msgspec.structs.replace(config.web, port=args.port)

    def told(address: str) -> None:
        if args.json:
            print_json({"page": address, "journal": str(config.journal)})
        else:
            say(f"The page of {config.journal} is at {address}. Ctrl-C stops it.")

    async def perform() -> None:
        stop = asyncio.Event()
        for which in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(which, stop.set)
        try:
            await serve(config.journal, listen, WallClock(), stop, told)
        except* ChatbridgeError as group:  # the journal cannot be read any more
            raise group.exceptions[0] from None

    asyncio.run(perform())
    return DONE


def health(args: argparse.Namespace) -> int:
    health = _ask(args, load(args), {"do": "health"})
    if args.json:
        print_json(health)
    else:
        print("ready" if health["ready"] else "not ready: " + "; ".join(health["troubles"]))
    return DONE if health["ready"] else FAILED
