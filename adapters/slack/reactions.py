"""Reactions as commands: a host's 🚫 hides, ❤ likes, ⭐ boosts; any other tells that somebody has taken note.

Who may do what is the core's to decide, so everybody's are told, each once: `Command.once` names it, live and
read from the history alike. Our own bot's are never told, nor those of other apps.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from adapters.slack import ids
from adapters.slack.convert import Home
from adapters.slack.people import People
from adapters.slack.web import Failure, Web
from bridge.model import Command, Ref

# Slack's name of an emoji -> what adding it means, and taking it back
MEANT = {
    "no_entry_sign": ("hide", "restore"),
    "no_entry": ("hide", "restore"),
    "heart": ("like", "unlike"),
    "star": ("boost", "unboost"),
}
OTHER = ("noticed", "unnoticed")
LOOKED_UP = {"hide", "restore"}  # who did that: a bot's word is nobody's, and of a person's the hosts read
PLACES = 5_000  # messages whose reactions are remembered


class Reaction(NamedTuple):
    """One person's emoji on one message."""

    place: ids.Place
    name: str
    user: str


def happened(event: dict[str, Any]) -> Reaction | None:
    """What a `reaction_added` or `reaction_removed` event is about; None for one that is on no message. Raises
    KeyError, TypeError or ValueError."""
    item = event["item"]
    if item["type"] != "message":
        return None
    ids.micros(item["ts"])
    return Reaction(ids.Place(item["channel"], item["ts"]), _named(event["reaction"]), event["user"])


def _named(name: str) -> str:
    """Without the tone of a skin, which means nothing here: "raised_hands::skin-tone-2"."""
    return name.partition("::")[0]


class Reactions:
    """The reactions in the chat's channel, each said once while it stands. After a restart only those are known
    that meant something: of the others what stands is said again, and the core knows it by `once`."""

    def __init__(self, web: Web, home: Home, people: People) -> None:
        self._web, self._home, self._people = web, home, people
        self._told: OrderedDict[ids.Place, set[tuple[str, str]]] = OrderedDict()
        self._readings = 0  # of the history, under way
        self._live: set[Reaction] = set()  # touched meanwhile

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the history is read: what happens meanwhile is newer than what it says."""
        self._readings += 1
        try:
            yield
        finally:
            self._readings -= 1
            if not self._readings:
                self._live.clear()

    def recall(self, acts: Iterable[str]) -> None:
        """What was said by a link before this one, by the names of the acts."""
        ours = f"{self._home.network} "
        for act in acts:
            if act.startswith(ours):
                with suppress(ValueError):  # an older journal's
                    ref, name, user = act.removeprefix(ours).rsplit(" ", 2)
                    self._known(ids.place(Ref(self._home.network, ref))).add((name, user))

    async def live(self, event: dict[str, Any], since: float) -> list[Command]:
        """An event that came at `since` (as the loop's clock has it). Raises KeyError, TypeError or ValueError."""
        reaction = happened(event)
        if reaction is None or reaction.place.channel != self._home.channel:
            return []
        if self._readings:
            self._live.add(reaction)
        return await self._say(reaction, since, added=event["type"] == "reaction_added")

    async def standing(self, place: ids.Place, message: dict[str, Any]) -> list[Command]:
        """What a message read from the history says that was not said: reactions added and, as far as we
        remember, taken back. Raises Failure, KeyError, TypeError or ValueError."""
        if place.channel != self._home.channel or not (message.get("reactions") or place in self._told):
            return []
        listed = message.get("reactions") or []
        if any(_short(r) and _named(r["name"]) in MEANT for r in listed):
            listed = await self._all(place, listed)
        found = {(_named(r["name"]), user) for r in listed for user in r["users"]}
        unsure = {_named(r["name"]) for r in listed if _short(r)}
        gone = {(n, user) for n, user in self._told.get(place, ()) if n not in unsure} - found
        commands = await self._each(place, sorted(gone), added=False)
        return commands + await self._each(place, sorted(found - self._told.get(place, set())), added=True)

    async def _each(
        self, place: ids.Place, changed: Iterable[tuple[str, str]], *, added: bool
    ) -> list[Command]:
        commands = []
        for name, user in changed:
            if Reaction(place, name, user) not in self._live:
                now = asyncio.get_running_loop().time()
                commands += await self._say(Reaction(place, name, user), now, added=added)
        return commands

    async def _all(self, place: ids.Place, listed: list[Any]) -> list[Any]:
        """Everybody who reacted: a message may name only some of them beside their number (documentation,
        reactions.get: `full`)."""
        try:
            answer = await self._web.read(
                "reactions.get", channel=place.channel, timestamp=place.ts, full=True
            )
        except Failure as failure:
            if failure.kind not in {"refused", "login"}:
                raise
            return listed
        return answer["message"].get("reactions") or []

    async def _say(self, reaction: Reaction, since: float, *, added: bool) -> list[Command]:
        told = self._known(reaction.place)
        key = reaction.name, reaction.user
        if added and key in told:
            return []
        (told.add if added else told.discard)(key)
        verb = MEANT.get(reaction.name, OTHER)[0 if added else 1]
        name = await self._called(reaction.user, verb, since)
        return [] if name is None else [self._command(reaction, verb, name, added=added)]

    def _known(self, place: ids.Place) -> set[tuple[str, str]]:
        """What was said of a message; of the last ones touched."""
        told = self._told.setdefault(place, set())
        self._told.move_to_end(place)
        while len(self._told) > PLACES:
            self._told.popitem(last=False)
        return told

    def _command(self, reaction: Reaction, verb: str, name: str, *, added: bool) -> Command:
        home, ref = self._home, ids.ref(self._home.network, *reaction.place)
        act = f"{home.network} {ref.id} {reaction.name} {reaction.user}"
        return Command(
            verb=verb,
            by=ids.account(home.team, reaction.user),
            name=name,
            answer=ids.answer(ids.Where(reaction.user, reaction.place.channel)),
            at=ref,
            once=act if added else "",
            again="" if added else act,
        )

    async def _called(self, user: str, verb: str, since: float) -> str | None:
        """How to call somebody; None for no person. Nobody is looked up for a heart or for having taken note: in a
        lively chat that would be everybody, and Slack tells of a hundred a minute."""
        if user == self._home.user:
            return None
        looked_up = verb in LOOKED_UP
        author = await self._people.quickly(user, since) if looked_up else self._people.known(user)
        if author is None:
            return ""
        return None if author.bot else author.name or author.handle


def _short(listed: dict[str, Any]) -> bool:
    """Whether more people reacted so than are named."""
    return int(listed.get("count") or 0) > len(listed["users"])
