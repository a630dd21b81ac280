"""What people write becomes entries: belonging, placing, merging, edits, removals, what they ask of us."""

from __future__ import annotations

import msgspec

from bridge.chat import alerts, attribution, bridged, consent, gestures, held, merging
from bridge.chat.attribution import written_at
from bridge.chat.audience import blocked, stays
from bridge.chat.belonging import above, belongs, part_of
from bridge.chat.community import is_host, said_to_us, unname, withhold
from bridge.chat.present import wanted
from bridge.chat.state import ChatState, State, Work
from bridge.chat.timeline import Entry, Rule, fingerprint, key, names, shown, writers
from bridge.model import (
    Account,
    AuthorGone,
    AuthorKnown,
    Edited,
    Micros,
    Network,
    Post,
    Ref,
    Removed,
    Written,
)
from bridge.text import normalised

# ---------------------------------------------------------------- before anything is written down


def admit(
    state: State, network: Network, what: Written | Edited | Removed | AuthorGone | AuthorKnown
) -> object | None:
    """What of an arrival is worth keeping, as it may be kept; None if no chat wants it. Changes nothing.

    Words that must stay on their network are taken out here, so that not even the journal has them.
    """
    match what:
        case Written(post) | Edited(post):
            if state.people.is_ours(post.author.account):
                return what if _at_a_new_place(state, post) else None
            if said_to_us(post, state.people.ours.get(post.ref.network)):
                return None if key(post.ref) in state.handled else what
            if bridged.is_ours(state, post) or _was_erased(state, post):
                return None
            post = bridged.signed(state, post)
            what = msgspec.structs.replace(what, post=post)
            chat = belongs(state, post)
            if chat is None or key(post.ref) in chat.items or state.people.took_along(post):
                return None
            if chat.timeline.is_removed(post):
                return _gone_before(chat, what)
            known = chat.timeline.known(post)
            if known is not None and known.author.account != post.author.account:
                return None  # a server that claims somebody else's post
            if stays(post, state.people):
                forgotten = any(state.people.of(account).forgotten for account in writers(post))
                what = msgspec.structs.replace(what, post=(unname if forgotten else withhold)(post))
            if chat.timeline.knows(post) and _unchanged(chat, what.post):
                return None
            return what
        case Removed(ref):
            return what if any(_concerns(chat, ref) for chat in state.chats.values()) else None
        case AuthorGone(account):
            return what if account in state.people.all else None
        case AuthorKnown(account, wishes):
            if state.people.is_ours(account):
                return None
            before = state.people.all.get(account)
            return None if before and before.known and before.told.get(network) == wishes else what


def _gone_before(chat: ChatState, what: Written | Edited) -> Written | Edited | Removed | None:
    """What is worth keeping of a post whose removal was told first: what it is called on every server, where it may
    still stand or come from."""
    if there := chat.timeline.known(what.post):
        return Removed(there.ref)
    timeline, uri = chat.timeline, what.post.uri
    if uri in timeline.removed and (uri in timeline.refused or not bridged.wants_none(what.post)):
        return None
    return msgspec.structs.replace(what, post=unname(what.post))


def _was_erased(state: State, post: Post) -> bool:
    """Whether a host erased these words, here or where a bridge copied them from."""
    erased = (words for chat in state.chats.values() for words in chat.erased.values())
    return any(post.uri in words.uris or post.original in words.uris for words in erased)


def _at_a_new_place(state: State, post: Post) -> bool:
    """Whether a post of ours was seen on a server that did not make it, and is a copy of an item there, or may
    turn out to be one when an order is final."""
    chats = [chat for chat in state.chats.values() if not chat.over]
    if state.people.ours.get(post.ref.network) == post.author.account:
        return False
    if any(key(post.ref) in chat.items for chat in chats) or key(post.ref) in state.sighted.get(post.uri, ()):
        return False
    if post.uri in state.wrote:
        return any(post.uri in chat.uris for chat in chats)
    return any(purpose.kind == "item" for purpose in state.purposes.values())


