"""The worked example of the contract: an adapter for the hall (`hall.py`), without sockets.

Between the two only bytes and answers go, as over a wire. Real ones differ in size, not in kind.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from bridge.errors import NeedsLogin, Unreachable
from bridge.model import (
    Absent,
    Author,
    AuthorKnown,
    Beat,
    Capabilities,
    Cursor,
    Echoed,
    Edited,
    Endorse,
    Found,
    Inbound,
    Interest,
    Limits,
    Malformed,
    Media,
    Network,
    Opened,
    Order,
    Outcome,
    Post,
    Publish,
    Ref,
    Refused,
    Removed,
    Retract,
    RetryLater,
    Sent,
    Text,
    Unclear,
    Unknown,
    Update,
    What,
    Wishes,
    Words,
    Written,
)
from bridge.ports import Adapter, Clock, SessionStore, Terminal
from bridge.text import hashtags, tame, tamed
from tests.conformance.hall import CLOSED, HALLS, Answered


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    hall: str


class HallPlatform:
    title = "Hall"
    settings: type[msgspec.Struct] = Settings
    secrets: tuple[str, ...] = ("token",)
    limits = Limits(300)
    mirror = False
    handle = (r"@[\w-]+", "@nurse-01")

    def __init__(self, resend: Literal["same_key", "look_first"], link: type[HallLink] | None = None) -> None:
        self._resend, self._link = resend, link or HallLink

    def create(self, name: Network, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Adapter:
        return HallAdapter(name, self._link, self._resend, settings.hall, secrets["token"], clock)

    async def login(
        self, name: Network, settings: Any, terminal: Terminal, clock: Clock
    ) -> Mapping[str, str]:
        return {"token": await terminal.ask("The hall's token: ", secret=True)}


class HallAdapter:
    def __init__(
        self, name: Network, link: type[HallLink], resend: Literal["same_key", "look_first"], *given: Any
    ) -> None:
        self.name = name
        self._link, self._resend, self._given = link, resend, given

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[HallLink]:
        able = Capabilities(Limits(300), self._resend, None, 30.0, edits=True, endorses=True)
        link = self._link(Opened(self.name, "hall:bridge", "@bridge", able), *self._given)
        await link.ask("replies", post="")  # as good as a login
        try:
            yield link
        finally:
            link.close()


class HallLink:
    """The link. A cursor is the number of frames read."""

    def __init__(self, opened: Opened, hall: str, token: str, clock: Clock) -> None:
        self.opened = opened
        self._hall, self._token, self._clock = hall, token, clock
        self._interest = Interest()
        self._open = True
        self._wake = asyncio.Event()
        self._unread: dict[Ref, None] = {}  # followed threads whose replies are still to be fetched
        self._known: set[str] = set()  # authors reported

    def close(self) -> None:
        self._open = False

    async def ask(self, verb: str, **given: Any) -> Any:
        """One request, with everything that is not an answer made a LinkError."""
        try:
            return await self._request(verb, **given)
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"{self.opened.network} does not answer: {type(error).__name__}") from error
        except Answered as error:
            if error.status == 401:
                raise NeedsLogin(f"{self.opened.network} refuses the token: make a new one") from error
            raise Unreachable(f"{self.opened.network}: {error}") from error

    async def _request(self, verb: str, **given: Any) -> Any:
        if not self._open:
            raise ConnectionRefusedError("the link is closed")
        async with asyncio.timeout(self._clock.timeout(10)):
            return await HALLS[self._hall].request(self._token, verb, **given)

    # ------------------------------------------------------------ reading

    async def follow(self, interest: Interest) -> None:
        self._unread.update(dict.fromkeys(set(interest.threads) - set(self._interest.threads)))
        self._interest = interest
        self._wake.set()

    async def acknowledge(self, cursor: Cursor) -> None:
        pass  # the hall keeps its log for ever

    async def inbound(self, after: Cursor | None) -> AsyncIterator[Inbound]:
        await self.ask("replies", post="")
        number = int(after or 0)
        socket = HALLS[self._hall].connect(number)
        while True:
            while self._unread:
                thread = next(iter(self._unread))
                for frame in await self.ask("replies", post=thread.id):
                    for what in self._read(frame):
                        yield Inbound(self.opened.network, what)
                self._unread.pop(thread, None)
            frame = await self._next(socket)
            if frame is None:
                continue
            if frame == CLOSED:
                await self.ask("replies", post="")  # says why
                raise Unreachable(f"{self.opened.network} closed the stream")
            number += 1
            whats = list(self._read(frame)) or [Beat()]
            for what in whats[:-1]:
                yield Inbound(self.opened.network, what)
            yield Inbound(self.opened.network, whats[-1], str(number))

    async def _next(self, socket: asyncio.Queue[bytes]) -> bytes | None:
        """The next frame, or None if a thread is to be read first."""
        self._wake.clear()
        if not socket.empty():
            return socket.get_nowait()
        waiting = {asyncio.ensure_future(socket.get()), asyncio.ensure_future(self._wake.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return next((r for t in waiting if t.done() and isinstance(r := t.result(), bytes)), None)
        finally:
            for task in waiting:
                task.cancel()

    def _read(self, frame: bytes) -> Iterable[What]:
        try:
            payload = json.loads(frame)
            post = self._post(payload)
        except (ValueError, KeyError) as error:
            yield Malformed(frame, str(error))
            return
        if payload["event"] == "gone":
            yield Removed(post.ref)
        elif payload["ours"]:
            yield Echoed(int(payload["raw"]["key"]), post.ref, post.uri)
        elif self._wanted(post):
            if post.author.account not in self._known:
                self._known.add(post.author.account)
                yield AuthorKnown(post.author.account, Wishes("#nobridge" in payload["profile"].split()))
            yield Edited(post) if payload["event"] == "edit" else Written(post)

    def _wanted(self, post: Post) -> bool:
        return self._interest.wants(post, self.opened.account)

    def _post(self, payload: dict[str, Any]) -> Post:
        network, parent = self.opened.network, payload["reply_to"]
        quote = payload["quote"]
        return Post(
            Ref(network, payload["id"]),
            f"hall:{payload['id']}",
            Author(f"hall:{payload['author']}", f"@{payload['author']}"),
            tamed(Text(payload["text"])),
            payload["at"],
            payload["at"],
            edited=payload["raw"]["edited"],
            reach=payload["reach"],
            reply_to=Ref(network, parent) if parent else None,
            quotes=(Ref(network, quote),) if quote else (),
            warning=tame(payload["warning"] or "") or None,
            tags=hashtags(payload["text"]),
        )

    async def reread(self, refs: Iterable[Ref]) -> AsyncIterator[Inbound]:
        for ref in refs:
            frame = await self.ask("read", post=ref.id)
            for what in self._read(frame) if frame else (Removed(ref),):
                yield Inbound(self.opened.network, what)

    # ------------------------------------------------------------ writing

    async def send(self, order: Order) -> Outcome:
        try:
            match order.op:
                case Publish(Words(text, media=media), reply_to):
                    parent = reply_to.id if isinstance(reply_to, Ref) else None
                    for one in media:
                        if why := await asyncio.to_thread(_unlike, one):
                            return Refused(why)
                    answer = await self._request(
                        "publish",
                        text=text.plain,
                        reply_to=parent,
                        key=str(order.stamp),
                        pictures=tuple(one.alt for one in media),
                    )
                    return self._sent(answer["id"])
                case Endorse(target, kind):
                    await self._request("endorse", post=target.id, kind=kind, on=True)
                    return self._sent(f"{kind}:{target.id}")
                case Retract(Ref(id=id_)) if ":" in id_:
                    what, _, post = id_.partition(":")
                    await self._request("endorse", post=post, kind=what, on=False)
                    return self._sent(id_)
                case Update(Ref(id=post), Words(text)):
                    await self._request("change", post=post, text=text.plain)
                    return self._sent(post)
                case Retract(Ref(id=post)):
                    await self._request("remove", post=post)
                    return self._sent(post)
            return Refused(f"{self.opened.network} shows words only")
        except Answered as error:
            return self._refusal(error)
        except ConnectionRefusedError:
            return RetryLater(15, "no connection")
        except (OSError, TimeoutError) as error:
            return Unclear(f"no answer: {type(error).__name__}")

    def _refusal(self, error: Answered) -> Outcome:
        match error.status:
            case 401:
                raise NeedsLogin(f"{self.opened.network} refuses the token: make a new one") from error
            case 429:
                return RetryLater(error.after, str(error))
            case 404:
                return Refused("the post is gone")
            case 422:
                return Refused("the text is too long")
        return Unclear(str(error))

    def _sent(self, post: str) -> Sent:
        return Sent(Ref(self.opened.network, post), f"hall:{post}")

    async def find(self, order: Order) -> Found | Absent | Unknown:
        match order.op:
            case Publish():
                post = await self.ask("look", key=str(order.stamp))
                return Found((self._sent(post),)) if post else Absent()
            case Update(Ref(id=post), Words(text)):
                frame = await self.ask("read", post=post)
                return (
                    Found((self._sent(post),))
                    if frame and json.loads(frame)["text"] == text.plain
                    else Absent()
                )
            case Endorse(target, kind):
                given = await self.ask("endorsed", post=target.id, kind=kind)
                return Found((self._sent(f"{kind}:{target.id}"),)) if given else Absent()
            case Retract(Ref(id=id_)) if ":" in id_:
                what, _, post = id_.partition(":")
                given = await self.ask("endorsed", post=post, kind=what)
                return Absent() if given else Found((self._sent(id_),))
            case Retract(Ref(id=post)):
                return Absent() if await self.ask("read", post=post) else Found((self._sent(post),))
        return Unknown("not an order of this network")


def _unlike(media: Media) -> str:
    """Why a picture cannot be posted; "" if it is what it was when the config was read."""
    path = Path(unquote(urlsplit(media.url).path))
    try:
        changed = media.digest not in ("", hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return f"{path} has changed since the config was read" if changed else ""
