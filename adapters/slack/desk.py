"""What people are shown one by one and over and over: the board, their Home tabs, the word back to whoever used a
control, a form, a question to one person.

All of it is best effort: nobody waits for it and another one follows, so that what Slack refuses is logged and
dropped, or said in another way.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from adapters.slack import blocks, forms, home, ids
from adapters.slack.blocks import Message
from adapters.slack.controls import TooLong
from adapters.slack.convert import Home
from adapters.slack.forms import View
from adapters.slack.ids import Where
from adapters.slack.web import Failure, Web
from bridge.model import Account, Board, Form, Notice, Place, Ref, Reply

HOMES = 50  # Home tabs kept up to date, the last ones opened
_PASSING = {"limited", "unsent", "unclear"}  # it may well work another time

log = logging.getLogger(__name__)


class Desk:
    """See `bridge.ports.Console`."""

    def __init__(self, web: Web, home: Home) -> None:
        self._web, self._home = web, home
        self._newest: dict[Ref, Board] = {}
        self._busy: set[Ref] = set()
        self._pinned: set[Ref] = set()
        self._homes: OrderedDict[str, tuple[str, View]] = OrderedDict()  # user id -> chat, as it was shown
        self._publishing = asyncio.Lock()  # so that what was published last is what is remembered

    # -------------------------------------------------------------- the board

    async def show(self, ref: Ref, board: Board) -> None:
        """See `bridge.ports.Console.show`. While one board of a message is under way, only the newest of
        those that follow is kept."""
        self._newest[ref] = board
        if ref in self._busy:
            return
        self._busy.add(ref)
        try:
            while (latest := self._newest.pop(ref, None)) is not None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._draw(ref, latest))
                    group.create_task(self._freshen(latest))
        finally:
            self._busy.discard(ref)

    async def _draw(self, ref: Ref, board: Board) -> None:
        try:
            place = ids.place(ref)
            shown = blocks.message(board).arguments()
            await self._web.write("chat.update", {**place._asdict(), **shown, "parse": "none"})
            if ref not in self._pinned:
                await self._pin(ref, place)
        except (Failure, TooLong, ValueError) as error:
            log.debug("slack: this board was not shown: %s", error)

    async def _pin(self, ref: Ref, place: ids.Place) -> None:
        """Where hosts find it. Once; that it is pinned already, or may not be, is no trouble."""
        try:
            await self._web.write("pins.add", {"channel": place.channel, "timestamp": place.ts})
        except Failure as failure:
            log.debug("slack: the board was not pinned: %s", failure)
            if failure.kind in _PASSING:
                return
        self._pinned.add(ref)

    # -------------------------------------------------------------- Home tabs

    async def _freshen(self, board: Board) -> None:
        """Show the Home tabs of a chat as they are now, where that is something else."""
        looking = [user for user, (chat, _) in self._homes.items() if chat == board.chat]
        for user in looking:
            try:
                await self._publish(user, board)
            except (Failure, TooLong) as error:
                log.debug("slack: a Home tab was not shown anew: %s", error)

    async def _publish(self, user: str, reply: str | Notice | Board) -> None:
        """Raises Failure, TooLong."""
        view = home.board(reply) if isinstance(reply, Board) else home.notice(reply)
        async with self._publishing:
            if isinstance(reply, Board) and self._homes.get(user) == (reply.chat, view):
                return
            await self._web.write("views.publish", {"user_id": user, "view": view})
            self._homes.pop(user, None)
            if isinstance(reply, Board):
                self._homes[user] = reply.chat, view
                while len(self._homes) > HOMES:
                    self._homes.popitem(last=False)

    # -------------------------------------------------------------- answers

    async def answer(self, answer: str, reply: Reply) -> None:
        """See `bridge.ports.Console.answer`."""
        if reply == "":
            return
        try:
            where = ids.parse_answer(answer)
            if isinstance(reply, Form):
                await self._ask(where, reply)
            elif not await self._in_view(where, reply):
                await self._say(
                    where, blocks.said(reply) if isinstance(reply, str) else blocks.message(reply)
                )
        except (TooLong, ValueError) as error:
            log.debug("slack: nobody was told: %s", error)

    async def _ask(self, where: Where, form: Form) -> None:
        """Open a form, or put it in the place of the one it was asked for from; else say it in words."""
        try:
            view = forms.modal(form, where)
            if where.view:
                await self._replace(where, view)
                return
            if where.trigger:
                await self._web.write("views.open", {"trigger_id": where.trigger, "view": view})
                return
        except (Failure, TooLong) as error:
            log.debug("slack: a form was not opened: %s", error)
        await self._say(where, blocks.said(forms.in_words(form)))

    async def _in_view(self, where: Where, reply: str | Notice | Board) -> bool:
        """Answer where they look, if that is not a channel: in the form they used, or on their Home tab. What a
        button of the Home tab has to tell must not take the run sheet's place: it opens beside it."""
        try:
            if where.home and (isinstance(reply, Board) or not where.trigger):
                await self._publish(where.user, reply)
            elif where.view and not isinstance(reply, Board):
                await self._replace(where, forms.told(reply))
            elif where.home and isinstance(reply, Notice):
                view = forms.told(reply)
                await self._web.write("views.open", {"trigger_id": where.trigger, "view": view})
            else:
                return False
        except (Failure, TooLong) as error:
            log.debug("slack: not told in a view: %s", error)
            return where.home and not where.trigger  # they only looked: a message would be a surprise
        return True

    async def _replace(self, where: Where, view: View) -> None:
        """Put a view in the place of a form, unless that has become another one meanwhile. Raises Failure."""
        old = {"view_id": where.view} | ({"hash": where.hash} if where.hash else {})
        try:
            await self._web.write("views.update", {**old, "view": view})
        except Failure as failure:
            if failure.error != "hash_conflict":
                raise
            log.debug("slack: something newer stands in the form: %s", failure)

    async def _say(self, where: Where, message: Message) -> None:
        """To one person in the channel where they are; where our app cannot speak it is a direct message."""
        said = {**message.arguments(), "parse": "none"}
        try:
            if where.channel:
                place = {"channel": where.channel, "user": where.user}
                place |= {"thread_ts": where.thread} if where.thread else {}
                await self._web.write("chat.postEphemeral", {**place, **said})
                return
        except Failure as failure:
            log.debug("slack: not told in the channel: %s", failure)
            if failure.kind != "refused":
                return
        await self._directly(where.user, said)

    async def _directly(self, user: str, said: dict[str, Any]) -> None:
        try:
            await self._web.write("chat.postMessage", {"channel": user, **said})
        except Failure as failure:
            log.debug("slack: not told directly either: %s", failure)

    # -------------------------------------------------------------- unasked

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
