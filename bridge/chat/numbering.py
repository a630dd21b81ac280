"""The questions of an edited config beside those that have gone out already.

A question that has gone out keeps its number. It is recognised in the edited config by its words, as it went out or
as the config corrected them since, or else by its place; what is left are the questions still to come, and they take
the free numbers in their order. So nothing is asked twice because a line was put in above it, and nothing is lost
because one that had been asked was taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from msgspec.structs import replace

from bridge.chat.runsheet import Item, Sheet
from bridge.settings import Chat, Question


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
    """Where the config's questions that have gone out stand in the edited one, by number."""
    added = {item.number for item in sheet.questions() if item.added}
    own = [n for n in range(1, len(settled.questions) + 1) if n not in added]
    out = gone(sheet)
    asked = {n: {settled.questions[n - 1].text, out[n].reworded} for n in own if n in out}
    left = {place: question.text for place, question in enumerate(edited.questions)}
    found: dict[int, int | None] = {}
    for n, texts in asked.items():
        same = next((place for place, other in left.items() if other in texts), None)
        found[n] = same
        left = {place: other for place, other in left.items() if place != same}
    known = {question.text for question in settled.questions}
    for place, n in enumerate(own):
        if n in asked and found[n] is None and place in left and left[place] not in known:
            found[n] = place
            del left[place]
    return found


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
