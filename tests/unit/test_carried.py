"""The comparison sees what a post carries besides its words, under which names servers hold it, and whether it
went with its author."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.evidence import Page, gather
from simulator.figures import report
from simulator.letters import readings, searchable
from tests.unit.evidence import OPEN, WORDS, Row, bridge, compared, page, person, reasons, servers, transcript

ALT = "A whiteboard from Elmsworth with 17 yellow notes & <three> uneven circles."
OTHER = "Photo of 4 mugs on a window sill in Hartsop Mill, rain outside."


def shows(words: str, *, ever: str = "") -> Page:
    """The usual page with more on it."""
    usual = page(*OPEN)
    return Page(searchable([usual.ever, words, ever]), "\n".join((usual.final, readings(words))))


# ---------------------------------------------------------------- pictures and polls


def pictured(*alts: str) -> tuple[dict[str, list[Row]], Row]:
    """The first post has pictures, and so has its entry."""
    rows, document = servers(), transcript()
    rows["mastodon"][1]["pictures"] = list(alts)
    document["entries"][0]["media"] = [{"url": "https://m.example/1.png", "alt": alt} for alt in alts]
    return rows, document


def test_pictures_that_are_there_are_not_lost() -> None:
    rows, document = pictured(ALT, "", OTHER)
    shown = shows(f"<ul><li>Picture: {ALT}</li><li>not described</li><li>{OTHER}</li></ul>")
    found = compared(rows, document, shown)
    assert (found["lost"], found["duplicated"], found["leaked"]) == ([], [], [])


def test_a_description_that_is_missing_is_lost() -> None:
    rows, document = pictured(ALT)
    found = compared(rows, document, shows(OTHER))["lost"]
    assert [(f["id"], f["what"], f["why"]) for f in found] == [
        ("m1", "alt", "what a picture shows is not on the page")
    ]
    document["entries"][0]["media"][0]["alt"] = ""
    found = compared(rows, document, shows(ALT))["lost"]
    assert [(f["id"], f["what"], f["why"]) for f in found] == [
        ("m1", "alt", "what a picture shows is not in its entry")
    ]


def test_a_picture_that_is_missing_is_lost_even_if_it_was_never_described() -> None:
    rows, document = pictured(ALT, "")
    del document["entries"][0]["media"][1]
    found = compared(rows, document, shows(ALT))["lost"]
    assert [(f["id"], f["what"]) for f in found] == [("m1", "picture")]


def test_pictures_of_words_that_stay_in_their_room_are_not_missed() -> None:
    rows = servers()
    rows["slack"][1]["pictures"] = [ALT]
    assert not compared(rows, transcript())["lost"]


def test_a_choice_of_a_poll_that_is_missing_is_lost() -> None:
    rows, document = servers(), transcript()
    rows["mastodon"][1]["poll"] = ["yes", "not yet"]
    document["entries"][0]["text"] += "\n1. Yes\n2. Not yet"
    assert not compared(rows, document)["lost"]
    document["entries"][0]["text"] = document["entries"][0]["text"].removesuffix("Not yet")
    assert [(f["id"], f["what"]) for f in compared(rows, document)["lost"]] == [("m1", "poll")]


@pytest.mark.parametrize("id_", ["m3", "m4", "m6", "s1"])
@pytest.mark.parametrize("where", ["page", "transcript", "bluesky"])
def test_what_a_picture_shows_goes_no_further_than_the_words(id_: str, where: str) -> None:
    rows, document, shown = servers(), transcript(), page(*OPEN)
    next(r for those in rows.values() for r in those if r["id"] == id_)["pictures"] = [ALT]
    assert not compared(rows, document, shown)["leaked"]
    match where:
        case "page":
            shown = Page(shows("", ever=ALT).ever, shown.final)
        case "transcript":
            document["entries"][1]["media"] = [{"url": "", "alt": ALT}]
        case _:
            rows[where].append(bridge("copy", f"A1 · 3 Picture: {ALT}", deleted=True))
    assert {f["id"] for f in compared(rows, document, shown)["leaked"]} == {id_}


def test_a_warning_goes_no_further_than_the_words() -> None:
    rows, document = servers(), transcript()
    rows["mastodon"][5]["warning"] = "grumbling about meetings, Birchover 58"
    document["entries"][2]["warning"] = "grumbling about meetings, Birchover 58"
    assert {f["id"] for f in compared(rows, document)["leaked"]} == {"m5"}


def test_what_the_page_tells_machines_is_looked_at_too() -> None:
    shown = page(*OPEN)
    api = Page(shown.ever, shown.final, shown.came, readings(WORDS["m5"]))
    assert reasons(compared(servers(), transcript(), api)["leaked"]) == {
        ("m5", "deleted, yet in what the page tells machines")
    }


# ---------------------------------------------------------------- a second server


def two() -> dict[str, list[Row]]:
    """A second server, which holds the first one's posts, as the first holds its."""
    rows = servers()
    for row in rows["mastodon"]:
        row["also"] = [["welsh", f"copy of {row['id']}"]]
    rows["welsh"] = [person("m1", id="m9", also=[["mastodon", "copy of m9"]], words=NINE, text=NINE)]
    rows["slack"].append(bridge("cm9", f"A1 · 10 {NINE}"))
    return rows


