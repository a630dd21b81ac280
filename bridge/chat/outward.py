"""Words that leave a room, by their author's own act: a reply of theirs to somebody out there goes out, once a host
has approved it, as the community's quiet reply in that thread.

It says what its author says, and is taken back when they, whom it answers or a host no longer let it be seen. Who
answers it out there answers its entry.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection

from bridge.chat import conduct, gestures, wording
from bridge.chat.consent import addressee, whom, written_here
from bridge.chat.present import display_name, hosts_card
from bridge.chat.state import ChatState, Outward, Purpose, State, Work, dotted, noticed, undotted
from bridge.chat.timeline import Entry, key
from bridge.model import (
    Button,
    Cancelled,
    Final,
    Held,
    Limits,
    Notice,
    Post,
    Publish,
    Ref,
    Retract,
    Sent,
    Target,
    Text,
    Update,
    Words,
)
from bridge.text import count, cut, fits, joined, marked, tame

_NAMED = re.compile(r"^\s*>\d{1,6}\s*")  # names the entry it answers, which means nothing out there
HOW = "Write in the thread under somebody's entry, or begin with the entry's number, as in >42."
STAGES = {
    "asked": "The hosts have been asked already; you will be told what came of it.",
    "approved": "That has been sent already. Edit or delete it here, and the reply follows.",
    "declined": "The hosts have decided not to send that. Edit it, and you can ask again.",
}


# ---------------------------------------------------------------- the author wants it sent


def request(work: Work, chat: ChatState, entry: Entry) -> str:
    """The author of an entry wants it sent: the hosts are asked. Gives what the author is told."""
    post, to = written_here(work, entry), addressee(work, chat, entry)
    if post is None or to is None:
        return f"That cannot be sent: it answers nobody out there whose words are shown here. {HOW}"
    if entry.no in chat.outward:
        return STAGES[chat.outward[entry.no].stage]
    wanted = Outward(post.author.account, post.ref.network, post.uri, to[0].uri, to[1].network)
    wanted.said = words(work.state, chat, entry, wanted)
    if not wanted.said.plain:
        return "That cannot be sent: there are no words in it."
    chat.outward[entry.no] = wanted
    text = f"Send this out as a reply to {whom(work.state, chat, *to)}? Its author asks for it."
    conduct.tell(
        work,
        chat,
        text,
        _choice(chat, entry.no, wanted),
        _about(entry.no),
        card=hosts_card(work.state, chat, entry),
    )
    stays = " Its pictures stay here." if post.media else ""
    return f"Done: the hosts are asked, and you will be told what came of it.{stays}"


def _about(no: int) -> str:
    return f"outward {no}"


def _choice(chat: ChatState, no: int, wanted: Outward) -> tuple[Button, ...]:
    return (
        Button("Approve", "approve", chat.id, item=str(no), style="primary", text=str(wanted.version)),
        Button("Decline", "decline", chat.id, item=str(no)),
    )


def _source(entry: Entry, wanted: Outward) -> Post:
    return next(post for post in entry.sources if post.uri == wanted.uri)


# ---------------------------------------------------------------- its words


def words(state: State, chat: ChatState, entry: Entry, wanted: Outward) -> Text:
    """What goes out: "@ann@mastodon.example Wren, on Slack: …", within one post of its network; empty if there are
    no words. It notifies nobody but whom it answers, where the network asks for that. In a replay the mark stands for
    words that were taken out."""
    post = _source(entry, wanted)
    said = _NAMED.sub("", wording.unpinging(tame(post.text.plain))).strip() or post.mark
    answered = next(p for p in _above(chat, wanted).sources if p.uri == wanted.to)
    limits = state.opened[wanted.network].capabilities.limits
    name = display_name(state, chat, post, "page")
    lead = f"{name.split()[0] if name else 'A member'}, on {state.everywhere[wanted.room].title}: "

    def whole(some: Text) -> Text:
        return gestures.addressed(answered, joined(lead, marked(some.plain)), by_name=limits.local_mentions)

    return _shortened(Text(said), whole, limits) if said else Text()


def _above(chat: ChatState, wanted: Outward) -> Entry:
    """The entry that it answers."""
    return chat.timeline.entries[chat.timeline.uris[wanted.to]]


def _shortened(said: Text, whole: Callable[[Text], Text], limits: Limits) -> Text:
    """`whole` around as much of what is said as one post holds."""
    if fits(whole(said), limits):
        return whole(said)
    sizes = range(1, count(said.plain))
    too_long = bisect_left(sizes, True, key=lambda size: not fits(whole(cut(said, size)), limits))
    return whole(cut(said, max(1, too_long)))


# ---------------------------------------------------------------- the hosts decide


def approve(work: Work, chat: ChatState, no: int, version: str) -> str:
    """A host says yes: it goes out, once. `version`: of the words that they read, if that is known."""
    wanted = chat.outward.get(no)
    if wanted is None or wanted.stage != "asked":
        return _passed(wanted, no)
    if version not in ("", str(wanted.version)):
        return f"The author of entry {no} has edited it meanwhile; nothing was done. Read it anew, and decide then."
    community, entry = work.state.community, chat.timeline.entries[no]
    place = _place(work, chat, entry, wanted)
    if community is None or community.outward == "none" or place is None:  # the config is another by now
        _drop(work, chat, no, "the config does not let it go out any more")
        return f"Entry {no} cannot go out any more, as the config is now."
    wanted.stage = "approved"
    _publish(work, chat, entry, wanted, place)
    title = _title(work, wanted)
    _renew(work, chat, no, Notice(f"Entry {no} goes out as a reply on {title}.", (_take_back(chat, no),)))
    return f"Done: entry {no} goes out as a reply on {title}."


def decline(work: Work, chat: ChatState, no: int, _: str) -> str:
    """A host says no."""
    wanted = chat.outward.get(no)
    if wanted is None or wanted.stage != "asked":
        return _passed(wanted, no)
    wanted.stage = "declined"
    _whisper(work, wanted, "The hosts have decided not to send your reply out. It stays here.")
    conduct.close(work, chat, _about(no), f"Entry {no} is not sent out.")
    return f"Done: entry {no} is not sent out."


def take_back(work: Work, chat: ChatState, no: int, _: str) -> str:
    """A host takes back what went out."""
    wanted = chat.outward.get(no)
    if wanted is None or wanted.stage != "approved":
        return _passed(wanted, no)
    _retract(work, chat, no, wanted)
    wanted.stage, wanted.order, wanted.refs = "declined", "", []
    wanted.said = words(work.state, chat, chat.timeline.entries[no], wanted)
    title = _title(work, wanted)
    _whisper(work, wanted, f"The hosts have taken your reply on {title} back. What you wrote stays here.")
    conduct.close(work, chat, _about(no), f"The reply of entry {no} on {title} is taken back.")
    return f"Done: the reply of entry {no} on {title} is taken back."


def _passed(wanted: Outward | None, no: int) -> str:
    stages = {
        "asked": "has not gone out yet",
        "approved": "has been approved already",
        "declined": "is not sent out",
    }
    return f"Entry {no} {stages[wanted.stage] if wanted else 'is not waiting to be sent'}; nothing was done."


def _take_back(chat: ChatState, no: int) -> Button:
    sure = "Take this reply back from its network?"
    return Button("Take it back", "takeback", chat.id, item=str(no), style="danger", confirm=sure)


def _title(work: Work, wanted: Outward) -> str:
    return work.state.everywhere[wanted.network].title


def _whisper(work: Work, wanted: Outward, text: str) -> None:
    """Its author alone is told what came of it."""
    work.effects.whispers.append((wanted.room, wanted.account, "chat", Notice(text)))


def _renew(work: Work, chat: ChatState, no: int, notice: Notice) -> None:
    """The hosts' message about it says how things are now."""
    if _about(no) in chat.notices:
        console, order = noticed(chat.notices[_about(no)])
        work.order(
            console, "hosts", Update(order, notice), Purpose("notice", console, chat.id), place="hosts"
        )


