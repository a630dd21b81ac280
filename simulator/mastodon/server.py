"""The server as its people see it: they write into its store; `rest` and `streaming` are the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import wire
from simulator.mastodon.budgets import Budgets
from simulator.mastodon.rest import Rest
from simulator.mastodon.streaming import Hub
from simulator.mastodon.wire import Account, Status
from simulator.stage import Draft, Person, Said

SECOND = 1_000_000
ELSEWHERE = "elsewhere.example"  # where people from other servers live


class Server:
    """A Mastodon server. Options: `tag` (hashtag without "#"), `scopes` (of the bridge's token)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.clock, self.faults = network, clock, faults
        self.tag: str = options["tag"]
        self.scopes: str = options.get("scopes", "read write")
        self.domain = f"{network}.example"
        self.base = f"https://{self.domain}"
        self.token = f"simulated-{network}-token"
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.budgets = Budgets()
        self.hub = Hub(network, clock, faults)
        self.accounts: dict[str, Account] = {}
        self.statuses: dict[str, Status] = {}  # in the order of their ids
        self.notifications: list[tuple[str, str, int, Status]] = []  # id, type, time, status
        self.media: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[int, str]] = {}  # Idempotency-Key -> (until, status id)
        self.address = ""
        self._ids: set[int] = set()
        self._bare: set[str] = set()
        self._delete_first: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None
        self.me = self._account("chat", None, "The chat", "Runs the chat. A human answers: @lucy")
        self.me.bot = True

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._runner = web.AppRunner(Rest(self).app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
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
        """Let the lasting faults begin by themselves: they cut the sockets, too."""
        while True:
            if self.down() or self.revoked():
                self.hub.drop()
            self.hub.tick()
            await asyncio.sleep(0.02)

    def down(self) -> bool:
        """Whether the server is out."""
        return self.faults.active(self.network, "outage")

    def revoked(self) -> bool:
        """Whether the bridge's token is refused for now."""
        return self.faults.active(self.network, "token_revoked")

    def access(self) -> dict[str, Any]:
        """The config's table and secret of the bridge's account."""
        table = {"server": self.base, "api": f"http://{self.address}"}
        return {"table": table, "secrets": {"TOKEN": self.token}}

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        """Make the account. One in three lives on another server."""
        away = zlib.crc32(person.handle.encode()) % 3 == 0
        account = self._account(
            person.handle.replace("-", "_").lower(), ELSEWHERE if away else None, person.name, person.profile
        )
        account.bot, account.handle = person.bot, person.handle
        person.account = account.id
        return f"@{account.username}@{account.domain or self.domain}"

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. A reply mentions the author of its parent, as Mastodon's own web client does."""
        return self.publish(self.accounts[person.account], draft, self.clock.now())

    def arrive_late(self, person: Person, draft: Draft, created: int) -> str:
        """A post from another server that was written at `created` and reaches this one only now."""
        return self.publish(self.accounts[person.account], draft, created)

    def publish(self, author: Account, draft: Draft, created: int) -> str:
        """Make a person's status."""
        parent = self.statuses[draft.reply_to] if draft.reply_to else None
        reach = "direct" if draft.place == "direct" else draft.reach
        text = self._borne(draft.text, draft.tag)
        if draft.place == "direct":
            text = f"@{self.me.acct} {text}"
        elif parent is not None and parent.account is not author:
            text = f"@{parent.account.acct} {text}"
        if wire.length(text, draft.warning or "") > wire.MAX_CHARACTERS:
            raise ValueError(f"longer than {wire.MAX_CHARACTERS} characters: {text!r}")
        status = Status(
            id=self.new_id(created),
            account=author,
            text=text,
            created=created,
            visibility=wire.visibility(reach),
            parent=draft.reply_to,
            spoiler=draft.warning or "",
            quote=self.statuses[draft.quote] if draft.quote else None,
            bare=draft.tag == "bare",
        )
        self.take(status)
        return status.id

    def edit(self, person: Person, post: str, text: str) -> None:
        """A person edits; the mention and the hashtag of the post stay."""
        status = self.statuses[post]
        was = self.said[post].raw["tag"]
        text = self._borne(text, was)
        mention = status.text.split(" ", 1)[0] + " " if status.text.startswith("@") else ""
        self.change(status, mention + text if not text.startswith("@") else text)

    def delete(self, person: Person, post: str) -> None:
        """A person deletes. Struck by `delete_first`, the creation is announced after the removal, as by a
        server that lags."""
        status = self.statuses[post]
        lagging = self.faults.hit(self.network, "delete_first")
        self.remove(status)
        if lagging:
            self.hub.lag(self._streams(status), self._payload(status))

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """Nobody commands from Mastodon."""
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Nobody commands from Mastodon."""
        return False

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it."""
        missing = tag != "none" and self.tag.lower() not in wire.tags(text)
        return f"{text} #{self.tag}" if missing else text

    # ------------------------------------------------------------ the store

    def _account(self, username: str, domain: str | None, name: str, note: str) -> Account:
        now = self.clock.now()
        account = Account(self.new_id(now), username, domain, name, note, now)
        self.accounts[account.id] = account
        return account

    def new_id(self, at: int) -> str:
        """A snowflake: milliseconds and 16 bits. A post that arrives late gets the id of its own time."""
        number = at // 1000 << 16
        while number in self._ids:
            number += 1
        self._ids.add(number)
        return str(number)

    def take(self, status: Status) -> None:
        """Store a new status and tell whom it concerns."""
        self._parse(status)
        self.statuses[status.id] = status
        parent = self.statuses.get(status.parent or "")
        if parent is not None and status.open:
            parent.replies += 1
        self.said[status.id] = Said(
            network=self.network,
            id=status.id,
            author=status.account.handle or "bridge",
            text=self._read(status),
            at=self.clock.now(),
            real=time.monotonic(),
            ours=status.account is self.me,
            reply_to=status.parent,
            reach=wire.reach(status.visibility),
            url=wire.page(status, self.base),
            raw={"tag": "bare" if status.bare else "markup" if self.tag.lower() in status.tags else "none"},
        )
        self.hub.emit(self._streams(status), "update", self._payload(status))
        self._notify(status)
        self._tell(status)

    def change(self, status: Status, text: str, **fields: Any) -> None:
        """Store an edit; hashtag streams hear of it, nobody is notified."""
        before = set(self._streams(status))
        for name, value in fields.items():
            setattr(status, name, value)
        status.text, status.edited = text, max(self.clock.now(), (status.edited or status.created) + 1000)
        self._parse(status)
        said = self.said[status.id]
        said.history.append(said.text)
        said.text, said.edited = self._read(status), True
        self.hub.emit(before | set(self._streams(status)), "status.update", self._payload(status))
        self._tell(status)

    def remove(self, status: Status) -> None:
        """Forget a status. Replies to it lose their parent, as in Mastodon's database."""
        status.deleted = self.said[status.id].deleted = True
        parent = self.statuses.get(status.parent or "")
        if parent is not None and status.open:
            parent.replies -= 1
        for other in self.statuses.values():
            if other.parent == status.id:
                other.parent = None
        self.hub.emit(self._streams(status), "delete", status.id)

    def _tell(self, status: Status) -> None:
        if status.account is self.me:
            for callback in self.on_ours:
                callback(self.said[status.id])

    def _parse(self, status: Status) -> None:
        """Find the tags and the mentions; names of nobody stay words."""
        by_name = {(a.username, a.domain or self.domain): a for a in self.accounts.values()}
        found = (by_name.get((user, domain or self.domain)) for user, domain in wire.mentioned(status.text))
        status.mentions = [a for a in found if a is not None]
        status.tags = wire.tags(status.text)

    def _read(self, status: Status) -> str:
        """The words as a reader sees them: of a mention only the local part."""
        text = status.text
        for account in status.mentions:
            if account.domain:
                text = text.replace(f"@{account.acct}", f"@{account.username}")
        return text

    def _streams(self, status: Status) -> list[tuple[str, ...]]:
        if status.visibility != "public":
            return []
        return [("hashtag", tag) for tag in status.tags]

    def _notify(self, status: Status) -> None:
        """A mention of the bridge's account, or a quote of its post, is notified whatever its visibility."""
        if status.account is self.me:
            return
        kind = "mention" if self.me in status.mentions else None
        if kind is None and status.quote is not None and status.quote.account is self.me:
            kind = "quote"
        if kind is None:
            return
        note = (str(len(self.notifications) + 1), kind, self.clock.now(), status)
        self.notifications.append(note)
        self.hub.emit(
            [("user:notification",), ("user",)], "notification", json.dumps(self.notification(note))
        )

    # ------------------------------------------------------------ as JSON

    def visible(self, status: Status) -> bool:
        """Whether the bridge's account may read it; it follows nobody."""
        mine = status.account is self.me or self.me in status.mentions
        return not status.deleted and (status.open or mine)

    def json(self, status: Status) -> dict[str, Any]:
        """A status as the API answers it to the bridge."""
        parent = self.statuses.get(status.parent or "")
        return wire.status_json(status, self.base, parent, own=status.account is self.me)

    def notification(self, note: tuple[str, str, int, Status]) -> dict[str, Any]:
        """A notification as the API answers it."""
        id_, kind, at, status = note
        return {
            "id": id_,
            "type": kind,
            "created_at": wire.iso(at),
            "group_key": f"ungrouped-{id_}",
            "account": wire.account_json(status.account, self.base),
            "status": self.json(status),
        }

    def _payload(self, status: Status) -> str:
        return json.dumps(self.json(replace(status, deleted=False)))
