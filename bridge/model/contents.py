"""What the core wants shown."""

from __future__ import annotations

from typing import Literal, TypeAlias

from bridge.model.posts import Media, Text
from bridge.model.values import Micros, Network, Tagged, Value


class Card(Value, frozen=True):
    """An entry as the hosts' networks show it: words from strangers, still plain, to be made inert by whoever
    renders it. `heading` is ours: "A3 · 42". `networks` are titles, the first one is where `url` leads."""

    no: int
    heading: str
    name: str
    handle: str
    networks: tuple[str, ...]
    text: Text
    at: Micros
    url: str | None = None
    avatar: str | None = None
    host: bool = False
    warning: str | None = None
    media: tuple[Media, ...] = ()
    quoted: str | None = None  # the page of what it quotes
    edited: bool = False
    withheld: str = ""  # why there are no words: "1 answer stays on Mastodon"; then nobody is named either


class Button(Value, frozen=True):
    """A control beside a message; pressing it yields the Command with these fields."""

    label: str
    verb: str
    chat: str
    item: str | None = None
    on: Network | None = None
    style: Literal["", "primary", "danger"] = ""
    text: str = ""
    confirm: str = ""  # asked before it is done: "Close the chat now?"


class Field(Value, frozen=True):
    """Words to be typed into a form. `text`: what stands there at first; `most`: characters."""

    label: str
    text: str = ""
    hint: str = ""
    most: int = 2_000


class Choice(Value, frozen=True):
    """One line of a form's list; `value` comes back as `Command.choice`."""

    value: str
    label: str


class Form(Tagged, frozen=True):
    """A question to one person with room for words (they come back as `Command.text`), a list to pick from, or
    both. What is handed in is the Command with these fields. A button among `buttons` hands in what stands
    there so far, and is answered in the form's place."""

    title: str
    verb: str
    chat: str
    item: str | None = None
    on: Network | None = None
    words: str = ""  # ours, above the field
    card: Card | None = None  # the entry it is about
    field: Field | None = None
    choices: tuple[Choice, ...] = ()
    pick: str = ""  # what the list is for: "Who leads"
    chosen: str = ""  # the value picked at first
    submit: str = "Send"
    buttons: tuple[Button, ...] = ()


class Leaflet(Value, frozen=True):
    """What a post says of a page it links to, where a network shows that as a card."""

    url: str
    title: str
    description: str = ""


class Words(Tagged, frozen=True):
    """A text of our own, already cut to the network's limit. `leaflet`: about a link in it."""

    text: Text
    warning: str | None = None
    language: str | None = None
    media: tuple[Media, ...] = ()
    leaflet: Leaflet | None = None


class Gathered(Tagged, frozen=True):
    """One or several entries in one message of the merged timeline."""

    cards: tuple[Card, ...]
    short: bool = False  # each cut to 240 characters, with its link


class Notice(Tagged, frozen=True):
    """Something the hosts must know or decide, with buttons."""

    text: str
    buttons: tuple[Button, ...] = ()
    card: Card | None = None  # the entry it is about


class Health(Value, frozen=True):
    """A network as the hosts see it."""

    network: Network
    title: str
    state: Literal["ready", "opening", "down", "refused"]
    since: Micros
    why: str = ""
    last: Micros = 0  # the last event seen
    waiting: int = 0  # orders not yet settled


class Count(Value, frozen=True):
    """How long an item is on a network: `used` of `most` (as that network counts, its longest post), in `posts`
    posts."""

    title: str
    used: int
    most: int
    posts: int = 1


class Line(Value, frozen=True):
    """One item of the run sheet on the board; `on` gives each network's own state. `counts`: of what has not
    gone out yet."""

    id: str
    label: str
    text: str
    due: Micros
    state: Literal["planned", "due", "posted", "held", "skipped"]
    on: tuple[tuple[Network, str], ...] = ()
    counts: tuple[Count, ...] = ()
    editable: bool = False  # hosts can still say it otherwise


class Waiting(Value, frozen=True):
    """Somebody who waits for a word of the hosts, with what they wrote and what a host can do about it."""

    card: Card
    why: str  # "first time here", "waits for 6 min"
    buttons: tuple[Button, ...]


class Board(Tagged, frozen=True):
    """The hosts' view of a chat at `now`, as data."""

    chat: str
    title: str
    tag: str
    now: Micros
    phase: Literal["before", "open", "late", "over"]
    starts: Micros
    ends: Micros
    zone: str
    late_until: Micros = 0
    lines: tuple[Line, ...] = ()
    current: str | None = None  # id of the item last posted
    upcoming: str | None = None  # id of the item that comes next
    on_hold: bool = False
    entries: int = 0
    people: int = 0
    answers: tuple[tuple[str, tuple[tuple[Network, int], ...]], ...] = ()  # per question label and network
    health: tuple[Health, ...] = ()
    log: tuple[str, ...] = ()  # who did what, newest last
    buttons: tuple[Button, ...] = ()
    listening: tuple[Network, ...] = ()  # where nothing is posted
    lead: str = ""  # the name of the host who leads
    blackout: bool = False  # page, wall and feed are frozen
    ignored: tuple[Waiting, ...] = ()  # people to whom nobody has answered
    asked: tuple[Waiting, ...] = ()  # participants' own questions


Reply: TypeAlias = str | Notice | Form | Board  # what somebody is told who used a control
Content: TypeAlias = Words | Gathered | Notice | Board
