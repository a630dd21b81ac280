"""What hosts do when something should not have been posted: off every screen first, at once; the rest is offered."""

from __future__ import annotations

from bridge.chat import alerts, conduct, erasing, hidden, measures
from bridge.chat.audience import blocked
from bridge.chat.intake import restored, retouch, touch
from bridge.chat.present import called
from bridge.chat.state import ChatState, Work, by_host
from bridge.chat.timeline import Entry, writers
from bridge.chat.verbs import which
from bridge.chat.verbs.common import Verb, by, titles
from bridge.chat.wording import listed
from bridge.model import Account, Command, Conceal, Field, Form, Network, Reply, Report

# ---------------------------------------------------------------- hide and restore


def _hide(work: Work, chat: ChatState, command: Command) -> str:
    found = which.entries(work, chat, command, VERBS["hide"].usage)
    if isinstance(found, str):
        return found
    fresh = [entry for entry in found if not entry.hidden]
    if not fresh:
        return f"{_entries(found).capitalize()} already hidden."
    for entry in fresh:
        entry.hidden = True
    touch(work, chat, *(entry.no for entry in fresh))
    more = [
        alerts.send(work, chat, entry)
        or f"It still stands in {titles(work, rooms)}: only its author or an admin there can delete it."
        for entry in fresh
        if (rooms := _rooms(chat, entry.no))
    ]
    hidden.tell(work, chat, fresh, by(work, command), more, reacted=bool(command.once))
    return f"Done: {_entries(fresh)} hidden."


def _entries(found: list[Entry]) -> str:
    """ "entry 42 is", "entries 3, 4 and 5 are"."""
    numbers = listed([str(entry.no) for entry in found])
    return f"entry {numbers} is" if len(found) == 1 else f"entries {numbers} are"


def _show(work: Work, chat: ChatState, command: Command) -> Reply:
    if which.another(work, command, "hide"):
        return "It stays hidden: another host hid it as well."
    if (command.item or "").startswith(hidden.TOGETHER):
        return _show_all(work, chat, command)
    entry = which.entry(work, chat, command, VERBS[command.verb].usage)
    if not isinstance(entry, Entry):
        return entry
    if entry.held is None and not entry.hidden:
        return "" if command.again else f"Entry {entry.no} is already shown."
    if command.again and (name := hidden.said(chat, entry.no)):
        return f"It stays hidden: {name} hid it. To show it again: show {entry.no}."
    _restore(work, chat, entry, command)
    if all(blocked(post, entry, work.state.people) for post in entry.sources):
        return f"Done: entry {entry.no} is not hidden any more; who wrote it is blocked: unblock {entry.no}."
    return f"Done: entry {entry.no} is shown."


def _show_all(work: Work, chat: ChatState, command: Command) -> str:
    """What was hidden together comes back together."""
    found = hidden.together(chat, command.item)
    for entry in found:
        _restore(work, chat, entry, command)
    numbers = listed([str(entry.no) for entry in found])
    return f"Done: shown again: {numbers}." if found else "They are all shown already, or gone."


def _restore(work: Work, chat: ChatState, entry: Entry, command: Command) -> None:
    restored(work, chat, entry)
    measures.undo(work, chat, entry.no)
    hidden.back(work, chat, entry.no, by(work, command))
    conduct.close(work, chat, f"entry {entry.no}", f"Entry {entry.no} is shown.")


# ---------------------------------------------------------------- what the network itself can do


def _report(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["report"].usage)
    if not isinstance(entry, Entry):
        return entry
    places = measures.possible(work, chat, entry, "report")
    if not places:
        return f"Entry {entry.no} cannot be reported from here; you can do that where it stands, as yourself."
    network = command.on if command.on in places else next(iter(places))
    if measures.of(chat, entry.no, "report", network):
        return f"Entry {entry.no} is already reported to {titles(work, [network])}."
    why = which.rest(command)
    if not why:
        return Form(
            title=f"Report to {titles(work, [network])}",
            verb="report",
            chat=chat.id,
            item=str(entry.no),
            on=network,
            words=f"{called(work.state, entry)}. The moderators get this with the post, from our account.",
            field=Field("What is wrong with it", hint="It names a patient", most=REASON),
            submit="Report",
        )
    if len(why) > REASON:
        return f"That is longer than {REASON} characters; say it in fewer."
    measures.ask(work, chat, entry.no, Report(places[network], why))
    done = f"{by(work, command)} reported it to {titles(work, [network])}."
    hidden.done(work, chat, entry.no, f"report {network}", done)
    return f"Done: entry {entry.no} is reported to {titles(work, [network])}."


