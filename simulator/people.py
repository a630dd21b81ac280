"""The simulated people: they watch their networks and write what was planned for them, when they see it fit.

Synchronous and without a clock of its own: `saw` is told what the bridge published, `step` does everything
that is due at a chat time.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from simulator.drafts import Composed, Composer, Scene
from simulator.ledger import Ledger, Truth
from simulator.plan import Plan, Planned
from simulator.stage import Person, Said, Stage

SECOND = 1_000_000
GRACE = 45 * SECOND  # after a new question the one before is still meant by who names none
CLOSE_CALL = 20 * SECOND  # so near to that instant nobody can say which question was meant
BREATH = 12 * SECOND  # between two posts of one person: more than six a minute look like a machine
READ = 15 * SECOND  # a post has to be out for so long before others react to it
KNOWN = 30 * SECOND  # and for so long before its author is no stranger any more
LEAVING = (
    10 * SECOND
)  # so long before the late window closes nobody does anything any more, if it closes early
FAR = 1 << 62


@dataclass(frozen=True)
class Hours:
    """When the chat takes place (chat time, microseconds)."""

    starts: int
    ends: int
    late_until: int


@dataclass(frozen=True)
class Seen:
    """Something on a network that people may answer to. `home`: where and as what its author wrote it, if this
    is another server's copy."""

    id: str
    at: int
    answers: tuple[str, ...] | None  # labels; None: cannot be told
    author: str = ""
    home: tuple[str, str] | None = None


