"""What people do with the bridge's controls, as Slack tells an app of it: the payloads of its documentation, around
views and trigger ids that are emulate's own."""

from __future__ import annotations

import secrets
from typing import Any

from simulator.stage import Person, Said
from tests.peers.slack_peer import Json
from tests.peers.slack_stage import EmulateStage

TEAM = {"domain": "teashop"}


def _by(stage: EmulateStage, person: Person) -> Json:
    """Who, in which workspace, with a fresh trigger."""
    team = stage.workspace.team
    user = {"id": person.account, "username": person.handle, "name": person.handle, "team_id": team}
    about = {"user": user, "team": {"id": team, **TEAM}, "api_app_id": stage.workspace.app}
    return about | {"trigger_id": stage.trigger(person)}


def types(stage: EmulateStage, person: Person, text: str) -> None:
    """`/chat TEXT` in the hosts' room."""
    payload = {
        "command": "/chat",
        "text": text,
        "user_id": person.account,
        "user_name": person.handle,
        "channel_id": stage.workspace.hosts,
        "team_id": stage.workspace.team,
        "api_app_id": stage.workspace.app,
        "trigger_id": stage.trigger(person),
    }
    assert stage.shim.sockets.slash(payload)


def chooses(stage: EmulateStage, person: Person, callback: str, said: Said) -> None:
    """A shortcut in the menu of a message."""
    channel, ts = said.id.split("/")
    about = {"channel": {"id": channel, "name": "chat"}, "message_ts": ts, "message": said.raw}
    payload = _by(stage, person) | {"type": "message_action", "callback_id": callback, **about}
    assert stage.shim.sockets.interactive(payload)


def presses(stage: EmulateStage, person: Person, view: Json, element: Json, **entered: Any) -> None:
    """A button of a view."""
    action = {"type": "button", **{key: element[key] for key in ("action_id", "value")}}
    shown = {"container": {"type": "view", "view_id": view["id"]}, "view": _filled(view, entered)}
    payload = _by(stage, person) | {"type": "block_actions", "actions": [action], **shown}
    assert stage.shim.sockets.interactive(payload)


def hands_in(stage: EmulateStage, person: Person, view: Json, **entered: Any) -> None:
    """A modal is submitted. `entered`: what stands in each element, by its action_id."""
    payload = _by(stage, person) | {"type": "view_submission", "view": _filled(view, entered)}
    assert stage.shim.sockets.interactive(payload | {"response_urls": []})


def _filled(view: Json, entered: Json) -> Json:
    """A view as it comes back: what stands in its inputs, each under its block."""
    values: Json = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            action = block["element"]["action_id"]
            picked = {"selected_option": {"value": entered.get(action)}}
            typed = {"value": entered.get(action)}
            state = typed if block["element"]["type"] == "plain_text_input" else picked
            values[block["block_id"]] = {action: {"type": block["element"]["type"], **state}}
    return view | {"state": {"values": values}}


def looks_home(stage: EmulateStage, person: Person) -> None:
    """The Home tab is opened; emulate has no event of it."""
    event = {"type": "app_home_opened", "user": person.account, "channel": "D0HOME", "tab": "home"}
    outer = {"team_id": stage.workspace.team, "api_app_id": stage.workspace.app}
    callback = {"type": "event_callback", "event_id": f"Ev{secrets.token_hex(5).upper()}", "event": event}
    assert stage.shim.sockets.event(outer | callback)
