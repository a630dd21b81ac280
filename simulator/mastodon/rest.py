"""The REST API, answering what Mastodon answers, refusals included."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator.mastodon import wire
from simulator.mastodon.budgets import headers
from simulator.mastodon.wire import Status

if TYPE_CHECKING:
    from simulator.mastodon.server import Server

SECOND = 1_000_000
HOUR = 3600 * SECOND
LIMITED = 15  # seconds until a struck budget is renewed
SLOW = 25.0  # seconds of chat time a slow answer takes longer
PER_PAGE = 40  # Mastodon's most
BULK = 20  # statuses in one GET /statuses

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(status: int, error: str, **extra: str) -> web.Response:
    """Mastodon's error body."""
    return web.json_response({"error": error}, status=status, headers=extra)


class Rest:
    """The routes of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.app = web.Application(middlewares=[self._guard])
        self.app.on_response_prepare.append(self._date)
        self.app.add_routes(
            [
                web.get("/api/v2/instance{tail:/?}", self.instance),
                web.get("/api/v1/streaming{tail:/?}", server.hub.handle),
                web.get("/api/v1/accounts/verify_credentials", self.verify_credentials),
                web.get("/api/v1/accounts/{id}/statuses", self.account_statuses),
                web.get("/api/v1/timelines/tag/{tag}", self.tag_timeline),
                web.get("/api/v1/notifications", self.notifications),
                web.get("/api/v1/statuses", self.several),
                web.post("/api/v1/statuses", self.publish),
                web.get("/api/v1/statuses/{id}", self.one),
                web.put("/api/v1/statuses/{id}", self.edit),
                web.delete("/api/v1/statuses/{id}", self.delete),
                web.get("/api/v1/statuses/{id}/context", self.context),
                web.post("/api/v2/media", self.upload),
            ]
        )

    # ------------------------------------------------------------ what every request meets

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Token, scope, budget and faults, then the route."""
        server = self._server
        if server.down():
            return refusal(503, "Service Unavailable")
        if request.path.rstrip("/") == "/api/v2/instance":
            return await handler(request)
        refused = self._credentials(request)
        if refused is not None:
            return refused
        if "streaming" in request.path:
            return await handler(request)
        paged = bool({"min_id", "max_id"} & request.query.keys())
        budget, passes = server.budgets.spend(request.method, request.path, paged, server.clock.now())
        if not passes:
            return refusal(429, "Too many requests", **budget.headers())
        answer = await self._struck(request, handler)
        if not answer.prepared:
            answer.headers.update({k: v for k, v in budget.headers().items() if k not in answer.headers})
        return answer

    def _credentials(self, request: web.Request) -> web.Response | None:
        server = self._server
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return refusal(401, "This method requires an authenticated user")
        if server.revoked():
            return refusal(401, "The access token was revoked")
        if given != server.token:
            return refusal(401, "The access token is invalid")
        needed = "read" if request.method == "GET" else "write"
        if needed not in server.scopes.split():
            return refusal(403, "This action is outside the authorized scopes")
        return None

    async def _struck(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The route, with the faults that strike writes."""
        server = self._server
        if request.method == "GET" or "/statuses" not in request.path:
            return await handler(request)

        def hit(kind: str) -> bool:
            return server.faults.hit(server.network, kind)

        if hit("rate_limited"):
            reset = server.clock.now() + LIMITED * SECOND
            return refusal(429, "Too many requests", **headers(300, 0, reset))
        if hit("server_error"):
            return web.Response(status=500, text="<h1>We're sorry, but something went wrong</h1>")
        lost, slow = hit("answer_lost"), hit("slow")
        answer = await handler(request)
        if slow:
            await server.clock.sleep(SLOW)
        if lost and request.transport is not None:
            request.transport.abort()
        return answer

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self._server.clock.now() // SECOND, usegmt=True)

    # ------------------------------------------------------------ server and account

    async def instance(self, request: web.Request) -> web.Response:
        """What the server is and how much it takes."""
        server = self._server
        return web.json_response(
            {
                "domain": server.domain,
                "title": "A stand-in",
                "version": "4.5.0",
                "source_url": "https://github.com/mastodon/mastodon",
                "description": "",
                "languages": ["en"],
                "api_versions": {"mastodon": 7},
                "configuration": {
                    "urls": {"streaming": f"ws://{server.address}", "status": None, "about": None},
                    "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
                    "statuses": {
                        "max_characters": wire.MAX_CHARACTERS,
                        "max_media_attachments": 4,
                        "characters_reserved_per_url": wire.PER_URL,
                    },
                    "media_attachments": {
                        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
                        "description_limit": 1500,
                        "image_size_limit": 16_777_216,
                    },
                },
                "registrations": {"enabled": False, "approval_required": True, "message": None},
                "contact": {"email": "", "account": None},
                "rules": [{"id": "1", "text": "Be kind.", "hint": ""}],
            }
        )

    async def verify_credentials(self, request: web.Request) -> web.Response:
        """The bridge's account."""
        server = self._server
        own = wire.account_json(server.me, server.base)
        own["source"] = {"privacy": "public", "sensitive": False, "language": "en", "note": server.me.note}
        return web.json_response(own)

    # ------------------------------------------------------------ reading

    async def one(self, request: web.Request) -> web.Response:
        """One status."""
        status = self._find(request)
        return refusal(404, "Record not found") if status is None else self._answer(status)

    async def several(self, request: web.Request) -> web.Response:
        """Those of the asked statuses that are there to be read."""
        ids = request.query.getall("id[]", [])
        if len(ids) > BULK:
            return refusal(422, "Validation failed: Too many statuses")
        server = self._server
        found = (server.statuses.get(i) for i in ids)
        return web.json_response([server.json(s) for s in found if s is not None and server.visible(s)])

    async def context(self, request: web.Request) -> web.Response:
        """What stands above and below a status, depth first."""
        server, status = self._server, self._find(request)
        if status is None:
            return refusal(404, "Record not found")
        below: dict[str, list[Status]] = {}
        for other in server.statuses.values():
            if other.parent and not other.deleted:
                below.setdefault(other.parent, []).append(other)
        descendants: list[Status] = []
        stack = below.get(status.id, [])[::-1]
        while stack:
            top = stack.pop()
            if server.visible(top):
                descendants.append(top)
            stack += below.get(top.id, [])[::-1]
        ancestors: list[Status] = []
        above = server.statuses.get(status.parent or "")
        while above is not None:
            if server.visible(above):
                ancestors.insert(0, above)
            above = server.statuses.get(above.parent or "")
        return web.json_response(
            {
                "ancestors": [server.json(s) for s in ancestors],
                "descendants": [server.json(s) for s in descendants],
            }
        )

    async def tag_timeline(self, request: web.Request) -> web.Response:
        """Public statuses bearing the tag, newest id first."""
        tag = request.match_info["tag"].lower()
        return self._page(request, lambda s: s.visibility == "public" and tag in s.tags)

    async def account_statuses(self, request: web.Request) -> web.Response:
        """An account's own statuses, newest first."""
        return self._page(request, lambda s: s.account.id == request.match_info["id"])

    def _page(self, request: web.Request, wanted: Callable[[Status], bool]) -> web.Response:
        server = self._server
        found = [s for s in server.statuses.values() if wanted(s) and server.visible(s)]
        return web.json_response([server.json(s) for s in _cut(request, found, lambda s: int(s.id))])

    async def notifications(self, request: web.Request) -> web.Response:
        """What the bridge's account was told, newest first."""
        server = self._server
        types = request.query.getall("types[]", [])
        notes = [n for n in server.notifications if server.visible(n[3]) and (not types or n[1] in types)]
        return web.json_response([server.notification(n) for n in _cut(request, notes, lambda n: int(n[0]))])

    # ------------------------------------------------------------ writing

    async def publish(self, request: web.Request) -> web.Response:
        """Make a status, once for each Idempotency-Key within the hour."""
        server, now = self._server, self._server.clock.now()
        key = request.headers.get("Idempotency-Key")
        fields = await _fields(request)
        if key and key in server.keys and now < server.keys[key][0]:
            known = server.statuses[server.keys[key][1]]
            if not known.deleted:
                return self._answer(known)
        text, spoiler = fields.get("status", ""), fields.get("spoiler_text", "")
        media = [server.media[m] for m in fields.get("media_ids[]", []) if m in server.media]
        refused = self._too_long(text, spoiler, media)
        if refused is not None:
            return refused
        parent = fields.get("in_reply_to_id")
        if parent and (parent not in server.statuses or not server.visible(server.statuses[parent])):
            return refusal(404, "Record not found")
        status = Status(
            id=server.new_id(now),
            account=server.me,
            text=text,
            created=now,
            visibility=fields.get("visibility", "public"),
            parent=parent or None,
            spoiler=spoiler,
            language=fields.get("language", "en"),
            sensitive=fields.get("sensitive", "").lower() == "true",
            media=media,
            application="chatbridge",
        )
        server.take(status)
        if key:
            server.keys[key] = (now + HOUR, status.id)
        return self._answer(status)

    async def edit(self, request: web.Request) -> web.Response:
        """Change a status of the bridge. Media that are left out go."""
        server, status = self._server, self._own(request)
        if status is None:
            return refusal(404, "Record not found")
        fields = await _fields(request)
        text, spoiler = fields.get("status", ""), fields.get("spoiler_text", "")
        media = [server.media[m] for m in fields.get("media_ids[]", []) if m in server.media]
        refused = self._too_long(text, spoiler, media)
        if refused is not None:
            return refused
        server.change(status, text, spoiler=spoiler, media=media)
        return self._answer(status)

    async def delete(self, request: web.Request) -> web.Response:
        """Take a status of the bridge away."""
        status = self._own(request)
        if status is None:
            return refusal(404, "Record not found")
        gone = self._server.json(status) | {"text": status.text}
        self._server.remove(status)
        return web.json_response(gone)

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a picture's description; its bytes are counted, not kept."""
        size, description = 0, None
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            body = await part.read()  # type: ignore[union-attr]
            if part.name == "file":  # type: ignore[union-attr]
                size = len(body)
            elif part.name == "description":  # type: ignore[union-attr]
                description = bytes(body).decode()
        if not size:
            return refusal(422, "Validation failed: File can't be blank")
        server = self._server
        id_ = server.new_id(server.clock.now())
        server.media[id_] = {
            "id": id_,
            "type": "image",
            "url": f"{server.base}/media/{id_}.png",
            "preview_url": f"{server.base}/media/{id_}.png",
            "remote_url": None,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {"size": size},
            "description": description,
            "blurhash": None,
        }
        return web.json_response(server.media[id_])

    # ------------------------------------------------------------ helpers

    def _find(self, request: web.Request) -> Status | None:
        status = self._server.statuses.get(request.match_info["id"])
        return status if status is not None and self._server.visible(status) else None

    def _own(self, request: web.Request) -> Status | None:
        status = self._find(request)
        return status if status is not None and status.account is self._server.me else None

    def _answer(self, status: Status) -> web.Response:
        return web.json_response(self._server.json(status))

    def _too_long(self, text: str, spoiler: str, media: list[dict[str, Any]]) -> web.Response | None:
        if not text.strip() and not media:
            return refusal(422, "Validation failed: Text can't be blank")
        if wire.length(text, spoiler) > wire.MAX_CHARACTERS:
            limit = wire.MAX_CHARACTERS
            return refusal(422, f"Validation failed: Text character limit of {limit} exceeded")
        return None


def _cut(request: web.Request, items: list[Any], number: Callable[[Any], int]) -> list[Any]:
    """One page: below max_id, above since_id or min_id (min_id: those next to it), newest first."""
    query = request.query
    limit = min(int(query.get("limit", 20)), PER_PAGE)
    items = sorted(items, key=number)
    if "max_id" in query:
        items = [i for i in items if number(i) < int(query["max_id"])]
    if "since_id" in query:
        items = [i for i in items if number(i) > int(query["since_id"])]
    if "min_id" in query:
        items = [i for i in items if number(i) > int(query["min_id"])][:limit]
    return items[::-1][:limit]


async def _fields(request: web.Request) -> dict[str, Any]:
    """The form or JSON body; `media_ids[]` as a list."""
    if request.content_type == "application/json":
        body = json.loads(await request.text())
        return {("media_ids[]" if k == "media_ids" else k): v for k, v in body.items()}
    form = await request.post()
    fields: dict[str, Any] = {k: str(v) for k, v in form.items()}
    fields["media_ids[]"] = [str(v) for v in form.getall("media_ids[]", [])]
    return fields
