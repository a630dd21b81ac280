"""The notice board's stand-in: what of CouchDB the adapter uses, and the rules of the board on top.

Answers and errors read as CouchDB 3 gives them. As in a cluster, the changes feed tells each document's last state at
least once, perhaps again, perhaps first as a replica that lags behind still has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Said

Document = dict[str, Any]
DESIGN = "_design/board"
LONGEST = 3000  # bytes of a post
CUT = 0  # in place of a status: the connection breaks
WRONG = {"error": "unauthorized", "reason": "Name or password is incorrect."}
CONFLICT = {"error": "conflict", "reason": "Document update conflict."}
LOST = {"error": "bad_request", "reason": "Malformed sequence supplied in 'since' parameter."}
BROKEN = {"error": "internal_server_error", "reason": "No DB shards could be opened."}
BUSY = {"error": "too_many_requests", "reason": "The board's proxy lets nobody write that often."}


class Board:
    """A `simulator.stage.Stage`."""

    account, password = "bridge", "board-password-0123456789abcdef"

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.said = network, dict[str, Said]()
        self.on_ours: list[Callable[[Said], None]] = []
        self._clock, self._faults, self._tag = clock, faults, options["tag"]
        self._posts, self._people = dict[str, Document](), dict[str, Document]()
        self._changes: list[tuple[str, Document | None]] = []  # id, and what a lagging replica has of it
        self._held: str | None = None  # a change that the next one overtakes
        self._drops = 0  # polls to be cut
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._store({"_id": DESIGN, "views": {"below": {}}, "validate_doc_update": "function ..."})

    # ------------------------------------------------------------ Stage: life

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/posts/_changes", self._wire(self._feed)),
                web.route("*", f"/posts/{DESIGN}/_view/below", self._wire(self._below)),
                web.get("/posts/{id}", self._wire(self._get)),
                web.put("/posts/{id}", self._wire(self._put)),
                web.get("/people/{id}", self._wire(self._profile)),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        assert self._runner is not None
        self._wake()
        await self._runner.cleanup()

    def access(self) -> dict[str, Any]:
        assert self._runner is not None
        server = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return {
            "table": {"server": server, "account": self.account},
            "secrets": {"PASSWORD": self.password},
        }

    # ------------------------------------------------------------ Stage: people

    def join(self, person: Person) -> str:
        person.account = person.handle
        self._people[person.handle] = {"_id": person.handle, "name": person.name, "about": person.profile}
        return person.handle

    def write(self, person: Person, draft: Draft) -> str:
        fields = {
            "_id": f"{len(self.said):032x}",
            "author": person.handle,
            "text": draft.text if draft.tag == "none" else f"{draft.text} #{self._tag}",
            "at": self._clock.now() // 1000,
            "reply_to": draft.reply_to,
            "quote": draft.quote,
            "warning": draft.warning,
            "mentions": [self.account] if draft.place == "direct" else [],
            "members_only": draft.reach == "limited",
        }
        return self._store({key: value for key, value in fields.items() if value})

    def edit(self, person: Person, post: str, text: str) -> None:
        doc = self._posts[post]
        edited = max(doc.get("edited", 0) + 1, self._clock.now() // 1000)
        self._store(doc | {"text": text, "edited": edited})

    def delete(self, person: Person, post: str) -> None:
        late = self._faults.hit(self.network, "delete_first")
        before = self._posts[post]
        self._store({"_id": post, "_rev": before["_rev"], "_deleted": True})
        if late:
            self._changed(post, before)
            self._wake()

    def leave(self, person: Person) -> None:
        for said in list(self.said.values()):
            if said.author == person.handle and not said.deleted:
                self.delete(person, said.id)
        del self._people[person.handle]

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        return False

    # ------------------------------------------------------------ documents

    def _store(self, doc: Document) -> str:
        """A new revision of a document, and its change in the feed."""
        number = int(doc.get("_rev", "0-").partition("-")[0]) + 1
        body = {key: value for key, value in doc.items() if key != "_rev"}
        doc = body | {"_rev": f"{number}-{md5(json.dumps(body).encode()).hexdigest()}"}
        self._posts[doc["_id"]] = doc
        if not doc["_id"].startswith("_design/"):
            self._note(doc)
        self._emit(doc)
        return str(doc["_id"])

    def _note(self, doc: Document) -> None:
        """Keep what a visitor of the board sees."""
        said = self.said.get(doc["_id"])
        if doc.get("_deleted"):
            assert said is not None
            said.deleted = True
            return
        if said is None:
            at, ours = doc["at"] * 1000, doc["author"] == self.account
            said = Said(self.network, doc["_id"], doc["author"], "", at, time.monotonic(), ours)
            self.said[said.id] = said
        elif said.text != doc["text"]:
            said.history.append(said.text)
            said.edited = True
        said.text, said.warning, said.reply_to = doc["text"], doc.get("warning"), doc.get("reply_to")
        said.quote, said.raw = doc.get("quote"), doc
        for call in self.on_ours if said.ours else ():
            call(said)

    def _emit(self, doc: Document) -> None:
        hit, id_ = self._faults.hit, doc["_id"]
        if self._held is None and hit(self.network, "reordered"):
            self._held = id_
            return
        held, self._held = self._held, None
        for changed in (id_, held) if held else (id_,):
            if hit(self.network, "bad_payload"):
                self._changed("stray", {"_id": "stray", "_rev": "1-0", "author": 7, "text": ["rubbish"]})
            if hit(self.network, "duplicated"):
                self._changed(changed, self._posts[changed])
            self._changed(changed)
        self._drops += hit(self.network, "socket_dropped")
        self._wake()

    def _changed(self, id_: str, lagging: Document | None = None) -> None:
        self._changes.append((id_, lagging))

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # ------------------------------------------------------------ the wire

    def _wire(self, answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        """What every request goes through: the door, and the faults."""

        async def handle(request: web.Request) -> web.Response:
            hit, writes = self._faults.hit, request.method == "PUT"
            if self._faults.active(self.network, "outage"):
                return self._cut(request)
            login = b64encode(f"{self.account}:{self.password}".encode()).decode()
            revoked = self._faults.active(self.network, "token_revoked")
            if revoked or request.headers.get("Authorization") != f"Basic {login}":
                self._drops = 0  # whoever was to be cut off is
                return web.json_response(WRONG, status=401)
            if writes and hit(self.network, "rate_limited"):
                return web.json_response(BUSY, status=429, headers={"Retry-After": "7"})
            if writes and hit(self.network, "server_error"):
                return web.json_response(BROKEN, status=500)
            status, body = await answer(request)
            if not writes and self._faults.active(self.network, "token_revoked"):  # while a poll waited
                return web.json_response(WRONG, status=401)
            if status == CUT:
                return self._cut(request)
            if writes and hit(self.network, "slow"):
                await self._clock.sleep(45)
            if writes and hit(self.network, "answer_lost"):
                return self._cut(request)
            return web.json_response(body, status=status)

        return handle

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)

    async def _feed(self, request: web.Request) -> tuple[int, Any]:
        query = request.query
        known = {"0": 0} | {self._sequence(n): n for n in range(len(self._changes) + 1)}
        lost = query["since"] != "0" and self._faults.hit(self.network, "cursor_lost")
        if lost or query["since"] not in known:
            return 400, LOST
        start = known[query["since"]]
        if start == len(self._changes) and query.get("feed") == "longpoll":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(int(query["timeout"]) / 1000 / self._clock.speed):
                    await self._news.wait()
        if self._drops:
            self._drops -= 1
            return CUT, None
        end = min(len(self._changes), start + int(query["limit"]))
        last = {id_: n for n, (id_, lagging) in enumerate(self._changes) if lagging is None}
        rows = [
            self._row(n, id_, lagging or self._posts[id_])
            for n, (id_, lagging) in enumerate(self._changes[start:end], start)
            if lagging is not None or last[id_] == n
        ]
        return 200, {"results": rows, "last_seq": self._sequence(end), "pending": len(self._changes) - end}

    def _sequence(self, number: int) -> str:
        return f"{number}-g1AAAAC{md5(f'{self.network} {number}'.encode()).hexdigest()}"

    def _row(self, number: int, id_: str, doc: Document) -> Document:
        row = {
            "seq": self._sequence(number + 1), "id": id_, "changes": [{"rev": doc["_rev"]}], "doc": doc,
        }  # fmt: skip
        return row | ({"deleted": True} if doc.get("_deleted") else {})

    async def _below(self, request: web.Request) -> tuple[int, Any]:
        keys = (await request.json())["keys"] if request.method == "POST" else []
        docs = list(self._posts.values())
        rows = [
            {"id": doc["_id"], "key": key, "value": None, "doc": doc}
            for key in keys
            for doc in docs
            if key in (doc.get("reply_to"), doc.get("quote"))
        ]
        return 200, {"total_rows": len(docs), "offset": 0, "rows": rows}

    async def _get(self, request: web.Request) -> tuple[int, Any]:
        doc = self._posts.get(request.match_info["id"])
        if doc is None or doc.get("_deleted"):
            return 404, {"error": "not_found", "reason": "deleted" if doc else "missing"}
        return 200, doc

    async def _profile(self, request: web.Request) -> tuple[int, Any]:
        person = self._people.get(request.match_info["id"])
        return (200, person) if person else (404, {"error": "not_found", "reason": "missing"})

    async def _put(self, request: web.Request) -> tuple[int, Any]:
        new, id_ = await request.json(), request.match_info["id"]
        old = self._posts.get(id_)
        standing = old is not None and not old.get("_deleted")
        if standing and old is not None and new.get("_rev") != old["_rev"]:
            return 409, CONFLICT
        if why := self._forbidden(new, old if standing else None):
            return 403, {"error": "forbidden", "reason": why}
        self._store(new | {"_id": id_})
        return 201, {"ok": True, "id": id_, "rev": self._posts[id_]["_rev"]}

    def _forbidden(self, new: Document, old: Document | None) -> str:
        """The board's rules, its `validate_doc_update`."""
        if (old or new).get("author") != self.account or new.get("author", self.account) != self.account:
            return f"{self.account} writes and changes posts of {self.account} only."
        if not new.get("_deleted") and not isinstance(new.get("text"), str):
            return "A post has a text."
        if len(new.get("text", "").encode()) > LONGEST:
            return f"A post has at most {LONGEST} bytes."
        return ""
