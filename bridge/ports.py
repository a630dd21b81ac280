"""The protocols between the core and the world, each saying what is forbidden.

The core calls these and knows nothing else of any network. An adapter implements `Platform`, `Adapter` and
`Link`; a network the hosts command from implements `Console` too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from bridge.model import (
    Absent,
    Account,
    Board,
    Cursor,
    Found,
    Inbound,
    Interest,
    Limits,
    Micros,
    Network,
    Notice,
    Opened,
    Order,
    Outcome,
    Place,
    Ref,
    Reply,
    Unknown,
)


class Clock(Protocol):
    """Chat time. Adapters must take every protocol time (Retry-After, resets, poll intervals, back-off) from
    here and never from `time` or `asyncio.sleep`; only the time-out of a single request or a ping is real."""

    def now(self) -> Micros:
        """Microseconds since 1970 UTC, chat time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of chat time; returns early never, late hardly."""
        ...

    def timeout(self, seconds: float) -> float:
        """The real seconds to allow a request or ping that has `seconds` on a real network: shorter in a
        rehearsal, never under 0.3 s there."""
        ...


class SessionStore(Protocol):
    """Where a link keeps a rotating login; one file of mode 0600, replaced atomically."""

    def load(self) -> bytes | None: ...

    def save(self, session: bytes) -> None:
        """Durable before it returns: save BEFORE the new session is first used."""
        ...


class Link(Protocol):
    """A live connection to a network.

    Raises only `Unreachable`, `NeedsLogin`, `CursorLost` (from `bridge.errors`); anything a server says that
    cannot be read is a `Malformed` item and the stream goes on. Must not retry a write by itself, nor let its HTTP
    client do so (aiohttp repeats a PUT whose connection broke); must not cache an answer as success, must not start a
    task that outlives `open`'s context, must never put a secret in an error or a log.
    """

    @property
    def opened(self) -> Opened:
        """Our account and what the network can do, as learnt when the link opened."""
        ...

    def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        """Everything of interest after `after`, then live, until cancelled or until the link raises.

        None: from the interest's `since`. Delivers at least once: repetition is fine, a gap is not. An item's
        cursor must not run ahead of items not yet yielded. An author's `AuthorKnown` comes before their first
        post. Posts nobody wants (`Interest.wants`) are left out; at most once a second a `Beat` takes the cursor past
        them. A post of our own account is `Echoed` if it tells its order's stamp, else nothing. Called once per open
        link.
        """
        ...

    async def acknowledge(self, cursor: Cursor) -> None:
        """Everything up to `cursor` is durable. Must not block on the network for long."""
        ...

    async def follow(self, interest: Interest) -> None:
        """Replace what is delivered. Following a thread delivers what is already in it (through `inbound`).
        May be called before `inbound` and at any time after. Must not block on the network (a link in two
        halves waits for its other half)."""
        ...

    def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        """The present state of posts of this network: `Edited` for one that exists (changed or not),
        `Removed` for one that is certainly gone, nothing for one that cannot be read now. Also yields
        whatever belongs to the interest and has not been delivered yet (replies missed in a gap)."""
        ...

    async def send(self, order: Order) -> Outcome:
        """Do it, once. `reply_to` and `target` are already `Ref`s of this network. When in doubt `Unclear`,
        never `Refused` or `RetryLater`: those two promise that nothing was done. What the network has no form for is
        `Refused`, in words for the hosts. Raises NeedsLogin if our login is refused. Called by several lanes at once.
        """
        ...

    async def find(self, order: Order) -> Found | Absent | Unknown:
        """What an order made, if anything. `Absent` only if it certainly made nothing. For an Update or
        Retract: `Found` if the copy is (or is gone) as wanted."""
        ...


@runtime_checkable
class Console(Protocol):
    """A network the hosts command from; its Link implements this too."""

    async def show(self, ref: Ref, board: Board) -> None:
        """Edit the board's message. Newest wins; a failure is dropped, since another board follows. Must not
        raise anything but LinkError."""
        ...

    async def answer(self, answer: str, reply: Reply) -> None:
        """Tell the one who used a control what came of it, or ask them for more; only they see it. Best effort:
        a form that cannot be opened any more is told in words. Must not raise anything but LinkError."""
        ...

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        """Put something to one person alone, where they read `place`. Best effort: it may never arrive, and
        nothing may depend on it. Must not raise anything but LinkError."""
        ...


class Remark(msgspec.Struct, frozen=True):
    """Something `check` says of an account. `mend`: what to do about it; "": nothing, it is good to know.
    `needed`: the chat cannot be held before it is done."""

    what: str
    mend: str = ""
    needed: bool = False


@runtime_checkable
class Inspected(Protocol):
    """A Link that can tell more of its account than `opened` does."""

    async def inspect(self) -> tuple[Remark, ...]:
        """Look, changing nothing. Raises only LinkError; what cannot be seen is left out."""
        ...


@runtime_checkable
class Budgeted(Protocol):
    """A Link whose network tells how much it may still be asked."""

    def budget(self) -> Mapping[str, int]:
        """Requests, or points of the network's own, that are left of each budget, by a name that no account is
        part of. Only what the network told and what is not over yet. Must not block."""
        ...


class Terminal(Protocol):
    """The person who is setting an account up."""

    def say(self, text: str) -> None: ...

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """What they type, without the spaces around it; `secret`: it is not shown."""
        ...


class Adapter(Protocol):
    """One configured network."""

    name: Network

    def open(self, sessions: SessionStore) -> AbstractAsyncContextManager[Link]:
        """Log in and learn the capabilities. Raises Unreachable or NeedsLogin. Leaving the context closes
        every socket and ends every task within a second. Opened again and again: after each LinkError, with nothing
        remembered but what the core hands back."""
        ...


class Platform(Protocol):
    """What the entry point group `chatbridge.adapters` names: a kind of network. Importing it must be cheap:
    no SDK is imported before `create` or even `open`. Where nobody can write to our account alone it says
    `direct = False` as well."""

    title: str  # how people call it: "Mastodon"
    settings: type[msgspec.Struct]  # the keys of its table beside `kind`; unknown ones are refused
    secrets: tuple[str, ...]  # "token" -> environment variable NAME_TOKEN or NAME_TOKEN_FILE
    limits: Limits  # assumed until a server says otherwise
    mirror: bool  # whether the merged timeline stands there
    handle: tuple[str, str]  # how a config names a person there: a pattern, an example

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        """`settings` is an instance of `self.settings`; `secrets` holds those that are set."""
        ...

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        """Obtain the secrets of `self.secrets` with a person's help, and try them. Raises NeedsLogin if the
        network says no, Unreachable."""
        ...


class Feed(Protocol):
    """Where committed changes go: the page, a broker, a board. Must not block and must not raise."""

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        """These entries of a chat (or, if empty, its run sheet) are different now."""
        ...


# ---------------------------------------------------------------- one bridge in several processes


class Mqtt(Protocol):
    """The table `[mqtt]` of the config. `secrets` may hold username and password; files in PEM: `certificate` and
    `key` are ours, `authority` is who signed the broker's."""

    @property
    def url(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def tls(self) -> bool: ...

    @property
    def secrets(self) -> Mapping[str, str]: ...

    @property
    def certificate(self) -> str | None: ...

    @property
    def key(self) -> str | None: ...

    @property
    def authority(self) -> str | None: ...


class Views(Protocol):
    """Where the public feed reads chats from. It alone decides what the page's audience may see. Raises KeyError for
    a chat it does not have."""

    def chats(self) -> tuple[str, ...]: ...

    def view(self, chat: str, audience: Literal["page"]) -> Any: ...

    def entry(self, chat: str, no: int, audience: Literal["page"]) -> Any | None: ...


class PublicFeed(Feed, Protocol):
    """What the page shows, kept at a broker for displays and automations."""

    async def run(self) -> None:
        """Keep the broker as it should be. Until cancelled; the broker may come and go."""
        ...

    async def withdraw(self) -> None:
        """Take everything off, for good, while `run` runs; returns when the broker holds none of it any more. Who
        calls has the patience."""
        ...


class Standing(msgspec.Struct, frozen=True):
    """How the half beside an adapter is. `broker`: why there is no connection to it; "": there is one. `link`: the
    adapter's, "unasked" while no core wants it; `why` it is down or refused; `handle`: our account, while it is
    open. `busy`: something is under way between network and core."""

    broker: str = ""
    link: Literal["unasked", "opening", "ready", "down", "refused"] = "unasked"
    why: str = ""
    handle: str = ""
    busy: bool = False

    @property
    def ready(self) -> bool:
        """Whether there is nothing that a core would have to wait for."""
        return not self.broker and self.link in ("unasked", "ready")


class Beside(Protocol):
    """What runs beside a real adapter, in a process without a journal: opens its link when a core asks for it, and
    serves that core. Must not open a link for a core that is older than one it has served, or of another journal."""

    noticed: Callable[[], None]  # told when `standing` is another; must not block

    @property
    def standing(self) -> Standing: ...

    async def run(self) -> None:
        """Until cancelled: then what is being sent is finished and answered first, within 9 seconds all in all.
        Raises OSError if it cannot be written down whom it serves."""
        ...


class Transport(Protocol):
    """What the entry point group `chatbridge.brokers` names: how the processes of one bridge speak over a broker
    that may lose, double or delay what they say. Importing it must be cheap."""

    def remote(self, name: Network, mqtt: Mqtt, journal: str, epoch: int, clock: Clock) -> Adapter:
        """The core's half: an adapter like any other. `journal` and `epoch`: the journal's id, and a number that
        rises at each start."""
        ...

    def beside(
        self, adapter: Adapter, mqtt: Mqtt, sessions: SessionStore, memory: SessionStore, clock: Clock
    ) -> Beside:
        """The other half. `sessions`: the adapter's logins; `memory`: where it is kept whom we serve. Raises
        ValueError if that cannot be read, OSError."""
        ...

    def feed(self, mqtt: Mqtt, views: Views, delay_seconds: float, clock: Clock) -> PublicFeed:
        """`delay_seconds`: of chat time, that of the page."""
        ...
