"""What becomes of a status of Mastodon's, and what a post of ours becomes there.

`mastodon/inward` and `mastodon/outward` hold pairs: NAME.in.json and what it must become, NAME.out.json. A
conversion that loses something is called NAME.lossy. To add a case, add its files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.mastodon import convert
from bridge.model import Publish, Words

HOME, NETWORK = "mastodon.example", "mastodon"
HERE = Path(__file__).parent / "mastodon"
CASES = sorted({f"{path.parent.name}/{path.name.rsplit('.', 2)[0]}" for path in HERE.glob("*/*.json")})


def inward(payload: dict[str, Any]) -> object:
    """A status as the API answers it -> the post."""
    return convert.inbound(payload, NETWORK, HOME, seen=0)


def outward(payload: dict[str, Any]) -> object:
    """An order, and whom its answer goes to -> the fields of POST /api/v1/statuses."""
    op = msgspec.convert(payload["op"], Publish)
    assert isinstance(op.content, Words)
    return convert.published(op, op.content, payload.get("addressee"))


@pytest.mark.parametrize("case", CASES)
def test_a_conversion_is_as_agreed(case: str) -> None:
    given, agreed = (json.loads((HERE / f"{case}.{end}.json").read_text("utf-8")) for end in ("in", "out"))
    way = {"inward": inward, "outward": outward}[case.partition("/")[0]]
    assert json.loads(msgspec.json.encode(way(given))) == agreed
