"""Jetstream: how many frames a second can be looked at, alone and through a websocket, and what an hour costs.

`python -m benchmarks.jetstream` is the other end of that websocket, a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import aiohttp

from adapters.bluesky import ids
from adapters.bluesky.convert import Profile
from adapters.bluesky.sieve import Sieve
from adapters.bluesky.stream import Jetstream
from benchmarks.chat import START, BriskClock
from benchmarks.figure import Figure
from bridge.model import Interest, Ref

TAG, ONE_IN = "TidalTea", 10_000
OURS = Profile("did:plc:ourcommunityaccount22222", "chat.example.org")
QUESTION = Ref("bluesky", ids.uri(OURS.did, ids.tid(START)))
RATE = 1_000  # frames a second, for an hour
WORDS = "the tide comes in and goes out again while somebody looks for a cup and a table".split()  # noqa: SIM905 - a sentence
CID = "bafyreibsiowu4ilpxhdks2o337ww473ten6hbofkgqikwgfvmbc3ylet6e"


def frames(count: int, seed: int = 1) -> list[bytes]:
    """As many frames as production mixes them of what we ask for: half replies, a tenth removals, a few quotes,
    cards and profiles; 1 in 10,000 bears the tag."""
    rng = random.Random(seed)
    return [_frame(rng, n, tagged=n % ONE_IN == ONE_IN // 2) for n in range(count)]


def _frame(rng: random.Random, n: int, *, tagged: bool) -> bytes:
    did = f"did:plc:{rng.getrandbits(96):024x}"
    at = START + n * 1_000
    key = ids.tid(at)
    commit: dict[str, object] = {"rev": key, "operation": "create", "collection": ids.POST, "rkey": key}
    kind = rng.choices(("post", "reply", "quote", "card", "gone", "profile"), (25, 50, 5, 8, 10, 2))[0]
    record: dict[str, object] = {"$type": ids.POST, "createdAt": ids.iso(at), "langs": ["en"]}
    strong = {"cid": CID, "uri": ids.uri(f"did:plc:{rng.getrandbits(96):024x}", key)}
    record["text"] = " ".join(rng.choices(WORDS, k=rng.randint(3, 45))) + (f" #{TAG}" if tagged else "")
    if kind == "reply":
        record["reply"] = {"parent": strong, "root": strong}
    elif kind == "quote":
        record["embed"] = {"$type": "app.bsky.embed.record", "record": strong}
    elif kind == "card":
        external = {"uri": "https://tide.example/a", "title": "Tides", "description": "Low and high" * 9}
        record["embed"] = {"$type": "app.bsky.embed.external", "external": external}
    elif kind == "profile" and not tagged:
        commit |= {"operation": "update", "collection": ids.PROFILE, "rkey": "self"}
        record = {"$type": ids.PROFILE, "displayName": "Somebody", "description": record["text"]}
    if kind == "gone" and not tagged:
        commit["operation"] = "delete"
    else:
        commit |= {"record": record, "cid": CID}
    whole = {"did": did, "time_us": at, "kind": "commit", "commit": commit}
    return json.dumps(whole, separators=(",", ":")).encode()


def sieve() -> Sieve:
    """With a tag and a question to look for."""
    made = Sieve("bluesky", OURS)
    made.follow(Interest((TAG.casefold(),), (QUESTION,)))
    return made


# ---------------------------------------------------------------- the filter alone


def filtered(count: int) -> Figure:
    """Frames a second through the filter; the limit is one search in each and nothing else."""
    sent = frames(count)
    needle = TAG.casefold().encode()
    ours = _fastest(sent, lambda: _passed(sieve(), sent))
    bare = _fastest(sent, lambda: sum(needle in raw.lower() for raw in sent))
    return Figure(
        "frames looked at", "a second", ours, 150_000, bare, "one search in each of the same frames"
    )


def _passed(made: Sieve, sent: Iterable[bytes]) -> int:
    return sum(len(list(made.take(raw))) for raw in sent)


def _fastest(sent: list[bytes], look: Callable[[], int]) -> float:
    """Frames a second of the best of several rounds. Fails if the tagged ones were not all found."""
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        found = look()
        best = min(best, time.perf_counter() - begin)
        assert found == sum(f"#{TAG}".encode() in raw for raw in sent), f"{found} frames found"
    return len(sent) / best


# ---------------------------------------------------------------- through a websocket


def streamed(count: int) -> Figure:
    """Frames a second from a socket through Jetstream's reader and the filter; the limit is the same socket
    with nobody looking at what comes."""
    with _server(count) as address:
        ours = asyncio.run(_read(address, count))
        bare = asyncio.run(_drained(address, count))
    return Figure(
        "frames looked at, through a websocket",
        "a second",
        ours,
        50_000,
        bare,
        "receiving the same frames alone",
    )


async def _read(address: str, count: int) -> float:
    made, seen, begin, end = sieve(), 0, 0.0, 0.0
    async with aclosing(Jetstream((address,), BriskClock()).frames(lambda: 0, 0)) as stream:
        async for raw in stream:
            if raw is None:
                begin = time.perf_counter()
                continue
            made.take(raw)
            seen += 1
            if seen == count:
                end = time.perf_counter()
                break
    return count / (end - begin)


async def _drained(address: str, count: int) -> float:
    async with aiohttp.ClientSession() as session, session.ws_connect(address, decode_text=False) as socket:
        begin = time.perf_counter()
        for _ in range(count):
            await socket.receive()
        return count / (time.perf_counter() - begin)


@contextmanager
def _server(count: int) -> Iterator[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jetstream", str(count)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        yield f"ws://127.0.0.1:{child.stdout.readline().strip()}/subscribe"
    finally:
        child.terminate()
        child.wait()


async def serve(count: int) -> None:
    """Sends so many frames to whoever connects, as fast as the other end reads; prints its port."""
    body = b"".join(_framed(raw) for raw in frames(count))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", asked)
        assert key is not None
        digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        try:
            for at in range(0, len(body), 1 << 16):
                writer.write(body[at : at + (1 << 16)])
                await writer.drain()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _framed(raw: bytes) -> bytes:
    """A text frame as a server sends it: not masked."""
    size = len(raw)
    return (struct.pack(">BB", 0x81, size) if size < 126 else struct.pack(">BBH", 0x81, 126, size)) + raw


# ---------------------------------------------------------------- an hour


def hour(count: int) -> list[Figure]:
    """Resident memory while so many frames go by, a thousand for each second, each at its own time."""
    cut = [re.split(rb'(?<="time_us":)\d+', raw, maxsplit=1) for raw in frames(20_000)]
    made = sieve()
    start, figures = resident(), []
    limit = "before the first frame"
    for n, (head, tail) in enumerate(itertools.islice(itertools.cycle(cut), count), start=1):
        made.take(b"%b%d%b" % (head, START + n * 1_000_000 // RATE, tail))
        if n in (count // 2, count):
            name = "in the middle" if n < count else "at the end"
            figures.append(Figure(f"memory {name} of {count:,} frames", "MB", resident(), 150, start, limit))
    return figures


def resident() -> float:
    """Megabytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
