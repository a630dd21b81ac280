"""Hosts and people do what they like, in any order, on networks that come and go: nobody's words are where they may
not be, and a journal that words have left tells the same chat."""

from __future__ import annotations

import random
import re

import msgspec
import pytest

from bridge.chat.bridged import signed
from bridge.chat.session import Session
from bridge.chat.state import Arrived, post_in, undotted
from bridge.chat.timeline import writers
from bridge.model import MINUTE, Card, Command, Content, Gathered, Leaders, Notice, Post, Ref, Words
from bridge.settings import Host
from tests.unit.make import NETS, STARTS, Hour, chat, community, edited, person, post
from tests.unit.test_redacted import redacted, replayed, same

HOSTS = ("slack:T1/UHOST", "slack:T1/UHOST2", "slack:T1/UMEMBER")
PEOPLE = ("anneli", "wilhelm", "joelle", "kittie")
NETWORKS = ("mastodon", "bluesky", "slack")
SPOKEN = ("reply", "welcome", "note", "signpost", "report", "promote")
VERBS = (
    *SPOKEN, "hide", "restore", "show", "like", "unlike", "boost", "conceal", "unconceal", "erase", "block",
    "unblock", "noticed", "more", "move", "dismiss", "approve", "decline", "takeback", "preview", "blackout",
    "ask", "edit", "end",
)  # fmt: skip
REACTIONS = {"hide": "restore", "like": "unlike", "boost": "unboost", "noticed": "unnoticed"}
MARK = re.compile(r"mk\d+x")


