"""The hosts' board as blocks: what is on, what comes next, who waits for a word, how the networks are. Pure.

In the order in which a host on a phone needs it: where the chat is, the buttons, the people nobody has answered,
then the rest. Words of people stand only in rich_text, which Slack does not parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from adapters.slack import controls, rich
from adapters.slack.cards import author, one_line, plain
from adapters.slack.controls import TooLong
from adapters.slack.rich import Block
from bridge.model import SECOND, Board, Card, Health, Line, Micros, Network, Text, Waiting
from bridge.text import cut, person

FROZEN = "PAGE FROZEN: page, wall and feed show nothing new until a host lifts it."

_STATES = {"planned": "", "due": "due", "posted": "posted", "held": "ON HOLD", "skipped": "skipped"}
_PHASES = {"before": "not begun", "open": "open", "late": "closed, collecting late answers", "over": "over"}
_LINK = {"ready": "ready", "opening": "connecting", "down": "DOWN", "refused": "REFUSES OUR LOGIN"}
_NEAR = 18  # items of the run sheet
_ASKED = 8  # questions whose answers are counted one by one
_LOG = 5  # lines of who did what
_PEOPLE, _QUESTIONS = 10, 25  # who wait for a word (product: at most ten), and questions: no more could fit
_LINE = 160  # characters of a line that others had a hand in
WORDS = 140  # graphemes of what somebody who waits has written


class Shown(NamedTuple):
    """A board in words, for notifications and screen readers, and as blocks."""

    said: Text
    blocks: list[Block]


class List(NamedTuple):
    """People who wait for a word: the rows that are shown, of how many."""

    heading: str
    rows: tuple[Waiting, ...]
    total: int


def board(board: Board, fits: Callable[[Shown], bool]) -> Shown:
    """As many of those who wait as `fits` lets through, who are ignored first. Raises TooLong if it never does."""
    ignored, asked = _plain(board.ignored[:_PEOPLE]), _plain(board.asked[:_QUESTIONS])
    for most in range(len(ignored) + len(asked), -1, -1):
        lists = (
            List("Nobody has answered them yet", ignored[:most], len(board.ignored)),
            List("Questions from participants", asked[: max(0, most - len(ignored))], len(board.asked)),
        )
        shown = _shown(board, lists)
        if fits(shown):
            return shown
    raise TooLong("The board does not fit one message of Slack.")


def _plain(waiting: tuple[Waiting, ...]) -> tuple[Waiting, ...]:
    return tuple(replace(row, card=plain(row.card)) for row in waiting)


def _shown(board: Board, lists: tuple[List, ...]) -> Shown:
    at = Times(board)
    title = heading(board)
    now = ([FROZEN] if board.blackout else []) + [" · ".join(status(board, at))]
    rest = [
        ("Networks", [network(h, at) for h in board.health]),
        ("Answers", _answers(board)),
        ("Run sheet", [_line(line, board, at) for line in _near(board)]),
        ("Lately", [one_line(line, _LINE) for line in board.log[-_LOG:]]),
    ]
    top = [rich.section(rich.words(f"{line}\n", bold=line == FROZEN)) for line in now]
    people = [part for people in lists if people.total for part in _people(people)]
    words = [f"{title}: {now[0]}", *now[1:], *_aloud(lists)]
    words += ["\n".join((f"{head}:", *lines)) for head, lines in rest if lines]
    return Shown(
        Text("\n".join(words)),
        [
            {"type": "header", "text": rich.plain_text(title, 150)},
            rich.block(*top),
            *controls.rows(board.buttons),
            *people,
            *([rich.block(*body)] if (body := [_paragraph(*part) for part in rest if part[1]]) else []),
        ],
    )


def _paragraph(head: str, lines: list[str]) -> Block:
    return rich.section(rich.words(f"{head}\n", bold=True), rich.words("\n".join(lines) + "\n"))


# ---------------------------------------------------------------- who waits for a word


def _people(people: List) -> Iterator[Block]:
    """One section a person, with what a host can do about it."""
    yield rich.block(rich.section(rich.words(f"{people.heading} ({people.total})", bold=True)))
    for row in people.rows:
        card = row.card
        yield rich.block(
            rich.section(
                rich.words(_who(card), bold=True),
                rich.words(f" · {one_line(row.why, _LINE)}\n" if row.why else "\n"),
                rich.words(f"{_written(card)} "),
                rich.link(card.url, "open") if card.url else [],
            )
        )
        yield from controls.rows(row.buttons, about=_who(card))
    if left := people.total - len(people.rows):
        yield rich.block(rich.section(rich.words(_more(left))))


def _aloud(lists: tuple[List, ...]) -> Iterator[str]:
    for people in lists:
        if people.total:
            yield f"{people.heading} ({people.total}):"
            yield from (
                ". ".join(bit for bit in (_who(r.card), r.why, _written(r.card)) if bit) for r in people.rows
            )
        if left := people.total - len(people.rows):
            yield _more(left)


def _more(left: int) -> str:
    return f"and {left} more: /chat status"


def _who(card: Card) -> str:
    return author(card) or card.heading


def _written(card: Card) -> str:
    """What they wrote, on one line; not what stands behind a warning."""
    if card.withheld:
        return card.withheld
    if card.warning:
        return rich.short(f"Content warning: {card.warning}", WORDS)
    media = ", ".join(f"{m.kind}: {m.alt or 'without a description'}" for m in card.media)
    return cut(Text(" ".join((card.text.plain or media).split())), WORDS).plain


# ---------------------------------------------------------------- the chat


class Times:
    """Times as the hosts read them: in the community's zone, which is called `place`."""

    def __init__(self, board: Board) -> None:
        self._zone = ZoneInfo(board.zone)
        where, city = board.zone.rpartition("/")[::2]
        self.place = f"{city.replace('_', ' ')} time" if where not in ("", "Etc") else city
        self._today = self._local(board.now).date()

    def __call__(self, at: Micros) -> str:
        local = self._local(at)
        return local.strftime("%H:%M" if local.date() == self._today else "%d %b %H:%M")

    def _local(self, at: Micros) -> datetime:
        return datetime.fromtimestamp(at / SECOND, UTC).astimezone(self._zone)


