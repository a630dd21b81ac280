"""Records to posts and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bluesky import convert, ids, platform, records
from adapters.bluesky.convert import Profile
from bridge.model import Media, Post, Ref, Span, Text, Wishes, Words
from bridge.text import beside, marked, split
from simulator.bluesky import lexicon

ANN, US = "did:plc:annannannannannannannann", "did:plc:ususususususususususus22"
RKEY = "3jzfcijpj2z2a"
SEEN = 1_688_137_382_000_000
CID = "bafyreibsiowu4ilpxhdks2o337ww473ten6hbofkgqikwgfvmbc3ylet6e"
QUESTION = f"at://{US}/app.bsky.feed.post/{ids.tid(SEEN)}"
OURS = Profile(US, "chat.bluesky.example")


def record(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"$type": ids.POST, "createdAt": "2023-06-30T15:03:01.887Z", "text": text, **fields}


def facet(start: int, end: int, **feature: Any) -> dict[str, Any]:
    kind = feature.pop("kind")
    feature["$type"] = f"app.bsky.richtext.facet#{kind}"
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


def read(text: str = "hello", **fields: Any) -> Post:
    payload = {"uri": ids.uri(ANN, RKEY), "cid": CID, "record": record(text, **fields)}
    post = convert.inbound(payload, "bluesky", SEEN, OURS)
    assert post is not None
    return post


# ---------------------------------------------------------------- in


def test_a_whole_post() -> None:
    post = read("A1 walking #Tea", langs=["cy", "en"])
    assert post.ref == Ref("bluesky", post.uri)
    assert post.uri == f"at://{ANN}/app.bsky.feed.post/{RKEY}"
    assert post.author.account == ANN
    assert post.at == 1_688_137_381_887_000
    assert (post.seen, post.version, post.edited) == (SEEN, CID, 0)
    assert (post.language, post.reach, post.tags) == ("cy", "public", ("tea",))
    assert post.url == f"https://bsky.app/profile/{ANN}/post/{RKEY}"


def test_facets_count_bytes_and_spans_code_points() -> None:
    text = "👩🏽‍⚕️ naïve #Tea https://a.example"
    tag, link = text.encode().index(b"#"), text.encode().index(b"https")
    facets = [
        facet(link, link + 17, kind="link", uri="https://a.example/whole"),
        facet(tag, tag + 4, kind="tag", tag="Tea"),
    ]
    assert read(text, facets=facets).text.spans == (
        Span(text.index("#"), text.index("#") + 4, "tag", "Tea"),
        Span(text.index("https"), len(text), "link", "https://a.example/whole"),
    )


@pytest.mark.parametrize(
    "facets",
    [
        [facet(0, 99, kind="link", uri="https://a.example")],  # past the end: the server accepts it
        [facet(1, 2, kind="link", uri="https://a.example")],  # within a character
        [facet(3, 3, kind="link", uri="https://a.example")],
        [facet(-1, 2, kind="link", uri="https://a.example")],
        [facet(0, 2, kind="link", uri="javascript:alert(1)")],
        [facet(0, 2, kind="tag")],
        [facet(0, 2, kind="mention", did=7)],
        [facet(0, 2, kind="invented")],
        [{"index": None, "features": [{}]}, 7, {"index": {"byteStart": "0", "byteEnd": True}}],
        "facets",
        {},
    ],
)
def test_facets_that_mean_nothing_mark_nothing(facets: object) -> None:
    post = read("é tea", facets=facets)
    assert post.text == Text("é tea")


def test_overlapping_facets_leave_the_first() -> None:
    facets = [
        facet(2, 6, kind="link", uri="https://two.example"),
        facet(0, 4, kind="link", uri="https://one.example"),
    ]
    assert [span.value for span in read("abcdefgh", facets=facets).text.spans] == ["https://one.example"]


def test_tags_of_every_kind() -> None:
    post = read("#bare words", tags=["Listed", 7], facets=[facet(0, 5, kind="tag", tag="#Marked")])
    assert post.tags == ("marked", "listed", "bare")


def test_nothing_that_deceives_stays_and_spans_move_along() -> None:
    text = "a\u202eb #Tea"
    start = text.encode().index(b"#")
    post = read(text, facets=[facet(start, start + 4, kind="tag", tag="Tea")])
    assert post.text == Text("ab #Tea", (Span(3, 7, "tag", "Tea"),))


def test_a_reply() -> None:
    strong = {"uri": QUESTION, "cid": CID}
    parent = {"uri": f"at://{ANN}/app.bsky.feed.post/3jzfcijpj2z22", "cid": CID}
    post = read(reply={"root": strong, "parent": parent})
    assert post.root == Ref("bluesky", QUESTION)
    assert post.reply_to == Ref("bluesky", parent["uri"])
    assert convert.strong(record(reply={"root": strong}), "root") == (QUESTION, CID)


@pytest.mark.parametrize(
    "embed",
    [
        {"$type": "app.bsky.embed.record", "record": {"uri": QUESTION, "cid": CID}},
        {
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {"$type": "app.bsky.embed.record", "record": {"uri": QUESTION, "cid": CID}},
            "media": {"$type": "app.bsky.embed.images", "images": []},
        },
    ],
)
def test_a_quote(embed: dict[str, Any]) -> None:
    assert read(embed=embed).quotes == (Ref("bluesky", QUESTION),)


def test_a_list_is_no_quoted_post() -> None:
    embed = {
        "$type": "app.bsky.embed.record",
        "record": {"uri": f"at://{ANN}/app.bsky.graph.list/3j", "cid": CID},
    }
    assert read(embed=embed).quotes == ()


def test_pictures_keep_their_descriptions() -> None:
    blob = {"$type": "blob", "ref": {"$link": "bafkreiabc"}, "mimeType": "image/png", "size": 3}
    images = {"$type": "app.bsky.embed.images", "images": [{"alt": "a cup", "image": blob}, {"alt": "none"}]}
    quoted = {"$type": "app.bsky.embed.record", "record": {"uri": QUESTION, "cid": CID}}
    both = {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": images}
    picture = Media(f"https://cdn.bsky.app/img/feed_fullsize/plain/{ANN}/bafkreiabc@jpeg", "image", "a cup")
    for embed in (images, both):
        assert read(embed=embed).media == (picture,)


def test_a_card_s_link_is_not_lost() -> None:
    card = {
        "$type": "app.bsky.embed.external",
        "external": {"uri": "https://a.example/b", "title": "", "description": ""},
    }
    assert read("look", embed=card).text == Text(
        "look\nhttps://a.example/b", (Span(5, 24, "link", "https://a.example/b"),)
    )
    shown = [facet(0, 4, kind="link", uri="https://a.example/b")]
    assert read("look", embed=card, facets=shown).text.plain == "look"


def test_labels_are_the_author_s_wishes() -> None:
    def labelled(*values: str) -> Post:
        return read(
            labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": v} for v in values]}
        )

    assert labelled("!no-unauthenticated").reach == "limited"
    assert labelled("graphic-media").warning == "Graphic media"
    assert labelled("graphic-media").reach == "public"
    assert labelled().warning is None


def test_mentions_of_us() -> None:
    assert read("@ann hello", facets=[facet(0, 4, kind="mention", did=US)]).mentions == (US,)
    assert read("hello @chat.bluesky.example.").mentions == (US,)
    assert read("hello @chat.bluesky.example.org").mentions == ()


@pytest.mark.parametrize("rest", [{"text": 7}, {"text": None}])
def test_what_is_no_post(rest: dict[str, Any]) -> None:
    payload = {"uri": ids.uri(ANN, RKEY), "cid": CID, "record": record() | rest}
    assert convert.inbound(payload, "bluesky", SEEN, OURS) is None
    like = {"uri": ids.uri(ANN, RKEY, "app.bsky.feed.like"), "cid": CID, "record": record()}
    assert convert.inbound(like, "bluesky", SEEN, OURS) is None
    assert convert.inbound({"uri": ids.uri(ANN, RKEY), "record": []}, "bluesky", SEEN, OURS) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
FIELDS = ("createdAt", "facets", "reply", "embed", "langs", "tags", "labels", "bridgyOriginalUrl")


@given(st.text(max_size=20), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_record_makes_it_raise(text: str, fields: dict[str, Any]) -> None:
    read(text, **fields)


# ---------------------------------------------------------------- people


def view(**fields: Any) -> dict[str, Any]:
    return {"did": ANN, "handle": "ann.example", "displayName": "Ann", **fields}


def test_signing() -> None:
    post = convert.signed(read(), convert.profile(view(avatar="https://a.example/ann.jpg")))
    assert (post.author.account, post.author.handle, post.author.name) == (ANN, "@ann.example", "Ann")
    assert post.author.avatar == "https://a.example/ann.jpg"
    assert post.author.url == "https://bsky.app/profile/ann.example"
    assert post.url == f"https://bsky.app/profile/ann.example/post/{RKEY}"


def test_a_handle_that_is_not_verified_is_not_shown() -> None:
    post = convert.signed(read(), convert.profile(view(handle="handle.invalid")))
    assert post.author.handle == ANN


@pytest.mark.parametrize(
    ("handle", "original"),
    [
        ("ann.sea.example.ap.brid.gy", "https://sea.example/@ann/1"),
        ("ann.example", None),  # anyone may write the field
        ("handle.invalid", None),
        ("xap.brid.gy", None),
    ],
)
def test_only_a_verified_bridge_makes_copies(handle: str, original: str | None) -> None:
    post = read(bridgyOriginalUrl="https://sea.example/@ann/1")
    assert convert.signed(post, convert.profile(view(handle=handle))).original == original


@pytest.mark.parametrize(
    ("page", "handle", "whose"),
    [
        ("https://sea.example/@ann/1", "ann.sea.example.ap.brid.gy", "acct:ann@sea.example"),
        (
            "https://sea.example/users/Ann_B/statuses/1",
            "ann-b.sea.example.ap.brid.gy",
            "acct:ann_b@sea.example",
        ),
        ("https://social.sea.example/@ann/1", "ann.sea.example.ap.brid.gy", "acct:ann@sea.example"),
        ("https://sea.example/notes/9x", "ann.sea.example.ap.brid.gy", ""),
        ("https://sea.example/@ben/1", "ann.sea.example.ap.brid.gy", ""),
        ("https://sea.example/@ann/1", "ann.example", ""),
    ],
)
def test_whose_words_a_bridge_copied(page: str, handle: str, whose: str) -> None:
    post = read(bridgyOriginalUrl=page)
    assert convert.signed(post, convert.profile(view(handle=handle))).whose == whose


def test_what_a_profile_asks() -> None:
    about = "Nurse. #NoBridge please. https://ann.example/me and @ann@sea.example"
    assert convert.profile(view(description=about)).wishes == Wishes(
        nobridge=True, links=("https://ann.example/me", "https://sea.example/@ann")
    )
    assert convert.wishes({"displayName": "Ann #nobot"}) == Wishes(nobot=True)
    assert convert.wishes({"description": None}) == Wishes()


def test_labels_of_a_profile_count_if_its_owner_put_them_there() -> None:
    def labelled(src: str) -> Profile:
        return convert.profile(
            view(labels=[{"src": src, "val": "!no-unauthenticated"}, {"src": src, "val": "bot"}])
        )

    own, other = labelled(ANN), labelled("did:plc:labeller")
    assert (own.members, own.bot) == (True, True)
    assert (other.members, other.bot) == (False, False)
    assert convert.signed(read(), own).reach == "limited"
    values = {"values": [{"val": "bot"}]}
    assert convert.own_profile(ANN, None, {"labels": values}).bot


# ---------------------------------------------------------------- out

STAMP = 1_795_000_000_123_456


def test_a_record_of_ours() -> None:
    words = Words(marked("Q1 née? #Tea https://a.example/ü?b=1"), language="en")
    assert records.post(words, STAMP) == {
        "$type": "app.bsky.feed.post",
        "text": "Q1 née? #Tea https://a.example/ü?b=1",
        "createdAt": "2026-11-18T11:06:40.123456Z",
        "facets": [
            facet(9, 13, kind="tag", tag="Tea"),
            facet(14, 38, kind="link", uri="https://a.example/%C3%BC?b=1"),
        ],
        "langs": ["en"],
    }


def test_nobody_is_pinged_unless_a_did_is_named() -> None:
    words = Words(Text("@ann @bob", (Span(0, 4, "mention", "ann.example"), Span(5, 9, "mention", ANN))))
    facets = records.post(words, STAMP)["facets"]
    assert facets == [facet(5, 9, kind="mention", did=ANN)]


def test_a_warning_goes_before_the_words() -> None:
    made = records.post(Words(marked("Q1 #Tea"), warning="spiders"), STAMP)
    assert made["text"] == "⚠ spiders\n\nQ1 #Tea"
    assert made["facets"][0]["index"] == {"byteStart": 16, "byteEnd": 20}


@given(st.text(max_size=60).map(lambda s: s.replace("\r", "")), st.integers(1_000_000, 4_000_000_000_000_000))
def test_what_we_write_is_valid_and_reads_the_same(plain: str, stamp: int) -> None:
    """The stand-in server takes it, and read back it has the same spans."""
    text = marked(f"{plain} #Tea_time https://a.example/b?c=1 @ann")
    made = records.post(Words(text, language="en"), stamp)
    lexicon.check(ids.POST, ids.tid(stamp), made)
    back = convert.inbound({"uri": ids.uri(US, ids.tid(stamp)), "cid": CID, "record": made}, "b", stamp, OURS)
    assert back is not None
    assert back.at == stamp
    kinds = [(span.kind, span.value) for span in back.text.spans if span.kind == "tag"]
    assert kinds == [(span.kind, span.value) for span in text.spans if span.kind == "tag"]


@given(
    st.lists(
        st.sampled_from(["👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "護理", "naïve", "مد", "https://a.example/tide", "\n", ". "]),
        max_size=160,
    ),
    st.none() | st.just("grief"),
)
def test_every_part_of_a_long_text_fits(pieces: list[str], warning: str | None) -> None:
    """Both limits, as the stand-in counts them."""
    text = marked(" ".join(pieces) + "A1")
    for n, part in enumerate(split(text, beside(warning, platform.limits), "TidalTea")):
        made = records.post(Words(part, warning=warning), STAMP + n)
        lexicon.check(ids.POST, ids.tid(STAMP + n), made)
