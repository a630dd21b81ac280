"""What the suite stands on: a stage, its people, an adapter on it, and ears for secrets.

A platform's test names its stage and its adapter by subclassing `Subject`; everything else is here. Chat time
runs fast, so that a minute's outage costs a second; only waiting for a person's patience is real.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import msgspec

from bridge.model import Beat, Interest, Media, Micros, Op, Order, Publish, Ref, Update, Words
from bridge.ports import Adapter, Platform
from bridge.text import marked
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Said, Stage
from tests.conformance.came import Came, Core, Session, named

TAG = "CoastalTea"  # mixed case: tags are compared without it
TOKEN = re.compile(rb"[\w.~+/=-]{40,}")  # a login in a stored session


class BridgeClock:
    """The bridge's side of the simulator's clock. `patience`: the least real seconds any request has;
    generous where nothing depends on it, so that a busy machine is not taken for a dead network."""

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock, self._patience = clock, patience

    def now(self) -> Micros:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def timeout(self, seconds: float) -> float:
        return max(self._patience, seconds / self._clock.speed)


class Sessions:
    """Keeps a login in memory and tells whoever listens for secrets."""

    def __init__(self, ears: Ears) -> None:
        self.stored: bytes | None = None
        self._ears = ears

    def load(self) -> bytes | None:
        return self.stored

    def save(self, session: bytes) -> None:
        self.stored = session
        self._ears.guard(found.decode() for found in TOKEN.findall(session))


class Ears(logging.Handler):
    """Hears every log record and every error text, and remembers those that tell a secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._secrets: set[str] = set()
        self.leaks: list[str] = []

    def guard(self, secrets: Iterable[str]) -> None:
        self._secrets.update(secrets)

    def hear(self, text: str, where: str) -> None:
        for secret in self._secrets:
            if secret in text:
                self.leaks.append(f"{where}: {text.replace(secret, '<SECRET>')[:400]}")

    def emit(self, record: logging.LogRecord) -> None:
        self.hear(self.format(record), f"log of {record.name}")

    def hear_error(self, error: BaseException) -> None:
        seen: BaseException | None = error
        while seen is not None:
            self.hear(f"{seen} {seen!r}", f"text of {type(seen).__name__}")
            seen = seen.__cause__ or seen.__context__


class Subject:
    """What the suite must be told of a platform. `cannot`: a test the platform cannot show -> why, one
    sentence each, four at most; they are not collected (tests/conftest.py)."""

    network: ClassVar[str]
    cannot: ClassVar[dict[str, str]] = {}
    speed: ClassVar[float] = 60.0  # chat seconds in a real one
    limit: ClassVar[float] = 20.0  # real seconds the suite waits for anything
    too_long: ClassVar[int | None] = None  # graphemes surely refused, where that is not one over the limit
    asks_to_wait: ClassVar[tuple[float, float]] = (0.001, 3600.0)  # what the stage's 429 may say, seconds

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        tests = [name for name in dir(cls) if name.startswith("test_")]
        unknown = [test for test in cls.cannot if test.partition("[")[0] not in tests]
        assert not (tests and unknown), f"{cls.__name__}.cannot names no test: {', '.join(unknown)}"
        assert len(cls.cannot) <= 4, "a platform that cannot show more than four things needs another suite"

    def platform(self) -> Platform:
        raise NotImplementedError

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        raise NotImplementedError

    def off_topic(self, text: str) -> Draft:
        """A post that does not belong to the chat."""
        return Draft(text, tag="none")

    @asynccontextmanager
    async def rig(self, speed: float | None = None, patience: float = 2.0) -> AsyncIterator[Rig]:
        """A running stage with our adapter on it. Fails if a secret was told while it ran."""
        rig = Rig(self, speed or self.speed, patience)
        root = logging.getLogger()
        level = root.level
        root.addHandler(rig.ears)
        root.setLevel(logging.DEBUG)
        try:
            await rig.start()
            yield rig
        finally:
            await turns()  # a connection given up a moment ago reaches the stage before it closes
            await rig.stage.stop()
            await turns()
            root.removeHandler(rig.ears)
            root.setLevel(level)
        assert not rig.ears.leaks, "a secret was told:\n  " + "\n  ".join(rig.ears.leaks[:5])


