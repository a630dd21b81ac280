"""`decide(event) -> effects`: the one door into the core.

Deterministic: everything it reads is an event. The same events give the same state, byte for byte; effects
are for whoever runs it live and are thrown away by a replay.
"""

from __future__ import annotations

import hashlib

import msgspec

from bridge.chat import (
    alerts,
    boarding,
    by_message,
    commands,
    conduct,
    configuring,
    early,
    expiry,
    gathering,
    gestures,
    hidden,
    intake,
    measures,
    nights,
    outward,
    promoted,
    requests,
    sightings,
    silence,
)
from bridge.chat.audience import Audience
from bridge.chat.belonging import part_of
from bridge.chat.board import board, moment
from bridge.chat.community import DOORS, said_to_us
from bridge.chat.copies import STREAMS, Gather
from bridge.chat.present import chat_view, entry_view, size, wanted
from bridge.chat.state import (
    Arrived,
    ChatState,
    Configured,
    Effects,
    Erased,
    Event,
    Expired,
    Fell,
    Leaving,
    Misconfigured,
    Purpose,
    Reconciled,
    Recorded,
    Rose,
    Settled,
    State,
    Surplus,
    Tick,
    Work,
    dotted,
)
from bridge.chat.timeline import key, ref_of
from bridge.chat.view import ChatView, EntryView
from bridge.model import (
    AuthorGone,
    AuthorKnown,
    Board,
    Capabilities,
    Command,
    Edited,
    Final,
    Health,
    Interest,
    Lane,
    Leaders,
    Micros,
    Network,
    Opened,
    OrderId,
    Ref,
    Removed,
    Retract,
    Sent,
    What,
    Written,
)

OURS = ("item", "reply", "answer", "outward")  # what an order makes that a bridge may copy elsewhere
RECENT = 400  # posts that are read again after a reconnect


