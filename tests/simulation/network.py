"""A little network: it keeps what is written on it, tells who listens, and does what it is asked.

Honest: what it says it did it did, and it forgets nothing; only the way to it and back is bad. Our requests run
on its side of the wire, so that one that was sent is carried out even if we die meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.errors import CursorLost, NeedsLogin, Unreachable
from bridge.model import (
    SECOND,
    Absent,
    Author,
    AuthorGone,
    AuthorKnown,
    Beat,
    Board,
    Command,
    Content,
    Echoed,
    Edited,
    Endorse,
    Found,
    Malformed,
    Micros,
    Network,
    Notice,
    Order,
    Outcome,
    Post,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    RetryLater,
    Sent,
    Unknown,
    Update,
    What,
    Wishes,
    Written,
)
from bridge.text import hashtags, marked
from tests.simulation.capable import CAPABLE
from tests.simulation.clock import VirtualClock
from tests.simulation.faults import Faults
from tests.simulation.record import Endorsed, Ours, Person, Record, Said, Tried, plain

if TYPE_CHECKING:
    from tests.simulation.federation import SecondServer

SETTLES = 20 * SECOND  # how long a post may take to stand in the history, where looking is all one can do
SIGHT = (
    600 * SECOND
)  # for so long after a time of blindness one can look: the bridge gives up after some minutes


@dataclass
class Later:
    """How an order's answer comes: `answer` None if it never does."""

    answer: Outcome | None
    after: float = 0.0


