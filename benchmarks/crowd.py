"""The people of many chats at once: what they write and when, kept in a ledger, and what became of it, found in what
the stand-ins and the page hold."""

from __future__ import annotations

import heapq
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simulator.bluesky import Server as Bluesky
from simulator.clock import Clock
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from simulator.stage import Draft, Person, Said

Server: TypeAlias = Mastodon | Bluesky | Slack
Kind: TypeAlias = Literal["label", "clock", "question", "entry", "both", "thread"]

SECOND = 1_000_000
MINUTE = 60 * SECOND
QUESTIONS = 5
FIRST, EVERY = 5, 10  # minutes after the start of the first question, and from each to the next
PEOPLE = 3  # of each chat on each network
SETTLED = 60 * SECOND  # after a question, from which on it is the open one on any account
ROLES = ("nurse", "doctor", "midwife", "porter", "carer")
KINDS: dict[Kind, int] = {"label": 50, "clock": 12, "question": 16, "entry": 12, "both": 5, "thread": 5}
EDITED, DELETED = 8, 5  # in a hundred
MARK = re.compile(r"\bn(\d{5})\b")
AGAIN = "put otherwise"  # what edited words say more


@dataclass
class Chat:
    """One of the chats. `copies`: of each question (from 1) its post and when that came, by network."""

    no: int
    starts: int
    copies: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"room-{self.no:02}"

    @property
    def tag(self) -> str:
        return f"WardChat{self.no:02}"

    def question(self, number: int) -> str:
        return f"What helps at step {number} in room {self.no:02}? {self.mark(number)}"

    def mark(self, number: int) -> str:
        """What no other words contain."""
        return f"q{self.no:02}{number:02}"

    def due(self, number: int) -> int:
        """When a question is planned. The chats begin together and ask one after the other."""
        return self.starts + (FIRST + EVERY * (number - 1)) * MINUTE + self.no * 5 * SECOND

    def newest(self, network: str) -> int:
        """The question asked last there; 0 before the first."""
        return max((number for name, number in self.copies if name == network), default=0)


@dataclass
class Post:
    """What somebody wrote. `chats`: where it may stand, in one of them; `question`: under which, 0 if nobody can
    tell; `id`: on its server, and `above`: of what it replies to; `real`: when its server took it, in seconds of
    the monotonic clock."""

    no: int
    person: Person
    kind: Kind
    chats: tuple[str, ...]
    question: int
    tags: tuple[str, ...]
    words: str
    id: str
    real: float
    above: str = ""
    deleted: bool = False
    edited: bool = False

    @property
    def told(self) -> bool:
        """Whether its server tells of it. Of replies to others that bear no tag Mastodon does not: who wants them
        asks for the thread now and then, as often as they may."""
        return (self.kind, self.person.network) != ("entry", "mastodon")

    def __str__(self) -> str:
        return f"n{self.no:05} ({self.kind}, {self.person.network})"


