"""app.bsky.*: what the AppView makes of the records. It lags a little behind the repositories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.bluesky import wire
from simulator.bluesky.repo import Account, Repos, Stored
from simulator.bluesky.wire import Record, XrpcError

SECOND = 1_000_000
LAG = 300_000  # microseconds until a record is indexed (measured 0.1 to 0.4 s)
SEARCH_LAG = 2 * SECOND
DEFS = "app.bsky.feed.defs"
LABELER = wire.did("a moderation service")
Params = dict[str, list[str]]


class AppView:
    """Answers queries from the repositories."""

    def __init__(self, repos: Repos) -> None:
        self._repos = repos
        self.methods = {
            "app.bsky.actor.getProfile": self.get_profile,
            "app.bsky.actor.getProfiles": self.get_profiles,
            "app.bsky.feed.getPosts": self.get_posts,
            "app.bsky.feed.getPostThread": self.get_post_thread,
            "app.bsky.feed.getQuotes": self.get_quotes,
            "app.bsky.feed.searchPosts": self.search_posts,
            "app.bsky.notification.listNotifications": self.list_notifications,
        }

    # ------------------------------------------------------------ actors

    def get_profile(self, params: Params, viewer: str) -> Record:
        account = self._repos.account(_one(params, "actor"))
        if account is None or not account.active:
            raise XrpcError(400, "InvalidRequest", "Profile not found")
        return self._profile(account)

    def get_profiles(self, params: Params, viewer: str) -> Record:
        found = (self._repos.account(actor) for actor in _many(params, "actors", 25))
        return {"profiles": [self._profile(account) for account in found if account and account.active]}

    def _basic(self, account: Account) -> Record:
        labels = [
            _label(account.did, f"at://{account.did}/{wire.PROFILE}/self", label["val"])
            for label in account.record.get("labels", {}).get("values", [])
        ]
        return {
            "did": account.did,
            "handle": account.handle,
            "displayName": account.record.get("displayName", ""),
            "labels": labels,
        }

    def _profile(self, account: Account) -> Record:
        return {
            **self._basic(account),
            "viewer": {"blockedBy": account.blocks},
            "description": account.record.get("description", ""),
            "indexedAt": wire.iso(self._repos.now()),
        }

    # ------------------------------------------------------------ posts

    def get_posts(self, params: Params, viewer: str) -> Record:
        found = (self._shown(uri) for uri in _many(params, "uris", 25))
        return {
            "posts": [self._post(stored, viewer) for stored in found if stored and not self._blocked(stored)]
        }

    def get_post_thread(self, params: Params, viewer: str) -> Record:
        uri = _one(params, "uri")
        stored = self._shown(uri)
        if stored is None:
            raise XrpcError(400, "NotFound", f"Post not found: {uri}")
        return {"thread": self._thread(stored, int(params.get("depth", ["6"])[0]), viewer)}

    def get_quotes(self, params: Params, viewer: str) -> Record:
        """Newest first."""
        uri, limit = _one(params, "uri"), int(params.get("limit", ["50"])[0])
        if not 1 <= limit <= 100:
            raise XrpcError(400, "InvalidRequest", "limit can not be greater than 100")
        found = [s for s in self._indexed(self._repos.quotes(uri)) if self._is_up(s) and not self._blocked(s)]
        return {"uri": uri, "posts": [self._post(stored, viewer) for stored in found[::-1][:limit]]}

    def search_posts(self, params: Params, viewer: str) -> Record:
        """Newest first. Of the query language: words, and #tags by facet or tag list."""
        query = _one(params, "q").lower().split()
        limit = int(params.get("limit", ["25"])[0])
        if not 1 <= limit <= 100:
            raise XrpcError(400, "InvalidRequest", "limit can not be greater than 100")
        since = wire.micros(params["since"][0]) if "since" in params else 0
        before = int(params.get("cursor", [str(1 << 62)])[0])
        hits = [
            stored
            for stored in reversed(self._posts(SEARCH_LAG))
            if not self._blocked(stored)
            and since <= stored.made < before
            and all(_matches(stored, word) for word in query)
        ]
        page = hits[:limit]
        answer: Record = {"posts": [self._post(stored, viewer) for stored in page]}
        if len(hits) > limit:
            answer["cursor"] = str(page[-1].made)
        return answer

    def list_notifications(self, params: Params, viewer: str) -> Record:
        limit = int(params.get("limit", ["50"])[0])
        found: list[Record] = []
        for stored in reversed(self._posts(LAG)):
            reason = None if self._blocked(stored) else self._reason(stored, viewer)
            if reason and len(found) < limit:
                found.append(
                    {
                        "uri": stored.uri,
                        "cid": stored.cid,
                        "author": self._basic(self._repos.accounts[stored.did]),
                        "reason": reason,
                        "record": stored.record,
                        "isRead": False,
                        "indexedAt": wire.iso(stored.indexed),
                    }
                )
        return {"notifications": found}

    def _reason(self, stored: Stored, viewer: str) -> str | None:
        if stored.did == viewer:
            return None
        ours = f"at://{viewer}/"
        if any(feature.get("did") == viewer for feature in _features(stored.record)):
            return "mention"
        if any((stored.linked(end) or "").startswith(ours) for end in ("parent", "root")):
            return "reply"
        return "quote" if (stored.quoted() or "").startswith(ours) else None

    # ------------------------------------------------------------ views

    def _posts(self, lag: int) -> list[Stored]:
        known = self._repos.now() - lag
        return [
            stored
            for stored in self._repos.records.values()
            if stored.is_post and stored.made <= known and self._is_up(stored)
        ]

    def _is_up(self, stored: Stored) -> bool:
        """Neither its author nor a moderator took it down."""
        return self._repos.accounts[stored.did].active and "!takedown" not in self._repos.labels[stored.uri]

    def _blocked(self, stored: Stored) -> bool:
        return self._repos.accounts[stored.did].blocks

    def _shown(self, uri: str) -> Stored | None:
        stored = self._repos.records.get(uri)
        if stored is None or not stored.is_post or not self._is_up(stored):
            return None
        return stored if stored.made <= self._repos.now() - LAG else None

    def _post(self, stored: Stored, viewer: str) -> Record:
        own = [label["val"] for label in stored.record.get("labels", {}).get("values", [])]
        labels = [_label(stored.did, stored.uri, value) for value in own]
        labels += [_label(LABELER, stored.uri, value) for value in self._repos.labels[stored.uri]]
        likes, reposts = (
            self._indexed(self._repos.marks(stored.uri, kind)) for kind in (wire.LIKE, wire.REPOST)
        )
        view: Record = {
            "uri": stored.uri,
            "cid": stored.cid,
            "author": self._basic(self._repos.accounts[stored.did]),
            "record": stored.record,
            "replyCount": len(self._indexed(self._repos.replies(stored.uri))),
            "repostCount": len(reposts),
            "likeCount": len(likes),
            "quoteCount": len(self._indexed(self._repos.quotes(stored.uri))),
            "indexedAt": wire.iso(stored.indexed),
            "viewer": {
                key: uri
                for key, found in (("like", likes), ("repost", reposts))
                if (uri := next((mark.uri for mark in found if mark.did == viewer), None))
            },
            "labels": labels,
        }
        gate = self._repos.records.get(f"at://{stored.did}/{wire.GATE}/{stored.rkey}")
        if gate is not None and gate.indexed <= self._repos.now() - LAG:
            view["threadgate"] = {"uri": gate.uri, "cid": gate.cid, "record": gate.record, "lists": []}
        return view

    def _indexed(self, found: Iterable[Stored]) -> list[Stored]:
        known = self._repos.now() - LAG
        return [stored for stored in found if stored.made <= known]

    def _thread(self, stored: Stored, depth: int, viewer: str) -> Record:
        if self._blocked(stored):
            author = {"did": stored.did, "viewer": {"blockedBy": True}}
            return {"$type": f"{DEFS}#blockedPost", "uri": stored.uri, "blocked": True, "author": author}
        node: Record = {"$type": f"{DEFS}#threadViewPost", "post": self._post(stored, viewer)}
        if depth > 0:
            shown = (self._shown(child.uri) for child in self._repos.replies(stored.uri))
            node["replies"] = [self._thread(child, depth - 1, viewer) for child in shown if child]
        return node


def _label(src: str, uri: str, value: str) -> Record:
    return {"src": src, "uri": uri, "val": value}


def _features(record: Record) -> Iterable[dict[str, Any]]:
    for facet in record.get("facets", []):
        yield from facet.get("features", [])


def _matches(stored: Stored, word: str) -> bool:
    if word.startswith("#"):
        tags = [str(feature.get("tag", "")) for feature in _features(stored.record)]
        tags += stored.record.get("tags", [])
        return word[1:] in (tag.lower() for tag in tags)
    return word in stored.record["text"].lower()


def _one(params: Params, key: str) -> str:
    if not params.get(key):
        raise XrpcError(400, "InvalidRequest", f'Error: Params must have the property "{key}"')
    return params[key][0]


def _many(params: Params, key: str, most: int) -> list[str]:
    _one(params, key)
    if len(params[key]) > most:
        message = f"Error: Params/{key} must not have more than {most} elements"
        raise XrpcError(400, "InvalidRequest", message)
    return params[key]
