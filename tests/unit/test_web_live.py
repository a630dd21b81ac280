"""How open pages follow a chat: events, resuming, removals, slow readers, the delay."""

from __future__ import annotations

import asyncio
import socket
from typing import Literal

import pytest
from selectolax.lexbor import LexborHTMLParser

from bridge.chat.view import EntryView
from bridge.model import SECOND, Text
from bridge.web.log import KEPT, STEP, Log
from simulator.clock import Clock as FastClock
from tests.unit import chats
from tests.unit.site import CHAT, Book, Settings, following, running


async def test_a_new_answer_arrives_with_its_place() -> None:
    async with running(chats.chat(chats.entry(4, "Q1"), chats.entry(6, "Q2"))) as site:
        async with site.stream(await site.position()) as stream:
            site.book.put(chats.entry(9, "Q1", "bluesky", text=Text("<b>nine</b>")))
            site.feed.changed(CHAT, [9])
            said = await following(stream, "entry")
        assert {k: said.data[k] for k in ("chat", "no", "question", "after")} == {
            "chat": CHAT, "no": 9, "question": "Q1", "after": 4,
        }  # fmt: skip
        item = LexborHTMLParser(said.data["html"]).css_first("li")
        assert item.attributes["id"] == "entry-9"
        assert item.css_first(".words").text() == "<b>nine</b>"
        assert said.data["html"] in await site.get()


async def test_an_edit_and_a_move_arrive() -> None:
    async with (
        running(chats.chat(chats.entry(4, "Q1"), chats.entry(5, "Q2"))) as site,
        site.stream(await site.position()) as stream,
    ):
        site.book.put(chats.entry(4, "Q1", text=Text("better words"), edited=True))
        site.feed.changed(CHAT, [4])
        said = await following(stream, "entry")
        assert "better words" in said.data["html"]
        assert said.data["question"] == "Q1"
        site.book.put(chats.entry(4, "Q2", text=Text("better words"), edited=True))
        site.feed.changed(CHAT, [4])
        said = await following(stream, "entry")
        assert (said.data["question"], said.data["after"]) == ("Q2", None)


async def test_what_is_gone_is_taken_back_and_never_told_again() -> None:
    async with running(chats.chat(chats.entry(4, "Q1"))) as site:
        start = await site.position()
        async with site.stream(start) as stream:
            site.book.put(chats.entry(5, "Q1", text=Text("words to be regretted")))
            site.feed.changed(CHAT, [5])
            assert "regretted" in (await following(stream, "entry")).data["html"]
            site.book.drop(5)
            site.feed.changed(CHAT, [5])
            said = await following(stream, "gone")
            assert said.data == {"chat": CHAT, "no": 5}
        assert "regretted" not in await site.get()
        async with site.stream(start) as stream:  # who comes back from before gets the end of it only
            assert (await following(stream, "entry", "gone")).event == "gone"


async def test_a_page_loaded_between_a_change_and_its_telling_takes_nothing_from_others() -> None:
    async with (
        running(chats.chat(chats.entry(4, "Q1"), chats.entry(5, "Q1"))) as site,
        site.stream(await site.position()) as stream,
    ):
        site.book.drop(5)
        site.feed.changed(CHAT, ())  # what was rendered before is out of date
        await site.get()  # renders without 5 before anybody was told
        site.feed.changed(CHAT, [5])
        assert (await following(stream, "gone")).data["no"] == 5


async def test_what_nobody_was_given_is_not_told_to_be_gone() -> None:
    async with (
        running(chats.chat(chats.entry(4, "Q1"))) as site,
        site.stream(await site.position()) as stream,
    ):
        site.feed.changed(CHAT, [77])  # a Slack answer whose author has not agreed
        site.book.put(chats.entry(5, "Q1"))
        site.feed.changed(CHAT, [5])
        said = await following(stream, "entry", "gone")
        assert (said.event, said.data["no"]) == ("entry", 5)


async def test_the_run_sheet_arrives_once_a_change() -> None:
    async with (
        running(chats.chat(chats.entry(1), asked=1)) as site,
        site.stream(await site.position()) as stream,
    ):
        site.feed.changed(CHAT, ())
        first = await following(stream, "sheet")
        assert [s["key"] for s in first.data["sections"]] == ["hello", "Q1"]
        site.feed.changed(CHAT, ())  # nothing is different: nothing is told
        site.feed.changed(CHAT, [1])
        await following(stream, "entry")
        site.book.views[CHAT] = chats.chat(chats.entry(1), asked=2)
        site.feed.changed(CHAT, ())
        second = await following(stream, "sheet")
        assert [s["key"] for s in second.data["sections"]] == ["hello", "Q1", "Q2"]
        assert second.id == first.id + 2  # the entry came between
        assert "Q2" in second.data["questions"]


