"""What we believe of Bluesky, as the real PDS and AppView judge it: how they count, and what others see."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import pytest

from adapters.bluesky import LIMITS
from bridge.config import load
from bridge.model import Conceal, Edited, Endorse, Media, Refused, Removed, Retract, Written
from bridge.preview import Part, preview
from bridge.text import count
from simulator.bluesky import wire
from simulator.stage import Said
from tests.conformance.rig import TAG, Rig
from tests.peers.bluesky_stage import Peer
from tests.peers.bluesky_subject import OnBluesky
from tests.peers.network import Account, Json, Network, XrpcError

pytestmark = pytest.mark.peers

SCRIPTS = {
    "ascii": "The tide turns. ",
    "emoji families": "👩‍👩‍👧‍👦👩🏽‍⚕️🏃🏾‍♀️‍➡️",
    "flags": "🇬🇧🇩🇪🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "half a flag": "🇬🇧🇩 ",
    "keycaps and hearts": "1️⃣#️⃣❤️‍🔥☁️☁",
    "CJK": "護理한국각간",
    "Hebrew and Arabic": "שָׁלוֹם مَرْحَبًا می‌خواهم ",
    "Indic": "नमस्ते क्षत्रिय বাংলাদেশ ക്ഷ නිම්නය ",
    "Thai, Burmese, Tibetan": "ที่นี่ မြန်မာ བོད་ ",
    "addresses": "https://tea.example/a?b=1&c=ü ",
    "combining marks": "e\u0301\u0302a\u030aZ\u0351\u036b\u0343",
    "what cannot be seen": "a\u200db\u00adc\u2060d\ufeffe\u00a0",
}
COUNTED_HIGHER = "ខ្មែរ"  # Khmer joins letters since Unicode 16, which this PDS does not know yet

CHAT = """
[community]
name = "The Coastal Round"
timezone = "UTC"
journal = "journal.db"
[[chats]]
id = "tea"
title = "Tea and tides"
hashtag = "CoastalTea"
starts = 2027-03-16T20:00:00
[[chats.questions]]
text = "QUESTION"
[networks.bluesky]
kind = "bluesky"
account = "tea.example"
"""


@pytest.fixture(scope="module")
def nurse(bluesky: Network) -> Account:
    return bluesky.account("nurse")


def previewed(folder: Path, question: str) -> Part:
    """The first post that `preview` shows of a question."""
    path = folder / "config.toml"
    path.write_text(CHAT.replace("QUESTION", question), encoding="utf-8")
    (sheet,) = preview(load(path, {"BLUESKY_PASSWORD": "not needed"}), now=0).chats
    return next(item for item in sheet.items if item.kind == "question").networks[0].parts[0]


def is_taken(network: Network, author: Account, text: str) -> bool:
    """Whether the PDS takes a post of these words."""
    rkey = wire.tid(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16))
    record = {"$type": wire.POST, "text": text, "createdAt": "2026-11-23T20:00:00.000Z"}
    try:
        network.put(author, wire.POST, rkey, record)
    except XrpcError as refusal:
        if refusal.status != 400 or refusal.error != "InvalidRequest" or "text" not in refusal.message:
            raise
        return False
    return True


@pytest.mark.parametrize("script", SCRIPTS)
def test_preview_counts_as_the_pds_does(
    bluesky: Network, nurse: Account, tmp_path: Path, script: str
) -> None:
    part = previewed(tmp_path, SCRIPTS[script])
    assert SCRIPTS[script].strip() in part.text
    assert (part.limit, part.bytes_limit) == (300, 3_000)
    full = part.text + "." * (part.limit - part.count)
    assert is_taken(bluesky, nurse, full)
    assert not is_taken(bluesky, nurse, full + ".")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_whole_post_of_one_script_is_counted_alike(bluesky: Network, nurse: Account, script: str) -> None:
    text = ""
    while count(text + SCRIPTS[script]) <= 300 and len((text + SCRIPTS[script]).encode()) <= 2_700:
        text += SCRIPTS[script]
    full = text + "." * (300 - count(text))
    assert is_taken(bluesky, nurse, full)
    assert not is_taken(bluesky, nurse, full + ".")


def test_bytes_are_limited_too(bluesky: Network, nurse: Account, tmp_path: Path) -> None:
    family = "👩‍👩‍👧‍👦"
    part = previewed(tmp_path, family * 100)
    more, dots = divmod(3_000 - part.bytes, len(family.encode()))
    full = part.text + family * more + "." * dots
    assert count(full) < 299
    assert len(full.encode()) == 3_000
    assert is_taken(bluesky, nurse, full)
    assert not is_taken(bluesky, nurse, full + ".")


def test_a_script_that_the_pds_counts_higher(bluesky: Network, nurse: Account) -> None:
    """If this fails the PDS has learnt it: the script belongs to those above."""
    text = COUNTED_HIGHER + "." * (300 - count(COUNTED_HIGHER))
    assert not is_taken(bluesky, nurse, text)
    assert is_taken(bluesky, nurse, text[:-1])


def marked(record: Json) -> list[tuple[str, str]]:
    """What a post's facets cover, and what they say of it."""
    words = record["text"].encode()
    return [
        (words[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), value)
        for facet in record["facets"]
        for feature in facet["features"]
        for key, value in feature.items()
        if key != "$type"
    ]


