"""Every exception the bridge raises on purpose.

ChatbridgeError
 ├─ ConfigError          the config or the call is wrong; lists every mistake (exit status 2)
 │   └─ NotReady         it can be read, and something is still missing for a run
 ├─ LinkError            raised by links, and nothing else is
 │   ├─ Unreachable      the network does not answer; trying again may help
 │   ├─ NeedsLogin       the network refuses our credentials; a person must act
 │   └─ CursorLost       the network can no longer say what came after our cursor
 ├─ IllegalTransition    a state table was asked for a step it does not have: a bug in the bridge
 ├─ JournalError
 │   ├─ JournalLocked    another process runs on this journal
 │   └─ JournalUnreadable  not a journal, or of a newer version
 └─ NotRunning           a command needs a running bridge and there is none
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class ChatbridgeError(Exception):
    """What happened, where, and what to do, in words for a person."""


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in a config: where it stands, what is there, what was expected, how to mend it."""

    file: str
    key: str
    value: str
    expected: str
    mend: str
    warning: bool = False

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.file}: {_counted(self.key)}{shown}\n    expected {self.expected}\n    {self.mend}"

    @property
    def line(self) -> str:
        """All of it on one line."""
        shown = f" = {self.value}" if self.value else ""
        return f"{self.file}: {_counted(self.key)}{shown}: expected {self.expected}. {self.mend}"


def _counted(key: str) -> str:
    """A key path in which people count from one: "questions[0].text" is "questions[0].text (question 1)"."""
    places = [f"{name} {int(n) + 1}" for name, n in re.findall(r"(\w+)s\[(\d+)\]", key)]
    return f"{key} ({', '.join(places)})" if places else key


class ConfigError(ChatbridgeError):
    """All mistakes of a config at once."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(m) for m in mistakes))


class NotReady(ConfigError):
    """The config can be read, and lacks what a run needs: logins, a date that is ahead, what stands for the
    placeholders."""


class LinkError(ChatbridgeError):
    """Base of what a link may raise."""


class Unreachable(LinkError):
    """The network does not answer, or not as itself. `after`: seconds it asked us to stay away, if it did."""

    def __init__(self, why: str, after: float | None = None) -> None:
        self.after = after
        super().__init__(why)


class NeedsLogin(LinkError):
    """The network refuses our credentials."""


class CursorLost(LinkError):
    """Events after the cursor are gone: open without it and reread what is known."""


class IllegalTransition(ChatbridgeError):
    """A state table has no such step."""


class JournalError(ChatbridgeError):
    """The journal cannot be used."""


class JournalLocked(JournalError):
    """Another process holds the journal."""


class JournalUnreadable(JournalError):
    """The file is not a journal this version can read."""


class NotRunning(ChatbridgeError):
    """No bridge is running on this journal."""
