"""What people type, read as they mean it: zones, dates and times, lengths, hashtags, addresses. Pure, and in English.

Each reader gives what was meant or raises `Unread`, which says in words why it cannot tell.
"""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from bridge.text import TAG
from bridge.when import DAYS, MONTHS, micros, moment, place, readings

LONGEST_TAG = 64  # characters, as in `bridge.plan`
LONGEST = 2_000  # characters of one answer: seven posts on Bluesky
DAY = 24 * 60  # minutes

YES = ("yes", "y", "yep", "ok", "sure")
NO = ("no", "n", "none", "nope", "-")


class Unread(ValueError):
    """It cannot be told what was meant; says why, to the person who typed it. `meant`: what it may have been."""

    def __init__(self, why: str, meant: str = "") -> None:
        self.meant = meant
        super().__init__(why)


def text(words: str) -> str:
    """Words as they are, on one line, without what a clipboard leaves around them."""
    found = words.strip("\ufeff\u200b \t\r\n\xa0").replace("\t", " ")
    if len(found) > LONGEST:
        raise Unread(f"It has {len(found)} characters, and {LONGEST} are the most. Say it in fewer.")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in found):
        raise Unread(
            "There is a sign in it that cannot be seen, as an arrow key leaves it. Type it once more."
        )
    if not found:
        raise Unread("There are no words in it.")
    return found


def question(words: str) -> str:
    """A question without the number or the dash before it: Q1, Q2 … are put there by themselves."""
    return text(re.sub(r"^\s*(?:Q\s?\d+\s*[.:)–-]?\s+|\d+\s*[.:)]\s+|[-*•]\s+)", "", words))


def yes(words: str) -> bool:
    """Whether it is a yes."""
    said = words.casefold().strip(" .!")
    if said not in (*YES, *NO):
        raise Unread("Answer yes or no.")
    return said in YES


# ---------------------------------------------------------------- names with a form


def zone(words: str) -> str:
    """An IANA time zone, by its name or its city's: "europe/london", "New York"."""
    wanted = re.sub(r"[\s_]+", "_", text(words)).casefold()
    if wanted == "gmt":
        raise Unread(
            "GMT is London's time in winter only. Did you mean Europe/London? Write UTC for GMT all the year.",
            "Europe/London",
        )
    known = sorted(z for z in zoneinfo.available_timezones() if "/" in z or z == "UTC")
    cities = {
        z.rsplit("/", 1)[-1].casefold(): z for z in reversed(known) if not z.startswith(("Etc/", "US/"))
    }
    names = cities | {z.casefold(): z for z in known}
    if wanted in names:
        return names[wanted]
    near = get_close_matches(wanted, [n for n in names if n != "utc"], n=1, cutoff=0.6)
    if wanted.upper() in zoneinfo.available_timezones() or not near:
        raise Unread(
            "Write region and city, as in Europe/London or America/New_York: so summer time is known."
        )
    raise Unread(f"There is no time zone “{words}”. Did you mean {names[near[0]]}?", names[near[0]])


def hashtag(words: str) -> str:
    """A hashtag without its #."""
    tag = text(words).lstrip("#＃ ")
    if TAG.fullmatch(f"#{tag}") and len(tag) <= LONGEST_TAG:
        return tag
    good = camel(words)
    why = "A hashtag is one word of letters, digits and _, with a letter in it"
    why += f", at most {LONGEST_TAG} of them" if len(tag) > LONGEST_TAG else ""
    raise Unread(f"{why}. Shall it be #{good}?" if good else f"{why}.", good)


def camel(words: str) -> str:
    """Words as a hashtag, a capital for each, so that screen readers can tell them apart; "" if it cannot be."""
    tag = "".join(
        word[:1].upper() + word[1:] for word in re.findall(r"\w+", words.replace("’", "'").replace("'", ""))
    )
    return tag[:LONGEST_TAG] if TAG.fullmatch(f"#{tag[:LONGEST_TAG]}") else ""


def server(words: str) -> str:
    """The address of a Mastodon server; its name alone, an account's handle or its page say it too."""
    found = re.fullmatch(
        r"(?:https?://)?(?:@?[\w.+-]+@)?([\w-]+(?:\.[\w-]+)+(?::\d+)?)(?:/\S*)?", text(words), re.IGNORECASE
    )
    if found is None:
        raise Unread("A server's address has a dot in it, as in mastodon.social.")
    return f"https://{found[1].lower()}"


