"""The nouns of a chat, as frozen values.

Nothing here does anything: no clock, no I/O, no network. Every time is `Micros`, microseconds since
1970-01-01 UTC in *chat time* (the wall clock, or the rehearsal's). Every id is opaque to all but the adapter
that made it. The types travel through the journal as JSON, so a field that is added must have a default.
"""

from __future__ import annotations

from bridge.model.arrivals import (
    AuthorGone,
    AuthorKnown,
    Beat,
    Command,
    Echoed,
    Edited,
    Inbound,
    Interest,
    Malformed,
    Removed,
    What,
    Written,
)
from bridge.model.contents import Board, Button, Card, Content, Gathered, Health, Leaflet, Line, Notice, Words
from bridge.model.networks import Capabilities, Limits, Opened
from bridge.model.orders import Endorse, Lane, Op, Order, Place, Publish, Retract, Target, Update
from bridge.model.outcomes import (
    Absent,
    Cancelled,
    Final,
    Found,
    Held,
    Outcome,
    Refused,
    RetryLater,
    Sent,
    Unclear,
    Unknown,
)
from bridge.model.posts import Author, Media, Post, Reach, Ref, Span, Text, Wishes
from bridge.model.values import HOUR, MINUTE, SECOND, Account, Cursor, Micros, Network, OrderId, Tagged, Value

__all__ = [
    "HOUR",
    "MINUTE",
    "SECOND",
    "Absent",
    "Account",
    "Author",
    "AuthorGone",
    "AuthorKnown",
    "Beat",
    "Board",
    "Button",
    "Cancelled",
    "Capabilities",
    "Card",
    "Command",
    "Content",
    "Cursor",
    "Echoed",
    "Edited",
    "Endorse",
    "Final",
    "Found",
    "Gathered",
    "Health",
    "Held",
    "Inbound",
    "Interest",
    "Lane",
    "Leaflet",
    "Limits",
    "Line",
    "Malformed",
    "Media",
    "Micros",
    "Network",
    "Notice",
    "Op",
    "Opened",
    "Order",
    "OrderId",
    "Outcome",
    "Place",
    "Post",
    "Publish",
    "Reach",
    "Ref",
    "Refused",
    "Removed",
    "Retract",
    "RetryLater",
    "Sent",
    "Span",
    "Tagged",
    "Target",
    "Text",
    "Unclear",
    "Unknown",
    "Update",
    "Value",
    "What",
    "Wishes",
    "Words",
    "Written",
]
