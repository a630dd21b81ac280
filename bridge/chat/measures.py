"""What a network itself is asked to do about a post, because a host said so: tell its moderators, or hide the reply
under a post of ours. Never done by the bridge alone."""

from __future__ import annotations

from typing import Literal

from bridge.chat.audience import readable
from bridge.chat.gestures import PRIVATE
from bridge.chat.state import ChatState, Measure, Purpose, Work, dotted, undotted
from bridge.chat.timeline import Entry, key
from bridge.model import Conceal, Final, Held, Network, Post, Ref, Report, Retract, Sent

Kind = Literal["report", "conceal"]
DONE: dict[Kind, str] = {"report": "reported", "conceal": "hidden there"}


def possible(work: Work, chat: ChatState, entry: Entry, kind: Kind) -> dict[Network, Ref]:
    """Where a network can be asked to do that about an entry, and about which post."""
    nets, opened = work.state.nets, work.state.opened
    found: dict[Network, Ref] = {}
    for post in readable(entry, work.state.people, work.state.everywhere, "hosts"):
        for ref in chat.timeline.places(post):
            link = opened.get(ref.network) if ref.network in nets and nets[ref.network].post else None
            if link is None or ref.network in found:
                continue
            can = link.capabilities
            if can.reports if kind == "report" else can.conceals and _under_ours(chat, post):
                found[ref.network] = ref
    return found


def _under_ours(chat: ChatState, post: Post) -> bool:
    """Whether a post stands in a thread of ours: only there a network lets us hide it."""
    above = [key(ref) for ref in (post.root, post.reply_to) if ref is not None]
    return any(name in chat.items or name in chat.shown for name in above)


def of(chat: ChatState, no: int, kind: Kind, network: Network | None = None) -> list[str]:
    """The orders of what was done so about an entry."""
    return [
        name
        for name, done in chat.measures.items()
        if (done.kind, done.entry) == (kind, no) and network in (None, done.network)
    ]


def ask(work: Work, chat: ChatState, no: int, op: Report | Conceal) -> None:
    """Ask a network to do it about an entry."""
    kind: Kind = "report" if isinstance(op, Report) else "conceal"
    network = op.target.network
    order = work.order(network, "people", op, Purpose(kind, network, chat.id, message=no))
    chat.measures[dotted(order)] = Measure(kind, no, network)


def settled(chat: ChatState, name: str, kind: Kind, outcome: Final) -> str | None:
    """An order is final; gives what the hosts should be told."""
    done = chat.measures.get(name)
    if done is None:  # taken back before it was final: it follows, unless nobody knows
        return f"may be {DONE[kind]} by us: {outcome.why}. Look there." if isinstance(outcome, Held) else None
    if isinstance(outcome, Sent):
        done.ref = outcome.ref
        return None
    del chat.measures[name]
    return f"could not be {DONE[kind]}: {outcome.why}"


def reveal(work: Work, chat: ChatState, name: str) -> Network:
    """Have a reply shown again. An order that has not gone out is cancelled: `Session.outdated` says so."""
    done = chat.measures.pop(name)
    purpose = Purpose("unconceal", done.network, chat.id, message=done.entry)
    work.order(done.network, "people", Retract(done.ref or undotted(name)), purpose)
    return done.network


def undo(work: Work, chat: ChatState, no: int) -> None:
    """An entry is shown again after all: what was done about it and can be undone is; what has not gone out to
    moderators or its author does not go."""
    for name in of(chat, no, "conceal"):
        reveal(work, chat, name)
    for name in of(chat, no, "report"):
        if name in work.state.purposes:
            del chat.measures[name]
    for name, given in list(chat.replies.items()):
        if given.entry == no and given.verb in PRIVATE and name in work.state.purposes:
            del chat.replies[name]
