"""What Slack is shown: inert, readable aloud, and within its limits, as the stand-in server judges them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import LIMITS, blocks
from adapters.slack.blocks import Message
from adapters.slack.controls import TooLong
from bridge.model import (
    Card,
    Content,
    Gathered,
    Media,
    Notice,
    Span,
    Text,
    Words,
)
from bridge.text import marked
from simulator.slack import rules

AT = 1_521_576_000_000_000  # 2018-03-20 20:00 UTC
EVIL = "<!channel> <@U1> *bold* _it_ ~no~ `code` :tada: &amp; <https://evil.example|bank.example>\n> quote"


def card(no: int = 42, text: Text | str = "We meet.", **more: Any) -> Card:
    words = Text(text) if isinstance(text, str) else text
    about: dict[str, Any] = {
        "heading": f"A3 · {no}",
        "name": "Ann ✅",
        "handle": "@ann@tea.example",
        "networks": ("Mastodon",),
        "url": f"https://tea.example/@ann/{no}",
        "avatar": "https://tea.example/ann.png",
    }
    return Card(no=no, text=words, at=AT, **(about | more))


def shown(content: Content, **how: Any) -> Message:
    """The message; the stand-in accepts it as new and as a change."""
    made = blocks.message(content, **how)
    given = made.arguments()
    for update in (False, True):
        rules.check(given["text"], given["blocks"], given["attachments"], update=update)
    return made


def elements(made: Message) -> list[dict[str, Any]]:
    return [e for b in made.blocks if b["type"] == "rich_text" for s in b["elements"] for e in s["elements"]]


def read(made: Message) -> str:
    return rules.readable(made.arguments())


# ---------------------------------------------------------------- our words


def test_our_words_have_their_links() -> None:
    made = shown(Words(marked("Welcome to #Tea! All: https://tea.example/a?b=1&c=2 & more")))
    assert made.arguments()["text"] == "Welcome to #Tea! All: <https://tea.example/a?b=1&amp;c=2> &amp; more"
    assert [e["type"] for e in elements(made)] == ["text", "link", "text"]
    assert read(made) == "Welcome to #Tea! All: https://tea.example/a?b=1&c=2 & more"


def test_words_too_long_are_refused_before_slack_cuts_them() -> None:
    shown(Words(Text("x" * LIMITS.graphemes)))
    with pytest.raises(TooLong, match="longer than 3,500"):
        blocks.message(Words(Text("x" * (LIMITS.graphemes + 1))))
    with pytest.raises(TooLong, match="empty"):
        blocks.message(Words(Text(" ")))


def test_a_picture_is_shown_or_described() -> None:
    made = shown(
        Words(
            Text("Q1"),
            media=(
                Media("https://tea.example/q1.png", alt="A pot"),
                Media("q2.png", alt="A cup"),
                Media("file:///q3.png", alt="A spoon"),
            ),
        ),
        files={"file:///q3.png": "F3"},
    )
    assert made.blocks[1] == {
        "type": "image",
        "image_url": "https://tea.example/q1.png",
        "alt_text": "A pot",
    }
    assert "Picture: A cup" in read(made)
    assert made.blocks[3] == {"type": "image", "slack_file": {"id": "F3"}, "alt_text": "A spoon"}
    assert made.arguments()["text"] == "Q1\nPicture: A pot\nPicture: A cup\nPicture: A spoon"


# ---------------------------------------------------------------- strangers' words


@pytest.mark.parametrize(
    "content",
    [
        Gathered((card(text=EVIL, name=EVIL, handle=EVIL, heading=EVIL),)),
        Gathered((card(text=EVIL, name=EVIL, handle=EVIL), card(43, text=EVIL))),
        Gathered(
            (
                card(
                    text=EVIL, quoted="https://tea.example/7", media=(Media("https://a.example/p", alt=EVIL),)
                ),
            )
        ),
        Gathered((card(text=EVIL, warning=EVIL, media=(Media("https://tea.example/p", alt=EVIL),)),)),
        Notice(EVIL, card=card(text=EVIL)),
        Words(Text(EVIL)),
    ],
)
def test_nothing_a_stranger_writes_is_parsed(content: Content) -> None:
    made = shown(content).arguments()
    assert "<!" not in made["text"]
    assert "<@" not in made["text"]
    for attachment in made["attachments"]:
        assert attachment["mrkdwn_in"] == []
        assert "<" not in attachment["text"] + attachment["fallback"]
    for parsed in _of_type("mrkdwn", made["blocks"]):
        ours = {"<https://tea.example/@ann/42|open>", "quotes <https://tea.example/7|a post>"}
        assert parsed["text"] in ours, "what Slack parses is ours"
    for plain in _of_type("plain_text", made["blocks"]):
        assert plain["emoji"] is False
    assert {e["type"] for e in _elements(made["blocks"])} <= {"text", "link"}


def test_a_link_does_not_hide_where_it_leads() -> None:
    words = "Read example.org/long… or click here or run"
    spans = (
        Span(5, 22, "link", "https://example.org/long/way"),
        Span(26, 36, "link", "https://evil.example/x"),
        Span(40, 43, "link", "javascript:alert(1)"),
    )
    made = shown(Gathered((card(text=Text(words, spans)),)))
    links = [(e["text"], e["url"]) for e in elements(made) if e["type"] == "link"]
    assert links == [
        ("example.org/long…", "https://example.org/long/way"),
        ("https://evil.example/x", "https://evil.example/x"),
    ]
    assert "click here (https://evil.example/x) or run" in read(made)
    assert "click here (<https://evil.example/x>) or run" in made.arguments()["text"]


@pytest.mark.parametrize(
    "url", ["https://x.example/a|b> <!channel>", "https://x.example/\n", "javascript:1", ""]
)
def test_no_address_breaks_out(url: str) -> None:
    made = shown(Gathered((card(url=url), card(43, url=url)))).arguments()
    one = shown(Gathered((card(url=url),))).arguments()
    for parsed in _of_type("mrkdwn", one["blocks"]):
        assert parsed["text"].count("<") == parsed["text"].count(">") == parsed["text"].count("|") == 1
    assert "<!" not in json.dumps([made, one])


# ---------------------------------------------------------------- entries


def test_an_entry_stands_under_its_authors_name() -> None:
    made = shown(Gathered((card(networks=("Mastodon", "Bluesky"), host=True, edited=True),)))
    given = made.arguments()
    assert given["username"] == "Ann (Mastodon)", "no emoji that could pass for a badge"
    assert given["icon_url"] == "https://tea.example/ann.png"
    heading = made.blocks[0]["elements"]
    assert heading[0]["text"] == "A3 · 42 · @ann@tea.example · Mastodon, Bluesky · host · edited"
    assert heading[1]["text"] == "<https://tea.example/@ann/42|open>"
    assert given["text"].endswith("Mastodon, Bluesky · host · edited: We meet.")


def test_a_changed_entry_says_its_name_in_the_message() -> None:
    made = shown(Gathered((card(),)), named=True)
    assert made.blocks[0]["elements"][0]["text"] == "A3 · 42 · Ann · @ann@tea.example · Mastodon"


def test_words_behind_a_warning_are_folded() -> None:
    picture = Media("https://tea.example/p.png", alt="The wound")
    for cards in (
        (card(text="It bled.", warning="injury", media=(picture,)),),
        (card(warning="injury"), card(43)),
    ):
        made = shown(Gathered(cards))
        (folded,) = made.attachments
        before = folded["text"].partition(cards[0].text.plain)[0]
        assert before.count("\n") > 5, "Slack folds from five line breaks on"
        assert "Content warning: injury" in made.arguments()["text"]
        in_the_open = json.dumps([made.blocks, made.arguments()["text"]])
        assert "It bled." not in in_the_open
        assert "The wound" not in in_the_open
        assert cards[0].text.plain in read(made), "they are there"
    ours = shown(Words(Text("Q1"), warning="injury", media=(Media("file:///home/lucy/q1.png"),)))
    assert "Picture: without a description" in read(ours)
    assert "lucy" not in json.dumps(ours.arguments())


def test_pictures_are_shown_with_their_description_and_other_media_linked() -> None:
    media = (
        Media("https://tea.example/p.png", alt="A pot"),
        Media("https://tea.example/bare.png"),
        Media("https://tea.example/v", kind="video", alt="Pouring"),
    )
    made = shown(Gathered((card(media=media),)))
    pictures = [(b["image_url"], b["alt_text"]) for b in made.blocks if b["type"] == "image"]
    assert pictures == [
        ("https://tea.example/p.png", "A pot"),
        ("https://tea.example/bare.png", "Picture (without a description)"),
    ]
    links = [(e["text"], e["url"]) for e in elements(made) if e["type"] == "link"]
    assert links == [("Video", "https://tea.example/v")]
    heard = made.arguments()["text"]
    assert heard.endswith("We meet.\nPicture: A pot\nPicture (without a description)\nVideo: Pouring")


@pytest.mark.parametrize(
    "url",
    [
        "http://tea.example/p.png",
        "https://127.0.0.1/p.png",
        "https://[::1]/p.png",
        "https://[broken/p.png",
        "https://printer/p.png",
        "https://me:secret@tea.example/p.png",
        "https://tea.example/" + "x" * 3000,
        "file:///etc/passwd",
    ],
)
def test_a_picture_slack_has_no_business_to_fetch_is_described(url: str) -> None:
    made = shown(Gathered((card(media=(Media(url, alt="A pot"),)),)))
    assert not made.illustrated
    assert "Picture: A pot" in read(made)


def test_pictures_can_all_be_described() -> None:
    media = (Media("https://tea.example/p.png", alt="A pot"), Media("file:///q1.png", alt="A cup"))
    for content in (Gathered((card(media=media),)), Words(Text("Q1"), media=media)):
        made = shown(content, files=None)
        assert not made.illustrated
        assert "Picture: A pot" in read(made)
        assert "Picture: A cup" in read(made)


def test_what_an_entry_quotes_is_a_link() -> None:
    quoting = card(quoted="https://tea.example/@bo/7")
    one = shown(Gathered((quoting,)))
    assert one.blocks[0]["elements"][2]["text"] == "quotes <https://tea.example/@bo/7|a post>"
    assert "Mastodon · quotes a post: We meet." in one.arguments()["text"]
    links = [e for e in elements(shown(Gathered((quoting, card(43))))) if e["type"] == "link"]
    assert [(e["text"], e["url"]) for e in links][:2] == [
        ("open", quoting.url),
        ("a post", "https://tea.example/@bo/7"),
    ]
    assert "quotes" not in json.dumps(shown(Gathered((card(quoted="javascript:1"),))).arguments())


def test_a_servers_own_emoji_stays_a_word() -> None:
    words = Text("Good :blobtea: :tada:", (Span(5, 14, "emoji", "https://tea.example/blobtea.png"),))
    made = shown(Gathered((card(text=words),)))
    assert [e for e in elements(made) if e["type"] != "text"] == []
    assert "Good :blobtea: :tada:" in read(made)


def test_many_entries_share_a_message() -> None:
    made = shown(Gathered(tuple(card(n, text=f"word{n} " * 60) for n in range(45)), short=True))
    assert len(made.blocks) == 5, "each block costs room of its own"
    assert made.username is None
    for n in range(45):
        assert f"A3 · {n} · Ann · @ann@tea.example · Mastodon · open\nword{n} word{n}" in read(made)
    with pytest.raises(TooLong, match="200 entries"):
        blocks.message(Gathered(tuple(card(n) for n in range(200))))
    with pytest.raises(TooLong, match="no entry"):
        blocks.message(Gathered(()))


def test_each_of_several_is_cut_with_its_link() -> None:
    made = shown(Gathered((card(text="x" * 1000), card(43, text="y" * 1000)), short=True))
    assert "x" * 239 + "…" in read(made)
    assert "x" * 240 not in read(made)
    assert [e["url"] for e in elements(made) if e["type"] == "link"] == [card().url, card(43).url]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            card,
            st.integers(1, 9999),
            text=st.text(max_size=600) | st.sampled_from(["護理" * 2000, "👩‍👩‍👧‍👦" * 900, "&<>" * 900, ""]),
            name=st.text(max_size=40),
            warning=st.none() | st.text(min_size=1, max_size=20),
            url=st.none() | st.just("https://tea.example/" + "x" * 80),
            quoted=st.none() | st.just("https://tea.example/7"),
            media=st.lists(
                st.builds(
                    Media,
                    st.sampled_from(["https://tea.example/p", "https://tea.example/q", "file:///q", "?"]),
                    st.sampled_from(["image", "video"]),
                    st.text(max_size=3000),
                ),
                max_size=6,
            ).map(tuple),
        ),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
)
def test_whatever_the_entries_are_slack_takes_them(cards: list[Card], short: bool) -> None:
    shown(Gathered(tuple(cards), short=short))


def test_few_entries_stand_apart_and_many_below_each_other() -> None:
    few = shown(Gathered(tuple(card(n) for n in range(10)), short=True))
    assert len(few.blocks) == 10
    many = shown(Gathered(tuple(card(n) for n in range(11)), short=True))
    assert len(many.blocks) == 2
    lines = read(many).splitlines()
    for n in range(11):
        at = lines.index(f"A3 · {n} · Ann · @ann@tea.example · Mastodon · open")
        assert lines[at + 1].strip() == "We meet."


def test_what_many_entries_say_is_cut_no_more_than_it_must() -> None:
    """Fifty answers of 200 characters: each keeps its heading and its link, and as many words as fit."""
    words = "We meet on the first Tuesday, whoever comes. " * 5
    fifty = tuple(
        card(n, text=words[:200], name="Nurse 07", url=f"https://tea.example/@n/{n}") for n in range(50)
    )
    made = shown(Gathered(fifty, short=True))
    assert blocks.TOTAL - 50 * 40 < made.weight <= blocks.TOTAL
    said = [e["text"] for e in elements(made) if e["text"].startswith("We meet")]
    assert len(said) == 50
    assert min(len(s) for s in said) > 90


def test_what_slack_counts_is_counted() -> None:
    bare = shown(Gathered((card(text="xxxx"), card(43)))).weight
    assert shown(Gathered((card(text="<&>😀"), card(43)))).weight == bare + 3 + 4 + 3 + 1
    assert shown(Gathered((card(text="xxxx"), card(43), card(44)))).weight > bare + blocks.BLOCK


@pytest.mark.parametrize("cards", [1, 3])
def test_nothing_others_choose_is_endless(cards: int) -> None:
    endless = "https://tea.example/" + "x" * 40_000
    long = "word " * 8_000
    media = tuple(Media(f"https://tea.example/{n}", alt=long) for n in range(40))
    given = card(text=long, name=long, handle=long, url=endless, quoted=endless, media=media)
    made = shown(Gathered((given,) * cards))
    assert f"A3 · 42 · {'word ' * 11}word…" in (made.arguments()["text"])
    assert endless not in json.dumps(made.arguments())
    shown(Gathered((card(warning=long),) * cards))
    shown(Notice(long, card=given))


MARKS = "\u202e\u2066\u2067\u2068\u202d\u200f\u061c"


def test_nobody_turns_around_what_stands_beside_their_words() -> None:
    picture = Media("file:///p", alt=f"pot{MARKS}")
    evil = card(text=f"tea{MARKS}", name=f"Ann{MARKS}", handle=f"@ann{MARKS}", warning=None, media=(picture,))
    for cards in ((evil,), (evil, card(43)), (card(warning=f"w{MARKS}", text=f"t{MARKS}"), card(43))):
        wire = json.dumps(shown(Gathered(cards)).arguments(), ensure_ascii=False)
        assert not set(MARKS) & set(wire)


def test_a_name_from_right_to_left_keeps_to_itself() -> None:
    made = shown(Gathered((card(name="سارة", handle="@سارة@tea.example"), card(43))))
    assert "A3 · 42 · \u2068سارة\u2069 · \u2068@سارة@tea.example\u2069 · Mastodon" in read(made)


def _of_type(kind: str, thing: Any) -> list[dict[str, Any]]:
    if isinstance(thing, list):
        return [found for item in thing for found in _of_type(kind, item)]
    if isinstance(thing, dict):
        own = [thing] if thing.get("type") == kind else []
        return own + _of_type(kind, list(thing.values()))
    return []


def _elements(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for s in _of_type("rich_text_section", shown) for e in s["elements"]]
