"""Who is who, what they ask of us, and which chat a post belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.chat.community import (
    DOORS,
    People,
    Person,
    by_tag,
    has_link,
    is_host,
    is_private,
    said_to_us,
    withhold,
)
from bridge.model import HOUR, MINUTE, AuthorKnown, Media, Post, Span, Text, Wishes
from bridge.settings import Host
from tests.unit.make import STARTS, Hour, chat, community, person, post

OURS = "acct:chat@ward.example"


# ---------------------------------------------------------------- hosts

HOSTS = chat(
    hosts=(
        Host(
            "Wren Adair",
            (("mastodon", "@Wren@ward.example"), ("slack", "UHOST"), ("bluesky", "wren.example")),
        ),
        Host("Guest", (("mastodon", ""),)),
        Host("By id", (("bluesky", "did:plc:byid"),)),
    )
)


@pytest.mark.parametrize(
    ("network", "account", "handle", "expected"),
    [
        ("mastodon", "acct:wren@ward.example", "", True),
        ("mastodon", "acct:WREN@ward.example", "", True),
        ("mastodon", "other", "@wren@ward.example", True),
        ("slack", "slack:T1/UHOST", "", True),
        ("bluesky", "did:plc:xyz", "wren.example", True),
        ("bluesky", "did:plc:byid", "", True),
        # not hosts
        ("bluesky", "acct:wren@ward.example", "", False),  # of another network
        ("mastodon", "acct:awren@ward.example", "", False),
        ("mastodon", "acct:wren@ward.example.evil", "", False),
        ("mastodon", "acct:anybody@else.example", "", False),  # an empty handle is nobody's
        ("slack", "slack:T1/UHOSTILE", "", False),
        ("slack", "slack:T1/XUHOST", "", False),
        ("slack", "slack:T1/UX", "Wren Adair", False),  # never by name
    ],
)
def test_hosts_are_configured_accounts(network: str, account: str, handle: str, expected: bool) -> None:
    assert is_host(HOSTS, network, account, handle) is expected


# ---------------------------------------------------------------- what people ask of us


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("@chat stop", "stop"),
        ("@chat@ward.example STOP!", "stop"),
        ("stop @chat", "stop"),
        ("@chat start.", "start"),
        ("@chat forget me", "forget"),
        ("@chat  Forget   Me", "forget"),
        ("@chat my record", "record"),
        ("@chat please stop asking about this", None),
        ("@chat A3: stop", None),
        ("@chat", None),
    ],
)
def test_commands_to_the_account(words: str, ask: str | None) -> None:
    assert said_to_us(post("1", words, mentions=(OURS,)), OURS) == ask


def test_only_said_to_us() -> None:
    assert said_to_us(post("1", "@ann stop", mentions=("acct:ann@ward.example",)), OURS) is None
    assert said_to_us(post("1", "stop"), OURS) is None
    assert said_to_us(post("1", "stop", mentions=(OURS,)), None) is None


# ---------------------------------------------------------------- people


@pytest.mark.parametrize(
    ("someone", "out"),
    [
        (Person("a"), False),
        (Person("a", told={"mastodon": Wishes(nobridge=True)}), True),
        (Person("a", told={"mastodon": Wishes(nobot=True)}), True),
        (Person("a", told={"mastodon": Wishes(nobot=True)}, stopped=False), False),  # its owner says "start"
        (Person("a", stopped=True), True),
    ],
)
def test_what_they_told_us_counts_more_than_the_profile(someone: Person, out: bool) -> None:
    assert someone.opted_out is out


def test_wishes_are_news_once() -> None:
    people = People()
    assert people.known("mastodon", AuthorKnown("a"))
    assert not people.known("mastodon", AuthorKnown("a"))
    assert people.known("mastodon", AuthorKnown("a", Wishes(nobridge=True)))


def test_looking_remembers_nobody() -> None:
    people = People()
    assert people.of("a") == Person("a")
    assert people.all == {}


@pytest.mark.parametrize(
    ("one", "other", "links", "expected"),
    [
        ({"name": "Nurse 07"}, {"name": "nurse 07 ✅"}, (), True),
        ({"name": ""}, {"name": ""}, (), False),
        ({"name": "🙂"}, {"name": "🙂"}, (), False),  # nothing is left to compare
        ({"name": "Ann"}, {"name": "Ben"}, (), False),
        ({"name": "Ann"}, {"name": "Ben"}, ("https://bluesky.example/nurse/",), True),
        ({"name": "Ann"}, {"name": "Ben", "url": None}, ("https://bluesky.example/nurse/",), False),
    ],
)
def test_the_same_person(one: Any, other: Any, links: tuple[str, ...], expected: bool) -> None:
    people = People()
    here = post("1", by=person("nurse", **one))
    there = post("2", network="bluesky", by=person("nurse", "bluesky", **other))
    people.known("mastodon", AuthorKnown(here.author.account, Wishes(links=links)))
    assert people.same(here, there) is people.same(there, here) is expected


# ---------------------------------------------------------------- posts


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (post("1", "see https://a.example"), True),
        (post("1", Text("see this", (Span(4, 8, "link", "https://a.example"),))), True),
        (post("1", "see #Care and @ann"), False),
        (post("1", "see ward.example"), False),
    ],
)
def test_has_link(what: Post, expected: bool) -> None:
    assert has_link(what) is expected


@pytest.mark.parametrize(
    ("reach", "private"),
    [("public", False), ("quiet", False), ("room", False), ("limited", True), ("direct", True)],
)
def test_quiet_posts_are_public(reach: Any, private: bool) -> None:
    assert is_private(post("1", reach=reach)) is private


def test_withheld_words_are_gone_altogether() -> None:
    what = post(
        "1", "A3: secret", warning="a secret", media=(Media("https://a.example/x.png", alt="secret"),)
    )
    kept = withhold(what)
    assert kept.text == Text("A3.")
    assert "secret" not in repr(kept)


# ---------------------------------------------------------------- belonging

LATER = chat(id="rounds", starts=STARTS + 2 * HOUR, ends=STARTS + 3 * HOUR, late_until=STARTS + 27 * HOUR)
OTHER = chat(id="other", hashtag="Andere")


@pytest.mark.parametrize(
    ("minutes", "words", "expected"),
    [
        (10, "#WardChat", "handovers"),
        (10, "#wardCHAT", "handovers"),
        (10, "#Andere", "other"),
        (10, "hello", None),
        (10, "#WardChats", None),
        (-30, "#WardChat", "handovers"),  # the doors open
        (-31, "#WardChat", None),
        (60, "#WardChat", "handovers"),
        (89, "#WardChat", "handovers"),  # its late window
        (90, "#WardChat", "rounds"),  # the other's doors
        (120, "#WardChat", "rounds"),
        (181, "#WardChat", "handovers"),  # both late: the first
        (25 * 60, "#WardChat", "rounds"),
        (27 * 60, "#WardChat", None),
    ],
)
def test_the_chat_whose_tag_a_post_bears(minutes: int, words: str, expected: str | None) -> None:
    config = community(chat(), LATER, OTHER)
    windows = [(c, c.starts, c.ends, c.late_until) for c in config.chats]
    assert by_tag(windows, post("1", words, at=STARTS + minutes * MINUTE)) == expected
    assert DOORS == 30 * MINUTE


def test_a_thread_is_stronger_than_the_tag_and_the_hour() -> None:
    """A reply belongs to its thread's chat, even in another chat's hour."""
    hour = Hour(community(chat(), LATER))
    hour.until(7)
    first = post("1", "A1: we listen #WardChat", at=hour.now)
    hour.write(first)
    hour.until(125)
    reply = post("2", "still true #WardChat", at=hour.now, reply_to=first.ref)
    hour.write(reply)
    chats = hour.session.state.chats
    assert chats["handovers"].timeline.at(reply.ref) is not None
    assert chats["rounds"].timeline.at(reply.ref) is None


@pytest.mark.parametrize("how", ["reply_to", "root", "quotes"])
def test_what_hangs_on_a_question_belongs_without_the_tag(how: str) -> None:
    hour = Hour()
    hour.until(6)
    question = hour.copy_of("q1")
    hangs: Any = {how: (question,) if how == "quotes" else question}
    answer = post("1", "we listen", at=hour.now, **hangs)
    hour.write(answer)
    assert hour.placed(answer) == ((1,), "thread")


def test_what_hangs_on_nothing_of_ours_and_bears_no_tag_is_not_kept() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "we listen", at=hour.now))
    assert hour.entries == {}
