"""The public feed: what the page shows, kept at the broker for displays and automations.

`{prefix}/public/{chat}/state` is the chat without its entries, `{prefix}/public/{chat}/entries/{no}` is one entry,
both retained: who comes late gets all that stands. What may not be shown any more is cleared (an empty retained
message). The feed hears its own topics: what it hears is what the broker holds, and whatever differs from what
should stand there is said again, or cleared, also what an earlier run left behind.

A broker may show a part of what it retains and drop the rest without a word: Mosquitto, unless it is told
otherwise, has 1,000 messages wait for one listener. So what we know to be gone is cleared whether or not it is
shown, and where something else was to be cleared we look again, until nothing is.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable
from typing import Any

import msgspec

from adapters.mqtt.broker import Broker, passed
from bridge.model import SECOND, Micros
from bridge.ports import Clock, Mqtt, Views

log = logging.getLogger(__name__)

CONFIRMED = 10.0  # seconds of chat time in which the broker shows what was published
AT_ONCE = 32  # topics said before the broker has taken note of the first
STATE_EVERY = 2.0  # seconds of chat time between two looks at the figures while answers pour in
SHOWN = ("text", "warning", "media", "name")  # fields that start the delay anew


class Delay:
    """Holds words back until they have stood for `seconds` of chat time, as the page does."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._length, self._clock = int(seconds * SECOND), clock
        self._since: dict[tuple[str, int], tuple[tuple[object, ...] | None, Micros]] = {}

    def noticed(self, chat: str, no: int) -> None:
        """An entry came just now: the time a post claims for itself counts only for what was there before us."""
        if self._length:
            self._since.setdefault((chat, no), (None, self._clock.now()))

    def until(self, chat: str, entry: Any) -> Micros:
        """From when on it may be shown."""
        if not self._length:
            return 0
        now, words = self._clock.now(), tuple(getattr(entry, field) for field in SHOWN)
        first: Micros = min(entry.at, now)
        before, since = self._since.get((chat, entry.no), (None, first))
        if before is not None and before != words:
            since = now
        self._since[chat, entry.no] = words, since
        return since + self._length

    def forget(self, chat: str, no: int) -> None:
        self._since.pop((chat, no), None)


class _Nothing:
    """`bridge.ports.Views` without a chat."""

    def chats(self) -> tuple[str, ...]:
        return ()

    def view(self, chat: str, audience: object) -> Any:
        raise KeyError(chat)

    def entry(self, chat: str, no: int, audience: object) -> Any:
        raise KeyError(chat)


