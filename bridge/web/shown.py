"""What the page shows: the chats as the page's audience may see them, less what has not stood long enough.

Remembers what readers have been given, so that it can be taken back.
"""

from __future__ import annotations

import msgspec

from bridge.chat.view import ChatView, EntryView
from bridge.model import SECOND, Micros
from bridge.ports import Clock
from bridge.report import layout, render
from bridge.web.views import Settings, Views


class Given(msgspec.Struct, frozen=True):
    """An entry as readers have it."""

    view: EntryView
    section: str
    html: str


class Delay:
    """Holds back words until they have stood for `seconds` of chat time, so that hosts can hide what nobody
    should read. Edited words start anew. The time a post claims for itself counts only for what was there
    before we were: a stranger can write any time into a post."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.length: Micros = int(seconds * SECOND)
        self.waiting: dict[tuple[str, int], Micros] = {}  # until when each must stand
        self._clock = clock
        self._since: dict[tuple[str, int], tuple[EntryView | None, Micros]] = {}

    def noticed(self, chat: str, no: int) -> None:
        """An entry came just now."""
        if self.length:
            self._since.setdefault((chat, no), (None, self._clock.now()))

    def over(self, chat: str, entry: EntryView) -> bool:
        """Whether the entry may be shown; if not, it is put on the waiting list."""
        if not self.length:
            return True
        key, now = (chat, entry.no), self._clock.now()
        before, since = self._since.get(key, (None, min(entry.at, now)))
        if before is not None and _words(before) != _words(entry):
            since = now
        self._since[key] = (entry, since)
        self.waiting.pop(key, None)
        if now >= since + self.length:
            return True
        self.waiting[key] = since + self.length
        return False

    def forget(self, chat: str, no: int) -> None:
        """The entry is gone, and its words from here too."""
        self._since.pop((chat, no), None)
        self.waiting.pop((chat, no), None)


def _words(entry: EntryView) -> tuple[object, ...]:
    return entry.text, entry.warning, entry.media, entry.name


class Shown:
    """The page's chats. Nothing here is kept that its audience may no longer see."""

    def __init__(self, views: Views, settings: Settings, clock: Clock) -> None:
        self.delay = Delay(settings.delay_seconds, clock)
        self._views = views
        self._pictures = settings.pictures
        self._clock = clock
        self.taken: set[tuple[str, int]] = set()  # what readers have and must be told to drop
        self._given: dict[str, dict[int, Given]] = {}
        self._frames: dict[str, ChatView] = {}  # without entries

    def chats(self) -> frozenset[str]:
        """Those there are: one of which nothing was there yet can be gone again."""
        return frozenset(self._views.chats())

    def view(self, chat: str) -> ChatView:
        """The chat as the page shows it now. Raises KeyError if there is none."""
        whole = self._views.view(chat, "page")
        entries = tuple(e for e in layout.shown(whole) if self.delay.over(chat, e))
        self._frames[chat] = msgspec.structs.replace(whole, entries=())
        return msgspec.structs.replace(whole, entries=entries)

    def page(self, chat: str, event: int) -> str:
        """The whole page; `event`: the last event whose change is on it."""
        view = self.view(chat)
        given = self._give_all(view)
        others = tuple(frame for frame in self.frames() if frame.id != chat)
        entries = {no: g.html for no, g in given.items()}
        return render.page(view, others, entries, event=event, pictures=self._pictures)

    def frame(self, chat: str) -> ChatView:
        """The chat without its entries; what readers have been given is known from here on."""
        if chat not in self._frames or chat not in self._given:
            self._give_all(self.view(chat))
        return self._frames[chat]

    def frames(self) -> tuple[ChatView, ...]:
        """Every chat without its entries, newest first."""
        chats = self._views.chats()
        return tuple(sorted((self.frame(chat) for chat in chats), key=lambda f: f.starts, reverse=True))

    def current(self) -> str | None:
        """The chat that is on, else the one nearest in time."""
        now = self._clock.now()
        away = {f.id: max(f.starts - now, now - f.ends, 0) for f in self.frames()}
        return min(away, key=lambda chat: away[chat], default=None)

    def give(self, chat: str, no: int) -> tuple[Given, int | None] | None:
        """The entry as readers get it now, and the number it comes after in its section; None if they may not
        have it (any more)."""
        frame, given = self.frame(chat), self._given[chat]
        entry = self._views.entry(chat, no, "page")
        if entry is None:
            self.delay.forget(chat, no)
        if entry is None or entry.hidden or not self.delay.over(chat, entry):
            self._take(chat, no)
            return None
        self.taken.discard((chat, no))
        mine = given[no] = self._rendered(entry, frame)
        before = [n for n, g in given.items() if n < no and g.section == mine.section]
        return mine, max(before, default=None)

    def _take(self, chat: str, no: int) -> None:
        """Readers may not have this entry any more."""
        if self._given.get(chat, {}).pop(no, None):
            self.taken.add((chat, no))

    def _give_all(self, view: ChatView) -> dict[int, Given]:
        old = self._given.get(view.id, {})
        new = {}
        for entry in view.entries:
            known = old.get(entry.no)
            same = known is not None and known.view == entry and known.section == layout.place(entry, view)
            new[entry.no] = known if known is not None and same else self._rendered(entry, view)
        self.taken |= {(view.id, no) for no in old if no not in new}
        self._given[view.id] = new
        return new

    def _rendered(self, entry: EntryView, view: ChatView) -> Given:
        return Given(entry, layout.place(entry, view), render.entry(entry, view, pictures=self._pictures))
