"""What was lost, doubled or shown to the wrong people: found by comparing, never by asking the bridge.

Pure functions over three things: what the stand-in servers hold (`servers.json`), what the bridge wrote down
(`transcript.json`) and what its page served.

| found      | because                                                                                     |
| ---------- | ------------------------------------------------------------------------------------------- |
| lost       | in no entry's sources; its words not in that entry or not on the page; not in a live message |
|            | of a mirror; a picture, what it shows, or a poll's choice not in its entry; not where its   |
|            | author had it sent                                                                          |
| duplicated | a source listed twice, under one name or two; words in two entries or two live messages; a  |
|            | question posted twice, or where the bridge only listens                                     |
| leaked     | words, what a picture shows or a name somewhere that their author, their reach, their       |
|            | removal or a host keeps them from                                                           |
| misplaced  | an entry stands under another question than the one its author plainly answered             |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from simulator.evidence import BRIDGE, Evidence, Ref, Row, is_open, owed, spoken, standing, was_open
from simulator.letters import key, letters, searchable

OFF = {"hidden": "hosts hid it", "erased": "hosts erased it", "blocked": "hosts blocked its author"}

Finding: TypeAlias = dict[str, Any]  # {"network", "id", "author", "text", "what", "why"}


def lost(evidence: Evidence) -> list[Finding]:
    """Posts that are owed and not there, or not whole."""
    owing = ((ref, row) for ref, row in evidence.people.items() if owed(row))
    return [finding(ref, row, *missing) for ref, row in owing if (missing := _missing(evidence, ref, row))]


def _missing(evidence: Evidence, ref: Ref, row: Row) -> tuple[str, str] | None:
    """Why a post is not where it should be, and what of it is meant."""
    at, words, page = evidence.entry_of.get(ref), key(row["words"]), evidence.page.final
    if at is None:
        return "in no entry", "words"
    if is_open(row) and words not in evidence.texts[at]:
        return "its words are not in its entry", "words"
    if is_open(row) and page and words not in page:
        return "its words are not on the page", "words"
    if evidence.mirrors and ref[0] not in evidence.mirrors and not standing(evidence, row):
        return f"in no message on {', '.join(sorted(evidence.mirrors))}", "words"
    if (sent := row.get("sent")) and words not in evidence.posted[sent].now:
        return f"in no reply on {sent}", "words"
    return _incomplete(evidence, at, row) if is_open(row) else None


def _incomplete(evidence: Evidence, at: int, row: Row) -> tuple[str, str] | None:
    """What a post carried besides its words, and its entry does not."""
    alts = [letters(alt) for alt in row.get("pictures", ())]
    if len(alts) > len(evidence.pictures[at]):
        return f"{len(alts)} pictures, of which its entry has {len(evidence.pictures[at])}", "picture"
    if any(alt not in evidence.pictures[at] for alt in alts):
        return "what a picture shows is not in its entry", "alt"
    if evidence.page.final and any(alt not in evidence.page.final for alt in alts):
        return "what a picture shows is not on the page", "alt"
    if any(letters(choice) not in evidence.texts[at] for choice in row.get("poll", ())):
        return "a choice of its poll is not in its entry", "poll"
    return None


def duplicated(evidence: Evidence) -> list[Finding]:
    """What is there more than once, or was taken for a person's post and is none."""
    found = []
    for ref, times in evidence.listed.items():
        row = evidence.people.get(ref, {"author": BRIDGE, "text": ""})
        if times > 1:
            found.append(finding(ref, row, f"a source {times} times"))
        if ref not in evidence.people:
            found.append(finding(ref, row, "an entry, though no person wrote it"))
    everything = "\n".join(evidence.texts)
    for ref, row in each_words_once(evidence):
        words = key(row["words"])
        if everything.count(words) > 1:  # only then each of ten thousand entries is searched
            entries = sum(words in text for text in evidence.texts)
            if entries > 1:
                found.append(finding(ref, row, f"the same words in {entries} entries"))
        if ref[0] not in evidence.mirrors and (times := standing(evidence, row)) > 1:
            found.append(finding(ref, row, f"in {times} messages"))
    asked = Counter((n, r["question"]) for n, r in evidence.bridge if r.get("question"))
    for network, row in evidence.bridge:
        if (times := asked.pop((network, row.get("question")), 0)) > 1:
            found.append(finding((network, row["id"]), row, f"{row['question']} was posted {times} times"))
        elif times and network in evidence.listening:
            found.append(
                finding((network, row["id"]), row, f"{row['question']} was posted where we only listen")
            )
    return found


