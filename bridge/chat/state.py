"""Everything the core knows, and what a decision is made of.

`State` is rebuilt from the journal's events and nothing else; it is plain data, so that two of them can be
compared byte for byte.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from bridge.chat.community import People, Person, is_host
from bridge.chat.copies import Copies, Gather
from bridge.chat.runsheet import Sheet
from bridge.chat.timeline import Timeline
from bridge.model import (
    Account,
    AuthorGone,
    AuthorKnown,
    Command,
    Edited,
    Final,
    Lane,
    Leaders,
    Micros,
    Network,
    Notice,
    Op,
    Opened,
    Order,
    OrderId,
    Place,
    Post,
    Ref,
    Removed,
    Reply,
    Tagged,
    Text,
    Written,
)
from bridge.settings import Chat, Community, Host, Net

# ---------------------------------------------------------------- events


class Configured(Tagged, frozen=True):
    """The config, at each start where it differs from the last one, and at each edit. `waiting`: key paths of what is
    different in it and not heeded before the next start; `mistakes`: of a later edit, which the hosts know of
    and which still stand; `late`: a chat in its late window is taken up, as it was not in journals of before."""

    community: Community
    waiting: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    late: bool = False


class Misconfigured(Tagged, frozen=True):
    """The config was edited and cannot be read as it stands. `mistakes`: in words for the hosts."""

    mistakes: tuple[str, ...]


class Arrived(Tagged, frozen=True):
    """A link reported something."""

    network: Network
    what: Written | Edited | Removed | AuthorGone | AuthorKnown | Command | Leaders


class Settled(Tagged, frozen=True):
    """An order is final."""

    order: OrderId
    outcome: Final


class Tick(Tagged, frozen=True):
    """A deadline has come."""


class Surplus(Tagged, frozen=True):
    """An order turned out to have made several posts: these are to go."""

    network: Network
    refs: tuple[Ref, ...]


class Fell(Tagged, frozen=True):
    """A network has been silent for so long that the hosts should know. `refused`: it does not take our login."""

    network: Network
    why: str
    since: Micros
    refused: bool = False


class Rose(Tagged, frozen=True):
    """It is heard again."""

    network: Network


class Reconciled(Tagged, frozen=True):
    """Everything a chat has from a network was read again after its late window, or in a night after that."""

    network: Network
    chat: str


class Expired(Tagged, frozen=True):
    """People's words in a chat have had their time. Once they have left the journal, it says what stays."""

    chat: str
    left: Left | None = None


Event: TypeAlias = (
    Configured | Misconfigured | Opened | Arrived | Settled | Tick
    | Gather | Surplus | Reconciled | Fell | Rose | Expired
)  # fmt: skip


def post_in(event: Event) -> Post | None:
    """What somebody wrote, if that is what the event is about."""
    match event:
        case Arrived(what=Written(post) | Edited(post)):
            return post
        case _:
            return None


class Recorded(msgspec.Struct, frozen=True):
    """An event with its place and time in the journal."""

    seq: int
    at: Micros
    event: Event


# ---------------------------------------------------------------- effects


class Erased(msgspec.Struct, frozen=True):
    """An entry whose words left for good. `uris`: what was written, by each of its names; `places`: the key(ref)s it
    stood at; `orders`, "seq.index": what we said to its author, and what was sent out for them, which leave too."""

    chat: str
    entry: int
    uris: tuple[str, ...]
    places: tuple[str, ...]
    orders: tuple[str, ...] = ()


class Left(msgspec.Struct):
    """What stays when a chat's words leave: of the chat, and of what came of them elsewhere."""

    chat: ChatState
    people: dict[Account, Person]
    purposes: dict[str, Purpose]
    stamp: Micros


class Leaving(msgspec.Struct, frozen=True):
    """What leaves the journal with a chat's words. `step`: says what stays; `refs`, `uris`: key(ref)s and uris of its
    posts; `staying`: who is met in another chat."""

    step: Expired
    refs: frozenset[str]
    uris: frozenset[str]
    staying: frozenset[Account]


class Effects(msgspec.Struct):
    """What a decision wants done once it is durable. A replay throws it away."""

    orders: list[Order] = []
    changed: dict[str, set[int]] = {}  # chat -> entries that readers see differently
    sheet: set[str] = set()  # chats whose run sheet or figures are different
    follow: set[Network] = set()  # networks whose interest is different
    answers: list[tuple[Network, str, Reply]] = []  # (network, Command.answer, what to say there)
    whispers: list[tuple[Network, Account, Place, Notice]] = []  # for one person's eyes
    forget: list[Account | Erased | Leaving] = []  # whose words, or which, must leave the journal


# ---------------------------------------------------------------- state


