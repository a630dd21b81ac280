"""The comparison sees a post that was dropped, doubled or unhidden, and nothing where all is well."""

from __future__ import annotations

import asyncio
import copy
import html
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from simulator.evidence import Page
from simulator.figures import latencies
from simulator.letters import key, letters, readings
from simulator.reader import Reader
from tests.unit.evidence import (
    OLD,
    OPEN,
    WORDS,
    Row,
    bridge,
    compared,
    entry,
    page,
    reasons,
    servers,
    transcript,
)


def test_where_all_is_well_nothing_is_found() -> None:
    found = compared(servers(), transcript())
    assert (found["lost"], found["duplicated"], found["leaked"], found["misplaced"]) == ([], [], [], [])
    assert found["written"] == {"mastodon": 4, "bluesky": 3, "slack": 2}
    assert found["timeline"] == {"entries": 9, "answers": {"Q1": 8}}
    assert found["slack_copies"] == 5
    assert found["edits"] == {"made": 1, "followed": 1}
    assert found["deletions"] == {"made": 1, "followed": 1}
    assert found["opt_outs"] == {"made": 2, "obeyed": 2}
    assert found["consents"] == {"made": 1, "followed": 1}
    assert found["questions"] == [
        {"label": "Q1", "posted": {"mastodon": 1, "bluesky": 1, "slack": 1}, "skew_ms": 20.0}
    ]


@pytest.mark.parametrize("at", [0, 1, 4, 5, 6, 7, 8])
def test_an_entry_dropped_from_a_copy_of_the_file_is_lost(at: int, tmp_path: Path) -> None:
    file = tmp_path / "transcript.json"
    document = transcript()
    gone = document["entries"].pop(at)
    file.write_text(json.dumps(document))
    found = compared(servers(), json.loads(file.read_text()))
    assert {f["id"] for f in found["lost"]} == {s["id"] for s in gone["sources"]}
    assert not found["duplicated"]
    assert not found["leaked"]


@pytest.mark.parametrize("at", [0, 4, 6])
def test_an_entry_doubled_in_a_copy_of_the_file_is_reported(at: int, tmp_path: Path) -> None:
    file = tmp_path / "transcript.json"
    document = transcript()
    document["entries"].append(copy.deepcopy(document["entries"][at]))
    file.write_text(json.dumps(document))
    found = compared(servers(), json.loads(file.read_text()))
    doubled = {s["id"] for s in document["entries"][at]["sources"]}
    assert {(i, "a source 2 times") for i in doubled} <= reasons(found["duplicated"])
    assert any(why == "the same words in 2 entries" for _, why in reasons(found["duplicated"]))
    assert not found["lost"]


@pytest.mark.parametrize(("at", "id_"), [(2, "m4"), (3, "m3"), (7, "s1")])
def test_an_entry_unhidden_in_a_copy_of_the_file_is_leaked(at: int, id_: str, tmp_path: Path) -> None:
    file = tmp_path / "transcript.json"
    document = transcript()
    document["entries"][at]["text"] = WORDS[id_]
    file.write_text(json.dumps(document))
    found = compared(servers(), json.loads(file.read_text()))
    assert [(f["id"], f["why"].split(", ")[1]) for f in found["leaked"]] == [(id_, "yet in the transcript")]
    assert not found["lost"]


def test_words_that_are_not_in_the_entry_that_lists_them_are_lost() -> None:
    document = transcript()
    document["entries"][5]["text"] = OLD
    found = compared(servers(), document)
    assert reasons(found["lost"]) == {("b2", "its words are not in its entry")}
    assert found["edits"] == {"made": 1, "followed": 0}


def test_an_old_version_that_still_stands_in_slack_is_an_edit_not_followed() -> None:
    rows = servers()
    rows["slack"].append(bridge("old", f"A1 · 6 {OLD}"))
    assert compared(rows, transcript())["edits"] == {"made": 1, "followed": 0}


def test_words_withheld_though_anybody_may_read_them_are_lost() -> None:
    document = transcript()
    document["entries"][0]["text"] = None
    assert reasons(compared(servers(), document)["lost"]) == {("m1", "its words are not in its entry")}


