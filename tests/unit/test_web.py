"""The page over a real server and a real client: what it shows, and what it never shows."""

from __future__ import annotations

import msgspec
from selectolax.lexbor import LexborHTMLParser

from bridge.chat.view import ChatView
from bridge.model import MINUTE, Media, Span, Text
from simulator.clock import Clock as FastClock
from tests.unit import chats
from tests.unit.site import CHAT, Settings, running


async def test_page_shows_who_answered_what_to_which_question_and_from_where() -> None:
    async with running(chats.busy()) as site:
        page = LexborHTMLParser(await site.get())
    answers = page.css('section[data-key="Q1"] .entry')
    assert [a.attributes["data-no"] for a in answers] == ["4", "5", "6", "7", "8", "9"]
    host = answers[0]
    assert host.css_first("h3").text().split() == ["Vanessa", "Garrity", "host"]
    assert host.css_first(".handle").text() == "@vanessa@ward.example"
    assert host.css_first(".net").text() == "Bluesky"
    assert host.css_first("time").text() == "20:08"
    assert [n.text() for n in answers[1].css(".net")] == ["Mastodon", "Bluesky"]
    assert "edited" in answers[1].css_first("footer").text()
    warned = answers[5]
    assert warned.css_first("details summary bdi").text() == "births, frank talk"
    assert warned.css_first("details .words") is not None
    assert warned.css_first("details .media").text().strip() == "Picture: A whiteboard full of notes"
    assert "also answers Q3" in page.css_first("#entry-14 footer").text()
    assert page.css_first('section[data-key="Q3"] .head a').attributes["href"] == "#entry-14"
    assert page.css_first("#entry-10 .withheld").text().startswith("1 answer stays on Mastodon")
    assert "6 more in Slack" in page.css_first("#rest").text()
    assert [s.attributes["data-key"] for s in page.css("main section")] == [
        "hello", "Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "late",
    ]  # fmt: skip
    assert page.css_first("#entry-40 time").text() == "Wednesday 21 March 2018, 09:00"


async def test_strangers_words_are_never_markup() -> None:
    async with running(chats.busy()) as site:
        page = LexborHTMLParser(await site.get())
    assert [s.attributes["src"] for s in page.css("script")] == ["/static/live.js"]
    assert not page.css("img, iframe, style, form, [style]")
    assert [h.text() for h in page.css("h1")] == ["Cultivating communities of practice"]
    assert len(page.css("main")) == 1
    for element in page.css("*"):
        assert not [name for name in element.attributes if name.startswith("on")]
        href = element.attributes.get("href") or "#"
        assert href.startswith(("#", "/", "https://")), href
    words = {e.attributes["data-no"]: e.css_first(".words") for e in page.css(".entry")}
    assert (found := words["7"]) is not None
    assert found.text() == chats.HOSTILE[0]
    assert (found := words["30"]) is not None
    assert found.text() == chats.HOSTILE[2]
    assert (found := words["20"]) is not None
    assert "\u202e" not in found.text()
    assert "\x1b" not in found.text()


async def test_links_lead_home_without_blessing_and_name_a_disguised_host() -> None:
    async with running(chats.busy()) as site:
        page = LexborHTMLParser(await site.get())
    out = [a for a in page.css(".entry a") if (a.attributes["href"] or "").startswith("http")]
    assert len(out) > 40
    assert {a.attributes["rel"] for a in out} == {"noopener nofollow ugc"}
    assert "(evil.example)" in page.css_first("#entry-16 .words").text()
    assert page.css_first("#entry-27 .words a").attributes["href"] == "https://example.org/notes?a=1&b=2#top"
    assert page.css_first("#entry-27 .words small") is None


async def test_page_is_accessible_private_and_strict() -> None:
    async with running(chats.busy()) as site, site.http.get(site.url) as answer:
        page = LexborHTMLParser(await answer.text())
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.css_first('meta[name="robots"]').attributes["content"] == "noindex"
    assert page.css_first("html").attributes["lang"] == "en"
    assert page.css_first("a.skip").attributes["href"] == "#timeline"
    assert page.css_first("nav").attributes["aria-label"] == "Questions"
    for words in page.css(".words"):
        assert words.attributes["dir"] == "auto"
        assert words.attributes["lang"] == ""
    ids = [e.attributes["id"] for e in page.css("[id]")]
    assert len(ids) == len(set(ids))
    for labelled in page.css("[aria-labelledby]"):
        assert labelled.attributes["aria-labelledby"] in ids


PICTURED = chats.entry(
    9,
    "Q1",
    avatar="https://media.example/face.png",
    language="cy",
    text=Text("Da :blobtea:", (Span(3, 12, "emoji", "https://media.example/blobtea.png"),)),
    media=(
        Media("https://media.example/9.jpg", "image", 'A "whiteboard" <b>'),
        Media("https://media.example/9.mp4", "video", "Pouring"),
        Media("http://media.example/plain.jpg", "image", "Sent in the clear"),
        Media("https://teashop.slack.example/archives/C1/p1", "file", "A pot"),
        Media("javascript:alert(1)", "image", "x"),
    ),
)