class Rig:
    """One stage, its people and the adapter under test."""

    def __init__(self, subject: Subject, speed: float, patience: float) -> None:
        self.subject = subject
        self.network = subject.network
        self.limit = subject.limit
        self.time = Clock(speed=speed)
        self.clock = BridgeClock(self.time, patience)
        self.faults = Faults(self.time.now)
        self.stage = subject.stage(self.network, self.time, self.faults, {"tag": TAG})
        self.ears = Ears()
        self.sessions = Sessions(self.ears)
        self.since = self.time.now() - 60_000_000
        self._stamp = 0
        self._words = 0
        self._people: Counter[str] = Counter()
        self._word_of: dict[Micros, str] = {}
        self._writers: dict[str, Person] = {}

    async def start(self) -> None:
        await self.stage.start()
        self.ears.guard(self.stage.access()["secrets"].values())

    # ------------------------------------------------------------ the adapter

    def adapter(self) -> Adapter:
        """A new one, remembering nothing: what a restarted process would have."""
        access = self.stage.access()
        platform = self.subject.platform()
        table = {key: value for key, value in access["table"].items() if key not in ("kind", "post")}
        secrets = {key.lower(): value for key, value in access["secrets"].items()}
        return platform.create(self.network, msgspec.convert(table, platform.settings), secrets, self.clock)

    def interest(self, threads: Iterable[Ref] = ()) -> Interest:
        return Interest((TAG.casefold(),), tuple(threads), self.since)

    @asynccontextmanager
    async def open(
        self, after: str | None = None, *, threads: Iterable[Ref] = (), read: bool = True
    ) -> AsyncIterator[Session]:
        """A link of a new adapter, read from `after`. Fails if it does not close within seconds, or leaves a
        task or a thread behind."""
        before = running()
        manager = self.adapter().open(self.sessions)
        session = Session(self, await self.heard(manager.__aenter__()))
        try:
            await session.link.follow(self.interest(threads))
            if read:
                session.start(after)
            yield session
        except BaseException:
            await session.stop()
            await manager.__aexit__(None, None, None)
            raise
        await session.stop()
        await self.promptly(manager.__aexit__(None, None, None), "leaving the link's context")
        await self.nothing_left(before)
        session.ended_well()

    @asynccontextmanager
    async def core(self) -> AsyncIterator[Core]:
        """A link kept open as the core does: opened again after each LinkError, with the last cursor."""
        core = Core(self, self.adapter())
        before = running()
        core.start()
        try:
            yield core
        except BaseException:
            await core.stop()
            raise
        await self.promptly(core.stop(), "ending the core's reading")
        await self.nothing_left(before)
        core.ended_well()

    async def heard(self, doing: Any) -> Any:
        """Awaits it; an error's text is listened to for secrets."""
        try:
            async with asyncio.timeout(self.limit):
                return await doing
        except TimeoutError:
            raise AssertionError(
                self.story(f"an answer from {named(doing)}, within {self.limit} s")
            ) from None
        except Exception as error:
            self.ears.hear_error(error)
            raise

    async def promptly(self, doing: Any, what: str, seconds: float = 3.0) -> None:
        """Closing has a second; three on a busy machine."""
        try:
            async with asyncio.timeout(seconds):
                await doing
        except TimeoutError:
            raise AssertionError(f"{what} took more than {seconds} s") from None

    async def nothing_left(self, before: frozenset[object]) -> None:
        """No task of the bridge's and no thread is still there."""
        try:
            await self.until(lambda: not running() - before, "", 3.0)
        except AssertionError:
            left = ", ".join(str(thing)[:200] for thing in running() - before)
            raise AssertionError(f"still running after the link was closed: {left}") from None

    # ------------------------------------------------------------ people

    def person(self, profile: str = "", name: str = "nurse") -> Person:
        self._people[name] += 1
        number = self._people[name]
        person = Person(f"{name}-{number:02}", f"{name.title()} {number}", self.network, profile)
        self.stage.join(person)
        return person

    def word(self) -> str:
        """A word nobody else uses, to know a text by."""
        self._words += 1
        return f"kestrel{self._words:04}"

    def says(self, person: Person, text: str = "", **draft: Any) -> Said:
        """A person writes something unique."""
        said = self.stage.said[self.stage.write(person, Draft(f"{self.word()} {text}".strip(), **draft))]
        self._writers[said.id] = person
        return said

    def draws_away(self, person: Person) -> Said:
        """A person writes something that is none of the chat's business."""
        return self.stage.said[self.stage.write(person, self.subject.off_topic(f"{self.word()} elsewhere"))]

    def edits(self, said: Said, text: str) -> None:
        self.stage.edit(self._writers[said.id], said.id, text)

    def deletes(self, said: Said) -> None:
        self.stage.delete(self._writers[said.id], said.id)

    # ------------------------------------------------------------ orders

    def stamp(self) -> Micros:
        self._stamp = max(self._stamp + 1, self.time.now())
        return self._stamp

    def order(self, op: Op, **more: Any) -> Order:
        stamp = self.stamp()
        return Order((stamp, 0), self.network, more.pop("lane", "sheet"), stamp, op, chat="tea", **more)

    def publish(
        self,
        text: str = "",
        *,
        reply_to: Ref | None = None,
        exact: bool = False,
        media: tuple[Media, ...] = (),
    ) -> Order:
        """An order for a post with the tag and a unique word, or with exactly `text`, which has its own."""
        word = text.split(maxsplit=1)[0] if exact else self.word()
        plain = text if exact else f"{word} {text} #{TAG}".replace("  ", " ")
        order = self.order(Publish(Words(marked(plain), language="en", media=media), reply_to=reply_to))
        self._word_of[order.stamp] = word
        return order

    def update(self, ref: Ref, text: str) -> Order:
        return self.order(Update(ref, Words(marked(text), language="en")))

    def copies(self, order: Order) -> list[Said]:
        """The posts on the stage that this order made."""
        word = self._word_of[order.stamp]
        return [s for s in self.stage.said.values() if s.ours and word in s.text and not s.deleted]

    def copy(self, order: Order) -> Said:
        """The only one. Fails if there is none or several."""
        copies = self.copies(order)
        assert len(copies) == 1, self.story(
            f"exactly one post of {named(order)} on the stage, not {len(copies)}"
        )
        return copies[0]

    # ------------------------------------------------------------ faults

    def strike(self, *kinds: str, times: int = 1) -> None:
        """These faults strike at the next opportunities."""
        for kind in kinds:
            self.faults.at(self.network, kind, *([0] * times))

    async def struck(self, kind: str, times: int = 1) -> None:
        """Waits until the fault was seen to strike."""
        await self.until(lambda: self.faults.fired[kind] >= times, f"the stage to let `{kind}` strike")

    async def over(self, kind: str) -> None:
        """Waits until a lasting fault is over."""
        await self.until(lambda: not self.faults.active(self.network, kind), f"the end of `{kind}`")

    # ------------------------------------------------------------ waiting and telling

    async def until(
        self, met: Any, expected: str, within: float | None = None, came: Came | None = None
    ) -> None:
        """Waits for something of which nobody sends word."""
        try:
            async with asyncio.timeout(within or self.limit):
                while not met():  # noqa: ASYNC110 - the stage has no event for it
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(self.story(expected, came)) from None

    def story(self, expected: str, came: Came | None = None) -> str:
        """What was expected, what the stage holds and what came instead."""
        lines = [f"expected {expected}", f"the stage `{self.network}` holds (last 15):"]
        for said in list(self.stage.said.values())[-15:]:
            marks = "".join(m for m, on in ((" ours", said.ours), (" gone", said.deleted)) if on)
            lines.append(f"  {said.id} {said.author}{marks}: {said.text[:80]!r}")
        if came is not None:
            items = [item for item in came.items if not isinstance(item.what, Beat)]
            lines.append(f"what came ({len(items)} and {len(came.items) - len(items)} beats, last 25):")
            lines += [f"  {named(item.what)}  cursor={item.cursor!r}"[:300] for item in items[-25:]]
            lines += [f"  raised {error!r}" for error in came.errors]
        lines.append(f"faults that struck: {json.dumps(dict(self.faults.fired))}")
        return "\n".join(lines)


async def turns(count: int = 20) -> None:
    """Lets the loop go round so often."""
    for _ in range(count):
        await asyncio.sleep(0)


def running() -> frozenset[object]:
    """Tasks of the bridge's side, and threads but the loop's own, in which it looks up names. The stand-in
    server runs on the same loop, so its tasks are told by the file their code stands in."""
    tasks = {task for task in asyncio.all_tasks() if not _of_stage(task)}
    threads = {t for t in threading.enumerate() if not t.name.startswith("asyncio_")}
    return frozenset(tasks | threads) - {asyncio.current_task()}


def _of_stage(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and any(part in code.co_filename for part in ("aiohttp/web_", "/simulator/"))
