"""The board in a terminal: live while a chat runs, plain lines where there is no terminal, text for `status`.

Whatever people wrote goes into rich as `Text`, never as its markup, and without control characters.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge import when
from bridge.chat.view import EntryView
from bridge.model import HOUR, MINUTE, SECOND, Board, Health, Line, Micros
from bridge.report import layout
from bridge.text import tame

PAINTED = 0.1  # seconds between two pictures of a live board
WIDE = 120  # columns from which sheet and news stand side by side
SIGNS = {"posted": "✓", "sent": "✓", "planned": "·"}
STYLES = {"posted": "green", "sent": "green", "due": "bold yellow", "held": "bold red", "skipped": "dim"}
HEALTH = {"ready": "green", "opening": "yellow", "down": "bold red", "refused": "bold red"}


class LiveBoard:
    """A chat's board on stderr. `with` it; `show` and `note` as often as there is something new.

    On a terminal the newest picture stays in place; elsewhere a line is printed for each item, network and
    note that changed. `aside` is said once beside the title.
    """

    def __init__(self, page: str | None = None, console: Console | None = None, aside: str = "") -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._page = page
        self._aside = aside
        self._live: Live | None = None
        self._board: Board | None = None
        self._newest: Sequence[EntryView] = ()
        self._notes: list[str] = []
        self._painted = 0.0
        self._told: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        elif self._aside:
            self.note(f"The chat is {self._aside}.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Leave the last picture standing; what is noted from now on comes below it."""
        if self._live is not None:
            self._paint()
            self._live.stop()
            self._live = None

    def show(self, board: Board, newest: Sequence[EntryView] = ()) -> None:
        """The board as it is now, and the newest entries, newest last. Painted at most ten times a second;
        the last one always is."""
        self._board, self._newest = board, newest
        if self._live is None:
            self._tell(board)
        elif time.monotonic() - self._painted >= PAINTED:
            self._paint()

    def page(self, address: str) -> None:
        """Where the page is to be seen."""
        self._page = address
        self.note(f"The page is at {address}")

    def note(self, words: str) -> None:
        """How far things are, in words."""
        self._notes = [*self._notes[-2:], tame(words)]
        if self._live is None:
            self._console.print(Text(tame(words)), soft_wrap=True)
        else:
            self._paint()

    def _paint(self) -> None:
        if self._live is None:
            return
        width, height = self._console.size
        notes = self._noted(width, height // 3)
        picture: list[RenderableType] = [*notes]
        if self._board is not None:
            room = height - len(notes) - 1
            picture = [drawn(self._board, width, room, self._page, self._newest, aside=self._aside), *notes]
        self._live.update(Group(*picture), refresh=True)
        self._painted = time.monotonic()

    def _noted(self, width: int, room: int) -> list[Text]:
        """The notes: those before the newest on a line each, that one on as many as it takes, at most `room`."""
        before = [Text(note, style="cyan", no_wrap=True, overflow="ellipsis") for note in self._notes[:-1]]
        newest = [Text(note, style="cyan").wrap(self._console, width) for note in self._notes[-1:]]
        return before + [line for lines in newest for line in lines[:room]]

    def _tell(self, board: Board) -> None:
        """Lines for what is different from last time."""
        now = {f"item {line.id}": _told_line(board, line) for line in board.lines if line.state != "planned"}
        now |= {
            f"health {h.network}": f"{h.title} is {h.state}{': ' + h.why if h.why else ''}"
            for h in board.health
        }
        now["hold"] = "The run sheet is on hold" if board.on_hold else "The run sheet runs"
        here = when.local(board.now, board.zone)
        today = when.day(board.now, board.zone) == when.day(board.starts, board.zone)
        stamp = f"{here:%H:%M:%S}" if today else f"{here:%d %b %H:%M:%S}"
        for key, words in now.items():
            before = self._told.get(key, "The run sheet runs" if key == "hold" else "")
            if words != before:
                self._console.print(Text(f"{stamp}  {tame(words)}"), soft_wrap=True)
        self._told = now


def text(board: Board, width: int = 100) -> str:
    """The whole board as plain text, for `status`."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False)
    console.print(drawn(board, width, None, None, ()))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def drawn(
    board: Board,
    width: int,
    height: int | None,
    page: str | None,
    newest: Sequence[EntryView],
    *,
    aside: str = "",
) -> RenderableType:
    """The board as a picture of at most `height` lines (None: as many as it takes)."""
    head = _head(board, page, aside)
    health = [_health(h, board) for h in board.health]
    health += _waiting(board) if height is None else _waits(board)
    log = [_line(words, "dim") for words in board.log]
    if height is None:
        return Group(*head, _sheet(board, width, len(board.lines)), *health, *log)
    room = max(height - len(head) - 2, 4)  # two lines: the table's head and its rule
    if width >= WIDE:
        side = [
            *health,
            Text(""),
            *[_entry(e) for e in newest[-(room - len(health) - 5) :]],
            Text(""),
            *log[-3:],
        ]
        grid = Table.grid(expand=True, padding=(0, 2))
        grid.add_column(ratio=3)
        grid.add_column(ratio=2)
        grid.add_row(_sheet(board, int(width * 0.6), room), Group(*side[: room + 2]))
        return Group(*head, grid)
    cut = len(health) - max(room - 4, 1)
    health = health[: max(room - 4, 1)]
    room -= len(health)
    news = [_entry(entry) for entry in newest[-min(4, max(room // 4, 0)) :]] if room >= 8 else []
    said = log[-min(2, room // 6) :] if room >= 6 else []
    room -= len(news) + len(said)
    return Group(*head, _sheet(board, width, room, max(cut, 0)), *health, *news, *said)


def _head(board: Board, page: str | None, aside: str) -> list[RenderableType]:
    title = Text.assemble(
        (tame(board.title), "bold"),
        f"  #{board.tag}{' · ' * bool(aside)}{aside}",
        no_wrap=True,
        overflow="ellipsis",
    )
    clock = f"{when.local(board.now, board.zone):%H:%M:%S} {when.place(board.zone)}"
    figures = f"{_number(board.entries, 'entry', 'entries')} by {_number(board.people, 'person', 'people')}"
    state = Text.assemble(
        (_phase(board), "bold green" if board.phase == "open" else "bold"),
        f" · {figures} · {clock}{' · ' * bool(board.lead)}{tame(board.lead)}{' leads' * bool(board.lead)}",
        no_wrap=True,
        overflow="ellipsis",
    )
    coming = next((line for line in board.lines if line.id == board.upcoming), None)
    second = Text(no_wrap=True, overflow="ellipsis")
    if board.on_hold:
        second.append("ON HOLD ", "bold red")
    if coming is not None:
        left = coming.due - board.now
        second.append(f"next: {called(coming)} " + (f"in {length(left)}" if left > 0 else "now"), "bold")
    if page:
        second.append(f"{' · ' if second.plain else ''}page {page}", "cyan")
    return [title, state, *([second] if second.plain else [])]


def _phase(board: Board) -> str:
    """How far the hour is."""
    match board.phase:
        case "before":
            return f"starts in {length(board.starts - board.now)}"
        case "open":
            return f"open · {length(board.ends - board.now)} left"
        case "late" if board.now < board.late_until:
            return f"ended {_at(board.ends, board)}, late answers until {_at(board.late_until, board)}"
        case _:
            return f"ended {_at(board.ends, board)}"


def _at(at: Micros, board: Board) -> str:
    """ "21:00", with the date if that is not today's."""
    here, today = when.local(at, board.zone), when.local(board.now, board.zone)
    if here.date() == today.date():
        return f"{here:%H:%M}"
    return f"{here:%H:%M on %d %b}" + (f"{here: %Y}" if here.year != today.year else "")


def _sheet(board: Board, width: int, rows: int, cut: int = 0) -> RenderableType:
    """The run sheet with each network's state and answers: the lines around the present one, and how many
    more there are, with the `cut` ones elsewhere."""
    networks = _networks(board)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False, expand=True)
    table.add_column("time", width=6, no_wrap=True)
    table.add_column("item", no_wrap=True, overflow="ellipsis", ratio=1)
    column = max(6, min(10, (width - 40) // max(len(networks), 1)))
    for title in networks.values():
        table.add_column(Text(tame(title)), width=column, no_wrap=True, overflow="ellipsis", justify="right")
    answers = {label: dict(row) for label, row in board.answers}
    whole = len(board.lines) <= rows and not cut
    shown = board.lines if whole else _window(board, rows - 1)
    for line in shown:
        mine = line.id == board.current and board.phase in ("before", "open")
        words = layout.one_line(" ".join(["▸"] * mine + [line.label, line.text])) or line.id
        style = "bold" if mine else STYLES.get(line.state, "") if line.state != "posted" else ""
        states = dict(line.on)
        cells = [
            _cell(
                "" if n in board.listening else states.get(n, line.state), answers.get(line.label, {}).get(n)
            )
            for n in networks
        ]
        table.add_row(_due(line, board), Text(words, style), *cells)
    if whole:
        return table
    more = _number(len(board.lines) - len(shown) + cut, "more line", "more lines")
    return Group(table, _line(f"… {more}, make the window taller", "dim"))


def _window(board: Board, rows: int) -> Sequence[Line]:
    """At most so many lines: the present one with a third of them before it."""
    ids = [line.id for line in board.lines]
    here = next((ids.index(i) for i in (board.current, board.upcoming) if i in ids), 0)
    first = max(0, min(here - rows // 3, len(ids) - rows))
    return board.lines[first : first + rows]


def _networks(board: Board) -> dict[str, str]:
    """Names and titles of the networks, in the order of their health."""
    found = {health.network: health.title for health in board.health}
    for line in board.lines:
        for network, _ in line.on:
            found.setdefault(network, network)
    return found


def _due(line: Line, board: Board) -> str:
    """ "20:05", or the day if it is another one than the chat's."""
    if when.day(line.due, board.zone) == when.day(board.starts, board.zone):
        return when.hour(line.due, board.zone)
    return f"{when.local(line.due, board.zone):%d %b}"


def _cell(state: str, answers: int | None) -> Text:
    sign = SIGNS.get(state, state)
    return Text(
        " ".join(filter(None, (sign, str(answers or "")))),
        STYLES.get(state, "yellow" if sign == state else ""),
    )


def _health(health: Health, board: Board) -> Text:
    facts = [f" {health.state}"]
    if health.state != "ready":
        facts[0] += f" for {length(board.now - health.since)}"
    if health.why:
        facts[0] += f": {tame(health.why)}"
    if health.last:
        facts.append(f"last heard {length(board.now - health.last)} ago")
    if health.waiting:
        facts.append(f"{health.waiting} waiting")
    return Text.assemble(
        ("● ", HEALTH[health.state]), (tame(health.title), "bold"), " · ".join(facts),
        no_wrap=True, overflow="ellipsis",
    )  # fmt: skip


def _waits(board: Board) -> list[Text]:
    """How many wait for a word of the hosts, and whether the page stands still, on a line at most."""
    bits = ["page, wall and feed stand still"] * board.blackout
    bits += [f"{_number(len(board.ignored), 'person waits', 'people wait')} for a word"] * bool(board.ignored)
    bits += [_number(len(board.asked), "question of theirs", "questions of theirs")] * bool(board.asked)
    return [_line(" · ".join(bits), "yellow")] if bits else []


def _waiting(board: Board) -> list[Text]:
    """The same with everybody who waits, a line each."""
    return _waits(board) + [
        Text.assemble(
            (f"  {row.card.heading} ", "cyan"),
            (tame(row.card.name or row.card.handle), "bold"),
            f" {row.why}: {layout.one_line(row.card.warning or row.card.text.plain)}",
            no_wrap=True,
            overflow="ellipsis",
        )
        for row in (*board.ignored, *board.asked)
    ]


def _entry(entry: EntryView) -> Text:
    who = f"{layout.named(entry)} · {layout.listed(layout.titles(entry))}: "
    if entry.text is None:
        who, words = "", layout.stays(entry)
    else:
        words = f"[{entry.warning}]" if entry.warning else entry.text.plain
    parts = [(f"{entry.heading}  ", "cyan"), (layout.one_line(who) + " " * bool(who), "bold")]
    return Text.assemble(*parts, layout.one_line(words), no_wrap=True, overflow="ellipsis")


def _line(words: str, style: str) -> Text:
    return Text(layout.one_line(words), style, no_wrap=True, overflow="ellipsis")


def called(line: Line) -> str:
    """How people call an item: "Q3", "Welcome"."""
    return line.label or layout.one_line(line.text)[:40] or line.id


def _told_line(board: Board, line: Line) -> str:
    titles = _networks(board)
    others = [f"{titles.get(n, n)} {state}" for n, state in line.on if state not in (line.state, "sent")]
    return f"{called(line)} {line.state}" + (f" ({', '.join(others)})" if others else "")


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def length(span: Micros) -> str:
    """ "0:45", "36:50", "1:02:03", "6 d 23 h"."""
    span = max(span, 0)
    hours, minutes, seconds = span // HOUR, span // MINUTE % 60, span // SECOND % 60
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