class Crowd:
    """Everybody, and their ledger."""

    def __init__(self, chats: list[Chat], servers: dict[str, Server], clock: Clock, seed: int) -> None:
        self.chats, self.servers, self.clock = chats, servers, clock
        self.ledger: list[Post] = []
        self._rng = random.Random(seed)
        self._people = {
            (chat.no, name): [_person(chat, name, n) for n in range(PEOPLE)]
            for chat in chats
            for name in servers
        }
        for person in (person for group in self._people.values() for person in group):
            servers[person.network].join(person)
        for name, server in servers.items():
            server.on_ours.append(lambda said, name=name: self._heard(name, said))  # type: ignore[misc]  # bound now

    def _heard(self, network: str, said: Said) -> None:
        """The bridge has posted: people learn of a question."""
        for found in re.finditer(r"\bq(\d\d)(\d\d)\b", said.text) if said.place == "chat" else ():
            chat = next(chat for chat in self.chats if chat.no == int(found[1]))
            chat.copies.setdefault((network, int(found[2])), (said.id, self.clock.now()))

    # ------------------------------------------------------------ writing

    async def play(self, answers: int, ends: int) -> None:
        """About so many answers, from a while after the first question until chat time `ends`; the last edits and
        removals some time later."""
        rng = self._rng
        first = max(chat.due(1) for chat in self.chats) + SETTLED
        due = [(rng.randrange(first, ends), n) for n in range(answers)]
        heapq.heapify(due)
        while due:
            at, n = heapq.heappop(due)
            await self.clock.until(at)
            if n < 0:
                self._follow_up(self.ledger[-n - 1])
            elif self._write(n) and rng.randrange(100) < EDITED + DELETED:
                heapq.heappush(due, (at + rng.randrange(5, 120) * SECOND, -len(self.ledger)))

    def _write(self, no: int) -> bool:
        """Somebody answers, unless there is nothing to answer where they are."""
        rng, chat = self._rng, self.chats[no % len(self.chats)]
        network = rng.choice(list(self.servers))
        person = rng.choice(self._people[chat.no, network])
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        newest, other = chat.newest(network), rng.choice([c for c in self.chats if c is not chat])
        if kind == "clock" and not self._clear(chat, network):
            kind = "label"
        question, above = rng.randint(1, max(newest, 1)), None
        chats: tuple[Chat, ...] = (chat,)
        tags: tuple[str, ...] = (chat.tag,)
        match kind:
            case "clock":
                question = newest
            case "question":
                above, tags = chat.copies.get((network, question), ("", 0))[0], ()
            case "thread":
                above, tags = chat.copies.get((network, question), ("", 0))[0], (other.tag, chat.tag)
            case "entry":
                parent = self._somebody_else(chat, network)
                above, tags = parent.id if parent else "", ()
                question = parent.question if parent and not self._headless(parent) else 0
            case "both":
                chats, tags = (chat, other), (chat.tag, other.tag)
                question = min(question, other.newest(network))
        if not newest or above == "":
            return False
        label = f"A{question} " * (kind in ("label", "both"))
        said = " ".join(rng.choices(WORDS, k=rng.randint(4, 20)))
        words = " ".join([f"{label}n{no:05}", said, *(f"#{tag}" for tag in tags)])
        draft = Draft(words, tag="markup" if tags else "none", reply_to=above)
        id_ = self._bearing(network, tags).write(person, draft)
        real = self.servers[network].said[id_].real
        names = tuple(c.id for c in chats)
        self.ledger.append(Post(no, person, kind, names, question, tags, words, id_, real, above or ""))
        return True

    def _clear(self, chat: Chat, network: str) -> bool:
        """Whether everybody would say which question is the open one."""
        newest, now = chat.newest(network), self.clock.now()
        near = newest < QUESTIONS and chat.due(newest + 1) - now < SETTLED
        return newest > 0 and not near and now - chat.copies[network, newest][1] > SETTLED

    def _somebody_else(self, chat: Chat, network: str) -> Post | None:
        """A post that can be replied to there, and where it belongs nobody doubts."""
        found = [
            post
            for post in self.ledger
            if post.person.network == network and post.chats == (chat.id,) and not post.deleted
        ]
        return self._rng.choice(found) if found else None

    def _headless(self, post: Post) -> bool:
        """Whether it is in a room's thread that has lost what it began with, which says what the thread is about."""
        return post.person.network == "slack" and any(p.id == post.above for p in self.ledger if p.deleted)

    def _follow_up(self, post: Post) -> None:
        """Its author edits it, or takes it away."""
        server = self._bearing(post.person.network, post.tags)
        answered = any(p.above == post.id and not p.told for p in self.ledger)  # which then nobody could find
        if answered or self._rng.randrange(EDITED + DELETED) < EDITED:
            post.edited = True
            post.words = post.words.replace(f"n{post.no:05}", f"n{post.no:05} {AGAIN}")
            server.edit(post.person, post.id, post.words)
        else:
            post.deleted = True
            server.delete(post.person, post.id)

    def _bearing(self, network: str, tags: tuple[str, ...]) -> Server:
        """A server whose people bear these tags: of a stand-in's, one has to be its own."""
        server = self.servers[network]
        if tags and isinstance(server, Mastodon | Bluesky):
            server.tag = tags[0]
        return server


