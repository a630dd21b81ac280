"""What came of a rehearsal, in words."""

from __future__ import annotations

from typing import Any

from bridge.rehearsal.result import FAULTS, show, verdict
from simulator.faults import HARSH

RESULT: dict[str, Any] = {
    "chat": "handovers",
    "seed": 1,
    "questions": [{"label": "Q1", "posted": {"mastodon": 1}, "skew_ms": 12.4}],
    "written": {"mastodon": 3},
    "timeline": {"entries": 3},
    "slack_copies": 3,
    "latency_ms": {"p50": 5.0, "p99": None},
    "faults": {"answer_lost": 2, "slow": 0},
    "transcript": ["/kept/transcript.md"],
    "lost": [],
    "duplicated": [],
    "leaked": [],
}
COUNTED = ("edits", "deletions", "departures", "opt_outs", "consents")


def test_every_fault_is_called_in_words() -> None:
    assert set(FAULTS) == set(HARSH)
    shown = show({**RESULT, **{key: {"made": 1, "followed": 1, "obeyed": 1} for key in COUNTED}})
    assert "    the answer to a request was lost on the way: 2×\n" in shown
    assert "answer_lost" not in shown
    assert "slowly" not in shown  # it did not fire


def test_the_verdict_names_what_went_wrong() -> None:
    assert verdict(RESULT) == ["  Nothing lost, nothing doubled, nothing leaked."]
    lost = [{"network": "slack", "id": "7", "author": "nurse-07", "why": "it is not in the transcript"}]
    assert verdict({**RESULT, "lost": lost}) == ["  LOST: slack 7 by nurse-07: it is not in the transcript"]
