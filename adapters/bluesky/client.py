"""The one place that knows the SDK: a typed facade over atproto's AsyncClient.

Requests go through the SDK's generic calls and come back as plain dictionaries: its models refuse a whole
answer for one odd record of a stranger's. Every failure becomes a `Failure` that says whether anything can
have been done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx
import msgspec
from atproto import AsyncClient
from atproto_client.client.session import Session, SessionEvent
from atproto_client.exceptions import (
    LoginRequiredError,
    RateLimitExceededError,
    RequestErrorBase,
)
from atproto_client.models.dot_dict import DotDict
from atproto_client.request import AsyncRequest
from atproto_core.exceptions import AtProtocolError

from adapters.bluesky.budgets import Budgets
from adapters.bluesky.convert import Json
from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.model import SECOND, Micros, Refused, RetryLater, Unclear
from bridge.ports import Clock, SessionStore

# limited: 429. login: our credentials are refused. refused: the server said no. unsent: never left this
# machine. unclear: it may have been done.
Kind = Literal["limited", "login", "refused", "unsent", "unclear"]

_STALE = ("ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "AccountTakedown")
_MEND = "Make an app password in Bluesky's settings, under Privacy and Security, and set it."
_PAUSE = 5.0  # seconds before trying again what never left


class Failure(Exception):
    """A request that failed. `error`: the XRPC error's name. `after`: seconds of chat time the server asks us
    to wait. `status`: of the answer, 0 if there was none."""

    def __init__(
        self, kind: Kind, why: str, error: str = "", after: float | None = None, status: int = 0
    ) -> None:
        self.kind = kind
        self.why = why
        self.error = error
        self.after = after
        self.status = status
        super().__init__(why)

    @property
    def absent(self) -> bool:
        """The record asked for certainly does not exist (PDS and AppView word it differently)."""
        return self.error == "RecordNotFound" or self.why.startswith("Could not locate record")

    @property
    def beyond(self) -> bool:
        """Our server is there and well; it is the service behind it that is not, or that says no."""
        return self.kind == "refused" or self.status in (502, 504)

    def outcome(self) -> RetryLater | Refused | Unclear:
        """What it means for an order. Raises NeedsLogin."""
        match self.kind:
            case "login":
                raise NeedsLogin(self.why)
            case "limited":
                return RetryLater(self.after or _PAUSE, self.why)
            case "unsent":
                return RetryLater(_PAUSE, self.why)
            case "refused":
                return Refused(self.why)
            case "unclear":
                return Unclear(self.why)

    def link_error(self) -> LinkError:
        """What it means for everything else."""
        return NeedsLogin(self.why) if self.kind == "login" else Unreachable(self.why, self.after)


class Client:
    """An account on its server. `api`: the address to use whatever the account's DID document says."""

    def __init__(self, api: str | None, clock: Clock, sessions: SessionStore) -> None:
        self._api = api
        self._clock = clock
        self._sessions = sessions
        self._budgets = Budgets()
        self._renewing = asyncio.Lock()
        self._password: str | None = None
        self._closed = False
        self._flying = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._request = AsyncRequest(timeout=clock.timeout(10))
        self._sdk = AsyncClient(base_url=api, request=self._request)
        self._sdk.on_session_change(self._changed)
        self.did = ""
        self.handle = ""
        self.skew = 0.0

    async def close(self) -> None:
        """What is in flight has half a second to end: httpx leaves open a connection still being made."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._idle.wait()
        await self._request.close()

    # ------------------------------------------------------------ the session

    async def login(self, account: str, password: str | None) -> None:
        """Go on with the stored session if it is this account's and still good, else use the app password.
        Raises Failure."""
        self._password = password
        account = account.removeprefix("@").lower()
        stored = self._stored(account)
        if stored is not None:
            try:
                await self._guard(self._sdk.login(session_string=stored, fetch_bsky_profile=False))
                return await self._look()
            except Failure as failure:
                if failure.kind != "login":
                    raise
        await self._use_password(account)
        await self._look()
        return None

    def _stored(self, account: str) -> str | None:
        """The stored session; a login must not be repeated at each start (30 in 5 minutes, 300 a day)."""
        try:
            encoded = (self._sessions.load() or b"").decode()
            session = Session.decode(encoded)
            session.access_jwt_payload, session.refresh_jwt_payload  # noqa: B018 - raises on what is no token
        except (ValueError, AtProtocolError):
            return None
        return encoded if account in (session.handle.lower(), session.did) else None

    async def _use_password(self, account: str) -> None:
        if not self._password:
            raise Failure("login", f"Bluesky needs an app password. {_MEND}")
        await self._guard(self._sdk.login(account, self._password, fetch_bsky_profile=False))

    async def _look(self) -> None:
        """Whether the session is good, who we are, and how far the server's clock is ahead."""
        before = self._clock.now()
        session, headers = await self._call("query", "com.atproto.server.getSession", {})
        self.did, self.handle = str(session["did"]), str(session["handle"]).lower()
        self.skew = _skew(headers, before, self._clock.now())

    def _changed(self, event: SessionEvent, session: Session) -> None:
        """Called by the SDK before a new session is first used."""
        if self._api is not None:
            self._sdk.update_base_url(self._api)
        if event is not SessionEvent.IMPORT:
            self._sessions.save(session.export().encode())

    async def _renew(self, stale: str) -> None:
        """The SDK refreshes only by our clock; when the server says a token is too old, do it then."""
        async with self._renewing:
            session = self._sdk._session
            if session is None or session.access_jwt != stale:
                return
            try:
                await self._guard(self._sdk._refresh_and_set_session())
            except Failure as failure:
                if failure.kind != "login":
                    raise
                await self._use_password(session.did)

    # ------------------------------------------------------------ requests

    async def query(self, method: str, **params: Any) -> Json:
        """Read something. Raises Failure."""
        return (await self._renewed("query", method, {"params": DotDict(params)}))[0]

    async def procedure(self, method: str, body: Json) -> Json:
        """Change something, once. Raises Failure."""
        content = msgspec.json.encode(body)
        return (await self._renewed("procedure", method, {"content": content}))[0]

    async def upload(self, data: bytes, mime: str) -> Json:
        """Store a file for a record to refer to; the same bytes give the same reference. Raises Failure."""
        body = {"content": data, "input_encoding": mime}
        return (await self._renewed("procedure", "com.atproto.repo.uploadBlob", body))[0]

    async def _renewed(
        self, kind: Literal["query", "procedure"], method: str, body: dict[str, Any]
    ) -> tuple[Json, Json]:
        """A request; one that was turned away for an old token is made again with a new one."""
        session = self._sdk._session
        stale = session.access_jwt if session is not None else ""
        try:
            return await self._call(kind, method, body)
        except Failure as failure:
            if failure.error != "ExpiredToken":
                raise
        await self._renew(stale)
        return await self._call(kind, method, body)

    async def _call(
        self, kind: Literal["query", "procedure"], method: str, body: dict[str, Any]
    ) -> tuple[Json, Json]:
        if after := self._budgets.wait(method, self._there()):
            raise Failure("limited", f"{self._where} allows no more of {method} for now", after=after)
        invoke = self._sdk.invoke_query if kind == "query" else self._sdk.invoke_procedure
        options = {"input_encoding": "application/json"} | body if kind == "procedure" else body
        response = await self._guard(invoke(method, **options))
        self._budgets.learn(method, response.headers)
        if not isinstance(response.content, dict):
            if kind == "procedure" and not response.content:  # deleteRecord of an old PDS answers nothing
                return {}, response.headers
            raise Failure("unclear", f"{method} was answered with something else than JSON")
        return response.content, response.headers

    async def _guard(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Awaits a call of the SDK and turns what it raises into a Failure. The errors themselves, which hold
        headers, are not chained. RuntimeError is what httpx raises once it is closed."""
        if self._closed:
            doing.close()
            raise Failure("unsent", "The link to Bluesky is closed")
        self._flying += 1
        self._idle.clear()
        try:
            return await doing
        except (AtProtocolError, httpx.HTTPError, ValueError, RuntimeError) as error:
            failure = self._failure(error)
        finally:
            self._flying -= 1
            if not self._flying:
                self._idle.set()
        raise failure

    def _failure(self, error: Exception) -> Failure:
        if self._closed:
            return Failure("unclear", "The link to Bluesky was closed meanwhile")
        if isinstance(error, RequestErrorBase) and error.response is not None:
            return self._answered(error)
        if isinstance(error, LoginRequiredError):
            return Failure("login", f"There is no session with Bluesky. {_MEND}")
        cause = error.__cause__ or error
        if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return Failure("unsent", f"{self._where} cannot be reached")
        if isinstance(cause, httpx.TimeoutException):
            return Failure("unclear", f"{self._where} did not answer in time")
        if isinstance(cause, httpx.HTTPError):
            return Failure("unclear", f"{self._where} broke off the connection")
        return Failure("unclear", f"{self._where} answered something that cannot be read")

    def _answered(self, error: RequestErrorBase) -> Failure:
        response = error.response
        content = response.content
        name, message = (str(getattr(content, key, None) or "") for key in ("error", "message"))
        status = response.status_code
        said = message or name
        why = f"{self._where} answers {status}" + (f": {said}" if said else "")
        if message.startswith("Could not locate record"):
            why = message
        if isinstance(error, RateLimitExceededError):
            return Failure("limited", why, name, self._wait(error), status)
        if status == 401 or name in _STALE:
            return Failure(
                "login", f"Bluesky refuses our login: {said or status}. {_MEND}", name, status=status
            )
        if status in (400, 403, 404, 405, 413, 501):
            return Failure("refused", why, name, status=status)
        return Failure("unclear", why, name, status=status)

    def _wait(self, error: RateLimitExceededError) -> float | None:
        """Seconds until the limit is lifted."""
        if error.reset_at is not None:
            return float(max(1.0, error.reset_at.timestamp() - self._there() / SECOND))
        return None if error.retry_after is None else float(error.retry_after)

    def budget(self) -> dict[str, int]:
        """What the server still allows, as its answers told."""
        return self._budgets.left(self._there())

    def _there(self) -> Micros:
        """What time it is by the server's clock."""
        return self._clock.now() + int(self.skew * SECOND)

    @property
    def _where(self) -> str:
        return httpx.URL(self._sdk._base_url).host


def _skew(headers: Json, before: Micros, after: Micros) -> float:
    """Seconds the server's clock is ahead, if its Date (in whole seconds) shows that it is at all."""
    try:
        date = parsedate_to_datetime(str(headers["date"])).timestamp()
    except (KeyError, ValueError):
        return 0.0
    ahead = date + 0.5 - (before + after) / 2e6
    return round(ahead, 1) if abs(ahead) > 1 + (after - before) / 2e6 else 0.0