def test_a_post_missing_in_the_room_is_lost_and_one_standing_there_twice_is_duplicated() -> None:
    rows = servers()
    rows["slack"] = [r for r in rows["slack"] if r["id"] != "cm1"]
    rows["slack"].append(bridge("again", f"Several: {WORDS['m8']} and {WORDS['b1']}"))
    found = compared(rows, transcript())
    assert reasons(found["lost"]) == {("m1", "in no message on slack")}
    assert reasons(found["duplicated"]) == {("m8", "in 2 messages"), ("b1", "in 2 messages")}
    assert found["slack_copies"] == 6


def test_a_copy_that_was_taken_back_does_not_stand() -> None:
    rows = servers()
    next(r for r in rows["slack"] if r["id"] == "cm1")["deleted"] = True
    assert reasons(compared(rows, transcript())["lost"]) == {("m1", "in no message on slack")}


def test_a_copy_in_the_hosts_room_is_no_copy() -> None:
    rows = servers()
    rows["slack"].append(bridge("hosts", WORDS["m1"], place="hosts"))
    assert not compared(rows, transcript())["duplicated"]


def test_a_folded_post_is_known_by_its_warning() -> None:
    rows = servers()
    rows["mastodon"][1]["warning"] = "talk of redundancy, Coldstowe 8"
    copied = next(r for r in rows["slack"] if r["id"] == "cm1")
    copied["text"] = "A1 · 1 content warning: talk of redundancy, Coldstowe 8"
    assert not compared(rows, transcript())["lost"]


def test_a_question_posted_twice_on_a_network_is_duplicated_even_if_one_was_taken_back() -> None:
    rows = servers()
    rows["bluesky"].append(bridge("bq2", "Q1 What is it?", question="Q1", deleted=True))
    found = compared(rows, transcript())
    assert reasons(found["duplicated"]) == {("bq", "Q1 was posted 2 times")}
    assert found["questions"][0]["posted"]["bluesky"] == 2


def test_what_the_bridge_wrote_itself_is_no_entry() -> None:
    document = transcript()
    document["entries"].append(entry(10, "Q1 What is it?", "bq"))
    assert reasons(compared(servers(), document)["duplicated"]) == {
        ("bq", "an entry, though no person wrote it")
    }


@pytest.mark.parametrize("id_", ["m3", "m4", "m6", "s1"])
def test_what_was_never_open_must_never_have_been_on_the_page(id_: str) -> None:
    found = compared(servers(), transcript(), page(*OPEN, once=(id_,)))
    assert [(f["id"], f["why"].split(", yet ")[1]) for f in found["leaked"]] == [(id_, "served by the page")]


@pytest.mark.parametrize("id_", ["m5", "m7"])
def test_what_was_open_for_a_while_must_be_gone_from_the_page_at_the_end(id_: str) -> None:
    found = compared(servers(), transcript(), page(*OPEN, id_))
    assert [(f["id"], f["why"].split(", yet ")[1]) for f in found["leaked"]] == [(id_, "still on the page")]


@pytest.mark.parametrize("id_", ["m3", "m4", "m5", "m6", "m7"])
def test_words_that_the_bridge_left_standing_elsewhere_are_leaked(id_: str) -> None:
    rows = servers()
    rows["slack"].append(bridge("new", f"A1 · 3 {WORDS[id_]}"))
    found = compared(rows, transcript())
    assert [(f["id"], f["why"].split(", yet ")[1]) for f in found["leaked"]] == [
        (id_, "posted by the bridge on slack")
    ]


def test_what_was_never_open_may_not_even_have_been_copied_and_taken_back() -> None:
    rows = servers()
    rows["slack"].append(bridge("gone", WORDS["m3"], deleted=True))
    assert {f["id"] for f in compared(rows, transcript())["leaked"]} == {"m3"}


def test_a_room_may_see_its_own_words_but_no_other_network() -> None:
    rows = servers()
    rows["slack"].append(bridge("own", f"To the hosts: {WORDS['s1']}", place="hosts"))
    assert not compared(rows, transcript())["leaked"]
    rows["mastodon"].append(bridge("out", f"On Slack: {WORDS['s1']}"))
    assert {f["id"] for f in compared(rows, transcript())["leaked"]} == {"s1"}


# ---------------------------------------------------------------- what a room's people agreed to


