"""Invented posts, as a link would report them, and a settings for a chat that takes them in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bridge.model import (
    HOUR,
    MINUTE,
    SECOND,
    Author,
    AuthorKnown,
    Capabilities,
    Inbound,
    Limits,
    Micros,
    Opened,
    Post,
    Ref,
    Text,
    Written,
)
from bridge.settings import Chat, Community, Net, Question

START: Micros = 1_800_000_000 * SECOND
LIMITS = Limits(500, url=23)
PEOPLE = 200


class BriskClock:
    """Chat time in the middle of the chat. Each look is 50 ms later, so that 200 people who write in turn do
    not look like a flood."""

    def __init__(self) -> None:
        self._now = START + 10 * MINUTE

    def now(self) -> Micros:
        self._now += SECOND // 20
        return self._now

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()

    def timeout(self, seconds: float) -> float:
        return seconds


def community() -> Community:
    """A chat on two networks whose first question is due at once."""
    chat = Chat(
        id="benchmark",
        title="A full room",
        hashtag="Benchmark",
        starts=START,
        ends=START + HOUR,
        late_until=START + 25 * HOUR,
        questions=(Question(START + 5 * MINUTE, "What takes how long?"),),
    )
    nets = (
        Net("one", "mastodon", "Mastodon", LIMITS),
        Net("two", "slack", "Slack", Limits(3500), mirror=True),
    )
    return Community("Benchmarks", "UTC", "en", (chat,), nets)


def opened() -> tuple[Opened, ...]:
    """Both networks, ready."""
    return (
        Opened("one", "acct:chat@one.example", "@chat@one.example", Capabilities(LIMITS, resend="same_key")),
        Opened("two", "slack:T/U0", "chat", Capabilities(Limits(3500), mirror=True)),
    )


def arrivals(count: int) -> Iterator[Inbound]:
    """So many answers by 200 people, each person's wishes first, with a cursor at each."""
    for n in range(count):
        who = n % PEOPLE
        author = Author(f"acct:p{who}@one.example", f"@p{who}@one.example", f"Person {who}", bot=False)
        if n < PEOPLE:
            yield Inbound("one", AuthorKnown(author.account))
        words = (
            f"A1 Answer number {n}: we met on a Tuesday in room {n * 7 % 1000}, and it went well. #Benchmark"
        )
        at = START + 10 * MINUTE + n
        post = Post(
            ref=Ref("one", str(n)),
            uri=f"https://one.example/users/p{who}/statuses/{n}",
            author=author,
            text=Text(words),
            at=at,
            seen=at,
            tags=("benchmark",),
            url=f"https://one.example/@p{who}/{n}",
        )
        yield Inbound("one", Written(post), cursor=str(n))
