"""A connection to the broker that comes back by itself.

Whatever is said here may be lost on the way, and nobody is told: not what is said while there is no connection,
not what the broker may drop or deny, not what it forgets when it dies (a default Mosquitto killed at once lost
all it had acknowledged; measured). Who needs an answer asks again until it comes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.ports import Clock, Mqtt

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0  # seconds of chat time before connecting again
LONGEST_WAIT = 15.0
CONNECT = 5.0  # seconds a connection may take
ANSWER = 10.0  # seconds the broker has to answer
KEEPALIVE = 30.0  # seconds; at least five real ones, since the client looks only once a second
QUEUE = 1_000  # messages waiting to be said, and to be heard: well above what the window lets be on its way
SENDERS = 8  # messages said before the broker has acknowledged the first
SHORTEST = 1.0  # real seconds of silence: a rehearsal's busy machine must not look like a dead one
DENIED = {134, 135}  # bad user name or password, not authorised (MQTT 5, 3.2.2.2)


class Listener(Protocol):
    """Who is told what happens; on the loop, so none of these may wait."""

    def connected(self) -> None:
        """There is a connection (again), and we hear."""
        ...

    def disconnected(self, why: str, denied: bool) -> None:
        """There is none, and it will be tried again. `denied`: a person must act first."""
        ...

    def heard(self, topic: str, payload: bytes, retained: bool) -> None: ...


class Broker:
    """One connection, as `role`, that hears `topic`, at most with this quality of service."""

    def __init__(
        self, mqtt: Mqtt, role: str, topic: str, listener: Listener, clock: Clock, *, qos: int = 1
    ) -> None:
        self._mqtt, self._topic, self._listener, self._clock = mqtt, topic, listener, clock
        self._qos = qos
        self._identifier = f"chatbridge-{role}-{secrets.token_hex(4)}"
        at = urlsplit(mqtt.url)
        self._host = at.hostname or ""
        self._port = at.port or (8883 if mqtt.tls else 1883)
        self._client: aiomqtt.Client | None = None
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(QUEUE)
        self.lost = (
            f"No connection to the broker at {self.address} yet."  # why there is none; "": there is one
        )

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    # ------------------------------------------------------------ saying

    def tell(self, topic: str, payload: bytes) -> None:
        """Say this soon, in the order it was told."""
        if self._client is not None:
            with suppress(asyncio.QueueFull):
                self._waiting.put_nowait((topic, payload))

    async def flush(self, seconds: float) -> None:
        """Until the broker has everything that was told, so many real seconds at most."""
        if self.connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._waiting.join()

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Say this now; whether the broker took note of it, which means nothing for whether it arrives."""
        client = self._client
        if client is None:
            return False
        try:
            async with self._answered():
                await client.publish(topic, payload, qos=1, retain=retain, timeout=math.inf)
        except (aiomqtt.MqttError, TimeoutError):
            return False
        return True

    async def hear_again(self) -> bool:
        """Have the broker show once more what it retains; whether it took note of that."""
        client = self._client
        if client is None:
            return False
        try:
            await self._subscribe(client)
        except (aiomqtt.MqttError, TimeoutError):
            return False
        return True

    # ------------------------------------------------------------ being connected

    async def run(self) -> None:
        """Connect, and connect again, until cancelled. Ending may take as long as a connection that is just
        being made."""
        wait = FIRST_WAIT
        while True:
            try:
                async with self._connection() as client:
                    wait = FIRST_WAIT
                    await self._hear(client)
            except* aiomqtt.MqttError as group:
                self._lost(group)
            except* OSError as group:  # the files with our certificate; no answer in time
                self._lost(group)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # a task group that fails forgets that it was cancelled as well
            await self._clock.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    def _lost(self, group: BaseExceptionGroup[BaseException]) -> None:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        code = getattr(getattr(error, "rc", None), "value", None)
        if code in DENIED:
            why = (
                f"The broker at {self.address} refuses our login. Look at MQTT_USERNAME and MQTT_PASSWORD, or at "
                "the certificate that [mqtt] names."
            )
        else:
            why = f"No connection to the broker at {self.address}: {_words(error)}"
        log.log(logging.DEBUG if why == self.lost else logging.INFO, "%s", why)
        self.lost = why
        self._listener.disconnected(why, code in DENIED)

    async def _hear(self, client: aiomqtt.Client) -> None:
        self._client, self.lost = client, ""
        while not self._waiting.empty():  # from before: it would come too late
            self._waiting.get_nowait()
            self._waiting.task_done()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(SENDERS):
                    group.create_task(self._send())
                self._listener.connected()
                async for message in client.messages:
                    self._listener.heard(str(message.topic), message.payload, bool(message.retain))
        finally:
            self._client, self.lost = None, f"The connection to the broker at {self.address} has broken."

    async def _send(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self.say(*message)
            finally:
                self._waiting.task_done()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiomqtt.Client]:
        """A connection that hears. The broker keeps nothing for us between two: it would come too late."""
        client = await self._made()
        # The connection is made in a thread that cannot be stopped: whoever cancels waits for it.
        entering = asyncio.ensure_future(client.__aenter__())
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.wait({entering})
            if not entering.exception():
                await _leave(client)
            raise
        try:
            await self._subscribe(client)
            yield client
        finally:
            await _leave(client)

    async def _made(self) -> aiomqtt.Client:
        given = self._mqtt.secrets
        client = aiomqtt.Client(
            self._host,
            self._port,
            username=given.get("username"),
            password=given.get("password"),
            identifier=self._identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=self._clock.timeout(ANSWER),
            keepalive=max(5, round(self._clock.timeout(KEEPALIVE))),
            max_queued_incoming_messages=QUEUE,
            tls_context=await asyncio.to_thread(self._context) if self._mqtt.tls else None,
        )
        client.pending_calls_threshold = QUEUE
        client._client.connect_timeout = self._clock.timeout(CONNECT)  # there is no other way
        return client

    def _context(self) -> ssl.SSLContext:
        """Raises OSError, with the file's name, if one cannot be read."""
        mqtt = self._mqtt
        context = ssl.create_default_context()
        context.sslsocket_class = _Socket
        for doing, file in (
            (context.load_verify_locations, mqtt.authority),
            (lambda file: context.load_cert_chain(file, mqtt.key), mqtt.certificate),
        ):
            if file is not None:
                try:
                    doing(file)
                except OSError as error:
                    raise OSError(f"{file} cannot be used: {error.strerror or error}") from None
        return context

    def _answered(self) -> asyncio.Timeout:
        """The client's own time-outs are made with `wait_for`, which may swallow a cancellation before
        Python 3.12: whoever was to end then never does."""
        return asyncio.timeout(self._clock.timeout(ANSWER))

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        # As published: whoever hears its own retained messages can tell them from others'.
        options = SubscribeOptions(qos=self._qos, retainAsPublished=True)
        async with self._answered():
            codes = await client.subscribe(self._topic, options=options, timeout=math.inf)
        for code in codes:
            value = code if isinstance(code, int) else code.value
            if value >= 128:
                raise aiomqtt.MqttError(f"we may not read the topic {self._topic} there")


