"""Both versions of Jetstream's frames say the same, in whatever order their keys come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.bluesky import frames, ids
from adapters.bluesky.convert import Profile
from adapters.bluesky.frames import Head
from adapters.bluesky.sieve import Sieve
from bridge.model import Interest, Written
from tests.adapters.test_bluesky_sieve import CORPUS, NOW, account, frame, kinds, needs_corpus, raw

REV = b"3jzfcijpj2z2a"
NSID = "network.bsky.jetstream.subscribeEvents"


def v1(old: bytes) -> bytes:
    return old


def v1_of_today(old: bytes) -> bytes:
    """v1 as v2's servers serve it: with their number."""
    return old.replace(b',"kind":', b',"cursor":24664288881,"kind":', 1)


def v2(old: bytes, **more: Any) -> bytes:
    flat = json.loads(old)
    kind = flat["kind"]
    payload = {
        "$type": f"{NSID}#{kind}",
        "seq": 7,
        "did": flat["did"],
        "time": ids.iso(flat["time_us"]),
        **more,
    }
    body = flat[kind] if kind == "commit" else {kind: flat[kind]}
    last = ("cid", "record")
    payload |= {key: value for key, value in body.items() if key not in last}
    payload |= {key: body[key] for key in last if key in body}
    return raw({"$type": "message", "payload": payload})


def v2_with_witness(old: bytes) -> bytes:
    """The time that counts is when the host saw it."""
    made = json.loads(old)["time_us"]
    return v2(old, witnessedAt=ids.iso(made)).replace(
        f'"time":"{ids.iso(made)}"'.encode(), b'"time":"2001-01-01T00:00:00Z"'
    )


versions = pytest.mark.parametrize("version", [v1, v1_of_today, v2, v2_with_witness])
Version = Callable[[bytes], bytes]


@versions
def test_the_head_tells_who_did_what(version: Version) -> None:
    for operation in ("create", "update", "delete"):
        sent = version(frame("#tea", operation=operation))
        found = Head(b"did:plc:ann", NOW, REV, operation.encode(), ids.POST.encode(), REV)
        assert frames.head(sent) == found
        assert found.uri == f"at://did:plc:ann/app.bsky.feed.post/{REV.decode()}"
    sent = version(account("did:plc:ann", False, "deleted"))
    assert frames.head(sent) == Head(b"did:plc:ann", NOW, b"", b"", b"", b"")


@versions
def test_the_whole_frame(version: Version) -> None:
    found = frames.decoded(version(frame("#tea")))
    assert (found.did, found.time_us, found.kind) == ("did:plc:ann", NOW, "commit")
    assert found.commit is not None
    assert found.commit.record is not None
    assert (found.commit.operation, found.commit.record["text"]) == ("create", "#tea")
    gone = frames.decoded(version(account("did:plc:ann", False, "deleted")))
    assert gone.account is not None
    assert (gone.account.active, gone.account.status) == (False, "deleted")


@versions
def test_keys_in_another_order(version: Version) -> None:
    def turned(value: Any) -> Any:
        return (
            dict(reversed([(k, turned(v)) for k, v in value.items()])) if isinstance(value, dict) else value
        )

    sent = raw(turned(json.loads(version(frame("#tea")))))
    assert frames.head(sent) is None
    assert frames.decoded(sent) == frames.decoded(version(frame("#tea")))


@versions
def test_a_frame_cut_short(version: Version) -> None:
    sent = version(frame("#tea"))
    assert frames.head(sent[: len(sent) // 2]) is None
    for end in (len(sent) // 2, len(sent) - 1):
        with pytest.raises(msgspec.DecodeError):
            frames.decoded(sent[:end])


@pytest.mark.parametrize("missing", ["did", "time"])
def test_a_message_about_nothing(missing: str) -> None:
    with pytest.raises(ValueError, match="without time or repository"):
        frames.decoded(v2(frame("#tea"), **{missing: ""}))


@needs_corpus
def test_real_frames_say_the_same_in_both_versions() -> None:
    for line in CORPUS.read_bytes().splitlines():
        assert frames.head(line) is not None
        assert frames.head(v2(line)) == frames.head(v1_of_today(line)) == frames.head(line)
        record = json.loads(line).get("commit", {}).get("record") or {}
        for tag in (f["tag"] for facet in record.get("facets", []) for f in facet["features"] if "tag" in f):
            for version in (v1, v2):
                made = Sieve("bluesky", Profile("did:plc:us"))
                made.follow(Interest((tag,)))
                (item,) = made.take(version(line))
                assert kinds([item]) == ["Written"]
                assert isinstance(item.what, Written)
                assert item.what.post.text.plain.startswith(record["text"][:20])
