"""Pictures in Slack: our own uploaded, others' fetched by Slack, and what remains when it takes neither."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from bridge.model import (
    Card,
    Endorse,
    Gathered,
    Media,
    Order,
    Publish,
    Ref,
    Refused,
    RetryLater,
    Sent,
    Text,
    Update,
    Words,
)
from simulator.slack import rules
from simulator.slack import server as stand_in
from tests.adapters.slack_rig import card, server, slack, subject
from tests.conformance.rig import Rig

QUESTION = "Q1: kestrel7 what is this?"


@pytest.fixture
def picture(tmp_path: Path) -> Media:
    """A question's picture as the core hands it over."""
    path = tmp_path / "a pot.png"
    path.write_bytes(b"\x89PNG a pot")
    return Media(path.as_uri(), alt="A pot", digest=hashlib.sha256(b"\x89PNG a pot").hexdigest())


def ask(rig: Rig, *media: Media, **more: Any) -> Order:
    return rig.order(Publish(Words(Text(QUESTION), media=media, **more)))


def blocks(rig: Rig, kind: str) -> list[dict[str, Any]]:
    (said,) = [s for s in rig.stage.said.values() if s.ours]
    return [b for b in said.raw["blocks"] if b["type"] == kind]


def blocks_read(rig: Rig) -> str:
    """What is seen of our one message."""
    (said,) = [s for s in rig.stage.said.values() if s.ours]
    return rules.readable({"blocks": said.raw["blocks"]})


async def test_a_questions_picture_stands_in_its_message(picture: Media) -> None:
    async with subject().rig() as rig, rig.open() as link:
        assert await slack(link).inspect() == ()
        sent = await link.sent(ask(rig, picture))
        (image,) = blocks(rig, "image")
        file = server(rig).files.files[image["slack_file"]["id"]]
        assert (file.content, file.alt, file.name) == (b"\x89PNG a pot", "A pot", "a pot.png")
        assert image["alt_text"] == "A pot"
        said = rig.stage.said[sent.ref.id]
        assert said.pictures == ("A pot",)
        assert QUESTION in said.text
        assert not [s for s in rig.stage.said.values() if s.ours and s.id != said.id], "no message of its own"


async def test_the_same_picture_is_uploaded_once(picture: Media) -> None:
    async with subject().rig() as rig, rig.open() as link:
        sent = await link.sent(ask(rig, picture))
        await link.sent(rig.order(Update(sent.ref, Words(Text("Q1: and now?"), media=(picture,)))))
        assert server(rig).files.posted == 1
        assert len(blocks(rig, "image")) == 1


async def test_a_picture_that_is_not_what_the_config_named_is_refused(picture: Media, tmp_path: Path) -> None:
    async with subject().rig() as rig, rig.open() as link:
        (tmp_path / "a pot.png").write_bytes(b"\x89PNG something else")
        changed = await link.deliver(ask(rig, picture))
        assert isinstance(changed, Refused)
        assert "a pot.png has changed" in changed.why
        (tmp_path / "a pot.png").unlink()
        lost = await link.deliver(ask(rig, picture))
        assert isinstance(lost, Refused)
        assert "a pot.png cannot be read: No such file" in lost.why
        assert not [s for s in rig.stage.said.values() if s.ours]


async def test_what_slack_does_not_take_is_described(picture: Media, tmp_path: Path) -> None:
    (tmp_path / "q.webp").write_bytes(b"RIFF")
    async with subject().rig() as rig, rig.open() as link:
        server(rig).files.uploads = False
        await link.sent(ask(rig, picture, Media((tmp_path / "q.webp").as_uri(), alt="A cup")))
        assert not blocks(rig, "image")
        assert "Picture: A pot" in blocks_read(rig)
        assert "Picture: A cup" in blocks_read(rig)


async def test_an_app_that_may_not_upload_still_asks(picture: Media) -> None:
    scopes = tuple(scope for scope in stand_in.SCOPES if scope != "files:write")
    async with subject(scopes=scopes).rig() as rig, rig.open() as link:
        (remark,) = await slack(link).inspect()
        assert "described in words" in remark.what
        assert remark.mend.startswith("Add files:write under OAuth & Permissions")
        await link.sent(ask(rig, picture))
        assert not blocks(rig, "image")
        assert "Picture: A pot" in blocks_read(rig)


async def test_an_upload_that_fails_is_tried_again_and_then_described(picture: Media) -> None:
    async with subject().rig() as rig, rig.open() as link:
        files, order = server(rig).files, ask(rig, picture)
        files.address = "127.0.0.1:9"  # nobody listens there
        for _ in range(2):
            outcome = await slack(link).send(order)
            assert isinstance(outcome, RetryLater), outcome
        assert not [s for s in rig.stage.said.values() if s.ours]
        await link.sent(order)
        assert not blocks(rig, "image")


async def test_a_question_behind_a_warning_describes_its_picture_there(picture: Media) -> None:
    async with subject().rig() as rig, rig.open() as link:
        await link.sent(ask(rig, picture, warning="a pot"))
        assert not blocks(rig, "image")
        (said,) = [s for s in rig.stage.said.values() if s.ours]
        assert "Picture: A pot" in said.raw["attachments"][0]["text"]
        assert server(rig).files.posted == 0


async def test_an_entry_is_shown_without_a_picture_slack_cannot_fetch() -> None:
    async with subject().rig() as rig, rig.open() as link:
        media = Media("https://gone.example/p.png", alt="A pot")
        shown = Gathered((_with(media),))
        first = await link.sent(rig.order(Publish(shown), lane="mirror"))
        assert blocks(rig, "image")[0]["image_url"] == media.url
        server(rig).files.unreachable.add("gone.example")
        changed = await link.deliver(rig.order(Update(first.ref, shown), lane="mirror"))
        assert isinstance(changed, Sent), changed
        assert not blocks(rig, "image")
        assert "Picture: A pot" in rig.stage.said[first.ref.id].text


async def test_slack_has_no_likes() -> None:
    async with subject().rig() as rig, rig.open() as link:
        assert not link.opened.capabilities.endorses
        said = rig.says(rig.person(), "good")
        kinds: tuple[Literal["like", "boost"], ...] = ("like", "boost")
        for kind in kinds:
            order = msgspec.structs.replace(rig.publish("x"), op=Endorse(Ref("slack", said.id), kind))
            outcome = await link.deliver(order)
            assert outcome == Refused("Slack has no likes or boosts.")


def _with(media: Media) -> Card:
    return msgspec.structs.replace(card("kestrel8 look"), media=(media,))
