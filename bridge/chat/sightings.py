"""Our own posts as a second server shows them: who reads there replies to what they see there, so that place is
an alias of the item. A sighting may come before we know which post our order made; then it is remembered."""

from __future__ import annotations

from bridge.chat.intake import place_again
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, Work
from bridge.chat.timeline import key, ref_of
from bridge.model import Post, Ref

MOST = 50  # posts seen before their orders were final that are remembered


def seen(work: Work, post: Post) -> None:
    """A post of ours is at a place that we did not know of."""
    for chat in work.state.chats.values():
        if (item := chat.sheet.get(chat.uris.get(post.uri))) is not None:
            _alias(work, chat, item, post.ref)
            return
    sighted = work.state.sighted
    sighted.setdefault(post.uri, []).append(key(post.ref))
    while len(sighted) > MOST:
        del sighted[next(iter(sighted))]


def settled(work: Work, chat: ChatState, item: Item, uri: str) -> None:
    """A copy of an item exists: `uri` is what other servers call it."""
    chat.uris[uri] = item.id
    for name in work.state.sighted.pop(uri, []):
        _alias(work, chat, item, ref_of(name))


def _alias(work: Work, chat: ChatState, item: Item, ref: Ref) -> None:
    chat.items[key(ref)] = item.id
    work.effects.follow.add(ref.network)
    place_again(work, chat, since=item.fired)
