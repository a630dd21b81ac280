"""Times and lengths as a config writes them and as people read them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bridge.model import HOUR, MINUTE
from bridge.plan import spread
from bridge.when import lead, moment, readings, span
from tests.unit.configs import at

LONDON = ZoneInfo("Europe/London")


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("7d", 10080), ("24h", 1440), ("10m", 10), ("1d12h", 2160), ("1h 30m", 90), ("1H", 60)],
)
def test_leads(words: str, minutes: int) -> None:
    assert lead(words) == minutes * MINUTE


@pytest.mark.parametrize("words", ["", "0m", "7", "-1h", "1w", "h", "10 m", "1.5h", "m10"])
def test_no_leads(words: str) -> None:
    assert lead(words) is None


@pytest.mark.parametrize(
    ("planned", "minutes", "spread_over"),
    [
        ([None] * 7, 60, [7, 15, 22, 30, 37, 45, 52]),
        ([5, None, None], 60, [5, 23, 41]),
        ([None, 30, None], 60, [15, 30, 45]),
        ([None] * 3, 2, [0.5, 1, 1.5]),
        ([1, 2], 60, [1, 2]),
    ],
)
def test_spreading(planned: list[float | None], minutes: float, spread_over: list[float]) -> None:
    assert spread(planned, minutes) == spread_over


@pytest.mark.parametrize(
    ("shown", "times"),
    [("2027-03-28T01:30", 0), ("2027-03-28T02:00", 1), ("2027-10-31T01:00", 2), ("2027-10-31T02:00", 1)],
)
def test_clocks_put_forward_and_back(shown: str, times: int) -> None:
    assert len(readings(dt.datetime.fromisoformat(shown), LONDON)) == times


def test_times_in_words() -> None:
    eight = at(2018, 3, 20, 20)
    assert moment(eight, "Europe/London") == "Tuesday 20 March 2018, 20:00 London time (20:00 UTC)"
    assert moment(eight, "UTC") == "Tuesday 20 March 2018, 20:00 UTC"
    assert (
        moment(eight, "America/New_York", eight + HOUR)
        == "Tuesday 20 March 2018, 16:00 to 17:00 New York time (20:00 UTC)"
    )
    assert moment(eight, "Asia/Tokyo") == "Wednesday 21 March 2018, 05:00 Tokyo time (Tuesday 20:00 UTC)"
    assert [span(n * MINUTE) for n in (1, 10, 60, 90, 1440, 10080)] == [
        "1 minute",
        "10 minutes",
        "1 hour",
        "1 hour 30 minutes",
        "24 hours",
        "7 days",
    ]
