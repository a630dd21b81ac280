"""`chatbridge run`: a bridge by the clock on the wall, until it is over or told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

from bridge.arguments import DONE, again, load_warned, say, single

if TYPE_CHECKING:
    from bridge.runner import Bridge


def run(args: argparse.Namespace) -> int:
    from bridge import logs
    from bridge.clock import WallClock
    from bridge.errors import ConfigError
    from bridge.readiness import missing_secrets, not_ready
    from bridge.runner import Bridge
    from bridge.sessions import beside

    spoken = sys.stderr.isatty() and not args.json
    logs.begin(logging.WARNING if spoken else logging.INFO)
    config, clock = load_warned(args, say if spoken else logging.getLogger(__name__).warning), WallClock()
    if mistakes := (*not_ready(config, clock.now()), *missing_secrets(config)):
        raise ConfigError(mistakes)

    async def perform() -> bool:
        bridge = Bridge(config, clock, beside(config.journal), stay=args.stay)
        _stopped_by_signals(bridge, spoken)
        try:
            async with asyncio.TaskGroup() as group:
                talking = group.create_task(_talk(bridge)) if spoken else None
                await bridge.run()
                if talking is not None:
                    talking.cancel()
        except BaseExceptionGroup as error:
            raise single(error) from error
        return bridge.settled

    over = asyncio.run(perform())
    if spoken:
        on = "" if over else f"; to go on: {again(args, 'run')}"
        say(f"{'It is over' if over else 'Stopped'}. For the transcript: {again(args, 'report')}{on}")
    return DONE


async def _talk(bridge: Bridge) -> None:
    """Say what goes on; the bridge runs on if that fails."""
    from bridge.commentary import comment

    try:
        await comment(bridge, say)
    except Exception:
        logging.getLogger(__name__).exception("the commentary failed; the bridge goes on")


def _stopped_by_signals(bridge: Bridge, spoken: bool) -> None:
    """Ctrl-C and SIGTERM end it in good order; a second Ctrl-C ends it at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if spoken:
            say("\nStopping: what is under way is brought to its end. Ctrl-C again stops at once.")
        for which in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(which)
        bridge.stop()

    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, stop)