class Crowd:
    """Everybody at once, seeded. Every post and every word of a host bears a mark of its own."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        hosts = (
            Host("Wren Adair", (("mastodon", "@wren@ward.example"), ("slack", "UHOST"))),
            Host("Lin Moss", (("slack", "UHOST2"),)),
        )
        room = msgspec.structs.replace(NETS[2], admins=("UADMIN",))
        self.hour = Hour(community(chat(hosts=hosts), networks=(*NETS[:2], room)))
        self.hour.arrive(Leaders(HOSTS[2:]), "slack")
        self.hour.until(6)
        self.posts: list[Post] = []
        self.spoken: list[tuple[int, str]] = []  # (entry, mark): what hosts said of it
        self._marks = 0

    def act(self) -> None:
        do = [
            self.write,
            self.edit,
            self.remove,
            self.wish,
            self.command,
            self.press,
            self.own,
            self.fail,
            self.wait,
        ]
        self.rng.choices(do, (30, 4, 3, 2, 30, 16, 20, 3, 15))[0]()

    def mark(self) -> str:
        self._marks += 1
        return f"mk{self._marks}x"

    def number(self) -> int:
        return self.rng.choice(list(self.hour.entries) or [1])

    # ------------------------------------------------------------ people

    def write(self) -> None:
        rng, hour, network = self.rng, self.hour, self.rng.choice(NETWORKS)
        begin = rng.choice(["A1: ", "A1. ", "Q: ", f">{self.number()} ", ""])
        words = (
            f"{begin}{self.mark()} {rng.choice(['hello', 'why?', 'wards and beds and charts and nights'])}"
        )
        tag = " #WardChat" if network != "slack" and rng.random() < 0.8 else ""
        tag += " #nobridge" if rng.random() < 0.03 else ""
        above = [p.ref for p in self.posts if p.ref.network == network]
        above += [Ref(network, place) for place in hour.standing[network]]
        reply_to = (
            rng.choice(above) if above and rng.random() < (0.7 if network == "slack" else 0.35) else None
        )
        by, id_ = rng.choice(PEOPLE), f"p{self._marks}"
        said = post(id_, words + tag, by=by, network=network, at=hour.now, reply_to=reply_to)
        comes = [said]
        if network == "mastodon" and rng.random() < 0.5:
            whose = rng.choice(["", said.author.account])
            copy = post(
                id_, words + tag, by=f"{by}-b", network="bluesky", at=hour.now, original=said.uri, whose=whose
            )
            comes = rng.choice(
                [[said, copy], [copy, said], [copy]] if whose else [[said, copy], [copy, said]]
            )
        for one in comes:
            self.posts.append(one)
            hour.write(one)

    def edit(self) -> None:
        if self.posts:
            n = self.rng.randrange(len(self.posts))
            mark, tag = self.mark(), "" if self.posts[n].ref.network == "slack" else " #WardChat"
            self.posts[n] = edited(self.posts[n], f"A1: {mark} newer{tag}", self._marks)
            self.hour.edit(self.posts[n])

    def remove(self) -> None:
        if self.posts:
            self.hour.remove(self.posts.pop(self.rng.randrange(len(self.posts))))

    def wish(self) -> None:
        network, by, ask = (
            self.rng.choice(NETWORKS),
            self.rng.choice(PEOPLE),
            self.rng.choice(["forget", "stop", "start"]),
        )
        if network == "slack":
            self.hour.command("me", ask, by=person(by, network).account)
            return
        words = f"@ours {'forget me' if ask == 'forget' else ask}"
        self.hour.write(
            post(
                f"w{self.mark()}", words, by=by, network=network, mentions=(f"our:{network}",), reach="direct"
            )
        )

    def own(self) -> None:
        """In the room, about one's own words, or trying what hosts do."""
        account = person(self.rng.choice(PEOPLE), "slack").account
        mine = [e.no for e in self.hour.entries.values() if e.first.author.account == account]
        verb = self.rng.choice([*["send"] * 6, "consent", "me", "more", "home", "hide"])
        text = {"consent": self.rng.choice(["name", "first", "no"]), "me": "record"}.get(verb, "")
        self.hour.command(verb, text or str(self.rng.choice(mine or [self.number()])), by=account, forms=True)

    # ------------------------------------------------------------ hosts

    def command(self) -> None:
        rng, verb, by, no = self.rng, self.rng.choice(VERBS), self.rng.choice(HOSTS), self.number()
        if verb in ("erase", "end") and rng.random() < 0.5:
            return
        text, more = str(no), dict[str, str]()
        if verb in SPOKEN and rng.random() < 0.8:
            self.spoken.append((no, self.mark()))
            text += f" {self.spoken[-1][1]}"
        match verb:
            case "move":
                text += " Q1"
            case "blackout":
                text = rng.choice(["on", "off"])
            case "ask" | "edit":
                text = "Q3 What else?"
            case "end":
                text = ""
            case "promote":
                more = {"choice": rng.choice(["no", "name", "first"])}
            case "preview":
                text, more = (
                    self.hour.entries[no].first.text.plain if self.hour.entries else "",
                    {"item": f"promote {no}"},
                )
        if not more and rng.random() < 0.1:
            self.hour.write(
                post(
                    f"h{self.mark()}",
                    f"@ours {verb} {text}",
                    by="wren",
                    mentions=("our:mastodon",),
                    reach="direct",
                )
            )
        elif verb in REACTIONS and rng.random() < 0.4:
            self.react(verb, by)
        else:
            self.hour.command(verb, text, by=by, forms=rng.random() < 0.5, **more)

    def react(self, verb: str, by: str) -> None:
        at = [
            Ref("slack", place) for place, c in self.hour.standing["slack"].items() if isinstance(c, Gathered)
        ]
        at += [p.ref for p in self.posts if p.ref.network == "slack"]
        if at:
            ref = self.rng.choice(at)
            act = f"slack {ref.id} x{verb} {by}"
            back = self.rng.random() < 0.4
            did = Command(verb, by, at=ref, once=act)
            undid = Command(REACTIONS[verb], by, at=ref, again=act)
            self.hour.arrive(undid if back else did, "slack")

    def press(self) -> None:
        asked = [button for notice in self.hour.notices() for button in notice.buttons]
        if asked:
            button = self.rng.choice(asked)
            said = Command(
                button.verb,
                self.rng.choice(HOSTS),
                button.chat,
                button.item,
                on=button.on,
                text=button.text,
                forms=True,
            )
            self.hour.event(Arrived("slack", said))
            self.hour.deliver()

    # ------------------------------------------------------------ the world

    def fail(self) -> None:
        self.hour.down ^= {self.rng.choice(NETWORKS)}
        self.hour.deliver()

    def wait(self) -> None:
        self.hour.until((self.hour.now - STARTS) / MINUTE + self.rng.choice([0.05, 0.2, 1, 4]))

    def rest(self) -> None:
        self.hour.down.clear()
        self.wait()
        self.hour.deliver()
        assert self.hour.queued == []


