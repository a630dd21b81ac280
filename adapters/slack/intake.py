"""What a message is to the core: new, edited, gone, an echo of ours, or nothing; each change told once."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any, TypeVar

from adapters.slack import convert, ids
from adapters.slack.convert import Home, News
from adapters.slack.people import People
from adapters.slack.web import asked
from adapters.slack.writing import Memory
from bridge.model import Account, Echoed, Edited, Interest, Micros, Post, Ref, Removed, What, Written

KEPT = 1_000  # messages nobody wanted yet
SEEN = 20_000  # messages remembered as delivered
DIRECTS = 50  # direct conversations looked into after a gap
_GONE: Micros = -1  # in place of the time of an edit

T = TypeVar("T")
K = TypeVar("K")


class Intake:
    """The messages of the chat's channel and of direct conversations. `interest`: what the core wants of them;
    `kept`: what nobody wanted when it came; `directs`: the conversations people have with us."""

    def __init__(self, account: Account, home: Home, people: People, memory: Memory) -> None:
        self._account, self._home, self._people, self._memory = account, home, people, memory
        self.interest = Interest()
        self.threads: frozenset[Ref] = frozenset()
        self.kept: deque[News] = deque(maxlen=KEPT)
        self.directs: OrderedDict[str, None] = OrderedDict()
        self._seen: OrderedDict[ids.Place, Micros] = OrderedDict()  # -> when edited, or _GONE
        self._echoed: OrderedDict[ids.Place, Micros] = OrderedDict()

    def knows(self, place: ids.Place) -> bool:
        """Whether a message, or its end, was told."""
        return place in self._seen

    def standing(self) -> list[ids.Place]:
        """The messages of the chat's channel that were told and not that they are gone."""
        return [p for p, edited in self._seen.items() if p.channel == self._home.channel and edited != _GONE]

    def lively(self, since: Micros) -> set[str]:
        """The threads in which we saw a reply of that time: it may be gone by now."""
        recent = (p for p in self._seen if p.channel == self._home.channel and ids.micros(p.ts) >= since)
        return {known[0] for p in recent if (known := self._memory.get(p)) and known[0] != p.ts}

    async def take(self, news: News, *, again: bool = False) -> list[What]:
        """What one change of one message is to the core. `again`: say it even if it has been said. Raises
        LinkError; ValueError, TypeError, KeyError or AttributeError for what cannot be read."""
        home, place, message = self._home, ids.Place(news.channel, news.ts), news.message
        before = self._seen.get(place)
        if news.kind == "gone":
            if home.ours(message) or news.channel == home.hosts or (before == _GONE and not again):
                return []
            remember(self._seen, place, _GONE, SEEN)
            return [Removed(ids.ref(home.network, *place))]
        self._memory.saw(news.channel, message)
        if home.ours(message):
            return self._echo(place, message)
        edited = convert.edited(message)
        if before is not None and not again and (before == _GONE or edited <= before):
            return []
        post = await self._post(news)
        if post is None:
            return []
        told = again or before is not None  # of a chat that is over nothing else is wanted
        if not (told or self._wanted(post)):
            self.kept.append(news)
            return []
        remember(self._seen, place, edited, SEEN)
        if news.channel.startswith("D"):
            remember(self.directs, news.channel, None, DIRECTS)
        known = self._people.introduction(message["user"])
        whats: list[What] = [] if known is None else [known]
        if before is None and not again:
            whats.append(Written(post))
        if edited or before is not None or again:
            whats.append(Edited(post))
        return whats

    def _echo(self, place: ids.Place, message: dict[str, Any]) -> list[What]:
        stamp = convert.stamp(message)
        if stamp is None or self._echoed.get(place) == stamp:
            return []
        remember(self._echoed, place, stamp, SEEN)
        home = self._home
        return [Echoed(stamp, ids.ref(home.network, *place), ids.uri(home.team, *place))]

    async def _post(self, news: News) -> Post | None:
        home = self._home
        if news.channel == home.hosts or not convert.personal(news.message):
            return None
        authors = await asked(self._people.meet(convert.people(news.message)))
        return convert.inbound(news.message, news.channel, home, authors, self.interest.tags)

    def _wanted(self, post: Post) -> bool:
        if post.reach == "direct" or self._account in post.mentions:
            return True
        followed = post.root in self.threads or any(quoted in self.threads for quoted in post.quotes)
        return post.at >= self.interest.since and (
            followed or not set(post.tags).isdisjoint(self.interest.tags)
        )


def remember(memory: OrderedDict[K, T], key: K, value: T, most: int) -> None:
    """Keep the newest `most`."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)
