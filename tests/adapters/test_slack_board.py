"""The hosts' board on a phone: readable from the top down, inert, and within Slack's limits however long the chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.slack import blocks, rich
from adapters.slack.blocks import Message
from adapters.slack.controls import TooLong
from bridge.model import MINUTE, Board, Button, Card, Health, Line, Media, Text, Waiting
from simulator.slack import rules
from tests.adapters.phone import screen

AT = 1_521_576_000_000_000  # 2018-03-20 20:00 UTC
EVIL = "<!channel> <@U1> *bold* _it_ `code` :tada: &amp; <https://evil.example|bank.example>\n> quote"


def shown(given: Board) -> Message:
    """The message; the stand-in accepts it as new and as a change."""
    made = blocks.message(given)
    said = made.arguments()
    for update in (False, True):
        rules.check(said["text"], said["blocks"], said["attachments"], update=update)
    return made


def line(n: int, state: Any = "planned", *on: tuple[str, str]) -> Line:
    return Line(f"q{n}", f"Q{n}", f"What is tea number {n}?", AT + n * 5 * MINUTE, state, on)


def waiting(n: int, text: str = "We meet on Tuesdays.", why: str = "first time here", **more: Any) -> Waiting:
    about: dict[str, Any] = {
        "heading": f"A2 · {n}",
        "name": f"Nurse {n:02}",
        "handle": f"@nurse-{n:02}@tea.example",
        "networks": ("Mastodon",),
        "url": f"https://tea.example/@nurse-{n:02}/1",
    }
    verbs = (("Welcome…", "welcome"), ("Reply…", "reply"), ("Like", "like"))
    buttons = tuple(Button(label, verb, "tea", str(n)) for label, verb in verbs)
    return Waiting(Card(no=n, text=Text(text), at=AT, **(about | more)), why, buttons)


def asked(n: int, text: str = "Q: Who pours?") -> Waiting:
    buttons = (
        Button("Make it a question…", "promote", "tea", str(n)),
        Button("Not now", "dismiss", "tea", str(n)),
    )
    return Waiting(waiting(n, text).card, "", buttons)


def board(**more: Any) -> Board:
    given: dict[str, Any] = {
        "chat": "tea",
        "title": "Tea for all",
        "tag": "CoastalTea",
        "now": AT + 13 * MINUTE,
        "phase": "open",
        "starts": AT,
        "ends": AT + 60 * MINUTE,
        "zone": "Europe/London",
        "lines": (
            line(1, "posted", ("mastodon", "posted"), ("bluesky", "posted")),
            line(2, "posted", ("mastodon", "posted"), ("bluesky", "held")),
            line(3),
            line(4),
        ),
        "current": "q2",
        "upcoming": "q3",
        "entries": 31,
        "people": 12,
        "answers": (("Q1", (("mastodon", 12), ("bluesky", 5))), ("Q2", (("mastodon", 14),)), ("Q3", ())),
        "health": (
            Health("mastodon", "Mastodon", "ready", AT - 60 * MINUTE, last=AT + 12 * MINUTE),
            Health("bluesky", "Bluesky", "down", AT + 9 * MINUTE, "no answer", waiting=3),
        ),
        "log": ("Lucy: Q2 goes out now.",),
        "buttons": (
            Button("Next: Q3", "next", "tea", item="q3", style="primary"),
            Button("Hold", "hold", "tea", item="q3"),
            Button("Close the chat", "end", "tea", style="danger", confirm="Close the chat now?"),
        ),
        "lead": "Lucy",
    }
    return Board(**(given | more))


def test_what_a_phone_shows() -> None:
    made = shown(board(ignored=(waiting(7), waiting(9, why="waits for 6 min")), asked=(asked(12),)))
    assert (
        screen(made.blocks)
        == """\