class _Socket(ssl.SSLSocket):
    """The client library leaves a socket open whose handshake failed."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


async def _leave(client: aiomqtt.Client) -> None:
    with suppress(aiomqtt.MqttError):
        await client.__aexit__(None, None, None)


def _words(error: BaseException) -> str:
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error) or str(cause or "") or type(error).__name__


@asynccontextmanager
async def beside(*doing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs these while the context is open; what one of them failed with is raised when it closes."""
    tasks = [asyncio.create_task(each) for each in doing]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error


async def passed(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Wait for the event, or so many seconds of chat time; True if they passed."""
    tasks = [asyncio.create_task(clock.sleep(seconds)), asyncio.create_task(event.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return not event.is_set()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Patience:
    """When the other side has been silent for too long: for `seconds` and for `rounds` of asking, so that neither
    a jump of chat time nor a machine that was busy for a moment looks like silence."""

    def __init__(self, seconds: float, rounds: int, clock: Clock) -> None:
        self._real, self._rounds = max(SHORTEST, clock.timeout(seconds)), rounds
        self._loop = asyncio.get_running_loop()
        self.heard()

    def heard(self) -> None:
        self._since, self._asked = self._loop.time(), 0

    def spent(self) -> bool:
        """One more round has passed: whether that was too many."""
        self._asked += 1
        return self._asked >= self._rounds and self._loop.time() - self._since >= self._real
