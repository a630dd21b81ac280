"""The config is edited while everybody does what they like: nobody's words are where they may not be, no question is
asked twice, and a replay tells the same."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from bridge.chat.state import Misconfigured
from bridge.model import MINUTE
from bridge.settings import Question
from tests.unit.make import STARTS, chat
from tests.unit.test_any_order import Crowd, off, told_again


class Editor(Crowd):
    """A crowd, with somebody at the config."""

    def act(self) -> None:
        if self.rng.random() < 0.06:
            self.edit_config()
        else:
            super().act()

    def edit_config(self) -> None:
        """Other questions, another warning, a chat more or less; or a slip."""
        rng, hour = self.rng, self.hour
        if rng.random() < 0.2:
            hour.event(Misconfigured(("config.toml: chats[0].minuets: expected minutes",)))
            return
        asks = [Question(STARTS + 4 * n * MINUTE, f"Why round {n}?") for n in range(1, 9)]
        hosts = hour.session.state.chats["handovers"].settings.hosts
        planned = chat(
            hosts=hosts,
            questions=tuple(sorted(rng.sample(asks, rng.randint(2, 6)), key=lambda q: q.due)),
            warning=rng.choice([None, "work"]),
        )
        other = chat(id="rounds", hashtag="Rounds", hosts=hosts)
        hour.configure(*rng.choice([(planned,), (planned, other), (other,), (replace(planned), other)]))


def once(crowd: Crowd) -> None:
    """Whatever became of the config, no item was posted twice on a network."""
    for network in crowd.hour.standing:
        posted = Counter(
            (order.chat, order.item)
            for order in crowd.hour.orders
            if order.network == network
            and order.lane == "sheet"
            and not order.part
            and order.id in crowd.hour.made
        )
        assert set(posted.values()) <= {1}, posted
    for held in crowd.hour.session.state.chats.values():
        asked = Counter(i.text for i in held.sheet.questions() if i.posted_at and not i.added)
        assert not [text for text, times in asked.items() if times > 1 and text.startswith("Why round")]


@pytest.mark.parametrize("seed", range(24))
def test_holds(seed: int) -> None:
    crowd = Editor(seed)
    for _ in range(120):
        crowd.act()
        off(crowd.hour)
    crowd.rest()
    off(crowd.hour)
    once(crowd)
    told_again(crowd)
