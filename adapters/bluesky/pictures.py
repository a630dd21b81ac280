"""Pictures of our own posts: read, looked at, stored at our server once, embedded."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.bluesky import LIMITS
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Json
from adapters.bluesky.memory import Bounded
from adapters.bluesky.shapes import shape
from bridge.model import Media

_MOST = 4  # lexicon app.bsky.embed.images


class Pictures:
    """Uploads pictures of `file:` addresses. The same bytes are stored once and always make the same embed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stored: Bounded[str, Json] = Bounded(64)  # SHA-256 -> an embed's image, but for its alt text

    async def embed(self, media: tuple[Media, ...]) -> Json | None:
        """The embed for a record. Raises Failure; nothing is published then."""
        if not media:
            return None
        if len(media) > _MOST or any(item.kind != "image" for item in media):
            raise Failure("refused", f"Bluesky takes at most {_MOST} pictures and nothing else with a post.")
        images = [{"alt": item.alt, **await self._image(item)} for item in media]
        return {"$type": "app.bsky.embed.images", "images": images}

    def forget(self) -> None:
        """The server keeps no file that no post refers to: upload them again."""
        self._stored.clear()

    async def _image(self, item: Media) -> Json:
        path = Path(unquote(urlsplit(item.url).path))
        data = await _read(path)
        digest = hashlib.sha256(data).hexdigest()
        if item.digest and digest != item.digest:
            raise Failure(
                "refused",
                f"The picture {path} was changed after the config was read. Start the bridge again.",
            )
        if digest not in self._stored:
            self._stored[digest] = await self._store(path, data)
        return self._stored[digest]

    async def _store(self, path: Path, data: bytes) -> Json:
        most = LIMITS.image or len(data)
        if len(data) > most:
            raise Failure(
                "refused",
                f"The picture {path} has {len(data):,} bytes; Bluesky takes {most:,}. Make it smaller.",
            )
        kind = shape(data)
        if kind is None:
            raise Failure(
                "refused", f"{path} is no picture that apps show: make it a PNG, JPEG, GIF or WebP."
            )
        answer = await self._client.upload(data, kind.mime)
        image: dict[str, object] = {"image": answer.get("blob")}
        if kind.width and kind.height:
            image["aspectRatio"] = {"width": kind.width, "height": kind.height}
        return image


async def _read(path: Path) -> bytes:
    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise Failure("refused", f"The picture {path} cannot be read: {error.strerror}.") from None
