"""How a chat reads, whatever it is shown in: sections, times, who said it from where, figures. Pure."""

from __future__ import annotations

import re
from collections import Counter
from unicodedata import category
from urllib.parse import urlsplit

from bridge import when
from bridge.chat.view import ChatView, EntryView, QuestionView
from bridge.model import MINUTE, Media, Micros, Value
from bridge.text import graphemes, person, tame

HELLO = "hello"
LATE = "late"
_NEVER_IN_A_LINK = re.compile(r"[\s<>\"'\\^`{|}]")


class Section(Value, frozen=True):
    """A stretch of the timeline under one heading. `key` is a question's label, "hello" or "late"."""

    key: str
    title: str
    question: QuestionView | None = None
    entries: tuple[EntryView, ...] = ()
    also: tuple[EntryView, ...] = ()  # answers to several questions, standing under another one


class Statistics(Value, frozen=True):
    """Figures of a chat. `entries`: all of them, of which `kept` are not shown here; `people`: who wrote those
    that are. `answers`: per question label and network title. `busiest`: when the minute with the most entries
    shown began."""

    entries: int
    kept: int
    people: int
    networks: tuple[str, ...]
    answers: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    first: Micros | None = None
    last: Micros | None = None
    busiest: Micros | None = None
    in_busiest: int = 0


def shown(view: ChatView) -> tuple[EntryView, ...]:
    """The entries a reader meets: what a host hid is off every surface."""
    return tuple(entry for entry in view.entries if not entry.hidden)


def place(entry: EntryView, view: ChatView) -> str:
    """The key of the section an entry stands in: its first question, else before or after the close."""
    labels = {question.label for question in view.questions}
    for label in entry.questions:
        if label in labels:
            return label
    return LATE if entry.at >= view.ends else HELLO


def sections(view: ChatView) -> tuple[Section, ...]:
    """The timeline as it is read: hellos, then every question that was asked or answered, then late words."""
    entries: dict[str, list[EntryView]] = {}
    for entry in sorted(shown(view), key=lambda e: e.no):
        entries.setdefault(place(entry, view), []).append(entry)
    found = []
    if HELLO in entries:
        found.append(Section(HELLO, "Hellos", None, tuple(entries[HELLO])))
    for question in view.questions:
        mine = tuple(entries.get(question.label, ()))
        if question.posted is not None or mine:
            also = tuple(
                e for e in shown(view) if question.label in e.questions and place(e, view) != question.label
            )
            found.append(Section(question.label, question.text, question, mine, also))
    if LATE in entries:
        found.append(Section(LATE, "After the close", None, tuple(entries[LATE])))
    return tuple(found)


def figures(question: QuestionView) -> str:
    """ "9 answers, 2 of them stay where they were written · Mastodon 5, Bluesky 4"."""
    return " · ".join(filter(None, (tally(question.total, question.kept, "answer"), by_network(question))))


def tally(total: int, kept: int, one: str, more: str = "") -> str:
    """How many there are, and how many of them nobody reads here. `one`: what they are, in the singular."""
    number = f"1 {one}" if total == 1 else f"{total} {more or one + 's'}"
    if not kept:
        return number
    if total == 1:
        return f"{number}, which stays where it was written"
    return f"{number}, {kept} of them " + (
        "stays where it was written" if kept == 1 else "stay where they were written"
    )


def by_network(question: QuestionView) -> str:
    """Answers per network title; of words on two networks, each counts one."""
    return ", ".join(f"{title} {number}" for title, number in question.counts if number)


def glance(view: ChatView) -> str:
    """The whole chat in one line: "41 entries, 6 of them stay where they were written, the others by 20
    people"."""
    found = statistics(view)
    people = tally(found.people, 0, "person", "people")
    between = ", the others by" if found.kept else " by"
    return f"{tally(found.entries, found.kept, 'entry', 'entries')}{between} {people}"


def gone(view: ChatView) -> str:
    """Why nobody's words are here any more; "" if they are."""
    if view.erased is None:
        return ""
    until = when.day(view.erased, view.zone)
    return f"What people wrote here was kept until {until} and is erased. The figures stay."


def networks(view: ChatView) -> tuple[str, ...]:
    """The titles of all networks with an entry, in the config's order as far as one question or another tells
    it."""
    order: list[str] = []
    for row in (*([t for t, _ in q.counts] for q in view.questions), *map(titles, shown(view))):
        at = len(order)
        for title in reversed(row):
            if title in order:
                at = order.index(title)
            else:
                order.insert(at, title)
    return tuple(order)


def also(section: Section) -> str:
    """The entries that answer this question as well and stand elsewhere; "" if there are none."""
    numbers = listed(tuple(str(entry.no) for entry in section.also))
    if not numbers:
        return ""
    return (
        f"entry {numbers} answers it as well"
        if len(section.also) == 1
        else f"entries {numbers} answer it as well"
    )