def agreeing(**fields: Any) -> dict[str, list[Row]]:
    """The servers, with what the author of s2 said of their words."""
    rows = servers()
    rows["slack"][2] |= {"author": "nurse-12", "names": [], "named": False} | fields
    return rows


def named(**fields: Any) -> tuple[dict[str, list[Row]], Row]:
    """Who agreed with their first name, and a transcript in which that stands."""
    document = transcript()
    document["entries"][8]["name"] = "Asha"
    return agreeing(consent="first", agreed=3.0, names=["Asha (nurse 12)", "nurse-12"], **fields), document


def came(at: float, *ids: str) -> Page:
    """A page to which these words first came at `at`."""
    shown = page(*OPEN)
    keys = {key(WORDS[i]) for i in ids}
    return Page(shown.ever, shown.final, lambda words: at if words in keys else None)


def test_words_agreed_to_that_are_not_on_the_page_are_lost() -> None:
    found = compared(agreeing(consent="name", agreed=3.0), transcript(), page("m1", "m2", "b1", "b2", "m8"))
    assert reasons(found["lost"]) == {("s2", "its words are not on the page")}
    assert found["consents"] == {"made": 1, "followed": 0}
    document = transcript()
    document["entries"][8]["text"] = None
    found = compared(agreeing(consent="name", agreed=3.0), document)
    assert reasons(found["lost"]) == {("s2", "its words are not in its entry")}


@pytest.mark.parametrize(("at", "leaks"), [(2.9, 1), (3.0, 0), (3.1, 0)])
@pytest.mark.parametrize("consent", ["name", ""])
def test_words_on_the_page_before_their_author_agreed_are_leaked(at: float, leaks: int, consent: str) -> None:
    rows, document, shown = agreeing(consent=consent, agreed=3.0), transcript(), came(at, "s2")
    if not consent:  # since taken back: gone, but it was there
        document["entries"][8]["text"] = None
        shown = Page(shown.ever, page("m1", "m2", "b1", "b2", "m8").final, shown.came)
    found = compared(rows, document, shown)
    why = "its author had not agreed yet, when it was served by the page"
    assert reasons(found["leaked"]) == ({("s2", why)} if leaks else set())
    assert not found["lost"]


def test_words_taken_back_must_be_gone() -> None:
    found = compared(agreeing(consent="", agreed=3.0), transcript())
    why = "its author has not agreed to leave the room"
    assert reasons(found["leaked"]) == {
        ("s2", f"{why}, yet in the transcript"),
        ("s2", f"{why}, yet still on the page"),
    }


def test_who_agreed_to_the_page_did_not_agree_to_another_network() -> None:
    rows = agreeing(consent="name", agreed=3.0)
    rows["mastodon"].append(bridge("out", f"On Slack: {WORDS['s2']}", deleted=True))
    assert reasons(compared(rows, transcript())["leaked"]) == {
        ("s2", "its author agreed to the page, yet posted by the bridge on mastodon")
    }


@pytest.mark.parametrize("name", ["Asha (nurse 12)", "asha  nurse 12", "@nurse-12"])
def test_who_agreed_with_their_first_name_goes_by_nothing_else(name: str) -> None:
    rows, document = named()
    assert compared(rows, document)["leaked"] == []
    shown = Page(page(*OPEN).ever + readings(f"<b>{name}</b> · Slack"), page(*OPEN).final)
    why = "its author did not agree to be named, yet their name is"
    assert reasons(compared(rows, document, shown)["leaked"]) == {("s2", f"{why} on the page")}
    document["entries"][8]["name"] = name
    assert reasons(compared(rows, document)["leaked"]) == {("s2", f"{why} in the transcript")}


def test_a_name_may_have_stood_there_while_it_might() -> None:
    rows, document = named()
    once = Page(page(*OPEN).ever + readings("Asha (nurse 12)"), page(*OPEN).final)
    assert len(compared(rows, document, once)["leaked"]) == 1
    rows["slack"][2]["named"] = True
    assert compared(rows, document, once)["leaked"] == []
    still = Page(once.ever, once.final + readings("Asha (nurse 12)"))
    assert len(compared(rows, document, still)["leaked"]) == 1


