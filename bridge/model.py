"""The nouns of a chat, as frozen values.

Nothing here does anything: no clock, no I/O, no network. Every time is `Micros`, microseconds since
1970-01-01 UTC in *chat time* (the wall clock, or the rehearsal's). Every id is opaque to all but the adapter
that made it. The types travel through the journal as JSON, so a field that is added must have a default.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Micros: TypeAlias = int
Network: TypeAlias = str  # the name of a table `[networks.NAME]`
Cursor: TypeAlias = str  # how far a link has been read; only its adapter can tell what it says
Account: TypeAlias = str  # canonical: the same person's account seen from any server has the same value
OrderId: TypeAlias = tuple[int, int]  # (seq of the event that caused it, index among that event's orders)

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of everything here: immutable, compared by content, written as JSON without its defaults."""


class Tagged(Value, frozen=True, tag=True):
    """Base of the members of a union: the class name stands in the JSON as `type`."""


# ---------------------------------------------------------------- what people write


class Ref(Value, frozen=True):
    """Where one acts on a post: opaque outside the adapter of `network`."""

    network: Network
    id: str


class Span(Value, frozen=True):
    """A stretch of `Text.plain`, in code points, end exclusive. `value`: a link's address, a mention's handle
    (without "@"), a tag (without "#"), an emoji's picture address."""

    start: int
    end: int
    kind: Literal["link", "mention", "tag", "emoji"]
    value: str


class Text(Value, frozen=True):
    """Plain words plus spans, sorted and not overlapping. The plain string alone is always readable."""

    plain: str = ""
    spans: tuple[Span, ...] = ()


class Media(Value, frozen=True):
    """A picture, video or file by address; the bytes are never kept. One of ours, to be posted, is a `file:`
    address with the SHA-256 `digest` (hex) its bytes had when the config was read."""

    url: str
    kind: Literal["image", "video", "audio", "file"] = "image"
    alt: str = ""
    digest: str = ""


class Author(Value, frozen=True):
    """Who wrote a post, as the network shows them. `handle` is complete ("@ann@mastodon.example")."""

    account: Account
    handle: str
    name: str = ""
    url: str | None = None
    avatar: str | None = None
    bot: bool = False
    mark: str = ""  # stands for a name that was taken out: equal names have equal marks


class Wishes(Value, frozen=True):
    """What an author asks of bridges: their profile's words, or what they told us."""

    nobridge: bool = False
    nobot: bool = False  # keeps the words inside their network
    links: tuple[str, ...] = ()  # addresses in the profile, to recognise the same person elsewhere


# public: anyone may read it. quiet: so, but not in public timelines. limited: followers and the like.
# direct: a message to named accounts. room: written in a workspace's channel (Slack).
Reach: TypeAlias = Literal["public", "quiet", "limited", "direct", "room"]


class Post(Value, frozen=True):
    """What a person wrote on a network.

    `uri` says what it is (the same status seen on two servers has one uri), `ref` where one acts on it.
    `version` is opaque; `edited` orders two versions of one post (0: never edited). `at` is the time the post
    claims for itself, `seen` the time its network showed it.
    """

    ref: Ref
    uri: str
    author: Author
    text: Text
    at: Micros
    seen: Micros
    version: str = ""
    edited: Micros = 0
    reach: Reach = "public"
    reply_to: Ref | None = None
    root: Ref | None = None  # the first post of its thread, where the network says so
    quotes: tuple[Ref, ...] = ()
    quoted: str | None = None  # the page of what it quotes
    tags: tuple[str, ...] = ()  # hashtags without "#", case-folded, from facets, tag lists and bare text
    mentions: tuple[Account, ...] = ()
    media: tuple[Media, ...] = ()
    warning: str | None = None  # a content warning: stays folded
    language: str | None = None
    url: str | None = None  # the post's page, "home"
    original: str | None = None  # uri of what a verified bridge account copied
    mark: str = ""  # stands for words that were taken out: equal words have equal marks


# ---------------------------------------------------------------- what links report


class Written(Tagged, frozen=True):
    """A post, possibly seen before; first sight and repetition look the same."""

    post: Post


class Edited(Tagged, frozen=True):
    """The whole post as it is after an edit."""

    post: Post


class Removed(Tagged, frozen=True):
    """A post is gone. May come before the post itself."""

    ref: Ref


class AuthorGone(Tagged, frozen=True):
    """An account was deleted or deactivated and takes its posts along."""

    account: Account


class AuthorKnown(Tagged, frozen=True):
    """An author's wishes are known (again). Comes before that author's first post is shown to anybody."""

    account: Account
    wishes: Wishes = Wishes()


class Echoed(Tagged, frozen=True):
    """A post of ours came by, carrying the stamp of the order that made it."""

    stamp: Micros
    ref: Ref
    uri: str
    version: str = ""


class Command(Tagged, frozen=True):
    """A control was used. `item` names the run-sheet item it means, `entry` an entry's number, `on` one
    network. Whether `by` may command is decided by the core, never by the adapter."""

    verb: str
    by: Account
    chat: str | None = None
    item: str | None = None
    entry: int | None = None
    on: Network | None = None
    text: str = ""
    name: str = ""  # how to call `by` in what the hosts read
    answer: str = ""  # opaque to the core: where `Console.answer` sends what came of it


class Malformed(Tagged, frozen=True):
    """A payload nobody could read; quarantined with its bytes."""

    payload: bytes
    why: str


class Beat(Tagged, frozen=True):
    """Nothing for us, but the cursor moved on. At most one a second."""


What: TypeAlias = Written | Edited | Removed | AuthorGone | AuthorKnown | Echoed | Command | Malformed | Beat