# #CoastalTea · Tea for all
open · 20:13 London time, ends 21:00 · now Q2 · next Q3 at 20:15, in 2 min · 31 entries by 12 people · Lucy leads
[Next: Q3] [Hold] [Close the chat (Close the chat now?)]
*Nobody has answered them yet (2)*
*Nurse 07 · @nurse-07@tea.example · Mastodon* · first time here
We meet on Tuesdays. <open>
[Welcome…] [Reply…] [Like]
*Nurse 09 · @nurse-09@tea.example · Mastodon* · waits for 6 min
We meet on Tuesdays. <open>
[Welcome…] [Reply…] [Like]
*Questions from participants (1)*
*Nurse 12 · @nurse-12@tea.example · Mastodon*
Q: Who pours? <open>
[Make it a question…] [Not now]
*Networks*
Mastodon: ready since 19:00 · last event 20:12
Bluesky: DOWN since 20:09 · no answer · 3 waiting
*Answers*
Q1: Mastodon 12, Bluesky 5
Q2: Mastodon 14
*Run sheet*
20:05 Q1 · posted · What is tea number 1?
20:10 Q2 · on now · What is tea number 2? · Bluesky: held
20:15 Q3 · next · What is tea number 3?
20:20 Q4 · What is tea number 4?
*Lately*
Lucy: Q2 goes out now."""
    )


def test_what_a_screen_reader_says_is_all_of_it_in_the_same_order() -> None:
    made = shown(board(ignored=(waiting(7),), asked=(asked(12),), blackout=True))
    assert (
        made.arguments()["text"]
        == """\
