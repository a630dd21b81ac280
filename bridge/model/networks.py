"""What a network can do, as learnt when its link opens."""

from __future__ import annotations

from typing import Literal

from bridge.model.values import Account, Network, Tagged, Value


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
    reports: bool = False  # posts can be reported to its moderators
    conceals: bool = False  # replies under our posts can be hidden for everybody there
    direct: bool = True  # a direct answer is read by nobody else; else anybody can read it
    spacing: float = 0.0  # seconds to leave between two messages in one place
    edit_spacing: float = 0.0  # seconds to leave between two edits there, so that a removal never has to wait
    gather_most: int = 45  # entries one message of the merged timeline holds
    gather_room: int = 9_000  # characters it holds: words, names and addresses together
    layout: Literal["channel", "threads"] = "channel"


class Opened(Tagged, frozen=True):
    """A link is open: our account there and what the network can do. `skew`: seconds its clock is ahead."""

    network: Network
    account: Account
    handle: str
    capabilities: Capabilities
    url: str | None = None
    skew: float = 0.0
