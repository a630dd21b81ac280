"""Pictures of our own, such as a question's: uploaded once, without a channel, so that they stand in our message
as `slack_file` and are seen by whoever reads it (Slack's documentation: Slack file object).

Nothing of an upload is seen by anybody before a message shows it, so whatever goes wrong may be tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.slack.web import Failure, Web
from bridge.model import Content, Media, Words
from bridge.ports import Clock

ALT = 1_000  # characters of a file's description (documentation: `alt_txt_too_large`)
TYPES = {".png", ".jpg", ".jpeg", ".gif"}  # what a `slack_file` may be (documentation)
TRIES = 3  # of one picture while Slack does not answer; the question matters more than its picture
LOOKS = 10  # for the end of the processing,
PAUSE = 0.5  # with so many seconds between: it takes about one (issues of Slack's SDK)

log = logging.getLogger(__name__)


class Unfit(Exception):
    """A picture that must not be posted; says why, for a person."""


class Pictures:
    """The files we have uploaded, by what is in them."""

    def __init__(self, web: Web, clock: Clock) -> None:
        self._web, self._clock = web, clock
        self._ids: dict[str, str] = {}  # digest -> file id, "" for one that Slack does not take
        self._failed: Counter[str] = Counter()

    async def uploaded(self, content: Content) -> Mapping[str, str]:
        """File ids by address of the pictures in a content that are files of ours; one that Slack does not take
        is left out. None is uploaded for words behind a warning, where no picture can stand.

        Raises Unfit for a file that is not what the config named, Failure if trying again may help.
        """
        if not isinstance(content, Words) or content.warning:
            return {}
        ids = {m.url: await self._one(m) for m in content.media if m.url.startswith("file:")}
        return {url: id_ for url, id_ in ids.items() if id_}

    async def _one(self, picture: Media) -> str:
        path = Path(unquote(urlsplit(picture.url).path))
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Unfit(f"The picture {path.name} cannot be read: {error.strerror}.") from None
        digest = hashlib.sha256(content).hexdigest()
        if picture.digest and digest != picture.digest:
            raise Unfit(
                f"The picture {path.name} has changed since the config was read; start again to post it."
            )
        if path.suffix.lower() not in TYPES:
            log.warning("slack: %s is described in words: Slack shows only PNG, JPEG and GIF", path.name)
            return ""
        if digest not in self._ids:
            self._ids[digest] = await self._uploaded(path.name, content, picture.alt, digest)
        return self._ids[digest]

    async def _uploaded(self, name: str, content: bytes, alt: str, digest: str) -> str:
        try:
            id_ = await self._upload(name, content, alt)
            await self._processed(id_)
            return id_
        except Failure as failure:
            self._failed[digest] += 1
            denied = failure.kind == "refused" or failure.error == "missing_scope"
            if denied or (failure.kind in {"unsent", "unclear"} and self._failed[digest] >= TRIES):
                log.warning("slack: %s is described in words: %s", name, failure)
                return ""
            if failure.kind == "unclear":
                raise Failure(failure.method, "unsent", failure.error, "uploading a picture", 5.0) from None
            raise

    async def _upload(self, name: str, content: bytes, alt: str) -> str:
        asked = {"filename": name, "length": len(content)} | ({"alt_txt": alt[:ALT]} if alt else {})
        place = await self._web.form("files.getUploadURLExternal", asked)
        await self._web.upload(place["upload_url"], content)
        file = {"id": place["file_id"], "title": name}
        await self._web.form("files.completeUploadExternal", {"files": json.dumps([file])})
        return str(place["file_id"])

    async def _processed(self, id_: str) -> None:
        """Wait until a message may show it; for a while, after which Slack will say no."""
        for _ in range(LOOKS):
            if (await self._web.read("files.info", file=id_))["file"].get("mimetype"):
                return
            await self._clock.sleep(PAUSE)
