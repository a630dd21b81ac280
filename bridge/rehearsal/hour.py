"""The hour as it is rehearsed: the config's first chat moved to now, shortened, and fit for a real network."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bridge.chat.runsheet import moved
from bridge.config import Config
from bridge.model import HOUR, MINUTE, Micros
from bridge.plan import spread
from bridge.settings import Chat, Community

FOR_GOOD = 3650 * 24 * HOUR  # nobody's words are real, and they are looked at for as long as somebody likes
LATE = 3 * MINUTE  # of a late window where time cannot be jumped over


def rehearsed(config: Config, starts: Micros, minutes: int | None = None, chat: str = "") -> Community:
    """The community with one chat alone, from `starts` on: its first, or the one that is named, which may be gone.
    `minutes`: how long it lasts instead of what the config says."""
    community = rebased(config.community, starts, chat)
    return each(community, lambda chat: _shortened(chat, minutes)) if minutes else community


def rebased(community: Community, starts: Micros, chat: str = "") -> Community:
    """The community with one chat alone, moved whole to start at `starts`."""
    chats = tuple(c for c in community.chats if c.id == chat) if chat else community.chats[:1]
    alone = msgspec.structs.replace(community, chats=chats, keep_text=FOR_GOOD)
    return each(alone, lambda chat: moved(chat, starts - chat.starts))


def in_real_time(community: Community, now: Micros) -> Community:
    """A chat that nothing is left out of by jumping: what would have been due before `now` never was planned, and
    late answers are waited for a few minutes."""

    def trimmed(chat: Chat) -> Chat:
        ahead = chat.starts - now
        return msgspec.structs.replace(
            chat,
            announce=chat.announce if chat.announce is not None and chat.announce < ahead else None,
            remind=tuple(lead for lead in chat.remind if lead < ahead),
            late_until=min(chat.late_until, chat.ends + LATE),
        )

    return each(community, trimmed)


def _shortened(chat: Chat, minutes: int) -> Chat:
    """Questions spread evenly over so many minutes."""
    ends = chat.starts + minutes * MINUTE
    times = spread([None] * len(chat.questions), minutes)
    return msgspec.structs.replace(
        chat,
        ends=ends,
        late_until=ends + chat.late_until - chat.ends,
        questions=tuple(
            msgspec.structs.replace(question, due=chat.starts + round(minute * MINUTE))
            for question, minute in zip(chat.questions, times, strict=True)
        ),
    )


def each(community: Community, change: Callable[[Chat], Chat]) -> Community:
    """The community with every chat as `change` makes it."""
    return msgspec.structs.replace(community, chats=tuple(map(change, community.chats)))
