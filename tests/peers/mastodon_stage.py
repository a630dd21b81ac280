"""mastodon-mock as a stage: its people write through its own API, the bridge comes through the fault proxy."""

from __future__ import annotations

import json
import re
import struct
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from aiohttp import web

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Reach, Said
from tests.peers.mastodon_peer import Mock
from tests.peers.mastodon_stream import MockStreaming
from tests.peers.proxy import Answer, Dialect, FaultProxy

SECOND = 1_000_000
LIMITED = 15 * SECOND  # chat time until a struck budget is renewed
VISIBILITY = {"public": "public", "quiet": "unlisted", "limited": "private", "direct": "direct"}
REACH: dict[str, Reach] = {"public": "public", "unlisted": "quiet", "private": "limited", "direct": "direct"}
Json = dict[str, Any]


# ---------------------------------------------------------------- what the proxy must know


def _writes(method: str, path: str) -> bool:
    """Statuses are struck, pictures and logins are not, as on the stand-in."""
    return method in ("POST", "PUT", "DELETE") and path.startswith("/api/v1/statuses")


def _limited(now: int) -> Answer:
    """As mastodon-mock says it: the reset is an epoch."""
    reset = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0"}
    reset["X-RateLimit-Reset"] = str((now + LIMITED) // SECOND)
    return Answer(429, b'{"error":"Too many requests"}', reset)


def _revoked(request: web.Request) -> Answer | None:
    if request.path.rstrip("/") == "/api/v2/instance":
        return None
    return Answer(401, b'{"error":"The access token was revoked"}')


DIALECT = Dialect(
    writes=_writes,
    rate_limited=_limited,
    server_error=Answer(500, b'{"error":"An unexpected error occurred"}'),
    revoked=_revoked,
    listing=lambda path: path.startswith("/api/v1/timelines/tag/"),
)


# ---------------------------------------------------------------- the stage


class MockStage:
    """`simulator.stage.Stage` over a running mastodon-mock, emptied first. Options: `tag` (without "#"),
    `streams` (True: its stream is translated, `MockStreaming`).

    It does not stream in Mastodon's way (its websocket refuses the Authorization header), so what its people
    do reaches an adapter by polling; faults of messages strike the hashtag's timeline.
    """

    def __init__(
        self, mock: Mock, network: str, clock: Clock, faults: Faults, options: dict[str, Any]
    ) -> None:
        self.mock, self.network, self.clock, self.faults = mock, network, clock, faults
        self.tag: str = options["tag"]
        self.said: dict[str, Said] = {}
        self.on_ours: list[Callable[[Said], None]] = []
        self.me = Person("chat", "The chat", network, "Runs the chat. A human answers: @lucy", bot=True)
        self.tokens: dict[str, str] = {}  # by account
        self.streaming = MockStreaming(mock.url) if options.get("streams") else None

    async def start(self) -> None:
        self.mock.reset()
        self.mock.keep_time(self.clock)
        self.join(self.me)
        sockets = None
        if self.streaming is not None:
            await self.streaming.start()
            sockets = self.streaming.url
        self.proxy = FaultProxy(
            self.network, self.mock.url, self.faults, self.clock, DIALECT, sockets=sockets, wrote=self._wrote
        )
        await self.proxy.start(self.mock.public)

    async def stop(self) -> None:
        await self.proxy.stop()
        if self.streaming is not None:
            await self.streaming.stop()

    def access(self) -> dict[str, Any]:
        table = {"server": f"http://{self.mock.domain}", "api": self.proxy.url}
        return {"table": table, "secrets": {"TOKEN": self.tokens[self.me.account]}}

    # ------------------------------------------------------------ people

    def join(self, person: Person) -> str:
        username = _username(person.handle)
        person.account, token = self.mock.join(username, person.name)
        self.tokens[person.account] = token
        profile = {"note": person.profile, "bot": str(person.bot).lower()}
        self.mock.form("PATCH", "/api/v1/accounts/update_credentials", profile, token)
        return f"@{username}@{self.mock.domain}"

    def ask(self, person: Person, method: str, path: str, body: Json | None = None) -> Any:
        """A request of a person's app, straight to the server."""
        return self.mock.ask(method, f"/api/v1/{path}", body, self.tokens[person.account])

    def write(self, person: Person, draft: Draft) -> str:
        """A person posts; like Mastodon's own client theirs mentions whom it answers."""
        direct = draft.place == "direct" or draft.reach == "direct"
        text = self._borne(draft.text, draft.tag)
        addressee = self.me.handle if direct else self._author(draft.reply_to) if draft.reply_to else None
        if addressee and addressee != person.handle:
            text = f"@{_username(addressee)} {text}"
        fields: Json = {
            "status": text,
            "in_reply_to_id": draft.reply_to,
            "quoted_status_id": draft.quote,
            "visibility": "direct" if direct else VISIBILITY.get(draft.reach, "public"),
            "spoiler_text": draft.warning or "",
            "language": draft.language or "en",
            "media_ids": [self._upload(person, alt) for alt in draft.pictures],
        }
        if draft.poll:
            fields["poll"] = {"options": list(draft.poll), "expires_in": 3600}
        said = self._keep(self.ask(person, "POST", "statuses", fields), person.handle)
        said.raw["tag"] = draft.tag
        return said.id

    def edit(self, person: Person, post: str, text: str) -> None:
        """A person edits; the mention and the hashtag of the post stay."""
        said = self.said[post]
        mention = said.text.split(" ", 1)[0] + " " if said.text.startswith("@") else ""
        words = self._borne(text, said.raw["tag"])
        fields = {"status": words if words.startswith("@") else mention + words}
        self._changed(self.ask(person, "PUT", f"statuses/{post}", fields))

    def delete(self, person: Person, post: str) -> None:
        removed = self.ask(person, "DELETE", f"statuses/{post}")
        self.said[post].deleted = True
        self.proxy.strikes.removed(removed)

    def leave(self, person: Person) -> None:
        """Their account is deleted, as an administrator does it there, and takes its posts along."""
        self.ask(self.me, "DELETE", f"admin/accounts/{person.account}")
        for said in self.said.values():
            said.deleted = said.deleted or said.author == person.handle

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        return False

    # ------------------------------------------------------------ what the server confirms

    async def _wrote(self, request: web.Request, status: int, body: bytes) -> None:
        """The bridge wrote something, and this is what the server says of it."""
        if status >= 300:
            return
        answer = json.loads(body)
        post, _, verb = request.path.removeprefix("/api/v1/statuses").strip("/").partition("/")
        if not post:
            if answer["id"] not in self.said:  # else the same key again
                self._tell(self._keep(answer, "bridge"))
        elif request.method == "DELETE":
            self.said[post].deleted = True
        elif request.method == "PUT":
            self._tell(self._changed(answer))
        elif verb in ("favourite", "unfavourite"):
            _mark(self.said[post].liked, given=answer["favourited"])
        elif verb in ("reblog", "unreblog"):
            _mark(self.said[post].boosted, given=verb == "reblog")

    def _tell(self, said: Said) -> None:
        for callback in self.on_ours:
            callback(said)

    def _keep(self, status: Json, author: str) -> Said:
        quote = status["quote"]
        said = self.said[status["id"]] = Said(
            network=self.network,
            id=status["id"],
            author=author,
            text=words(status["content"]),
            at=micros(status["created_at"]),
            real=time.monotonic(),
            ours=author == "bridge",
            reply_to=status["in_reply_to_id"],
            reach=REACH[status["visibility"]],
            url=status["url"],
            warning=status["spoiler_text"] or None,
            pictures=tuple(media["description"] or "" for media in status["media_attachments"]),
            quote=quote["quoted_status"]["id"] if quote else None,
            raw={"tag": "markup"},
        )
        return said

    def _changed(self, status: Json) -> Said:
        said = self.said[status["id"]]
        said.history.append(said.text)
        said.text, said.edited = words(status["content"]), True
        said.warning = status["spoiler_text"] or None
        return said

    # ------------------------------------------------------------ inside

    def _author(self, post: str) -> str:
        author = self.said[post].author
        return self.me.handle if author == "bridge" else author

    def _borne(self, text: str, tag: str) -> str:
        """The text with the hashtag in it, if it is to bear it."""
        there = re.search(rf"#{re.escape(self.tag)}(?!\w)", text, re.IGNORECASE)
        return text if tag == "none" or there else f"{text} #{self.tag}"

    def _upload(self, person: Person, alt: str) -> str:
        fields: dict[str, str | bytes] = {"file": picture(len(alt)), "description": alt}
        media: str = self.mock.form("POST", "/api/v2/media", fields, self.tokens[person.account])["id"]
        return media


def _username(handle: str) -> str:
    """Mastodon's names have no hyphen."""
    return handle.replace("-", "_").lower()


def _mark(endorsed: set[str], *, given: bool) -> None:
    (endorsed.add if given else endorsed.discard)("bridge")


def micros(iso: str) -> int:
    """Microseconds since 1970 of one of its times."""
    return round(datetime.fromisoformat(iso).timestamp() * SECOND)


def picture(shade: int = 0) -> bytes:
    """A small PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((0, shade % 256)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class _Words(HTMLParser):
    """What a reader sees, by another parser than the adapter's."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.seen.append("\n")
        elif tag == "p" and self.seen:
            self.seen.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def words(content: str) -> str:
    """The plain words of a status's HTML."""
    parser = _Words()
    parser.feed(content)
    parser.close()
    return "".join(parser.seen)
