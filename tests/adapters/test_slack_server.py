"""The stand-in refuses what Slack refuses, with Slack's words, as Slack's own SDK hears them."""

from __future__ import annotations

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from simulator.slack.wire import CHAT, HOSTS
from simulator.stage import Draft
from tests.adapters.slack_app import Still, button, member, menu, plain, refusal, section, workspace


async def test_tokens_and_their_scopes() -> None:
    async with workspace(scopes=("chat:write",)) as (server, slack):
        me = await slack.auth_test()
        assert me["bot_id"]
        assert me.headers["x-oauth-scopes"] == "chat:write"
        refused = await refusal(slack.users_info(user="U1"))
        assert refused == {
            "ok": False,
            "error": "missing_scope",
            "needed": "users:read",
            "provided": "chat:write",
        }
        refused = await refusal(slack.chat_postMessage(channel=CHAT, text="x", username="Ann"))
        assert refused["needed"] == "chat:write.customize"
        refused = await refusal(slack.apps_connections_open(app_token=server.bot_token))
        assert refused["error"] == "not_allowed_token_type"
        slack.token = "xoxb-wrong"
        assert (await refusal(slack.auth_test()))["error"] == "invalid_auth"
        slack.token = None
        assert (await refusal(slack.auth_test()))["error"] == "not_authed"


