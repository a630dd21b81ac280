"""What the simulated people see of a stand-in network, whatever it speaks on the wire.

People write straight into a server's store (they are its own users); the bridge must come through the wire.
Everything both ever wrote is kept for the comparison at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Reach = Literal["public", "quiet", "limited", "direct", "room"]


@dataclass
class Person:
    """A simulated person with an account on one network. `handle` is short ("nurse-07")."""

    handle: str
    name: str
    network: str
    profile: str = ""  # may carry "#nobridge" or "#nobot"
    host: bool = False
    bot: bool = False
    account: str = ""  # the server's id, given by `join`


@dataclass(frozen=True)
class Draft:
    """What a person is about to write. `tag`: how the hashtag is borne: as the network's own markup (facet,
    link), as bare text, or not at all (then `text` must not contain it)."""

    text: str
    tag: Literal["markup", "bare", "none"] = "markup"
    reply_to: str | None = None  # id of a post on the same network
    quote: str | None = None
    pictures: tuple[str, ...] = ()  # one picture each, by its alt text ("": none was written)
    poll: tuple[str, ...] = ()  # its choices
    emoji: tuple[str, ...] = ()  # custom emoji of the server that stand in `text` as ":name:"
    language: str | None = None
    reach: Reach = "public"
    warning: str | None = None
    place: Literal["chat", "hosts", "direct"] = (
        "chat"  # Slack: which channel; "direct": a message to the bridge
    )


@dataclass
class Said:
    """A post as the server holds it. `ours`: written by the bridge's account through the API."""

    network: str
    id: str
    author: str  # handle
    text: str  # plain words, as a reader of that network sees them
    at: int  # chat time, microseconds
    real: float  # time.monotonic(), seconds, when the server took it
    ours: bool = False
    reply_to: str | None = None
    reach: Reach = "public"
    place: str = "chat"
    deleted: bool = False
    edited: bool = False
    history: list[str] = field(default_factory=list)  # earlier words
    url: str = ""
    warning: str | None = None
    pictures: tuple[str, ...] = ()  # their alt texts
    quote: str | None = None
    liked: set[str] = field(default_factory=set)  # handles; "bridge" for the bridge's account
    boosted: set[str] = field(default_factory=set)
    also: list[tuple[str, str]] = field(
        default_factory=list
    )  # (network, id) under which other servers hold it
    raw: dict[str, Any] = field(default_factory=dict)  # the wire form: Slack's blocks, metadata ...


class Stage(Protocol):
    """One stand-in network. Constructed with (name, clock, faults, options); bound to 127.0.0.1, port 0."""

    network: str
    said: dict[str, Said]  # id -> post, everybody's, in the order written
    on_ours: list[Callable[[Said], None]]  # called when the bridge has published or edited something

    async def start(self) -> None:
        """Listen. After this `access` is known."""
        ...

    async def stop(self) -> None:
        """Close every socket."""
        ...

    def access(self) -> dict[str, Any]:
        """{"table": keys for the config's table, "secrets": {"TOKEN": ...}} for the bridge's account."""
        ...

    def join(self, person: Person) -> str:
        """Make the account; gives the handle or id that a config names a host by."""
        ...

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts; gives the post's id."""
        ...

    def edit(self, person: Person, post: str, text: str) -> None: ...

    def delete(self, person: Person, post: str) -> None: ...

    def leave(self, person: Person) -> None:
        """Their account is deleted and takes its posts along (`deleted`), as that network tells it."""
        ...

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """Controls people can use now: buttons whose action is `verb`, in the hosts' room, or in what was put
        to one person alone (`user`: their handle); empty elsewhere."""
        ...

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Somebody uses one, over the wire; False if nobody was connected to take it (press again later)."""
        ...
