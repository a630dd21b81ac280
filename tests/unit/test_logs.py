"""What stands in the log where no person reads along."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from bridge.logs import JsonLines, about, begin
from bridge.model import Notice, Order, Publish


def line(record: logging.LogRecord) -> dict[str, str]:
    told: dict[str, str] = json.loads(JsonLines().format(record))
    return told


def made(message: str, *args: object, **more: object) -> logging.LogRecord:
    return logging.getLogger("bridge.outbox").makeRecord(
        "bridge.outbox", logging.INFO, __file__, 1, message, args, None, extra=more or None
    )


def test_a_record_is_one_object_on_one_line() -> None:
    told = JsonLines().format(made("%s: order\nunclear", "Tea é"))
    assert "\n" not in told
    assert json.loads(told)["message"] == "Tea é: order\nunclear"


def test_it_says_what_it_is_about() -> None:
    told = line(made("unclear", network="slack", order="7.0", chat="tea"))
    assert (told["network"], told["order"], told["chat"]) == ("slack", "7.0", "tea")
    assert told["level"] == "INFO"
    assert told["logger"] == "bridge.outbox"
    assert told["time"].endswith("+00:00")
    assert "network" not in line(made("nothing"))


def test_a_record_about_an_order_names_it_its_network_and_its_chat() -> None:
    made_for = Order((7, 1), "slack", "hosts", 9, Publish(Notice("Held")), chat="tea")
    told = line(made("later", **about(made_for)))
    assert (told["network"], told["order"], told["chat"]) == ("slack", "7.1", "tea")
    assert "chat" not in about(Order((7, 1), "slack", "people", 9, Publish(Notice("Thank you"))))


def test_a_traceback_is_part_of_it() -> None:
    record = made("it failed")
    try:
        int("tea")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert "invalid literal" in line(record)["error"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_person_reads_lines_and_a_machine_reads_json(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    begin(logging.INFO)
    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.INFO), "headers have cookies"
    logging.getLogger("bridge.engine").info("ready")
    assert stream.getvalue().startswith("{") is not terminal
    assert "ready" in stream.getvalue()
