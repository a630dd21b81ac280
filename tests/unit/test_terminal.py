"""The board in a terminal: it fits, it moves with the chat, and nobody's words steer it."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from bridge import terminal
from bridge.model import HOUR, MINUTE, SECOND, Board, Card, Health, Line, Text, Waiting
from tests.unit import chats

NETWORKS = ("mastodon", "bluesky", "slack")
NOW = chats.STARTS + 23 * MINUTE


def line(id_: str, label: str, text: str, due: int, state: str, **on: str) -> Line:
    return msgspec.convert(
        {"id": id_, "label": label, "text": text, "due": due, "state": state, "on": list(on.items())}, Line
    )


def board(asked: int = 3, **changes: object) -> Board:
    """A chat in its fourth part, with Bluesky down since Q3."""
    lines = [line("announcement", "", "Announcement", chats.STARTS - 168 * HOUR, "posted")]
    for n, question in enumerate(chats.questions(), start=1):
        state = "posted" if n <= asked else "planned"
        on = dict.fromkeys(NETWORKS, state) | ({"bluesky": "held"} if n == asked else {})
        lines.append(line(f"q{n}", f"Q{n}", question.text, question.due, state, **on))
    lines.append(line("closing", "", "Closing", chats.ENDS, "planned"))
    made = Board(
        chat="c",
        title="Cultivating communities of practice",
        tag="CCNVirtual",
        now=NOW,
        phase="open",
        starts=chats.STARTS,
        ends=chats.ENDS,
        zone="Europe/London",
        lines=tuple(lines),
        current=f"q{asked}",
        upcoming=f"q{asked + 1}",
        entries=42,
        people=17,
        answers=(("Q1", (("mastodon", 12), ("bluesky", 7))), ("Q2", (("slack", 3),))),
        health=(
            Health("mastodon", "Mastodon", "ready", chats.STARTS, last=NOW - 3 * SECOND),
            Health("bluesky", "Bluesky", "down", NOW - 80 * SECOND, "The server does not answer.", waiting=2),
            Health("slack", "Slack", "ready", chats.STARTS, last=NOW),
        ),
        log=("20:05 Lucy posted Q1", "20:13 Vanessa pressed next"),
    )
    return msgspec.structs.replace(made, **changes)


def screen(shown: Board, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(terminal.drawn(shown, width, height, "http://127.0.0.1:8080/", chats.busy().entries))
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 23), (80, 12), (60, 20), (120, 30), (200, 60)])
def test_board_fits(width: int, height: int) -> None:
    lines = screen(board(), width, height)
    assert len(lines) <= height
    assert max(cell_len(text) for text in lines) <= width


def test_board_at_80_by_24_tells_the_essential() -> None:
    lines = screen(board(), 80, 23)
    shown = "\n".join(lines)
    assert "Cultivating communities of practice  #CCNVirtual" in lines[0]
    assert "open · 37:00 left · 42 entries by 17 people · 20:23:00 London time" in lines[1]
    assert "next: Q4 in 6:00 · page http://127.0.0.1:8080/" in lines[2]
    row = next(text for text in lines if "Q1 What is" in text)
    assert row.split()[-5:] == ["✓", "12", "✓", "7", "✓"]
    assert "held" in next(text for text in lines if "▸ Q3" in text)
    assert "Bluesky down for 1:20: The server does not answer. · 2 waiting" in shown
    assert "20:13 Vanessa pressed next" in shown
    assert "Late · 41" in shown


def test_a_long_sheet_shows_the_present_line() -> None:
    for asked in range(1, 7):
        shown = "\n".join(screen(board(asked), 80, 14))
        assert f"▸ Q{asked}" in shown
        assert f"Q{asked + 1} " in shown


@pytest.mark.parametrize("size", [(80, 12), (80, 14), (130, 9)])
def test_what_does_not_fit_is_counted(size: tuple[int, int]) -> None:
    shown = board()
    lines = screen(shown, *size)
    assert len(lines) <= size[1]
    rows = [text for text in lines if re.match(r"\d\d(:\d\d| [A-Z]..) {2}", text)]  # a time or a date
    assert f"… {len(shown.lines) - len(rows)} more lines, make the window taller" in "\n".join(lines)
    assert "make the window taller" not in "\n".join(screen(shown, 80, 40))


def test_columns_are_named() -> None:
    head = next(text for text in screen(board(), 80, 23) if "Mastodon" in text)
    assert head.split() == ["time", "item", "Mastodon", "Bluesky", "Slack"]


@pytest.mark.parametrize(
    ("phase", "now", "said"),
    [
        ("before", chats.STARTS - 90 * MINUTE, "starts in 1:30:00 · "),
        ("late", chats.ENDS + 5 * MINUTE, "ended 21:00, late answers until 21:00 on 21 Mar · "),
        ("late", chats.ENDS + 20 * HOUR, "ended 21:00 on 20 Mar, late answers until 21:00 · "),
        ("late", chats.ENDS + 30 * HOUR, "ended 21:00 on 20 Mar · "),  # no bridge was there to close it
        ("over", chats.ENDS + 30 * HOUR, "ended 21:00 on 20 Mar · "),
        ("over", chats.ENDS + 9000 * HOUR, "ended 21:00 on 20 Mar 2018 · "),
    ],
)
def test_how_far_the_hour_is(phase: str, now: int, said: str) -> None:
    lines = screen(board(phase=phase, now=now, late_until=chats.ENDS + 24 * HOUR), 100, 23)
    assert lines[1].startswith(said)


def test_what_is_said_aside_stands_by_the_title_or_comes_first() -> None:
    out = io.StringIO()
    with terminal.LiveBoard(
        console=Console(file=out, width=80), aside="rehearsed as if it began now"
    ) as live:
        live.show(board(1))
    first, *others = out.getvalue().splitlines()
    assert first == "The chat is rehearsed as if it began now."
    assert others
    console = Console(file=io.StringIO(), width=90, height=24, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(terminal.drawn(board(), 90, 23, None, (), aside="rehearsed as if it began now"))
    assert "#CCNVirtual · rehearsed as if it began now" in capture.get().splitlines()[0]


def test_hold_is_said() -> None:
    assert "ON HOLD" in "\n".join(screen(board(on_hold=True), 80, 23))


def test_text_for_status_is_whole_and_plain() -> None:
    shown = terminal.text(board())
    for n in range(1, 8):
        assert f"Q{n} " in shown
    assert "13 Mar" in shown
    assert "\x1b" not in shown
    assert max(map(cell_len, shown.splitlines())) <= 100


def waits(no: int, why: str, words: str) -> Waiting:
    card = Card(no, f"A1 · {no}", "nurse-07", "@nurse-07@ward.example", ("Mastodon",), Text(words), NOW)
    return Waiting(card, why, ())


def test_who_waits_is_counted_and_in_status_named() -> None:
    shown = board(
        lead="Lucy Scarisbrick",
        blackout=True,
        ignored=(
            waits(7, "first time here, for 6 min", "we\nlisten"),
            waits(9, "waits for 5 min", "we write"),
        ),
    )
    asks = waits(8, "asked 3 min ago", "Q: \x1b[31mand nights?")
    shown = msgspec.structs.replace(shown, asked=(asks,))
    told = "page, wall and feed stand still · 2 people wait for a word · 1 question of theirs"
    for size in ((80, 24), (120, 40)):
        assert told[:40] in "\n".join(screen(shown, *size))
        assert "nurse-07" not in "\n".join(screen(shown, *size))
    lines = terminal.text(shown).splitlines()
    assert told in lines
    assert "  A1 · 7 nurse-07 first time here, for 6 min: we listen" in lines
    assert "  A1 · 8 nurse-07 asked 3 min ago: Q: [31mand nights?" in lines
    assert lines[1].endswith(" · Lucy Scarisbrick leads")


def test_nobodys_words_steer_the_terminal() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red]\r\u202e"
    entry = chats.entry(1, "Q1", text=Text(hostile), name=hostile, handle=hostile)
    shown = board(title=hostile, log=(hostile,))
    console = Console(file=io.StringIO(), width=150, height=30, color_system=None)
    with console.capture() as capture:
        console.print(terminal.drawn(shown, 150, 30, None, [entry]))
    written = capture.get()
    assert not set(written) & set("\x1b\x07\r\u202e")
    assert written.count("[bold red]x") >= 3


def plain_run(*boards: Board) -> list[str]:
    out = io.StringIO()
    with terminal.LiveBoard(console=Console(file=out, width=80)) as live:
        for shown in boards:
            live.show(shown)
    return out.getvalue().splitlines()


def test_without_a_terminal_only_changes_are_told() -> None:
    first = plain_run(board(1))
    assert "20:23:00  Q1 posted (Bluesky held)" in first
    assert "20:23:00  Bluesky is down: The server does not answer." in first
    again = plain_run(board(1), board(1, now=NOW + MINUTE, entries=50))
    assert again == first
    more = plain_run(board(1), board(2, now=NOW + MINUTE, on_hold=True))
    assert more[len(first) :] == [
        "20:24:00  Q1 posted", "20:24:00  Q2 posted (Bluesky held)", "20:24:00  The run sheet is on hold",
    ]  # fmt: skip
    assert plain_run(board(1, on_hold=True), board(1))[-1].endswith("The run sheet runs")


def test_notes_and_page_are_lines_without_a_terminal() -> None:
    out = io.StringIO()
    with terminal.LiveBoard(console=Console(file=out, width=40)) as live:
        live.page("http://127.0.0.1:8080/")
        live.note("Logging in to a server whose name is longer than the line [b]is[/b]")
    assert out.getvalue().splitlines() == [
        "The page is at http://127.0.0.1:8080/",
        "Logging in to a server whose name is longer than the line [b]is[/b]",
    ]


def test_live_board_stays_in_place_and_ends_with_the_last_state() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True, color_system=None)
    with terminal.LiveBoard(console=console) as live:
        live.note("Starting")
        for n in range(1, 6):
            live.show(board(n))
    written = out.getvalue()
    assert "\x1b[2K" in written  # lines are rewritten in place
    last = written[written.rindex("Cultivating") :]
    assert "▸ Q5" in last
    assert "Starting" in last


def test_a_note_that_is_too_long_for_a_line_takes_several() -> None:
    """What is wrong with an edit stands at its end."""
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True, color_system=None)
    with terminal.LiveBoard(console=console) as live:
        live.show(board(5))
        live.note("old " * 400)
        live.note("Before it")
        live.note(f"The config has a mistake: {'long ' * 60}and here it is.")
    last = out.getvalue()[out.getvalue().rindex("Cultivating") :]
    assert "and here it is." in last
    assert "Before it" in last
    assert "▸ Q5" in last
    assert len(last.splitlines()) <= 24


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (0, "0:00"),
        (-5, "0:00"),
        (45, "0:45"),
        (2210, "36:50"),
        (3723, "1:02:03"),
        (7 * 86400 - 3600, "6 d 23 h"),
    ],
)
def test_lengths(span: int, shown: str) -> None:
    assert terminal.length(span * SECOND) == shown
