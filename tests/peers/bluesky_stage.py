"""The real Bluesky as a stage: people with real accounts, and the bridge behind the fault proxy.

People write through sessions of their own; what they said is what the PDS has confirmed to them. What the
bridge said is what the PDS's stream tells of its account. Clients choose record keys and `createdAt`, so both
are chat time; PDS and AppView live on the wall clock, so what they date themselves lies behind it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp import web

from simulator.bluesky import budgets, wire
from simulator.bluesky.jetstream import CHATTER, Hub
from simulator.bluesky.repo import Stored
from simulator.bluesky.wire import Record
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Said
from tests.peers.jetstream import commits, frames
from tests.peers.network import Account, Network
from tests.peers.proxy import Answer, Dialect, FaultProxy

SECOND = 1_000_000
WRITES = re.compile(r"/xrpc/com\.atproto\.repo\.(createRecord|putRecord|deleteRecord|applyWrites)")
REFUSED_FOR = 30 * SECOND  # for which an injected 429 asks to wait
GRAPHIC = "graphic-media"  # the label people choose for what not everybody wants to see at once


class Peer:
    """See `simulator.stage.Stage`. `peer` outlives it: another stage has other accounts there."""

    def __init__(
        self, peer: Network, network: str, clock: Clock, faults: Faults, options: dict[str, Any]
    ) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.tag: str = options["tag"].lower()  # this AppView's search heeds case, Bluesky's own does not
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.records: dict[str, Stored] = {}  # by uri
        self._peer = peer
        self._accounts: dict[str, Account] = {}  # by DID
        self._known: set[tuple[str, str]] = set()  # (uri, rev) of what has been confirmed
        self._told: dict[str, Stored] = {}  # what the stream has told to be there
        self._revs: set[str] = set()  # of the commits that the stream has told
        self._last = 0
        self._hub = Hub(network, clock, faults, 1)
        self._proxy = FaultProxy(network, peer.pds, faults, clock, DIALECT, wrote=self._wrote)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.me = self._account("chat", "The chat", "Runs the chat.", bot=True)
        self._password = peer.app_password(self.me)

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on free ports of 127.0.0.1."""
        app = web.Application()
        self._hub.hosts[0].routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        await self._proxy.start()
        self._tasks = [asyncio.create_task(doing) for doing in (self._read(), self._tick())]

    async def stop(self) -> None:
        """Close every socket. Raises what reading the PDS's stream failed with."""
        await self._proxy.stop()
        self._hub.drop()
        if self._runner is not None:
            await self._runner.cleanup()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def access(self) -> dict[str, Any]:
        """The config's table and the secret of the bridge's account."""
        assert self._runner is not None
        jetstream = f"ws://127.0.0.1:{self._runner.addresses[0][1]}"
        table = {"account": self.me.handle, "api": self._proxy.url, "jetstream": [jetstream]}
        return {"table": table, "secrets": {"PASSWORD": self._password}}

    def cut(self, cut: bool) -> None:
        """Jetstream cuts everybody off and refuses them until it is no longer `cut`."""
        self._hub.hosts[0].down = cut

    async def _tick(self) -> None:
        """What goes on elsewhere; and an outage cuts the sockets by itself."""
        due = self.clock.now()
        while True:
            if self.faults.active(self.network, "outage"):
                self._hub.drop()
            elif self.clock.now() >= due:
                due = self.clock.now() + int(CHATTER * SECOND)
                self._hub.chatter()
            await asyncio.sleep(0.02)

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        """Make the account; gives its handle."""
        account = self._account(person.handle, person.name, person.profile, bot=person.bot)
        person.account = account.did
        return account.handle

    def leave(self, person: Person) -> None:
        """A person's account is deleted and takes its posts along."""
        self._peer.delete_account(person.account)
        for said in self.said.values():
            if said.raw["did"] == person.account:
                said.deleted = True

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. A message to the bridge is a post that mentions it; a warning is words before the
        others and a label; a poll is written out."""
        text = self._borne("\n- ".join((draft.text, *draft.poll)), draft.tag)
        if "direct" in (draft.place, draft.reach):
            text = f"@{self.me.handle} {text}"
        if draft.warning:
            text = f"CW {draft.warning}\n\n{text}"
        record = self._record(text, wire.iso(self.clock.now()), marked=draft.tag == "markup")
        record["langs"] = [draft.language or "en"]
        if draft.reply_to:
            parent = self.records[draft.reply_to]
            strong = {"cid": parent.cid, "uri": parent.uri}
            record["reply"] = {"parent": strong, "root": parent.record.get("reply", {}).get("root", strong)}
        if embed := self._embed(person, draft):
            record["embed"] = embed
        labels = [GRAPHIC] * bool(draft.warning) + ["!no-unauthenticated"] * (draft.reach == "limited")
        if labels:
            record["labels"] = _self_labels(*labels)
        stored = self._put(person.account, wire.POST, self._tid(), record)
        said = self.said[stored.uri]
        said.reach = "limited" if draft.reach == "limited" else "public"
        said.warning = draft.warning
        said.raw["tag"] = draft.tag
        return stored.uri

    def edit(self, person: Person, post: str, text: str) -> None:
        """A person puts other words in the same record, as some apps can."""
        stored, bears = self.records[post], self.said[post].raw["tag"]
        record = self._record(self._borne(text, bears), stored.record["createdAt"], marked=bears == "markup")
        kept = ("reply", "embed", "labels", "langs")
        record |= {key: stored.record[key] for key in kept if key in stored.record}
        self._put(person.account, wire.POST, stored.rkey, record)

    def delete(self, person: Person, post: str) -> None:
        """A person deletes."""
        stored = self.records[post]
        gone = self._peer.delete(self._accounts[person.account], stored.collection, stored.rkey)
        self._confirm("delete", replace(stored, rev=gone["commit"]["rev"]))

    def endorse(self, person: Person, post: str, kind: str) -> str:
        """A person likes or boosts; gives the uri of that."""
        subject = {"uri": post, "cid": self.records[post].cid}
        collection = wire.LIKE if kind == "like" else wire.REPOST
        record = {"$type": collection, "subject": subject, "createdAt": wire.iso(self.clock.now())}
        return self._put(person.account, collection, self._tid(), record).uri

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """Nobody commands from Bluesky."""
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Nobody commands from Bluesky."""
        return False

    # ------------------------------------------------------------ records

    def _account(self, short: str, name: str, about: str, *, bot: bool) -> Account:
        """An account with a profile, which the AppView has seen: people do not join to write at once."""
        account = self._peer.account(short)
        self._accounts[account.did] = account
        record: Record = {"$type": wire.PROFILE, "displayName": name, "description": about}
        if bot:
            record["labels"] = _self_labels("bot")
        self._put(account.did, wire.PROFILE, "self", record)
        self._peer.indexed(account, name)
        return account

    def _tid(self) -> str:
        self._last = max(self._last + 1, self.clock.now())
        return wire.tid(self._last, 17)

    def _put(self, did: str, collection: str, rkey: str, record: Record) -> Stored:
        """Write a record as its author. Raises XrpcError."""
        answer = self._peer.put(self._accounts[did], collection, rkey, record)
        now, rev = self.clock.now(), answer["commit"]["rev"]
        stored = Stored(answer["uri"], did, collection, rkey, answer["cid"], rev, record, now, now)
        self._confirm("update" if stored.uri in self.records else "create", stored)
        return stored

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it, as this stage's people write it."""
        text, there = re.subn(rf"#{self.tag}(?!\w)", f"#{self.tag}", text, flags=re.IGNORECASE)
        return text if tag == "none" or there else f"{text} #{self.tag}"

    def _record(self, text: str, created: str, *, marked: bool) -> Record:
        mentions = {a.handle: a.did for a in self._accounts.values() if f"@{a.handle}" in text}
        record: Record = {"$type": wire.POST, "text": text, "createdAt": created}
        if facets := wire.facets(text, mentions, marked):
            record["facets"] = facets
        return record

    def _embed(self, person: Person, draft: Draft) -> Record | None:
        """Pictures, a quote, or both."""
        images = [
            {"alt": alt, "image": self._peer.upload(self._accounts[person.account], wire.png(f"{alt} {n}"))}
            for n, alt in enumerate(draft.pictures)
        ]
        media = {"$type": "app.bsky.embed.images", "images": images}
        if draft.quote is None:
            return media if images else None
        quoted = {"cid": self.records[draft.quote].cid, "uri": draft.quote}
        quote = {"$type": "app.bsky.embed.record", "record": quoted}
        both = {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": media}
        return both if images else quote

    # ------------------------------------------------------------ what the PDS tells

    async def _wrote(self, request: web.Request, status: int, body: bytes) -> None:
        """Holds back the answer to a write of the bridge until the stream has told it: then it is `said`."""
        rev = json.loads(body).get("commit", {}).get("rev") if status == 200 else None
        while rev is not None and rev not in self._revs:
            await self._hub.news()

    async def _read(self) -> None:
        async for kind, body in frames(self._peer):
            did = body.get("repo") or body["did"]
            if did not in self._accounts:
                continue  # another stage's
            match kind:
                case "#commit":
                    self._revs.add(body["rev"])
                    for operation, stored in commits(body, self.clock.now()):
                        self._tell(operation, stored)
                case "#identity":
                    self._hub.identity(did, body.get("handle", ""))
                case "#account":
                    self._hub.account(did, body["active"], body.get("status"))

    def _tell(self, operation: str, stored: Stored) -> None:
        """Pass it on to Jetstream. Struck by `delete_first`, a record's making comes (again) after its end."""
        before = self._told.pop(stored.uri, None)
        if operation != "delete":
            self._told[stored.uri] = stored
        elif before is not None:
            stored = replace(before, rev=stored.rev)
        self._confirm(operation, stored)
        self._hub.commit(operation, stored, struck=stored.is_post)
        if operation == "delete":
            if before is not None and stored.is_post and self.faults.hit(self.network, "delete_first"):
                self._hub.late(before, before.rev)
        elif stored.is_post and stored.did == self.me.did:
            for callback in self.on_ours:
                callback(self.said[stored.uri])

    def _confirm(self, operation: str, stored: Stored) -> None:
        """Keep what the PDS has done. Its answer says so, and its stream says so again."""
        if (stored.uri, stored.rev) in self._known:
            return
        self._known.add((stored.uri, stored.rev))
        if operation == "delete":
            self.records.pop(stored.uri, None)
        else:
            self.records[stored.uri] = stored
        if stored.is_post:
            self._keep(operation, stored)
        elif said := self.said.get(stored.subject() or ""):
            marks = said.liked if stored.collection == wire.LIKE else said.boosted
            (marks.discard if operation == "delete" else marks.add)(self._author(stored.did))

    def _keep(self, operation: str, stored: Stored) -> None:
        said = self.said.get(stored.uri)
        if operation == "delete":
            if said is not None:
                said.deleted = True
            return
        text = stored.record["text"]
        if said is not None:
            said.history.append(said.text)
            said.text, said.edited, said.deleted = text, operation == "update", False
            return
        self.said[stored.uri] = Said(
            network=self.network,
            id=stored.uri,
            author=self._author(stored.did),
            text=text,
            at=wire.micros(stored.record["createdAt"]),
            real=time.monotonic(),
            ours=stored.did == self.me.did,
            reply_to=stored.linked("parent"),
            url=f"https://bsky.app/profile/{self._accounts[stored.did].handle}/post/{stored.rkey}",
            pictures=stored.pictures(),
            quote=stored.quoted(),
            raw={"did": stored.did, "rkey": stored.rkey, "record": stored.record},
        )

    def _author(self, did: str) -> str:
        return "bridge" if did == self.me.did else self._accounts[did].short


def _self_labels(*labels: str) -> Record:
    return {"$type": wire.LABELS, "values": [{"val": label} for label in labels]}


# ---------------------------------------------------------------- how a PDS fails


def _error(status: int, name: str, message: str) -> Answer:
    return Answer(status, json.dumps({"error": name, "message": message}).encode())


def _rate_limited(now: int) -> Answer:
    refusal = _error(429, "RateLimitExceeded", "Rate Limit Exceeded")
    return replace(refusal, headers=budgets.headers(3_000, 0, now + REFUSED_FOR, 300 * SECOND))


def _revoked(request: web.Request) -> Answer | None:
    """The account's sessions and app passwords are gone. The messages are the PDS's own."""
    if request.path.endswith("createSession"):
        return _error(401, "AuthenticationRequired", "Invalid identifier or password")
    if "Authorization" in request.headers:
        return _error(400, "ExpiredToken", "Token has been revoked")
    return None


DIALECT = Dialect(
    writes=lambda method, path: method == "POST" and WRITES.fullmatch(path) is not None,
    rate_limited=_rate_limited,
    server_error=_error(500, "InternalServerError", "Internal Server Error"),
    revoked=_revoked,
    slow=20.0,
)
