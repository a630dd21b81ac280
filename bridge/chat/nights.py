"""After the close: once a night every network is read again for each chat, so that what people edit or remove later
is followed as well. For as long as their words are kept (see `expiry`); nothing new is taken in.

A night's reading is journalled as `Reconciled`, like the one at the close: after a restart what was read is not read
again, and what was missed is read at once.
"""

from __future__ import annotations

from bridge.chat.community import DOORS
from bridge.chat.state import State
from bridge.model import HOUR, Micros, Network
from bridge.when import next_hour

QUIET = 3  # o'clock in the community's zone
REST = 12 * HOUR  # at least, from one reading to the next


def due(state: State, network: Network) -> tuple[Micros, str] | None:
    """The chat whose posts on a network are to be read again next, of several the newest; and when, perhaps long
    ago."""
    if state.community is None:
        return None
    nights = [
        (next_hour(chat.reread.get(network, chat.sheet.late_until) + REST, QUIET, state.community.zone), chat)
        for chat in state.chats.values()
        if chat.over and not chat.expired
    ]
    at, chat = min(nights, key=lambda night: (night[0], -night[1].sheet.ends), default=(0, None))
    return None if chat is None else (calm(state, at), chat.id)


def calm(state: State, at: Micros) -> Micros:
    """`at` (now, if that is past), or the end of the chat in whose hour it falls."""
    for chat in sorted(state.chats.values(), key=lambda c: c.sheet.starts):
        if chat.sheet.starts - DOORS <= max(at, state.at) < chat.sheet.ends:
            at = chat.sheet.ends
    return at
