"""What came of a rehearsal, in words."""

from __future__ import annotations

from typing import Any


def show(result: dict[str, Any]) -> str:
    """For a person: what was asked, what came back, what went wrong if anything did."""
    lines = [f"Rehearsal of {result['chat']}, seed {result['seed']}", ""]
    for question in result["questions"]:
        posted = ", ".join(f"{network} {times}×" for network, times in question["posted"].items())
        lines.append(f"  {question['label']}  {posted}   {question['skew_ms']:.0f} ms apart")
    timeline, written = result["timeline"], result["written"]
    posts = ", ".join(f"{network} {count}" for network, count in written.items())
    lines += [
        "",
        f"  People wrote {sum(written.values())} posts that belong ({posts}).",
        f"  They became {timeline['entries']} entries; {result['slack_copies']} stand in Slack's merged channel.",
        f"  Edits followed: {_ratio(result['edits'], 'followed')}; deletions: "
        f"{_ratio(result['deletions'], 'followed')}; opt-outs: {_ratio(result['opt_outs'], 'obeyed')}.",
        f"  Let out of their room by their authors, and on the page: {_ratio(result['consents'], 'followed')}.",
        f"  From a post to the page: {_ms(result['latency_ms']['p50'])} (half), "
        f"{_ms(result['latency_ms']['p99'])} (99 in 100).",
    ]
    if fired := {kind: times for kind, times in result["faults"].items() if times}:
        lines.append("  Faults: " + ", ".join(f"{kind} {times}" for kind, times in fired.items()) + ".")
    if "kills" in result:
        lines.append(f"  The bridge was killed {result['kills']} times.")
    lines += ["", *_verdict(result), "", *(f"  {path}" for path in result["transcript"])]
    return "\n".join(lines)


def _ratio(counted: dict[str, int], done: str) -> str:
    return f"{counted[done]} of {counted['made']}"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"


def _verdict(result: dict[str, Any]) -> list[str]:
    """Nothing lost, doubled or leaked; or what."""
    words = {"lost": "lost", "duplicated": "doubled", "leaked": "seen by who may not"}
    if not any(result[kind] for kind in words):
        return ["  Nothing lost, nothing doubled, nothing leaked."]
    return [
        f"  {meant.upper()}: {item['network']} {item['id']} by {item['author']}: {item['why']}"
        for kind, meant in words.items()
        for item in result[kind]
    ]