#CoastalTea · Tea for all: PAGE FROZEN: page, wall and feed show nothing new until a host lifts it.
open · 20:13 London time, ends 21:00 · now Q2 · next Q3 at 20:15, in 2 min · 31 entries by 12 people · Lucy leads
Nobody has answered them yet (1):
Nurse 07 · @nurse-07@tea.example · Mastodon. first time here. We meet on Tuesdays.
Questions from participants (1):
Nurse 12 · @nurse-12@tea.example · Mastodon. Q: Who pours?
Networks:
Mastodon: ready since 19:00 · last event 20:12
Bluesky: DOWN since 20:09 · no answer · 3 waiting
Answers:
Q1: Mastodon 12, Bluesky 5
Q2: Mastodon 14
Run sheet:
20:05 Q1 · posted · What is tea number 1?
20:10 Q2 · on now · What is tea number 2? · Bluesky: held
20:15 Q3 · next · What is tea number 3?
20:20 Q4 · What is tea number 4?
Lately:
Lucy: Q2 goes out now."""
    )
    welcome = [e for b in made.blocks if b["type"] == "actions" for e in b["elements"]][3]
    assert welcome["accessibility_label"] == "Welcome…: Nurse 07 · @nurse-07@tea.example · Mastodon"


def test_a_frozen_page_is_the_first_thing_one_sees() -> None:
    lines = screen(shown(board(blackout=True)).blocks).split("\n")
    assert lines[1] == "*PAGE FROZEN: page, wall and feed show nothing new until a host lifts it.*"
    assert "FROZEN" not in screen(shown(board()).blocks)


def test_a_chat_before_on_hold_and_after() -> None:
    before = screen(shown(board(phase="before", now=AT - MINUTE, current=None, upcoming="q1")).blocks)
    assert "not begun · 19:59 London time, begins 20:00 · next Q1 at 20:05, in 6 min" in before
    assert "1 entry by 1 person" in screen(shown(board(entries=1, people=1)).blocks)
    assert "20:13 UTC, ends" in screen(shown(board(zone="Etc/UTC")).blocks)
    held = screen(shown(board(on_hold=True, lines=(line(3, "held"),), current=None)).blocks)
    assert "ON HOLD · 20:13" in held
    assert "20:15 Q3 · next, ON HOLD · What is tea number 3?" in held
    over = screen(shown(board(phase="over", upcoming=None, lead="", buttons=())).blocks)
    assert "over · 20:13 London time, ends 21:00 · now Q2 · 31 entries by 12 people\n*Networks*" in over


def test_the_longest_chat_fits() -> None:
    many = board(
        lines=tuple(line(n, "posted", ("bluesky", "held")) for n in range(1, 31)),
        current="q29",
        upcoming="q30",
        entries=5_000,
        people=1_200,
        answers=tuple((f"Q{n}", (("mastodon", 120), ("bluesky", 47))) for n in range(1, 31)),
        ignored=tuple(waiting(n, "word " * 300, "waits for 14 min") for n in range(10, 20)),
        asked=tuple(asked(n, "Q: " + "why " * 200) for n in range(100, 140)),
        log=("A host: " + "x" * 300,) * 40,
        lead="L" * 500,
    )
    made = shown(many)
    lines = screen(made.blocks).split("\n")
    assert len(made.blocks) <= 50
    assert "*Nobody has answered them yet (10)*" in lines
    assert sum(" · waits for 14 min" in text for text in lines) == 10, "people come first, all ten of them"
    assert "*Questions from participants (40)*" in lines
    questions = sum("[Make it a question…]" in text for text in lines)
    assert questions >= 3
    assert f"and {40 - questions} more: /chat status" in lines
    assert f"and {40 - questions} more: /chat status" in made.said.plain
    assert "Q1 to Q22: Mastodon 2,640, Bluesky 1,034" in lines, "the early ones together, the late ones apart"
    assert "Q23: Mastodon 120, Bluesky 47" in lines
    assert "22:25 Q29 · on now · What is tea number 29? · Bluesky: held" in lines
    assert "20:05 Q1 · posted · What is tea number 1? · Bluesky: held" not in lines, "the Home tab has it all"
    assert all(len(text) < 400 for text in lines)


def test_more_people_than_ten_are_counted() -> None:
    lines = screen(shown(board(ignored=tuple(waiting(n) for n in range(14)))).blocks).split("\n")
    assert "*Nobody has answered them yet (14)*" in lines
    assert lines.count("[Welcome…] [Reply…] [Like]") == 10
    assert "and 4 more: /chat status" in lines


def test_a_board_that_never_fits_says_so() -> None:
    with pytest.raises(TooLong, match="does not fit one message"):
        blocks.message(board(buttons=tuple(Button("x" * 75, "next", "t" * 900, "q1") for _ in range(20))))


def test_what_strangers_write_is_neither_markup_nor_mention_nor_command() -> None:
    evil = waiting(7, EVIL, EVIL, name=EVIL, handle=EVIL, heading=EVIL, url="javascript:alert(1)")
    given = board(ignored=(evil,), asked=(asked(8, EVIL),), title=EVIL, lead=EVIL, log=(EVIL,))
    made = shown(given)
    arguments = made.arguments()
    assert "<!" not in arguments["text"]
    assert "<@" not in arguments["text"]
    assert "<http" not in arguments["text"]
    kinds = {
        e["type"]
        for b in made.blocks
        if b["type"] == "rich_text"
        for s in b["elements"]
        for e in s["elements"]
    }
    assert kinds <= {"text", "link"}
    assert "mrkdwn" not in json.dumps(made.blocks)
    assert "javascript" not in json.dumps(made.blocks)


def test_words_behind_a_warning_or_kept_elsewhere_are_not_shown() -> None:
    warned = waiting(7, "It bled.", warning="injury")
    kept = waiting(8, "", withheld="1 answer stays on Mastodon", name="", handle="", url=None)
    picture = waiting(9, "", media=(Media("https://tea.example/p.png", alt="A pot"),))
    made = shown(board(ignored=(warned, kept, picture)))
    assert "It bled." not in json.dumps(made.arguments())
    lines = screen(made.blocks).split("\n")
    assert "Content warning: injury <open>" in lines
    assert "*A2 · 8* · first time here" in lines
    assert "1 answer stays on Mastodon" in lines
    assert "image: A pot <open>" in lines


def test_words_are_cut_where_they_would_be_a_wall() -> None:
    made = shown(board(ignored=(waiting(7, "護理" * 2000), waiting(8, "👩‍👩‍👧‍👦" * 900))))
    assert "護理" * 69 + "護…" in made.said.plain
    assert rich.weight(made.blocks) < blocks.TOTAL


def test_nothing_others_choose_is_endless_or_turns_the_rest_around() -> None:
    marks = "\u202e\u2066\u2067\u2068\u202d\u200f\u061c"
    endless = waiting(
        7, "tea " * 9_000, name="x" * 900, handle="@" + "y" * 900, url="https://x.example/" + "z" * 9_000
    )
    turning = waiting(8, f"tea{marks}", name=f"Ann{marks}", handle=f"@ann{marks}", warning=f"w{marks}")
    made = shown(board(ignored=(endless, turning), log=(f"Lucy{marks}: {marks}",)))
    wire = json.dumps(made.arguments(), ensure_ascii=False)
    assert not set(marks) & set(wire)
    assert "zzz" not in wire
    assert all(len(line) < 400 for line in screen(made.blocks).split("\n"))
