"""The `[[chats]]` of a config -> `settings.Chat`: times and questions."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from bridge import hosts
from bridge.model import HOUR, MINUTE, Micros
from bridge.settings import Chat, Question
from bridge.tables import Findings, decode
from bridge.text import TAG
from bridge.when import lead, micros, readings

LONG_TAG = 12  # letters in a row that a screen reader hardly gets out as one word
_LAST_WORDS = ("chat", "chats", "hour", "talk", "live", "network", "virtual", "week", "day")
PICTURES = {  # by suffix, with the bytes they begin with
    ".png": b"\x89PNG",
    ".jpg": b"\xff\xd8",
    ".jpeg": b"\xff\xd8",
    ".gif": b"GIF8",
    ".webp": b"RIFF",
}
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_BEGIN = "Begin each with a line in double brackets"

LANGUAGE = Meta(
    pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
    title='a language\'s code, as "en" or "cy"',
    examples=['"en"'],
)
Minutes = Annotated[float, Meta(gt=0, le=24 * 60, examples=["60"])]


class QuestionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: Annotated[float, Meta(ge=0, le=24 * 60, examples=["5"])] | None = None
    text: Annotated[str, Meta(examples=['"What is a community of practice?"'])] = ""
    image: Annotated[str | None, Meta(examples=['"q1.png"'])] = None
    alt: Annotated[str | None, Meta(examples=['"What the picture shows"'])] = None
    warning: str | None = None
    translations: Annotated[dict[Annotated[str, LANGUAGE], str], Meta(examples=['{cy = "…"}'])] = {}


class ChatTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, Meta(examples=['"communities-of-practice"'])] = ""
    title: Annotated[str, Meta(examples=['"Cultivating communities of practice"'])] = ""
    hashtag: Annotated[str, Meta(examples=['"CCNVirtual"'])] = ""
    starts: Annotated[dt.datetime | None, Meta(examples=["2027-03-16T20:00:00"])] = None
    minutes: Minutes = 60
    late_hours: Annotated[float, Meta(ge=0, le=24 * 30, examples=["24"])] = 24
    announce: Annotated[str | None, Meta(examples=['"7d"'])] = None
    remind: Annotated[tuple[str, ...], Meta(examples=['["24h", "10m"]'])] = ("24h", "10m")
    stale_minutes: Annotated[float, Meta(gt=0, le=60, examples=["2"])] = 2
    welcome: str | None = None
    closing: str | None = None
    notice: str | None = None
    article: Annotated[str | None, Meta(examples=['"https://…"'])] = None
    warning: str | None = None
    hosts: Annotated[
        tuple[Any, ...], Meta(description="Begin each host with a line [[chats.hosts]], in double brackets.")
    ] = ()
    questions: Annotated[
        tuple[Any, ...],
        Meta(description="Begin each question with a line [[chats.questions]], in double brackets."),
    ] = ()


@dataclass(frozen=True)
class Context:
    """What reading a chat depends on: the folder of its file, the community's zone, the networks' names, and how
    those that could be read name a person (`Platform.handle`). `pictures`: where the paths of pictures are noted."""

    folder: Path
    zone: str
    networks: tuple[str, ...]
    handles: Mapping[str, tuple[str, str]]
    found: Findings
    pictures: list[Path]

    def within(self, file: Path) -> Context:
        """For another file of the same config."""
        return replace(self, folder=file.parent.absolute(), found=self.found.within(str(file)))


@dataclass(frozen=True)
class Placed:
    """A chat, and where it stands: its key path, and the findings of its file."""

    chat: Chat
    at: str
    found: Findings


def chats(tables: object, context: Context) -> list[Placed]:
    """Every chat of a file; what could not be read of one is left at its default and reported."""
    found, made = context.found, []
    if not isinstance(tables, list):
        found.mistake("chats", tables, "a list of chats", f"{_BEGIN}: [[chats]], not [chats].")
        return []
    for n, table in enumerate(tables):
        at = f"chats[{n}]"
        raw = decode(ChatTable, table, at, found, required=("id", "title", "hashtag", "starts", "questions"))
        if raw is not None:
            made.append(Placed(_chat(raw, at, context), at, found))
    return made


def _chat(raw: ChatTable, at: str, context: Context) -> Chat:
    found = context.found
    if raw.id and not _ID.fullmatch(raw.id):
        found.mistake(
            f"{at}.id",
            raw.id,
            "small letters, digits and hyphens",
            'Write it like this: id = "communities-of-practice"',
        )
    check_tag(raw.hashtag, f"{at}.hashtag", found)
    starts = _start(raw.starts, f"{at}.starts", context.zone, found)
    ends = starts + round(raw.minutes * MINUTE)
    if raw.article is not None and not re.fullmatch(r"https?://\S+", raw.article):
        found.mistake(f"{at}.article", raw.article, "an address", 'Write it in full: article = "https://…"')
    announce = _lead(raw.announce, f"{at}.announce", found) if raw.announce is not None else None
    remind = [_lead(words, f"{at}.remind[{n}]", found) for n, words in enumerate(raw.remind)]
    for n, before in enumerate(remind):
        if announce and before and before >= announce:
            found.mistake(
                f"{at}.remind[{n}]",
                raw.remind[n],
                f"less than announce, {raw.announce}",
                "A reminder answers the announcement: let it come later.",
            )
    return Chat(
        id=raw.id,
        title=raw.title,
        hashtag=raw.hashtag,
        starts=starts,
        ends=ends,
        late_until=ends + round(raw.late_hours * HOUR),
        questions=_questions(raw.questions, at, starts, ends, context),
        hosts=hosts.read(raw.hosts, at, context.networks, context.handles, found),
        announce=announce,
        remind=tuple(sorted({before for before in remind if before}, reverse=True)),
        stale=round(raw.stale_minutes * MINUTE),
        welcome=raw.welcome or None,
        closing=raw.closing or None,
        notice=raw.notice or None,
        article=raw.article,
        warning=raw.warning or None,
    )


def check_together(made: Sequence[Placed], found: Findings) -> None:
    """All chats of a config: there is one, no two have the same id, and two in the same hour are better told apart
    by their hashtags."""
    if not made and not any(m.key.startswith("chats") for m in found.mistakes):
        found.mistake("chats", None, "at least one chat", f"{_BEGIN}: [[chats]]")
    ids: dict[str, Placed] = {}
    for placed in made:
        other = ids.setdefault(placed.chat.id, placed)
        if placed.chat.id and other is not placed:
            expected = f"an id of its own; {_elsewhere(other, placed)} has it too"
            placed.found.mistake(f"{placed.at}.id", placed.chat.id, expected, "Give one of them another id.")
    for other, placed in _overlapping(made):
        placed.found.warn(
            f"{placed.at}.starts",
            "",
            f"an hour of its own: {_elsewhere(other, placed)} is on with #{other.chat.hashtag} then",
            "What bears nothing but the tag is taken for that one. Move one of the two, or give it another hashtag.",
        )


def _elsewhere(other: Placed, than: Placed) -> str:
    """Where another chat stands, as somebody finds it who looks at this one."""
    return other.at if other.found.file == than.found.file else f"{other.at} of {other.found.file}"


def _overlapping(made: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Chats that share a hashtag and a part of their hours."""
    for n, placed in enumerate(made):
        chat = placed.chat
        for before in made[:n]:
            other = before.chat
            same = chat.hashtag and chat.hashtag.casefold() == other.hashtag.casefold()
            if same and 0 < chat.starts < other.ends and 0 < other.starts < chat.ends:
                yield before, placed


