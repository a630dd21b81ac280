"""The merged channel under flood, and a chat as large as they come: nothing waits long, everything stands there once,
and each message and view is one that Slack takes. Pure and by the event: the clock is a number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from adapters.slack import LIMITS, blocks, forms, home
from adapters.slack.adapter import GATHERED, ROOM
from benchmarks import flood
from bridge.chat.copies import LAG, STREAMS
from bridge.chat.verbs import entries, own, questions, room
from bridge.chat.verbs import sheet as steering
from bridge.model import (
    MINUTE,
    SECOND,
    Board,
    Capabilities,
    Content,
    Form,
    Gathered,
    Media,
    Micros,
    Opened,
    Post,
    Publish,
    Ref,
    Reply,
    Retract,
    Sent,
    Text,
    Update,
)
from bridge.settings import Question
from simulator.clock import Clock
from simulator.slack import rules
from simulator.slack.tickets import Triggers
from simulator.slack.views import Views
from tests.adapters.slack_rig import card, server, subject
from tests.unit.make import NETS, STARTS, Hour, chat, community, person, post

TICK: Micros = 1_050_000  # a message a second, and what the commits and the request take
PEOPLE = 700
WORDS = (
    "We meet on the first Tuesday, whoever comes is the right person, and we write down who does what. " * 3
)


class Channel:
    """A core whose Slack takes one new message at each `turn`; what is shown goes through the adapter and is judged
    by the stand-in's rules."""

    def __init__(self, asks: int = 1) -> None:
        asked = tuple(
            Question(STARTS + n * MINUTE, f"What did you learn in round {n + 1}?") for n in range(asks)
        )
        self.hour = Hour(community(chat(questions=asked), networks=(NETS[0], NETS[2])))
        able = Capabilities(
            LIMITS, mirror=True, console=True, edits=True, gather_most=GATHERED, gather_room=ROOM
        )
        self.hour.event(Opened("slack", "slack:T1/U0", "@chat", able))
        self.hour.until(1)
        self.hour.down.add("slack")
        self.standing: dict[str, tuple[Micros, tuple[int, ...]]] = {}  # message -> since when, entries
        self.judged = 0
        self._told = len(self.hour.orders)
        self._posts = 0

    @property
    def now(self) -> Micros:
        return self.hour.now

    def write(self, words: str | Text, *, seen: Micros | None = None, **more: Any) -> Post:
        """Somebody answers; each has words of their own."""
        self._posts += 1
        by = person(
            f"nurse-{self._posts % PEOPLE:03}", name=more.pop("name", f"Nurse {self._posts % PEOPLE:03}")
        )
        at = self.now if seen is None else seen
        said = post(str(self._posts), words, by=by, at=at, **{"tags": ("wardchat",)} | more)
        self.hour.write(said)
        return said

    def turn(self, after: Micros = TICK) -> None:
        """The next message of the merged timeline, and whatever edits and removals there are."""
        self.hour.now += after
        for lane in STREAMS:
            step = self.hour.session.following("slack", self.now, lane)
            if step is not None:
                (order,) = self.hour.event(step).orders
                target = Ref("slack", f"m{len(self.hour.events)}")
                if isinstance(order.op, Update | Retract):
                    assert isinstance(order.op.target, Ref)
                    target = order.op.target
                since, _ = self.standing.pop(target.id, (self.now, ()))
                if step.entries:
                    self.standing[target.id] = since, step.entries
                self.hour.settle(order, Sent(target, f"slack:{target.id}"))
        self.judge()

    def judge(self) -> None:
        """What was ordered since we last looked is taken by Slack."""
        for order in self.hour.orders[self._told :]:
            if order.network == "slack" and isinstance(order.op, Publish | Update):
                judge(order.op.content)
                self.judged += 1
        self._told = len(self.hour.orders)

    def entries(self) -> Iterator[int]:
        """Those that stand in the channel, as often as they do."""
        for _, numbers in self.standing.values():
            yield from numbers

    def waiting(self) -> bool:
        return any(self.hour.session.following("slack", self.now, lane) for lane in STREAMS)


def judge(content: Content) -> blocks.Message:
    """The message; Slack takes it as new and as a change."""
    made = blocks.message(content)
    given = made.arguments()
    for update in (False, True):
        rules.check(given["text"], given["blocks"], given["attachments"], update=update)
    assert made.weight <= blocks.TOTAL or not made.blocks
    if isinstance(content, Gathered):
        wire = json.dumps(given["blocks"], ensure_ascii=False)
        for card in content.cards:
            assert f"{card.heading} · " in wire, "each has its heading"
            assert card.url is None or len(card.url) > 1000 or card.url in wire, "and its link"
    return made


# ---------------------------------------------------------------- fifty a second


@pytest.mark.parametrize("size", [lambda n: 40 + n * 37 % 161, lambda n: 200], ids=["40 to 200", "200"])
def test_fifty_answers_a_second_stand_in_slack_within_ten(size: Callable[[int], int]) -> None:
    channel, begin, n = Channel(), 0, 0
    seen: dict[int, Micros] = {}
    begin = channel.now
    while n < 3000 or channel.waiting():
        while n < 3000 and begin + n * SECOND // 50 <= channel.now:
            seen[n + 1] = begin + n * SECOND // 50
            channel.write(f"A1 {n:04} {WORDS}"[: size(n)], seen=seen[n + 1])
            n += 1
        channel.turn()
    assert sorted(channel.entries()) == sorted(seen), "each stands there, once"
    lags = [since - seen[no] for since, numbers in channel.standing.values() for no in numbers]
    assert LAG < max(lags) < 10 * SECOND


