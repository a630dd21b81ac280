"""Hosts who are not in the room command by direct message, from any network where the config knows them: the first
word is the verb. It is obeyed once, answered where it was said, and never an entry."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from bridge.chat.community import host_of, said_to_us, withhold
from bridge.chat.state import ChatState, Purpose, State, Work
from bridge.chat.timeline import key
from bridge.chat.wording import unpinging
from bridge.model import Command, Post, Publish, Text, Words
from bridge.text import MENTION, count, cut, marked, person, split

MOST = 1_500  # graphemes of an answer: three posts on the networks there are
HELLO = "Hello! You can tell me what to do with the chat, as in: hold, hide 42, or ask What helps? Say help for all."
_CALLED = re.compile(rf"(?:\s*{MENTION.pattern})*\s*", re.IGNORECASE)


def chat_of(state: State, post: Post) -> ChatState | None:
    """The chat whose host says something to our account alone, the one that is open first; None if that is not
    what a post is. What they ask as a participant ("stop") is none of it."""
    network = post.ref.network
    ours = state.people.ours.get(network)
    if post.reach != "direct" or ours not in post.mentions or said_to_us(post, ours):
        return None
    if state.people.is_ours(post.author.account):
        return None
    account, handle = post.author.account, post.author.handle
    member = account in state.leaders.get(network, ())
    theirs = [
        chat
        for chat in state.chats.values()
        if not chat.over and (member or host_of(chat.settings, network, account, handle) is not None)
    ]
    going = (chat for chat in theirs if chat.phase(state.at) == "open")
    return next(going, None) or min(theirs, key=lambda chat: chat.sheet.starts, default=None)


def admitted(state: State, post: Post, verbs: Collection[str]) -> Post | None:
    """Such a message as it may be kept: what commands nothing, without its words. None: it was met already."""
    if key(post.ref) in state.handled:
        return None
    return post if said(post)[0] in verbs else withhold(post)


def command(chat: ChatState, post: Post, verbs: Collection[str]) -> Command | None:
    """What a host says in such a message; None if it is no command."""
    verb, words = said(post)
    if verb not in verbs:
        return None
    host = host_of(chat.settings, post.ref.network, post.author.account, post.author.handle)
    name = host.name if host else person(post.author.name)
    return Command(verb, post.author.account, chat.id, text=words, name=name)


def said(post: Post) -> tuple[str, str]:
    """The first word, case-folded, and the others; without the mentions that such a message begins with."""
    plain = post.text.plain
    verb, *words = plain[_end(plain) :].split(maxsplit=1) or [""]
    return verb.casefold(), "".join(words).strip()


def _end(plain: str) -> int:
    match = _CALLED.match(plain)
    return match.end() if match else 0


def names(verbs: Collection[str]) -> str:
    """What can be said, for one message."""
    return f"You can say: {', '.join(verbs)}. What one of them does: help hide."


def answer(work: Work, chat: ChatState, post: Post, words: str) -> None:
    """Tell the host alone what came of it, in as many posts as it takes."""
    network = post.ref.network
    limits = work.state.opened[network].capabilities.limits
    room = count(post.author.handle) + 2 if limits.local_mentions else 0  # the link addresses them
    limits = msgspec.structs.replace(limits, graphemes=limits.graphemes - room)
    told = marked(unpinging(cut(Text(words), MOST).plain))
    for piece in split(told, limits):
        op = Publish(Words(piece), reply_to=post.ref, reach="direct")
        work.order(network, "people", op, Purpose("reply", network, chat.id))
