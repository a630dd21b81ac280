"""Entries that turn out to be one: in whatever order their posts came, and with all that was done about either."""

from __future__ import annotations

from itertools import combinations, permutations

import msgspec
import pytest

from bridge.chat.session import Session
from bridge.model import Post
from tests.unit.make import LONG, Hour, at, edited, journal, person, post
from tests.unit.outwards import ANN, answer, hour_with, send, sent, theirs

SHORT = "A1: the paper lantern #WardChat"
ORIGINAL = post(
    "1", SHORT, by="ann", uri="https://ward.example/users/ann/1", url="https://ward.example/@ann/1"
)
COPY = post("2", SHORT, by="ann-b", network="bluesky", original=ORIGINAL.uri)
OTHER = post("3", SHORT, by="ann-c", network="mastodon", original=ORIGINAL.uri)
BY_PAGE = msgspec.structs.replace(OTHER, original=ORIGINAL.url)


def sources(hour: Hour) -> list[set[str]]:
    return [{p.uri for p in entry.sources} for entry in hour.entries.values()]


def page(hour: Hour) -> str:
    return repr((hour.session.view("handovers", "page", hour.now), hour.mirrored()))


def replays(hour: Hour) -> None:
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


# ---------------------------------------------------------------- copies of one post


@pytest.mark.parametrize("goes", [COPY, OTHER])
@pytest.mark.parametrize("first", [COPY, OTHER])
def test_of_two_copies_one_goes_and_then_the_original_comes(first: Post, goes: Post) -> None:
    hour = at(6)
    hour.write(first, OTHER if first is COPY else COPY)
    assert len(hour.entries) == 1
    hour.remove(goes)
    hour.write(ORIGINAL)
    (entry,) = hour.entries.values()
    assert [p.uri for p in entry.sources] == [ORIGINAL.uri, (OTHER if goes is COPY else COPY).uri]
    hour.edit(edited(ORIGINAL, "A1: two paper lanterns #WardChat"))
    assert hour.mirrored() == {entry.no: "A1: two paper lanterns #WardChat"}


@pytest.mark.parametrize("order", list(permutations((ORIGINAL, COPY, BY_PAGE))))
def test_copies_that_call_it_differently_are_one_with_it(order: tuple[Post, ...]) -> None:
    """Only the original tells that its address and its page are the same."""
    hour = at(6)
    hour.write(*order)
    (entry,) = hour.entries.values()
    assert entry.first.uri == ORIGINAL.uri
    hour.remove(ORIGINAL)
    assert sources(hour) == [{COPY.uri, OTHER.uri}]
    assert list(hour.mirrored()) == [entry.no]
    replays(hour)


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("gone", [g for n in range(4) for g in combinations((ORIGINAL, COPY, OTHER), n)])
def test_any_order_ends_alike(gone: tuple[Post, ...], refused: bool) -> None:
    """Each post comes, each is edited, some are removed, whichever of it is told first: what is left is one entry
    that its original leads, and nobody reads it if its author's last word was #nobridge."""
    posts, words = (ORIGINAL, COPY, OTHER), "A1: two paper lanterns #WardChat"
    wish = f"{words}{' #nobridge' * refused}"
    newer = [edited(p, wish if p is ORIGINAL else words) for p in posts]
    steps = [*(("write", p) for p in posts), ("edit", newer[0]), ("edit", newer[1])]
    steps += [("remove", p) for p in gone]
    left = {p.uri for p in posts if p not in gone}
    for order in list(permutations(steps))[:: 7 ** max(0, len(steps) - 5)]:
        hour = at(6)
        for what, about in order:
            getattr(hour, what)(about)
        assert sources(hour) == ([left] if left else []), order
        for entry in hour.entries.values():
            assert entry.first.uri == ORIGINAL.uri or ORIGINAL.uri not in left
        assert ("lantern" in page(hour)) == (bool(left) and not refused), order
        assert "nobridge" not in page(hour)
        replays(hour)


def test_what_an_original_asked_holds_for_its_copies_when_it_is_gone() -> None:
    hour = at(6)
    hour.write(ORIGINAL, COPY)
    hour.edit(edited(ORIGINAL, f"{SHORT} #nobridge"))
    assert "lantern" not in page(hour)
    hour.remove(ORIGINAL)
    assert "lantern" not in page(hour)
    hour.edit(edited(COPY, "A1: the paper lantern, and its shadow #WardChat", 3))
    hour.write(OTHER)
    assert "lantern" not in page(hour)
    assert "shadow" not in journal(hour)


# ---------------------------------------------------------------- what was done about either


def two(hour: Hour, **more: object) -> tuple[Post, Post]:
    """Two entries, and the second as it is told once its author's name is known: they are one."""
    one = post("1", f"A1: {LONG} #WardChat", at=hour.now)
    other = post("2", f"A1: {LONG} #WardChat", network="bluesky", at=hour.now)
    nameless = msgspec.structs.replace(other, author=msgspec.structs.replace(other.author, name=""), url=None)
    hour.write(one, nameless)
    assert sorted(hour.entries) == [1, 2]
    return one, other


