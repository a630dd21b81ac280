"""What must hold in every world. Knows only what happened in it; asks the core nothing.

Each check is named after what it protects and yields a sentence for each breach.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

from bridge.chat.view import ChatView
from bridge.model import SECOND, Gathered, Micros, Network, Notice, Publish, Update
from tests.simulation.record import MARK, Ours, Record, Said, at_home, plain

SOON = 3 * SECOND  # after which something that we were told is committed
TOLD = 90  # lines of the trace that a report ends with

Check: TypeAlias = Callable[[Record], Iterator[str]]


def violations(record: Record) -> list[tuple[str, str]]:
    """(invariant, what broke it), for everything that is not as it must be."""
    return [(check.__name__, what) for check in CHECKS for what in check(record)]


def report(record: Record, found: Iterable[tuple[str, str]]) -> str:
    """For the one who has to find out why."""
    lines = [f"seed {record.seed}: python -m pytest tests/simulation --seed {record.seed}"]
    lines += [f"  {invariant}: {what}" for invariant, what in found]
    marks = {m for _, what in found for m in MARK.findall(what)}
    about = [line for line in record.trace[:-TOLD] if marks.intersection(MARK.findall(line))]
    return "\n".join([*lines, "what concerns these:", *about, "the last of it:", *record.trace[-TOLD:]])


# ---------------------------------------------------------------- the run sheet


def _items(record: Record) -> dict[str, tuple[str, str]]:
    """item -> (how its post begins, how hosts are told of it)."""
    asked = [p.text for p in record.pressed if p.verb == "ask"]
    said = {p.text for p in record.pressed if p.verb == "say"}
    questions = [*record.questions, *asked]
    return {
        "announcement": ("Join us for", "Announcement"),
        "reminder": ("In 10 minutes", "Reminder"),
        "welcome": ("Welcome to", "Welcome"),
        "recap-half": ("So far", "Recap"),
        "recap": ("The whole hour", "Recap"),
        "closing": ("Thank you, everyone!", "Closing"),
        **{f"q{n}": (f"Q{n} {text}", f"Q{n}") for n, text in enumerate(questions, 1)},
        **{f"say{n}": (text, "Say") for n, text in enumerate(said, 1)},
    }


def _copies(record: Record, network: Network, begins: str) -> list[Ours]:
    return [
        o for o in record.ours if o.network == network and o.place == "chat" and o.words.startswith(begins)
    ]


def each_item_once(record: Record) -> Iterator[str]:
    """At most once on each network; and once, unless the hosts know better."""
    for item, (begins, label) in _items(record).items():
        for network in record.titles.keys() - record.read_only:
            copies = _copies(record, network, begins)
            if len(copies) > 1:
                yield f"{item} stands {len(copies)} times on {network}: {[o.id for o in copies]}"
            if not copies and _promised(record, item) and not _told(record, item, label, network):
                yield f"{item} never came to {network} and no host was told"


def _promised(record: Record, item: str) -> bool:
    """What must come or be explained. Reminders and recaps that are late are dropped; of what a host asked, it
    may be that nobody heard it."""
    if item.startswith("q") and int(item[1:]) <= len(record.questions):
        return True
    if item in ("welcome", "closing"):
        return True
    verb = "ask" if item.startswith("q") else item[:3]
    return any(p.verb == verb and p.done for p in record.pressed)


def _told(record: Record, item: str, label: str, network: Network) -> bool:
    begins = f"{label} on {record.titles[network]}: "
    if any(isinstance(o.contents[0][1], Notice) and o.words.startswith(begins) for o in record.ours):
        return True
    if any(p.verb == "end" for p in record.pressed):
        return True
    return any(p.verb == "skip" and p.item == item and p.on in (None, network) for p in record.pressed)


def questions_in_order(record: Record) -> Iterator[str]:
    """Q(n+1) never before Q(n) on a network. What hosts `ask` is numbered on and may come early."""
    for network in record.titles:
        times = [
            (o.at, n)
            for n, text in enumerate(record.questions, 1)
            for o in _copies(record, network, f"Q{n} {text}")
        ]
        order = [n for _, n in sorted(times)]
        if order != sorted(order):
            yield f"on {network} the questions came in the order {order}"


# ---------------------------------------------------------------- the timeline


class _Truth:
    """What belongs, and who may see it, by what the world did."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._by = {(s.network, s.id): s for s in record.said}
        self._ours = {(o.network, o.id): o for o in record.ours if o.place == "chat"}
        self.held = {
            mark
            for o in record.ours
            if o.words.startswith("Held:")
            for _, content in o.contents
            for mark in MARK.findall(plain(content))
        }
        self.refused = {mark for _, words in record.refused for mark in MARK.findall(words)}

    def belongs(self, said: Said) -> bool:
        if said.command:
            return False
        if said.tagged:
            return True
        place = said.reply_to or said.quote
        if place is None:
            return False
        where = at_home(said.network, place)
        above = self._by.get(where)
        return self.belongs(above) if above else where in self._ours

    def alive(self) -> list[Said]:
        return [s for s in self.record.said if s.deleted is None and self.belongs(s)]

    def open(self, said: Said) -> bool:
        """Whether its words may leave its network and the hosts' room."""
        if said.private or said.by.withholds or self.record.hidden.intersection(said.marks):
            return False
        return not self.held.intersection(said.marks) or bool(self.record.shown.intersection(said.marks))

    def unsure(self, said: Said) -> bool:
        return said.by.tapping or bool(self.record.unsure.intersection(said.marks))

    def on_page(self, said: Said) -> bool:
        return self.open(said) and (said.network not in self.record.rooms or self.agreed(said))

    def agreed(self, said: Said) -> bool:
        """Whether what was said in a room may stand on the page."""
        match self.record.rooms_public:
            case "yes":
                return said.by.consent != "no"
            case "ask":
                return said.by.consent in ("name", "first")
        return False


