"""What an edit of the config changes, in words for the hosts. Pure, and in English, as the default texts are.

What counts is the run sheet before and after: the hosts' own doings are part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bridge import when
from bridge.chat import numbering
from bridge.chat.runsheet import Item, Kind, Sheet, grace
from bridge.chat.wording import listed
from bridge.model import Micros, Text
from bridge.settings import Chat, Community, Host, Question
from bridge.text import cut

SHOWN = 140  # graphemes of what somebody wrote
MANY = 3  # times that are told one by one
TELLS: dict[Kind, tuple[str, ...]] = {  # what a post of ours tells of its chat
    "announcement": ("title", "hashtag", "starts", "ends", "hosts", "article", "notice"),
    "welcome": ("welcome", "title", "hashtag"),
    "closing": ("closing",),
}


@dataclass(frozen=True)
class Edit:
    """A chat before and after. `plain` and `edited`: as the config said it, and says it now; `settings` and `sheet`:
    as the chat had it, every question at its number. `zone`: whose clocks the hosts read; `now`: of the edit."""

    plain: Chat
    settings: Chat
    sheet: Sheet
    edited: Chat
    after: Chat
    fresh: Sheet
    zone: str
    now: Micros


def of_community(before: Community, after: Community) -> Iterator[str]:
    """What is different for all chats."""
    if before.name != after.name:
        yield f"The community is called {_quoted(after.name)} now."
    if before.zone != after.zone:
        yield f"Times are {when.place(after.zone)} now, no longer {when.place(before.zone)}."
    if before.language != after.language:
        yield f"The texts are in the language “{after.language}” now."
    if before.page != after.page:
        yield f"Links lead to {after.page} now." if after.page else "The page is not linked to any more."
    if before.outward != after.outward:
        sends = "may be sent to other networks" if after.outward == "asked" else "stay in Slack"
        yield f"Replies of Slack members {sends} now."
    if before.signpost != after.signpost:
        yield "What you can send to somebody in a crisis is worded anew."


def of_chat(edit: Edit) -> Iterator[str]:
    """What is different in a chat that goes on."""
    before, after = edit.plain, edit.edited
    if before.title != after.title:
        yield f"It is called {_quoted(after.title)} now (was {_quoted(before.title)})."
    if before.hashtag != after.hashtag:
        yield f"Its hashtag is #{after.hashtag} now (was #{before.hashtag})."
    yield from _hours(edit)
    yield from _hosts(before.hosts, after.hosts)
    yield from _texts(edit)
    yield from _items(edit)
    yield from _unchanged(edit)


def coming(chat: Chat, sheet: Sheet, zone: str, now: Micros) -> Iterator[str]:
    """What there is to know of a chat that is new."""
    yield f"It is new (#{chat.hashtag}) and begins on {when.moment(chat.starts, zone)}."
    past = [item for item in sheet.items if item.due <= now and item.kind in ("announcement", "reminder")]
    late = [name(item) for item in past if item.due + (grace(item, chat.stale) or 0) < now]
    if late:
        be = "is" if len(late) == 1 else "are"
        yield f"{_begun(listed(late))} would have been due before now and {be} left out."


# ---------------------------------------------------------------- when and who


def _hours(edit: Edit) -> Iterator[str]:
    before, after, zone = edit.plain, edit.edited, edit.zone
    if before.starts != after.starts and edit.fresh.starts == edit.sheet.starts:
        if after.starts != edit.sheet.starts:
            yield "It has begun, and its new date is not taken up: give the next chat an id of its own."
        return
    if before.starts != after.starts:
        old = when.moment(before.starts, zone)
        yield f"It begins on {when.moment(after.starts, zone)} instead of {old}; what is to come moves along."
    lasts, lasted = after.ends - after.starts, before.ends - before.starts
    if lasts != lasted:
        yield f"It lasts {when.span(lasts)} instead of {when.span(lasted)}."
    late, was = after.late_until - after.ends, before.late_until - before.ends
    if late != was:
        yield f"Late answers are gathered for {when.span(late)} instead of {when.span(was)}."
    if before.stale != after.stale:
        yield f"You are asked about what is more than {when.span(after.stale)} late."


def _hosts(before: tuple[Host, ...], after: tuple[Host, ...]) -> Iterator[str]:
    old, new = ({host.name: host for host in hosts} for hosts in (before, after))
    if came := [name for name in new if name not in old]:
        yield f"{_several(came)} a host now." if len(came) == 1 else f"{_several(came)} hosts now."
    if left := [name for name in old if name not in new]:
        yield (
            f"{_several(left)} no host any more."
            if len(left) == 1
            else f"{_several(left)} no hosts any more."
        )
    if moved := [name for name in new if name in old and new[name].handles != old[name].handles]:
        yield f"{_several(moved)} known by other accounts now."


def _several(names: list[str]) -> str:
    return f"{listed([cut(Text(name), SHOWN).plain for name in names])} {'is' if len(names) == 1 else 'are'}"


# ---------------------------------------------------------------- texts


def _texts(edit: Edit) -> Iterator[str]:
    """The chat's own texts. One that has been posted stays as it was, and so do those that told what is different."""
    before, after = edit.plain, edit.edited
    done = {item.kind for item in edit.sheet.items if item.state not in ("planned", "held")}
    if before.welcome != after.welcome and "welcome" not in done:
        yield "The welcome is worded anew."
    if before.closing != after.closing and "closing" not in done:
        yield "The closing words are worded anew."
    if before.notice != after.notice and not {"announcement", "welcome"} <= done:
        yield "The sentence that tells people where their words go is worded anew."
    if before.article != after.article and "announcement" not in done:
        yield (
            f"To read before is {after.article} now."
            if after.article
            else "There is nothing to read before any more."
        )
    if before.warning != after.warning:
        yield _warned("What is posted", before.warning, after.warning)
    stay = [k for k in TELLS if k in done and any(getattr(before, f) != getattr(after, f) for f in TELLS[k])]
    if stay:
        have, they = ("has", "it stays as it was") if len(stay) == 1 else ("have", "they stay as they were")
        yield f"{_begun(listed([f'the {kind}' for kind in stay]))} {have} gone out: {they}."


