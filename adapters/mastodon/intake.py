"""What is known, what is wanted, what waits: decides for each thing seen whether it is reported. No I/O.

Statuses reach us several times and in any order: by the stream, by timelines, by contexts, by notifications,
by rereading. Here each becomes exactly what is new in it.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from adapters.mastodon import convert, wire
from bridge.model import (
    MINUTE,
    Account,
    AuthorGone,
    AuthorKnown,
    Edited,
    Interest,
    Malformed,
    Micros,
    Network,
    Post,
    Ref,
    Removed,
    What,
    Wishes,
    Written,
)

WINDOW = 10 * MINUTE  # how long a reply waits for its parent, a removal for its post
KNOWN = 20_000  # statuses remembered as looked at
WAITING = 1_000  # unmatched replies or removals kept
AUTHORS = 5_000
UNCOUNTED = sys.maxsize  # replies, where a server does not count them

V = TypeVar("V")


class Loose(NamedTuple):
    """A reply that waits for its thread to be followed; it was reported already if it speaks to us. `came`: chat
    time."""

    came: Micros
    post: Post
    account: wire.Account


class Recent(OrderedDict[str, V], Generic[V]):
    """The last `size` things put in."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def put(self, key: str, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._size:
            self.popitem(last=False)


class Known(msgspec.Struct):
    """A status that was reported: what is needed to tell whether the next sight of it is news."""

    at: Micros
    edited: Micros
    author: Account
    account: str  # the author's id on this server
    reply_to: Ref | None
    placed: bool  # bears a tag or hangs on what does: what answers it is wanted, too
    active: Micros  # chat time of its latest reply, or of its own arrival