class Session:
    """The community's state and what may be asked of it. Only `decide` changes anything."""

    def __init__(self) -> None:
        self.state = State()
        self._leaving: list[Leaving] = []  # what has not left the journal yet

    # ------------------------------------------------------------ deciding

    def admit(self, network: Network, what: What) -> Event | None:
        """The event to journal for something a link reported; None if nobody wants it. Changes nothing."""
        match what:
            case Written(post) | Edited(post) if by_message.chat_of(self.state, post) is not None:
                said = by_message.admitted(self.state, post, commands.VERBS)
                return None if said is None else Arrived(network, msgspec.structs.replace(what, post=said))
            case Written() | Edited() | Removed() | AuthorGone() | AuthorKnown():
                kept = intake.admit(self.state, network, what)
                return None if kept is None else Arrived(network, kept)  # type: ignore[arg-type]  # same union
            case Command() if commands.heeded(self.state, network, what):
                return Arrived(network, commands.addressed(self.state, what))
            case Leaders(accounts):
                known = self.state.leaders.get(network, ())
                return None if known == accounts else Arrived(network, what)
            case _:
                return None

    def decide(self, recorded: Recorded) -> Effects:
        """Take one event in. Raises only if there is a bug in the core; the state is then not to be used."""
        state = self.state
        state.at = max(state.at, recorded.at)
        work = Work(state, recorded.seq, state.at)
        match recorded.event:
            case Configured() as what:
                configuring.configure(work, what)
            case Misconfigured() as what:
                configuring.misconfigured(work, what)
            case Opened() as opened:
                _open(work, opened)
            case Arrived(network, what):
                _arrive(work, network, what)
            case Settled(order, outcome):
                purpose = state.purposes.pop(dotted(order), None)
                if purpose is not None and isinstance(outcome, Sent) and purpose.kind in OURS:
                    state.wrote |= dict.fromkeys(filter(None, (outcome.uri, outcome.url)), True)
                chat = state.chats.get(purpose.chat) if purpose else None
                if purpose is not None and chat is not None:
                    _settle(work, chat, order, purpose, outcome)
                    for network, command in early.ready(state, purpose.network, outcome):
                        _arrive(work, network, command)
                elif purpose is not None and purpose.kind == "board" and isinstance(outcome, Sent):
                    boarding.take_down(work, purpose.network, outcome.ref.id)  # its chat left meanwhile
            case Tick():
                for chat in state.chats.values():
                    conduct.run_due(work, chat)
                boarding.due(work)
            case Gather() as step:
                gathering.gather(work, step)
            case Surplus(network, refs):
                for ref in refs:
                    work.order(network, "people", Retract(ref), Purpose("reply", network, ""))
            case Reconciled(network, name):
                if name in state.chats:
                    conduct.reconciled(work, state.chats[name], network)
                    boarding.due(work)
            case Fell() as fell:
                silence.fell(work, fell)
            case Rose(network):
                silence.rose(work, network)
            case Expired() as step:
                expiry.expire(work, step)
                self._leaving += [what for what in work.effects.forget if isinstance(what, Leaving)]
        for name, numbers in work.effects.changed.items():
            outward.review(work, state.chats[name], numbers)
            promoted.review(work, state.chats[name], numbers)
            alerts.review(work, state.chats[name], numbers)
            hidden.review(work, state.chats[name], numbers)
        return work.effects

    # ------------------------------------------------------------ asking

    def deadline(self) -> Micros | None:
        """When a Tick is wanted; None while nothing is planned."""
        times = [conduct.deadline(chat, self.state.at) for chat in self.state.chats.values()]
        times.append(boarding.deadline(self.state))
        return min((t for t in times if t is not None), default=None)

    def expiring(self) -> tuple[Micros, Expired] | None:
        """When people's words in a chat will have had their time, and the event to journal then; None if there are
        none."""
        found = expiry.due(self.state)
        return None if found is None else (found[0], Expired(found[1]))

    def night(self, network: Network) -> tuple[Micros, str] | None:
        """The chat, of those that are over, whose posts on a network are to be read again next, and when; may be in
        the past. None if there is none."""
        return nights.due(self.state, network)

    def ending(self, network: Network) -> tuple[str, ...]:
        """Chats whose late window has closed and that want this network read once more."""
        return tuple(
            c.id for c in self.state.chats.values() if c.ending and not c.over and network not in c.reconciled
        )

    def interest(self, network: Network) -> Interest:
        """What the link of a network should deliver."""
        open_chats = [c for c in self.state.chats.values() if not c.over]
        threads: dict[str, None] = {}
        here = key(Ref(network, ""))
        for chat in open_chats:
            timeline = chat.timeline
            places = (n for n, uri in timeline.refs.items() if n.startswith(here) and uri in timeline.uris)
            threads.update(dict.fromkeys([n for n in (*chat.items, *chat.shown) if n.startswith(here)]))
            threads.update(dict.fromkeys(places))
            for entry in timeline.entries.values():
                for post in entry.sources:
                    if post.root is not None and post.root.network == network:
                        threads[key(post.root)] = None
        return Interest(
            tags=tuple(dict.fromkeys(c.settings.hashtag.casefold() for c in open_chats)),
            threads=tuple([ref_of(name) for name in threads]),
            since=min((c.sheet.starts - DOORS for c in open_chats), default=0),
            acts=commands.acts(self.state),
        )

    def stands(self, ref: Ref) -> bool:
        """Whether something of a chat stands there, as far as has been decided."""
        return any(part_of(chat, ref) for chat in self.state.chats.values())

    def forgotten(self) -> tuple[str | Erased | Leaving, ...]:
        """Accounts whose owners asked that their words be removed, entries whose words hosts erased, and chats whose
        words had had their time and are still in the journal."""
        people = (p.account for p in self.state.people.all.values() if p.forgotten)
        erased = (gone for chat in self.state.chats.values() for gone in chat.erased.values())
        return (*people, *erased, *self._leaving)

    def known(self, network: Network, chat: str | None = None, most: int | None = RECENT) -> tuple[Ref, ...]:
        """Posts of a network that stand in the timeline, newest first: to be read again after a gap. Of one chat our
        own come before: they tell which replies are hidden under them."""
        refs = [
            ref
            for c in self.state.chats.values()
            if (c.id == chat if chat else not c.over)
            for name in (
                *(name for name, uri in c.timeline.refs.items() if uri in c.timeline.uris),
                *(c.items if chat and not c.expired else ()),
            )
            if (ref := ref_of(name)).network == network
        ]
        return tuple(refs[::-1][:most])

    def following(self, network: Network, now: Micros, lane: Lane | None = None) -> Gather | None:
        """What the merged timeline on a network needs next, as the event to journal; None if it is right, or all
        that is wrong is being seen to. `lane`: only of this one of its streams."""
        for chat in self._waiting(network, lane):
            copies = chat.copies[network]
            opened, net = self.state.opened.get(network), self.state.nets[network]
            able = opened.capabilities if opened else Capabilities(net.limits)
            threads, entries = net.layout == "threads", chat.timeline.entries

            def together(one: int, other: int, entries=entries, threads=threads) -> bool:  # type: ignore[no-untyped-def]  # defaults bind the loop's values
                return not threads or entries[one].questions[:1] == entries[other].questions[:1]

            for stream in STREAMS if lane is None else (lane,):
                step = copies.following(
                    stream,
                    lambda no, chat=chat: wanted(self.state, chat, network, no),  # type: ignore[misc]  # as above
                    lambda no, chat=chat: size(chat, no),  # type: ignore[misc]  # as above
                    together,
                    able=able,
                    now=now,
                )
                if step is not None:
                    act, numbers, message = step
                    return Gather(network, chat.id, act, numbers, message)
        return None

    def _waiting(self, network: Network, lane: Lane | None) -> list[ChatState]:
        """Chats with something to be done in the merged timeline of a network; first the one that has waited longest
        in that stream, so that chats which share it take turns."""
        chats = [c for c in self.state.chats.values() if network in c.copies and c.copies[network].waiting]
        if len(chats) > 1 and lane is not None:
            chats.sort(key=lambda chat: chat.copies[network].since(lane))
        return chats

    def outdated(self, order: OrderId) -> bool:
        """Whether something that has not gone out yet is no longer wanted: a message of the merged timeline that
        should say something else by now, a like or a reply that was taken back."""
        purpose = self.state.purposes.get(dotted(order))
        if purpose is not None and purpose.kind in ("item", "credit"):
            chat = self.state.chats.get(purpose.chat)
            withdrawn = purpose.kind == "item" and purpose.part == 0 and chat is not None and chat.withdrawn
            return withdrawn or (chat is not None and promoted.outdated(chat, purpose))
        if purpose is not None and purpose.kind == "endorse":
            return dotted(order) not in self.state.chats[purpose.chat].endorsed
        if purpose is not None and purpose.kind in ("report", "conceal"):
            return dotted(order) not in self.state.chats[purpose.chat].measures
        if purpose is not None and purpose.kind == "answer":
            return dotted(order) not in self.state.chats[purpose.chat].replies
        if purpose is not None and purpose.kind == "outward":
            chat = self.state.chats[purpose.chat]
            return outward.outdated(self.state, chat, dotted(order), purpose.message)
        if purpose is None or purpose.kind != "copy":
            return False
        chat = self.state.chats[purpose.chat]
        message = chat.copies[purpose.network].messages.get(purpose.message)
        if message is None or message.act == "retract":
            return False
        flying = message.flying or {}
        return any(wanted(self.state, chat, purpose.network, no) != shows for no, shows in flying.items())

    def moment(self, chat: str, now: Micros) -> tuple[object, ...]:
        """What makes a chat's board urgent when it is different."""
        return moment(self.state, self.state.chats[chat], now)

    def board(self, chat: str, now: Micros, health: tuple[Health, ...] = ()) -> Board:
        return board(self.state, self.state.chats[chat], now, health)

    def view(self, chat: str, audience: Audience, now: Micros, *, every: bool = False) -> ChatView:
        return chat_view(self.state, self.state.chats[chat], audience, now, every=every)

    def entry(self, chat: str, no: int, audience: Audience) -> EntryView | None:
        found = self.state.chats[chat].timeline.entries.get(no)
        return entry_view(self.state, self.state.chats[chat], found, audience) if found else None

    def digest(self) -> str:
        """A fingerprint of the whole state: equal states have equal ones."""
        return hashlib.sha256(msgspec.json.encode(self.state)).hexdigest()


