"""Slack's emulation as a subject of the suite and of what is asked of Slack alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from adapters.slack import platform
from adapters.slack.link import SlackLink
from bridge.ports import Platform
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Stage
from tests.conformance.came import Session
from tests.conformance.rig import Rig, Subject
from tests.peers.slack_peer import emulate
from tests.peers.slack_stage import EmulateStage


class EmulatedSlack(Subject):
    network: ClassVar[str] = "slack"
    asks_to_wait: ClassVar[tuple[float, float]] = (3.0, 3.0)

    def platform(self) -> Platform:
        return platform

    def stage(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> Stage:
        return EmulateStage(emulate(), network, clock, faults)

    def off_topic(self, text: str) -> Draft:
        """Whatever stands in the channel belongs; what stands in the hosts' room does not."""
        return Draft(text, tag="none", place="hosts")

    @asynccontextmanager
    async def rig(self, speed: float | None = None, patience: float = 2.0) -> AsyncIterator[Rig]:
        """Fails, too, if the manifest's scopes did not suffice, a method was not there, or an event was not
        signed."""
        async with super().rig(speed, patience) as rig:
            yield rig
        errors = {call.method: call.answer.get("error", "no such method") for call in refused(rig)}
        assert "missing_scope" not in errors.values(), errors
        assert "no such method" not in errors.values(), errors
        assert stage(rig).receiver.forged == 0


def stage(rig: Rig) -> EmulateStage:
    assert isinstance(rig.stage, EmulateStage)
    return rig.stage


def refused(rig: Rig) -> list[Any]:
    """The calls of ours that emulate did not take."""
    return [call for call in stage(rig).shim.calls if not call.answer.get("ok")]


def slack(link: Session) -> SlackLink:
    assert isinstance(link.link, SlackLink)
    return link.link
