"""When people's words have had their time: what of a chat stays, and what of the journal.

Figures stay, and what hosts and the run sheet said. Entries become numbers without a post, whose authors are told
apart and nothing more; who said what they want of us stays known by their account, everybody else does not. What we
made of people's words leaves with them: their copies in rooms, replies sent out for them, questions to the hosts.

Unlike every other event this one takes along what it came to: what came before it can then leave the journal.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

import msgspec

from bridge.chat.audience import taken_off
from bridge.chat.community import SERVER, Person, host_of
from bridge.chat.copies import Gather
from bridge.chat.nights import calm
from bridge.chat.runsheet import Sheet
from bridge.chat.state import (
    Arrived,
    ChatState,
    Event,
    Expired,
    Leaving,
    Left,
    Purpose,
    Settled,
    State,
    Work,
    noticed,
    undotted,
)
from bridge.chat.timeline import Entry, Timeline, key, writers
from bridge.model import (
    HOUR,
    Account,
    Author,
    AuthorGone,
    AuthorKnown,
    Command,
    Edited,
    Micros,
    Network,
    OrderId,
    Post,
    Ref,
    Removed,
    Retract,
    Target,
    Text,
    Written,
)

DAY: Micros = 24 * HOUR  # words stay so long after the late window, however short they are kept
DRAFTS = ("preview", "promote")  # commands that begin with words of a participant
NOBODY = "gone"  # the mark of a post of which nothing is left to be read


# ---------------------------------------------------------------- when


def due(state: State) -> tuple[Micros, str] | None:
    """The next chat whose words have had their time, and when; never in the hour of another chat."""
    if state.community is None:
        return None
    times = [
        (max(chat.sheet.ends + state.community.keep_text, chat.sheet.late_until + DAY), chat.id)
        for chat in state.chats.values()
        if chat.over and not chat.expired
    ]
    at, name = min(times, default=(0, ""))
    return (calm(state, at), name) if name else None


# ---------------------------------------------------------------- what stays in the state


def expire(work: Work, step: Expired) -> None:
    """The words of a chat leave. A step that says what stays is a replay's."""
    state, chat = work.state, work.state.chats.get(step.chat)
    if chat is None or chat.expired:
        return
    if step.left is None:
        leaving = _leave(work, chat)
        work.effects.forget.append(leaving)
        step = leaving.step
    assert step.left is not None
    left = _copied(step.left)  # an event is not to change when the state does
    state.chats[chat.id] = left.chat
    state.people.all = left.people
    state.purposes = left.purposes
    state.handled = {act: at for act, at in state.handled.items() if at > left.chat.sheet.late_until}
    state.stamp = max(state.stamp, left.stamp)
    work.changed(left.chat, *left.chat.timeline.entries)
    work.effects.sheet.add(chat.id)


def _copied(left: Left) -> Left:
    return msgspec.json.decode(msgspec.json.encode(left), type=Left)


def _leave(work: Work, chat: ChatState) -> Leaving:
    """Take back what we made of people's words; gives what leaves, and what stays."""
    state = work.state
    _take_back(work, chat)
    left = ChatState(
        settings=chat.settings,
        sheet=_nameless(chat.sheet),
        timeline=Timeline(entries=_figures(state, chat), last=chat.timeline.last),
        copies=chat.copies,
        items=chat.items,
        uris=chat.uris,
        posted=chat.posted,
        first=chat.first,
        notices={about: where for about, where in chat.notices.items() if about.startswith("board/")},
        boards=chat.boards,
        reconciled=chat.reconciled,
        lead=chat.lead,
        ending=True,
        over=True,
        expired=work.now,
    )
    for copies in left.copies.values():
        for no in chat.timeline.entries:
            copies.touch(no, lambda no: None, work.now)
    others = [c for c in state.chats.values() if c.id != chat.id and not c.expired]
    sources = (post for c in others for entry in c.timeline.entries.values() for post in entry.sources)
    staying = {account for post in sources for account in writers(post)}
    people = {
        account: someone if account in staying else _wishes(someone)
        for account, someone in state.people.all.items()
        if account in staying or _wished(someone)
    }
    timeline = chat.timeline
    return Leaving(
        Expired(chat.id, _copied(Left(left, people, state.purposes, state.stamp))),
        frozenset((*timeline.refs, *timeline.removed)),
        frozenset((*timeline.uris, *timeline.removed, *(u for uris in timeline.left.values() for u in uris))),
        frozenset(staying),
    )


def _take_back(work: Work, chat: ChatState) -> None:
    """Replies that went out for people in a room, and what hosts and admins were told of people's words."""
    for no, wanted in chat.outward.items():
        pending = [undotted(wanted.order)] if wanted.order in work.state.purposes else []
        standing: list[Target] = [*wanted.refs, *pending]
        for target in standing:
            purpose = Purpose("unoutward", wanted.network, chat.id, message=no)
            work.order(wanted.network, "people", Retract(target), purpose)
    for about, where in chat.notices.items():
        if not about.startswith("board/"):
            _unsay(work, chat, where, "notice")
    for where in (where for sent in chat.alerts.values() for where in sent):
        _unsay(work, chat, where, "alert")


