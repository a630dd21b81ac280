"""Entries and chats as one audience may see them."""

from __future__ import annotations

import msgspec

from bridge.chat.audience import Audience, in_room, readable, stays, taken_off
from bridge.chat.community import is_host
from bridge.chat.state import ChatState, State
from bridge.chat.timeline import Entry, key
from bridge.chat.view import ChatView, EntryView, QuestionView, Source
from bridge.chat.wording import planned
from bridge.model import Card, Micros, Network, Post, Text
from bridge.settings import Net
from bridge.text import cut, person, resembles, tame, unaddressed

ENDLESS = 500  # code points; no rendering shows names and addresses longer than that
ALT = 100  # code points of a picture's description, where room is short
AROUND = 40  # code points a rendering adds, about: the network's name, "open", separators


def heading(entry: Entry) -> str:
    """What an entry is and its number: "A3 · 42", "A1, A2 · 7", "Hello · 3", "A3, late · 61"."""
    if not entry.questions:
        kind = "Late" if entry.late else "Hello"
    elif entry.late:
        kind = ", ".join(f"A{n}" for n in entry.questions) + ", late"
    else:
        kind = ", ".join(f"A{n}" for n in entry.questions)
    return f"{kind} · {entry.no}"


def called(state: State, entry: Entry) -> str:
    """An entry without any of its words: "Entry 42 (A3, @ann@mastodon.example, Mastodon)". Who asked that their
    words stay where they are is not named either."""
    seen = readable(entry, state.people, state.everywhere, "hosts")
    networks = dict.fromkeys(state.everywhere[p.ref.network].title for p in seen or entry.sources)
    label = heading(entry).rpartition(" · ")[0]
    handle = (tame(seen[0].author.handle),) if seen else ()
    return f"Entry {entry.no} ({', '.join((label, *handle, *networks))})"


def display_name(state: State, chat: ChatState, post: Post, audience: Audience) -> str:
    """A name as others may read it. A name that looks like a host's without being one is not shown: the
    handle speaks for itself. Who agreed to the first name only has only that on the page."""
    name = person(post.author.name)
    host = is_host(chat.settings, post.ref.network, post.author.account, post.author.handle)
    if not host and any(resembles(name, h.name) for h in chat.settings.hosts):
        return ""
    first_only = state.people.of(post.author.account).consent == "first"
    return name.split(" ")[0] if audience == "page" and post.reach == "room" and first_only else name


def _words(state: State, post: Post) -> Text:
    """What a post says, without the mention of our own account that a reply to a question begins with."""
    ours = state.opened.get(post.ref.network)
    return unaddressed(post.text, (ours.handle.lstrip("@").casefold(), ours.account)) if ours else post.text


def _quoted(chat: ChatState, post: Post) -> str | None:
    """The page of what a post quotes, unless that is a question of ours: where the answer stands says it."""
    return None if any(key(ref) in chat.items for ref in post.quotes) else post.quoted


def _handle(state: State, post: Post, audience: Audience) -> str:
    hide = audience == "page" and post.reach == "room"
    return "" if hide else tame(post.author.handle)


def _avatar(post: Post, audience: Audience) -> str | None:
    return None if audience == "page" and post.reach == "room" else post.author.avatar


def _source(nets: dict[Network, Net], post: Post) -> Source:
    return Source(post.ref.network, nets[post.ref.network].title, post.ref.id, post.url)


def entry_view(state: State, chat: ChatState, entry: Entry, audience: Audience) -> EntryView | None:
    """An entry for an audience; None if it may not even know of it. Words that must stay where they are leave
    a line without words: "stays on Mastodon"."""
    if chat.expired:
        return None
    nets = state.everywhere
    seen = readable(entry, state.people, nets, audience)
    common = {
        "no": entry.no,
        "heading": heading(entry),
        "questions": tuple(f"Q{n}" for n in entry.questions),
        "at": entry.at,
    }
    if not seen:
        waits = entry.held is not None and audience != "hosts"
        if waits or (entry.frozen and audience == "page") or taken_off(entry, state.people):
            return None
        return _wordless(state, entry, common, audience)
    post = seen[0]
    reply = chat.timeline.entries.get(entry.reply_to or 0)
    above = readable(reply, state.people, nets, audience) if reply is not None else []
    return EntryView(
        **common,  # type: ignore[arg-type]  # a dict of mixed values
        sources=tuple(_source(nets, p) for p in seen),
        text=_words(state, post),
        name=display_name(state, chat, post, audience),
        handle=_handle(state, post, audience),
        avatar=_avatar(post, audience),
        host=is_host(chat.settings, post.ref.network, post.author.account, post.author.handle),
        warning=post.warning,
        language=post.language,
        media=post.media,
        quoted=_quoted(chat, post),
        edited=post.edited > 0,
        reply_to=reply.no if reply is not None and above else None,
        reply_name=display_name(state, chat, above[0], audience) if above else "",
        hidden=taken_off(entry, state.people),
    )


