"""What the handlers of commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from bridge import when
from bridge.chat import drafts, wording
from bridge.chat.state import ChatState, Work
from bridge.model import Command, Micros, Network, Reply

Handler: TypeAlias = Callable[[Work, ChatState, Command], Reply]

LONGEST = 2_000  # characters of a host's question or words


class Verb(NamedTuple):
    """What somebody can say. `usage`: how to say it; `about`: what it does, in a few words. What changed
    something is answered by "Done: " and what that was."""

    do: Handler
    usage: str
    about: str
    anybody: bool = False  # not for hosts alone


def too_long(words: str) -> str:
    """Why words of a host cannot go out, if they are longer than anybody would read; else ""."""
    return f"That is longer than {LONGEST} characters; say it in fewer." if len(words) > LONGEST else ""


def everywhere(work: Work) -> str:
    """Where items go out: "Mastodon, Bluesky and Slack"."""
    return titles(work, [net.name for net in drafts.posting(work.state)])


def clock(work: Work, at: Micros) -> str:
    """A time as the hosts read it: "20:52 London time", with the day if that is not today's."""
    zone = work.state.community.zone if work.state.community else "UTC"
    day = "" if when.day(at, zone) == when.day(work.now, zone) else f" on {when.day(at, zone)}"
    return f"{when.hour(at, zone)} {when.place(zone)}{day}"


def by(work: Work, command: Command) -> str:
    """How to call who commands, in what the hosts read."""
    return work.host.name if work.host else command.name or "A host"


def titles(work: Work, networks: list[Network]) -> str:
    """Networks as people call them: "Mastodon and Bluesky"."""
    return wording.listed([work.state.everywhere[name].title for name in dict.fromkeys(networks)])
