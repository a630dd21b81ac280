"""A journal outlives its config: chats and networks that are no longer in it, and what nobody can write down."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bridge.chat.state import Arrived, Configured
from bridge.model import Inbound, Text, Written
from bridge.text import tame
from tests.unit.make import NETS, Hour, chat, community, post
from tests.unit.test_forget import running


def test_a_chat_that_left_the_config_goes_on_to_its_end() -> None:
    hour = Hour()
    hour.until(6)
    hour.event(Configured(community(chat(id="rounds", hashtag="Rounds"))))
    hour.write(post("1", "A1: still here #WardChat"))
    assert len(hour.session.state.chats["handovers"].timeline.entries) == 1


def test_a_network_that_left_the_config_keeps_its_name_on_what_stands() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(
        post("1", "A1: from the garden #WardChat", network="bluesky"), post("2", "A1: hello #WardChat")
    )
    hour.event(Configured(community(networks=tuple(n for n in NETS if n.name != "bluesky"))))
    for audience in ("hosts", "page"):
        view = hour.session.view("handovers", audience, hour.now)
        assert [e.sources[0].title for e in view.entries] == ["Bluesky", "Mastodon"]
    assert hour.session.board("handovers", hour.now).entries == 2
    hour.write(post("3", "A1: a word more #WardChat"))
    assert len(hour.entries) == 3


def test_half_an_emoji_is_left_out() -> None:
    assert tame("well \ud83d done") == "well  done"


async def test_what_cannot_be_written_down_is_set_aside(tmp_path: Path) -> None:
    spoilt = msgspec.structs.replace(post("1", "A1 #WardChat"), text=Text("A1 \ud83d #WardChat"))
    async with running(tmp_path / "journal.db") as engine:
        await engine.submit(Configured(community()))
        await engine.arrive(Inbound("mastodon", Written(spoilt), cursor="c1"))
        await engine.arrive(Inbound("mastodon", Written(post("2", "A1: fine #WardChat")), cursor="c2"))
        await engine.caught_up()
        arrived = [e for e in engine.journal.events() if isinstance(e.event, Arrived)]
        assert len(arrived) == 1
        assert engine.journal.cursors() == {"mastodon": "c2"}
