"""Shows a chat as it happens: an example of what can be done with the public feed.

    MQTT_PASSWORD=… python display.py broker.example.org --user display --tls

prints a line for each entry that stands on the page ("+"), that reads otherwise now ("~") and that was taken off
("-"). It needs nothing but aiomqtt. Words of strangers are plain text; show them as text, never as markup.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
from typing import Any

import aiomqtt


class Wall:
    """What stands, by topic."""

    def __init__(self) -> None:
        self._standing: dict[str, dict[str, Any]] = {}

    def heard(self, topic: str, payload: bytes) -> str:
        """The line to print; "" if nothing is different."""
        if topic.endswith("/state"):
            state = json.loads(payload) if payload else {}
            return f"# {state['title']} · #{state['tag']} · {state['phase']}" if state else ""
        before = self._standing.pop(topic, None)
        if not payload:  # cleared: it must not be shown any more
            return f"- {before['heading']}" if before else ""
        entry = self._standing[topic] = json.loads(payload)
        if entry == before:
            return ""
        words = entry.get("text", {}).get("plain") or entry.get("withheld") or ""
        words = f"[{entry['warning']}]" if entry.get("warning") else " ".join(words.split())
        return f"{'~' if before else '+'} {entry['heading']}  {entry.get('name', '')}: {words}"


async def show(arguments: argparse.Namespace) -> None:
    """Until interrupted. After a lost connection everything comes once more, and only what differs is printed."""
    wall = Wall()
    client = aiomqtt.Client(
        arguments.host,
        arguments.port or (8883 if arguments.tls else 1883),
        username=arguments.user,
        password=os.environ.get("MQTT_PASSWORD"),
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=ssl.create_default_context(cafile=arguments.authority) if arguments.tls else None,
    )
    while True:
        try:
            async with client:
                await client.subscribe(f"{arguments.prefix}/public/#", qos=1)
                async for message in client.messages:
                    if line := wall.heard(str(message.topic), message.payload):
                        print(line, flush=True)
        except aiomqtt.MqttError as error:
            print(f"No connection: {error}. Trying again …", file=sys.stderr)
            await asyncio.sleep(3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows a chat as it happens.")
    parser.add_argument("host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--prefix", default="chatbridge")
    parser.add_argument("--user", help="its password: MQTT_PASSWORD in the environment")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument(
        "--authority", help="who signed the broker's certificate, if your system does not know"
    )
    asyncio.run(show(parser.parse_args()))


if __name__ == "__main__":
    main()
