"""What strangers write arrives as words: in the merged channel, in gathered messages, in what the hosts are asked
and on their board. Judged by what Slack's stand-in was sent: what of it Slack would parse, and in which order it is
read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from adapters.slack.controls import PREFIX
from bridge.chat.community import SERVER
from bridge.chat.state import Arrived
from bridge.model import SECOND, AuthorKnown, Command, Inbound, Media, Post, Ref, Written
from bridge.text import marked
from simulator.slack import rules
from simulator.slack.wire import CHAT, HOSTS
from tests.adapters.slack_rig import server
from tests.adapters.test_slack_lost_answers import Room, room
from tests.conformance.rig import TAG
from tests.unit.make import person, post

MARKS = "\u202e\u202d\u2066\u2067\u2069\u200f\u061c"  # overrides, isolates, marks; never needed to read
LIVE = (
    "<!channel> <!here> <@U012AB3CD> <#C012AB3CD|general> <!subteam^S01> <https://evil.example|bank.example> "
    "*bold* _it_ ~no~ `code` ```pre``` :tada: > quote \u200b\u200d\ufeff &lt;!channel&gt; @channel @here"
)
EVIL = f"wicked {MARKS}{LIVE}{MARKS}"
SLOWLY = 10.0  # so that nobody waits long enough to be gathered
SHOWS = {
    "chat.postMessage",
    "chat.update",
    "chat.postEphemeral",
    "views.publish",
    "views.open",
    "views.update",
}
OURS = re.compile(r"(quotes )?<https://[\w./@-]+\|(open|a post)>")


def hostile(n: int, words: str = EVIL, **more: Any) -> Post:
    """An answer with all of it in whatever a stranger can fill in."""
    by = msgspec.structs.replace(
        person(f"nurse-{n:03}"), name=f"wicked {EVIL}", handle=f"@wicked{MARKS}<!here>*x*{n}@ward.example"
    )
    picture = Media(f"https://tea.example/{n}.png", alt=EVIL)
    made = post(f"{n}", marked(f"A1: n{n:03} {words} #{TAG}"), by=by, media=(picture,), **more)
    return msgspec.structs.replace(made, tags=(TAG.casefold(),))


async def arrive(it: Room, *posts: Post, held: bool = False) -> None:
    """People write elsewhere, all at once. A link in a first post has it held; the hosts show it, unless it is to
    stay `held`."""
    now = it.rig.time.now()
    for what in posts:
        seen = msgspec.structs.replace(what, at=now, seen=now)
        await it.engine.arrive(Inbound("mastodon", AuthorKnown(what.author.account)))
        await it.engine.arrive(Inbound("mastodon", Written(seen)))
    await it.engine.caught_up()
    for no, entry in it.engine.session.state.chats["tea"].timeline.entries.items():
        if entry.held is not None and not held:
            await it.engine.submit(Arrived(SERVER, Command("show", SERVER, chat="tea", text=str(no))))
    it.outbox.stir()


def sent(it: Room, channel: str) -> list[dict[str, Any]]:
    """What was sent to a channel of anybody's words."""
    calls = [given for name, given in server(it.rig).api.calls if name in SHOWS]
    return [g for g in calls if g.get("channel") == channel and "wicked" in json.dumps(g)]


