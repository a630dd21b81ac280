"""`chatbridge`: the command line, and the one place where everything is put together.

Exit status: 0 done, 1 the work failed, 2 the config or the call is wrong. Nothing is imported before it is
needed, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.config import Config

DONE, FAILED, WRONG = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    args = parser().parse_args(argv)
    from bridge.errors import ChatbridgeError, ConfigError

    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except ConfigError as error:
        return _refused(args, error.mistakes)
    except ChatbridgeError as error:
        print(f"chatbridge: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"chatbridge: {where}{error.strerror or error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("chatbridge: stopped", file=sys.stderr)
        return 130
    return status


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="chatbridge",
        description="Holds one scheduled hashtag chat on Mastodon, Bluesky and Slack at once.",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Any, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        sub.add_argument(
            "--config", type=Path, default=Path("config.toml"), metavar="FILE", help="default: config.toml"
        )
        sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "rehearse", _rehearse, "hold a whole chat on local stand-in networks, with simulated people"
    )
    _rehearsal_options(sub)

    sub = command("run", _run, "run the chats of the config")
    sub.add_argument("--stay", action="store_true", help="keep the page up when the last chat is over")

    sub = command("check", _check, "read the config, then try every network")
    sub.add_argument("--offline", action="store_true", help="stop after the config")

    command("preview", _preview, "show every item as each network would show it")

    sub = command("tell", _tell, "give a host's command to the running bridge")
    sub.add_argument("chat", metavar="CHAT", help="the chat's id")
    sub.add_argument(
        "words", nargs="+", metavar="COMMAND", help="next, hold, resume, skip, extend 5, ask TEXT …"
    )

    sub = command("status", _status, "show the board of the running bridge")
    sub.add_argument("chat", nargs="?", metavar="CHAT", help="the chat's id, if there are several")

    sub = command("report", _report, "write the transcript of a chat of the running bridge")
    sub.add_argument("chat", nargs="?", metavar="CHAT", help="the chat's id, if there are several")
    sub.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where the files go (this folder)"
    )

    command("health", _health, "exit 0 if the running bridge is ready")
    return top


def _rehearsal_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--speed", type=_positive, default=60.0, metavar="X", help="times faster than the clock (60)"
    )
    sub.add_argument("--participants", type=_count, default=40, metavar="N", help="simulated people (40)")
    sub.add_argument("--answers", type=_count, default=200, metavar="N", help="posts they write (200)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed plans the same chat (1)")
    sub.add_argument(
        "--faults", choices=("none", "mild", "harsh"), default="none", help="what goes wrong (none)"
    )
    sub.add_argument(
        "--kills", type=_whole, default=0, metavar="N", help="kill and restart the bridge N times"
    )
    sub.add_argument(
        "--out", type=Path, default=Path("rehearsal"), metavar="DIR", help="where files go (rehearsal)"
    )
    sub.add_argument("--hold", action="store_true", help="keep the page up at the end, until Ctrl-C")


def _positive(words: str) -> float:
    value = float(words)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError("a number above 0, at most 1000")
    return value


def _whole(words: str) -> int:
    value = int(words)
    if value < 0:
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return value


def _count(words: str) -> int:
    value = int(words)
    if value < 1:
        raise argparse.ArgumentTypeError("a whole number, 1 or more")
    return value


def _print(document: object) -> None:
    """One JSON document on stdout."""
    import msgspec

    sys.stdout.write(json.dumps(msgspec.to_builtins(document), ensure_ascii=False, indent=1) + "\n")
    sys.stdout.flush()


def _refused(args: argparse.Namespace, mistakes: Sequence[Any]) -> int:
    """All mistakes at once, for a person and for a program."""
    if args.json:
        _print({"mistakes": [vars(m) for m in mistakes]})
    count = len(mistakes)
    print(f"chatbridge: {count} mistake{'s' * (count != 1)} in the config:\n", file=sys.stderr)
    print("\n\n".join(str(m) for m in mistakes), file=sys.stderr)
    return WRONG


def _load(args: argparse.Namespace) -> Config:
    from bridge.config import load

    config = load(args.config, os.environ)
    for warning in config.warnings:
        print(f"note: {warning}", file=sys.stderr)
    return config


# ---------------------------------------------------------------- commands


def _rehearse(args: argparse.Namespace) -> int:
    from bridge.rehearsal.director import Director, Options
    from bridge.terminal import LiveBoard

    config = _load(args)
    options = Options(
        out=args.out.absolute(),
        speed=args.speed,
        participants=args.participants,
        answers=args.answers,
        seed=args.seed,
        faults=args.faults,
        kills=args.kills,
        hold=args.hold,
    )

    async def perform() -> dict[str, Any]:
        with LiveBoard() as board:
            return await _cancellable(Director(config, options, board).run())

    result = asyncio.run(perform())
    if args.json:
        _print(result)
    else:
        from bridge.rehearsal.result import show

        print(show(result))
    return FAILED if result["lost"] or result["duplicated"] or result["leaked"] else DONE


async def _cancellable(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Ctrl-C and SIGTERM end it in good order."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except BaseExceptionGroup as group:
        raise _single(group) from group


def _single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group: what a person is told."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _run(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.config import missing_secrets, not_ready
    from bridge.errors import ConfigError
    from bridge.runner import Bridge

    config, clock = _load(args), WallClock()
    if mistakes := (*not_ready(config, clock.now()), *missing_secrets(config)):
        raise ConfigError(mistakes)
    _log()

    async def perform() -> None:
        bridge = Bridge(config, clock, _sessions(config), stay=args.stay)
        loop = asyncio.get_running_loop()
        for which in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(which, bridge.stop)
        try:
            await bridge.run()
        except BaseExceptionGroup as group:
            raise _single(group) from group

    asyncio.run(perform())
    return DONE


def _log() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _sessions(config: Config) -> Any:
    from bridge.sessions import FileSessions

    return lambda name: FileSessions(config.journal.parent / "sessions" / f"{name}.json")


def _check(args: argparse.Namespace) -> int:
    from bridge.check import check, show
    from bridge.clock import WallClock

    config = _load_quietly(args)
    report = asyncio.run(check(config, WallClock(), offline=args.offline, sessions=_sessions(config)))
    if args.json:
        _print(report)
    else:
        print(show(report), end="")
    return DONE if report.ok else FAILED


def _load_quietly(args: argparse.Namespace) -> Config:
    from bridge.config import load

    return load(args.config, os.environ)


def _preview(args: argparse.Namespace) -> int:
    from bridge.preview import preview, show

    shown = preview(_load_quietly(args))
    if args.json:
        _print(shown)
    else:
        print(show(shown), end="")
    return DONE


def _tell(args: argparse.Namespace) -> int:
    from bridge import control

    verb, *words = " ".join(args.words).split(" ")
    request = {"do": "tell", "chat": args.chat, "verb": verb.casefold(), "text": " ".join(words)}
    answer = control.ask(_load_quietly(args).journal, request)
    if args.json:
        _print({"answer": answer})
    else:
        print(answer)
    return DONE if answer.startswith("Done") else FAILED


def _status(args: argparse.Namespace) -> int:
    import msgspec

    from bridge import control
    from bridge.model import Board
    from bridge.terminal import text

    status = control.ask(_load_quietly(args).journal, {"do": "status", "chat": args.chat})
    if args.json:
        _print(status)
    else:
        print(text(msgspec.convert(status["board"], Board)), end="")
    return DONE


def _report(args: argparse.Namespace) -> int:
    from bridge import control

    request = {"do": "report", "chat": args.chat, "out": str(args.out.absolute())}
    paths = control.ask(_load_quietly(args).journal, request)
    if args.json:
        _print({"transcript": paths})
    else:
        print("\n".join(paths))
    return DONE


def _health(args: argparse.Namespace) -> int:
    from bridge import control

    health = control.ask(_load_quietly(args).journal, {"do": "health"})
    if args.json:
        _print(health)
    else:
        print("ready" if health["ready"] else "not ready: " + "; ".join(health["troubles"]))
    return DONE if health["ready"] else FAILED


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
