"""Bluesky as its people see it: they write into its repositories; `pds` and `jetstream` are the wire."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.bluesky import lexicon, wire
from simulator.bluesky.jetstream import CHATTER, Hub
from simulator.bluesky.pds import Pds
from simulator.bluesky.repo import Account, Repos, Stored
from simulator.bluesky.wire import Record
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Said

MEMBERS_ONLY = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "!no-unauthenticated"}]}


class Server:
    """A stand-in Bluesky. Options: `tag` (hashtag without "#"), `access_seconds` (real life of an access
    token), `appview` (False: the PDS stands alone), `chatter` (False: nothing goes on elsewhere)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.tag: str = options["tag"]
        self.access_seconds: int = options.get("access_seconds", 7200)
        self.has_appview: bool = options.get("appview", True)
        self.domain = f"{network}.example"
        self.password = "abcd-simulated-app-pass"
        self.address = ""
        self.faulty: set[str] = set()  # methods that answer 500 for now
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.repos = Repos(clock.now)
        self.repos.committed.append(self._committed)
        self.hub = Hub(network, clock, faults)
        self.me = self._account("chat", "The chat", "Runs the chat.", bot=True)
        self.pds = Pds(self)
        self._chatter: bool = options.get("chatter", True)
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self.pds.app.router.add_get("/subscribe", self.hub.subscribe)
        self._runner = web.AppRunner(self.pds.app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._ticker = asyncio.create_task(self._tick(), name=f"{self.network} ticks")

    async def stop(self) -> None:
        """Close every socket."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        self.hub.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tick(self) -> None:
        """What goes on elsewhere; and an outage cuts the sockets by itself."""
        due = self.clock.now()
        while True:
            if self.faults.active(self.network, "outage"):
                self.hub.drop()
            elif self._chatter and self.clock.now() >= due:
                due = self.clock.now() + int(CHATTER * 1_000_000)
                self.hub.chatter()
            await asyncio.sleep(0.02)

    def access(self) -> dict[str, Any]:
        """The config's table and the secret of the bridge's account."""
        jetstream = self.address.replace("http", "ws", 1)
        table = {"account": self.me.handle, "api": self.address, "jetstream": [jetstream]}
        return {"table": table, "secrets": {"PASSWORD": self.password}}

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        """Make the account; gives its handle."""
        account = self._account(person.handle, person.name, person.profile, bot=person.bot)
        person.account = account.did
        return account.handle

    def change_profile(self, person: Person, description: str) -> None:
        """A person words their profile anew."""
        account = self.repos.accounts[person.account]
        account.record = account.record | {"description": description}
        cid, rev, now = wire.cid(account.record), self.repos.next_tid(), self.clock.now()
        uri = f"at://{account.did}/{wire.PROFILE}/self"
        stored = Stored(uri, account.did, wire.PROFILE, "self", cid, rev, account.record, now, now)
        self.hub.commit("update", stored, struck=False)

    def leave(self, person: Person, status: str = "deleted") -> None:
        """A person's account goes and takes its posts along."""
        account = self.repos.accounts[person.account]
        account.active = False
        for said in self.said.values():
            if said.raw.get("did") == account.did:
                said.deleted = True
        self.hub.account(account.did, active=False, status=status)

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. A message to the bridge is a post that mentions it: Bluesky's direct messages are
        another service."""
        text = self._borne(draft.text, draft.tag)
        if "direct" in (draft.place, draft.reach):
            text = f"@{self.me.handle} {text}"
        if draft.warning:
            text = f"CW {draft.warning}\n\n{text}"
        record = self._record(text, wire.iso(self.clock.now()), tags=draft.tag == "markup")
        if draft.reply_to:
            record["reply"] = self._reply(self.repos.records[draft.reply_to])
        if draft.quote:
            quoted = self.repos.records[draft.quote]
            strong = {"cid": quoted.cid, "uri": quoted.uri}
            record["embed"] = {"$type": "app.bsky.embed.record", "record": strong}
        if draft.reach == "limited":
            record["labels"] = MEMBERS_ONLY
        rkey = self.repos.next_tid()
        lexicon.check(wire.POST, rkey, record)
        stored, _ = self.repos.put(person.account, wire.POST, rkey, record)
        said = self.said[stored.uri]
        said.reach = "limited" if draft.reach == "limited" else "public"
        said.raw["tag"] = draft.tag
        return stored.uri

    def edit(self, person: Person, post: str, text: str) -> None:
        """A person puts other words in the same record, as some apps can."""
        stored = self.repos.records[post]
        bears = self.said[post].raw["tag"]
        record = self._record(self._borne(text, bears), stored.record["createdAt"], tags=bears == "markup")
        kept = {key: stored.record[key] for key in ("reply", "embed", "labels") if key in stored.record}
        lexicon.check(wire.POST, stored.rkey, record)
        self.repos.put(person.account, wire.POST, stored.rkey, record | kept)

    def delete(self, person: Person, post: str) -> None:
        """A person deletes. Struck by `delete_first`, the creation is announced again, after the removal."""
        stored = self.repos.records[post]
        rev = stored.rev
        self.repos.delete(post)
        if self.faults.hit(self.network, "delete_first"):
            self.hub.late(stored, rev)

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """Nobody commands from Bluesky."""
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Nobody commands from Bluesky."""
        return False

    # ------------------------------------------------------------ records

    def _account(self, short: str, name: str, about: str, *, bot: bool) -> Account:
        handle = f"{re.sub(r'[^a-z0-9]+', '-', short.lower()).strip('-')}.{self.domain}"
        record: Record = {"$type": wire.PROFILE, "displayName": name, "description": about}
        if bot:
            record["labels"] = {"$type": MEMBERS_ONLY["$type"], "values": [{"val": "bot"}]}
        account = Account(wire.did(f"{self.network} {handle}"), handle, short, record=record)
        self.repos.accounts[account.did] = account
        return account

    def _record(self, text: str, created: str, *, tags: bool) -> Record:
        mentions = {a.handle: a.did for a in self.repos.accounts.values() if f"@{a.handle}" in text}
        record: Record = {"$type": wire.POST, "text": text, "createdAt": created, "langs": ["en"]}
        if facets := wire.facets(text, mentions, tags):
            record["facets"] = facets
        return record

    def _reply(self, parent: Stored) -> Record:
        strong = {"cid": parent.cid, "uri": parent.uri}
        return {"parent": strong, "root": parent.record.get("reply", {}).get("root", strong)}

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it."""
        there = re.search(rf"#{re.escape(self.tag)}(?!\w)", text, re.IGNORECASE)
        return text if tag == "none" or there else f"{text} #{self.tag}"

    def _committed(self, operation: str, stored: Stored) -> None:
        """Keep what was written, then tell the world."""
        if stored.is_post:
            self._keep(operation, stored)
        self.hub.commit(operation, stored)
        if stored.did == self.me.did and operation != "delete" and stored.is_post:
            for callback in self.on_ours:
                callback(self.said[stored.uri])

    def _keep(self, operation: str, stored: Stored) -> None:
        said = self.said.get(stored.uri)
        if operation == "delete":
            if said is not None:
                said.deleted = True
            return
        if said is not None:
            said.history.append(said.text)
            said.text, said.edited, said.deleted = stored.record["text"], operation == "update", False
            return
        account = self.repos.accounts[stored.did]
        self.said[stored.uri] = Said(
            network=self.network,
            id=stored.uri,
            author="bridge" if account is self.me else account.short,
            text=stored.record["text"],
            at=self.clock.now(),
            real=time.monotonic(),
            ours=account is self.me,
            reply_to=stored.linked("parent"),
            url=f"https://bsky.app/profile/{account.handle}/post/{stored.rkey}",
            raw={"did": stored.did, "rkey": stored.rkey},
        )
