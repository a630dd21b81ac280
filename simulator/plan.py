"""Who takes part and what each of them will do: a seeded plan, the same for the same scenario.

Nothing here has happened yet. A planned post waits for its question to be seen on its network (`question` and
`wait`), or for the chat's start or end (`after`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "hello",  # before the first question
    "label",  # "A3 ..."
    "several",  # "A2: ...", next line "A3: ..."
    "bare",  # the tag alone
    "reply",  # to the question, no label, mostly no tag
    "chain",  # to another person's answer
    "quote",
    "clinical",  # begins with what looks like a label and is none
    "twin",  # the same words on two networks
    "late",  # after the close
    "offtopic",
    "limited",  # followers only
    "direct",  # a message to the bridge's account
    "nobridge",  # carries #nobridge
    "command",  # "stop", "forget me"
]
Wish: TypeAlias = Literal["", "nobridge", "nobot", "stop", "forget"]
Fate: TypeAlias = Literal["", "edit", "delete"]

WEIGHTS = {"mastodon": 45, "bluesky": 35, "slack": 20}
PLATFORMS: dict[
    str, tuple[str, ...]
] = {  # where a kind is possible at all; elsewhere not mentioned: everywhere
    "twin": ("mastodon", "bluesky"),  # in Slack the copy would stand beside its original
    "quote": ("mastodon", "bluesky"),
    "offtopic": ("mastodon", "bluesky"),  # everything in the chat's Slack channel belongs
    "limited": ("mastodon", "bluesky"),
    "direct": ("mastodon", "slack"),  # Bluesky's direct messages are another service
    "nobot": ("mastodon",),
}
BELONGING = 0.77  # at least so many of all posts count; the others are private, off the topic or withdrawn
KEPT: dict[str, tuple[float, int]] = {  # share of all posts, and how many at least if there is any room
    "limited": (0.025, 1),
    "nobridge": (0.02, 1),
    "stop": (0.03, 2),
    "wish": (0.04, 1),  # by people with #nobridge or #nobot in their profile
    "offtopic": (0.03, 1),
    "forget": (0.025, 2),
    "direct": (0.02, 1),
}
SHARES: dict[Kind, float] = {  # of the posts that count; the rest are "label"
    "hello": 0.05,
    "late": 0.04,
    "twin": 0.07,
    "quote": 0.06,
    "chain": 0.18,
    "reply": 0.13,
    "bare": 0.12,
    "clinical": 0.03,
    "several": 0.015,
}
UNLIKE_HOSTS = ("limited", "direct", "nobridge", "late", "offtopic")
EDITED, DELETED = 0.06, 0.04  # of all posts, and only posts that count


@dataclass(frozen=True)
class Character:
    """A person of the play: "nurse-07", with an account on each of `networks`."""

    handle: str
    name: str
    role: str
    networks: tuple[str, ...]
    wish: Wish = ""
    host: bool = False

    @property
    def profile(self) -> str:
        """What stands in their profile."""
        about = f"{self.role.replace('-', ' ')}, learning out loud."
        return f"{about} #{self.wish}" if self.wish in ("nobridge", "nobot") else about


@dataclass(frozen=True)
class Planned:
    """A post that a person is going to write, `wait` seconds of chat time after its question (an index) was
    seen on all networks in `needs`, or after the chat's start or end."""

    no: int
    who: Character
    network: str
    kind: Kind
    wait: float
    question: int | None = None
    after: Literal["question", "start", "end"] = "question"
    needs: tuple[str, ...] = ()
    group: int = 0  # the same for posts that are the same words
    fate: Fate = ""
    fate_wait: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it belongs and nothing keeps it back."""
        return not self.who.wish and self.kind not in ("offtopic", "limited", "direct", "nobridge", "command")


@dataclass(frozen=True)
class Departure:
    """Somebody deletes their account, `wait` seconds of chat time after their last post."""

    who: Character
    wait: float


@dataclass(frozen=True)
class Plan:
    """Everybody, everything they are going to write, and who leaves."""

    cast: tuple[Character, ...]
    posts: tuple[Planned, ...]
    departures: tuple[Departure, ...] = ()


def make(
    *,
    seed: int,
    participants: int,
    answers: int,
    networks: Mapping[str, str],
    questions: int,
    hosts: Sequence[str],
    roles: Sequence[str],
    names: Sequence[str],
) -> Plan:
    """Plan exactly `answers` posts. `networks`: name -> kind of platform; `hosts`: their names."""
    rng = random.Random(f"plan {seed}")
    kept = _kept(answers, participants)
    cast = _cast(rng, participants=participants, networks=networks, kept=kept, roles=roles, names=names)
    cast += [Character(_handle(name), name, "host", tuple(networks), host=True) for name in hosts]
    planner = _Planner(rng, cast, networks, questions)
    posts = planner.private(kept)
    posts += planner.open(answers - len(posts))
    return Plan(tuple(cast), tuple(_fates(rng, posts, answers)))


def steady(plan: Plan) -> set[int]:
    """The groups of those posts that stay as they are: nobody edits, deletes or withdraws them, no other has the
    same words."""
    leaving = {departure.who for departure in plan.departures}
    return {
        post.group
        for post in plan.posts
        if post.counts and not post.fate and post.kind not in ("twin", "several", "late")
        if not post.who.host and post.who not in leaving
    }


def hurried(plan: Plan, factor: float) -> Plan:
    """The same plan for an hour that lasts `factor` times as long."""
    posts = (replace(p, wait=p.wait * factor, fate_wait=p.fate_wait * factor) for p in plan.posts)
    departures = (replace(d, wait=d.wait * factor) for d in plan.departures)
    return replace(plan, posts=tuple(posts), departures=tuple(departures))


def _kept(answers: int, participants: int) -> dict[str, int]:
    """How many posts of each kind that does not count."""
    left = answers - math.ceil(BELONGING * answers)
    counts = {}
    for kind, (share, least) in KEPT.items():
        if kind in ("stop", "forget", "wish") and participants < 8:
            continue  # too few people to lose one
        wanted = max(least, int(share * answers))
        if wanted <= left:
            counts[kind] = wanted
            left -= wanted
    return counts


def _handle(name: str) -> str:
    return "host-" + "".join(c for c in name.split(" ", maxsplit=1)[0].casefold() if c.isalnum())


def _cast(
    rng: random.Random,
    *,
    participants: int,
    networks: Mapping[str, str],
    kept: Mapping[str, int],
    roles: Sequence[str],
    names: Sequence[str],
) -> list[Character]:
    """The people, each on one network, some on two; the first ones cover every network."""
    numbers = rng.sample(range(1, max(100, participants + 1)), participants)
    wishes = _wishes(participants, kept, networks)
    doubles = max(2, participants // 12) if participants >= 6 else min(1, participants // 3)
    fitting = [n for n, kind in networks.items() if kind in PLATFORMS["twin"]]
    pairs = [(n, other) for n in fitting for other in fitting if networks[n] != networks[other]]
    cast = []
    for at, number in enumerate(numbers):
        role, name = rng.choice(roles), rng.choice(names)
        wish = wishes.get(at, "")
        home = list(networks)[at] if at < len(networks) else _network(rng, networks, wish)
        where: tuple[str, ...] = (home,)
        if len(networks) <= at < len(networks) + doubles and not wish and pairs:
            where = rng.choice(pairs)
        cast.append(Character(f"{role}-{number:02d}", f"{name} ({role}-{number:02d})", role, where, wish))
    return cast


def _wishes(participants: int, kept: Mapping[str, int], networks: Mapping[str, str]) -> dict[int, Wish]:
    """Which people (by index, counted from the end) ask not to be carried; about one in twenty each."""
    found: dict[int, Wish] = {}
    place = participants - 1
    some = max(1, participants // 40)
    profile: tuple[Wish, ...] = ("nobridge", "nobot") if "mastodon" in networks.values() else ("nobridge",)
    wanted: list[Wish] = []
    if "wish" in kept:
        wanted += [profile[n % len(profile)] for n in range(min(kept["wish"], 2 * some))]
    if "stop" in kept:
        wanted += ["stop"] * max(1, min(kept["stop"] // 3, some))
    if "forget" in kept:
        wanted += ["forget"] * max(1, min(kept["forget"] // 3, some))
    for wish in wanted:
        found[place] = wish
        place -= 1
    return found


def _network(rng: random.Random, networks: Mapping[str, str], kind: str) -> str:
    """A network where `kind` is possible, by weight."""
    fitting = [n for n, platform in networks.items() if platform in PLATFORMS.get(kind, (platform,))]
    weights = [WEIGHTS.get(networks[n], 20) for n in fitting]
    return rng.choices(fitting, weights)[0]


class _Planner:
    """Hands out posts to people."""

    def __init__(
        self, rng: random.Random, cast: list[Character], networks: Mapping[str, str], questions: int
    ) -> None:
        self.rng, self.cast, self.networks, self.questions = rng, cast, networks, questions
        self.free = [c for c in cast if not c.wish]
        self.busy = {
            c.handle: 0.5 if c.host else rng.paretovariate(2.5) for c in self.free
        }  # some say more than others
        self.no = 0

    def private(self, kept: Mapping[str, int]) -> list[Planned]:
        """The posts that do not count."""
        posts: list[Planned] = []
        kinds: tuple[Kind, ...] = ("limited", "nobridge", "offtopic", "direct")
        for kind in kinds:
            posts += self._several(kind, kept.get(kind, 0))
        for wish in ("wish", "stop", "forget"):
            people = [
                c for c in self.cast if c.wish in (("nobridge", "nobot") if wish == "wish" else (wish,))
            ]
            if people:
                posts += self._withheld(people, kept.get(wish, 0), wish)
        return posts

    def _withheld(self, people: list[Character], count: int, wish: str) -> list[Planned]:
        """The posts of people who ask to be left out; the command itself is one of them. Who says "forget me"
        writes nothing afterwards."""
        posts = []
        middle = self.questions // 2
        commands = 0 if wish == "wish" else len(people)
        if commands:
            for person in people:
                command = self._post(person, person.networks[0], "command")
                posts.append(replace(command, question=middle, wait=self.rng.uniform(150, 200)))
        for n in range(count - commands):
            person = people[n % len(people)]
            post = self._post(person, person.networks[0], self.rng.choice(("label", "bare")))
            before = n < len(people) or wish == "forget"
            if wish != "wish" and before:
                post = replace(post, question=self.rng.randint(0, middle), wait=self.rng.uniform(20, 100))
            posts.append(post)
        return posts

    def open(self, count: int) -> list[Planned]:
        """Exactly `count` posts that count."""
        posts: list[Planned] = []
        for kind, share in SHARES.items():
            wanted = round(share * count)
            if kind == "twin":
                posts += self._twins(wanted // 2)
            elif kind != "several" or self.questions > 1:
                posts += self._several(kind, wanted)
        return posts + self._several("label", count - len(posts))

    def _several(self, kind: Kind, count: int) -> list[Planned]:
        """So many posts of a kind, or none if it is possible nowhere."""
        homes = (self._someone(kind) for _ in range(count))
        return [self._post(*home, kind) for home in homes if home is not None]

    def _twins(self, pairs: int) -> list[Planned]:
        doubles = [c for c in self.free if len(c.networks) > 1 and not c.host]
        posts: list[Planned] = []
        for n in range(pairs if doubles else 0):
            person = doubles[n % len(doubles)]
            one, other = self.rng.sample(person.networks, 2)
            first = replace(self._post(person, one, "twin"), needs=(one, other))
            second = replace(
                self._post(person, other, "twin"),
                question=first.question,
                group=first.group,
                needs=first.needs,
                wait=first.wait + self.rng.uniform(15, 150),
            )
            posts += [first, second]
        return posts

    def _someone(self, kind: Kind) -> tuple[Character, str] | None:
        """A person and one of their networks where `kind` is possible; None if there is nobody."""
        where = PLATFORMS.get(kind)
        homes: dict[str, list[Character]] = {}
        for person in self.free:
            for network in person.networks if not (person.host and kind in UNLIKE_HOSTS) else ():
                if where is None or self.networks[network] in where:
                    homes.setdefault(network, []).append(person)
        if not homes:
            return None
        weights = [WEIGHTS.get(self.networks[n], 20) for n in homes]
        network = self.rng.choices(list(homes), weights)[0]
        people = homes[network]
        return self.rng.choices(people, [self.busy[p.handle] for p in people])[0], network

    def _post(self, who: Character, network: str, kind: Kind) -> Planned:
        self.no += 1
        post = Planned(self.no, who, network, kind, self._wait(kind), needs=(network,), group=self.no)
        if kind == "hello":
            return replace(post, after="start")
        if kind == "late":
            return replace(post, after="end")
        first = 1 if kind == "several" else 0
        return replace(post, question=self.rng.randint(first, max(first, self.questions - 1)))

    def _wait(self, kind: Kind) -> float:
        """Seconds of chat time until it is written."""
        rng = self.rng
        match kind:
            case "hello":
                return rng.uniform(20, 200)
            case "late":  # most soon after, some hours later
                return rng.uniform(180, 900) if rng.random() < 0.6 else 7200 + rng.uniform(0, 300)
            case "bare" | "clinical":  # after the 45 s in which the last question is still meant
                return min(65 + rng.expovariate(1 / 60), 240)
            case "chain":
                return min(70 + rng.expovariate(1 / 60), 260)
            case _:
                return min(20 + rng.lognormvariate(3.9, 0.8), 250)


def _fates(rng: random.Random, posts: list[Planned], answers: int) -> list[Planned]:
    """Choose which posts are edited and deleted, some within seconds, some after minutes."""
    open_ = [n for n, p in enumerate(posts) if p.counts]
    edits, deletes = math.ceil(EDITED * answers), math.ceil(DELETED * answers)
    chosen = rng.sample(open_, min(len(open_), edits + deletes))
    for place, n in enumerate(chosen):
        fate: Fate = "edit" if place < edits else "delete"
        wait = rng.uniform(4, 20) if rng.random() < 0.4 else rng.uniform(60, 330)
        posts[n] = replace(posts[n], fate=fate, fate_wait=wait)
    return posts