class PublicFeed:
    """`bridge.ports.PublicFeed`, and `broker.Listener`. `changed` only notes; `run` publishes. `delay_seconds`: that
    of the page."""

    def __init__(self, mqtt: Mqtt, views: Views, delay_seconds: float, clock: Clock) -> None:
        self._root = f"{mqtt.prefix}/public"
        self._views, self._clock = views, clock
        self._delay = Delay(delay_seconds, clock)
        # Nothing that we hear need be acknowledged: of such messages a broker shows more at once.
        self._broker = Broker(mqtt, "public", f"{self._root}/#", self, clock, qos=0)
        self._wanted: dict[str, bytes] = {}  # what should stand, by topic
        self._gone: dict[str, None] = {}  # to be cleared: this comes first
        self._new: dict[str, None] = {}  # to be published
        self._unconfirmed: dict[str, None] = {}
        self._more = False  # something stood there that we did not know of: there may be more
        self._entries: dict[tuple[str, int], None] = {}  # to be looked at
        self._sheets: dict[str, None] = {}
        self._later: dict[tuple[str, int], Micros] = {}  # words that have not stood long enough
        self._state_due: dict[str, Micros] = {}
        self._wake = asyncio.Event()
        self._clear = asyncio.Event()  # withdrawn, and the broker holds nothing any more
        self._warned = False
        self._lost = ""  # why there is no connection, as it was told

    def changed(self, chat: str, entries: Iterable[int]) -> None:
        """Note that these entries of a chat (or, if empty, its run sheet) are different now."""
        numbers = tuple(entries)
        for no in numbers:
            self._delay.noticed(chat, no)
            self._entries[chat, no] = None
        if numbers:
            self._state_due.setdefault(chat, self._clock.now() + int(STATE_EVERY * SECOND))
        else:
            self._sheets[chat] = None
        self._wake.set()

    async def run(self) -> None:
        """Keep the broker as it should be. Until cancelled."""
        for chat in self._views.chats():
            self._sheets[chat] = None
            if (view := self._shown(chat)) is not None:
                self._entries |= {(chat, entry.no): None for entry in view.entries}
        self._look()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._broker.run())
            group.create_task(self._publish())

    async def withdraw(self) -> None:
        """Take everything off, for good; returns when the broker holds none of it any more."""
        self._views = _Nothing()
        for topic in tuple(self._wanted):
            self._want(topic, None)
        self._wake.set()
        while self._gone or self._unconfirmed:
            self._clear.clear()
            await self._clear.wait()

    # ------------------------------------------------------------ what should stand

    def _look(self) -> None:
        """Take in what changed, and whose time has come."""
        now = self._clock.now()
        due = [chat for chat, when in self._state_due.items() if when <= now]
        for chat in dict.fromkeys((*self._sheets, *due)):
            self._state_due.pop(chat, None)
            self._want(f"{self._root}/{chat}/state", self._state(chat))
        self._sheets.clear()
        ripe = [key for key, when in self._later.items() if when <= now]
        for chat, no in dict.fromkeys((*self._entries, *ripe)):
            self._want(f"{self._root}/{chat}/entries/{no}", self._entry(chat, no, now))
        self._entries.clear()

    def _shown(self, chat: str, no: int | None = None) -> Any | None:
        """A chat, or an entry, as the page's audience may see it. What cannot be shown is not: it must neither
        stand nor silence the others."""
        try:
            return self._views.view(chat, "page") if no is None else self._views.entry(chat, no, "page")
        except KeyError:
            return None
        except Exception:
            log.exception("the public feed could not show entry %s of the chat %r", no, chat)
            return None

    def _state(self, chat: str) -> bytes | None:
        if (view := self._shown(chat)) is None:
            return None
        shown = msgspec.to_builtins(view)
        del shown["entries"]
        return msgspec.json.encode(shown)

    def _entry(self, chat: str, no: int, now: Micros) -> bytes | None:
        self._later.pop((chat, no), None)
        entry = self._shown(chat, no)
        if entry is None or entry.hidden:
            self._delay.forget(chat, no)
            return None
        if (when := self._delay.until(chat, entry)) > now:
            self._later[chat, no] = when
            return None
        return msgspec.json.encode(entry)

    def _want(self, topic: str, payload: bytes | None) -> None:
        if payload is None:
            if self._wanted.pop(topic, None) is not None:
                self._new.pop(topic, None)
                self._gone[topic] = None
        elif self._wanted.get(topic) != payload:
            self._wanted[topic] = payload
            self._gone.pop(topic, None)
            self._new[topic] = None

    # ------------------------------------------------------------ making it so

    async def _publish(self) -> None:
        in_vain = 0
        while True:
            self._wake.clear()
            self._look()
            topics = tuple(itertools.islice(itertools.chain(self._gone, self._new), AT_ONCE))
            if topics and self._broker.connected:
                async with asyncio.TaskGroup() as group:
                    for topic in topics:
                        group.create_task(self._say(topic))
                continue
            if self._more and not self._unconfirmed and self._broker.connected:
                self._more = False
                self._more = not await self._broker.hear_again() or self._more
            if not await passed(self._wake, self._clock, self._patience()):
                in_vain = 0
            elif self._unconfirmed and self._broker.connected:
                in_vain += 1
                self._again(in_vain)

    async def _say(self, topic: str) -> None:
        self._gone.pop(topic, None)
        self._new.pop(topic, None)
        self._unconfirmed[topic] = None
        await self._broker.say(topic, self._wanted.get(topic, b""), retain=True)

    def _patience(self) -> float:
        """Seconds until something is due even if nothing happens."""
        due = min((*self._later.values(), *self._state_due.values()), default=None)
        if due is None:
            return CONFIRMED
        return min(CONFIRMED, max(0.0, (due - self._clock.now()) / SECOND))

    def _again(self, in_vain: int) -> None:
        """What the broker never showed us was lost or denied; a broker does not tell which."""
        for topic in self._unconfirmed:
            (self._new if topic in self._wanted else self._gone)[topic] = None
        if in_vain > 1 and not self._warned:
            self._warned = True
            log.warning(
                "The broker at %s does not show what is published under %s. May our user write and read there?",
                self._broker.address,
                self._root,
            )

    # ------------------------------------------------------------ `broker.Listener`

    def connected(self) -> None:
        """The broker shows us what it holds; all that should stand is published, and all that should not is
        cleared, whatever it held before."""
        self._gone |= dict.fromkeys(self._unconfirmed)
        self._gone = dict.fromkeys(topic for topic in self._gone if topic not in self._wanted)
        self._unconfirmed.clear()
        self._new = dict.fromkeys(self._wanted)
        self._lost = ""
        self._wake.set()

    def disconnected(self, why: str, denied: bool) -> None:
        if why != self._lost:
            log.warning("The public feed waits, and the chat goes on. %s", why)
        self._lost = why

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if not retained:
            return
        wanted = self._wanted.get(topic, b"")
        if payload == wanted:
            self._unconfirmed.pop(topic, None)
            self._new.pop(topic, None)
            self._gone.pop(topic, None)
            self._warned = False
        elif topic not in self._unconfirmed and topic not in self._gone:
            (self._new if wanted else self._gone)[topic] = None
            self._more = self._more or not wanted
        self._clear.set()
        self._wake.set()