def _marks(view: ChatView | None) -> Counter[str]:
    assert view is not None
    return Counter(m for e in view.entries if e.text is not None for m in MARK.findall(e.text.plain))


def _mirrored(record: Record, network: Network) -> Counter[str]:
    live = [o.content for o in record.ours if o.network == network and isinstance(o.content, Gathered)]
    return Counter(m for content in live for card in content.cards for m in MARK.findall(card.text.plain))


def every_post_once_in_the_timeline(record: Record) -> Iterator[str]:
    truth = _Truth(record)
    assert record.hosts is not None
    stands = Counter(at_home(s.network, s.id) for e in record.hosts.entries for s in e.sources)
    for said in record.said:
        wanted = int(said.deleted is None and truth.belongs(said))
        found = stands.pop((said.network, said.id), 0)
        if found == wanted or truth.unsure(said):
            continue
        if wanted and not found and record.hidden.intersection(said.marks) and said.by.withholds:
            continue  # hidden and then withdrawn: nothing is left to show anybody
        if said.by.forgotten and not found:
            continue
        yield f"{said.network} {said.id} {said.mark} stands {found} times in the hosts' view, not {wanted}"
    for (network, id_), times in stands.items():
        yield f"{network} {id_}, which no person wrote, stands {times} times in the hosts' view"


def every_post_once_on_the_page(record: Record) -> Iterator[str]:
    truth = _Truth(record)
    shown = _marks(record.page)
    wanted = {s.mark for s in truth.alive() if truth.on_page(s)}
    unsure = {m for s in truth.alive() if truth.unsure(s) for m in s.marks}
    for mark in (wanted | set(shown)) - unsure:
        if shown[mark] != (mark in wanted):
            yield f"{mark} is {shown[mark]} times on the page, not {int(mark in wanted)}"


def every_post_once_in_the_mirror(record: Record) -> Iterator[str]:
    truth = _Truth(record)
    for network in record.mirrors:
        stands = _mirrored(record, network)
        there = {s.mark for s in truth.alive() if s.network == network}
        wanted = {s.mark for s in truth.alive() if truth.open(s)} - there
        unsure = {m for s in truth.alive() if truth.unsure(s) for m in s.marks}
        failed = {s.mark for s in truth.alive() if truth.refused.intersection(s.marks)}
        told = any("could not be shown" in o.words for o in record.ours)
        for mark in (wanted | set(stands)) - unsure:
            allowed = {int(mark in wanted)} | ({0} if mark in failed and told else set())
            if stands[mark] not in allowed:
                yield f"{mark} stands {stands[mark]} times in {network}, not {int(mark in wanted)}"


