"""What hosts and visitors go by, whatever they do: the room, the posts, a way to fill in forms."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.hosting.day import Day, Errand
from simulator.hosting.phone import Phone, Room, Shown
from simulator.ledger import Ledger, Truth
from simulator.letters import key, letters, readings
from simulator.stage import Said, Stage

WHICH = "Which one?"


@dataclass(frozen=True)
class Target:
    """Somebody's answer, and the message that shows it."""

    truth: Truth
    shown: Shown


class Scene:
    """`posting`: where the bridge posts beside Slack. `steady`: groups of posts that their authors leave alone."""

    def __init__(
        self,
        day: Day,
        room: Room,
        stages: Mapping[str, Stage],
        ledger: Ledger,
        *,
        posting: Collection[str],
        steady: Collection[int],
        seed: int,
    ) -> None:
        self.day, self.room, self.stages, self.ledger = day, room, stages, ledger
        self.posting, self.steady = posting, steady
        self.acts: list[dict[str, Any]] = []  # what was done, as `hosts.json` has it
        self.forms: dict[str, dict[str, Any]] = {}  # by what they are for, as they were handed in
        self._ours: dict[str, dict[str, Said]] = {network: {} for network in stages}
        self._taken: set[tuple[str, str]] = set()
        self._rng = random.Random(f"hosting {seed}")
        for network, stage in stages.items():
            stage.on_ours.append(partial(self._saw, network))

    def _saw(self, network: str, said: Said) -> None:
        self._ours[network][said.id] = said

    def note(self, verb: str, who: Phone, truth: Truth | None = None, **more: Any) -> None:
        """Something was done, and came of it what should."""
        about = {} if truth is None else {"network": truth.network, "id": truth.id}
        self.day.done[verb] += 1
        self.acts.append({"verb": verb, "by": who.person.handle, "at": self.day.now, **about, **more})

    # ------------------------------------------------------------ what is there to be seen

    def pick(self) -> Target | None:
        """An answer that no host has done anything with, of those that nothing else happens to."""
        found = [truth for truth in self.ledger.truths.values() if self._free(truth)]
        self._rng.shuffle(found)
        targets = (self.target(truth) for truth in found)
        target = next((t for t in targets if t is not None and t.shown.alone), None)
        if target is not None:
            self._taken.add((target.truth.network, target.truth.id))
        return target

    def picked(self) -> Errand[Target]:
        """Wait for one."""
        return (yield from self.day.until(lambda: False, self.pick))

    def _free(self, truth: Truth) -> bool:
        ours = (truth.network, truth.id) in self._taken or truth.network not in self.posting
        return truth.group in self.steady and not ours and not truth.held

    def target(self, truth: Truth) -> Target | None:
        """A post and the message that shows it, if one does."""
        shown = self.room.shows(truth.words)
        return Target(truth, shown) if shown else None

    def waits(self, truth: Truth) -> Errand[Target]:
        """Look for the message that shows a post."""
        return (yield from self.day.until(lambda: False, lambda: self.target(truth)))

    def answered(self, truth: Truth, words: str = "") -> Said | None:
        """What the community replied to a post, with these words."""
        found = (s for s in self._ours[truth.network].values() if s.reply_to == truth.id and not s.deleted)
        return next((s for s in found if letters(words) in letters(s.text)), None)

    def outside(self, words: str) -> tuple[str, Said] | None:
        """A post of the bridge's with these words, on a network that is no room."""
        for network in self.posting:
            for said in self._ours[network].values():
                if not said.deleted and key(words) in letters(said.text):
                    return network, said
        return None

    def told_by(self, said: Said) -> Truth | None:
        """The post that a message shows for all to read, if its author leaves it as it is."""
        shown, known = readings(said.text), self.ledger.truths.values()
        steady = (t for t in known if t.group in self.steady and t.network in self.posting and not t.warning)
        return next((truth for truth in steady if key(truth.words) in shown), None)

    def known(self, words: str) -> bool:
        """Whether these words of a host are on their way: on the board, or anywhere at all."""
        return letters(words) in letters(self.room.board()) or any(map(self._stands(words), self._ours))

    def everywhere(self, words: str) -> bool:
        """Whether the bridge has posted them on every network."""
        return self.room.says(words) is not None and all(map(self._stands(words), self.posting))

    def _stands(self, words: str) -> Callable[[str], bool]:
        wanted = letters(words)
        return lambda network: any(
            wanted in letters(said.text) for said in self._ours[network].values() if said.place == "chat"
        )

    def goes_out(self, words: str) -> Errand[None]:
        """Look until a host's words stand everywhere."""
        yield from self.day.until(lambda: False, lambda: self.everywhere(words))

    # ------------------------------------------------------------ forms

    def hand_in(self, who: Phone, text: str | None = None, choice: str | None = None) -> bool:
        """Hand in the form that somebody sees."""
        view = who.stage.modal(who.person)
        if view is not None:
            self.forms[view["callback_id"]] = view
        return who.hand_in(text, choice)

    def form(
        self,
        who: Phone,
        ask: Callable[[], bool],
        seen: Callable[[], Any],
        *,
        text: str | None = None,
        choice: str | None = None,
        ready: Callable[[str], bool] = lambda form: True,
        no: int = 0,
    ) -> Errand[Any]:
        """Ask for a form, fill it in and hand it in; all of it again if nothing comes of it. `ready`: whether it
        is what was expected; `no`: the entry that is meant, if it was asked for where several stand. Raises
        GaveUp."""

        def fill() -> Errand[bool]:
            who.put_away()
            if not ask():
                return False
            form = yield from self.day.within(who.form)
            if form and WHICH in form and who.hand_in(choice=str(no)):
                form = yield from self.day.within(lambda: "" if WHICH in who.form() else who.form())
            if not form or not ready(form):
                yield from self.day.pause(5)
                return False
            return self.hand_in(who, text, choice)

        found = yield from self.day.through(fill, seen)
        who.put_away()
        return found