async def test_the_limits_of_a_message() -> None:
    async with workspace(speed=6000.0) as (_, slack):
        for text, error in (("", "no_text"), ("x" * 40_001, "msg_too_long")):
            post = slack.api_call("chat.postMessage", json={"channel": CHAT, "text": text})
            assert (await refusal(post))["error"] == error
        ts = (await slack.chat_postMessage(channel=CHAT, text="x" * 40_000))["ts"]
        assert (await refusal(slack.chat_update(channel=CHAT, ts=ts, text="x" * 4_001)))[
            "error"
        ] == "msg_too_long"
        for blocks, words in (
            ([{"type": "divider"}] * 51, "no more than 50 items allowed"),
            ([section("x" * 3_001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
            ([section("")], "must be more than 0 characters"),
            ([{"type": "poem"}], "unsupported type: poem"),
            (
                [section("x") | {"colour": "red"}],
                "invalid additional property: colour [json-pointer:/blocks/0]",
            ),
            ([{"type": "section", "fields": [plain("x")] * 11}], "no more than 10 items allowed"),
            ([section("x") | {"accessory": button("hide", style="loud")}], "invalid style"),
            ([section("x") | {"accessory": menu(6)}], "no more than 5 items allowed"),
            ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "unsupported type: mrkdwn"),
            ([section("x") | {"block_id": "b"}] * 2, "`block_id` b already exists"),
        ):
            refused = await refusal(slack.chat_postMessage(channel=CHAT, text="x", blocks=blocks))
            assert refused["error"] == "invalid_blocks"
            assert words in refused["response_metadata"]["messages"][0]
        refused = await refusal(
            slack.chat_postMessage(channel=CHAT, text="x", blocks=[section("x" * 2_900)] * 5)
        )
        assert refused["error"] == "msg_blocks_too_long"


async def test_a_channel_takes_a_message_a_second() -> None:
    async with workspace(speed=1.0) as (_, slack):
        for n in range(4):
            await slack.chat_postMessage(channel=CHAT, text=f"burst {n}")
        with pytest.raises(SlackApiError) as refused:
            await slack.chat_postMessage(channel=CHAT, text="one too many")
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "1"
        await slack.chat_postMessage(channel=HOSTS, text="another channel")


async def test_only_own_messages_can_be_changed_and_only_once_removed() -> None:
    async with workspace() as (server, slack):
        channel, _, ts = server.write(member(server), Draft("theirs")).partition("/")
        assert (await refusal(slack.chat_update(channel=channel, ts=ts, text="x")))[
            "error"
        ] == "cant_update_message"
        assert (await refusal(slack.chat_delete(channel=channel, ts=ts)))["error"] == "cant_delete_message"
        ts = (await slack.chat_postMessage(channel=CHAT, text="ours"))["ts"]
        await slack.chat_delete(channel=CHAT, ts=ts)
        assert (await refusal(slack.chat_delete(channel=CHAT, ts=ts)))["error"] == "message_not_found"


async def test_channels_one_is_not_in() -> None:
    async with workspace(joined=(CHAT,)) as (_, slack):
        assert (await refusal(slack.chat_postMessage(channel=HOSTS, text="x")))["error"] == "not_in_channel"
        assert (await refusal(slack.chat_postMessage(channel="C9", text="x")))["error"] == "channel_not_found"
        await slack.conversations_join(channel=HOSTS)
        await slack.chat_postMessage(channel=HOSTS, text="x")


async def test_a_change_keeps_what_it_is_not_told() -> None:
    async with workspace() as (server, slack):
        blocks, metadata = (
            [section("blocks")],
            {"event_type": "chatbridge_order", "event_payload": {"stamp": "1"}},
        )
        attachments = [{"text": "folded"}]
        ts = (
            await slack.chat_postMessage(
                channel=CHAT, text="text", blocks=blocks, attachments=attachments, metadata=metadata
            )
        )["ts"]
        await slack.chat_update(channel=CHAT, ts=ts, text="new text")
        said = server.said[f"{CHAT}/{ts}"]
        assert said.text == "new text\nfolded", "blocks go when only a text is given, attachments stay"
        assert said.raw["metadata"] == metadata
        assert said.history == ["text\nblocks\nfolded"]


async def test_history_comes_in_pages_newest_first() -> None:
    async with workspace(speed=600.0) as (server, slack):
        person = member(server)
        posts = [server.write(person, Draft(f"{n}")) for n in range(7)]
        server.write(person, Draft("in a thread", reply_to=posts[0]))
        seen: list[str] = []
        cursor = ""
        while True:
            page = await slack.conversations_history(channel=CHAT, limit=3, cursor=cursor)
            seen += [m["text"] for m in page["messages"]]
            if not page["has_more"]:
                break
            cursor = page["response_metadata"]["next_cursor"]
        assert seen == ["6", "5", "4", "3", "2", "1", "0"]
        ts = posts[3].partition("/")[2]
        for inclusive, expected in ((True, ["6", "5", "4", "3"]), (False, ["6", "5", "4"])):
            page = await slack.conversations_history(channel=CHAT, oldest=ts, inclusive=inclusive)
            assert [m["text"] for m in page["messages"]] == expected


async def test_threads_and_what_is_left_of_them() -> None:
    async with workspace() as (server, slack):
        person = member(server)
        parent = server.write(person, Draft("parent"))
        reply = server.write(person, Draft("reply", reply_to=parent))
        parent_ts, reply_ts = (post.partition("/")[2] for post in (parent, reply))
        page = await slack.conversations_replies(channel=CHAT, ts=parent_ts)
        assert [m["text"] for m in page["messages"]] == ["parent", "reply"]
        assert page["messages"][0]["latest_reply"] == reply_ts
        alone = await slack.conversations_replies(channel=CHAT, ts=reply_ts)
        assert [m["thread_ts"] for m in alone["messages"]] == [parent_ts]
        server.delete(person, parent)
        left = await slack.conversations_history(channel=CHAT)
        assert [m["subtype"] for m in left["messages"]] == ["tombstone"]
        server.delete(person, reply)
        assert (await refusal(slack.conversations_replies(channel=CHAT, ts=parent_ts)))[
            "error"
        ] == "thread_not_found"


async def test_metadata_is_given_to_those_who_ask() -> None:
    async with workspace() as (_, slack):
        metadata = {"event_type": "chatbridge_order", "event_payload": {"stamp": "7"}}
        await slack.chat_postMessage(channel=CHAT, text="x", metadata=metadata)
        asked = await slack.conversations_history(channel=CHAT, include_all_metadata=True)
        assert asked["messages"][0]["metadata"] == metadata
        assert "metadata" not in (await slack.conversations_history(channel=CHAT))["messages"][0]


async def test_a_form_is_as_good_as_json() -> None:
    async with workspace() as (server, slack):
        form = {"channel": CHAT, "text": "x", "blocks": '[{"type": "divider"}]', "token": server.bot_token}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{slack.base_url}chat.postMessage", data=form) as a,
        ):
            assert (await a.json())["ok"]


async def test_an_address_for_a_socket_works_once() -> None:
    async with workspace() as (server, slack), aiohttp.ClientSession() as session:
        url = (await slack.apps_connections_open(app_token=server.app_token))["url"]
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)
            server.write(member(server), Draft("5 < 6, https://tea.example @chatbridge"))
            frame = await socket.receive_json()
            event = frame["payload"]["event"]
            assert event["text"] == "5 &lt; 6, <https://tea.example> <@U0BRIDGE>"
            await socket.send_json({"envelope_id": frame["envelope_id"]})
            assert (await socket.receive_json())["payload"]["event"]["type"] == "app_mention"


async def test_a_control_needs_somebody_to_take_it() -> None:
    async with workspace() as (server, slack):
        button = {
            "type": "button",
            "action_id": "chatbridge:post:0",
            "text": {"type": "plain_text", "text": "Post now"},
            "value": '{"chat": "tea", "item": "q3"}',
        }
        blocks = [{"type": "actions", "elements": [button]}]
        ts = (await slack.chat_postMessage(channel=HOSTS, text="held", blocks=blocks))["ts"]
        (control,) = server.find_control("post")
        assert control["value"] == {"chat": "tea", "item": "q3"}
        assert not server.find_control("skip")
        assert not server.use_control(member(server), control), "no socket is open"
        await slack.chat_delete(channel=HOSTS, ts=ts)
        assert not server.find_control("post")