def each_words_once(evidence: Evidence) -> Iterator[tuple[Ref, Row]]:
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
    elsewhere = {key(r["words"]) for r in evidence.people.values() if is_open(r)}
    found = []
    for ref, row in evidence.people.items():
        if is_open(row) or (why := _forbidden(row)) is None:
            continue
        for words in spoken(row) - elsewhere:
            found += [finding(ref, row, f"{why}, yet {where}") for where in _seen(evidence, ref, row, words)]
    for overstepped in (_too_soon, _frozen, _too_far, _named):
        found += [finding(ref, evidence.people[ref], why) for ref, why in overstepped(evidence)]
    return found


def _too_soon(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """Words from a room that were on the page before their author agreed."""
    for ref, row in evidence.people.items():
        if (agreed := row.get("agreed")) is not None and key(row["words"]):
            came = [evidence.page.came(key(words)) for words in (row["words"], *row.get("was", ()))]
            if any(at is not None and at < agreed for at in came):
                yield ref, "its author had not agreed yet, when it was served by the page"


def _frozen(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """Words that came to the page while hosts had it stand still."""
    for ref, row in evidence.people.items():
        if (until := row.get("frozen")) is not None and key(row["words"]):
            came = evidence.page.came(key(row["words"]))
            if came is not None and came < until:
                yield ref, "served by the page while hosts had it stand still"


def _too_far(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """Words that may leave their room for the page, and were taken further."""
    for ref, row in evidence.people.items():
        words = key(row["words"])
        if row["audience"] == "room" and is_open(row) and words:
            for network, posted in evidence.posted.items():
                if network not in (ref[0], row.get("sent")) and words in posted.ever:
                    yield ref, f"its author agreed to the page, yet posted by the bridge on {network}"


def _named(evidence: Evidence) -> Iterator[tuple[Ref, str]]:
    """What people in a room go by, and did not agree to have on the page; of each author once."""
    rows = evidence.people
    authors = {(ref[0], row["author"]): ref for ref, row in reversed(rows.items()) if row.get("names")}
    everything = searchable(row["text"] for row in rows.values()) if authors else ""
    for ref in authors.values():
        row = rows[ref]
        served = evidence.page.final if row["named"] else evidence.page.ever
        wholes = [re.compile(f"{letters(name)}(?![0-9])") for name in row["names"]]  # nurse-1 is not nurse-12
        telling = [whole for whole in wholes if not whole.search(everything)]
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
    if off := row.get("off"):
        return OFF[off]
    return None if row["belongs"] else "it is not part of the chat"


def _seen(evidence: Evidence, ref: Ref, row: Row, words: str) -> Iterator[str]:
    if words in evidence.transcript:
        yield "in the transcript"
    for_a_while = was_open(row)
    if words in (evidence.page.final if for_a_while else evidence.page.ever):
        yield "still on the page" if for_a_while else "served by the page"
    elif words in evidence.page.api:
        yield "in what the page tells machines"
    for network, posted in evidence.posted.items():
        elsewhere = posted.now if for_a_while and row["audience"] == "public" else posted.ever
        if network not in (ref[0], row.get("sent")) and words in elsewhere:
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
            found.append(finding(ref, row, f"under {_listing(placed)}, not {_listing(expected)}"))
    return found


def _listing(labels: list[str]) -> str:
    return ", ".join(labels) or "no question"


def answered(entry: Mapping[str, Any]) -> list[str]:
    """The labels of the questions an entry of the transcript answers."""
    if "questions" in entry:
        return list(entry["questions"])
    return [entry["question"]] if entry.get("question") else []


def finding(ref: Ref, row: Row, why: str, what: str = "words") -> Finding:
    """What is wrong with a post, and which part of it."""
    return {
        "network": ref[0],
        "id": ref[1],
        "author": row["author"],
        "text": row["text"],
        "what": what,
        "why": why,
    }
