"""The log: for a person on a terminal, else one JSON object a line on stderr."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

from bridge.model import Order

ABOUT = ("chat", "network", "order")  # what a record may say it is about, as `extra`
WIRE = ("httpcore", "httpx", "urllib3")
FOR_PEOPLE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """`{"time", "level", "logger", "message"}`, with `chat`, `network` and `order` where a record names them and
    `error` where there is a traceback. Times are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in ABOUT if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def about(order: Order) -> dict[str, str]:
    """What a record about an order says it is about, for `extra`."""
    named = {"network": order.network, "order": f"{order.id[0]}.{order.id[1]}"}
    return named | {"chat": order.chat} if order.chat else named


def begin(level: int | str) -> None:
    """Log to stderr from now on."""
    hold()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FOR_PEOPLE) if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[handler])


def hold() -> None:
    """Keep libraries from logging what is on the wire, at whatever level: headers with their cookies, and addresses
    that say whom we look for. What matters of a request is logged by the adapter that makes it."""
    for name in WIRE:
        logging.getLogger(name).setLevel(logging.WARNING)
