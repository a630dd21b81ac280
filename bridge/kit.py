"""What an adapter of a small network would write like any other: a platform made of its parts, and JSON over HTTP
with every failure told as `bridge.ports` asks. Nobody has to use it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    MINUTE,
    Account,
    Author,
    AuthorKnown,
    Edited,
    Interest,
    Limits,
    Micros,
    Network,
    Post,
    Ref,
    RetryLater,
    Unclear,
    What,
    Wishes,
    Written,
)
from bridge.ports import Adapter, Clock, Link, SessionStore, Terminal
from bridge.text import hashtags

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession

S = TypeVar("S")
PAUSE = 60.0  # seconds to stay away after a 429 that does not say how long
AUTHORS = 5_000  # whose wishes are remembered as told
FRESH = 15 * MINUTE  # for how long

# ---------------------------------------------------------------- a platform


@dataclass(frozen=True)
class Access(Generic[S]):
    """What a link is opened with. `settings`: the table of the config; `secrets`: those that are set."""

    name: Network
    settings: S
    secrets: Mapping[str, str]
    clock: Clock
    sessions: SessionStore

    def __repr__(self) -> str:
        return f"Access({self.name!r})"  # not the secrets


@dataclass
class Kind:
    """A `Platform` of its parts. `connect` is what `Adapter.open` is: it logs in, gives the link, and closes all when
    it is left. Raises Unreachable or NeedsLogin."""

    title: str
    settings: type[msgspec.Struct]
    connect: Callable[[Access[Any]], AbstractAsyncContextManager[Link]]
    limits: Limits
    secrets: tuple[str, ...] = ()
    mirror: bool = False
    handle: tuple[str, str] = (r"\S+", "ann")

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        return _Configured(
            name, lambda sessions: self.connect(Access(name, settings, secrets, clock, sessions))
        )

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        """Asks for each secret by its name and tries them."""
        secrets = {
            secret: await terminal.ask(f"{self.title}, {secret.replace('_', ' ')}: ", secret=True)
            for secret in self.secrets
        }
        async with self.connect(Access(name, settings, secrets, clock, _Nowhere())) as link:
            terminal.say(f"Logged in as {link.opened.handle}.")
        return secrets


@dataclass
class _Configured:
    name: Network
    open: Callable[[SessionStore], AbstractAsyncContextManager[Link]]


class _Nowhere:
    """Keeps no session: a login is only tried."""

    def load(self) -> bytes | None:
        return None

    def save(self, session: bytes) -> None:
        pass


# ---------------------------------------------------------------- requests


class Answer(NamedTuple):
    """What a server said: yes, or a no about this one thing (400 to 499). `data`: its JSON."""

    status: int
    data: Any

    @property
    def ok(self) -> bool:
        return self.status < 300


class Rest:
    """Requests to one server. Each is made once and has a time-out; a redirect is not followed, so that the login
    goes nowhere else."""

    def __init__(self, http: ClientSession, base: str, clock: Clock) -> None:
        self._http, self._base, self._clock = http, base.rstrip("/"), clock

    @classmethod
    @asynccontextmanager
    async def open(
        cls, base: str, clock: Clock, *, basic: tuple[str, str] | None = None, bearer: str = ""
    ) -> AsyncIterator[Rest]:
        """With a name and password, a token, or neither."""
        from aiohttp import ClientSession

        login = f"Bearer {bearer}" if bearer else ""
        if basic is not None:
            login = f"Basic {b64encode(':'.join(basic).encode()).decode()}"
        headers = {"Authorization": login} if login else {}
        async with ClientSession(headers=headers, middlewares=(_once,)) as http:
            yield cls(http, base, clock)

    async def ask(
        self, method: str, *path: str, query: Mapping[str, str] = {}, body: Any = None, patience: float = 30.0
    ) -> Answer:
        """What the server says within `patience` seconds. A part of the `path` may hold any character; `body` is
        sent as JSON.

        Raises NeedsLogin for a 401; Unreachable if there is no answer, if it is no JSON, for a redirect, a 5xx, and
        a 429, then with `after`: nothing was done, and when to come back.
        """
        from aiohttp import ClientError, ClientTimeout
        from yarl import URL

        if self._http.closed:
            raise Unreachable("the link is closed")
        address = "/".join([self._base, *(quote(part, safe="") for part in path)])
        url = URL(address, encoded=True).with_query(query)
        timeout = ClientTimeout(self._clock.timeout(patience))
        try:
            async with self._http.request(
                method, url, json=body, timeout=timeout, allow_redirects=False
            ) as response:
                status, headers, raw = response.status, response.headers, await response.read()
        except (_BrokenError, ClientError, OSError) as error:  # a time-out is an OSError
            why = str(error) if isinstance(error, _BrokenError) else type(error).__name__
            raise Unreachable(f"{self._base} does not answer: {why}") from None
        if status == 401:
            raise NeedsLogin(f"{self._base} refuses our login")  # in our words: its own might hold a secret
        if status == 429:
            after = headers.get("Retry-After", "")
            raise Unreachable(f"{self._base} asks us to wait", float(after) if after.isdecimal() else PAUSE)
        if status >= 500 or 300 <= status < 400:
            raise Unreachable(f"{self._base} answers {status}")
        try:
            return Answer(status, _data(raw or b"null"))
        except (ValueError, RecursionError):
            raise Unreachable(f"{self._base} answers {status}, and no JSON") from None


def _data(raw: bytes) -> Any:
    """JSON, in which half a surrogate pair in one post makes no page unreadable."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = json.dumps(json.loads(raw), ensure_ascii=False)
        return msgspec.json.decode(said.encode("utf-8", "replace"))


