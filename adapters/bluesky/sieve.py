"""What of the whole network's traffic is for us. Pure: frames and views in, things to report out.

Jetstream sends every post of Bluesky, hundreds a second. A frame is looked at as bytes first: its head tells
collection and record; then one search for the tag, our DID or handle, and for the posts it refers to. Only what
passes is decoded.

Posts come out without their author's name and profile; `convert.signed` adds them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from adapters.bluesky import convert, frames, ids
from adapters.bluesky.convert import Json, Profile
from adapters.bluesky.frames import Commit, Frame, Status
from adapters.bluesky.memory import Bounded
from bridge.model import (
    MINUTE,
    AuthorGone,
    AuthorKnown,
    Echoed,
    Edited,
    Inbound,
    Interest,
    Malformed,
    Micros,
    Network,
    Post,
    Ref,
    Removed,
    What,
    Written,
)

KEPT = 10 * MINUTE  # how long a reply waits for its thread to be followed
_POSTS = re.compile(rb'"(at://did:[^"/]+/app\.bsky\.feed\.post/[^"]+)"')
_POST = ids.POST.encode()
_GONE = ("deleted", "deactivated", "takendown", "suspended")  # of an account that is not active
_SHOWN_AT_ONCE = 5_000_000  # a post indexed later than this after it was made was probably edited


class Known(msgspec.Struct):
    """A post that was delivered: its CIDs, the newest last, and when it was last edited."""

    cids: list[str]
    edited: Micros


class Sieve:
    """Decides what belongs to the interest and remembers, within bounds, what it needs for that: posts
    delivered, replies nobody asked for yet, removals, and the strong references replies are made of."""

    def __init__(self, network: Network, ours: Profile) -> None:
        self.network = network
        self.ours = ours
        self.interest = Interest()
        self.time_us: Micros = 0  # of the newest frame
        self.first_us: Micros = 0  # of the oldest frame we have seen or still keep
        self.strong: Bounded[str, tuple[str, tuple[str, str]]] = Bounded(
            10_000
        )  # uri -> cid, root (uri, cid)
        self.authors: Bounded[str, None] = Bounded(20_000)
        self.doubtful: dict[str, None] = {}  # posts whose present state has to be asked for
        self.renamed: set[str] = set()  # authors who may have another handle now
        self.answered: Bounded[str, None] = Bounded(5_000)  # posts that have a reply or a quote
        self._left: Bounded[str, None] = Bounded(5_000)  # accounts that are gone, perhaps not for good
        self._hidden: Bounded[str, frozenset[str]] = Bounded(1_000)  # our thread -> replies we hid there
        self._known: Bounded[str, Known] = Bounded(20_000)
        self._gone: Bounded[str, str] = Bounded(20_000)  # uri -> rev of the commit that removed it
        self._kept: deque[tuple[Micros, list[bytes], bytes]] = deque(maxlen=5_000)
        self._threads: frozenset[bytes] = frozenset()
        self._needles: tuple[bytes, ...] = ()
        self._fold: Callable[[bytes], bytes] = bytes.lower

    # ------------------------------------------------------------ the interest

    def follow(self, interest: Interest) -> list[Inbound]:
        """Change what is delivered; gives what had already come to threads that are new."""
        tags = [tag.casefold() for tag in interest.tags]
        needles = [*tags, self.ours.did, *([self.ours.handle] if self.ours.handle else [])]
        self._fold = bytes.lower if all(tag.isascii() for tag in tags) else _fold
        self._needles = tuple(needle.encode() for needle in needles)
        threads = frozenset(ref.id.encode() for ref in interest.threads)
        new = threads - self._threads
        self.interest, self._threads = msgspec.structs.replace(interest, tags=tuple(tags)), threads
        for thread in new:
            if address := ids.address(thread.decode()):
                self.authors[address.did] = None
        gone = [uri for thread in new if (uri := thread.decode()) in self._gone]
        out = [self._report(Removed(Ref(self.network, uri))) for uri in gone]
        for _, uris, raw in list(self._kept):
            if not new.isdisjoint(uris):
                out += self._decoded(raw)
        return out

    def belongs(self, post: Post) -> bool:
        """Whether a post bears the tag, replies to or quotes what is followed, or speaks to us."""
        if post.seen < self.interest.since:
            return False
        if self.ours.did in post.mentions or not set(post.tags).isdisjoint(self.interest.tags):
            return True
        return any(
            ref.id.encode() in self._threads for ref in (post.reply_to, post.root, *post.quotes) if ref
        )

    # ------------------------------------------------------------ Jetstream

    def take(self, raw: bytes) -> Iterable[Inbound]:
        """What one frame of Jetstream has for us; mostly nothing."""
        try:
            return self._taken(raw)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            return [self._report(Malformed(raw[:65_536], f"a frame that cannot be read: {error!r}"))]

    def _taken(self, raw: bytes) -> Iterable[Inbound]:
        head = frames.head(raw)
        if head is None:
            return self._decoded(raw)
        self._saw(head.time_us)
        if head.collection != _POST:
            return self._decoded(raw) if head.author in self.authors or head.author == self.ours.did else ()
        if head.operation == b"delete":
            return self._removed(head.uri, head.rev.decode())
        if head.operation == b"update" and self._ours_to_tell(head.uri):
            return self._decoded(raw)
        return self._searched(raw)

    def _searched(self, raw: bytes) -> Iterable[Inbound]:
        """A post, by what stands in its bytes; if it may concern a thread not followed yet, it is kept, even if it
        was told because it speaks to us: that alone makes it no part of a chat."""
        folded = self._fold(raw)
        uris = _POSTS.findall(raw) if b'"at://' in raw else []
        wanted = not self._threads.isdisjoint(uris)
        for needle in self._needles:
            wanted = wanted or needle in folded
        found = self._decoded(raw) if wanted else []
        if uris and self._threads.isdisjoint(uris):
            self._kept.append((self.time_us, uris, raw))
        return found

    def _saw(self, time_us: Micros) -> None:
        self.first_us = self.first_us or time_us
        self.time_us = max(self.time_us, time_us)
        while self._kept and self._kept[0][0] < self.time_us - KEPT:
            self._kept.popleft()
        if len(self._kept) == self._kept.maxlen:
            self.first_us = self._kept[0][0]

    def _decoded(self, raw: bytes) -> list[Inbound]:
        frame = frames.decoded(raw)
        self._saw(frame.time_us)
        if frame.commit is not None and frame.commit.collection == ids.POST:
            return self._post(frame, frame.commit)
        if frame.did == self.ours.did:
            if frame.commit is not None and frame.commit.collection == ids.GATE:
                self._gate(frame.commit)
            return []
        if frame.did not in self.authors:
            return []
        if frame.kind == "identity":
            self.renamed.add(frame.did)
        elif frame.account is not None:
            return self._account(frame.did, frame.account)
        elif frame.commit is not None and frame.commit.collection == ids.PROFILE:
            return [self._report(AuthorKnown(frame.did, convert.wishes(frame.commit.record or {})))]
        return []

    def _account(self, did: str, now: Status) -> list[Inbound]:
        if now.active and did in self._left:
            del self._left[did]
            self.doubtful |= dict.fromkeys(uri for uri in self._known if uri.startswith(f"at://{did}/"))
        if now.active or now.status not in _GONE:
            return []
        self._left[did] = None
        return [self._report(AuthorGone(did))]

    def _gate(self, commit: Commit) -> None:
        """The hosts hid replies, or let them be seen again, in the app: the page follows."""
        self._hide(ids.uri(self.ours.did, commit.rkey), convert.hidden(commit.record or {}))

    def _hide(self, thread: str, replies: frozenset[str]) -> None:
        changed = replies ^ self._hidden.get(thread, frozenset())
        self._hidden[thread] = replies
        self.doubtful |= dict.fromkeys(uri for uri in changed if self._ours_to_tell(uri))

    def _post(self, frame: Frame, commit: Commit) -> list[Inbound]:
        uri = ids.uri(frame.did, commit.rkey)
        if commit.operation == "delete":
            return self._removed(uri, commit.rev)
        if uri in self._gone:
            if commit.rev <= self._gone[uri]:  # told late: the post is gone already
                return [self._report(Removed(Ref(self.network, uri)))]
            del self._gone[uri]
        payload = {"uri": uri, "cid": commit.cid, "record": commit.record}
        self._remember(payload)
        if frame.did == self.ours.did:
            return self._echo(payload)
        edited = frame.time_us if commit.operation == "update" else 0
        post = self._read(payload, frame.time_us, edited)
        if post is None or not (self.belongs(post) or (edited and self._ours_to_tell(uri))):
            return []
        return [self._deliver(Edited(post) if edited else Written(post))]

    def _removed(self, uri: str, rev: str) -> list[Inbound]:
        self._gone[uri] = rev
        self.strong.pop(uri, None)
        address = ids.address(uri)
        if not self._ours_to_tell(uri) or (address and address.did == self.ours.did):
            return []
        return [self._report(Removed(Ref(self.network, uri)))]

    def _ours_to_tell(self, uri: str) -> bool:
        return uri in self._known or uri.encode() in self._threads

    def _echo(self, payload: Json) -> list[Inbound]:
        address = ids.address(payload["uri"])
        record = payload.get("record") or {}
        stamp = ids.stamp_of(address.rkey, str(record.get("createdAt"))) if address else None
        if stamp is None:
            return []
        uri = payload["uri"]
        return [self._report(Echoed(stamp, Ref(self.network, uri), uri, str(payload.get("cid", ""))))]

    # ------------------------------------------------------------ the AppView

    def view(self, view: Json, again: bool = False) -> list[Inbound]:
        """What a post seen in an answer of the AppView has for us. `again`: say it even if it was delivered.

        The AppView may show an older version than Jetstream has told: one we had before is not reported.
        """
        try:
            return self._viewed(view, again)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return [
                self._report(
                    Malformed(repr(view).encode()[:65_536], f"a post that cannot be read: {error!r}")
                )
            ]

    def _viewed(self, view: Json, again: bool) -> list[Inbound]:
        uri = str(view.get("uri"))
        address = ids.address(uri)
        known = self._known.get(uri)
        if address is None:
            return []
        if uri in self._gone:  # the AppView lags behind the stream
            return [self.missing(uri)] if again else []
        if convert.is_taken_down(view):
            return [self.missing(uri)] if again or known is not None else []
        if address.did == self.ours.did:
            self._remember(view)
            if uri not in self._hidden:  # what the stream told is newer
                self._hide(uri, convert.hidden((view.get("threadgate") or {}).get("record") or {}))
            if known is not None and not again:
                return []
            self._known[uri] = Known([str(view.get("cid"))], 0)
            return self._echo(view)
        cid = str(view.get("cid"))
        if known is not None and (cid in known.cids[:-1] or (cid == known.cids[-1] and not again)):
            return []
        seen = ids.micros(view.get("indexedAt")) or ids.time_of(address.rkey) or self.time_us
        made = ids.time_of(address.rkey) or seen
        late = seen if seen - made > _SHOWN_AT_ONCE else 0
        edited = late if known is None else known.edited if cid == known.cids[-1] else seen
        self._remember(view)
        root = ids.address(self.strong[uri][1][0])
        if root and self.is_ours(root.uri) and root.uri not in self._hidden and root.uri not in self._gone:
            self.doubtful[root.uri] = None  # whether it is hidden there is not known yet
        post = self._read(view, made if edited else seen, edited)
        if post is None or not (again or known is not None or self.belongs(post)):
            return []
        return [self._deliver(Edited(post) if again or known is not None else Written(post))]

    def missing(self, uri: str) -> Inbound:
        """A post that is certainly gone."""
        self._gone.setdefault(uri, "")
        self.strong.pop(uri, None)
        return self._report(Removed(Ref(self.network, uri)))

    def is_ours(self, uri: str) -> bool:
        return uri.startswith(f"at://{self.ours.did}/")

    def is_known(self, uri: str) -> bool:
        """Whether the post was delivered through this link."""
        return uri in self._known

    def doubt(self) -> None:
        """Frames were missed: what only the stream tells has to be learnt anew."""
        self._hidden.clear()

    # ------------------------------------------------------------ memory

    def _read(self, payload: Json, seen: Micros, edited: Micros) -> Post | None:
        """The post as everybody may see it: a reply that our own account hid is for the hosts alone."""
        post = convert.inbound(payload, self.network, seen, self.ours, edited)
        if post is None or not any(post.uri in replies for replies in self._hidden.values()):
            return post
        return msgspec.structs.replace(post, reach="limited")

    def _remember(self, payload: Json) -> None:
        """The strong references a reply to this post needs, and that what it answers is answered."""
        uri, cid, record = str(payload["uri"]), str(payload.get("cid")), payload.get("record") or {}
        self.strong[uri] = (cid, convert.strong(record, "root") or (uri, cid))
        for answered in convert.answers(record):
            self.answered[answered] = None

    def _deliver(self, what: Written | Edited) -> Inbound:
        post = what.post
        known = self._known.get(post.uri)
        cids = [cid for cid in known.cids if cid != post.version][-9:] if known else []
        self._known[post.uri] = Known([*cids, post.version], post.edited)
        self.authors[post.author.account] = None
        return self._report(what)

    def _report(self, what: What) -> Inbound:
        return Inbound(self.network, what, ids.cursor(self.time_us) if self.time_us else None)


def _fold(raw: bytes) -> bytes:
    """Case-folded in every script; escapes that hide letters are resolved first."""
    if b"\\u" in raw:
        try:
            raw = msgspec.json.encode(msgspec.json.decode(raw))
        except (msgspec.DecodeError, RecursionError):
            return raw
    return raw.decode("utf-8", "replace").casefold().encode()
