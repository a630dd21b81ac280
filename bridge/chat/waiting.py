"""Who waits for a word of the hosts: people whom nobody has answered, and questions of participants' own."""

from __future__ import annotations

from bridge.chat.attribution import own_question
from bridge.chat.audience import stays, taken_off
from bridge.chat.present import hosts_card
from bridge.chat.state import ChatState, State, by_host
from bridge.chat.timeline import Entry
from bridge.model import MINUTE, Account, Button, Micros, Post, Waiting

PATIENCE = 4 * MINUTE  # after which somebody without an answer is ignored
MOST = 10  # people who are ignored
MANY = 50  # questions; who floods us with them does not slow the board down

_ASKING = "?？؟"


def ignored(state: State, chat: ChatState, now: Micros) -> tuple[Waiting, ...]:
    """At most ten people, first-timers first, then who has waited longest: to whom nobody has replied, and of
    whom no host has taken notice. A row shows the newest of what they wrote."""
    if chat.over:
        return ()
    heard = _heard(chat)
    lines: dict[Account, list[Entry]] = {}
    met: set[Account] = set()
    open_to: dict[Account, bool] = {}
    for entry in chat.timeline.entries.values():
        if entry.no in heard:
            met.update(post.author.account for post in entry.sources)
        elif _listens(state, chat, entry, open_to):
            lines.setdefault(entry.first.author.account, []).append(entry)
    seasoned = any(other.sheet.starts < chat.sheet.starts for other in state.chats.values())
    rows: list[tuple[bool, Micros, Entry]] = []
    for account, entries in lines.items():
        since = min(entry.at for entry in entries)
        if account not in met and now - since >= PATIENCE:
            old = not seasoned or state.people.of(account).first != chat.id
            rows.append((old, since, entries[-1]))
    rows.sort(key=lambda row: row[:2])
    return tuple(_ignored(state, chat, entry, old, now - since) for old, since, entry in rows[:MOST])


def asked(state: State, chat: ChatState, now: Micros) -> tuple[Waiting, ...]:
    """Participants' own questions that no host has made one of the chat's, or put aside; oldest first."""
    if chat.over:
        return ()
    open_to: dict[Account, bool] = {}
    found: list[Entry] = []
    done = {*chat.promoted, *chat.dismissed}
    for entry in chat.timeline.entries.values():
        if entry.no not in done and _asks(state, entry) and _listens(state, chat, entry, open_to):
            found.append(entry)
            if len(found) == MANY:
                break
    return tuple(
        _waiting(state, chat, entry, f"asked {ago(now - entry.at)} ago", ("promote", "reply"))
        for entry in found
    )


def words(state: State, chat: ChatState, entry: Entry) -> str:
    """What somebody asks, without "Q:"; "" if the hosts may not read it."""
    plain = hosts_card(state, chat, entry).text.plain
    asks = own_question(plain)
    return plain.strip() if asks is None else asks


def ago(length: Micros) -> str:
    """ "6 min", "3 h"."""
    minutes = length // MINUTE
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


# ---------------------------------------------------------------- the pieces


def _heard(chat: ChatState) -> set[int]:
    """The entries that somebody replied to, or a host or we took notice of."""
    entries, uris = chat.timeline.entries, chat.timeline.uris
    heard = {*chat.dismissed, *chat.promoted}
    heard.update(answer.entry for answer in chat.replies.values())
    heard.update(uris.get(given.uri, given.entry) for given in chat.endorsed.values())
    for entry in entries.values():
        if entry.noticed:
            heard.add(entry.no)
        above = entries.get(entry.reply_to or 0)
        if above is None or entry.hidden or entry.held is not None:
            continue
        if entry.first.author.account != above.first.author.account:
            heard.add(above.no)
    return heard


def _listens(state: State, chat: ChatState, entry: Entry, open_to: dict[Account, bool]) -> bool:
    """Whether an entry's author is there for a word of the hosts. `open_to`: what is known of people so far."""
    off = entry.held is not None or taken_off(entry, state.people)
    if off or stays(entry.first, state.people):
        return False
    account = entry.first.author.account
    if account not in open_to:
        open_to[account] = _participant(state, chat, entry.first)
    return open_to[account]


def _participant(state: State, chat: ChatState, post: Post) -> bool:
    someone = state.people.of(post.author.account)
    return not (post.author.bot or someone.gone or by_host(state, chat, post))


def _asks(state: State, entry: Entry) -> bool:
    """Whether somebody asks a question of their own: "Q: …", or one to our account. A reply to a question of ours
    names us by itself, so that a labelled answer is none."""
    post = entry.first
    if own_question(post.text.plain) is not None:
        return True
    to_us = state.people.ours.get(post.ref.network) in post.mentions
    return to_us and entry.rule != "label" and any(sign in post.text.plain for sign in _ASKING)


def _ignored(state: State, chat: ChatState, entry: Entry, old: bool, waited: Micros) -> Waiting:
    why = f"waits for {ago(waited)}" if old else f"first time here, for {ago(waited)}"
    return _waiting(state, chat, entry, why, ("reply",) if old else ("welcome",))


_LABELS = {"promote": "Make this a question…", "reply": "Reply…", "welcome": "Welcome…", "dismiss": "Seen"}


def _waiting(state: State, chat: ChatState, entry: Entry, why: str, verbs: tuple[str, ...]) -> Waiting:
    buttons = tuple(Button(_LABELS[v], v, chat.id, item=str(entry.no)) for v in (*verbs, "dismiss"))
    return Waiting(hosts_card(state, chat, entry), why, buttons)
