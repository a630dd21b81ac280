"""`chatbridge`: the command line, and the one place where everything is put together.

Exit status: 0 done, 1 the work failed, 2 the config or the call is wrong. Nothing is imported before it is
needed, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge import arguments, asking, running
from bridge.arguments import CONFIG, DONE, FAILED, WRONG, again, load, load_warned, print_json, say, single

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.errors import ConfigError
    from bridge.rehearsal.director import Director


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    try:
        return _obey(argv)
    except KeyboardInterrupt:
        say("chatbridge: stopped")
        return 130


def _obey(argv: Sequence[str] | None) -> int:
    top = parser()
    if not (sys.argv[1:] if argv is None else argv):
        top.print_help(sys.stderr)
        return WRONG
    args = top.parse_args(argv)
    from bridge.errors import ChatbridgeError, ConfigError

    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except ConfigError as error:
        return _refused(args, error)
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
    return status


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = arguments.Parser(
        prog="chatbridge",
        description="Holds one scheduled hashtag chat on Mastodon, Bluesky and Slack at once.",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Any, summary: str) -> arguments.Parser:
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        sub.add_argument(
            "--config",
            type=Path,
            default=CONFIG,
            metavar="FILE",
            help="the chat, its people and its networks (config.toml)",
        )
        sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "rehearse", _rehearse, "hold a whole chat on local stand-in networks, with simulated people"
    )
    _rehearsal_options(sub)

    sub = command(
        "run", running.run, "run the chats of the config until the last is over; Ctrl-C stops it before"
    )
    sub.add_argument(
        "--stay", action="store_true", help="go on when the last chat is over, so that its page stays up"
    )
    sub.add_argument(
        "--only",
        metavar="core|NETWORK",
        help="only the core, or only what is beside one network; they speak over the broker of [mqtt]",
    )

    arguments.log_level(sub)

    sub = command("check", _check, "read the config, then try every network")
    sub.add_argument("--offline", action="store_true", help="stop after the config")

    sub = command("init", _init, "ask a few questions and write a config.toml and a .env for the secrets")
    sub.add_argument("--yes", action="store_true", help="ask nothing: a config with the usual, to be changed")
    sub.add_argument("--force", action="store_true", help="replace a config that is there already")

    sub = command("login", _login, "obtain a network's secrets and keep them beside the journal")
    sub.add_argument("network", metavar="NETWORK", help="its name in the config: mastodon, bluesky, slack …")

    command("preview", _preview, "show every item as each network would show it")

    _reaching(command)
    return top


def _reaching(command: Callable[[str, Any, str], arguments.Parser]) -> None:
    """The commands for a chat that runs, or ran."""
    sub = command("tell", asking.tell, "give a host's command to the running bridge")
    sub.add_argument("chat", metavar="CHAT", help="the chat's id")
    sub.add_argument("words", nargs="*", metavar="COMMAND", help="one of the commands below, with its words")
    sub.more = arguments.verbs_listed

    sub = command("status", asking.status, "show the board of a running or past chat")
    sub.add_argument("chat", nargs="?", metavar="CHAT", help="the chat's id, if there are several")

    _report_options(command("report", asking.report, "write the transcript of a running or past chat"))

    sub = command("forget", _forget, "erase a person and what they wrote from the journal")
    sub.add_argument(
        "who", metavar="NETWORK:HANDLE", help="as the transcript shows them: mastodon:@ann@server"
    )

    sub = command("backup", asking.backup, "copy the journal into a file, whether the bridge runs or not")
    sub.add_argument("file", type=Path, metavar="FILE", help="where the copy goes")
    sub.add_argument("--force", action="store_true", help="replace what stands there")
    sub.more = asking.backups_told

    sub = command(
        "serve", asking.serve, "show the page alone, over a journal that a bridge may run on or not"
    )
    sub.add_argument(
        "--port", type=arguments.none_or_more, metavar="N", help="another than [web] port; 0: any"
    )
    sub.more = lambda: (
        "for example, beside a bridge that runs, or over a backup that the config names as its journal:\n\n"
        "  chatbridge serve --port 8081\n\n"
        "The journal is only read. What is written on it meanwhile is on the page about a second later."
    )

    sub = command(
        "health", asking.health, "tell whether the running bridge has all its networks: exit status 0 if so"
    )
    sub.add_argument(
        "--only",
        metavar="core|NETWORK",
        help="that of `run --only`: whether the broker and its link are there",
    )
    sub.more = lambda: (
        "For a container's health check and for scripts. The page has the same at /readyz (503 while a network\n"
        "is missing); /healthz there only says that the process answers."
    )


def _report_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("chat", nargs="?", metavar="CHAT", help="the chat's id, if there are several")
    sub.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files go (this folder; a person's record: stdout)"
    )
    sub.add_argument(
        "--format",
        action="append",
        choices=("md", "html", "json", "csv"),
        help="may be given several times (md, html and json); json and csv are for hosts",
    )
    sub.add_argument(
        "--check", action="store_true", help="read every post again first: what was removed or edited since"
    )
    sub.add_argument(
        "--person",
        metavar="NETWORK:HANDLE",
        help="instead of the transcript, one person's own record, for them alone: md or json",
    )


def _rehearsal_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--speed", type=arguments.speed, metavar="X", help="times faster than the clock (60)")
    sub.add_argument(
        "--minutes",
        type=arguments.one_or_more,
        metavar="N",
        help="how long the chat lasts (as the config says)",
    )
    sub.add_argument(
        "--participants", type=arguments.one_or_more, default=40, metavar="N", help="simulated people (40)"
    )
    sub.add_argument(
        "--answers", type=arguments.one_or_more, default=200, metavar="N", help="posts they write (200)"
    )
    sub.add_argument(
        "--seed", type=arguments.number, default=1, metavar="N", help="the same seed plans the same chat (1)"
    )
    sub.add_argument(
        "--faults", choices=("none", "mild", "harsh"), default="none", help="what goes wrong (none)"
    )
    sub.add_argument(
        "--kills",
        type=arguments.none_or_more,
        default=0,
        metavar="N",
        help="kill and restart the bridge N times",
    )
    sub.add_argument(
        "--out", type=Path, default=Path("rehearsal"), metavar="DIR", help="where files go (rehearsal)"
    )
    sub.add_argument(
        "--split",
        action="store_true",
        help="core and adapters in processes of their own, over the broker of [mqtt]; --kills hits each in turn",
    )
    arguments.log_level(sub)
    sub.add_argument("--hold", action="store_true", help="keep the page up at the end, until Ctrl-C")
    sub.add_argument(
        "--hosts",
        choices=("asked", "busy"),
        default="asked",
        help="scripted hosts answer what they are asked, or run the whole hour (asked)",
    )
    sub.add_argument(
        "--real",
        metavar="NETWORK",
        help="hold it in your own Slack, by the clock on the wall: real hosts, simulated people on the rest",
    )


def _refused(args: argparse.Namespace, error: ConfigError) -> int:
    """All mistakes at once, for a person and for a program."""
    from bridge.errors import NotReady

    if args.json:
        print_json({"mistakes": [vars(m) for m in error.mistakes]})
    count = len(error.mistakes)
    if isinstance(error, NotReady):
        thing = "1 thing has" if count == 1 else f"{count} things have"
        head = f"{args.config} can be read; {thing} to be seen to before it can run"
    else:
        head = f"{count} mistake{'s' * (count != 1)} in the config"
    print(f"chatbridge: {head}:\n", file=sys.stderr)
    print("\n\n".join(str(m) for m in error.mistakes), file=sys.stderr)
    return WRONG


# ---------------------------------------------------------------- commands


def _rehearse(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.errors import ConfigError
    from bridge.rehearsal.director import Director
    from bridge.rehearsal.real import announcement
    from bridge.rehearsal.result import show, verdict
    from bridge.rehearsal.scenario import Options, understaffed, unsplit
    from bridge.terminal import LiveBoard

    config = load_warned(args)
    idle = understaffed(config, args.real) if args.hosts == "busy" else ""
    if args.split and args.real is not None:
        idle = "--split is for stand-ins: leave out --real, or --split"
    if why := idle or (args.real is not None and _unreal(args, config)):
        say(f"chatbridge: {why}")
        return WRONG
    if args.split and (mistakes := unsplit(config)):
        raise ConfigError(mistakes)
    options = Options(
        out=args.out.absolute(),
        speed=args.speed or 60.0,
        participants=args.participants,
        answers=args.answers,
        seed=args.seed,
        faults=args.faults,
        kills=args.kills,
        hold=args.hold,
        minutes=args.minutes,
        real=args.real,
        hosts=args.hosts,
        split=args.split,
        level=(args.log_level or Options.level).upper(),
    )

    told: list[str] = []

    def tell(result: dict[str, Any]) -> None:
        """In words, the verdict once more only if it became another one."""
        words = [] if told == (last := verdict(result)) else last if told else [show(result)]
        told[:] = last
        if not args.json:
            print(*words, sep="\n", end="\n" * bool(words), flush=True)

    async def perform() -> dict[str, Any]:
        if args.real is not None:
            say(await announcement(config, args.real, WallClock(), args.minutes))
        aside = "a rehearsal" if args.real else "rehearsed as if it began now"
        with LiveBoard(aside=aside) as board:
            return await _cancellable(Director(config, options, board, tell))

    result = asyncio.run(perform())
    tell(result)
    if args.json:
        print_json(result)
    return FAILED if result["lost"] or result["duplicated"] or result["leaked"] else DONE


def _unreal(args: argparse.Namespace, config: Config) -> str:
    """Why the call cannot be done with `--real`. Raises ConfigError with what the config lacks for it."""
    from bridge.clock import WallClock
    from bridge.errors import ConfigError
    from bridge.rehearsal.real import missing, unfit

    why = unfit(config, args.real, args.speed)
    if not why and (mistakes := missing(config, args.real, WallClock().now())):
        raise ConfigError(mistakes)
    return why


async def _cancellable(director: Director) -> dict[str, Any]:
    """Ctrl-C and SIGTERM end the rehearsal in good order, or only the page that it holds, or a real room."""
    task = asyncio.ensure_future(director.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not director.stop():
            task.cancel()

    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stop)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except BaseExceptionGroup as group:
        raise single(group) from group


def _check(args: argparse.Namespace) -> int:
    from bridge.check import check, show
    from bridge.clock import WallClock
    from bridge.sessions import beside

    config = load(args)
    report = asyncio.run(check(config, WallClock(), offline=args.offline, sessions=beside(config.journal)))
    if args.json:
        print_json(report)
    else:
        print(show(report), end="")
    return DONE if report.ok else FAILED


def _init(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.init import HELLO, interview, refuse, show, write
    from bridge.init.person import Person
    from bridge.init.spelt import Unread

    refuse(args.config, args.force)
    person, now = Person(silent=args.yes, aside=args.json), WallClock().now()
    person.say(HELLO.format(file=args.config))
    try:
        answers = interview(person, now)
    except (EOFError, KeyboardInterrupt, Unread) as error:
        say(f"\nchatbridge: {error if isinstance(error, Unread) else 'stopped.'} Nothing was written.")
        return WRONG if isinstance(error, Unread) else FAILED
    made = write(answers, now, args.config, force=args.force)
    if args.json:
        print_json({"written": list(map(str, made.written)), "kept": list(map(str, made.kept))})
    else:
        print(show(made, answers, lambda command: again(args, command)))
    return DONE


def _login(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.login import Shell, login

    config = load(args)
    kept = asyncio.run(login(config, args.network, Shell(), WallClock()))
    if args.json:
        print_json({"network": args.network, "kept": [str(place) for place in kept]})
    else:
        places = " and ".join(str(place) for place in kept)
        print(f"Kept in {places}, for this user only. Next: chatbridge check")
    return DONE


def _preview(args: argparse.Namespace) -> int:
    from bridge.clock import WallClock
    from bridge.preview import preview, show

    shown = preview(load(args), WallClock().now())
    if args.json:
        print_json(shown)
    else:
        print(show(shown), end="")
    return DONE


def _forget(args: argparse.Namespace) -> int:
    from bridge.forget import erase, show

    done = erase(load(args).journal, args.who)
    if args.json:
        print_json(done)
    else:
        print(show(done), end="")
    return DONE


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
