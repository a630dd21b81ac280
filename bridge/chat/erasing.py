"""Words that leave for good: one entry's, because a host said so. The journal keeps what placed them, a mark that
stands for them, and that they are erased, so that they never come in again and a replay numbers what it numbered.

Who wants to be forgotten is `intake.redact`'s; here both come together, for whoever rewrites the journal.
"""

from __future__ import annotations

import msgspec

from bridge.chat import gestures, intake
from bridge.chat.community import NOBRIDGE, name_mark, withhold
from bridge.chat.state import Arrived, ChatState, Erased, Event, State, Work
from bridge.chat.timeline import key, ref_of
from bridge.chat.verbs import which
from bridge.model import Account, Command, Edited, Post, Written

ADDRESSED = ("reply", "welcome", "note", "signpost", "report")  # in which hosts speak of an entry
GONE = "…"  # what is left of that


def erase(work: Work, chat: ChatState, no: int) -> None:
    """Take an entry's words out of the state and off every surface, take back what we said to its author, and ask
    for the same in the journal. `no` may be an entry whose authors have removed it already."""
    timeline = chat.timeline
    entry = timeline.entries.get(no)
    uris = (*timeline.left.get(no, ()), *(post.uri for post in (entry.sources if entry else ())))
    answers = tuple(name for name, given in chat.replies.items() if given.entry == no)
    places = tuple(name for name, uri in timeline.refs.items() if uri in uris)
    for name in answers:
        gestures.take_back(work, chat, name)
    for place in places:
        timeline.remove(ref_of(place), work.now)
    sent = (chat.outward[no].order,) if no in chat.outward and chat.outward[no].order else ()
    chat.erased[no] = found = Erased(chat.id, no, uris, places, answers + sent)
    intake.gone(work, chat, no)
    work.effects.forget.append(found)


def redact(state: State, what: Account | Erased, event: Event) -> Event:
    """An event of the journal as it may stay when a person, or an entry, has left it."""
    if isinstance(what, str):
        return intake.redact(state, what, event)
    match event:
        case Arrived(network, (Written(post) | Edited(post)) as said) if post.uri in what.uris:
            return Arrived(network, msgspec.structs.replace(said, post=_wordless(state, post)))
        case Arrived(network, Command() as command) if command.verb in ADDRESSED and _about(command, what):
            return Arrived(network, msgspec.structs.replace(command, text=_unsaid(command)))
        case _:
            return event


def _wordless(state: State, post: Post) -> Post:
    """The post without words, and without a name or tags that could be some; seen by whom it was seen by, so that
    what came of it stays as it was."""
    author = msgspec.structs.replace(post.author, name="", avatar=None, mark=name_mark(post.author))
    placing = {chat.settings.hashtag.casefold() for chat in state.chats.values()} | {NOBRIDGE}
    return msgspec.structs.replace(
        withhold(post),
        author=author,
        tags=tuple(tag for tag in post.tags if tag in placing),
        erased=post.erased or not post.mark,
    )


def _about(command: Command, what: Erased) -> bool:
    """Whether a host said something to the author of what is erased."""
    if command.chat not in (None, what.chat):
        return False
    at = command.at is not None and key(command.at) in what.places
    return at or which.number(command) == what.entry


def _unsaid(command: Command) -> str:
    said = which.rest(command)
    return command.text.rstrip().removesuffix(said) + GONE if said else command.text