def _warned(what: str, before: str | None, after: str | None) -> str:
    if not after:
        return f"{what} has no content warning any more."
    return f"{what} has the content warning {_quoted(after)} now" + (
        f" (was {_quoted(before)})." if before else "."
    )


# ---------------------------------------------------------------- the run sheet


def name(item: Item) -> str:
    """An item within a sentence: "Q3", "the reminder 24 hours before"."""
    if item.number:
        return item.label
    return f"the {item.kind}" + (f" {when.span(item.lead)} before" if item.kind == "reminder" else "")


def _items(edit: Edit) -> Iterator[str]:
    """What has not gone out. A question is the same if its words are, whatever its number; or else if its number
    is."""
    done = {item.id for item in edit.sheet.items if item.state not in ("planned", "held")}
    old = {item.id: item for item in edit.sheet.items if item.id not in done}
    new = {item.id: item for item in edit.fresh.items if item.id not in done}
    pairs = _same(old, new)
    for item in new.values():
        known = pairs.get(item.id)
        if known is None and not item.added:
            yield _new(item, edit)
        elif known is not None and item.text != known.text:
            yield f"{item.label} is now {_quoted(item.words)} (was {_quoted(known.words)})."
    together = [(known, new[id_]) for id_, known in pairs.items()]
    if moved := [(known.label, item.label) for known, item in together if known.label != item.label]:
        be = "is" if len(moved) == 1 else "are"
        yield f"{listed([was for was, _ in moved])} {be} {listed([now for _, now in moved])} now."
    yield from _extras(edit, together)
    yield from _times(together, edit)
    kept = {known.id for known in pairs.values()}
    for item in old.values() if "closing" not in done else ():
        if item.id not in kept and not item.added:
            words = f" {_quoted(item.words)}" if item.number else ""
            yield f"{_begun(name(item))}{words} is taken out and does not go out."


