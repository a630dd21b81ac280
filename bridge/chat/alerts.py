"""What cannot be taken off a room: who can delete it there is told, alone and without its words."""

from __future__ import annotations

from collections.abc import Collection

from bridge.chat.audience import stays
from bridge.chat.present import display_name
from bridge.chat.state import ChatState, Purpose, Work, dotted, noticed
from bridge.chat.timeline import Entry
from bridge.model import Account, Cancelled, Final, Notice, Post, Publish, Sent, Update
from bridge.text import tame


def send(work: Work, chat: ChatState, entry: Entry) -> str:
    """Hosts hid something that was written in a room, where a bot cannot delete it: tell that room's admins, once
    for an entry. Gives what the hosts should know; "" if there is nothing to tell."""
    post = next((post for post in entry.sources if post.reach == "room"), None)
    if post is None or entry.no in chat.alerts:
        return ""
    sent = chat.alerts[entry.no] = list[str]()
    net = work.state.everywhere[post.ref.network]
    if not net.admins:
        return (
            f"It still stands in {net.title}{_at(post)}: only its author or an admin there can delete it. The config "
            f'names no admins; with [networks.{net.name}] admins = ["U…"] they are told at once.'
        )
    name = " ".join(filter(None, (display_name(work.state, chat, post, "hosts"), tame(post.author.handle))))
    by = work.host.name if work.host else "the server"
    notice = _notice(chat, net.title, f" of {name}", f"{_at(post)} ({by} did)")
    for admin in net.admins:
        purpose = Purpose("alert", net.name, chat.id, message=entry.no)
        op = Publish(notice, reach="direct", to=admin)
        order = work.order(net.name, "hosts", op, purpose, place="hosts", whose=post.author.handle)
        sent.append(f"{net.name}/{dotted(order)}")
    return f"It still stands in {net.title}: the admins are told, who can delete it there."


def _notice(chat: ChatState, room: str, of: str = "", at: str = "") -> Notice:
    return Notice(
        f"The hosts of “{chat.settings.title}” hid a message{of} in the chat's channel{at}. It is off "
        f"every other screen. In {room} only its author or an admin like you can delete it."
    )


def _at(post: Post) -> str:
    return f" ({post.url})" if post.url else ""


def settled(outcome: Final) -> str | None:
    """An admin was to be told; gives what the hosts should be told."""
    if isinstance(outcome, Sent | Cancelled):
        return None
    return f"still stands, and an admin could not be told: {outcome.why}. Tell them yourselves."


def review(work: Work, chat: ChatState, numbers: Collection[int]) -> None:
    """These entries are different: nobody is asked to delete what is gone, or told who wrote it if they opted out."""
    for no in (no for no in numbers if chat.alerts.get(no) and no not in chat.erased):
        entry = chat.timeline.entries.get(no)
        post = next((post for post in entry.sources if post.reach == "room"), None) if entry else None
        if post is None:
            now = Notice(
                f"A message that the hosts of “{chat.settings.title}” hid in the chat's channel is gone."
            )
        elif stays(post, work.state.people):
            now = _notice(chat, work.state.everywhere[post.ref.network].title, at=_at(post))
        else:
            continue
        _change(work, chat, no, now)


def unname(work: Work, chat: ChatState, account: Account) -> None:
    """Somebody opted out: nobody is told any more that they wrote what was erased, and still stands in its room."""
    for no, words in chat.erased.items():
        if chat.alerts.get(no) and account in [chat.timeline.authors.get(uri) for uri in words.uris]:
            room, _ = noticed(chat.alerts[no][0])
            _change(work, chat, no, _notice(chat, work.state.everywhere[room].title))


def _change(work: Work, chat: ChatState, no: int, now: Notice) -> None:
    for console, order in map(noticed, chat.alerts[no]):
        purpose = Purpose("notice", console, chat.id)
        work.order(console, "hosts", Update(order, now), purpose, place="hosts")
    chat.alerts[no] = []