def handle(words: str) -> str:
    """A Bluesky handle or DID; the address of a profile says it too."""
    found = re.sub(r"^(?:https?://)?(?:www\.)?bsky\.app/profile/", "", text(words)).strip("/@")
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+|did:[a-z]+:\S+", found):
        return found
    if re.fullmatch(r"[a-z0-9]{4}(-[a-z0-9]{4}){3}", found):
        raise Unread(
            "That looks like an app password. It is asked for later, by chatbridge login; here, the handle."
        )
    good = f"{found.lower()}.bsky.social" if re.fullmatch(r"[A-Za-z0-9-]+", found) else ""
    did = f" Did you mean {good}?" if good else ""
    raise Unread(f"A handle on Bluesky has a dot in it, as in yourchat.bsky.social.{did}", good)


def minutes(words: str) -> int:
    """A length of time in whole minutes: "60", "90 min", "1h30", "1.5 hours"."""
    said = text(words).casefold().replace(",", ".")
    found = re.fullmatch(
        r"(?:(\d+(?:\.\d+)?)\s*(?:h|hrs?|hours?)\s*(?:and\s+)?)?(?:(\d+)\s*(?:m|mins?|minutes?)?)?", said
    )
    if found is None or not any(found.groups()):
        raise Unread("Write a number of minutes, as in 60.")
    length = float(found[1] or 0) * 60 + int(found[2] or 0)
    if not 1 <= length <= DAY or length != int(length):
        raise Unread("A chat lasts a whole number of minutes, from 1 to a day.", "60")
    return int(length)


# ---------------------------------------------------------------- dates

_FILLING = re.compile(r"(?:\b(?:at|on|the|of|next|this|coming|um|uhr|o['’]?clock|hrs?|hours)\b|[\s,;.–-])+")
_TIMES = (
    r"(?<![\d.:])(?P<h>\d{1,2})(?:[:.h](?P<m>\d{2}))?\s*(?P<half>[ap])\.?m\b\.?",
    r"(?<![\d.:])(?P<h>\d{1,2})[:.h](?P<m>\d{2})(?::00)?(?![\d:])",
    r"(?<![\d.:])(?P<h>\d{1,2})\s*(?:h\b|uhr\b|o['’]?clock\b)",
    r"\b(?P<h>noon)\b",
)
_YEAR = r"(?:,?\s*(?P<y>\d{4})(?![\d:.]))?"
_DATES = (
    r"(?<!\d)(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)t?",
    rf"(?<![\d:.])(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s-]*(?:of\s+)?(?P<name>[a-z]{{3,9}})\b\.?(?:-(?=\d{{4}}))?{_YEAR}",
    rf"\b(?P<name>[a-z]{{3,9}})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]|\.\d|\s*[ap]\.?m\b){_YEAR}",
    r"(?<!\d)(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?:\s?(?P<y>\d{4}|\d{2})(?![\d:.h]))?",
    r"(?<!\d)(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})(?!\d)",
    r"(?<!\d)(?P<either>\d{1,2})/(?P<or>\d{1,2})(?:/(?P<y>\d{4}|\d{2}))?(?![\d/])",
)
_LIKE = "Write it like this: {}"


def start(words: str, zone: str, now: datetime) -> datetime:
    """A moment ahead of `now` (aware), on the clocks of `zone`: "2027-03-16 20:00", "16 March 8pm", "next Tuesday
    20:00", "16.3.2027 20.00"; one with an offset is taken as it says."""
    said = text(words).casefold()
    here = now.astimezone(ZoneInfo(zone))
    like = _LIKE.format(f"{here + timedelta(days=21):%Y-%m-%d} 20:00")
    when = _with_offset(said)
    if when is None:
        when = _on_clocks(*_date_and_time(said, here, like), zone)
    if when <= now:
        raise Unread(f"{moment(micros(when), zone)} is past. {like}")
    if when.year > here.year + 20:
        raise Unread(f"The year {when.year} is far away. {like}")
    return when


def _with_offset(said: str) -> datetime | None:
    """A date and time with an offset, as computers write it."""
    if not re.search(r"\d{2}:\d{2}.*([+-]\d{2}:?\d{2}|z)$", said):
        return None
    try:
        when = datetime.fromisoformat(said.upper())
    except ValueError:
        return None
    return when if when.tzinfo is not None else None


def _on_clocks(day: date, hour: time, zone: str) -> datetime:
    """The moment at which the clocks of a zone show this. Raises Unread if there is none, or more than one."""
    naive = datetime.combine(day, hour)
    found = readings(naive, ZoneInfo(zone))
    if not found:
        later = naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        raise Unread(
            f"{hour:%H:%M} does not exist on that day: the clocks of {place(zone)} are put forward over it. Did you "
            f"mean {later:%H:%M}?",
            f"{later:%Y-%m-%d %H:%M}",
        )
    if len(found) > 1:
        first, second = (at.isoformat() for at in found)
        raise Unread(
            f"{hour:%H:%M} comes twice on that day: the clocks of {place(zone)} are put back over it. Write {first} "
            f"for the earlier, {second} for the later."
        )
    return found[0]


