"""Hosts who run the whole hour by themselves, with what they have at hand: slash command, shortcuts, reactions, forms
and buttons. What they do is written down as it happens; what came of it, they see where people see it.

Nothing here asks the bridge anything: `day` is how people go about things, `phone` what they see and use, `sheet` and
`entries` what hosts do, `visitors` who gives them something to do, `outsider` who is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from simulator.hosting.day import SECOND, Day, Diary, Errand
from simulator.hosting.entries import Entries
from simulator.hosting.outsider import Outsider
from simulator.hosting.phone import Phone, Room
from simulator.hosting.scene import Scene
from simulator.hosting.sheet import Sheet
from simulator.hosting.visitors import (
    ADVERTS,
    ASKED_HERE,
    ASKED_THERE,
    CARELESS,
    EARLY,
    GREETING,
    RAGE,
    Visitors,
)
from simulator.ledger import Ledger, Truth
from simulator.people import Hours
from simulator.slack import Server
from simulator.stage import Person, Stage

AFTERWARDS = 10 * 60 * SECOND  # after the close hosts begin nothing new any more


class Hosting:
    """`hosts`: two of them, in Slack. `posting`: where the bridge posts beside it. `steady`: see `plan.steady`.
    `told`: lets people know when the chat ends now."""

    def __init__(
        self,
        stages: Mapping[str, Stage],
        hosts: Sequence[Person],
        visitors: Visitors,
        ledger: Ledger,
        *,
        posting: Sequence[str],
        steady: Collection[int],
        hours: Hours,
        told: Callable[[int, int], None],
        seed: int,
    ) -> None:
        slack: Any = stages[hosts[0].network]
        stage: Server = slack
        self.visitors, self.ledger, self.hours, self._told = visitors, ledger, hours, told
        self.day = Day(hours.ends + AFTERWARDS)
        shown = Room(stage, visitors.tag)
        self.scene = Scene(self.day, shown, stages, ledger, posting=posting, steady=steady, seed=seed)
        self.phones = [Phone(stage, shown, who) for who in (*hosts[:2], visitors.replying, visitors.outsider)]
        self.sheet = Sheet(self.scene, self._extended, self._closed)
        self.entries = Entries(self.scene, visitors)
        self.outsider = Outsider(self.scene, self.phones[3])
        self._posts: dict[str, tuple[str, str]] = {}  # what a visitor wrote -> where
        self._plan()

    # ------------------------------------------------------------ for the director

    def step(self, now: int) -> None:
        """Let everybody go on."""
        self.day.step(now)

    @property
    def finished(self) -> bool:
        """Whether nobody has anything left to do."""
        return self.day.finished

    @property
    def busy(self) -> bool:
        """Whether the hour is on, and there is something left to do."""
        return self.day.now >= self.hours.starts and not self.day.finished

    def came(self) -> dict[str, Any]:
        """What came of it, for `rehearse --json`."""
        missing = [f"never asked: {text}" for text in self.ledger.questions.coming]
        found: dict[str, Any] = {"done": dict(self.day.done), "refused": dict(self.outsider.refused)}
        return found | {"failed": [*self.day.failed, *missing]}

    def _extended(self, by: int) -> None:
        self.hours = Hours(self.hours.starts, self.hours.ends + by, self.hours.late_until + by)
        self._told(self.hours.ends, self.hours.late_until)

    def _closed(self) -> None:
        late = self.hours.late_until - self.hours.ends
        self.hours = Hours(self.hours.starts, self.day.now, self.day.now + late)
        self._told(self.hours.ends, self.hours.late_until)

    # ------------------------------------------------------------ the timetable

    def _after(self, minute: float, also: Callable[[], Any] = lambda: True) -> Callable[[], Any]:
        """From a minute on, of an hour that may be shorter; and once something else is so."""
        when = self.hours.starts + int(minute * (self.hours.ends - self.hours.starts) / 60)
        return lambda: self.day.now >= when and also()

    def _towards_the_end(self) -> bool:
        """A few minutes before everything is over by itself."""
        return self.day.now >= self.hours.ends - (self.hours.ends - self.hours.starts) // 30

    def _plan(self) -> None:
        self._plan_visitors()
        one, other, replying, _ = self.phones
        self._plan_one(self.day.diary(), one, other)
        self._plan_other(self.day.diary(), other)
        self.day.diary().add("send", self._after(14), lambda: self.entries.send(replying))
        trying, tries = self.day.diary(), self.outsider
        trying.add("every command", self._after(7), tries.say_everything)
        trying.add("every shortcut", self._after(18), tries.use_everything)
        trying.add("every button", self._after(30), tries.press_everything)
        trying.add("every form", self._after(40), tries.forge_everything)

    def _plan_visitors(self) -> None:
        """Who writes what, and when."""
        them = self.visitors
        for minute, who, words, early in (
            (1.0, them.outsider, GREETING, True),
            (1.5, them.careless, CARELESS, True),
            (2.5, them.early, EARLY, True),
            (8.0, them.advertiser, ADVERTS[0], False),
            (9.0, them.advertiser, ADVERTS[1], False),
            (15.0, them.raging, RAGE, False),
            (21.0, them.asking_here, ASKED_HERE, False),
            (32.0, them.asking_there, ASKED_THERE, False),
        ):
            self.day.diary().add(
                f"{who.handle} writes",
                self._after(minute),
                lambda who=who, words=words, early=early: self._write(who, words, early),  # type: ignore[misc]  # mypy cannot infer a default argument
            )
        blocked = lambda: self.day.done["block"]  # noqa: E731
        self.day.diary().add(
            "one more advert",
            self._after(12, blocked),
            lambda: self._write(them.advertiser, ADVERTS[2], False),
        )

    def _write(self, who: Person, words: str, early: bool) -> Errand[None]:
        asks = "Q: " if words in (ASKED_HERE, ASKED_THERE) else ""
        self._posts[words] = self.visitors.write(who, words, self.day.now, before=asks, early=early)
        yield

    def _post(self, words: str) -> Truth:
        return self.ledger.truths[self._posts[words]]

    def _wrote(self, words: str) -> Callable[[], bool]:
        return lambda: words in self._posts

    def _plan_one(self, diary: Diary, who: Phone, other: Phone) -> None:
        """The first host: mostly the sheet."""
        sheet, entries, last = self.sheet, self.entries, self.ledger.questions.planned - 1
        listed = lambda: words_listed(entries, self._posts, self.ledger)  # noqa: E731
        diary.add("edit", self._after(1.5), lambda: sheet.edit(who, last))
        diary.add(
            "erase", self._after(3, self._wrote(CARELESS)), lambda: entries.erase(who, self._post(CARELESS))
        )
        diary.add("boost", self._after(7), lambda: entries.boost(who))
        diary.add("next, two at once", self._after(10), lambda: sheet.next_together(who, other))
        diary.add("hide and restore", self._after(13), lambda: entries.hide_and_restore(who))
        diary.add("hide", self._after(15.5, self._wrote(RAGE)), lambda: entries.hide(who, self._post(RAGE)))
        diary.add("hold", self._after(17), lambda: sheet.hold(who))
        diary.add("blackout", self._after(22), lambda: sheet.blackout(who, 60))
        diary.add(
            "promote", self._after(23, listed), lambda: entries.promote_listed(who, self._post(ASKED_HERE))
        )
        diary.add("skip", lambda: sheet.recaps(who), lambda: sheet.skip_recap(who))
        diary.add(
            "reply to the ignored",
            self._after(34, lambda: entries.ignored(who)),
            lambda: entries.answer_ignored(who),
        )
        diary.add("lead", self._after(38), lambda: sheet.hand_over(who, other))

    def _plan_other(self, diary: Diary, who: Phone) -> None:
        """The second host: mostly the people."""
        sheet, entries, first = self.sheet, self.entries, self.ledger.questions.labels[0]
        asked = lambda: sheet.asked(0) and EARLY in self._posts  # noqa: E731
        adverts = self._wrote(ADVERTS[1])
        diary.add("say", self._after(3), lambda: sheet.say(who))
        diary.add("move", self._after(5.5, asked), lambda: entries.move(who, self._post(EARLY), first))
        diary.add("like", self._after(8), lambda: entries.like(who))
        diary.add("block", self._after(9.5, adverts), lambda: entries.block(who, self._post(ADVERTS[1])))
        diary.add("reply", self._after(12.5), lambda: entries.reply(who))
        diary.add("welcome", self._after(14), lambda: entries.welcome(who))
        diary.add("approve", lambda: who.buttons("approve"), lambda: entries.approve(who))
        diary.add("ask", self._after(23), lambda: sheet.ask(who))
        diary.add("plan", self._after(25), lambda: sheet.plan(who))
        diary.add("next", self._after(34.5, sheet.runs), lambda: sheet.next_typed(who))
        there = self._wrote(ASKED_THERE)
        diary.add(
            "promote", self._after(38, there), lambda: entries.promote_used(who, self._post(ASKED_THERE))
        )
        diary.add("extend", self._after(41), lambda: sheet.extend(who))
        diary.add("end", self._towards_the_end, lambda: sheet.end(who))


def words_listed(entries: Entries, posts: Mapping[str, tuple[str, str]], ledger: Ledger) -> bool:
    """Whether the question asked in Slack is on the board's list."""
    return ASKED_HERE in posts and entries.listed(ledger.truths[posts[ASKED_HERE]])
