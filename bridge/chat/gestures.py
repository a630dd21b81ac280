"""What the community does in a participant's own thread because a host said so: like, boost, a quiet reply.

Only what anybody may read is answered to so; a like or boost is taken back when the page may no longer show
what it stands under.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from bridge.chat.audience import readable
from bridge.chat.state import ChatState, Endorsement, Purpose, Work, dotted, undotted
from bridge.chat.timeline import Entry, key
from bridge.model import Endorse, Final, Network, Post, Publish, Ref, Retract, Sent, Span, Text, Words
from bridge.text import joined

DONE: dict[Literal["like", "boost"], str] = {"like": "liked", "boost": "boosted"}


def places(work: Work, chat: ChatState, entry: Entry, *, endorsing: bool = False) -> list[tuple[Post, Ref]]:
    """The sources of an entry that we can reply to (or, `endorsing`, like and boost), and where."""
    nets, opened = work.state.nets, work.state.opened
    found: list[tuple[Post, Ref]] = []
    for post in readable(entry, work.state.people, work.state.everywhere, "page"):
        for ref in chat.timeline.places(post) if post.reach != "room" else ():
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
            chat.endorsed[dotted(order)] = Endorsement(kind, post.uri, ref.network)
            networks.append(ref.network)
    return networks


def of(chat: ChatState, entry: Entry, kind: Literal["like", "boost"]) -> list[str]:
    """The orders of an entry's likes or boosts."""
    uris = {post.uri for post in entry.sources}
    return [name for name, e in chat.endorsed.items() if e.kind == kind and e.uri in uris]


def undo(work: Work, chat: ChatState, name: str) -> Network:
    """Take a like or boost back. One that has not gone out is cancelled: `Session.outdated` says so."""
    gone = chat.endorsed.pop(name)
    purpose = Purpose("undo", gone.network, chat.id)
    work.order(gone.network, "people", Retract(gone.ref or undotted(name)), purpose)
    return gone.network


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: take back what no longer stands under words that anybody may read."""
    for name, given in list(chat.endorsed.items()):
        no = chat.timeline.uris.get(given.uri)
        entry = chat.timeline.entries.get(no or 0)
        if entry is not None and no not in numbers:
            continue
        seen = readable(entry, work.state.people, work.state.everywhere, "page") if entry else []
        if all(post.uri != given.uri for post in seen):
            undo(work, chat, name)


def endorsed(chat: ChatState, name: str, outcome: Final) -> str | None:
    """An order to like or boost is final; gives what the hosts should be told."""
    given = chat.endorsed.get(name)
    if given is None:
        return None
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


def reply(work: Work, chat: ChatState, entry: Entry, ref: Ref, words: Text) -> None:
    """Answer an author in their own thread, quietly."""
    community = work.state.community
    content = Words(words, language=community.language if community else None)
    purpose = Purpose("answer", ref.network, chat.id, message=entry.no)
    work.order(ref.network, "people", Publish(content, reply_to=ref, reach="quiet"), purpose)


def replied(work: Work, chat: ChatState, no: int, outcome: Final) -> str | None:
    """A reply is final: who answers to it answers to its entry. Gives what the hosts should be told."""
    if not isinstance(outcome, Sent):
        return f"could not be answered: {outcome.why}"
    chat.shown[key(outcome.ref)] = [no]
    work.effects.follow.add(outcome.ref.network)
    return None
