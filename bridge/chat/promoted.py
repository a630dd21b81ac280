"""Participants' questions that hosts made the chat's: who asked is named as they agree to it now. What has not gone
out yet goes out so, and what stands on a network is corrected where posts can be edited; else the hosts are told."""

from __future__ import annotations

from collections.abc import Collection

from bridge.chat import conduct, drafts
from bridge.chat.audience import blocked, stays
from bridge.chat.runsheet import How, Item
from bridge.chat.state import ChatState, Purpose, State, Work, undotted
from bridge.chat.timeline import Entry
from bridge.chat.wording import Part, listed
from bridge.model import Cancelled, Final, Network, Sent, Update


def agreed(state: State, entry: Entry) -> How:
    """How who wrote an entry may be named in a question: in a room as they consented to, elsewhere by name."""
    post, people = entry.first, state.people
    if entry.hidden or stays(post, people) or blocked(post, entry, people):
        return ""
    if post.reach != "room":
        return "name"
    consent = people.of(post.author.account).consent
    return "" if consent == "no" else consent


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: who asked them is named only as long, and as fully, as they let us."""
    for no, name in chat.promoted.items():
        item = chat.sheet.get(name) if no in numbers else None
        if item is None or not item.how:
            continue
        entry = chat.timeline.entries.get(no)
        how = agreed(work.state, entry) if entry is not None else ""
        if how == item.how or (how and item.how == "first"):  # who was named by the first name stays so
            continue
        says = "has only the first name of who asked it now" if how else "does not name who asked it any more"
        conduct.tell(work, chat, f"{item.label} {says}.{_rename(work, chat, item, how)}")


def wordless(work: Work, chat: ChatState, no: int) -> None:
    """What an entry said leaves for good, and a question was made of it."""
    item = chat.sheet.get(chat.promoted.get(no))
    if item is None:
        return
    made = f"{item.label} was made of entry {no}, whose words are gone for good."
    left = "It still stands everywhere as a host worded it: take away by hand what should not stay."
    named = f" It does not name who asked it any more.{_rename(work, chat, item, '')}" if item.how else ""
    conduct.tell(work, chat, f"{made} {left}{named}")


# ---------------------------------------------------------------- the name on the networks


def _rename(work: Work, chat: ChatState, item: Item, how: How) -> str:
    """Name who asked otherwise. Gives what the hosts should know of where it stands already; an order that is still
    open is out of date by this."""
    if how:
        item.named(item.asker, how, item.credit.split(" ")[0], item.whose)
    else:
        item.named()
    standing = [
        network
        for network, order in item.crediting.items()
        if item.on.get(network) == "posted" and order not in work.state.purposes
    ]
    left = [network for network in standing if not _correct(work, chat, item, network)]
    return _left(work, left) if left else ""


def _left(work: Work, networks: list[Network]) -> str:
    titles = listed([work.state.everywhere[network].title for network in networks])
    return f" On {titles} it stands as it was, since posts cannot be edited there: delete it there if you have to."


def _correct(work: Work, chat: ChatState, item: Item, network: Network) -> bool:
    """Have the post that names who asked say it as it is now; False if posts cannot be edited there."""
    opened, found = work.state.opened.get(network), _credit(work, chat, item, network)
    if opened is None or not opened.capabilities.edits or found is None:
        return False
    part, post = found
    purpose = Purpose("credit", network, chat.id, item=item.id, part=part, message=item.naming)
    op = Update(undotted(item.crediting[network]), post.words)
    work.order(network, "sheet", op, purpose, whose=item.whose)
    return True


def _credit(work: Work, chat: ChatState, item: Item, network: Network) -> tuple[int, Part] | None:
    """The part of an item that names who asked, as it is now."""
    net = work.state.everywhere.get(network)
    posts = drafts.posts(work.state, chat, item, net) if net is not None else ()
    return next(((n, post) for n, post in enumerate(posts) if post.credit), None)


# ---------------------------------------------------------------- orders that name who asked


def crediting(chat: ChatState, no: int) -> tuple[str, ...]:
    """The orders, "seq.index", that went out, or shall, with the name of who asked."""
    item = chat.sheet.get(chat.promoted.get(no))
    return tuple(item.crediting.values()) if item is not None else ()


def outdated(chat: ChatState, purpose: Purpose) -> bool:
    """Whether an order that has not gone out yet names somebody otherwise than they agree to now."""
    item = chat.sheet.get(purpose.item)
    return item is not None and item.misnames(purpose.message)


def settled(work: Work, chat: ChatState, purpose: Purpose, outcome: Final) -> None:
    """An item's order is final. One that went out all the same is put right; a further part that did not go out goes
    out anew (what begins the item does so by itself)."""
    item, network = chat.sheet.get(purpose.item), purpose.network
    if item is None or not item.misnames(purpose.message):
        return
    if isinstance(outcome, Sent) and not _correct(work, chat, item, network):
        conduct.tell(
            work, chat, f"{item.label} went out as its author is not to be named.{_left(work, [network])}"
        )
    posted = purpose.part and item.on.get(network) == "posted"
    if (
        posted
        and isinstance(outcome, Cancelled)
        and (found := _credit(work, chat, item, network)) is not None
    ):
        seq, first = undotted(chat.first[f"{item.id}/{network}"])
        part, post = found
        conduct.publish_part(work, chat, item, network, part, post=post, reply_to=(seq, first + part - 1))


def corrected(work: Work, chat: ChatState, purpose: Purpose, outcome: Final) -> None:
    """The name of who asked was to be taken out, or made shorter."""
    item = chat.sheet.get(purpose.item)
    if item is None or isinstance(outcome, Sent | Cancelled):  # cancelled: another one follows
        return
    title = work.state.everywhere[purpose.network].title
    conduct.tell(
        work, chat, f"On {title}, {item.label} may still name who asked it: {outcome.why}. Look there."
    )