async def test_people_share_pictures_and_list_what_they_ask() -> None:
    async with workspace() as (server, slack):
        person = member(server)
        first = server.write(person, Draft("look", pictures=("A pot", ""), warning="heat", language="cy"))
        poll = server.write(person, Draft("which?", poll=("green", "black"), quote=first, emoji=("blobtea",)))
        page = await slack.conversations_history(channel=CHAT)
        asked, shared = page["messages"]
        assert shared["subtype"] == "file_share"
        assert [f.get("alt_txt") for f in shared["files"]] == ["A pot", None]
        assert asked["text"] == f"which? <{server.said[first].url}>\n1. green\n2. black"
        assert (server.said[first].pictures, server.said[first].warning) == (("A pot", ""), None)
        assert server.said[poll].quote == first


async def test_a_member_who_is_deactivated_leaves_their_words() -> None:
    async with workspace() as (server, slack):
        person = member(server)
        post = server.write(person, Draft("kept"))
        server.leave(person)
        assert (await slack.users_info(user=person.account))["user"]["deleted"] is True
        assert [m["text"] for m in (await slack.conversations_history(channel=CHAT))["messages"]] == ["kept"]
        assert not server.said[post].deleted
        with pytest.raises(AssertionError, match="nurse-01 has left"):
            server.write(person, Draft("more"))


async def test_an_upload_takes_three_steps_and_a_second_to_be_seen() -> None:
    async with workspace() as (server, slack), aiohttp.ClientSession() as session:
        server.files.clock = clock = Still()
        place = await slack.files_getUploadURLExternal(filename="q1.png", length=5, alt_txt="A pot")
        file = {"id": place["file_id"], "title": "q1"}
        complete = slack.files_completeUploadExternal
        assert (await refusal(complete(files=[file])))["error"] == "file_not_found", "no bytes yet"
        async with session.post(place["upload_url"], data=b"1234") as answer:
            assert answer.status == 400, "not the bytes that were promised"
        async with session.post(place["upload_url"], data=b"12345") as answer:
            assert answer.status == 200
        assert (await complete(files=[file]))["files"] == [file]
        assert (await refusal(complete(files=[file])))["error"] == "file_not_found", "once only"
        blocks = [{"type": "image", "slack_file": {"id": file["id"]}, "alt_text": "A pot"}]
        assert (await slack.files_info(file=file["id"]))["file"]["mimetype"] == ""
        refused = await refusal(slack.chat_postMessage(channel=CHAT, text="x", blocks=blocks))
        assert refused["errors"] == ["invalid slack file [json-pointer:/blocks/0/slack_file]"]
        clock.at += 1_000_000
        assert (await slack.files_info(file=file["id"]))["file"]["mimetype"] == "image/png"
        await slack.chat_postMessage(channel=CHAT, text="x", blocks=blocks)


async def test_the_limits_of_files_and_pictures() -> None:
    async with workspace(speed=6000.0) as (server, slack):
        ask = slack.files_getUploadURLExternal
        assert (await refusal(ask(filename="a", length=0)))["error"] == "missing_argument"
        assert (await refusal(ask(filename="a", length=1, alt_txt="x" * 1001)))[
            "error"
        ] == "alt_txt_too_large"
        assert (await refusal(ask(filename="a", length=10**9 + 1)))["error"] == "file_upload_size_restricted"
        server.files.uploads = False
        assert (await refusal(ask(filename="a", length=1)))["error"] == "file_uploads_disabled"
        assert (await refusal(slack.files_info(file="F0")))["error"] == "file_not_found"
        server.files.unreachable.add("gone.example")
        for image, why in (
            ({"image_url": "https://gone.example/p.png"}, "downloading image failed"),
            ({"image_url": "https://10.0.0.1/p.png"}, "downloading image failed"),
            ({"image_url": "https://tea.example/" + "x" * 3000}, "must be less than 3001 characters"),
            ({"image_url": "https://tea.example/p", "slack_file": {"id": "F1"}}, "must provide exactly one"),
            ({"slack_file": {"id": "F0"}}, "invalid slack file"),
            ({"image_url": "https://tea.example/p", "alt_text": "x" * 2001}, "must be less than 2001"),
        ):
            blocks = [{"type": "image", "alt_text": "A pot", **image}]
            refused = await refusal(slack.chat_postMessage(channel=CHAT, text="x", blocks=blocks))
            assert refused["error"] == "invalid_blocks"
            assert refused["errors"][0].startswith(why)
    async with workspace(scopes=("chat:write",)) as (_, slack):
        refused = await refusal(slack.files_getUploadURLExternal(filename="a", length=1))
        assert (refused["error"], refused["needed"]) == ("missing_scope", "files:write")
