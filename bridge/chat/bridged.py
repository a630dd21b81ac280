"""Whose words a bridge copied. That is known for as long as the copy is: what their author wants counts for it,
whether the original is there, was removed, or comes only later."""

from __future__ import annotations

import msgspec

from bridge.chat.community import left_of
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import Entry, names, writers
from bridge.model import Account, Post


def is_ours(state: State, post: Post) -> bool:
    """Whether it is a copy of something that we wrote."""
    return post.original in state.wrote or state.people.is_ours(post.whose)


def signed(state: State, post: Post) -> Post:
    """A copy with whose words it has, if its original is or was here; what its address tells is only likely."""
    if post.original is None:
        return post
    known = (chat.timeline.authors.get(post.original) for chat in state.chats.values())
    return msgspec.structs.replace(post, whose=next(filter(None, known), post.whose))


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
