"""How a planned post becomes words: labels, tags, links and what the post is meant to be."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from simulator.ledger import Audience, Questions
from simulator.plan import Planned
from simulator.stage import Draft
from simulator.trimmings import Trimmings
from simulator.words import Make, Words

LABELS = ("A{n} ", "A{n}. ", "a{n}: ", "T{n}: ", "Re Q{n} ", "A{n}) ", "A{n} - ", "#A{n} ", "Q{n}: ")
ROOM = {"bluesky": 285, "mastodon": 430, "slack": 440}  # code points, well within what each network takes
TWIN = 75  # code points of the same words at least: short ones say nothing about who wrote them
WISHES = {"stop": ("stop", "Stop.", "STOP"), "forget": ("forget me", "Forget me.")}


@dataclass(frozen=True)
class Scene:
    """What a person sees on their network when they write.

    `open`: the label of the question that was open by the clock, () before the first, None if it is too close
    to call. `parent`: another's post and what it answers. `known`: they have been read before, so that a link
    of theirs is not a stranger's. `guarded`: there are hosts to look at a stranger's link.
    """

    question: str | None  # the id of the question's post
    open: tuple[str, ...] | None
    parent: tuple[str, tuple[str, ...] | None] | None
    known: bool
    guarded: bool = False

    @property
    def link(self) -> float:
        """How likely a link is."""
        return 0.08 if self.known else 0.04 if self.guarded else 0.0


@dataclass(frozen=True)
class Composed:
    """A post ready to be written, and what it means. `before` and `behind` stand around its `words`."""

    draft: Draft
    before: str
    words: str
    behind: str
    expected: tuple[str, ...] | None
    belongs: bool = True
    audience: Audience = "public"
    opted_out: bool = False
    held: bool = False  # a stranger's link: hosts look first

    def reworded(self, words: str) -> str:
        """The whole text with other words."""
        return f"{self.before}{words}{self.behind}"


class Composer:
    """Writes for everybody. `platforms`: network -> kind; `agreed`: rooms whose people let words out."""

    def __init__(
        self,
        *,
        words: Words,
        questions: Questions,
        tag: str,
        platforms: Mapping[str, str],
        seed: int,
        agreed: Collection[str] = (),
    ) -> None:
        self.words, self.questions, self.tag, self.platforms = words, questions, tag, platforms
        self.seed, self.agreed = seed, agreed
        self.trimmings = Trimmings(words, seed)
        self._groups: dict[int, Composed] = {}

    def compose(self, post: Planned, scene: Scene) -> Composed:
        """The words of a planned post. The same group has the same words."""
        if post.group in self._groups:
            return self._groups[post.group]
        rng = random.Random(f"words {self.seed} {post.no}")
        made = self._compose(post, scene, rng)
        draft, said = self.trimmings.trim(post, self.platforms[post.network], made.draft, made.words)
        made = replace(made, draft=draft, words=said)
        if self.platforms[post.network] == "slack" and made.audience == "public":
            made = replace(made, audience="room")
        if post.who.wish in ("nobridge", "nobot"):
            made = replace(made, opted_out=True)
        if post.kind == "twin":
            self._groups[post.group] = made
        return made

    def edit(self, post: Planned, composed: Composed) -> str:
        """Other words for a post that stands."""
        rng = random.Random(f"edit {self.seed} {post.no}")
        role, question = post.who.role, self._question(post, rng)
        match post.kind:
            case "hello":
                make = self.words.talk(role, "hello")
            case "late":
                said = self.questions.labels.index(composed.expected[0]) if composed.expected else -1
                make = self.words.late(role, self.questions.texts[said])
            case _:
                make = self.words.edited(role, question)
        return self._fresh(post, rng, make, composed.before + composed.behind)

    def _compose(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        match post.kind:
            case "command":
                text = rng.choice(WISHES.get(post.who.wish, WISHES["stop"]))
                draft = Draft(text, tag="none", place="direct")
                return Composed(draft, "", text, "", None, belongs=False, audience="direct")
            case "offtopic":
                words = self._fresh(post, rng, self.words.talk(post.who.role, "offtopic"))
                return Composed(Draft(words, tag="none"), "", words, "", None, belongs=False)
            case "limited" | "direct":
                return self._private(post, scene, rng)
            case "several":
                return self._several(post, scene, rng)
            case "chain" | "quote":
                return self._about_another(post, scene, rng)
            case "reply" if scene.question is not None:
                make = self.words.answer(post.who.role, self._question(post, rng))
                bears = self._tag(post, rng) if rng.random() < 0.3 else ""
                return self._put(
                    post, scene, rng, make, tag=bears, reply_to=scene.question, expected=self._own(post)
                )
            case "hello" | "clinical":
                make = self.words.talk(post.who.role, post.kind)
                return self._put(post, scene, rng, make, expected=scene.open)
            case "bare":
                make = self.words.answer(post.who.role, self._question(post, rng))
                return self._put(post, scene, rng, make, expected=scene.open)
            case "late":
                return self._late(post, scene, rng)
            case _:
                return self._labelled(post, scene, rng)

    # ------------------------------------------------------------ kinds

    def _labelled(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        make = self.words.answer(post.who.role, self._question(post, rng))
        reply = scene.question if post.kind == "label" and rng.random() < 0.4 else None
        warning = None
        if post.kind == "label" and self.platforms[post.network] == "mastodon" and rng.random() < 0.08:
            warning = self.words.fresh(rng, self.words.talk(post.who.role, "warnings"), 80)
        made = self._put(
            post, scene, rng, make, before=self._label(post, rng), reply_to=reply, expected=self._own(post)
        )
        if post.kind == "nobridge":
            behind = f"{made.behind} #nobridge"
            draft = replace(made.draft, text=f"{made.draft.text} #nobridge")
            return replace(made, behind=behind, draft=draft, opted_out=True)
        return replace(made, draft=replace(made.draft, warning=warning)) if warning else made

    def _several(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        """Two answers in one post, each on its own line. Only the first line's words are looked for."""
        assert post.question is not None
        one, other = max(0, post.question - 1), post.question
        second = self.words.fresh(rng, self.words.short(post.who.role, self.questions.texts[other]), 130)
        make = self.words.short(post.who.role, self.questions.texts[one])
        before, tag = f"A{self._number(one)}: ", self._tag(post, rng)
        behind = f"\nA{self._number(other)}: {second}{tag}"
        words = self._fresh(post, rng, make, before + behind)
        draft = Draft(f"{before}{words}{behind}", tag=self._mark(tag, rng))
        return Composed(
            draft, before, words, behind, (self.questions.labels[one], self.questions.labels[other])
        )

    def _about_another(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        """A reply to another person, or a quote of one or of the question."""
        question = self._question(post, rng)
        tag = self._tag(post, rng) if rng.random() < 0.4 else ""
        if post.kind == "chain" and scene.parent is not None:
            parent, expected = scene.parent
            make = self.words.reply(post.who.role, question)
            return self._put(post, scene, rng, make, tag=tag, reply_to=parent, expected=expected)
        if post.kind == "quote" and scene.question is not None and scene.known:
            quoted, expected = scene.question, self._own(post)
            if scene.parent is not None and rng.random() < 0.4:
                quoted, expected = scene.parent
            make = self.words.comment(post.who.role, question)
            if self.platforms[post.network] == "mastodon":  # its quotes are not told to whom they quote
                tag = tag or self._tag(post, rng)
            return self._put(post, scene, rng, make, tag=tag, quote=quoted, expected=expected, link=False)
        return self._compose(replace(post, kind="reply" if scene.question else "label"), scene, rng)

    def _late(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        labelled = bool(scene.open) and rng.random() < 0.7
        last = len(self.questions.labels) - 1
        number = rng.randint(0, last) if labelled else last
        post = replace(post, question=number)
        make = self.words.late(post.who.role, self.questions.texts[number])
        if labelled:
            return self._put(post, scene, rng, make, before=self._label(post, rng), expected=self._own(post))
        return self._put(post, scene, rng, make, expected=None)

    def _private(self, post: Planned, scene: Scene, rng: random.Random) -> Composed:
        make = self.words.talk(post.who.role, "private")
        if post.kind == "direct":
            made = self._put(post, scene, rng, make, tag=f" #{self.tag}", expected=None, link=False)
            return replace(made, draft=replace(made.draft, place="direct"), audience="direct")
        reply = scene.question if rng.random() < 0.5 else None
        made = self._put(post, scene, rng, make, reply_to=reply, expected=None, link=False)
        return replace(made, draft=replace(made.draft, reach="limited"), audience="limited")

    # ------------------------------------------------------------ pieces

    def _put(
        self,
        post: Planned,
        scene: Scene,
        rng: random.Random,
        make: Make,
        *,
        expected: tuple[str, ...] | None,
        before: str = "",
        tag: str | None = None,
        reply_to: str | None = None,
        quote: str | None = None,
        link: bool = True,
    ) -> Composed:
        """Words with what stands before and behind them. `tag`: None: as the network needs it."""
        bears = self._tag(post, rng) if tag is None else tag
        link = link and post.kind != "twin" and rng.random() < scene.link
        behind = (f" {self.words.link(rng)}" if link else "") + bears
        words = self._fresh(post, rng, make, before + behind)
        draft = Draft(f"{before}{words}{behind}", tag=self._mark(bears, rng), reply_to=reply_to, quote=quote)
        return Composed(draft, before, words, behind, expected, held=link and not scene.known)

    def _fresh(self, post: Planned, rng: random.Random, make: Make, around: str = "") -> str:
        twin = post.kind == "twin"
        room = min(ROOM["bluesky"] if twin else ROOM[self.platforms[post.network]], 420) - len(around)
        return self.words.fresh(rng, make, min(room, 400), TWIN if twin else 20)

    def _tag(self, post: Planned, rng: random.Random) -> str:
        """The hashtag as this person types it; in the chat's own Slack channel hardly anybody does."""
        if self.platforms[post.network] == "slack" and rng.random() < 0.9:
            return ""
        return f" #{self.tag.lower()}" if rng.random() < 0.15 and post.kind != "twin" else f" #{self.tag}"

    def _mark(self, tag: str, rng: random.Random) -> Literal["markup", "bare", "none"]:
        if not tag:
            return "none"
        return "bare" if rng.random() < 0.15 else "markup"

    def _question(self, post: Planned, rng: random.Random) -> str:
        texts = self.questions.texts
        return texts[post.question] if post.question is not None else rng.choice(texts or ("",))

    def _own(self, post: Planned) -> tuple[str, ...]:
        assert post.question is not None
        return (self.questions.labels[post.question],)

    def _label(self, post: Planned, rng: random.Random) -> str:
        assert post.question is not None
        styles = LABELS if post.kind != "twin" else LABELS[:2]
        return rng.choice(styles).format(n=self._number(post.question))

    def _number(self, question: int) -> str:
        return "".join(c for c in self.questions.labels[question] if c.isdigit())
