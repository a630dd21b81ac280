"""Builders: invented settings and posts, and an hour that is driven event by event without any I/O."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bridge.chat.runsheet import Sheet
from bridge.chat.session import Session
from bridge.chat.state import Arrived, ChatState, Configured, Effects, Event, Recorded, Settled, Tick
from bridge.chat.timeline import Entry, Timeline, key
from bridge.model import (
    HOUR,
    MINUTE,
    SECOND,
    Account,
    Author,
    AuthorKnown,
    Cancelled,
    Capabilities,
    Card,
    Command,
    Conceal,
    Content,
    Edited,
    Endorse,
    Final,
    Gathered,
    Held,
    Limits,
    Micros,
    Network,
    Notice,
    Opened,
    Order,
    OrderId,
    Post,
    Publish,
    Ref,
    Refused,
    Removed,
    Reply,
    Report,
    Sent,
    Text,
    Update,
    What,
    Wishes,
    Words,
    Written,
)
from bridge.settings import Chat, Community, Host, Net, Question
from bridge.text import hashtags, marked

STARTS: Micros = 1_521_576_000 * SECOND
LIMITS = {
    "mastodon": Limits(500, url=23, local_mentions=True),
    "bluesky": Limits(300, bytes=3000),
    "slack": Limits(3000),
}
NETS = (
    Net("mastodon", "mastodon", "Mastodon", LIMITS["mastodon"]),
    Net("bluesky", "bluesky", "Bluesky", LIMITS["bluesky"]),
    Net("slack", "slack", "Slack", LIMITS["slack"], mirror=True),
)
HOST = "acct:wren@ward.example"
SLACK_HOST = "slack:T1/UHOST"
LONG = "We meet on the first Tuesday of every month and write down what each of us will try next"


def chat(asks: int = 3, **more: Any) -> Chat:
    """An hour with a question every ten minutes, the first at five past."""
    fields: dict[str, Any] = {
        "id": "handovers",
        "title": "Safer handovers",
        "hashtag": "WardChat",
        "starts": STARTS,
        "ends": STARTS + HOUR,
        "late_until": STARTS + 25 * HOUR,
        "questions": tuple(
            Question(STARTS + (5 + 10 * n) * MINUTE, f"What did your team learn in round {n + 1}?")
            for n in range(asks)
        ),
        "hosts": (Host("Wren Adair", (("mastodon", "@wren@ward.example"), ("slack", "UHOST"))),),
    }
    return Chat(**fields | more)


def community(*chats: Chat, networks: tuple[Net, ...] = NETS, page: str | None = None) -> Community:
    return Community("The Night Round", "Europe/London", "en", chats or (chat(),), networks, page)


def person(who: str, network: Network = "mastodon", **more: Any) -> Author:
    """The account that "who" has on a network."""
    account, handle = {
        "mastodon": (f"acct:{who}@ward.example", f"@{who}@ward.example"),
        "bluesky": (f"did:plc:{who}", f"{who}.garden.example"),
    }.get(network, (f"slack:T1/U{who.upper()}", who))
    fields: dict[str, Any] = {"name": who.capitalize(), "url": f"https://{network}.example/{who}"}
    return Author(account, handle, **fields | more)


def post(
    id_: str,
    words: str | Text = "",
    *,
    by: str | Author = "nurse",
    network: Network = "mastodon",
    **more: Any,
) -> Post:
    """A post of that id; its tags are those in its words, and in a room
    the chat's, as an adapter gives them."""
    text = marked(words) if isinstance(words, str) else words
    at = more.pop("at", STARTS + 10 * MINUTE)
    fields: dict[str, Any] = {
        "ref": Ref(network, id_),
        "uri": f"{network}:{id_}",
        "author": person(by, network) if isinstance(by, str) else by,
        "text": text,
        "at": at,
        "seen": at,
        "reach": "room" if network == "slack" else "public",
        "tags": (*(["wardchat"] if network == "slack" else []), *hashtags(text.plain)),
        "url": f"https://{network}.example/post/{id_}",
    }
    return Post(**fields | more)


