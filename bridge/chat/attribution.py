"""Which question a post answers: its label, else its thread, else the clock.

Pure functions; the session looks up what they need (the questions asked, a thread's question).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bridge.model import MINUTE, SECOND, Micros, Post

GRACE = 45 * SECOND  # after a new question people still finish answering the last one
BACKDATED = 15 * MINUTE  # a post may claim to be so much older than its network saw it

# A label is followed by a space or by punctuation that is not part of a number or a compound word:
# "A3 yes", "A3.", "a3:", "A3)", "A3 - yes"; not "A1c", "A1.5", "T1-weighted".
_STOP = r"(?:[:;,!?)\]/&+]|\.(?!\d)|[-–—](?=\s)|$)"
_ONE = rf"(?:(?P<l>[aq])(?P<n>\d{{1,2}})(?=\s|\s*{_STOP})|(?P<t>t)(?P<m>\d{{1,2}})(?=\s*{_STOP}))"
_LABEL = re.compile(_ONE, re.IGNORECASE)
# what may stand before a label at a line's start: mentions (a reply's), hashtags, "Re"
_LEAD = re.compile(r"\s*(?:[@#][\w.@#-]*[\w#]\s*[,:]?\s+)*(?:re:?\s+)?[(\[]?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[,/&+]|and\b)\s*|\s+", re.IGNORECASE)
_HASHTAG = re.compile(r"[#＃](?<![\w/&].)[atq](\d{1,2})(?!\w)", re.IGNORECASE)
_ENTRY = re.compile(r"^\s*>(\d{1,6})\b")
_OWN = re.compile(r"q\s*[:：]\s*", re.IGNORECASE)


def labels(plain: str, asked: Collection[int]) -> tuple[int, ...]:
    """The numbers of the questions that a post says it answers, in its order, each once.

    A label stands at a line's start or is a hashtag, is followed by punctuation or a space ("T1", a common
    clinical word, needs the punctuation), and names a question in `asked`.
    """
    found: dict[int, None] = {}
    for line in plain.splitlines():
        at = _led(line)
        while match := _LABEL.match(line, at):
            found[int(match["n"] or match["m"])] = None
            between = _BETWEEN.match(line, match.end())
            if not between:
                break
            at = between.end()
    for match in _HASHTAG.finditer(plain):
        found[int(match[1])] = None
    return tuple([n for n in found if n in asked])


def own_question(plain: str) -> str | None:
    """What a participant asks: what follows "Q:" where a post begins so; None if it does not."""
    match = _OWN.match(plain, _led(plain))
    return plain[match.end() :].strip() if match else None


def _led(line: str) -> int:
    """Where a line's own words begin."""
    match = _LEAD.match(line)
    return match.end() if match else 0


def named_entry(plain: str) -> int | None:
    """The entry that ">42" at the start of a page-composed answer names."""
    match = _ENTRY.match(plain)
    return int(match[1]) if match else None


def written_at(post: Post) -> Micros:
    """When a post was written, as far as it can be believed: its own time if that lies within 15 minutes
    before its network saw it, else the network's."""
    return post.at if post.seen - BACKDATED <= post.at <= post.seen else post.seen


def open_question(posted: Sequence[tuple[Micros, int]], at: Micros) -> int | None:
    """The question that was open at `at`, given when each was posted on that network (in time order).

    For 45 s after a new question the one before it is still meant. None before the first.
    """
    current: int | None = None
    for when, number in posted:
        if when > at:
            break
        if current is None or when + GRACE <= at:
            current = number
    return current
