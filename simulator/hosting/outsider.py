"""Somebody who is no host and tries what hosts can do, in every way there is: each is refused, kindly."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable

from simulator.hosting.day import Errand, GaveUp
from simulator.hosting.phone import Phone
from simulator.hosting.scene import Scene

KINDLY = "Only the hosts of this chat can do"
WORDS = "Everybody follow the purple kite to Ormsgill"  # is to be read nowhere
SHORTCUTS = ("reply", "welcome", "move", "promote", "more")
REACTIONS = {"no_entry_sign": "hide", "heart": "like", "star": "boost"}
ANSWERED = ("hide",)  # who reacts so wants something; the others may just be friendly
TYPED = {  # everything that only hosts may say; {no}: an entry's number
    **dict.fromkeys(("next", "hold", "resume", "skip", "end", "lead", "blackout", "status"), ""),
    **dict.fromkeys(("say", "ask", "plan"), WORDS),
    **dict.fromkeys(("show", "restore", "hide", "conceal", "unconceal", "erase", "block", "unblock"), "{no}"),
    **dict.fromkeys(("like", "unlike", "boost", "unboost", "noticed", "unnoticed", "dismiss"), "{no}"),
    **dict.fromkeys(("reply", "welcome", "note", "signpost", "report", "promote"), f"{{no}} {WORDS}"),
    **dict.fromkeys(("approve", "decline", "takeback"), "{no}"),
    "post": "Q1 mastodon",
    "extend": "5",
    "edit": f"Q7 {WORDS}",
    "move": "{no} Q1",
    "preview": "Q7",
}


class Outsider:
    """`refused`: how often each was."""

    def __init__(self, scene: Scene, who: Phone) -> None:
        self.scene, self.day, self.room, self.who = scene, scene.day, scene.room, who
        self.refused: Counter[str] = Counter()

    def say_everything(self) -> Errand[None]:
        """Every command, and the Home tab."""
        target = yield from self.scene.picked()
        for verb, words in TYPED.items():
            said = f"{verb} {words.format(no=target.shown.no)}".strip()
            yield from self._refused(verb, lambda said=said: self.who.type(said))  # type: ignore[misc]  # as below
        yield from self.day.until(lambda: self.who.stage.open_home(self.who.person), self.who.home)
        if "Run sheet" in self.who.home():
            raise GaveUp("the Home tab shows the run sheet")
        self.refused["home"] += 1

    def use_everything(self) -> Errand[None]:
        """Every shortcut of a message, and every reaction; those that may just be friendly are passed over."""
        target = yield from self.scene.picked()
        for verb in SHORTCUTS:
            yield from self._refused(verb, lambda verb=verb: self.who.use(verb, target.shown.id))  # type: ignore[misc]  # mypy cannot infer a default argument
        for emoji, verb in REACTIONS.items():
            if verb in ANSWERED:
                yield from self._refused(verb, lambda emoji=emoji: self.who.react(target.shown.id, emoji))  # type: ignore[misc]  # as above
            else:
                self.who.react(target.shown.id, emoji)
                yield from self.day.pause(30)
                self.refused[verb] += 1
        said = self.scene.stages[target.truth.network].said[target.truth.id]
        if target.shown.said.deleted or "bridge" in said.liked | said.boosted:
            raise GaveUp("a reaction was obeyed")

    def press_everything(self) -> Errand[None]:
        """Every button that stands in the hosts' room."""
        for verb in TYPED:
            if self.who.buttons(verb):
                yield from self._refused(verb, lambda verb=verb: self.who.press(self.who.buttons(verb)))  # type: ignore[misc]  # as above

    def forge_everything(self) -> Errand[None]:
        """Every form that a host has handed in, with other words."""
        for callback, form in list(self.scene.forms.items()):
            view = copy.deepcopy(form)
            for block in view["state"]["values"].values():
                for entered in block.values():
                    entered.update({"value": WORDS} if "value" in entered else {})
            verb = callback.rpartition(":")[2]
            yield from self._refused(verb, lambda view=view: self.who.stage.forge(self.who.person, view))  # type: ignore[misc]  # as above

    def _refused(self, verb: str, do: Callable[[], bool]) -> Errand[None]:
        before = self._told()
        yield from self.day.until(do, lambda: self._told() > before)
        self.refused[verb] += 1

    def _told(self) -> int:
        return sum(KINDLY in words for words in self.who.alone())