def _conceal(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["conceal"].usage)
    if not isinstance(entry, Entry):
        return entry
    places = measures.possible(work, chat, entry, "conceal")
    fresh = [n for n in places if command.on in (None, n) and not measures.of(chat, entry.no, "conceal", n)]
    if not fresh:
        if measures.of(chat, entry.no, "conceal"):
            return f"Entry {entry.no} is already hidden there."
        return f"Entry {entry.no} cannot be hidden where it stands: some networks let us, for replies to us alone."
    for network in fresh:
        measures.ask(work, chat, entry.no, Conceal(places[network]))
    done = f"{by(work, command)} had it hidden on {titles(work, fresh)}."
    hidden.done(work, chat, entry.no, f"conceal {fresh}", done)
    return f"Done: entry {entry.no} is hidden on {titles(work, fresh)} itself."


def _unconceal(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["unconceal"].usage)
    if not isinstance(entry, Entry):
        return entry
    names = measures.of(chat, entry.no, "conceal", command.on)
    if not names:
        return f"Entry {entry.no} is not hidden by us where it stands."
    networks = [measures.reveal(work, chat, name) for name in names]
    done = f"{by(work, command)} had it shown again on {titles(work, networks)}."
    hidden.done(work, chat, entry.no, f"conceal {networks}", done)
    return f"Done: entry {entry.no} is shown again on {titles(work, networks)} itself."


# ---------------------------------------------------------------- erase and block


def _erase(work: Work, chat: ChatState, command: Command) -> Reply:
    no = which.number(command)
    if no in chat.erased:
        return f"Entry {no} is already erased."
    if no is None or no not in chat.timeline.left:  # whose author removed it already can be erased as well
        entry = which.entry(work, chat, command, VERBS["erase"].usage)
        if not isinstance(entry, Entry):
            return entry
        no = entry.no
    rooms = _rooms(chat, no)
    erasing.erase(work, chat, no)
    name = by(work, command)
    conduct.close(work, chat, f"entry {no}", f"Entry {no} is erased by {name}.")
    hidden.done(work, chat, no, f"erase {no}", f"{name} erased entry {no}.")
    there = (
        f" In {titles(work, rooms)} its author or an admin can delete the message itself." if rooms else ""
    )
    return f"Done: entry {no} is erased, here and in our records.{there}"


def _rooms(chat: ChatState, no: int) -> list[Network]:
    """The rooms in which an entry was written, where a bot cannot delete it."""
    entry = chat.timeline.entries.get(no)
    return [p.ref.network for p in entry.sources if p.reach == "room"] if entry else []


def _block(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["block"].usage)
    if not isinstance(entry, Entry):
        return entry
    if any(by_host(work.state, chat, post) for post in entry.sources):
        return f"Entry {entry.no} is a host's own; nothing was done."
    accounts = _authors(entry)
    if all(work.state.people.of(account).blocked for account in accounts):
        return f"Who wrote entry {entry.no} is already blocked."
    _set(work, chat, accounts, blocked=True)
    hidden.done(work, chat, entry.no, "block", f"{by(work, command)} blocked the author.")
    return f"Done: who wrote entry {entry.no} is blocked; what they write, hosts alone see."


def _unblock(work: Work, chat: ChatState, command: Command) -> Reply:
    entry = which.entry(work, chat, command, VERBS["unblock"].usage)
    if not isinstance(entry, Entry):
        return entry
    accounts = _authors(entry)
    if not any(work.state.people.of(account).blocked for account in accounts):
        return f"Who wrote entry {entry.no} is not blocked."
    _set(work, chat, accounts, blocked=False)
    hidden.done(work, chat, entry.no, "block", f"{by(work, command)} unblocked the author.")
    return f"Done: who wrote entry {entry.no} is no longer blocked."


def _authors(entry: Entry) -> list[Account]:
    return list(dict.fromkeys(account for post in entry.sources for account in writers(post)))


def _set(work: Work, chat: ChatState, accounts: list[Account], *, blocked: bool) -> None:
    """Everything of theirs is seen by hosts alone, or not any more; nobody is asked about it any longer."""
    for account in accounts:
        work.state.people.get(account).blocked = blocked
    for account in accounts:
        retouch(work, account)
    for other in work.state.chats.values() if blocked else ():
        for entry in other.timeline.entries.values():
            if entry.held is not None and not set(_authors(entry)).isdisjoint(accounts):
                conduct.close(work, other, f"entry {entry.no}", f"Entry {entry.no}: its author is blocked.")


REASON = 1_000  # characters of a report: what Mastodon takes (its source)

VERBS: dict[str, Verb] = {
    "show": Verb(_show, "show 42", "let an entry that is held or hidden be seen"),
    "restore": Verb(_show, "restore 42", "the same"),
    "hide": Verb(_hide, "hide 42", "take an entry off every screen, at once"),
    "report": Verb(_report, "report 42 It names a patient", "tell the moderators of its network"),
    "conceal": Verb(
        _conceal, "conceal 42", "hide a reply under our post on its network, for everybody there"
    ),
    "unconceal": Verb(_unconceal, "unconceal 42", "take that back"),
    "erase": Verb(_erase, "erase 42", "remove its words for good, from our records too"),
    "block": Verb(_block, "block 42", "let hosts alone see what its author wrote and will write"),
    "unblock": Verb(_unblock, "unblock 42", "take that back"),
}
