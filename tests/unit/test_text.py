"""Words with spans: counted, cut and split as networks count and people read."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bridge.model import Limits, Span, Text
from bridge.text import (
    count,
    cut,
    fits,
    graphemes,
    hashtags,
    joined,
    length,
    marked,
    normalised,
    part,
    person,
    split,
    stripped,
    tame,
    tamed,
    unaddressed,
)

MASTODON = Limits(500, url=23, local_mentions=True)
BLUESKY = Limits(300, bytes=3000)
FAMILY = "👩‍👩‍👧‍👦"
PIECES = [
    *("a", "word", "Mitwirkung", "What?", "So.", "e.g.", "…", "“quoted.”", "\n", "\n\n", " ", "  "),
    *("https://ward.example/rounds?q=1", "https://a.example", "#Care", "#WardChat", "@ann@ward.example"),
    *(
        "🙂",
        FAMILY,
        "🇬🇧🇨🇾",
        "é",
        "e\u0301",
        "नमस्ते",
        "実践コミュニティ",
        "مرحبا",
        "👍🏽",
        "\u0301",
        "a\u0308\u0323",
    ),
]
prose = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=60).map("".join)
spaced = st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join)
words = prose | spaced
small = st.builds(
    Limits,
    st.integers(60, 120),
    st.none() | st.integers(300, 600),
    st.none() | st.just(23),
    st.booleans(),
)
tags = st.sampled_from(["", "WardChat", "Pflege"])


def bare(plain: str) -> str:
    return "".join(plain.split())


# ---------------------------------------------------------------- counting


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("", 0),
        ("abc", 3),
        ("a\r\nb", 3),
        ("é", 1),
        ("e\u0301", 1),
        (FAMILY, 1),
        ("🇬🇧🇨🇾", 2),
        ("👍🏽", 1),
        ("e\u0301\u0323", 1),
        ("한국어", 3),
        ("☑️", 1),
    ],
)
def test_count(plain: str, expected: int) -> None:
    assert count(plain) == expected == len(list(graphemes(plain)))


@given(words)
def test_graphemes_lose_nothing(plain: str) -> None:
    assert "".join(graphemes(plain)) == plain
    assert count(plain) == len(list(graphemes(plain)))


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        (marked("see https://a.example now"), Limits(500), 25),
        (marked("see https://a.example now"), MASTODON, 31),
        (marked(f"https://a.example/{'x' * 300}"), MASTODON, 23),
        (Text("hi @ann@ward.example", (Span(3, 20, "mention", "ann@ward.example"),)), MASTODON, 7),
        (Text("hi @ann@ward.example", (Span(3, 20, "mention", "ann@ward.example"),)), BLUESKY, 20),
        (Text("hi @ann", (Span(3, 7, "mention", "ann@ward.example"),)), MASTODON, 7),
    ],
)
def test_length(text: Text, limits: Limits, expected: int) -> None:
    assert length(text, limits) == expected


@pytest.mark.parametrize(
    ("plain", "limits", "expected"),
    [
        ("x" * 500, MASTODON, True),
        ("x" * 501, MASTODON, False),
        (FAMILY * 120, BLUESKY, True),
        (FAMILY * 121, BLUESKY, False),  # 121 graphemes, 3,025 bytes
    ],
)
def test_fits(plain: str, limits: Limits, expected: bool) -> None:
    assert fits(Text(plain), limits) is expected


# ---------------------------------------------------------------- marking


@pytest.mark.parametrize(
    ("plain", "spans"),
    [
        ("Read https://a.example/b?c=d#e.", [("link", "https://a.example/b?c=d#e")]),
        ("(https://a.example)", [("link", "https://a.example")]),
        ("#Care and #Ward_Chat!", [("tag", "Care"), ("tag", "Ward_Chat")]),
        ("＃ケア も", [("tag", "ケア")]),
        ("#1 and #2026 are numbers, #2026a is not", [("tag", "2026a")]),
        ("C#sharp a/#b &#39;", []),
        ("https://a.example/#Care", [("link", "https://a.example/#Care")]),
        ("@ann@ward.example", []),  # we never mention
    ],
)
def test_marked(plain: str, spans: list[tuple[str, str]]) -> None:
    text = marked(plain)
    assert [(s.kind, s.value) for s in text.spans] == spans
    for span in text.spans:
        shown = plain[span.start : span.end]
        assert shown.lstrip("#＃") == span.value


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("#WardChat #wardchat", ("wardchat",)),
        ("#Straße", ("strasse",)),
        ("https://a.example/#Care x", ()),
        ("#हिन्दी", ("हिन्दी",)),
        ("#ไทยที่ดี ok", ("ไทยที่ดี",)),
    ],
)
def test_hashtags(plain: str, expected: tuple[str, ...]) -> None:
    assert hashtags(plain) == expected


@given(words, words)
def test_joined_and_part_are_inverse(one: str, other: str) -> None:
    both = joined(marked(one), marked(other))
    assert part(both, 0, len(one)) == marked(one)
    assert part(both, len(one)) == marked(other)


@given(words)
def test_stripped(plain: str) -> None:
    assert stripped(marked(plain)).plain == plain.strip()


# ---------------------------------------------------------------- cutting


@given(words, st.integers(1, 40))
def test_cut_is_short_enough_and_a_beginning(plain: str, size: int) -> None:
    text = marked(plain)
    short = cut(text, size)
    assert count(short.plain) <= size
    if short is not text:
        assert short.plain.endswith("…")
        assert plain.lstrip().startswith(short.plain[:-1])
    assert all(s in text.spans for s in short.spans) or plain != plain.lstrip()


@pytest.mark.parametrize(
    ("plain", "size", "expected"),
    [
        ("short", 5, "short"),
        ("a bit longer", 6, "a bit…"),
        (f"{FAMILY}{FAMILY}{FAMILY}", 2, f"{FAMILY}…"),
        ("see https://a.example/b for more", 20, "see…"),
        ("see #Care", 7, "see…"),
    ],
)
def test_cut(plain: str, size: int, expected: str) -> None:
    assert cut(marked(plain), size).plain == expected


# ---------------------------------------------------------------- splitting


@pytest.mark.parametrize("tag", ["", "WardChat"])
def test_what_fits_is_one_post(tag: str) -> None:
    (only,) = split(marked("Q1 What is a ward round?"), MASTODON, tag)
    assert only.plain == "Q1 What is a ward round?" + (f" #{tag}" if tag else "")
    assert only == marked(only.plain)


def test_split_at_sentences_first_then_words() -> None:
    sentence = "Ten words make up this rather plain and quiet sentence. "
    parts = split(marked(sentence * 4 + "x" * 100 + " end"), Limits(120), "WardChat")
    assert [p.plain for p in parts] == [
        (sentence * 1).strip() + " #WardChat 1/5",
        (sentence * 1).strip() + " #WardChat 2/5",
        (sentence * 1).strip() + " #WardChat 3/5",
        (sentence * 1).strip() + " #WardChat 4/5",
        "x" * 100 + " end #WardChat 5/5",
    ]


def test_a_short_first_sentence_does_not_stand_alone() -> None:
    """A part is filled reasonably: "Yes." with a mark behind it is no post."""
    parts = split(marked("Yes. " + "and so we went on " * 30), Limits(300))
    assert count(parts[0].plain) > 200


@given(words, small)
@example("x" * 50 + '"https://ward.example/rounds?q=1"' * 3, Limits(80))
@example("x" * 70 + "„#Care“" * 3, Limits(80))
@example("a " * 60 + " \u0301b", Limits(60))
@example("a " * 27 + "  \u0301b" + "c" * 30, Limits(60))
def test_split_loses_and_breaks_nothing(plain: str, limits: Limits) -> None:
    text = marked(plain)
    assume(all(s.end - s.start < 40 for s in text.spans))
    assume(max((len(c.encode()) for c in graphemes(plain)), default=0) < 200)
    parts = split(text, limits)
    bodies = [p.plain for p in parts]
    if len(parts) > 1:
        bodies = [b.removesuffix(f" {n}/{len(parts)}") for n, b in enumerate(bodies, start=1)]
        assert [len(p.plain) for p in parts] != [len(b) for b in bodies]
    assert all(fits(p, limits) for p in parts)
    assert bare("".join(bodies)) == bare(plain)
    assert [s.value for p in parts for s in p.spans] == [s.value for s in text.spans]
    assert all(p.plain[s.start : s.end].lstrip("#＃") == s.value for p in parts for s in p.spans)
    assert _clusters("\n".join(bodies)) == _clusters(plain)


@given(words, small, st.sampled_from(["WardChat", "Pflege", "Care"]))
def test_every_part_bears_the_tag_and_its_number(plain: str, limits: Limits, tag: str) -> None:
    parts = split(marked(plain), limits, tag)
    for n, piece in enumerate(parts, start=1):
        assert tag.casefold() in hashtags(piece.plain)
        assert tag.casefold() in [s.value.casefold() for s in piece.spans if s.kind == "tag"]
        assert len(parts) == 1 or piece.plain.endswith(f" {n}/{len(parts)}")
        assert piece.plain == piece.plain.strip()


def _clusters(plain: str) -> Counter[str]:
    """What a reader takes for characters; the accent that stood on a space may stand alone."""
    return Counter(c.strip() for c in graphemes(plain) if not c.isspace())


@given(words, small, tags)
def test_split_again_is_the_same(plain: str, limits: Limits, tag: str) -> None:
    assert split(marked(plain), limits, tag) == split(marked(plain), limits, tag)


def test_a_hundred_parts_know_their_number() -> None:
    parts = split(Text("word " * 1000), Limits(60), "WardChat")
    assert len(parts) > 99
    assert all(fits(p, Limits(60)) for p in parts)
    assert parts[-1].plain.endswith(f"{len(parts)}/{len(parts)}")


@pytest.mark.timeout(20)
def test_a_long_text_takes_no_longer_for_each_of_its_parts() -> None:
    """It took minutes once: the whole rest was counted for each part, and all of it again for each more."""
    parts = split(marked("See https://a.example/ward? " * 4_000), Limits(300, bytes=3_000), "WardChat")
    assert len(parts) > 350
    assert sum(p.plain.count("https://a.example/ward") for p in parts) == 4_000


def test_a_link_longer_than_a_post_still_ends() -> None:
    parts = split(marked(f"https://a.example/{'x' * 200}"), Limits(60))
    assert all(fits(p, Limits(60)) for p in parts)


# ---------------------------------------------------------------- strangers' words


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("safe\u202eecafrus", "safeecafrus"),
        ("a\x00b\x1bc\x7f", "abc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("tab\tstays", "tab\tstays"),
        (FAMILY, FAMILY),
        ("\ufeffa\u2066b\u2069", "ab"),
    ],
)
def test_tame(plain: str, expected: str) -> None:
    assert tame(plain) == expected


@given(st.text(), st.data())
def test_tamed_moves_spans_with_their_words(plain: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(plain)))
    end = data.draw(st.integers(start, len(plain)))
    assume(end > start)
    text = tamed(Text(plain, (Span(start, end, "link", "https://a.example"),)))
    inner = [text.plain[s.start : s.end] for s in text.spans]
    assert inner == ([tame(plain[start:end])] if tame(plain[start:end]) else [])
    if "\r" not in plain:
        assert text.plain == tame(plain)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Nurse 07", "Nurse 07"),
        ("Nurse ✅ 07 ☑️", "Nurse 07"),
        ("Nurse :verified: 07", "Nurse 07"),
        ("  two\nlines\u202e ", "two lines"),
        ("Zoë O'Neil-Ødegård", "Zoë O'Neil-Ødegård"),
        ("佐藤 みのり", "佐藤 みのり"),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_person(name: str, expected: str) -> None:
    assert person(name) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A3: Rhythm beats enthusiasm! #WardChat", "a3 rhythm beats enthusiasm"),
        ("Rhythm beats enthusiasm https://a.example/x", "Rhythm, beats “enthusiasm”."),
        ("@ann@ward.example Re Q3: yes indeed", "yes indeed"),
        ("Ｆｕｌｌ width", "full WIDTH"),
        ("one\n\ntwo", "one two"),
    ],
)
def test_the_same_words(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("A1c is a blood test", "is a blood test"), ("twelve nurses", "twelve nurse")]
)
def test_not_the_same_words(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(words)
def test_normalised_twice_is_once(plain: str) -> None:
    once = normalised(plain)
    assume(not re.match(r"(?:re\s+)?[atq]\d{1,2}\b", once))
    assert normalised(once) == once


def addressed(*names: str, rest: str = "yes, every week") -> Text:
    """Words that begin with mentions."""
    return joined(
        *(p for n in names for p in (Text(f"@{n}", (Span(0, len(n) + 1, "mention", n),)), " ")), rest
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (addressed("Chat"), "yes, every week"),
        (addressed("Chat", "ann"), "@ann yes, every week"),
        (addressed("ann", "Chat"), "@ann @Chat yes, every week"),
        (addressed("Chat", rest=""), "@Chat "),
        (Text("yes"), "yes"),
    ],
)
def test_a_reply_need_not_name_whom_everybody_answers(text: Text, left: str) -> None:
    assert unaddressed(text, ("chat",)).plain == left


def test_no_address_begins_within_a_word() -> None:
    """It is no link then, and counts as long as it is."""
    mastodon = Limits(500, url=23, local_mentions=True)
    address = "https://tea.example/" + "b" * 60
    assert length(marked(f"see {address}"), mastodon) == 4 + 23
    for before in ("see", "@", "#", "7"):
        assert length(marked(f"{before}{address}"), mastodon) == len(before) + len(address)
    assert length(marked(f"({address}"), mastodon) == 1 + 23
