"""Networks kept in memory, and a chat on them that is lived through by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from simulator import leaving, plan
from simulator.drafts import Composer
from simulator.ledger import Ledger, Questions, Truth
from simulator.people import Hours, People
from simulator.stage import Draft, Person, Said
from simulator.words import Words

SECOND = 1_000_000
MINUTE = 60 * SECOND
STARTS = 1_521_576_000 * SECOND
HOURS = Hours(STARTS, STARTS + 60 * MINUTE, STARTS + 25 * 60 * MINUTE)
NETWORKS = {"mastodon": "mastodon", "bluesky": "bluesky", "slack": "slack"}
LIMITS = {"mastodon": 460, "welsh": 460, "bluesky": 300, "slack": 4000}
TEXTS = (
    "What is a community of practice?",
    "How do you define your shared domain of interest?",
    "What levels of community participation might be observed within your community of practice",
    "What are the merits of different levels of participation within your community?",
    "How can you develop public and private spaces for your community to thrive?",
    "How do you design for value with your community of practice?",
    "How do you create a rhythm for the community?",
)
DUE = [STARTS + (5 + 7 * n) * MINUTE for n in range(7)]


class Paper:
    """A stage on paper: no wire, nobody to lose anything."""

    def __init__(self, network: str, now: Callable[[], int]) -> None:
        self.network, self.now = network, now
        self.said: dict[str, Said] = {}
        self.drafts: dict[str, Draft] = {}
        self.people: dict[str, Person] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.controls: list[dict[str, Any]] = []
        self.used: list[tuple[str, dict[str, Any], int]] = []
        self.connected = True
        self.peers: list[Paper] = []
        self.foreign: dict[str, Said] = {}  # what the peers wrote, by its id here
        self._ids = itertools.count(1)

    def federate(self, other: Paper) -> None:
        """From now on each holds what anybody may read of the other."""
        self.peers.append(other)
        other.peers.append(self)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def access(self) -> dict[str, Any]:
        return {"table": {}, "secrets": {}}

    def join(self, person: Person) -> str:
        assert person.handle not in self.people, "two accounts of one name"
        self.people[person.handle] = person
        person.account = person.handle
        return f"@{person.handle}@{self.network}.example"

    def publish(self, text: str, place: str = "chat") -> str:
        """The bridge posts."""
        said = self._say("bridge", text, ours=True, place=place)
        for callback in self.on_ours:
            callback(said)
        return said.id

    def write(self, person: Person, draft: Draft) -> str:
        assert person.network == self.network
        assert len(draft.text) <= LIMITS[self.network]
        assert person.handle in self.people, "who has left writes nothing"
        for parent in (draft.reply_to, draft.quote):
            assert parent is None or not (self.said | self.foreign)[parent].deleted
        said = self._say(
            person.handle,
            draft.text,
            reply_to=draft.reply_to,
            reach=draft.reach,
            place=draft.place,
            pictures=draft.pictures,
        )
        self.drafts[said.id] = draft
        return said.id

    def _say(self, author: str, text: str, **fields: Any) -> Said:
        id_ = f"{self.network}/{next(self._ids)}"
        said = Said(self.network, id_, author, text, self.now(), self.now() / SECOND, **fields)
        self.said[id_] = said
        for peer in self.peers if said.reach in ("public", "quiet") and said.place == "chat" else ():
            copy = f"{peer.network}/{next(peer._ids)}"
            peer.foreign[copy] = said
            said.also.append((peer.network, copy))
        return said

    def edit(self, person: Person, post: str, text: str) -> None:
        said = self.said[post]
        assert said.author == person.handle
        assert len(text) <= LIMITS[self.network]
        assert not said.deleted
        said.history.append(said.text)
        said.text, said.edited = text, True

    def delete(self, person: Person, post: str) -> None:
        assert self.said[post].author == person.handle
        self.said[post].deleted = True

    def leave(self, person: Person) -> None:
        assert self.network != "slack", "in Slack the messages would stay"
        del self.people[person.handle]
        for said in self.said.values():
            said.deleted = said.deleted or said.author == person.handle

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        return [c for c in self.controls if c["action_id"] == f"chatbridge:{verb}"]

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        if self.connected:
            self.used.append((person.handle, control, self.now()))
        return self.connected


class Hour:
    """A chat that is lived through by hand: time goes where it is told to."""

    def __init__(
        self,
        answers: int = 400,
        participants: int = 40,
        seed: int = 7,
        hosts: int = 2,
        second: str | None = None,  # another Mastodon server, on which nothing is asked
    ) -> None:
        self.time = STARTS - MINUTE
        self.networks = NETWORKS | ({second: "mastodon"} if second else {})
        self.stages = {network: Paper(network, lambda: self.time) for network in self.networks}
        if second:
            self.stages["mastodon"].federate(self.stages[second])
        asked = [
            {"label": f"Q{n}", "text": t, "due": d}
            for n, (t, d) in enumerate(zip(TEXTS, DUE, strict=True), 1)
        ]
        self.questions = Questions(asked)
        self.ledger = Ledger(self.questions)
        words = Words()
        self.people = People(
            plan=make(answers, participants, seed, hosts, words=words, networks=self.networks),
            stages=self.stages,
            composer=Composer(
                words=words, questions=self.questions, tag="CCNVirtual", platforms=self.networks, seed=seed
            ),
            ledger=self.ledger,
            hours=HOURS,
            seed=seed,
            listening=[second] if second else [],
        )
        self.handles = self.people.join()

    def to(self, when: int) -> None:
        """Live until `when`, second by second where something happens."""
        while (due := self.people.next) is not None and due <= when:
            self.time = max(self.time, due)
            self.people.step(self.time)
        self.time = when

    def ask(self, number: int, *networks: str) -> None:
        for network in networks or NETWORKS:
            self.stages[network].publish(f"Q{number + 1} {TEXTS[number]} #CCNVirtual")

    def live(self, skipped: tuple[tuple[int, str], ...] = ()) -> None:
        """The whole chat; `skipped`: questions that a network never saw."""
        for number, due in enumerate(DUE):
            self.to(due)
            self.ask(number, *(n for n in NETWORKS if (number, n) not in skipped))
        self.to(HOURS.late_until)

    @property
    def truths(self) -> list[Truth]:
        return list(self.ledger.truths.values())


def make(
    answers: int,
    participants: int,
    seed: int,
    hosts: int = 2,
    *,
    words: Words | None = None,
    networks: dict[str, str] = NETWORKS,
) -> plan.Plan:
    words = words or Words()
    planned = plan.make(
        seed=seed,
        participants=participants,
        answers=answers,
        networks=networks,
        questions=7,
        hosts=["Lucy Scarisbrick", "Vanessa Garrity", *(f"H{n} Host" for n in range(3, hosts + 1))][:hosts],
        roles=words.roles,
        names=words.names,
    )
    return leaving.choose(planned, seed=seed, participants=participants, networks=networks, questions=7)