def the_hosts_read_what_is_there(record: Record) -> Iterator[str]:
    """The newest words, and none that were taken back or are to stay where they are."""
    truth = _Truth(record)
    shown = _marks(record.hosts)
    wanted = {s.mark for s in truth.alive() if not s.private and not s.by.withholds}
    for mark in wanted | set(shown):
        if shown[mark] != (mark in wanted):
            yield f"{mark} is {shown[mark]} times in the hosts' view, not {int(mark in wanted)}"


def labels_are_obeyed(record: Record) -> Iterator[str]:
    """Who names a question that was asked answers it."""
    truth = _Truth(record)
    assert record.hosts is not None
    placed = {at_home(s.network, s.id): e.questions for e in record.hosts.entries for s in e.sources}
    for said in truth.alive():
        if not said.label or not truth.open(said) or (said.network, said.id) not in placed:
            continue
        if record.moved.intersection(said.marks):
            if "Q1" not in placed[said.network, said.id]:
                yield f"{said.network} {said.id} {said.mark} was moved to Q1, but is not there"
            continue
        begins = f"Q{said.label} {record.questions[said.label - 1]}"
        asked = min((o.at for n in record.titles for o in _copies(record, n, begins)), default=None)
        questions = placed[said.network, said.id]
        if asked is not None and asked < said.at and f"Q{said.label}" not in questions:
            yield f"{said.network} {said.id} {said.mark} answers Q{said.label}, but is placed at {questions}"


# ---------------------------------------------------------------- audiences


def withheld_words_stay(record: Record) -> Iterator[str]:
    """What was never for us to show, no page, no message and no attempt at one has ever held; and the journal
    only if its author's wishes became known too late."""
    ever = _displayed(record)
    ever |= {m for o in record.ours for _, content in o.contents for m in MARK.findall(plain(content))}
    for tried in record.tried:
        if isinstance(tried.op, Publish | Update):
            ever |= set(MARK.findall(plain(tried.op.content)))
    for said in record.said:
        from_the_start = said.by.nobridge is not None and said.by.nobridge < record.starts
        if not said.private and not from_the_start:
            continue
        for mark in said.marks:
            if mark in ever:
                yield f"{mark} by {said.by.handle}, which was to stay on {said.network}, was shown"
            if not (said.by.slow and not said.private) and _journalled(record, mark):
                yield f"{mark} by {said.by.handle}, which was to stay on {said.network}, is in the journal"


def forgotten_words_are_gone(record: Record) -> Iterator[str]:
    for said in record.said:
        for mark in said.marks if said.by.forgotten and not said.command else ():
            if _journalled(record, mark):
                yield f"{mark} by {said.by.handle}, who is to be forgotten, is in the journal"


def who_is_in_a_room_decides_for_the_page(record: Record) -> Iterator[str]:
    truth, displayed = _Truth(record), _displayed(record)
    for said in record.said:
        if said.network not in record.rooms or truth.agreed(said) or said.by.tapping or said.twin:
            continue
        for mark in displayed.intersection(said.marks):
            yield f"{mark} by {said.by.handle}, who has not agreed, was on the page"


def what_was_taken_back_is_not_shown_again(record: Record) -> Iterator[str]:
    """Words that were removed, or replaced, from a moment after we were told, if we lived so long."""
    twins = {mark for said in record.said if said.twin for mark in said.marks}
    gone: dict[str, Micros] = {}
    for at, mark in record.told:
        if mark not in twins and not any(at <= died <= at + SOON for died in record.deaths):
            gone.setdefault(mark, at + SOON)
    for at, words in record.displayed:
        for mark in MARK.findall(words):
            if at > gone.get(mark, at):
                yield f"{mark} was shown on the page {(at - gone[mark]) / SECOND:.1f} s after it was taken back"
    for tried in record.tried:
        if tried.place == "hosts" or not isinstance(tried.op, Publish | Update):
            continue
        for mark in MARK.findall(plain(tried.op.content)):
            if tried.at > gone.get(mark, tried.at):
                late = (tried.at - gone[mark]) / SECOND
                yield f"{mark} was sent to {tried.network} {late:.1f} s after it was taken back"


