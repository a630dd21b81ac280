"""What the commands have in common: the config, the two ways to print, numbers refused in words, and help that
is looked up when it is asked for. Importing it is cheap."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.chat.verbs.common import Verb
    from bridge.config import Config

SHELL = re.compile("[^A-Za-z0-9 ,.:;/@_+-]")
DONE, FAILED, WRONG = 0, 1, 2
CONFIG = Path("config.toml")
COLUMN = 28  # characters of a command in a list
LOOKS = ("status", "home", "preview", "help", "me", "more")  # commands that only tell something


def load(args: argparse.Namespace) -> Config:
    """The config named on the command line. Raises ConfigError."""
    from bridge import config

    return config.load(args.config, os.environ)


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    import msgspec

    sys.stdout.write(json.dumps(msgspec.to_builtins(document), ensure_ascii=False, indent=1) + "\n")
    sys.stdout.flush()


def say(words: str) -> None:
    """A line for a person, on stderr."""
    print(words, file=sys.stderr)


def load_warned(args: argparse.Namespace, note: Callable[[str], None] = say) -> Config:
    """The same, with what is merely unwise told to `note`."""
    config = load(args)
    for warning in config.warnings:
        note(f"note: {warning}")
    return config


def again(args: argparse.Namespace, command: str) -> str:
    """How to type another command for the same config."""
    which = f" --config {shlex.quote(str(args.config))}" if args.config != CONFIG else ""
    return f"chatbridge {command}{which}"


def single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group: what a person is told."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def log_level(sub: argparse.ArgumentParser) -> None:
    """The option of the commands that keep a log."""
    sub.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        metavar="LEVEL",
        help="how much is logged: debug, info, warning or error",
    )


class Parser(argparse.ArgumentParser):
    """`more` gives what stands below the options; it is called for help alone, since it imports the core."""

    more: Callable[[], str] | None = None

    def format_help(self) -> str:
        if self.more is not None:
            self.epilog = self.more()
            self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()


def number(words: str) -> int:
    """A whole number."""
    return _whole(words, "a whole number")


def none_or_more(words: str) -> int:
    """A whole number, 0 or more."""
    return _whole(words, "a whole number, 0 or more", 0)


def one_or_more(words: str) -> int:
    """A whole number, 1 or more."""
    return _whole(words, "a whole number, 1 or more", 1)


def _whole(words: str, expected: str, least: int | None = None) -> int:
    try:
        value = int(words)
    except ValueError:
        value = None
    if value is None or (least is not None and value < least):
        raise argparse.ArgumentTypeError(f"'{words}' is not {expected}")
    return value


def speed(words: str) -> float:
    """How many times faster than the clock."""
    try:
        value = float(words)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"'{words}' is not a number above 0 and at most 1000")
    return value


# ---------------------------------------------------------------- what hosts can say


def verbs() -> tuple[str, ...]:
    """Every command of `tell`."""
    from bridge.chat.commands import VERBS

    return tuple(VERBS)


def verbs_listed() -> str:
    """For `tell --help`."""
    from bridge.chat.commands import GROUPS, USAGE

    groups = ("\n".join((f"{title}:", *map(_listed, group.values()))) for title, group in GROUPS.items())
    return (
        "commands:\n\n" + "\n\n".join(groups) + "\n\n"
        "Put a text into single quotes, or the shell takes its ? and ! for its own:\n"
        f"  chatbridge tell communities-of-practice {quoted(USAGE['ask'])}"
    )


def _listed(verb: Verb) -> str:
    """A command and what it does, side by side if there is room."""
    typed = quoted(verb.usage)
    return (
        f"  {typed:<{COLUMN}}  {verb.about}"
        if len(typed) <= COLUMN
        else f"  {typed}\n{' ' * (COLUMN + 4)}{verb.about}"
    )


def quoted(usage: str) -> str:
    """A command as it is typed in a shell: reply 42 'Thank you!'"""
    verb, numbers, words = re.fullmatch(r"(\S+)((?: \d+)?) ?(.*)", usage).groups()  # type: ignore[union-attr]  # it always matches
    return f"{verb}{numbers}" + (
        f" '{words.replace(chr(39), '’')}'" if SHELL.search(words) else f" {words}" * bool(words)
    )


def nearest(verb: str) -> str:
    """ "There is no command 'nxt'. Did you mean 'next'?" """
    known = verbs()
    near = get_close_matches(verb, known, n=1, cutoff=0.5)
    mend = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
    return f"There is no command '{verb}'. {mend}"
