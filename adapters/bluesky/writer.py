"""Writing: posts, corrections, likes and boosts as records of our own repository.

Every record's key is made from its order's stamp (`ids.tid`), so that doing an order again puts the same thing
at the same place: nothing needs to be looked up first.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.bluesky import LIMITS, convert, ids, moderation, records
from adapters.bluesky.catchup import address_params
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Json
from adapters.bluesky.memory import Bounded
from adapters.bluesky.pictures import Pictures
from adapters.bluesky.sieve import Sieve
from bridge.errors import NeedsLogin
from bridge.model import (
    Absent,
    Conceal,
    Endorse,
    Found,
    Network,
    Order,
    Outcome,
    Publish,
    Ref,
    Refused,
    Report,
    Retract,
    RetryLater,
    Sent,
    Text,
    Unclear,
    Unknown,
    Update,
    Words,
)
from bridge.text import cut

_CONCEALED = "concealed "  # before the uri of a reply: what hiding it is called, so that it can be undone
_PAUSE = 5.0  # seconds before what could not be prepared is tried again
_COLLECTIONS = {"like": ids.LIKE, "boost": ids.REPOST}
_VIEWER = {"like": "like", "boost": "repost"}  # where a view names ours


class Writer:
    """The half of the link that sends and finds."""

    def __init__(self, network: Network, client: Client, sieve: Sieve) -> None:
        self._network = network
        self._client = client
        self._sieve = sieve
        self._pictures = Pictures(client)
        self._gates = moderation.Gates(client)
        self._dids: Bounded[str, str] = Bounded(1_000)  # handles we mentioned; "" for nobody's
        self._given: Bounded[tuple[str, str], ids.Address] = Bounded(1_000)  # (post, kind) -> what we gave it

    # ------------------------------------------------------------ sending

    async def send(self, order: Order) -> Outcome:
        """See bridge.ports.Link. Raises NeedsLogin."""
        try:
            match order.op:
                case Publish(content=Words() as words, reply_to=reply_to, reach="public" | "quiet"):
                    return await self._publish(order, words, reply_to)
                case Publish(content=Words()):
                    return Refused(
                        "On Bluesky the bridge can write only publicly; this was not meant to be public."
                    )
                case Update(target=Ref(id=uri), content=Words() as words):
                    return await self._correct(order, words, uri)
                case Publish() | Update(target=Ref()):
                    return Refused("Bluesky shows posts, no message of the hosts' room.")
                case Endorse() as op:
                    return await self._endorse(order, op)
                case Report(target=Ref(id=uri), why=why):
                    return await self._report(uri, why)
                case Conceal(target=Ref(id=uri)):
                    return await self._conceal(order, uri, hide=True)
                case Retract(target=Ref(id=name)) if name.startswith(_CONCEALED):
                    return await self._conceal(order, name.removeprefix(_CONCEALED), hide=False)
                case Retract(target=Ref(id=uri)):
                    return await self._retract(uri)
            return Refused(f"Order {order.id} names no post of {self._network}.")
        except Failure as failure:
            return failure.outcome()

    async def _publish(self, order: Order, words: Words, reply_to: object) -> Outcome:
        try:
            words = await self._named(words)
            embed = await self._pictures.embed(words.media)
            reply = await self._strong(reply_to.id) if isinstance(reply_to, Ref) else None
        except Failure as failure:
            return _nothing_done(failure)
        return await self._put(order, ids.POST, records.post(words, order.stamp, reply, embed))

    async def _named(self, words: Words) -> Words:
        """The words with whom they mention by DID, as Bluesky wants it; a handle that is nobody's stays words."""
        spans = [
            msgspec.structs.replace(s, value=await self._did(s.value)) if s.kind == "mention" else s
            for s in words.text.spans
        ]
        return msgspec.structs.replace(words, text=Text(words.text.plain, tuple(s for s in spans if s.value)))

    async def _did(self, handle: str) -> str:
        """Raises Failure if it cannot be asked."""
        if handle.startswith("did:"):
            return handle
        if handle not in self._dids:
            try:
                answer = await self._client.query("com.atproto.identity.resolveHandle", handle=handle.lower())
            except Failure as failure:
                if not failure.beyond:
                    raise
                answer = {}
            self._dids[handle] = str(answer.get("did", ""))
        return self._dids[handle]

    async def _put(self, order: Order, collection: str, record: Json) -> Outcome:
        rkey = ids.tid(order.stamp)
        body = {"repo": self._client.did, "collection": collection, "rkey": rkey, "record": record}
        try:
            answer = await self._client.procedure("com.atproto.repo.putRecord", body)
        except Failure as failure:
            return self._without_blob(failure)
        return self._sent(ids.Address(self._client.did, collection, rkey), str(answer.get("cid")))

    def _without_blob(self, failure: Failure) -> Outcome:
        """The server has thrown away a picture that no post referred to any more."""
        if failure.error != "BlobNotFound":
            return failure.outcome()
        self._pictures.forget()
        return RetryLater(1.0, "The picture has to be uploaded again.")

    async def _correct(self, order: Order, words: Words, uri: str) -> Outcome:
        """Bluesky shows no edits. A post that nobody has answered gives way to a new one, in one commit; one
        that was answered is corrected by a reply, since without it the answers would hang in the air."""
        place = ids.address(uri)
        if place is None or place.did != self._client.did or place.collection != ids.POST:
            return Refused("Only the bridge's own posts can be corrected.")
        new = place._replace(rkey=ids.tid(order.stamp))
        try:
            if done := await self._record(new):
                return self._sent(new, str(done.get("cid")))
            old = await self._record(place)
            if old is None:
                return Refused("The post that was to be corrected is gone.")
            if await self._is_answered(uri):
                return await self._publish(order, records.correction(words, LIMITS), Ref(self._network, uri))
            words = await self._named(words)
            embed = await self._pictures.embed(words.media)
        except Failure as failure:
            return _nothing_done(failure)
        record = records.post(words, order.stamp, (old.get("value") or {}).get("reply"), embed)
        return await self._replace(place, new, record)

    async def _replace(self, old: ids.Address, new: ids.Address, record: Json) -> Outcome:
        kind = "com.atproto.repo.applyWrites"
        writes = [
            {"$type": f"{kind}#delete", "collection": old.collection, "rkey": old.rkey},
            {"$type": f"{kind}#create", "collection": new.collection, "rkey": new.rkey, "value": record},
        ]
        try:
            answer = await self._client.procedure(kind, {"repo": self._client.did, "writes": writes})
        except Failure as failure:
            return self._without_blob(failure)
        made = next((r for r in answer.get("results") or () if isinstance(r, dict) and r.get("cid")), {})
        return self._sent(new, str(made.get("cid", "")))

    async def _is_answered(self, uri: str) -> bool:
        """Whether anybody has replied to a post or quoted it. Who cannot be asked may have seen that."""
        if uri in self._sieve.answered:
            return True
        view = await self._view(uri)
        return view is None or bool(view.get("replyCount") or view.get("quoteCount"))

    async def _endorse(self, order: Order, op: Endorse) -> Outcome:
        """Once: what we gave before is found in the post's view, which lags, or remembered and looked up."""
        uri = op.target.id
        try:
            view = await self._view(uri)
            mine = ids.address(((view or {}).get("viewer") or {}).get(_VIEWER[op.kind]))
            for given in (mine, self._given.get((uri, op.kind))):
                if given is not None and await self._record(given):
                    return self._sent(given)
            cid = str(view["cid"]) if view else (await self._strong(uri))["parent"]["cid"]
        except Failure as failure:
            return _nothing_done(failure)
        collection = _COLLECTIONS[op.kind]
        outcome = await self._put(order, collection, records.endorsement(collection, uri, cid, order.stamp))
        if isinstance(outcome, Sent) and (given := ids.address(outcome.uri)):
            self._given[uri, op.kind] = given
        return outcome

    async def _retract(self, uri: str) -> Outcome:
        address = ids.address(uri)
        if address is None or address.did != self._client.did:
            return Refused("Only what the bridge wrote itself can be taken away.")
        await self._client.procedure("com.atproto.repo.deleteRecord", address_params(address))
        return self._sent(address)

    async def _report(self, uri: str, why: str) -> Outcome:
        if not (why := why.strip()):
            return Refused("A report needs a reason, in a few words.")
        cid = (await self._strong(uri))["parent"]["cid"]
        try:
            done = await moderation.report(self._client, uri, cid, cut(Text(why), moderation.LONGEST).plain)
        except Failure as failure:
            if failure.status in (502, 504):  # our server hands it on and nobody is there
                return Refused(f"{failure.why} Report it in the app.")
            raise
        return Sent(Ref(self._network, f"report {done}"), f"report {done}")

    async def _conceal(self, order: Order, uri: str, *, hide: bool) -> Outcome:
        root = await self._thread(uri)
        if root is None:
            return Refused("Bluesky hides only replies in a thread of our own.")
        await self._gates.set(root, uri, order.stamp, hide=hide)
        name = f"{_CONCEALED}{uri}"
        return Sent(Ref(self._network, name), name)

    async def _thread(self, uri: str) -> ids.Address | None:
        """The first post of a reply's thread, if that is ours. Raises Failure."""
        root = ids.address((await self._strong(uri))["root"]["uri"])
        return root if root and root.did == self._client.did and root.uri != uri else None

    # ------------------------------------------------------------ finding

    async def find(self, order: Order) -> Found | Absent | Unknown:
        """See bridge.ports.Link: every order leaves a record at its own key, or takes one away."""
        match order.op:
            case Publish() | Update():
                address = ids.Address(self._client.did, ids.POST, ids.tid(order.stamp))
            case Endorse(kind=kind):
                address = ids.Address(self._client.did, _COLLECTIONS[kind], ids.tid(order.stamp))
            case Report():
                return Unknown("Bluesky does not list our reports.")
            case Conceal(target=Ref(id=uri)):
                return await self._find_concealed(uri, hide=True)
            case Retract(target=Ref(id=name)) if name.startswith(_CONCEALED):
                return await self._find_concealed(name.removeprefix(_CONCEALED), hide=False)
            case Retract(target=Ref(id=uri)) if found := ids.address(uri):
                address = found
            case _:
                return Absent()
        try:
            record = await self._record(address)
        except Failure as failure:
            if failure.kind == "login":
                raise NeedsLogin(failure.why) from None
            return Unknown(failure.why)
        if isinstance(order.op, Retract):
            return Absent() if record else Found((self._sent(address),))
        return Found((self._sent(address, str(record.get("cid"))),)) if record else Absent()

    async def _find_concealed(self, uri: str, *, hide: bool) -> Found | Absent | Unknown:
        try:
            root = await self._thread(uri)
            done = root is not None and await self._gates.hides(root, uri) == hide
        except Failure as failure:
            if failure.kind == "login":
                raise NeedsLogin(failure.why) from None
            return Unknown(failure.why)
        name = f"{_CONCEALED}{uri}"
        return Found((Sent(Ref(self._network, name), name),)) if done else Absent()

    # ------------------------------------------------------------ looking

    async def _record(self, address: ids.Address) -> Json | None:
        """A record of ours; None if there certainly is none. Raises Failure."""
        try:
            return await self._client.query("com.atproto.repo.getRecord", **address_params(address))
        except Failure as failure:
            if failure.absent:
                return None
            raise

    async def _view(self, uri: str) -> Json | None:
        """A post as the AppView shows it; None if it cannot tell now. Raises Failure if our own server fails."""
        try:
            answer = await self._client.query("app.bsky.feed.getPosts", uris=[uri])
        except Failure as failure:
            if not failure.beyond:
                raise
            return None
        views = (view for view in answer.get("posts") or () if isinstance(view, dict))
        return next((view for view in views if view.get("uri") == uri and view.get("cid")), None)

    async def _strong(self, uri: str) -> dict[str, Any]:
        """The references by which a reply names its parent and its thread's first post. Raises Failure."""
        known = self._sieve.strong.get(uri)
        if known is None:
            address = ids.address(uri)
            if address is None:
                raise Failure("refused", f"{uri} is no post on Bluesky")
            answer = await self._record(address)
            if answer is None:
                raise Failure("refused", "The post this was meant for is gone.")
            cid = str(answer.get("cid"))
            known = (cid, convert.strong(answer.get("value") or {}, "root") or (uri, cid))
            self._sieve.strong[uri] = known
        cid, (root_uri, root_cid) = known
        return {"root": {"uri": root_uri, "cid": root_cid}, "parent": {"uri": uri, "cid": cid}}

    def _sent(self, address: ids.Address, cid: str = "") -> Sent:
        page = ids.page(self._client.handle, address.rkey) if address.collection == ids.POST and cid else None
        return Sent(Ref(self._network, address.uri), address.uri, cid, page)


def _nothing_done(failure: Failure) -> Outcome:
    """What failed only prepared the writing."""
    outcome = failure.outcome()
    return RetryLater(_PAUSE, outcome.why) if isinstance(outcome, Unclear) else outcome