def answered(entry: EntryView) -> str:
    """Whom an entry replies to, and in which one: "Ann · 22"."""
    return " · ".join(filter(None, (person(entry.reply_name), str(entry.reply_to))))


def statistics(view: ChatView) -> Statistics:
    """What a chat came to. People whose words are withheld cannot be told apart and are not counted."""
    entries = shown(view)
    minutes = Counter(entry.at - entry.at % MINUTE for entry in entries)
    busiest = min(minutes, key=lambda at: (-minutes[at], at), default=None)
    return Statistics(
        entries=view.total,
        kept=view.kept,
        people=view.people
        or len(
            {
                (entry.sources[:1] and entry.sources[0].network, entry.handle)
                for entry in entries
                if entry.handle
            }
        ),
        networks=networks(view),
        answers=tuple((question.label, question.counts) for question in view.questions),
        first=min((entry.at for entry in entries), default=None),
        last=max((entry.at for entry in entries), default=None),
        busiest=busiest,
        in_busiest=minutes[busiest] if busiest is not None else 0,
    )


# ---------------------------------------------------------------- who, where, when


def titles(entry: EntryView) -> tuple[str, ...]:
    """What people call the networks an entry was written on, each once."""
    return tuple(dict.fromkeys(source.title for source in entry.sources))


def listed(words: tuple[str, ...]) -> str:
    """ "Mastodon, Bluesky and Slack"."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def named(entry: EntryView) -> str:
    """How to call who wrote it: the name, else the handle, else nobody in particular."""
    return person(entry.name) or tame(entry.handle) or "Somebody"


def one_line(words: str) -> str:
    """Words on one line, without the accents somebody piled up to reach into other lines."""
    flat = " ".join(tame(words).split())
    return flat if flat.isascii() else "".join(map(_unpiled, graphemes(flat)))


def _unpiled(cluster: str) -> str:
    accents = sum(category(character) in ("Mn", "Me") for character in cluster)
    return cluster if accents <= 4 else cluster[0]


def stays(entry: EntryView) -> str:
    """The line that stands for words not to be seen here."""
    what = "answer" if entry.questions else "post"
    return f"1 {what} {entry.withheld or 'is not shown here'}"


def more(view: ChatView) -> tuple[str, ...]:
    """What else there is that this audience may not see: "6 more in Slack"."""
    return tuple(f"{number} more in {title}" for title, number in view.withheld if number)


def iso(at: Micros) -> str:
    """Chat time in UTC, to the second, as machines read it."""
    return f"{when.local(at, 'UTC'):%Y-%m-%dT%H:%M:%SZ}"


def moment(at: Micros, view: ChatView) -> str:
    """ "20:07" on the day of the chat, "Wednesday 21 March 2018, 08:12" on another."""
    day = when.day(at, view.zone)
    hour = when.hour(at, view.zone)
    return hour if day == when.day(view.starts, view.zone) else f"{day}, {hour}"


def hours(view: ChatView) -> str:
    """ "Tuesday 20 March 2018, 20:00 to 21:00 London time"."""
    day, start, end = (
        when.day(view.starts, view.zone),
        when.hour(view.starts, view.zone),
        when.hour(view.ends, view.zone),
    )
    return f"{day}, {start} to {end} {when.place(view.zone)}"


# ---------------------------------------------------------------- pictures

KINDS = {"image": "Picture", "video": "Video", "audio": "Recording", "file": "File"}


def picture(item: Media) -> bool:
    """Whether this can be shown where pictures are on: one that its own server gives to anybody, unspied on."""
    return item.kind == "image" and secure(item.url)


def secure(url: str | None) -> bool:
    """Whether a page may load from this address."""
    return address(url) is not None and str(url).startswith("https://")


# ---------------------------------------------------------------- addresses strangers wrote


def address(url: str | None) -> str | None:
    """A web address that may become a link, else None: http(s) with a host, no credentials and nothing that
    could break out of an attribute or a Markdown link."""
    if not url or len(url) > 2048 or _NEVER_IN_A_LINK.search(url) or tame(url) != url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and host and "@" not in parts.netloc else None


def disguised(plain: str, url: str) -> str | None:
    """The host behind a link whose words do not begin with it, so that it can be named beside them."""
    host = urlsplit(url).hostname or ""
    visible = re.sub(r"^https?://", "", plain.strip().casefold())
    bare = host.removeprefix("www.")
    follows = next((visible[len(b) :].lstrip(".…") for b in (host, bare) if visible.startswith(b)), "x")
    return bare if re.match(r"[\w.@-]", follows) else None