def _unsay(work: Work, chat: ChatState, where: str, kind: Literal["notice", "alert"]) -> None:
    network, order = noticed(where)
    work.order(network, "hosts", Retract(order), Purpose(kind, network, chat.id), place="hosts")


def _nameless(sheet: Sheet) -> Sheet:
    """The run sheet without the names of participants whose questions it took up."""
    for item in sheet.items:
        if item.how:
            item.named()
    return sheet


def _figures(state: State, chat: ChatState) -> dict[int, Entry]:
    """What can be counted of the entries: when, on which networks, to which question, by how many people."""
    somebody: dict[Account, str] = {}

    def figure(post: Post) -> Post:
        number = somebody.setdefault(post.author.account, f"{NOBODY} {len(somebody) + 1}")
        place, nobody = Ref(post.ref.network, ""), Author(number, "")
        return Post(place, "", nobody, Text(), post.at, post.seen, reach=post.reach, mark=NOBODY)

    return {
        no: Entry(
            no,
            [figure(post) for post in entry.sources],
            entry.at,
            entry.questions,
            "host",  # it stays where it is
            entry.late,
            hidden=taken_off(entry, state.people),
        )
        for no, entry in chat.timeline.entries.items()
    }


def _wished(someone: Person) -> bool:
    """Whether somebody, or a host about them, said what lasts longer than a chat."""
    said = someone.stopped is not None or someone.consent
    return bool(said or someone.forgotten or someone.blocked)


def _wishes(someone: Person) -> Person:
    """That alone."""
    return Person(
        someone.account,
        stopped=someone.stopped,
        forgotten=someone.forgotten,
        consent=someone.consent,
        blocked=someone.blocked,
    )


# ---------------------------------------------------------------- what stays in the journal


class Clearing:
    """Goes through the journal twice: `look` at each event, then ask what is `left` of it.

    `state`: after the words left it. `orders`: the ids of what was ordered for the chat beside its run sheet, and is
    done.
    """

    def __init__(self, state: State, leaving: Leaving) -> None:
        self.step = leaving.step
        self.orders: Container[OrderId] = ()
        self._state = state
        self._leaving = leaving
        self._staying = set(leaving.staying)  # who is met in what stays
        self._others = [c for c in state.chats.values() if not c.expired]

    def look(self, event: Event) -> None:
        """Learn who is met in what stays."""
        match event:
            case Arrived(what=Written(post) | Edited(post)) if self._elsewhere(post):
                self._staying.update(writers(post))

    def left(self, event: Event) -> Event | None:
        """The event as it may stay in the journal; None if it may not."""
        match event:
            case Expired(chat=self.step.chat):
                return self.step
            case Expired(left=Left() as left):
                people = self._known(left.people)
                return Expired(event.chat, msgspec.structs.replace(left, people=people))
            case Arrived(network, Written(post) | Edited(post)):
                return event if self._keeps(network, post) else None
            case Arrived(what=Removed(ref)):
                return None if key(ref) in self._leaving.refs else event
            case Arrived(network, AuthorKnown(account=account) | AuthorGone(account=account)):
                return event if self._stays(network, account) else None
            case Arrived(network, Command() as command):
                return self._command(network, command)
            case Settled(order):
                return None if order in self.orders else event
            case Gather(chat=self.step.chat):
                return None
            case _:
                return event

    def _command(self, network: Network, command: Command) -> Event | None:
        """What hosts said stays; not drafts of what somebody asked, which stands where it became a question."""
        whose = command.item or "" if command.verb == "forget" else command.by
        if not self._stays(network, whose):
            return None
        if command.chat == self.step.chat and command.verb in DRAFTS:
            command = msgspec.structs.replace(command, text="")
        return Arrived(network, command)

    def _elsewhere(self, post: Post) -> bool:
        """Whether a post is another chat's, whose words still have their time."""
        return any(
            key(post.ref) in c.timeline.refs or post.uri in c.timeline.uris or post.uri in c.timeline.removed
            for c in self._others
        )

    def _keeps(self, network: Network, post: Post) -> bool:
        """Whether a post stays: another chat's, ours, a host's word; not what belonged to nothing."""
        if self._elsewhere(post) or self._state.people.is_ours(post.author.account):
            return True
        if key(post.ref) in self._leaving.refs or post.uri in self._leaving.uris:
            return False
        if any(key(post.ref) in chat.items for chat in self._state.chats.values()):
            return True
        return self._stays(network, post.author.account, post.author.handle)

    def _stays(self, network: Network, account: Account, handle: str = "") -> bool:
        """Whether somebody is still to be known: hosts are, and who is met elsewhere."""
        leads = any(account in group for group in self._state.leaders.values())
        return (
            leads
            or account in (SERVER, *self._staying)
            or any(host_of(c.settings, network, account, handle) for c in self._state.chats.values())
        )

    def _known(self, people: dict[Account, Person]) -> dict[Account, Person]:
        """The people an earlier chat left, without those who are not to be known any more."""
        return {
            account: someone if account in self._staying else _wishes(someone)
            for account, someone in people.items()
            if account in self._staying or _wished(someone)
        }
