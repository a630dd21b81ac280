"""Pictures of our own posts: read, stored at our server, embedded."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Json
from bridge.model import Media

_MOST = 4  # lexicon app.bsky.embed.images
_LARGEST = 1_000_000  # bytes, likewise


class Pictures:
    """Uploads pictures by address: a file's path, file:// or http(s)://."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def embed(self, media: tuple[Media, ...]) -> Json | None:
        """The embed for a record. Raises Failure; nothing is published then."""
        if not media:
            return None
        if len(media) > _MOST or any(item.kind != "image" for item in media):
            raise Failure("refused", f"Bluesky takes at most {_MOST} pictures and nothing else with a post.")
        images = []
        for item in media:
            data = await _bytes(item.url)
            if len(data) > _LARGEST:
                raise Failure("refused", f"{item.url} has {len(data)} bytes; Bluesky takes {_LARGEST}.")
            mime = mimetypes.guess_type(urlsplit(item.url).path)[0] or "image/png"
            answer = await self._client.upload(data, mime)
            images.append({"alt": item.alt, "image": answer.get("blob")})
        return {"$type": "app.bsky.embed.images", "images": images}


async def _bytes(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        try:
            async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as answer:
                return await answer.content.read(_LARGEST + 1)
        except (aiohttp.ClientError, OSError) as error:
            raise Failure("unsent", f"The picture {url} cannot be read: {error}") from None
    path = Path(unquote(parts.path) if parts.scheme == "file" else url)
    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise Failure("refused", f"The picture {url} cannot be read: {error.strerror}") from None
