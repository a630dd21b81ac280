"""Transcripts, tables, figures and the picture: readable by people, inert, and the same every time."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from bridge import report
from bridge.chat.view import ChatView
from bridge.model import MINUTE, Media, Span, Text
from bridge.report import layout, render
from bridge.text import tame
from tests.unit import chats

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
INERT = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"}


# ---------------------------------------------------------------- Markdown


def test_markdown_says_who_answered_what_to_which_question_from_where() -> None:
    shown = report.markdown(chats.busy())
    assert "**Ask before quoting.**" in shown
    assert (
        "## Q1 What is a community of practice?\n\nAsked at 20:05. 6 answers · Mastodon 2, Bluesky 4, Slack 1."
        in shown
    )
    assert re.search(
        r"\*\*A1 · 8\*\* Odile Marchetti · @\u2060odile@\u2060ward\.example · Mastodon · 20:12 ·"
        r" \[open on Mastodon\]\(<https://mastodon\.example/post/8>\)\n\n> 実践コミュニティ",
        shown,
    )
    assert "**A1 · 4** Vanessa Garrity · **host**" in shown
    assert "Mastodon and Bluesky" in shown
    assert "A2 · 10: 1 answer stays on Mastodon" in shown
    assert "<details><summary>Content warning: births, frank talk</summary>" in shown
    assert "[Picture](<https://media.example/9.jpg>): A whiteboard full of notes" in shown
    assert "*6 more in Slack, not shown here.*" in shown
    assert "41 entries, 1 of them stays where it was written, the others by 24 people." in shown
    assert "| Q2 | 3 | 2 | 1 | 6 | 1 |" in shown
    assert "| Q3 | 2 | 5 | 1 | 8 | 0 |" in shown
    assert "; entry 14 answers it as well." in shown
    headings = re.findall(r"^## (\w+)", shown, re.MULTILINE)
    assert headings == ["Hellos", "Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "After"]


def test_what_else_a_question_carried_stands_under_it() -> None:
    view = chats.busy()
    first = msgspec.structs.replace(
        view.questions[0], warning="work", alt="Two <people>", translations=(("cy", "Beth yw <b>?"),)
    )
    view = msgspec.structs.replace(view, questions=(first, *view.questions[1:]))
    shown = report.markdown(view)
    assert "Beth yw \\<b\\>?" in shown or "Beth yw &lt;b&gt;?" in shown
    assert "Content warning: work\n\nIts picture shows: Two " in shown
    page = report.html(view)
    assert '<p class="translation" lang="cy">Beth yw &lt;b&gt;?</p>' in page
    assert "Content warning: work. Its picture shows: Two &lt;people&gt;" in page
    question = report.document(view)["questions"][0]
    assert (question["picture"], question["translations"]) == ("Two <people>", {"cy": "Beth yw <b>?"})


def rendered(words: str) -> tuple[set[str], str]:
    """What Markdown makes of a stranger's answer: the kinds of its tokens, and the words a reader sees."""
    view = chats.chat(chats.entry(4, "Q1", text=Text(words)), asked=1)
    tokens = MARKDOWN.parse(report.markdown(view))
    opened = next(n for n, token in enumerate(tokens) if token.type == "blockquote_open")
    closed = [n for n, token in enumerate(tokens) if token.type == "blockquote_close"]
    assert len(closed) == 1
    assert closed[0] == len(tokens) - 1, "the words ended the document's structure"
    kinds, seen = set(), ""
    for token in tokens[opened + 1 : closed[0]]:
        kinds.add(token.type)
        for child in token.children or ():
            kinds.add(child.type)
            seen += child.content if child.type == "text" else " "
        seen += " "
    return kinds, seen.replace("\u2060", "")


@pytest.mark.parametrize("words", chats.HOSTILE)
def test_hostile_words_stay_words(words: str) -> None:
    kinds, seen = rendered(words)
    assert kinds <= INERT
    assert "".join(seen.split()) == "".join(tame(words).split())


SIGNS = ["\n\n", "    ", "```", "&lt;", "<b>", "1. ", "a", *"#>-+*_`~[]()<>!|\\=:&@$^.1 9\n\t"]
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp"))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SIGNS) | LETTERS, max_size=40).map(lambda p: "".join(p) + "x"))
def test_no_words_become_markup(words: str) -> None:
    kinds, seen = rendered(words)
    assert kinds <= INERT
    assert "".join(seen.split()) == "".join(tame(words).split())


