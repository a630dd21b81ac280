"""What people see and choose of their own words, in commands: `/chat me`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bridge.chat.commands import VERBS
from bridge.chat.community import SERVER
from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Arrived
from bridge.model import Account, Command, Notice, Post
from tests.unit.make import NETS, SLACK_HOST, Hour, at, community, person, post

ANN = person("nurse", "slack", name="Ann Lowe")
PORTER = person("porter", "slack")


def said(id_: str = "1", words: str = "A1: we write it down", **more: Any) -> Post:
    fields: dict[str, Any] = {"by": ANN, "network": "slack"}
    return post(id_, words, **fields | more)


def hour_with(*posts: Post, public: Any = "ask", page: str | None = None) -> Hour:
    networks = (*NETS[:2], msgspec.structs.replace(NETS[2], public=public))
    hour = Hour(community(networks=networks, page=page))
    hour.until(6)
    hour.write(*posts)
    return hour


def me(hour: Hour, words: str = "", by: Account = ANN.account, **more: Any) -> Notice:
    answer = hour.reply("me", words, by=by, **more)
    assert isinstance(answer, Notice)
    return answer


def offers(notice: Notice) -> list[str]:
    assert all(button.verb == "me" for button in notice.buttons)
    return [button.text for button in notice.buttons]


def on_page(hour: Hour) -> list[str]:
    view = hour.session.view("handovers", "page", hour.now)
    return [entry.name for entry in view.entries if entry.text is not None]


# ---------------------------------------------------------------- seeing


def test_who_has_written_nothing_is_told_so() -> None:
    hour = hour_with()
    notice = me(hour)
    assert (
        notice.text
        == "We hold nothing of yours. What you write here stays in Slack until you choose otherwise."
    )
    assert ANN.account not in hour.session.state.people.all, "looking remembers nobody"


def test_what_is_held_is_named_and_where_it_stands() -> None:
    hour = hour_with(
        said("1"), said("2", "A1: and tell the next"), said("3", by=PORTER), page="https://chat.example.org"
    )
    notice = me(hour)
    assert notice.text == (
        "We hold 2 posts of yours: A1 · 1, A1 · 2. What you wrote here stays in Slack until you choose otherwise."
    )
    assert offers(notice) == ["show name", "show first", "keep", "stop", "record", "forget"]
    (sure,) = (b for b in notice.buttons if b.confirm)
    assert sure.text == "forget"
    assert me(hour, "record").text == notice.text
    assert me(hour, by=PORTER.account).text.startswith("We hold 1 post of yours: A1 · 3.")


@pytest.mark.parametrize(
    ("public", "choice", "where"),
    [
        ("ask", "show first", "stands on the page (https://p.test), with your first name."),
        ("ask", "keep", "stays in Slack."),
        ("yes", "", "stands on the page (https://p.test), with your name."),
        ("yes", "keep", "stays in Slack."),
        ("no", "", "stays in Slack, as everybody's does."),
    ],
)
def test_where_it_stands_is_what_the_page_shows(public: Any, choice: str, where: str) -> None:
    hour = hour_with(said(), public=public, page="https://p.test")
    assert me(hour, choice).text.endswith(where)
    assert bool(on_page(hour)) is ("stands" in where)


def test_elsewhere_it_is_public_and_stop_is_the_choice() -> None:
    hour = hour_with(post("m", "A1: in public #WardChat"))
    account = "acct:nurse@ward.example"
    hour.event(Arrived("mastodon", Command("me", account, answer="here")))
    answer = hour.replies[-1]
    assert isinstance(answer, Notice)
    assert answer.text.endswith("What you wrote in public is shown with the chat, and in the transcript.")
    assert offers(answer) == ["stop", "record", "forget"]
    hour.event(Arrived("mastodon", Command("me", account, text="show first", answer="here")))
    assert "anybody can read" in str(hour.replies[-1])


# ---------------------------------------------------------------- choosing


@pytest.mark.parametrize(
    ("words", "names"),
    [("show", ["Ann Lowe"]), ("show name", ["Ann Lowe"]), ("Show  First", ["Ann"]), ("keep", [])],
)
def test_show_and_keep_do_what_the_buttons_of_the_question_do(words: str, names: list[str]) -> None:
    hour = hour_with(said())
    notice = me(hour, words)
    assert notice.text.startswith("Done: your answers")
    assert on_page(hour) == names
    current = {"keep": "keep", "Show  First": "show first"}.get(words, "show name")
    assert current not in offers(notice)
    other = hour_with(said())
    other.command("consent", {"keep": "no", "Show  First": "first"}.get(words, "name"), by=ANN.account)
    assert (
        other.session.state.people.of(ANN.account).consent
        == hour.session.state.people.of(ANN.account).consent
    )


def test_stop_and_start() -> None:
    hour = hour_with(said())
    me(hour, "show")
    notice = me(hour, "stop")
    assert notice.text.startswith("Done: your posts are no longer shown anywhere else.")
    assert "stays where you write it: you asked for that." in notice.text
    assert offers(notice) == ["start", "record", "forget"]
    assert on_page(hour) == []
    assert me(hour, "start").text.startswith("Thank you")
    assert on_page(hour) == ["Ann Lowe"]


@pytest.mark.parametrize("words", ["forget", "forget me"])
def test_forget_does_what_a_message_to_the_bridge_does(words: str) -> None:
    hour, other = hour_with(said()), hour_with(said())
    me(hour, "show")
    other.command("consent", "name", by=ANN.account)
    notice = me(hour, words)
    assert notice.text.startswith("Done: your words are gone from our records.")
    assert "We hold nothing of yours." in notice.text
    other.write(said("9", "forget me", mentions=("our:slack",), reach="direct"))
    for one in (hour, other):
        assert on_page(one) == []
        someone = one.session.state.people.of(ANN.account)
        assert (someone.forgotten, someone.stopped) == (True, True)
        assert "write it down" not in repr(one.session.state.chats)


def test_forgetting_asks_for_the_same_in_the_journal() -> None:
    hour = hour_with(said())
    hour.event(Arrived("slack", Command("me", ANN.account, text="forget", name="Ann Lowe", answer="here")))
    assert hour.effects.forget == [ANN.account]
    kept = redact(hour.session.state, ANN.account, hour.events[-1].event)
    assert "Ann" not in repr(kept)


@pytest.mark.parametrize("words", ["everything", "stop it", "show all", "forget her"])
def test_what_is_not_understood_changes_nothing(words: str) -> None:
    hour = hour_with(said())
    before = hour.session.digest()
    assert me(hour, words).text.startswith("Say one of these: me show name")
    assert hour.session.digest() == before


def test_what_was_sent_out_is_in_the_record() -> None:
    hour = hour_with(post("m", "A1: we listen #WardChat", by="midwife"), said("s", ">1 So do we."))
    hour.command("send", "2", by=ANN.account)
    assert me(hour).text.endswith("As a reply out there: 2 (the hosts are asked).")
    hour.command("approve", "2")
    assert me(hour).text.endswith("As a reply out there: 2 (sent).")
    assert "out there" not in me(hour, by=PORTER.account).text


# ---------------------------------------------------------------- anybody, and for themselves alone


OWN: dict[str, Callable[[Hour, Account], object]] = {
    "me show": lambda hour, by: me(hour, "show", by=by),
    "me keep": lambda hour, by: me(hour, "keep", by=by),
    "me stop": lambda hour, by: me(hour, "stop", by=by),
    "me start": lambda hour, by: me(hour, "start", by=by),
    "me forget": lambda hour, by: me(hour, "forget", by=by),
    "consent first": lambda hour, by: hour.command("consent", "first", by=by),
    "send": lambda hour, by: hour.command("send", "2", by=by),
}


@pytest.mark.parametrize("words", OWN)
@pytest.mark.parametrize("by", [PORTER.account, SLACK_HOST, "acct:nurse@ward.example"])
def test_nobodys_word_counts_for_somebody_else(words: str, by: Account) -> None:
    """Nor does one that names them by a button's item, an entry's number, or the message."""
    hour = hour_with(post("m", "A1: we listen #WardChat", by="midwife"), said("s", ">1 So do we."))
    me(hour, "show name")
    before = msgspec.json.encode(hour.session.state.people.of(ANN.account))
    entry = msgspec.json.encode(hour.entries[2])
    OWN[words](hour, by)
    verb, _, text = words.partition(" ")
    for more in ({"item": "2"}, {"entry": 2}, {"at": said("s").ref}, {"item": ANN.account}):
        hour.reply(verb, text, by=by, **more)
    assert msgspec.json.encode(hour.session.state.people.of(ANN.account)) == before
    assert msgspec.json.encode(hour.entries[2]) == entry
    assert hour.session.state.chats["handovers"].outward == {}
    assert on_page(hour)[-1] == "Ann Lowe"


@pytest.mark.parametrize("verb", ["me", "consent", "send"])
def test_anybody_may_and_the_hosts_do_not_read_of_it(verb: str) -> None:
    assert VERBS[verb].anybody
    hour = hour_with(post("m", "A1: we listen #WardChat", by="midwife"), said("s", ">1 So do we."))
    text = {"me": "stop", "consent": "first", "send": "2"}[verb]
    assert "Only the hosts" not in hour.command(verb, text, by=ANN.account)
    assert hour.session.state.chats["handovers"].log == []


@pytest.mark.parametrize("verb", ["me", "consent", "send"])
def test_the_server_has_no_words_of_its_own(verb: str) -> None:
    hour = hour_with(said())
    hour.event(Arrived(SERVER, Command(verb, SERVER, text="1" if verb == "send" else "stop", answer="here")))
    assert SERVER not in hour.session.state.people.all
    assert hour.session.state.chats["handovers"].outward == {}


def test_replay_equals_live() -> None:
    hour = hour_with(said())
    for words in ("show first", "stop", "start", "keep", "record"):
        me(hour, words)
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


def test_a_host_elsewhere_is_told_what_they_can_choose() -> None:
    """What is written there anybody can read: there is no page to be kept off."""
    hour = at(6)
    hour.write(post("1", "@ours consent first", by="wren", mentions=("our:mastodon",), reach="direct"))
    assert "What you write on Mastodon anybody can read" in hour.texts("mastodon")[-1]
    assert hour.session.state.people.of("acct:wren@ward.example").consent == ""
