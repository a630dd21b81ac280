"""The server as its people see it: they write into its store; `rest` and `streaming` are the wire."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.given import cookies
from simulator.mastodon import markup, wire
from simulator.mastodon.budgets import Budgets
from simulator.mastodon.media import IMAGE_LIMIT, MOST, Attachment, drawn
from simulator.mastodon.oauth import OAuth
from simulator.mastodon.rest import Rest
from simulator.mastodon.store import Store
from simulator.mastodon.wire import Account, Status
from simulator.stage import Draft, Person

HOUR = 3600 * 1_000_000


class Server(Store):
    """A Mastodon server. Options: `tag` (hashtag without "#"), `scopes` (of the bridge's token)."""

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        super().__init__(network, clock, faults, options["tag"])
        self.scopes: str = options.get("scopes", "read write")
        self.token = f"simulated-{network}-token"
        self.given = {self.token}
        self.version = "4.5.0"
        self.key_lasts = HOUR  # how long an Idempotency-Key is honoured; 0 where keys are ignored
        self.keys: dict[str, tuple[int, str]] = {}  # Idempotency-Key -> (when it came, status id)
        self.image_limit = IMAGE_LIMIT
        self.processing = 0  # microseconds of chat time that an upload takes to be ready
        self.budgets = Budgets()
        self.reports: list[dict[str, Any]] = []  # to the moderators, by the bridge
        self.oauth = OAuth(self)
        self.refused = 0  # requests beyond a budget
        self.followers: list[Account] = []  # of the bridge's account
        self.emoji: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        app = Rest(self).app
        cookies(app, self.given)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
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

    def federate(self, other: Server) -> None:
        """Let two servers know each other: from now on each holds what anybody may read of the other. Before
        people join."""
        self.peers.append(other)
        other.peers.append(self)

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        """Make the account. One in three lives on another server. All follow the bridge's account."""
        away = zlib.crc32(person.handle.encode()) % 3 == 0
        host = f"beside.{self.domain}" if away else self.domain
        account = self.register(person.handle.replace("-", "_").lower(), host, person.name, person.profile)
        account.bot, account.handle = person.bot, person.handle
        person.account = account.id
        self.followers.append(account)
        self.me.followers += 1
        return f"@{account.full}"

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts. A reply mentions the author of its parent, as Mastodon's own web client does."""
        return self.publish(self.accounts[person.account], draft, self.clock.now())

    def arrive_late(self, person: Person, draft: Draft, created: int) -> str:
        """A post from another server that was written at `created` and reaches this one only now."""
        return self.publish(self.accounts[person.account], draft, created)

    def publish(self, author: Account, draft: Draft, created: int) -> str:
        """Make a person's status. Raises ValueError for what Mastodon refuses."""
        parent = self.statuses[draft.reply_to] if draft.reply_to else None
        reach = "direct" if draft.place == "direct" else draft.reach
        text = self._borne(draft.text, draft.tag)
        if draft.place == "direct":
            text = f"@{self.me.acct} {text}"
        elif parent is not None and parent.account is not author:
            text = f"@{parent.account.acct} {text}"
        self._refuse(author, text, draft)
        self.emoji.update(draft.emoji)
        status = Status(
            id=self.new_id(created),
            account=author,
            text=text,
            created=created,
            visibility=wire.visibility(reach),
            base=self.base,
            parent=draft.reply_to,
            spoiler=draft.warning or "",
            language=draft.language or "en",
            quote=self.statuses[draft.quote] if draft.quote else None,
            media=[self._picture(alt) for alt in draft.pictures],
            poll=draft.poll,
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
            self.hub.lag(self.streams(status), self.payload(status))

    def leave(self, person: Person) -> None:
        """Their account is deleted. Mastodon tells of public statuses by `delete` (its source,
        BatchedRemoveStatusService); the others are just not found any more."""
        account = self.accounts[person.account]
        self.followers.remove(account)
        self.me.followers -= 1
        self.forget(account)

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """Nobody commands from Mastodon."""
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Nobody commands from Mastodon."""
        return False

    # ------------------------------------------------------------ how they write

    def parse(self, status: Status) -> None:
        """Find the custom emoji as well."""
        super().parse(status)
        words = f"{status.text} {status.spoiler} {' '.join(status.poll)}"
        status.emoji = {name: self.emoji_at(name) for name in sorted(self.emoji) if f":{name}:" in words}

    def emoji_at(self, name: str) -> str:
        """Where the picture of a custom emoji is."""
        return f"http://{self.address}/emoji/{name}.png"

    def attach(self, body: bytes, description: str | None, ready: int = 0) -> Attachment:
        """Keep a picture."""
        id_ = self.new_id(self.clock.now())
        url = f"http://{self.address}/media/{id_}.png"
        self.media[id_] = Attachment(id_, url, body, description, ready)
        return self.media[id_]

    def _picture(self, alt: str) -> Attachment:
        return self.attach(drawn(f"{alt} {len(self.media)}"), alt or None)

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it."""
        missing = tag != "none" and self.tag.lower() not in markup.tags(text)
        return f"{text} #{self.tag}" if missing else text

    def _refuse(self, author: Account, text: str, draft: Draft) -> None:
        if author.gone:
            raise ValueError(f"{author.full} is deleted")
        if markup.length(text, draft.warning or "") > wire.MAX_CHARACTERS:
            raise ValueError(f"longer than {wire.MAX_CHARACTERS} characters: {text!r}")
        if len(draft.pictures) > MOST or (draft.pictures and draft.poll):
            raise ValueError("Cannot attach more than 4 files")
        if draft.poll and not 2 <= len(draft.poll) <= MOST:
            raise ValueError("a poll has two to four choices")
