"""Which chat a post belongs to."""

from __future__ import annotations

from bridge.chat.community import by_tag
from bridge.chat.state import ChatState, State
from bridge.chat.timeline import key, names
from bridge.model import Micros, Post, Ref
from bridge.settings import Chat


def belongs(state: State, post: Post) -> ChatState | None:
    """The chat a post belongs to: that of what a bridge copied it from, its thread's, else by its tag the one in its
    hour or in its late window."""
    if state.community is None:
        return None
    for chat in state.chats.values():
        if chat.timeline.knows(post) or chat.timeline.is_removed(post):
            return chat
    same = (post.original, *[f"copy of {name}" for name in (post.original, *names(post))])
    for chat in state.chats.values():  # what was copied and its copy stay together: who hides one hides both
        if not chat.over and any(name in chat.timeline.uris for name in same):
            return chat
    thread = above(post)
    for chat in state.chats.values() if thread else ():
        if not chat.over and any(part_of(chat, ref) for ref in thread):
            return chat
    chats = sorted([c for c in state.chats.values() if not c.over], key=lambda chat: chat.withdrawn)
    found = None
    if thread:  # of its thread nothing may be left
        theirs = [c for c in chats if any(key(ref) in c.timeline.refs for ref in thread)]
        found = by_tag(_windows(theirs), post)
    found = found or by_tag(_windows(chats), post)
    return state.chats[found] if found else None


def _windows(chats: list[ChatState]) -> list[tuple[Chat, Micros, Micros, Micros]]:
    return [(c.settings, c.sheet.starts, c.sheet.ends, c.sheet.late_until) for c in chats]


def above(post: Post) -> tuple[Ref, ...]:
    """What a post hangs on, nearest first."""
    return tuple([r for r in (post.reply_to, *post.quotes, post.root) if r is not None])


def part_of(chat: ChatState, ref: Ref) -> bool:
    """Whether something of a chat stands at a place: a copy of ours, or a post that is an entry."""
    return key(ref) in chat.items or key(ref) in chat.shown or chat.timeline.at(ref) is not None
