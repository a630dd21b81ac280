"""The hosts' boards on a network, one of each chat: which of them is shown anew next, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bridge.engine import Engine, woken
from bridge.model import SECOND, Health, Micros, Network, Ref
from bridge.ports import Console

EVERY: Micros = 10 * SECOND  # between two edits of a board while its item stays the same
APART: Micros = 2 * SECOND  # and of any two: Slack takes 50 edits a minute, those of answers among them

Told = dict[
    str, tuple[tuple[object, ...], Micros]
]  # chat -> what was urgent in its board, and when it was shown


class Boards:
    """One network's."""

    def __init__(self, network: Network, engine: Engine) -> None:
        self._network, self._engine = network, engine
        self._stale: set[str] = set()
        self._wake = asyncio.Event()

    health: Callable[[], tuple[Health, ...]] = staticmethod(lambda: ())  # how the networks are now

    def stir(self, *chats: str) -> None:
        """These chats are different, or all if none is named."""
        self._stale.update(chats or self._engine.session.state.chats)
        self._wake.set()

    async def keep(self, console: Console) -> None:
        """Keep the boards' messages up to date, until cancelled: at once when the item changes, else every ten
        seconds. Many take turns, that which was shown longest ago first."""
        told: Told = {}
        free: Micros = 0
        self.stir()
        while True:
            self._wake.clear()
            now = self._engine.clock.now()
            due, _, chat = min(self._turns(told, free, now), default=(None, 0, ""))
            if due is None or due > now:
                await woken(self._wake, self._engine.clock, due)
                continue
            session = self._engine.session
            self._stale.discard(chat)
            told[chat], free = (session.moment(chat, now), now), now + APART
            ref = Ref(self._network, session.state.chats[chat].boards[self._network])
            await console.show(ref, session.board(chat, now, self.health()))

    def _turns(self, told: Told, free: Micros, now: Micros) -> list[tuple[Micros, Micros, str]]:
        """When each board that is out of date may be shown, and when it was last. In a chat that is over nothing is
        urgent."""
        turns: list[tuple[Micros, Micros, str]] = []
        chats = self._engine.session.state.chats
        for chat in [chats[name] for name in self._stale if name in chats]:
            if self._network not in chat.boards:
                continue
            moment = self._engine.session.moment(chat.id, now)
            known, at = told.get(chat.id, (None, 0))
            if chat.over and known == moment:
                self._stale.discard(chat.id)  # all of its board would be made anew each time
                continue
            urgent = known != moment and not chat.over
            turns.append((0 if urgent else max(at + EVERY, free), at, chat.id))
        return turns
