"""The conformance suite's rig with a Slack workspace, for what is asked of Slack alone."""

from __future__ import annotations

from typing import Any

from adapters.slack import platform
from adapters.slack.link import SlackLink
from bridge.model import Card, Text
from bridge.ports import Console, Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import Server
from simulator.stage import Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject


class Slack(Subject):
    network = "slack"
    options: dict[str, Any] = {}  # noqa: RUF012 - set by each test for its own instance

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return Server(network, clock, faults, {**options, **self.options})


def subject(**options: Any) -> Slack:
    made = Slack()
    made.options = options
    return made


def server(rig: Rig) -> Server:
    assert isinstance(rig.stage, Server)
    return rig.stage


def slack(link: Session) -> SlackLink:
    assert isinstance(link.link, SlackLink)
    assert isinstance(link.link, Console)
    return link.link


def card(text: str, no: int = 1) -> Card:
    return Card(
        no, f"A1 · {no}", "Kim", "@kim@tea.example", ("Mastodon",), Text(text), 0, "https://tea.example/1"
    )
