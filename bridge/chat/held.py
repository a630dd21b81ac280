"""What hosts look at before anybody else does: a flood from one person, a link in a stranger's first post."""

from __future__ import annotations

from bridge.chat.audience import stays
from bridge.chat.community import BUSY, Person, has_link, is_host
from bridge.chat.present import hosts_card
from bridge.chat.state import ChatState, Purpose, State, Work, dotted, noticed
from bridge.chat.timeline import Entry
from bridge.model import MINUTE, Button, Notice, Publish, Retract, Update


def hold_back(work: Work, chat: ChatState, entry: Entry, someone: Person) -> None:
    """Keep a new entry back, if it is one of those, and ask the hosts."""
    post = entry.first
    someone.recent = [t for t in someone.recent if work.now - t < MINUTE] + [work.now]
    first, someone.shown = someone.shown == 0, someone.shown + 1
    host = is_host(chat.settings, post.ref.network, post.author.account, post.author.handle)
    if host or post.reach == "room" or stays(post, work.state.people):
        return
    if len(someone.recent) > BUSY:
        entry.held = f"more than {BUSY} posts a minute from"
    elif first and has_link(post):
        entry.held = "a link in the first post of"
    ask(work, chat, entry)


def ask(work: Work, chat: ChatState, entry: Entry) -> None:
    """Show or hide a held entry?"""
    if entry.held is None:
        return
    for network in work.state.consoles():
        purpose = Purpose("notice", network, chat.id)
        order = work.order(
            network, "hosts", Publish(_notice(work.state, chat, entry)), purpose, place="hosts"
        )
        chat.notices[f"entry {entry.no}"] = f"{network}/{dotted(order)}"


def _notice(state: State, chat: ChatState, entry: Entry) -> Notice:
    return Notice(
        f"Held: {entry.held} {entry.first.author.handle}. Nobody else sees it yet.",
        buttons=(
            Button("Show", "show", chat.id, item=str(entry.no), style="primary"),
            Button("Hide", "hide", chat.id, item=str(entry.no), style="danger"),
        ),
        card=hosts_card(state, chat, entry),
    )


def renew(work: Work, chat: ChatState, entry: Entry) -> None:
    """The hosts' message about a held entry says what the entry says now, and goes with its words."""
    about = f"entry {entry.no}"
    if about not in chat.notices:
        return
    if entry.sources and not stays(entry.first, work.state.people):
        network, order = noticed(chat.notices[about])
        op: Update | Retract = Update(order, _notice(work.state, chat, entry))
    else:
        network, order = noticed(chat.notices.pop(about))
        op = Retract(order)
    work.order(network, "hosts", op, Purpose("notice", network, chat.id), place="hosts")
