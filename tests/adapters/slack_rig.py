"""The conformance suite's rig with a Slack workspace, for what is asked of Slack alone."""

from __future__ import annotations

from typing import Any

from adapters.slack import platform
from adapters.slack.link import SlackLink
from bridge.model import Card, Command, Text
from bridge.ports import Console, Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.stage import Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject


class Workspace(Server):
    """A stand-in workspace whose app is configured further."""

    table: dict[str, Any]

    def access(self) -> dict[str, Any]:
        access = super().access()
        return {**access, "table": access["table"] | self.table}


class Slack(Subject):
    network = "slack"
    options: dict[str, Any] = {}  # noqa: RUF012 - set by each test for its own instance
    table: dict[str, Any] = {}  # noqa: RUF012 - likewise

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        made = Workspace(network, clock, faults, {**options, **self.options})
        made.table = self.table
        return made


def subject(table: dict[str, Any] | None = None, **options: Any) -> Slack:
    """A workspace with these `options`, our app in it with further keys of its config's `table`."""
    made = Slack()
    made.options, made.table = options, table or {}
    return made


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


def slack(link: Session) -> SlackLink:
    assert isinstance(link.link, SlackLink)
    assert isinstance(link.link, Console)
    return link.link


async def commanded(link: Session, number: int) -> list[Command]:
    """The first so many commands that came over the wire, once no more are on their way."""
    await link.until(lambda: len(link.others(Command)) >= number, f"{number} commands")
    return link.others(Command)


def card(text: str, no: int = 1) -> Card:
    return Card(
        no, f"A1 · {no}", "Kim", "@kim@tea.example", ("Mastodon",), Text(text), 0, "https://tea.example/1"
    )