# ---------------------------------------------------------------- what must hold


def off(hour: Hour) -> None:
    """What hosts took off, or hold, is on no surface; what came in a blackout is not on the page."""
    page = repr(hour.session.view("handovers", "page", hour.now, every=True))
    room = repr([c for c in hour.standing["slack"].values() if isinstance(c, Gathered)])
    out = repr([c for standing in hour.standing.values() for c in standing.values() if isinstance(c, Words)])
    for entry in hour.entries.values():
        blocked = any(hour.session.state.people.of(a).blocked for p in entry.sources for a in writers(p))
        taken = entry.hidden or entry.held is not None or blocked
        for mark in MARK.findall(entry.first.text.plain):
            assert not (taken or entry.frozen) or mark not in page, (entry.no, "page")
            assert not taken or "slack" in hour.down or mark not in room, (entry.no, "room")
            assert not taken or hour.down or mark not in out, (entry.no, "sent out")


def forgotten(hour: Hour, what: Post) -> bool:
    """Whether somebody who wrote its words wants to be forgotten."""
    state = hour.session.state
    return any(state.people.of(account).forgotten for account in writers(signed(state, what)))


def gone(crowd: Crowd) -> set[str]:
    """The marks of what must be left nowhere."""
    state = crowd.hour.session.state
    erased = state.chats["handovers"].erased
    posts = [p for recorded in crowd.hour.events if (p := post_in(recorded.event)) is not None]
    uris = {uri for words in erased.values() for uri in words.uris}
    theirs = [p for p in posts if p.uri in uris or forgotten(crowd.hour, p)]
    said = {mark for no, mark in crowd.spoken if no in erased}
    return {mark for p in theirs for mark in MARK.findall(p.text.plain)} | (said - _asked(crowd))


def _asked(crowd: Crowd) -> set[str]:
    """What became a question stands everywhere: the hosts are told."""
    return {mark for item in crowd.hour.sheet.items for mark in MARK.findall(item.text)}


def _cards(content: Content) -> tuple[Card, ...]:
    return content.cards if isinstance(content, Gathered) else ()


def nowhere(crowd: Crowd, again: Session) -> None:
    hour, marks = crowd.hour, gone(crowd) - _asked(crowd)
    places = {
        "the journal": msgspec.json.encode(redacted(hour)).decode(),
        "the state": repr((hour.session.state, again.state)),
        "the networks": repr(hour.standing),
    }
    for place, words in places.items():
        assert not marks & set(MARK.findall(words)), place
    handles = {
        p.author.handle
        for recorded in hour.events
        if (p := post_in(recorded.event)) is not None and forgotten(hour, p)
    }
    for content in (c for standing in hour.standing.values() for c in standing.values()):
        shown = content.text if isinstance(content, Notice) else " ".join(c.handle for c in _cards(content))
        assert not handles & set(re.findall(r"[@\w.-]*\w", shown)), shown


def named(hour: Hour) -> None:
    """Where posts can be edited, a question names who asked it as they let it be seen."""
    for no, id_ in hour.session.state.chats["handovers"].promoted.items():
        item = hour.sheet.get(id_)
        assert item is not None
        assert not item.how or hour.entries[no].first.author.account == item.asker
        for network, order in item.crediting.items():
            place = hour.made.get(undotted(order), "")
            content = hour.standing[network].get(place) if network != "bluesky" else None
            if isinstance(content, Words):
                who = re.search(r"Asked by (.*?)\.", content.text.plain)
                assert (who[1] if who else "") == item.credit, (item, network)


def told_again(crowd: Crowd) -> None:
    """The journal tells the same chat, also when words have left it."""
    again = Session()
    for recorded in crowd.hour.events:
        again.decide(recorded)
    assert again.digest() == crowd.hour.session.digest()
    left = replayed(crowd.hour)
    same(crowd.hour, left)
    nowhere(crowd, left)


@pytest.mark.parametrize("seed", range(40))
def test_holds(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(120):
        crowd.act()
        off(crowd.hour)
    crowd.rest()
    off(crowd.hour)
    named(crowd.hour)
    told_again(crowd)