class Inbound(Value, frozen=True):
    """One thing a link reports. With `cursor`, everything up to here has been reported."""

    network: Network
    what: What
    cursor: Cursor | None = None


# ---------------------------------------------------------------- what the core wants done


class Limits(Value, frozen=True):
    """How long one post may be and how its length is counted.

    `graphemes`: grapheme clusters at most. `bytes`: UTF-8 bytes at most, if that is limited too. `url`: what
    any link counts, whatever its length. `local_mentions`: of "@name@server" only "@name" counts. `image`:
    bytes at most of a picture. `warning`: what one counts; "{}" where it has a field of its own.
    """

    graphemes: int
    bytes: int | None = None
    url: int | None = None
    local_mentions: bool = False
    image: int | None = None
    warning: str = "⚠ {}\n\n"


class Capabilities(Value, frozen=True):
    """What a network can do, learnt when its link opens.

    `resend`: "same_key" if sending the identical order again is safe for `key_lasts` seconds (None: always),
    else "look_first": wait `settle` seconds, then `find`. `mirror`: the merged timeline stands here.
    `console`: hosts command from here.
    """

    limits: Limits
    resend: Literal["same_key", "look_first"] = "look_first"
    key_lasts: float | None = None
    settle: float = 30.0
    mirror: bool = False
    console: bool = False
    edits: bool = False  # an Update changes a post in place; else it is corrected as the network allows
    endorses: bool = False  # it has likes and boosts
    spacing: float = 0.0  # seconds to leave between two messages in one place
    layout: Literal["channel", "threads"] = "channel"


class Opened(Tagged, frozen=True):
    """A link is open: our account there and what the network can do. `skew`: seconds its clock is ahead."""

    network: Network
    account: Account
    handle: str
    capabilities: Capabilities
    url: str | None = None
    skew: float = 0.0


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


class Line(Value, frozen=True):
    """One item of the run sheet on the board; `on` gives each network's own state."""

    id: str
    label: str
    text: str
    due: Micros
    state: Literal["planned", "due", "posted", "held", "skipped"]
    on: tuple[tuple[Network, str], ...] = ()


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


Content: TypeAlias = Words | Gathered | Notice | Board
Target: TypeAlias = Ref | OrderId  # a post, or the post an earlier order makes (resolved at dispatch)


class Publish(Tagged, frozen=True):
    """Make a post. `orphan` says what becomes of it if the order it replies to ended unsent: it goes out
    "alone", or it is cancelled ("cancel")."""

    content: Content
    reply_to: Target | None = None
    orphan: Literal["alone", "cancel"] = "cancel"
    reach: Literal["public", "quiet", "direct"] = "public"


class Update(Tagged, frozen=True):
    """Make an existing copy say this instead. Where a post cannot be edited (`Capabilities.edits`) the answer
    is the post that says it now: a new one in its place, or a reply that corrects it."""

    target: Target
    content: Content


class Retract(Tagged, frozen=True):
    """Take a copy away, or an endorsement. What is already gone counts as taken away."""

    target: Target


class Endorse(Tagged, frozen=True):
    """Like or boost somebody's post as the community. `Sent.ref` is the endorsement: retracting it undoes it.
    Doing it twice is doing it once."""

    target: Ref
    kind: Literal["like", "boost"]


Op: TypeAlias = Publish | Update | Retract | Endorse
Lane: TypeAlias = Literal["sheet", "mirror", "hosts", "people"]
Place: TypeAlias = Literal["chat", "hosts"]  # the chat itself, or the hosts' room


class Order(Value, frozen=True):
    """What the core wants a network to do.

    `stamp` is unique in the journal and strictly increasing: keys, TIDs and createdAt are made from it.
    `not_after`: past this the order is not sent but held (or dropped, `late`). One order of a lane is in
    flight at a time and in the order they were made.
    """

    id: OrderId
    network: Network
    lane: Lane
    stamp: Micros
    op: Op
    chat: str = ""
    place: Place = "chat"
    item: str | None = None
    part: int = 0
    not_after: Micros | None = None
    late: Literal["hold", "drop"] = "hold"


# ---------------------------------------------------------------- what came of it


class Sent(Tagged, frozen=True):
    """The post exists: act on it by `ref`, recognise it by `uri`."""

    ref: Ref
    uri: str
    version: str = ""
    url: str | None = None
    at: Micros = 0  # when its network says it was posted; 0: it does not say


class RetryLater(Tagged, frozen=True):
    """Certainly not done; try again after `after` seconds (chat time)."""

    after: float
    why: str


class Refused(Tagged, frozen=True):
    """Certainly not done, and trying the same again is useless."""

    why: str


class Unclear(Tagged, frozen=True):
    """May or may not have been done."""

    why: str


class Held(Tagged, frozen=True):
    """Not sent because it was too late; the hosts are asked."""

    why: str


class Cancelled(Tagged, frozen=True):
    """Not sent and no longer wanted."""

    why: str


Outcome: TypeAlias = Sent | RetryLater | Refused | Unclear
Final: TypeAlias = Sent | Refused | Held | Cancelled


class Found(Tagged, frozen=True):
    """The posts that an order made, oldest first; at least one."""

    posts: tuple[Sent, ...]


class Absent(Tagged, frozen=True):
    """The order certainly made no post."""


class Unknown(Tagged, frozen=True):
    """Could not look, or not well enough to be sure."""

    why: str


class Interest(Value, frozen=True):
    """What the core wants a link to deliver: posts bearing a tag (case-folded), everything in these threads,
    written at `since` or later."""

    tags: tuple[str, ...] = ()
    threads: tuple[Ref, ...] = ()
    since: Micros = 0
