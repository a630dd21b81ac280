"""What the core wants a network to do."""

from __future__ import annotations

from typing import Literal, TypeAlias

from bridge.model.contents import Content
from bridge.model.posts import Ref
from bridge.model.values import Micros, Network, OrderId, Tagged, Value

Target: TypeAlias = Ref | OrderId  # a post, or the post an earlier order makes (resolved at dispatch)


class Publish(Tagged, frozen=True):
    """Make a post. `orphan` says what becomes of it if the order it replies to ended unsent: it goes out
    "alone", or it is cancelled ("cancel"). `to`: it goes to this person alone, named as a config names people
    there (`Platform.handle`)."""

    content: Content
    reply_to: Target | None = None
    orphan: Literal["alone", "cancel"] = "cancel"
    reach: Literal["public", "quiet", "direct"] = "public"
    to: str = ""


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


class Report(Tagged, frozen=True):
    """Tell the moderators of somebody's post, as the community's account would by hand. `why`: a host's words."""

    target: Ref
    why: str


class Conceal(Tagged, frozen=True):
    """Have the network itself hide a reply under a post of ours. Retracting `Sent.ref` shows it again; doing it
    twice is doing it once."""

    target: Ref


Op: TypeAlias = Publish | Update | Retract | Endorse | Report | Conceal
# mirror, edits, removals: what is new in the merged timeline, what reads otherwise, what must go from it.
Lane: TypeAlias = Literal["sheet", "mirror", "edits", "removals", "hosts", "people"]
Place: TypeAlias = Literal["chat", "hosts"]  # the chat itself, or the hosts' room


class Order(Value, frozen=True):
    """What the core wants a network to do.

    `stamp` is unique in the journal and strictly increasing: keys, TIDs and createdAt are made from it.
    `not_after`: past this the order is not sent but held (or dropped, `late`). One order of a lane is in
    flight at a time and in the order they were made. `whose`: the handle of somebody whose words it carries as
    ours, or whom ours answer, so that they can be taken out.
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
    whose: str = ""
