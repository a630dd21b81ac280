"""Mastodon's statuses: JSON to posts."""

from __future__ import annotations

import time

import msgspec
from selectolax.lexbor import LexborHTMLParser

from adapters.mastodon import convert
from benchmarks.figure import Figure

HOME = "one.example"
CONTENT = (
    '<p><span class="h-card"><a href="https://one.example/@chat" class="u-url mention">@<span>chat</span></a></span> '
    "A3 We meet on the first Tuesday :kettle: and whoever comes is the right person.</p>"
    '<p>More at <a href="https://rooms.example/a/long/way/to/the/notes"><span class="invisible">https://</span>'
    '<span class="ellipsis">rooms.example/a/long/way</span><span class="invisible">/to/the/notes</span></a> '
    '<a href="https://one.example/tags/benchmark" class="mention hashtag">#<span>Benchmark</span></a></p>'
)


def status(n: int) -> bytes:
    """A status as a timeline holds it."""
    address = f"https://{HOME}/@p{n % 200}"
    account = {
        "id": f"{n % 200}", "acct": f"p{n % 200}", "username": f"p{n % 200}", "display_name": f"Person {n % 200}",
        "note": "<p>Reads and writes.</p>", "url": address, "uri": address, "avatar": f"{address}.png",
        "bot": False, "fields": [],
    }  # fmt: skip
    return msgspec.json.encode(
        {
            "id": f"{n}", "uri": f"https://{HOME}/users/p{n % 200}/statuses/{n}", "url": f"{address}/{n}",
            "created_at": "2026-03-20T20:10:00.000Z", "edited_at": None, "visibility": "public", "language": "en",
            "content": CONTENT, "spoiler_text": "", "sensitive": False, "in_reply_to_id": None, "account": account,
            "mentions": [{"id": "1", "acct": "chat", "username": "chat", "url": f"https://{HOME}/@chat"}],
            "tags": [{"name": "benchmark"}], "media_attachments": [], "replies_count": 0,
            "emojis": [{"shortcode": "kettle", "url": "https://one.example/kettle.png"}],
        }
    )  # fmt: skip


def converted(count: int) -> Figure:
    """Statuses from bytes to posts, one core; beside it decoding and parsing the same without a look inside."""
    bodies = [status(n) for n in range(count)]
    begin = time.perf_counter()
    for body in bodies:
        post = convert.inbound(msgspec.json.decode(body), "one", HOME, 1)
        assert post is not None
    took = time.perf_counter() - begin
    begin = time.perf_counter()
    for body in bodies:
        LexborHTMLParser(msgspec.json.decode(body)["content"])
    bare = time.perf_counter() - begin
    return Figure(
        "statuses converted",
        "a second",
        count / took,
        5_000,
        count / bare,
        "decoding the JSON, parsing the HTML",
    )
