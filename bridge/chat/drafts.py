"""What an item says on each network as things stand: that is what goes out, and what the hosts can see before."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.chat import present, wording
from bridge.chat.runsheet import CREDIT, NAME, Item
from bridge.chat.state import ChatState, State
from bridge.model import MINUTE, Count, Limits, Micros
from bridge.settings import Net
from bridge.text import joined, part, stripped

ROOM = "\ufffc" * len(
    CREDIT.format("n" * NAME)
)  # stands for the line that names who asked, however long that is
FRESH = 2 * MINUTE  # in which nobody can be expected to have answered a question


def limits(state: State, net: Net) -> Limits:
    """A network's own limits, or those assumed until its link opens."""
    opened = state.opened.get(net.name)
    return opened.capabilities.limits if opened else net.limits


def posting(state: State) -> list[Net]:
    """The networks an item goes out on."""
    return [net for net in state.nets.values() if net.post]


def posts(
    state: State, chat: ChatState, item: Item, net: Net, figures: wording.Figures = ()
) -> tuple[wording.Part, ...]:
    """The item's posts on one network: one, or the parts of a thread. `figures`: for a recap.

    Of a question that somebody asked they are the same parts whatever its author is called, or by then no more."""
    community = state.community
    assert community is not None
    made = wording.posts(
        item.kind,
        chat=chat.settings,
        community=community,
        net=net,
        limits=limits(state, net),
        label=item.heading,
        text=f"{item.words}\n{ROOM}" if item.naming else item.text,
        instead=item.instead,
        figures=figures,
        lead=item.lead,
    )
    return tuple(_credited(item, each) for each in made) if item.naming else made


def _credited(item: Item, made: wording.Part) -> wording.Part:
    """A part with the line that names who asked, if it is the one to have it."""
    text = made.words.text
    at = text.plain.find(ROOM)
    if at < 0:
        return made
    before = stripped(part(text, 0, at))
    line = CREDIT.format(item.credit) if item.credit else "" if before.plain else CREDIT.format("one of you")
    text = joined(before, "\n" if before.plain and line else "", line, part(text, at + len(ROOM)))
    return replace(made, words=replace(made.words, text=text), credit=True)


def figures(state: State, chat: ChatState, item: Item, now: Micros) -> wording.Figures:
    """What a recap counts. A question that has only just been asked has no answers yet, and is left out."""
    if item.kind != "recap":
        return ()
    asked = {
        i.label for i in chat.sheet.questions() if now - min(i.posted_at.values(), default=i.fired) >= FRESH
    }
    return tuple(
        (label, row)
        for label, row in present.tally(state, chat, present.counted(state, chat))
        if label in asked
    )


def sizes(state: State, chat: ChatState, item: Item) -> tuple[Count, ...]:
    """How long an item will be on each network, while it can be told: a recap is as long as its figures."""
    if item.kind == "recap":
        return ()
    return tuple(_size(state, net, posts(state, chat, item, net)) for net in posting(state))


def _size(state: State, net: Net, parts: tuple[wording.Part, ...]) -> Count:
    allowed = limits(state, net)
    most = max(wording.used(part.words, allowed) for part in parts)
    return Count(net.title, most, allowed.graphemes, len(parts))


def shown(state: State, chat: ChatState, item: Item, now: Micros) -> str:
    """How an item reads on each network, with its count there; networks where it reads the same, together."""
    alike: dict[str, list[str]] = {}
    for net in posting(state):
        parts = posts(state, chat, item, net, figures(state, chat, item, now))
        first = parts[0].words
        aside = f" [content warning: {first.warning}]" * bool(first.warning)
        aside += " [with its picture]" * bool(first.media)
        said = "\n\n".join(part.words.text.plain for part in parts)
        reads = f"{aside}:{' ' if len(parts) == 1 else chr(10)}{said}"
        alike.setdefault(reads, []).append(counted(_size(state, net, parts)))
    return "\n\n".join(f"{'; '.join(sizes)}{reads}" for reads, sizes in alike.items())


def counted(count: Count) -> str:
    """ "Mastodon, 231 of 500", "Bluesky, 2 posts, the longest 298 of 300"."""
    several = f"{count.posts} posts, the longest " if count.posts > 1 else ""
    return f"{count.title}, {several}{count.used} of {count.most}"
