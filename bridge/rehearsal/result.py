"""What came of a rehearsal, in words."""

from __future__ import annotations

from typing import Any

FAULTS = {
    "rate_limited": "the network asked us to slow down",
    "server_error": "the server failed",
    "socket_dropped": "the stream broke",
    "answer_lost": "the answer to a request was lost on the way",
    "duplicated": "a post was delivered twice",
    "reordered": "posts were delivered in another order",
    "outage": "the whole network was down",
    "token_revoked": "the network refused our login for a while",
    "cursor_lost": "the network had forgotten how far we had read",
    "bad_payload": "a post nobody can read was delivered",
    "delete_first": "a removal was delivered before its post",
    "slow": "the network answered slowly",
}  # as the JSON calls them -> in words


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
        f"  They became {timeline['entries']} entries that can be read"
        + (f"; {result['slack_copies']} stand in Slack's merged channel." if result["slack_copies"] else "."),
        f"  Edits followed: {_ratio(result['edits'], 'followed')}; deletions: "
        f"{_ratio(result['deletions'], 'followed')}; posts of people who left: "
        f"{_ratio(result['departures'], 'followed')}; opt-outs: {_ratio(result['opt_outs'], 'obeyed')}.",
        *(
            [f"  Let out of their room by their authors, and on the page: {_ratio(consents, 'followed')}."]
            if (consents := result["consents"])["made"]
            else []
        ),
        f"  From a post to the page: {_ms(result['latency_ms']['p50'])} (half), "
        f"{_ms(result['latency_ms']['p99'])} (99 in 100).",
    ]
    if fired := {kind: times for kind, times in result["faults"].items() if times}:
        lines.append("  What went wrong on purpose:")
        lines += (
            f"    {FAULTS.get(kind, kind.replace('_', ' '))}: {times}×" for kind, times in fired.items()
        )
    if "kills" in result:
        lines.append(f"  The bridge was killed and started again: {result['kills']}×")
    if hosts := result.get("hosts"):
        lines.append(f"  The hosts ran the hour: {_times(hosts['done'])}.")
        lines.append(f"  Refused to somebody who is no host: {_times(hosts['refused'])}.")
        lines += (f"  The hosts could not do this: {failed}" for failed in hosts["failed"])
    if withheld := result.get("withheld"):
        lines.append(f"  Kept from people by your hosts (hidden, held, erased): {len(withheld)}")
    for network in result.get("real", ()):
        lines.append(
            f"  What stands on {network} is real: it was not looked at, and stays there until you delete it."
        )
    lines += ["", *verdict(result), "", *(f"  {path}" for path in result["transcript"])]
    return "\n".join(lines)


def _ratio(counted: dict[str, int], done: str) -> str:
    return f"{counted[done]} of {counted['made']}"


def _times(counted: dict[str, int]) -> str:
    """What was done, and how often if not once."""
    return (
        ", ".join(f"{what} {times}×" if times > 1 else what for what, times in counted.items()) or "nothing"
    )


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"


def verdict(result: dict[str, Any]) -> list[str]:
    """Nothing lost, doubled or leaked; or what."""
    words = {"lost": "lost", "duplicated": "doubled", "leaked": "seen by who may not"}
    if not any(result[kind] for kind in words):
        return ["  Nothing lost, nothing doubled, nothing leaked."]
    return [
        f"  {meant.upper()}: {item['network']} {item['id']} by {item['author']}: {item['why']}"
        for kind, meant in words.items()
        for item in result[kind]
    ]
