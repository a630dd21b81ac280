"""The stand-in's forms and Home tabs: what Slack refuses of an app, and what its client refuses of people."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.slack.controls import Unusable
from tests.adapters.slack_app import (
    app,
    button,
    choices,
    field,
    form,
    member,
    opened,
    plain,
    refusal,
    section,
)

# ---------------------------------------------------------------- triggers


async def test_a_trigger_opens_one_form_within_three_seconds() -> None:
    async with app(speed=6000.0) as (server, slack, bridge):
        host = member(server)

        async def trigger() -> str:
            assert server.command(host, "say")
            return str((await bridge.hears("slash_commands"))["trigger_id"])

        for wrong in ("", "12.34.beef", "not one"):
            refused = await refusal(slack.views_open(trigger_id=wrong, view=form(field())))
            assert refused["error"] == "invalid_trigger_id"
        first = await trigger()
        await server.clock.sleep(4)  # under a real millisecond
        view = (await slack.views_open(trigger_id=first, view=form(field())))["view"]
        seen = server.modal(host)
        assert seen is not None
        assert (seen["id"], seen["root_view_id"], seen["previous_view_id"]) == (view["id"], view["id"], None)
        refused = await refusal(slack.views_open(trigger_id=first, view=form(field())))
        assert refused["error"] == "exchanged_trigger_id"
        server.triggers.patience = 0
        late = await trigger()
        refused = await refusal(slack.views_open(trigger_id=late, view=form(field())))
        assert refused["error"] == "expired_trigger_id"


# ---------------------------------------------------------------- what a view may be


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (form(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (form(title={"type": "mrkdwn", "text": "x"}), "unsupported type: mrkdwn [json-pointer:/view/title"),
        (form(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (form(close=plain("")), "must be more than 0 characters [json-pointer:/view/close/text]"),
        ({"type": "modal", "blocks": []}, "missing required field: text [json-pointer:/view/title]"),
        ({"type": "modal", "title": plain("x"), "blocks": [field()]}, "missing required field: submit"),
        (form(type="home"), "must be a valid enum value: modal [json-pointer:/view/type]"),
        (form(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (form(private_metadata="x" * 3_001), "must be less than 3001 characters [json-pointer:/view/private"),
        (form(callback_id="x" * 256), "must be less than 256 characters [json-pointer:/view/callback_id]"),
        (form(colour="red"), "invalid additional property: colour [json-pointer:/view]"),
        (form(field(), field()), "`block_id` words already exists [json-pointer:/view/blocks/1/block_id]"),
        (form(field() | {"label": plain("x" * 2_001)}), "must be less than 2001 characters"),
        (form(field(max_length=3_001)), "must be less than 3001 [json-pointer:/view/blocks/0/element/max"),
        (form(field(max_length=3, initial_value="four")), "must be less than 4 characters"),
        (form(field(placeholder=plain("x" * 151))), "must be less than 151 characters"),
        (form(choices()), "no fewer than 1 items allowed [json-pointer:/view/blocks/0/element/options]"),
        (form(choices(*["x"] * 101)), "no more than 100 items allowed"),
        (form(choices("x" * 76)), "must be less than 76 characters [json-pointer:/view/blocks/0/element/opt"),
        (form(choices("A", initial_option={"text": plain("B"), "value": "b"})), "must be one of the options"),
        (form(section("x") | {"accessory": field()["element"]}), "unsupported type: plain_text_input"),
        (form({"type": "actions", "elements": [button("x", text=plain("x" * 76))]}), "less than 76"),
        (
            form(section("x") | {"accessory": button("x", confirm={"title": plain("Sure?")})}),
            "missing required field: text [json-pointer:/view/blocks/0/accessory/confirm/deny]",
        ),
        (form({"type": "image", "image_url": "http://127.0.0.1/x", "alt_text": "x"}), "downloading image"),
    ],
)
async def test_the_limits_of_a_view(view: dict[str, Any], fault: str) -> None:
    async with app() as (server, slack, bridge):
        server.command(member(server), "say")
        trigger = (await bridge.hears("slash_commands"))["trigger_id"]
        refused = await refusal(slack.views_open(trigger_id=trigger, view=view))
        assert refused["error"] == "invalid_arguments"
        first, *faults = refused["response_metadata"]["messages"]
        assert first == "[ERROR] failed to match all allowed schemas [json-pointer:/view]"
        assert any(fault in said for said in faults), faults
        await slack.views_open(trigger_id=trigger, view=form(field(), choices("A", "B")))


async def test_a_view_that_is_too_large_or_named_twice() -> None:
    async with app() as (server, slack, bridge):
        host = await opened(server, slack, bridge, form(section("x"), external_id="one"))
        large = form(*[section("x" * 3_000)] * 90)
        refused = await refusal(slack.views_update(external_id="one", view=large))
        assert refused["error"] == "view_too_large"
        home = {"type": "home", "blocks": [], "external_id": "one"}
        refused = await refusal(slack.views_publish(user_id=host.account, view=home))
        assert refused["error"] == "duplicate_external_id"


async def test_a_view_changes_under_its_hash_and_keeps_what_was_entered() -> None:
    async with app() as (server, slack, bridge):
        host = await opened(server, slack, bridge, form(field(), choices("A", "B"), external_id="one"))
        seen = server.modal(host)
        assert seen is not None
        assert (await refusal(slack.views_update(view_id="V0", view=form())))["error"] == "not_found"
        more = form(field(), choices("A", "B"), {"type": "actions", "elements": [button("hide", 42)]})
        await slack.views_update(view_id=seen["id"], hash=seen["hash"], view=more)
        refused = await refusal(slack.views_update(view_id=seen["id"], hash=seen["hash"], view=more))
        assert refused["error"] == "hash_conflict"
        assert server.press(host, "hide", text="typed so far", choice="B")
        pressed = await bridge.hears("interactive")
        entered = pressed["view"]["state"]["values"]
        assert entered["words"]["text"]["value"] == "typed so far"
        assert entered["pick"]["choice"]["selected_option"]["value"] == "b"
        again = (await slack.views_update(view_id=seen["id"], view=form(field(), choices("C"))))["view"]
        assert again["state"]["values"]["words"]["text"]["value"] == "typed so far"
        again = (await slack.views_update(view_id=seen["id"], view=form(field(action_id="other"))))["view"]
        assert again["state"]["values"] == {"words": {"other": {"type": "plain_text_input", "value": None}}}


async def test_forms_stack_three_deep() -> None:
    async with app() as (server, slack, bridge):
        view = form({"type": "actions", "elements": [button("more")]})
        host = await opened(server, slack, bridge, view)

        async def trigger() -> str:
            assert server.press(host, "more")
            return str((await bridge.hears("interactive"))["trigger_id"])

        second = (await slack.views_push(trigger_id=await trigger(), view=view))["view"]
        third = (await slack.views_push(trigger_id=await trigger(), view=view))["view"]
        assert third["previous_view_id"] == second["id"]
        assert third["root_view_id"] == second["root_view_id"] == second["previous_view_id"]
        refused = await refusal(slack.views_push(trigger_id=await trigger(), view=view))
        assert refused["error"] == "push_limit_reached"
        for left in (second["id"], second["root_view_id"], None):
            assert not server.close(host), "the app did not ask to be told"
            seen = server.modal(host)
            assert (seen and seen["id"]) == left
        assert server.command(host, "say")
        trigger_id = (await bridge.hears("slash_commands"))["trigger_id"]
        refused = await refusal(slack.views_push(trigger_id=trigger_id, view=view))
        assert refused["error"] == "not_found", "there is nothing to lay it on"


# ---------------------------------------------------------------- forms in people's hands


async def test_a_form_is_handed_in_and_closes_when_the_app_has_acknowledged() -> None:
    async with app() as (server, slack, bridge):
        view = form(field(max_length=10, min_length=2), choices("Ann", "Bob"), private_metadata="42")
        host = await opened(server, slack, bridge, view)
        for text, choice, why in (
            (None, "Ann", "To be filled in: Your words"),
            ("x" * 11, "Ann", "Too long: the field takes 10"),
            ("x", "Ann", "Too short: Your words"),
            ("fine", "Cleo", "No option: 'Cleo'"),
        ):
            with pytest.raises(Unusable, match=why):
                server.submit(host, text, choice)
        assert server.submit(host, "two\nlines", "bob")
        submitted = await bridge.hears("interactive", acks=False)
        assert submitted["type"] == "view_submission"
        assert submitted["view"]["private_metadata"] == "42"
        assert submitted["view"]["state"]["values"] == {
            "words": {"text": {"type": "plain_text_input", "value": "two lines"}},
            "pick": {
                "choice": {
                    "type": "static_select",
                    "selected_option": {"text": plain("Bob"), "value": "bob"},
                }
            },
        }
        assert server.modal(host), "not before the app has taken it"
        assert server.submit(host)
        await bridge.hears("interactive")
        assert server.modal(host) is None
        with pytest.raises(Unusable, match="sees no form"):
            server.submit(host, "again")


async def test_an_app_answers_a_form_that_was_handed_in() -> None:
    async with app() as (server, slack, bridge):
        host = await opened(server, slack, bridge, form(field()))

        async def answered(response: dict[str, Any]) -> dict[str, Any] | None:
            assert server.submit(host, "words")
            await bridge.hears("interactive", response)
            return server.modal(host)

        seen = await answered({"response_action": "errors", "errors": {"words": "Too short."}})
        assert seen is not None
        assert seen["errors"] == {"words": "Too short."}
        seen = await answered({"response_action": "update", "view": form(field(), title=plain("Next"))})
        assert seen is not None
        assert (seen["title"], seen["errors"]) == (plain("Next"), {})
        seen = await answered({"response_action": "push", "view": form(title=plain("x" * 25))})
        assert seen is not None
        assert seen["errors"] == {"": "invalid_arguments"}, "Slack says that there was some trouble"
        seen = await answered({"response_action": "push", "view": form(field(), title=plain("Above"))})
        assert seen is not None
        assert seen["title"] == plain("Above")
        assert await answered({"response_action": "clear"}) is None


async def test_home_tabs() -> None:
    async with app() as (server, slack, bridge):
        host, nurse = member(server, "host-01"), member(server)
        assert server.home(host) is None
        assert server.open_home(host)
        opened = await bridge.event()
        assert (opened["type"], opened["user"], opened["tab"]) == ("app_home_opened", host.account, "home")
        assert "view" not in opened
        blocks = [field() | {"dispatch_action": True}, section("Q3") | {"accessory": button("edit", 3)}]
        home = {"type": "home", "blocks": blocks}
        view = (await slack.views_publish(user_id=host.account, view=home))["view"]
        assert server.home(nurse) is None
        for user, view_, error in (
            ("U9", home, "invalid_arguments"),
            (host.account, form(), "invalid_arguments"),
        ):
            assert (await refusal(slack.views_publish(user_id=user, view=view_)))["error"] == error
        await slack.views_publish(user_id=host.account, view=home, hash=view["hash"])
        refused = await refusal(slack.views_publish(user_id=host.account, view=home, hash=view["hash"]))
        assert refused["error"] == "hash_conflict"
        server.open_home(host)
        assert (await bridge.event())["view"]["id"] == view["id"]
        assert server.buttons(host) == [
            {"action_id": "chatbridge:edit:3", "verb": "edit", "value": {"chat": "tea", "item": "3"}}
        ]
        assert server.press(host, server.buttons(host)[0])
        pressed = await bridge.hears("interactive")
        assert pressed["container"] == {"type": "view", "view_id": view["id"]}
        assert pressed["view"]["type"] == "home"
        assert "response_url" not in pressed
        (action,) = pressed["actions"]
        assert (action["action_id"], action["type"]) == ("chatbridge:edit:3", "button")
        await slack.views_open(trigger_id=pressed["trigger_id"], view=form(field()))
        with pytest.raises(Unusable, match="could press"):
            server.press(host, "edit")  # the form lies over it
