"""What people ask of the bridge itself: `stop`, `start`, `forget me`, `my record`."""

from __future__ import annotations

from bridge.chat.community import unname
from bridge.chat.gestures import addressed, unanswer
from bridge.chat.intake import retouch
from bridge.chat.present import heading
from bridge.chat.state import Purpose, State, Work
from bridge.chat.timeline import key
from bridge.model import Account, Post, Publish, Words
from bridge.text import marked

CONFIRMED = {
    "stop": "Done: your posts are no longer shown anywhere else. Say 'start' to undo this.",
    "start": "Thank you: your public posts under the tag are shown with the chat again.",
    "forget": "Done: your words are gone from our records. What you wrote on your own network stays yours.",
}


def asked(work: Work, post: Post, ask: str) -> None:
    """`stop`, `start`, `forget me`, `my record`: done once, and confirmed where it was asked."""
    if key(post.ref) in work.state.handled:
        return
    work.state.handled[key(post.ref)] = work.now
    account = post.author.account
    someone = work.state.people.get(account)
    match ask:
        case "forget":
            forget(work, account)
        case "stop":
            someone.stopped = True
        case "start":
            someone.stopped, someone.known, someone.forgotten = False, True, False
    retouch(work, account)
    network = post.ref.network
    private = post.reach in ("direct", "room")
    limits = work.state.opened[network].capabilities.limits
    words = addressed(
        post,
        marked(CONFIRMED.get(ask) or _record(work.state, account)),
        by_name=limits.local_mentions and not private,
    )
    op = Publish(Words(words), reply_to=post.ref, reach="direct" if private else "quiet")
    work.order(network, "people", op, Purpose("reply", network, next(iter(work.state.chats), "")))


def _record(state: State, account: Account) -> str:
    """What the bridge holds of a person, as figures; the words are their own posts."""
    entries = [
        heading(e)
        for c in state.chats.values()
        for e in c.timeline.entries.values()
        if any(p.author.account == account and not p.mark for p in e.sources)
    ]
    if not entries:
        return "We hold nothing of yours."
    shown = ", ".join(entries[:10]) + (" …" if len(entries) > 10 else "")
    return f"We hold {len(entries)} of your posts: {shown}. Say 'forget me' to have them removed."


def forget(work: Work, account: Account) -> None:
    """Take a person's words and name out of the state, take our replies to them back, and ask for the same in
    the journal. What they write from now on stays where it is."""
    someone = work.state.people.get(account)
    someone.forgotten = someone.stopped = True
    for chat in work.state.chats.values():
        unanswer(work, chat, account)
        for entry in chat.timeline.entries.values():
            entry.sources = [unname(p) if p.author.account == account else p for p in entry.sources]
            if entry.first.author.account == account:
                chat.timeline.reword(entry)
    work.effects.forget.append(account)