def test_markdown_pings_nobody() -> None:
    view = chats.chat(
        chats.entry(4, "Q1", text=Text("@everyone ask @ann@ward.example"), name="@channel", handle="@ann")
    )
    assert not re.search(r"@\w", report.markdown(view))


def test_markdown_links_only_what_is_a_link_and_names_its_host() -> None:
    text = chats.said(
        "see here, or this", ("here", "https://evil.example/a_b"), ("this", "javascript:alert(1)")
    )
    shown = report.markdown(chats.chat(chats.entry(4, "Q1", text=text)))
    assert "> see here (<https://evil.example/a_b>), or this" in shown


# ---------------------------------------------------------------- HTML


def test_html_is_one_file_that_needs_nothing() -> None:
    page = LexborHTMLParser(report.html(chats.busy()))
    assert not page.css("script, link, img, iframe")
    assert "url(" not in page.css_first("style").text()
    assert "@import" not in page.css_first("style").text()
    assert page.css_first("style").text().count("{") > 50
    assert "Ask before quoting." in page.css_first("header").text()
    assert page.css_first('meta[name="robots"]').attributes["content"] == "noindex"
    assert [td.text() for td in page.css("tbody tr")[2].css("th, td")] == ["Q3", "2", "5", "1", "8", "0"]
    assert len(page.css(".entry")) == 41
    assert page.css_first("#entry-7 .words").text() == chats.HOSTILE[0]


# ---------------------------------------------------------------- tables


def test_document_tells_all_and_withholds_what_is_withheld() -> None:
    document = json.loads(json.dumps(report.document(chats.busy())))
    entries = {entry["no"]: entry for entry in document["entries"]}
    assert (document["chat"], document["tag"]) == ("communities-of-practice", "CCNVirtual")
    assert document["starts"] == "2018-03-20T20:00:00Z"
    assert document["questions"][0]["answers"] == {"Mastodon": 2, "Bluesky": 4, "Slack": 1}
    assert (document["questions"][1]["total"], document["questions"][1]["kept"]) == (6, 1)
    assert (document["statistics"]["entries"], document["statistics"]["kept"]) == (41, 1)
    assert entries[5]["sources"] == [
        {"network": "mastodon", "id": "5", "url": "https://mastodon.example/post/5"},
        {"network": "bluesky", "id": "5b", "url": "https://bluesky.example/post/5b"},
    ]
    assert entries[5]["network"] == "Mastodon and Bluesky"
    assert (entries[14]["question"], entries[14]["questions"]) == ("Q2", ["Q2", "Q3"])
    assert (entries[1]["question"], entries[1]["at"]) == (None, "2018-03-20T20:05:00Z")
    assert (entries[10]["text"], entries[10]["withheld"]) == (None, "stays on Mastodon")
    assert entries[7]["text"] == chats.HOSTILE[0]
    assert document["statistics"]["answers"]["Q3"] == {"Mastodon": 2, "Bluesky": 5, "Slack": 1}


def test_hidden_entries_are_in_no_report() -> None:
    view = chats.chat(chats.entry(4, "Q1"), chats.entry(5, "Q1", text=Text("hiddenwords"), hidden=True))
    for shown in (
        report.markdown(view),
        report.html(view),
        report.csv(view),
        json.dumps(report.document(view)),
    ):
        assert "hiddenwords" not in shown
    assert "hiddenwords" not in report.svg(view)
    assert report.statistics(view).entries == 1


def test_csv_reads_back() -> None:
    rows = list(csv.DictReader(io.StringIO(report.csv(chats.busy()).removeprefix("\ufeff"))))
    assert len(rows) == 41
    assert rows[4]["networks"] == "Mastodon and Bluesky"
    assert rows[6]["text"] == chats.HOSTILE[0]
    assert rows[13]["questions"] == "Q2 Q3"


@pytest.mark.parametrize(
    "words",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\r\n=1",
        "＝1",
        "|calc",
        '=HYPERLINK("https://evil.example")',
    ],
)
def test_no_cell_is_a_formula(words: str) -> None:
    view = chats.chat(chats.entry(4, "Q1", text=Text(words), name=words, handle=words, warning=words))
    (row,) = csv.DictReader(io.StringIO(report.csv(view).removeprefix("\ufeff"), newline=""))
    for column in ("text", "name", "handle", "warning"):
        assert row[column].startswith("'")


