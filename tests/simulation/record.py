"""What happened in a world, as plain data: all that the oracle knows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from bridge.chat.view import ChatView
from bridge.model import Content, Gathered, Micros, Network, Notice, Op, Words

MARK = re.compile(r"\bw\d+w\b")  # a word that stands in one version of one post and nowhere else


def at_home(network: Network, id_: str) -> tuple[Network, str]:
    """Where a post was written, whichever server shows it."""
    return ("mastodon", id_[2:]) if id_.startswith("n-") else (network, id_)


@dataclass
class Person:
    """Somebody with an account. `nobridge`: since when their profile says so. `stopped`: they told us."""

    name: str
    network: Network
    account: str
    handle: str
    nobridge: Micros | None = None
    stopped: bool = False
    forgotten: bool = False  # they asked for their words to be removed
    consent: Literal["", "name", "first", "no"] = ""  # for what they write in a room
    tapping: bool = False  # they chose, and nobody knows whether they were heard
    slow: bool = False  # their wishes were known only after their first post
    leaves: bool = False  # their account is going to be deleted

    @property
    def withholds(self) -> bool:
        """Whether they want their words to stay where they are."""
        return self.stopped or self.nobridge is not None


@dataclass
class Said:
    """A post of a person. Every version of its words holds a mark of its own, the newest last."""

    network: Network
    id: str
    by: Person
    at: Micros
    text: str
    marks: list[str]
    reach: Literal["public", "quiet", "limited", "direct", "room"]
    tagged: bool
    reply_to: str | None = None
    quote: str | None = None
    nobridge: bool = False  # the post itself says so
    link: bool = False
    twin: bool = False  # the same words stand on another network
    command: str = ""  # said to the bridge itself
    label: int = 0
    edited: Micros = 0
    deleted: Micros | None = None
    keep: bool = False  # somebody builds on it: it is not deleted

    @property
    def mark(self) -> str:
        return self.marks[-1]

    @property
    def private(self) -> bool:
        return self.reach in ("limited", "direct") or self.nobridge


@dataclass
class Ours:
    """A post that the bridge made. `contents`: what it said from when on; None: it was taken away."""

    network: Network
    id: str
    place: str
    stamp: Micros
    at: Micros
    contents: list[tuple[Micros, Content | None]]
    reply_to: str | None = None

    @property
    def content(self) -> Content | None:
        return self.contents[-1][1]

    @property
    def words(self) -> str:
        """What it said first."""
        return plain(self.contents[0][1])


def plain(content: Content | None) -> str:
    match content:
        case Words(text=text):
            return text.plain
        case Notice(text=text, card=card):
            return text + (f"\n{card.text.plain}" if card else "")
        case Gathered(cards=cards):
            return "\n".join(card.text.plain for card in cards)
    return ""


@dataclass
class Endorsed:
    """A like or boost that the bridge gave. `standing`: it has not been taken back."""

    network: Network
    on: str
    kind: str
    standing: bool = True


@dataclass
class Tried:
    """An order on its way to its network."""

    network: Network
    place: str
    at: Micros
    not_after: Micros | None
    op: Op


@dataclass
class Pressed:
    """A control a host used. `answer`: what they were told, "" if nothing."""

    at: Micros
    verb: str
    item: str | None = None
    on: Network | None = None
    entry: int | None = None
    text: str = ""
    answer: str = ""

    @property
    def done(self) -> bool:
        return self.answer.startswith("Done")


@dataclass
class Record:
    seed: int
    starts: Micros
    ends: Micros
    spacing: dict[Network, float]
    titles: dict[Network, str]
    questions: list[str]  # as configured, in order
    mirrors: tuple[Network, ...]
    rooms: tuple[Network, ...] = ()
    read_only: tuple[Network, ...] = ()  # nothing of the run sheet is posted there
    rooms_public: Literal["ask", "yes", "no"] = "no"  # whether what is written there is shown on the page
    said: list[Said] = field(default_factory=list)
    ours: list[Ours] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    endorsed: list[Endorsed] = field(default_factory=list)
    refused: list[tuple[Network, str]] = field(default_factory=list)  # (where, the words)
    pressed: list[Pressed] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)  # marks of what hosts hid
    shown: set[str] = field(default_factory=set)  # marks of what hosts let through
    moved: set[str] = field(default_factory=set)  # marks of what hosts gave another question
    liked: set[str] = field(default_factory=set)  # marks of what hosts liked
    unliked: set[str] = field(default_factory=set)  # marks of what they no longer did
    unsure: set[str] = field(default_factory=set)  # marks of what hosts pressed something about, in vain
    displayed: list[tuple[Micros, str]] = field(default_factory=list)  # all that the page ever showed
    told: list[tuple[Micros, str]] = field(default_factory=list)  # marks: of words we were told are no more
    deaths: list[Micros] = field(default_factory=list)
    page: ChatView | None = None
    hosts: ChatView | None = None
    followed: dict[int, str] = field(default_factory=dict)  # the page as kept up to date by what changed
    replays: list[tuple[str, str, str]] = field(default_factory=list)  # (when, live digest, replayed digest)
    journal: bytes = b""
    open_orders: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)  # events that could not be decided
    errors: list[str] = field(default_factory=list)  # logged
    tasks: list[str] = field(default_factory=list)  # left over
    fired: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