class People:
    """All people of a plan, on their stages. On networks that the bridge only listens to (`listening`) people
    read the questions in the copies that their own server has of them. `steered`: real hosts run the hour; who
    waits for a question that they leave out says nothing, and when it is over, everybody goes."""

    def __init__(
        self,
        *,
        plan: Plan,
        stages: Mapping[str, Stage],
        composer: Composer,
        ledger: Ledger,
        hours: Hours,
        seed: int,
        listening: Collection[str] = (),
        steered: bool = False,
    ) -> None:
        self.plan, self.stages, self.composer, self.ledger, self.hours = plan, stages, composer, ledger, hours
        self.asked = [network for network in stages if network not in listening]
        self.accounts: dict[tuple[str, str], Person] = {}  # (handle, network)
        self.written = 0
        self._rng = random.Random(f"people {seed}")
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._waiting = [p for p in plan.posts if p.after == "question"]
        self._left: defaultdict[str, int] = defaultdict(int)  # posts a person has still to write
        self._questions: dict[str, dict[int, Seen]] = {network: {} for network in stages}
        self._answers: dict[str, dict[int, list[Seen]]] = {network: defaultdict(list) for network in stages}
        self._last: dict[str, int] = {}  # handle -> when they last wrote
        self._read: dict[tuple[str, str], int] = {}  # account -> when they first wrote something that stays
        self._silent: set[str] = set()  # who said stop
        self._leaving = {departure.who.handle: departure for departure in plan.departures}
        self._gone: set[str] = set()  # who has left
        self._steered = steered
        rooms = steered or "slack" in composer.platforms.values()
        self._guarded = rooms and any(who.host for who in plan.cast)
        for post in plan.posts:
            self._left[post.who.handle] += 1

    # ------------------------------------------------------------ for the director

    def join(self) -> list[dict[str, str]]:
        """Make everybody's accounts and plan what waits for the clock alone. Gives each host's handles as
        {network: what a config names them by}."""
        hosts = []
        for who in self.plan.cast:
            handles = {}
            for network in who.networks:
                person = Person(who.handle, who.name, network, who.profile, host=who.host)
                handles[network] = self.stages[network].join(person)
                self.accounts[who.handle, network] = person
            if who.host:
                hosts.append(handles)
        for network, stage in self.stages.items():
            stage.on_ours.append(partial(self.saw, network))
        hours = self.hours
        first = next((due for due in self.ledger.questions.due if due is not None), hours.ends)
        for post in self.plan.posts:
            wait = int(post.wait * SECOND)
            if post.after == "start":
                self._at(min(hours.starts + wait, first - SECOND), partial(self._write, post))
            elif post.after == "end":
                self._at(min(hours.ends + wait, hours.late_until - 60 * SECOND), partial(self._write, post))
        return hosts

    @property
    def next(self) -> int | None:
        """Chat time of the earliest thing that is going to happen by itself."""
        closing = self.hours.ends if self._waiting else FAR
        due = min(self._agenda[0][0] if self._agenda else FAR, closing)
        return None if due == FAR else due

    @property
    def finished(self) -> bool:
        """Whether everything planned was written, edited and deleted, and whoever leaves has left."""
        return not self._agenda and not self._waiting

    def told(self, ends: int, late_until: int) -> None:
        """The hosts moved the end, or closed the chat."""
        self.hours = replace(self.hours, ends=ends, late_until=late_until)

    def step(self, now: int) -> None:
        """Do everything that is due."""
        if self._steered and now >= self.hours.late_until - LEAVING:
            self._agenda.clear()
        if now >= self.hours.ends and self._waiting:
            self._close(now)
        while self._agenda and self._agenda[0][0] <= now:
            heapq.heappop(self._agenda)[2](now)

    # ------------------------------------------------------------ what they see

    def saw(self, network: str, said: Said) -> None:
        """The bridge published or edited something on a network."""
        if said.deleted or said.edited:
            return
        number = self.ledger.questions.asked_by(said)
        if number is None:
            self._note_copy(network, said)
            return
        for where, id_ in ((network, said.id), *said.also):
            here = self._questions[where]
            if number not in here:
                here[number] = Seen(id_, said.at, (self.ledger.questions.labels[number],))
                self._release(where, number, said.at)

    def _note_copy(self, network: str, said: Said) -> None:
        """In Slack people also answer under what the bridge brought from elsewhere."""
        here = self._planned(network)
        if self.composer.platforms[network] == "slack" and said.place == "chat" and here:
            self._answers[network][max(here)].append(Seen(said.id, said.at, None))

    def _planned(self, network: str) -> list[int]:
        """The questions seen there that were planned from the beginning: nobody plans an answer to others."""
        return [n for n in self._questions[network] if n < self.ledger.questions.planned]

    def _release(self, network: str, number: int, now: int) -> None:
        """Plan what waited for this question; what waited for an earlier one that was never asked here moves
        on to this one."""
        here, last = self._questions[network], max(now + 5 * SECOND, self.hours.ends - 15 * SECOND)

        def missed(post: Planned) -> bool:
            before = (post.question or 0) < number < self.ledger.questions.planned
            return network in post.needs and post.question not in here and before

        waiting = [replace(p, question=number) if missed(p) else p for p in self._waiting]
        self._waiting = []
        for post in waiting:
            if all(post.question in self._questions[n] for n in post.needs):
                self._at(min(now + int(post.wait * SECOND), last), partial(self._write, post))
            else:
                self._waiting.append(post)

    def _close(self, now: int) -> None:
        """The chat is over, and some questions never came: who waited for them still says something."""
        waiting, self._waiting = self._waiting, []
        if self._steered:
            return
        waiting.sort(key=lambda p: (p.kind == "command", p.question, p.wait))
        for n, post in enumerate(waiting):
            when = min(now + (120 + 10 * n) * SECOND, self.hours.late_until - 30 * SECOND)
            act = partial(self._write, replace(post, kind="late") if post.counts else post)
            self._at(max(now, when), act)

    # ------------------------------------------------------------ what they do

    def _at(self, when: int, act: Callable[[int], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), act))

    def _write(self, post: Planned, now: int) -> None:
        handle = post.who.handle
        free = self._last.get(handle, -FAR) + BREATH
        if post.kind == "command" and post.who.wish == "forget" and self._left[handle] > 1:
            free = now + 20 * SECOND  # it is the last thing they write
        if free > now:
            self._at(free, partial(self._write, post))
            return
        composed = self.composer.compose(post, self._scene(post, now))
        person = self.accounts[handle, post.network]
        id_ = self.stages[post.network].write(person, composed.draft)
        self._last[handle] = now
        self._left[handle] -= 1
        self.written += 1
        self._record(post, id_, composed, now)
        if post.kind == "command":
            self._silent.add(handle)
            self.ledger.withdrew(handle, now, forgotten=post.who.wish == "forget")
        if post.fate == "edit":
            self._at(now + int(post.fate_wait * SECOND), partial(self._edit, post, id_, composed))
        elif post.fate == "delete":
            self._at(now + int(post.fate_wait * SECOND), partial(self._delete, post, id_))
        if handle in self._leaving and not self._left[handle]:
            wait = int(self._leaving[handle].wait * SECOND)
            self._at(min(now + wait, self.hours.late_until - 30 * SECOND), partial(self._leave, person))

    def _record(self, post: Planned, id_: str, composed: Composed, now: int) -> None:
        silent = post.who.handle in self._silent
        truth = Truth(
            network=post.network,
            id=id_,
            author=post.who.handle,
            kind=post.kind,
            words=composed.words,
            belongs=composed.belongs,
            audience=composed.audience,
            question=composed.expected,
            group=post.group,
            opted_out=composed.opted_out or silent,
            withdrawn=silent,
            consent=composed.audience == "room" and post.network in self.composer.agreed,
            warning=composed.draft.warning,
            poll=composed.draft.poll,
            held=composed.held,
            name="" if post.who.host else post.who.name,  # everybody knows the hosts'
        )
        self.ledger.wrote(truth, now)
        if post.counts and post.fate != "delete":
            if post.kind != "twin":  # the second of two is no post of its own to who reads them
                self._read.setdefault((post.who.handle, post.network), now)
            if post.kind not in ("hello", "late") and post.who.handle not in self._leaving:
                self._show(post, id_, composed, now)

    def _show(self, post: Planned, id_: str, composed: Composed, now: int) -> None:
        """Let others answer to it: on its network, and where other servers have it."""
        home = (post.network, id_)
        for where, copy in (home, *self.stages[post.network].said[id_].also):
            if here := self._planned(where):
                number = post.question if post.question is not None else max(here)
                seen = Seen(copy, now, composed.expected, post.who.handle, home)
                self._answers[where][number].append(seen)

    def _edit(self, post: Planned, id_: str, composed: Composed, now: int) -> None:
        if post.who.handle in self._gone:
            return
        words = self.composer.edit(post, composed)
        person = self.accounts[post.who.handle, post.network]
        self.stages[post.network].edit(person, id_, composed.reworded(words))
        self.ledger.edited(post.network, id_, words, now)

    def _delete(self, post: Planned, id_: str, now: int) -> None:
        if post.who.handle in self._gone:
            return
        self.stages[post.network].delete(self.accounts[post.who.handle, post.network], id_)
        self.ledger.deleted(post.network, id_, now)

    def _leave(self, person: Person, now: int) -> None:
        self._gone.add(person.handle)
        self.ledger.departed(person.network, person.handle, self.stages[person.network].said, now)
        self.stages[person.network].leave(person)

    # ------------------------------------------------------------ what they go by

    def _scene(self, post: Planned, now: int) -> Scene:
        here = self._questions[post.network]
        question = here.get(post.question) if post.question is not None else None
        known = self._read.get((post.who.handle, post.network))
        return Scene(
            question=question.id if question else None,
            open=self._open(post.network, now),
            parent=self._parent(post, now),
            known=known is not None and known + KNOWN <= now,
            guarded=self._guarded,
        )

    def _open(self, network: str, now: int) -> tuple[str, ...] | None:
        """What a post that names no question answers: the one that is open here by the clock; where nothing is
        asked, the one that is open everywhere else."""
        if network not in self.asked:
            elsewhere = {self._open(other, now) for other in self.asked}
            return elsewhere.pop() if len(elsewhere) == 1 else None
        current: tuple[str, ...] | None = ()
        for seen in sorted(self._questions[network].values(), key=lambda s: s.at):
            if current == ():
                current = seen.answers
            elif abs(seen.at + GRACE - now) < CLOSE_CALL:
                return None
            elif seen.at + GRACE <= now:
                current = seen.answers
        return current

    def _parent(self, post: Planned, now: int) -> tuple[str, tuple[str, ...] | None] | None:
        """Another person's post on the same question, one that stays."""
        if post.question is None:
            return None
        said = [s for s in self._answers[post.network][post.question] if self._stands(post.network, s)]
        others = [s for s in said if s.at + READ <= now and s.author != post.who.handle]
        if not others:
            return None
        chosen = self._rng.choice(others[-8:])
        return chosen.id, chosen.answers

    def _stands(self, network: str, seen: Seen) -> bool:
        home, id_ = seen.home or (network, seen.id)
        return not self.stages[home].said[id_].deleted