async def test_pictures_show_only_if_they_are_on() -> None:
    for on in (True, False):
        async with running(chats.chat(PICTURED), settings=Settings(pictures=on)) as site:
            page = LexborHTMLParser(await site.get())
            async with site.http.get(site.url) as answer:
                policy = answer.headers["Content-Security-Policy"]
        assert ("img-src 'self' https:;" in policy, "img-src 'self';" in policy) == (on, not on)
        pictures = {i.attributes["src"]: i for i in page.css("img")}
        assert (
            list(pictures)
            == [
                "https://media.example/face.png",
                "https://media.example/blobtea.png",
                "https://media.example/9.jpg",
            ]
            * on
        )
        for image in pictures.values():
            assert image.attributes["referrerpolicy"] == "no-referrer"
            assert image.attributes["loading"] == "lazy"
        media = page.css_first("#entry-9 .media")
        assert 'A "whiteboard" <b>' in media.text()
        for words in ("Video: Pouring", "Picture: Sent in the clear", "File: A pot"):
            assert words in media.text()
        assert len(media.css("li")) == 4
        if on:
            assert pictures["https://media.example/9.jpg"].attributes["alt"] == 'A "whiteboard" <b>'
            assert pictures["https://media.example/blobtea.png"].attributes["alt"] == ":blobtea:"
        else:
            assert page.css_first("#entry-9 .words span.emoji").text() == ":blobtea:"


async def test_words_stand_in_their_language_and_quotes_link_to_what_they_quote() -> None:
    quoting = chats.entry(10, "Q1", quoted="https://ward.example/7", text=Text("So:\n1. green\n2. black"))
    evil = chats.entry(11, "Q1", quoted="javascript:alert(1)", language='"><script>')
    async with running(chats.chat(PICTURED, quoting, evil)) as site:
        page = LexborHTMLParser(await site.get())
    assert page.css_first("#entry-9 .words").attributes["lang"] == "cy"
    assert page.css_first("#entry-9 .media span").attributes["lang"] == "cy"
    assert page.css_first("#entry-10 .words").attributes["lang"] == ""
    assert page.css_first("#entry-10 .words").text() == "So:\n1. green\n2. black"
    link = next(a for a in page.css("#entry-10 footer a") if a.text() == "a post")
    assert (link.attributes["href"], link.attributes["rel"]) == (
        "https://ward.example/7",
        "noopener nofollow ugc",
    )
    assert "quotes" not in page.css_first("#entry-11").text()
    assert page.css_first("#entry-11 .words").attributes["lang"] == '"><script>'


async def test_what_is_hidden_is_nowhere() -> None:
    secret = chats.entry(5, "Q1", text=Text("hidden words"), hidden=True)
    async with running(chats.chat(chats.entry(4, "Q1"), secret)) as site:
        assert "hidden words" not in await site.get()
        assert "hidden words" not in await site.get(f"/api/chats/{CHAT}.json")


async def test_home_is_the_chat_that_is_on_and_links_the_others() -> None:
    clock = FastClock()
    now = clock.now()
    times = {"old": now - 900 * MINUTE, "on": now - 10 * MINUTE, "next": now + 60 * MINUTE}
    views = [chats.chat(id=n, title=f"The {n} one", starts=t, ends=t + 60 * MINUTE) for n, t in times.items()]
    async with running(*views, clock=clock) as site:
        home = LexborHTMLParser(await site.get())
        assert home.css_first("h1").text() == "The on one"
        others = [a.attributes["href"] for a in home.css(".colophon nav a")]
        assert others == ["/chats/next", "/chats/old"]
        for path in others:
            assert "The on one" in await site.get(str(path))


async def test_other_addresses() -> None:
    async with running(chats.busy()) as site:
        assert "Disallow: /" in await site.get("/robots.txt")
        for name in ("chat.css", "live.js", "icon.svg"):
            assert await site.get(f"/static/{name}")
        view = msgspec.json.decode(await site.get(f"/api/chats/{CHAT}.json"), type=ChatView)
        assert view == site.book.views[CHAT]
        for path in (
            "/chats/none",
            "/api/chats/none.json",
            "/metrics",
            "/static/..%2fapp.py",
            "/static/app.py",
        ):
            async with site.http.get(site.url + path) as answer:
                assert answer.status == 404
                assert "Content-Security-Policy" in answer.headers
        plain = await site.get(headers={"Accept-Encoding": "identity"})
        assert plain == await site.get(headers={"Accept-Encoding": "gzip"})


async def test_no_chat_at_all() -> None:
    async with running() as site:
        assert "No chat yet" in await site.get()
