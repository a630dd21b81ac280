"""Who deletes their account: a few of the people who took part, some while the chat goes on, some after it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from simulator.plan import Character, Departure, Plan, Planned

PLACES = ("mastodon", "bluesky")  # in Slack an account that is closed leaves its messages behind
FEW = 20  # of fewer people nobody leaves
ONE_IN = 40
WAIT = (340.0, 900.0)  # seconds after their last post, time enough for what they still edit or delete


def choose(plan: Plan, *, seed: int, participants: int, networks: Mapping[str, str], questions: int) -> Plan:
    """The plan with its departures. Every other one who leaves has said everything by the middle of the chat."""
    rng = random.Random(f"leaving {seed}")
    theirs: dict[Character, list[Planned]] = {}
    for post in plan.posts:
        theirs.setdefault(post.who, []).append(post)
    able = [who for who, said in theirs.items() if _can(who, said, networks)]
    wanted = -(-participants // ONE_IN) if participants >= FEW else 0
    leaving = rng.sample(able, min(wanted, len(able)))
    middle = questions // 2
    early = {post.no: _earlier(rng, post, middle) for who in leaving[::2] for post in theirs[who]}
    return replace(
        plan,
        posts=tuple(early.get(post.no, post) for post in plan.posts),
        departures=tuple(Departure(who, rng.uniform(*WAIT)) for who in leaving),
    )


def _can(who: Character, posts: list[Planned], networks: Mapping[str, str]) -> bool:
    """Hosts stay, and so does who asked to be left out; who lives in two places leaves neither."""
    stays = who.host or who.wish or len(who.networks) > 1
    return not stays and networks[who.networks[0]] in PLACES and any(post.counts for post in posts)


def _earlier(rng: random.Random, post: Planned, middle: int) -> Planned:
    """A post that is written by the middle of the chat."""
    if post.kind == "late":
        post = replace(post, kind="label", after="question", wait=rng.uniform(20, 120))
    elif post.question is None or post.question <= middle:
        return post
    first = 1 if post.kind == "several" else 0
    return replace(post, question=rng.randint(first, max(first, middle)))
