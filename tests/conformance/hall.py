"""The worked example's stage: a network in memory, reached without sockets.

It does what any stand-in server does: keeps every post, refuses what is too long, honours keys, streams
frames from a log that can be resumed anywhere, and fails when told to.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bridge.text import count
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.stage import Draft, Person, Reach, Said

CLOSED = b""  # the last frame of a stream
CAPACITY = 10_000


class Answered(Exception):
    """The server said no: a status as in HTTP."""

    def __init__(self, status: int, after: float = 0.0) -> None:
        self.status, self.after = status, after
        super().__init__(f"the hall answered {status}")


class Hall:
    """The stage: keeps every post, and a log of frames from which a stream can be resumed."""

    token = "hall-token-0123456789abcdef0123456789abcdef"

    def __init__(self, network: str, clock: Clock, faults: Faults, options: dict[str, Any]) -> None:
        self.network, self.said = network, dict[str, Said]()
        self.on_ours: list[Callable[[Said], None]] = []
        self.people = {"bridge": Person("bridge", "The bridge", network)}
        self._clock, self._faults, self._tag = clock, faults, options["tag"]
        self._log: list[bytes] = []
        self._held: bytes | None = None
        self._sockets: list[asyncio.Queue[bytes]] = []
        self._by_key: dict[str, str] = {}

    async def start(self) -> None:
        HALLS[self.network] = self

    async def stop(self) -> None:
        del HALLS[self.network]

    def access(self) -> dict[str, Any]:
        return {"table": {"hall": self.network}, "secrets": {"TOKEN": self.token}}

    # ------------------------------------------------------------ people

    def join(self, person: Person) -> str:
        person.account = person.handle
        self.people[person.handle] = person
        return f"@{person.handle}"

    def write(self, person: Person, draft: Draft) -> str:
        text = draft.text if draft.tag == "none" else f"{draft.text} #{self._tag}"
        reach: Reach = "direct" if draft.place == "direct" else draft.reach
        return self._add(person.handle, text, draft.reply_to, reach, draft=draft)

    def edit(self, person: Person, post: str, text: str) -> None:
        self._change(post, text)

    def delete(self, person: Person, post: str) -> None:
        late = not self.said[post].deleted and self._faults.hit(self.network, "delete_first")
        frame = self._frame("post", self.said[post])
        self._remove(post)
        if late:
            self._emit(frame)

    def leave(self, person: Person) -> None:
        for said in self.said.values():
            if said.author == person.handle and not said.deleted:
                self._remove(said.id)

    def find_control(self, verb: str) -> list[dict[str, Any]]:
        return []

    def use_control(self, person: Person, control: dict[str, Any]) -> bool:
        return False

    # ------------------------------------------------------------ the wire

    async def request(self, token: str, verb: str, **given: Any) -> Any:
        """One request of the bridge's: `Answered` for a refusal, ConnectionError for a broken connection."""
        hit = self._faults.hit
        if self._faults.active(self.network, "outage"):
            self._drop()
            raise ConnectionRefusedError
        if token != self.token or self._faults.active(self.network, "token_revoked"):
            raise Answered(401)
        changes = verb in ("publish", "change", "remove", "endorse")
        if changes and hit(self.network, "rate_limited"):
            raise Answered(429, after=7.0)
        if changes and hit(self.network, "server_error"):
            raise Answered(500)
        answer = getattr(self, f"_on_{verb}")(**given)
        if changes and hit(self.network, "slow"):
            await self._clock.sleep(45)
        if changes and hit(self.network, "answer_lost"):
            raise ConnectionResetError
        return answer

    def connect(self, after: int) -> asyncio.Queue[bytes]:
        """A stream of what comes after frame number `after`; an empty frame closes it."""
        socket: asyncio.Queue[bytes] = asyncio.Queue(CAPACITY)
        for frame in self._log[after:]:
            socket.put_nowait(frame)
        self._sockets.append(socket)
        return socket

    def _on_publish(
        self, text: str, reply_to: str | None, key: str, pictures: tuple[str, ...]
    ) -> dict[str, Any]:
        if count(text) > 300:
            raise Answered(422)
        if key not in self._by_key:
            self._by_key[key] = self._add("bridge", text, reply_to, "public", key=key, pictures=pictures)
        return asdict(self.said[self._by_key[key]])

    def _on_change(self, post: str, text: str) -> dict[str, Any]:
        self._change(post, text)
        return asdict(self.said[post])

    def _on_remove(self, post: str) -> None:
        if not self.said[post].deleted:
            self._remove(post)

    def _on_endorse(self, post: str, kind: str, *, on: bool) -> None:
        if self.said[post].deleted:
            raise Answered(404)
        who = self._endorsed(post, kind)
        (who.add if on else who.discard)("bridge")

    def _on_endorsed(self, post: str, kind: str) -> bool:
        return "bridge" in self._endorsed(post, kind)

    def _endorsed(self, post: str, kind: str) -> set[str]:
        return self.said[post].liked if kind == "like" else self.said[post].boosted

    def _on_look(self, key: str) -> str | None:
        return self._by_key.get(key)

    def _on_read(self, post: str) -> bytes | None:
        return None if self.said[post].deleted else self._frame("edit", self.said[post])

    def _on_replies(self, post: str) -> list[bytes]:
        return [self._frame("post", s) for s in self.said.values() if s.reply_to == post and not s.deleted]

    # ------------------------------------------------------------ posts and frames

    def _add(
        self,
        author: str,
        text: str,
        reply_to: str | None,
        reach: Reach,
        *,
        key: str = "",
        draft: Draft | None = None,
        pictures: tuple[str, ...] = (),
    ) -> str:
        said = Said(
            self.network,
            f"p{len(self.said)}",
            author,
            text,
            self._clock.now(),
            time.monotonic(),
            bool(key),
            reply_to,
            reach,
            warning=draft.warning if draft else None,
            pictures=draft.pictures if draft else pictures,
            quote=draft.quote if draft else None,
            raw={"key": key, "edited": 0},
        )
        self.said[said.id] = said
        self._emit(self._frame("post", said))
        self._tell(said)
        return said.id

    def _change(self, post: str, text: str) -> None:
        said = self.said[post]
        said.history.append(said.text)
        said.text, said.edited = text, True
        said.raw["edited"] = max(said.raw["edited"] + 1, self._clock.now())
        self._emit(self._frame("edit", said))
        self._tell(said)

    def _remove(self, post: str) -> None:
        self.said[post].deleted = True
        self._emit(self._frame("gone", self.said[post]))

    def _tell(self, said: Said) -> None:
        for call in self.on_ours if said.ours else ():
            call(said)

    def _frame(self, event: str, said: Said) -> bytes:
        profile = self.people[said.author].profile
        return json.dumps({"event": event, "profile": profile, **asdict(said)}, default=sorted).encode()

    def _emit(self, frame: bytes) -> None:
        """Frames carry no number: a client counts them. Swapping, repeating and rubbish happen before."""
        hit = self._faults.hit
        if self._held is None and hit(self.network, "reordered"):
            self._held = frame
            return
        frames = [frame] if self._held is None else [frame, self._held]
        self._held = None
        for sent in frames:
            repeats = 2 if hit(self.network, "duplicated") else 1
            rubbish = [b'{"event": "post", '] if hit(self.network, "bad_payload") else []
            self._log += rubbish + [sent] * repeats
            for socket in self._sockets:
                for each in rubbish + [sent] * repeats:
                    socket.put_nowait(each)
        if hit(self.network, "socket_dropped"):
            self._drop()

    def _drop(self) -> None:
        while self._sockets:
            self._sockets.pop().put_nowait(CLOSED)


HALLS: dict[str, Hall] = {}  # what a network's name resolves to
