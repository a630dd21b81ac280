"""One person's own record: all that a journal holds of them, for them alone.

The journal is only read, and told apart from what could be seen: words that were removed stand in it until they
expire, so they stand here too; where they were taken out, the record says so. Nobody else's words are in it.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import msgspec

from bridge.chat import bridged
from bridge.chat.audience import blocked, may_see, stays
from bridge.chat.commands import FORGET
from bridge.chat.community import SERVER, Person, said_to_us
from bridge.chat.expiry import DRAFTS
from bridge.chat.gestures import DONE
from bridge.chat.present import heading
from bridge.chat.session import Session
from bridge.chat.state import Arrived, ChatState, Recorded, State, post_in
from bridge.chat.timeline import Entry, key
from bridge.errors import ChatbridgeError
from bridge.forget import bare, called, named
from bridge.journal import recorded
from bridge.model import Account, Author, Command, Media, Micros, Network, Post, Reach, Text

Places: TypeAlias = dict[
    str, tuple[str, int, str]
]  # uri -> chat, entry and its heading, when it last had one


class Copy(msgspec.Struct, frozen=True):
    """Where words of theirs went. `place`: its address there, or what the network calls it."""

    where: str
    what: str
    place: str = ""


class Wrote(msgspec.Struct, frozen=True):
    """A post. `text`: as it stands, None if no words are kept; `earlier`: what it said before edits. `reply_to` is an
    address; `bridge`: the handle of the bridge that made this copy, of what stands at `original`."""

    chat: str
    heading: str
    network: str
    address: str
    at: Micros
    reach: Reach
    text: Text | None
    earlier: tuple[str, ...] = ()
    warning: str | None = None
    media: tuple[Media, ...] = ()
    language: str | None = None
    reply_to: str = ""
    quotes: str | None = None
    edited: bool = False
    bridge: str = ""
    original: str = ""
    removed: Micros = 0
    erased: bool = False
    hidden: bool = False
    held: str | None = None
    withheld: bool = False
    copies: tuple[Copy, ...] = ()
    ours: tuple[str, ...] = ()  # what we did about it: "liked on Mastodon"


class Act(msgspec.Struct, frozen=True):
    """Something they asked of the bridge, told it or had it do."""

    at: Micros
    network: str
    said: str


class Record(msgspec.Struct, frozen=True):
    """All of it, as the journal had it at `at`."""

    community: str
    zone: str
    at: Micros
    network: Network
    author: Author
    person: Person
    first: str
    wrote: tuple[Wrote, ...]
    acts: tuple[Act, ...]


def record(journal: Path, who: str, now: Micros) -> Record:
    """What a journal holds of the account that `who` names ("NETWORK:HANDLE").

    Raises ChatbridgeError if it names nobody, or several; JournalError if the journal cannot be read.
    """
    if not journal.exists():
        raise ChatbridgeError(f"There is no journal at {journal}, so nobody is in it.")
    session, places = _replayed(journal)
    state = session.state
    network, author = _whom(state, journal, *named(session, who))
    posts: dict[str, list[Post]] = {}
    acts: list[Act] = []
    for event in recorded(journal):
        post = post_in(event.event)
        if post is None:
            acts += _acted(state, author.account, event)
        elif bridged.theirs(state, author.account, post):
            if _is_entry(state, post):
                posts.setdefault(post.uri, []).append(post)
            else:
                acts.append(Act(event.at, _title(state, post.ref.network), _told(state, post)))
    someone, community = state.people.of(author.account), state.community
    first = state.chats.get(someone.first)
    return Record(
        community.name if community else "",
        community.zone if community else "UTC",
        now,
        network,
        author,
        someone,
        first.settings.title if first else "",
        tuple(_wrote(state, versions, places) for versions in posts.values()),
        tuple(acts),
    )


def _replayed(journal: Path) -> tuple[Session, Places]:
    """The community as it is, and what entries were called that have left it."""
    session, places = Session(), Places()
    for event in recorded(journal):
        session.decide(event)
        post = post_in(event.event)
        for chat in session.state.chats.values() if post else ():
            if post and (no := chat.timeline.uris.get(post.uri)):
                places[post.uri] = (chat.id, no, heading(chat.timeline.entries[no]))
    return session, places


# ---------------------------------------------------------------- who is meant


def _whom(state: State, journal: Path, network: Network, handle: str) -> tuple[Network, Author]:
    """Of whom nothing is left but the account, by that."""
    found = {account: author for account, (author, _) in called(journal, network, handle).items()}
    if not found:
        wanted = bare(handle)
        for account, someone in state.people.all.items():
            here = not someone.told or network in someone.told
            if here and f":{account.casefold()}".endswith(f":{wanted}"):
                found[account] = Author(account, handle)
    if not found:
        raise ChatbridgeError(_nobody(journal, network, handle))
    if len(found) > 1:
        lines = "\n".join(f"  chatbridge report --person {network}:{account}" for account in found)
        raise ChatbridgeError(f"{len(found)} people were called {handle}. Say which account:\n{lines}")
    return network, next(iter(found.values()))


def _nobody(journal: Path, network: Network, handle: str) -> str:
    """Why nobody is found, with those whose names are near."""
    posts = filter(None, (post_in(event.event) for event in recorded(journal)))
    names = {f"{p.ref.network}:{p.author.handle}" for p in posts if p.author.handle}
    near = get_close_matches(f"{network}:{handle}", sorted(names), n=3, cutoff=0.6)
    mend = (
        "Did you mean one of these?\n" + "\n".join(f"  {name}" for name in near)
        if near
        else "Write the handle in full, as the transcript shows it; who was forgotten is found by the account."
    )
    return f"The journal holds nothing of anybody called {handle} on {network}. {mend}"


# ---------------------------------------------------------------- what they told us


def _acted(state: State, account: Account, event: Recorded) -> list[Act]:
    """What a control did that they used, and that the operator forgot them."""
    match event.event:
        case Arrived(network, Command() as it) if it.by == account:
            words = it.text if it.verb not in DRAFTS else ""  # these begin with a participant's words
            entry = str(it.entry) if it.entry is not None else ""
            parts = (it.verb, it.item or "", entry, it.choice, words)
            return [Act(event.at, _title(state, network), " ".join(filter(None, parts)))]
        case Arrived(_, Command(verb=verb, by=by, item=item)) if (verb, by, item) == (
            FORGET,
            SERVER,
            account,
        ):
            return [Act(event.at, "the server", "forgotten by who runs the bridge")]
        case _:
            return []


def _told(state: State, post: Post) -> str:
    """What they said to us alone: a wish, or as a host."""
    wish = said_to_us(post, state.people.ours.get(post.ref.network))
    return wish or post.text.plain or "something else; its words are not kept"


def _is_entry(state: State, post: Post) -> bool:
    """Whether a post is, or was, one of the chat."""
    if said_to_us(post, state.people.ours.get(post.ref.network)):
        return False
    lines = (chat.timeline for chat in state.chats.values())
    return any(key(post.ref) in line.refs or line.is_removed(post) for line in lines)


# ---------------------------------------------------------------- what they wrote


def _wrote(state: State, versions: list[Post], places: Places) -> Wrote:
    newest = max(versions, key=lambda post: post.edited)
    name, no, called = places.get(newest.uri, ("", 0, ""))
    chat = state.chats.get(name)
    entry = chat.timeline.entries.get(chat.timeline.uris.get(newest.uri, 0)) if chat else None
    post = next((p for p in entry.sources if p.uri == newest.uri), newest) if entry else newest
    kept = not post.mark
    earlier = (p.text.plain for p in versions if not p.mark and p.text.plain != post.text.plain)
    copied = post.original is not None
    return Wrote(
        chat.settings.title if chat else "",
        heading(entry) if entry else called,
        _title(state, post.ref.network),
        post.url or post.uri,
        post.at,
        post.reach,
        post.text if kept else None,
        tuple(dict.fromkeys(earlier)),
        post.warning,
        post.media,
        post.language,
        _above(state, post),
        post.quoted,
        post.edited > 0,
        post.author.handle if copied else "",
        post.original or "",
        _removed(state, post),
        post.erased or any(post.uri in gone.uris for c in state.chats.values() for gone in c.erased.values()),
        entry is not None and (entry.hidden or blocked(post, entry, state.people)),
        entry.held if entry else None,
        entry is not None and not post.erased and stays(post, state.people),
        _copies(state, chat, no, entry, post) if chat else (),
        _ours(state, chat, no, post) if chat else (),
    )


def _above(state: State, post: Post) -> str:
    """Where what they replied to stands; of our own posts, what it is."""
    if (ref := post.reply_to) is None:
        return ""
    for chat in state.chats.values():
        if key(ref) in chat.items:
            return chat.items[key(ref)]
        if parent := chat.timeline.source(ref):
            return parent.url or parent.uri
    return ref.id


def _removed(state: State, post: Post) -> Micros:
    times = (
        chat.timeline.removed.get(name) for chat in state.chats.values() for name in (post.uri, key(post.ref))
    )
    return next(filter(None, times), 0)


def _copies(state: State, chat: ChatState, no: int, entry: Entry | None, post: Post) -> tuple[Copy, ...]:
    found: list[Copy] = []
    nets = state.everywhere
    if entry and may_see(post, entry, state.people, nets[post.ref.network], "page"):
        page = state.community.page if state.community else None
        found.append(Copy("the page and the transcript", "shown", page or ""))
    for network, copies in chat.copies.items():
        message = copies.holding(no)
        shown = message.shows if message and message.ref else {}
        if message and message.ref and no in shown:
            what = "a message of ours" if shown[no] > 0 else "a line without words"
            found.append(Copy(nets[network].title, what, message.ref.id))
        elif message and message.flying:
            found.append(Copy(nets[network].title, "on its way"))
    if (sent := chat.outward.get(no)) and sent.uri == post.uri:
        title = nets[sent.network].title
        stage = {"asked": "the hosts are asked to send it", "declined": "the hosts did not send it"}
        standing = [Copy(title, "sent out as a reply, for you", ref.id) for ref in sent.refs]
        found += standing or [Copy(title, stage.get(sent.stage, "on its way"))]
    if item := chat.sheet.get(chat.promoted.get(no)):
        found.append(Copy("every network", f"a question was made of it: {item.label}"))
    return tuple(found)


def _ours(state: State, chat: ChatState, no: int, post: Post) -> tuple[str, ...]:
    """What our accounts and the hosts did about it, without their words."""
    titles = {name: net.title for name, net in state.everywhere.items()}
    found = [f"{DONE[e.kind]} on {titles[e.network]}" for e in chat.endorsed.values() if e.uri == post.uri]
    found += [
        f"answered on {titles[a.network]}"
        for a in chat.replies.values()
        if a.account == post.author.account and a.entry == no
    ]
    what = {"report": "reported to the moderators of", "conceal": "hidden among the replies on"}
    found += [f"{what[m.kind]} {titles[m.network]}" for m in chat.measures.values() if m.entry == no]
    return tuple(dict.fromkeys(found))


def _title(state: State, network: Network) -> str:
    net = state.everywhere.get(network)
    return net.title if net else network
