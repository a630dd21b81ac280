"""reactions.*, pins.*: what the app hangs on messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.slack.rules import Refusal
from simulator.slack.wire import BOT_USER, Message, Table

if TYPE_CHECKING:
    from simulator.slack.server import Server

PINS = 100  # of a channel


class Marks:
    """Both kinds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.pins: dict[str, list[tuple[Message, int]]] = {}  # by channel, with when

    def react(self, arguments: Table) -> Table:
        """reactions.add."""
        name, message = self._name(arguments), self._message(arguments)
        if BOT_USER in message.reactions.get(name, ()):
            raise Refusal("already_reacted")
        self.server.mark(message, BOT_USER, name)
        return {"ok": True}

    def unreact(self, arguments: Table) -> Table:
        """reactions.remove."""
        name, message = self._name(arguments), self._message(arguments)
        if BOT_USER not in message.reactions.get(name, ()):
            raise Refusal("no_reaction")
        self.server.unmark(message, BOT_USER, name)
        return {"ok": True}

    def reactions(self, arguments: Table) -> Table:
        """reactions.get."""
        message = self._message(arguments)
        shown = message.json(full=str(arguments.get("full")).casefold() in {"1", "true"})
        return {"ok": True, "type": "message", "channel": message.channel, "message": shown}

    def pin(self, arguments: Table) -> Table:
        """pins.add."""
        message = self._message(arguments)
        pinned = self._pinned(message.channel)
        if any(m is message for m, _ in pinned):
            raise Refusal("already_pinned")
        if len(pinned) >= PINS:
            raise Refusal("too_many_pins")
        self.pins[message.channel] = [*pinned, (message, self.server.clock.now() // 1_000_000)]
        return {"ok": True}

    def unpin(self, arguments: Table) -> Table:
        """pins.remove."""
        message = self._message(arguments)
        pinned = self._pinned(message.channel)
        left = [(m, at) for m, at in pinned if m is not message]
        if len(left) == len(pinned):
            raise Refusal("no_pin")
        self.pins[message.channel] = left
        return {"ok": True}

    def listed(self, arguments: Table) -> Table:
        """pins.list."""
        channel = self._channel(arguments)
        return {
            "ok": True,
            "items": [
                {
                    "type": "message",
                    "channel": channel,
                    "created": at,
                    "created_by": BOT_USER,
                    "message": m.json(),
                }
                for m, at in reversed(self._pinned(channel))
            ],
        }

    def _pinned(self, channel: str) -> list[tuple[Message, int]]:
        """What is pinned and stands."""
        return [(m, at) for m, at in self.pins.get(channel, ()) if not m.deleted]

    def _channel(self, arguments: Table) -> str:
        return self.server.api.readable(str(arguments.get("channel", "")))

    def _message(self, arguments: Table) -> Message:
        channel, ts = self._channel(arguments), str(arguments.get("timestamp") or "")
        if not ts:
            raise Refusal("no_item_specified")
        if not re.fullmatch(r"\d+\.\d{6}", ts):
            raise Refusal("bad_timestamp")
        message = self.server.live(channel, ts)
        if message is None:
            raise Refusal("message_not_found")
        return message

    def _name(self, arguments: Table) -> str:
        name = str(arguments["name"])
        if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
            raise Refusal("invalid_name")
        return name