@pytest.mark.parametrize("no", [1, 2])
@pytest.mark.parametrize("verb", ["hide", "like", "promote", "dismiss", "report", "reply", "move"])
def test_what_hosts_did_about_either_holds_for_the_one_that_stays(verb: str, no: int) -> None:
    hour = at(16)
    _, other = two(hour)
    more = {
        "promote": " How do we listen?",
        "report": " It names a patient",
        "reply": " Thank you",
        "move": " Q1",
    }
    assert hour.command(verb, f"{no}{more.get(verb, '')}").startswith("Done")
    hour.write(other)
    assert sorted(hour.entries) == [1]
    assert hour.command("hide", "2").startswith("Entry 2 is one with entry 1 now")
    chat = hour.session.state.chats["handovers"]
    match verb:
        case "hide":
            assert hour.mirrored() == {}
            (notice,) = [n for n in hour.notices() if "off our screens" in n.text]
            assert {b.item for b in notice.buttons} == {"1"}
            assert hour.command("restore", "1") == "Done: entry 1 is shown."
            assert list(hour.mirrored()) == [1]
        case "like":
            assert hour.command("hide", "1").startswith("Done")
            assert hour.endorsed == {}
        case "promote":
            assert hour.command("promote", "1 Again?") == "Entry 1 is already Q4; nothing was done."
            hour.command("erase", "1")
            assert any("was made of entry 1" in n.text for n in hour.notices())
        case "dismiss":
            assert chat.dismissed == [1]
        case "report":
            network = "mastodon" if no == 1 else "bluesky"
            said = hour.command("report", "1 It names a patient", on=network)
            assert said.startswith("Entry 1 is already reported")
        case "reply":
            assert [given.entry for given in chat.replies.values()] == [1]
            hour.command("erase", "1")
            assert not any("Thank you" in text for name in hour.standing for text in hour.texts(name))
        case "move":
            assert hour.placed(other) == ((1,), "host")
    replays(hour)


def test_an_order_that_is_under_way_is_settled_for_the_one_that_stays() -> None:
    hour = at(6)
    _, other = two(hour)
    hour.down.add("bluesky")
    hour.command("like", "2")
    hour.write(other)
    hour.refusing["bluesky"] = "not today"
    hour.down.clear()
    hour.deliver()
    assert any("entry 1 could not be liked" in n.text for n in hour.notices())


def test_what_one_of_them_removed_can_be_erased_with_the_other() -> None:
    hour = at(6)
    _, other = two(hour)
    gone = hour.session.state.chats["handovers"].timeline.left
    gone[2] = ["bluesky:9"]
    hour.write(other)
    assert gone == {1: ["bluesky:9"]}


@pytest.mark.parametrize("no", [1, 2])
def test_who_is_held_in_one_is_held_in_both(no: int) -> None:
    hour = at(6)
    one = post("1", f"A1: {LONG} #WardChat", at=hour.now)
    other = post("2", f"A1: {LONG} #WardChat", network="bluesky", at=hour.now)
    nameless = msgspec.structs.replace(other, author=msgspec.structs.replace(other.author, name=""), url=None)
    hour.write(one, nameless)
    hour.entries[no].held = "a link in the first post of"
    hour.write(other)
    assert hour.mirrored() == {}
    assert hour.command("show", "1") == "Done: entry 1 is shown."
    assert list(hour.mirrored()) == [1]


# ---------------------------------------------------------------- what goes out


@pytest.mark.parametrize("stage", ["asked", "approved"])
def test_what_goes_out_of_an_entry_goes_out_of_the_one_it_becomes(stage: str) -> None:
    """It was written in the room as well as out there, and only later it shows by whom: the room's is the second."""
    hour = hour_with(theirs())
    words = f"A1: {LONG} #WardChat"
    hour.write(
        post("2", words, network="bluesky", by=person("lowe", "bluesky", name="Ann Lowe"), at=hour.now)
    )
    unnamed = msgspec.structs.replace(ANN, name="")
    said = answer(hour, words=words, by=unnamed)
    assert sorted(hour.entries) == [1, 2, 3]
    assert send(hour, "3").startswith("Done")
    if stage == "approved":
        hour.command("approve", "3")
        assert len(sent(hour)) == 1
    hour.write(msgspec.structs.replace(said, author=ANN, url="https://slack.example/told-again"))
    assert sorted(hour.entries) == [1, 2]
    assert {b.item for n in hour.notices() for b in n.buttons if b.verb in ("approve", "takeback")} == {"2"}
    if stage == "asked":
        assert hour.command("approve", "2").startswith("Done")
    assert len(sent(hour)) == 1
    hour.remove(said)
    assert sent(hour) == [], "its author took it away"
    replays(hour)
