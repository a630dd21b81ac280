"""The hour as it is rehearsed: the config's first chat moved to now, shortened, and fit for a real network."""

from __future__ import annotations

import msgspec

from bridge.config import Config, rebased
from bridge.model import MINUTE, Micros
from bridge.plan import spread
from bridge.settings import Chat, Community

LATE = 3 * MINUTE  # of a late window where time cannot be jumped over


def rehearsed(config: Config, starts: Micros, minutes: int | None = None) -> Community:
    """The community with its first chat alone, from `starts` on. `minutes`: how long it lasts instead of what the
    config says."""
    community = rebased(config, starts)
    return _with(community, _shortened(community.chats[0], minutes)) if minutes else community


def in_real_time(community: Community, now: Micros) -> Community:
    """A chat that nothing is left out of by jumping: what would have been due before `now` never was planned, and
    late answers are waited for a few minutes."""
    chat = community.chats[0]
    ahead = chat.starts - now
    return _with(
        community,
        msgspec.structs.replace(
            chat,
            announce=chat.announce if chat.announce is not None and chat.announce < ahead else None,
            remind=tuple(lead for lead in chat.remind if lead < ahead),
            late_until=min(chat.late_until, chat.ends + LATE),
        ),
    )


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


def _with(community: Community, chat: Chat) -> Community:
    return msgspec.structs.replace(community, chats=(chat,))
