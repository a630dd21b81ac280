"""Our own stand-in for Slack beside emulate: asked the same, both say the same. Where emulate is wrong by Slack's
documentation it stands in `DIFFER`; else the stand-in is.

A reply to a message that is gone is in neither's words: live Slack posts it into the channel, without a `thread_ts`
(slack-go/slack 1571, langchain-ai/open-swe 2753), and documents no error for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from simulator.stage import Said
from tests.adapters import slack_rig
from tests.conformance.rig import Rig
from tests.peers.slack_peer import Json
from tests.peers.slack_subject import EmulatedSlack

pytestmark = pytest.mark.peers

NOWHERE, NOBODY, NEVER = "C0NOWHERE", "U0NOBODY", "1700000000.000001"
HOME = {"type": "home", "blocks": [{"type": "divider"}]}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Tea"}, "blocks": [{"type": "divider"}]}

# A call and its arguments; what stands in angle brackets is known to each server by another name.
CASES: dict[str, tuple[str, Json]] = {
    "post": ("chat.postMessage", {"channel": "<chat>", "text": "tea"}),
    "post nothing": ("chat.postMessage", {"channel": "<chat>", "text": ""}),
    "post nowhere": ("chat.postMessage", {"channel": NOWHERE, "text": "tea"}),
    "post to a person": ("chat.postMessage", {"channel": "<user>", "text": "tea"}),
    "post with odd blocks": ("chat.postMessage", {"channel": "<chat>", "text": "tea", "blocks": ["tea"]}),
    "post under a message that is gone": (
        "chat.postMessage",
        {"channel": "<chat>", "text": "tea", "thread_ts": "<gone>"},
    ),
    "update": ("chat.update", {"channel": "<chat>", "ts": "<ours>", "text": "more tea"}),
    "update what is gone": ("chat.update", {"channel": "<chat>", "ts": "<gone>", "text": "tea"}),
    "update another's": ("chat.update", {"channel": "<chat>", "ts": "<theirs>", "text": "tea"}),
    "delete what is gone": ("chat.delete", {"channel": "<chat>", "ts": "<gone>"}),
    "delete another's": ("chat.delete", {"channel": "<chat>", "ts": "<theirs>"}),
    "whisper": ("chat.postEphemeral", {"channel": "<chat>", "user": "<user>", "text": "tea"}),
    "whisper nowhere": ("chat.postEphemeral", {"channel": NOWHERE, "user": "<user>", "text": "tea"}),
    "history": ("conversations.history", {"channel": "<chat>"}),
    "history of nowhere": ("conversations.history", {"channel": NOWHERE}),
    "replies": ("conversations.replies", {"channel": "<chat>", "ts": "<theirs>"}),
    "replies to what is gone": ("conversations.replies", {"channel": "<chat>", "ts": "<gone>"}),
    "about a channel": ("conversations.info", {"channel": "<chat>"}),
    "about nowhere": ("conversations.info", {"channel": NOWHERE}),
    "about a person": ("users.info", {"user": "<user>"}),
    "about nobody": ("users.info", {"user": NOBODY}),
    "pin": ("pins.add", {"channel": "<chat>", "timestamp": "<ours>"}),
    "pin it again": ("pins.add", {"channel": "<chat>", "timestamp": "<pinned>"}),
    "pin what is gone": ("pins.add", {"channel": "<chat>", "timestamp": "<gone>"}),
    "pin nowhere": ("pins.add", {"channel": NOWHERE, "timestamp": NEVER}),
    "reactions": ("reactions.get", {"channel": "<chat>", "timestamp": "<theirs>"}),
    "reactions to what is gone": ("reactions.get", {"channel": "<chat>", "timestamp": "<gone>"}),
    "a form without leave": ("views.open", {"trigger_id": "1.2.abc", "view": MODAL}),
    "another form in none's place": ("views.update", {"view_id": "V0NONE", "view": MODAL}),
    "a Home tab": ("views.publish", {"user_id": "<user>", "view": HOME}),
    "a file": ("files.info", {"file": "F0NONE"}),
    "an upload of nothing known": ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}),
}

# What the stand-in says, what emulate says, and where Slack says that the stand-in is right.
DIFFER = {
    "replies to what is gone": (
        "thread_not_found",
        "ok",
        "conversations.replies: thread_not_found, `ts` was missing or invalid",
    ),
}


class Asked:
    """One server's Web API with the bot's token."""

    def __init__(self, session: aiohttp.ClientSession, rig: Rig) -> None:
        access = rig.stage.access()
        self._session, self._api = session, access["table"]["api"]
        self._headers = {"Authorization": f"Bearer {access['secrets']['BOT_TOKEN']}"}
        self.names = {"<chat>": access["table"]["channel"]}

    async def call(self, method: str, arguments: Json) -> Json:
        known = {key: self.names.get(str(value), value) for key, value in arguments.items()}
        async with self._session.post(self._api + method, json=known, headers=self._headers) as answer:
            said: Json = await answer.json()
            return said

    async def prepare(self, rig: Rig) -> None:
        """A person, and messages that stand, are pinned or gone."""
        await self.call("conversations.join", {"channel": "<chat>"})
        theirs: Said = rig.says(nurse := rig.person())
        self.names |= {"<user>": nurse.account, "<theirs>": theirs.id.split("/")[1]}
        for name in ("<ours>", "<pinned>", "<gone>"):
            posted = await self.call("chat.postMessage", {"channel": "<chat>", "text": "tea"})
            self.names[name] = posted["ts"]
        await self.call("pins.add", {"channel": "<chat>", "timestamp": "<pinned>"})
        await self.call("chat.delete", {"channel": "<chat>", "ts": "<gone>"})


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Asked, Asked]]:
    async with (
        slack_rig.subject().rig() as ours,
        EmulatedSlack().rig() as theirs,
        aiohttp.ClientSession() as session,
    ):
        servers = Asked(session, ours), Asked(session, theirs)
        await servers[0].prepare(ours)
        await servers[1].prepare(theirs)
        yield servers


@pytest.mark.parametrize("case", CASES)
async def test_both_say_the_same(case: str) -> None:
    async with both() as (stand_in, emulate):
        ours, theirs = [await server.call(*CASES[case]) for server in (stand_in, emulate)]
        said = tuple(answer.get("error", "ok") for answer in (ours, theirs))
        assert said == DIFFER.get(case, (said[1], said[1]))[:2]
