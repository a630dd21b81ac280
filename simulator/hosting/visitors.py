"""A few people beside the planned ones, who give the hosts something to do: what they write is known beforehand.

One is careless, one says something early that is an answer, one advertises, one rages; two have questions of their
own, one wants a reply sent; and one, no host, tries what hosts can do (`outsider`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.ledger import Choice, Ledger, Truth
from simulator.stage import Draft, Person, Stage

# what they write; nobody else says anything like it
CARELESS = "Bed nine at Orrinside is a retired lighthouse keeper with one blue eye, you will all know him."
EARLY = "For me it is people who keep a craft alive between them, says the Velloch knitting ward of 12."
ADVERTS = (
    "Buy the Quillmore badge today, it does the learning for you, and only this week.",
    "Have you seen the Quillmore badge? Everybody at Tarnside has ordered two of them.",
    "The Quillmore badge once more: half its price until midnight, says Tarnside.",
)
RAGE = "The whole board of Eskmouth should be chased through the streets, beginning with its chair."
ASKED_HERE = "How do you welcome somebody who has read along for a year without a word?"
ASKED_THERE = "Does a circle like ours need any money, or would a purse only spoil it?"
REPLY = "Ours at Haverby began exactly so, with two kettles and a rota on the fridge door."
GREETING = "Good evening from the back row at Ormsgill, I mostly press every button I see."


@dataclass
class Visitors:
    """They, and how they write. `rooms`: where Slack is. `agreed`: everybody there lets their words out."""

    stages: Mapping[str, Stage]
    ledger: Ledger
    tag: str
    rooms: Sequence[str]
    agreed: bool
    careless: Person
    early: Person
    advertiser: Person
    raging: Person
    asking_there: Person
    asking_here: Person
    replying: Person
    outsider: Person

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All of them."""
        here = (self.asking_here, self.replying, self.outsider)
        return (self.careless, self.early, self.advertiser, self.raging, self.asking_there, *here)

    @property
    def decided(self) -> dict[str, Choice]:
        """What those in Slack want to become of their words."""
        return {self.asking_here.handle: "first", self.replying.handle: "no", self.outsider.handle: "no"}

    def write(
        self,
        who: Person,
        words: str,
        now: int,
        *,
        before: str = "",
        to: str | None = None,
        early: bool = False,
    ) -> tuple[str, str]:
        """Somebody posts; gives where. `early`: before the first question, so that it answers none."""
        room = who.network in self.rooms
        tag = "" if room else f" #{self.tag}"
        draft = Draft(f"{before}{words}{tag}", tag="none" if room else "markup", reply_to=to)
        post = self.stages[who.network].write(who, draft)
        self.ledger.wrote(
            Truth(
                network=who.network,
                id=post,
                author=who.handle,
                kind="hello" if early else "chain" if to else "bare",
                words=words,
                belongs=True,
                audience="room" if room else "public",
                question=() if early else None,
                consent=room and self.agreed,
                name=who.name,
            ),
            now,
        )
        return who.network, post


def join(
    stages: Mapping[str, Stage],
    ledger: Ledger,
    tag: str,
    *,
    rooms: Sequence[str],
    agreed: bool,
    others: Sequence[str],
    names: Sequence[str],
    seed: int,
) -> Visitors:
    """Make their accounts. `rooms`: where Slack is; `others`: where the bridge posts beside that, and first of all
    where hosts can write to one person alone."""
    rng = random.Random(f"visitors {seed}")
    called = iter(rng.sample(list(names), 8))
    numbers = iter(range(1, 9))

    def person(network: str) -> Person:
        handle = f"visitor-{next(numbers):02d}"
        made = Person(handle, f"{next(called)} ({handle})", network, "a visitor, looking around.")
        stages[network].join(made)
        return made

    home, away, room = others[0], others[-1], rooms[0]
    where = (home, away, home, home, away, room, room, room)
    return Visitors(stages, ledger, tag, rooms, agreed, *(person(network) for network in where))
