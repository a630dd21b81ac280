"""What passes of Jetstream's frames, by hand-made frames and by real ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adapters.bluesky import ids
from adapters.bluesky.convert import Profile
from adapters.bluesky.sieve import KEPT, Sieve
from bridge.model import (
    AuthorGone,
    AuthorKnown,
    Echoed,
    Edited,
    Inbound,
    Interest,
    Malformed,
    Ref,
    Removed,
    What,
    Written,
)

US, ANN, BOB = "did:plc:us", "did:plc:ann", "did:plc:bob"
OURS = Profile(US, "chat.bluesky.example")
NOW = 1_795_000_000_000_000
CID = "bafyreibsiowu4ilpxhdks2o337ww473ten6hbofkgqikwgfvmbc3ylet6e"
OTHER = "bafyreiotheriowu4ilpxhdks2o337ww473ten6hbofkgqikwgfvmbc3yl"
QUESTION = ids.uri(US, ids.tid(NOW))


def sieve(*threads: str, tags: tuple[str, ...] = ("Tea",), since: int = 0) -> Sieve:
    made = Sieve("bluesky", OURS)
    made.follow(Interest(tags, tuple(Ref("bluesky", uri) for uri in threads), since))
    return made


def frame(
    text: str = "",
    *,
    did: str = ANN,
    rkey: str = "3jzfcijpj2z2a",
    at: int = NOW,
    rev: str = "3jzfcijpj2z2a",
    operation: str = "create",
    collection: str = ids.POST,
    parent: str = "",
    quote: str = "",
    **fields: Any,
) -> bytes:
    record = {"$type": collection, "createdAt": ids.iso(at), "text": text, **fields}
    if parent:
        strong = {"cid": CID, "uri": parent}
        record["reply"] = {"parent": strong, "root": strong}
    if quote:
        record["embed"] = {"$type": "app.bsky.embed.record", "record": {"cid": CID, "uri": quote}}
    commit: dict[str, Any] = {"rev": rev, "operation": operation, "collection": collection, "rkey": rkey}
    if operation != "delete":
        commit |= {"record": record, "cid": CID}
    return raw({"did": did, "time_us": at, "kind": "commit", "commit": commit})


def raw(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def whats(items: Iterable[Inbound]) -> list[What]:
    return [item.what for item in items]


def kinds(items: Iterable[Inbound]) -> list[str]:
    return [type(item.what).__name__ for item in items]


URI = ids.uri(ANN, "3jzfcijpj2z2a")

# ---------------------------------------------------------------- what belongs


@pytest.mark.parametrize(
    "text", ["#tea", "A1 #TEA!", "＃Tea", "a\n#tEa"], ids=["lower", "upper", "wide hash", "second line"]
)
def test_a_bare_tag_in_any_case(text: str) -> None:
    assert kinds(sieve().take(frame(text))) == ["Written"]


def test_a_tag_that_stands_only_in_the_list() -> None:
    assert kinds(sieve().take(frame("no word of it", tags=["Tea"]))) == ["Written"]


@pytest.mark.parametrize("text", ["tea", "#teapot", "https://a.example/#tea", "steam"])
def test_words_that_are_not_the_tag(text: str) -> None:
    assert not sieve().take(frame(text))


@pytest.mark.parametrize("escaped", [False, True])
def test_a_tag_in_another_script(escaped: bool) -> None:
    made = sieve(tags=("Straße", "茶会"))
    for text in ("#STRASSE", "#茶会", "naïve #straße"):
        sent = frame(text)
        if escaped:
            sent = json.dumps(json.loads(sent), separators=(",", ":")).encode()
        assert kinds(made.take(sent)) == ["Written"]


def test_replies_to_and_quotes_of_what_is_followed() -> None:
    made = sieve(QUESTION)
    assert kinds(made.take(frame("no tag", parent=QUESTION))) == ["Written"]
    assert kinds(made.take(frame("no tag", quote=QUESTION))) == ["Written"]
    assert not made.take(frame("no tag", parent=ids.uri(BOB, "3jzfcijpj2z22")))


def test_messages_to_us() -> None:
    mention = {"index": {"byteStart": 0, "byteEnd": 4}, "features": [{"$type": "x#mention", "did": US}]}
    assert kinds(sieve().take(frame("@you stop", facets=[mention]))) == ["Written"]
    assert kinds(sieve().take(frame("@chat.bluesky.example stop"))) == ["Written"]


def test_what_is_older_than_the_interest() -> None:
    assert not sieve(since=NOW + 1).take(frame("#tea"))


# ---------------------------------------------------------------- threads followed late


def test_replies_wait_for_their_thread_to_be_followed() -> None:
    made = sieve()
    assert not made.take(frame("early", parent=QUESTION))
    assert not made.take(frame("elsewhere", parent=ids.uri(BOB, "3jzfcijpj2z22")))
    found = made.follow(Interest(("tea",), (Ref("bluesky", QUESTION),)))
    assert [w.post.text.plain for w in whats(found) if isinstance(w, Written)] == ["early"]


def test_replies_do_not_wait_for_ever() -> None:
    made = sieve()
    made.take(frame("early", parent=QUESTION))
    made.take(frame("later", at=NOW + KEPT + 1))
    assert made.follow(Interest(("tea",), (Ref("bluesky", QUESTION),))) == []


def test_what_only_speaks_to_us_is_told_again_when_its_thread_is_followed() -> None:
    """When it first came, the question it answers was not known to be ours: no chat wanted it."""
    made = sieve()
    assert kinds(made.take(frame("@chat.bluesky.example like this", parent=QUESTION))) == ["Written"]
    assert kinds(made.follow(Interest(("tea",), (Ref("bluesky", QUESTION),)))) == ["Written"]


def test_what_is_kept_is_bounded() -> None:
    made = sieve()
    for n in range(5_100):
        made.take(frame("a reply", at=NOW + n, parent=QUESTION))
    assert len(made.follow(Interest((), (Ref("bluesky", QUESTION),)))) == 5_000
    assert made.first_us == NOW + 100, "and it is known from when on nothing was forgotten"


# ---------------------------------------------------------------- edits and removals


def test_an_edit() -> None:
    made = sieve()
    made.take(frame("#tea"))
    (edited,) = whats(made.take(frame("no tag any more", operation="update", at=NOW + 5)))
    assert isinstance(edited, Edited)
    assert edited.post.edited == NOW + 5
    assert not made.take(frame("not ours", operation="update", rkey="3jzfcijpj2z22"))


def test_an_edit_of_an_entry_known_only_by_the_interest() -> None:
    """After a restart nothing is remembered, but every entry is followed."""
    assert kinds(sieve(URI).take(frame("no tag", operation="update"))) == ["Edited"]
    assert whats(sieve(URI).take(frame(operation="delete"))) == [Removed(Ref("bluesky", URI))]


def test_a_removal_of_what_was_delivered() -> None:
    made = sieve()
    made.take(frame("#tea"))
    assert whats(made.take(frame(operation="delete", rev="3k"))) == [Removed(Ref("bluesky", URI))]
    assert not made.take(frame(operation="delete", rkey="3jzfcijpj2z22")), "nobody else's"


def test_a_removal_that_comes_before_its_post_wins() -> None:
    made = sieve()
    assert not made.take(frame(operation="delete", rev="3kbbbbbbbbbbb"))
    assert kinds(made.take(frame("#tea", rev="3kaaaaaaaaaaa"))) == ["Removed"]
    assert kinds(made.take(frame("#tea", rev="3kccccccccccc"))) == ["Written"], "made again since"


def test_a_removal_before_its_thread_was_followed() -> None:
    made = sieve()
    made.take(frame(operation="delete"))
    assert whats(made.follow(Interest((), (Ref("bluesky", URI),)))) == [Removed(Ref("bluesky", URI))]


# ---------------------------------------------------------------- people and ourselves


def account(did: str, active: bool, status: str | None = None) -> bytes:
    state = {"active": active, "did": did, "seq": 1, "time": ids.iso(NOW)} | (
        {"status": status} if status else {}
    )
    return raw({"did": did, "time_us": NOW, "kind": "account", "account": state})


def test_an_account_takes_its_posts_along() -> None:
    made = sieve()
    made.take(frame("#tea"))
    assert whats(made.take(account(ANN, False, "deleted"))) == [AuthorGone(ANN)]
    assert not made.take(account(ANN, False, "throttled"))
    assert not made.take(account(ANN, True))
    assert not made.take(account(BOB, False, "deleted")), "nobody we know"


def test_a_profile_worded_anew() -> None:
    made = sieve(URI)
    changed = frame(collection=ids.PROFILE, rkey="self", operation="update", description="#nobridge")
    (known,) = whats(made.take(changed))
    assert isinstance(known, AuthorKnown)
    assert (known.account, known.wishes.nobridge) == (ANN, True)
    assert not made.take(frame(did=BOB, collection=ids.PROFILE, rkey="self", operation="update"))


def test_our_own_posts_are_echoes_or_nothing() -> None:
    made = sieve(QUESTION)
    (echo,) = whats(made.take(frame("Q1 #tea", did=US, rkey=ids.tid(NOW))))
    assert echo == Echoed(NOW, Ref("bluesky", QUESTION), QUESTION, CID)
    assert not made.take(frame("by hand #tea", did=US))
    assert not made.take(frame(did=US, rkey=ids.tid(NOW), operation="delete"))


def test_a_reply_needs_strong_references() -> None:
    made = sieve()
    made.take(frame("#tea", parent=QUESTION))
    assert made.strong[URI] == (CID, (QUESTION, CID))


# ---------------------------------------------------------------- the AppView


def view(text: str = "#tea", cid: str = CID, at: int = NOW, **fields: Any) -> dict[str, Any]:
    record = {"$type": ids.POST, "createdAt": ids.iso(at), "text": text}
    uri = ids.uri(ANN, ids.tid(NOW))
    return {"uri": uri, "cid": cid, "record": record, "indexedAt": ids.iso(at), **fields}


def test_a_view_is_told_once_unless_asked_for_again() -> None:
    made = sieve()
    assert kinds(made.view(view())) == ["Written"]
    assert made.view(view()) == []
    assert kinds(made.view(view(), again=True)) == ["Edited"]
    assert made.view(view("off topic", uri=ids.uri(BOB, ids.tid(NOW)))) == []


def test_a_view_tells_an_edit_that_was_missed() -> None:
    made = sieve()
    made.view(view())
    (edited,) = whats(made.view(view("#tea again", OTHER, at=NOW + 60_000_000)))
    assert isinstance(edited, Edited)
    assert edited.post.edited == NOW + 60_000_000


def test_a_view_that_lags_behind_is_not_believed() -> None:
    made = sieve()
    rkey = ids.tid(NOW)
    made.take(frame("#tea", rkey=rkey))
    made.take(frame("#tea edited", rkey=rkey, operation="update").replace(CID.encode(), OTHER.encode()))
    assert made.view(view(), again=True) == []
    (still,) = whats(made.view(view("#tea edited", OTHER), again=True))
    assert isinstance(still, Edited)
    assert still.post.edited == NOW


def test_an_edit_made_before_we_looked_is_known_by_its_indexing() -> None:
    (first,) = whats(sieve().view(view(at=NOW + 60_000_000), again=True))
    assert isinstance(first, Edited)
    assert first.post.edited == NOW + 60_000_000
    (first,) = whats(sieve().view(view(at=NOW + 1_000_000), again=True))
    assert isinstance(first, Edited)
    assert first.post.edited == 0


def test_a_view_of_what_was_removed_is_stale() -> None:
    made = sieve()
    made.take(frame(operation="delete", rkey=ids.tid(NOW)))
    assert made.view(view()) == []
    assert whats(made.view(view(), again=True)) == [Removed(Ref("bluesky", view()["uri"]))]


# ---------------------------------------------------------------- the unreadable


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b'{"did":"did:plc:ann","time_us":1,"kind":"commit","commit":{"rev":"3k","oper',
        b'{"did":7,"time_us":1,"kind":"commit"}}',
        frame("#tea")[:-9],
        frame("#tea").replace(b'"record":{', b'"record":["', 1),
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_kept_and_told(bad: bytes) -> None:
    made = sieve()
    (told,) = whats(made.take(bad))
    assert isinstance(told, Malformed)
    assert bad.startswith(told.payload)
    assert kinds(made.take(frame("#tea"))) == ["Written"]


def test_a_view_that_cannot_be_read_is_told() -> None:
    assert kinds(sieve().view(view(record=["#tea"]))) == ["Malformed"]


def test_keys_in_another_order_are_read_all_the_same() -> None:
    turned = dict(reversed(json.loads(frame("#tea")).items()))
    assert kinds(sieve().take(raw(turned))) == ["Written"]


# ---------------------------------------------------------------- production's frames

CORPUS = Path(os.environ.get("CHAT_CORPUS", "corpus")) / "jetstream-v1.jsonl"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="CHAT_CORPUS names no folder with real frames")


@pytest.fixture
def frames() -> list[bytes]:
    return CORPUS.read_bytes().splitlines()


@needs_corpus
def test_real_frames_never_raise_and_move_the_cursor(frames: list[bytes]) -> None:
    made = sieve()
    for line in frames:
        assert not made.take(line), "none bears our tag"
    assert made.time_us == max(json.loads(line)["time_us"] for line in frames)


@needs_corpus
def test_every_real_post_can_be_read(frames: list[bytes]) -> None:
    posts = [f for line in frames if (f := json.loads(line)).get("commit", {}).get("collection") == ids.POST]
    created = [f for f in posts if f["commit"]["operation"] == "create"]
    assert len(created) == 17
    for post in created:
        uri = ids.uri(post["did"], post["commit"]["rkey"])
        (told,) = whats(sieve(uri, tags=()).view({"uri": uri, **post["commit"]}, again=True))
        assert isinstance(told, Edited)
        record = post["commit"]["record"]
        assert told.post.text.plain.startswith(record["text"].replace("\r", "")[:20])
        assert told.post.at == ids.micros(record["createdAt"])
        assert bool(told.post.reply_to) == ("reply" in record)
        assert len(told.post.media) == len(record.get("embed", {}).get("images", []))
        spans = sum(len(facet["features"]) for facet in record.get("facets", []))
        card = record.get("embed", {}).get("external", {}).get("uri")
        assert len(told.post.text.spans) in (spans, spans + bool(card))


@needs_corpus
def test_real_tags_and_threads_are_found(frames: list[bytes]) -> None:
    found = 0
    for line in frames:
        record = json.loads(line).get("commit", {}).get("record") or {}
        for facet in record.get("facets", []):
            for feature in facet["features"]:
                if tag := feature.get("tag"):
                    assert kinds(sieve(tags=(tag.swapcase(),)).take(line)) == ["Written"]
                    found += 1
        if parent := record.get("reply", {}).get("parent", {}).get("uri"):
            assert kinds(sieve(parent, tags=()).take(line)) == ["Written"]
            made = sieve(tags=())
            assert not made.take(line)
            assert kinds(made.follow(Interest((), (Ref("bluesky", parent),)))) == ["Written"]
            found += 1
    assert found >= 8


@needs_corpus
def test_a_real_removal_and_a_real_account_are_understood(frames: list[bytes]) -> None:
    (gone,) = (line for line in frames if b'"delete","collection":"app.bsky.feed.post"' in line)
    told = json.loads(gone)
    uri = ids.uri(told["did"], told["commit"]["rkey"])
    assert whats(sieve(uri).take(gone)) == [Removed(Ref("bluesky", uri))]
    (state,) = (line for line in frames if b'"kind":"account"' in line)
    did = json.loads(state)["did"]
    assert not sieve(ids.uri(did, "3jzfcijpj2z2a")).take(state), "it is active"
    dead = state.replace(b'"active":true', b'"active":false,"status":"deactivated"')
    assert whats(sieve(ids.uri(did, "3jzfcijpj2z2a")).take(dead)) == [AuthorGone(did)]
