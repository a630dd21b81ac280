"""The people of a simulated chat: what they write, edit, take back and ask, drawn from the seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Literal

from bridge.model import MINUTE, SECOND, Button, Command, Micros, Network, Notice, Words
from tests.simulation.capable import HOMES, ROOMS
from tests.simulation.clock import EPOCH, LAST, STARTS, VirtualClock
from tests.simulation.federation import SecondServer
from tests.simulation.network import Server
from tests.simulation.record import Person, Said

TAG = "#WardChat"
NETWORKS: tuple[Network, ...] = ("mastodon", "north", "bluesky", "slack")
POSTS = 25
TAPS = 12  # without an answer after which somebody gives up
PAIR = "Tomas Ferreira-Lund"  # has an account everywhere

Kind = Literal[
    "labelled",
    "plain",
    "answer",
    "reply",
    "off_topic",
    "limited",
    "direct",
    "nobridge",
    "link",
    "flood",
    "twins",
    "quote",
]
KINDS: dict[Kind, int] = {
    "labelled": 8,
    "plain": 5,
    "answer": 4,
    "reply": 4,
    "off_topic": 1,
    "limited": 1,
    "direct": 1,
    "nobridge": 1,
    "link": 1,
    "flood": 1,
    "twins": 2,
    "quote": 3,
}


class People:
    def __init__(self, seed: int, clock: VirtualClock, servers: dict[Network, Server]) -> None:
        self._rng = random.Random(f"people {seed}")
        self._clock, self._servers = clock, servers
        self._marks = 0
        self._everybody = {network: self._crowd(network) for network in NETWORKS}
        self._pair = {network: self._person(PAIR, network, "tomas") for network in NETWORKS}
        for network in ROOMS:
            servers[network].on_whisper.append(self._asked)
        self._plan()

    # ------------------------------------------------------------ who and when

    def _person(self, name: str, network: Network, short: str) -> Person:
        return Person(name, network, f"{network}:{short}", f"@{short}@{network}.example")

    def _crowd(self, network: Network) -> list[Person]:
        crowd = [self._person(f"Nurse {n} of {network}", network, f"nurse{n}") for n in range(5)]
        crowd[4].leaves = self._rng.random() < 0.6
        crowd[3].nobridge = EPOCH if self._rng.random() < 0.5 else None
        return crowd

    def _plan(self) -> None:
        rng = self._rng
        for _ in range(POSTS):
            at = STARTS + round(rng.triangular(-20, 95, 20) * MINUTE)
            kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
            self.at(at, lambda kind=kind: self._write(kind))  # type: ignore[misc]  # mypy cannot infer a default
        for network in NETWORKS:
            if (leaver := self._everybody[network][4]).leaves:
                self.at(STARTS + rng.randint(15, 80) * MINUTE, lambda p=leaver: self._leave(p))  # type: ignore[misc]
            if rng.random() < 0.4:
                self.at(STARTS + rng.randint(5, 80) * MINUTE, lambda n=network: self._opt_out(n))  # type: ignore[misc]
            if rng.random() < 0.4:
                self.at(STARTS + rng.randint(5, 80) * MINUTE, lambda n=network: self._command(n, "stop"))  # type: ignore[misc]
            if rng.random() < 0.3:
                self.at(STARTS + rng.randint(5, 80) * MINUTE, lambda n=network: self._command(n, "forget me"))  # type: ignore[misc]

    def at(self, when: Micros, do: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later((when - self._clock.now()) / SECOND, do)

    # ------------------------------------------------------------ writing

    def _write(self, kind: Kind) -> None:
        rng = self._rng
        server = self._servers[rng.choice(NETWORKS)]
        someone = rng.choice(self._everybody[server.name])
        room = server.name in ROOMS
        match kind:
            case "labelled":
                label = rng.randint(1, 3)
                self._post(server, someone, f"A{label}. {{words}} {TAG}", label=label)
            case "plain":
                self._post(server, someone, f"{{words}} {TAG}")
            case "answer" if copies := self._copies(server):
                self._post(server, someone, "{words}", tagged=room, reply_to=rng.choice(copies))
            case "reply" if parents := self._parents(server):
                parent = rng.choice(parents)
                parent.keep = True
                self._post(server, someone, "{words}", tagged=room, reply_to=parent.id)
            case "quote" if quoted := [*self._copies(server), *(s.id for s in self._parents(server))]:
                above = rng.choice(quoted)
                if above in server.said:
                    server.said[above].keep = True
                self._post(server, someone, "{words}", tagged=room, quote=above)
                server.count("quoted")
            case "off_topic" if not room:
                self._post(server, someone, "{words}", tagged=False)
            case "limited" | "direct" if not room:
                self._post(server, someone, f"A1. {{words}} {TAG}", reach=kind)
            case "nobridge":
                self._post(server, someone, f"{{words}} {TAG} #nobridge", nobridge=True)
            case "link":
                stranger = self._person("Somebody New", server.name, f"new{self._marks}")
                words = f"{{words}} https://elsewhere.example/{self._marks} {TAG}"
                self._post(server, stranger, words, link=True)
            case "flood":
                for n in range(8):
                    again = self._clock.now() + n * 3 * SECOND
                    self.at(again, lambda: self._go_on(server, someone))
            case "twins":
                self._twins()
            case _:
                self._post(server, someone, f"{{words}} {TAG}")

    def _twins(self) -> None:
        """The same words by the same person on two networks."""
        one, other = self._rng.sample([n for n in NETWORKS if n not in HOMES], 2)
        mark = self._mark()
        words = f"{mark} the handover went well because we wrote down what we promised each other {TAG}"
        for network, after in ((one, 0), (other, self._rng.randint(1, 200))):
            server = self._servers[network]
            when = self._clock.now() + after * SECOND
            self.at(when, lambda s=server: self._add(s, self._pair[s.name], words, mark, twin=True))  # type: ignore[misc]

    def _mark(self) -> str:
        """A word for `record.MARK` to find."""
        self._marks += 1
        return f"w{self._marks}w"

    def _words(self, pattern: str) -> tuple[str, str]:
        mark = self._mark()
        filler = " ".join(self._rng.choices(("we", "meet", "often", "listen", "first", "café", "👩🏽‍⚕️"), k=4))
        return pattern.format(words=f"{mark} {filler}"), mark

    def _post(self, server: Server, by: Person, pattern: str, **more: object) -> None:
        text, mark = self._words(pattern)
        said = self._add(server, by, text, mark, **more)
        rng = self._rng
        if said.reach in ("public", "room") and rng.random() < 0.3:
            for n in range(rng.randint(1, 2)):
                after = round(rng.choice((3, 20, 200, 1000)) * rng.uniform(1, 2) * (n + 1)) * SECOND
                self.at(said.at + after, lambda: self._edit(server, said, pattern))
        if rng.random() < 0.2:
            after = round(rng.choice((2, 30, 600)) * rng.uniform(1, 2)) * SECOND
            self.at(said.at + after, lambda: self._delete(server, said))

    def _add(self, server: Server, by: Person, text: str, mark: str, **more: object) -> Said:
        reach = "room" if server.name in ROOMS else "public"
        given = {"reach": reach, "tagged": True} | more
        said = Said(server.name, server.new_id(), by, self._clock.now(), text, [mark], **given)  # type: ignore[arg-type]
        server.write(said)
        if said.twin and self._rng.random() < 0.25:
            pattern = text.replace(mark, "{words}")
            self.at(said.at + 400 * SECOND, lambda: self._edit(server, said, pattern))
        return said

    def _edit(self, server: Server, said: Said, pattern: str) -> None:
        if said.deleted is None and self._clock.now() < STARTS + LAST:
            server.edit(said, *self._words(pattern))

    def _delete(self, server: Server, said: Said) -> None:
        if said.deleted is None and not said.keep:
            server.delete(said)

    # ------------------------------------------------------------ what there is to reply to

    def _copies(self, server: Server) -> list[str]:
        """Posts of ours that anybody may reply to: what the run sheet says, and what hosts reply."""
        home = server.home if isinstance(server, SecondServer) else server
        answered = {s.id for s in home.said.values() if not s.command}
        copies = [
            o.id
            for o in home.live()
            if isinstance(o.content, Words) and (o.reply_to is None or o.reply_to in answered)
        ]
        return copies if home is server else [f"n-{id_}" for id_ in copies if server.heard.get(f"n-{id_}")]

    def _go_on(self, server: Server, someone: Person) -> None:
        """One more post, unless their account is gone by now."""
        if someone in self._everybody[server.name]:
            self._post(server, someone, f"{{words}} {TAG}")

    def _leave(self, someone: Person) -> None:
        """They delete their account, some after a last word."""
        server = self._servers[someone.network]
        self._everybody[someone.network].remove(someone)
        if self._rng.random() < 0.7:
            self._post(server, someone, f"{{words}} {TAG}")
        self.at(self._clock.now() + self._rng.randint(1, 20) * SECOND, lambda: server.leave(someone))

    def _parents(self, server: Server) -> list[Said]:
        return [
            s
            for s in server.said.values()
            if s.deleted is None
            and s.reach in ("public", "room")
            and (s.tagged or s.reply_to or s.quote)
            and not s.command
            and not s.by.leaves
        ]

    # ------------------------------------------------------------ what people ask of the bridge

    def _opt_out(self, network: Network) -> None:
        """A profile says #nobridge from now on."""
        someone = self._everybody[network][2]
        someone.nobridge = self._clock.now()
        self._servers[network].profile(someone)

    def _command(self, network: Network, words: str) -> None:
        someone = self._everybody[network][words == "stop"]
        reach = "room" if network in ROOMS else "direct"
        self._add(
            self._servers[network],
            someone,
            words,
            f"command{network}",
            reach=reach,
            tagged=False,
            command=words,
        )
        someone.stopped = True
        someone.forgotten = words == "forget me"

    # ------------------------------------------------------------ what the bridge asks of them

    def _asked(self, account: str, notice: Notice) -> None:
        """Shall your words stand on the page? Many never answer, nobody answers twice."""
        everybody = [p for network in ROOMS for p in (*self._everybody[network], self._pair[network])]
        someone = next((p for p in everybody if p.account == account), None)
        if someone is None or someone.consent or someone.tapping or self._rng.random() < 0.4:
            return
        button = self._rng.choice(notice.buttons)
        someone.tapping = True
        self._tap(someone, button, 0)

    def _tap(self, someone: Person, button: Button, tries: int) -> None:
        """Tap until it is answered."""
        server, where = self._servers[someone.network], f"{someone.account} tap {tries}"
        command = Command(button.verb, someone.account, button.chat, button.item, answer=where)
        server.log(server.name, "tap", someone.account, button.item)
        server.press(command)

        def look() -> None:
            if where in server.answers:
                someone.consent, someone.tapping = button.item, False  # type: ignore[assignment]  # one of its words
            elif tries < TAPS:
                self._tap(someone, button, tries + 1)

        self.at(self._clock.now() + self._rng.randint(10, 90) * SECOND, look)
