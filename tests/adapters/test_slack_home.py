"""The Home tab on a phone: the whole run sheet, with what a host can change of it."""

from __future__ import annotations

import json
from typing import Any

from adapters.slack import home
from bridge.model import MINUTE, Board, Button, Card, Count, Health, Line, Notice, Text
from simulator.clock import Clock
from simulator.slack.tickets import Triggers
from simulator.slack.views import Views
from tests.adapters.phone import screen

AT = 1_521_576_000_000_000  # 2018-03-20 20:00 UTC
EVIL = "<!channel> <@U1> *bold* :tada: <https://evil.example|bank.example>"


def published(view: dict[str, Any]) -> str:
    """What a phone shows of the view, which Slack takes."""
    clock = Clock()
    made = Views(clock, Triggers(clock), {"U1"}, lambda block: None).publish({"user_id": "U1", "view": view})
    return screen(made["view"]["blocks"])


def line(n: int, state: Any = "planned", **more: Any) -> Line:
    counts = (Count("Mastodon", 31 + n, 500), Count("Bluesky", 280, 300, posts=2))
    given: dict[str, Any] = {"counts": counts, "editable": True} if state == "planned" else {}
    return Line(f"q{n}", f"Q{n}", f"What is tea number {n}?", AT + n * 5 * MINUTE, state, **(given | more))


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
        "lines": (line(1, "posted"), line(2, "posted", on=(("bluesky", "held"),)), line(3), line(4)),
        "current": "q2",
        "upcoming": "q3",
        "health": (
            Health("mastodon", "Mastodon", "ready", AT - 60 * MINUTE, last=AT + 12 * MINUTE),
            Health("bluesky", "Bluesky", "down", AT + 9 * MINUTE, "no answer", waiting=3),
        ),
        "buttons": (Button("Next: Q3", "next", "tea", item="q3", style="primary"),),
        "lead": "Lucy",
    }
    return Board(**(given | more))


def test_what_a_phone_shows() -> None:
    assert (
        published(home.board(board()))
        == """\
# #CoastalTea · Tea for all
open · ends 21:00 London time · now Q2 · next Q3 at 20:15 · Lucy leads
[Next: Q3] [Add a question…] [Ask now…] [Say…] [Preview next]
# Networks
Mastodon: ready since 19:00
Bluesky: DOWN since 20:09 · no answer
# Run sheet
20:05 · Q1 · posted
What is tea number 1?
20:10 · Q2 · on now · Bluesky: held
What is tea number 2?
20:15 · Q3 · next
What is tea number 3?
Mastodon 34/500, Bluesky 2 posts  [Edit…]
20:20 · Q4 · planned
What is tea number 4?
Mastodon 35/500, Bluesky 2 posts  [Edit…]"""
    )


def test_its_buttons_say_what_they_mean() -> None:
    view = home.board(board())
    edits = [b["accessory"] for b in view["blocks"] if "accessory" in b]
    assert [json.loads(e["value"]) for e in edits] == [
        {"chat": "tea", "item": "q3"},
        {"chat": "tea", "item": "q4"},
    ]
    assert [e["action_id"] for e in edits] == ["chatbridge:edit:0"] * 2
    assert edits[0]["accessibility_label"] == "Edit…: Q3"
    (row,) = [b["elements"] for b in view["blocks"] if b["type"] == "actions"]
    assert [e["action_id"].split(":")[1] for e in row] == ["next", "plan", "ask", "say", "preview"]
    assert json.loads(row[-1]["value"]) == {"chat": "tea", "item": "q3"}


def test_what_the_board_has_already_is_not_offered_twice() -> None:
    buttons = (Button("Ask…", "ask", "tea"), Button("Say…", "say", "tea"))
    shown = published(home.board(board(buttons=buttons, upcoming=None)))
    assert "[Ask…] [Say…] [Add a question…]\n# Networks" in shown
    over = published(home.board(board(phase="over", buttons=(), upcoming=None, blackout=True)))
    assert over.startswith(
        "# #CoastalTea · Tea for all\n"
        "PAGE FROZEN: page, wall and feed show nothing new until a host lifts it.\n"
        "over · ends 21:00 London time · now Q2 · Lucy leads\n# Networks"
    )


def test_the_passing_of_time_is_no_news() -> None:
    later = board(
        now=AT + 14 * MINUTE,
        entries=99,
        people=40,
        health=tuple(
            Health(h.network, h.title, h.state, h.since, h.why, AT + 14 * MINUTE, h.waiting + 7)
            for h in board().health
        ),
    )
    assert home.board(later) == home.board(board())
    assert home.board(board(lead="Kim")) != home.board(board())


def test_a_chat_of_thirty_questions_fits_whole() -> None:
    others = tuple(
        Line(name, name.title(), "word " * 700, AT, "planned", editable=True)
        for name in ("announcement", "reminder", "second reminder", "welcome", "recap", "closing")
    )
    sheet = (*others, *(line(n) for n in range(1, 31)))
    shown = published(home.board(board(lines=sheet, current=None, upcoming="announcement")))
    assert shown.count("[Edit…]") == 36
    assert "not listed" not in shown


def test_of_a_sheet_without_end_the_earliest_are_left_out() -> None:
    sheet = tuple(line(n, "posted" if n < 200 else "planned") for n in range(1, 301))
    shown = published(home.board(board(lines=sheet)))
    assert "earlier items are not listed." in shown
    assert "Q300" in shown
    assert published(home.board(board(lines=()))).endswith("# Run sheet\nThere is nothing on it yet.")


def test_everybody_else_sees_what_concerns_them() -> None:
    notice = Notice(
        "Your answers here stand on the page with your first name: https://chat.example.org/tea",
        (
            Button("Show nothing", "consent", "tea", item="no"),
            Button("Forget me…", "me", "tea", text="forget"),
        ),
        Card(42, "A3 · 42", "Nurse 07", "@nurse-07", ("Slack",), Text("We meet."), AT),
    )
    assert (
        published(home.notice(notice))
        == """\
Your answers here stand on the page with your first name: https://chat.example.org/tea
<https://chat.example.org/tea>
A3 · 42 · Nurse 07 · @nurse-07 · Slack
We meet.
[Show nothing] [Forget me…]"""
    )
    assert published(home.notice("There is no chat at present.")) == "There is no chat at present."


def test_nothing_anybody_wrote_is_parsed() -> None:
    evil = board(
        title=EVIL,
        lead=EVIL,
        lines=(Line("q1", EVIL, EVIL, AT, "planned", counts=(Count(EVIL, 1, 2),)),),
        buttons=(),
    )
    for view in (home.board(evil), home.notice(EVIL)):
        published(view)
        assert not [b for b in view["blocks"] if b["type"] == "rich_text"]
        assert '"emoji": true' not in json.dumps(view)
    assert "mrkdwn" not in json.dumps(home.board(evil))