class _BrokenError(Exception):
    """The connection failed."""


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """aiohttp makes a PUT or DELETE again by itself when its connection breaks (3.14, `ClientSession._request`), but
    for an error that it does not know."""
    from aiohttp import ClientError

    try:
        return await handler(request)
    except (ClientError, OSError) as error:
        raise _BrokenError(type(error).__name__) from None


def unsettled(error: Unreachable) -> RetryLater | Unclear:
    """What a write that ended in `error` comes to: only a server that sent us away has certainly done nothing."""
    return Unclear(str(error)) if error.after is None else RetryLater(error.after, str(error))


# ---------------------------------------------------------------- what is told


class Intake:
    """Which posts a link reports. `wishes` asks the network what an author wants, and may raise LinkError; after a
    quarter of an hour it is asked again, since somebody may have added #nobridge."""

    def __init__(self, ours: Account, wishes: Callable[[Author], Awaitable[Wishes]], clock: Clock) -> None:
        self._ours, self._wishes, self._clock = ours, wishes, clock
        self._interest = Interest()
        self._new = set[Ref]()
        self._told = OrderedDict[Account, Micros]()  # when each author's wishes were told

    async def follow(self, interest: Interest) -> None:
        """`Link.follow`."""
        self._new |= set(interest.threads) - set(self._interest.threads)
        self._interest = interest

    def newly_followed(self) -> tuple[Ref, ...]:
        """What has been followed since this was last asked: what stands below it is to be reported too."""
        new, self._new = self._new, set()
        return tuple(new)

    async def report(self, post: Post) -> list[What]:
        """A post as it is now, if the core wants it, behind its author's wishes where those were not told yet.

        An edited one is Written and Edited: it may be its first sight. Raises ValueError if a field is not what it
        should be, since strangers write what they like.
        """
        post = msgspec.convert(msgspec.to_builtins(post), Post)
        if not self._interest.wants(post, self._ours):
            return []
        edited = [Edited(post)] if post.edited else []
        return [*await self._introduction(post.author), Written(post), *edited]

    async def _introduction(self, author: Author) -> list[What]:
        account, now = author.account, self._clock.now()
        if account in self._told and now < self._told[account] + FRESH:
            return []
        known = AuthorKnown(account, await self._wishes(author))
        self._told[account] = now
        self._told.move_to_end(account)
        if len(self._told) > AUTHORS:
            self._told.popitem(last=False)
        return [known]


def wishes(profile: str, links: tuple[str, ...] = ()) -> Wishes:
    """What the words of a profile ask of bridges. `links`: the addresses in it."""
    tags = hashtags(profile)
    return Wishes("nobridge" in tags, "nobot" in tags, links)
