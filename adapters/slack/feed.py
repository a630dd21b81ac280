"""Slack's events through Socket Mode: one websocket after another, one ordered queue.

slack-bolt speaks the protocol and acknowledges every event before anybody could have journalled it, and
what is sent while no socket is open does not come again: so whenever something may have been missed, `next`
says so, and the link reads the gap from the history. Controls stand in a queue of their own: no history holds
them, and whoever used one gets a form only within three seconds, so they do not wait for what is being read. Slack
itself tells who used one that is not acknowledged that it did not work: so that is done when the core has it.

The SDK reconnects by itself, at worst for ever to an address that has been used up (measured). Here one
client owns one socket; when that is over in any way, a new one is made at a fresh address. Slack says so before it
closes one, and whoever uses a control while no socket is open is told that it failed: so the new one is open before
the old one goes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from adapters.slack import console
from adapters.slack.web import QUIET, Failure, Web
from bridge.errors import Unreachable
from bridge.model import SECOND, Micros
from bridge.ports import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUE = 5_000  # events waiting to be looked at; what does not fit is read from the history
CONTROLS = 500  # controls waiting to be looked at
CONNECT = 20.0  # seconds a websocket may take to open
FAREWELL = 0.5  # real seconds the other side has to answer the closing of a socket
PING = 2.0  # seconds; a socket that stays silent is noticed after about twice that (measured)
LINGER = 10.0  # seconds the old socket is left open beside the new one: Slack gives about so many notice
HEARD = 2.5  # real seconds in which the core should have a control; Slack waits three (documentation)
LOOK = 0.2  # real seconds between two looks whether the socket was closed: the SDK tells nobody
SHORTEST = 10.0  # seconds; of two sockets in a row that did not last so long the core is told
USED = {"app_home_opened", "reaction_added", "reaction_removed"}  # events that are as good as a control
_ANY = re.compile("")  # whatever it is called: what is not ours is acknowledged and let be


class Frame(NamedTuple):
    """One thing that happened. "event": an Events API callback; "control": one was used; "bad": `body` is
    `{"payload": bytes, "why": str}`; others are the link's own notes to itself. `came`: when, as the loop's clock
    has it; `heard`: done when the core has a control."""

    kind: Literal["event", "control", "bad", "again", "thread"]
    body: dict[str, Any]
    came: float = 0.0
    heard: asyncio.Future[None] | None = None


class _Unheard(Exception):
    """There is no room for a control, or the link ended before the core had it."""


class _OneSocket(SocketModeClient):
    """A client that never reconnects, but says that its socket is over, or will be soon. `since`: when it was
    opened."""

    over = False
    since: Micros = 0
    turn: asyncio.Event

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        self.end()

    def end(self) -> None:
        self.over = True
        self.turn.set()


class _Handler(AsyncBaseSocketModeHandler):
    """What slack-bolt's own handler is, around a client of ours."""

    client: _OneSocket

    def __init__(self, app: AsyncApp, client: _OneSocket) -> None:
        self.app = self._bolt = app
        self.client = client
        client.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: Any, req: SocketModeRequest) -> None:
        await send_async_response(client, req, await run_async_bolt_app(self._bolt, req), 0.0)