def inert(given: dict[str, Any]) -> None:
    """Slack parses nothing in it but links of ours, and nothing turns around what stands beside it."""
    assert given.get("parse") == "none"
    assert not given.get("link_names")
    assert not given.get("unfurl_links")
    for sequence in re.findall(r"<[^>]*>?", given.get("text", "")):
        assert re.fullmatch(r"<https?://[^|<>]+>", sequence), f"{sequence} is live, or hides where it leads"
    for attachment in given.get("attachments", ()):
        assert attachment["mrkdwn_in"] == []
        assert "<" not in attachment["text"] + attachment["fallback"]
    for thing in _objects(given.get("blocks", [])):
        if thing.get("type") == "mrkdwn":
            assert OURS.fullmatch(thing["text"]), f"Slack would parse {thing['text']!r}"
        if thing.get("type") == "plain_text":
            assert thing["emoji"] is False
        if thing.get("type") == "link":
            assert thing["text"] in ("open", "a post", "Picture") or unquote(thing["url"]).startswith(
                thing["text"]
            )
        if thing.get("type") == "rich_text_section":
            assert {e["type"] for e in thing["elements"]} <= {"text", "link"}, (
                "no mention, no broadcast, no emoji"
            )
    wire = json.dumps(given, ensure_ascii=False)
    assert not (turning := set(MARKS) & set(wire)), f"{turning} in {wire}"
    rules.check(given.get("text", ""), given.get("blocks", []), given.get("attachments", []), update=False)


def _objects(thing: object) -> Iterator[dict[str, Any]]:
    if isinstance(thing, dict):
        yield thing
        thing = list(thing.values())
    if isinstance(thing, list):
        for item in thing:
            yield from _objects(item)


async def test_in_the_merged_channel(tmp_path: Path) -> None:
    async with room(tmp_path, events=True, speed=SLOWLY) as it:
        await arrive(it, hostile(1), hostile(2, warning=EVIL), hostile(3, quoted="https://tea.example/7"))
        await it.rest()
        said = sent(it, CHAT)
        assert len(said) == 3
        for given in said:
            inert(given)
            assert "wicked" in given["username"], "who wrote it is still told"
            assert len(given["username"]) <= 80
        words = rules.readable(said[0])
        assert "<!channel> <!here> <@U012AB3CD>" in words, "it reads as it was written"
        assert "*bold* _it_ ~no~ `code`" in words


async def test_in_gathered_messages_each_keeps_its_place(tmp_path: Path) -> None:
    async with room(tmp_path, events=True) as it:
        await arrive(it, *(hostile(n, warning=EVIL if n == 15 else None) for n in range(1, 31)))
        await it.rest()
        gathered = [given for given in sent(it, CHAT) if not given.get("username")]
        assert gathered
        heads = []
        for given in gathered:
            inert(given)
            lines = rules.readable(given | {"text": "", "attachments": []}).splitlines()
            heads += [line.strip() for line in lines if line.startswith("A1 · ")]
        assert len(heads) > 2 * len(gathered)
        assert all(head.endswith("Mastodon · open") for head in heads), "a heading is its own line"


async def test_forty_thousand_characters(tmp_path: Path) -> None:
    async with room(tmp_path, events=True, speed=SLOWLY) as it:
        await arrive(it, hostile(1, EVIL * 200 + "x" * 40_000), hostile(2, "\n" * 39_999))
        await it.rest()
        said = sent(it, CHAT)
        assert len(said) == 2
        for given in said:
            inert(given)
            assert len(json.dumps(given["blocks"])) < 20_000


async def test_in_what_the_hosts_are_asked_and_on_their_board(tmp_path: Path) -> None:
    """A first post with a link is held, a question of one's own waits; both are shown to the hosts."""
    async with room(tmp_path, events=True) as it:
        link = "https://evil.example/wicked"
        await arrive(it, hostile(1, f"{EVIL} {link}"), _question(2), held=True)
        await it.rest()
        await arrive(it)
        await it.rest()
        said = sent(it, HOSTS)
        assert [given for given in said if f"{PREFIX}show:" in json.dumps(given)], (
            "held, and the hosts are asked"
        )
        shown = it.engine.session.board("tea", it.rig.time.now() + 600 * SECOND)
        assert shown.asked or shown.ignored
        await it.link.show(Ref("slack", it.engine.session.state.chats["tea"].boards["slack"]), shown)
        board = sent(it, HOSTS)[-1]
        assert "wicked" in json.dumps(board["blocks"])
        for given in (*said, board):
            inert(given)


def _question(n: int) -> Post:
    made = hostile(n)
    return msgspec.structs.replace(made, text=marked(f"Q: {EVIL} #{TAG}"), media=())
