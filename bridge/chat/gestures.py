"""What the community does in a participant's own thread because a host said so: like, boost, a quiet reply.

Only what anybody may read is liked, boosted and answered so, and what was written in a room is answered there; a
like or boost is taken back when nobody may read any more what it stands under. A note to an author whose words
were hidden goes to them all the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from bridge.chat.audience import readable
from bridge.chat.state import Answer, ChatState, Endorsement, Purpose, Work, dotted, undotted
from bridge.chat.timeline import Entry, key
from bridge.model import (
    Account,
    Cancelled,
    Endorse,
    Final,
    Held,
    Network,
    Post,
    Publish,
    Ref,
    Refused,
    Retract,
    Sent,
    Span,
    Text,
    Words,
)
from bridge.text import joined

DONE: dict[Literal["like", "boost"], str] = {"like": "liked", "boost": "boosted"}
UNDONE = {  # purpose -> what an entry was
    "unlike": "liked",
    "unboost": "boosted",
    "unanswer": "answered",
    "unconceal": "hidden there",
}
PRIVATE = ("note", "signpost")  # for the author alone, and whatever became of what they wrote


def places(
    work: Work,
    chat: ChatState,
    entry: Entry,
    *,
    endorsing: bool = False,
    room: bool = False,
    hidden: bool = False,
) -> list[tuple[Post, Ref]]:
    """The sources of an entry that we can reply to (or, `endorsing`, like and boost), and where. `room`: also
    those written in a room; `hidden`: also those that only hosts may read."""
    nets, opened = work.state.nets, work.state.opened
    found: list[tuple[Post, Ref]] = []
    for post in readable(entry, work.state.people, work.state.everywhere, "hosts" if hidden else "slack"):
        for ref in chat.timeline.places(post) if room or post.reach != "room" else ():
            net, link = nets.get(ref.network), opened.get(ref.network)
            if net and net.post and link and (link.capabilities.endorses or not endorsing):
                found.append((post, ref))
                break
    return found


# ---------------------------------------------------------------- like and boost


def endorse(work: Work, chat: ChatState, entry: Entry, kind: Literal["like", "boost"]) -> list[Network]:
    """Like or boost an entry wherever it stands and that has not been done; gives the networks."""
    done = {(e.kind, e.uri) for e in chat.endorsed.values()}
    networks = []
    for post, ref in places(work, chat, entry, endorsing=True):
        if (kind, post.uri) not in done:
            purpose = Purpose("endorse", ref.network, chat.id, message=entry.no)
            order = work.order(ref.network, "people", Endorse(ref, kind), purpose)
            chat.endorsed[dotted(order)] = Endorsement(kind, post.uri, ref.network, entry.no)
            networks.append(ref.network)
    return networks


def of(chat: ChatState, entry: Entry, kind: Literal["like", "boost"]) -> list[str]:
    """The orders of an entry's likes or boosts."""
    uris = {post.uri for post in entry.sources}
    return [name for name, e in chat.endorsed.items() if e.kind == kind and e.uri in uris]


def undo(work: Work, chat: ChatState, name: str) -> Network:
    """Take a like or boost back. One that has not gone out is cancelled: `Session.outdated` says so."""
    gone = chat.endorsed.pop(name)
    kind: Literal["unlike", "unboost"] = "unlike" if gone.kind == "like" else "unboost"
    purpose = Purpose(kind, gone.network, chat.id, message=gone.entry)
    work.order(gone.network, "people", Retract(gone.ref or undotted(name)), purpose)
    return gone.network


