"""Words that leave for good: one entry's, because a host said so, or a person's, who asked for it. The journal keeps
what placed them, a mark that stands for them, and that they are erased, so that they never come in again and a replay
numbers what it numbered.
"""

from __future__ import annotations

import hashlib

import msgspec

from bridge.chat import bridged, by_message, gestures, intake, promoted
from bridge.chat.community import NOBRIDGE, name_mark, said_to_us, unname, withhold
from bridge.chat.state import Arrived, ChatState, Erased, Event, State, Work
from bridge.chat.timeline import key, names, ref_of, writers
from bridge.chat.verbs import which
from bridge.model import Account, Command, Edited, Post, Text, Written

ADDRESSED = ("reply", "welcome", "note", "signpost", "report", "promote")  # in which hosts speak of an entry


def erase(work: Work, chat: ChatState, no: int) -> None:
    """Take an entry's words out of the state and off every surface, take back what we said to its author, and ask
    for the same in the journal. `no` may be an entry whose authors have removed it already."""
    timeline = chat.timeline
    entry = timeline.entries.get(no)
    standing = entry.sources if entry else []
    uris = (*timeline.left.get(no, ()), *(name for post in standing for name in names(post)))
    answers = tuple(name for name, given in chat.replies.items() if given.entry == no)
    places = tuple(name for name, uri in timeline.refs.items() if uri in uris)
    for name in answers:
        gestures.take_back(work, chat, name)
    promoted.wordless(work, chat, no)
    for place in places:
        timeline.remove(ref_of(place), work.now)
    sent: tuple[str, ...] = (chat.outward[no].order,) if no in chat.outward and chat.outward[no].order else ()
    sent += promoted.crediting(chat, no)
    chat.erased[no] = found = Erased(chat.id, no, uris, places, answers + sent)
    intake.gone(work, chat, no)
    work.effects.forget.append(found)


def redact(state: State, what: Account | Erased, event: Event) -> Event:
    """An event of the journal as it may stay when a person, or an entry, has left it. Who asked for that is not to be
    read in what hosts said to them either, nor in the drafts of a question that was theirs."""
    if isinstance(what, str):
        event = _unnamed(state, what, event)
    match event:
        case Arrived(network, (Written(post) | Edited(post)) as said):
            if isinstance(what, Erased) and written(state, what, post):
                post = _wordless(state, post)
            elif post.reach == "direct" and key(post.ref) in state.handled:
                verb, words = by_message.said(post)
                command = Command(verb, post.author.account, text=words)
                if (unsaid := _unsaid(state, what, command)) != command:
                    post = msgspec.structs.replace(post, text=Text(f"{verb} {unsaid.text}"))
            return Arrived(network, msgspec.structs.replace(said, post=post))
        case Arrived(network, Command() as command):
            return Arrived(network, _unsaid(state, what, command))
        case _:
            return event


def _unnamed(state: State, account: Account, event: Event) -> Event:
    """The event without the words and the name of a person. What they asked of us, and a question they posted by hand
    as a host, are not their words about the chat and stay."""
    match event:
        case Arrived(network, (Written(post) | Edited(post)) as what) if bridged.theirs(state, account, post):
            if said_to_us(post, state.people.ours.get(network)):
                nameless = msgspec.structs.replace(post, author=unname(post).author)
                return Arrived(network, msgspec.structs.replace(what, post=nameless))
            by_hand = any(key(post.ref) in chat.items for chat in state.chats.values())
            if by_hand or key(post.ref) in state.handled:  # a host's question, a host's command
                return event
            post = msgspec.structs.replace(unname(post), erased=post.erased or not post.mark)
            return Arrived(network, msgspec.structs.replace(what, post=post))
        case Arrived(network, Command() as what) if what.by == account:
            return Arrived(network, msgspec.structs.replace(what, name=""))
        case _:
            return event


def written(state: State, what: Account | Erased, post: Post) -> bool:
    """Whether a post of the journal is theirs, or the entry's."""
    return bridged.theirs(state, what, post) if isinstance(what, str) else post.uri in what.uris


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


def _unsaid(state: State, what: Account | Erased, command: Command) -> Command:
    """A host's command without the words that are about what leaves."""
    said = which.rest(command)
    if command.verb == "preview" and command.item is not None:
        return msgspec.structs.replace(command, text="")  # a draft: nothing came of it
    if not said or command.verb not in ADDRESSED:
        return command
    chats = [chat for chat in state.chats.values() if command.chat in (None, chat.id)]
    if not any(_about(chat, what, command) and not _asked(chat, command, said) for chat in chats):
        return command
    return msgspec.structs.replace(command, text=command.text.rstrip().removesuffix(said) + _filler(said))


def _about(chat: ChatState, what: Account | Erased, command: Command) -> bool:
    """Whether a host said something to the author of what leaves."""
    no, at = chat.timeline.merged.get(which.number(command) or 0, which.number(command)), command.at
    if isinstance(what, Erased):
        return chat.id == what.chat and (no == what.entry or (at is not None and key(at) in what.places))
    entry = chat.timeline.at(at) if at is not None else chat.timeline.entries.get(no or 0)
    return entry is not None and any(what in writers(post) for post in entry.sources)


def _asked(chat: ChatState, command: Command, said: str) -> bool:
    """Whether that has become a question: it stands everywhere, and hosts were told so."""
    item = chat.sheet.get(chat.promoted.get(which.number(command) or 0))
    return command.verb == "promote" and item is not None and item.words == said


def _filler(said: str) -> str:
    """As long as what was said, and unlike what else was: a replay has to refuse what was too long, or had been said
    before."""
    few = hashlib.blake2b(said.encode(), digest_size=2).hexdigest()
    return few.ljust(len(said), "…")[: len(said)]
