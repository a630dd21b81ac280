"""Which chats have a board in the hosts' room: the next one always, the others from a day before their first item.
A series that is planned for a year would bury the room in boards."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.chat.board import board
from bridge.chat.state import ChatState, Purpose, State, Work
from bridge.model import HOUR, Micros, Network, Publish, Ref, Retract

AHEAD = 24 * HOUR  # before a chat's first item


def due(work: Work) -> None:
    """Put up the boards whose time has come."""
    state = work.state
    coming = [chat for chat in state.chats.values() if not (chat.over or chat.withdrawn)]
    following = min(coming, key=lambda chat: chat.sheet.starts, default=None)
    for chat in coming:
        if not chat.boarded and (chat is following or _time(chat) <= work.now):
            chat.boarded = True
            for network in state.consoles():
                _put_up(work, chat, network)


def opened(work: Work, network: Network) -> None:
    """A hosts' room is open: what is missing in it is put up."""
    for chat in work.state.chats.values():
        if chat.boarded and not chat.over:
            _put_up(work, chat, network)


def deadline(state: State) -> Micros | None:
    """When `due` has something to do next; may be in the past."""
    waiting = (c for c in state.chats.values() if not (c.boarded or c.over or c.withdrawn))
    return min((_time(chat) for chat in waiting), default=None)


def _time(chat: ChatState) -> Micros:
    return min((item.due for item in chat.sheet.items), default=chat.sheet.starts) - AHEAD


def _put_up(work: Work, chat: ChatState, network: Network) -> None:
    if f"board/{network}" in chat.notices or network in chat.boards:
        return
    chat.notices[f"board/{network}"] = ""
    first = replace(
        board(work.state, chat, work.now, ()), ignored=(), asked=()
    )  # people's words are in no order
    work.order(network, "hosts", Publish(first), Purpose("board", network, chat.id), place="hosts")


def take_down(work: Work, network: Network, place: str) -> None:
    """The board of a chat that is no more."""
    work.order(network, "hosts", Retract(Ref(network, place)), Purpose("notice", network, ""), place="hosts")