async def test_the_end_of_the_hour_arrives() -> None:
    async with running(chats.chat(chats.entry(4, "Q1"))) as site:
        page = LexborHTMLParser(await site.get()).css_first("body")
        assert page.attributes["data-phase"] == "open"
        async with site.stream(await site.position()) as stream:
            site.book.views[CHAT] = chats.chat(chats.entry(4, "Q1"), phase="late")
            site.feed.changed(CHAT, ())
            said = await following(stream, "sheet")
        assert said.data["phase"] == "late"
        assert "The hour is over." in said.data["status"]
        assert "1 entry." in said.data["status"]


async def test_figures_follow_the_answers() -> None:
    async with (
        running(chats.chat(chats.entry(4, "Q1"))) as site,
        site.stream(await site.position()) as stream,
    ):
        site.book.views[CHAT] = chats.chat(chats.entry(4, "Q1"), chats.entry(5, "Q1", "slack"))
        site.feed.changed(CHAT, [5])
        said = await following(stream, "sheet")
        assert "2 answers · Mastodon 1, Slack 1" in said.data["sections"][0]["html"]


async def test_resume_brings_exactly_what_was_missed() -> None:
    async with running(chats.chat()) as site:
        async with site.stream() as stream:
            await following(stream, "comment")  # connected
            site.book.put(chats.entry(1, "Q1"))
            site.feed.changed(CHAT, [1])
            last = await following(stream, "entry")
        for no in (2, 3):
            site.book.put(chats.entry(no, "Q1"))
            site.feed.changed(CHAT, [no])
        async with site.stream(after=1, **{"Last-Event-ID": str(last.id)}) as stream:
            missed = [await following(stream, "entry", "reset") for _ in range(2)]
        assert [said.data["no"] for said in missed] == [2, 3]
        assert last.id < missed[0].id < missed[1].id


@pytest.mark.parametrize("position", ["7", "99999999999999999999", "-3", "x", "0"])
async def test_a_position_of_another_life_is_reset(position: str) -> None:
    async with running(chats.chat()) as site, site.stream(**{"Last-Event-ID": position}) as stream:
        reset = await following(stream, "reset")
        site.book.put(chats.entry(1, "Q1"))
        site.feed.changed(CHAT, [1])
        assert (await following(stream, "entry")).id > reset.id


async def test_a_quiet_stream_shows_that_it_lives() -> None:
    async with running(chats.chat(), heartbeat=0.02) as site, site.stream() as stream:
        for _ in range(3):
            await following(stream, "comment")


async def test_a_slow_reader_is_let_go_and_resumes_while_others_miss_nothing() -> None:
    numbers = range(1, 601)
    loop = asyncio.get_running_loop()
    async with running(chats.chat(), patience=0.3) as site:
        start = await site.position()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            await loop.sock_connect(slow, ("127.0.0.1", site.port))
            await loop.sock_sendall(slow, f"GET /events?after={start} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with site.stream(start) as stream:
                for no in numbers:
                    site.book.put(chats.entry(no, "Q1", text=Text(f"{no} " + "long words " * 2000)))
                site.feed.changed(CHAT, numbers)
                assert [(await following(stream, "entry")).data["no"] for _ in numbers] == list(numbers)
            received = b""
            async with asyncio.timeout(10):
                try:
                    while chunk := await loop.sock_recv(slow, 1 << 20):
                        received += chunk
                except ConnectionResetError:
                    pass
        assert b"id: " in received
        whole = received[: received.rindex(b"\n\n")]
        last = int(whole[whole.rindex(b"id: ") + 4 :].split(b"\n")[0])
        had = whole.count(b"event: entry")
        assert 0 < had < len(numbers)
        async with site.stream(**{"Last-Event-ID": str(last)}) as stream:
            rest = [(await following(stream, "entry", "reset")).data.get("no") for _ in numbers[had:]]
        assert rest == list(numbers[had:])


async def test_stopping_ends_the_streams() -> None:
    async with running(chats.chat()) as site, site.stream() as stream:
        await following(stream, "comment")
        async with asyncio.timeout(1):
            await site.runner.cleanup()
            assert [said async for said in stream] == []


async def test_one_chat_that_cannot_be_shown_silences_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Book):
        def entry(self, chat: str, no: int, audience: Literal["hosts", "page"]) -> EntryView | None:
            if no == 13:
                raise RuntimeError("thirteen")
            return super().entry(chat, no, audience)

    book = Broken(chats.chat(), chats.chat(id="other"))
    async with running(book=book) as site, site.stream() as stream:
        await following(stream, "comment")
        site.feed.changed("no such chat", [1])
        site.feed.changed("other", [13])
        book.put(chats.entry(1, "Q1"))
        site.feed.changed(CHAT, [1])
        assert (await following(stream, "entry")).data["no"] == 1
    assert "thirteen" in caplog.text