# ---------------------------------------------------------------- the events


def _open(work: Work, opened: Opened) -> None:
    state = work.state
    state.opened[opened.network] = opened
    state.people.ours[opened.network] = opened.account
    work.effects.follow.add(opened.network)
    if not opened.capabilities.console:
        return
    boarding.due(work)
    boarding.opened(work, opened.network)


def _arrive(work: Work, network: Network, what: object) -> None:
    match what:
        case Written(post) | Edited(post) if work.state.people.is_ours(post.author.account):
            sightings.seen(work, post)
        case Written(post) | Edited(post) if (chat := by_message.chat_of(work.state, post)) is not None:
            commands.obey_message(work, chat, post)
        case Written(post) | Edited(post):
            if ask := said_to_us(post, work.state.people.ours.get(post.ref.network)):
                requests.asked(work, post, ask)
            else:
                intake.written(work, post)
        case Removed(ref):
            intake.removed(work, ref)
        case AuthorGone(account):
            intake.author_gone(work, account)
        case AuthorKnown():
            intake.author_known(work, network, what)
        case Command() if not early.waits(work.state, network, what):
            reply = commands.obey(work, network, what)
            if what.answer and reply:
                work.effects.answers.append((network, what.answer, reply))
        case Leaders(accounts):
            work.state.leaders[network] = accounts


