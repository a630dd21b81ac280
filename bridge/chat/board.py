"""The hosts' view of a chat, as data."""

from __future__ import annotations

from bridge.chat.present import counts
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, State
from bridge.model import Board, Button, Health, Line, Micros


def board(state: State, chat: ChatState, now: Micros, health: tuple[Health, ...]) -> Board:
    """The board at `now`. `health` comes from whoever keeps the links."""
    community = state.community
    assert community is not None
    upcoming = chat.sheet.upcoming()
    current = chat.sheet.current()
    sources = [p for e in chat.timeline.entries.values() if not e.hidden for p in e.sources]
    return Board(
        chat=chat.id,
        title=chat.settings.title,
        tag=chat.settings.hashtag,
        now=now,
        phase=chat.phase(now),
        starts=chat.sheet.starts,
        ends=chat.sheet.ends,
        late_until=chat.sheet.late_until,
        zone=community.zone,
        lines=tuple(
            Line(i.id, i.label, i.text, i.fired or i.due, i.state, tuple(i.on.items()))
            for i in chat.sheet.items
        ),
        current=current.id if current else None,
        upcoming=upcoming.id if upcoming else None,
        on_hold=upcoming is not None and upcoming.state == "held",
        entries=sum(not e.hidden for e in chat.timeline.entries.values()),
        people=len({p.author.account for p in sources}),
        answers=counts(state, chat),
        health=health,
        log=tuple(chat.log[-6:]),
        buttons=_controls(chat, upcoming),
        listening=tuple(n.name for n in community.networks if not n.post),
    )


def _controls(chat: ChatState, upcoming: Item | None) -> tuple[Button, ...]:
    """What a host can press; each names the item it means."""
    if upcoming is None:
        return ()
    wait = ("Resume", "resume") if upcoming.state == "held" else ("Hold", "hold")
    return (
        Button(f"Next: {upcoming.label}", "next", chat.id, item=upcoming.id, style="primary"),
        Button(wait[0], wait[1], chat.id, item=upcoming.id),
        Button(f"Skip {upcoming.label}", "skip", chat.id, item=upcoming.id),
    )
