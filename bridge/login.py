"""`chatbridge login NETWORK`: obtain a network's secrets with its owner's help, and keep them.

They are kept one file a secret in the folder `secrets` beside the journal, readable by our own user alone,
and used wherever the environment does not name others.
"""

from __future__ import annotations

import asyncio
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from bridge.config import Config, NetworkConfig
from bridge.errors import ChatbridgeError, ConfigError, Mistake
from bridge.ports import Clock, Terminal
from bridge.readiness import not_ready
from bridge.secrets import folder, variable
from bridge.sessions import FileSessions


async def login(config: Config, name: str, terminal: Terminal, clock: Clock) -> tuple[Path, ...]:
    """Log the network `name` in; gives the files its secrets are in. Raises ConfigError if the config does not
    say enough of it, NeedsLogin or Unreachable if the network refuses or does not answer; nothing is kept then."""
    network = _network(config, name)
    own = f"networks.{name}."
    if lacking := tuple(m for m in not_ready(config, clock.now()) if m.key.startswith(own)):
        raise ConfigError(lacking)
    secrets = await network.platform.login(name, network.settings, terminal, clock)
    kept = []
    for secret, value in secrets.items():
        place = folder(config.journal) / variable(name, secret)
        FileSessions(place).save(value.encode())
        kept.append(place)
    return tuple(kept)


def _network(config: Config, name: str) -> NetworkConfig:
    found = next((n for n in config.networks if n.name == name), None)
    if found is None:
        names = ", ".join(n.name for n in config.networks)
        mend = f"The config has: {names}. Add a table [networks.{name}] for another."
        raise ConfigError((Mistake(str(config.path), f"networks.{name}", "", "a configured network", mend),))
    return found


class Shell:
    """The person at this terminal. What is said goes to stderr, so that stdout stays for results."""

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """See `bridge.ports.Terminal`. "" at the end of the input. Raises ChatbridgeError for what is no text, and
        for a secret that is not given: none can be done without."""
        print(prompt, end="", file=sys.stderr, flush=True)
        try:
            with _unseen() if secret and sys.stdin.isatty() else nullcontext():
                line = await _line()
            line.encode()  # some locales let through what is no text
        except UnicodeError:
            raise ChatbridgeError(
                "What was typed is not text in UTF-8. Nothing was kept; start again."
            ) from None
        if secret and not line.strip():
            raise ChatbridgeError("Nothing was typed, so nothing was kept. Start again when you have it.")
        return line.strip()


async def _line() -> str:
    """One line of stdin, read in a thread that nobody waits for: Ctrl-C must end the program at once."""
    loop = asyncio.get_running_loop()
    read: asyncio.Future[str] = loop.create_future()

    def hand_over(line: str | Exception) -> None:
        if read.done():
            return
        if isinstance(line, Exception):
            read.set_exception(line)
        else:
            read.set_result(line)

    def wait() -> None:
        line: str | Exception
        try:
            line = sys.stdin.readline()
        except Exception as error:  # whoever waits has to hear of it
            line = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(hand_over, line)

    threading.Thread(target=wait, name="stdin", daemon=True).start()
    return await read


@contextmanager
def _unseen() -> Iterator[None]:
    """What is typed is not shown."""
    before = termios.tcgetattr(sys.stdin)
    silent = termios.tcgetattr(sys.stdin)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)
        print(file=sys.stderr)