def _same(old: dict[str, Item], new: dict[str, Item]) -> dict[str, Item]:
    """The items that there were before as they were then, by the id they have now."""
    worded = {(item.added, item.text): item for item in old.values() if item.number}
    pairs = {
        id_: worded.pop((item.added, item.text))
        for id_, item in new.items()
        if (item.added, item.text) in worded
    }
    kept = {item.id for item in pairs.values()}
    for id_, item in new.items():
        known = old.get(id_)
        if id_ not in pairs and known is not None and known.id not in kept and known.added is item.added:
            pairs[id_] = known
    return {id_: pairs[id_] for id_ in new if id_ in pairs}


def _new(item: Item, edit: Edit) -> str:
    words = f": {_quoted(item.words)}" if item.number else ""
    return f"{_begun(name(item))} is new{words}. {_overdue(item, edit) or f'It is due at {_at(item.due, edit)}.'}"


def _extras(edit: Edit, pairs: list[tuple[Item, Item]]) -> Iterator[str]:
    """What a question has beside its words."""
    before, after = edit.settings.questions, edit.after.questions
    for old, new in pairs:
        if 0 < old.number <= len(before) and new.number <= len(after) and not new.added:
            yield from _beside(new.label, before[old.number - 1], after[new.number - 1])


def _beside(label: str, before: Question, after: Question) -> Iterator[str]:
    if (before.image, before.digest) != (after.image, after.digest):
        has = "another picture now" if before.image else "a picture now"
        yield f"{label} has {has if after.image else 'no picture any more'}."
    elif before.alt != after.alt:
        yield f"{label} has another description of its picture now."
    if before.warning != after.warning:
        yield _warned(label, before.warning, after.warning)
    if before.translations != after.translations:
        into = listed([language for language, _ in after.translations])
        yield f"{label} is translated anew ({into})." if into else f"{label} is not translated any more."


def _times(pairs: list[tuple[Item, Item]], edit: Edit) -> Iterator[str]:
    """When items go out, unless all of that moved along with the start. The recaps follow the questions."""
    moved = edit.fresh.starts - edit.sheet.starts
    told = [
        (old, new)
        for old, new in pairs
        if old.due + moved != new.due and old.kind in ("announcement", "question") and not new.added
    ]
    if len(told) > MANY:
        times = listed([_at(new.due, edit) for _, new in told])
        yield f"{listed([name(new) for _, new in told])} are due at {times} now."
        return
    for old, new in told:
        does = "is asked" if new.number else "goes out"
        past = f" {_overdue(new, edit)}".rstrip()
        yield f"{_begun(name(new))} {does} at {_at(new.due, edit)} instead of {_at(old.due, edit)}.{past}"


def _overdue(item: Item, edit: Edit) -> str:
    """What becomes of an item whose time has come; "" if it has not."""
    if item.due > edit.now:
        return ""
    late = grace(item, edit.after.stale)
    if late is None or edit.now <= item.due + late:
        return "It is due now."
    return "Its time is past: you are asked." if item.number else "Its time is past."


def _unchanged(edit: Edit) -> Iterator[str]:
    """The questions that have gone out and that the config says otherwise now: they stay."""
    was = numbering.standing(edit.sheet, edit.settings, edit.plain)
    now = numbering.standing(edit.sheet, edit.settings, edit.edited)
    for n, item in numbering.gone(edit.sheet).items():
        before, after = was.get(n), now.get(n)
        if n not in now or _said(before) == _said(after):
            continue
        if item.posted_at:
            yield f"{item.label} has been posted: it stays as it was."
        elif item.state == "skipped":
            yield f"{item.label} was skipped: that stays so."
        else:
            yield f"{item.label} is on its way: it stays as it was."
        if after and after.text not in (item.words, before and before.text):
            yield f"{_quoted(after.text)} is not asked."


def _said(question: Question | None) -> tuple[object, ...]:
    """What people see of a question, which is not when it was planned."""
    if question is None:
        return ()
    return question.text, question.digest, question.alt, question.warning, question.translations


def _at(at: Micros, edit: Edit) -> str:
    """ "20:35", with its day if that is not the chat's."""
    hour, day = when.hour(at, edit.zone), when.day(at, edit.zone)
    return hour if day == when.day(edit.fresh.starts, edit.zone) else f"{hour} on {day}"


def _quoted(words: str) -> str:
    return f"“{cut(Text(' '.join(words.split())), SHOWN).plain}”"


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]
