"""What the community's account does about somebody's reply: hide it under a post of ours, report it.

Replies are hidden by the thread's gate, one record beside the thread's first post (lexicon
app.bsky.feed.threadgate): whoever reads the thread in an app that heeds it sees the reply folded away. Hosts may
change the same record in the app, so it is only replaced as it was read (`swapRecord`).
"""

from __future__ import annotations

from adapters.bluesky import ids
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Json, hidden
from bridge.model import Micros

MOST = 300  # replies a gate hides (the lexicon)
LONGEST = 2_000  # graphemes of a report's reason (lexicon com.atproto.moderation.createReport)
TRIES = 3  # somebody else changes the gate at the same moment


class Gates:
    """The gates of our threads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def hides(self, root: ids.Address, reply: str) -> bool:
        """Whether a reply is hidden in our thread. Raises Failure."""
        gate = await self._read(root)
        return gate is not None and reply in hidden(gate.get("value") or {})

    async def set(self, root: ids.Address, reply: str, at: Micros, *, hide: bool) -> None:
        """Hide a reply in our thread, or no longer do so. What is so already is left as it is. Raises Failure."""
        for attempt in range(1, TRIES + 1):
            gate = await self._read(root)
            record = dict((gate or {}).get("value") or {})
            replies = [uri for uri in record.get("hiddenReplies") or () if uri != reply]
            if hide:
                replies.append(reply)
            if hide == (reply in hidden(record)):
                return
            if len(replies) > MOST:
                raise Failure("refused", f"Bluesky hides no more than {MOST} replies of a thread.")
            record |= {"$type": ids.GATE, "post": root.uri, "hiddenReplies": replies}
            record.setdefault("createdAt", ids.iso(at))
            place = {"repo": self._client.did, "collection": ids.GATE, "rkey": root.rkey}
            body = {**place, "record": record, "swapRecord": gate["cid"] if gate else None}
            try:
                await self._client.procedure("com.atproto.repo.putRecord", body)
            except Failure as failure:
                if failure.error != "InvalidSwap" or attempt == TRIES:
                    raise
            else:
                return

    async def _read(self, root: ids.Address) -> Json | None:
        gate = root._replace(collection=ids.GATE)
        place = {"repo": gate.did, "collection": gate.collection, "rkey": gate.rkey}
        try:
            return await self._client.query("com.atproto.repo.getRecord", **place)
        except Failure as failure:
            if failure.absent:
                return None
            raise


async def report(client: Client, uri: str, cid: str, why: str) -> str:
    """Tell the moderators that our server reports to (Bluesky's own, for most); gives the report's id. Raises
    Failure."""
    answer = await client.procedure(
        "com.atproto.moderation.createReport",
        {
            "reasonType": "com.atproto.moderation.defs#reasonOther",
            "reason": why,
            "subject": {"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": cid},
        },
    )
    return str(answer.get("id", ""))