def strong(rig: Rig, said: Said) -> Json:
    assert isinstance(rig.stage, Peer)
    return {"uri": said.id, "cid": rig.stage.records[said.id].cid}


class TestAsOthersSeeIt(OnBluesky):
    """What our adapter does, read by somebody else from the AppView."""

    async def view(self, rig: Rig, uri: str, *, there: bool = True) -> Json:
        """A post as the AppView shows it, which lags a little; empty once it is gone."""
        seen: list[Json] = []

        def met() -> bool:
            seen[:] = self.peer.shown("app.bsky.feed.getPosts", uris=[uri])["posts"]
            return bool(seen) is there

        await rig.until(met, f"the AppView {'to show' if there else 'no longer to show'} {uri}")
        return seen[0] if seen else {}

    async def test_a_post_with_a_picture(self, tmp_path: Path) -> None:
        async with self.rig() as rig, rig.open() as link:
            picture = tmp_path / "pot.png"
            picture.write_bytes(wire.png("pot"))
            digest = hashlib.sha256(picture.read_bytes()).hexdigest()
            alt = "A blue pot, 護, “full”"
            text = f"{rig.word()} what is in it? 👩🏽‍⚕️ https://tea.example/ä #{TAG}"
            media = (Media(picture.as_uri(), "image", alt, digest),)
            sent = await link.sent(rig.publish(text, exact=True, media=media))
            seen = await self.view(rig, sent.uri)
            record = seen["record"]
            assert (seen["cid"], seen["author"]["did"]) == (sent.version, link.opened.account)
            assert (record["text"], record["langs"]) == (text, ["en"])
            assert marked(record) == [
                ("https://tea.example/ä", "https://tea.example/%C3%A4"),
                (f"#{TAG}", TAG),
            ]
            assert [image["alt"] for image in seen["embed"]["images"]] == [alt]
            blob = record["embed"]["images"][0]["image"]
            assert blob["mimeType"] == "image/png"
            assert self.peer.blob(link.opened.account, blob["ref"]["$link"]) == picture.read_bytes()

    async def test_a_correction_while_nobody_has_replied(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            sent = await link.sent(rig.publish("Q1: wat is tea?"))
            await self.view(rig, sent.uri)
            corrected = await link.sent(rig.update(sent.ref, f"Q1: what is tea? #{TAG}"))
            seen = await self.view(rig, corrected.uri)
            assert seen["record"]["text"] == f"Q1: what is tea? #{TAG}"
            await self.view(rig, sent.uri, there=False)

    async def test_a_correction_of_what_was_answered(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: wat is tea?")
            sent = await link.sent(order)
            answer = rig.says(rig.person(), "leaves", reply_to=rig.copy(order).id)
            await link.expect(Written, answer)
            corrected = await link.sent(rig.update(sent.ref, f"Q1: what is tea? #{TAG}"))
            record = (await self.view(rig, corrected.uri))["record"]
            assert f"Q1: what is tea? #{TAG}" in record["text"]
            assert record["reply"]["parent"]["uri"] == sent.uri
            assert (await self.view(rig, sent.uri))["replyCount"] >= 1

    async def test_a_reply_that_is_hidden_and_shown_again(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            order = rig.publish("Q1: what is tea?")
            sent = await link.sent(order)
            answer = rig.says(rig.person(), "leaves", reply_to=rig.copy(order).id)
            reply = (await link.expect(Written, answer)).post.ref
            hidden = await link.sent(rig.order(Conceal(reply)))
            assert await self.gate(rig, sent.uri, hides=True) == [reply.id]
            await link.sent(rig.order(Retract(hidden.ref)))
            assert await self.gate(rig, sent.uri, hides=False) == []

    async def gate(self, rig: Rig, root: str, *, hides: bool) -> list[str]:
        """The replies that the AppView says are hidden under a post, once there are some, or none."""
        replies: list[str] = []

        def met() -> bool:
            for view in self.peer.shown("app.bsky.feed.getPosts", uris=[root])["posts"]:
                gate = view.get("threadgate", {}).get("record", {})
                replies[:] = gate.get("hiddenReplies", [])
                return bool(replies) is hides
            return False

        await rig.until(met, "the AppView to show the thread's gate")
        return replies

    async def test_a_removal(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            sent = await link.sent(rig.publish("Q1: in haste?"))
            await self.view(rig, sent.uri)
            await link.sent(rig.order(Retract(sent.ref)))
            await self.view(rig, sent.uri, there=False)

    async def test_a_reply_in_a_participant_s_thread(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            first = rig.says(rig.person(), "where is the kettle?")
            second = rig.says(rig.person(), "on the stove", reply_to=first.id)
            parent = (await link.expect(Written, second)).post.ref
            order = rig.publish("still warm ^LS", reply_to=parent)
            sent = await link.sent(order)
            record = (await self.view(rig, sent.uri))["record"]
            assert record["reply"]["parent"] == strong(rig, second)
            assert record["reply"]["root"] == strong(rig, first)
            thread = self.peer.shown("app.bsky.feed.getPostThread", uri=second.id)["thread"]
            assert [reply["post"]["uri"] for reply in thread["replies"]] == [sent.uri]

    @pytest.mark.parametrize("kind", ["like", "boost"])
    async def test_an_endorsement(self, kind: Literal["like", "boost"]) -> None:
        def by() -> list[str]:
            if kind == "like":
                likes = self.peer.shown("app.bsky.feed.getLikes", uri=theirs.id)["likes"]
                return [like["actor"]["did"] for like in likes]
            boosts = self.peer.shown("app.bsky.feed.getRepostedBy", uri=theirs.id)["repostedBy"]
            return [actor["did"] for actor in boosts]

        async with self.rig() as rig, rig.open() as link:
            theirs = rig.says(rig.person(), "well said")
            ref = (await link.expect(Written, theirs)).post.ref
            given = await link.sent(rig.order(Endorse(ref, kind)))
            await rig.until(lambda: by() == [link.opened.account], f"the AppView to show our {kind}")
            await link.sent(rig.order(Retract(given.ref)))
            await rig.until(lambda: by() == [], f"the AppView to show no {kind} any more")

    async def test_a_script_that_the_pds_counts_higher_is_refused(self) -> None:
        async with self.rig() as rig, rig.open() as link:
            text = f"{rig.word()} {COUNTED_HIGHER}"
            text += "." * (LIMITS.graphemes - count(text))
            outcome = await link.deliver(rig.publish(text, exact=True))
            assert isinstance(outcome, Refused), outcome
            assert "300" in outcome.why, outcome


class TestACutStream(OnBluesky):
    """Jetstream is away for half a minute, and has forgotten what it told if it `forgets`."""

    @pytest.mark.parametrize("forgets", [False, True], ids=["", "and forgets"])
    async def test_everything_is_right_afterwards(self, forgets: bool) -> None:
        async with self.rig() as rig, rig.core() as core:
            assert isinstance(rig.stage, Peer)
            nurse = rig.person()
            order = rig.publish("Q1: who was here?")
            await core.sent(order)
            kept, changed, gone = (rig.says(nurse, what) for what in ("kept", "to change", "to go"))
            for said in (kept, changed, gone):
                await core.expect(Written, said)
            rig.stage.cut(True)
            written = [
                rig.says(nurse, "meanwhile"),
                rig.says(nurse, "untagged", tag="none", reply_to=rig.copy(order).id),
            ]
            rig.edits(changed, f"{changed.text.split()[0]} has changed #{TAG}")
            rig.deletes(gone)
            await rig.clock.sleep(30)
            if forgets:
                rig.strike("cursor_lost")
            rig.stage.cut(False)
            for said in written:
                await core.expect(Written, said, "written while the stream was cut")
            await core.reread_all()
            await core.expect(Edited, changed, "edited while the stream was cut")
            assert "has changed" in core.whats(Edited, changed)[-1].post.text.plain
            await core.expect(Removed, gone, "removed while the stream was cut")
            assert not core.whats(Removed, kept)
            if forgets:
                await rig.struck("cursor_lost")
