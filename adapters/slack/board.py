"""The hosts' board as blocks: what is on, what comes next, how the networks are. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from adapters.slack import rich
from adapters.slack.rich import Block
from bridge.model import SECOND, Board, Health, Line, Micros

_STATES = {"planned": "○", "due": "◔", "posted": "●", "held": "‖", "skipped": "–"}
_PHASES = {"before": "not begun", "open": "open", "late": "closed, collecting late answers", "over": "over"}
_LINK = {"ready": "ready", "opening": "connecting", "down": "DOWN", "refused": "REFUSES OUR LOGIN"}
_LOG = 5  # lines of who did what


def board(board: Board) -> tuple[str, list[Block]]:
    """A sentence for notifications and screen readers, and the blocks, without buttons."""
    at = _Times(board)
    now = _now(board, at)
    title = f"#{board.tag} · {board.title}"
    paragraphs = [
        ("", [now]),
        ("Run sheet", [_line(line, board, at) for line in _near(board)]),
        ("Answers", [f"{q}: {_counts(counts)}" for q, counts in board.answers if counts]),
        ("Networks", [_health(h, at) for h in board.health]),
        ("Lately", list(board.log[-_LOG:])),
    ]
    sections = [
        rich.section(rich.words(f"{head}\n" if head else "", bold=True), rich.words("\n".join(lines) + "\n"))
        for head, lines in paragraphs
        if lines
    ]
    header: Block = {"type": "header", "text": rich.plain_text(title, 150)}
    return f"{title}: {now}", [header, rich.block(*sections)]


class _Times:
    """Times as the hosts read them: in the community's zone."""

    def __init__(self, board: Board) -> None:
        self._zone = ZoneInfo(board.zone)
        self._today = self._local(board.now).date()

    def __call__(self, at: Micros) -> str:
        local = self._local(at)
        return local.strftime("%H:%M" if local.date() == self._today else "%d %b %H:%M")

    def _local(self, at: Micros) -> datetime:
        return datetime.fromtimestamp(at / SECOND, UTC).astimezone(self._zone)


def _now(board: Board, at: _Times) -> str:
    """ "Open · 20:13 Europe/London, ends 21:00 · now Q2 · next Q3 at 20:15, in 2 min · 31 entries …" """
    lines = {line.id: line for line in board.lines}
    bits = ["ON HOLD" if board.on_hold else _PHASES[board.phase]]
    ends = f"begins {at(board.starts)}" if board.phase == "before" else f"ends {at(board.ends)}"
    bits.append(f"{at(board.now)} {board.zone}, {ends}")
    if current := lines.get(board.current or ""):
        bits.append(f"now {current.label}")
    if upcoming := lines.get(board.upcoming or ""):
        bits.append(f"next {upcoming.label} at {at(upcoming.due)}, {_away(upcoming.due - board.now)}")
    bits.append(f"{board.entries} entries by {board.people} people")
    return " · ".join(bits)


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


def _near(board: Board) -> Iterator[Line]:
    """The whole sheet if it is short, else what is around the present item."""
    ids = [line.id for line in board.lines]
    here = ids.index(board.current) if board.current in ids else 0
    start = max(0, min(here - 6, len(ids) - 18))
    return iter(board.lines[start : start + 18])


def _line(line: Line, board: Board, at: _Times) -> str:
    mark = "▶" if line.id == board.current else _STATES[line.state]
    text = line.text if len(line.text) <= 70 else line.text[:69] + "…"
    states = dict(line.on)
    odd = [
        f"{network}: {state}" for network, state in states.items() if state not in ("", line.state, "sent")
    ]
    return f"{mark} {at(line.due)} {line.label}  {' '.join(text.split())}" + (
        f"  [{', '.join(odd)}]" if odd else ""
    )


def _counts(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{network} {n}" for network, n in counts)


def _health(health: Health, at: _Times) -> str:
    bits = [f"{health.title}: {_LINK[health.state]} since {at(health.since)}"]
    bits += [health.why] if health.why else []
    bits += [f"last event {at(health.last)}"] if health.last else []
    bits += [f"{health.waiting} waiting"] if health.waiting else []
    return " · ".join(bits)
