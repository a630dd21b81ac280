"""What a server knows: accounts, statuses, notifications; and what becomes of each when one changes."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import federation, markup, wire
from simulator.mastodon.media import Attachment
from simulator.mastodon.streaming import Hub
from simulator.mastodon.wire import Account, Status
from simulator.stage import Said


class Store:
    """One server's data. `said` holds only what was written here; `peers` are the servers that know this
    one, and hear of everything that anybody may read."""

    def __init__(self, network: str, clock: Clock, faults: Faults, tag: str) -> None:
        self.network, self.clock, self.faults, self.tag = network, clock, faults, tag
        self.domain = f"{network}.example"
        self.base = f"https://{self.domain}"
        self.address = ""  # host and port, once it listens
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.hub = Hub(network, clock, faults)
        self.peers: list[Store] = []
        self.accounts: dict[str, Account] = {}
        self.names: dict[tuple[str, str], Account] = {}  # (username, host) -> who has it
        self.statuses: dict[str, Status] = {}
        self.uris: dict[str, Status] = {}
        self.boosts: dict[str, Status] = {}  # what the bridge's account boosted -> its boost
        self.notifications: list[tuple[str, str, int, Status]] = []  # id, type, time, status
        self.media: dict[str, Attachment] = {}
        self._ids: set[int] = set()
        self.me = self.register("chat", self.domain, "The chat", "Runs the chat. A human answers: @lucy")
        self.me.bot = True

    # ------------------------------------------------------------ accounts

    def register(self, username: str, host: str, name: str, note: str) -> Account:
        """A new account, of this server or seen on another."""
        now = self.clock.now()
        account = Account(self.new_id(now), username, host, name, note, now, local=host == self.domain)
        self.accounts[account.id] = self.names[username, host] = account
        return account

    def named(self, username: str, host: str) -> Account | None:
        """Who has this name, here or on a server that is known."""
        if (account := self.names.get((username, host))) is not None:
            return account
        theirs = next((p.names.get((username, host)) for p in self.peers if p.domain == host), None)
        return None if theirs is None else federation.account(theirs, self)

    def forget(self, account: Account) -> None:
        """An account is deleted: what it wrote here goes with it."""
        account.gone = True
        self.names.pop((account.username, account.host), None)
        for status in list(self.statuses.values()):
            if status.account is account and not status.deleted:
                self.remove(status)
        for peer in self.peers:
            if (theirs := peer.names.get((account.username, account.host))) is not None:
                peer.forget(theirs)

    def new_id(self, at: int) -> str:
        """A snowflake: milliseconds and 16 bits, no two servers' alike. A post that arrives late gets the id
        of its own time."""
        number = at // 1000 << 16 | zlib.crc32(self.network.encode()) & 0xFF00
        while number in self._ids:
            number += 1
        self._ids.add(number)
        return str(number)

    # ------------------------------------------------------------ statuses

    def take(self, status: Status) -> None:
        """Store what was written here and tell whom it concerns."""
        self.parse(status)
        self.place(status)
        said = self.said[status.id] = Said(
            network=self.network,
            id=status.id,
            author=status.account.handle or "bridge",
            text=_shown(status),
            at=self.clock.now(),
            real=time.monotonic(),
            ours=status.account is self.me,
            reply_to=status.parent,
            reach=wire.reach(status.visibility),
            url=status.page,
            warning=status.spoiler or None,
            pictures=tuple(a.description or "" for a in status.media),
            quote=status.quote.id if status.quote else None,
            raw={"tag": "bare" if status.bare else "markup" if self.tag.lower() in status.tags else "none"},
        )
        if status.open:
            said.also += [(p.network, federation.deliver(status, self, p).id) for p in self.peers]
        self._tell(status)

    def place(self, status: Status) -> None:
        """Store a status, wherever it was written, and announce it."""
        self.statuses[status.id] = self.uris[status.uri] = status
        for attachment in status.media:
            attachment.status = status
            self.media[attachment.id] = attachment
        parent = self.statuses.get(status.parent or "")
        if parent is not None and status.open:
            parent.replies += 1
        self.hub.emit(self.streams(status), "update", self.payload(status))
        self._notify(status)

    def change(self, status: Status, text: str, **fields: Any) -> None:
        """Store an edit made here; one that changes nothing is none."""
        fields = {name: value for name, value in fields.items() if getattr(status, name) != value}
        if text == status.text and not fields:
            return
        before = self.streams(status)
        for name, value in fields.items():
            setattr(status, name, value)
        for attachment in status.media:
            attachment.status = status
        status.text, status.edited = text, max(self.clock.now(), (status.edited or status.created) + 1000)
        self.parse(status)
        said = self.said[status.id]
        said.history.append(said.text)
        said.text, said.edited, said.warning = _shown(status), True, status.spoiler or None
        said.pictures = tuple(a.description or "" for a in status.media)
        self.changed(status, before)
        if status.open:
            for peer in self.peers:
                federation.update(status, self, peer)
        self._tell(status)

    def changed(self, status: Status, before: Iterable[tuple[str, ...]]) -> None:
        """Announce an edit; hashtag streams hear of it, nobody is notified."""
        self.hub.emit({*before, *self.streams(status)}, "status.update", self.payload(status))

    def remove(self, status: Status) -> None:
        """Forget a status, here and on the servers that know it. Replies to it lose their parent, as in
        Mastodon's database, and boosts of it go."""
        status.deleted = True
        if status.id in self.said:
            self.said[status.id].deleted = True
        parent = self.statuses.get(status.parent or "")
        if parent is not None and status.open:
            parent.replies -= 1
        for other in self.statuses.values():
            if other.parent == status.id:
                other.parent = None
        if (boost := self.boosts.pop(status.id, None)) is not None:
            boost.deleted = True
        self.hub.emit(self.streams(status), "delete", status.id)
        for peer in self.peers if status.id in self.said else ():
            if (copy := peer.uris.get(status.uri)) is not None and not copy.deleted:
                peer.remove(copy)

    # ------------------------------------------------------------ likes and boosts

    def favourite(self, status: Status, *, on: bool) -> None:
        """The bridge's account likes a status, or no longer does."""
        if status.favourited == on:
            return
        status.favourited = on
        for copy, said in self._copies(status):
            copy.likes += 1 if on else -1
            if said is not None:
                (said.liked.add if on else said.liked.discard)("bridge")

    def boost(self, status: Status) -> Status:
        """The bridge's account boosts a status, once; gives the boost."""
        if status.id not in self.boosts:
            boost = Status(
                self.new_id(self.clock.now()),
                self.me,
                "",
                self.clock.now(),
                "public",
                self.base,
                reblog=status,
            )
            boost.uri = boost.page = f"{boost.uri}/activity"
            self.statuses[boost.id] = self.boosts[status.id] = boost
            for copy, said in self._copies(status):
                copy.boosts += 1
                if said is not None:
                    said.boosted.add("bridge")
        return self.boosts[status.id]

    def unboost(self, status: Status) -> None:
        """The boost is taken back, if there is one."""
        boost = self.boosts.pop(status.id, None)
        if boost is None:
            return
        boost.deleted = True
        for copy, said in self._copies(status):
            copy.boosts -= 1
            if said is not None:
                said.boosted.discard("bridge")

    def _copies(self, status: Status) -> list[tuple[Status, Said | None]]:
        """A status here and where it was written, with what is said of it there."""
        origins = ((p, origin) for p in self.peers if (origin := p.uris.get(status.uri)) is not None)
        elsewhere = [(origin, p.said[origin.id]) for p, origin in origins if origin.id in p.said]
        return [(status, self.said.get(status.id)), *elsewhere]

    # ------------------------------------------------------------ telling

    def parse(self, status: Status) -> None:
        """Find the tags and the mentions; names of nobody stay words."""
        found = (self.named(*name) for name in markup.mentioned(status.text, self.domain))
        status.mentions = [a for a in found if a is not None]
        status.tags = markup.tags(status.text)

    def _tell(self, status: Status) -> None:
        if status.account is self.me:
            for callback in self.on_ours:
                callback(self.said[status.id])

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

    def streams(self, status: Status) -> list[tuple[str, ...]]:
        """The streams that show a status."""
        return [("hashtag", tag) for tag in status.tags] if status.visibility == "public" else []

    # ------------------------------------------------------------ as JSON

    def visible(self, status: Status) -> bool:
        """Whether the bridge's account may read it; it follows nobody."""
        mine = status.account is self.me or self.me in status.mentions
        return not status.deleted and (status.open or mine)

    def json(self, status: Status) -> dict[str, Any]:
        """A status as the API answers it to the bridge."""
        parent = self.statuses.get(status.parent or "")
        own, boosted = status.account is self.me, status.id in self.boosts
        return wire.status_json(status, parent, own=own, boosted=boosted)

    def notification(self, note: tuple[str, str, int, Status]) -> dict[str, Any]:
        """A notification as the API answers it."""
        id_, kind, at, status = note
        return {
            "id": id_,
            "type": kind,
            "created_at": wire.iso(at),
            "group_key": f"ungrouped-{id_}",
            "account": wire.account_json(status.account),
            "status": self.json(status),
        }

    def payload(self, status: Status) -> str:
        """A status as the stream carries it, also when it is gone by now."""
        return json.dumps(self.json(replace(status, deleted=False)))


def _shown(status: Status) -> str:
    """The words as a reader sees them: of a mention only the local part."""
    text = status.text
    for account in status.mentions:
        text = text.replace(f"@{account.full}", f"@{account.username}")
    return text