def answerable(work: Work, chat: ChatState, entry: Entry, verb: str) -> list[tuple[Post, Ref]]:
    """The sources of an entry that a host can answer so, and where."""
    return places(work, chat, entry, room=True, hidden=verb in PRIVATE)


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: take back what no longer stands under words that anybody may read."""
    for name, given in list(chat.endorsed.items()):
        no = chat.timeline.uris.get(given.uri)
        entry = chat.timeline.entries.get(no or 0)
        if entry is not None and no not in numbers:
            continue
        seen = readable(entry, work.state.people, work.state.everywhere, "slack") if entry else []
        if all(post.uri != given.uri for post in seen):
            undo(work, chat, name)
    for name, answer in list(chat.replies.items()):  # one not sent yet is not sent any more
        entry = chat.timeline.entries.get(answer.entry)
        if (
            answer.entry in numbers
            and name in work.state.purposes
            and not (entry and answerable(work, chat, entry, answer.verb))
        ):
            del chat.replies[name]


def endorsed(chat: ChatState, name: str, outcome: Final) -> str | None:
    """An order to like or boost is final; gives what the hosts should be told."""
    given = chat.endorsed.get(name)
    if given is None:  # taken back before it was final: if it was given after all, nobody takes it back
        if not isinstance(outcome, Held):
            return None
        return f"may be liked or boosted by us: {outcome.why}. Look there."
    if isinstance(outcome, Sent):
        given.ref = outcome.ref
        return None
    del chat.endorsed[name]
    return f"could not be {DONE[given.kind]}: {outcome.why}"


# ---------------------------------------------------------------- reply


def addressed(post: Post, words: Text, *, by_name: bool) -> Text:
    """A reply as it is written to the author of a post. `by_name`: where mentions are "@name@server" nobody is
    notified of a reply that does not name them (Mastodon's source); elsewhere the reply itself does it."""
    if not by_name:
        return words
    handle = post.author.handle.lstrip("@")
    return joined(Text(f"@{handle}", (Span(0, len(handle) + 1, "mention", handle),)), " ", words)


def reply(work: Work, chat: ChatState, to: tuple[Post, Ref], words: Text, answer: Answer) -> None:
    """Answer the author of a post in their own thread where it stands, quietly or for their eyes alone."""
    post, ref = to
    community = work.state.community
    content = Words(words, language=community.language if community else None)
    purpose = Purpose("answer", ref.network, chat.id, message=answer.entry)
    alone = answer.verb in PRIVATE and work.state.opened[ref.network].capabilities.direct
    op = Publish(content, reply_to=ref, reach="direct" if alone else "quiet")
    order = work.order(ref.network, "people", op, purpose, whose=post.author.handle)
    chat.replies[dotted(order)] = answer


def replied(work: Work, chat: ChatState, name: str, no: int, outcome: Final) -> str | None:
    """A reply is final: who answers to it answers to its entry. Gives what the hosts should be told."""
    if not isinstance(outcome, Sent):
        wanted = chat.replies.pop(name, None) is not None
        return f"could not be answered: {outcome.why}" if wanted or isinstance(outcome, Held) else None
    answer = chat.replies.get(name)
    if answer is None or answer.verb not in PRIVATE:
        chat.shown[key(outcome.ref)] = [no]
        work.effects.follow.add(outcome.ref.network)
    return None


def unanswer(work: Work, chat: ChatState, account: Account) -> None:
    """Take our replies to somebody back, since they name them and stand in their thread."""
    for name, given in list(chat.replies.items()):
        if given.account == account:
            take_back(work, chat, name)


def take_back(work: Work, chat: ChatState, name: str) -> None:
    """Take a reply back. One that has not gone out is cancelled: `Session.outdated` says so."""
    given = chat.replies.pop(name)
    purpose = Purpose("unanswer", given.network, chat.id, message=given.entry)
    work.order(given.network, "people", Retract(undotted(name)), purpose)


# ---------------------------------------------------------------- taken back


def undone(purpose: Purpose, outcome: Final) -> str | None:
    """A like, boost or reply was to be taken back; gives what the hosts should be told."""
    if isinstance(outcome, Sent | Cancelled):  # cancelled: it had never been given
        return None
    may = "is still" if isinstance(outcome, Refused) else "may still be"
    return f"{may} {UNDONE[purpose.kind]} by us: {outcome.why}. Take that back there."