def _wordless(state: State, entry: Entry, common: dict[str, object], audience: Audience) -> EntryView | None:
    """The line that is left of an entry whose words stay on their network. For a person whose wishes are not
    known yet there is none, and the page says nothing of words that are not public."""
    nets = state.everywhere
    post = entry.first
    room, kept = post.reach == "room", stays(post, state.people)
    if not (room and not kept if audience == "page" else room or kept):
        return None
    title = nets[post.ref.network].title
    where = f"stays in {title}" if room else f"stays on {title}"
    return EntryView(**common, sources=(_source(nets, post),), withheld=where)  # type: ignore[arg-type]  # as above


def card(state: State, chat: ChatState, entry: Entry, short: bool = False) -> Card | None:
    """An entry as the merged timeline shows it; None if nothing of it may stand there."""
    seen = _mirrored(state, entry)
    if not seen:
        return _wordless_card(state, entry) if _kept_out(state, entry) else None
    return _card(state, chat, entry, seen, short)


def hosts_card(state: State, chat: ChatState, entry: Entry) -> Card:
    """An entry as hosts read it in their own room, wherever it was written and whatever became of it."""
    seen = readable(entry, state.people, state.everywhere, "hosts")
    return _card(state, chat, entry, seen) if seen else _wordless_card(state, entry)


def _card(state: State, chat: ChatState, entry: Entry, seen: list[Post], short: bool = False) -> Card:
    post = seen[0]
    nets = state.everywhere
    return Card(
        no=entry.no,
        heading=heading(entry),
        name=display_name(state, chat, post, "slack"),
        handle=tame(post.author.handle),
        networks=tuple(nets[p.ref.network].title for p in seen),
        text=cut(_words(state, post), 240) if short else _words(state, post),
        at=entry.at,
        url=post.url,
        avatar=post.author.avatar,
        host=is_host(chat.settings, post.ref.network, post.author.account, post.author.handle),
        warning=post.warning,
        media=post.media,
        quoted=_quoted(chat, post),
        edited=post.edited > 0,
    )


def wanted(state: State, chat: ChatState, network: Network, no: int) -> int | None:
    """The revision of an entry that the merged timeline on `network` should show, below 0 for a line without
    words; None: it must not."""
    entry = chat.timeline.entries.get(no)
    if entry is None or chat.expired or in_room(entry, network):
        return None
    if _mirrored(state, entry):
        return entry.revision
    return -entry.revision if _kept_out(state, entry) else None


def _kept_out(state: State, entry: Entry) -> bool:
    """Whether the merged timeline says of an entry only that it stays where it was written."""
    off = entry.held is not None or taken_off(entry, state.people)
    return not off and all(p.reach != "room" and stays(p, state.people) for p in entry.sources)


def _wordless_card(state: State, entry: Entry) -> Card:
    post = entry.first
    title = state.everywhere[post.ref.network].title
    kind = "answer" if entry.questions else "post"
    return Card(
        no=entry.no,
        heading=heading(entry),
        name="",
        handle="",
        networks=(title,),
        text=Text(),
        at=entry.at,
        url=post.url,
        withheld=f"1 {kind} stays on {title}",
    )


def _mirrored(state: State, entry: Entry) -> list[Post]:
    """The sources that may be copied into a room: what was written in another room stays there."""
    return [p for p in readable(entry, state.people, state.everywhere, "slack") if p.reach != "room"]


