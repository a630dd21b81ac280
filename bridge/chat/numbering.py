"""The questions of an edited config beside those that have gone out already.

A question that has gone out keeps its number. It is recognised in the edited config by its words, as it went out or
as the config corrected them since, or by words that are much the same, or else by its neighbours; what is left are
the questions still to come, and they take the free numbers in their order. So nothing is asked twice because it was
corrected or a line was put in above it, and nothing is lost because one that had been asked was taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import count
from operator import eq

from msgspec.structs import replace

from bridge.chat.runsheet import Item, Sheet
from bridge.settings import Chat, Question

SIMILAR = 2 / 3  # of the words of two lines, in their order, if they are one question
FEW = 3  # words, below which two lines are compared by their characters


def gone(sheet: Sheet) -> dict[int, Item]:
    """The questions that have gone out, or were skipped, by number."""
    return {item.number: item for item in sheet.questions() if item.state not in ("planned", "held")}


def standing(sheet: Sheet, settled: Chat, edited: Chat) -> dict[int, Question | None]:
    """What a config says of its questions that have gone out, by number; None: nothing any more. `settled`: the
    settings with every question at its number."""
    found = _places(sheet, settled, edited)
    return {n: None if place is None else edited.questions[place] for n, place in found.items()}


def renumbered(sheet: Sheet, settled: Chat, edited: Chat) -> Chat:
    """The edited settings with every question at its number; those that have gone out stay as they were, and are
    known by their new words from now on."""
    asked = gone(sheet)
    if not asked:
        return edited
    places = _places(sheet, settled, edited)
    for n, place in places.items():
        if place is not None:
            asked[n].reworded = edited.questions[place].text
    taken = set(places.values())
    left = (question for place, question in enumerate(edited.questions) if place not in taken)
    numbered = {n: _as_asked(item, settled) for n, item in asked.items()}
    numbered |= dict(zip((n for n in count(1) if n not in asked), left, strict=False))
    return replace(edited, questions=tuple(_unbroken(numbered)))


def _places(sheet: Sheet, settled: Chat, edited: Chat) -> dict[int, int | None]:
    """Where the questions that have gone out stand in the edited config, by number. One that a host added may stand
    there as well, written down since."""
    out, lines = gone(sheet), {place: question.text for place, question in enumerate(edited.questions)}
    added = {item.number for item in sheet.questions() if item.added}
    own = [n for n in range(1, len(settled.questions) + 1) if n not in added]
    known = {
        n: [settled.questions[n - 1].text] for n in own
    }  # those still to come have a claim to their lines
    for n, item in out.items():
        known.setdefault(n, []).extend(filter(None, (item.words, item.reworded)))
    found = _pairs(known, lines, eq)
    missing = {n for n, item in out.items() if (n in own or item.reworded) and n not in found}
    if missing:
        rest = {n: texts for n, texts in known.items() if n in missing or (n in own and n not in found)}
        left = {place: line for place, line in lines.items() if place not in found.values()}
        found |= _pairs(rest, left, _likeness)
    for n, item in out.items():  # it was taken for another line, and its own has come back
        if n in found and item.reworded == lines[found[n]] and _likeness(item.words, item.reworded) < SIMILAR:
            free = {place: line for place, line in lines.items() if place not in found.values()}
            found |= _pairs({n: [item.words]}, free, _likeness)
    for n in own:
        if n in out and n not in found and (between := _between(own, found, n, len(lines))):
            found[n] = max(between, key=lambda place: max(_likeness(text, lines[place]) for text in known[n]))
    return {n: found.get(n) for n in out if n in own or n in found}


def _pairs(
    known: Mapping[int, Sequence[str]], lines: Mapping[int, str], alike: Callable[[str, str], float]
) -> dict[int, int]:
    """Questions and the places of their lines: those that are most alike first, and of such the nearest."""
    likely = sorted(
        (-alike(text, line), age, abs(n - 1 - place), n, place)
        for n, texts in known.items()
        for age, text in enumerate(texts)
        for place, line in lines.items()
    )
    pairs: dict[int, int] = {}
    for unlike, _, _, n, place in likely:
        if -unlike >= SIMILAR and n not in pairs and place not in pairs.values():
            pairs[n] = place
    return pairs


def _likeness(one: str, other: str) -> float:
    """How much of their words two lines have in common, in their order: 0 to 1."""
    one, other = one.casefold(), other.casefold()
    here, there = re.findall(r"\w+", one), re.findall(r"\w+", other)
    if min(len(here), len(there)) < FEW:
        here, there = list(one), list(other)
    return SequenceMatcher(None, here, there, autojunk=False).ratio()


def _between(own: list[int], found: Mapping[int, int], n: int, end: int) -> list[int]:
    """The places that nobody has, between those of a question's neighbours."""
    at = own.index(n)
    before = next((found[m] for m in reversed(own[:at]) if m in found), -1)
    after = next((found[m] for m in own[at:] if m in found), end)
    low, high = sorted((before, after))
    return [place for place in range(low + 1, high) if place not in found.values()]


def _as_asked(item: Item, settled: Chat) -> Question:
    """A question as it went out; hosts may have added it."""
    if item.number <= len(settled.questions):
        return settled.questions[item.number - 1]
    return Question(item.fired, item.words)  # who asked it may not want to be named for ever


def _unbroken(places: Mapping[int, Question]) -> Iterator[Question]:
    """From the first number to the last before a gap: what is behind that has gone out, and hosts had added it."""
    for number in count(1):
        if number not in places:
            return
        yield places[number]