class Purpose(msgspec.Struct):
    """What an order that is not final yet is for."""

    kind: Literal[
        "item", "credit", "copy", "notice", "board", "reply", "endorse", "answer", "unlike", "unboost", "unanswer",
        "report", "conceal", "unconceal", "outward", "unoutward", "alert",
    ]  # fmt: skip
    network: Network
    chat: str
    item: str = ""
    part: int = 0
    message: int = 0


class Endorsement(msgspec.Struct):
    """A like or boost of ours, wanted or given. `uri`: of what it stands under; `entry`: how that was numbered."""

    kind: Literal["like", "boost"]
    uri: str
    network: Network
    entry: int = 0
    ref: Ref | None = None


class Answer(msgspec.Struct):
    """A reply of ours in a participant's thread, wanted or given. `account`: whom it answers, and may name;
    `verb`: what it is ("reply", "welcome", "note", "signpost"); `words`: what a host said in it."""

    account: Account
    network: Network
    entry: int
    verb: str = "reply"
    words: str = ""


class Measure(msgspec.Struct):
    """What a network was asked to do about an entry: tell its moderators, or hide a reply under a post of ours.
    `ref`: of what is hidden, to be shown again by."""

    kind: Literal["report", "conceal"]
    entry: int
    network: Network
    ref: Ref | None = None


class Hiding(msgspec.Struct):
    """Entries that a host took off together, and what hosts did about them since, the last word on each matter.
    `by`: the host's name; `back`: those that are shown again; `notice`: what the hosts read of it; `reacted`: it was
    a reaction, and taking that back shows them again."""

    by: str
    entries: list[int]
    back: list[int] = []
    done: dict[str, str] = {}  # what it is about -> "Wren wrote to the author."
    notice: Notice | None = None
    reacted: bool = False


class Outward(msgspec.Struct):
    """A reply that `account` wants sent from a `room` to whom it answers out there. `uri`: of their post; `to`: of
    what it answers, on `network`. `said`: its words, as the hosts were asked or as they were last ordered, and
    `version` counts them; `order`: the newest order, "seq.index"; `refs`: where it stands."""

    account: Account
    room: Network
    uri: str
    to: str
    network: Network
    stage: Literal["asked", "approved", "declined"] = "asked"
    said: Text = Text()
    version: int = 1
    order: str = ""
    refs: list[Ref] = []


class Turn(msgspec.Struct):
    """The item that was next until now. `by`: the host who had it sent or skipped; "": its time had come. `told`: who
    said "next" or "skip" so soon after it that they may have meant it, and know."""

    item: str
    at: Micros
    by: str = ""
    told: tuple[Account, ...] = ()


class Silence(msgspec.Struct):
    """A network that the hosts know to be silent."""

    since: Micros
    why: str
    refused: bool = False


class ChatState(msgspec.Struct):
    """One chat."""

    settings: Chat
    sheet: Sheet
    timeline: Timeline = msgspec.field(default_factory=Timeline)
    copies: dict[Network, Copies] = {}
    items: dict[str, str] = {}  # key(ref) of a copy of an item (or its alias) -> item id
    uris: dict[str, str] = {}  # uri of a copy of an item -> item id
    shown: dict[str, list[int]] = {}  # key(ref) of a merged message, or of a host's reply -> its entries
    endorsed: dict[str, Endorsement] = {}  # "seq.index" of its order -> what we like or boost
    replies: dict[str, Answer] = {}  # "seq.index" of its order -> whom we answered
    measures: dict[str, Measure] = {}  # "seq.index" of its order -> what a network was asked to do
    orphans: dict[str, list[int]] = {}  # key(ref) of what is not here yet -> entries that hang on it
    hidings: dict[str, Hiding] = {}  # as `notices` calls it -> what was hidden, until all is back or gone
    erased: dict[int, Erased] = {}
    outward: dict[int, Outward] = {}  # entry -> what its author wants sent out
    alerts: dict[int, list[str]] = {}  # hidden entry -> "network/seq.index" of what its room's admins read
    posted: dict[Network, list[tuple[Micros, int]]] = {}  # when each question was asked there, in time order
    first: dict[str, str] = {}  # "item/network" -> "seq.index" of its first part's order
    notices: dict[str, str] = {}  # "what it is about" -> "network/seq.index" of the message to the hosts
    boards: dict[Network, str] = {}  # id of the board's message there, once it stands
    reconciled: dict[Network, bool] = {}
    reread: dict[Network, Micros] = {}  # when everything there was last read once more
    log: list[str] = []
    dismissed: list[int] = []  # entries that a host has seen, and nothing is to be done about
    promoted: dict[int, str] = {}  # entry -> id of the question that was made of it
    lead: str = ""  # the name of the host who leads; "": the first one
    blackout: bool = False  # page, wall and feed are frozen
    turn: Turn | None = None  # what was next, for who means it still
    boarded: bool = False  # its board's time has come
    missed: bool = False  # over before the bridge knew of it
    withdrawn: bool = False  # taken out of the config before it was over: nothing more of it goes out
    ending: bool = False  # the late window is closed: what was missed is being read once more
    over: bool = False
    expired: Micros = 0  # when its people's words were erased

    @property
    def id(self) -> str:
        return self.settings.id

    def phase(self, now: Micros) -> Literal["before", "open", "late", "over"]:
        if self.over:
            return "over"
        if now < self.sheet.starts:
            return "before"
        return "open" if now < self.sheet.ends else "late"


