"""Slack's ids as the bridge's strings, made and parsed only here.

A message is known by its channel and its `ts`, "seconds.micros", unique in the channel and also its time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from bridge.errors import CursorLost
from bridge.model import SECOND, Account, Cursor, Micros, Network, Ref

_TS = re.compile(r"\d{1,12}\.\d{6}")
_PERMALINK = re.compile(r"https://[\w.-]+/archives/([A-Z0-9]+)/p(\d+)(\d{6})(?:\?\S*)?")


class Place(NamedTuple):
    """Where a message stands."""

    channel: str
    ts: str


def micros(ts: str) -> Micros:
    """The time a `ts` says. Raises ValueError for anything else."""
    if not _TS.fullmatch(ts):
        raise ValueError(f"not a Slack timestamp: {ts[:40]!r}")
    seconds, fraction = ts.split(".")
    return int(seconds) * SECOND + int(fraction)


def timestamp(at: Micros) -> str:
    """The `ts` of a message written at `at`."""
    return f"{at // SECOND}.{at % SECOND:06d}"


def ref(network: Network, channel: str, ts: str) -> Ref:
    """Where one acts on a message."""
    return Ref(network, f"{channel}/{ts}")


def place(ref: Ref) -> Place:
    """Channel and ts of a Ref. Raises ValueError if it is not one of Slack's."""
    channel, _, ts = ref.id.partition("/")
    micros(ts)
    return Place(channel, ts)


def uri(team: str, channel: str, ts: str) -> str:
    """What a message is: a `ts` is unique only within its channel."""
    return f"slack:{team}/{channel}/{ts}"


def account(team: str, user: str) -> Account:
    """The canonical account; user ids are unique only within a workspace."""
    return f"slack:{team}/{user}"


def user(team: str, account: Account) -> str:
    """The user id of an account of this workspace. Raises ValueError if it is none."""
    where, _, member = account.partition("/")
    if where != f"slack:{team}" or not member:
        raise ValueError(f"not an account of the workspace {team}: {account[:60]!r}")
    return member


def permalink(site: str, channel: str, ts: str, root: str | None = None) -> str:
    """The message's page. `site`: the workspace's address, as auth.test gives it, with its final slash."""
    link = f"{site}archives/{channel}/p{ts.replace('.', '')}"
    return link if root is None else f"{link}?thread_ts={root}&cid={channel}"


def from_permalink(url: str) -> Place | None:
    """The message a link leads to, if it is such a link."""
    match = _PERMALINK.fullmatch(url)
    return Place(match[1], f"{match[2]}.{match[3]}") if match else None


def cursor(ts: str, directs: tuple[str, ...] = ()) -> Cursor:
    """How far has been read: the newest `ts`, and the direct conversations to look into after a gap. No
    scope of ours lists them, so the cursor is what remembers them."""
    return " ".join((ts, *directs))


def parse_cursor(cursor: Cursor) -> tuple[str, tuple[str, ...]]:
    """Raises CursorLost if this is not a cursor of ours."""
    ts, *directs = cursor.split(" ")
    try:
        micros(ts)
    except ValueError as error:
        raise CursorLost(f"Slack: the saved reading position cannot be understood ({error}).") from error
    return ts, tuple(directs)


class Where(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who used a control, and where what came of it is told to them alone. `channel`: where they used it, "" if in
    no channel; `thread`: the ts of the thread there in which they did. `trigger`: Slack's leave to open a form for
    them, good for 3 seconds. `view`: the form they used it in, to be shown anew in its place; `hash`: how that stood
    then. `home`: they look at the app's Home tab."""

    user: str
    channel: str = ""
    trigger: str = ""
    view: str = ""
    hash: str = ""
    home: bool = False
    thread: str = ""


def answer(where: Where) -> str:
    """A place for an answer as a command carries it."""
    return msgspec.json.encode(where).decode()


def parse_answer(answer: str) -> Where:
    """The place that `answer` made a string of. Raises ValueError if it is none (an older journal's)."""
    return msgspec.json.decode(answer, type=Where)
