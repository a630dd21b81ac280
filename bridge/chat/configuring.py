"""Taking a config in, at a start or while the bridge runs: what has gone out stays as it was, and the hosts read what
is different."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bridge import when
from bridge.chat import boarding, conduct, differences, drafts, numbering, runsheet, wording
from bridge.chat.community import akin
from bridge.chat.copies import Copies
from bridge.chat.differences import Edit
from bridge.chat.runsheet import Sheet
from bridge.chat.state import ChatState, Configured, Misconfigured, Purpose, Work
from bridge.model import Notice, Publish, Text
from bridge.settings import Chat, Community
from bridge.text import cut

CHATS = 6  # whose differences are told one by one
MISTAKES = 5  # that are told
MISSED = "It was over before the bridge knew of it: nothing of it goes out"
KEYS = 6  # of what waits, that are named
LONGEST = 2_400  # characters of what is told in one message: with the words around it the room shows it whole
TITLE = 80  # graphemes of a chat's, where there are several


def configure(work: Work, what: Configured) -> None:
    """The config as it is now."""
    state, community = work.state, what.community
    before, whole = state.community, bool(state.mistakes and not what.mistakes)
    waiting = tuple(key for key in what.waiting if key not in state.waiting)
    _networks(work, community)
    state.community, state.waiting, state.mistakes = community, what.waiting, what.mistakes
    said = list(differences.of_community(before, community)) if before else []
    plain = {chat.id: akin(chat, before.networks) for chat in before.chats} if before else {}
    told: list[tuple[str, list[str]]] = []  # title, what is different
    there, known = set[str](), {*plain, *state.chats}
    for chat in community.chats:
        settings = akin(_called(work, chat, community), community.networks)
        words = _take_up(work, settings, plain.get(settings.id), zone=community.zone, late=what.late)
        if settings.id != chat.id and chat.id not in plain:
            words.insert(0, f"Its id stays “{settings.id}” while it goes on.")
        told += [(settings.title, words)] if words else []
        there.add(settings.id)
        known -= {chat.id} - {settings.id}
    for gone in [c for c in state.chats.values() if c.id not in there and not (c.over or c.withdrawn)]:
        told.append((gone.settings.title, [_withdraw(work, gone)]))
    boarding.due(work)
    work.effects.follow.update(state.opened)
    if before is not None:
        _tell(work, _in_words(said, told, waiting, whole, several=len(there | known) > 1))


def misconfigured(work: Work, what: Misconfigured) -> None:
    """An edit that cannot be taken up: nothing changes until it is whole."""
    if what.mistakes == work.state.mistakes:
        return
    work.state.mistakes = what.mistakes
    room = LONGEST // MISTAKES
    shown = [f"• {cut(Text(mistake), room).plain}" for mistake in what.mistakes[:MISTAKES]]
    if left := len(what.mistakes) - len(shown):
        shown.append(f"and {left} more: chatbridge check --offline")
    count = "a mistake" if len(what.mistakes) == 1 else f"{len(what.mistakes)} mistakes"
    _tell(
        work,
        "\n".join([f"The config was edited and has {count}. Nothing changes until it is whole.", *shown]),
    )


def _networks(work: Work, community: Community) -> None:
    state = work.state
    state.former |= state.nets
    state.nets = {net.name: net for net in community.networks}
    state.former = {name: net for name, net in state.former.items() if name not in state.nets}
    state.everywhere = state.nets | state.former


# ---------------------------------------------------------------- one chat


def _called(work: Work, chat: Chat, community: Community) -> Chat:
    """A chat of the config. If its id was changed while it was going on it keeps the one it began with: people have
    addresses with it, and as another chat it would begin again."""
    there = {other.id for other in community.chats}
    if chat.id in work.state.chats:
        return chat
    for known in work.state.chats.values():
        same = (known.settings.hashtag, known.settings.starts) == (chat.hashtag, chat.starts)
        if same and known.id not in there and not known.over and not _untouched(known):
            return replace(chat, id=known.id)
    return chat


def _take_up(work: Work, settings: Chat, plain: Chat | None, zone: str, *, late: bool) -> list[str]:
    """A chat of the config; what the hosts should know of it. `plain`: as the config said it before; `late`: one that
    is over is taken up as long as late answers are gathered."""
    state, chat = work.state, work.state.chats.get(settings.id)
    past = settings.ends <= work.now
    if chat is not None and unheld(chat) and not past:  # its date was a slip
        _forget(work, chat)
        chat = None
    if chat is None and past and not (late and work.now < settings.late_until):
        return ["It was over before the bridge knew of it, and is left out."] if plain is None else []
    words: list[str] = []
    if chat is None and past:
        chat = state.chats[settings.id] = ChatState(settings, runsheet.missed(settings), missed=True)
        until = when.moment(settings.late_until, zone)
        words = [f"{MISSED}. Late answers are gathered until {until}."]
        work.note(chat, MISSED)
    elif chat is None:
        chat = state.chats[settings.id] = ChatState(settings, runsheet.build(settings))
        words = list(differences.coming(settings, chat.sheet, zone, work.now))
    elif settings != plain:
        words = _edit(work, chat, settings, plain or chat.settings, zone)
    for net in state.nets.values():
        if net.mirror:
            chat.copies.setdefault(net.name, Copies())
    work.effects.sheet.add(chat.id)
    return words


def _edit(work: Work, chat: ChatState, settings: Chat, plain: Chat, zone: str) -> list[str]:
    """What is different. A chat that is over is told nothing of, and one that was taken out goes on."""
    if chat.over:
        chat.settings = numbering.renumbered(chat.sheet, chat.settings, settings)
        return []
    back, chat.withdrawn = chat.withdrawn, False
    before, sheet = chat.settings, _copied(chat.sheet)
    chat.settings = numbering.renumbered(chat.sheet, before, at_its_hour(chat, settings))
    runsheet.update(chat.sheet, chat.settings)
    edit = Edit(plain, before, sheet, settings, chat.settings, chat.sheet, zone, work.now)
    words = list(differences.of_chat(edit))
    if back:
        for net in drafts.posting(work.state):
            conduct.advance(work, chat, net)
        work.note(chat, "The config: the chat is in it again")
        return ["It is in the config again and goes on.", *words]
    return words


def at_its_hour(chat: ChatState, settings: Chat) -> Chat:
    """A chat of the config; once people were welcomed to it, it stays at the hour at which it began."""
    return runsheet.moved(settings, chat.settings.starts - settings.starts) if chat.sheet.begun else settings


def _copied(sheet: Sheet) -> Sheet:
    return replace(sheet, items=[replace(item) for item in sheet.items])


def _withdraw(work: Work, chat: ChatState) -> str:
    """A chat that was taken out: nothing more of it goes out. One of which nothing is there yet is forgotten."""
    if _untouched(chat):
        _forget(work, chat)
        return "It is not in the config any more. Nothing of it had gone out, and nothing will."
    chat.withdrawn = True
    work.note(chat, "The config: the chat was taken out")
    return (
        "It is not in the config any more: nothing more of it goes out. What was posted stays, and answers to it are "
        "still gathered. Put it back, and it goes on."
    )


def _forget(work: Work, chat: ChatState) -> None:
    """One of which nothing is there."""
    for network, place in chat.boards.items():
        boarding.take_down(work, network, place)
    del work.state.chats[chat.id]
    work.effects.sheet.add(chat.id)


def unheld(chat: ChatState) -> bool:
    """Whether it was over before the bridge knew of it, and nothing of it was found."""
    return chat.missed and not (chat.items or chat.timeline.entries or chat.erased)


def _untouched(chat: ChatState) -> bool:
    """Whether nobody did anything in it, neither we nor its hosts nor anybody else."""
    idle = not (chat.items or chat.log or chat.timeline.entries or chat.erased or chat.lead)
    return idle and chat.sheet == runsheet.build(chat.settings)


# ---------------------------------------------------------------- telling the hosts


def _in_words(
    said: list[str],
    told: list[tuple[str, list[str]]],
    waiting: tuple[str, ...],
    whole: bool,
    *,
    several: bool,
) -> str:
    """One message about all of it; "" if nothing is to be said."""
    parts = [("", said)] * bool(said)
    parts += [(f"“{cut(Text(title), TITLE).plain}”: " * several, words) for title, words in told[:CHATS]]
    lines = [heading + _few(words, LONGEST // len(parts) - len(heading)) for heading, words in parts]
    if left := len(told[CHATS:]):
        lines.append(f"{left} more chats are different too.")
    if waiting:
        wait = "waits" if len(waiting) == 1 else "wait"
        named = (*waiting[:KEYS], *[f"{len(waiting) - KEYS} more"] * (len(waiting) > KEYS))
        lines.append(f"{wording.listed(named)} {wait} for the next start of the bridge.")
    if not lines:
        return "The config is whole again, and nothing in it is different." if whole else ""
    first = "The config is whole again, and it changed." if whole else "The config changed."
    return f"{first} {lines[0]}" if len(lines) == 1 else "\n".join([first, *lines])


def _few(sentences: Sequence[str], room: int) -> str:
    """As many as fit into `room` characters, the first one cut if need be, and how many more there are."""
    words = cut(Text(sentences[0]), room).plain
    for n, sentence in enumerate(sentences[1:], start=1):
        if len(words) + 1 + len(sentence) > room:
            left = len(sentences) - n
            return f"{words} And {left} more {'difference' if left == 1 else 'differences'}."
        words += f" {sentence}"
    return words


def _tell(work: Work, words: str) -> None:
    """A message that is about no single chat."""
    work.state.told = words or work.state.told
    for console in work.state.consoles() if words else ():
        work.order(console, "hosts", Publish(Notice(words)), Purpose("notice", console, ""), place="hosts")
