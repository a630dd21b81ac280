"""The commands that reach a running bridge through its socket, or read its journal; `status` and `report` do that
where none runs."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge import arguments
from bridge.arguments import DONE, FAILED, LOOKS, WRONG, again, nearest, print_json, say, verbs

if TYPE_CHECKING:
    from bridge.chat.session import Session
    from bridge.config import Config
    from bridge.errors import NotRunning
    from bridge.recheck import Checked


def load(args: argparse.Namespace) -> Config:
    """The config; while there are mistakes in it, as it last was whole: a bridge that runs goes on with that. Raises
    ConfigError if it never was."""
    from bridge.errors import ConfigError
    from bridge.lastwhole import recall

    try:
        return arguments.load(args)
    except ConfigError as error:
        found = recall(args.config, getattr(args, "only", None), os.environ)
        if found is None:
            raise
        count = len(error.mistakes)
        say(
            f"note: {args.config} has {count} mistake{'s' * (count != 1)} (chatbridge check --offline); what it said "
            "when it last was whole is taken."
        )
        return found.config


def _ask(args: argparse.Namespace, config: Config, request: dict[str, Any], only: str | None = None) -> Any:
    """What the bridge that runs for this config answers; `only`: that part of it."""
    from bridge import control, split
    from bridge.errors import NotRunning

    try:
        return control.ask(split.place(config.journal, only), request)
    except NotRunning as error:
        if error.__cause__ is not None:  # there is one, but it is slow
            raise
        start = f"Start it with: {again(args, 'run')}{f' --only {only}' if only else ''}"
        if only not in (None, split.CORE):
            raise NotRunning(f"Nothing is running beside {only} for {args.config}. {start}") from None
        raise NotRunning(
            f"No bridge is running for {args.config} (its journal is {config.journal}). {start}"
        ) from None


def _kept(args: argparse.Namespace, config: Config, why: NotRunning) -> Session:
    """What the journal alone tells, when no bridge runs. Raises `why` if there is none either."""
    from bridge.errors import NotRunning
    from bridge.report.from_journal import replayed

    if why.__cause__ is not None:
        raise why
    if not config.journal.exists():
        stage = Path("rehearsal", "stage", "journal.db")
        played = f" (A rehearsal's is {stage}, its transcript in {stage.parts[0]}.)" * stage.exists()
        raise NotRunning(f"{config.journal}: there is no journal yet. {why}{played}")
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


READING = 1800.0  # seconds a network may take to show all posts of a chat again


def _read_again(args: argparse.Namespace, config: Config, chat: str | None) -> list[Checked]:
    """Have a chat's posts read again by the bridge that runs, or without one; says how it goes."""
    import asyncio

    from bridge import control
    from bridge.clock import WallClock
    from bridge.errors import NotRunning
    from bridge.recheck import Checked, recheck
    from bridge.sessions import beside

    say("Every post is read again. That can take minutes.")
    found = []
    try:
        for net in config.community.networks:
            request = {"do": "reread", "chat": chat, "network": net.name}
            answer = control.ask(config.journal, request, READING)
            found.append(Checked(net.title, answer["posts"], answer["why"]))
            say(str(found[-1]))
    except NotRunning as error:
        if error.__cause__ is not None or not config.journal.exists():
            raise
        sessions = beside(config.journal)
        found = asyncio.run(recheck(config, WallClock(), chat, sessions, lambda done: say(str(done))))
        run = f"{again(args, 'run')} --stay"
        say(f"Copies that are to change, in Slack for example, do when the bridge runs: {run}")
    return found


def report(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.errors import NotRunning
    from bridge.report import from_journal

    if args.person is not None:
        return _person(args)
    config = load(args)
    chat, formats = _chat(args, config), args.format or list(from_journal.USUAL)
    out = (args.out or Path()).absolute()
    checked: list[Checked] = []
    try:
        if args.check:
            checked = _read_again(args, config, chat)
        paths = _ask(args, config, {"do": "report", "chat": chat, "out": str(out), "formats": formats})
    except NotRunning as why:
        session = _kept(args, config, why)
        chat, now = from_journal.chosen(session, chat), max(session.state.at, WallClock().now())
        view, every = session.view(chat, "page", now), session.view(chat, "page", now, every=True)
        paths = from_journal.write(view, every, out, formats)
    if args.json:
        print_json({"transcript": paths, **({"checked": checked} if args.check else {})})
    else:
        print("\n".join(paths))
    return FAILED if any(network.why for network in checked) else DONE


def _person(args: argparse.Namespace) -> int:
    """One person's own record, read from the journal, whoever writes on it."""
    from bridge.clock import WallClock
    from bridge.report.person import record
    from bridge.report.person_text import FORMATS, write

    formats = args.format or ["json" if args.json else "md"]
    if args.chat or args.check:
        return _wrong(
            "A person's record is of all chats, as the journal has them: leave out CHAT and --check."
        )
    if other := [name for name in formats if name not in FORMATS]:
        return _wrong(f"A person's record is written as {' or '.join(FORMATS)}, not as {other[0]}.")
    if args.out is None and (len(formats) > 1 or (args.json and formats != ["json"])):
        return _wrong("Say where the files go, with --out DIR, or name one format.")
    found = record(load(args).journal, args.person, WallClock().now())
    if args.out is None:
        print(FORMATS[formats[0]](found), end="")
        return DONE
    paths = write(found, args.out.absolute(), formats)
    if args.json:
        print_json({"record": paths})
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
    from bridge import split

    config = load(args)
    if why := split.unknown(config, args.only):
        return _wrong(why)
    health = _ask(args, config, {"do": "health"}, args.only)
    if args.json:
        print_json(health)
    else:
        print("ready" if health["ready"] else "not ready: " + "; ".join(health["troubles"]))
    return DONE if health["ready"] else FAILED
