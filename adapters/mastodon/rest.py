"""Mastodon.py in threads of our own, and what an answer means.

Mastodon.py is synchronous, so each call runs in one of a few threads. Three of its habits are worked round
here and nowhere else (measured with 2.3.3):

- It builds typed objects of every answer: 110 ms for a page of 40 statuses, a hundred times what reading the
  JSON takes. The session keeps the answer for us and shows the SDK an empty one.
- Its exceptions tell less than the answer (no headers, no certainty). `Answer` is the answer itself; only
  where there is none does the exception count, and only to tell "never reached" from "perhaps done".
- A request cannot be called off. Leaving shuts the sockets, which ends the threads waiting on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from adapters.mastodon.budget import Budget
from adapters.mastodon.convert import micros
from bridge.errors import NeedsLogin, Unreachable
from bridge.model import SECOND, Micros
from bridge.ports import Clock

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")
THREADS = 5  # two lanes, a poll, a rereading, a search
TIMEOUT = 10.0  # seconds for a request
UPLOAD_TIMEOUT = 60.0  # seconds for a picture
PATIENCE = 60.0  # seconds to stay away after a 429 that does not say how long
AGENT = "chatbridge"


class NotSentError(Exception):
    """The request never reached the server: certainly nothing was done."""


class LostError(Exception):
    """No answer: the request may or may not have been carried out."""


class Answer(msgspec.Struct, frozen=True):
    """What the server said: status code, headers (any case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def data(self) -> Any:
        """The body's JSON; None if it is none. Half a surrogate pair in one post makes no page unreadable."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        try:
            said = json.dumps(json.loads(self.body), ensure_ascii=False)
            return msgspec.json.decode(said.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None

    def error(self) -> str:
        """What the server gives as the reason, on one line."""
        data = self.data()
        said = data.get("error") if isinstance(data, dict) else None
        return " ".join(str(said).split())[:300] if said else f"HTTP {self.status}"

    def date(self) -> Micros | None:
        """The server's clock when it answered, whole seconds."""
        try:
            return micros(parsedate_to_datetime(self.headers.get("Date", "")))
        except ValueError:
            return None

    def left(self) -> int | None:
        """Requests left of the budget it tells of."""
        left = self.headers.get("X-RateLimit-Remaining", "")
        return int(left) if left.isdecimal() else None

    def wait(self, now: Micros) -> float:
        """Seconds until the budget is renewed (the reset is an ISO time on Mastodon, epoch elsewhere), by the
        server's own clock, or as long as a proxy says."""
        reset = self.headers.get("X-RateLimit-Reset", "")
        when: Micros | None
        try:
            when = int(reset) * SECOND if reset.isdecimal() else micros(datetime.fromisoformat(reset))
        except ValueError:
            when = None
        if when is not None:
            return max(1.0, (when - (self.date() or now)) / SECOND)
        after = self.headers.get("Retry-After", "")
        return max(1.0, float(after)) if after.isdecimal() else PATIENCE


class Sockets:
    """The connections open now, so that they can be shut from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._shut = False

    def add(self, connection: Any) -> None:
        """Remember a urllib3 connection. Raises ConnectionAbortedError if there are to be no more."""
        with self._lock:
            if self._shut:
                raise ConnectionAbortedError("the link is closed")
            self._open.add(connection)

    def shut(self) -> None:
        """Whoever reads from one of them wakes up with an error; no new one is made."""
        with self._lock:
            self._shut = True
            for connection in self._open:
                sock = connection.sock
                if sock is not None:
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)


class Rest:
    """Requests of one account. Open for as long as the link; `close` ends every thread."""

    def __init__(self, api: str, token: str, clock: Clock) -> None:
        self._api, self._token, self._clock = api, token, clock
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._sockets = Sockets()
        self._closed = False
        self.budget = Budget()
        for n in range(THREADS):
            threading.Thread(target=self._work, name=f"mastodon {n}", daemon=True).start()

    async def ask(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """Call a method of Mastodon.py, once. Whatever the server answers is an Answer; raises NotSentError
        or LostError if it does not answer."""
        if self._closed:
            raise NotSentError("the link is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()

        def call() -> None:
            try:
                answer = self._call(method, args, kwargs)
            except Exception as error:  # raised where it is awaited: the thread goes on with the next call
                _settle(loop, done, None, error)
            else:
                _settle(loop, done, answer, None)

        self.budget.spend()
        self._calls.put(call)
        return await done

    async def room(self, reserve: int, *, paging: bool) -> None:
        """Wait until a request leaves `reserve` of the token's budget to others."""
        while wait := self.budget.wait(self._clock.now(), reserve, paging=paging):
            await self._clock.sleep(wait)

    async def read(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """`ask` for what changes nothing. Gives an answer that is yes, or a no about this one thing (404, 405
        and the like); raises Unreachable or NeedsLogin for everything that concerns the whole server."""
        answer = await self.read_one(method, *args, **kwargs)
        if answer.status >= 500:
            raise Unreachable(f"{self._api} answers {answer.error()}")
        return answer

    async def read_one(self, method: str, *args: Any, **kwargs: Any) -> Answer:
        """`read` for one of many things: a 5xx may be about it alone, and is given back."""
        try:
            answer = await self.ask(method, *args, **kwargs)
        except (NotSentError, LostError) as error:
            raise Unreachable(f"{self._api} does not answer: {error}") from None
        self.check(answer)
        now = self._clock.now()
        if (left := answer.left()) is not None:
            self.budget.learn(left, now + int(answer.wait(now) * SECOND), paging="max_id" in kwargs)
        if answer.status == 429:
            after = answer.wait(now)
            raise Unreachable(f"{self._api} asks us to wait {after:.0f} s: too many requests", after)
        return answer

    def check(self, answer: Answer) -> None:
        """Raises NeedsLogin if the server refuses our token or its scope."""
        if answer.status == 401:
            raise NeedsLogin(
                f"{self._api} refuses the access token ({answer.error()}). "
                "Make a new one on your server, under Preferences, Development."
            )
        if answer.status == 403 and "scope" in answer.error():
            raise NeedsLogin(
                f"{self._api}: the access token may not do this ({answer.error()}). It needs the scopes "
                "read and write: make a new one on your server, under Preferences, Development."
            )

    def close(self) -> None:
        """Call off everything; threads end at once, except one still looking up a name."""
        self._closed = True
        for _ in range(THREADS):
            self._calls.put(None)
        self._sockets.shut()

    # ------------------------------------------------------------ in the threads

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        session = getattr(self._local, "session", None)
        if session is not None:
            session.close()

    def _call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
        from mastodon.errors import MastodonError, MastodonNetworkError

        if self._closed:
            raise NotSentError("the link is closed")
        client, session = self._client()
        client.request_timeout = self._clock.timeout(UPLOAD_TIMEOUT if method == "media_post" else TIMEOUT)
        session.answer = None
        try:
            getattr(client, method)(*args, **kwargs)
        except MastodonNetworkError as error:
            raise _uncertainty(error.__context__) from None
        except MastodonError:
            if session.answer is None:
                raise
        answer: Answer = session.answer
        return answer

    def _client(self) -> tuple[Mastodon, Any]:
        """This thread's own client: sessions are not made to be shared."""
        if not hasattr(self._local, "client"):
            from mastodon import Mastodon

            from adapters.mastodon.session import Session

            self._local.session = Session(self._sockets)
            self._local.client = Mastodon(
                access_token=self._token,
                api_base_url=self._api,
                session=self._local.session,
                user_agent=AGENT,
                ratelimit_method="throw",
                version_check_mode="created",  # with a version given, nothing is asked and nothing refused
                mastodon_version="4.6.0",
            )
        return self._local.client, self._local.session


def _settle(
    loop: asyncio.AbstractEventLoop,
    done: asyncio.Future[Answer],
    answer: Answer | None,
    error: Exception | None,
) -> None:
    """Hand a thread's result to the loop, if both are still there."""

    def settle() -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif answer is not None:
            done.set_result(answer)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits
        return


def _uncertainty(error: BaseException | None) -> NotSentError | LostError:
    """Whether a failed request can have reached the server."""
    from requests import exceptions as failed
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    why = type(error).__name__
    if isinstance(error, (failed.ConnectTimeout, failed.InvalidURL)):
        return NotSentError(why)
    if isinstance(error, failed.ConnectionError) and error.args:
        reason = error.args[0]
        if isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError):
            return NotSentError("no connection")
    return LostError("no answer in time" if isinstance(error, failed.Timeout) else f"connection broke: {why}")