def _unchanged(chat: ChatState, post: Post) -> bool:
    known = chat.timeline.source(post.ref)
    if known is None:
        return False
    if post.edited != known.edited or post.ref != known.ref:  # another server renders it in its own way
        return post.edited <= known.edited
    return shown(post) == shown(known)


def _concerns(chat: ChatState, ref: Ref) -> bool:
    """A removal is kept for posts we have, and while the chat runs for posts that may still come."""
    if chat.timeline.at(ref) is not None:
        return True
    return not chat.over and key(ref) not in chat.timeline.removed and key(ref) not in chat.items


# ---------------------------------------------------------------- placing


def place(work: Work, chat: ChatState, post: Post) -> tuple[tuple[int, ...], Rule, int | None]:
    """The questions a post answers, by which rule, and the entry it replies to."""
    asked = [i.number for i in chat.sheet.items if i.number and i.posted_at]
    named = chat.timeline.entries.get(attribution.named_entry(post.text.plain) or 0)
    thread = above(post)
    parent = named or next(filter(None, [_entry_at(chat, ref) for ref in thread]), None)
    reply_to = parent.no if parent else None
    if numbers := attribution.labels(post.text.plain, asked):
        return numbers, "label", reply_to
    if named is not None and named.questions:
        return named.questions, "label", reply_to
    for ref in thread:
        item = chat.sheet.get(chat.items.get(key(ref)))
        if item is not None:
            if item.number:
                return (item.number,), "thread", reply_to
            continue
        entry = _entry_at(chat, ref)
        if entry is not None and entry.questions:
            return entry.questions, "thread", reply_to
    number = attribution.open_question(_asked_there(work, chat, post.ref.network), written_at(post))
    return ((number,) if number else ()), "time", reply_to


def _asked_there(work: Work, chat: ChatState, network: Network) -> list[tuple[Micros, int]]:
    """When each question could be read on a network. Where we only listen, it comes from a server of the same
    kind."""
    nets = work.state.everywhere
    if nets[network].post:
        return chat.posted.get(network, [])
    akin = [name for name in chat.posted if nets[name].kind == nets[network].kind] or list(chat.posted)
    return min((chat.posted[name] for name in akin), key=lambda times: times[0], default=[])


def _entry_at(chat: ChatState, ref: Ref) -> Entry | None:
    """The entry at a ref: the post itself, or the one entry a merged message shows."""
    entry = chat.timeline.at(ref)
    if entry is None and len(numbers := chat.shown.get(key(ref), [])) == 1:
        entry = chat.timeline.entries.get(numbers[0])
    return entry


def settle_in(work: Work, chat: ChatState, entry: Entry) -> None:
    """Place an entry (again), unless a host did."""
    if entry.rule == "host":
        return
    questions, rule, reply_to = place(work, chat, entry.first)
    late = entry.at > chat.sheet.ends
    if (questions, late, reply_to) != (entry.questions, entry.late, entry.reply_to):
        entry.questions, entry.late, entry.reply_to = questions, late, reply_to
        entry.revision += 1
    entry.rule = rule


def place_again(work: Work, chat: ChatState, since: Micros) -> None:
    """Answers may be here before we know the question's copy they hang on: place them again."""
    for entry in chat.timeline.entries.values():
        if entry.rule in ("time", "thread") and entry.first.seen >= since:
            before = entry.revision
            settle_in(work, chat, entry)
            if entry.revision != before:
                touch(work, chat, entry.no)


def _hang(chat: ChatState, entry: Entry) -> None:
    """Note what an entry hangs on that is not here yet."""
    for ref in above(entry.first):
        if not part_of(chat, ref):
            waiting = chat.orphans.setdefault(key(ref), [])
            if waiting[-1:] != [entry.no]:  # its parent may be its root
                waiting.append(entry.no)