def _person(chat: Chat, network: str, n: int) -> Person:
    role = ROLES[n % len(ROLES)]
    handle = f"{role}-{chat.no:02}{n}{network[0]}"
    return Person(handle, f"{role.title()} {chat.no:02}{n}{network[0]}", network)


WORDS = (
    "we",
    "keep",
    "it",
    "short",
    "say",
    "it",
    "aloud",
    "write",
    "it",
    "down",
    "then",
    "read",
    "it",
    "back",
)


# ---------------------------------------------------------------- what became of it


@dataclass
class Reckoning:
    """What is not as the ledger has it, in words. `misplaced`: in the wrong chat, under the wrong question, with old
    words, or there though it was taken away."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicated or self.misplaced)

    def times(self, what: str, where: str, count: int) -> None:
        """It has to be there once."""
        if count == 0:
            self.lost.append(f"{what} in {where}")
        elif count > 1:
            self.duplicated.append(f"{what} in {where}: {count} times")


def reckoned(crowd: Crowd, pages: dict[str, Any]) -> Reckoning:
    """The ledger beside what the page's JSON shows of each chat and what the stand-ins hold."""
    found = Reckoning()
    shown = [(chat, entry) for chat, view in pages.items() for entry in view.get("entries", ())]
    on_page: dict[int, list[tuple[str, Any]]] = {}
    for chat, entry in shown:
        for mark in MARK.findall(entry.get("text", {}).get("plain", "")):
            on_page.setdefault(int(mark), []).append((chat, entry))
    mirrored = in_slack(crowd)
    for post in crowd.ledger:
        places, copies = on_page.get(post.no, []), mirrored.get(post.no, [])
        if post.deleted:
            found.misplaced += [f"{post}, taken away, stands in {chat}" for chat, _ in places]
            found.misplaced += [f"{post}, taken away, stands in Slack" for _ in copies]
            continue
        found.times(str(post), "the page", len(places))
        found.misplaced += [wrong for chat, entry in places if (wrong := _wrong(post, chat, entry))]
        if post.person.network != "slack":
            found.times(str(post), "Slack", len(copies))
            old = [words for words in copies if post.edited and AGAIN not in words]
            found.misplaced += [f"{post} in Slack: old words" for _ in old]
    for name, server in crowd.servers.items():
        standing = [s.text for s in server.said.values() if s.ours and s.place == "chat" and not s.deleted]
        for room in crowd.chats:
            for number in range(1, QUESTIONS + 1):
                count = sum(room.mark(number) in text for text in standing)
                found.times(f"Q{number} of {room.id}", name, count)
    return found


def _wrong(post: Post, chat: str, entry: Any) -> str:
    """What is wrong with where or how it stands; "" if nothing is."""
    if chat not in post.chats:
        return f"{post} of {post.chats[0]} stands in {chat}"
    if post.question and entry.get("questions") != [f"Q{post.question}"]:
        return f"{post} of {chat} answers Q{post.question}, stands under {entry.get('questions')}"
    if post.edited and AGAIN not in entry["text"]["plain"]:
        return f"{post} of {chat}: old words"
    return ""


def in_slack(crowd: Crowd) -> dict[int, list[str]]:
    """The words round each answer's mark, for each time that it stands in the merged channel."""
    found: dict[int, list[str]] = {}
    for said in crowd.servers["slack"].said.values():
        if said.ours and said.place == "chat" and not said.deleted:
            words = json.dumps(said.raw["blocks"] or said.text)  # the text repeats the blocks
            for match in MARK.finditer(words):
                found.setdefault(int(match[1]), []).append(words[match.start() : match.end() + 40])
    return found
