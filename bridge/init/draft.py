"""The files that `init` writes: a config made of somebody's answers, and the places for its secrets."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from bridge.config import Config, load
from bridge.model import MINUTE, Micros
from bridge.when import lead, micros, place, readings

EXAMPLES = (
    "What brought you to this community?",
    "What worked well for you lately, and why?",
    "What will you try next, and who could help you with it?",
)
LEADS = ("7d", "3d", "1d", "12h", "3h", "1h", "30m")  # of an announcement: the first that still fits
REMINDERS = ("24h", "10m")
SPARE = 10 * MINUTE  # at least, from now until the announcement: time to log in
COLUMN = 37  # characters before a comment

IGNORED = """\
# secrets, and what a chat leaves: words of people
.env
/data/
/rehearsal*/
"""


@dataclass(frozen=True)
class Answers:
    """What somebody said of their chat. `starts` is aware. Of a network "" is an account that is not known yet, None
    one that is left out."""

    community: str
    zone: str
    title: str
    hashtag: str
    starts: datetime
    minutes: int = 60
    hosts: tuple[str, ...] = ()
    questions: tuple[str, ...] = EXAMPLES
    mastodon: str | None = ""
    bluesky: str | None = ""
    slack: bool = True


def config(answers: Answers, now: Micros) -> str:
    """The whole config.toml. `now` decides what is still ahead: the announcement and the reminders."""
    announce, remind = ahead(micros(answers.starts), now)
    where = "the clocks of UTC" if place(answers.zone) == "UTC" else f"clocks that show {place(answers.zone)}"
    return _rendered(
        "config.toml",
        **asdict(answers)
        | {
            "id": short(answers.title),
            "starts": written(answers.starts, answers.zone),
            "clocks": where,
            "announce": announce,
            "remind": remind,
        },
    )


def env(answers: Answers) -> str:
    """The .env: the secrets' names, and where each comes from."""
    return _rendered("env", **asdict(answers))


@functools.cache
def _templates() -> Environment:
    templates = Environment(  # noqa: S701  # TOML, whose texts `quoted` writes
        loader=PackageLoader("bridge", "init"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    templates.filters["quoted"] = quoted
    templates.globals |= {"quoted": quoted, "pad": lambda line: line.ljust(COLUMN)}
    return templates


def _rendered(name: str, **values: object) -> str:
    return _templates().get_template(f"{name}.jinja").render(values)


def loaded(answers: Answers, now: Micros) -> Config:
    """The config as it will be read. Raises ConfigError with what is wrong in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(config(answers, now), encoding="utf-8")
        return load(path, {})


# ---------------------------------------------------------------- values

_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def quoted(text: str) -> str:
    """A text as TOML spells it, on one line (TOML 1.0, "String": control characters are escaped)."""
    return '"' + "".join(_ESCAPES.get(sign) or _sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    return f"\\u{ord(sign):04X}" if unicodedata.category(sign) == "Cc" else sign


def short(title: str) -> str:
    """A chat's id made of its title."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:60].strip("-") or "our-chat"


def written(starts: datetime, zone: str) -> str:
    """A start as TOML has it: what the clocks show, with the offset where they show it twice."""
    here = starts.astimezone(ZoneInfo(zone))
    naive = here.replace(tzinfo=None)
    once = len(readings(naive, ZoneInfo(zone))) == 1
    return (naive if once else here).isoformat(timespec="seconds")


def ahead(starts: Micros, now: Micros) -> tuple[str | None, tuple[str, ...]]:
    """The usual announcement if its time is still ahead, else a later one; None if the chat is too near for any. And
    the reminders that come after it."""
    most = starts - now - SPARE
    announce = next((words for words in LEADS if _length(words) <= most), None)
    room = _length(announce) if announce else 0
    return announce, tuple(words for words in REMINDERS if _length(words) < room)


def _length(words: str) -> Micros:
    length = lead(words)
    assert length is not None
    return length
