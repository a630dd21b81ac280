"""`chatbridge init`: a few questions, and a config that can be rehearsed stands in the folder.

Each answer is tried at once in the config it will stand in, so that what is written in the end can be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bridge.errors import ChatbridgeError, ConfigError, Mistake
from bridge.init import spelt
from bridge.init.draft import EXAMPLES, IGNORED, LEADS, Answers, ahead, config, env, loaded
from bridge.init.person import Person
from bridge.init.spelt import Unread
from bridge.model import Micros
from bridge.when import lead, local, micros, moment, span

T = TypeVar("T")

WEEKS = timedelta(days=15)  # at least until the start that is proposed: its announcement is then still ahead
NOBODY, LATER = "nobody yet", "not known yet"

HELLO = """\
A few questions, and a chat that you can rehearse stands in {file}. The Enter key takes what is in [brackets];
everything can be changed in the file later. Ctrl-C stops, and nothing is written.
"""
QUESTIONS = "\nThe questions you will ask, one a line; an empty line ends them. (None yet: three examples.)"
NETWORKS = "\nWhere will it be held? Enter, if you do not know the account yet; no, to leave the network out."


# ---------------------------------------------------------------- the answers


def interview(person: Person, now: Micros) -> Answers:
    """Ask for everything. Raises Unread, EOFError and ChatbridgeError as `Person` does."""
    asked = _Asked(person, now)
    asked.name()
    asked.time()
    asked.people()
    asked.questions()
    asked.networks()
    return asked.answers


def proposed(zone: str, now: Micros) -> Answers:
    """A chat of which nothing is known: a Tuesday evening some weeks ahead."""
    day = local(now, zone) + WEEKS
    day += timedelta(days=(1 - day.weekday()) % 7)
    starts = datetime(day.year, day.month, day.day, 20, tzinfo=ZoneInfo(zone))
    return Answers("Our community", zone, "Our first chat", "OurFirstChat", starts)


class _Asked:
    """What was answered so far, and the usual for the rest."""

    def __init__(self, person: Person, now: Micros) -> None:
        self.person = person
        self.now = now
        self.answers = proposed(system_zone(), now)

    def name(self) -> None:
        self._ask("community", "Your community's name", self.answers.community, spelt.text)
        self._ask("title", "What is the chat about", self.answers.title, spelt.text)
        tag = spelt.camel(self.answers.title) if len(self.answers.title) <= 30 else ""
        self._ask("hashtag", "Its hashtag", f"#{tag or 'OurFirstChat'}", spelt.hashtag)

    def time(self) -> None:
        self._ask("zone", "Your time zone", self.answers.zone, spelt.zone)
        zone = self.answers.zone
        usual = proposed(zone, self.now).starts
        self.answers = replace(self.answers, starts=usual)
        here = local(self.now, zone)
        self._ask(
            "starts",
            "When it starts",
            f"{usual:%Y-%m-%d %H:%M}",
            lambda words: spelt.start(words, zone, here),
        )
        starts = micros(self.answers.starts)
        self.person.say(f"  {moment(starts, zone)}")
        self._ask("minutes", "Minutes it lasts", str(self.answers.minutes), spelt.minutes)
        announce, _ = ahead(starts, self.now)
        if announce is None:
            self.person.say("  It is too soon for an announcement. Tell people yourselves.")
        elif announce != LEADS[0]:
            self.person.say(f"  So soon, it is announced only {span(lead(announce) or 0)} before.")

    def people(self) -> None:
        self._ask("hosts", "Hosts' names, with commas between", NOBODY, _names)

    def questions(self) -> None:
        person = self.person
        found: list[str] = []
        person.say(QUESTIONS)
        while True:
            typed = person.line(f"Q{len(found) + 1}: ")
            if not typed.strip():
                if found and person.pasting():
                    continue
                break
            try:
                tried = (*found, spelt.question(typed))
                self._tried({"questions": tried})
                found.append(tried[-1])
                self.answers = replace(self.answers, questions=tried)
            except Unread as no:
                person.refuse(f"Q{len(found) + 1}", no)

    def networks(self) -> None:
        self.person.say(NETWORKS)
        while True:
            mastodon = self.person.answer("Mastodon, its server", LATER, _account(spelt.server))
            bluesky = self.person.answer("Bluesky, the handle", LATER, _account(spelt.handle))
            slack = self.person.answer("Slack, yes or no", "yes", spelt.yes)
            try:
                self._tried({"mastodon": mastodon, "bluesky": bluesky, "slack": slack})
                break
            except Unread as no:
                self.person.refuse("The networks", no)
        self.answers = replace(self.answers, mastodon=mastodon, bluesky=bluesky, slack=slack)

    def _ask(self, field: str, prompt: str, usual: str, read: Callable[[str], Any]) -> None:
        """One answer, which must stand in the config."""

        def fits(words: str) -> Any:
            value = read(words)
            self._tried({field: value})
            return value

        self.answers = replace(self.answers, **{field: self.person.answer(prompt, usual, fits)})

    def _tried(self, more: dict[str, Any]) -> None:
        """Raises Unread if a config with these answers could not be read. Says what is merely unwise about them."""
        tried = replace(self.answers, **more)
        try:
            new = loaded(tried, self.now).warnings
        except ConfigError as error:
            raise Unread(" ".join(map(_in_words, error.mistakes))) from None
        before = {(w.key, w.expected) for w in loaded(self.answers, self.now).warnings}
        for warning in new:
            if (warning.key, warning.expected) not in before:
                self.person.say(f"  Note: {_in_words(warning)}")


def _in_words(mistake: Mistake) -> str:
    """For somebody who has seen no config."""
    expected = re.sub(r"; it has (\d+)", r"; this has \1", mistake.expected)
    which = re.search(r"\.questions\[(\d+)\]", mistake.key)
    named = f"Q{int(which[1]) + 1}: " if which else ""
    verb = "better" if mistake.warning else "wanted is"
    return f"{named}{verb if named else verb.capitalize()} {expected}. {mistake.mend}"


def _names(words: str) -> tuple[str, ...]:
    if words == NOBODY or words.casefold() in spelt.NO:
        return ()
    return tuple(dict.fromkeys(spelt.text(name) for name in re.split(r"[,;]", words) if name.strip()))


def _account(read: Callable[[str], str]) -> Callable[[str], str | None]:
    """An account, "" if it is not known yet, None if there shall be none."""

    def account(words: str) -> str | None:
        said = words.casefold().strip(" .")
        return None if said in spelt.NO else "" if said in (LATER, *spelt.YES) else read(words)

    return account


def system_zone() -> str:
    """The time zone this machine is set to; "UTC" if it does not say."""
    said = [os.environ.get("TZ", "").lstrip(":")]
    with suppress(OSError):
        said.append(os.readlink("/etc/localtime").rpartition("zoneinfo/")[2])
    with suppress(OSError, UnicodeDecodeError):
        said.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    for name in said:
        with suppress(Unread):
            return spelt.zone(name.removeprefix("Etc/"))
    return "UTC"


# ---------------------------------------------------------------- the files


@dataclass(frozen=True)
class Made:
    """The files that were written, the config first, and those that were there and stay as they are."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def refuse(path: Path, force: bool) -> None:
    """Raises ChatbridgeError if a config cannot be written to `path`; `force`: a file there may be replaced."""
    if path.is_dir():
        raise ChatbridgeError(f"{path} is a folder. Name a file in it: {path / 'config.toml'}")
    if path.exists() and not force:
        raise ChatbridgeError(
            f"{path} is there already, and stays as it is. Change it by hand, give the new one another name with "
            "--config FILE, or replace it with --force."
        )