def test_others_with_such_a_name_and_words_like_it_are_no_leak() -> None:
    rows, document = named()
    document["entries"][0]["name"] = "Asha (nurse 123)"
    assert compared(rows, document)["leaked"] == []
    rows["mastodon"][1]["text"] += " Ask Asha, nurse 12 of us know."
    document["entries"][0]["text"] += " Ask Asha, nurse 12 of us know."
    assert compared(rows, document)["leaked"] == []


def test_a_removed_copy_of_words_that_stand_elsewhere_is_no_leak() -> None:
    rows = servers()
    rows["bluesky"][-1]["deleted"] = True
    document = transcript()
    document["entries"][6]["sources"].pop()
    assert not compared(rows, document)["leaked"]


def test_an_entry_under_another_question_is_misplaced() -> None:
    document = transcript()
    document["entries"][0] |= {"question": "Q2", "questions": ["Q2"]}
    found = compared(servers(), document)
    assert reasons(found["misplaced"]) == {("m1", "under Q2, not Q1")}


def test_letters_survive_every_rendering() -> None:
    words = WORDS["m2"]
    for shown in (
        f"<p>{html.escape(words)}</p>",
        html.escape(words).replace("trust", "<b>trust</b>"),
        words.replace(" ", "\n"),
        f"*{words.upper()}*",
        words.replace("é", "e\u0301"),
    ):
        assert key(words) in readings(shown), shown
    assert key("stop") == ""
    assert letters("A1c — Ünï!") == "a1cünï"


def test_latency_is_from_the_server_to_the_reader() -> None:
    taken = {f"w{n}": float(n) for n in range(100)}
    came = {f"w{n}": n + (2.0 if n == 99 else 0.01) for n in range(100)}
    figures = latencies(taken | {"never": 1.0}, came.get)
    assert figures == {"p50": 10.0, "p99": 2000.0}
    assert latencies({"x": 1.0}, lambda _: None) == {"p50": None, "p99": None}


# ---------------------------------------------------------------- the reader, on a real server


async def test_the_reader_remembers_what_a_page_served_across_connections() -> None:
    ids: list[str | None] = []
    waves = [
        [("1", WORDS["m1"]), ("2", WORDS["m5"])],
        [("3", WORDS["b1"])],
    ]
    served = asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        ids.append(request.headers.get("Last-Event-ID"))
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        if len(ids) > len(waves):
            served.set()
            await asyncio.Event().wait()
        for number, words in waves[len(ids) - 1]:
            data = json.dumps({"chat": "c", "no": number, "html": f"<p>{html.escape(words)}</p>"})
            frame = f"id: {number}\nevent: entry\ndata: {data}\n\n".encode()
            await answer.write(frame[:20])  # an event may come in pieces
            await answer.write(frame[20:])
        return answer  # and the stream breaks off

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=f"<main>{html.escape(WORDS['m2'])}</main>", content_type="text/html")

    app = web.Application()

    async def api(_: web.Request) -> web.Response:
        return web.json_response({"entries": [{"text": WORDS["b2"]}]})

    app.add_routes([web.get("/events", events), web.get("/", index), web.get("/api/chats/c.json", api)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader = Reader()
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(reader.follow(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
            async with asyncio.timeout(10):
                await reader.connected()
                await served.wait()
            await reader.last_look("c")
            reading.cancel()
    finally:
        await runner.cleanup()
    assert ids[:3] == [None, "2", "3"]
    page_, arrivals = reader.page(), reader.arrivals()
    assert key(WORDS["m5"]) in page_.ever
    assert key(WORDS["m5"]) not in page_.final
    assert key(WORDS["m2"]) in page_.final
    assert key(WORDS["b2"]) in page_.api
    assert WORDS["b2"] in json.loads(reader.served()["the page's API"])["entries"][0]["text"]
    first, last = arrivals.first(key(WORDS["m1"])), arrivals.first(key(WORDS["b1"]))
    assert first is not None
    assert last is not None
    assert first < last
    assert arrivals.first(key(WORDS["s1"])) is None
    assert page_.came(key(WORDS["m1"])) == first
    assert page_.came(key(WORDS["m2"])) == reader.pages[0][0], "what a look at the page showed has its time"
    assert page_.came(key(WORDS["s1"])) is None
