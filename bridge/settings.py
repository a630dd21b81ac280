"""What a config says, as frozen values: the part of it that the chat depends on and the journal keeps.

Times are absolute (`Micros`); leads and lengths are microseconds too. No secret and no address of an API is
ever in here.
"""

from __future__ import annotations

from typing import Literal

from bridge.model import HOUR, Limits, Micros, Network, Value


class Host(Value, frozen=True):
    """A host of a chat. `handles`: network name -> handle or account id as the config gives it."""

    name: str
    handles: tuple[tuple[Network, str], ...] = ()


class Question(Value, frozen=True):
    """A question of the run sheet. `due` is when it is planned. `image`: the absolute path of its picture,
    `digest` the SHA-256 (hex) of what is in it."""

    due: Micros
    text: str
    image: str | None = None
    digest: str = ""
    alt: str | None = None
    warning: str | None = None
    translations: tuple[tuple[str, str], ...] = ()  # (language, text)


class Chat(Value, frozen=True):
    """One scheduled conversation. `announce` and `remind` are leads before the start; `stale`: later than
    this, a question asks the hosts first. Texts that are None take the default wording."""

    id: str
    title: str
    hashtag: str
    starts: Micros
    ends: Micros
    late_until: Micros
    questions: tuple[Question, ...]
    hosts: tuple[Host, ...] = ()
    announce: Micros | None = None
    remind: tuple[Micros, ...] = ()
    stale: Micros = 120_000_000
    welcome: str | None = None
    closing: str | None = None
    notice: str | None = None
    article: str | None = None
    warning: str | None = None


class Net(Value, frozen=True):
    """A configured network, as far as the core cares. `limits` are assumed until its link opens."""

    name: Network
    kind: str
    title: str
    limits: Limits
    post: bool = True
    mirror: bool = False
    layout: Literal["channel", "threads"] = "channel"
    public: Literal["ask", "yes", "no"] = "ask"
    direct: bool = True  # our account can be written to alone
    admins: tuple[str, ...] = ()  # who can delete members' messages there; handles as for hosts


class Community(Value, frozen=True):
    """Everything `decide` may know of the config."""

    name: str
    zone: str  # IANA name
    language: str
    chats: tuple[Chat, ...]
    networks: tuple[Net, ...]
    page: str | None = None
    outward: Literal["none", "asked"] = "asked"  # whether words from a room may be sent out, one by one
    signpost: str = ""  # where somebody in a crisis finds help; "": the default words
    keep_text: Micros = 90 * 24 * HOUR  # so long after a chat's end its people's words are erased
