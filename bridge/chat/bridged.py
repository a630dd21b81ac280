"""Whose words a bridge copied. That is known for as long as the copy is: what their author wants counts for it,
whether the original is there, was removed, or comes only later."""

from __future__ import annotations

import msgspec

from bridge.chat.community import NOBRIDGE, is_private, left_of, refuses
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import Entry, names, writers
from bridge.model import Account, Post


def is_ours(state: State, post: Post) -> bool:
    """Whether it is a copy of something that we wrote."""
    return post.original in state.wrote or state.people.is_ours(post.whose)


def signed(state: State, post: Post) -> Post:
    """A copy with whose words it has, if its original is or was here (what its address tells is only likely), and
    with what they asked when it went."""
    if post.original is None:
        return post
    known = (chat.timeline.authors.get(post.original) for chat in state.chats.values())
    post = msgspec.structs.replace(post, whose=next(filter(None, known), post.whose))
    refused = any(post.original in chat.timeline.refused for chat in state.chats.values())
    return _unbridged(post) if refused else post


def _unbridged(post: Post) -> Post:
    """A copy that its author did not want, as if it said so itself."""
    return post if refuses(post) else msgspec.structs.replace(post, tags=(*post.tags, NOBRIDGE))


def wants_none(post: Post) -> bool:
    """Whether an original itself says that there should be no copy of it."""
    return post.original is None and (refuses(post) or is_private(post))


def heed(chat: ChatState, gone: Post) -> Entry | None:
    """An original is gone. While it was there it spoke for its copies; if it did not want them, that still holds for
    those that are left, and for those to come. Gives the entry that may be read differently."""
    if not wants_none(gone):
        return None
    timeline = chat.timeline
    timeline.refused |= dict.fromkeys(names(gone), True)
    called = [f"copy of {name}" for name in names(gone)]
    entry = next((timeline.entries[timeline.uris[name]] for name in called if name in timeline.uris), None)
    if entry is not None:
        entry.revision += 1
        entry.sources = [_unbridged(p) if p.original in names(gone) else p for p in entry.sources]
    return entry


def theirs(state: State, account: Account, post: Post) -> bool:
    """Whether somebody wrote the words of a post, here or where a bridge copied them from."""
    return account in writers(signed(state, post))


def claim(work: Work, chat: ChatState, entry: Entry, original: Post) -> None:
    """An original has joined its copies: they are its author's, who may have been forgotten already."""
    account = original.author.account
    forgotten = work.state.people.of(account).forgotten
    copies = [p for p in entry.sources if p.original in names(original)]
    for copy in copies:
        mine = msgspec.structs.replace(copy, whose=account)
        entry.sources[entry.sources.index(copy)] = left_of(mine) if forgotten else mine
    if copies and forgotten:
        work.effects.forget.append(account)
