"""OAuth as Mastodon has it: applications register, a person authorises one and is shown a code, the code is
exchanged for a token (Mastodon's documentation, "OAuth tokens"). The token given is the server's one token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from simulator.mastodon.wire import account_json

if TYPE_CHECKING:
    from simulator.mastodon.server import Server

SHOWN = "urn:ietf:wg:oauth:2.0:oob"  # instead of an address to send the code to: show it to the person
INVALID_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in "
    "the authorization request, or was issued to another client."
)
INVALID_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)


class OAuth:
    """The applications of one server, and the codes it has shown."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._applications: dict[str, tuple[str, str]] = {}  # client id -> (secret, scopes)
        self._codes: dict[str, tuple[str, str]] = {}  # code -> (client id, scopes)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/oauth-authorization-server", self.about),
            web.post("/api/v1/apps", self.register),
            web.post("/oauth/token", self.exchange),
            web.get("/api/v1/apps/verify_credentials", self.verify),
            web.patch("/api/v1/accounts/update_credentials", self.update),
        ]

    def authorise(self, address: str) -> str:
        """What the account's owner does in a browser: open the page, agree, read the code. Raises ValueError
        for an address that Mastodon would answer with an error."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        application = self._applications.get(asked.get("client_id", ""))
        if urlsplit(address).path != "/oauth/authorize" or application is None:
            raise ValueError("Client authentication failed due to unknown client.")
        wanted = asked.get("scope", "read").split()
        if asked.get("response_type") != "code" or asked.get("redirect_uri") != SHOWN:
            raise ValueError("The redirect uri included is not valid.")
        if not set(wanted) <= set(application[1].split()):
            raise ValueError("The requested scope is invalid, unknown, or malformed.")
        code = secrets.token_urlsafe(32)
        self._server.given.add(code)
        self._codes[code] = (asked["client_id"], " ".join(wanted))
        return code

    # ------------------------------------------------------------ the wire

    async def about(self, request: web.Request) -> web.Response:
        base = f"http://{self._server.address}"
        return web.json_response(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/oauth/authorize",
                "token_endpoint": f"{base}/oauth/token",
                "scopes_supported": ["read", "write"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
            }
        )

    async def register(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not form.get("client_name") or not form.get("redirect_uris"):
            return web.json_response({"error": "Validation failed: Name can't be blank"}, status=422)
        identity, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._server.given.add(secret)
        self._applications[identity] = (secret, str(form.get("scopes", "read")))
        return web.json_response({"id": "1", "client_id": identity, "client_secret": secret})

    async def exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        identity = str(form.get("client_id", ""))
        secret, _ = self._applications.get(identity, ("", ""))
        if not secret or form.get("client_secret") != secret:
            return _refused(401, "invalid_client", INVALID_CLIENT)
        client, scopes = self._codes.pop(str(form.get("code", "")), ("", ""))
        if client != identity or form.get("redirect_uri") != SHOWN:
            return _refused(400, "invalid_grant", INVALID_GRANT)
        self._server.scopes = scopes
        return web.json_response(
            {"access_token": self._server.token, "token_type": "Bearer", "scope": scopes, "created_at": 0}
        )

    async def verify(self, request: web.Request) -> web.Response:
        """What the token may do; told since Mastodon 4.3."""
        return web.json_response({"id": "1", "name": "chatbridge", "scopes": self._server.scopes.split()})

    async def update(self, request: web.Request) -> web.Response:
        form = await request.post()
        if "bot" in form:
            self._server.me.bot = form["bot"] in ("true", "True", "1")
        return web.json_response(account_json(self._server.me))


def _refused(status: int, error: str, words: str) -> web.Response:
    return web.json_response({"error": error, "error_description": words}, status=status)
