"""Of people who asked to be forgotten not a stretch of words is left, or it is found."""

from __future__ import annotations

import html
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from simulator.traces import files, messages, traces
from tests.unit.evidence import Row, person
from tests.unit.paper import Hour

WORDS = "We count the chairs first — 47 of them in Drumlach, where the kettle's always on & nobody hurries."
SHARED = "Trust first, tools second, minutes last."


def rows() -> dict[str, list[Row]]:
    """A forgotten person's post, with another one's that begins alike."""
    mine = person("m1", author="gp-04", forgotten=True, words=f"{SHARED} {WORDS}", text="")
    other = person("m2", author="gp-05", text=f"A1 {SHARED} And tea, says Aberwen.")
    return {"mastodon": [mine, other]}


def found(held: str | bytes, **fields: Any) -> list[str]:
    servers = rows()
    servers["mastodon"][0] |= fields
    place = held if isinstance(held, bytes) else held.encode()
    return [f["id"] for f in traces(servers, {"somewhere": b"before " + place + b" after", "elsewhere": b""})]


@pytest.mark.parametrize("form", [str, lambda w: w[10:60], lambda w: w[:30] + "…", lambda w: w[-45:]])
def test_words_are_found_however_they_are_cut(form: Any) -> None:
    assert found(form(WORDS)) == ["m1"]


@pytest.mark.parametrize("form", [html.escape, json.dumps])
def test_signs_that_are_spelt_otherwise_hide_no_words(form: Any) -> None:
    words = "R&D “–” C&A “–” B&B “–” Q&A “–” S&P “–” D&D “–” "
    assert found(words, words=words) == found(form(words), words=words) == ["m1"]


def test_what_others_say_too_is_nobodys() -> None:
    assert found(f"A1 {SHARED} And tea, says Aberwen.") == []
    assert found(WORDS[:12]) == []


def test_earlier_words_warnings_and_pictures_are_theirs_as_well() -> None:
    for field in ("was", "pictures"):
        assert found(
            "A rota from Hollowby, 12 names blacked out", **{field: ["A rota from Hollowby, 12 names"]}
        )
    assert found("talk of redundancy, Ulverdale 9", warning="talk of redundancy, Ulverdale 9")


def test_who_did_not_ask_is_remembered() -> None:
    assert found(WORDS, forgotten=False) == []


def test_the_finding_says_whose_words_are_where() -> None:
    (finding,) = traces(rows(), {"stage/journal.db-wal": WORDS.encode()})
    assert finding["author"] == "gp-04"
    assert finding["why"] == "its author asked to be forgotten, yet words of it are in stage/journal.db-wal"


def test_every_file_the_bridge_leaves_is_read_and_none_of_the_simulators(tmp_path: Path) -> None:
    (tmp_path / "stage" / "sessions").mkdir(parents=True)
    journal = sqlite3.connect(tmp_path / "stage" / "journal.db")
    journal.execute("pragma journal_mode=wal")
    journal.execute("create table events (body blob)")
    journal.execute("insert into events values (?)", (WORDS.encode(),))
    journal.commit()
    for name in ("stage/sessions/bluesky.json", "transcript.md", ".transcript.md.new", "bridge.log"):
        (tmp_path / name).write_text(WORDS)
    for name in ("servers.json", "simulator.log", "something of somebody's.txt"):
        (tmp_path / name).write_text(WORDS)
    places = {f["why"].split(" are in ")[1] for f in traces(rows(), files(tmp_path))}
    journal.close()
    assert places == {
        "stage/journal.db-wal",
        "stage/sessions/bluesky.json",
        "transcript.md",
        ".transcript.md.new",
        "bridge.log",
    }


def test_messages_that_stand_are_read_with_what_they_are_made_of() -> None:
    hour = Hour(answers=1, participants=1)
    slack = hour.stages["slack"]
    gone, stands = slack.publish(f"A1 · 1 {WORDS}"), slack.publish("A1 · 2 removed")
    assert [f["why"] for f in traces(rows(), messages(hour.stages))]
    slack.said[gone].deleted = True
    assert not traces(rows(), messages(hour.stages))
    slack.said[stands].raw["blocks"] = [{"type": "section", "text": {"text": WORDS}}]
    assert [f["why"].split(" in ")[1] for f in traces(rows(), messages(hour.stages))] == [
        "a message on slack"
    ]


def test_the_people_who_ask_to_be_forgotten_are_known() -> None:
    hour = Hour()
    hour.live()
    asked = {c.handle for c in hour.people.plan.cast if c.wish == "forget"}
    assert {t.author for t in hour.truths if t.forgotten} == asked != set()
    assert all(t.forgotten for t in hour.truths if t.author in asked)