def chat_view(
    state: State, chat: ChatState, audience: Audience, now: Micros, *, every: bool = False
) -> ChatView:
    """The whole chat for an audience, in the order the entries came. What stays in a room is only counted,
    unless `every` entry is asked for (the transcript's files, which account for each)."""
    community = state.community
    assert community is not None
    entries: list[EntryView] = []
    room: dict[str, int] = {}
    for entry in chat.timeline.entries.values():
        view = entry_view(state, chat, entry, audience)
        if view is None:
            continue
        if view.text is None and entry.first.reach == "room" and audience == "page":
            room[view.sources[0].title] = room.get(view.sources[0].title, 0) + 1
            if not every:
                continue
        entries.append(view)
    found = counted(state, chat, audience)
    shown = {view.no for view in entries if view.text is not None}
    whole = ChatView(
        id=chat.id,
        title=chat.settings.title,
        tag=chat.settings.hashtag,
        community=community.name,
        zone=community.zone,
        starts=chat.sheet.starts,
        ends=chat.sheet.ends,
        phase=chat.phase(now),
        hosts=tuple(h.name for h in chat.settings.hosts),
        questions=_questions(state, chat, found, entries),
        entries=tuple(entries),
        withheld=tuple(room.items()),
        article=chat.settings.article,
        language=community.language,
        total=len(found),
        kept=sum(entry.no not in shown for entry in found),
        paused=chat.blackout and audience == "page",
    )
    return _figures(whole, chat, found) if chat.expired else whole


def _figures(view: ChatView, chat: ChatState, found: list[Entry]) -> ChatView:
    """A chat whose words were erased: nothing is kept back, there is nothing."""
    people = len({post.author.account for entry in found for post in entry.sources})
    questions = tuple(msgspec.structs.replace(question, kept=0) for question in view.questions)
    return msgspec.structs.replace(view, questions=questions, kept=0, people=people, erased=chat.expired)


def counted(state: State, chat: ChatState, audience: Audience = "hosts") -> list[Entry]:
    """The entries that figures are about: what hosts took off is in none, and the page's wait with it."""
    entries = (e for e in chat.timeline.entries.values() if not taken_off(e, state.people))
    return [e for e in entries if audience != "page" or not e.frozen]


def _questions(
    state: State, chat: ChatState, found: list[Entry], entries: list[EntryView]
) -> tuple[QuestionView, ...]:
    """The questions with their entries, and figures of all answers that are `counted`."""
    figures = dict(tally(state, chat, found))
    shown = {view.no for view in entries if view.text is not None}
    numbers: dict[str, list[int]] = {}
    for view in entries:
        for label in view.questions:
            numbers.setdefault(label, []).append(view.no)
    answers = {
        n: [e.no for e in found if n in e.questions] for n in (i.number for i in chat.sheet.questions())
    }
    return tuple(
        QuestionView(
            label=item.label,
            text=item.text,
            due=item.due,
            posted=min(item.posted_at.values(), default=None),
            entries=tuple(numbers.get(item.label, ())),
            counts=tuple(
                (state.everywhere[network].title, count)
                for network, count in figures.get(item.label, ())
                if count
            ),
            total=len(answers[item.number]),
            kept=sum(no not in shown for no in answers[item.number]),
            warning=(asked.warning if asked else None) or chat.settings.warning or "",
            alt=(asked.alt if asked else None) or "",
            translations=asked.translations if asked else (),
        )
        for item, asked in (
            (i, planned(chat.settings, i.label, i.text, i.instead)) for i in chat.sheet.questions()
        )
        if item.state != "skipped" or item.posted_at
    )


def tally(
    state: State, chat: ChatState, found: list[Entry]
) -> tuple[tuple[str, tuple[tuple[Network, int], ...]], ...]:
    """Answers per question and network among these entries, of questions already asked; figures betray no words."""
    table = {
        item.number: dict.fromkeys(state.everywhere, 0) for item in chat.sheet.questions() if item.posted_at
    }
    for entry in found:
        for number in entry.questions:
            for network in {p.ref.network for p in entry.sources}:
                if number in table:
                    table[number][network] += 1
    return tuple((f"Q{number}", tuple(row.items())) for number, row in table.items())


def size(chat: ChatState, no: int) -> tuple[int, int]:
    """About how much room an entry takes, in code points: its words, and what says whose they are, where, and what
    their pictures show. Words behind a warning take their heading along."""
    entry = chat.timeline.entries.get(no)
    if entry is None:
        return 0, 0
    post = entry.first
    around = (heading(entry), post.author.name, post.author.handle, post.warning)
    frame = AROUND + sum(min(len(words or ""), ENDLESS) for words in around)
    pictures = sum(AROUND + min(len(item.alt), ALT) for item in post.media)
    return len(post.text.plain), (3 * frame if post.warning else frame) + pictures


def quoted(text: Text, length: int = 140) -> str:
    """A few words of a text on one line, for a message to the hosts."""
    return " ".join(cut(text, length).plain.split())
