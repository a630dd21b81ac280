"""A notice board as a network: the worked example of chatbridge's docs/adapters.md.

The board is a community's own site, which keeps each post as a document in CouchDB (https://docs.couchdb.org). Who
writes a document chooses its id, so that sending twice makes one post; the update sequence is our cursor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bridge import model
from bridge.errors import CursorLost, Unreachable
from bridge.kit import Access, Intake, Kind, Rest, unsettled, wishes
from bridge.model import Inbound, Order, Publish, Ref, Retract, Update, Words
from bridge.text import hashtags, tame

ABLE = model.Capabilities(model.Limits(3000, bytes=3000), resend="same_key", edits=True, direct=False)
POLL = {"feed": "longpoll", "timeout": "5000", "limit": "200", "include_docs": "true"}
BELOW = ("posts", "_design", "board", "_view", "below")  # a view: what replies to a post, or quotes it


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):  # the keys of [networks.NAME]
    server: str
    account: str


@asynccontextmanager
async def connect(to: Access[Settings]) -> AsyncIterator[BoardLink]:
    login = (to.settings.account, to.secrets.get("password", ""))
    async with Rest.open(to.settings.server, to.clock, basic=login) as rest:
        if not (await rest.ask("GET", *BELOW, query={"limit": "0"})).ok:
            raise Unreachable(f"{to.settings.server} is no notice board")
        yield BoardLink(to, rest)


platform = Kind("Notice board", Settings, connect, ABLE.limits, ("password",), handle=(r"[\w.-]+", "ann"))


class BoardLink:
    def __init__(self, to: Access[Settings], rest: Rest) -> None:
        self._name, self._me, self._clock, self._rest = to.name, to.settings.account, to.clock, rest
        self._posts, self._people = f"{to.settings.server}/posts/", f"{to.settings.server}/people/"
        self.opened = model.Opened(to.name, self._people + self._me, self._me, ABLE)
        self._intake = Intake(self.opened.account, self._wishes, to.clock)
        self.follow = self._intake.follow

    def _post(self, doc: dict[str, Any]) -> model.Post:
        return model.Post(
            Ref(self._name, doc["_id"]),
            self._posts + doc["_id"],
            model.Author(self._people + doc["author"], doc["author"]),
            model.Text(tame(doc["text"])),
            at=doc["at"] * 1000,  # the board counts milliseconds
            seen=doc["at"] * 1000,
            edited=doc.get("edited", 0) * 1000,
            reach="limited" if doc.get("members_only") else "public",
            reply_to=Ref(self._name, doc["reply_to"]) if doc.get("reply_to") else None,
            quotes=(Ref(self._name, doc["quote"]),) if doc.get("quote") else (),
            tags=hashtags(doc["text"]),
            mentions=tuple(self._people + name for name in doc.get("mentions", ())),
            warning=tame(doc["warning"]) if doc.get("warning") else None,
            url=self._posts + doc["_id"],
        )

    async def inbound(self, after: str | None) -> AsyncIterator[Inbound]:
        since = after or "0"
        while True:
            rows = []
            if ids := [ref.id for ref in self._intake.newly_followed()]:
                body, docs = {"keys": ids}, {"include_docs": "true"}
                rows = (await self._rest.ask("POST", *BELOW, query=docs, body=body)).data["rows"]
            news = await self._rest.ask("GET", "posts", "_changes", query=POLL | {"since": since})
            if not news.ok:
                raise CursorLost(f"{self._name} cannot go on from there: {news.data['reason']}")
            for row in [*rows, *news.data["results"]]:
                for what in await self._read(row["doc"]):
                    yield Inbound(self._name, what)
            since = news.data["last_seq"]
            yield Inbound(self._name, model.Beat(), since)
            await self._clock.sleep(1)  # one Beat a second at most; what comes meanwhile comes together

    async def _read(self, doc: dict[str, Any]) -> list[model.What]:
        """What a document, as it is now, means to the core."""
        if doc["_id"].startswith("_design/"):  # the board's own rules
            return []
        if "_deleted" in doc:
            return [model.Removed(Ref(self._name, doc["_id"]))]
        try:
            post = self._post(doc)
            if post.author.account != self.opened.account:
                return await self._intake.report(post)
        except (KeyError, TypeError, ValueError) as error:
            return [model.Malformed(msgspec.json.encode(doc), repr(error))]
        stamp = post.ref.id.removeprefix("chatbridge-")
        return [model.Echoed(int(stamp), post.ref, post.uri)] if stamp.isdecimal() else []

    async def _wishes(self, author: model.Author) -> model.Wishes:
        profile = await self._rest.ask("GET", "people", author.handle)
        return wishes(str(profile.data.get("about")))

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        for ref in refs:
            answer = await self._rest.ask("GET", "posts", ref.id)
            doc = {"_id": ref.id, "_deleted": True} if answer.status == 404 else answer.data
            for what in await self._read(doc):
                now = model.Edited(what.post) if isinstance(what, model.Written) else what
                yield Inbound(self._name, now)

    async def acknowledge(self, cursor: str) -> None:
        """Nothing to do: the board keeps its changes."""

    async def _look(self, order: Order) -> tuple[model.Sent, Any, Any] | None:
        """An order's document, what it holds and what it is to hold; nothing: it is not there, it is to go."""
        match order.op:
            case Publish(Words(text, warning, media=()), reply_to, to=""):
                id_, above = f"chatbridge-{order.stamp}", reply_to.id if isinstance(reply_to, Ref) else None
                new = {"author": self._me, "at": order.stamp // 1000, "reply_to": above}
                new |= {"text": text.plain, "warning": warning}
            case Update(Ref(id=id_), Words(text, warning, media=())):
                new = {"text": text.plain, "warning": warning, "edited": order.stamp // 1000}
            case Retract(Ref(id=id_)):
                new = {}
            case _:
                return None
        answer = await self._rest.ask("GET", "posts", id_)
        there = answer.data if answer.ok else {}
        wanted = there if there and isinstance(order.op, Publish) else new and there | new
        return model.Sent(Ref(self._name, id_), self._posts + id_), there, wanted

    async def send(self, order: Order) -> model.Outcome:
        try:
            if (look := await self._look(order)) is None:
                return model.Refused("the board shows words, and nothing else")
            sent, there, wanted = look
            if there == wanted:
                return sent
            body = wanted or {"_rev": there["_rev"], "_deleted": True}
            answer = await self._rest.ask("PUT", "posts", sent.ref.id, body=body)
        except Unreachable as error:
            return unsettled(error)
        return sent if answer.ok else model.Refused(answer.data["reason"])

    async def find(self, order: Order) -> model.Found | model.Absent:
        look = await self._look(order)
        return model.Found((look[0],)) if look and look[1] == look[2] else model.Absent()
