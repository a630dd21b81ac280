"""Mastodon's ids, HTML and JSON, without a network."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mastodon import convert, html, ids, wire
from adapters.mastodon.rest import Answer
from adapters.mastodon.stream import address
from bridge.model import Limits, Media, Post, Ref, Span, Text

HOME = "mastodon.example"
AT = 1_774_000_000_000_000


def account(**fields: Any) -> dict[str, Any]:
    return {"id": "7", "acct": "ann", "username": "ann", "url": f"https://{HOME}/@ann"} | fields


def status(content: str = "<p>Tea</p>", **fields: Any) -> dict[str, Any]:
    return {
        "id": "01HXYZ",
        "created_at": "2026-03-20T10:26:40.123Z",
        "account": account(),
        "content": content,
        "uri": f"https://{HOME}/users/ann/statuses/01HXYZ",
        "visibility": "public",
    } | fields


def read(payload: dict[str, Any]) -> Post:
    post = convert.inbound(payload, "mastodon", HOME, 0)
    assert post is not None
    return post


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    ("given", "seen_from", "canonical"),
    [
        ("ann", HOME, "acct:ann@mastodon.example"),
        ("ann@mastodon.example", "other.example", "acct:ann@mastodon.example"),
        ("Ann@Mastodon.example", "other.example", "acct:ann@mastodon.example"),
        ("@ann", HOME, "acct:ann@mastodon.example"),
    ],
)
def test_a_person_has_one_account_on_every_server(given: str, seen_from: str, canonical: str) -> None:
    assert ids.account(ids.acct(given, seen_from)) == canonical


def test_a_cursor_survives_and_another_programs_is_not_believed() -> None:
    assert ids.read(ids.cursor(AT)) == AT
    assert ids.read("2 77") is None
    assert ids.read("1 soon") is None
    assert ids.read("") is None


DID = "at://did:plc:abcdefgh234/app.bsky.feed.post/3kabcdefghij2"


@pytest.mark.parametrize(
    ("account_uri", "status_uri", "original"),
    [
        ("https://bsky.brid.gy/ap/did:plc:abcdefgh234", f"https://bsky.brid.gy/convert/ap/{DID}", DID),
        ("https://bsky.brid.gy/ap/x", "https://bsky.brid.gy/convert/ap/" + DID.replace(":", "%3A"), DID),
        ("https://bsky.brid.gy.evil.example/x", f"https://bsky.brid.gy/convert/ap/{DID}", None),
        ("https://bsky.brid.gy/ap/x", f"https://evil.example/convert/ap/{DID}", None),
        ("https://bsky.brid.gy@evil.example/x", f"https://bsky.brid.gy/convert/ap/{DID}", None),
        ("https://bsky.brid.gy/ap/x", "https://bsky.brid.gy/convert/ap/nothing", None),
    ],
)
def test_only_bridgys_own_server_makes_copies(
    account_uri: str, status_uri: str, original: str | None
) -> None:
    assert ids.original(account_uri, status_uri) == original
    assert ids.whose(original) == ("did:plc:abcdefgh234" if original else "")


# ---------------------------------------------------------------- HTML

ANN = {f"https://{HOME}/@ann": "ann@mastodon.example"}
TAGGED = (
    '<p>A1. <a href="https://m.example/tags/tea" class="mention hashtag" rel="tag">#<span>Tea</span></a></p>'
)
MENTION = '<a href="{}" class="u-url mention">@<span>ann</span></a>'
CUT = (
    '<a href="https://www.example.org/a/long/path?to=something"><span class="invisible">https://www.</span>'
    '<span class="ellipsis">example.org/a/long/path</span><span class="invisible">?to=something</span></a>'
)


@pytest.mark.parametrize(
    ("markup", "plain", "spans"),
    [
        ("<p>One</p><p>Two<br>three<br/>four</p>", "One\n\nTwo\nthree\nfour", ()),
        ("<p>One<br><br><br>two</p>", "One\n\ntwo", ()),
        ("  <p> One \n two </p>\n<p></p>", "One two", ()),
        ("a &lt;b&gt; &amp; &#39;c&#39;", "a <b> & 'c'", ()),
        (TAGGED, "A1. #Tea", (Span(4, 8, "tag", "Tea"),)),
        (
            f"<p>{MENTION.format(f'https://{HOME}/@ann')} hi</p>",
            "@ann hi",
            (Span(0, 4, "mention", "ann@mastodon.example"),),
        ),
        (
            f"<p>{MENTION.format('https://other.example/@ann')}</p>",
            "@ann",
            (Span(0, 4, "link", "https://other.example/@ann"),),
        ),
        (
            f"<p>see {CUT}.</p>",
            "see https://www.example.org/a/long/path?to=something.",
            (Span(4, 52, "link", "https://www.example.org/a/long/path?to=something"),),
        ),
        (
            '<a href="https://evil.example/x">https://good.example/x</a>',
            "https://evil.example/x",
            (Span(0, 22, "link", "https://evil.example/x"),),
        ),
        (
            '<a href="https://good.example.evil.example/">good.example</a>',
            "https://good.example.evil.example/",
            (Span(0, 34, "link", "https://good.example.evil.example/"),),
        ),
        (
            '<a href="https://blog.example/9">my notes</a>',
            "my notes",
            (Span(0, 8, "link", "https://blog.example/9"),),
        ),
        ('<a href="javascript:alert(1)">click</a>', "click", ()),
        ('<a href="https://[broken">click</a>', "click", ()),
        ("<ul><li>one</li><li>two</li></ul><pre>x\n  y</pre>", "• one\n• two\n\nx\n  y", ()),
        ("a<script>alert(1)</script><style>p{}</style><!-- c --><iframe>f</iframe>b", "ab", ()),
        ("abc \u202ecod.exe\u202c", "abc cod.exe", ()),
        ("<p>:tea: and :no:</p>", ":tea: and :no:", (Span(0, 5, "emoji", "https://m.example/tea.png"),)),
    ],
)
def test_html_becomes_words(markup: str, plain: str, spans: tuple[Span, ...]) -> None:
    assert html.words(markup, ANN, {"tea": "https://m.example/tea.png"}) == Text(plain, spans)


QUOTED = "https://m.example/@a/1"
RE = f'<p class="quote-inline">RE: <a href="{QUOTED}">m.example/@a/1</a></p><p>Yes</p>'


def test_what_stands_for_a_quote_is_not_the_authors_words() -> None:
    assert html.read(RE, {}, {}) == (Text("Yes"), QUOTED)
    hidden = '<p class="quote-inline">my own words</p>'
    assert html.read(hidden, {}, {}) == (Text("my own words"), None)


@pytest.mark.parametrize(
    ("quote", "quotes", "quoted"),
    [
        (None, (), QUOTED),
        ({"state": "accepted", "quoted_status": {"id": "7", "url": "https://m.example/@a/7"}}, "7", "7"),
        ({"state": "accepted", "quoted_status_id": "7"}, "7", QUOTED),
        ({"state": "deleted", "quoted_status": None}, (), None),
        ({"state": "revoked", "quoted_status": None}, (), None),
        ({"state": "accepted", "quoted_status": {"id": "7", "url": "javascript:alert(1)"}}, "7", None),
    ],
)
def test_a_quote_leads_to_what_is_quoted(quote: Any, quotes: Any, quoted: str | None) -> None:
    post = read(status(RE, quote=quote))
    assert post.text.plain == "Yes"
    assert post.quotes == ((Ref("mastodon", quotes),) if quotes else ())
    assert post.quoted == ("https://m.example/@a/7" if quoted == "7" else quoted)


def test_a_poll_is_read_as_text() -> None:
    options = [{"title": "green :tea:", "votes_count": 3}, {"title": "black\n \u202etea", "votes_count": 0}]
    emojis = [{"shortcode": "tea", "url": "https://m.example/tea.png"}]
    post = read(status("<p>Which?</p>", poll={"id": "1", "options": options}, emojis=emojis))
    assert post.text.plain == "Which?\n\n◦ green :tea:\n◦ black tea"
    assert [(s.kind, post.text.plain[s.start : s.end]) for s in post.text.spans] == [("emoji", ":tea:")]
    assert read(status("", poll={"id": "1", "options": options})).text.plain.startswith("◦ green")


@pytest.mark.parametrize("bomb", ["<a " * 12_000, "<b>" * 12_000, "<p>&" * 12_000, "é" * 40_000])
def test_hostile_html_is_cut_and_done_with(bomb: str) -> None:
    assert len(html.words(bomb, {}, {}).plain.encode()) <= html.LIMIT


@given(st.text(alphabet=st.sampled_from("<>/apbr=\"' &;#@:x\n\u202e"), max_size=200))
def test_any_html_gives_spans_in_order_within_the_words(markup: str) -> None:
    text = html.words(markup, {}, {"x": "https://m.example/x.png"})
    at = 0
    for span in text.spans:
        assert at <= span.start < span.end <= len(text.plain)
        at = span.end


# ---------------------------------------------------------------- statuses


def test_a_status_becomes_a_post() -> None:
    post = read(
        status(
            TAGGED,
            edited_at="2026-03-20T10:27:00.000Z",
            in_reply_to_id="01HABC",
            language="cy",
            spoiler_text="tea",
            url=f"https://{HOME}/@ann/01HXYZ",
            tags=[{"name": "coastaltea"}],
            mentions=[{"id": "9", "acct": "bob@Other.example", "url": "https://other.example/@bob"}],
            media_attachments=[
                {"id": "1", "type": "gifv", "url": "https://m.example/1.mp4", "description": "waves"},
                {"id": "2", "type": "unknown", "url": None, "remote_url": "https://o.example/2.pdf"},
                {"id": "3", "type": "image", "url": "data:image/png;base64,AAAA"},
            ],
        )
    )
    assert post.ref == Ref("mastodon", "01HXYZ")
    assert post.reply_to == Ref("mastodon", "01HABC")
    assert post.at == post.seen == 1_774_002_400_123_000
    assert post.edited == post.at + 19_877_000
    assert post.tags == ("coastaltea", "tea")
    assert post.mentions == ("acct:bob@other.example",)
    assert post.author.handle == "@ann@mastodon.example"
    assert (post.language, post.warning, post.reach) == ("cy", "tea", "public")
    assert post.media == (
        Media("https://m.example/1.mp4", "video", "waves"),
        Media("https://o.example/2.pdf", "file"),
    )


@pytest.mark.parametrize(
    ("visibility", "reach"),
    [
        ("public", "public"),
        ("unlisted", "quiet"),
        ("private", "limited"),
        ("direct", "direct"),
        ("new", "limited"),
    ],
)
def test_who_may_read_it(visibility: str, reach: str) -> None:
    assert read(status(visibility=visibility)).reach == reach


def test_tags_come_from_lists_markup_and_bare_words() -> None:
    post = read(status("<p>#Bare words</p>", tags=[{"name": "Listed"}]))
    assert post.tags == ("listed", "bare")


def test_a_mention_linked_to_another_address_is_known_by_its_name() -> None:
    mentions = [{"id": "9", "acct": "ann@o.example", "url": "https://o.example/@ann"}]
    shown = MENTION.format("https://o.example/users/ann")
    assert read(status(shown, mentions=mentions)).text.spans == (Span(0, 4, "mention", "ann@o.example"),)


def test_a_boost_says_nothing_of_its_own() -> None:
    assert convert.inbound(status(reblog=status()), "mastodon", HOME, 0) is None


def test_marked_pictures_stay_folded() -> None:
    picture = {"id": "1", "type": "image", "url": "https://m.example/1.png"}
    assert read(status(sensitive=True, media_attachments=[picture])).warning == convert.SENSITIVE
    assert read(status(sensitive=True)).warning is None


def test_what_a_strangers_server_calls_an_address_is_looked_at() -> None:
    post = read(status(url="javascript:alert(1)", account=account(url="data:text/html,x", avatar="x")))
    assert (post.url, post.author.url, post.author.avatar) == (None, None, None)


@pytest.mark.parametrize(
    "broken", [{}, status(id=7), status(created_at="yesterday"), status(account=None), status(tags="x"), []]
)
def test_what_is_no_status_says_so(broken: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert.inbound(broken, "mastodon", HOME, 0)


@pytest.mark.parametrize(
    ("profile", "nobridge", "nobot"),
    [
        (account(note="<p>Tea. #nobridge</p>"), True, False),
        (
            account(note='<a href="https://m.example/tags/nobot" rel="tag">#<span>NoBot</span></a>'),
            False,
            True,
        ),
        (account(fields=[{"name": "wishes", "value": "#nobridge #nobot"}]), True, True),
        (account(note="nobridge without a sign"), False, False),
        (account(note=None, fields=None), False, False),
    ],
)
def test_a_profile_says_what_its_owner_wants(profile: dict[str, Any], nobridge: bool, nobot: bool) -> None:
    person = convert.person(profile)
    assert person is not None
    wishes = convert.wishes(person)
    assert (wishes.nobridge, wishes.nobot) == (nobridge, nobot)


def test_a_profiles_links_tell_the_same_person_elsewhere() -> None:
    field = {"name": "also", "value": '<a href="https://bsky.app/profile/ann.example">bsky.app/…</a>'}
    person = convert.person(account(note="https://plain.example", fields=[field]))
    assert person is not None
    assert convert.wishes(person).links == ("https://bsky.app/profile/ann.example",)


# ---------------------------------------------------------------- the server


@pytest.mark.parametrize(
    ("version", "honoured"),
    [
        ("4.5.0", True),
        ("4.6.0-alpha.1+glitch", True),
        ("3.5.3 (compatible; Pixelfed 0.12.4)", False),
        ("2.7.2 (compatible; Akkoma 3.10)", False),
        ("0.17.3+git-abcdef", False),
        ("", False),
    ],
)
def test_which_servers_are_trusted_with_a_key(version: str, honoured: bool) -> None:
    assert convert.honours_keys({"version": version}) is honoured


def test_limits_are_the_servers_where_it_tells_them() -> None:
    assumed = Limits(graphemes=500, url=23, local_mentions=True)
    statuses = {"max_characters": 5000, "characters_reserved_per_url": 25}
    told = {"configuration": {"statuses": statuses, "media_attachments": {"image_size_limit": 9}}}
    assert convert.limits(told, assumed) == Limits(graphemes=5000, url=25, local_mentions=True, image=9)
    assert convert.limits({"configuration": None}, assumed) == assumed
    assert convert.limits({"configuration": {"statuses": {"max_characters": "many"}}}, assumed) == assumed


@pytest.mark.parametrize(
    ("api", "said", "where"),
    [
        ("https://m.example", "wss://s.m.example", "wss://s.m.example/api/v1/streaming"),
        ("https://m.example", "https://s.m.example/", "wss://s.m.example/api/v1/streaming"),
        ("https://m.example", None, "wss://m.example/api/v1/streaming"),
        ("http://127.0.0.1:3000", None, "ws://127.0.0.1:3000/api/v1/streaming"),
        ("https://m.example", "ws://s.m.example", None),
    ],
)
def test_the_token_never_goes_to_a_plain_stream_of_an_encrypted_server(
    api: str, said: object, where: str | None
) -> None:
    assert address(api, said) == where


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": "2026-03-20T10:30:00.000000Z", "Date": "Fri, 20 Mar 2026 10:29:30 GMT"}, 30.0),
        ({"X-RateLimit-Reset": "1774002600", "Date": "Fri, 20 Mar 2026 10:29:30 GMT"}, 30.0),
        ({"X-RateLimit-Reset": "1774002600"}, 90.0),
        ({"Retry-After": "7"}, 7.0),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00Z"}, 1.0),
        ({"X-RateLimit-Reset": "soon"}, 60.0),
        ({}, 60.0),
    ],
)
def test_how_long_a_429_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert Answer(429, headers, b"{}").wait(now=1_774_002_510_000_000) == seconds


# ---------------------------------------------------------------- what real servers answered


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, Any]]:
    folder = os.environ.get("CHAT_CORPUS")
    if not folder:
        pytest.skip("CHAT_CORPUS names no folder of recorded payloads")
    lines = (Path(folder) / "mastodon-statuses.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_every_recorded_status_can_be_read(corpus: list[dict[str, Any]]) -> None:
    posts = [convert.inbound(payload, "mastodon", "localhost", 0) for payload in corpus]
    assert len(posts) == 51
    for payload, post in zip(corpus, posts, strict=True):
        assert post is not None
        assert post.ref.id == payload["id"]
        assert post.uri == payload["uri"]
        assert bool(post.edited) == bool(payload["edited_at"])
        assert len(post.media) == len(payload["media_attachments"])
        assert len(post.mentions) == len(payload["mentions"])
        assert "<" not in post.text.plain
    assert sum(bool(p.media) for p in posts if p) == 4
    assert sum(bool(p.quotes) for p in posts if p) == 1
    assert [p.reach for p in posts if p].count("direct") == 3


def test_the_fields_of_the_stand_in_are_those_recorded(corpus: list[dict[str, Any]]) -> None:
    from simulator.mastodon.wire import Account, Status, status_json

    ann = Account("7", "ann", "m.example", "Ann", "", AT)
    made = status_json(Status("1", ann, "Tea", AT, "public", "https://m.example"), None, own=True)
    recorded = next(p for p in corpus if len(p) == len(made))
    assert made.keys() == recorded.keys()
    assert made["account"].keys() == recorded["account"].keys()


def test_the_wire_reads_what_has_no_optional_field() -> None:
    bare = {"id": "1", "created_at": "2026-03-20T10:26:40Z", "account": {"id": "7", "acct": "ann"}}
    assert convert.status(bare) == wire.Status("1", convert.status(bare).created_at, wire.Account("7", "ann"))
    assert read(bare).uri == "mastodon:1"