def _settle(work: Work, chat: ChatState, order: OrderId, purpose: Purpose, outcome: Final) -> None:
    failed: str | None = None
    match purpose.kind:
        case "item":
            conduct.settled(work, chat, purpose, outcome)
            promoted.settled(work, chat, purpose, outcome)
        case "credit":
            promoted.corrected(work, chat, purpose, outcome)
        case "endorse":
            failed = gestures.endorsed(chat, dotted(order), outcome)
        case "answer":
            failed = gestures.replied(work, chat, dotted(order), purpose.message, outcome)
        case "report" | "conceal":
            failed = measures.settled(chat, dotted(order), purpose.kind, outcome)
        case "unlike" | "unboost" | "unanswer" | "unconceal":
            failed = gestures.undone(purpose, outcome)
        case "outward":
            failed = outward.settled(work, chat, dotted(order), purpose.message, outcome)
        case "unoutward":
            failed = outward.undone(outcome)
        case "alert":
            failed = alerts.settled(outcome)
        case "copy":
            gathering.copied(work, chat, purpose, outcome)
        case "notice" if isinstance(outcome, Sent):
            conduct.told(work, chat, purpose)
        case "board" if isinstance(outcome, Sent):
            earlier = chat.boards.get(purpose.network)  # of before the chat was put back into the config
            if earlier not in (None, outcome.ref.id):
                boarding.take_down(work, purpose.network, earlier)
            chat.boards[purpose.network] = outcome.ref.id
            work.effects.sheet.add(chat.id)
        case "board":  # tried again when the link opens again
            chat.notices.pop(f"board/{purpose.network}", None)
    if failed:
        hidden.done(work, chat, purpose.message)
        title = work.state.everywhere[purpose.network].title
        conduct.tell(work, chat, f"On {title}, entry {purpose.message} {failed}")
