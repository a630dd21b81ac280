"""What a post carries besides its words: pictures, a poll, custom emoji, a language."""

from __future__ import annotations

import random
from dataclasses import replace

from simulator.plan import Kind, Planned
from simulator.stage import Draft
from simulator.words import Words

PICTURES = (1, 1, 1, 2, 4)  # how many; no network takes more than four
PICTURED, POLLED, DECORATED = 0.09, 0.04, 0.1  # how likely pictures are, a poll, a custom emoji
MUTE = 0.2  # how likely a picture is not described
ALT = 120  # code points of a description at most: it is known by its first 120 letters
BARE: tuple[Kind, ...] = ("command", "twin", "direct")  # a twin's two posts must stay the same


class Trimmings:
    """Hands them out, by chance of their own: the words are the same with and without."""

    def __init__(self, words: Words, seed: int) -> None:
        self.words, self.seed = words, seed

    def trim(self, post: Planned, platform: str, draft: Draft, words: str) -> tuple[Draft, str]:
        """The draft with what it carries, and its `words` with an emoji in them, if there is one."""
        if post.kind in BARE:
            return draft, words
        rng = random.Random(f"trimmings {self.seed} {post.no}")
        draft = replace(draft, language=self.words.language(words))
        pictured, polled, decorated = (rng.random() < p for p in (PICTURED, POLLED, DECORATED))
        if platform != "mastodon":
            return (self._pictured(post, draft, rng) if pictured else draft), words
        if decorated and not draft.warning:  # which counts as words
            name = self.words.custom(rng)
            draft = replace(draft, text=draft.text.replace(words, f"{words} :{name}:", 1), emoji=(name,))
            words = f"{words} :{name}:"
        if draft.quote is not None:  # a Mastodon post quotes, asks or shows pictures, one of the three
            return draft, words
        if polled:
            return replace(draft, poll=self.words.poll(rng)), words
        return (self._pictured(post, draft, rng) if pictured else draft), words

    def _pictured(self, post: Planned, draft: Draft, rng: random.Random) -> Draft:
        make = self.words.talk(post.who.role, "alts")
        alts = (
            "" if rng.random() < MUTE else self.words.fresh(rng, make, ALT)
            for _ in range(rng.choice(PICTURES))
        )
        return replace(draft, pictures=tuple(alts))
