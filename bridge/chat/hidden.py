"""What the hosts are told when one of them hides something: one message without any of its words, which offers what
can be done about it and says what was. Nothing of that is ever done by itself."""

from __future__ import annotations

from collections.abc import Collection

from bridge.chat import conduct, gestures, measures
from bridge.chat.audience import blocked
from bridge.chat.present import called
from bridge.chat.state import ChatState, Hiding, Purpose, Work, noticed
from bridge.chat.timeline import Entry
from bridge.chat.wording import listed
from bridge.model import Button, Notice, Update

TOGETHER = "hidden "  # begins the name of what was hidden together
MOST = 10  # entries hidden together that one message names
ERASE = "Erase its words for good? Nobody can bring them back."
BLOCK = "Block who wrote it? All they wrote, and will write, is seen by hosts only."


def tell(
    work: Work, chat: ChatState, entries: list[Entry], by: str, more: list[str], *, reacted: bool = False
) -> None:
    """A host has hidden these together, perhaps by a reaction. What asked them about a single one says so now.
    `more`: what else they should know."""
    about, asked = f"{TOGETHER}{work.seq}", f"entry {entries[0].no}"
    stands = {f"stands {n}": line for n, line in enumerate(more)}
    hiding = chat.hidings[about] = Hiding(by, [entry.no for entry in entries], done=stands, reacted=reacted)
    if len(entries) == 1 and asked in chat.notices:
        chat.notices[about] = chat.notices.pop(asked)
        _follow(work, chat, about)
        return
    hiding.notice = notice = _notice(work, chat, hiding, about)
    conduct.tell(work, chat, notice.text, notice.buttons, about)


def done(work: Work, chat: ChatState, no: int, about: str = "", what: str = "") -> None:
    """Something was done about an entry, or is possible again: the message says so. It takes the place of what was
    done `about` the same before."""
    for hiding in chat.hidings.values():
        if no in hiding.entries and about:
            hiding.done.pop(about, None)
            hiding.done[about] = what
    review(work, chat, (no,))


def said(chat: ChatState, no: int) -> str:
    """The name of the host who hid an entry otherwise than by a reaction; "" if none did."""
    hidings = (h for h in chat.hidings.values() if no in h.entries and no not in h.back)
    return next((h.by for h in hidings if not h.reacted), "")


def back(work: Work, chat: ChatState, no: int, by: str) -> None:
    """An entry is shown again."""
    for hiding in chat.hidings.values():
        if no in hiding.entries and no not in hiding.back:
            hiding.back.append(no)
    done(work, chat, no, f"restored by {by}", f"{by} restored entry {no}.")


def together(chat: ChatState, about: str | None) -> list[Entry]:
    """What is still hidden of what was hidden together; `about` is what `Restore all` means."""
    hiding = chat.hidings.get(about or "")
    return _still(chat, hiding) if hiding is not None else []


def _still(chat: ChatState, hiding: Hiding) -> list[Entry]:
    entries = chat.timeline.entries
    return [entries[no] for no in hiding.entries if no in entries and no not in hiding.back]


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries may be different: the message is closed with the last of them, and names nobody who may not
    be named any more."""
    for about, hiding in list(chat.hidings.items()):
        if not set(hiding.entries).isdisjoint(numbers):
            _follow(work, chat, about)


def _follow(work: Work, chat: ChatState, about: str) -> None:
    hiding = chat.hidings[about]
    if all(no in hiding.back or no not in chat.timeline.entries for no in hiding.entries):
        del chat.hidings[about]
        conduct.close(work, chat, about, _words(work, chat, hiding, named=False))
        return
    notice = _notice(work, chat, hiding, about)
    if notice != hiding.notice and about in chat.notices:
        hiding.notice = notice
        network, order = noticed(chat.notices[about])
        purpose = Purpose("notice", network, chat.id)
        work.order(network, "hosts", Update(order, notice), purpose, place="hosts")


# ---------------------------------------------------------------- what it says


def _words(work: Work, chat: ChatState, hiding: Hiding, *, named: bool) -> str:
    """`named`: with who wrote it, while the message can still follow them when they want to be forgotten."""
    lines = [_line(work, chat, hiding, no, named=named) for no in hiding.entries[-MOST:]]
    if others := [str(entry.no) for entry in _still(chat, hiding) if entry.no in hiding.entries[:-MOST]]:
        are = "Entry {} is" if len(others) == 1 else "Entries {} are"
        lines.insert(
            0, f"{are.format(listed(others))} off our screens too; to show one again: restore {others[0]}."
        )
    lines.append(f"{hiding.by} hid {'it' if len(hiding.entries) == 1 else 'them'}.")
    return ("\n" if len(hiding.entries) > 1 else " ").join((*lines, *hiding.done.values()))


def _line(work: Work, chat: ChatState, hiding: Hiding, no: int, *, named: bool) -> str:
    entry = chat.timeline.entries.get(no)
    if entry is None:
        return f"Entry {no} is {'erased' if no in chat.erased else 'gone'}."
    shown = "is shown again" if no in hiding.back else "is off our screens"
    return f"{called(work.state, entry) if named else f'Entry {no}'} {shown}."


def _notice(work: Work, chat: ChatState, hiding: Hiding, about: str) -> Notice:
    """Of many that were hidden together it names the newest; the others have their numbers, and all one button."""
    still, alone = _still(chat, hiding), len(hiding.entries) == 1
    buttons = [Button("Restore all", "restore", chat.id, item=about)] if len(still) > 1 else []
    buttons += [
        Button("Restore" if alone else f"Restore {e.no}", "restore", chat.id, item=str(e.no))
        for e in still
        if e.no in hiding.entries[-MOST:]
    ]
    if alone and still:
        buttons += offers(work, chat, still[0])
    return Notice(_words(work, chat, hiding, named=True), tuple(buttons))


def offers(work: Work, chat: ChatState, entry: Entry) -> list[Button]:
    """What a host can do about harm, and has not been done."""
    no, titles = str(entry.no), {name: net.title for name, net in work.state.everywhere.items()}
    said = {given.verb for given in chat.replies.values() if given.entry == entry.no}
    found = []
    reachable = gestures.answerable(work, chat, entry, "note")
    if reachable and "note" not in said:
        found.append(Button("Write to the author…", "note", chat.id, item=no))
    found += [
        Button(f"Report to {titles[network]}…", "report", chat.id, item=no, on=network)
        for network in measures.possible(work, chat, entry, "report")
        if not measures.of(chat, entry.no, "report", network)
    ]
    for network in measures.possible(work, chat, entry, "conceal"):
        verb, label = "conceal", f"Hide the reply on {titles[network]}"
        if measures.of(chat, entry.no, "conceal", network):
            verb, label = "unconceal", f"Show the reply on {titles[network]} again"
        found.append(Button(label, verb, chat.id, item=no, on=network))
    if reachable and "signpost" not in said:
        found.append(Button("Crisis signpost…", "signpost", chat.id, item=no))
    found.append(Button("Erase", "erase", chat.id, item=no, style="danger", confirm=ERASE))
    found.append(blocking(work, chat, entry))
    return found


def blocking(work: Work, chat: ChatState, entry: Entry) -> Button:
    """Block who wrote an entry, or take that back."""
    if all(blocked(post, entry, work.state.people) for post in entry.sources):
        return Button("Unblock", "unblock", chat.id, item=str(entry.no))
    return Button("Block", "block", chat.id, item=str(entry.no), style="danger", confirm=BLOCK)