def _adopt(work: Work, chat: ChatState, post: Post) -> None:
    """What answers a post may have come before it, and what answers that in turn: place them again."""
    waiting = chat.orphans.pop(key(post.ref), [])
    replies: dict[int | None, list[int]] = {}
    for other in chat.timeline.entries.values() if waiting else ():
        replies.setdefault(other.reply_to, []).append(other.no)
    while waiting:
        entry = chat.timeline.entries.get(waiting.pop())
        if entry is None:
            continue
        before = entry.questions
        settle_in(work, chat, entry)
        touch(work, chat, entry.no)
        if entry.questions != before:
            waiting += replies.get(entry.no, [])


# ---------------------------------------------------------------- posts


def written(work: Work, post: Post) -> None:
    """A post, new or seen before, first words or edited ones."""
    chat = belongs(work.state, post)
    if chat is None:
        return
    timeline = chat.timeline
    if timeline.is_removed(post):
        timeline.removed.setdefault(post.uri, work.now)  # another server may still show it
        if (copies := bridged.heed(chat, post)) is not None:
            touch(work, chat, copies.no)
        return
    if timeline.knows(post):
        if timeline.alias(post):
            work.effects.follow.add(post.ref.network)
        _edited(work, chat, post)
        return
    if _is_question_by_hand(work.state, chat, post):
        work.effects.follow.add(post.ref.network)
        return
    someone, *_ = [work.state.people.get(account) for account in writers(post)]
    someone.first = someone.first or chat.id
    twin = timeline.twin(post, work.state.people.same)
    if twin is not None:
        timeline.join(twin, post)
        bridged.claim(work, chat, twin, post)
        work.effects.follow.add(post.ref.network)
        someone.shown += 1
        twin = _with_kin(work, chat, twin, post)
        settle_in(work, chat, twin)
        _hang(chat, twin)
        _adopt(work, chat, post)
        _freeze(chat, twin)
        if not someone.blocked:
            consent.ask(work, chat, twin, post)
        touch(work, chat, twin.no)
        return
    entry = timeline.add(post)
    settle_in(work, chat, entry)
    _hang(chat, entry)
    _adopt(work, chat, post)
    _freeze(chat, entry)
    if not blocked(post, entry, work.state.people):
        consent.ask(work, chat, entry, post)
        held.hold_back(work, chat, entry, someone)
    touch(work, chat, entry.no)
    work.effects.follow.add(post.ref.network)


def _edited(work: Work, chat: ChatState, post: Post) -> None:
    """A newer version of a source. Sources whose words part company become entries of their own."""
    timeline = chat.timeline
    entry = timeline.entries[timeline.uris[post.uri]]
    if not timeline.replace(entry, post):
        return
    _freeze(chat, entry)
    if _diverged(entry, post):
        source = next(p for p in entry.sources if p.uri == post.uri)
        timeline.leave(entry, source)
        split = timeline.add(source)
        split.hidden, split.held = entry.hidden, entry.held  # what hosts decided holds for both
        split.frozen = entry.frozen
        split.questions, split.rule = entry.questions, entry.rule
        settle_in(work, chat, split)
        _hang(chat, split)
        held.ask(work, chat, split)
        touch(work, chat, split.no)
    elif len(entry.sources) == 1 and (twin := timeline.twin(post, work.state.people.same, entry.no)):
        entry = _merged(work, chat, entry, twin)
    entry = _with_kin(work, chat, entry, post)
    settle_in(work, chat, entry)
    _hang(chat, entry)
    held.renew(work, chat, entry)
    touch(work, chat, entry.no)


def _with_kin(work: Work, chat: ChatState, entry: Entry, post: Post) -> Entry:
    """The entry with all that a source of it shows to be one with it: bridges may have called it differently."""
    while (kin := chat.timeline.kin(post, entry.no)) is not None:
        entry = _merged(work, chat, entry, kin)
    return entry


def _merged(work: Work, chat: ChatState, one: Entry, other: Entry) -> Entry:
    """Two entries turn out to be the same words: who wrote one may be told only after it. The earlier one stays."""
    stays, goes = (one, other) if one.no < other.no else (other, one)
    merging.merge(work, chat, stays, goes)
    for source in stays.sources:
        bridged.claim(work, chat, stays, source)
    touch(work, chat, goes.no)
    return stays