def _displayed(record: Record) -> set[str]:
    """What the page has ever shown."""
    return {m for _, words in record.displayed for m in MARK.findall(words)}


def _journalled(record: Record, mark: str) -> bool:
    return re.search(rb"\b" + mark.encode() + rb"\b", record.journal) is not None


def likes_stand_only_where_hosts_want_them(record: Record) -> Iterator[str]:
    """Under what everybody may read, and nowhere else; there they stand."""
    truth = _Truth(record)
    said = {(s.network, s.id): s for s in record.said}
    for like in record.endorsed:
        under = said[like.network, like.on]
        wanted = record.liked.intersection(under.marks) and not record.unliked.intersection(under.marks)
        allowed = bool(wanted) and under.deleted is None and truth.on_page(under)
        if like.standing and not allowed and not truth.unsure(under):
            yield f"we {like.kind} {like.network} {like.on} {under.mark}, which we may not or no longer want"
    given = {(like.network, like.on) for like in record.endorsed if like.standing}
    for under in truth.alive():
        wanted = record.liked.intersection(under.marks) and not record.unliked.intersection(under.marks)
        if not wanted or not truth.on_page(under) or truth.unsure(under) or under.network in record.rooms:
            continue
        if (under.network, under.id) not in given:
            yield f"hosts wanted {under.network} {under.id} {under.mark} liked or boosted, and it is not"


def nothing_of_ours_is_an_entry(record: Record) -> Iterator[str]:
    ours = {(o.network, o.id) for o in record.ours}
    for view in (record.page, record.hosts):
        assert view is not None
        for entry in view.entries:
            for source in entry.sources:
                if at_home(source.network, source.id) in ours:
                    yield f"{source.network} {source.id}, which we wrote, is entry {entry.no}"


def a_followed_page_is_right(record: Record) -> Iterator[str]:
    """Who only heard what changed sees what one sees who comes anew."""
    assert record.page is not None
    final = {e.no: e.text.plain for e in record.page.entries if e.text is not None}
    for no in final.keys() | record.followed.keys():
        if final.get(no) != record.followed.get(no):
            yield f"entry {no} was told to the page as {record.followed.get(no)!r}, but is {final.get(no)!r}"


# ---------------------------------------------------------------- the works


def replay_equals_live(record: Record) -> Iterator[str]:
    for when, live, replayed in record.replays:
        if live != replayed:
            yield f"at {when} the replayed journal was not the live state"


def nothing_is_sent_too_late(record: Record) -> Iterator[str]:
    for tried in record.tried:
        if tried.not_after is not None and tried.at > tried.not_after:
            late = (tried.at - tried.not_after) / SECOND
            yield f"{tried.network}: {tried.op!r:.200} was sent {late:.3f} s after it had become too late"


def messages_keep_their_distance(record: Record) -> Iterator[str]:
    for network, spacing in record.spacing.items():
        places: dict[str, list[Micros]] = {}
        for tried in record.tried:
            if tried.network == network and isinstance(tried.op, Publish):
                places.setdefault(tried.place, []).append(tried.at)
        for place, times in places.items():
            for one, other in pairwise(times):
                if other - one < spacing * SECOND:
                    at = (other - record.starts) / SECOND
                    yield f"{network} {place}: {(other - one) / SECOND:.3f} s between two messages at {at:.3f}"


def everything_ends(record: Record) -> Iterator[str]:
    yield from (f"order not final: {order}" for order in record.open_orders)
    yield from (f"an event was set aside: {why}" for why in record.set_aside)
    yield from (f"logged: {error}" for error in record.errors)
    yield from (f"task left over: {task}" for task in record.tasks)


CHECKS: tuple[Check, ...] = (
    each_item_once,
    questions_in_order,
    every_post_once_in_the_timeline,
    every_post_once_on_the_page,
    every_post_once_in_the_mirror,
    the_hosts_read_what_is_there,
    labels_are_obeyed,
    withheld_words_stay,
    forgotten_words_are_gone,
    who_is_in_a_room_decides_for_the_page,
    what_was_taken_back_is_not_shown_again,
    likes_stand_only_where_hosts_want_them,
    nothing_of_ours_is_an_entry,
    a_followed_page_is_right,
    replay_equals_live,
    nothing_is_sent_too_late,
    messages_keep_their_distance,
    everything_ends,
)