def check_tag(tag: str, key: str, found: Findings) -> None:
    """A hashtag without its #, in one word; several words in small letters are merely unwise."""
    if not tag:
        return
    if not TAG.fullmatch(f"#{tag}") or len(tag) > 64:
        good = "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", tag))[:64]
        good = good if TAG.fullmatch(f"#{good}") else "OurChat"
        found.mistake(
            key,
            tag,
            "letters, digits and _ only, at least one letter, no # and no space",
            f'Write it like this: hashtag = "{good}"',
        )
        return
    small = tag.isascii() and tag.isalpha() and tag.islower()
    several = len(tag) > LONG_TAG or any(tag.endswith(w) and len(tag) > len(w) + 1 for w in _LAST_WORDS)
    if small and several:
        found.warn(
            key,
            tag,
            "a capital for each word, if it is several words",
            "Screen readers then read the words one by one, as in #OurMonthlyChat. Nothing else changes.",
        )


# ---------------------------------------------------------------- times


def _start(written: dt.datetime | None, key: str, zone: str, found: Findings) -> Micros:
    """The start as an absolute time; 0 if it cannot be known."""
    if written is None:
        return 0
    if not 2000 <= written.year <= 2200:
        found.mistake(key, written, "a year of this age", "Write year-month-dayThour:minute:second.")
        return 0
    if written.tzinfo is not None:
        return micros(written)
    moments = readings(written, ZoneInfo(zone))
    if len(moments) == 1:
        return micros(moments[0])
    if moments:
        first, second = (moment.isoformat() for moment in moments)
        found.mistake(
            key,
            written,
            "a time that comes once; the clocks are put back then",
            f"Say which of the two: {first} is the earlier, {second} the later.",
        )
    else:
        after = written.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC).astimezone(ZoneInfo(zone))
        found.mistake(
            key,
            written,
            "a time that exists; the clocks are put forward over it",
            f"You may mean {after.isoformat()}. Write it so, with the offset, or choose another time.",
        )
    return 0


