"""What hosts did counts as truth: the comparison sees what they hid, sent, moved or asked, wherever it is not so."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.evidence import Page
from simulator.ledger import Ledger, Questions, Truth
from simulator.letters import key
from simulator.stage import Said
from simulator.traces import traces
from tests.unit.evidence import OPEN, WORDS, Row, bridge, compared, page, reasons, servers, transcript


def hosted(id_: str, **fields: Any) -> dict[str, list[Row]]:
    """The servers, with what hosts did with one post."""
    rows = servers()
    row = next(row for rows in rows.values() for row in rows if row["id"] == id_)
    row.update(fields)
    return rows


def without(id_: str, rows: dict[str, list[Row]]) -> tuple[dict[str, list[Row]], Row, Page]:
    """All of it as it should be once a post is off every screen."""
    rows["slack"] = [row for row in rows["slack"] if row["id"] != f"c{id_}"]
    document = transcript()
    document["entries"] = [e for e in document["entries"] if all(s["id"] != id_ for s in e["sources"])]
    return rows, document, page(*(other for other in OPEN if other != id_), once=("m5", "m7", id_))


OFF = {"hidden": "hosts hid it", "erased": "hosts erased it", "blocked": "hosts blocked its author"}


@pytest.mark.parametrize("off", OFF)
def test_what_hosts_took_off_is_not_lost_where_it_is_gone(off: str) -> None:
    found = compared(*without("m1", hosted("m1", off=off)))
    assert (found["lost"], found["leaked"]) == ([], [])
    assert found["written"]["mastodon"] == 4, "people wrote it all the same"


@pytest.mark.parametrize("off", OFF)
def test_what_hosts_took_off_is_leaked_where_it_stands(off: str) -> None:
    found = compared(hosted("m1", off=off), transcript())
    assert reasons(found["leaked"]) == {
        ("m1", f"{OFF[off]}, yet {where}")
        for where in ("in the transcript", "still on the page", "posted by the bridge on slack")
    }


def test_what_a_blocked_author_wrote_afterwards_was_never_to_be_seen() -> None:
    found = compared(*without("m1", hosted("m1", off="blocked", unseen=True)))
    assert reasons(found["leaked"]) == {("m1", "hosts blocked its author, yet served by the page")}


def test_words_sent_from_their_room_may_stand_where_their_author_sent_them_and_have_to() -> None:
    rows = hosted("s1", sent="mastodon")
    assert reasons(compared(rows, transcript())["lost"]) == {("s1", "in no reply on mastodon")}
    rows["mastodon"].append(bridge("out", f"Asha, on Slack: {WORDS['s1']}"))
    found = compared(rows, transcript())
    assert (found["lost"], found["leaked"]) == ([], [])
    rows["bluesky"].append(bridge("further", f"Asha, on Slack: {WORDS['s1']}"))
    assert {f["id"] for f in compared(rows, transcript())["leaked"]} == {"s1"}


@pytest.mark.parametrize(("at", "leaks"), [(4.9, 1), (5.0, 0)])
def test_what_came_while_the_page_stood_still_is_leaked(at: float, leaks: int) -> None:
    shown = page(*OPEN)
    came = Page(shown.ever, shown.final, lambda words: at if words == key(WORDS["m1"]) else None)
    found = compared(hosted("m1", frozen=5.0), transcript(), came)
    assert len(found["leaked"]) == leaks


def test_a_moved_entry_belongs_where_hosts_put_it() -> None:
    found = compared(hosted("m1", question=["Q3"]), transcript())
    assert reasons(found["misplaced"]) == {("m1", "under Q1, not Q3")}


@pytest.mark.parametrize("off", ["", "hidden", "erased"])
def test_only_of_what_was_erased_no_trace_may_be_left(off: str) -> None:
    found = traces(hosted("m1", off=off), {"the journal": WORDS["m1"].encode()})
    why = "hosts erased it, yet words of it are in the journal"
    assert reasons(found) == ({("m1", why)} if off == "erased" else set())


# ---------------------------------------------------------------- what is written down as it happens


def wrote(ledger: Ledger, id_: str, author: str = "nurse-07") -> Truth:
    truth = Truth("mastodon", id_, author, "label", f"words of {id_}, unlike any others", True, "public")
    ledger.wrote(truth, 0)
    return truth


def test_blocking_works_backwards_and_from_then_on() -> None:
    ledger = Ledger(Questions([]))
    before, other = wrote(ledger, "1"), wrote(ledger, "2", "gp-08")
    ledger.blocked("nurse-07")
    after = wrote(ledger, "3")
    assert [(t.off, t.unseen) for t in (before, other, after)] == [
        ("blocked", False),
        ("", False),
        ("blocked", True),
    ]


def test_what_is_hidden_and_restored_is_as_it_was() -> None:
    ledger = Ledger(Questions([]))
    truth = wrote(ledger, "1")
    seen = []
    for off in ("hidden", ""):
        ledger.took_off("mastodon", "1", off)
        seen.append(truth.off)
    assert seen == ["hidden", ""]


def test_a_post_of_the_blackout_waits_for_its_end() -> None:
    ledger = Ledger(Questions([]))
    truth = wrote(ledger, "1")
    ledger.frozen.append((10.0, 20.0))
    assert [ledger._hosted(truth, at)["frozen"] for at in (9.9, 10.0, 19.9, 20.0)] == [None, 20.0, 20.0, None]


def said(text: str, place: str = "chat") -> Said:
    return Said("slack", "1", "bridge", text, 0, 0.0, ours=True, place=place)


def test_questions_of_hosts_are_known_by_their_words_and_numbered_as_they_come() -> None:
    asked = Questions(
        [{"label": "Q1", "text": "What is a circle?"}, {"label": "Q2", "text": "Who is in it?"}]
    )
    asked.expect("Which habit will you keep?")
    asked.expect("Would money help, or harm?")
    assert asked.asked_by(said("Q4 Nobody expects this.")) is None
    assert asked.asked_by(said("Q4 Would money help, or harm?\nAsked by Asha.", "hosts")) is None
    assert asked.asked_by(said("Q4 Would money help, or harm?\nAsked by Asha.")) == 2
    assert asked.asked_by(said("Q3 Which habit will you keep? #WardChat")) == 3
    assert asked.asked_by(said("Q3 Which habit will you keep? #WardChat")) == 3
    assert asked.labels == ["Q1", "Q2", "Q4", "Q3"]
    assert asked.planned == 2
    asked.reword(1, "Who keeps it warm?")
    assert asked.asked_by(said("Q2 Who is in it?")) is None
    assert asked.asked_by(said("Warning: warmth\n\nQ2 Who keeps it warm?")) == 1


def test_questions_of_an_edited_config_are_known_by_its_words_old_and_new() -> None:
    asked = Questions(
        [{"label": "Q1", "text": "What is a circle?"}, {"label": "Q2", "text": "Who is in it?"}]
    )
    asked.edited(["Whose circle is it?", "What is a circle?", "Who is in it?"])
    assert asked.asked_by(said("Q1 What is a circle?")) == 0, "it was asked before"
    assert asked.asked_by(said("Q2 Whose circle is it?")) == 1, "put in above it, and so it comes after it"
    assert asked.asked_by(said("Q3 Who is in it? #WardChat")) == 2
    assert asked.asked_by(said("Q2 Nobody wrote this.")) is None
    assert asked.asked_by(said("Q1: Mastodon 3, Bluesky 2")) is None, "a recap"
