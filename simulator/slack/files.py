"""Files: those people put into their messages, and those the app uploads in three steps (documentation:
files.getUploadURLExternal, a POST of the bytes, files.completeUploadExternal)."""

from __future__ import annotations

import ipaddress
import itertools
import json
import mimetypes
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from simulator.clock import Clock
from simulator.slack.rules import Refusal
from simulator.slack.wire import BOT_USER, SECOND, SITE, TEAM, Table

ALT = 1_000  # characters of a description (documentation)
LARGEST = 1_000_000_000  # bytes (documentation)
PROCESSING = 1 * SECOND  # after completion, until a message may show it (about a second, say its users)
SHOWN = {
    "image/png",
    "image/jpeg",
    "image/gif",
}  # what an image block takes (documentation: Slack file object)


@dataclass
class File:
    """A file, from the moment its upload was asked for."""

    id: str
    user: str
    name: str
    length: int
    alt: str = ""
    content: bytes | None = None
    completed: int | None = None  # when
    title: str = ""

    @property
    def mimetype(self) -> str:
        """What Slack takes it for."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def json(self, *, processed: bool = True) -> Table:
        """As messages and files.info give it. Until Slack has looked at it, its type is empty."""
        mimetype = self.mimetype if processed else ""
        private = f"https://files.slack.example/files-pri/{TEAM}-{self.id}/{self.name}"
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": mimetype,
            "filetype": mimetype.partition("/")[2],
            "user": self.user,
            "user_team": TEAM,
            "mode": "hosted",
            "size": self.length,
            "is_external": False,
            "is_public": False,
            "url_private": private,
            "url_private_download": private.replace("/files-pri/", "/files-pri/download/"),
            "permalink": f"{SITE}files/{self.user}/{self.id}/{self.name}",
        } | ({"alt_txt": self.alt} if self.alt else {})


class Files:
    """All files of the workspace. `uploads`: whether its admins allow any; `unreachable`: hosts from which
    Slack cannot fetch a picture; `posted`: how often bytes came to an upload address."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.address = ""  # of the server, "host:port"
        self.uploads = True
        self.unreachable: set[str] = set()
        self.posted = 0
        self.files: dict[str, File] = {}
        self.given: set[str] = set()  # secrets
        self._tickets: dict[str, File] = {}
        self._numbers = itertools.count(1)

    def shared(self, user: str, alt: str) -> File:
        """A picture that a person puts into a message."""
        file = File(f"F{next(self._numbers):08}", user, "picture.png", 9, alt, b"a picture")
        file.completed = 0
        self.files[file.id] = file
        return file

    def url(self, arguments: Table) -> Table:
        """files.getUploadURLExternal."""
        name, length, alt = arguments["filename"], int(arguments["length"]), str(arguments.get("alt_txt", ""))
        if not length:
            raise Refusal("missing_argument")
        if not self.uploads:
            raise Refusal("file_uploads_disabled")
        if length > LARGEST:
            raise Refusal("file_upload_size_restricted")
        if len(alt) > ALT:
            raise Refusal("alt_txt_too_large")
        file = File(f"F{next(self._numbers):08}", BOT_USER, str(name), length, alt)
        ticket = secrets.token_hex(16)
        self.given.add(ticket)
        self.files[file.id] = self._tickets[ticket] = file
        return {"ok": True, "upload_url": f"http://{self.address}/upload/v1/{ticket}", "file_id": file.id}

    async def upload(self, request: web.Request) -> web.Response:
        """The bytes, raw; anything but 200 is a failure (documentation)."""
        self.posted += 1
        file = self._tickets.get(request.match_info["ticket"])
        content = await request.read()
        if file is None or file.content is not None or len(content) != file.length:
            return web.Response(status=400, text="invalid upload")
        file.content = content
        return web.Response(text=f"OK - {file.length}")

    def complete(self, arguments: Table) -> Table:
        """files.completeUploadExternal, without a channel: the file is the app's alone."""
        listed = arguments["files"]
        listed = json.loads(listed) if isinstance(listed, str) else listed
        found = [self.files.get(str(item["id"])) for item in listed]
        done = [f for f in found if f is not None and f.content is not None and f.completed is None]
        if len(done) != len(found):
            raise Refusal("file_not_found")
        for file, item in zip(done, listed, strict=True):
            file.title, file.completed = str(item.get("title") or file.name), self.clock.now()
        return {"ok": True, "files": [{"id": f.id, "title": f.title} for f in done]}

    def info(self, arguments: Table) -> Table:
        """files.info."""
        file = self.files.get(arguments["file"])
        if file is None or file.completed is None:
            raise Refusal("file_not_found")
        return {"ok": True, "file": file.json(processed=self._processed(file))}

    def fault(self, block: Table) -> tuple[str, str] | None:
        """The field of an image block that is to blame if its picture cannot be shown, and why."""
        if (shared := block.get("slack_file")) is not None:
            file = self.files.get(str(shared.get("id")))
            good = file is not None and self._processed(file) and file.mimetype in SHOWN
            return None if good else ("slack_file", "invalid slack file")
        host = urlsplit(str(block.get("image_url"))).hostname or ""
        lost = host in self.unreachable or _inside(host)
        return ("image_url", "downloading image failed") if lost else None

    def _processed(self, file: File) -> bool:
        return file.completed is not None and self.clock.now() >= file.completed + PROCESSING


def _inside(host: str) -> bool:
    """Whether an address leads into some private network, where Slack is not."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host
