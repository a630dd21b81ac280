"""What Bluesky's link writes: posts, corrections, likes, pictures, link cards; and what it may not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from adapters.bluesky import ids
from adapters.bluesky.shapes import Shape, shape
from bridge.model import (
    SECOND,
    Absent,
    Echoed,
    Endorse,
    Found,
    Leaflet,
    Media,
    Order,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    RetryLater,
    Sent,
    Update,
    Words,
    Written,
)
from bridge.text import count, marked
from simulator.bluesky import wire
from tests.adapters.bluesky_rig import Bluesky, opened, server
from tests.conformance.rig import Rig


async def test_a_post_of_ours() -> None:
    async with opened() as (rig, stage, link):
        order = rig.publish("Q1: which tide?")
        sent = await link.sent(order)
        rkey = ids.tid(order.stamp)
        assert sent.uri == f"at://{stage.me.did}/app.bsky.feed.post/{rkey}"
        assert sent.url == f"https://bsky.app/profile/{stage.me.handle}/post/{rkey}"
        stored = stage.repos.records[sent.uri]
        assert sent.version == stored.cid
        assert stored.record["createdAt"] == ids.iso(order.stamp)
        assert stored.record["langs"] == ["en"]
        await link.until(lambda: link.others(Echoed), "an echo")
        assert link.others(Echoed)[0] == Echoed(order.stamp, sent.ref, sent.uri, sent.version)


async def test_sending_again_commits_nothing() -> None:
    async with opened() as (rig, stage, link):
        order = rig.publish("Q1")
        first = await link.sent(order)
        rev = stage.repos.records[first.uri].rev
        assert await link.sent(order) == first
        assert stage.repos.records[first.uri].rev == rev


async def test_a_host_is_mentioned_by_did_and_nobody_stays_words() -> None:
    async with Bluesky().rig() as rig, rig.open(read=False) as link:
        wren = rig.person(name="wren")
        handle = server(rig).repos.accounts[wren.account].handle
        plain = f"Ask @{handle} or @nobody.example.org #CoastalTea"
        order = rig.order(Publish(Words(marked(plain, {handle, "nobody.example.org"}))))
        record = server(rig).repos.records[(await link.sent(order)).uri].record
        named = [f["did"] for facet in record["facets"] for f in facet["features"] if "did" in f]
        assert (record["text"], named) == (plain, [wren.account])


async def test_a_reply_names_root_and_parent() -> None:
    """Also when neither was seen by this link: then they are looked up."""
    async with Bluesky().rig() as rig:
        ann = rig.person()
        first = rig.says(ann)
        second = rig.says(ann, reply_to=first.id)
        async with rig.open(read=False) as link:
            sent = await link.sent(rig.publish("welcome", reply_to=Ref("bluesky", second.id)))
        records = server(rig).repos.records
        reply = records[sent.uri].record["reply"]
        assert reply["root"] == {"uri": first.id, "cid": records[first.id].cid}
        assert reply["parent"] == {"uri": second.id, "cid": records[second.id].cid}


async def test_a_reply_to_what_is_gone() -> None:
    async with Bluesky().rig() as rig, rig.open(read=False) as link:
        said = rig.says(rig.person())
        rig.deletes(said)
        outcome = await link.send(rig.publish("welcome", reply_to=Ref("bluesky", said.id)))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why
        assert isinstance(await link.send(rig.publish("to nothing", reply_to=Ref("bluesky", "x"))), Refused)


async def test_the_server_says_when_to_come_back() -> None:
    async with opened() as (rig, _, link):
        rig.strike("rate_limited")
        outcome = await link.send(rig.publish("Q1"))
        assert isinstance(outcome, RetryLater)
        assert 10 < outcome.after <= 31


async def test_nothing_private_is_published() -> None:
    async with opened() as (rig, stage, link):
        order = rig.order(Publish(Words(marked("your record")), reach="direct"))
        assert isinstance(await link.send(order), Refused)
        assert not stage.said


async def test_only_our_own_posts_can_be_retracted() -> None:
    async with opened() as (rig, _, link):
        said = rig.says(rig.person())
        assert isinstance(await link.send(rig.order(Retract(Ref("bluesky", said.id)))), Refused)
        assert not said.deleted


async def test_whether_a_retraction_is_done() -> None:
    async with opened() as (rig, _, link):
        sent = await link.sent(rig.publish("Q1"))
        retract = rig.order(Retract(sent.ref))
        assert await link.find(retract) == Absent()
        await link.sent(retract)
        assert isinstance(await link.find(retract), Found)


# ---------------------------------------------------------------- corrections


@pytest.mark.parametrize("kind", ["reply", "quote"])
async def test_what_was_answered_is_corrected_by_a_reply(kind: str) -> None:
    async with opened() as (rig, stage, link):
        sent = await link.sent(rig.publish("Q1: wich tide?"))
        if kind == "reply":
            rig.says(rig.person(), reply_to=sent.ref.id)
        else:
            rig.says(rig.person(), quote=sent.ref.id)
        order = rig.update(sent.ref, "Q1: which tide?")
        told = await link.sent(order)
        record = stage.repos.records[told.ref.id].record
        assert record["text"] == "Correction: Q1: which tide?"
        assert record["reply"]["parent"]["uri"] == sent.ref.id
        assert not stage.said[sent.ref.id].deleted
        assert await link.sent(order) == told
        assert isinstance(await link.find(order), Found)
        assert sum(said.ours for said in stage.said.values()) == 2


async def test_what_nobody_answered_gives_way_at_its_place_in_the_thread() -> None:
    async with opened() as (rig, stage, link):
        first = await link.sent(rig.publish("Q1 (1/2)"))
        second = await link.sent(rig.publish("wich tide? (2/2)", reply_to=first.ref))
        order = rig.update(second.ref, "which tide? (2/2)")
        told = await link.sent(order)
        assert told.ref.id == ids.uri(stage.me.did, ids.tid(order.stamp))
        record = stage.repos.records[told.ref.id].record
        assert record["reply"]["parent"]["uri"] == first.ref.id
        assert record["createdAt"] == ids.iso(order.stamp)
        assert [said.deleted for said in stage.said.values()] == [False, True, False]
        await link.until(lambda: any(e.stamp == order.stamp for e in link.others(Echoed)), "its echo")


async def test_who_may_have_been_answered_is_corrected_by_a_reply() -> None:
    """Without an AppView nobody can tell."""
    async with opened(appview=False) as (rig, stage, link):
        sent = await link.sent(rig.publish("Q1: wich tide?"))
        told = await link.sent(rig.update(sent.ref, "Q1: which tide?"))
        assert stage.said[told.ref.id].reply_to == sent.ref.id
        assert not stage.said[sent.ref.id].deleted


async def test_an_answer_that_the_appview_has_not_seen_yet_counts() -> None:
    """Jetstream is faster."""
    async with opened() as (rig, stage, link):
        sent = await link.sent(rig.publish("Q1: wich tide?"))
        await link.link.follow(rig.interest([sent.ref]))
        reply = rig.says(rig.person(), reply_to=sent.ref.id)
        await link.expect(Written, reply)
        for stored in stage.repos.replies(sent.ref.id):
            stored.made += 3_600_000_000  # indexed in an hour
        told = await link.sent(rig.update(sent.ref, "Q1: which tide?"))
        assert stage.said[told.ref.id].reply_to == sent.ref.id


async def test_a_correction_is_cut_rather_than_refused() -> None:
    async with opened() as (rig, stage, link):
        sent = await link.sent(rig.publish("Q1"))
        rig.says(rig.person(), reply_to=sent.ref.id)
        for text in ("x" * 300, "👩‍👩‍👧‍👦" * 120):
            told = await link.sent(rig.update(sent.ref, text))
            said = stage.said[told.ref.id].text
            assert said.startswith("Correction: ")
            assert said.endswith("…")
            assert count(said) <= 300
            assert 2900 < len(said.encode()) <= 3000 or count(said) == 300


async def test_what_cannot_be_corrected() -> None:
    async with opened() as (rig, stage, link):
        theirs = rig.says(rig.person())
        gone = await link.sent(rig.publish("Q1"))
        await link.sent(rig.order(Retract(gone.ref)))
        for ref in (Ref("bluesky", theirs.id), gone.ref, Ref("bluesky", "x")):
            assert isinstance(await link.send(rig.update(ref, "other")), Refused)
        assert sum(not said.deleted for said in stage.said.values()) == 1


async def test_a_correction_whose_answer_was_lost_is_done_once() -> None:
    async with opened() as (rig, stage, link):
        sent = await link.sent(rig.publish("Q1: wich tide?"))
        rig.strike("answer_lost")
        await link.sent(rig.update(sent.ref, "Q1: which tide?"))
        await rig.struck("answer_lost")
        assert [said.text for said in stage.said.values() if not said.deleted] == ["Q1: which tide?"]


# ---------------------------------------------------------------- likes and boosts


@pytest.mark.parametrize(("kind", "collection"), [("like", wire.LIKE), ("boost", wire.REPOST)])
async def test_an_endorsement_is_a_record_of_ours(kind: Literal["like", "boost"], collection: str) -> None:
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person())
        order = rig.order(Endorse(Ref("bluesky", said.id), kind))
        sent = await link.sent(order)
        assert sent.ref.id == ids.uri(stage.me.did, ids.tid(order.stamp), collection)
        record = stage.repos.records[sent.ref.id].record
        assert record["subject"] == {"uri": said.id, "cid": stage.repos.records[said.id].cid}
        assert record["createdAt"] == ids.iso(order.stamp)
        assert sent.url is None


async def test_what_a_host_liked_by_hand_is_not_liked_again() -> None:
    async with opened() as (rig, stage, link):
        said = rig.says(rig.person())
        subject = {"uri": said.id, "cid": stage.repos.records[said.id].cid}
        record = {"$type": wire.LIKE, "subject": subject, "createdAt": "2026-11-23T10:00:00Z"}
        stored, _ = stage.repos.put(stage.me.did, wire.LIKE, stage.repos.next_tid(), record)
        await rig.clock.sleep(2)
        sent = await link.sent(rig.order(Endorse(Ref("bluesky", said.id), "like")))
        assert sent.ref.id == stored.uri
        assert len(stage.repos.marks(said.id, wire.LIKE)) == 1


async def test_endorsing_without_an_appview_or_what_is_gone() -> None:
    async with opened(appview=False) as (rig, _, link):
        said, gone = (rig.says(rig.person()) for _ in range(2))
        await link.expect(Written, gone)
        rig.deletes(gone)
        await link.expect(Removed, gone)
        for _ in range(2):
            await link.sent(rig.order(Endorse(Ref("bluesky", said.id), "like")))
        assert said.liked == {"bridge"}
        outcome = await link.send(rig.order(Endorse(Ref("bluesky", gone.id), "boost")))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why


# ---------------------------------------------------------------- budgets


async def test_a_budget_that_is_used_up_is_not_tried() -> None:
    """The headers tell before the server has to refuse."""
    async with opened() as (rig, stage, link):
        budget = stage.pds.budgets.writes[0]
        budget.limit = 3
        await link.sent(rig.publish("Q1"))
        outcome = await link.send(rig.publish("Q2"))
        assert isinstance(outcome, RetryLater)
        assert 3000 < outcome.after <= 3601
        assert budget.used == 2, "the server was not even asked"
        budget.limit = 5000
        assert isinstance(
            await link.send(rig.order(Retract(Ref("bluesky", f"at://{stage.me.did}/x/y")))), Sent
        )


@pytest.mark.parametrize("ahead", [-7_200, 7_200])
async def test_a_budget_is_renewed_by_the_servers_clock(ahead: int) -> None:
    """Its reset is stamped by a clock that may differ from ours by hours."""
    async with Bluesky().rig() as rig:
        ours = rig.clock.now
        rig.clock.now = lambda: ours() - ahead * SECOND  # type: ignore[method-assign]
        stage = server(rig)
        async with rig.open(read=False) as link:
            assert abs(link.opened.skew - ahead) < 60
            await link.sent(rig.publish("Q1"))
            stage.pds.budgets.writes[0].limit = 4
            await link.sent(rig.publish("Q2"))
            used_up = await link.send(rig.publish("Q3"))
            assert isinstance(used_up, RetryLater)
            assert 3000 < used_up.after < 3700
            stage.pds.budgets.writes[0].limit = 5000
        async with rig.open(read=False) as link:
            rig.strike("rate_limited")
            refused = await link.send(rig.publish("Q3"))
            assert isinstance(refused, RetryLater)
            assert 5 < refused.after < 120


# ---------------------------------------------------------------- pictures and cards

PICTURE = wire.png("a tide table")


def showing(rig: Rig, *media: Media, leaflet: Leaflet | None = None) -> Order:
    order = rig.publish("Q1")
    assert isinstance(order.op, Publish)
    assert isinstance(order.op.content, Words)
    content = msgspec.structs.replace(order.op.content, media=media, leaflet=leaflet)
    return msgspec.structs.replace(order, op=Publish(content))


def saved(path: Path, data: bytes = PICTURE) -> Media:
    path.write_bytes(data)
    return Media(path.as_uri(), "image", "a tide table", hashlib.sha256(data).hexdigest())


async def test_a_picture_goes_along_with_its_description_and_shape(tmp_path: Path) -> None:
    async with opened() as (rig, stage, link):
        order = showing(rig, saved(tmp_path / "a cup.png"))
        sent = await link.sent(order)
        assert await link.sent(order) == sent, "the same picture is the same reference"
        (image,) = stage.repos.records[sent.uri].record["embed"]["images"]
        assert (image["alt"], image["image"]["mimeType"]) == ("a tide table", "image/png")
        assert image["aspectRatio"] == {"width": 32, "height": 24}
        assert stage.repos.blobs[image["image"]["ref"]["$link"]] == PICTURE


async def test_a_picture_is_stored_once(tmp_path: Path) -> None:
    async with opened() as (rig, stage, link):
        for n in range(3):
            await link.sent(showing(rig, saved(tmp_path / f"{n}.png")))
        assert stage.pds.uploads == 1


async def test_a_picture_the_server_has_thrown_away_is_stored_again(tmp_path: Path) -> None:
    """It keeps none that no post shows."""
    async with opened() as (rig, stage, link):
        picture = saved(tmp_path / "q1.png")
        sent = await link.sent(showing(rig, picture))
        await link.sent(rig.order(Retract(sent.ref)))
        assert not stage.repos.blobs
        await link.sent(showing(rig, picture))
        assert stage.pds.uploads == 2


async def test_a_correction_keeps_the_picture(tmp_path: Path) -> None:
    async with opened() as (rig, stage, link):
        picture = saved(tmp_path / "q1.png")
        sent = await link.sent(showing(rig, picture))
        words = Words(marked("Q1, better"), media=(picture,))
        told = await link.sent(rig.order(Update(sent.ref, words)))
        assert stage.said[told.ref.id].pictures == ("a tide table",)
        assert (stage.pds.uploads, len(stage.repos.blobs)) == (1, 1)


async def test_a_picture_that_cannot_be_sent(tmp_path: Path) -> None:
    big, changed = saved(tmp_path / "big.png", PICTURE + bytes(1_000_001)), saved(tmp_path / "changed.png")
    (tmp_path / "changed.png").write_bytes(PICTURE + b"!")
    words, missing = saved(tmp_path / "words.png", b"words"), Media((tmp_path / "none.png").as_uri())
    async with opened() as (rig, stage, link):
        for media, why in ((big, "Bluesky takes 1,000,000"), (changed, "changed after"), (words, "no picture"),
                           (missing, "cannot be read")):  # fmt: skip
            outcome = await link.send(showing(rig, media))
            assert isinstance(outcome, Refused)
            assert media.url.rpartition("/")[2] in outcome.why
            assert why in outcome.why
        assert isinstance(await link.send(showing(rig, *[saved(tmp_path / "q1.png")] * 5)), Refused)
        assert not stage.said


async def test_a_leaflet_is_a_card_where_there_is_no_picture(tmp_path: Path) -> None:
    leaflet = Leaflet("https://chat.example/ü", "Tides", "All together")
    async with opened() as (rig, stage, link):
        sent = await link.sent(showing(rig, leaflet=leaflet))
        card = {"uri": "https://chat.example/%C3%BC", "title": "Tides", "description": "All together"}
        embed = stage.repos.records[sent.uri].record["embed"]
        assert embed == {"$type": "app.bsky.embed.external", "external": card}
        sent = await link.sent(showing(rig, saved(tmp_path / "q1.png"), leaflet=leaflet))
        assert "images" in stage.repos.records[sent.uri].record["embed"]


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc4000401ffffc0001108001800200301")
WEBP = b"RIFF\0\0\0\0WEBP"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PICTURE, Shape("image/png", 32, 24)),
        (b"GIF89a\x20\0\x18\0", Shape("image/gif", 32, 24)),
        (JPEG, Shape("image/jpeg", 32, 24)),
        (WEBP + b"VP8X" + bytes(8) + b"\x1f\0\0\x17\0\0", Shape("image/webp", 32, 24)),
        (WEBP + b"VP8L" + bytes(5) + (31 | 23 << 14).to_bytes(4, "little"), Shape("image/webp", 32, 24)),
        (WEBP + b"VP8 " + bytes(10) + b"\x20\0\x18\0", Shape("image/webp", 32, 24)),
        (PICTURE[:12], Shape("image/png")),
        (JPEG[:9], Shape("image/jpeg")),
        (JPEG[:22], Shape("image/jpeg")),
        (b"words", None),
        (b"", None),
    ],
)
def test_the_shape_of_a_picture(data: bytes, expected: Shape | None) -> None:
    assert shape(data) == expected
