"""What `rehearse --json` prints: the three lists of the comparison, and the figures beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from simulator.compare import answered, duplicated, each_words_once, leaked, lost, misplaced
from simulator.evidence import Evidence, Ref, counts, is_open, owed, standing
from simulator.letters import key


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
            for ref, row in each_words_once(evidence)
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
            [ref for ref, r in people.items() if counts(r) and r["deleted"] and not r.get("departed")],
            lambda ref: ref not in leaky,
            "followed",
        ),
        "departures": pair(
            [ref for ref, r in people.items() if counts(r) and r.get("departed")],
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
    """For each question how often it was posted on each network that is asked, and how far apart in real time
    (ms)."""
    posted: dict[str, dict[str, list[float]]] = {}
    for network, row in evidence.bridge:
        if row.get("question") and network not in evidence.listening:
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