def write(answers: Answers, now: Micros, path: Path, *, force: bool = False) -> Made:
    """Write the config to `path`, and what belongs beside it unless it is there. Raises ChatbridgeError, OSError."""
    refuse(path, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = {
        path.with_name(".env"): (env(answers), 0o600),
        path.with_name(".gitignore"): (IGNORED, 0o666),
    }
    new = {other: made for other, made in beside.items() if not other.exists()}
    for file, (text, mode) in ({path: (config(answers, now), 0o666)} | new).items():
        _replace(file, text, mode)
    return Made((path, *new), tuple(beside.keys() - new.keys()))


def _replace(path: Path, text: str, mode: int) -> None:
    """The file whole, or as it was. `mode`: less what the user's umask takes away."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


# ---------------------------------------------------------------- for a person


def show(made: Made, answers: Answers, again: Callable[[str], str]) -> str:
    """What was written, and what comes next. `again`: a command for this config."""
    names = ", ".join(str(path) for path in made.written)
    stay = f" ({', '.join(str(p) for p in made.kept)} stays as it is.)" if made.kept else ""
    lines = [f"\nWritten: {names}.{stay}"]
    if answers.questions == EXAMPLES:
        lines.append("Its three questions are examples: put yours in their place before the real chat.")
    networks = [n for n in ("mastodon", "bluesky") if getattr(answers, n) is not None] + [
        "slack"
    ] * answers.slack
    first, *others = networks
    likewise = f" (then {', '.join(others)})" if others else ""
    return "\n".join(
        [
            *lines,
            "",
            f"  {again('rehearse'):<28} hold it now, on this machine, with simulated people",
            f"  {again(f'login {first}'):<28} once the account stands in the file{likewise}",
            f"  {again('check'):<28} says what is missing; when nothing is: {again('run')}",
        ]
    )