NINE = "Mae 33 ohonom yn cwrdd yn Llanfeddyg bob nos Fercher, a the wrth gwrs."


def judged(rows: Any, *sources: str) -> dict[str, Any]:
    """The comparison where the second server's post is one entry with these sources ("welsh m9")."""
    document = transcript()
    places = [dict(zip(("network", "id"), s.split(" ", 1), strict=True)) for s in sources]
    document["entries"].append({"no": 10, "question": "Q1", "sources": places, "text": NINE, "name": "Nurse"})
    return report(gather(rows, document, shows(NINE), listening=["welsh"]))


@pytest.mark.parametrize("source", ["welsh m9", "mastodon copy of m9"])
def test_a_source_is_known_under_each_of_its_names(source: str) -> None:
    found = judged(two(), source)
    assert (found["lost"], found["duplicated"], found["leaked"], found["misplaced"]) == ([], [], [], [])
    assert found["written"]["welsh"] == 1


def test_a_post_under_two_of_its_names_is_duplicated() -> None:
    found = judged(two(), "welsh m9", "mastodon copy of m9")
    assert reasons(found["duplicated"]) == {("m9", "a source 2 times")}
    rows, document = two(), transcript()
    document["entries"][1]["sources"].append({"network": "welsh", "id": "copy of m1"})
    assert reasons(compared(rows, document)["duplicated"]) == {("m1", "a source 2 times")}


def test_a_copy_of_our_own_post_is_no_persons_post() -> None:
    rows, document = two(), transcript()
    document["entries"][1]["sources"] = [{"network": "welsh", "id": "copy of mq"}]
    assert ("mq", "an entry, though no person wrote it") in reasons(compared(rows, document)["duplicated"])


def test_questions_are_counted_where_they_are_asked_and_found_where_they_should_not_be() -> None:
    rows = two()
    asked = {"label": "Q1", "posted": {"mastodon": 1, "bluesky": 1, "slack": 1}, "skew_ms": 20.0}
    assert judged(rows, "welsh m9")["questions"] == [asked]
    rows["welsh"].append(bridge("wq", "Q1 What is it?", question="Q1", real=9.0))
    found = judged(rows, "welsh m9")
    assert found["questions"] == [asked]
    assert reasons(found["duplicated"]) == {("wq", "Q1 was posted where we only listen")}


# ---------------------------------------------------------------- who left


def test_what_went_with_its_author_is_followed_or_leaked() -> None:
    rows = servers()
    rows["mastodon"].append(
        person("m6", id="other", deleted=True, words="Taken back by hand in Whinmoor, 65.")
    )
    next(r for r in rows["mastodon"] if r["id"] == "m5")["departed"] = True
    found = compared(rows, transcript())
    assert found["departures"] == {"made": 1, "followed": 1}
    assert found["deletions"] == {"made": 1, "followed": 1}
    rows["slack"].append(bridge("left", f"A1 · 8 {WORDS['m5']}"))
    found = compared(rows, transcript())
    assert found["departures"] == {"made": 1, "followed": 0}
    assert reasons(found["leaked"]) == {("m5", "deleted, yet posted by the bridge on slack")}