# ---------------------------------------------------------------- figures


def test_statistics() -> None:
    view = chats.chat(
        chats.entry(1, None, at=chats.STARTS),
        chats.entry(2, "Q1", "mastodon", at=chats.STARTS + 6 * MINUTE),
        chats.entry(10, "Q1", "mastodon", at=chats.STARTS + 6 * MINUTE + 1),
        chats.entry(4, "Q2", sources=(chats.source("mastodon", "4"), chats.source("bluesky", "4b"))),
    )
    figures = report.statistics(view)
    assert (figures.entries, figures.people) == (4, 3)  # 2 and 10 are one person
    assert dict(figures.answers)["Q1"][0] == ("Mastodon", 2)
    assert (figures.busiest, figures.in_busiest) == (chats.STARTS + 6 * MINUTE, 2)
    assert (figures.first, figures.last) == (chats.STARTS, chats.STARTS + 8 * MINUTE)


def test_statistics_of_silence() -> None:
    figures = report.statistics(chats.chat(asked=0))
    assert (figures.entries, figures.people, figures.busiest, figures.networks[:0]) == (0, 0, None, ())
    assert "0 entries by 0 people." in report.markdown(chats.chat(asked=0))


def test_every_place_says_the_same_figures_with_the_same_words() -> None:
    """An answer on two networks is one; words that stay in Slack are counted and not shown."""
    both = chats.entry(4, "Q1", sources=(chats.source("mastodon", "4"), chats.source("bluesky", "4b")))
    asked = msgspec.structs.replace(
        chats.questions(1)[0], counts=(("Mastodon", 2), ("Bluesky", 1), ("Slack", 2)), total=4, kept=2
    )
    view = chats.chat(both, chats.entry(5, "Q1"), questions=(asked,), total=4, kept=2)
    words = "4 answers, 2 of them stay where they were written · Mastodon 2, Bluesky 1, Slack 2"
    whole = "4 entries, 2 of them stay where they were written"
    page, transcript = (LexborHTMLParser(made) for made in (render.page(view), report.html(view)))
    for document in (page, transcript):
        assert words in document.css_first('section[data-key="Q1"] .head').text()
        assert document.css_first("#questions small").text() == "4 answers"
    assert whole in page.css_first("#status").text()
    assert whole in transcript.css_first("#timeline .facts").text()
    assert [td.text() for td in transcript.css("tbody td")] == ["2", "1", "2", "4", "2"]
    shown = report.markdown(view)
    assert f"Asked at 20:05. {words}." in shown
    assert whole in shown
    assert "| Q1 | 2 | 1 | 2 | 4 | 2 |" in shown
    figures = report.document(view)
    assert (figures["statistics"]["entries"], figures["questions"][0]["total"]) == (4, 4)


@pytest.mark.parametrize(
    ("total", "kept", "words"),
    [
        (0, 0, "0 answers"),
        (1, 0, "1 answer"),
        (1, 1, "1 answer, which stays where it was written"),
        (9, 1, "9 answers, 1 of them stays where it was written"),
        (9, 9, "9 answers, 9 of them stay where they were written"),
    ],
)
def test_a_tally_is_a_sentence(total: int, kept: int, words: str) -> None:
    assert layout.tally(total, kept, "answer") == words


def test_networks_stand_in_the_configs_order_as_far_as_it_shows() -> None:
    rows = ({"Slack": 1}, {"Bluesky": 1, "Slack": 1}, {"Mastodon": 1, "Bluesky": 1})
    asked = tuple(
        msgspec.structs.replace(q, counts=tuple(row.items()))
        for q, row in zip(chats.questions(3), rows, strict=False)
    )
    assert layout.networks(chats.chat(questions=asked)) == ("Mastodon", "Bluesky", "Slack")


# ---------------------------------------------------------------- pictures, emoji, quotes, languages


def lively() -> ChatView:
    words = Text("Da iawn :blobtea:", (Span(8, 17, "emoji", "https://ward.example/blobtea.png"),))
    media = (
        Media("https://media.example/9.jpg", "image", 'A "whiteboard"'),
        Media("https://media.example/9.mp4", "video", ""),
        Media("https://teashop.slack.example/archives/C1/p1", "file", "A pot"),
    )
    more: dict[str, Any] = {
        "text": words,
        "media": media,
        "quoted": "https://ward.example/7",
        "language": "cy",
    }
    return chats.chat(chats.entry(4, "Q1", **more), asked=1)


