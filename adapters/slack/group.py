"""The user group whose members may command like hosts: who is in it, as Slack says now."""

from __future__ import annotations

import logging
from typing import Any

from adapters.slack import ids
from adapters.slack.convert import Home
from adapters.slack.web import Failure, Web
from bridge.model import Leaders
from bridge.ports import Remark

log = logging.getLogger(__name__)


class Group:
    """The configured `hosts_group`; "" for none, and then nothing is ever asked."""

    def __init__(self, web: Web, home: Home, id_: str) -> None:
        self._web, self._home, self._id = web, home, id_
        self._told: Leaders | None = None

    def changes(self, event: dict[str, Any]) -> bool:
        """Whether an event tells that its members are others. `subteam_updated` also comes when it is disabled;
        neither names all members for sure (documentation), so they are asked for."""
        match event["type"]:
            case "subteam_members_changed":
                return bool(self._id) and event.get("subteam_id") == self._id
            case "subteam_updated":
                return bool(self._id) and (event.get("subteam") or {}).get("id") == self._id
        return False

    async def leaders(self) -> list[Leaders]:
        """Its members, if that was not said yet; nobody where Slack will not say, or where the config names none
        (any more). Raises Failure."""
        try:
            users = await self._members() if self._id else []
        except Failure as failure:
            if not _ours(failure):
                raise
            log.warning("slack: nobody commands as a member of %s: %s", self._id, failure)
            users = []
        leaders = Leaders(tuple(ids.account(self._home.team, user) for user in users))
        if leaders == self._told:
            return []
        self._told = leaders
        return [leaders]

    async def remarks(self) -> tuple[Remark, ...]:
        """What `check` should say of it. Raises Failure."""
        if not self._id:
            return ()
        try:
            number = len(await self._members())
        except Failure as failure:
            if not _ours(failure):
                raise
            if failure.error == "missing_scope":
                return ()  # told by name, with the other scopes
            what = f"the members of hosts_group {self._id} cannot be read ({failure.error})"
            mend = "Name a user group that is in use by its ID (“S…”), or leave it out; the config's hosts command."
            return (Remark(what, mend),)
        return () if number else (Remark(f"hosts_group {self._id} has no members"),)

    async def _members(self) -> list[str]:
        answer = await self._web.read("usergroups.users.list", usergroup=self._id)
        return [str(user) for user in answer["users"]]


def _ours(failure: Failure) -> bool:
    """Whether the group, our rights to it or the workspace's plan are to blame; anything else passes."""
    return failure.kind == "refused" or failure.error in {"missing_scope", "no_permission"}
