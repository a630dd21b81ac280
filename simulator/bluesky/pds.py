"""com.atproto.*: the account's server, with the real one's budgets, refusals and failures."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator.bluesky import lexicon, wire
from simulator.bluesky.appview import AppView
from simulator.bluesky.budgets import POINTS, Budgets, headers, refusal
from simulator.bluesky.repo import Account, images
from simulator.bluesky.wire import Record, XrpcError

if TYPE_CHECKING:
    from simulator.bluesky.server import Server

LARGEST = 150 * 1024  # bytes of a JSON body the real server takes
UPLOAD = 5 * 1024 * 1024  # bytes of a file it takes; what a record may refer to is smaller
IMAGE = 1_000_000  # bytes, lexicon app.bsky.embed.images
SLOW = 20.0  # seconds of chat time that a slow answer takes
REFUSED_FOR = 30_000_000  # microseconds for which an injected 429 asks to wait
REFRESH = 90 * 24 * 3600  # real seconds a refresh token lives

REPO_STATES = {
    "deactivated": ("RepoDeactivated", "Repo has been deactivated"),
    "takendown": ("RepoTakendown", "Repo has been takendown"),
    "suspended": ("RepoSuspended", "Repo has been suspended"),
}

Handler = Callable[[web.Request, Account | None], Awaitable[Record]]


class Pds:
    """The XRPC methods, over HTTP."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.repos = server.repos
        self.budgets = Budgets()
        self.appview = AppView(server.repos)
        self._sessions: set[str] = set()  # the ids of refresh tokens that may still be used
        self._stale: set[str] = set()  # whose access token is too old whatever it says itself
        self._serial = 0
        self.uploads = 0
        self.posts: dict[str, Handler] = {
            "com.atproto.server.createSession": self._create_session,
            "com.atproto.server.refreshSession": self._refresh_session,
            "com.atproto.repo.createRecord": self._create_record,
            "com.atproto.repo.putRecord": self._put_record,
            "com.atproto.repo.deleteRecord": self._delete_record,
            "com.atproto.repo.applyWrites": self._apply_writes,
            "com.atproto.repo.uploadBlob": self._upload_blob,
            "com.atproto.moderation.createReport": self._create_report,
        }
        self.gets: dict[str, Handler] = {
            "com.atproto.server.describeServer": self._describe_server,
            "com.atproto.server.getSession": self._get_session,
            "com.atproto.identity.resolveHandle": self._resolve_handle,
            "com.atproto.identity.resolveDid": self._resolve_did,
            "com.atproto.repo.describeRepo": self._describe_repo,
            "com.atproto.repo.getRecord": self._get_record,
        }
        self.app = web.Application(client_max_size=2 * UPLOAD)
        self.app.router.add_route("*", "/xrpc/{method}", self._handle)
        self.app.on_response_prepare.append(self._stamp)

    # ------------------------------------------------------------ every request

    async def _stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self.server.clock.now() / 1e6, usegmt=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        server = self.server
        if server.faults.active(server.network, "outage"):
            return web.Response(status=503, text="upstream connect error")
        if method in server.faulty:
            return XrpcError(500, "InternalServerError", "Internal Server Error").response()
        is_write = method.rpartition(".")[2] in POINTS
        if is_write and server.faults.hit(server.network, "server_error"):
            return XrpcError(500, "InternalServerError", "Internal Server Error").response()
        if is_write and server.faults.hit(server.network, "rate_limited"):
            window = self.budgets.requests.window
            return refusal(headers(3_000, 0, server.clock.now() + REFUSED_FOR, window))
        budget, may = self.budgets.spend(method, server.clock.now())
        if not may:
            return refusal(budget.headers())
        try:
            answer = web.json_response(await self._answer(request, method), headers=budget.headers())
        except XrpcError as error:
            answer = error.response()
            answer.headers.update(budget.headers())
        if is_write and server.faults.hit(server.network, "answer_lost"):
            if request.transport is not None:
                request.transport.abort()
            return answer
        if is_write and server.faults.hit(server.network, "slow"):
            await server.clock.sleep(SLOW)
        return answer

    async def _answer(self, request: web.Request, method: str) -> Record:
        handler = (self.posts if request.method == "POST" else self.gets).get(method)
        query = self.appview.methods.get(method) if request.method == "GET" else None
        if handler is None and query is None:
            if method in self.posts or method in self.gets or method in self.appview.methods:
                raise XrpcError(405, "InvalidRequest", f"Incorrect HTTP method ({request.method})")
            raise XrpcError(501, "MethodNotImplemented", "Method Not Implemented")
        if query is not None:
            viewer = self._caller(request, "access")
            if viewer is None:
                raise XrpcError(401, "AuthMissing", "Authentication Required")
            if not self.server.has_appview:
                raise XrpcError(502, "UpstreamFailure", "Upstream Failure")
            params = {key: request.query.getall(key) for key in request.query}
            return query(params, viewer.did)
        assert handler is not None
        kind = "refresh" if method.endswith("refreshSession") else "access"
        if method.endswith("createSession"):
            return await handler(request, None)
        return await handler(request, self._caller(request, kind))

    def _caller(self, request: web.Request, kind: str) -> Account | None:
        """Who asks, by the token; None without one."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        if self.server.faults.active(self.server.network, "token_revoked"):
            self._sessions.clear()
        claims = wire.claims(token)
        if claims is None:
            raise XrpcError(400, "InvalidToken", "Token could not be verified")
        if (claims["scope"] == "com.atproto.refresh") != (kind == "refresh"):
            raise XrpcError(400, "InvalidToken", "Bad token scope")
        if claims["exp"] <= time.time() or (claims["jti"] in self._stale and kind == "access"):
            raise XrpcError(400, "ExpiredToken", "Token has expired")
        if claims["jti"] not in self._sessions:
            raise XrpcError(400, "ExpiredToken", "Token has been revoked")
        return self.repos.accounts[claims["sub"]]

    # ------------------------------------------------------------ sessions

    def expire(self) -> None:
        """All access tokens are too old from now on, by this server's clock; refresh tokens stay good."""
        self._stale |= self._sessions

    def _session(self, account: Account) -> Record:
        """New tokens. Their expiry is real time."""
        self._serial += 1
        jti = f"{self._serial:032x}"
        self._sessions.add(jti)
        now = int(time.time())
        common = {"sub": account.did, "aud": "did:web:127.0.0.1", "iat": now, "jti": jti}
        access = {**common, "scope": "com.atproto.appPass", "exp": now + self.server.access_seconds}
        refresh = {**common, "scope": "com.atproto.refresh", "exp": now + REFRESH}
        tokens = wire.token(access, "at+jwt"), wire.token(refresh, "refresh+jwt")
        self.server.given.update(tokens)
        return {
            "accessJwt": tokens[0],
            "refreshJwt": tokens[1],
            "handle": account.handle,
            "did": account.did,
            "didDoc": self._did_doc(account),
            "active": account.active,
        }

    async def _create_session(self, request: web.Request, caller: Account | None) -> Record:
        body = await self._body(request, ("identifier", "password"))
        account = self.repos.account(str(body["identifier"]))
        revoked = self.server.faults.active(self.server.network, "token_revoked")
        if revoked or account is not self.server.me or body["password"] != self.server.password:
            raise XrpcError(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session(self.server.me)

    async def _refresh_session(self, request: web.Request, caller: Account | None) -> Record:
        account = _required(caller)
        claims = wire.claims(request.headers["Authorization"].partition(" ")[2]) or {}
        self._sessions.discard(claims["jti"])
        return self._session(account)

    async def _get_session(self, request: web.Request, caller: Account | None) -> Record:
        account = _required(caller)
        return {
            "handle": account.handle,
            "did": account.did,
            "didDoc": self._did_doc(account),
            "active": account.active,
        }

    # ------------------------------------------------------------ identity

    async def _describe_server(self, request: web.Request, caller: Account | None) -> Record:
        return {"did": "did:web:127.0.0.1", "availableUserDomains": [f".{self.server.domain}"]}

    async def _resolve_handle(self, request: web.Request, caller: Account | None) -> Record:
        account = self.repos.account(request.query.get("handle", ""))
        if account is None:
            raise XrpcError(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": account.did}

    async def _resolve_did(self, request: web.Request, caller: Account | None) -> Record:
        account = self.repos.accounts.get(request.query.get("did", ""))
        if account is None:
            raise XrpcError(400, "DidNotFound", "Could not resolve DID")
        return {"didDoc": self._did_doc(account)}

    def _did_doc(self, account: Account) -> Record:
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": account.did,
            "alsoKnownAs": [f"at://{account.handle}"],
            "verificationMethod": [],
            "service": [
                {
                    "id": "#atproto_pds",
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": self.server.address,
                }
            ],
        }

    # ------------------------------------------------------------ records

    async def _describe_repo(self, request: web.Request, caller: Account | None) -> Record:
        account = self._repo(request.query.get("repo", ""))
        return {
            "handle": account.handle,
            "did": account.did,
            "didDoc": self._did_doc(account),
            "collections": [wire.POST, wire.PROFILE],
            "handleIsCorrect": True,
        }

    async def _get_record(self, request: web.Request, caller: Account | None) -> Record:
        repo, collection, rkey = (request.query.get(key, "") for key in ("repo", "collection", "rkey"))
        account = self.repos.account(repo)
        uri = f"at://{account.did if account else repo}/{collection}/{rkey}"
        if account is None or not account.active:  # asked of the AppView then, which words it so
            raise XrpcError(400, "InvalidRequest", f"Could not locate record: {uri}")
        stored = self.repos.records.get(uri)
        if stored is None or "!takedown" in self.repos.labels[uri]:
            raise XrpcError(400, "RecordNotFound", f"Could not locate record: {uri}")
        return {"uri": uri, "cid": stored.cid, "value": stored.record}

    async def _create_record(self, request: web.Request, caller: Account | None) -> Record:
        body = await self._body(request, ("repo", "collection", "record"))
        account = self._own(body, caller)
        collection = str(body["collection"])
        rkey = str(body.get("rkey") or self.repos.next_tid())
        self._check(collection, rkey, body["record"])
        if f"at://{account.did}/{collection}/{rkey}" in self.repos.records:
            raise XrpcError(500, "InternalServerError", "Internal Server Error")
        return self._put(account, collection, rkey, body["record"])

    async def _put_record(self, request: web.Request, caller: Account | None) -> Record:
        body = await self._body(request, ("repo", "collection", "rkey", "record"))
        account = self._own(body, caller)
        collection, rkey = str(body["collection"]), str(body["rkey"])
        self._check(collection, rkey, body["record"])
        stored = self.repos.records.get(f"at://{account.did}/{collection}/{rkey}")
        if "swapRecord" in body and body["swapRecord"] != (stored.cid if stored else None):
            was = stored.cid if stored else "null"
            raise XrpcError(400, "InvalidSwap", f"Record was at {was}")
        return self._put(account, collection, rkey, body["record"])

    def _check(self, collection: str, rkey: str, record: Any) -> None:
        """Refuse what the lexicon does, and pictures that were not uploaded, are too large or are none."""
        lexicon.check(collection, rkey, record)
        for image in images(record) if collection == wire.POST else ():
            blob = image["image"]
            data = self.repos.blobs.get(blob["ref"]["$link"])
            if data is None:
                raise XrpcError(400, "BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
            if len(data) > IMAGE:
                size = f"It is {len(data) / 1e6:.1f}MB but the maximum size is 976.56KB."
                raise XrpcError(400, "BlobTooLarge", f"This file is too large. {size}")
            if not str(blob.get("mimeType")).startswith("image/"):
                kind = f"It is {blob.get('mimeType')} but it must match image/*."
                raise XrpcError(400, "InvalidMimeType", f"Wrong type of file. {kind}")

    def _put(self, account: Account, collection: str, rkey: str, record: Record) -> Record:
        stored, committed = self.repos.put(account.did, collection, rkey, record)
        answer: Record = {"uri": stored.uri, "cid": stored.cid, "validationStatus": "valid"}
        if committed:
            answer["commit"] = {"cid": wire.cid({"rev": stored.rev}), "rev": stored.rev}
        return answer

    async def _delete_record(self, request: web.Request, caller: Account | None) -> Record:
        body = await self._body(request, ("repo", "collection", "rkey"))
        account = self._own(body, caller)
        self._delete(f"at://{account.did}/{body['collection']}/{body['rkey']}")
        return {}

    def _delete(self, uri: str) -> None:
        """Files that nothing else refers to go with the record."""
        gone = self.repos.delete(uri)
        left = {link for stored in self.repos.records.values() for link in stored.links()}
        for link in gone.links() if gone else ():
            if link not in left:
                self.repos.blobs.pop(link, None)

    async def _apply_writes(self, request: web.Request, caller: Account | None) -> Record:
        """Several changes in one commit, or none of them. Of the kinds of write: create and delete."""
        body = await self._body(request, ("repo", "writes"))
        account = self._own(body, caller)
        uris = [f"at://{account.did}/{write['collection']}/{write['rkey']}" for write in body["writes"]]
        kinds = [str(write["$type"]).partition("#")[2] for write in body["writes"]]
        for uri, kind, write in zip(uris, kinds, body["writes"], strict=True):
            if kind == "create":
                self._check(write["collection"], write["rkey"], write["value"])
            if (kind == "delete") != (uri in self.repos.records):
                raise XrpcError(500, "InternalServerError", "Internal Server Error")
        results: list[Record] = []
        for uri, kind, write in sorted(zip(uris, kinds, body["writes"], strict=True), key=lambda w: w[1]):
            if kind == "create":
                made = self._put(account, write["collection"], write["rkey"], write["value"])
                results.append({"uri": uri, "cid": made["cid"], "validationStatus": "valid"})
            else:
                self._delete(uri)
                results.append({})
        return {"results": results}

    async def _upload_blob(self, request: web.Request, caller: Account | None) -> Record:
        _required(caller)
        data = await request.read()
        if len(data) > UPLOAD:
            raise XrpcError(413, "PayloadTooLarge", "request entity too large")
        self.uploads += 1
        blob = wire.blob(data, wire.mime(data) or request.content_type)
        self.repos.blobs[blob["ref"]["$link"]] = data
        return {"blob": blob}

    async def _create_report(self, request: web.Request, caller: Account | None) -> Record:
        """Handed on to the moderation service, which answers if the server has one."""
        account = _required(caller)
        body = await self._body(request, ("reasonType", "subject"))
        lexicon.check_report(body)
        if not self.server.has_appview:
            raise XrpcError(502, "UpstreamFailure", "Upstream Failure")
        report = {
            "id": len(self.server.reports) + 1,
            "reasonType": body["reasonType"],
            "reason": body.get("reason"),
            "subject": body["subject"],
            "reportedBy": account.did,
            "createdAt": wire.iso(self.server.clock.now()),
        }
        self.server.reports.append(report)
        return report

    def _repo(self, name: str) -> Account:
        account = self.repos.account(name)
        if account is None:
            raise XrpcError(400, "InvalidRequest", f"Could not find repo: {name}")
        if not account.active:
            error, what = REPO_STATES.get(account.status, ("RepoNotFound", "Could not find repo"))
            raise XrpcError(400, error, f"{what}: {account.did}")
        return account

    def _own(self, body: Record, caller: Account | None) -> Account:
        """The repository named, which must be the caller's."""
        account = _required(caller)
        if self.repos.account(str(body["repo"])) is not account:
            raise XrpcError(403, "Forbidden", "Invalid repo")
        return account

    async def _body(self, request: web.Request, required: tuple[str, ...]) -> Record:
        data = await request.read()
        if len(data) > LARGEST:
            raise XrpcError(413, "PayloadTooLarge", "request entity too large")
        try:
            body: Any = json.loads(data)
        except ValueError:
            raise XrpcError(400, "InvalidRequest", "Unexpected token in JSON") from None
        for key in required:
            if not isinstance(body, dict) or key not in body:
                raise XrpcError(400, "InvalidRequest", f'Input must have the property "{key}"')
        return dict(body)


def _required(caller: Account | None) -> Account:
    if caller is None:
        raise XrpcError(401, "AuthMissing", "Authentication Required")
    return caller
