"""An app of the stand-in's workspace, by a plain client and a plain socket, and blocks for it to show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.stage import Person


@asynccontextmanager
async def workspace(**options: Any) -> AsyncIterator[tuple[Server, AsyncWebClient]]:
    clock = Clock(speed=options.pop("speed", 60.0))
    server = Server("slack", clock, Faults(clock.now), {"tag": "Tea", **options})
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            api = server.access()["table"]["api"]
            yield server, AsyncWebClient(server.bot_token, base_url=api, session=session, retry_handlers=[])
    finally:
        await server.stop()


class Still(Clock):
    """Time goes where it is told to."""

    at = 0

    def now(self) -> int:
        return self.at


async def refusal(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        await call
    data = refused.value.response.data
    assert isinstance(data, dict)
    return data


def member(server: Server, handle: str = "nurse-01") -> Person:
    person = Person(handle, handle.title(), "slack")
    server.join(person)
    return person


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


class App:
    """An app's end of the socket: takes envelopes, acknowledges, perhaps with an answer."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, server: Server) -> None:
        self.socket, self.server = socket, server

    async def hears(self, kind: str, answer: Any = None, *, acks: bool = True) -> dict[str, Any]:
        """The next envelope, which must be of this kind."""
        frame: dict[str, Any] = await self.socket.receive_json(timeout=5)
        assert frame["type"] == kind
        if acks:
            said = {} if answer is None else {"payload": answer}
            await self.socket.send_json({"envelope_id": frame["envelope_id"], **said})
            async with asyncio.timeout(5):
                while frame["envelope_id"] not in self.server.hub.acked:  # noqa: ASYNC110  # no event tells
                    await asyncio.sleep(0)
        payload: dict[str, Any] = frame["payload"]
        return payload

    async def event(self) -> dict[str, Any]:
        """The next event."""
        event: dict[str, Any] = (await self.hears("events_api"))["event"]
        return event


@asynccontextmanager
async def app(**options: Any) -> AsyncIterator[tuple[Server, AsyncWebClient, App]]:
    async with workspace(**options) as (server, slack), aiohttp.ClientSession() as session:
        url = (await slack.apps_connections_open(app_token=server.app_token))["url"]
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            yield server, slack, App(socket, server)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(verb: str, n: int = 0, **more: Any) -> dict[str, Any]:
    value = f'{{"chat":"tea","item":"{n}"}}'
    return {
        "type": "button",
        "action_id": f"chatbridge:{verb}:{n}",
        "text": plain(verb),
        "value": value,
    } | more


def field(**more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": "words",
        "label": plain("Your words"),
        "element": {"type": "plain_text_input", "action_id": "text", **more},
    }


def choices(*labels: str, **more: Any) -> dict[str, Any]:
    options = [{"text": plain(label), "value": label.casefold()} for label in labels]
    element = {"type": "static_select", "action_id": "choice", "options": options, **more}
    return {"type": "input", "block_id": "pick", "label": plain("Which"), "element": element}


def menu(lines: int) -> dict[str, Any]:
    options = [{"text": plain(f"Hide {n}"), "value": f'{{"item":"{n}"}}'} for n in range(lines)]
    return {"type": "overflow", "action_id": "chatbridge:hide:0", "options": options}


def form(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain("Reply"),
        "submit": plain("Send"),
        "blocks": [*blocks],
        **more,
    }


async def opened(server: Server, slack: AsyncWebClient, app: App, view: dict[str, Any]) -> Person:
    """Somebody to whom the app has shown a form."""
    host = member(server, "host-01")
    assert server.command(host, "reply 42")
    command = await app.hears("slash_commands")
    await slack.views_open(trigger_id=command["trigger_id"], view=view)
    return host
