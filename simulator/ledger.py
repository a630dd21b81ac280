"""What the simulated people did and meant: the truth that the bridge's work is compared with.

`servers.json` is written from here and from the stand-in servers alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simulator.evidence import BRIDGE
from simulator.letters import key, letters
from simulator.stage import Said, Stage

Audience: TypeAlias = Literal["public", "room", "limited", "direct"]
Choice: TypeAlias = Literal["name", "first", "no"]
Off: TypeAlias = Literal["", "hidden", "erased", "blocked"]

START = 24  # letters of a question by which its post is recognised
LABELLED = re.compile(r"\s*(Q\d+)\b(.*)")


@dataclass
class Truth:
    """A post as its author meant it. `words`: those no other post has, without label, tag, mention, link.

    `question`: labels of what it answers, () for none (a hello); None: a reader could not say. `group`: the
    same for the same words on two networks. `withdrawn`: it was open until its author said stop, `forgotten`:
    and asked for more than that; `departed`: until they deleted their account. `consent`: everybody in this
    room lets their words out. `poll`: its choices. `held`: hosts had to let it through first. `name`: the
    author's, in full. `off`: hosts took it off every screen; `unseen`: before it was written. `sent`: its author
    had it sent from a room to this network.
    """

    network: str
    id: str
    author: str
    kind: str
    words: str
    belongs: bool
    audience: Audience
    question: tuple[str, ...] | None = None
    group: int = 0
    opted_out: bool = False
    withdrawn: bool = False
    forgotten: bool = False
    departed: bool = False
    consent: bool = False
    held: bool = False
    warning: str | None = None
    poll: tuple[str, ...] = ()
    name: str = ""
    off: Off = ""
    unseen: bool = False
    sent: str = ""
    was: list[str] = field(default_factory=list)
    acts: list[tuple[str, int]] = field(default_factory=list)  # what was done to it and when (chat time)


class Questions:
    """The questions of a chat, to recognise the posts that ask them. `planned`: so many were from the beginning;
    what hosts ask beside them is `coming`, and stands behind these once it has been seen."""

    def __init__(self, questions: Sequence[Mapping[str, Any]]) -> None:
        self.labels = [str(q["label"]) for q in questions]
        self.texts = [str(q["text"]) for q in questions]
        self.due: tuple[int | None, ...] = tuple(q.get("due") for q in questions)
        self.planned = len(self.labels)
        self._edited: list[
            str
        ] = []  # once the config was edited: all words there were, whatever their numbers
        self.coming: list[str] = []

    def reword(self, number: int, text: str) -> None:
        """The hosts word a question otherwise, before it is asked."""
        self.texts[number] = text

    def edited(self, texts: Sequence[str]) -> None:
        """The config words them like this now, and may ask for more. One that was asked before stays as it was, and
        those after it may have another number."""
        self._edited += [*self.texts, *texts]
        for number, text in enumerate(texts[: self.planned]):
            if self.texts[number] != text:
                self.reword(number, text)
        for text in texts[self.planned :]:
            if text not in self.texts:
                self.expect(text)

    def expect(self, text: str) -> None:
        """The hosts are going to ask this; its number is seen when it comes."""
        if text not in self.coming:
            self.coming.append(text)

    def asked(self, text: str) -> int | None:
        """The number (an index) of what hosts asked, if it has been seen."""
        return self.texts.index(text) if text in self.texts else None

    def asked_by(self, said: Said) -> int | None:
        """Which question (an index) a post of the bridge's asks: a line of it begins with label and words. Above
        that there may be a warning."""
        if said.place != "chat":
            return None
        for line in (said.history[0] if said.history else said.text).splitlines():
            if labelled := LABELLED.match(line):
                label, words = labelled[1], letters(labelled[2])
                if label in self.labels and self._is(
                    words, self.texts[self.labels.index(label)], *self._edited
                ):
                    return self.labels.index(label)
                if (number := self._come(label, words)) is not None:
                    return number
        return None

    def _is(self, words: str, *texts: str) -> bool:
        """Whether these letters are those of one of the texts."""
        return any(words.startswith(begin) for text in texts if (begin := letters(text)[:START]))

    def _come(self, label: str, words: str) -> int | None:
        """What was expected has come, under this label."""
        for text in self.coming:
            if label not in self.labels and words.startswith(letters(text)[:START]):
                self.coming.remove(text)
                self.labels.append(label)
                self.texts.append(text)
                return len(self.labels) - 1
        return None


class Ledger:
    """Keeps a Truth for every post a person wrote."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.truths: dict[tuple[str, str], Truth] = {}
        self.choices: dict[tuple[str, str], list[tuple[Choice, float]]] = {}  # (network, author) -> and when
        self.frozen: list[
            tuple[float, float]
        ] = []  # from when to when the page stood still (time.monotonic())
        self._blocked: set[str] = set()

    def wrote(self, truth: Truth, now: int) -> None:
        """A person wrote a post."""
        if truth.author in self._blocked:
            truth.off, truth.unseen = "blocked", True
        truth.acts.append(("written", now))
        self.truths[truth.network, truth.id] = truth

    def edited(self, network: str, post: str, words: str, now: int) -> None:
        """A person changed a post's words."""
        truth = self.truths[network, post]
        truth.was.append(truth.words)
        truth.words = words
        truth.acts.append(("edited", now))

    def deleted(self, network: str, post: str, now: int) -> None:
        """A person took a post away."""
        self.truths[network, post].acts.append(("deleted", now))

    def withdrew(self, author: str, now: int, *, forgotten: bool = False) -> None:
        """A person said stop, or asked to be forgotten: it holds for everything they wrote or will write."""
        for truth in self.truths.values():
            if truth.author == author:
                truth.forgotten = truth.forgotten or forgotten
                if not truth.opted_out:
                    truth.opted_out = truth.withdrawn = True
                    truth.acts.append(("withdrawn", now))

    def departed(self, network: str, author: str, said: Mapping[str, Said], now: int) -> None:
        """A person deletes their account, and with it what they have not deleted before (`said`: the posts)."""
        for truth in self.truths.values():
            if (truth.network, truth.author) == (network, author) and not said[truth.id].deleted:
                truth.departed = True
                truth.acts.append(("departed", now))

    def chose(self, network: str, author: str, choice: Choice, real: float) -> None:
        """A person said at `real` (time.monotonic(), seconds) what may become of their words in a room: it
        holds for everything they wrote or will write there. Who has said stop has said more."""
        if not any(t.withdrawn for t in self.truths.values() if t.author == author):
            self.choices.setdefault((network, author), []).append((choice, real))

    # ------------------------------------------------------------ what hosts do

    def took_off(self, network: str, post: str, off: Off) -> None:
        """Hosts hid or erased it; "": they restored it."""
        self.truths[network, post].off = off

    def blocked(self, author: str) -> None:
        """Hosts blocked somebody: nothing they wrote or will write is to be seen."""
        self._blocked.add(author)
        for truth in self.truths.values():
            if truth.author == author:
                truth.off = "blocked"

    def moved(self, network: str, post: str, label: str) -> None:
        """Hosts put it under this question."""
        self.truths[network, post].question = (label,)

    def sent(self, network: str, post: str, to: str) -> None:
        """Its author wanted it sent to another network, and a host approved."""
        self.truths[network, post].sent = to

    # ------------------------------------------------------------ what is written down

    def servers(self, stages: Mapping[str, Stage]) -> dict[str, list[dict[str, Any]]]:
        """The content of servers.json: everything on every network, in the order it was written."""
        return {
            network: [self._row(network, said) for said in stage.said.values()]
            for network, stage in stages.items()
        }

    def _row(self, network: str, said: Said) -> dict[str, Any]:
        row = {"id": said.id, "text": said.text, "at": said.at, "real": said.real, "place": said.place}
        row |= {"deleted": said.deleted, "edited": said.edited, "reply_to": said.reply_to}
        row |= {"pictures": list(said.pictures), "also": [list(place) for place in said.also]}
        row |= {"liked": sorted(said.liked), "boosted": sorted(said.boosted)}
        truth = self.truths.get((network, said.id))
        if truth is None:
            label = self.questions.asked_by(said) if said.ours else None
            return row | {
                "author": BRIDGE if said.ours else said.author,
                "belongs": False,
                "audience": said.reach,
                "opted_out": False,
                "words": "" if said.ours else said.text,
                "was": said.history,
                "question": None if label is None else self.questions.labels[label],
            }
        return row | {
            "author": truth.author,
            "kind": truth.kind,
            "words": truth.words,
            "was": truth.was,
            "belongs": truth.belongs,
            "question": None if truth.question is None else list(truth.question),
            "audience": truth.audience,
            "opted_out": truth.opted_out,
            "withdrawn": truth.withdrawn,
            "forgotten": truth.forgotten,
            "departed": truth.departed,
            **self._consent(truth),
            **self._hosted(truth, said.real),
            "warning": truth.warning,
            "poll": list(truth.poll),
            "group": truth.group,
            "acts": truth.acts,
        }

    def _consent(self, truth: Truth) -> dict[str, Any]:
        """What the author of words in a room lets out. `consent`: with which name they stand on the page now,
        "" if they do not; `agreed`: since when they may (time.monotonic(), seconds), null if never; `names`:
        what the author goes by and may not stand there now, `named`: though for a while it might."""
        if truth.audience != "room":
            return {}
        choices: list[tuple[Choice, float]] = [("name", 0.0)] if truth.consent else []
        choices += self.choices.get((truth.network, truth.author), [])
        last = choices[-1][0] if choices else "no"
        return {
            "consent": "" if last == "no" else last,
            "agreed": min((real for choice, real in choices if choice != "no"), default=None),
            "names": [] if last == "name" or not truth.name else [truth.name, truth.author],
            "named": any(choice == "name" for choice, _ in choices),
        }

    def _hosted(self, truth: Truth, real: float) -> dict[str, Any]:
        """What hosts did with it. `frozen`: until when (time.monotonic(), seconds) the page, which stood still when
        it was written, must not show it."""
        frozen = next((end for start, end in self.frozen if start <= real < end), None)
        return {"off": truth.off, "unseen": truth.unseen, "sent": truth.sent, "frozen": frozen}

    def taken(self, stages: Mapping[str, Stage]) -> dict[str, float]:
        """When a server took each post that everybody could read at once: key -> time.monotonic()."""
        found: dict[str, float] = {}
        for (network, post), truth in self.truths.items():
            real = stages[network].said[post].real
            agreed = self._consent(truth).get("agreed")
            reach = truth.audience == "public" or (agreed is not None and agreed <= real)
            first = truth.was[0] if truth.was else truth.words
            kept = (
                truth.held or (truth.opted_out and not truth.withdrawn) or self._hosted(truth, real)["frozen"]
            )
            if truth.belongs and reach and not kept and key(first):
                found[key(first)] = min(real, found.get(key(first), real))
        return found