class Feed:
    """What happens in the workspace, in the order it came."""

    def __init__(self, web: Web, clock: Clock, team: str, bot_user: str, bot_id: str) -> None:
        self._web = web
        self._clock = clock
        self._us = bot_user
        self._frames: deque[Frame | None] = deque()  # None: here something may have been missed
        self._told = asyncio.Event()
        self._controls: deque[Frame] = deque()
        self._used = asyncio.Event()
        self._waiting: set[asyncio.Future[None]] = set()  # controls that the core does not have yet
        self._sockets: list[_Handler] = []  # the newest is the last; those before it are on their way out
        self._turn = asyncio.Event()  # a socket may be over
        self._brief = False
        self._app = self._listeners(
            AuthorizeResult(enterprise_id=None, team_id=team, bot_user_id=bot_user, bot_id=bot_id)
        )

    # -------------------------------------------------------------- reading

    async def next(self) -> Frame | None:
        """The next thing that happened; None: something may have been missed since the last one."""
        return await _first(self._frames, self._told)

    async def control(self) -> Frame:
        """The next control that was used, in the order they were."""
        return await _first(self._controls, self._used)

    def note(self, frame: Frame) -> None:
        """Queue something of the link's own; dropped like any other if there is no room."""
        self._put(frame)

    def _put(self, frame: Frame) -> None:
        if len(self._frames) < QUEUE:
            self._frames.append(frame)
            self._told.set()
        else:
            self._missed()

    def _missed(self) -> None:
        """Something may have been, after what is queued by now."""
        if not self._frames or self._frames[-1] is not None:
            self._frames.append(None)
            self._told.set()

    def _press(self, frame: Frame) -> bool:
        """Whether there was room. Reactions are in the history, so that they take half of it at most; of a control
        that is not acknowledged Slack itself says that it did not work, and a form stays with what was typed."""
        if len(self._controls) < (CONTROLS // 2 if frame.kind == "event" else CONTROLS):
            self._controls.append(frame)
            self._used.set()
            return True
        if frame.kind == "event":
            self._missed()
        else:
            log.warning("slack: too many controls were used at once; one was not heard")
        return False

    def _controlling(self, event: Any) -> bool:
        """Whether an event may overtake: one that is about a message of ours, which was told long ago, or
        about none. A reaction to somebody's own message comes after that message. `item_user` is missing where
        we wrote under a borrowed name (documentation, reaction_added)."""
        return event.get("type") in USED and event.get("item_user") in (None, self._us)

    # -------------------------------------------------------------- sockets

    async def connect(self) -> None:
        """Open a socket. Raises Unreachable or NeedsLogin: a bad app token would hang the SDK's connect, so
        the address is asked for first."""
        try:
            url = await self._web.socket()
        except Failure as failure:
            raise failure.trouble() from None
        client = _OneSocket("", QUIET, self._web.client, ping_interval=self._ping())
        client.proxy = self._web.client.proxy
        client.wss_uri, client.turn = url, self._turn
        client.on_message_listeners.append(partial(self._look, client))
        socket = _Handler(self._app, client)
        self._sockets.append(socket)
        try:
            async with asyncio.timeout(self._clock.timeout(CONNECT)):
                await socket.connect_async()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await self._hang_up(socket)
            raise Unreachable(
                "Slack gave an address for its events, but no connection could be made to it."
            ) from None
        client.since = self._clock.now()

    async def keep(self) -> None:
        """Have a socket open at any time, until cancelled. Raises Unreachable or NeedsLogin if none can be had."""
        while True:
            self._turn.clear()
            newest = self._sockets[-1].client
            if newest.over or not await newest.is_connected():
                await self._renew(newest)
            for old in self._sockets[:-1]:
                lingers = (self._clock.now() - self._sockets[-1].client.since) / SECOND < LINGER
                if not (lingers and await old.client.is_connected()):
                    await self._hang_up(old)
                    self._missed()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._turn.wait()

    async def _renew(self, newest: _OneSocket) -> None:
        """A socket after a socket. One that did not last is left to the core's back-off."""
        lasted = (self._clock.now() - newest.since) / SECOND
        brief, self._brief = self._brief, lasted < SHORTEST
        if brief and self._brief:
            raise Unreachable("Slack closes the connection for events right after it is opened.", SHORTEST)
        log.info("slack: the socket is over after %.0f s; opening another", lasted)
        await self.connect()

    async def close(self) -> None:
        """Close what is open and wait for the SDK's tasks to end. Harmless to repeat."""
        for heard in self._waiting:
            if not heard.done():
                heard.set_exception(_Unheard())
        await asyncio.gather(*(self._hang_up(socket) for socket in self._sockets))

    async def _hang_up(self, socket: _Handler) -> None:
        client = socket.client
        try:
            async with asyncio.timeout(FAREWELL):
                await socket.close_async()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await client.aiohttp_client_session.close()
        parts = (client.message_processor, client.current_session_monitor, client.message_receiver)
        tasks = [task for task in parts if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sockets.remove(socket)

    def _ping(self) -> float:
        """Real seconds. Never under one: a rehearsal's busy machine must not look like a dead socket."""
        return max(1.0, self._clock.timeout(PING))

    # -------------------------------------------------------------- listeners

    def _listeners(self, us: AuthorizeResult) -> AsyncApp:
        """Every listener only queues. Bolt's own auth.test is replaced: if it failed, Bolt would acknowledge
        an event and never run its listener. Its self-filter is off: echoes of our own messages are wanted."""

        async def authorize() -> AuthorizeResult:
            return us

        app = AsyncApp(
            client=self._web.client,
            authorize=authorize,
            logger=QUIET,
            name="chatbridge",
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )

        async def event(body: dict[str, Any]) -> None:
            frame = Frame("event", body, asyncio.get_running_loop().time())
            (self._press if self._controlling(body["event"]) else self._put)(frame)

        async def control(body: dict[str, Any], ack: Any) -> None:
            loop = asyncio.get_running_loop()
            heard = loop.create_future()
            if not self._press(Frame("control", body, loop.time(), heard)):
                raise _Unheard  # then Bolt does not acknowledge it
            self._waiting.add(heard)
            try:
                await asyncio.wait_for(heard, HEARD)
            except TimeoutError:
                log.debug("slack: a control waits for the core longer than Slack does")
            finally:
                self._waiting.discard(heard)
            await ack()  # with nothing in it: a form closes

        app.event(_ANY)(event)
        for listener in (app.action, app.view_submission, app.shortcut):
            listener(_ANY)(control)
        app.command(_ANY)(control)  # a workspace where another app has /chat may call it otherwise
        return app

    async def _look(self, client: _OneSocket, message: Any) -> None:
        """Sees every text frame as it came, since the SDK drops those it cannot read."""
        raw = str(message.data)
        why = ""
        try:
            frame = json.loads(raw)
            if frame["type"] == "disconnect":  # Slack is about to close it, or wants it refreshed
                client.end()
            elif frame["type"] == "hello" and frame.get("num_connections", 1) > len(self._sockets):
                log.warning(
                    "slack: it seems that another process uses this app token; Slack gives each event to only one"
                )
            elif frame["type"] == "events_api" and not isinstance(frame["payload"]["event"]["type"], str):
                why = "an event without a type"
        except (ValueError, TypeError, KeyError) as error:
            why = f"{type(error).__name__}: {error}"
        if why:
            self._put(Frame("bad", {"payload": console.readable(raw), "why": why}))


async def _first(queue: deque[T], filled: asyncio.Event) -> T:
    while not queue:
        filled.clear()
        await filled.wait()
    return queue.popleft()
