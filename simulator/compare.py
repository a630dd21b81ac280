"""What was lost, doubled or shown to the wrong people: found by comparing, never by asking the bridge.

Pure functions over three things: what the stand-in servers hold (`servers.json`), what the bridge wrote down
(`transcript.json`) and what its page served. A post is recognised by its words: letters and digits alone, no
case, the first 120 of them, so that markup, escaping and cutting make no difference.

| found      | because                                                                                     |
| ---------- | ------------------------------------------------------------------------------------------- |
| lost       | in no entry's sources; its words not in that entry or not on the page; not in a live message |
|            | of a mirror                                                                                 |
| duplicated | a source listed twice; words in two entries or two live messages; a question posted twice   |
| leaked     | words or a name somewhere that their author, their reach or their removal keeps them from   |
| misplaced  | an entry stands under another question than the one its author plainly answered             |
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]  # a post in servers.json
Servers: TypeAlias = Mapping[str, list[Row]]
Transcript: TypeAlias = Mapping[str, Any]
Finding: TypeAlias = dict[str, Any]  # {"network", "id", "author", "text", "why"}
Ref: TypeAlias = tuple[str, str]  # network, id

KEY = 120  # letters and digits that tell one post from all others; a gathered message shows more of each
LEAST = 12  # fewer say nothing about who wrote them ("stop")
BRIDGE = "bridge"

_MARKUP = re.compile(r"<[^<>]*>")
_OTHER = re.compile(r"[\W_]+")


def letters(text: str) -> str:
    """Letters and digits only, case-folded: what survives every rendering of the same words."""
    return _OTHER.sub("", unicodedata.normalize("NFKC", text).casefold())


def key(words: str) -> str:
    """What a post is recognised by; "" if its words are too few."""
    found = letters(words)[:KEY]
    return found if len(found) >= LEAST else ""


def readings(text: str) -> str:
    """A text as letters, read as plain words and as markup; the two are apart by a line end."""
    plain = letters(html.unescape(text))
    if "<" not in text:
        return plain
    return f"{plain}\n{letters(html.unescape(_MARKUP.sub('', text)))}"


def searchable(texts: Iterable[str]) -> str:
    """Many texts as one string to look for keys in."""
    return "\n".join(readings(text) for text in texts)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@dataclass(frozen=True)
class Page:
    """What the page served, already `searchable`: everything ever, and what it shows at the end. `came`: when
    some letters first did (time.monotonic(), seconds)."""

    ever: str = ""
    final: str = ""
    came: Callable[[str], float | None] = lambda words: None


@dataclass(frozen=True)
class Posted:
    """What the bridge wrote on one network, `searchable`: everything ever, and what stands now."""

    ever: str
    now: str


@dataclass(frozen=True)
class Evidence:
    """The three sources, prepared for looking things up. `mirrors`: networks where the timeline stands."""

    people: dict[Ref, Row]
    bridge: list[tuple[str, Row]]
    page: Page
    mirrors: frozenset[str]
    entries: list[Mapping[str, Any]]
    texts: list[str]  # the entries' words, as letters
    listed: Counter[Ref]
    entry_of: dict[Ref, int]  # index into `entries` and `texts`
    transcript: str
    copies: list[str]  # each live message of the bridge in a mirror's chat
    posted: dict[str, Posted]


def gather(
    servers: Servers, transcript: Transcript, page: Page, mirrors: Collection[str] = ("slack",)
) -> Evidence:
    """Prepare what the comparisons look at."""
    bridge = [(n, r) for n, rows in servers.items() for r in rows if r["author"] == BRIDGE]
    entries = list(transcript["entries"])
    refs = [((s["network"], s["id"]), at) for at, entry in enumerate(entries) for s in entry["sources"]]
    return Evidence(
        people={(n, r["id"]): r for n, rows in servers.items() for r in rows if r["author"] != BRIDGE},
        bridge=bridge,
        page=page,
        mirrors=frozenset(mirrors),
        entries=entries,
        texts=[readings(entry["text"] or "") for entry in entries],
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
    """Whether the bridge has to show it: it counts and was not deleted."""
    return counts(row) and not row["deleted"]


def is_open(row: Row) -> bool:
    """Whether anybody may read its words (a room's only if its author agreed)."""
    return owed(row) and (row["audience"] == "public" or bool(row.get("consent")))


def standing(evidence: Evidence, row: Row) -> int:
    """In how many live messages of the timeline a post stands, by its words or, if folded, its warning."""
    marks = [k for k in (key(row["words"]), letters(row.get("warning") or "")) if k]
    return sum(any(mark in copy for mark in marks) for copy in evidence.copies)


def lost(evidence: Evidence) -> list[Finding]:
    """Posts that are owed and not there."""
    found = []
    for ref, row in evidence.people.items():
        if not owed(row):
            continue
        if ref not in evidence.entry_of:
            found.append(_finding(ref, row, "in no entry"))
        elif is_open(row) and key(row["words"]) not in evidence.texts[evidence.entry_of[ref]]:
            found.append(_finding(ref, row, "its words are not in its entry"))
        elif is_open(row) and evidence.page.final and key(row["words"]) not in evidence.page.final:
            found.append(_finding(ref, row, "its words are not on the page"))
        elif evidence.mirrors and ref[0] not in evidence.mirrors and not standing(evidence, row):
            found.append(_finding(ref, row, f"in no message on {', '.join(sorted(evidence.mirrors))}"))
    return found


def duplicated(evidence: Evidence) -> list[Finding]:
    """What is there more than once, or was taken for a person's post and is none."""
    found = []
    for ref, times in evidence.listed.items():
        row = evidence.people.get(ref, {"author": BRIDGE, "text": ""})
        if times > 1:
            found.append(_finding(ref, row, f"a source {times} times"))
        if ref not in evidence.people:
            found.append(_finding(ref, row, "an entry, though no person wrote it"))
    for ref, row in _each_words_once(evidence):
        entries = sum(key(row["words"]) in text for text in evidence.texts)
        if entries > 1:
            found.append(_finding(ref, row, f"the same words in {entries} entries"))
        if ref[0] not in evidence.mirrors and (times := standing(evidence, row)) > 1:
            found.append(_finding(ref, row, f"in {times} messages"))
    asked = Counter((n, r["question"]) for n, r in evidence.bridge if r.get("question"))
    for network, row in evidence.bridge:
        if (times := asked.pop((network, row.get("question")), 0)) > 1:
            found.append(_finding((network, row["id"]), row, f"{row['question']} was posted {times} times"))
    return found


def _each_words_once(evidence: Evidence) -> Iterator[tuple[Ref, Row]]:
    """Posts that are owed; of those with the same words one."""
    seen = {""}
    for ref, row in evidence.people.items():
        words = key(row["words"])
        if owed(row) and words not in seen:
            seen.add(words)
            yield ref, row


def leaked(evidence: Evidence) -> list[Finding]:
    """Words that are where they may not be. What was open for a while (since deleted, or its author said
    stop) must be gone now; what never was must never have been anywhere. What its author let out of a room
    may be on the page no sooner and under no fuller name than they agreed to, and on no other network."""
    elsewhere = {key(r["words"]) for r in evidence.people.values() if is_open(r)} | {""}
    found = []
    for ref, row in evidence.people.items():
        if is_open(row) or (why := _forbidden(row)) is None:
            continue
        for words in {key(w) for w in (row["words"], *row.get("was", ()))} - elsewhere:
            found += [_finding(ref, row, f"{why}, yet {where}") for where in _seen(evidence, ref, row, words)]
    for overstepped in (_too_soon, _too_far, _named):
        found += [_finding(ref, evidence.people[ref], why) for ref, why in overstepped(evidence)]
    return found


def _too_soon(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """Words from a room that were on the page before their author agreed."""
    for ref, row in evidence.people.items():
        if (agreed := row.get("agreed")) is not None and key(row["words"]):
            came = [evidence.page.came(key(words)) for words in (row["words"], *row.get("was", ()))]
            if any(at is not None and at < agreed for at in came):
                yield ref, "its author had not agreed yet, when it was served by the page"


def _too_far(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """Words that may leave their room for the page, and were taken further."""
    for ref, row in evidence.people.items():
        words = key(row["words"])
        if row["audience"] == "room" and is_open(row) and words:
            for network, posted in evidence.posted.items():
                if network != ref[0] and words in posted.ever:
                    yield ref, f"its author agreed to the page, yet posted by the bridge on {network}"


def _named(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """What people in a room go by, and did not agree to have on the page; of each author once."""
    rows = evidence.people
    authors = {(ref[0], row["author"]): ref for ref, row in reversed(rows.items()) if row.get("names")}
    spoken = searchable(row["text"] for row in rows.values()) if authors else ""
    for ref in authors.values():
        row = rows[ref]
        served = evidence.page.final if row["named"] else evidence.page.ever
        wholes = [re.compile(f"{letters(name)}(?![0-9])") for name in row["names"]]  # nurse-1 is not nurse-12
        telling = [whole for whole in wholes if not whole.search(spoken)]
        for where, text in (("in the transcript", evidence.transcript), ("on the page", served)):
            if any(whole.search(text) for whole in telling):
                yield ref, f"its author did not agree to be named, yet their name is {where}"


def _forbidden(row: Row) -> str | None:
    """Why the words of a post may not be read by all, if so."""
    if row["audience"] in ("limited", "direct"):
        return f"its reach is {row['audience']}"
    if row["opted_out"]:
        return "its author opted out"
    if row["audience"] == "room" and not row.get("consent"):
        return "its author has not agreed to leave the room"
    if row["deleted"]:
        return "deleted"
    return None if row["belongs"] else "it is not part of the chat"


def was_open(row: Row) -> bool:
    """Whether everybody could read a post for a while."""
    kept = row["opted_out"] and not row.get("withdrawn")
    agreed = row.get("consent") or row.get("agreed") is not None
    reach = row["audience"] == "public" or (row["audience"] == "room" and agreed)
    return bool(row["belongs"] and reach and not kept)


def _seen(evidence: Evidence, ref: Ref, row: Row, words: str) -> Iterator[str]:
    if words in evidence.transcript:
        yield "in the transcript"
    for_a_while = was_open(row)
    if words in (evidence.page.final if for_a_while else evidence.page.ever):
        yield "still on the page" if for_a_while else "served by the page"
    for network, posted in evidence.posted.items():
        elsewhere = posted.now if for_a_while and row["audience"] == "public" else posted.ever
        if network != ref[0] and words in elsewhere:
            yield f"posted by the bridge on {network}"


def misplaced(evidence: Evidence) -> list[Finding]:
    """Posts under another question than the one they plainly answer (`question`: labels, [] for a hello;
    None where a reader could not tell)."""
    found = []
    for ref, row in evidence.people.items():
        expected, at = row.get("question"), evidence.entry_of.get(ref)
        if expected is None or at is None or not owed(row):
            continue
        placed = answered(evidence.entries[at])
        if sorted(placed) != sorted(expected):
            found.append(_finding(ref, row, f"under {_listing(placed)}, not {_listing(expected)}"))
    return found


def _listing(labels: list[str]) -> str:
    return ", ".join(labels) or "no question"


def answered(entry: Mapping[str, Any]) -> list[str]:
    """The labels of the questions an entry of the transcript answers."""
    if "questions" in entry:
        return list(entry["questions"])
    return [entry["question"]] if entry.get("question") else []


def _finding(ref: Ref, row: Row, why: str) -> Finding:
    return {"network": ref[0], "id": ref[1], "author": row["author"], "text": row["text"], "why": why}


# ---------------------------------------------------------------- figures


def report(evidence: Evidence) -> dict[str, Any]:
    """The three lists and the figures beside them, with the keys of `rehearse --json`."""
    losses, leaks = lost(evidence), leaked(evidence)
    astray = {(finding["network"], finding["id"]) for finding in (*losses, *leaks)}
    leaky = {(leak["network"], leak["id"]) for leak in leaks}
    people = evidence.people
    written = Counter(ref[0] for ref, row in people.items() if counts(row))
    networks = dict.fromkeys(ref[0] for ref in people)

    def pair(made: list[Ref], done: Callable[[Ref], bool], verb: str) -> dict[str, int]:
        return {"made": len(made), verb: sum(map(done, made))}

    return {
        "questions": questions(evidence),
        "written": {network: written[network] for network in networks},
        "timeline": {"entries": len(evidence.entries), "answers": _answers(evidence)},
        "slack_copies": sum(
            standing(evidence, row)
            for ref, row in _each_words_once(evidence)
            if ref[0] not in evidence.mirrors
        ),
        "lost": losses,
        "duplicated": duplicated(evidence),
        "leaked": leaks,
        "misplaced": misplaced(evidence),
        "edits": pair(
            [ref for ref, r in people.items() if owed(r) and r["edited"]],
            lambda ref: _edit_followed(evidence, ref),
            "followed",
        ),
        "deletions": pair(
            [ref for ref, r in people.items() if counts(r) and r["deleted"]],
            lambda ref: ref not in leaky,
            "followed",
        ),
        "opt_outs": pair(
            [ref for ref, r in people.items() if r["belongs"] and r["opted_out"]],
            lambda ref: ref not in leaky,
            "obeyed",
        ),
        "consents": pair(
            [ref for ref, r in people.items() if r["audience"] == "room" and is_open(r)],
            lambda ref: ref not in astray,
            "followed",
        ),
    }


def questions(evidence: Evidence) -> list[dict[str, Any]]:
    """For each question how often it was posted on each network, and how far apart in real time (ms)."""
    posted: dict[str, dict[str, list[float]]] = {}
    for network, row in evidence.bridge:
        if row.get("question"):
            posted.setdefault(row["question"], {}).setdefault(network, []).append(row["real"])
    return [
        {
            "label": label,
            "posted": {network: len(times) for network, times in on.items()},
            "skew_ms": _spread([min(times) for times in on.values()]),
        }
        for label, on in sorted(posted.items(), key=lambda item: (len(item[0]), item[0]))
    ]


def _spread(times: list[float]) -> float:
    return round((max(times) - min(times)) * 1000, 1)


def _answers(evidence: Evidence) -> dict[str, int]:
    found = Counter(label for entry in evidence.entries for label in answered(entry))
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def _edit_followed(evidence: Evidence, ref: Ref) -> bool:
    """Whether the new words stand where they may, and the old ones nowhere any more. Of a post that stays in
    its room only the entry can be seen."""
    row = evidence.people[ref]
    at = evidence.entry_of.get(ref)
    if at is None:
        return False
    if not is_open(row):
        return True
    kept = {key(r["words"]) for r in evidence.people.values() if is_open(r)} | {""}
    old = {key(words) for words in row.get("was", ())} - kept
    places = (evidence.transcript, evidence.page.final, *evidence.copies)
    return key(row["words"]) in evidence.texts[at] and not any(w in place for w in old for place in places)


def latencies(taken: Mapping[str, float], arrived: Callable[[str], float | None]) -> dict[str, float | None]:
    """p50 and p99 of the real ms from a post being taken by its server (`taken`: key -> monotonic seconds) to
    its words arriving on the page's stream; None if none did."""
    waits = sorted(
        (came - real) * 1000
        for words, real in taken.items()
        if (came := arrived(words)) is not None and came >= real
    )
    if not waits:
        return {"p50": None, "p99": None}
    return {
        "p50": round(waits[len(waits) // 2], 1),
        "p99": round(waits[min(len(waits) - 1, len(waits) * 99 // 100)], 1),
    }
