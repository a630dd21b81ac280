"""What runs beside the real adapter: opens its link when a core asks for it, and serves that one core.

A newer session takes the place of an older one; a core that was started earlier, or that has another journal, is
told so and gets nothing. Whom it serves is remembered durably, what was sent only for this process's life: its
`boot` is in everything it says, so that a core knows what it cannot know any more.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from adapters.mqtt import wire
from adapters.mqtt.broker import Broker
from adapters.mqtt.session import Session, Upward
from adapters.mqtt.wire import Claim, Close, Closed, Down, Failed, Key, Made, Open, Opening, Trouble, Up
from bridge.model import Refused, Sent
from bridge.ports import Adapter, Clock, Mqtt, SessionStore, Standing

log = logging.getLogger(__name__)

OUTCOMES = 2_000  # final outcomes remembered

FAREWELL = 0.5  # real seconds for the last words

STOPPED = Failed(Trouble("unreachable", "The process that speaks to the network was stopped."))
NOTHING = Failed(Trouble("unreachable", "The process that speaks to the network has no such link any more."))


class Server:
    """Serves `adapter` to the core that asks for it: all sessions, one after the other. `bridge.ports.Beside`, and
    `broker.Listener`.

    `sessions`: the logins of the adapter. `memory`: where it is kept whom we serve; a file of its own. Raises OSError
    if that cannot be written, ValueError if it cannot be read.
    """

    noticed: Callable[[], None] = staticmethod(lambda: None)  # `standing` is another

    def __init__(
        self, adapter: Adapter, mqtt: Mqtt, sessions: SessionStore, memory: SessionStore, clock: Clock
    ) -> None:
        self.adapter, self.sessions, self.clock = adapter, sessions, clock
        self.boot = secrets.token_hex(8)
        self.outcomes: OrderedDict[Made, Sent | Refused] = OrderedDict()
        self._memory = memory
        kept = memory.load()
        try:
            self._claim = self._saved = None if kept is None else wire.decode_claim(kept)
        except wire.UNREADABLE as error:
            raise ValueError(
                f"What is remembered of the core of {adapter.name} cannot be read: {error}"
            ) from None
        self._down = wire.down_topic(mqtt.prefix, adapter.name)
        self._up = wire.up_topic(mqtt.prefix, adapter.name)
        self._broker = Broker(mqtt, f"beside-{adapter.name}", self._down, self, clock)
        self._latest: Key = (0, 0)  # the newest that was asked for
        self._wanted = asyncio.Event()
        self._session: Session | None = None
        self._last: tuple[Key, Failed | Closed] = (
            (0, 0),
            Closed(),
        )  # the newest that is over, and how it ended

    async def run(self) -> None:
        """Until cancelled: then what is being sent is finished and answered first, within `session.FINISH` seconds.
        A connection that is just being made is given up at once: it might take as long."""
        async with asyncio.TaskGroup() as group:
            connection = group.create_task(self._broker.run())
            serving = group.create_task(self._sessions())
            try:
                await asyncio.wait((serving,))
            finally:
                if not self._broker.connected:
                    connection.cancel()
                serving.cancel()
                await asyncio.wait((serving,))
                self.say(self._latest, STOPPED)
                await self._broker.flush(FAREWELL)
                connection.cancel()

    async def _sessions(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._latest > self._last[0]:
                await self._serve(self._latest)

    @property
    def standing(self) -> Standing:
        key, ending = self._last
        if self._session is not None:
            standing = self._session.standing
        elif self._latest > key:
            standing = Standing(link="opening", busy=True)
        elif isinstance(ending, Failed):
            refused = ending.trouble.kind == "login"
            standing = Standing(link="refused" if refused else "down", why=ending.trouble.why)
        else:
            standing = Standing()
        lost = self._broker.lost
        return msgspec.structs.replace(standing, broker=lost, busy=True) if lost else standing

    async def _serve(self, key: Key) -> None:
        """One session, from its opening to its end."""
        if (claim := self._claim) != self._saved:
            await asyncio.to_thread(self._memory.save, wire.encode(claim))
            self._saved = claim
        log.info("%s: opening the link for session %s of start %s", self.adapter.name, key[1], key[0])
        self._session = Session(self, key)
        try:
            ending = await self._session.run()
        finally:
            self._session = None
        self._last = max(self._last, (key, ending), key=lambda ended: ended[0])
        self.say(key, ending)
        self.noticed()

    def remember(self, order: Made, outcome: Sent | Refused) -> None:
        """What is final stays so: a core that never heard of it is told when it offers the order again."""
        self.outcomes[order] = outcome
        while len(self.outcomes) > OUTCOMES:
            self.outcomes.popitem(last=False)

    # ------------------------------------------------------------ saying

    def say(self, key: Key, say: Upward) -> None:
        """Soon."""
        if self._claim is not None:
            self._answer(self._claim.journal, key, say)

    async def put(self, key: Key, say: Upward) -> None:
        """Now, and wait until the broker has it: meanwhile more gathers for the next message."""
        assert self._claim is not None
        await self._broker.say(self._up, wire.encode(Up(self.boot, self._claim.journal, *key, say)))

    def _answer(self, journal: str, key: Key, say: Upward) -> None:
        self._broker.tell(self._up, wire.encode(Up(self.boot, journal, *key, say)))

    # ------------------------------------------------------------ `broker.Listener`

    def connected(self) -> None:
        """A core that knew an earlier life of ours learns of this one at once."""
        self._broker.tell(self._up, wire.encode(Up(self.boot)))
        if self._session is not None:
            self._session.beat()
        self.noticed()

    def disconnected(self, why: str, denied: bool) -> None:
        self.noticed()  # `Broker` logs it and tries again; the core notices the silence

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            down = wire.decode_down(payload)
        except wire.UNREADABLE as error:
            log.warning("%s: not a message of this version: %s", topic, error)
            return
        key = down.epoch, down.session
        if refusal := self._refusal(down):
            if isinstance(down.say, Open):
                log.warning("%s: refused: %s", self.adapter.name, refusal)
                self._answer(down.journal, key, Failed(Trouble("login", refusal)))
        elif isinstance(down.say, Open):
            self._claim = Claim(down.journal, down.epoch)
            self._open(key)
        elif key <= self._last[0]:
            if key == self._last[0]:
                self.say(key, self._last[1])
        elif self._session is not None and key == self._session.key and down.boot in ("", self.boot):
            self._session.heard(down.say)
        elif key == self._latest:
            self._waiting(key, down.say)
        elif key > self._latest:
            self._answer(down.journal, key, NOTHING)  # from before our start

    def _waiting(self, key: Key, say: object) -> None:
        """A word to a session whose turn has not come."""
        if isinstance(say, Close):
            self._last = key, Closed()
            self.say(key, Closed())
        else:
            self.say(key, Opening())

    def _open(self, key: Key) -> None:
        if key <= self._last[0]:
            if key == self._last[0]:
                self.say(key, self._last[1])
        elif self._session is not None and key == self._session.key:
            self._session.opened()
        elif key >= self._latest:
            self._latest = key
            self._wanted.set()
            if self._session is not None:
                self._session.end(Closed())
            self.say(key, Opening())

    def _refusal(self, down: Down) -> str:
        """Why a core gets nothing, in words for its hosts; "" if it may."""
        claim = self._claim
        if claim is None:
            return ""
        if down.journal != claim.journal:
            return (
                f"The process that speaks to {self.adapter.name} serves another journal. Two bridges must not post "
                "through one account: give this one a prefix of its own under [mqtt]; or, if the other is gone for "
                "good, stop that process, delete what it remembers (the file whose name ends in .mqtt.json in its "
                "folder of sessions) and start it again."
            )
        if down.epoch < claim.epoch:
            return (
                "A core that was started later runs on a copy of this journal, or this journal is an older copy. "
                f"{self.adapter.name} is served to the later one only."
            )
        return ""
