"""The pictures of our own posts: read, compared with what the config was checked with, uploaded once.

A server gives an upload to one status only (Mastodon's source), and takes 30 of them in half an hour: so an
upload is remembered for the order it was made for, and then for the status that has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from adapters.mastodon.intake import Recent
from adapters.mastodon.rest import Answer, LostError, NotSentError
from adapters.mastodon.sending import PAUSE, Sending, Stop
from bridge.errors import Unreachable
from bridge.model import Media, Refused, RetryLater, Unclear

MEGABYTE = 1024 * 1024
PROCESSING = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between looks at an upload that is not ready


class Upload(msgspec.Struct):
    """A picture the server has, by its id there. `ready`: it may be attached."""

    id: str
    ready: bool


Uploads: TypeAlias = Recent[dict[str, Upload]]  # for whom -> which picture -> what became of it


class Pictures:
    """Uploads for one account. `most`: bytes of a picture, if the server says. `uploads` outlives a link."""

    def __init__(self, sending: Sending, uploads: Uploads, most: int | None) -> None:
        self._sending, self._uploads, self._most = sending, uploads, most

    async def upload(self, media: Media, owner: str) -> str:
        """The id of a picture for `owner`, an order or a status; it may be attached at once. Raises Stop."""
        path = _path(media)
        body = await self._bytes(path, media)
        which = f"{hashlib.sha256(body).hexdigest()} {media.alt}"
        known = self._uploads.get(owner, {})
        if which not in known:
            self._uploads.put(owner, known)
            known[which] = await self._sent(path, body, media.alt)
        upload = known[which]
        try:
            await self._ready(upload, path)
        except Stop as stop:
            if not isinstance(stop.outcome, RetryLater):
                del known[which]
            raise
        return upload.id

    def attached(self, order: str, status: str) -> None:
        """What was uploaded for an order belongs to the status it made."""
        if order in self._uploads:
            self._uploads.put(status, self._uploads.pop(order))

    async def _bytes(self, path: Path, media: Media) -> bytes:
        """What the file holds, if it is what it was."""
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Stop(Refused(f"the picture {path} cannot be read: {error.strerror}")) from None
        if media.digest and hashlib.sha256(body).hexdigest() != media.digest:
            raise Stop(Refused(f"the picture {path} has changed since the config was read"))
        if self._most is not None and len(body) > self._most:
            size, most = len(body) / MEGABYTE, self._most / MEGABYTE
            raise Stop(
                Refused(f"the picture {path} has {size:.1f} MB; {self._sending.home} takes {most:.0f}")
            )
        return body

    async def _sent(self, path: Path, body: bytes, alt: str) -> Upload:
        """A POST of its bytes: bytes, since a file object would be at its end when sent again."""
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            answer = await self._sending.rest.ask("media_post", body, mime_type=kind, description=alt or None)
        except (NotSentError, LostError) as error:
            why = f"{self._sending.home} did not take the picture: {error}"
            raise Stop(RetryLater(PAUSE, why)) from None
        return self._read(answer, path)

    def _read(self, answer: Answer, path: Path) -> Upload:
        """An upload as the server tells of it. One without an address is still being processed (Mastodon's
        API documentation: 202, then 206 until it is)."""
        data = answer.data()
        if answer.ok and isinstance(data, dict) and isinstance(data.get("id"), str):
            return Upload(data["id"], bool(data.get("url")))
        match self._sending.outcome(answer):
            case Refused(why):
                raise Stop(Refused(f"the picture {path}: {why}"))
            case RetryLater() as later:
                raise Stop(later)
            case Unclear(why):  # of the picture, not of the post
                raise Stop(RetryLater(PAUSE, why))
        raise Stop(RetryLater(PAUSE, f"{self._sending.home} took the picture without naming it"))

    async def _ready(self, upload: Upload, path: Path) -> None:
        """Wait until it may be attached."""
        for seconds in PROCESSING:
            if upload.ready:
                return
            await self._sending.clock.sleep(seconds)
            try:
                answer = await self._sending.rest.read_one("media", upload.id)
            except Unreachable as error:
                raise Stop(RetryLater(error.after or PAUSE, str(error))) from None
            upload.ready = self._read(answer, path).ready
        if not upload.ready:
            raise Stop(RetryLater(PAUSE, f"{self._sending.home} is still processing the picture {path}"))


def _path(media: Media) -> Path:
    parts = urlsplit(media.url)
    if parts.scheme not in ("", "file"):
        raise Stop(Refused(f"a picture to post must be a file here, not {media.url}"))
    return Path(unquote(parts.path))
