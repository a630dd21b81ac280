"""What people do with an app on the stand-in, as it comes over the socket; reactions, pins, groups."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.slack.console import SHORTCUTS
from simulator.slack.controls import Unusable
from simulator.slack.server import SCOPES
from simulator.slack.wire import BOT_USER, CHAT, HOSTS
from simulator.stage import Draft
from simulator.traces import messages
from tests.adapters.slack_app import (
    Still,
    app,
    button,
    choices,
    field,
    form,
    member,
    menu,
    opened,
    plain,
    refusal,
    section,
    workspace,
)

# ---------------------------------------------------------------- commands, shortcuts, buttons


async def test_nobody_hears_what_is_done_while_no_socket_is_open() -> None:
    async with workspace() as (server, slack):
        host = member(server, "host-01")
        blocks = [section("Held") | {"accessory": button("post", 3)}]
        ts = (await slack.chat_postMessage(channel=HOSTS, text="held", blocks=blocks))["ts"]
        (control,) = server.find_control("post")
        post = f"{HOSTS}/{ts}"
        assert not server.command(host, "next")
        assert not server.shortcut(host, "chatbridge:more", post)
        assert not server.use_control(host, control)
        assert not server.open_home(host)
        assert not server.react(host, post, "heart")
        assert not server.unreact(host, post, "heart")
        assert not server.regroup("S1", ["host-01"])


async def test_a_shortcut_brings_the_whole_message() -> None:
    async with app() as (server, slack, bridge):
        host = member(server, "host-01")
        metadata = {"event_type": "chatbridge_order", "event_payload": {"stamp": "7"}}
        ts = (await slack.chat_postMessage(channel=CHAT, text="A3", username="Ann", metadata=metadata))["ts"]
        await bridge.event()
        assert server.shortcut(host, "chatbridge:more", f"{CHAT}/{ts}")
        used = await bridge.hears("interactive")
        assert (used["type"], used["callback_id"], used["message_ts"]) == (
            "message_action",
            "chatbridge:more",
            ts,
        )
        assert used["channel"] == {"id": CHAT, "name": "chat"}
        assert used["user"]["id"] == host.account
        assert (used["message"]["text"], used["message"]["metadata"]) == ("A3", metadata)
        assert used["trigger_id"]
        assert used["response_url"]
        await slack.chat_delete(channel=CHAT, ts=ts)
        assert not server.shortcut(host, "chatbridge:more", f"{CHAT}/{ts}")
        with pytest.raises(Unusable, match="not in the message's menu"):
            server.shortcut(host, "chatbridge:sing", f"{CHAT}/{ts}")


async def test_buttons_in_sections_and_menus_are_found_and_told_apart() -> None:
    async with app() as (server, slack, bridge):
        host = member(server, "host-01")
        sure = {
            "title": plain("Sure?"),
            "text": plain("All of it"),
            "confirm": plain("Yes"),
            "deny": plain("No"),
        }
        blocks = [
            section("Ann") | {"accessory": button("welcome", 0, value='{"item":"41"}')},
            section("Bob") | {"accessory": button("welcome", 0, value='{"item":"42"}', confirm=sure)},
            {
                "type": "actions",
                "elements": [{"type": "button", "url": "https://tea.example", "text": plain("Page")}],
            },
            section("x") | {"accessory": menu(2)},
        ]
        await slack.chat_postMessage(channel=HOSTS, text="board", blocks=blocks)
        await bridge.event()
        ann, bob = server.find_control("welcome")
        assert (ann["value"], bob["value"]) == ({"item": "41"}, {"item": "42"})
        assert server.use_control(host, bob)
        used = await bridge.hears("interactive")
        assert used["actions"][0]["value"] == '{"item":"42"}'
        assert (used["actions"][0]["block_id"], used["state"]) == ("b2", {"values": {}})
        _, second = server.find_control("hide")
        assert server.use_control(host, second)
        used = await bridge.hears("interactive")
        assert used["actions"][0]["selected_option"] == menu(2)["options"][1]


async def test_buttons_in_a_direct_message_are_for_one_person() -> None:
    async with app() as (server, slack, bridge):
        nurse, porter = member(server), member(server, "porter-01")
        ask = [section("Show it?") | {"accessory": button("consent", 1)}]
        await slack.chat_postMessage(channel=nurse.account, text="Show it?", blocks=ask)
        await bridge.event()
        (control,) = server.find_control("consent")
        assert (control["user"], control["told"]) == ("nurse-01", 0)
        assert not server.use_control(porter, control)
        assert server.use_control(nurse, control)
        await bridge.hears("interactive")
        await slack.chat_postMessage(channel=nurse.account, text="Done.")
        assert server.find_control("consent")[0]["told"] == 1


async def test_what_people_do_comes_once_and_a_late_answer_counts_for_nothing() -> None:
    async with app() as (server, _, bridge):
        host = member(server, "host-01")
        for kind in ("duplicated", "reordered", "bad_payload", "socket_dropped"):
            server.faults.at("slack", kind, 0)
        for n in range(3):
            assert server.command(host, f"extend {n}")
        asked = [await bridge.hears("slash_commands") for _ in range(3)]
        assert [payload["text"] for payload in asked] == ["extend 0", "extend 1", "extend 2"]
        assert not server.faults.fired, "Slack sends no interaction again"
        server.hub.patience = 0
        server.command(host, "help")
        await bridge.hears("slash_commands", {"text": "too late"})
        assert server.whispers == []


async def test_an_address_for_answers_takes_five_in_half_an_hour() -> None:
    async with app() as (server, slack, bridge), aiohttp.ClientSession() as session:
        host = member(server, "host-01")

        async def say(url: str, **words: Any) -> tuple[int, Any]:
            async with session.post(url, json=words) as answer:
                return answer.status, await answer.json()

        server.command(host, "help")
        url = (await bridge.hears("slash_commands", {"text": "At once"}))["response_url"]
        assert [w.words for w in server.whispers] == ["At once"], "with the acknowledgement"
        for n in range(4):
            assert await say(url, text=f"{n}") == (200, {"ok": True})
        assert (await say(url, text="five", blocks=[{"type": "poem"}]))[1]["error"] == "invalid_blocks"
        assert await say(url, text="six") == (404, {"ok": False, "error": "used_url"})
        assert [(w.user, w.words) for w in server.whispers[1:]] == [(host.account, f"{n}") for n in range(4)]
        ts = (
            await slack.chat_postMessage(
                channel=HOSTS, text="board", blocks=[section("x") | {"accessory": button("next")}]
            )
        )["ts"]
        await bridge.event()
        server.use_control(host, server.find_control("next")[0])
        url = (await bridge.hears("interactive"))["response_url"]
        await say(url, replace_original=True, text="done")
        assert server.said[f"{HOSTS}/{ts}"].text == "done"
        await say(url, response_type="in_channel", text="for all")
        assert [s.text for s in server.said.values() if not s.deleted] == ["done", "for all"]
        await say(url, delete_original=True)
        assert [s.text for s in server.said.values() if not s.deleted] == ["for all"]
        server.addresses._clock = clock = Still()
        clock.at = server.clock.now() + 31 * 60 * 1_000_000
        assert await say(url, text="late") == (404, {"ok": False, "error": "expired_url"})


# ---------------------------------------------------------------- reactions, pins, groups


async def test_reactions_of_people_are_told_and_found_in_history() -> None:
    async with app() as (server, slack, bridge):
        host, nurse = member(server, "host-01"), member(server)
        post = server.write(nurse, Draft("an answer"))
        await bridge.event()
        assert server.react(host, post, "no_entry_sign")
        told = await bridge.event()
        item = {"type": "message", "channel": CHAT, "ts": post.partition("/")[2]}
        assert {key: told[key] for key in ("type", "user", "reaction", "item", "item_user")} == {
            "type": "reaction_added",
            "user": host.account,
            "reaction": "no_entry_sign",
            "item": item,
            "item_user": nurse.account,
        }
        with pytest.raises(Unusable):
            server.react(host, post, "no_entry_sign")
        server.react(nurse, post, "no_entry_sign")
        (seen,) = (await slack.conversations_history(channel=CHAT))["messages"]
        both = [host.account, nurse.account]
        assert seen["reactions"] == [{"name": "no_entry_sign", "users": both, "count": 2}]
        await bridge.event()
        server.unreact(host, post, "no_entry_sign")
        assert (await bridge.event())["type"] == "reaction_removed"
        (seen,) = (await slack.conversations_replies(channel=CHAT, ts=item["ts"]))["messages"]
        assert seen["reactions"][0]["users"] == [nurse.account]
        ts = (await slack.chat_postMessage(channel=CHAT, text="A3", username="Ann"))["ts"]
        await bridge.event()
        server.react(host, f"{CHAT}/{ts}", "heart")
        assert "item_user" not in await bridge.event(), "its author is no user"


async def test_an_app_hears_of_reactions_where_it_may() -> None:
    few = tuple(scope for scope in SCOPES if scope != "reactions:read")
    for options in ({"scopes": few}, {"joined": (HOSTS,)}):
        async with app(**options) as (server, _, _):
            nurse = member(server)
            assert not server.react(nurse, server.write(nurse, Draft("an answer")), "heart")


async def test_reactions_of_the_app() -> None:
    async with workspace(scopes=(*SCOPES, "reactions:write")) as (server, slack):
        ts = server.write(member(server), Draft("an answer")).partition("/")[2]
        here = {"channel": CHAT, "timestamp": ts}
        await slack.reactions_add(name="heart", **here)
        for call, error in (
            (slack.reactions_add(name="heart", **here), "already_reacted"),
            (slack.reactions_add(name="No Such", **here), "invalid_name"),
            (slack.reactions_remove(name="star", **here), "no_reaction"),
            (slack.reactions_add(name="star", channel=CHAT, timestamp="1.000000"), "message_not_found"),
            (slack.reactions_add(name="star", channel=CHAT, timestamp="soon"), "bad_timestamp"),
            (slack.reactions_remove(name="star", channel=CHAT), "no_item_specified"),
        ):
            assert (await refusal(call))["error"] == error
        for n in range(60):
            server.react(member(server, f"nurse-{n + 2:02}"), f"{CHAT}/{ts}", "heart")
        for full, listed in ((False, 50), (True, 61)):
            ((heart,),) = [(await slack.reactions_get(full=full, **here))["message"]["reactions"]]
            assert (heart["count"], len(heart["users"]), heart["users"][0]) == (61, listed, BOT_USER)
        await slack.reactions_remove(name="heart", **here)


async def test_pins() -> None:
    async with workspace(scopes=(*SCOPES, "pins:read")) as (_, slack):
        ts = (await slack.chat_postMessage(channel=HOSTS, text="board"))["ts"]
        await slack.pins_add(channel=HOSTS, timestamp=ts)
        assert [i["message"]["ts"] for i in (await slack.pins_list(channel=HOSTS))["items"]] == [ts]
        for call, error in (
            (slack.pins_add(channel=HOSTS, timestamp=ts), "already_pinned"),
            (slack.pins_add(channel=HOSTS), "no_item_specified"),
            (slack.pins_add(channel=HOSTS, timestamp="1.000000"), "message_not_found"),
            (slack.pins_add(channel="C9", timestamp=ts), "channel_not_found"),
        ):
            assert (await refusal(call))["error"] == error
        await slack.pins_remove(channel=HOSTS, timestamp=ts)
        assert (await refusal(slack.pins_remove(channel=HOSTS, timestamp=ts)))["error"] == "no_pin"
        assert (await slack.pins_list(channel=HOSTS))["items"] == []


async def test_direct_conversations_and_user_groups() -> None:
    scopes, groups = (*SCOPES, "im:write"), {"S1": ["host-01", "host-02"]}
    async with app(scopes=scopes, groups=groups) as (server, slack, bridge):
        one, two = member(server, "host-01"), member(server, "host-02")
        direct = (await slack.conversations_open(users=[one.account]))["channel"]["id"]
        again = await slack.conversations_open(users=one.account)
        assert (again["channel"]["id"], again["already_open"]) == (direct, True)
        await slack.chat_postMessage(channel=direct, text="hello")
        await bridge.event()
        for users, error in (
            ("", "users_list_not_supplied"),
            ("U9", "user_not_found"),
            (BOT_USER, "cannot_dm_bot"),
        ):
            assert (await refusal(slack.conversations_open(users=users)))["error"] == error
        users = (await slack.usergroups_users_list(usergroup="S1"))["users"]
        assert users == [one.account, two.account]
        refused = await refusal(slack.usergroups_users_list(usergroup="S9"))
        assert refused["error"] == "no_such_subteam"
        assert server.regroup("S1", ["host-02"])
        changed = await bridge.event()
        assert (changed["type"], changed["subteam_id"]) == ("subteam_members_changed", "S1")
        assert (changed["added_users"], changed["removed_users"]) == ([], [one.account])
        server.leave(two)
        assert (await slack.usergroups_users_list(usergroup="S1"))["users"] == []


@pytest.mark.parametrize(
    ("method", "needed"),
    [
        ("conversations.open", "im:write"),
        ("usergroups.users.list", "usergroups:read"),
        ("reactions.get", "reactions:read"),
        ("reactions.add", "reactions:write"),
        ("pins.add", "pins:write"),
        ("pins.list", "pins:read"),
    ],
)
async def test_methods_name_the_scope_they_lack(method: str, needed: str) -> None:
    async with workspace(scopes=("chat:write",)) as (_, slack):
        refused = await refusal(slack.api_call(method, json={}))
        assert (refused["error"], refused["needed"]) == ("missing_scope", needed)


def test_an_app_is_and_may_what_its_manifest_says() -> None:
    manifest = Path("slack-manifest.yaml").read_text(encoding="utf-8")
    bot = manifest.partition("scopes:")[2].partition("settings:")[0]
    assert set(re.findall(r"- ([a-z_.:]+)", bot)) == set(SCOPES)
    assert re.findall(r"callback_id: (\S+)", manifest) == list(SHORTCUTS)


# ---------------------------------------------------------------- what is seen


async def test_everything_people_see_can_be_searched() -> None:
    async with app() as (server, slack, bridge):
        quoted = section("x") | {"text": {"type": "mrkdwn", "text": "words in a form"}}
        host = await opened(
            server, slack, bridge, form(quoted, choices("an option"), field(initial_value="so far"))
        )
        blocks = [section("y") | {"fields": [plain("words at home")], "text": plain("Q3")}]
        await slack.views_publish(user_id=host.account, view={"type": "home", "blocks": blocks})
        await slack.chat_postEphemeral(channel=HOSTS, user=host.account, text="words for one")
        board = [section("z") | {"accessory": button("hide", text=plain("words on a button"))}]
        await slack.chat_postMessage(channel=HOSTS, text="board", blocks=board)
        places = messages({"slack": server})
        assert "words on a button" in places["a message on slack"].decode()
        seen = places["what host-01 alone sees on slack"].decode()
        for words in ("words in a form", "an option", "so far", "words at home", "words for one"):
            assert words in seen
        assert "words on a button" in [s.text for s in server.said.values()][-1]
        server.close(host)
        assert (
            "words in a form" not in messages({"slack": server})["what host-01 alone sees on slack"].decode()
        )
