"""Views: the forms (modals) people see in a stack, and their Home tabs (documentation: views.open, .update,
.push, .publish, and what may stand in a view)."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Clock
from simulator.slack import blocks, controls, rules
from simulator.slack.rules import Refusal
from simulator.slack.tickets import Triggers
from simulator.slack.wire import APP, BOT, SECOND, TEAM, Table

BLOCKS, DEEP = 100, 3
TITLE, METADATA, CALLBACK, EXTERNAL = 24, 3_000, 255, 255
LARGEST = 250_000  # bytes of one view
TEXTS = ("title", "submit", "close")
KNOWN = {
    *("type", "blocks", "private_metadata", "callback_id", "external_id"),
    *("clear_on_close", "notify_on_close", *TEXTS),
}


@dataclass
class View:
    """A view as one user sees it. `entered`: what they put into its fields, by block and action."""

    id: str
    user: str
    body: Table
    hash: str
    root: str
    previous: str | None = None
    entered: dict[tuple[str, str], Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)  # what the app found wrong, by block

    @property
    def blocks(self) -> list[Table]:
        """What stands in it."""
        found: list[Table] = self.body["blocks"]
        return found

    def json(self) -> Table:
        """As Slack gives it."""
        defaults = {"private_metadata": "", "callback_id": "", "external_id": "", **dict.fromkeys(TEXTS)}
        return {
            **defaults,
            "clear_on_close": False,
            "notify_on_close": False,
            **self.body,
            "id": self.id,
            "team_id": TEAM,
            "state": controls.state(self.blocks, self.entered),
            "hash": self.hash,
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": APP,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
        }

    def enter(self, text: str | None, choice: str | None) -> None:
        """Its user types into the first field and picks from the first list. Raises Unusable."""
        for kinds, said, made in (
            ({"plain_text_input"}, text, controls.typed),
            (controls.LISTS, choice, controls.picked),
        ):
            if said is not None:
                found = [(b, e) for b, e in controls.elements(self.blocks) if e["type"] in kinds]
                if not found:
                    raise controls.Unusable(f"There is no place for {said!r} in it.")
                block, element = found[0]
                self.entered[block, element["action_id"]] = made(element, said)

    def complete(self) -> None:
        """Raises Unusable if it cannot be submitted as it stands."""
        if self.body.get("submit") is None:
            raise controls.Unusable("There is nothing to submit it with.")
        values = controls.state(self.blocks, self.entered)["values"]
        for block in self.blocks:
            if block["type"] == "input":
                (held,) = values[block["block_id"]].values()
                now = held.get("value") or held.get("selected_option")
                if not now and not block.get("optional"):
                    raise controls.Unusable(f"To be filled in: {block['label']['text']}")
                if now and len(now) < block["element"].get("min_length", 0):
                    raise controls.Unusable(f"Too short: {block['label']['text']}")


class Views:
    """All views. `pictures`: see `rules.check`; `members`: ids of those who can have one."""

    def __init__(
        self,
        clock: Clock,
        triggers: Triggers,
        members: Collection[str],
        picture: Callable[[Table], tuple[str, str] | None],
    ) -> None:
        self.stacks: dict[str, list[View]] = {}  # by user, what they see last
        self.homes: dict[str, View] = {}
        self._clock, self._triggers, self._members, self._picture = clock, triggers, members, picture
        self._numbers = itertools.count(1)

    def top(self, user: str) -> View | None:
        """The form somebody sees."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def all(self) -> Iterator[View]:
        """Everything that is shown to anybody."""
        for stack in self.stacks.values():
            yield from stack
        yield from self.homes.values()

    # ------------------------------------------------------------ methods

    def open(self, arguments: Table) -> Table:
        """views.open."""
        body = self._checked(arguments["view"], "modal")
        user = self._triggers.exchange(arguments["trigger_id"])
        view = self._made(user, body)
        self.stacks[user] = [view]
        return {"ok": True, "view": view.json()}

    def push(self, arguments: Table) -> Table:
        """views.push."""
        body = self._checked(arguments["view"], "modal")
        user = self._triggers.exchange(arguments["trigger_id"])
        return {"ok": True, "view": self.add(user, body).json()}

    def update(self, arguments: Table) -> Table:
        """views.update: whatever of its stack, or a Home tab."""
        view = self._found(arguments)
        body = self._checked(arguments["view"], view.body["type"], instead=view)
        self._matched(view, arguments)
        self._change(view, body)
        return {"ok": True, "view": view.json()}

    def publish(self, arguments: Table) -> Table:
        """views.publish."""
        user = str(arguments["user_id"])
        if user not in self._members:
            raise Refusal("invalid_arguments", response_metadata={"messages": ["invalid `user_id`"]})
        home = self.homes.get(user)
        body = self._checked(arguments["view"], "home", instead=home)
        if home is None:
            home = self.homes[user] = self._made(user, body)
        else:
            self._matched(home, arguments)
            self._change(home, body)
        return {"ok": True, "view": home.json()}

    # ------------------------------------------------------------ what a submission leads to

    def respond(self, view: View, response: Table) -> None:
        """A form was submitted and the app answered (documentation: response_action; without one, the form
        closes). Raises Refusal."""
        stack = self.stacks.get(view.user, [])
        if view not in stack:
            return
        match response.get("response_action"):
            case "errors":
                view.errors = dict(response["errors"])
            case "clear":
                self.stacks[view.user] = []
            case "update":
                self._change(view, self._checked(response["view"], "modal", instead=view))
            case "push":
                self.add(view.user, self._checked(response["view"], "modal"))
            case _:
                stack.remove(view)

    def add(self, user: str, body: Table) -> View:
        """Another form above the one somebody sees. Raises Refusal."""
        stack = self.stacks.get(user)
        if not stack:
            raise Refusal("not_found")
        if len(stack) >= DEEP:
            raise Refusal("push_limit_reached")
        view = self._made(user, body, stack)
        stack.append(view)
        return view

    # ------------------------------------------------------------ inside

    def _made(self, user: str, body: Table, under: list[View] | None = None) -> View:
        id_ = f"V{next(self._numbers):08}"
        root, previous = (under[0].id, under[-1].id) if under else (id_, None)
        return View(id_, user, self._named(body), self._hash(), root, previous)

    def _change(self, view: View, body: Table) -> None:
        """What was entered stays where block and action are called the same (documentation)."""
        view.body, view.hash, view.errors = self._named(body), self._hash(), {}
        kept = {(block, e.get("action_id")): e["type"] for block, e in controls.elements(view.blocks)}
        view.entered = {where: what for where, what in view.entered.items() if where in kept}

    def _named(self, body: Table) -> Table:
        return {**body, "blocks": controls.named(body["blocks"], self._numbers)}

    def _hash(self) -> str:
        return f"{self._clock.now() // SECOND}.{secrets.token_hex(4)}"

    def _found(self, arguments: Table) -> View:
        name, external = arguments.get("view_id"), arguments.get("external_id")
        for view in self.all():
            if (name and view.id == name) or (external and view.body.get("external_id") == external):
                return view
        raise Refusal("not_found")

    def _matched(self, view: View, arguments: Table) -> None:
        if (known := arguments.get("hash")) is not None and known != view.hash:
            raise Refusal("hash_conflict")

    def _checked(self, view: Any, kind: str, instead: View | None = None) -> Table:
        """Raises Refusal."""
        body: Table = json.loads(view) if isinstance(view, str) else view
        if len(json.dumps(body).encode()) > LARGEST:
            raise Refusal("view_too_large")
        if faults := [*self._faults(body, kind)]:
            messages = ["failed to match all allowed schemas [json-pointer:/view]", *faults]
            listed = {"messages": [f"[ERROR] {fault}" for fault in messages]}
            raise Refusal("invalid_arguments", response_metadata=listed)
        external = body.get("external_id")
        if external and any(v.body.get("external_id") == external for v in self.all() if v is not instead):
            raise Refusal("duplicate_external_id")
        return body

    def _faults(self, body: Table, kind: str) -> Iterator[str]:
        if body.get("type") != kind:
            yield f"must be a valid enum value: {kind} [json-pointer:/view/type]"
        for name in body.keys() - KNOWN:
            yield f"invalid additional property: {name} [json-pointer:/view]"
        for name in TEXTS:
            if name in body or (name == "title" and kind == "modal"):
                yield from blocks.sized(body.get(name), TITLE, f"/view/{name}")
        for name, most in (
            ("private_metadata", METADATA),
            ("callback_id", CALLBACK),
            ("external_id", EXTERNAL),
        ):
            if len(body.get(name, "")) > most:
                yield f"must be less than {most + 1} characters [json-pointer:/view/{name}]"
        yield from blocks.faults(body.get("blocks"), "/view/blocks", BLOCKS)
        stands = body["blocks"] if isinstance(body.get("blocks"), list) else []
        if kind == "modal" and "submit" not in body and any(b.get("type") == "input" for b in stands):
            yield "missing required field: submit [json-pointer:/view]"
        yield from rules.picture_faults(stands, "/view/blocks", self._picture)
