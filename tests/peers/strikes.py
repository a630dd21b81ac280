"""What faults do to messages that pass: of a stream (websocket, server-sent events) or of a listing.

As the stand-ins strike their own (`simulator.mastodon.streaming`): a connection is cut, a message comes twice,
in another's place, beside rubbish, or a post is announced (again) after its removal.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from simulator.clock import Clock
from simulator.faults import Faults

Message = str | bytes
SECOND = 1_000_000
HELD_BACK = 2 * SECOND  # chat time after which a message held back for swapping goes out anyway
QUIET = 5 * SECOND  # chat time after which a due cut no longer waits for a message
LAG = 3 * SECOND  # chat time by which a post is announced after its removal
MADE = 2_000  # announcements remembered for that


class Sight(NamedTuple):
    """What a message tells of which post."""

    kind: Literal["made", "gone"]
    id: str


class Strikes:
    """The faults of one network's messages, shared by all its connections."""

    def __init__(
        self, network: str, faults: Faults, clock: Clock, sight: Callable[[Message], Sight | None]
    ) -> None:
        self._network, self._faults, self._clock, self._sight = network, faults, clock, sight
        self._made: OrderedDict[str, Message] = OrderedDict()
        self._late: list[tuple[int, Message]] = []  # announcements still owed, and when
        self._stale: list[Any] = []  # posts that the next listing still holds though they are gone
        self._broken = 0

    def now(self) -> int:
        return self._clock.now()

    def hit(self, kind: str) -> bool:
        return self._faults.hit(self._network, kind)

    def stream(self) -> Stream:
        """For one connection's messages."""
        return Stream(self)

    def note(self, message: Message) -> None:
        """Remember what is announced; on its removal perhaps announce it once more."""
        sight = self._sight(message)
        if sight is None:
            return
        if sight.kind == "made":
            self._made[sight.id] = message
            if len(self._made) > MADE:
                self._made.popitem(last=False)
        elif sight.id in self._made and self.hit("delete_first"):
            self._late.append((self.now() + LAG, self._made.pop(sight.id)))

    def belated(self) -> list[Message]:
        """Announcements that come after the removal, now."""
        due = [message for at, message in self._late if at <= self.now()]
        self._late = [(at, message) for at, message in self._late if at > self.now()]
        return due

    # ------------------------------------------------------------ listings

    def removed(self, post: Any) -> None:
        """A post (as JSON) was removed; struck by `delete_first`, the next listing does not know yet."""
        if self.hit("delete_first"):
            self._stale.append(post)

    def listing(self, body: bytes) -> bytes | None:
        """A JSON array of posts as it is passed on; None if the connection breaks instead."""
        if self.hit("socket_dropped"):
            return None
        posts: list[Any] = [*self._stale, *json.loads(body)]
        self._stale.clear()
        if len(posts) > 1 and self.hit("reordered"):
            posts[0], posts[1] = posts[1], posts[0]
        if posts and self.hit("duplicated"):
            posts.insert(0, posts[0])
        if self.hit("bad_payload"):
            self._broken += 1
            posts.insert(0, {"id": f"broken-{self._broken}"})
        return json.dumps(posts).encode()


class Stream:
    """One connection's messages."""

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes
        self._held: list[Message] = []
        self._held_until = 0
        self._last = strikes.now()

    def take(self, message: Message) -> list[Message] | None:
        """What is passed on when this message comes; None: the connection is cut, and it is lost."""
        if isinstance(message, bytes) and message.startswith(b":"):
            return [message]  # a comment that keeps server-sent events alive is no opportunity
        strikes, self._last = self._strikes, self._strikes.now()
        strikes.note(message)
        if strikes.hit("socket_dropped"):
            return None
        messages = [message]
        if strikes.hit("duplicated"):
            messages.append(message)
        if strikes.hit("bad_payload"):
            messages.append(message[: len(message) // 2])
        if not self._held and strikes.hit("reordered"):
            self._held, self._held_until = messages, self._last + HELD_BACK
            return []
        held, self._held = self._held, []
        return messages + held

    def due(self) -> list[Message] | None:
        """What is passed on though nothing comes; None: the connection is cut."""
        now = self._strikes.now()
        if now - self._last > QUIET and self._strikes.hit("socket_dropped"):
            return None
        ready = self._strikes.belated()
        if self._held and now >= self._held_until:
            ready += self._held
            self._held = []
        return ready
