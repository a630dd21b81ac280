"""What real hosts keep from people: they act where no simulator sees it, so it is read from the journal."""

from __future__ import annotations

from pathlib import Path

from bridge.chat.audience import taken_off
from bridge.chat.timeline import ref_of
from bridge.report.from_journal import replayed


def posts(journal: Path, chat: str) -> set[tuple[str, str]]:
    """Network and id of every post of a chat that hosts hid, erased, have not let through, or wrote off with its
    author, and of those that wait for the end of a blackout. Raises JournalError if it cannot be read."""
    state = replayed(journal).state
    held = state.chats[chat]
    off = {
        post.uri
        for entry in held.timeline.entries.values()
        if entry.held is not None or entry.frozen or taken_off(entry, state.people)
        for post in entry.sources
    }
    places = {place for place, uri in held.timeline.refs.items() if uri in off}
    places |= {place for erased in held.erased.values() for place in erased.places}
    return {(ref.network, ref.id) for ref in map(ref_of, places)}
