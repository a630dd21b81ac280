"""What the comparison looks at: what the stand-in servers hold (`servers.json`), what the bridge wrote down
(`transcript.json`) and what its page served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from simulator.letters import key, letters, readings, searchable, strings

Row: TypeAlias = dict[str, Any]  # a post in servers.json
Servers: TypeAlias = Mapping[str, list[Row]]
Transcript: TypeAlias = Mapping[str, Any]
Ref: TypeAlias = tuple[str, str]  # network, id

BRIDGE = "bridge"


@dataclass(frozen=True)
class Page:
    """What the page served, already `searchable`: everything ever, what it shows at the end, and what it tells
    machines then. `came`: when some letters first did (time.monotonic(), seconds)."""

    ever: str = ""
    final: str = ""
    came: Callable[[str], float | None] = lambda words: None
    api: str = ""


@dataclass(frozen=True)
class Posted:
    """What the bridge wrote on one network, `searchable`: everything ever, and what stands now."""

    ever: str
    now: str


@dataclass(frozen=True)
class Evidence:
    """The three sources, prepared for looking things up. `mirrors`: networks where the timeline stands;
    `listening`: networks on which the bridge asks nothing. A post that several servers hold goes by the name
    it has on its author's, whatever it is called where it was seen."""

    people: dict[Ref, Row]
    bridge: list[tuple[str, Row]]
    page: Page
    mirrors: frozenset[str]
    listening: frozenset[str]
    entries: list[Mapping[str, Any]]
    texts: list[str]  # the entries' words, as letters
    pictures: list[list[str]]  # of each entry's pictures what they show, as letters
    listed: Counter[Ref]
    entry_of: dict[Ref, int]  # index into `entries` and `texts`
    transcript: str
    copies: list[str]  # each live message of the bridge in a mirror's chat
    posted: dict[str, Posted]


def gather(
    servers: Servers,
    transcript: Transcript,
    page: Page,
    mirrors: Collection[str] = ("slack",),
    listening: Collection[str] = (),
) -> Evidence:
    """Prepare what the comparisons look at."""
    home = {
        (at, id_): (n, r["id"]) for n, rows in servers.items() for r in rows for at, id_ in r.get("also", ())
    }
    bridge = [(n, r) for n, rows in servers.items() for r in rows if r["author"] == BRIDGE]
    entries = list(transcript["entries"])
    named = [((s["network"], s["id"]), at) for at, entry in enumerate(entries) for s in entry["sources"]]
    refs = [(home.get(ref, ref), at) for ref, at in named]
    return Evidence(
        people={(n, r["id"]): r for n, rows in servers.items() for r in rows if r["author"] != BRIDGE},
        bridge=bridge,
        page=page,
        mirrors=frozenset(mirrors),
        listening=frozenset(listening),
        entries=entries,
        texts=[readings(entry["text"] or "") for entry in entries],
        pictures=[[letters(item["alt"]) for item in entry.get("media", ())] for entry in entries],
        listed=Counter(ref for ref, _ in refs),
        entry_of=dict(refs),
        transcript=searchable(strings(transcript)),
        copies=[
            readings(r["text"])
            for n, r in bridge
            if n in mirrors and not r["deleted"] and r.get("place", "chat") == "chat"
        ],
        posted={network: _posted(r for n, r in bridge if n == network) for network in servers},
    )


def _posted(rows: Iterable[Row]) -> Posted:
    known = list(rows)
    return Posted(
        searchable(text for r in known for text in (r["text"], *r.get("was", ()))),
        searchable(r["text"] for r in known if not r["deleted"]),
    )


def counts(row: Row) -> bool:
    """Whether a post belongs, and neither its reach nor its author keeps it from the others."""
    return bool(row["belongs"]) and row["audience"] in ("public", "room") and not row["opted_out"]


def owed(row: Row) -> bool:
    """Whether the bridge has to show it: it counts and neither its author nor a host took it away."""
    return counts(row) and not row["deleted"] and not row.get("off")


def is_open(row: Row) -> bool:
    """Whether anybody may read its words (a room's only if its author agreed)."""
    return owed(row) and (row["audience"] == "public" or bool(row.get("consent")))


def standing(evidence: Evidence, row: Row) -> int:
    """In how many live messages of the timeline a post stands, by its words or, if folded, its warning."""
    marks = [k for k in (key(row["words"]), letters(row.get("warning") or "")) if k]
    return sum(any(mark in copy for mark in marks) for copy in evidence.copies)


def spoken(row: Row) -> set[str]:
    """The keys of everything a post ever said: its words, its warning, what its pictures show."""
    said = (row["words"], *row.get("was", ()), row.get("warning") or "", *row.get("pictures", ()))
    return {key(words) for words in said} - {""}


def was_open(row: Row) -> bool:
    """Whether everybody could read a post for a while."""
    kept = row["opted_out"] and not row.get("withdrawn")
    agreed = row.get("consent") or row.get("agreed") is not None
    reach = row["audience"] == "public" or (row["audience"] == "room" and agreed)
    return bool(row["belongs"] and reach and not kept and not row.get("unseen"))
