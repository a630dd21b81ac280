"""What was kept of a chat, read from the journal alone: for who stopped the bridge and wants the transcript.

The journal is only read. Whether a bridge runs on it makes no difference, and none is kept from starting.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bridge.chat.session import Session
from bridge.chat.view import ChatView, EntryView
from bridge.errors import ChatbridgeError
from bridge.journal import recorded
from bridge.model import Health, Micros
from bridge.report.render import html
from bridge.report.tables import csv, document
from bridge.report.transcript import markdown


def replayed(journal: Path) -> Session:
    """The community as the journal has it. Raises JournalError if it cannot be read."""
    session = Session()
    gc.disable()  # as when a bridge starts: everything that is made here stays
    try:
        for event in recorded(journal):
            session.decide(event)
    finally:
        gc.enable()
    return session


def chosen(session: Session, name: str | None) -> str:
    """The chat of that name; without one the only one there is, or that is on. Raises ChatbridgeError with the names
    there are."""
    state = session.state
    chats = tuple(state.chats)
    on = [chat.id for chat in state.chats.values() if chat.phase(state.at) == "open"]
    if name is None and 1 in (len(chats), len(on)):
        return chats[0] if len(chats) == 1 else on[0]
    if name in session.state.chats:
        return str(name)
    community = session.state.community
    held = (
        f"The journal of {community.name if community else 'nobody yet'} has: {', '.join(chats) or 'none'}."
    )
    raise ChatbridgeError(f"Say which chat. {held}" if name is None else f"There is no chat '{name}'. {held}")


def status(session: Session, chat: str, now: Micros, health: tuple[Health, ...] = ()) -> dict[str, Any]:
    """The board, the newest entries and what hosts are told of the config, as `status --json` prints them."""
    return {
        "board": msgspec.to_builtins(session.board(chat, now, health)),
        "newest": msgspec.to_builtins(newest(session, chat, 8)),
        "config": session.state.told,
    }


def newest(session: Session, chat: str, most: int) -> tuple[EntryView, ...]:
    """The last entries that anybody may read, at `most` so many. A full room is asked for them all the time: the rest
    of its entries is not looked at."""
    numbers = reversed(session.state.chats[chat].timeline.entries)
    seen = (session.entry(chat, no, "page") for no in numbers)
    return tuple(islice((view for view in seen if view is not None and view.text is not None), most))[::-1]


# ---------------------------------------------------------------- files


def _json(view: ChatView) -> str:
    return json.dumps(document(view), ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, tuple[bool, Callable[[ChatView], str]]] = {
    "md": (False, markdown),
    "html": (False, html),
    "json": (True, _json),
    "csv": (True, csv),
}  # ending -> (whether it is a table of every entry, what makes it)
USUAL = ("md", "json", "html")


def write(view: ChatView, every: ChatView, folder: Path, formats: Iterable[str] = USUAL) -> list[str]:
    """Write a chat into `folder` as transcript.FORMAT, each replaced whole; gives the paths. People read `view`,
    which only counts what stays in a room; tables account for `every` entry. Raises OSError if that cannot be
    done."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending in dict.fromkeys(formats):
        table, made = FORMATS[ending]
        path = folder / f"transcript.{ending}"
        draft = folder / f".transcript.{ending}.new"
        draft.write_text(made(every if table else view), encoding="utf-8", newline="")
        os.replace(draft, path)
        paths.append(str(path))
    return paths