def _diverged(entry: Entry, post: Post) -> bool:
    """Whether an edited source no longer says what the others say. A verified copy follows its original."""
    others = [p for p in entry.sources if p.uri != post.uri]
    if not others or post.original is not None or any(p.original in names(post) for p in others):
        return False
    return fingerprint(others[0]) != fingerprint(post)


def _is_question_by_hand(state: State, chat: ChatState, post: Post) -> bool:
    """A host posted a question of the sheet by hand: an alias of the question, no entry."""
    if not is_host(chat.settings, post.ref.network, post.author.account, post.author.handle):
        return False
    words = normalised(post.text.plain)
    for item in chat.sheet.questions():
        if words == normalised(item.text):
            chat.items[key(post.ref)] = item.id
            return True
    return False


def removed(work: Work, ref: Ref) -> None:
    """A post is gone, or will be when it arrives."""
    for chat in work.state.chats.values():
        if not _concerns(chat, ref):
            continue
        gone, entry = chat.timeline.source(ref), chat.timeline.remove(ref, work.now)
        if gone is not None and entry is not None:
            bridged.heed(chat, gone)
            held.renew(work, chat, entry)
            touch(work, chat, entry.no)
            _reread_thread(work, chat)


def _reread_thread(work: Work, chat: ChatState) -> None:
    """Replies keep their place when what they replied to goes; only the reference is taken off."""
    for entry in chat.timeline.entries.values():
        if entry.reply_to is not None and entry.reply_to not in chat.timeline.entries:
            entry.reply_to = None


def author_gone(work: Work, account: Account) -> None:
    """An account took its posts along, those too that have not come yet."""
    work.state.people.get(account).gone = work.now
    for chat in work.state.chats.values():
        for post in [p for e in chat.timeline.entries.values() for p in e.sources]:
            if account in writers(post):
                removed(work, post.ref)


def author_known(work: Work, network: Network, what: AuthorKnown) -> None:
    """Wishes are known, or changed: their entries may now be shown, or no longer."""
    stranger = what.account not in work.state.people.all  # has no entry yet
    if work.state.people.known(network, what) and not stranger:
        retouch(work, what.account)


def retouch(work: Work, account: Account) -> None:
    """Everything by one person may be seen differently."""
    for chat in work.state.chats.values():
        if work.state.people.of(account).opted_out:
            alerts.unname(work, chat, account)
        for entry in chat.timeline.entries.values():
            if any(account in writers(p) for p in entry.sources):
                entry.revision += 1
                _freeze(chat, entry)
                held.renew(work, chat, entry)
                touch(work, chat, entry.no)


def gone(work: Work, chat: ChatState, no: int) -> None:
    """An entry left the timeline."""
    touch(work, chat, no)
    _reread_thread(work, chat)


def touch(work: Work, chat: ChatState, *numbers: int) -> None:
    """These entries may be different for their readers: tell the page, and mark their copies."""
    work.changed(chat, *numbers)
    gestures.review(work, chat, numbers)
    for network, copies in chat.copies.items():
        for no in numbers:
            copies.touch(no, lambda n, at=network: wanted(work.state, chat, at, n), work.now)  # type: ignore[misc]  # mypy cannot infer a default argument


# ---------------------------------------------------------------- blackout


def _freeze(chat: ChatState, entry: Entry) -> None:
    """What is new to its readers stays off the page while a blackout lasts."""
    entry.frozen = entry.frozen or chat.blackout


def restored(work: Work, chat: ChatState, *entries: Entry) -> None:
    """Hosts let these entries be seen, again or at last."""
    for entry in entries:
        entry.held, entry.hidden = None, False
        _freeze(chat, entry)
    touch(work, chat, *(entry.no for entry in entries))


def lift(work: Work, chat: ChatState) -> None:
    """A blackout ends: the page shows what waited."""
    waited = [entry for entry in chat.timeline.entries.values() if entry.frozen]
    for entry in waited:
        entry.frozen = False
    touch(work, chat, *(entry.no for entry in waited))
