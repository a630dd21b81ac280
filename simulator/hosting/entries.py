"""What hosts do with what people write: reactions, shortcuts, buttons of notices and lists."""

from __future__ import annotations

from collections.abc import Callable

from simulator.hosting.day import Errand
from simulator.hosting.phone import Control, Phone
from simulator.hosting.scene import WHICH, Scene, Target
from simulator.hosting.visitors import REPLY, Visitors
from simulator.ledger import Truth
from simulator.letters import key, letters

THANKS = "Thank you for this, it made three of us nod at once. Do tell us more!"
SEEN = "We have read you, and we are glad that you are here. What would you like to ask?"
REASON = "It calls for somebody to be chased through the streets."
FROM_HERE = "What do you do for people who only ever read along?"
FROM_THERE = "Would a budget help your community, or harm it?"


class Entries:
    """Both hosts use these."""

    def __init__(self, scene: Scene, visitors: Visitors) -> None:
        self.scene, self.day, self.room, self.ledger = scene, scene.day, scene.room, scene.ledger
        self.visitors = visitors
        self.sending = ("", "", "")  # network and id of a reply, and the network of whom it answers

    def _of(self, truth: Truth) -> tuple[str, str]:
        return truth.network, truth.id

    # ------------------------------------------------------------ kind things

    def like(self, who: Phone) -> Errand[None]:
        yield from self._endorse(who, "like", "heart", "liked")

    def boost(self, who: Phone) -> Errand[None]:
        yield from self._endorse(who, "boost", "star", "boosted")

    def _endorse(self, who: Phone, verb: str, emoji: str, done: str) -> Errand[None]:
        target = yield from self.scene.picked()
        said = self.scene.stages[target.truth.network].said[target.truth.id]
        yield from self.day.until(
            lambda: who.react(target.shown.id, emoji), lambda: "bridge" in getattr(said, done)
        )
        self.scene.note(verb, who, target.truth)

    def reply(self, who: Phone) -> Errand[None]:
        target = yield from self.scene.picked()
        yield from self._answer(who, "reply", target, THANKS)

    def welcome(self, who: Phone) -> Errand[None]:
        """With the words that are there to begin with."""
        target = yield from self.scene.picked()
        yield from self._answer(who, "welcome", target, None)

    def _answer(self, who: Phone, verb: str, target: Target, words: str | None) -> Errand[None]:
        yield from self.scene.form(
            who,
            lambda: who.use(verb, target.shown.id),
            lambda: self.scene.answered(target.truth, words or "Welcome"),
            text=words,
        )
        self.scene.note(verb, who, target.truth, words=words or "Welcome")

    def ignored(self, who: Phone) -> tuple[Control, Truth] | None:
        """Somebody whom nobody has answered, from the list on the board: the button beside them, and what they
        wrote."""
        asking = {control["value"]["item"] for control in who.buttons("promote")}
        for control in who.buttons("welcome") + who.buttons("reply"):
            said = self.room.numbered(int(control["value"]["item"]))
            truth = said and self.scene.told_by(said)
            if truth and control["value"]["item"] not in asking:
                return control, truth
        return None

    def answer_ignored(self, who: Phone) -> Errand[None]:
        """One of them; another, if somebody else has answered the first meanwhile."""
        meant: list[Truth] = []

        def ask() -> bool:
            if (found := self.ignored(who)) is None:
                return False
            meant.append(found[1])
            return who.press([found[0]])

        truth = yield from self.scene.form(
            who,
            ask,
            lambda: next((truth for truth in meant if self.scene.answered(truth, SEEN)), None),
            text=SEEN,
            ready=lambda form: key(meant[-1].words) in letters(form),
        )
        self.scene.note("ignored", who, truth, words=SEEN)

    # ------------------------------------------------------------ where it belongs

    def move(self, who: Phone, truth: Truth, label: str) -> Errand[None]:
        target = yield from self.scene.waits(truth)

        def moved() -> bool:
            found = self.scene.target(truth)
            return found is not None and f"A{label[1:]} · {found.shown.no} · " in found.shown.said.text

        yield from self.scene.form(
            who, lambda: who.use("move", target.shown.id), moved, choice=label, no=target.shown.no
        )
        self.ledger.moved(*self._of(truth), label)
        self.scene.note("move", who, truth, label=label)

    # ------------------------------------------------------------ harm

    def hide_and_restore(self, who: Phone) -> Errand[None]:
        """By reaction; back by the button of what the hosts are told."""
        target = yield from self.scene.picked()
        truth, no = target.truth, target.shown.no
        self.ledger.took_off(*self._of(truth), "hidden")
        yield from self.day.until(
            lambda: who.react(target.shown.id, "no_entry_sign"), lambda: target.shown.said.deleted
        )
        self.scene.note("hide", who, truth, reaction=True)
        yield from self.day.until(
            lambda: who.press(who.about("restore", no)), lambda: self.room.says(truth.words)
        )
        self.ledger.took_off(*self._of(truth), "")
        self.scene.note("restore", who, truth)

    def hide(self, who: Phone, truth: Truth) -> Errand[None]:
        """In words, for good; its author is written to, its network told."""
        target = yield from self.scene.waits(truth)
        no = target.shown.no
        self.ledger.took_off(*self._of(truth), "hidden")
        yield from self.day.until(lambda: who.type(f"hide {no}"), lambda: self._off(truth))
        self.scene.note("hide", who, truth)
        yield from self.scene.form(
            who, lambda: who.press(who.about("note", no)), lambda: self.scene.answered(truth)
        )
        self.scene.note("note", who, truth)
        yield from self.scene.form(
            who,
            lambda: who.press(who.about("report", no)),
            lambda: self.room.notices(f"Entry {no} ", "reported it to"),
            text=REASON,
        )
        self.scene.note("report", who, truth)

    def erase(self, who: Phone, truth: Truth) -> Errand[None]:
        target = yield from self.scene.waits(truth)
        self.ledger.took_off(*self._of(truth), "erased")
        yield from self._by_more(who, "erase", target)
        self.scene.note("erase", who, truth)

    def block(self, who: Phone, truth: Truth) -> Errand[None]:
        target = yield from self.scene.waits(truth)
        yield from self._by_more(who, "block", target)
        self.ledger.blocked(truth.author)
        self.scene.note("block", who, truth)

    def _by_more(self, who: Phone, verb: str, target: Target) -> Errand[None]:
        """By "More…" in the message's menu, then a button of what it shows."""
        no = target.shown.no
        yield from self.day.through(
            lambda: self._more(who, target.shown.id, lambda: who.about(verb, no), no),
            lambda: self._off(target.truth),
        )

    def _more(
        self, who: Phone, message: str, found: Callable[[], list[Control]], no: int = 0
    ) -> Errand[bool]:
        if not found():
            if not who.use("more", message):
                return False
            yield from self.day.within(lambda: found() or WHICH in who.form())
            if WHICH in who.form() and who.hand_in(choice=str(no)):
                yield from self.day.within(found)
            who.put_away()
        return who.press(found())

    def _off(self, truth: Truth) -> bool:
        """Whether nothing shows it any more."""
        return self.room.says(truth.words) is None

    # ------------------------------------------------------------ what participants want

    def promote_listed(self, who: Phone, truth: Truth) -> Errand[None]:
        """A question from the list on the board; who asked it is named as they agreed."""
        name = truth.name.split()[0] if who.stage.public == "ask" else ""  # elsewhere nobody is asked
        choice, offered = ("first", f"Asked by {name}") if name else ("no", "Not named")
        first = lambda: who.press(who.buttons("promote")[:1])  # noqa: E731
        yield from self._promote(who, first, FROM_HERE, choice, (truth.words, offered))
        self.scene.note("promote", who, truth, words=FROM_HERE, named=name)

    def listed(self, truth: Truth) -> bool:
        """Whether the board lists somebody's question."""
        return truth.words in self.room.board()

    def promote_used(self, who: Phone, truth: Truth) -> Errand[None]:
        """A question, by the shortcut on it; nobody is named."""
        target = yield from self.scene.waits(truth)
        yield from self._promote(
            who,
            lambda: who.use("promote", target.shown.id),
            FROM_THERE,
            "no",
            (truth.words, "Not named"),
            no=target.shown.no,
        )
        self.scene.note("promote", who, truth, words=FROM_THERE)

    def _promote(
        self,
        who: Phone,
        ask: Callable[[], bool],
        words: str,
        choice: str,
        offered: tuple[str, ...],
        *,
        no: int = 0,
    ) -> Errand[None]:
        self.ledger.questions.expect(words)
        yield from self.scene.form(
            who,
            ask,
            lambda: self.scene.known(words),
            text=words,
            choice=choice,
            ready=lambda form: all(part in form for part in offered),
            no=no,
        )
        yield from self.scene.goes_out(words)

    def send(self, who: Phone) -> Errand[None]:
        """Somebody in Slack answers an entry, and wants that sent to whom they answer."""
        target = yield from self.scene.picked()
        named = f">{target.shown.no} " if who.stage.layout == "threads" else ""
        network, post = self.visitors.write(who.person, REPLY, self.day.now, before=named, to=target.shown.id)
        self.sending = network, post, target.truth.network
        yield from self.day.through(
            lambda: self._more(who, post, lambda: who.buttons("send")), lambda: self.room.notices(REPLY)
        )
        self.scene.note("send", who, network=network, id=post)

    def approve(self, who: Phone) -> Errand[None]:
        """What somebody wants sent: it goes out, as theirs."""
        network, said = yield from self.day.until(
            lambda: who.press(who.buttons("approve")), lambda: self.scene.outside(REPLY)
        )
        here, post, _ = self.sending
        self.ledger.sent(here, post, network)
        self.scene.note("approve", who, network=network, id=said.id)