def heading(board: Board) -> str:
    """What a chat is called."""
    return f"#{board.tag} · {board.title}"


def status(board: Board, at: Times, *, ticking: bool = True) -> list[str]:
    """ "open", "20:13 London time, ends 21:00", "now Q2", "next Q3 at 20:15, in 2 min", "31 entries by 12
    people", "Lucy leads". `ticking`: with what is different every minute."""
    lines = {line.id: line for line in board.lines}
    bits = ["ON HOLD" if board.on_hold else _PHASES[board.phase]]
    begins = f"begins {at(board.starts)}" if board.phase == "before" else f"ends {at(board.ends)}"
    bits.append(f"{at(board.now)} {at.place}, {begins}" if ticking else f"{begins} {at.place}")
    if current := lines.get(board.current or ""):
        bits.append(f"now {current.label}")
    if upcoming := lines.get(board.upcoming or ""):
        away = f", {_away(upcoming.due - board.now)}" if ticking else ""
        bits.append(f"next {upcoming.label} at {at(upcoming.due)}{away}")
    if ticking:
        entries = "1 entry" if board.entries == 1 else f"{board.entries:,} entries"
        bits.append(f"{entries} by {'1 person' if board.people == 1 else f'{board.people:,} people'}")
    if board.lead:
        bits.append(f"{rich.short(person(board.lead), 80)} leads")
    return bits


def _away(left: Micros) -> str:
    minutes, seconds = divmod(abs(left) // SECOND, 60)
    span = (
        f"{minutes // 60} h {minutes % 60} min"
        if minutes >= 60
        else f"{minutes} min"
        if minutes
        else f"{seconds} s"
    )
    return f"in {span}" if left > 0 else f"{span} ago"


def network(health: Health, at: Times, *, ticking: bool = True) -> str:
    """How a network is: "Bluesky: DOWN since 20:03 · no answer · last event 20:02 · 3 waiting"."""
    bits = [f"{health.title}: {_LINK[health.state]} since {at(health.since)}"]
    bits += [one_line(health.why, _LINE)] if health.why else []
    bits += [f"last event {at(health.last)}"] if health.last and ticking else []
    bits += [f"{health.waiting} waiting"] if health.waiting and ticking else []
    return " · ".join(bits)


def titles(board: Board) -> dict[Network, str]:
    """How people call the networks."""
    return {h.network: h.title for h in board.health}


def state(line: Line, board: Board) -> str:
    """What has become of an item: "posted", "next, ON HOLD"; "" if it is only planned."""
    if line.id == board.current:
        return "on now"
    return ", ".join(bit for bit in ("next" if line.id == board.upcoming else "", _STATES[line.state]) if bit)


def elsewhere(line: Line, board: Board) -> list[str]:
    """Where that is otherwise: "Bluesky: held"."""
    named = titles(board)
    return [f"{named.get(n, n)}: {s}" for n, s in line.on if s not in ("", line.state, "sent")]


def _near(board: Board) -> Iterator[Line]:
    """The whole sheet if it is short, else what is around the present item."""
    ids = [line.id for line in board.lines]
    here = ids.index(board.current) if board.current in ids else 0
    start = max(0, min(here - 6, len(ids) - _NEAR))
    return iter(board.lines[start : start + _NEAR])


def _line(line: Line, board: Board, at: Times) -> str:
    """ "20:05 Q1 · on now · What is tea? · Bluesky: held" """
    words = one_line(line.text, 70)
    bits = (f"{at(line.due)} {line.label}", state(line, board), words, *elsewhere(line, board))
    return " · ".join(bit for bit in bits if bit)


def _answers(board: Board) -> list[str]:
    """Per question and network; the earlier ones of many together."""
    named = titles(board)
    asked = [(label, counts) for label, counts in board.answers if counts]
    early, late = asked[:-_ASKED], asked[-_ASKED:]
    lines = []
    if early:
        sums: dict[str, int] = {}
        for _, counts in early:
            for name, n in counts:
                sums[name] = sums.get(name, 0) + n
        label = early[0][0] if len(early) == 1 else f"{early[0][0]} to {early[-1][0]}"
        lines.append(f"{label}: {_counts(tuple(sums.items()), named)}")
    return [*lines, *(f"{label}: {_counts(counts, named)}" for label, counts in late)]


def _counts(counts: tuple[tuple[Network, int], ...], named: dict[Network, str]) -> str:
    return ", ".join(f"{named.get(network, network)} {n:,}" for network, n in counts)