class Hour:
    """A session, its networks and its clock. Networks take what they are sent at once, unless they are `down`
    (then it waits, until it is too late) or `refusing` ("slack", or one lane: "slack/mirror"). `standing` is
    what can be read there."""

    def __init__(
        self,
        config: Community | None = None,
        now: Micros = STARTS - HOUR,
        refusing: dict[Network, str] | None = None,
    ) -> None:
        self.session = Session()
        self.now = now
        self.events: list[Recorded] = []
        self.effects = Effects()  # of the last event
        self.queued: list[Order] = []
        self.orders: list[Order] = []  # all of them
        self.standing: dict[Network, dict[str, Content]] = {}
        self.endorsed: dict[str, tuple[Network, str, str]] = {}  # its id -> where, on what, "like" or "boost"
        self.reported: list[Report] = []
        self.concealed: dict[str, str] = {}  # its id -> the reply that nobody sees there
        self.went_out: dict[Network, list[str]] = {}  # items, in the order they were posted there
        self.made: dict[OrderId, str] = {}  # order -> id of its post
        self.answers: list[str] = []  # what those who commanded were told
        self.replies: list[Reply] = []
        self.whispers: list[tuple[Account, Notice]] = []  # what single people were asked
        self.down: set[Network] = set()
        self.refusing = refusing or {}
        self._posts = 0
        config = config or community()
        self.event(Configured(config))
        for net in config.networks:
            self.standing[net.name], self.went_out[net.name] = {}, []
            can = Capabilities(
                net.limits,
                mirror=net.mirror,
                console=net.mirror,
                endorses=not net.mirror,
                reports=not net.mirror,
                conceals=net.kind == "bluesky",
                edits=net.kind != "bluesky",
                direct=net.kind != "bluesky",
            )
            self.event(Opened(net.name, f"our:{net.name}", "@ours", can))
        self.deliver()

    # ------------------------------------------------------------ events

    def event(self, event: Event) -> Effects:
        recorded = Recorded(len(self.events) + 1, self.now, event)
        self.events.append(recorded)
        self.effects = self.session.decide(recorded)
        self.queued += self.effects.orders
        self.orders += self.effects.orders
        self.replies += [reply for _, _, reply in self.effects.answers]
        self.answers += [reply for _, _, reply in self.effects.answers if isinstance(reply, str)]
        self.whispers += [(account, notice) for _, account, _, notice in self.effects.whispers]
        return self.effects

    def arrive(self, what: What, network: Network = "mastodon") -> bool:
        """What a link reports; whether it was wanted."""
        event = self.session.admit(network, what)
        if event is None:
            return False
        self.event(event)
        self.deliver()
        return True

    def write(self, *posts: Post, known: bool = True) -> None:
        """People post; their wishes are `known` and they have none, unless they told us before."""
        for written in posts:
            if known:
                self._known(written)
            self.arrive(Written(written), written.ref.network)

    def _known(self, what: Post) -> None:
        if not self.session.state.people.of(what.author.account).known:
            self.arrive(AuthorKnown(what.author.account), what.ref.network)

    def edit(self, edited: Post) -> bool:
        self._known(edited)
        return self.arrive(Edited(edited), edited.ref.network)

    def remove(self, gone: Post | Ref) -> bool:
        ref = gone if isinstance(gone, Ref) else gone.ref
        return self.arrive(Removed(ref), ref.network)

    def wishes(self, account: Account, network: Network = "mastodon", **wishes: Any) -> None:
        self.arrive(AuthorKnown(account, Wishes(**wishes)), network)

    def configure(self, *chats: Chat) -> None:
        """The config has these chats now."""
        before = self.session.state.community
        assert before is not None
        self.event(Configured(msgspec.structs.replace(before, chats=chats)))
        self.deliver()

    def reply(self, verb: str, text: str = "", *, by: Account = SLACK_HOST, **more: Any) -> Reply:
        """A host says something in Slack; what they are answered, "" if nothing."""
        answers = self.event(Arrived("slack", Command(verb, by, text=text, answer="here", **more))).answers
        self.deliver()
        return answers[-1][2] if answers else ""

    def command(self, verb: str, text: str = "", *, by: Account = SLACK_HOST, **more: Any) -> str:
        """`reply` as it can be compared: words, or what the answer looks like."""
        said = self.reply(verb, text, by=by, **more)
        return said if isinstance(said, str) else repr(said)

    def until(self, minute: float) -> None:
        """Let time pass until so many minutes after the start: a Tick comes at each deadline, and what can no
        longer be sent is held or dropped in time."""
        end = STARTS + round(minute * MINUTE)
        while True:
            self.deliver()
            deadline = self.session.deadline()
            times = [o.not_after + 1 for o in self.queued if o.not_after is not None]
            times += [deadline] if deadline is not None else []
            soonest = max(min(times, default=end + 1), self.now)
            if soonest > end:
                break
            self.now = soonest
            if deadline is not None and deadline <= self.now:
                self.event(Tick())
        self.now = end

    # ------------------------------------------------------------ the networks

    def deliver(self) -> None:
        """Send what can be sent, lane by lane, and then the merged timeline."""
        while order := next((o for o in self.queued if self.fate(o) is not None), None):
            match self.fate(order):
                case "sent":
                    ref = self._act(order)
                    self.settle(order, Sent(ref, f"{ref.network}:{ref.id}"))
                case Held() | Cancelled() | Refused() as outcome:
                    self.settle(order, outcome)
        for name in self.standing:
            if name not in self.down and (step := self.session.following(name, self.now)) is not None:
                self.event(step)
                self.deliver()

    def fate(self, order: Order) -> Literal["sent"] | Final | None:
        """What becomes of an order now; None while it has to wait."""
        if order.not_after is not None and self.now > order.not_after:
            return Held("too late") if order.late == "hold" else Cancelled("too late")
        first = next(o for o in self.queued if (o.network, o.lane) == (order.network, order.lane))
        if order.network in self.down or first is not order:
            return None
        target = order.op.reply_to if isinstance(order.op, Publish) else order.op.target
        if isinstance(target, tuple) and target not in self.made:
            if any(o.id == target for o in self.queued):
                return None
            if not isinstance(order.op, Publish) or order.op.orphan == "cancel":
                return Cancelled("what it hangs on was not posted")
        if self.session.outdated(order.id):
            return Cancelled("nobody wants it any more")
        for name in (order.network, f"{order.network}/{order.lane}"):
            if name in self.refusing:
                return Refused(self.refusing[name])
        return "sent"

    def _act(self, order: Order) -> Ref:
        standing = self.standing[order.network]
        match order.op:
            case Publish(content):
                self._posts += 1
                place = f"ours-{self._posts}"
                self.made[order.id] = place
                standing[place] = content
                if order.item is not None and order.part == 0 and order.lane == "sheet":
                    self.went_out[order.network].append(order.item)
            case Update(target, content):
                place = target.id if isinstance(target, Ref) else self.made[target]
                assert place in standing, "an update of what does not stand there"
                standing[place] = content
            case Endorse(target, kind):
                place = self.made[order.id] = f"{kind} of {target.id}"
                self.endorsed[place] = (order.network, target.id, kind)
            case Report() as op:
                self.reported.append(op)
                place = op.target.id
            case Conceal(target):
                place = self.made[order.id] = f"hiding of {target.id}"
                self.concealed[place] = target.id
            case _:
                target = order.op.target
                place = target.id if isinstance(target, Ref) else self.made[target]
                standing.pop(place, None)
                self.endorsed.pop(place, None)
                self.concealed.pop(place, None)
        return Ref(order.network, place)

    def settle(self, order: Order, outcome: Final) -> None:
        """An order is final."""
        self.queued.remove(order)
        self.event(Settled(order.id, outcome))

    # ------------------------------------------------------------ looking

    def copy_of(self, item: str, network: Network = "mastodon") -> Ref:
        """The copy of an item."""
        order = next(o for o in self.orders if (o.item, o.network, o.part) == (item, network, 0))
        return Ref(network, self.made[order.id])

    def mirrored(self, network: Network = "slack") -> dict[int, str]:
        """Entry -> words, as the merged timeline shows them."""
        return {c.no: c.text.plain for c in self.cards(network) if not c.withheld}

    def cards(self, network: Network = "slack") -> list[Card]:
        """What stands in the merged timeline. No entry stands there twice."""
        cards = [c for m in self.standing[network].values() if isinstance(m, Gathered) for c in m.cards]
        assert len({c.no for c in cards}) == len(cards), "an entry stands there twice"
        return cards

    def notices(self) -> list[Notice]:
        """What stands in the hosts' room, boards apart."""
        return [m for m in self.standing["slack"].values() if isinstance(m, Notice)]

    def texts(self, network: Network) -> list[str]:
        """The words of our own posts."""
        return [m.text.plain for m in self.standing[network].values() if isinstance(m, Words)]

    def on(self, item: str) -> dict[Network, str]:
        """An item's state on each network."""
        found = self.sheet.get(item)
        assert found is not None
        return dict(found.on)

    @property
    def _chat(self) -> ChatState:
        return next(iter(self.session.state.chats.values()))

    @property
    def sheet(self) -> Sheet:
        return self._chat.sheet

    @property
    def timeline(self) -> Timeline:
        return self._chat.timeline

    @property
    def entries(self) -> dict[int, Entry]:
        return dict(self._chat.timeline.entries)

    def entry(self, what: Post) -> Entry | None:
        """The entry that holds a post; None if none does."""
        return self._chat.timeline.at(what.ref)

    def placed(self, what: Post) -> tuple[tuple[int, ...], str]:
        """A post's questions, and by which rule."""
        entry = self.entry(what)
        assert entry is not None, f"{key(what.ref)} is no entry"
        return entry.questions, entry.rule


def at(minute: float) -> Hour:
    hour = Hour()
    hour.until(minute)
    return hour


def edited(what: Post, words: str, edit: int = 1) -> Post:
    again = post(what.ref.id, words, network=what.ref.network)
    return msgspec.structs.replace(what, text=again.text, tags=again.tags, edited=what.at + edit)


def journal(hour: Hour) -> str:
    return msgspec.json.encode(hour.events).decode()
