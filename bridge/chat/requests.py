"""What people ask of the bridge itself about their own words: `stop`, `start`, `forget me`, `my record`; in a
message to it, or as `/chat me`."""

from __future__ import annotations

from bridge.chat import promoted
from bridge.chat.community import left_of, wordless
from bridge.chat.gestures import addressed, unanswer
from bridge.chat.intake import retouch
from bridge.chat.present import heading
from bridge.chat.state import Purpose, State, Work
from bridge.chat.timeline import key, writers
from bridge.model import Account, Post, Publish, Words
from bridge.text import marked

CONFIRMED = {
    "stop": "Done: your posts are no longer shown anywhere else. Say 'start' to undo this.",
    "start": "Thank you: your public posts under the tag are shown with the chat again.",
    "forget": "Done: your words are gone from our records. What you wrote on your own network stays yours.",
}


def asked(work: Work, post: Post, ask: str) -> None:
    """Somebody asks in a message: done once, and confirmed where it was asked."""
    if key(post.ref) in work.state.handled:
        return
    work.state.handled[key(post.ref)] = work.now
    said = done(work, post.author.account, ask)
    network = post.ref.network
    private = post.reach in ("direct", "room")
    limits = work.state.opened[network].capabilities.limits
    words = addressed(post, marked(said), by_name=limits.local_mentions and not private)
    op = Publish(Words(words), reply_to=post.ref, reach="direct" if private else "quiet")
    work.order(network, "people", op, Purpose("reply", network, next(iter(work.state.chats), "")))


def done(work: Work, account: Account, ask: str) -> str:
    """Do what somebody asks ("stop", "start", "forget", "record"); gives what they are told."""
    if ask == "record":
        return _record(work.state, account)
    someone = work.state.people.get(account)
    match ask:
        case "forget":
            forget(work, account)
        case "stop":
            someone.stopped = True
        case "start":
            someone.stopped, someone.known, someone.forgotten = False, True, False
    retouch(work, account)
    return CONFIRMED[ask]


def _record(state: State, account: Account) -> str:
    """What the bridge holds of a person, as figures; the words are their own posts."""
    if not (entries := held(state, account)):
        return "We hold nothing of yours."
    return f"We hold {len(entries)} of your posts: {some(entries)}. Say 'forget me' to have them removed."


def held(state: State, account: Account) -> list[str]:
    """The headings of the entries by a person whose words the bridge holds."""
    return [
        heading(e)
        for c in state.chats.values()
        for e in c.timeline.entries.values()
        if any(account in writers(p) and not p.mark for p in e.sources)
    ]


def some(headings: list[str]) -> str:
    return ", ".join(headings[:10]) + (" …" if len(headings) > 10 else "")


def forget(work: Work, account: Account) -> None:
    """Take a person's words and name out of the state, take our replies to them back, and ask for the same in
    the journal. What they write from now on stays where it is."""
    someone = work.state.people.get(account)
    someone.forgotten = someone.stopped = True
    for chat in work.state.chats.values():
        entries = list(chat.timeline.entries.values())
        posts = [post for entry in entries for post in entry.sources if account in writers(post)]
        for name in dict.fromkeys(
            (account, *(post.author.account for post in posts))
        ):  # as a bridge calls them
            unanswer(work, chat, name)
        for entry in entries:
            led = account in writers(entry.first)
            if led and not wordless(entry.first):
                promoted.wordless(work, chat, entry.no)
            entry.sources = [left_of(p) if account in writers(p) else p for p in entry.sources]
            if led:
                chat.timeline.reword(entry)
    work.effects.forget.append(account)
