"""What the stand-ins give a bridge to keep to itself: tokens, passwords, tickets, cookies; and where else it is."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from aiohttp import web

from simulator.compare import Finding, finding

SHORTEST = 8  # characters of what can be told from other words
KEPT = ("stage/sessions/", "stage/secrets/")  # where a bridge keeps them


def found(given: Mapping[str, set[str]], places: Mapping[str, bytes]) -> list[Finding]:
    """The networks whose secrets stand in one of `places`, however they are spelt; each place is named once."""
    row = {"author": "the bridge", "text": ""}  # what it is stays out of sight
    return [
        finding((network, "a secret"), row, f"a secret of {network} is in {place}", "secrets")
        for network, secret in given.items()
        for place, held in places.items()
        if not place.startswith(KEPT) and any(needle in held for one in secret for needle in spellings(one))
    ]


def spellings(secret: str) -> Iterator[bytes]:
    """A secret as it stands, in an address, and within something that is encoded whole in base64."""
    parts = (
        [secret, secret.rsplit(".", 1)[-1]] if secret.startswith("eyJ") else [secret]
    )  # a JWT, its signature
    for part in (p for p in parts if len(p) >= SHORTEST):
        raw = part.encode()
        yield raw
        yield quote(part, safe="").encode()
        for ahead in range(3):  # bytes before it, of which its letters depend
            coded = base64.b64encode(b"\0" * ahead + raw).rstrip(b"=")
            whole = coded[-(-ahead * 4 // 3) : len(raw + b"\0" * ahead) * 4 // 3]
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def cookies(app: web.Application, given: set[str]) -> None:
    """Let every answer set a cookie, as the protection before most real servers does (Cloudflare's "__cf_bm")."""
    value = secrets.token_urlsafe(32)
    given.add(value)

    async def bake(request: web.Request, response: web.StreamResponse) -> None:
        cookie = f"__cf_bm={value}; path=/; HttpOnly"
        response.headers.add("Set-Cookie", cookie)  # those of its own are written by now

    app.on_response_prepare.append(bake)
