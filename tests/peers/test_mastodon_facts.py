"""What stands on mastodon-mock after our adapter has written, and what our adapter makes of what stands there."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

from adapters.mastodon import platform
from bridge.config import load
from bridge.model import (
    Edited,
    Endorse,
    Limits,
    Media,
    Publish,
    Removed,
    Retract,
    Sent,
    Span,
    Text,
    Update,
    Words,
    Written,
)
from bridge.ports import Platform
from bridge.preview import preview
from bridge.text import length, marked
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Said, Stage
from tests.conformance.rig import TAG, Rig, Subject
from tests.peers.mastodon_peer import ApiError, mock
from tests.peers.mastodon_stage import MockStage, picture
from tests.peers.mastodon_stream import MockStreaming

pytestmark = pytest.mark.peers
LIMITS = Limits(500, url=23, local_mentions=True)

# ---------------------------------------------------------------- counting

# Mastodon's source, app/validators/status_length_validator.rb and its specification.
COUNTED = {
    "letters": ("a kettle", 8),
    "a line's end is one": ("a\r\nb", 3),
    "a short address is 23": ("https://t.example", 23),
    "a long address is 23": ("http://" + "b" * 30 + ".example/tide?table=1#top", 23),
    "an address in a sentence": ("See (https://tea.example/a), please.", len("See (), please.") + 23),
    "an address without its scheme is words": ("tea.example/a", 13),
    "two addresses": ("https://a.example https://b.example/longer", 23 + 1 + 23),
    "a hashtag is its letters": (f"#{TAG}", 11),
    "an emoji of several code points": ("🏳️‍⚧️" * 20, 20),
    "families": ("👩‍👩‍👧‍👦👨‍👧", 2),
    "flags": ("🇬🇧🇨🇾", 2),
    "skin tones and keycaps": ("👍🏽1️⃣❤️", 3),
    "an accent that stands by itself": ("e\u0301", 1),
    "CJK": ("護理の実践", 5),
    "Korean": ("간호사", 3),
    "right to left": ("שלום، مرحبا", 11),
    "right to left, vowels written": ("مَرْحَبًا", 5),
}


@pytest.mark.parametrize("case", COUNTED)
def test_words_count_as_mastodon_counts_them(case: str) -> None:
    words, counted = COUNTED[case]
    assert length(marked(words), LIMITS) == counted


def test_of_a_remote_mention_the_name_alone_counts() -> None:
    words = "Thank you, @alice@" + "b" * 30 + ".example!"
    mention = words[len("Thank you, ") : -1]
    text = Text(words, (Span(11, 11 + len(mention), "mention", mention[1:]),))
    assert length(text, LIMITS) == len("Thank you, @alice!")


CHAT = """
[community]
name = "The Coastal Round"
timezone = "Europe/London"
[[chats]]
id = "tea"
title = "Tea and tides"
hashtag = "CoastalTea"
starts = 2027-03-16T20:00:00
[[chats.questions]]
text = {text}
warning = {warning}
[networks.mastodon]
kind = "mastodon"
server = "https://mastodon.example"
"""


def _first_part(folder: Path, text: str, warning: str = "") -> Any:
    """The first post `preview` shows of a question."""
    path = folder / "config.toml"
    config = CHAT.format(text=_quoted(text), warning=_quoted(warning))
    path.write_text(config if warning else config.replace('warning = ""\n', ""), encoding="utf-8")
    (sheet,) = preview(load(path, {"MASTODON_TOKEN": "not needed"}), now=0).chats
    return next(item for item in sheet.items if item.kind == "question").networks[0].parts[0]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("case", [case for case, (words, _) in COUNTED.items() if "\r" not in words])
def test_preview_counts_alike(tmp_path: Path, case: str) -> None:
    words, counted = COUNTED[case]
    part = _first_part(tmp_path, words)
    assert words in part.text
    assert part.count == len(part.text.replace(words, "")) + counted


def test_a_warning_counts(tmp_path: Path) -> None:
    bare, warned = _first_part(tmp_path, "How?"), _first_part(tmp_path, "How?", "about 👩‍👩‍👧‍👦")
    assert warned.count == bare.count + len("about ") + 1


@pytest.mark.parametrize(
    "unit", ["tide ", "護", "ש", "م", "🫖"], ids=["ascii", "CJK", "Hebrew", "Arabic", "emoji"]
)
def test_preview_and_the_server_agree_at_the_limit(tmp_path: Path, unit: str) -> None:
    """Where mastodon-mock counts as Mastodon does: one code point a grapheme, no address."""
    mock().reset()
    _, token = mock().join("nurse_01", "Nurse 1")
    room = 500 - _first_part(tmp_path, "x").count + 1
    part = _first_part(tmp_path, (unit * room)[: room - 1] + "?")
    assert part.count == part.limit == 500
    assert mock().ask("POST", "/api/v1/statuses", {"status": part.text}, token)["id"]
    with pytest.raises(ApiError) as refusal:
        mock().ask("POST", "/api/v1/statuses", {"status": part.text + unit[0]}, token)
    assert refusal.value.status == 422


# ---------------------------------------------------------------- what we write, read back


class OnMock(Subject):
    network = "mastodon"
    streams = False

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return MockStage(mock(), network, clock, faults, {**options, "streams": self.streams})


class TestReadBack(OnMock):
    async def test_a_post_with_a_picture_is_there_as_it_was_meant(self, tmp_path: Path) -> None:
        async with self.rig() as rig, rig.open(read=False) as link:
            media = _picture(tmp_path, "A kettle on a stove, 茶")
            words = f"Q1 What's in <your> pot & why? 護理 https://tea.example/a?b=1 #{TAG}"
            content = Words(marked(words), warning="about tea", language="cy", media=(media,))
            sent = await link.sent(rig.order(Publish(content)))
            there = _status(rig, sent)
            assert _read(rig, sent).text == words
            assert there["spoiler_text"] == "about tea"
            assert there["language"] == "cy"
            assert there["visibility"] == "public"
            assert [tag["name"] for tag in there["tags"]] == [TAG.lower()]
            assert (there["uri"], there["url"]) == (sent.uri, sent.url)
            (shown,) = there["media_attachments"]
            assert (shown["type"], shown["description"]) == ("image", media.alt)
            async with aiohttp.ClientSession() as client, client.get(shown["url"]) as answer:
                assert hashlib.sha256(await answer.read()).hexdigest() == media.digest

    async def test_an_edit_changes_the_words_and_nothing_else(self, tmp_path: Path) -> None:
        async with self.rig() as rig, rig.open(read=False) as link:
            media = _picture(tmp_path, "A kettle")
            before = Words(marked(f"Q1 Befor? #{TAG}"), warning="about tea", language="en", media=(media,))
            sent = await link.sent(rig.order(Publish(before)))
            first = _status(rig, sent)
            after = Words(marked(f"Q1 Before? #{TAG}"), warning="about tea", language="en", media=(media,))
            changed = await link.sent(rig.order(Update(sent.ref, after)))
            there = _status(rig, sent)
            assert changed.ref == sent.ref
            assert _read(rig, sent).text == f"Q1 Before? #{TAG}"
            assert there["edited_at"]
            kept = ("id", "created_at", "spoiler_text", "language", "visibility")
            assert {key: there[key] for key in kept} == {key: first[key] for key in kept}
            assert [m["description"] for m in there["media_attachments"]] == ["A kettle"]
            assert len(_ask(rig, f"statuses/{sent.ref.id}/history")) == 2

    async def test_a_quiet_reply_stands_in_a_participant_s_thread(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            theirs = rig.says(rig.person(), "A1 a brown pot")
            ref = (await link.expect(Written, theirs)).post.ref
            words = Words(marked("Ann, on Slack: mine too"), language="en")
            sent = await link.sent(rig.order(Publish(words, reply_to=ref, reach="quiet"), lane="people"))
            there = _status(rig, sent)
            assert (there["in_reply_to_id"], there["visibility"]) == (theirs.id, "unlisted")
            assert there["spoiler_text"] == ""
            below = _ask(rig, f"statuses/{theirs.id}/context")["descendants"]
            assert [status["id"] for status in below] == [sent.ref.id]

    @pytest.mark.parametrize(("kind", "verb"), [("like", "favourited_by"), ("boost", "reblogged_by")])
    async def test_an_endorsement_is_seen_and_undone(self, kind: Literal["like", "boost"], verb: str) -> None:
        async with self.rig() as rig, rig.open() as link:
            theirs = rig.says(rig.person(), "A1 a brown pot")
            ref = (await link.expect(Written, theirs)).post.ref
            assert link.opened.capabilities.endorses
            given = [await link.sent(rig.order(Endorse(ref, kind), lane="people")) for _ in range(2)]
            assert [by["username"] for by in _ask(rig, f"statuses/{theirs.id}/{verb}")] == ["chat"]
            await link.sent(rig.order(Retract(given[0].ref), lane="people"))
            assert _ask(rig, f"statuses/{theirs.id}/{verb}") == []
            assert _ask(rig, f"statuses/{theirs.id}")["id"] == theirs.id

    async def test_what_is_removed_is_gone(self) -> None:
        async with self.rig() as rig, rig.open(read=False) as link:
            sent = await link.sent(rig.publish("Q1 never mind"))
            assert _status(rig, sent)
            await link.sent(rig.order(Retract(sent.ref)))
            with pytest.raises(ApiError) as refusal:
                _status(rig, sent)
            assert refusal.value.status == 404

    async def test_what_people_write_arrives_whole(self) -> None:
        async with self.rig() as rig, rig.core() as core:
            order = rig.publish("Q1 what is in your pot?")
            question = await core.sent(order)
            said = rig.says(
                rig.person(),
                "A1 <b>green</b> & white, see https://tea.example/pots?a=1&b=2",
                reply_to=rig.copy(order).id,
                pictures=("A green pot", ""),
                warning="about caffeine",
                language="cy",
            )
            post = (await core.expect(Written, said)).post
            assert said.text in post.text.plain
            assert (post.reply_to, post.uri, post.url) == (question.ref, said.url, said.url)
            assert (post.warning, post.language, post.reach) == ("about caffeine", "cy", "public")
            assert [(m.kind, m.alt) for m in post.media] == [("image", "A green pot"), ("image", "")]
            assert [span.value for span in post.text.spans if span.kind == "link"] == [
                "https://tea.example/pots?a=1&b=2"
            ]
            assert post.tags == (TAG.casefold(),)
            assert (post.at, post.edited) == (said.at, 0)
            async with aiohttp.ClientSession() as client, client.get(post.media[0].url) as answer:
                assert await answer.read() == picture(len("A green pot"))

    async def test_who_leaves_takes_their_posts_along(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            leaving, staying = rig.person(), rig.person()
            gone = [rig.says(leaving, f"A{n}") for n in (1, 2)]
            kept = rig.says(staying, "A1 still here")
            for said in (*gone, kept):
                await link.expect(Written, said)
            rig.stage.leave(leaving)
            for said in gone:
                await link.expect(Removed, said)
            assert not link.whats(Removed, kept)


def _picture(folder: Path, alt: str) -> Media:
    path = folder / "kettle.png"
    path.write_bytes(picture())
    return Media(path.as_uri(), alt=alt, digest=hashlib.sha256(picture()).hexdigest())


def _ask(rig: Rig, path: str) -> Any:
    """What anybody with an account there reads."""
    assert isinstance(rig.stage, MockStage)
    return rig.stage.ask(rig.person(), "GET", path)


def _status(rig: Rig, sent: Sent) -> Any:
    return _ask(rig, f"statuses/{sent.ref.id}")


def _read(rig: Rig, sent: Sent) -> Said:
    return rig.stage.said[sent.ref.id]


# ---------------------------------------------------------------- a gap


class TestStreamed(OnMock):
    streams = True

    async def test_the_stream_alone_tells_of_posts_edits_and_removals(self) -> None:
        """By the clock on the wall, where polling comes round after 20 seconds at the earliest."""
        async with self.rig(speed=1.0) as rig, rig.open() as link:
            streaming = _streaming(rig)
            await rig.until(streaming.subscribed.is_set, "a subscription to the hashtag")
            async with asyncio.timeout(15):
                said = rig.says(rig.person(), "first words")
                await link.expect(Written, said)
                rig.edits(said, f"{said.text.split()[0]} reworded #{TAG}")
                assert "reworded" in (await link.expect(Edited, said)).post.text.plain
                rig.deletes(said)
                await link.expect(Removed, said)

    @pytest.mark.parametrize("cut", ["the stream", "everything"])
    async def test_what_happens_while_cut_off_is_right_afterwards(self, cut: str) -> None:
        """Posts are written, edited and removed while the stream is away for 30 seconds, or the whole server."""
        async with self.rig() as rig, rig.core() as core:
            streaming = _streaming(rig)
            await rig.until(streaming.subscribed.is_set, "a subscription to the hashtag")
            nurse = rig.person()
            changed, gone, kept = (rig.says(nurse, what) for what in ("to change", "to go", "kept"))
            for said in (changed, gone, kept):
                await core.expect(Written, said)
            streaming.cut()
            if cut == "everything":
                rig.strike("outage")
                await rig.struck("outage")
            written = rig.says(nurse, "meanwhile")
            rig.edits(changed, f"{changed.text.split()[0]} reworded #{TAG}")
            rig.deletes(gone)
            await rig.clock.sleep(30)
            streaming.mend()
            await rig.over("outage")
            await core.expect(Written, written)
            edited = (await core.expect(Edited, changed)).post
            assert "reworded" in edited.text.plain
            await core.expect(Removed, gone)
            await rig.until(streaming.subscribed.is_set, "the stream to be back")
            await core.expect(Written, rig.says(nurse, "afterwards"))
            assert not core.whats(Removed, kept)
            assert len(core.whats(Written, kept)) == 1


def _streaming(rig: Rig) -> MockStreaming:
    assert isinstance(rig.stage, MockStage)
    assert rig.stage.streaming is not None
    return rig.stage.streaming