# ---------------------------------------------------------------- it goes out


def _publish(work: Work, chat: ChatState, entry: Entry, wanted: Outward, place: Ref) -> None:
    _order(work, chat, entry, wanted, lambda content: Publish(content, reply_to=place, reach="quiet"))


def _update(work: Work, chat: ChatState, entry: Entry, wanted: Outward) -> None:
    """What stands out there says what its author says now. While an order is open, the next one waits for it."""
    waits = not wanted.refs or wanted.order in work.state.purposes
    if not waits and words(work.state, chat, entry, wanted) != wanted.said:
        _order(work, chat, entry, wanted, lambda content: Update(wanted.refs[-1], content))


def _order(
    work: Work, chat: ChatState, entry: Entry, wanted: Outward, op: Callable[[Words], Publish | Update]
) -> None:
    community = work.state.community
    wanted.said = words(work.state, chat, entry, wanted)
    content = Words(wanted.said, language=community.language if community else None)
    purpose = Purpose("outward", wanted.network, chat.id, message=entry.no)
    whose = _source(entry, wanted).author.handle
    wanted.order = dotted(work.order(wanted.network, "people", op(content), purpose, whose=whose))


def outdated(state: State, chat: ChatState, name: str, no: int) -> bool:
    """Whether an order that has not gone out yet is no longer wanted, or no longer says what its author says."""
    wanted = chat.outward.get(no)
    if wanted is None or wanted.order != name:
        return True
    return words(state, chat, chat.timeline.entries[no], wanted) != wanted.said


