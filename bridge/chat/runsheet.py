"""The run sheet: its items, their states as a table, and what hosts can do to it.

An item's state is the chat's:

    planned ──fire──▶ due ──sent──▶ posted
       │  ▲            └──drop──▶ skipped      (no network took it)
     hold resume
       ▼  │
      held ──fire──▶ due          planned, held ──skip──▶ skipped

What happens on one network is that network's order's state; `Item.on` keeps it in one word:
`pending` (waits behind a held item there), `queued`, `posted`, `held`, `skipped`, `refused`, `dropped`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from bridge.errors import IllegalTransition
from bridge.model import HOUR, MINUTE, SECOND, Account, Micros, Network
from bridge.settings import Chat

Kind: TypeAlias = Literal["announcement", "reminder", "welcome", "question", "say", "recap", "closing"]
State: TypeAlias = Literal["planned", "due", "posted", "held", "skipped"]
How: TypeAlias = Literal["", "name", "first"]  # in full, or by the first name alone
On: TypeAlias = Literal["pending", "queued", "posted", "held", "skipped", "refused", "dropped"]

STEPS: dict[tuple[State, str], State] = {
    ("planned", "fire"): "due",
    ("planned", "hold"): "held",
    ("planned", "skip"): "skipped",
    ("held", "resume"): "planned",
    ("held", "fire"): "due",
    ("held", "skip"): "skipped",
    ("due", "sent"): "posted",
    ("due", "drop"): "skipped",
    ("posted", "sent"): "posted",
    ("skipped", "sent"): "posted",  # one network had it after all
}

CREDIT = "Asked by {}."
NAME = 60  # characters of a name in it

_RANK: dict[Kind, int] = {
    "announcement": 0,
    "reminder": 1,
    "welcome": 2,
    "question": 3,
    "say": 4,
    "recap": 5,
    "closing": 6,
}


class Item(msgspec.Struct):
    """One line of the run sheet. `number`: the question's (1 for Q1), else 0. `instead`: the config's own words,
    in whose place a host put others. `credit`: the name at the end of `text` of the participant who asked it, in full
    or as `how` says."""

    id: str
    kind: Kind
    due: Micros
    number: int = 0
    text: str = ""
    lead: Micros = 0
    state: State = "planned"
    fired: Micros = 0
    on: dict[Network, On] = {}
    held_at: dict[Network, Micros] = {}
    asked_at: dict[Network, Micros] = {}  # when the hosts could read that it is held
    posted_at: dict[Network, Micros] = {}
    added: bool = False  # by a host: no config knows of it
    instead: str = ""
    reworded: str = ""  # how the config says it since it went out
    asker: Account = ""  # the participant whose question it was, if they are to be named
    how: How = ""
    credit: str = ""
    whose: str = ""  # their handle
    naming: int = 0  # how often it was settled how they are named; 0: they never were
    crediting: dict[Network, str] = {}  # "seq.index" of the order whose post has the line that names them

    @property
    def label(self) -> str:
        """How people call it: "Q3", "Welcome"."""
        return f"Q{self.number}" if self.number else self.kind.capitalize()

    @property
    def heading(self) -> str:
        """What its post begins with, where that is not part of the words."""
        return self.label if self.number else "The whole hour" if self.id == "recap" else ""

    @property
    def words(self) -> str:
        """`text` without the line that credits somebody."""
        return self.text.removesuffix(_credited(self.credit))

    @property
    def editable(self) -> bool:
        """Whether it can still be said otherwise: a question that stands nowhere and is on its way nowhere."""
        waits = self.state in ("planned", "held", "due") or bool({"held", "refused"} & set(self.on.values()))
        return self.kind == "question" and waits and not {"queued", "posted"} & set(self.on.values())

    def reword(self, words: str) -> None:
        """Say it otherwise. What the config says in other languages is then left out, unless its own words come
        back."""
        if not self.added and not self.instead:
            self.instead = self.text
        self.text = words + _credited(self.credit)
        if self.words == self.instead:
            self.instead = ""

    def named(self, asker: Account = "", how: How = "", name: str = "", handle: str = "") -> None:
        """Name who asked it, in a closing line; nobody: take the name out again."""
        self.text = self.words + _credited(name)
        self.asker, self.how, self.credit, self.whose = asker, how, name, handle
        self.naming += 1

    def misnames(self, naming: int) -> bool:
        """Whether an order made when they were to be named for the `naming`th time is out of date; 0: it does not
        name them."""
        return naming not in (0, self.naming)

    def step(self, event: str) -> None:
        """Move to the next state. Raises IllegalTransition if the table has no such step."""
        try:
            self.state = STEPS[self.state, event]
        except KeyError:
            raise IllegalTransition(f"{self.id} is {self.state}: cannot {event}") from None


def _credited(name: str) -> str:
    return f"\n{CREDIT.format(name)}" if name else ""


class Sheet(msgspec.Struct):
    """A chat's items in the order they go out, and when the chat starts and ends."""

    starts: Micros
    ends: Micros
    late_until: Micros
    items: list[Item]
    moved: Micros = 0  # by so much the hosts extended it

    @property
    def begun(self) -> bool:
        """Whether people were welcomed, or it was decided that they are not."""
        return any(i.kind == "welcome" and i.state not in ("planned", "held") for i in self.items)

    def get(self, item: str | None) -> Item | None:
        return next((i for i in self.items if i.id == item), None)

    def called(self, name: str) -> Item | None:
        """The item that people mean by an id or a label, in any case: of two recaps the one still to come."""
        meant = [i for i in self.items if name.casefold() in (i.id, i.label.casefold())]
        return next((i for i in meant if not i.fired), meant[0] if meant else None)

    def sort(self) -> None:
        self.items.sort(key=lambda i: (i.fired or i.due, _RANK[i.kind], i.number))

    def upcoming(self) -> Item | None:
        """The next item that has not gone out."""
        return next((i for i in self.items if i.state in ("planned", "held")), None)

    def current(self) -> Item | None:
        """The item that went out last."""
        fired = [i for i in self.items if i.state in ("due", "posted")]
        return max(fired, key=lambda i: i.fired, default=None)

    def due(self, now: Micros) -> list[Item]:
        """What must go out now: planned items whose time has come, up to the first one on hold."""
        ready = []
        for item in self.items:
            if item.state == "held" or (item.state == "planned" and item.due > now):
                break
            if item.state == "planned":
                ready.append(item)
        return ready

    def deadline(self) -> Micros | None:
        """When the next item comes due; None while one is on hold or none is left."""
        item = self.upcoming()
        return item.due if item and item.state == "planned" else None

    def shift(self, by: Micros) -> None:
        """Move what has not gone out, the end and the late window."""
        for item in self.items:
            if item.state in ("planned", "held"):
                item.due += by
        self.ends += by
        self.late_until += by
        self.moved += by

    def questions(self) -> list[Item]:
        """By number."""
        return sorted((i for i in self.items if i.kind == "question"), key=lambda i: i.number)

    def question(self, text: str, due: Micros) -> Item:
        """A question numbered on, for `add`."""
        number = max((i.number for i in self.items), default=0) + 1
        return Item(id=f"q{number}", kind="question", due=due, number=number, text=text, added=True)

    def gap(self, now: Micros) -> Micros:
        """When one more question goes out best: halfway between the last one and the end, not before `now`."""
        asked = [i.fired or i.due for i in self.questions() if i.state != "skipped"]
        return max(now, (max(asked, default=self.starts) + self.ends) // 2)

    def say(self, text: str, now: Micros) -> Item:
        """Words for every network, due at once, for `add`."""
        count = sum(i.kind == "say" for i in self.items) + 1
        return Item(id=f"say{count}", kind="say", due=now, text=text, added=True)

    def add(self, item: Item) -> Item:
        """One more item, where its time puts it."""
        self.items.append(item)
        self.sort()
        return item

    def end(self, now: Micros) -> None:
        """Close now: what is left but recap and closing is skipped, these two are due."""
        late = self.late_until - self.ends
        for item in self.items:
            if item.state not in ("planned", "held"):
                continue
            if item.kind in ("closing", "recap") and item.id != "recap-half":
                if item.state == "held":
                    item.step("resume")
                item.due = now
            else:
                item.step("skip")
        self.ends, self.late_until = now, now + late


def build(chat: Chat) -> Sheet:
    """The run sheet a config asks for."""
    items = [Item(id="welcome", kind="welcome", due=chat.starts)]
    if chat.announce is not None:
        due = chat.starts - chat.announce
        items.append(Item(id="announcement", kind="announcement", due=due, lead=chat.announce))
    items += (
        Item(id=f"reminder-{span(lead)}", kind="reminder", due=chat.starts - lead, lead=lead)
        for lead in dict.fromkeys(chat.remind)
    )
    for n, question in enumerate(chat.questions, start=1):
        items.append(Item(id=f"q{n}", kind="question", due=question.due, number=n, text=question.text))
    items.append(Item(id="recap-half", kind="recap", due=_halfway(chat)))
    items.append(Item(id="recap", kind="recap", due=chat.ends))
    items.append(Item(id="closing", kind="closing", due=chat.ends))
    sheet = Sheet(chat.starts, chat.ends, chat.late_until, items)
    sheet.sort()
    return sheet


def missed(chat: Chat) -> Sheet:
    """That of a chat that was over before the bridge knew of it: nothing of it goes out."""
    sheet = build(chat)
    for item in sheet.items:
        item.step("skip")
    return sheet


def _halfway(chat: Chat) -> Micros:
    """Where a recap meets no question that is just being answered: midway between two of them, or between the
    last one and the end, as near to the chat's middle as that is."""
    middle = (chat.starts + chat.ends) // 2
    times = sorted((*(q.due for q in chat.questions), chat.ends))
    return min(((a + b) // 2 for a, b in pairwise(times)), key=lambda at: abs(at - middle), default=middle)


def update(sheet: Sheet, chat: Chat) -> None:
    """Take a changed config over into what has not gone out; what has stays as it was, and so does what the
    hosts did: a hold, an extension, an early end, a question of theirs, and other words for one of the config's
    unless that very question is different now."""
    fresh = build(chat)
    fresh.shift(sheet.moved)
    gone = {i.id for i in sheet.items if i.state not in ("planned", "held")}
    for item in fresh.items:
        old = sheet.get(item.id)
        if old is None or old.added:
            continue
        if old.state == "held":
            item.step("hold")
        if old.instead and old.instead == item.text:
            item.text, item.instead = old.text, old.instead
    if "closing" in gone:
        fresh.items.clear()
        fresh.starts, fresh.ends, fresh.late_until = sheet.starts, sheet.ends, sheet.late_until
    own = [i for i in sheet.items if i.added and i.id not in gone]
    for item in own:
        item.due = min(item.due + fresh.starts - sheet.starts, fresh.ends)
    sheet.items = [i for i in sheet.items if i.id in gone] + [i for i in fresh.items if i.id not in gone]
    sheet.starts, sheet.ends, sheet.late_until = fresh.starts, fresh.ends, fresh.late_until
    for item in own:  # the config may have come to need its number
        if sheet.get(item.id) is not None:
            item.number = max(i.number for i in (*sheet.items, *own)) + 1
            item.id = f"q{item.number}"
        sheet.items.append(item)
    sheet.sort()


def moved(chat: Chat, by: Micros) -> Chat:
    """The same hour at another time."""
    return msgspec.structs.replace(
        chat,
        starts=chat.starts + by,
        ends=chat.ends + by,
        late_until=chat.late_until + by,
        questions=tuple(msgspec.structs.replace(q, due=q.due + by) for q in chat.questions),
    )


def grace(item: Item, stale: Micros) -> Micros | None:
    """How late an item may go out; None: however late. A question is held past this, others are dropped."""
    match item.kind:
        case "welcome" | "closing":
            return None
        case "announcement" | "reminder":
            return max(stale, item.lead // 10)
        case _:
            return stale


def span(length: Micros) -> str:
    """A length of time as configs write it: "7d", "24h", "10m"."""
    for unit, size in (("d", 24 * HOUR), ("h", HOUR), ("m", MINUTE)):
        if length % size == 0 and length >= size and not (unit == "d" and length == size):
            return f"{length // size}{unit}"
    return f"{length // SECOND}s"