class Intake:
    """The memory of one open link. `now` gives chat time."""

    def __init__(self, network: Network, home: str, me: Account, now: Callable[[], Micros]) -> None:
        self._network, self._home, self._me, self._now = network, home, me, now
        self.interest = Interest()
        self.threads: set[str] = set()
        self.known: Recent[Known] = Recent(KNOWN)
        self.looked_at: Recent[None] = Recent(KNOWN)  # ids, wanted or not, ours too
        self._unread: Recent[None] = Recent(WAITING)  # what was told as unreadable
        self._authors: Recent[Wishes] = Recent(AUTHORS)
        self._replies: Recent[set[str]] = Recent(KNOWN)  # known replies to a status
        self._counted: Recent[int] = Recent(KNOWN)  # how many the server told of when its context was read
        self._grown: dict[str, int] = {}  # threads that have more than we know -> how many
        self._rota: OrderedDict[str, None] = OrderedDict()  # threads and known, longest unchecked first
        self._gone: Recent[bool] = Recent(WAITING)  # removals; whether they were told
        self._loose: Recent[Loose] = Recent(WAITING)  # replies to what nobody follows, yet

    # ------------------------------------------------------------ what happens

    def follow(self, interest: Interest) -> list[What]:
        """Take a new interest. Gives what was waiting for its new threads."""
        before, self.interest = self.threads, interest
        self.threads = {ref.id for ref in interest.threads if ref.network == self._network}
        found: list[What] = []
        for id_ in sorted(self.threads - before):
            if id_ not in self._rota:
                self._rota[id_] = None
                self._rota.move_to_end(id_, last=id_ in self.looked_at)
            if self._gone.get(id_) is False:
                self._gone.put(id_, True)
                found.append(Removed(Ref(self._network, id_)))
        return found + self._adopted()

    def unseen(self) -> bool:
        """Whether a thread is followed that was never looked at."""
        return next(iter(self._rota), None) in self.threads - self.looked_at.keys()

    def status(
        self, payload: object, seen: Micros, *, edit: bool = False, told: set[Account] | None = None
    ) -> list[What]:
        """A status came by. `seen`: microseconds, the earliest the server can have shown it. `edit`: told as
        an edit, perhaps of one not seen before. `told`: authors whose wishes were told on this way, if it is
        not the usual one."""
        try:
            status = convert.status(payload)
            first = status.id not in self.looked_at
            if self._nothing_new(status):
                return []
            post = convert.post(status, self._network, self._home, seen)
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            return self._unreadable(payload, error)
        if post is None or post.author.account == self._me:
            return []
        if status.id in self._gone:
            return self._too_late(post)
        if status.id in self.known:
            if (loose := self._loose.get(status.id)) is not None:
                self._loose[status.id] = loose._replace(post=post)
            return [Edited(self._remember(post, status.account.id))]
        placed, addressed = self._placed(post), self._addressed(post)
        if not placed and (addressed or first or edit) and (post.reply_to or post.quotes):
            self._loose.put(status.id, Loose(self._now(), post, status.account))
        if not (placed or addressed):
            return []
        return [*self._report(post, status.account, edit, told), *self._adopted()]

    def reread(self, payload: object, seen: Micros, told: set[Account]) -> list[What]:
        """A status was read again on demand: it is reported changed or not. `told`: authors whose wishes this
        rereading has reported."""
        try:
            status = convert.status(payload)
            self._look(status)
            post = convert.post(status, self._network, self._home, seen)
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            return self._unreadable(payload, error)
        if post is None or post.author.account == self._me or status.id in self._gone:
            return []
        known = self.known.get(status.id)
        if known is not None and known.edited > post.edited:
            return []  # the stream told of a newer edit while this answer was under way
        return [
            *self._introduced(post, status.account, told),
            Edited(self._remember(post, status.account.id)),
        ]

    def removed(self, id_: str) -> list[What]:
        """A status is gone. One nobody knows is remembered: its post may still be under way."""
        told = self._gone.get(id_, False)
        known = self.known.pop(id_, None)
        self._loose.pop(id_, None)
        self._rota.pop(id_, None)
        if known is not None and known.reply_to is not None:
            self._replies.get(known.reply_to.id, set()).discard(id_)
        tell = not told and (known is not None or id_ in self.threads)
        self._gone.put(id_, told or tell)
        return [Removed(Ref(self._network, id_))] if tell else []

    def native(self, id_: str) -> Known | None:
        """A known status of somebody who lives on this server. Of others this server cannot say that they are
        gone: it may only have shut them out."""
        known = self.known.get(id_)
        return known if known is not None and known.author.endswith(f"@{self._home.casefold()}") else None

    def left(self, author: Account) -> list[What]:
        """An account is gone and its statuses with it."""
        theirs = [id_ for id_, known in self.known.items() if known.author == author]
        return [AuthorGone(author), *(what for id_ in theirs for what in self.removed(id_))]

    # ------------------------------------------------------------ what to look at

    def active(self, since: Micros, most: int) -> list[str]:
        """The statuses that arrived or were replied to since, the latest first."""
        found = [(known.active, id_) for id_, known in self.known.items() if known.active >= since]
        return [id_ for _, id_ in sorted(found, reverse=True)[:most]]

    def unchecked(self, most: int) -> list[str]:
        """Threads and reported statuses, the longest unchecked first."""
        return list(itertools.islice(self._rota, most))

    def checked(self, id_: str) -> None:
        """The present state of a status was asked for."""
        if id_ in self._rota:
            self._rota.move_to_end(id_)

    def grown(self) -> list[tuple[str, int]]:
        """Threads with more replies than we know, and how many the server counts."""
        self._grown = {i: n for i, n in self._grown.items() if n > len(self._replies.get(i, ()))}
        return list(self._grown.items())

    def postpone(self, id_: str) -> None:
        """The context of a status cannot be read now: others first."""
        if id_ in self._grown:
            self._grown[id_] = self._grown.pop(id_)

    def complete(self, id_: str, replies: int) -> None:
        """The context of a status was read when the server counted so many replies: those still unknown are
        not for us to see."""
        self._counted.put(id_, 0 if replies == UNCOUNTED else replies)
        self._grown.pop(id_, None)

    # ------------------------------------------------------------ inside

    def _nothing_new(self, status: wire.Status) -> bool:
        """True for a status that was reported and not edited since."""
        self._look(status)
        known = self.known.get(status.id)
        return known is not None and (
            status.edited_at is None or convert.micros(status.edited_at) <= known.edited
        )

    def _look(self, status: wire.Status) -> None:
        """Note the status as looked at, and how many replies the server counts."""
        self.looked_at.put(status.id, None)
        if status.id not in self.threads and status.id not in self.known:
            return
        replies = status.replies_count
        if replies is None:  # this server does not count: its contexts have to be read
            self._grown[status.id] = UNCOUNTED
        elif replies > max(len(self._replies.get(status.id, ())), self._counted.get(status.id, 0)):
            self._grown[status.id] = replies

    def _wanted(self, post: Post) -> bool:
        return self._placed(post) or self._addressed(post)

    def _addressed(self, post: Post) -> bool:
        """Whether a post speaks to us: it may ask something of us, whatever else it is."""
        return post.at >= self.interest.since and self._me in post.mentions

    def _placed(self, post: Post) -> bool:
        """Whether a post bears a tag, or replies to or quotes what is followed, or what does."""
        if post.at < self.interest.since:
            return False
        if not set(self.interest.tags).isdisjoint(post.tags):
            return True
        above = [*post.quotes, *([post.reply_to] if post.reply_to else [])]
        return any(
            ref.id in self.threads or ((known := self.known.get(ref.id)) is not None and known.placed)
            for ref in above
        )

    def _report(
        self, post: Post, account: wire.Account, edit: bool, told: set[Account] | None = None
    ) -> Iterator[What]:
        yield from self._introduced(post, account, told)
        self._remember(post, account.id)
        yield Edited(post) if edit else Written(post)

    def _introduced(self, post: Post, account: wire.Account, told: set[Account] | None) -> Iterator[What]:
        """The author's wishes, if they are new here."""
        name, wishes = post.author.account, convert.wishes(account)
        if self._authors.get(name) != wishes or (told is not None and name not in told):
            yield AuthorKnown(name, wishes)
        self._authors.put(name, wishes)
        if told is not None:
            told.add(name)

    def _remember(self, post: Post, account: str) -> Post:
        """Mastodon forgets what a status replied to when that is deleted; the post keeps it."""
        now, known = self._now(), self.known.get(post.ref.id)
        if known is not None and post.reply_to is None:
            post = msgspec.structs.replace(post, reply_to=known.reply_to)
        active, author = known.active if known else now, post.author.account
        placed = (known is not None and known.placed) or self._placed(post) or post.ref.id in self.threads
        entry = Known(post.at, post.edited, author, account, post.reply_to, placed, active)
        self.known.put(post.ref.id, entry)
        self._rota.setdefault(post.ref.id, None)
        if len(self._rota) > 2 * KNOWN:
            self._rota.popitem(last=False)
        if post.reply_to is not None:
            parent = post.reply_to.id
            if parent not in self._replies:
                self._replies.put(parent, set())
            self._replies[parent].add(post.ref.id)
            if parent in self.known:
                self.known[parent].active = now
        return post

    def _too_late(self, post: Post) -> list[What]:
        """A status whose removal came first: only that is told, once, if the post would have been."""
        if self._gone[post.ref.id] or not self._wanted(post):
            return []
        self._gone.put(post.ref.id, True)
        return [Removed(post.ref)]

    def _adopted(self) -> list[What]:
        """Kept replies whose thread is followed by now, and replies to those."""
        found: list[What] = []
        more = bool(self._loose)
        while more:
            more = False
            for id_, loose in list(self._loose.items()):
                if loose.came < self._now() - WINDOW:
                    del self._loose[id_]
                elif self._placed(loose.post):
                    del self._loose[id_]
                    found += self._report(loose.post, loose.account, edit=False)
                    more = True
        return found

    def _unreadable(self, payload: Any, error: Exception) -> list[What]:
        """Told once, though every poll meets it again."""
        body = msgspec.json.encode(payload)
        id_ = payload.get("id") if isinstance(payload, dict) else None
        name = id_ if isinstance(id_, str) else hashlib.sha256(body).hexdigest()
        if name in self._unread:
            return []
        self._unread.put(name, None)
        self.looked_at.put(name, None)
        return [Malformed(body, f"not a status: {error}")]
