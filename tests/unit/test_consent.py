"""Whether words from a room stand on the page: who is asked, when, alone, and what their word changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridge.chat.community import SERVER
from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Arrived
from bridge.model import MINUTE, Command, Post, Publish, Reach
from tests.unit.make import NETS, STARTS, Hour, community, person, post

WREN = person("nurse", "slack", name="Ann Lowe", avatar="https://slack.example/ann.png")
CHANGE = " To change that, press another button or type /chat consent name, first or no."


def hour_with(*posts: Post, public: Any = "ask", page: str | None = None) -> Hour:
    networks = (*NETS[:2], msgspec.structs.replace(NETS[2], public=public))
    hour = Hour(community(networks=networks, page=page))
    hour.until(6)
    hour.write(*posts)
    return hour


def said(id_: str = "1", words: str = "A1: we write it down", **more: Any) -> Post:
    fields: dict[str, Any] = {"by": WREN, "network": "slack", "at": STARTS + 6 * MINUTE}
    return post(id_, words, **fields | more)


def choose(hour: Hour, choice: str, by: str = WREN.account, **more: Any) -> str:
    """Press the button of that choice; what they are told."""
    return hour.command("consent", by=by, chat="handovers", item=choice, **more)


def on_page(hour: Hour) -> dict[int, tuple[str, str]]:
    """Entry -> name and words, as anybody reads them; and none of them has a handle or a face."""
    entries = hour.session.view("handovers", "page", hour.now).entries
    assert not [e for e in entries if e.handle or e.avatar]
    return {e.no: (e.name, e.text.plain) for e in entries if e.text is not None}


def withheld(hour: Hour) -> tuple[tuple[str, int], ...]:
    return hour.session.view("handovers", "page", hour.now).withheld


# ---------------------------------------------------------------- asking


def test_the_author_alone_is_asked_beside_their_entry() -> None:
    hour = hour_with()
    orders = len(hour.orders)
    hour.write(said())
    ((account, notice),) = hour.whispers
    assert account == WREN.account
    assert "Shall your answers also stand on the page" in notice.text
    assert "stays in Slack" in notice.text
    assert [(b.label, b.verb, b.chat, b.item) for b in notice.buttons] == [
        ("Show on page with my name", "consent", "handovers", "name"),
        ("Show with my first name", "consent", "handovers", "first"),
        ("Keep in Slack", "consent", "handovers", "no"),
    ]
    assert len(hour.orders) == orders, "nothing that has to arrive, nothing that others see"
    assert on_page(hour) == {}


def test_the_question_names_the_page_if_there_is_one() -> None:
    hour = hour_with(said(), page="https://chat.example.org")
    assert "on the page (https://chat.example.org) and in the transcript" in hour.whispers[0][1].text


@pytest.mark.parametrize(
    ("what", "public"),
    [
        (said(), "yes"),
        (said(), "no"),
        (said(words="A1: not this #nobridge"), "ask"),
        (said(reach="direct"), "ask"),
        (said(network="mastodon", by="nurse", words="A1: in public #WardChat", reach="public"), "ask"),
    ],
)
def test_nobody_is_asked_where_there_is_nothing_to_ask(what: Post, public: Any) -> None:
    hour = hour_with(what, public=public)
    assert hour.entry(what) is not None
    assert hour.whispers == []


@pytest.mark.parametrize("how", ["profile", "stop"])
def test_who_opted_out_is_not_asked(how: str) -> None:
    hour = hour_with()
    if how == "profile":
        hour.wishes(WREN.account, "slack", nobridge=True)
    else:
        hour.write(_asks("stop"))
    hour.write(said())
    assert hour.whispers == []


def test_without_an_answer_a_later_entry_asks_again_but_not_within_ten_minutes() -> None:
    hour = hour_with(said("1"), said("2"))
    hour.until(15)
    hour.write(said("3"))
    assert len(hour.whispers) == 1
    hour.until(16)
    assert len(hour.whispers) == 1, "time alone asks nobody"
    hour.edit(msgspec.structs.replace(said("1", "A1: better"), edited=hour.now))
    assert len(hour.whispers) == 1, "nor does an edit"
    hour.write(said("4"))
    assert len(hour.whispers) == 2
    hour.until(25)
    hour.write(said("5"))
    assert len(hour.whispers) == 2


@pytest.mark.parametrize("choice", ["name", "first", "no"])
def test_who_has_answered_is_not_asked_again(choice: str) -> None:
    hour = hour_with(said("1"))
    choose(hour, choice)
    hour.until(30)
    hour.write(said("2"))
    assert len(hour.whispers) == 1


def test_everybody_is_asked_for_themselves() -> None:
    other = person("porter", "slack")
    hour = hour_with(said("1"), said("2", by=other))
    assert [account for account, _ in hour.whispers] == [WREN.account, other.account]


# ---------------------------------------------------------------- answering


@pytest.mark.parametrize(
    ("choice", "name", "told"),
    [
        ("name", "Ann Lowe", "Done: your answers here now stand on the page with your name."),
        ("first", "Ann", "Done: your answers here now stand on the page with your first name."),
        ("no", None, "Done: your answers stay in Slack."),
    ],
)
def test_a_press_moves_all_of_ones_answers_at_once(choice: str, name: str | None, told: str) -> None:
    hour = hour_with(said("1"), said("2", "A1: and tell the next"), said("3", by="porter"))
    assert on_page(hour) == {}
    hour.event(_pressed(choice))
    assert hour.effects.changed == {"handovers": {1, 2}}
    assert hour.answers[-1] == told + CHANGE
    shown = {} if name is None else {1: (name, "A1: we write it down"), 2: (name, "A1: and tell the next")}
    assert on_page(hour) == shown
    assert withheld(hour) == (("Slack", 3 - len(shown)),)
    hour.write(said("4", "A1: said afterwards"))
    assert (4 in on_page(hour)) is (name is not None), "what follows needs no further word"
    public = [o for o in hour.orders if isinstance(o.op, Publish) and "write it down" in repr(o.op.content)]
    assert not public, "the page alone: words never go from a room to another network by themselves"


def test_ones_mind_can_be_changed_and_the_same_word_twice_does_nothing() -> None:
    hour = hour_with(said("1"))
    choose(hour, "name")
    entry = hour.entries[1]
    revision = entry.revision
    assert choose(hour, "name").startswith("Done: your answers here now stand on the page with your name.")
    assert entry.revision == revision
    choose(hour, "first")
    assert on_page(hour) == {1: ("Ann", "A1: we write it down")}
    choose(hour, "no")
    assert on_page(hour) == {}
    assert withheld(hour) == (("Slack", 1),)
    assert hour.command("consent", "Name", by=WREN.account) == (
        "Done: your answers here now stand on the page with your name." + CHANGE
    ), "typed words will do"
    assert on_page(hour) == {1: ("Ann Lowe", "A1: we write it down")}


def test_the_word_of_one_is_nobody_elses() -> None:
    hour = hour_with(said("1"), said("2", by="porter"))
    choose(hour, "name", by=person("porter", "slack").account)
    assert list(on_page(hour)) == [2]


def test_whoever_is_asked_may_answer_and_command_nothing_else() -> None:
    hour = hour_with(said("1"))
    assert choose(hour, "name").startswith("Done")
    assert hour.command("hide", "1", by=WREN.account).startswith("Only the hosts")
    hour.event(Arrived(SERVER, Command("consent", SERVER, item="name", answer="here")))
    assert hour.answers[-1] == "The server has no words of its own."
    assert SERVER not in hour.session.state.people.all
    assert hour.session.state.chats["handovers"].log == [], "what somebody chose is not the hosts' business"


@pytest.mark.parametrize("words", ["", "yes please", "no way"])
def test_what_is_no_choice_changes_nothing(words: str) -> None:
    hour = hour_with(said("1"))
    assert hour.command("consent", words, by=WREN.account).startswith("Say which")
    assert on_page(hour) == {}


def test_stop_counts_more_than_consent_and_start_brings_it_back() -> None:
    hour = hour_with(said("1"))
    choose(hour, "first")
    hour.write(_asks("stop"))
    assert on_page(hour) == {}
    assert "Message us 'start'" in choose(hour, "name")
    assert on_page(hour) == {}
    hour.write(_asks("start"))
    assert on_page(hour) == {1: ("Ann Lowe", "A1: we write it down")}


def test_where_nothing_leaves_the_room_that_is_what_is_said() -> None:
    hour = hour_with(said("1"), public="no")
    assert choose(hour, "name") == "Here all answers stay in Slack, whatever you choose."
    assert on_page(hour) == {}


# ---------------------------------------------------------------- replay


def test_a_replay_has_asked_the_same_people_and_asks_nobody() -> None:
    hour = hour_with(said("1"), said("2", by="porter"))
    choose(hour, "first")
    hour.until(17)
    hour.write(said("3", by="porter"))
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()
    assert again.state.people.of(person("porter", "slack").account).asked == hour.now


def test_who_wants_to_be_forgotten_leaves_no_name_with_their_choice() -> None:
    hour = hour_with(said("1"))
    event = _pressed("first")
    hour.event(event)
    assert "Ann" in repr(event)
    kept = redact(hour.session.state, WREN.account, event)
    assert "Ann" not in repr(kept)
    hour.events[-1] = msgspec.structs.replace(hour.events[-1], event=kept)
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()
    assert redact(hour.session.state, person("porter", "slack").account, event) == event


def _pressed(choice: str) -> Arrived:
    what = Command("consent", WREN.account, chat="handovers", item=choice, name="Ann Lowe", answer="here")
    return Arrived("slack", what)


def _asks(what: str) -> Post:
    mentions: tuple[str, ...] = ("our:slack",)
    reach: Reach = "direct"
    return said(what, what, mentions=mentions, reach=reach)


# ---------------------------------------------------------------- words that were taken out


@pytest.mark.parametrize("wish", ["stop", "forget me", "profile"])
def test_what_is_left_of_withheld_words_is_never_shown_as_somebodys_words(wish: str) -> None:
    """They stay withheld until the post itself is read again."""
    hour = Hour()
    hour.until(6)
    what = post("1", "A1: we listen #WardChat")
    if wish == "profile":
        hour.wishes(what.author.account, nobridge=True)
    elif wish == "stop":
        hour.write(post("9", "@ours stop", mentions=("our:mastodon",), reach="direct"))
    hour.write(what)
    if wish == "forget me":
        hour.write(post("9", "@ours forget me", mentions=("our:mastodon",), reach="direct"))
        hour.write(post("8", "@ours my record", mentions=("our:mastodon",), reach="direct"))
        assert "hold nothing" in hour.texts("mastodon")[-1]
    if wish == "profile":
        hour.wishes(what.author.account)
    else:
        hour.write(post("10", "@ours start", mentions=("our:mastodon",), reach="direct"))
    view = hour.session.view("handovers", "page", hour.now)
    assert all(entry.text is None for entry in view.entries)
    assert not any("A1." in text for text in hour.mirrored().values() if text)
    hour.edit(what)
    assert "listen" in hour.mirrored()[1]


def test_who_is_forgotten_and_writes_again_leaves_no_name() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: we listen #WardChat"))
    hour.write(post("9", "@ours forget me", mentions=("our:mastodon",), reach="direct"))
    before = len(hour.events)
    hour.write(post("2", "A1: more of my words #WardChat"))
    assert "Nurse" not in repr(hour.events[before:])
