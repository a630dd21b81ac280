"""What people use in Slack, as the core hears of it: first as Slack documents its payloads, then over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.slack import console, ids
from adapters.slack.convert import Home
from adapters.slack.feed import CONTROLS
from bridge.model import Board, Button, Command, Field, Form, Malformed, Notice, Publish, Ref, Written
from simulator.slack.wire import CHAT, HOSTS, VERIFICATION
from simulator.stage import Person
from tests.adapters.slack_rig import commanded, server, slack, subject
from tests.conformance.came import Session
from tests.conformance.rig import Rig

HOME = Home("slack", "T1", "https://teashop.slack.example/", "UBOT", "BBOT", "CCHAT", "CHOSTS", "ABOT")
ANN = {"id": "UANN", "username": "ann", "name": "ann", "team_id": "T1"}
TRIGGER = "12466734323.1395872398.abc"


def payload(kind: str, **more: Any) -> dict[str, Any]:
    """What every interaction carries (documentation, Interaction payloads)."""
    common = {"user": ANN, "team": {"id": "T1", "domain": "teashop"}, "api_app_id": "ABOT", "token": "x"}
    return {"type": kind, "trigger_id": TRIGGER, "enterprise": None, **common, **more}


def pressed(name: str = "chatbridge:next:0", **value: Any) -> dict[str, Any]:
    return {
        "type": "button",
        "block_id": "b",
        "action_id": name,
        "text": {"type": "plain_text", "text": "Post Q3 now"},
        "value": json.dumps(value),
        "action_ts": "1700000001.000100",
    }


def modal(**more: Any) -> dict[str, Any]:
    view = {
        "id": "V1",
        "team_id": "T1",
        "type": "modal",
        "callback_id": "chatbridge:reply",
        "private_metadata": json.dumps({"chat": "tea", "item": "42", "channel": "CCHAT"}),
        "state": {
            "values": {
                "words": {"words": {"type": "plain_text_input", "value": "Thank you <b> & more"}},
                "choice": {
                    "choice": {
                        "type": "static_select",
                        "selected_option": {"text": {"type": "plain_text", "text": "Q3"}, "value": "q3"},
                    }
                },
            }
        },
        "hash": "1700000002.abc",
        "root_view_id": "V1",
    }
    return view | more


def one(body: dict[str, Any]) -> Command:
    (command,) = console.commands(body, HOME, "Ann")
    assert (command.by, command.name) == ("slack:T1/UANN", "Ann")
    return command


def where(command: Command) -> ids.Where:
    return ids.parse_answer(command.answer)


# ---------------------------------------------------------------- as Slack documents it


def test_a_button_of_a_message_can_be_answered_by_a_form() -> None:
    action = pressed(chat="tea", item="q3", on="mastodon", text="said with it")
    body = payload(
        "block_actions",
        container={
            "type": "message",
            "message_ts": "1.000001",
            "channel_id": "CHOSTS",
            "is_ephemeral": False,
        },
        channel={"id": "CHOSTS", "name": "hosts"},
        message={"ts": "1.000001", "text": "the board"},
        state={"values": {}},
        response_url="https://hooks.slack.com/actions/T1/1/x",
        actions=[action],
    )
    command = one(body)
    assert (command.verb, command.chat, command.item, command.on) == ("next", "tea", "q3", "mastodon")
    assert (command.text, command.forms) == ("said with it", True)
    assert where(command) == ids.Where("UANN", "CHOSTS", TRIGGER)


def test_of_an_ephemeral_message_only_the_place_is_told() -> None:
    container = {"type": "message", "message_ts": "1.000001", "channel_id": "CCHAT", "is_ephemeral": True}
    body = payload(
        "block_actions", container=container, actions=[pressed("chatbridge:consent:0", item="yes")]
    )
    assert where(one(body)).channel == "CCHAT"


def test_a_button_in_a_form_hands_in_what_stands_there_and_names_the_form() -> None:
    action = pressed("chatbridge:preview:0", chat="tea", item="q3")
    command = one(payload("block_actions", container={"type": "view"}, view=modal(), actions=[action]))
    assert (command.verb, command.item, command.text, command.choice) == (
        "preview",
        "q3",
        "Thank you <b> & more",
        "q3",
    )
    assert where(command) == ids.Where("UANN", "CCHAT", TRIGGER, "V1", "1700000002.abc")


def test_a_form_shown_anew_may_call_its_blocks_otherwise() -> None:
    values = {"words-2": {"words": {"type": "plain_text_input", "value": "newer"}}}
    command = one(payload("view_submission", view=modal(state={"values": values}), response_urls=[]))
    assert (command.text, command.choice) == ("newer", "")


def test_an_empty_form_says_nothing() -> None:
    values = {
        "words": {"words": {"type": "plain_text_input", "value": None}},
        "choice": {"choice": {"type": "static_select", "selected_option": None}},
    }
    command = one(payload("view_submission", view=modal(state={"values": values})))
    assert (command.text, command.choice) == ("", "")


def test_a_form_handed_in_is_told_where_it_was_asked_for() -> None:
    command = one(payload("view_submission", view=modal(), response_urls=[]))
    assert (command.verb, command.chat, command.item) == ("reply", "tea", "42")
    assert (command.text, command.choice) == ("Thank you <b> & more", "q3")
    assert where(command) == ids.Where("UANN", "CCHAT", TRIGGER), "the form itself is closed"


def test_a_button_of_the_home_tab_is_answered_there() -> None:
    view = {"id": "V9", "type": "home", "private_metadata": "", "state": {"values": {}}, "hash": "1.a"}
    body = payload("block_actions", container={"type": "view", "view_id": "V9"}, view=view)
    command = one(body | {"actions": [pressed("chatbridge:edit:3", chat="tea", item="q4")]})
    assert (command.verb, command.item, command.forms) == ("edit", "q4", True)
    assert where(command) == ids.Where("UANN", trigger=TRIGGER, home=True)


def test_opening_the_home_tab_is_a_command_and_the_others_are_not() -> None:
    event = {"type": "app_home_opened", "user": "UANN", "channel": "D1", "tab": "home", "event_ts": "1"}
    (command,) = console.opened(event, HOME, "Ann")
    assert (command.verb, command.by, command.forms) == ("home", "slack:T1/UANN", False)
    assert where(command) == ids.Where("UANN", home=True)
    assert console.opened(event | {"tab": "messages"}, HOME, "Ann") == []


def test_a_shortcut_names_the_message() -> None:
    body = payload(
        "message_action",
        callback_id="chatbridge:move",
        action_ts="1700000001.000100",
        message_ts="1700000000.000100",
        channel={"id": "CCHAT", "name": "chat"},
        message={"type": "message", "user": "UBEN", "ts": "1700000000.000100", "text": "A1"},
        response_url="https://hooks.slack.com/app/T1/1/x",
    )
    command = one(body)
    assert (command.verb, command.at) == ("move", Ref("slack", "CCHAT/1700000000.000100"))
    assert command.forms
    assert where(command) == ids.Where("UANN", "CCHAT", TRIGGER)
    body["message"]["thread_ts"] = "1600000000.000100"
    assert where(one(body)) == ids.Where("UANN", "CCHAT", TRIGGER, thread="1600000000.000100")
    body["message"]["thread_ts"] = body["message_ts"]
    assert where(one(body)).thread == "", "others replied to it: it stands in the channel itself"


@pytest.mark.parametrize(
    ("typed", "verb", "text"),
    [
        ("next", "next", ""),
        ("  EXTEND   5 ", "extend", "5"),
        ("say salt &amp; pepper &lt;3", "say", "salt & pepper <3"),
        ("ask *Why* <https://tea.example>?", "ask", "*Why* <https://tea.example>?"),
        ("", "help", ""),
        (None, "help", ""),
    ],
)
def test_a_slash_command(typed: str | None, verb: str, text: str) -> None:
    body = {
        "command": "/chat",
        "text": typed,
        "user_id": "UANN",
        "user_name": "ann",
        "channel_id": "C9",
        "trigger_id": TRIGGER,
        "api_app_id": "ABOT",
    }
    command = one(body)
    assert (command.verb, command.text, command.forms) == (verb, text, True)
    assert where(command) == ids.Where("UANN", "C9", TRIGGER)
    assert console.user(body)["id"] == "UANN"


def test_what_is_not_ours_is_let_be() -> None:
    choice = {"type": "static_select", "action_id": "choice", "selected_option": None}
    assert console.commands(payload("block_actions", view=modal(), actions=[choice]), HOME, "Ann") == []


@pytest.mark.parametrize(
    "body",
    [
        payload("view_submission", view=modal(callback_id="other")),
        payload("view_submission", view=modal(private_metadata="{")),
        payload("message_action", callback_id="chatbridge:hide", channel={"id": "C"}, message_ts="now"),
        payload("message_action", callback_id="chatbridge:hide", message_ts="1.000001"),
        payload("block_actions", actions=[pressed() | {"value": "?"}]),
        payload("shortcut", callback_id="chatbridge:ask"),
    ],
)
def test_what_cannot_be_read_says_so(body: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        console.commands(body, HOME, "Ann")


def test_each_use_is_known_from_every_other() -> None:
    assert console.once(payload("block_actions")) == TRIGGER
    forms = [modal(), modal(hash="1700000003.abc"), modal(id="V2")]
    bare = [{"type": "view_submission", "user": ANN, "view": view} for view in forms]
    assert len({console.once(body) for body in bare}) == 3
    assert console.once(bare[0]) == console.once({**bare[0]})


# ---------------------------------------------------------------- over the wire


async def answered(rig: Rig, link: Session, who: Person, command: Command, form: Form) -> None:
    """The core answers, and the person sees it."""
    await slack(link).answer(command.answer, form)
    await rig.until(lambda: server(rig).modal(who) is not None, "the form")


REPLY = Form(
    "Reply", "reply", "tea", item="42", field=Field("Words"), buttons=(Button("Look", "look", "tea"),)
)


async def test_a_shortcut_opens_a_form_that_is_looked_at_and_handed_in() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, stage = rig.person(name="host"), server(rig)
        said = rig.says(rig.person(), "an answer")
        await link.expect(Written, said)
        assert stage.shortcut(host, "chatbridge:reply", said.id)
        (used,) = await commanded(link, 1)
        assert (used.verb, used.at, used.name, used.forms) == (
            "reply",
            Ref("slack", said.id),
            host.name,
            True,
        )
        await answered(rig, link, host, used, REPLY)
        assert stage.press(host, "look", text="thank you")
        looked = (await commanded(link, 2))[1]
        assert (looked.verb, looked.text) == ("look", "thank you")
        assert where(looked).view
        assert stage.submit(host, text="thank you very much")
        handed = (await commanded(link, 3))[2]
        assert (handed.verb, handed.chat, handed.item, handed.text) == (
            "reply",
            "tea",
            "42",
            "thank you very much",
        )
        assert where(handed).channel == CHAT
        await rig.until(lambda: stage.modal(host) is None, "the form to close")


async def test_a_button_and_a_command_say_where_to_answer() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, stage = rig.person(name="host"), server(rig)
        notice = Notice("Q3 is due.", (Button("Post it now", "post", "tea", item="q3", on="mastodon"),))
        await link.sent(rig.order(Publish(notice), place="hosts", lane="hosts"))
        (button,) = stage.find_control("post")
        assert stage.use_control(host, button)
        assert stage.command(host, "Hold", channel=CHAT)
        post, hold = await commanded(link, 2)
        assert (post.verb, post.item, post.on, where(post).channel) == ("post", "q3", "mastodon", HOSTS)
        assert (hold.verb, where(hold).channel) == ("hold", CHAT)
        assert all(command.forms and command.name == host.name for command in (post, hold))
        assert not any(item.cursor for item in link.items if isinstance(item.what, Command))


async def test_the_home_tab_is_a_command_and_its_buttons_too() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, stage = rig.person(name="host"), server(rig)
        assert stage.open_home(host)
        (opened,) = await commanded(link, 1)
        assert (opened.verb, opened.name, where(opened).home) == ("home", host.name, True)
        button = Button("Extend by 5 min", "extend", "tea", text="5")
        now = rig.clock.now()
        board = Board("tea", "Tea", "CoastalTea", now, "open", now, now, "Europe/London", buttons=(button,))
        await slack(link).answer(opened.answer, board)
        await rig.until(lambda: stage.home(host) is not None, "the Home tab")
        assert stage.press(host, "extend")
        pressed = (await commanded(link, 2))[1]
        assert (pressed.verb, pressed.text, where(pressed).home) == ("extend", "5", True)


async def test_a_control_told_twice_is_used_once() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, stage = rig.person(name="host"), server(rig)
        twice = {"command": "/chat", "text": "next", "user_id": host.account, "channel_id": HOSTS}
        for trigger in ("1.1.a", "1.1.a", "1.1.b"):
            stage.hub.slash(twice | {"trigger_id": trigger})
        stage.command(host, "hold")
        commands = await commanded(link, 3)
        assert [command.verb for command in commands] == ["next", "next", "hold"]


async def test_controls_keep_their_order() -> None:
    async with subject().rig() as rig, rig.open() as link:
        hosts = [rig.person(name="host") for _ in range(3)]
        for n in range(60):
            server(rig).command(hosts[n % 3], f"say {n}")
        said = await commanded(link, 60)
        assert [int(command.text) for command in said] == list(range(60))


async def test_controls_do_not_wait_for_what_is_being_read() -> None:
    """A gap takes minutes to read where Slack asks us to be slow; a form must be opened within three seconds."""
    async with subject().rig() as rig:
        said, host, stage = rig.says(rig.person(), "long ago"), rig.person(name="host"), server(rig)
        async with rig.open(read=False) as link:
            rig.strike("slow")
            link.start(None)
            await rig.until(lambda: "conversations.history" in methods(rig), "the history to be asked for")
            assert stage.command(host, "hold")
            await link.expect(Written, said)
            kinds = [type(item.what) for item in link.items]
            assert kinds.index(Command) < kinds.index(Written)
            assert rig.faults.fired["slow"] == 1


async def test_a_control_that_cannot_be_read_is_kept_for_somebody_to_look_at() -> None:
    async with subject().rig() as rig, rig.open() as link:
        stage, host = server(rig), rig.person(name="host")
        stage.hub.interactive(
            payload("view_submission", view=modal(private_metadata="{"), trigger_id="1.2.c")
        )
        stage.command(host, "hold")
        await commanded(link, 1)
        (bad,) = link.others(Malformed)
        assert b"view_submission" in bad.payload


async def test_what_is_kept_to_look_at_lets_nobody_speak_as_slack() -> None:
    """The journal holds it: no token of the payload's, no address to answer at."""
    async with subject().rig() as rig, rig.open() as link:
        stage, person = server(rig), rig.person()
        address = stage.addresses.issue(person.account, CHAT)
        secret = {"token": VERIFICATION, "response_urls": [{"response_url": address}]}
        stage.hub.interactive(payload("view_submission", view=modal(private_metadata="{")) | secret)
        stage.hub.event({"type": None, "url": {"token": VERIFICATION}})
        await link.until(lambda: len(link.others(Malformed)) == 2, "both that nobody can read")
        kept = b"\n".join(bad.payload for bad in link.others(Malformed))
        assert b"view_submission" in kept
        assert '"token": "…"'.encode() in kept
        assert not [secret for secret in stage.given if secret.encode() in kept]