class Server:
    def __init__(
        self, name: Network, clock: VirtualClock, faults: Faults, record: Record, log: Callable[..., None]
    ) -> None:
        self.name = name
        self.can = CAPABLE[name]
        self.account = f"{name}:bridge"
        self.log = log
        self.said: dict[str, Said] = {}
        self.ours: dict[str, Ours] = {}
        self.endorsed: dict[str, Endorsed] = {}
        self.frames: list[What] = []
        self.first = 0  # the oldest frame that is still there
        self.pressed: list[Command] = []
        self.answers: dict[str, str] = {}
        self.board: Board | None = None
        self.on_ours: list[Callable[[Ours], None]] = []
        self.on_whisper: list[Callable[[str, Notice], None]] = []  # with whose ears they are for
        self.listeners: list[asyncio.Event] = []
        self.peers: list[SecondServer] = []  # where ours can be read too
        self.heard: dict[str, bool] = {}  # what our account was told of
        self.wandering: dict[str, bool] = {}  # what other servers are told of
        self._clock, self._faults, self._rng, self._record = clock, faults, faults.rng, record
        self._keys: dict[Micros, Ours] = {}
        self._ids = 0
        self._down = self._barred = 0
        self._blind = -SIGHT

    # ------------------------------------------------------------ people

    def new_id(self) -> str:
        self._ids += 1
        return f"{self.name[0]}{self._ids}"

    def write(self, said: Said) -> None:
        self.said[said.id] = said
        self._record.said.append(said)
        self._tell(Written(self.post(said)), said)

    def edit(self, said: Said, text: str, mark: str) -> None:
        said.text, said.edited = text, max(self._clock.now(), said.edited + 1)
        said.marks.append(mark)
        self._tell(Edited(self.post(said)), said)

    def delete(self, said: Said) -> None:
        said.deleted = self._clock.now()
        self._tell(Removed(Ref(self.name, said.id)), said)

    def leave(self, person: Person) -> None:
        """Their account is deleted and takes its posts along."""
        self._faults.fired["author_gone"] += 1
        for said in self.said.values():
            if said.by is person and said.deleted is None:
                said.deleted = self._clock.now()
        self._tell(AuthorGone(person.account), None)

    def profile(self, person: Person) -> None:
        self._tell(AuthorKnown(person.account, Wishes(nobridge=person.nobridge is not None)), None)

    def wishes(self, account: str) -> Wishes:
        people = {s.by.account: s.by for s in self.known()}
        return Wishes(nobridge=account in people and people[account].nobridge is not None)

    def slow_profile(self, account: str) -> None:
        for said in self.known():
            said.by.slow = said.by.slow or said.by.account == account

    def count(self, turn: str) -> None:
        self._faults.fired[turn] += 1

    def press(self, command: Command) -> bool:
        """A control is used; False if nobody is connected to take it."""
        if self.is_down or not self.listeners:
            return False
        self.pressed.append(command)
        self._stir()
        return True

    # ------------------------------------------------------------ what everybody can see

    def post(self, said: Said) -> Post:
        """A post as it is now."""
        room = ("wardchat",) if said.reach == "room" else ()
        return Post(
            ref=Ref(self.name, said.id),
            uri=f"{self.name}:{said.id}",
            author=Author(said.by.account, said.by.handle, said.by.name),
            text=marked(said.text),
            at=said.at,
            seen=said.at,
            version=str(said.edited),
            edited=said.edited,
            reach=said.reach,
            reply_to=Ref(self.name, said.reply_to) if said.reply_to else None,
            quotes=(Ref(self.name, said.quote),) if said.quote else (),
            quoted=f"https://{self.name}.example/{said.quote}" if said.quote else None,
            tags=tuple(dict.fromkeys((*room, *hashtags(said.text)))),
            mentions=(self.account,) if said.command else (),
            url=f"https://{self.name}.example/{said.id}",
        )

    def present(self, ref: Ref) -> What:
        """What a look at a post tells."""
        said = self.at(ref.id)
        return Removed(ref) if said is None or said.deleted is not None else Edited(self.seen(said))

    def all(self) -> list[Post]:
        """What people wrote that can be read here."""
        return [self.post(s) for s in self.said.values() if s.deleted is None]

    def known(self) -> list[Said]:
        """All that people wrote that this server was ever told of."""
        return list(self.said.values())

    def at(self, id_: str) -> Said | None:
        """The post that has this id here."""
        return self.said.get(id_)

    def seen(self, said: Said) -> Post:
        """A post as it stands here."""
        return self.post(said)

    def _spread(self, what: What) -> None:
        """Tell the other servers, sooner or later."""
        for peer in self.peers:
            if isinstance(what, Written):
                self.wandering[what.post.ref.id] = peer.wandering[what.post.ref.id] = True
            soon = self._rng.random() < 0.5
            if not self._faults.hit("lost"):
                after = self._rng.uniform(0, 0.8 if soon else 40)
                asyncio.get_running_loop().call_later(after, peer.come, what)

    def _tell(self, what: What, said: Said | None) -> None:
        """Put a frame where links read it, sooner or later, once, twice or never."""
        faults = self._faults
        self.log(self.name, "people", type(what).__name__, said.id if said else "", said.mark if said else "")
        loop = asyncio.get_running_loop()
        if isinstance(what, Written) and said is not None and faults.hit("delete_first"):
            loop.call_later(60, self.frame, what)
            loop.call_later(20, self._vanish, said)
            return
        self._spread(what)
        if isinstance(what, Echoed | Malformed):
            self.frame(what)
        elif said is not None and not said.command and faults.hit("lost"):
            pass
        elif faults.hit("reordered"):
            loop.call_later(self._rng.uniform(1, 30), self.frame, what)
        else:
            self.frame(what)
            if faults.hit("duplicated"):
                loop.call_later(self._rng.uniform(0, 60), self.frame, what)
            if faults.hit("malformed"):
                self.frame(Malformed(b"{", "not a frame"))

    def _vanish(self, said: Said) -> None:
        if said.deleted is None and not said.keep:
            said.deleted = self._clock.now()
            self.frame(Removed(Ref(self.name, said.id)))

    def frame(self, what: What) -> None:
        self.frames.append(what)
        self._stir()

    def _stir(self) -> None:
        for listener in self.listeners:
            listener.set()

    # ------------------------------------------------------------ trouble

    @property
    def is_down(self) -> bool:
        return self._clock.now() < self._down

    def outage(self, seconds: float) -> None:
        self._faults.fired["outage"] += 1
        self._down = self._clock.now() + round(seconds * SECOND)
        self.log(self.name, "down for", round(seconds))
        self._stir()

    def bar(self, seconds: float) -> None:
        self._faults.fired["login_refused"] += 1
        self._barred = self._clock.now() + round(seconds * SECOND)
        self.log(self.name, "refuses the login for", round(seconds))
        self._stir()

    def forget_frames(self) -> None:
        self._faults.fired["cursor_lost"] += 1
        self.first = len(self.frames) + 1
        self.frame(Beat())
        self.log(self.name, "forgets its frames")

    def told(self, what: What) -> None:
        """Our account hears this: which words are no more?"""
        match what:
            case Removed(ref) if said := self.at(ref.id):
                # nobody can tell what goes by an unheard-of id here, if it is heard of on another server
                here = ref.id == said.id and said.id not in self.wandering
                gone = said.marks if here or self.heard.get(ref.id) else []
            case AuthorGone(account):
                theirs = [s for s in self.known() if s.by.account == account]
                known = any(self.heard.get(s.id) or self.heard.get(f"n-{s.id}") for s in theirs)
                gone = [mark for said in theirs for mark in said.marks if known]
            case Written(post) | Edited(post) if said := self.at(post.ref.id):
                self.heard[post.ref.id] = True
                marks = said.marks
                gone = marks[
                    : next((n for n, mark in enumerate(marks) if mark in post.text.plain.split()), 0)
                ]
            case _:
                return
        self._record.told += [(self._clock.now(), mark) for mark in gone]

    def check(self) -> None:
        """What a link meets when it wants anything."""
        if self.is_down:
            raise Unreachable(f"{self.name} does not answer")
        if self._clock.now() < self._barred:
            raise NeedsLogin(f"{self.name} refuses the token")

    def since(self, cursor: str) -> int:
        """The place of the next frame. A frame that comes late is a new one, so none is ever behind it."""
        if int(cursor) < self.first:
            raise CursorLost(f"{self.name} only goes back to {self.first}")
        return int(cursor)

    # ------------------------------------------------------------ our requests

    def trial(self, order: Order) -> None:
        """An order leaves us."""
        self._record.tried.append(Tried(self.name, order.place, self._clock.now(), order.not_after, order.op))
        self.log(self.name, "send", order.id, order.lane, order.item or "", _brief(order))

    def serve(self, order: Order) -> Later:
        """An order arrives: what is done, and how the answer goes back."""
        faults, rng = self._faults, self._rng
        if self.is_down or faults.hit("request_lost"):
            return Later(None)
        if self._clock.now() < self._barred:
            return Later(RetryLater(30, "not logged in"))
        if faults.hit("rate_limited"):
            return Later(RetryLater(rng.choice((1, 5, 30, 90)), "too fast"))
        if self._refusable(order) and faults.hit("refused"):
            self._record.refused.append((self.name, _words(order)))
            return Later(Refused("not today"))
        sent = self._do(order)
        self.log(self.name, "did", order.id, type(sent).__name__)
        if faults.hit("answer_lost"):
            return Later(None)
        if faults.hit("answer_slow"):
            faults.fired["echo_first"] += self.name != "mastodon" and isinstance(order.op, Publish)
            return Later(sent, rng.uniform(2, 9))
        return Later(sent)

    def _refusable(self, order: Order) -> bool:
        return order.lane in ("sheet", "mirror") and not isinstance(order.op, Retract)

    def _do(self, order: Order) -> Outcome:
        now = self._clock.now()
        match order.op:
            case Publish(content=content, reply_to=reply_to):
                assert not isinstance(reply_to, tuple), "an order id left the core"
                made = self._keys.get(order.stamp)
                lasts = (self.can.key_lasts or 1e9) * SECOND
                if made is not None and self.can.resend == "same_key" and now - made.at < lasts:
                    return self._sent(made)
                made = Ours(self.name, self.new_id(), order.place, order.stamp, now, [(now, content)])
                made.reply_to = reply_to.id if reply_to else None
                self.ours[made.id] = self._keys[order.stamp] = made
                self._record.ours.append(made)
                if isinstance(content, Board):
                    self.board = content
                answered = self.said.get(made.reply_to or "")
                self._faults.fired["replied"] += answered is not None and not answered.command
                self._echo(made)
                for tell in self.on_ours:
                    tell(made)
                return self._sent(made)
            case Update(target=Ref() as target, content=content):
                made = self.ours.get(target.id)
                if made is None or made.content is None:
                    return Refused("message_not_found")
                made.contents.append((now, content))
                return self._sent(made)
            case Retract(target=Ref() as target):
                if target.id in self.endorsed:
                    self._faults.fired["taken_back"] += self.endorsed[target.id].standing
                    self.endorsed[target.id].standing = False
                made = self.ours.get(target.id)
                if made is not None and made.content is not None:
                    made.contents.append((now, None))
                return Sent(target, f"{self.name}:{target.id}")
            case Endorse(target=target, kind=kind):
                return self._endorse(target, kind)
        raise AssertionError(f"an order id left the core: {order}")

    def _endorse(self, target: Ref, kind: str) -> Outcome:
        said = self.said.get(target.id)
        if said is None or said.deleted is not None:
            return Refused("there is no such post")
        self._faults.fired["endorsed"] += 1
        name = f"{kind} of {target.id}"
        if name not in self.endorsed:
            self.endorsed[name] = Endorsed(self.name, target.id, kind)
            self._record.endorsed.append(self.endorsed[name])
        self.endorsed[name].standing = True
        return Sent(Ref(self.name, name), f"{self.name}:{name}")

    def _echo(self, made: Ours) -> None:
        """Our own post comes by like everybody's: with our stamp where the network keeps one, else as a post by
        our account."""
        ref = Ref(self.name, made.id)
        if self.name in ("mastodon", "north"):
            self.frame(Written(self.own(made)))
            self._spread(Written(self.own(made)))
            return
        if not self._faults.hit("lost"):
            self.frame(Echoed(made.stamp, ref, f"{self.name}:{made.id}"))

    def own(self, made: Ours) -> Post:
        """A post of ours, as everybody sees it."""
        ref, text = Ref(self.name, made.id), marked(made.words)
        author, tags = Author(self.account, "@bridge"), hashtags(text.plain)
        return Post(ref, f"{self.name}:{made.id}", author, text, made.at, made.at, tags=tags)

    def _sent(self, made: Ours) -> Sent:
        return Sent(Ref(self.name, made.id), f"{self.name}:{made.id}", at=made.at)

    def find(self, order: Order) -> Found | Absent | Unknown:
        """What an order made, as far as the history shows it yet."""
        now = self._clock.now()
        if now < self._blind:
            return Unknown("the history cannot be read")
        if now > self._blind + SIGHT and self._faults.hit("find_unknown"):
            self._blind = now + round(self._rng.uniform(10, 150) * SECOND)
            return Unknown("the history cannot be read")
        match order.op:
            case Publish():
                stands = now - (SETTLES if self.can.resend == "look_first" else 0)
                made = tuple(
                    self._sent(o) for o in self.ours.values() if o.stamp == order.stamp and o.at <= stands
                )
                return Found(made) if made else Absent()
            case Update(target=Ref() as target, content=content):
                o = self.ours.get(target.id)
                return Found((self._sent(o),)) if o and o.content == content else Absent()
            case Retract(target=Ref() as target):
                o = self.ours.get(target.id)
                gone = (o is None or o.content is None) and not self._stands(target.id)
                return Found((Sent(target, f"{self.name}:{target.id}"),)) if gone else Absent()
            case Endorse(target=target, kind=kind):
                name = f"{kind} of {target.id}"
                sent = Sent(Ref(self.name, name), f"{self.name}:{name}")
                return Found((sent,)) if self._stands(name) else Absent()
        raise AssertionError(f"an order id left the core: {order}")

    def _stands(self, name: str) -> bool:
        return name in self.endorsed and self.endorsed[name].standing

    def live(self, place: Literal["chat", "hosts"] = "chat") -> list[Ours]:
        """What of ours stands here."""
        return [o for o in self.ours.values() if o.place == place and o.content is not None]


def _content(order: Order) -> Content | None:
    return order.op.content if isinstance(order.op, Publish | Update) else None


def _words(order: Order) -> str:
    return plain(_content(order))


def _brief(order: Order) -> str:
    return f"{type(order.op).__name__} {_words(order)[:48]!r}"
