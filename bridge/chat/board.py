"""The hosts' view of a chat, as data."""

from __future__ import annotations

import msgspec

from bridge.chat import drafts, waiting
from bridge.chat.present import counted, tally
from bridge.chat.runsheet import Item
from bridge.chat.state import ChatState, State
from bridge.model import Board, Button, Health, Line, Micros


def board(state: State, chat: ChatState, now: Micros, health: tuple[Health, ...]) -> Board:
    """The board at `now`. `health` comes from whoever keeps the links."""
    community = state.community
    assert community is not None
    upcoming = None if chat.withdrawn else chat.sheet.upcoming()
    current = chat.sheet.current()
    entries = counted(state, chat)
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
        lines=tuple(_line(state, chat, item) for item in chat.sheet.items),
        current=current.id if current else None,
        upcoming=upcoming.id if upcoming else None,
        on_hold=upcoming is not None and upcoming.state == "held",
        entries=len(entries),
        people=len({p.author.account for e in entries for p in e.sources}),
        answers=tally(state, chat, entries),
        health=health,
        log=tuple(chat.log[-6:]),
        buttons=_controls(chat, upcoming),
        listening=tuple(n.name for n in community.networks if not n.post),
        lead=leads(chat),
        blackout=chat.blackout,
        ignored=waiting.ignored(state, chat, now),
        asked=waiting.asked(state, chat, now),
    )


def moment(state: State, chat: ChatState, now: Micros) -> tuple[object, ...]:
    """What makes a board urgent when it is different: the item, and what hosts can press. Of a chat that is over, all
    there is on it."""
    if chat.over:
        return (msgspec.structs.replace(board(state, chat, now, ()), now=0),)
    upcoming = None if chat.withdrawn else chat.sheet.upcoming()
    current = chat.sheet.current()
    return (current and current.id, upcoming and upcoming.id, chat.phase(now), _controls(chat, upcoming))


def leads(chat: ChatState) -> str:
    """The name of the host who leads; "" where the config names none."""
    return chat.lead or next((host.name for host in chat.settings.hosts), "")


def _line(state: State, chat: ChatState, item: Item) -> Line:
    counts = drafts.sizes(state, chat, item) if item.state in ("planned", "held") else ()
    return Line(
        item.id,
        item.label,
        item.text,
        item.fired or item.due,
        item.state,
        tuple(item.on.items()),
        counts,
        item.editable,
    )


def _controls(chat: ChatState, upcoming: Item | None) -> tuple[Button, ...]:
    """What a host can press; each names what it means, so that two who press at once do one thing."""
    freeze = Button("Freeze the page", "blackout", chat.id, text="on")
    if chat.blackout:
        freeze = Button("Let the page go on", "blackout", chat.id, text="off")
    if chat.over:
        return (freeze,) if chat.blackout else ()
    if chat.withdrawn:
        return (freeze,)
    return (
        *(_steps(chat, upcoming) if upcoming else ()),
        Button("Say…", "say", chat.id),
        Button("Hand over…", "lead", chat.id, item=leads(chat)),
        freeze,
        *([_end(chat)] if upcoming else []),
    )


def _steps(chat: ChatState, upcoming: Item) -> tuple[Button, ...]:
    """What moves the run sheet."""
    wait = ("Resume", "resume") if upcoming.state == "held" else ("Hold", "hold")
    return (
        Button(f"Next: {upcoming.label}", "next", chat.id, item=upcoming.id, style="primary"),
        Button(wait[0], wait[1], chat.id, item=upcoming.id),
        Button(f"Skip {upcoming.label}", "skip", chat.id, item=upcoming.id),
        Button("Extend 5 min", "extend", chat.id, item=str(chat.sheet.ends), text="5"),
        Button("Ask…", "ask", chat.id),
    )


def _end(chat: ChatState) -> Button:
    confirm = "Close the chat now? Recap and closing words go out everywhere."
    return Button("End the chat", "end", chat.id, item="closing", style="danger", confirm=confirm)