async def test_a_flood_of_controls_is_bounded() -> None:
    async with subject().rig() as rig, rig.open(read=False) as link:
        host, stage = rig.person(name="host"), server(rig)
        for n in range(CONTROLS + 20):
            stage.command(host, f"say {n}")
        await rig.until(
            lambda: len(stage.hub.acked) == CONTROLS, "those to be acknowledged for which there is room"
        )
        link.start(None)
        said = await commanded(link, CONTROLS)
        rig.says(rig.person(), "later")
        await link.until(lambda: link.others(Written), "what follows")
        assert [int(c.text) for c in said] == list(range(CONTROLS))
        assert len(stage.hub.acked) == CONTROLS + 1, "of the others Slack itself says that they did not work"


async def test_who_cannot_be_looked_up_can_still_command() -> None:
    async with subject().rig() as rig, rig.open() as link:
        server(rig).command(Person("ghost-01", "Ghost 1", "slack", account="U9GHOST"), "hold")
        (command,) = await commanded(link, 1)
        assert (command.verb, command.by) == ("hold", "slack:T0TEASHOP/U9GHOST")


async def test_nobody_waits_for_a_name() -> None:
    async with subject().rig(patience=0.3) as rig, rig.open() as link:
        await link.expect(Written, rig.says(rig.person(), "the gap is read"))
        rig.strike("slow")
        server(rig).command(host := rig.person(name="host"), "hold")
        (command,) = await commanded(link, 1)
        assert rig.faults.fired["slow"] == 1
        assert (command.verb, command.name) == ("hold", host.handle)


def methods(rig: Rig) -> list[str]:
    return [method for method, _ in server(rig).api.calls]
