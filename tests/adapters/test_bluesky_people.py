"""What simulated people do on the stand-in, and what its server and AppView make of that."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulator.bluesky import wire
from simulator.stage import Draft
from tests.adapters.bluesky_rig import Bench, bench

POST = wire.POST
STRONG = {"uri": f"at://did:plc:ann/{POST}/3jzfcijpj2z2a", "cid": wire.cid({})}


@pytest.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench(speed=600) as made:
        yield made


async def views(at: Bench, *uris: str) -> list[dict[str, Any]]:
    await at.clock.sleep(1)
    return list((await at.call("app.bsky.feed.getPosts", uris=list(uris)))["posts"])


# ---------------------------------------------------------------- what people write


async def test_pictures_and_a_quote(at: Bench) -> None:
    ann = at.join("ann")
    asked = (await at.put(at.post("Q1 #Tea")))["uri"]
    uri = at.server.write(ann, Draft("A1 look", pictures=("a cup", ""), quote=asked, language="cy"))
    record, said = at.server.repos.records[uri].record, at.server.said[uri]
    assert record["langs"] == ["cy"]
    embed = record["embed"]
    assert embed["$type"] == "app.bsky.embed.recordWithMedia"
    assert embed["record"]["record"]["uri"] == asked
    first, second = embed["media"]["images"]
    assert (first["alt"], second["alt"]) == said.pictures == ("a cup", "")
    assert first["image"]["ref"] != second["image"]["ref"]
    data = at.server.repos.blobs[first["image"]["ref"]["$link"]]
    assert (data[:4], len(data)) == (b"\x89PNG", first["image"]["size"])
    assert said.quote == asked
    (view,) = await views(at, asked)
    assert view["quoteCount"] == 1


async def test_a_warning_is_words_and_a_label(at: Bench) -> None:
    uri = at.server.write(at.join("ann"), Draft("A1 a wound", warning="blood"))
    assert at.server.said[uri].text == "CW blood\n\nA1 a wound #Tea"
    assert at.server.said[uri].warning == "Graphic media"
    (view,) = await views(at, uri)
    assert [label["val"] for label in view["labels"]] == ["graphic-media"]


async def test_a_poll_is_written_out_as_far_as_there_is_room(at: Bench) -> None:
    uri = at.server.write(at.join("ann"), Draft("Which?", poll=("this", "that")))
    assert at.server.said[uri].text == "Which?\n- this\n- that #Tea"
    uri = at.server.write(at.join("bob"), Draft("x" * 240, poll=("y" * 20, "z" * 40)))
    assert "y" * 20 in at.server.said[uri].text
    assert "z" not in at.server.said[uri].text


async def test_likes_and_reposts(at: Bench) -> None:
    ann, bob = at.join("ann"), at.join("bob")
    uri = at.server.write(ann, Draft("A1"))
    at.server.endorse(bob, uri, "like")
    cid = at.server.repos.records[uri].cid
    view: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for collection in (wire.LIKE, wire.REPOST):
        record = {
            "$type": collection,
            "subject": {"uri": uri, "cid": cid},
            "createdAt": at.post()["createdAt"],
        }
        body = {"repo": at.server.me.did, "collection": collection, "rkey": at.key(), "record": record}
        made = await at.call("com.atproto.repo.putRecord", body)
        (view,) = await views(at, uri)
        assert view["viewer"]["like" if collection == wire.LIKE else "repost"] == made["uri"]
    assert (view["likeCount"], view["repostCount"]) == (2, 1)
    assert at.server.said[uri].liked == {"bob", "bridge"}
    assert at.server.said[uri].boosted == {"bridge"}
    await at.call("com.atproto.repo.deleteRecord", {key: body[key] for key in ("repo", "collection", "rkey")})
    assert at.server.said[uri].boosted == set()


@pytest.mark.parametrize(
    ("collection", "record", "message"),
    [
        (wire.LIKE, {"createdAt": "2026-11-23T10:00:00Z"}, 'Record must have the property "subject"'),
        (wire.REPOST, {"subject": {"uri": "x", "cid": "y"}}, 'Record must have the property "createdAt"'),
        (wire.GATE, {"post": "x", "createdAt": "2026-11-23T10:00:00Z"}, "Record/post must be a valid at-uri"),
    ],
)
async def test_records_about_posts_are_checked(
    at: Bench, collection: str, record: dict[str, Any], message: str
) -> None:
    body = {"repo": at.server.me.did, "collection": collection, "rkey": at.key(), "record": record}
    answer = await at.call("com.atproto.repo.putRecord", body)
    assert (at.status, answer["message"]) == (400, f"Invalid {collection} record: {message}")


# ---------------------------------------------------------------- files

PICTURE = wire.png("a cup")


async def upload(at: Bench, data: bytes, mime: str = "image/png") -> Any:
    url = f"{at.server.address}/xrpc/com.atproto.repo.uploadBlob"
    headers = {"Authorization": f"Bearer {at.token}", "Content-Type": mime}
    async with at.http.post(url, data=io.BytesIO(data), headers=headers) as answer:
        at.status = answer.status
        return await answer.json()


def showing(blob: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"embed": {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob, **more}]}}


async def test_a_file_is_known_by_its_bytes(at: Bench) -> None:
    blob = (await upload(at, PICTURE, "text/plain"))["blob"]
    assert (blob["mimeType"], blob["size"]) == ("image/png", len(PICTURE))
    await at.put(at.post(**showing(blob, aspectRatio={"width": 32, "height": 24})))
    assert at.status == 200


async def test_files_that_are_refused(at: Bench) -> None:
    answer = await upload(at, bytes(5 * 1024 * 1024 + 1))
    assert (at.status, answer["error"]) == (413, "PayloadTooLarge")
    never, large, words = wire.blob(b"never", "image/png"), wire.png("") + bytes(1_000_000), b"words"
    for data, mime, error in (
        (b"", "", "BlobNotFound"),
        (large, "image/png", "BlobTooLarge"),
        (words, "text/plain", "InvalidMimeType"),
    ):
        blob = (await upload(at, data, mime))["blob"] if data else never
        answer = await at.put(at.post(**showing(blob)))
        assert (at.status, answer["error"]) == (400, error)
    answer = await at.put(at.post(**showing(never, aspectRatio={"width": 0, "height": 1})))
    assert answer["message"].endswith("aspectRatio/width can not be less than 1")


async def test_a_file_goes_with_the_last_post_that_shows_it(at: Bench) -> None:
    blob = (await upload(at, PICTURE))["blob"]
    keys = [at.key(), at.key()]
    for key in keys:
        await at.put(at.post(**showing(blob)), key)
    place = {"repo": at.server.me.did, "collection": POST}
    await at.call("com.atproto.repo.deleteRecord", place | {"rkey": keys[0]})
    await at.put(at.post("again", **showing(blob)), keys[1])
    assert at.status == 200
    await at.call("com.atproto.repo.deleteRecord", place | {"rkey": keys[1]})
    assert (await at.put(at.post(**showing(blob))))["error"] == "BlobNotFound"


async def test_several_writes_happen_together_or_not_at_all(at: Bench) -> None:
    old, new = at.key(), at.key()
    await at.put(at.post("old"), old)
    kind = "com.atproto.repo.applyWrites"
    writes = [
        {"$type": f"{kind}#delete", "collection": POST, "rkey": old},
        {"$type": f"{kind}#create", "collection": POST, "rkey": new, "value": at.post("new")},
    ]
    body = {"repo": at.server.me.did, "writes": writes}
    await at.call(kind, body)
    assert [said.text for said in at.server.said.values() if not said.deleted] == ["new"]
    answer = await at.call(kind, body)
    assert (at.status, answer["error"]) == (500, "InternalServerError")
    assert [said.text for said in at.server.said.values() if not said.deleted] == ["new"]


# ---------------------------------------------------------------- who may see what


async def test_a_profile_is_a_record(at: Bench) -> None:
    place = {"repo": at.server.me.did, "collection": wire.PROFILE, "rkey": "self"}
    found = await at.call("com.atproto.repo.getRecord", **place)
    record = found["value"] | {"description": "Ask @ann"}
    await at.call("com.atproto.repo.putRecord", place | {"record": record, "swapRecord": found["cid"]})
    assert at.status == 200
    profile = await at.call("app.bsky.actor.getProfile", actor=at.server.me.did)
    assert profile["description"] == "Ask @ann"
    assert [label["val"] for label in profile["labels"]] == ["bot"]


@pytest.mark.parametrize("status", ["deactivated", "takendown", "suspended"])
async def test_an_account_that_leaves_and_comes_back(at: Bench, status: str) -> None:
    ann = at.join("ann")
    uri, gone = at.server.write(ann, Draft("A1")), at.server.write(ann, Draft("A1 no"))
    at.server.delete(ann, gone)
    at.server.leave(ann, status)
    assert at.server.said[uri].deleted
    assert await views(at, uri) == []
    rkey = uri.rpartition("/")[2]
    answer = await at.call("com.atproto.repo.getRecord", repo=ann.account, collection=POST, rkey=rkey)
    assert (at.status, answer["message"]) == (400, f"Could not locate record: {uri}")
    answer = await at.call("com.atproto.repo.describeRepo", repo=ann.account)
    assert answer["error"].casefold() == f"repo{status}"
    assert (await at.call("app.bsky.actor.getProfiles", actors=[ann.account]))["profiles"] == []
    at.server.come_back(ann)
    assert [view["uri"] for view in await views(at, uri)] == [uri]
    assert (at.server.said[uri].deleted, at.server.said[gone].deleted) == (False, True)


async def test_who_blocks_us_is_not_shown(at: Bench) -> None:
    ours = (await at.put(at.post("Q1 #Tea")))["uri"]
    ann = at.join("ann")
    uri = at.server.write(ann, Draft("A1", reply_to=ours))
    at.server.block(ann)
    assert await views(at, uri) == []
    (node,) = (await at.call("app.bsky.feed.getPostThread", uri=ours))["thread"]["replies"]
    assert node["$type"] == "app.bsky.feed.defs#blockedPost"
    assert (await at.call("app.bsky.notification.listNotifications"))["notifications"] == []
    (profile,) = (await at.call("app.bsky.actor.getProfiles", actors=[ann.account]))["profiles"]
    assert profile["viewer"]["blockedBy"] is True


async def test_labels_and_hidden_replies(at: Bench) -> None:
    ours = (await at.put(at.post("Q1 #Tea")))["uri"]
    ann = at.join("ann")
    kept, taken = (at.server.write(ann, Draft("A1", reply_to=ours)) for _ in range(2))
    at.server.label(kept, "!hide")
    at.server.label(taken, "!takedown")
    at.server.hide(kept)
    asked, shown = await views(at, ours, kept, taken)
    assert asked["threadgate"]["record"]["hiddenReplies"] == [kept]
    (label,) = shown["labels"]
    assert (label["val"], label["src"] != ann.account) == ("!hide", True)
    at.server.unhide(ours)
    (asked,) = await views(at, ours)
    assert asked["threadgate"]["record"]["hiddenReplies"] == []
