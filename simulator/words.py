"""What the simulated people say: invented answers, by topic and role, no two posts alike.

The fragments are in `data/`. Every text names a place or a number of its own, so that its letters are found
in no other text: the comparison at the end knows a post by its words alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from simulator.letters import LEAST, key, letters

Make: TypeAlias = Callable[[random.Random], str]

DATA = Path(__file__).parent / "data"
TRIES = 200


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return data


class Words:
    """Makes texts and remembers them, so that none stands inside another."""

    def __init__(self) -> None:
        self._answers, self._voices, self._talk = (
            _read(name) for name in ("answers.json", "voices.json", "talk.json")
        )
        self._said = ""  # letters of every text, a line each
        self._keys: dict[str, list[str]] = {}  # of every text, by how they begin
        self._tongues: dict[str, str] = {}  # texts that are not in English -> their language

    @property
    def roles(self) -> list[str]:
        """What the people are: "nurse", "midwife" ..."""
        return list(self._voices["roles"])

    @property
    def names(self) -> list[str]:
        """First names."""
        return list(self._voices["names"])

    def fresh(self, rng: random.Random, make: Make, limit: int = 400, least: int = 20) -> str:
        """A text of `least` to `limit` code points that nobody wrote yet. Raises RuntimeError if the
        fragments do not give one."""
        for _ in range(TRIES):
            text = make(rng)
            if least <= len(text) <= limit and self._is_new(text):
                self._said += f"{letters(text)}\n"
                self._keys.setdefault(key(text)[:LEAST], []).append(key(text))
                return text
        raise RuntimeError(f"no new words of {least} to {limit} characters in {TRIES} tries")

    def _is_new(self, text: str) -> bool:
        whole, short = letters(text), key(text)
        return bool(short) and short not in self._said and not any(self._keys_in(whole))

    def _keys_in(self, whole: str) -> Iterator[str]:
        """The keys that stand in a text. Thousands of people say ten thousand: not all are to be looked for."""
        for at in range(len(whole)):
            for known in self._keys.get(whole[at : at + LEAST], ()):
                if whole.startswith(known, at):
                    yield known

    # ------------------------------------------------------------ kinds of texts

    def answer(self, role: str, question: str) -> Make:
        """An answer to a question: a claim, mostly with where it comes from; some in another language."""
        topic = self._topic(question)

        def make(rng: random.Random) -> str:
            chance = rng.random()
            if chance < 0.06:
                tongue, said = rng.choice(list(topic["abroad"].items()))
                text = self._filled(rng, role, said)
                self._tongues[text] = tongue
                return text
            if chance < 0.1:
                return self._one(rng, role, "tiny")
            claims = rng.sample(topic["claims"], 2)
            evidence = rng.sample(self._talk["evidence"], 2)
            pattern = rng.choices(
                ("{c} {t}", "{c} {e}", "{e} {c}", "{c} {e} {d}", "{e} {c} {f} {d}"), (25, 30, 20, 15, 10)
            )[0]
            text = pattern.format(
                c=claims[0],
                d=claims[1],
                t=self._one(rng, role, "tails"),
                e=self._filled(rng, role, evidence[0]),
                f=self._filled(rng, role, evidence[1]),
            )
            return self._coloured(rng, text)

        return make

    def short(self, role: str, question: str) -> Make:
        """An answer that fits anywhere."""
        topic = self._topic(question)
        return lambda rng: f"{rng.choice(topic['claims'])} {self._one(rng, role, 'tails')}"

    def reply(self, role: str, question: str) -> Make:
        """An answer to what another person said."""
        topic = self._topic(question)

        def make(rng: random.Random) -> str:
            more = rng.choice((rng.choice(topic["claims"]), ""))
            return " ".join(
                f"{self._one(rng, role, 'agree')} {self._one(rng, role, 'evidence')} {more}".split()
            )

        return make

    def comment(self, role: str, question: str) -> Make:
        """What stands above a quoted post."""
        topic = self._topic(question)

        def make(rng: random.Random) -> str:
            claim = rng.choice(topic["claims"])
            return f"{self._one(rng, role, 'quote')} {claim} {self._one(rng, role, 'evidence')}"

        return make

    def edited(self, role: str, question: str) -> Make:
        """What a post says after an edit."""
        topic = self._topic(question)
        return lambda rng: (
            f"{self._one(rng, role, 'edit')} {self._one(rng, role, 'evidence')} {rng.choice(topic['claims'])}"
        )

    def late(self, role: str, question: str) -> Make:
        """An answer by one who missed the hour."""
        topic = self._topic(question)
        return lambda rng: f"{self._one(rng, role, 'late')} {rng.choice(topic['claims'])}"

    def talk(self, role: str, kind: str) -> Make:
        """Anything else: "hello", "clinical", "offtopic", "private", "warnings", "alts"."""
        return lambda rng: self._one(rng, role, kind)

    def language(self, text: str) -> str | None:
        """The language of a text made here, if it is another than English."""
        return self._tongues.get(text)

    def poll(self, rng: random.Random) -> tuple[str, ...]:
        """The choices of a poll."""
        return tuple(rng.choice(self._talk["polls"]))

    def custom(self, rng: random.Random) -> str:
        """The name of a custom emoji."""
        return str(rng.choice(self._talk["custom"]))

    def link(self, rng: random.Random) -> str:
        """An address, of the domains reserved for examples."""
        slug = "-".join(
            rng.sample(("slow", "shared", "open", "craft", "notes", "circle", "spring", "edge"), 3)
        )
        return f"{rng.choice(self._talk['links'])}{slug}-{rng.randint(100, 999)}"

    # ------------------------------------------------------------ pieces

    def _topic(self, question: str) -> dict[str, Any]:
        asked = question.casefold()
        topics: list[dict[str, Any]] = self._answers["topics"]
        general: dict[str, Any] = self._answers["any"]
        return next((t for t in topics if any(word in asked for word in t["about"])), general)

    def _one(self, rng: random.Random, role: str, kind: str) -> str:
        return self._filled(rng, role, rng.choice(self._talk[kind]))

    def _filled(self, rng: random.Random, role: str, text: str) -> str:
        voices = self._voices
        return str(text).format(
            role=role.replace("-", " "),
            group=rng.choice(voices["roles"].get(role) or ["circle"]),
            place=rng.choice(voices["places"]),
            day=rng.choice(voices["days"]),
            month=rng.choice(voices["months"]),
            thing=rng.choice(voices["things"]),
            n=rng.randint(3, 97),
            few=rng.randint(2, 9),
        )

    def _coloured(self, rng: random.Random, text: str) -> str:
        """Now and then an emoji, or characters that markup would trip over."""
        chance = rng.random()
        if chance < 0.12:
            return f"{text} {rng.choice(self._talk['emoji'])}"
        if chance < 0.15:
            return f"{text} {rng.choice(self._talk['oddities'])}"
        return text
