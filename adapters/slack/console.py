"""What people command from, as commands: buttons, forms, `/chat`, shortcuts on a message, the Home tab. Pure;
what is unreadable raises ValueError, TypeError or KeyError.

Payloads are those of Slack's documentation ("Interaction payloads", "Slash commands", "app_home_opened").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from adapters.slack import ids
from adapters.slack.controls import PREFIX, Control
from adapters.slack.convert import Home
from adapters.slack.mrkdwn import unescaped
from bridge.model import Command

_CREDENTIALS = re.compile(r'("(?:token|response_url|trigger_id)"\s*:\s*)"[^"]*"?')


class Filled(NamedTuple):
    """What stands in a form: the words, and what is picked from its list."""

    text: str
    choice: str


def user(body: dict[str, Any]) -> dict[str, Any]:
    """Who used a control: at least `id`."""
    if "command" in body:
        return {"id": body["user_id"], "name": body.get("user_name")}
    found: dict[str, Any] = body["user"]
    return found


def once(body: dict[str, Any]) -> str | None:
    """What tells this use of a control from every other. A form handed in twice is one form as it stood."""
    trigger, view = body.get("trigger_id"), body.get("view") or {}
    if trigger:
        return str(trigger)
    return f"{view['id']} {view.get('hash')}" if view.get("id") else None


def commands(body: dict[str, Any], home: Home, name: str) -> list[Command]:
    """What was used by `name`, whatever it is; nothing for a control that is none of the bridge's."""
    if "command" in body:
        return [_typed(body, home, name)]
    match body["type"]:
        case "block_actions":
            return list(_pressed(body, home, name))
        case "view_submission":
            return [_handed_in(body, home, name)]
        case "message_action":
            return [_on_message(body, home, name)]
    raise ValueError(f"no control is called {str(body['type'])[:40]!r}")


def opened(event: dict[str, Any], home: Home, name: str) -> list[Command]:
    """Somebody looks at the app: the Home tab is answered, the others are Slack's own."""
    if event.get("tab") != "home":
        return []
    where = ids.Where(event["user"], home=True)
    return [Command("home", ids.account(home.team, event["user"]), name=name, answer=ids.answer(where))]


def _typed(body: dict[str, Any], home: Home, name: str) -> Command:
    """`/chat VERB words`. Slack escapes the three characters it escapes everywhere."""
    verb, _, rest = unescaped(body.get("text") or "").strip().partition(" ")
    where = ids.Where(body["user_id"], body["channel_id"], trigger=body.get("trigger_id") or "")
    return Command(
        verb=verb.casefold() or "help",
        by=ids.account(home.team, body["user_id"]),
        text=rest.strip(),
        name=name,
        answer=ids.answer(where),
        forms=bool(where.trigger),
    )


def _pressed(body: dict[str, Any], home: Home, name: str) -> Iterator[Command]:
    """Buttons of a message, of a form, or of the Home tab. One in a form hands in what stands there so far."""
    view = body.get("view") or {}
    filled = _filled(view)
    where = _where(body, view)
    for action in body["actions"]:
        verb = _verb(action["action_id"])
        if verb is None:
            continue
        said = msgspec.json.decode(action["value"], type=Control)
        yield Command(
            verb=verb,
            by=ids.account(home.team, where.user),
            chat=said.chat,
            item=said.item,
            on=said.on,
            text=said.text or filled.text,
            choice=filled.choice,
            name=name,
            answer=ids.answer(where),
            forms=bool(where.trigger),
        )


def _where(body: dict[str, Any], view: dict[str, Any]) -> ids.Where:
    who, trigger = body["user"]["id"], body.get("trigger_id") or ""
    match view.get("type"):
        case "home":
            return ids.Where(who, trigger=trigger, home=True)
        case "modal":
            kept, hash_ = _kept(view), view.get("hash") or ""
            return ids.Where(who, kept.channel, trigger, view["id"], hash_, thread=kept.thread)
    container = body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id") or ""
    return ids.Where(who, channel, trigger, thread=_thread(container, container.get("message_ts")))


def _handed_in(body: dict[str, Any], home: Home, name: str) -> Command:
    """A form. It is closed by then: what came of it is told where it was asked for."""
    view = body["view"]
    verb, kept, filled = _verb(view["callback_id"]), _kept(view), _filled(view)
    if verb is None:
        raise ValueError(f"no form of ours: {str(view['callback_id'])[:40]!r}")
    trigger = body.get("trigger_id") or ""
    where = ids.Where(body["user"]["id"], kept.channel, trigger, thread=kept.thread)
    return Command(
        verb=verb,
        by=ids.account(home.team, where.user),
        chat=kept.chat,
        item=kept.item,
        on=kept.on,
        text=filled.text,
        choice=filled.choice,
        name=name,
        answer=ids.answer(where),
        forms=bool(where.trigger),
    )


def _on_message(body: dict[str, Any], home: Home, name: str) -> Command:
    """A shortcut in a message's menu."""
    verb, channel = _verb(body["callback_id"]), body["channel"]["id"]
    if verb is None:
        raise ValueError(f"no shortcut of ours: {str(body['callback_id'])[:40]!r}")
    ids.micros(body["message_ts"])
    thread = _thread(body.get("message") or {}, body["message_ts"])
    where = ids.Where(body["user"]["id"], channel, body.get("trigger_id") or "", thread=thread)
    return Command(
        verb=verb,
        by=ids.account(home.team, where.user),
        name=name,
        answer=ids.answer(where),
        at=ids.ref(home.network, channel, body["message_ts"]),
        forms=bool(where.trigger),
    )


def _thread(told: dict[str, Any], ts: str | None) -> str:
    """The thread in which a message is seen; "" for one that stands in the channel itself."""
    thread = told.get("thread_ts") or ""
    return thread if thread != ts else ""


def _verb(name: str) -> str | None:
    """The verb in an action_id or callback_id: "chatbridge:hide:0"; None if it is not one of ours."""
    return name.removeprefix(PREFIX).partition(":")[0] if name.startswith(PREFIX) else None


def _kept(view: dict[str, Any]) -> Control:
    """What a form remembers: what it is about, and in which channel it was asked for."""
    return msgspec.json.decode(view.get("private_metadata") or "{}", type=Control)


def _filled(view: dict[str, Any]) -> Filled:
    """What stands in a view, whatever its blocks are called: a form shown anew has to call them differently."""
    text = choice = ""
    for block in ((view.get("state") or {}).get("values") or {}).values():
        text = (block.get("words") or {}).get("value") or text
        choice = ((block.get("choice") or {}).get("selected_option") or {}).get("value") or choice
    return Filled(text, choice)


def readable(raw: str) -> bytes:
    """A payload's bytes, for the quarantine: without what lets whoever holds it speak as Slack or to it."""
    return _CREDENTIALS.sub(r'\1"…"', raw).encode()