def test_transcripts_describe_pictures_and_link_what_is_quoted() -> None:
    shown = report.markdown(lively())
    assert "· quotes [a post](<https://ward.example/7>) ·" in shown
    assert "> Da iawn :blobtea:" in shown
    assert '[Picture](<https://media.example/9.jpg>): A "whiteboard"' in shown
    assert "[Video](<https://media.example/9.mp4>): not described" in shown
    assert "[File](<https://teashop.slack.example/archives/C1/p1>): A pot" in shown
    page = LexborHTMLParser(report.html(lively()))
    assert not page.css("img")
    assert page.css_first("#entry-4 .words").attributes["lang"] == "cy"
    assert page.css_first("#entry-4 footer").text().count("quotes a post") == 1


def test_tables_have_descriptions_quotes_and_languages() -> None:
    (entry,) = report.document(lively())["entries"]
    assert (entry["quotes"], entry["language"]) == ("https://ward.example/7", "cy")
    assert entry["media"][1] == {"url": "https://media.example/9.mp4", "kind": "video", "alt": ""}
    (row,) = csv.DictReader(io.StringIO(report.csv(lively()).removeprefix("\ufeff"), newline=""))
    assert (row["quotes"], row["language"]) == ("https://ward.example/7", "cy")
    assert row["media"].splitlines()[0] == 'https://media.example/9.jpg A "whiteboard"'


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org/a?b=1#c", True),
        ("http://127.0.0.1:8080/x", True),
        ("https://例え.example/路", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://bank.example@evil.example/", False),
        ("https://example.org/\u202egpj.exe", False),
        ("https://example.org/><script>", False),
        ("https://[broken", False),
        ("//example.org", False),
        ("https://", False),
        ("https://example.org/" + "a" * 3000, False),
        (None, False),
    ],
)
def test_only_plain_web_addresses_become_links(url: str | None, kept: bool) -> None:
    assert layout.address(url) == (url if kept else None)


@pytest.mark.parametrize(
    ("visible", "url", "host"),
    [
        ("https://example.org/a", "https://example.org/a", None),
        ("example.org/a/long…", "https://www.example.org/a/long/way", None),
        ("Example.org", "https://example.org", None),
        ("https://bank.example", "https://evil.example", "evil.example"),
        ("example.org.evil.example", "https://example.org", "example.org"),
        ("example.organic", "https://example.org", "example.org"),
        ("here", "https://www.example.org/x", "example.org"),
    ],
)
def test_a_disguised_link_names_its_host(visible: str, url: str, host: str | None) -> None:
    assert layout.disguised(visible, url) == host


# ---------------------------------------------------------------- the picture


def test_picture_shows_one_question_and_every_network() -> None:
    shown = report.svg(chats.busy(), "Q1")
    picture = ElementTree.fromstring(shown)
    words = " ".join(picture.itertext())
    assert "What is a community of practice?" in words
    for title in ("Mastodon", "Bluesky", "Slack"):
        assert words.count(title) > 1
    assert "<script>document.title='owned'</script>" in words
    assert len([e for e in picture.iter() if e.tag.endswith("rect") and e.get("class") == "card"]) == 5
    assert "1 more to Q1" in words
    assert not re.search(r"<(script|image|foreignObject|use)\b|href|url\(|@import|font-face", shown)
    assert shown == report.svg(chats.busy(), "Q1")


def test_picture_keeps_warned_and_withheld_words_folded() -> None:
    words = report.svg(chats.busy(), "Q2", answers=50)
    assert "stays on" not in words
    with pytest.raises(ValueError, match="Q1 has no answer"):
        report.svg(chats.chat(chats.entry(4, "Q1", warning="births")), "Q1")
    with pytest.raises(ValueError, match="no question Q9"):
        report.svg(chats.busy(), "Q9")


def test_picture_lets_nobody_draw_over_others() -> None:
    piled = "Z" + "\u0351\u0321" * 60
    shown = report.svg(chats.chat(chats.entry(4, "Q1", text=Text(piled), name=piled)))
    assert "\u0351" not in shown
