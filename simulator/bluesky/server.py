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
from simulator.bluesky.events import EVENTS
from simulator.bluesky.jetstream import CHATTER, Host, Hub
from simulator.bluesky.pds import Pds
from simulator.bluesky.repo import Account, Repos, Stored
from simulator.bluesky.wire import Record
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.given import cookies
from simulator.stage import Draft, Person, Said

MOST = 300  # graphemes of a post
GRAPHIC = "graphic-media"  # the label people choose for what not everybody wants to see at once
TITLES = {GRAPHIC: "Graphic media"}  # as apps show them
PATHS = {"v1": "", "v2": f"/xrpc/{EVENTS}"}


class Server:
    """A stand-in Bluesky. Options: `tag` (hashtag without "#"), `access_seconds` (real life of an access
    token), `appview` (False: the PDS stands alone), `chatter` (False: nothing goes on elsewhere), `jetstream`
    ("v1" or "v2" for each host that the config names; every host speaks both)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.tag: str = options["tag"]
        self.access_seconds: int = options.get("access_seconds", 7200)
        self.has_appview: bool = options.get("appview", True)
        self.domain = f"{network}.example"
        self.password = "abcd-simulated-app-pass"
        self.given = {self.password}
        self.address = ""
        self.faulty: set[str] = set()  # methods that answer 500 for now
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.repos = Repos(clock.now)
        self.repos.committed.append(self._committed)
        self._versions: tuple[str, ...] = tuple(options.get("jetstream", ("v1",)))
        self.hub = Hub(network, clock, faults, len(self._versions))
        self.me = self._account("chat", "The chat", "Runs the chat.", bot=True)
        self.pds = Pds(self)
        self.reports: list[dict[str, Any]] = []  # to the moderation service, by the bridge
        self._chatter: bool = options.get("chatter", True)
        self._runners: list[web.AppRunner] = []
        self._jetstreams: list[str] = []
        self._ticker: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        cookies(self.pds.app, self.given)
        self.address = await self._serve(self.pds.app)
        for host, version in zip(self.hub.hosts, self._versions, strict=True):
            self._jetstreams.append(await self._serve(_app(host)) + PATHS[version])
        self._ticker = asyncio.create_task(self._tick(), name=f"{self.network} ticks")

    async def stop(self) -> None:
        """Close every socket."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        self.hub.drop()
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

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
        jetstream = [address.replace("http", "ws", 1) for address in self._jetstreams]
        table = {"account": self.me.handle, "api": self.address, "jetstream": jetstream}
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
        self.repos.put(account.did, wire.PROFILE, "self", account.record | {"description": description})

    def rename(self, person: Person, handle: str) -> None:
        """A person takes another handle."""
        self.repos.accounts[person.account].handle = handle
        self.hub.identity(person.account, handle)

    def leave(self, person: Person, status: str = "deleted") -> None:
        """A person's account goes and takes its posts along. Of the states only "deleted" is final."""
        account = self.repos.accounts[person.account]
        account.active, account.status = False, status
        for said in self._of(account):
            said.deleted = True
        self.hub.account(account.did, active=False, status=status)

    def come_back(self, person: Person) -> None:
        """An account that was deactivated, suspended or taken down is there again, with its posts."""
        account = self.repos.accounts[person.account]
        assert account.status != "deleted", "a deleted account does not come back"
        account.active, account.status = True, ""
        for said in self._of(account):
            said.deleted = said.id not in self.repos.records
        self.hub.account(account.did, active=True, status=None)

    def block(self, person: Person) -> None:
        """A person blocks the bridge's account. Nobody is told but who asks."""
        self.repos.accounts[person.account].blocks = True

    def label(self, post: str, *labels: str) -> None:
        """A moderation service labels a post. Jetstream does not tell."""
        self.repos.labels[post] += labels

    def hide(self, *replies: str) -> None:
        """A host, logged in as the bridge's account, hides replies (of one thread) in the app, and no others."""
        root = self.repos.records[replies[0]].record["reply"]["root"]["uri"]
        self._gate(root, replies)

    def unhide(self, root: str) -> None:
        """A host lets all replies of a thread be seen again."""
        self._gate(root, ())

    def _gate(self, root: str, hidden: tuple[str, ...]) -> None:
        record = {"$type": wire.GATE, "post": root, "createdAt": wire.iso(self.clock.now())}
        self.repos.put(
            self.me.did, wire.GATE, root.rpartition("/")[2], record | {"hiddenReplies": list(hidden)}
        )

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. A message to the bridge is a post that mentions it: Bluesky's direct messages are
        another service. A warning is words before the others and a label; a poll is written out."""
        text = self._borne(_with_choices(draft.text, draft.poll, self._room(draft)), draft.tag)
        if "direct" in (draft.place, draft.reach):
            text = f"@{self.me.handle} {text}"
        if draft.warning:
            text = f"CW {draft.warning}\n\n{text}"
        record = self._record(text, wire.iso(self.clock.now()), tags=draft.tag == "markup")
        record["langs"] = [draft.language or "en"]
        if draft.reply_to:
            record["reply"] = self._reply(self.repos.records[draft.reply_to])
        if embed := self._embed(draft):
            record["embed"] = embed
        labels = [GRAPHIC] * bool(draft.warning) + ["!no-unauthenticated"] * (draft.reach == "limited")
        if labels:
            record["labels"] = _self_labels(*labels)
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
        kept = ("reply", "embed", "labels", "langs")
        record |= {key: stored.record[key] for key in kept if key in stored.record}
        lexicon.check(wire.POST, stored.rkey, record)
        self.repos.put(person.account, wire.POST, stored.rkey, record)

    def delete(self, person: Person, post: str) -> None:
        """A person deletes. Struck by `delete_first`, the creation is announced again, after the removal."""
        stored = self.repos.records[post]
        rev = stored.rev
        self.repos.delete(post)
        if self.faults.hit(self.network, "delete_first"):
            self.hub.late(stored, rev)

    def endorse(self, person: Person, post: str, kind: str) -> str:
        """A person likes or reposts; gives the uri of that."""
        subject = {"uri": post, "cid": self.repos.records[post].cid}
        collection = wire.LIKE if kind == "like" else wire.REPOST
        record = {"$type": collection, "subject": subject, "createdAt": wire.iso(self.clock.now())}
        return self.repos.put(person.account, collection, self.repos.next_tid(), record)[0].uri

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
            record["labels"] = _self_labels("bot")
        account = Account(wire.did(f"{self.network} {handle}"), handle, short, record=record)
        self.repos.accounts[account.did] = account
        self.repos.put(account.did, wire.PROFILE, "self", record)
        return account

    def _of(self, account: Account) -> list[Said]:
        return [said for said in self.said.values() if said.raw.get("did") == account.did]

    def _record(self, text: str, created: str, *, tags: bool) -> Record:
        mentions = {a.handle: a.did for a in self.repos.accounts.values() if f"@{a.handle}" in text}
        record: Record = {"$type": wire.POST, "text": text, "createdAt": created}
        if facets := wire.facets(text, mentions, tags):
            record["facets"] = facets
        return record

    def _reply(self, parent: Stored) -> Record:
        strong = {"cid": parent.cid, "uri": parent.uri}
        return {"parent": strong, "root": parent.record.get("reply", {}).get("root", strong)}

    def _embed(self, draft: Draft) -> Record | None:
        """Pictures, a quote, or both."""
        images = [self._image(alt, n) for n, alt in enumerate(draft.pictures)]
        media = {"$type": "app.bsky.embed.images", "images": images}
        if draft.quote is None:
            return media if images else None
        quoted = self.repos.records[draft.quote]
        quote = {"$type": "app.bsky.embed.record", "record": {"cid": quoted.cid, "uri": quoted.uri}}
        return (
            {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": media} if images else quote
        )

    def _image(self, alt: str, number: int) -> Record:
        data = wire.png(f"{alt} {number}")
        blob = wire.blob(data, "image/png")
        self.repos.blobs[blob["ref"]["$link"]] = data
        return {"alt": alt, "aspectRatio": {"height": 24, "width": 32}, "image": blob}

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it."""
        there = re.search(rf"#{re.escape(self.tag)}(?!\w)", text, re.IGNORECASE)
        return text if tag == "none" or there else f"{text} #{self.tag}"

    def _room(self, draft: Draft) -> int:
        """Graphemes that the words and choices of a draft may have beside what is put round them."""
        return MOST - len(f" #{self.tag}") - len(f"@{self.me.handle} ") - len(f"CW {draft.warning}\n\n")

    def _committed(self, operation: str, stored: Stored) -> None:
        """Keep what was written, then tell the world."""
        if stored.is_post:
            self._keep(operation, stored)
        elif stored.collection == wire.PROFILE and operation != "delete":
            self.repos.accounts[stored.did].record = stored.record
        elif subject := stored.subject():
            self._endorsed(operation, stored, subject)
        self.hub.commit(operation, stored, struck=stored.is_post)
        if stored.is_post and stored.did == self.me.did and operation != "delete":
            for callback in self.on_ours:
                callback(self.said[stored.uri])

    def _endorsed(self, operation: str, stored: Stored, subject: str) -> None:
        if (said := self.said.get(subject)) is None:
            return
        account = self.repos.accounts[stored.did]
        who = "bridge" if account is self.me else account.short
        marks = said.liked if stored.collection == wire.LIKE else said.boosted
        if operation == "delete":
            marks.discard(who)
        else:
            marks.add(who)

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
        labels = [label["val"] for label in stored.record.get("labels", {}).get("values", [])]
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
            warning=next((TITLES[label] for label in labels if label in TITLES), None),
            pictures=stored.pictures(),
            quote=stored.quoted(),
            raw={"did": stored.did, "rkey": stored.rkey},
        )


def _app(host: Host) -> web.Application:
    app = web.Application()
    host.routes(app)
    return app


def _self_labels(*labels: str) -> Record:
    return {"$type": wire.LABELS, "values": [{"val": label} for label in labels]}


def _with_choices(text: str, choices: tuple[str, ...], room: int) -> str:
    """Bluesky has no polls: people write the choices on lines of their own, as many as there is room for."""
    for choice in choices:
        longer = f"{text}\n- {choice}"
        text = longer if len(longer) <= room else text
    return text