def _date_and_time(said: str, here: datetime, like: str) -> tuple[date, time]:
    """What a person calls a moment. `here`: now, on their clocks."""
    day, rest = _date(said, here, like)
    hour, rest = _time(rest, like)
    named, rest = _weekday(rest)
    if _FILLING.sub(" ", rest).strip():
        raise Unread(f"“{' '.join(rest.split())}” cannot be read in it. {like}")
    if hour is None:
        raise Unread(f"At what time of day? {like}")
    if day is None and named is not None:
        ahead = (named - here.weekday()) % 7
        another = hour <= here.time() or bool(re.search(r"\bnext\b", said))
        day = here.date() + timedelta(days=ahead or 7 * another)
    if day is None:
        raise Unread(f"On what day? {like}")
    if named is not None and day.weekday() != named:
        raise Unread(
            f"{day.day} {MONTHS[day.month - 1]} {day.year} is a {DAYS[day.weekday()]}, not a {DAYS[named]}.",
            f"{day} {hour:%H:%M}",
        )
    return day, hour


def _date(said: str, here: datetime, like: str) -> tuple[date | None, str]:
    """The day that is named, and what else was said."""
    for word, days in (("today", 0), ("tonight", 0), ("tomorrow", 1)):
        if re.search(rf"\b{word}\b", said):
            return here.date() + timedelta(days=days), re.sub(rf"\b{word}\b", " ", said)
    for pattern in _DATES:
        for found in re.finditer(pattern, said):
            parts = found.groupdict()
            if (named := _month(parts, like)) is not None:
                day = _day(parts.get("y"), named[1], named[0], here, like)
                return day, f"{said[: found.start()]} {said[found.end() :]}"
    return None, said


def _month(parts: dict[str, str | None], like: str) -> tuple[int, int] | None:
    """Day and month, numbers that may not exist; None if what looks like a month's name is none."""
    if name := parts.get("name"):
        months = [n for n, full in enumerate(MONTHS, 1) if full.casefold().startswith(name)]
        return (int(parts["d"] or 0), months[0]) if len(months) == 1 else None
    if parts.get("either"):
        one, other = int(parts["either"] or 0), int(parts["or"] or 0)
        if one <= 12 and other <= 12 and one != other:
            raise Unread(
                f"{one}/{other} may be {one} {MONTHS[other - 1]} or {other} {MONTHS[one - 1]}: "
                f"write the month's name. {like}"
            )
        return (other, one) if other > 12 else (one, other)
    return int(parts["d"] or 0), int(parts["m"] or 0)


def _day(year: str | None, month: int, number: int, here: datetime, like: str) -> date:
    """A day; without a year, the next one there is."""
    wanted = int(year) + 2000 * (len(year) == 2) if year else here.year
    try:
        day = date(wanted, month, number)
        return day if year or day >= here.date() else day.replace(year=wanted + 1)
    except ValueError:
        known = f"{number} {MONTHS[month - 1]} {wanted}" if 1 <= month <= 12 else f"a month {month}"
        raise Unread(f"There is no {known}. {like}") from None


def _time(said: str, like: str) -> tuple[time | None, str]:
    """The time of day, and what else was said."""
    for pattern in _TIMES:
        if (found := re.search(pattern, said)) is None:
            continue
        parts = found.groupdict()
        hour = 12 if parts["h"] == "noon" else int(parts["h"])
        minute = int(parts.get("m") or 0)
        if half := parts.get("half"):
            if not 1 <= hour <= 12:
                raise Unread(f"There is no {found[0].strip()}. {like}")
            hour = hour % 12 + 12 * (half == "p")
        if hour > 23 or minute > 59:
            raise Unread(f"There is no time {found[0].strip()}. {like}")
        return time(hour, minute), f"{said[: found.start()]} {said[found.end() :]}"
    return None, said


def _weekday(said: str) -> tuple[int | None, str]:
    """The day of the week that is named, 0 for Monday, and what else was said."""
    for found in re.finditer(r"\b[a-z]{3,9}\b", said):
        days = [n for n, name in enumerate(DAYS) if name.casefold().startswith(found[0])]
        if len(days) == 1:
            return days[0], f"{said[: found.start()]} {said[found.end() :]}"
    return None, said
