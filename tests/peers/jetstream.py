"""What happens on the real PDS, for a Jetstream of ours: none can be installed.

The PDS tells it on its own stream (com.atproto.sync.subscribeRepos) in CBOR frames, the records in CAR files.
The stand-in's hosts then serve it as Jetstream v1 and v2, stamped with chat time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import libipld

from simulator.bluesky.repo import Stored
from simulator.bluesky.wire import Record
from tests.peers.network import Network

Commit = tuple[str, Stored]  # the operation (create, update, delete) and the record; a deleted one is empty


async def frames(network: Network) -> AsyncIterator[tuple[str, Record]]:
    """Kind ("#commit", "#identity", "#account", "#sync") and body of everything after the last frame that
    anybody read. Raises RuntimeError if the PDS ends it."""
    address = f"{network.pds}/xrpc/com.atproto.sync.subscribeRepos?cursor={network.seq}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        async for message in socket:
            head, body = libipld.decode_dag_cbor_multi(message.data)
            if head["op"] != 1:
                raise RuntimeError(f"The PDS's stream says {body}")
            network.seq = max(network.seq, body.get("seq", 0))
            yield head["t"], body
    raise RuntimeError("The PDS ended its stream")


def commits(body: Record, now: int) -> Iterator[Commit]:
    """What a #commit frame does. `now`: chat time, microseconds."""
    _, blocks = libipld.decode_car(body["blocks"])
    for op in body["ops"]:
        collection, _, rkey = op["path"].partition("/")
        uri, cid, record = f"at://{body['repo']}/{op['path']}", "", {}
        if op["action"] != "delete":
            cid, record = libipld.encode_cid(op["cid"]), _plain(blocks[op["cid"]])
        yield op["action"], Stored(uri, body["repo"], collection, rkey, cid, body["rev"], record, now, now)


def _plain(value: Any) -> Any:
    """A record as JSON has it. In one of Bluesky's, bytes are never anything but a link."""
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case bytes():
            return {"$link": libipld.encode_cid(value)}
    return value