def settled(work: Work, chat: ChatState, name: str, no: int, outcome: Final) -> str | None:
    """An order is final. Gives what the hosts should be told."""
    wanted = chat.outward.get(no)
    if wanted is None or wanted.order != name:  # taken back meanwhile: so is what it made
        return f"may have gone out: {outcome.why}. Look there." if isinstance(outcome, Held) else None
    entry, first = chat.timeline.entries[no], not wanted.refs
    if isinstance(outcome, Sent):
        wanted.refs = [*(ref for ref in wanted.refs if ref != outcome.ref), outcome.ref]
        chat.shown[key(outcome.ref)] = [no]
        work.effects.follow.add(outcome.ref.network)
        if first:
            where = f": {outcome.url}" if outcome.url else "."
            _whisper(work, wanted, f"Your reply is on {_title(work, wanted)} now{where}")
    elif isinstance(outcome, Cancelled) and first:  # its author edited it before it went out
        if (place := _place(work, chat, entry, wanted)) is None:
            _drop(work, chat, no, "the config does not let it go out any more")
        else:
            _publish(work, chat, entry, wanted, place)
        return None
    elif isinstance(outcome, Held) and first:
        return f"may have gone out as a reply, or not: {outcome.why}. Look there."
    elif not isinstance(outcome, Cancelled):
        if first:
            _drop(work, chat, no, f"it could not be sent: {outcome.why}")
            return f"could not go out as a reply: {outcome.why}"
        return f"was edited, and its reply still says the old words: {outcome.why}"
    _update(work, chat, entry, wanted)
    return None


def undone(outcome: Final) -> str | None:
    """A reply was to be taken back; gives what the hosts should be told."""
    if isinstance(outcome, Sent | Cancelled):  # cancelled: it had never gone out
        return None
    return f"may still have its reply: {outcome.why}. Take that back there."