# ---------------------------------------------------------------- the delay


async def test_words_stand_a_while_before_they_are_shown() -> None:
    clock = FastClock(speed=100)
    async with running(
        chats.chat(chats.entry(1, "Q1")), settings=Settings(delay_seconds=40), clock=clock
    ) as site:
        assert "entry-1" in await site.get()  # there before we were
        async with site.stream(await site.position()) as stream:
            came = clock.now()
            site.book.put(chats.entry(2, "Q1", at=chats.STARTS, text=Text("written long ago, it says")))
            site.feed.changed(CHAT, [2])
            assert "long ago" not in await site.get()
            assert "long ago" not in await site.get(f"/api/chats/{CHAT}.json")
            said = await following(stream, "entry")
            assert said.data["no"] == 2
            assert clock.now() - came >= 40 * SECOND
            assert "long ago" in await site.get()


async def test_what_a_host_hides_in_time_is_never_shown() -> None:
    clock = FastClock(speed=100)
    async with (
        running(chats.chat(), settings=Settings(delay_seconds=30), clock=clock) as site,
        site.stream(await site.position()) as stream,
    ):
        for no in (1, 2):
            site.book.put(chats.entry(no, "Q1"))
            site.feed.changed(CHAT, [no])
        site.book.drop(1)
        site.feed.changed(CHAT, [1])
        said = await following(stream, "entry", "gone")
        assert (said.event, said.data["no"]) == ("entry", 2)


async def test_edited_words_wait_anew() -> None:
    clock = FastClock(speed=100)
    async with (
        running(chats.chat(chats.entry(1, "Q1")), settings=Settings(delay_seconds=30), clock=clock) as site,
        site.stream(await site.position()) as stream,
    ):
        changed = clock.now()
        site.book.put(chats.entry(1, "Q1", text=Text("something else"), edited=True))
        site.feed.changed(CHAT, [1])
        assert (await following(stream, "gone", "entry")).event == "gone"
        assert "something else" in (await following(stream, "entry")).data["html"]
        assert clock.now() - changed >= 30 * SECOND


# ---------------------------------------------------------------- the log


def ids(step: tuple[bytes, int] | None) -> list[int]:
    assert step is not None
    return [int(line[4:]) for line in step[0].split(b"\n") if line.startswith(b"id: ")]


def test_log_keeps_one_event_for_each_thing() -> None:
    log = Log(100)
    log.append([("entry", 1, "a"), ("entry", 2, "b"), ("entry", 1, "c")])
    assert ids(log.since(100)) == [102, 103]
    assert ids(log.since(102)) == [103]
    assert log.since(103) == (b"", 103)
    assert b'"a"' not in (log.since(100) or (b"", 0))[0]


def test_log_forgets_and_says_so() -> None:
    log = Log(0, kept=3)
    log.append([("entry", n, n) for n in range(5)])
    assert log.since(1) is None
    assert ids(log.since(2)) == [3, 4, 5]
    assert log.since(6) is None
    assert log.since(-1) is None


def test_log_makes_a_long_absence_good_in_steps() -> None:
    log = Log(0)
    log.append([("entry", n, n) for n in range(KEPT + 10)])
    position, steps, seen = 10, 0, 0
    while position < log.head:
        step = log.since(position)
        found = ids(step)
        assert len(found) <= STEP
        assert step is not None
        position, steps, seen = step[1], steps + 1, seen + len(found)
    assert (seen, steps) == (KEPT, KEPT // STEP)


def test_log_bytes_do_not_grow_with_what_changes_over_and_over() -> None:
    log = Log(0, kept=8)
    for n in range(1000):
        log.append([("entry", n % 4, n)])
        log.since(log.head - 1)
    assert ids(log.since(log.head - 4)) == [997, 998, 999, 1000]
