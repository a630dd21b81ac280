"""What Mastodon's own about carrying out orders is: pictures, likes and boosts, and finding what was made."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from aiohttp import web

from bridge.model import (
    HOUR,
    SECOND,
    Absent,
    Endorse,
    Found,
    Gathered,
    Media,
    Order,
    Publish,
    Ref,
    Refused,
    Retract,
    RetryLater,
    Sent,
    Text,
    Unclear,
    Unknown,
    Update,
    Words,
    Written,
)
from simulator.mastodon.wire import Status
from tests.adapters.mastodon_rig import Mastodon, behind, server
from tests.conformance.came import Session
from tests.conformance.rig import Rig

PNG = b"\x89PNG" + bytes(2_000)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Mastodon().rig() as rig:
        yield rig


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "q1.png"


def showing(picture: Path, plain: str = "Q1 #CoastalTea", *, body: bytes = PNG) -> Words:
    """Words with a picture of these bytes."""
    picture.write_bytes(body)
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    return Words(Text(plain), media=(Media(picture.as_uri(), "image", "A tide table", digest),))


def uploads(rig: Rig) -> int:
    return server(rig).budgets.media.used


def status(rig: Rig, sent: object) -> Status:
    assert isinstance(sent, Sent), sent
    return server(rig).statuses[sent.ref.id]


async def test_a_picture_goes_with_its_words_and_stays_when_they_change(rig: Rig, picture: Path) -> None:
    async with rig.open() as link:
        sent = await link.sent(rig.order(Publish(showing(picture))))
        made = status(rig, sent)
        assert [(a.description, a.body) for a in made.media] == [("A tide table", PNG)]
        assert isinstance(await link.send(rig.update(sent.ref, "Q1 again #CoastalTea")), Sent)
        assert (made.text, len(made.media)) == ("Q1 again #CoastalTea", 1)
        change = rig.order(Update(sent.ref, showing(picture, "Q1 anew #CoastalTea")))
        assert isinstance(await link.send(change), Sent)
        assert (made.text, len(made.media)) == ("Q1 anew #CoastalTea", 1)
        assert uploads(rig) == 1, "the status has it already"
        change = rig.order(Update(sent.ref, showing(picture, "Q1 anew #CoastalTea", body=PNG + b"!")))
        assert isinstance(await link.send(change), Sent)
        assert [a.body for a in made.media] == [PNG + b"!"]
        assert isinstance(await link.find(change), Found)


async def test_an_order_sent_again_uploads_nothing_again(rig: Rig, picture: Path) -> None:
    """However far it came the time before, also over a new link."""
    async with rig.core() as core:
        for n, fault in enumerate(("rate_limited", "server_error", "answer_lost"), start=1):
            rig.strike(fault)
            sent = await core.sent(rig.order(Publish(showing(picture, f"Q{n} #CoastalTea"))))
            await rig.struck(fault)
            assert (len(status(rig, sent).media), uploads(rig)) == (1, n)


async def test_a_picture_that_is_being_processed_is_waited_for(rig: Rig, picture: Path) -> None:
    server(rig).processing = 10 * SECOND
    async with rig.open(read=False) as link:
        sent = await link.send(rig.order(Publish(showing(picture))))
        assert len(status(rig, sent).media) == 1
        server(rig).processing = 45 * SECOND
        order = rig.order(Publish(showing(picture, "Q2 #CoastalTea")))
        later = await link.send(order)
        assert isinstance(later, RetryLater)
        assert "still processing" in later.why
        assert isinstance(await link.deliver(order), Sent)
        assert uploads(rig) == 2


async def test_a_picture_that_cannot_be_processed_stops_its_post(rig: Rig, picture: Path) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "Error processing thumbnail for uploaded media"}, status=422)

    server(rig).processing = HOUR
    async with behind(rig, ("GET", "/api/v1/media/{id}", broken)), rig.open(read=False) as link:
        outcome = await link.send(rig.order(Publish(showing(picture))))
    assert isinstance(outcome, Refused)
    assert str(picture) in outcome.why
    assert "Error processing" in outcome.why


async def test_a_picture_too_large_or_of_another_type_says_so(rig: Rig, picture: Path) -> None:
    server(rig).image_limit = 1024 * 1024
    async with rig.open(read=False) as link:
        assert link.opened.capabilities.limits.image == 1024 * 1024
        large = b"GIF8" + bytes(1024 * 1024)
        outcome = await link.send(rig.order(Publish(showing(picture, body=large))))
        assert isinstance(outcome, Refused)
        assert "1.0 MB" in outcome.why
        assert uploads(rig) == 0, "the server was not asked"
        outcome = await link.send(rig.order(Publish(showing(picture, body=b"no picture"))))
        assert isinstance(outcome, Refused)
        assert "File content type is invalid" in outcome.why
    assert not rig.stage.said


@pytest.mark.parametrize(
    ("url", "why"), [("nowhere/q1.png", "cannot be read"), ("https://m.example/1.png", "must be a file")]
)
async def test_a_picture_that_cannot_be_sent_stops_its_post(rig: Rig, url: str, why: str) -> None:
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.order(Publish(Words(Text("Q1"), media=(Media(url),)))))
    assert isinstance(outcome, Refused)
    assert why in outcome.why
    assert not any(said.ours for said in rig.stage.said.values())


async def test_a_direct_answer_mentions_its_reader_and_is_found_again(rig: Rig) -> None:
    async with rig.open() as link:
        letter = rig.says(rig.person(), "stop", tag="none", place="direct")
        received = (await link.expect(Written, letter)).post
        op = Publish(Words(Text("Done.")), reply_to=received.ref, reach="direct")
        order = rig.order(op)
        sent = await link.send(order)
        assert isinstance(sent, Sent)
        status = server(rig).statuses[sent.ref.id]
        assert status.visibility == "direct"
        assert status.mentions[0].handle == letter.author
        assert isinstance(await link.find(order), Found)


async def test_where_a_copy_can_be_read(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        for reach, visibility in (("public", "public"), ("quiet", "unlisted")):
            sent = await link.send(rig.order(Publish(Words(Text(f"{reach} tea")), reach=reach)))  # type: ignore[arg-type]
            assert isinstance(sent, Sent)
            assert server(rig).statuses[sent.ref.id].visibility == visibility


async def test_two_orders_of_the_same_words_are_told_apart(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        first, second = (rig.order(Publish(Words(Text("Thank you all!")))) for _ in range(2))
        assert isinstance(await link.send(first), Sent)
        assert isinstance(await link.find(second), Absent)
        assert isinstance(await link.send(second), Sent)
        found = await link.find(second)
        assert isinstance(found, Found)
        assert len(found.posts) == 1


async def test_an_older_post_of_the_same_words_is_not_taken_for_this_one(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        assert isinstance(await link.send(rig.order(Publish(Words(Text("Welcome!"))))), Sent)
    await rig.clock.sleep(150)
    async with rig.open(read=False) as link:
        assert isinstance(await link.find(rig.order(Publish(Words(Text("Welcome!"))))), Absent)


async def test_what_mastodon_cannot_show_is_refused(rig: Rig) -> None:
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.order(Publish(Gathered(()))))
    assert isinstance(outcome, Refused)
    assert "gathered" in outcome.why


async def test_a_reply_to_what_is_gone_is_refused(rig: Rig) -> None:
    said = rig.says(rig.person(), "tea")
    rig.deletes(said)
    async with rig.open(read=False) as link:
        outcome = await link.send(rig.publish("A1", reply_to=Ref("mastodon", said.id)))
    assert isinstance(outcome, Refused)
    assert "gone" in outcome.why


# ---------------------------------------------------------------- likes and boosts


@pytest.mark.parametrize("kind", ["like", "boost"])
async def test_what_is_gone_or_private_is_not_endorsed(rig: Rig, kind: Literal["like", "boost"]) -> None:
    async with rig.open() as link:
        said = rig.says(rig.person(), "tea")
        rig.deletes(said)
        outcome = await link.send(rig.order(Endorse(Ref("mastodon", said.id), kind)))
        assert isinstance(outcome, Refused)
        assert "gone" in outcome.why
        letter = rig.says(rig.person(), "stop", tag="none", place="direct")
        outcome = await link.send(rig.order(Endorse(Ref("mastodon", letter.id), kind)))
        assert isinstance(outcome, Sent if kind == "like" else Refused), (
            "only what anybody may read is boosted"
        )


@pytest.mark.parametrize("kind", ["like", "boost"])
async def test_an_endorsement_of_what_is_gone_is_taken_back(rig: Rig, kind: Literal["like", "boost"]) -> None:
    async with rig.open() as link:
        said = rig.says(rig.person(), "tea")
        given = await link.sent(rig.order(Endorse(Ref("mastodon", said.id), kind)))
        rig.deletes(said)
        retract = rig.order(Retract(given.ref))
        assert isinstance(await link.send(retract), Sent)
        assert isinstance(await link.find(retract), Found)


@pytest.mark.parametrize("kind", ["like", "boost"])
async def test_an_endorsement_without_an_answer_is_found(rig: Rig, kind: Literal["like", "boost"]) -> None:
    async with rig.open() as link:
        said = rig.says(rig.person(), "tea")
        order = rig.order(Endorse(Ref("mastodon", said.id), kind))
        rig.strike("answer_lost")
        assert isinstance(await link.send(order), Unclear)
        found = await link.find(order)
        assert isinstance(found, Found)
        assert found.posts[0].ref == (await link.sent(order)).ref


# ---------------------------------------------------------------- what became of it


async def lost(rig: Rig, link: Session, order: Order) -> None:
    """Send an order whose answer is lost after the commit."""
    rig.strike("answer_lost")
    assert isinstance(await link.send(order), Unclear)
    rig.copy(order)


async def test_an_answer_lost_hours_ago_is_found(rig: Rig) -> None:
    """The key is forgotten by then: the same again would be posted twice, as it is here in the end."""
    order = rig.publish("Q1: long ago?")
    async with rig.open(read=False) as link:
        await lost(rig, link, order)
        for n in range(45):  # more than a page of posts of ours since
            await link.sent(rig.publish(f"say {n}"))
        server(rig).keys = {key: (at - 2 * HOUR, id_) for key, (at, id_) in server(rig).keys.items()}
    async with rig.open(read=False) as link:
        found = await link.find(order)
        assert isinstance(found, Found)
        assert [s.ref.id for s in found.posts] == [rig.copy(order).id]
        await link.sent(order)
        assert len(rig.copies(order)) == 2


@pytest.mark.parametrize("committed", [True, False])
async def test_what_an_order_said_may_have_left_it(rig: Rig, committed: bool) -> None:
    """Whom it answers was forgotten while nobody knew whether it was posted: what may stand is not called absent."""
    async with rig.open() as link:
        said = rig.says(rig.person(), "tea")
        to = Ref("mastodon", said.id)
        order = rig.order(Publish(Words(Text("Thank you!")), reply_to=to, reach="quiet"))
        if committed:
            rig.strike("answer_lost")
            assert isinstance(await link.send(order), Unclear)
        silent = msgspec.structs.replace(order, op=msgspec.structs.replace(order.op, content=Gathered(())))
        assert isinstance(await link.find(silent), Unknown if committed else Absent)


async def test_a_server_that_ignores_keys_is_looked_at_first(rig: Rig) -> None:
    server(rig).version, server(rig).key_lasts = "0.17.3 (compatible; another)", 0
    async with rig.open(read=False) as link:
        assert link.opened.capabilities.resend == "look_first"
        for n in range(3):
            rig.strike("answer_lost")
            order = rig.publish(f"Q{n}: once?")
            await link.sent(order)
            rig.copy(order)


async def test_an_order_done_before_its_parent_went_is_not_called_refused(rig: Rig) -> None:
    said = rig.says(rig.person(), "tea")
    order = rig.publish("A1", reply_to=Ref("mastodon", said.id))
    async with rig.open(read=False) as link:
        await lost(rig, link, order)
        rig.deletes(said)
        outcome = await link.send(order)
        assert isinstance(outcome, Sent)
        assert outcome.ref.id == rig.copy(order).id
