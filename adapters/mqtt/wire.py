"""What the two halves of a link say to each other, as JSON.

The core says `Down`, the process beside the adapter says `Up`; each in an envelope that names journal, epoch and
session, so that neither ever takes a word that is meant for another. A broker may lose any message, deliver it
twice or late: whatever matters is said again until it is answered, and saying it twice is saying it once.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from bridge.errors import CursorLost, LinkError, NeedsLogin, Unreachable
from bridge.model import (
    Absent,
    Account,
    Board,
    Cursor,
    Found,
    Inbound,
    Interest,
    Micros,
    Network,
    Notice,
    Opened,
    Order,
    OrderId,
    Outcome,
    Place,
    Ref,
    Reply,
    Unknown,
)
from bridge.ports import Remark

Key: TypeAlias = tuple[int, int]  # (epoch, session): a greater one is newer
# An order's id and stamp. A journal that was restored from a backup gives ids once more, for other orders.
Made: TypeAlias = tuple[OrderId, Micros]


class Said(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of everything said."""


class Trouble(Said, frozen=True):
    """A LinkError, told. `after`: seconds a network asked us to stay away."""

    kind: Literal["unreachable", "login", "cursor"]
    why: str
    after: float | None = None

    def error(self) -> LinkError:
        match self.kind:
            case "login":
                return NeedsLogin(self.why)
            case "cursor":
                return CursorLost(self.why)
            case "unreachable":
                return Unreachable(self.why, self.after)


def trouble(error: LinkError) -> Trouble:
    """What `Trouble.error` turns back."""
    match error:
        case NeedsLogin():
            return Trouble("login", str(error))
        case CursorLost():
            return Trouble("cursor", str(error))
    return Trouble("unreachable", str(error), getattr(error, "after", None))


# ---------------------------------------------------------------- what the core asks, and gets an answer to


class Follow(Said, frozen=True):
    """`Link.follow`; the posts `named` come before the threads of `interest`. Answered `Done` when it is
    followed."""

    interest: Interest
    named: tuple[int, ...] = ()


class Read(Said, frozen=True):
    """Begin `Link.inbound`. Answered `Done`; the items come as `Items`."""

    after: Cursor | None = None


class Offer(Said, frozen=True):
    """`Link.send`. Answered with its outcome."""

    order: Order


class Seek(Said, frozen=True):
    """`Link.find`."""

    order: Order


class Name(Said, frozen=True):
    """Posts that a later request speaks of, by the number of this call: a broker takes packets of a certain size
    only, and hangs up on whoever says more. Answered `Done`."""

    refs: tuple[Ref, ...]


class Reread(Said, frozen=True):
    """`Link.reread`, of the posts `named` and then of `refs`. Answered with its first `Page`."""

    refs: tuple[Ref, ...]
    named: tuple[int, ...] = ()


class More(Said, frozen=True):
    """The next `Page` of a reread; `of` is the number of its call."""

    of: int


class Show(Said, frozen=True):
    """`Console.show`."""

    ref: Ref
    board: Board


class Tell(Said, frozen=True):
    """`Console.answer`."""

    answer: str
    reply: Reply


class Whisper(Said, frozen=True):
    """`Console.whisper`."""

    account: Account
    place: Place
    notice: Notice


class Inspect(Said, frozen=True):
    """`Inspected.inspect`. Answered `Remarks`."""


class Done(Said, frozen=True):
    """That was all."""


class Page(Said, frozen=True):
    """Some of what a reread yields; `last`: there is no more."""

    items: tuple[Inbound, ...] = ()
    last: bool = False


class Remarks(Said, frozen=True):
    remarks: tuple[Remark, ...] = ()


Request: TypeAlias = Follow | Read | Offer | Seek | Name | Reread | More | Show | Tell | Whisper | Inspect
Result: TypeAlias = Outcome | Found | Absent | Unknown | Page | Remarks | Done | Trouble

# ---------------------------------------------------------------- down: from the core


class Open(Said, frozen=True):
    """Open the real link for this session, and end any older one. Answered `Opening`, `Ready` or `Failed`."""


class Close(Said, frozen=True):
    """The session is over. Answered `Closed`."""


class Pulse(Said, frozen=True):
    """We are here. We have every item up to `have`, take more up to `grant`, and everything up to `durable` is
    in the journal. Answered `Beating`."""

    have: int
    grant: int
    durable: Cursor | None = None


class Again(Said, frozen=True):
    """Items after this one were lost: say them again."""

    after: int


class Call(Said, frozen=True):
    """A request. Every call before number `below` has been answered, or nobody waits for it."""

    no: int
    below: int
    what: Request


class Down(msgspec.Struct, frozen=True, omit_defaults=True):
    """From the core. `boot`: the life of the other process that it is meant for."""

    journal: str
    epoch: int
    session: int
    say: Open | Close | Pulse | Again | Call
    boot: str = ""


# ---------------------------------------------------------------- up: from beside the adapter


class Opening(Said, frozen=True):
    """The real link is being opened, or the one before is still being closed."""


class Ready(Said, frozen=True):
    """The real link is open. `console`, `inspected`, `budgeted`: what it is beside a Link."""

    opened: Opened
    console: bool = False
    inspected: bool = False
    budgeted: bool = False


class Failed(Said, frozen=True):
    """The session cannot be opened, or is over."""

    trouble: Trouble


class Closed(Said, frozen=True):
    """The session is over, as was wished."""


class Beating(Said, frozen=True):
    """Alive. Items up to `last` have been said. `budget`: what `Budgeted.budget` tells."""

    last: int
    budget: dict[str, int] = {}


class Items(Said, frozen=True):
    """What `Link.inbound` yielded, numbered from `first`. `broke`: what it raised, a number of its own."""

    first: int
    items: tuple[Inbound, ...] = ()
    broke: Trouble | None = None


class Return(Said, frozen=True):
    """The answer to call number `no`."""

    no: int
    result: Result


class Up(msgspec.Struct, frozen=True, omit_defaults=True):
    """From beside the adapter. `boot` is different after each start of that process. Without `say`: it is there,
    and knows of no session."""

    boot: str
    journal: str = ""
    epoch: int = 0
    session: int = 0
    say: Opening | Ready | Failed | Closed | Beating | Items | Return | None = None


class Claim(msgspec.Struct, frozen=True):
    """Whom the process beside the adapter serves: this journal, and no epoch below."""

    journal: str
    epoch: int


encode = msgspec.json.Encoder().encode
decode_down = msgspec.json.Decoder(Down).decode
decode_up = msgspec.json.Decoder(Up).decode
decode_claim = msgspec.json.Decoder(Claim).decode
UNREADABLE = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
)  # what these raise: the latter for bytes that are no UTF-8


def down_topic(prefix: str, network: Network) -> str:
    """Where the core speaks."""
    return f"{prefix}/{network}/down"


def up_topic(prefix: str, network: Network) -> str:
    """Where the process beside the adapter speaks."""
    return f"{prefix}/{network}/up"
