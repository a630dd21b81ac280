"""Times as a config writes them and as people read them. Pure, and in English, as the default texts are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

from bridge.model import HOUR, MINUTE, SECOND, Micros

DAY: Micros = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LEAD = re.compile(r"(?:(\d+)d)? ?(?:(\d+)h)? ?(?:(\d+)m)?")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def lead(written: str) -> Micros | None:
    """The length of "7d", "24h", "10m" or "1d12h"; None if it is none of these, or nothing at all."""
    match = _LEAD.fullmatch(written.strip().lower())
    if match is None:
        return None
    days, hours, minutes = (int(n or 0) for n in match.groups())
    return days * DAY + hours * HOUR + minutes * MINUTE or None


def micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds since 1970 UTC, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def local(at: Micros, zone: str) -> datetime:
    """`at` on the clocks of an IANA zone."""
    return (EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))


def readings(naive: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The moments at which the clocks of `zone` show `naive`, earliest first: one as a rule, none when the
    clocks are put forward over it, two when they are put back over it."""
    both = [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = sorted({m for m in both if m.astimezone(zone).replace(tzinfo=None) == naive})
    return tuple(m.astimezone(zone) for m in real)


@lru_cache(maxsize=1024)  # asked again at whatever happens
def next_hour(at: Micros, hour: int, zone: str) -> Micros:
    """The first moment after `at` at which the clocks of an IANA zone show that full hour."""
    today = local(at, zone).replace(hour=hour, minute=0, second=0, microsecond=0, tzinfo=None)
    days = (today + timedelta(days=n) for n in count())
    moments = (micros(moment) for day in days for moment in readings(day, ZoneInfo(zone)))
    return next(moment for moment in moments if moment > at)


def place(zone: str) -> str:
    """How people call an IANA zone's time: "London time", "UTC"."""
    if "/" not in zone or zone.startswith("Etc/"):
        return zone.removeprefix("Etc/")
    return zone.rsplit("/", 1)[1].replace("_", " ") + " time"


def day(at: Micros, zone: str) -> str:
    """ "Tuesday 20 March 2018"."""
    here = local(at, zone)
    return f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here.year}"


def hour(at: Micros, zone: str) -> str:
    """ "20:00"."""
    return f"{local(at, zone):%H:%M}"


def both(at: Micros, zone: str, until: Micros | None = None) -> str:
    """Local time with its zone, and UTC with its day where that differs: "20:00 London time (20:00 UTC)",
    "20:00 to 21:00 London time (20:00 UTC)", "09:00 Tokyo time (Monday 00:00 UTC)"."""
    end = f" to {hour(until, zone)}" if until is not None else ""
    here = f"{hour(at, zone)}{end} {place(zone)}"
    if place(zone) == "UTC":
        return here
    utc = hour(at, "UTC")
    if local(at, zone).date() != local(at, "UTC").date():
        utc = f"{DAYS[local(at, 'UTC').weekday()]} {utc}"
    return f"{here} ({utc} UTC)"


def moment(at: Micros, zone: str, until: Micros | None = None) -> str:
    """ "Tuesday 20 March 2018, 20:00 London time (20:00 UTC)"."""
    return f"{day(at, zone)}, {both(at, zone, until)}"


def span(length: Micros) -> str:
    """A length of time in words: "24 hours", "10 minutes", "7 days", "1 hour 30 minutes"."""
    whole = (length + SECOND // 2) // SECOND
    if whole % 86_400 == 0 and whole > 86_400:
        return _amount(whole // 86_400, "day")
    hours, rest = divmod(whole, 3600)
    parts = [_amount(hours, "hour")] * bool(hours) + [_amount(rest // 60, "minute")] * bool(rest // 60)
    return " ".join(parts) or _amount(whole, "second")


def _amount(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
