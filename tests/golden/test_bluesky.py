"""Pairs of files: what comes in, what becomes of it. A new case is a new pair.

`NAME.in.json` holds a payload with the profile of its author (it becomes a post), or words with the stamp of
their order (they become a record); `NAME.out.json` what that must give. What is called `NAME.lossy` may lose
something; of everything else, words and marks must survive the way there and back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.bluesky import convert, ids, records
from adapters.bluesky.convert import Profile
from bridge.model import Post, Words
from simulator.bluesky import lexicon

HERE = Path(__file__).parent / "bluesky"
CASES = sorted(path.name.removesuffix(".in.json") for path in HERE.glob("*.in.json"))
OURS = Profile("did:plc:ourcommunityaccount22222", "chat.example.org")
SEEN = 1_795_435_203_000_000


def post(given: dict[str, Any]) -> Post:
    """As the link reports it: signed with its author's profile."""
    read = convert.inbound(given, "bluesky", SEEN, OURS)
    assert read is not None
    return convert.signed(read, convert.profile(given.get("profile", {"did": read.author.account})))


def record(given: dict[str, Any]) -> dict[str, Any]:
    words = msgspec.convert(given["words"], Words)
    return records.post(words, given["stamp"], given.get("reply"), given.get("embed"))


def marks(one: dict[str, Any]) -> tuple[str, list[Any]]:
    """Words and facets, whatever their order."""
    return one["text"], sorted(one.get("facets", []), key=lambda facet: int(facet["index"]["byteStart"]))


def pair(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    given, expected = (json.loads((HERE / f"{name}.{end}.json").read_text()) for end in ("in", "out"))
    return given, expected


@pytest.mark.parametrize("name", CASES)
def test_a_pair(name: str) -> None:
    given, expected = pair(name)
    if "words" in given:
        assert record(given) == expected
        lexicon.check(ids.POST, ids.tid(given["stamp"]), expected)
    else:
        assert json.loads(msgspec.json.encode(post(given))) == expected


@pytest.mark.parametrize("name", [name for name in CASES if not name.endswith(".lossy")])
def test_nothing_is_lost_on_the_way_there_and_back(name: str) -> None:
    given, made = pair(name)
    if "words" in given:
        back = post({"uri": ids.uri(OURS.did, ids.tid(given["stamp"])), "cid": "", "record": made})
        assert back.text == msgspec.convert(given["words"], Words).text
    else:
        assert marks(records.post(Words(post(given).text), SEEN)) == marks(given["record"])


def test_every_file_has_its_other_half() -> None:
    ends = (".in.json", ".out.json")
    halves = {path.name for path in HERE.iterdir()}
    assert halves == {name + end for name in CASES for end in ends}
