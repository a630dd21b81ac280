"""What a running bridge says on a terminal: what happened, once, in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from bridge.chat.state import Configured, Misconfigured
from bridge.commentary import Commentary, comment, opening
from bridge.model import MINUTE, Board, Health
from tests.unit.bridges import running
from tests.unit.make import STARTS, Hour

NETWORKS = {"mastodon": "Mastodon", "bluesky": "Bluesky", "slack": "Slack"}


def health(**states: str) -> tuple[Health, ...]:
    """Everything is ready but what is said to be otherwise."""
    whys = {"down": "The server does not answer.", "refused": "The token is not valid."}
    return tuple(
        Health(name, title, states.get(name, "ready"), STARTS, whys.get(states.get(name, ""), ""))  # type: ignore[arg-type]  # one of its states
        for name, title in NETWORKS.items()
    )


def board(hour: Hour, **states: str) -> Board:
    return hour.session.board("handovers", hour.now, health(**states))


def test_an_opening_says_what_comes_when_and_where() -> None:
    hour = Hour()
    hour.until(-30)
    said = list(opening(board(hour), "The Night Round", "http://127.0.0.1:8080/", Path("data/chat.db")))
    assert said[0] == "The Night Round: Safer handovers (#WardChat)"
    assert said[2:] == [
        "  Next       Welcome, Tuesday 20 March 2018, 20:00 London time (20:00 UTC), in 30:00",
        "  Page       http://127.0.0.1:8080/   (this machine only: [web] host)",
        "  Journal    data/chat.db",
    ]
    everywhere = list(opening(board(hour), "The Night Round", "http://0.0.0.0:8080/", Path("data/chat.db")))
    assert everywhere[3] == "  Page       http://0.0.0.0:8080/"


def test_links_are_told_as_they_come_and_go() -> None:
    talk = Commentary()
    handles = {"mastodon": "@chat@ward.example"}
    assert list(talk.links(health(**dict.fromkeys(NETWORKS, "opening")), handles)) == []
    assert list(talk.links(health(slack="opening"), handles)) == [
        "Mastodon is open, as @chat@ward.example.",
        "Bluesky is open.",
    ]
    assert list(talk.links(health(mastodon="down", slack="refused"), handles)) == [
        "Mastodon is down: The server does not answer. What belongs there waits; it is tried again.",
        "Slack refuses our login: The token is not valid. What belongs there waits.",
    ]
    other = tuple(
        msgspec.structs.replace(h, why="Another reason") for h in health(mastodon="down", slack="refused")
    )
    assert list(talk.links(other, handles)) == []
    assert list(talk.links(health(slack="refused"), handles)) == [
        "Mastodon is open again, as @chat@ward.example."
    ]


def test_an_item_is_told_once_it_is_everywhere() -> None:
    hour, talk = Hour(), Commentary()
    assert list(talk.sheet(board(hour))) == []
    hour.until(0)
    assert list(talk.sheet(board(hour))) == ["Welcome is on Mastodon, Bluesky and Slack. Next: Q1 at 20:05."]
    assert list(talk.sheet(board(hour))) == []
    hour.until(1)
    hour.command("say", "Five minutes to go!")
    assert list(talk.sheet(board(hour))) == [
        "“Five minutes to go!” is on Mastodon, Bluesky and Slack. Next: Q1 at 20:05."
    ]
    hour.command("hold")
    assert list(talk.sheet(board(hour))) == ["Q1 is on hold, and what follows with it, until a host resumes."]
    hour.command("resume")
    hour.command("skip")
    assert list(talk.sheet(board(hour))) == ["Q1 is skipped."]


def test_a_network_that_is_down_does_not_keep_the_others_news_back() -> None:
    hour, talk = Hour(), Commentary()
    hour.until(1)
    list(talk.sheet(board(hour)))
    hour.down.add("bluesky")
    hour.until(5.1)
    assert list(talk.sheet(board(hour))) == []  # it may get there yet
    assert list(talk.sheet(board(hour, bluesky="down"))) == [
        "Q1 is on Mastodon and Slack. Next: Q2 at 20:15."
    ]
    hour.until(8)
    (said,) = talk.sheet(board(hour, bluesky="down"))
    assert said == (
        "Q1 could not go out in time on Bluesky and waits there; the hosts are asked. From here: "
        "chatbridge tell handovers post Q1 bluesky"
    )
    hour.down.clear()
    assert hour.command("post", "Q1 bluesky").startswith("Done")
    assert list(talk.sheet(board(hour))) == ["Q1 is on Bluesky. Next: Q2 at 20:15."]


def test_the_end_of_the_hour_is_told() -> None:
    hour, talk = Hour(), Commentary()
    hour.until(59)
    list(talk.sheet(board(hour)))
    hour.until(61)
    assert (
        "The hour is over. Late answers are gathered until Wednesday 21 March 2018, 21:00 London time (21:00 UTC)."
        in (list(talk.sheet(board(hour))))
    )
    hour.now += MINUTE
    assert list(talk.sheet(board(hour))) == []


async def test_what_an_edit_of_the_config_changes_is_told_in_one_line(tmp_path: Path) -> None:
    said, loop = asyncio.Queue[str](), asyncio.get_running_loop()

    def say(words: str) -> None:
        loop.call_soon_threadsafe(said.put_nowait, words)

    async with running(tmp_path, []) as bridge, asyncio.TaskGroup() as group:
        talking = group.create_task(comment(bridge, say))
        while await said.get():
            pass  # how things stand when it starts
        before = bridge.engine.session.state.community
        assert before is not None
        changed = msgspec.structs.replace(before, name="The Day Round")
        await bridge.engine.submit(Misconfigured(("a slip",)))  # the log says it on this terminal
        await bridge.engine.submit(Configured(changed, ("web.port",)))
        while "The config" not in (line := await said.get()):
            pass
        talking.cancel()
    assert line[8:] == (
        "  The config is whole again, and it changed. The community is called “The Day Round” now. "
        "web.port waits for the next start of the bridge."
    )