async def test_a_message_that_slack_finds_too_long_is_said_with_fewer_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How much a message holds is documented nowhere; what was learnt once is minded from then on."""
    monkeypatch.setattr(rules, "TOTAL", 7_000)
    async with subject().rig() as rig, rig.open() as link:
        forty = Gathered(tuple(card(WORDS[:200], no) for no in range(40)), short=True)
        tries = []
        for _ in range(2):
            calls = server(rig).api.calls
            before = len(calls)
            await link.sent(rig.order(Publish(forty), lane="mirror"))
            tries.append(sum(name == "chat.postMessage" for name, _ in calls[before:]))
        assert tries[0] > 1
        assert tries[1] == 1
        first, second = [s.raw["blocks"] for s in rig.stage.said.values() if s.ours]
        assert first == second
        assert all(f"A1 · {no}" in str(first) for no in range(40))


def test_one_answer_at_a_time_shares_no_message() -> None:
    channel = Channel()
    for n in range(20):
        channel.write(f"A1 {n:04} {WORDS}"[:200])
        channel.turn()
    assert [numbers for _, numbers in channel.standing.values()] == [(n,) for n in range(1, 21)]


def test_through_sockets_with_a_cut_nothing_is_lost_or_doubled() -> None:
    """The benchmark itself, in short: real time, real connections, cut when Slack has taken a message and not
    answered yet."""
    result = flood.once(rate=30, seconds=8, kills=1)
    assert result.kills == 1
    assert (result.answers, result.lost, result.duplicated) == (240, 0, 0)
    assert result.messages < 30


# ---------------------------------------------------------------- a large chat


def nasty(n: int) -> dict[str, Any]:
    """What else an answer comes with."""
    long = "word " * 600
    alts = tuple(Media(f"https://tea.example/{n}/{m}.png", alt=long[: 300 * m]) for m in range(4))
    kinds: list[dict[str, Any]] = [
        {},
        {"name": "سارة " * 30},
        {"name": "👩‍⚕️" * 40},
        {"media": alts},
        {"warning": long},
        {"warning": "blood", "media": alts},
        {"url": "https://tea.example/" + "x" * 5000},
        {"quoted": "https://tea.example/" + "q" * 400},
    ]
    return kinds[n % len(kinds)]


LENGTHS = (1, 40, 239, 240, 241, 500, 2799, 2801, 5000)
SCRIPTS = (
    "we meet ",
    "<&>",
    "護理師",
    "👩‍👩‍👧‍👦",
    "שלום ",
    "https://tea.example/a/long/way/to/the/notes?a=1&b=2 ",
)


def test_a_chat_of_thirty_questions_and_five_thousand_answers_fits_slack() -> None:
    channel = Channel(asks=30)
    hour, posts = channel.hour, []
    for n in range(5000):
        script = SCRIPTS[n % len(SCRIPTS)]
        words = (script * (LENGTHS[n % len(LENGTHS)] // len(script) + 1))[: LENGTHS[n % len(LENGTHS)]]
        posts.append(channel.write(f"A{n % 30 + 1}: {n} {words}", **nasty(n)))
        if n % 20 == 0:
            hour.command("show", str(n + 1))
            channel.turn(SECOND // 4)
        if n % 50 == 0:
            changed = posts[n // 2]
            hour.edit(msgspec.structs.replace(changed, text=Text(f"A1: {n} now"), edited=channel.now))
        if n % 70 == 0:
            hour.command("hide", str(n // 3 + 1))
        if n % 200 == 0:
            judge(hour.session.board("handovers", channel.now))
    while channel.waiting():
        channel.turn()
    timeline = hour.session.state.chats["handovers"].timeline.entries
    wanted = [no for no, entry in timeline.items() if not entry.hidden and entry.held is None]
    assert sorted(channel.entries()) == wanted
    assert len(wanted) > 4000, "the others are held: a link in a first post, more than six a minute"
    assert max(len(numbers) for _, numbers in channel.standing.values()) > 10
    assert channel.judged > 100
    judge(hour.session.board("handovers", channel.now))
    for view in views(channel):
        taken(view)


def views(channel: Channel) -> Iterator[dict[str, Any]]:
    """Every view that hosts and others get to see when they say each verb with nothing, about an entry, and about an
    item."""
    known = [*steering.VERBS, *questions.VERBS, *entries.VERBS, *room.VERBS, *own.VERBS]
    seen: list[Reply] = [channel.hour.session.board("handovers", channel.now)]
    for verb in known:
        if verb in ("end", "erase", "block"):
            continue
        for about in ({}, {"entry": 4999}, {"item": "q30"}, {"item": "4999"}):
            seen.append(channel.hour.reply(verb, forms=True, **about))
            seen.append(channel.hour.reply(verb, forms=True, by="slack:T1/UGUEST", **about))
    assert {type(reply) for reply in seen} >= {Board, Form, str}
    for reply in seen:
        match reply:
            case Board():
                yield home.board(reply)
            case Form():
                yield forms.modal(reply)
            case _ if reply:
                yield forms.told(reply)
                yield home.notice(reply)


def taken(view: dict[str, Any]) -> None:
    """Slack takes it."""
    clock = Clock()
    triggers = Triggers(clock)
    stand_in = Views(clock, triggers, {"U1"}, lambda block: None)
    if view["type"] == "home":
        stand_in.publish({"user_id": "U1", "view": view})
    else:
        stand_in.open({"trigger_id": triggers.issue("U1"), "view": view})
