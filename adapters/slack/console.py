"""What the hosts command from: buttons and `/chat`, the board, and a word back to whoever used one."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec

from adapters.slack import blocks, controls, ids
from adapters.slack.controls import TooLong
from adapters.slack.convert import Home
from adapters.slack.rich import escaped
from adapters.slack.web import Failure, Web
from bridge.model import Account, Board, Command, Notice, Place, Ref, Reply

log = logging.getLogger(__name__)


def pressed(body: dict[str, Any], home: Home, name: str) -> list[Command]:
    """The controls of a block_actions payload, used by `name`. Raises ValueError, TypeError or KeyError."""
    user = body["user"]
    where = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or ""
    commands = []
    for action in body["actions"]:
        said = msgspec.json.decode(action["value"], type=controls.Control)
        commands.append(
            Command(
                verb=action["action_id"].removeprefix(controls.PREFIX).partition(":")[0],
                by=ids.account(home.team, user["id"]),
                chat=said.chat,
                item=said.item,
                on=said.on,
                name=name,
                answer=ids.answer(where, user["id"]),
            )
        )
    return commands


def typed(body: dict[str, Any], home: Home) -> Command:
    """A slash command: the verb, then its words. Raises KeyError."""
    verb, _, rest = body.get("text", "").strip().partition(" ")
    return Command(
        verb=verb.casefold() or "help",
        by=ids.account(home.team, body["user_id"]),
        text=rest.strip(),
        name=body.get("user_name") or "",
        answer=ids.answer(body["channel_id"], body["user_id"]),
    )


class Desk:
    """Shows boards, answers, and asks people one by one."""

    def __init__(self, web: Web, home: Home) -> None:
        self._web, self._home = web, home
        self._newest: dict[Ref, Board] = {}
        self._busy: set[Ref] = set()

    async def show(self, ref: Ref, board: Board) -> None:
        """See `bridge.ports.Console.show`. While one board of a message is under way, only the newest of
        those that follow is kept."""
        self._newest[ref] = board
        if ref in self._busy:
            return
        self._busy.add(ref)
        try:
            while (latest := self._newest.pop(ref, None)) is not None:
                await self._draw(ref, latest)
        finally:
            self._busy.discard(ref)

    async def _draw(self, ref: Ref, board: Board) -> None:
        try:
            shown = blocks.message(board).arguments()
            await self._web.write("chat.update", {**ids.place(ref)._asdict(), **shown, "parse": "none"})
        except (Failure, TooLong, ValueError) as error:
            log.debug("slack: this board was not shown: %s", error)

    async def answer(self, answer: str, reply: Reply) -> None:
        """See `bridge.ports.Console.answer`. Where our app cannot speak it becomes a direct message."""
        channel, user = ids.parse_answer(answer)
        said = {"text": escaped(str(reply)), "parse": "none"}
        try:
            await self._web.write("chat.postEphemeral", {"channel": channel, "user": user, **said})
        except Failure as failure:
            log.debug("slack: not told in the channel: %s", failure)
            if failure.kind == "refused":
                await self._directly(user, said)

    async def whisper(self, account: Account, place: Place, notice: Notice) -> None:
        """See `bridge.ports.Console.whisper`. Whether Slack shows an ephemeral message nobody is told, and it
        is gone when the window is loaded again (documentation)."""
        channel = self._home.hosts if place == "hosts" else self._home.channel
        try:
            where = {"channel": channel, "user": ids.user(self._home.team, account)}
            shown = blocks.message(notice).arguments()
            await self._web.write("chat.postEphemeral", {**where, **shown, "parse": "none"})
        except (Failure, TooLong, ValueError) as error:
            log.debug("slack: this was not whispered: %s", error)

    async def _directly(self, user: str, said: dict[str, str]) -> None:
        try:
            await self._web.write("chat.postMessage", {"channel": user, **said})
        except Failure as failure:
            log.debug("slack: not told directly either: %s", failure)


def readable(body: dict[str, Any]) -> bytes:
    """A payload's bytes, for the quarantine."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
