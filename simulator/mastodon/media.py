"""Pictures: what people attach, what the bridge uploads, and the bytes behind their addresses."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.mastodon.wire import Status

IMAGE_LIMIT = 16 * 1024 * 1024  # bytes, Mastodon's
MOST = 4  # attachments of a status
TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}


@dataclass(eq=False)
class Attachment:
    """A picture on this server. `url` is null while it is being processed, until `ready` (chat time)."""

    id: str
    url: str
    body: bytes
    description: str | None = None
    ready: int = 0
    remote: str | None = None  # where it is on the server it was written on
    status: Status | None = None  # whose it is; only one may have it

    @property
    def type(self) -> str:
        return sniffed(self.body) or "application/octet-stream"

    def json(self, now: int) -> dict[str, Any]:
        """As the API answers it at `now`."""
        url = self.url if now >= self.ready else None
        return {
            "id": self.id,
            "type": "image",
            "url": url,
            "preview_url": url,
            "remote_url": self.remote,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {"size": len(self.body)},
            "description": self.description,
            "blurhash": None,
        }


def sniffed(body: bytes) -> str | None:
    """The type its first bytes tell of; None if Mastodon takes none such."""
    return next((kind for start, kind in TYPES.items() if body.startswith(start)), None)


def drawn(seed: str) -> bytes:
    """A picture of one pixel, its colour told by `seed`: PNG."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    colour = zlib.crc32(seed.encode()).to_bytes(4, "big")[:3]
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" + colour)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