class State(msgspec.Struct):
    """The community."""

    community: Community | None = None
    mistakes: tuple[str, ...] = ()  # of an edit of the config that could not be taken up
    waiting: tuple[str, ...] = ()  # keys of the config that are heeded at the next start
    told: str = ""  # what hosts are told of the last edit of the config
    people: People = msgspec.field(default_factory=People)
    opened: dict[Network, Opened] = {}
    chats: dict[str, ChatState] = {}
    purposes: dict[str, Purpose] = {}  # "seq.index" -> what an open order is for
    nets: dict[Network, Net] = {}  # the community's networks
    former: dict[Network, Net] = {}  # networks that are no longer in the config, but in a timeline
    everywhere: dict[Network, Net] = {}  # both: what stands in a timeline keeps where it came from
    handled: dict[str, Micros] = {}  # requests to us, and acts told more than once, that were met
    leaders: dict[Network, tuple[Account, ...]] = {}  # who commands there beside the hosts of a chat
    early: list[tuple[Network, Command]] = []  # acts on a message of ours whose order is not final
    silent: dict[Network, Silence] = {}
    sighted: dict[str, list[str]] = {}  # uri of a post of ours with an order not final -> key(ref)s elsewhere
    wrote: dict[str, bool] = {}  # uris of our own posts where a bridge may copy them
    stamp: Micros = 0
    at: Micros = 0

    def consoles(self) -> list[Network]:
        """The networks with a hosts' room."""
        return [name for name, o in self.opened.items() if o.capabilities.console]


def dotted(order: OrderId) -> str:
    """An order's id as one string."""
    return f"{order[0]}.{order[1]}"


def undotted(name: str) -> OrderId:
    """The id that `dotted` made a string of."""
    seq, _, index = name.partition(".")
    return int(seq), int(index)


def noticed(where: str) -> tuple[Network, OrderId]:
    """Where a message to the hosts stands, from what `ChatState.notices` keeps."""
    network, _, order = where.partition("/")
    return network, undotted(order)


def by_host(state: State, chat: ChatState, post: Post) -> bool:
    """Whether a post is by somebody who commands in a chat, one of its hosts or of the group that may; or a bridge's
    copy of theirs."""
    network, author = post.ref.network, post.author
    if author.account in state.leaders.get(network, ()):
        return True
    places = {where for host in chat.settings.hosts for where, _ in host.handles}
    copied = any(is_host(chat.settings, where, post.whose) for where in places)
    return copied or is_host(chat.settings, network, author.account, author.handle)


class Work:
    """One decision under way: the state it changes, when, and what it wants done."""

    def __init__(self, state: State, seq: int, at: Micros) -> None:
        self.state = state
        self.seq = seq
        self.now = at
        self.host: Host | None = None  # on whose word it is made, if it is a host's
        self.leads = False  # whether the one on whose word it is made may command
        self.network: Network = ""  # where they said so
        self.effects = Effects()

    def order(
        self,
        network: Network,
        lane: Lane,
        op: Op,
        purpose: Purpose,
        *,
        place: Place = "chat",
        not_after: Micros | None = None,
        late: Literal["hold", "drop"] = "hold",
        whose: str = "",
    ) -> OrderId:
        """Want something done. Stamps are strictly increasing over the journal's whole life."""
        self.state.stamp = max(self.state.stamp + 1, self.now)
        made = Order(
            id=(self.seq, len(self.effects.orders)),
            network=network,
            lane=lane,
            stamp=self.state.stamp,
            op=op,
            chat=purpose.chat,
            place=place,
            item=purpose.item or None,
            part=purpose.part,
            not_after=not_after,
            late=late,
            whose=whose,
        )
        self.effects.orders.append(made)
        self.state.purposes[dotted(made.id)] = purpose
        return made.id

    def note(self, chat: ChatState, line: str) -> None:
        """One line of who did what, for the board."""
        chat.log = [*chat.log[-19:], line]
        self.effects.sheet.add(chat.id)

    def changed(self, chat: ChatState, *numbers: int) -> None:
        """Readers see these entries differently."""
        self.effects.changed.setdefault(chat.id, set()).update(numbers)
