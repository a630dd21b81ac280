"""The small formats of the AT Protocol: keys, content ids, times, facets, tokens, errors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

import libipld
from aiohttp import web

SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
POST = "app.bsky.feed.post"
PROFILE = "app.bsky.actor.profile"
LIKE = "app.bsky.feed.like"
REPOST = "app.bsky.feed.repost"
GATE = "app.bsky.feed.threadgate"
LABELS = "com.atproto.label.defs#selfLabels"
FACET = "app.bsky.richtext.facet"
TAG = re.compile(r"(?<!\S)#([^\s#.,;:!?]+)")
LINK = re.compile(r"https?://[^\s]+[^\s.,;:!?)]")

_HEADS = {
    b"\x89PNG\r\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}

Record = dict[str, Any]


class XrpcError(Exception):
    """An error as every XRPC method answers it."""

    def __init__(self, status: int, error: str, message: str) -> None:
        self.status = status
        self.error = error
        self.message = message
        super().__init__(message)

    def response(self) -> web.Response:
        return web.json_response({"error": self.error, "message": self.message}, status=self.status)


def tid(micros: int, clock_id: int = 0) -> str:
    """Microseconds and a clock id as 13 sortable characters."""
    number = micros << 10 | clock_id
    return "".join(SORTABLE[number >> 5 * place & 31] for place in reversed(range(13)))


def did(name: str) -> str:
    """A did:plc as the directory would make one."""
    digest = hashlib.sha256(name.encode()).digest()
    return "did:plc:" + base64.b32encode(digest).decode().lower()[:24]


def cid(value: Any) -> str:
    """The content id of a record: CIDv1, DAG-CBOR, SHA-256."""
    return _cid(0x71, libipld.encode_dag_cbor(value))


def blob_cid(data: bytes) -> str:
    """The content id of a file: CIDv1, raw, SHA-256."""
    return _cid(0x55, data)


def _cid(codec: int, data: bytes) -> str:
    raw = bytes((1, codec, 0x12, 0x20)) + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def iso(micros: int) -> str:
    """A time as apps write it: milliseconds, Z."""
    return datetime.fromtimestamp(micros // 1000 / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_us(micros: int) -> str:
    """A time as Jetstream writes it: microseconds, Z."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def micros(when: str) -> int:
    return int(datetime.fromisoformat(when).timestamp() * 1_000_000)


def facets(text: str, mentions: dict[str, str], tags: bool = True) -> list[Record]:
    """What an app marks in a text: links, the tags if wanted, and the handles in `mentions` (-> DID)."""
    found = [(m, {"$type": f"{FACET}#link", "uri": m.group()}) for m in LINK.finditer(text)]
    if tags:
        found += [(m, {"$type": f"{FACET}#tag", "tag": m.group(1)}) for m in TAG.finditer(text)]
    for handle, who in mentions.items():
        named = re.finditer(rf"@{re.escape(handle)}(?![\w.-]*\w)", text)
        found += [(m, {"$type": f"{FACET}#mention", "did": who}) for m in named]
    return [
        {
            "index": {
                "byteStart": len(text[: m.start()].encode()),
                "byteEnd": len(text[: m.end()].encode()),
            },
            "features": [feature],
        }
        for m, feature in sorted(found, key=lambda pair: pair[0].start())
    ]


def as_go_writes(value: Any) -> str:
    """JSON as Jetstream's server, written in Go, sends it: &, < and > are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def png(seed: str) -> bytes:
    """A picture of 32 by 24 points, a colour of its own for each seed."""
    shade = hashlib.sha256(seed.encode()).digest()[:3]
    rows = b"".join(b"\0" + shade * 32 for _ in range(24))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 32, 24, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def mime(data: bytes) -> str | None:
    """What a PDS takes a file for, by its first bytes."""
    return next((kind for head, kind in _HEADS.items() if data.startswith(head)), None)


def blob(data: bytes, mime: str) -> Record:
    """What a record holds of a file."""
    return {"$type": "blob", "ref": {"$link": blob_cid(data)}, "mimeType": mime, "size": len(data)}


# ---------------------------------------------------------------- tokens

_KEY = b"simulated signing key"


def token(claims: dict[str, Any], kind: str) -> str:
    """A JWT as a PDS signs it. `kind`: "at+jwt" or "refresh+jwt"."""
    parts = [_b64(json.dumps(part).encode()) for part in ({"typ": kind, "alg": "HS256"}, claims)]
    signature = hmac.new(_KEY, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join((*parts, _b64(signature)))


def claims(jwt: str) -> dict[str, Any] | None:
    """What a token of ours claims; None if we did not sign it."""
    head, _, signature = jwt.rpartition(".")
    mine = _b64(hmac.new(_KEY, head.encode(), hashlib.sha256).digest())
    if not hmac.compare_digest(mine, signature):
        return None
    payload = head.partition(".")[2]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