def _lead(words: str, key: str, found: Findings) -> Micros | None:
    length = lead(words)
    if length is None:
        found.mistake(
            key,
            words,
            "a length of time before the start",
            'Write days, hours or minutes: "7d", "24h", "10m"',
        )
    return length


def spread(planned: Sequence[float | None], minutes: float) -> list[float]:
    """The minute of each question: those without one divide the room between their neighbours evenly, in
    whole minutes where there is room for them."""
    fixed = [(-1, 0.0), *((n, at) for n, at in enumerate(planned) if at is not None), (len(planned), minutes)]
    times: list[float] = []
    for (left, start), (right, end) in pairwise(fixed):
        step = (end - start) / (right - left)
        between = [start + step * k for k in range(1, right - left)]
        times += [float(int(at)) for at in between] if step >= 1 else between
        times += [end] if right < len(planned) else []
    return times


# ---------------------------------------------------------------- questions


def _questions(
    tables: Sequence[Any], at: str, starts: Micros, ends: Micros, context: Context
) -> tuple[Question, ...]:
    found = context.found
    raws = [
        decode(QuestionTable, table, f"{at}.questions[{n}]", found, required=("text",)) or QuestionTable()
        for n, table in enumerate(tables)
    ]
    minutes = (ends - starts) / MINUTE
    latest = 0.0
    for n, raw in enumerate(raws):
        key = f"{at}.questions[{n}]"
        _check_picture(raw, key, context)
        context.pictures.extend([context.folder / raw.image] if raw.image else [])
        if raw.at is None:
            continue
        if raw.at >= minutes:
            found.mistake(
                f"{key}.at",
                raw.at,
                f"minutes after the start, less than {minutes:g}",
                "Ask it within the chat, or let the chat last longer.",
            )
        elif raw.at < latest or (n and raw.at == latest and raws[n - 1].at is not None):
            found.mistake(
                f"{key}.at",
                raw.at,
                f"later than the question before it, at {latest:g}",
                "Put the questions into the order they are asked in.",
            )
        else:
            latest = raw.at
    times = spread([raw.at for raw in raws], minutes)
    return tuple(
        Question(
            due=starts + round(minute * MINUTE),
            text=raw.text,
            image=str(context.folder / raw.image) if raw.image else None,
            digest=_digest(context.folder / raw.image) if raw.image else "",
            alt=raw.alt,
            warning=raw.warning or None,
            translations=tuple(raw.translations.items()),
        )
        for raw, minute in zip(raws, times, strict=True)
    )


def _check_picture(raw: QuestionTable, key: str, context: Context) -> None:
    found = context.found
    if raw.image and not (raw.alt or "").strip():
        found.mistake(
            f"{key}.alt",
            "",
            f"what {raw.image} shows, in words",
            'People who do not see it read this instead: alt = "…"',
        )
    if raw.alt and not raw.image:
        found.mistake(f"{key}.alt", raw.alt, "an image beside it", 'Add image = "…", or take alt out.')
    if raw.image and not os.path.isfile(context.folder / raw.image):  # also for what is no path at all
        found.mistake(
            f"{key}.image", raw.image, "a file beside this one", "Put the picture there, or mend its name."
        )
    elif raw.image and not _is_picture(context.folder / raw.image):
        found.mistake(
            f"{key}.image",
            raw.image,
            "a picture every network takes: " + ", ".join(sorted(PICTURES)),
            "Save it as one of these; a file is known by how it begins, too.",
        )


def _is_picture(file: Path) -> bool:
    """Whether a file is what its name says, as far as its first bytes tell."""
    begins = PICTURES.get(file.suffix.lower())
    try:
        with file.open("rb") as content:
            return begins is not None and content.read(len(begins)) == begins
    except OSError:
        return True  # which has been reported


def _digest(picture: Path) -> str:
    """SHA-256 of what is in a file, hex: what is posted is what was read with the config. "" if it cannot be
    read, which has been reported."""
    try:
        return hashlib.sha256(picture.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return ""
