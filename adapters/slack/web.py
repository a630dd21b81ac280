"""Slack's Web API: one call, and the one place where its failures become the bridge's.

Reads may be repeated here; writes never are.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.model import SECOND, Refused, RetryLater, Unclear
from bridge.ports import Clock

# The SDK logs people's words and single-use socket addresses; what matters is reported by us.
QUIET = logging.getLogger("adapters.slack.sdk")
QUIET.setLevel(logging.CRITICAL)

PAGE = 200  # messages a page: what Slack recommends
_PATIENCE = 5  # times a read is tried
_UNKNOWN_DELAY = 30.0  # seconds, for a 429 that does not say how long

_LOGIN = {
    "invalid_auth": "the token is not valid (any more)",
    "not_authed": "no token was given",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "account_inactive": "the app was removed from the workspace or its bot disabled",
    "missing_scope": "the token lacks a permission",
    "no_permission": "the workspace does not permit it",
    "not_allowed_token_type": "this is the wrong kind of token; SLACK_BOT_TOKEN starts with xoxb-, "
    "SLACK_APP_TOKEN with xapp-",
    "app_not_installed": "the app is not installed in the workspace",
}
_REFUSED = {
    "msg_too_long": "the text is too long",
    "msg_blocks_too_long": "the message's blocks are too long",
    "no_text": "the message is empty",
    "invalid_blocks": "Slack does not accept the message's blocks",
    "channel_not_found": "there is no such channel, or the app cannot see it",
    "not_in_channel": "the app is not a member of the channel: type /invite @… there",
    "is_archived": "the channel is archived",
    "message_not_found": "the message is gone",
    "cant_update_message": "the message is not the app's own",
    "cant_delete_message": "the message is not the app's own",
    "edit_window_closed": "the workspace no longer allows editing it",
    "restricted_action": "the workspace restricts who may post there",
    "file_uploads_disabled": "the workspace allows no files",
    "file_upload_size_restricted": "the workspace allows no file of that size",
}
_PAGES = {"apps.connections.open": "Basic Information, App-Level Tokens"}  # where a method's token stands
_BROKEN = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}


T = TypeVar("T")


class Failure(Exception):
    """A call that did not end in "ok". `error` is Slack's word for it, if Slack gave one; `kind` says what
    may have been done."""

    def __init__(
        self,
        method: str,
        kind: Literal["login", "refused", "limited", "unsent", "unclear"],
        error: str,
        detail: str = "",
        after: float = 0.0,
    ) -> None:
        self.method, self.kind, self.error, self.after = method, kind, error, after
        words = _LOGIN.get(error) or _REFUSED.get(error) or ""
        extra = ", ".join(bit for bit in (words, detail) if bit)
        super().__init__(f"Slack, {method}: {error}" + (f" ({extra})" if extra else ""))

    def outcome(self) -> RetryLater | Refused | Unclear:
        """What became of a write. Raises NeedsLogin if a person must act first."""
        match self.kind:
            case "login":
                raise self.trouble() from self
            case "refused":
                return Refused(str(self))
            case "limited" | "unsent":
                return RetryLater(self.after, str(self))
            case "unclear":
                return Unclear(str(self))

    def trouble(self) -> LinkError:
        """What anything but a write raises."""
        match self.kind:
            case "refused":
                return NeedsLogin(f"{self}.")
            case "login":
                page = _PAGES.get(self.method, "OAuth & Permissions")
                return NeedsLogin(f"{self}. Check the app's page under {page}.")
            case "limited":
                return Unreachable(f"{self}: Slack asks us to come back later.", self.after)
            case "unsent" | "unclear":
                return Unreachable(f"{self}: Slack does not answer as it should.")


async def asked(request: Awaitable[T]) -> T:
    """What was read, or the LinkError that stands for its failure."""
    try:
        return await request
    except Failure as failure:
        raise failure.trouble() from None


class Web:
    """The Web API with our tokens. `skew`: seconds Slack's clock is ahead, as its last answer said; `scopes`:
    what the bot token may do, as its last answer said."""

    def __init__(
        self, session: aiohttp.ClientSession, api: str, token: str, app_token: str, clock: Clock
    ) -> None:
        self._session, self._clock = session, clock
        self._app_token = app_token
        self.skew = 0.0
        self.scopes: frozenset[str] = frozenset()
        # No retry handlers: the SDK's own would post a second time when an answer was lost (measured).
        self.client = AsyncWebClient(
            token, base_url=api, session=session, retry_handlers=[], logger=QUIET, timeout=0
        )
        if not api.startswith(AsyncWebClient.BASE_URL):
            self.client.proxy = None  # an address somebody chose is reached as it stands

    async def write(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call once. Raises Failure."""
        return await self._call(method, http_verb="POST", json=dict(arguments))

    async def form(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call once, with arguments as a form: the methods for files refuse JSON (reported from live workspaces,
        and what Slack's own SDK does). Raises Failure."""
        return await self._call(method, http_verb="POST", data=dict(arguments))

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call until it is answered, a few times at most. Raises Failure."""
        for attempt in range(1, _PATIENCE + 1):
            try:
                return await self._call(method, http_verb="GET", params=arguments)
            except Failure as failure:
                passing = failure.kind == "limited" or (failure.kind in {"unsent", "unclear"} and attempt < 3)
                if not passing or attempt == _PATIENCE:
                    raise
                await self._clock.sleep(failure.after or 1.0)
        raise AssertionError("the last attempt returns or raises")

    async def pages(self, method: str, most: int, **arguments: Any) -> AsyncIterator[dict[str, Any]]:
        """The pages of a list, `most` at most. Raises Failure."""
        cursor = ""
        for _ in range(most):
            page = await self.read(method, limit=PAGE, **arguments, **({"cursor": cursor} if cursor else {}))
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def socket(self) -> str:
        """A fresh address to open one websocket at. Raises Failure."""
        answer = await self._call(
            "apps.connections.open", http_verb="POST", params={"token": self._app_token}
        )
        return str(answer["url"])

    async def upload(self, url: str, content: bytes) -> None:
        """Put bytes where files.getUploadURLExternal said; the address is the permission. Raises Failure."""
        try:
            async with self._session.post(url, data=content) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            raise Failure("upload", "unclear", "the answer was lost", type(error).__name__) from None
        if status != 200:  # the documentation's sign of failure
            raise Failure("upload", "unclear", f"status {status}")

    async def _call(self, method: str, **how: Any) -> dict[str, Any]:
        if self._session.closed:  # the SDK would quietly open one of its own
            raise Failure(method, "unsent", "the link is closed")
        try:
            answer = await self.client.api_call(method, **how)
        except SlackApiError as error:
            raise _failure(method, error) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Failure(method, "unsent", "cannot connect", type(error).__name__, 5.0) from None
        except TimeoutError:
            raise Failure(method, "unclear", "no answer in time") from None
        except (aiohttp.ClientError, OSError, SlackClientError, ValueError, AttributeError) as error:
            # AttributeError: the SDK's own, on an answer that is not JSON
            raise Failure(method, "unclear", "the answer was lost", type(error).__name__) from None
        if not isinstance(answer.data, dict):
            raise Failure(method, "unclear", "the answer cannot be read")
        self.skew = self._ahead(answer.headers.get("Date"))
        if told := answer.headers.get("x-oauth-scopes"):
            self.scopes = frozenset(scope.strip() for scope in told.split(","))
        return answer.data

    def _ahead(self, date: str | None) -> float:
        """Whole seconds only: that is what the header tells; one either way is nothing."""
        try:
            ahead = parsedate_to_datetime(date or "").timestamp() - self._clock.now() / SECOND
        except ValueError:
            return 0.0
        return float(round(ahead)) if abs(ahead) > 2 else 0.0


def _failure(method: str, error: SlackApiError) -> Failure:
    """What an answer other than "ok" means. The words of the answer itself stay out, save for a few fields:
    they could repeat what we sent."""
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    said = data if isinstance(data, dict) else {}
    name = str(said.get("error") or "")
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        headers = getattr(response, "headers", None) or {}
        after = str(headers.get("Retry-After", ""))
        return Failure(
            method, "limited", "ratelimited", after=float(after) if after.isdecimal() else _UNKNOWN_DELAY
        )
    if status in {401, 403} or name in _LOGIN:
        needed = f"needed: {said['needed']}" if said.get("needed") else ""
        return Failure(method, "login", name or f"status {status}", needed)
    if status >= 500 or not name or name in _BROKEN:
        return Failure(method, "unclear", name or f"status {status}")
    notes = (said.get("response_metadata") or {}).get("messages") or ()
    return Failure(method, "refused", name, "; ".join(str(note)[:200] for note in notes[:3]))