# ---------------------------------------------------------------- it follows what its author wrote


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: what goes out of them, or answers them, is put right or taken back."""
    for no in numbers:
        if (one := chat.timeline.merged.get(no)) in chat.timeline.entries:
            _move(work, chat, one, no)
    for no, wanted in list(chat.outward.items()):
        above = chat.timeline.uris.get(wanted.to)
        if no not in numbers and above is not None and above not in numbers:
            continue
        entry = chat.timeline.entries.get(no)
        if entry is None or _place(work, chat, entry, wanted) is None:
            _drop(work, chat, no, "who wrote it, whom it answers or a host does not want it seen any more")
        elif (said := words(work.state, chat, entry, wanted)) != wanted.said:
            _reworded(work, chat, entry, wanted, said)


def _move(work: Work, chat: ChatState, one: int, other: int) -> None:
    """Entry `other` turned out to be `one`: what goes out of it is that one's, and the hosts' buttons name it. Where
    something goes out of both, the later one is taken back."""
    if one in chat.outward or other not in chat.outward:
        return
    wanted = chat.outward[one] = chat.outward.pop(other)
    if _about(other) not in chat.notices:
        return
    chat.notices[_about(one)] = chat.notices.pop(_about(other))
    if wanted.stage == "asked":
        text = "Send this out as a reply? Its author asks for it."
        card = hosts_card(work.state, chat, chat.timeline.entries[one])
        _renew(work, chat, one, Notice(text, _choice(chat, one, wanted), card))
    elif wanted.stage == "approved":
        text = f"Entry {one} goes out as a reply on {_title(work, wanted)}."
        _renew(work, chat, one, Notice(text, (_take_back(chat, one),)))


def _place(work: Work, chat: ChatState, entry: Entry, wanted: Outward) -> Ref | None:
    """Where it stands or shall, while both its author and whom it answers let it be seen."""
    post = written_here(work, entry)
    if post is None or post.uri != wanted.uri or wanted.to not in chat.timeline.uris:
        return None
    for answered, ref in gestures.places(work, chat, _above(chat, wanted)):
        if (answered.uri, ref.network) == (wanted.to, wanted.network):
            return ref
    return None


def _reworded(work: Work, chat: ChatState, entry: Entry, wanted: Outward, said: Text) -> None:
    """The author's entry says something else."""
    no = entry.no
    if not said.plain:
        _drop(work, chat, no, "there are no words in it any more")
        return
    match wanted.stage:
        case "declined":  # it may be asked for again
            del chat.outward[no]
        case "asked":
            wanted.said, wanted.version = said, wanted.version + 1
            text = "Send this out as a reply? Its author asks for it, and has edited it."
            card = hosts_card(work.state, chat, entry)
            _renew(work, chat, no, Notice(text, _choice(chat, no, wanted), card))
        case "approved":
            _update(work, chat, entry, wanted)
            conduct.close(
                work, chat, _about(no), f"Entry {no} went out as a reply on {_title(work, wanted)}."
            )
            text = f"Entry {no} was edited by its author. Its reply on {_title(work, wanted)} says the new words."
            card = hosts_card(work.state, chat, entry)
            conduct.tell(work, chat, text, (_take_back(chat, no),), _about(no), card=card)


def _drop(work: Work, chat: ChatState, no: int, why: str) -> None:
    """It is not sent, or taken back: who wrote it is told, unless they took it away themselves."""
    wanted, entry = chat.outward.pop(no), chat.timeline.entries.get(no)
    if wanted.stage == "declined":
        return
    _retract(work, chat, no, wanted)
    what = (
        f"The reply of entry {no} is not sent"
        if not wanted.order
        else f"The reply of entry {no} is taken back"
    )
    conduct.close(work, chat, _about(no), f"{what}: {why}.")
    if entry is not None and written_here(work, entry) is not None:
        came = "was not sent" if not wanted.refs else "was taken back"
        _whisper(work, wanted, f"Your reply {came}: {why}. What you wrote stays here.")


def _retract(work: Work, chat: ChatState, no: int, wanted: Outward) -> None:
    """Take away all that stands of it. An order that has not gone out is cancelled: `outdated` says so."""
    standing: list[Target] = [*wanted.refs]
    pending: list[Target] = [undotted(wanted.order)] if wanted.order in work.state.purposes else []
    for target in standing + pending:
        purpose = Purpose("unoutward", wanted.network, chat.id, message=no)
        work.order(wanted.network, "people", Retract(target), purpose)
