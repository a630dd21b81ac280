"""What Jetstream may have missed, asked of the AppView: threads, posts by address, the tag, mentions.

The AppView is reached through our own server, which answers 502 where it has none; then the record itself
says whether a post still exists, and nothing more can be caught up with. Failures of our own server are told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from adapters.bluesky import ids
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Json
from adapters.bluesky.sieve import Sieve
from bridge.model import Inbound, Micros

_BATCH = 25  # most uris of app.bsky.feed.getPosts
_PAGES = 5  # of 100 posts, of one search


class CatchUp:
    """Asks the AppView and lets the sieve decide."""

    def __init__(self, client: Client, sieve: Sieve) -> None:
        self._client = client
        self._sieve = sieve

    async def posts(self, uris: Sequence[str], again: bool) -> AsyncIterator[list[Inbound]]:
        """The present state of posts, and the replies to them and quotes of them that were not delivered yet, a
        batch at a time.

        `again`: report each, also if nothing changed; else only what changed since it was delivered.
        """
        walked: set[str] = set()
        uris = sorted(uris, key=self._sieve.is_ours, reverse=True)  # they tell which replies are hidden
        for start in range(0, len(uris), _BATCH):
            batch = uris[start : start + _BATCH]
            views = await self._views(batch)
            found: list[Inbound] = []
            for uri in batch:
                view = views.get(uri) or await self._record(uri)
                if view is None:
                    continue
                if "record" not in view or (uri not in views and await self._is_blocked(uri)):
                    found.append(self._sieve.missing(uri))
                elif again or self._sieve.is_known(uri):
                    found += self._sieve.view(view, again)
                if view.get("replyCount") and uri not in walked:
                    found += await self._thread(uri, walked)
                if view.get("quoteCount"):
                    found += await self._quotes(uri)
            yield found

    async def search(self, since: Micros) -> list[Inbound]:
        """Posts with the tag that the index shows since then; it lags, and may be out of order.

        `#tag` finds what is marked or listed as a tag, the bare word also what is not.
        """
        found: list[Inbound] = []
        for query in (prefix + tag for tag in self._sieve.interest.tags for prefix in ("#", "")):
            page: dict[str, Any] = {"q": query, "sort": "latest", "limit": 100, "since": ids.iso(since)}
            for _ in range(_PAGES):
                answer = await self._try("app.bsky.feed.searchPosts", **page)
                for view in answer.get("posts") or ():
                    found += self._sieve.view(view)
                if not answer.get("cursor"):
                    break
                page["cursor"] = answer["cursor"]
        return found[::-1]

    async def notifications(self, since: Micros) -> list[Inbound]:
        """Mentions of us, replies to and quotes of our posts: what people say to us must not be lost."""
        answer = await self._try("app.bsky.notification.listNotifications", limit=100)
        found: list[Inbound] = []
        for view in answer.get("notifications") or ():
            if view.get("reason") not in ("mention", "reply", "quote"):
                continue
            if (ids.micros(view.get("indexedAt")) or since) >= since:
                found += self._sieve.view(view)
        return found[::-1]

    async def _try(self, method: str, **params: Any) -> Json:
        """An answer; nothing if there is no AppView. Raises Failure if our own server fails us."""
        try:
            return await self._client.query(method, **params)
        except Failure as failure:
            if not failure.beyond:
                raise
            return {}

    async def _views(self, uris: Iterable[str]) -> dict[str, Json]:
        answer = await self._try("app.bsky.feed.getPosts", uris=list(uris))
        return {str(view.get("uri")): view for view in answer.get("posts") or ()}

    async def _record(self, uri: str) -> Json | None:
        """A post the AppView does not show, from its repository: a view without `record` if it is certainly
        gone, None if that cannot be known."""
        address = ids.address(uri)
        if address is None:
            return None
        try:
            answer = await self._client.query("com.atproto.repo.getRecord", **address_params(address))
        except Failure as failure:
            if not failure.beyond:
                raise
            return {"uri": uri} if failure.absent else None
        return {"uri": uri, "cid": answer.get("cid"), "record": answer.get("value")}

    async def _is_blocked(self, uri: str) -> bool:
        """Whether the AppView hides a post from us because its author and we want nothing of each other."""
        answer = await self._try("app.bsky.feed.getPostThread", uri=uri, depth=0, parentHeight=0)
        thread = answer.get("thread")
        return isinstance(thread, dict) and str(thread.get("$type")).endswith("#blockedPost")

    async def _quotes(self, uri: str) -> list[Inbound]:
        """The latest hundred quotes of a post: nobody but its author is notified of them."""
        answer = await self._try("app.bsky.feed.getQuotes", uri=uri, limit=100)
        return [told for view in (answer.get("posts") or ())[::-1] for told in self._sieve.view(view)]

    async def _thread(self, uri: str, walked: set[str]) -> list[Inbound]:
        answer = await self._try("app.bsky.feed.getPostThread", uri=uri, depth=100, parentHeight=0)
        found: list[Inbound] = []
        for view in _replies(answer.get("thread")):
            walked.add(str(view.get("uri")))
            found += self._sieve.view(view)
        return found


def address_params(address: ids.Address) -> dict[str, str]:
    """The parameters of com.atproto.repo.getRecord."""
    return {"repo": address.did, "collection": address.collection, "rkey": address.rkey}


def _replies(thread: object) -> Iterator[Json]:
    """All posts below the first, parents before their replies. Branches that are hidden from us (blocked, not
    found) hold no post."""
    left = [thread]
    while left:
        node = left.pop(0)
        if not isinstance(node, dict):
            continue
        if node is not thread and isinstance(node.get("post"), dict):
            yield node["post"]
        left += node.get("replies") or []
