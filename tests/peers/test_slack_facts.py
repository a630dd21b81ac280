"""What stands on emulate after our adapter has written, what it refuses, and what we read of what stands there."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.slack import Settings, platform
from bridge.errors import NeedsLogin
from bridge.model import (
    Button,
    Card,
    Content,
    Edited,
    Gathered,
    Media,
    Notice,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    Sent,
    Text,
    Update,
    Words,
    Written,
)
from bridge.text import marked
from simulator.stage import Draft
from tests.conformance.rig import TAG, Rig
from tests.conformance.writing import PIXEL
from tests.peers.slack_peer import Json
from tests.peers.slack_stage import EmulateStage
from tests.peers.slack_subject import EmulatedSlack, stage

pytestmark = pytest.mark.peers

HOSTILE = "<!channel> <!here> <@U0BRIDGE> <https://evil.example|https://nhs.example> *b* `c` \u202etxt & &amp; :tada:"


def card(text: str, no: int = 1, **more: Any) -> Card:
    name = more.pop("name", "Kim")
    link = "https://tea.example/1"
    return Card(no, f"A1 · {no}", name, "@kim@tea.example", ("Mastodon",), Text(text), 0, link, **more)


def there(stage: EmulateStage, sent: Sent, thread: str = "") -> Json:
    """The message as the server holds it."""
    channel, ts = sent.ref.id.split("/")
    if thread:
        listed = stage.read("conversations.replies", channel=channel, ts=thread)["messages"]
    else:
        listed = stage.read("conversations.history", channel=channel)["messages"]
    message: Json = next(m for m in listed if m["ts"] == ts)
    return message


def asked(rig: Rig, method: str) -> Json:
    """What we asked last."""
    return next(call.asked for call in reversed(stage(rig).shim.calls) if call.method == method)


# ---------------------------------------------------------------- writing

CONTENTS: dict[str, Content] = {
    "words": Words(marked("Q1: 5 < 6 & naïve 護理 👩🏽‍⚕️ https://tea.example/a?b=1&c=2 #CoastalTea")),
    "words behind a warning": Words(marked("inside"), warning="needles"),
    "hostile words": Words(marked(HOSTILE)),
    "an entry": Gathered((card("hello", avatar="https://tea.example/kim.png"),)),
    "a hostile entry": Gathered((card(HOSTILE, name=HOSTILE),)),
    "an entry behind a warning": Gathered((card("inside", warning="needles"),)),
    "many entries": Gathered(tuple(card(f"answer {n}", n) for n in range(1, 41)), short=True),
    "a notice": Notice("Q3: Bluesky refused it", (Button("Post now", "next", "tea", item="q3"),)),
}


@pytest.mark.parametrize("content", CONTENTS)
async def test_what_we_post_is_read_back_equal(content: str) -> None:
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        place = "hosts" if isinstance(CONTENTS[content], Notice) else "chat"
        sent = await link.sent(rig.order(Publish(CONTENTS[content]), place=place))
        post, held = asked(rig, "chat.postMessage"), there(stage(rig), sent)
        for part in ("text", "blocks", "attachments", "metadata"):
            assert held[part] == post[part], part
        for part in ("username", "icon_url", "thread_ts"):
            assert held.get(part) == post.get(part), part
        assert held["user"] == stage(rig).workspace.me.user
        assert (held["unfurl_links"], held["unfurl_media"], held["link_names"]) == (False, False, False)
        assert held["parse"] == "none"


async def test_an_entry_is_posted_under_its_author_s_name_and_picture() -> None:
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        shown = Gathered((card("hello", avatar="https://tea.example/kim.png"),))
        held = there(stage(rig), await link.sent(rig.order(Publish(shown))))
        assert held["username"] == "Kim (Mastodon)"
        assert held["icon_url"] == "https://tea.example/kim.png"


@pytest.mark.parametrize("content", ["hostile words", "a hostile entry"])
async def test_nothing_a_stranger_wrote_is_markup(content: str) -> None:
    """Slack reads markup in `text`, in mrkdwn objects and in attachments: there stand only links that show where
    they lead, and our own "open"."""
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        held = there(stage(rig), await link.sent(rig.order(Publish(CONTENTS[content]))))
        parsed = [held["text"], *_mrkdwn(held["blocks"]), *(a["text"] for a in held["attachments"])]
        marks = [mark for words in parsed for mark in re.findall("<[^>]*>?", words)]
        assert all(re.fullmatch(r"<https://[^|<>]+(\|open)?>", mark) for mark in marks), marks
        assert "&lt;!channel&gt;" in held["text"]


def _mrkdwn(block: Any) -> list[str]:
    if isinstance(block, list):
        return [words for one in block for words in _mrkdwn(one)]
    if not isinstance(block, dict):
        return []
    found = [block["text"]] if block.get("type") == "mrkdwn" else []
    return found + [words for value in block.values() for words in _mrkdwn(value)]


async def test_a_reply_stands_in_its_thread_and_keeps_its_order_s_stamp() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        theirs = rig.says(rig.person(), "a question")
        ref = (await link.expect(Written, theirs)).post.ref
        order = rig.publish("an answer", reply_to=ref)
        sent = await link.sent(order)
        root = theirs.id.split("/")[1]
        held = there(stage(rig), sent, thread=root)
        assert held["thread_ts"] == root
        assert held["metadata"]["event_payload"] == {"stamp": str(order.stamp)}
        under = rig.publish("an answer to the answer", reply_to=sent.ref)
        assert there(stage(rig), await link.sent(under), thread=root)["thread_ts"] == root


async def test_an_update_leaves_nothing_of_what_was() -> None:
    """chat.update keeps what it is not told, so that each part is told."""
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        before = Words(marked("folded"), warning="needles")
        sent = await link.sent(rig.order(Publish(before)))
        first = there(stage(rig), sent)
        change = rig.order(Update(sent.ref, Words(marked("no longer"))))
        again = await link.sent(change)
        held = there(stage(rig), again)
        assert again.ref == sent.ref
        assert first["attachments"]
        assert held["attachments"] == []
        assert "needles" not in json.dumps(held)
        assert held["text"] == "no longer"
        assert held["metadata"]["event_payload"] == {"stamp": str(change.stamp)}
        assert held["edited"]["user"] == stage(rig).workspace.me.user


async def test_what_is_retracted_is_gone() -> None:
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        kept, gone = [await link.sent(rig.publish(word)) for word in ("kept", "gone")]
        await link.sent(rig.order(Retract(gone.ref)))
        held = stage(rig).read("conversations.history", channel=stage(rig).workspace.chat)["messages"]
        assert [f"{stage(rig).workspace.chat}/{m['ts']}" for m in held] == [kept.ref.id]


async def test_a_question_s_picture_is_uploaded_whole(tmp_path: Path) -> None:
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        picture = tmp_path / "q1.png"
        picture.write_bytes(PIXEL)
        media = Media(picture.as_uri(), "image", "A tide table", hashlib.sha256(PIXEL).hexdigest())
        held = there(stage(rig), await link.sent(rig.publish("Q1: what?", media=(media,))))
        (shown,) = (block for block in held["blocks"] if block["type"] == "image")
        file = stage(rig).read("files.info", file=shown["slack_file"]["id"])["file"]
        assert (file["size"], file["title"], file["mimetype"]) == (len(PIXEL), "q1.png", "image/png")
        assert shown["alt_text"] == "A tide table"


async def test_an_upload_is_asked_for_in_a_form(tmp_path: Path) -> None:
    """emulate takes JSON as well, and so says Slack's documentation; but live Slack answers `invalid_arguments`,
    "missing required field: filename" (Octember/earshot 10, langchain-ai/open-swe 2269, gugu91/pinet 569), and its
    own SDK never sends JSON here."""
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        picture = tmp_path / "q1.png"
        picture.write_bytes(PIXEL)
        media = Media(picture.as_uri(), "image", "A tide table", hashlib.sha256(PIXEL).hexdigest())
        await link.sent(rig.publish("Q1: what?", media=(media,)))
        calls = {call.method: call.json for call in stage(rig).shim.calls if "Upload" in call.method}
        assert calls == {"files.getUploadURLExternal": False, "files.completeUploadExternal": False}


# ---------------------------------------------------------------- refusals


async def test_refusals_have_slack_s_names() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        theirs = (await link.expect(Written, rig.says(rig.person()))).post.ref
        ours = (await link.sent(rig.publish("to go"))).ref
        await link.sent(rig.order(Retract(ours)))
        nowhere = Ref("slack", "C0NOWHERE/1700000000.000001")
        new = Words(marked("other words"))
        for op, named in (
            (Update(ours, new), "message_not_found"),
            (Update(theirs, new), "cant_update_message"),
            (Retract(theirs), "cant_delete_message"),
            (Publish(new, reply_to=nowhere), "channel_not_found"),
        ):
            outcome = await link.send(rig.order(op))
            assert isinstance(outcome, Refused), outcome
            assert named in outcome.why, op
        again = await link.send(rig.order(Retract(ours)))
        assert isinstance(again, Sent)  # gone is what was wanted
        assert stage(rig).shim.answers("chat.delete")[-1]["error"] == "message_not_found"


async def test_an_archived_channel_refuses() -> None:
    async with EmulatedSlack().rig() as rig, rig.open(read=False) as link:
        stage(rig).ask(nurse := rig.person(), "conversations.archive", channel=stage(rig).workspace.chat)
        outcome = await link.send(rig.publish("Q1: too late?"))
        assert isinstance(outcome, Refused), nurse
        assert "is_archived" in outcome.why


@pytest.mark.parametrize("wrong", ["bot_token", "channel"])
async def test_a_wrong_setting_is_named_at_opening(wrong: str) -> None:
    async with EmulatedSlack().rig() as rig:
        access = rig.stage.access()
        secrets = {key.lower(): value for key, value in access["secrets"].items()}
        table = access["table"]
        if wrong == "bot_token":
            secrets[wrong] = "xoxb-not-a-token"
        else:
            table = table | {wrong: "C0NOWHERE"}
        adapter = platform.create("slack", msgspec.convert(table, Settings), secrets, rig.clock)
        with pytest.raises(NeedsLogin) as refusal:
            async with adapter.open(rig.sessions):
                pass
        assert ("invalid_auth" if wrong == "bot_token" else "C0NOWHERE") in str(refusal.value)


# ---------------------------------------------------------------- reading


async def test_history_is_read_page_by_page() -> None:
    """Each page is asked for by the cursor that the one before gave."""
    async with EmulatedSlack().rig() as rig:
        nurse = rig.person()
        saids = [rig.says(nurse, f"{n}") for n in range(450)]
        async with rig.open() as link:
            for said in saids:
                await link.expect(Written, said)
        calls = [call for call in stage(rig).shim.calls if call.method == "conversations.history"]
        pages = [call for call in calls if call.asked["channel"] == stage(rig).workspace.chat][:3]
        assert [len(page.answer["messages"]) for page in pages] == [200, 200, 50]
        given = ["", *(page.answer["response_metadata"]["next_cursor"] for page in pages)]
        assert [page.asked.get("cursor", "") for page in pages] == given[:3]
        assert link.order_of(saids) == [said.id for said in saids]


async def test_a_thread_is_read_whole() -> None:
    async with EmulatedSlack().rig() as rig:
        order = rig.publish("Q1: who is there?")
        async with rig.open() as link:
            question = await link.sent(order)
            await link.expect(Written, rig.says(rig.person(), "the stream is up"))
            last = link.cursor
        people = [rig.person() for _ in range(3)]
        replies = [
            rig.says(people[n % 3], f"{n}", tag="none", reply_to=rig.copy(order).id) for n in range(120)
        ]
        async with rig.open(last, threads=[question.ref]) as link:
            for reply in replies:
                post = (await link.expect(Written, reply)).post
                assert post.root == question.ref


async def test_pictures_with_their_words_arrive() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        nurse = rig.person()
        for alt in ("A tide table", ""):
            said = rig.stage.said[rig.stage.write(nurse, Draft(f"look: {rig.word()}", pictures=(alt,)))]
            post = (await link.expect(Written, said)).post
            assert [media.alt for media in post.media] == [alt]
            assert said.text in post.text.plain


async def test_our_own_change_to_a_message_is_no_edit_of_anybody_s() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        order = rig.publish("before")
        sent = await link.sent(order)
        await link.sent(rig.update(sent.ref, f"after #{TAG}"))
        await link.sent(rig.order(Retract(sent.ref)))
        await link.expect(Written, rig.says(rig.person(), "and on"))
        assert not link.others(Edited)
        assert not link.others(Removed)


# ---------------------------------------------------------------- what the shim adds


async def test_every_envelope_is_acknowledged() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        for n in range(5):
            await link.expect(Written, rig.says(rig.person(), f"{n}"))
        sockets = stage(rig).shim.sockets
        assert len(sockets.sent) >= 5
        await rig.until(lambda: sockets.acked == sockets.sent, "every envelope acknowledged")


async def test_an_event_that_emulate_did_not_sign_is_not_passed_on() -> None:
    async with EmulatedSlack().rig() as rig, rig.open() as link:
        receiver = stage(rig).receiver
        body = json.dumps({"type": "event_callback", "event": {"type": "message"}}).encode()
        for signed in (False, True):
            stamp = str(rig.time.now() // 1_000_000)
            headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={'0' * 64}"}
            connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=5)
            connection.request("POST", "/slack/events", body, headers if signed else {})
            assert connection.getresponse().status == 401
            connection.close()
        assert not stage(rig).shim.sockets.sent
        assert receiver.forged == 2
        receiver.forged = 0
        await link.expect(Written, rig.says(rig.person(), "signed"))
