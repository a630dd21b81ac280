"""The REST API, answering what Mastodon answers, refusals included: what every request meets, and reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator.mastodon import markup, wire
from simulator.mastodon.budgets import headers
from simulator.mastodon.media import MOST, TYPES, drawn
from simulator.mastodon.wire import Account, Status
from simulator.mastodon.writing import Writing, refusal

if TYPE_CHECKING:
    from simulator.mastodon.server import Server

SECOND = 1_000_000
BODY = 99 * 1024 * 1024  # bytes, what nginx lets through before Mastodon
LIMITED = 15  # seconds until a struck budget is renewed
SLOW = 25.0  # seconds of chat time a slow answer takes longer
PER_PAGE = 40  # Mastodon's most
BULK = 20  # statuses in one GET /statuses

RULES = [{"id": "1", "text": "Be kind.", "hint": ""}, {"id": "2", "text": "Say what is a bot.", "hint": ""}]

PUBLIC = (
    "/api/v2/instance", "/instance/rules", ".png", "/api/v1/apps", "/oauth/token", "/oauth-authorization-server",
)  # fmt: skip

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """The routes of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.app = web.Application(middlewares=[self._guard], client_max_size=BODY)
        self.app.on_response_prepare.append(self._date)
        self.app.add_routes(
            [
                web.get("/api/v2/instance{tail:/?}", self.instance),
                web.get("/api/v1/instance/rules", self.rules),
                web.get("/media/{id}.png", self.picture),
                web.get("/emoji/{name}.png", self.emoji),
                web.get("/api/v1/streaming{tail:/?}", server.hub.handle),
                web.get("/api/v1/accounts/verify_credentials", self.verify_credentials),
                web.get("/api/v1/accounts/{id}", self.account),
                web.get("/api/v1/accounts/{id}/statuses", self.account_statuses),
                web.get("/api/v1/accounts/{id}/followers", self.followers),
                web.get("/api/v1/timelines/tag/{tag}", self.tag_timeline),
                web.get("/api/v1/notifications", self.notifications),
                web.get("/api/v1/statuses", self.several),
                web.get("/api/v1/statuses/{id}", self.one),
                web.get("/api/v1/statuses/{id}/context", self.context),
                *Writing(server).routes(),
                *server.oauth.routes(),
            ]
        )

    # ------------------------------------------------------------ what every request meets

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Token, scope, budget and faults, then the route."""
        server = self._server
        if server.down():
            return refusal(503, "Service Unavailable")
        if request.path.rstrip("/").endswith(PUBLIC):
            return await handler(request)
        refused = self._credentials(request)
        if refused is not None:
            return refused
        if "streaming" in request.path:
            return await handler(request)
        paged = bool({"min_id", "max_id"} & request.query.keys())
        budget, passes = server.budgets.spend(request.method, request.path, paged, server.clock.now())
        if not passes:
            server.refused += 1
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
        reads = request.method == "GET" and "/media/" not in request.path  # what is uploaded is ours alone
        needed = "read" if reads else "write"
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
                "version": server.version,
                "source_url": "https://github.com/mastodon/mastodon",
                "description": "",
                "languages": ["en"],
                "api_versions": {"mastodon": 7},
                "configuration": {
                    "urls": {"streaming": f"ws://{server.address}", "status": None, "about": None},
                    "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
                    "statuses": {
                        "max_characters": wire.MAX_CHARACTERS,
                        "max_media_attachments": MOST,
                        "characters_reserved_per_url": markup.PER_URL,
                    },
                    "media_attachments": {
                        "supported_mime_types": list(TYPES.values()),
                        "description_limit": 1500,
                        "image_size_limit": server.image_limit,
                    },
                },
                "registrations": {"enabled": False, "approval_required": True, "message": None},
                "contact": {"email": "", "account": None},
                "rules": RULES,
            }
        )

    async def verify_credentials(self, request: web.Request) -> web.Response:
        """The bridge's account."""
        server = self._server
        own = wire.account_json(server.me)
        own["source"] = {"privacy": "public", "sensitive": False, "language": "en", "note": server.me.note}
        return web.json_response(own)

    async def rules(self, request: web.Request) -> web.Response:
        """What the server asks of its people."""
        return web.json_response(RULES)

    async def picture(self, request: web.Request) -> web.Response:
        """The bytes behind an attachment's address; what its status took along is gone."""
        found = self._server.media.get(request.match_info["id"])
        if found is None or (found.status is not None and found.status.deleted):
            return refusal(404, "Not found")
        return web.Response(body=found.body, content_type=found.type)

    async def emoji(self, request: web.Request) -> web.Response:
        """The bytes behind a custom emoji."""
        return web.Response(body=drawn(request.match_info["name"]), content_type="image/png")

    async def account(self, request: web.Request) -> web.Response:
        """Anybody's account."""
        account = self._account(request)
        return (
            refusal(404, "Record not found")
            if account is None
            else web.json_response(wire.account_json(account))
        )

    async def followers(self, request: web.Request) -> web.Response:
        """Who follows an account, the latest first; the next page is in the Link header."""
        server, account = self._server, self._account(request)
        if account is None:
            return refusal(404, "Record not found")
        follows = list(enumerate(server.followers, start=1)) if account is server.me else []
        page = _cut(request, follows, lambda f: f[0], most=80)
        answer = web.json_response([wire.account_json(a) for _, a in page])
        if page and page[-1][0] > 1:
            older = request.url.update_query(max_id=str(page[-1][0]))
            answer.headers["Link"] = f'<{older}>; rel="next"'
        return answer

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
        boosts = request.query.get("exclude_reblogs", "").lower() not in ("true", "1")
        whose = request.match_info["id"]
        return self._page(request, lambda s: s.account.id == whose and (boosts or s.reblog is None))

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

    # ------------------------------------------------------------ helpers

    def _find(self, request: web.Request) -> Status | None:
        status = self._server.statuses.get(request.match_info["id"])
        return status if status is not None and self._server.visible(status) else None

    def _account(self, request: web.Request) -> Account | None:
        account = self._server.accounts.get(request.match_info["id"])
        return None if account is None or account.gone else account

    def _answer(self, status: Status) -> web.Response:
        return web.json_response(self._server.json(status))


def _cut(
    request: web.Request, items: list[Any], number: Callable[[Any], int], most: int = PER_PAGE
) -> list[Any]:
    """One page: below max_id, above since_id or min_id (min_id: those next to it), newest first."""
    query = request.query
    limit = min(int(query.get("limit", most // 2)), most)
    items = sorted(items, key=number)
    if "max_id" in query:
        items = [i for i in items if number(i) < int(query["max_id"])]
    if "since_id" in query:
        items = [i for i in items if number(i) > int(query["since_id"])]
    if "min_id" in query:
        items = [i for i in items if number(i) > int(query["min_id"])][:limit]
    return items[::-1][:limit]
