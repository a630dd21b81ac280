"""What people do with an app: commands, shortcuts, reactions, forms, buttons, its Home tab. Each goes over the
socket as Slack documents it, once; False: nobody was connected to take it."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from functools import partial
from typing import Any

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.slack import controls, rules, wire
from simulator.slack.controls import Control, Unusable
from simulator.slack.rules import Refusal
from simulator.slack.tickets import Address, Addresses, Triggers
from simulator.slack.views import View, Views
from simulator.slack.wire import APP, HOSTS, TEAM, Message, Table, Whisper
from simulator.slack.workspace import Workspace
from simulator.stage import Person

SHORTCUTS = tuple(controls.PREFIX + verb for verb in ("reply", "welcome", "move", "promote", "more"))
TEAM_OBJECT = {"id": TEAM, "domain": "teashop"}


class Console(Workspace):
    """`groups`: handles of people by id of a user group."""

    groups: dict[str, list[str]]

    def __init__(
        self, network: str, clock: Clock, faults: Faults, scopes: tuple[str, ...], joined: set[str]
    ) -> None:
        super().__init__(network, clock, faults, scopes, joined)
        self.triggers = Triggers(self.clock)
        self.addresses = Addresses(self.clock, self._responded)
        self.views = Views(self.clock, self.triggers, self.members.keys(), self.files.fault)

    # ------------------------------------------------------------ words and messages

    def command(self, person: Person, text: str, channel: str = HOSTS) -> bool:
        """A person types `/chat TEXT`."""
        address = self.addresses.issue(person.account, channel)
        typed = {
            "token": wire.VERIFICATION,
            "command": "/chat",
            "text": text,
            "user_id": person.account,
            "user_name": person.handle,
            "channel_id": channel,
            "channel_name": wire.channel_name(channel),
            "team_id": TEAM,
            "team_domain": TEAM_OBJECT["domain"],
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": address,
            "trigger_id": self.triggers.issue(person.account),
        }
        here = Address(person.account, channel, None, 0)
        return "commands" in self.scopes and self.hub.slash(typed, partial(self._answered, here))

    def shortcut(self, person: Person, callback_id: str, message_id: str) -> bool:
        """A person uses a message shortcut on a message that stands. Raises Unusable for one the app has not;
        Slack gives it room for five."""
        if callback_id not in SHORTCUTS:
            raise Unusable(f"{callback_id!r} is not in the message's menu: {SHORTCUTS}.")
        message = self._at(message_id)
        if message.deleted or "commands" not in self.scopes:
            return False
        used = self._used("message_action", person) | {
            "callback_id": callback_id,
            "action_ts": self.next_ts(),
            "response_url": self.addresses.issue(person.account, message.channel, message.ts),
            "channel": self._channel(message.channel),
            "message_ts": message.ts,
            "message": message.json(),
        }
        return self.hub.interactive(used)

    def react(self, person: Person, message_id: str, name: str) -> bool:
        """A person reacts to a message, which shows it from now on, whether or not the app was told."""
        message = self._at(message_id)
        if message.deleted or person.account in message.reactions.get(name, ()):
            raise Unusable(f"{person.handle} cannot react with {name} (again, or to what is gone).")
        return self.mark(message, person.account, name)

    def unreact(self, person: Person, message_id: str, name: str) -> bool:
        """A person takes their reaction back."""
        message = self._at(message_id)
        if person.account not in message.reactions.get(name, ()):
            raise Unusable(f"{person.handle} has not reacted with {name}.")
        return self.unmark(message, person.account, name)

    # ------------------------------------------------------------ controls beside messages

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        """The buttons whose action is `verb`: those in live messages in the hosts' room, then those put to one
        person alone, in a direct or an ephemeral message, each newest last. For the latter `user` says to whom
        (a handle), and `told` how often that person has been told anything there without buttons."""
        owners = {channel: user for user, channel in self.directs.items()}
        ours = [m for m in self.messages.values() if m.ours and not m.deleted]
        alone: list[tuple[Message | Whisper, str]] = [
            (m, owners[m.channel]) for m in ours if m.channel in owners
        ]
        alone += [(w, w.user) for w in self.whispers]
        told = Counter((m.channel, user) for m, user in alone if not controls.pressable(m.blocks))
        found = [c for m in ours if m.channel == HOSTS for c in _found(m, verb)]
        for message, user in alone:
            whose = {"user": self.members[user].handle, "told": told[message.channel, user]}
            found += [c | whose for c in _found(message, verb)]
        return found

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        """Press a button, if it is there for this person, and say yes to what it asks back. Slack sends an
        ephemeral message's place and not what it says (documentation)."""
        place = control["channel"], control["ts"]
        mine = (w for w in self.whispers if (w.channel, w.ts, w.user) == (*place, person.account))
        message: Message | Whisper | None = self.live(*place) or next(mine, None)
        pressed = _the(controls.pressable(message.blocks), control) if message else None
        others = place[0].startswith("D") and place[0] != self.directs.get(person.account)
        if message is None or pressed is None or others:
            return False
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        container |= {"thread_ts": message.thread} if message.thread else {}
        said: Table = {"message": message.json()} if isinstance(message, Message) else {}
        used = self._used("block_actions", person) | {
            "container": container | {"is_ephemeral": isinstance(message, Whisper)},
            "channel": self._channel(message.channel),
            **said,
            "state": controls.state(message.blocks, {}),
            "response_url": self.addresses.issue(person.account, message.channel, message.ts),
            "actions": [pressed.action(self.next_ts())],
        }
        return self.hub.interactive(used)

    # ------------------------------------------------------------ forms and the Home tab

    def modal(self, person: Person) -> Table | None:
        """The form a person sees, if any, as Slack gives views; `errors`: what the app found wrong with what
        was handed in, by block."""
        view = self.views.top(person.account)
        return None if view is None else view.json() | {"errors": view.errors}

    def home(self, person: Person) -> Table | None:
        """What the app has put into a person's Home tab, if anything."""
        view = self.views.homes.get(person.account)
        return None if view is None else view.json()

    def open_home(self, person: Person) -> bool:
        """A person looks at the app's Home tab."""
        view = self.views.homes.get(person.account)
        opened = {
            "type": "app_home_opened",
            "user": person.account,
            "channel": self.direct(person.account),
            "tab": "home",
            "event_ts": self.next_ts(),
        }
        return self.hub.event(opened | ({} if view is None else {"view": view.json()}))

    def submit(self, person: Person, text: str | None = None, choice: str | None = None) -> bool:
        """A person fills in the form they see (`choice`: an option's value or words) and hands it in. Raises
        Unusable where Slack's client would not take it. The form goes when the app has acknowledged."""
        view = self._seen(person)
        view.enter(text, choice)
        view.complete()
        used = self._used("view_submission", person) | {"view": view.json(), "response_urls": []}
        return self.hub.interactive(used, partial(self._submitted, view))

    def forge(self, person: Person, view: Table) -> bool:
        """A person hands in a form that another was shown: no client of Slack's does, but its server takes it."""
        used = self._used("view_submission", person) | {"view": view, "response_urls": []}
        return self.hub.interactive(used)

    def close(self, person: Person) -> bool:
        """A person closes the form they see; the app is told if it wanted to be."""
        view = self._seen(person)
        self.views.stacks[person.account].remove(view)
        used = self._used("view_closed", person) | {"view": view.json(), "is_cleared": False}
        return bool(view.body.get("notify_on_close")) and self.hub.interactive(used)

    def buttons(self, person: Person) -> list[dict[str, Any]]:
        """What a person can press in the form they see, else in the app's Home tab."""
        view = self.views.top(person.account) or self.views.homes.get(person.account)
        found = controls.pressable(view.blocks) if view is not None else []
        return [{"action_id": c.action_id, "verb": c.verb, "value": c.value} for c in found]

    def press(
        self,
        person: Person,
        action: str | dict[str, Any],
        text: str | None = None,
        choice: str | None = None,
    ) -> bool:
        """Press a button (its action_id, or the bridge's verb, or one of `buttons`) in the form a person sees,
        else in the app's Home tab, having typed and picked there before. Raises Unusable if there is none. The
        app gets no address to answer at: there is no message (documentation)."""
        view = self.views.top(person.account) or self.views.homes.get(person.account)
        there = controls.pressable(view.blocks) if view is not None else []
        named = (c for c in there if action in (c.action_id, c.verb))
        pressed = next(named, None) if isinstance(action, str) else _the(there, action)
        if view is None or pressed is None:
            raise Unusable(f"There is no {action!r} that {person.handle} could press.")
        view.enter(text, choice)
        used = self._used("block_actions", person) | {
            "container": {"type": "view", "view_id": view.id},
            "view": view.json(),
            "actions": [pressed.action(self.next_ts())],
        }
        return self.hub.interactive(used)

    def _seen(self, person: Person) -> View:
        view = self.views.top(person.account)
        if view is None:
            raise Unusable(f"{person.handle} sees no form.")
        return view

    def _submitted(self, view: View, response: Table) -> None:
        """What Slack cannot show it does not; the form stays."""
        try:
            self.views.respond(view, response)
        except Refusal as refusal:
            view.errors = {"": str(refusal)}

    # ------------------------------------------------------------ groups

    def members_of(self, group: str) -> list[str] | None:
        """The ids of a user group's members; None: there is no such group."""
        handles = self.groups.get(group)
        if handles is None:
            return None
        return [m.id for m in self.members.values() if m.handle in handles and not m.deleted]

    def regroup(self, group: str, handles: list[str]) -> bool:
        """Somebody changes who is in a user group."""
        before = set(self.members_of(group) or ())
        self.groups[group] = list(handles)
        after = set(self.members_of(group) or ())
        now = self.clock.now() // wire.SECOND
        added, removed = sorted(after - before), sorted(before - after)
        return "usergroups:read" in self.scopes and self.hub.event(
            {
                "type": "subteam_members_changed",
                "subteam_id": group,
                "team_id": TEAM,
                "date_previous_update": now,
                "date_update": now,
                "added_users": added,
                "added_users_count": len(added),
                "removed_users": removed,
                "removed_users_count": len(removed),
            }
        )

    # ------------------------------------------------------------ what all share

    def screens(self) -> dict[str, str]:
        """What people see of the app beside its messages, by handle: ephemeral messages, forms, Home tabs; in
        words, and as they are made (not what they typed themselves)."""
        seen: dict[str, list[str]] = {}
        for whisper in self.whispers:
            made = {"text": whisper.words, "blocks": whisper.blocks}
            seen.setdefault(whisper.user, []).extend((rules.readable(made), _written(made)))
        for view in self.views.all():
            seen.setdefault(view.user, []).extend((rules.displayed(view.body), _written(view.body)))
        return {self.members[user].handle: "\n".join(words) for user, words in seen.items()}

    def _used(self, kind: str, person: Person) -> Table:
        return {
            "type": kind,
            "token": wire.VERIFICATION,
            "team": TEAM_OBJECT,
            "enterprise": None,
            "is_enterprise_install": False,
            "user": self.members[person.account].actor(),
            "api_app_id": APP,
            "trigger_id": self.triggers.issue(person.account),
        }

    def _channel(self, channel: str) -> Table:
        return {"id": channel, "name": wire.channel_name(channel)}

    def _answered(self, address: Address, response: Table) -> None:
        """A command's acknowledgement may carry words."""
        if response:
            with contextlib.suppress(Refusal):
                self._responded(address, response)

    def _responded(self, address: Address, response: Table) -> None:
        """What an app answers where its control was used (documentation: handling user interaction)."""
        place = address.channel, address.original or ""
        message = self.live(*place)
        mine = [w for w in self.whispers if (w.channel, w.ts, w.user) == (*place, address.user)]
        if response.get("delete_original") or response.get("replace_original"):
            if message is not None and not message.ours:
                raise Refusal("cant_update_message")
            if message is not None and response.get("delete_original"):
                return self.remove(message)
            if message is not None:
                self.rewrite(message, response)
                return None
            for whisper in mine:
                self.whispers.remove(whisper)
            if response.get("delete_original"):
                return None
        if response.get("response_type") == "in_channel":
            self.post(address.channel, response)
        else:
            self.whisper(address.channel, address.user, response)
        return None


def _written(made: Table) -> str:
    return json.dumps(made, ensure_ascii=False)


def _found(message: Message | Whisper, verb: str) -> list[dict[str, Any]]:
    """The buttons of a message that mean `verb`, and where they are."""
    place = {"channel": message.channel, "ts": message.ts}
    pressable = controls.pressable(message.blocks)
    return [{"action_id": c.action_id, "value": c.value} | place for c in pressable if c.verb == verb]


def _the(there: list[Control], wanted: dict[str, Any]) -> Control | None:
    """The control that was found before; if what it means has changed since, the one in its place."""
    placed = [c for c in there if c.action_id == wanted["action_id"]]
    same = [c for c in placed if c.value == wanted["value"]]
    return next(iter(same or placed), None)
