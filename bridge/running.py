"""`chatbridge run`: a bridge, or a part of one, by the clock on the wall, until it is over or told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.arguments import DONE, WRONG, again, load_warned, say, single

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.errors import Mistake
    from bridge.ports import Clock
    from bridge.runner import Bridge
    from bridge.split import Part


def run(args: argparse.Namespace) -> int:
    from bridge import logs, split
    from bridge.clock import WallClock
    from bridge.errors import ConfigError

    spoken = sys.stderr.isatty() and not args.json
    usual = "warning" if spoken else "info"
    logs.begin((args.log_level or usual).upper())
    note, clock = say if spoken else logging.getLogger(__name__).warning, WallClock()
    try:
        config = load_warned(args, note)
        if why := split.unknown(config, args.only):
            say(f"chatbridge: {why}")
            return WRONG
        return _begin(config, clock, args, spoken)
    except ConfigError as error:
        whole = _last_whole(args, clock, error.mistakes, note)
        if whole is None:
            raise
    return _begin(whole, clock, args, spoken)


def _begin(config: Config, clock: Clock, args: argparse.Namespace, spoken: bool) -> int:
    """Run it to its end. Raises ConfigError if it cannot run."""
    from bridge import split
    from bridge.errors import NotReady

    if mistakes := _lacking(config, clock, args):
        raise NotReady(mistakes)
    over = asyncio.run(_perform(split.of(config, args.only), clock, args, spoken))
    if spoken:
        say(_farewell(args, over))
    return DONE


def _lacking(config: Config, clock: Clock, args: argparse.Namespace) -> tuple[Mistake, ...]:
    from bridge import split

    staying = args.stay and config.journal.exists()  # it may hold what is to be followed
    return split.lacking(config, args.only, clock.now(), staying=staying)


def _last_whole(
    args: argparse.Namespace, clock: Clock, mistakes: tuple[Mistake, ...], note: Callable[[str], None]
) -> Config | None:
    """The config as it last was whole, with word of it, if a chat would be lost otherwise. What runs beside a network
    does not know how the chats were moved since: it is for the core to say whether one is on."""
    from bridge import split
    from bridge.edits import veiled
    from bridge.lastwhole import recall, under_way
    from bridge.when import moment

    found = recall(args.config, args.only, os.environ, mistakes)
    if found is None or _lacking(found.config, clock, args):
        return None
    config, core = found.config, args.only in (None, split.CORE)
    if core and not under_way(config, clock.now()):
        return None
    for mistake in mistakes:
        note(f"the config has a mistake: {veiled(mistake.line, config)}")
    why = "A chat is on or near, so the bridge" if core else f"What is beside {args.only}"
    mend = "Mend it: that is taken up within seconds." if core else "Mend it, and start this again."
    when = moment(found.at, config.community.zone)
    note(f"{why} runs with the config as it last was whole, on {when}. {mend}")
    return config


async def _perform(config: Config, clock: Clock, args: argparse.Namespace, spoken: bool) -> bool:
    """Run what was asked for; whether it is over for good."""
    from bridge import lastwhole
    from bridge.sessions import beside
    from bridge.split import CORE, Part

    def keep(config: Config) -> None:
        lastwhole.keep(config, args.only, clock.now())

    performer: Bridge | Part
    if args.only in (None, CORE):
        from bridge.edits import Edits, reader
        from bridge.runner import Bridge

        edits = Edits(config, reader(config.path), keep=keep)
        performer = Bridge(
            config, clock, beside(config.journal), stay=args.stay, apart=args.only == CORE, edits=edits
        )
    else:
        performer = Part(config, args.only, clock, beside(config.journal))
        if not config.mistakes:
            keep(config)
    _stopped_by_signals(performer, spoken)
    try:
        async with asyncio.TaskGroup() as group:
            talking = group.create_task(_talk(performer)) if spoken else None
            await performer.run()
            if talking is not None:
                talking.cancel()
    except BaseExceptionGroup as error:
        raise single(error) from error
    return performer.settled


def _farewell(args: argparse.Namespace, over: bool) -> str:
    from bridge.split import CORE

    on = f"to go on: {again(args, 'run')}{f' --only {args.only}' if args.only else ''}"
    if args.only not in (None, CORE):
        return f"Stopped; {on}"
    told = f"For the transcript: {again(args, 'report')}"
    if not over:
        return f"Stopped. {told}; {on}"
    on, once = f"{again(args, 'run')} --stay", f"{again(args, 'report')} --check"
    return f"It is over. {told}. What people remove or edit later is followed while it runs: {on}; or once: {once}"


async def _talk(performer: Bridge | Part) -> None:
    """Say what goes on; it goes on if that fails."""
    from bridge import commentary
    from bridge.split import Part

    try:
        if isinstance(performer, Part):
            await commentary.comment_part(performer, say)
        else:
            await commentary.comment(performer, say)
    except Exception:
        logging.getLogger(__name__).exception("the commentary failed; the bridge goes on")


def _stopped_by_signals(performer: Bridge | Part, spoken: bool) -> None:
    """Ctrl-C and SIGTERM end it in good order; a second Ctrl-C ends it at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if spoken:
            say("\nStopping: what is under way is brought to its end. Ctrl-C again stops at once.")
        for which in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(which)
        performer.stop()

    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stop)
