"""What the page asks of the rest of the bridge."""

from __future__ import annotations

from typing import Literal, Protocol

from bridge.chat.view import ChatView, EntryView


class Views(Protocol):
    """Where the page reads chats from. Called on the event loop, so it must not block; it alone decides what
    an audience may see. Raises KeyError for a chat it does not have."""

    def chats(self) -> tuple[str, ...]:
        """The ids of all chats."""
        ...

    def view(self, chat: str, audience: Literal["hosts", "page"]) -> ChatView:
        """The whole chat as the audience may see it now."""
        ...

    def entry(self, chat: str, no: int, audience: Literal["hosts", "page"]) -> EntryView | None:
        """One entry, or None if it is not to be seen (any more)."""
        ...


class Settings(Protocol):
    """The part of `[web]` the page itself needs. `delay_seconds`: words stand so long before the page shows
    them. `pictures`: show media and faces instead of linking to them, which tells their servers who reads."""

    @property
    def delay_seconds(self) -> float: ...

    @property
    def pictures(self) -> bool: ...
