"""`chatbridge init`: whatever somebody answers, the config that is written says it, and can be read."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.arguments import DONE, FAILED, WRONG
from bridge.config import load
from bridge.init.draft import EXAMPLES, Answers, ahead, config, env, loaded, quoted, short
from bridge.model import HOUR, MINUTE
from bridge.readiness import not_ready, passed
from bridge.when import micros
from tests.unit.configs import at

COMMAND = [sys.executable, "-m", "bridge", "init"]
HERE = {**os.environ, "TZ": "Europe/London", "PYTHONPATH": str(Path(__file__).parents[2])}
NOW = at(2026, 11, 23, 15)
STARTS = datetime(2027, 3, 16, 20, tzinfo=ZoneInfo("Europe/London"))
NIGHT = Answers("The Night Round", "Europe/London", "Safer handovers", "WardChat", STARTS)


def run(folder: Path, typed: str | bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, its answers coming through a pipe."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        input=typed.encode() if isinstance(typed, str) else typed,
        capture_output=True,
        timeout=60,
        check=False,
        env=HERE,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


# ---------------------------------------------------------------- what is written


def test_nobody_answers_and_a_chat_that_can_be_rehearsed_is_there(tmp_path: Path) -> None:
    done = run(tmp_path, "")
    assert done.returncode == DONE, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", ".gitignore", "config.toml"]
    made = load(tmp_path / "config.toml", {})
    assert [q.text for q in made.community.chats[0].questions] == list(EXAMPLES)
    assert made.community.zone == "Europe/London"
    assert [net.name for net in made.networks] == ["mastodon", "bluesky", "slack"]
    assert not any("starts" in m.key for m in not_ready(made, micros(datetime.now(ZoneInfo("UTC")))))
    for said in ("chatbridge rehearse", "chatbridge login mastodon", "chatbridge check", "chatbridge run"):
        assert said in done.stdout
    assert "examples" in done.stdout


def test_only_their_owner_reads_the_secrets_file_and_no_variable_has_a_value(tmp_path: Path) -> None:
    run(tmp_path, "", "--yes")
    file = tmp_path / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["MASTODON_TOKEN=", "BLUESKY_PASSWORD=", "SLACK_BOT_TOKEN=", "SLACK_APP_TOKEN="]
    assert ".env" in (tmp_path / ".gitignore").read_text().splitlines()
    sourced = f"set -eua; . {file}; set +a; echo $SLACK_APP_TOKEN."
    assert subprocess.run(["sh", "-c", sourced], capture_output=True, check=True).stdout == b".\n"


def test_the_secrets_file_names_each_networks_own() -> None:
    named = re.findall(r"^(\w+)=$", env(Answers("A", "UTC", "B", "C", STARTS, mastodon=None)), re.MULTILINE)
    assert named == ["BLUESKY_PASSWORD", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    every = {f"{net.name}_{s}".upper() for net in loaded(NIGHT, NOW).networks for s in net.platform.secrets}
    assert set(re.findall(r"^(\w+)=$", env(NIGHT), re.MULTILINE)) == every


def test_answers_as_windows_leaves_them_are_the_answers(tmp_path: Path) -> None:
    typed = [
        "The Night Round  ",
        'Handovers: "safe" or \\ not ☕',
        " #WardChat ",
        "london",
        "16 March 2040 8pm",
        "1h30",
        "Wren Adair, Kit O'Neil",
        "Q1: Who is missing?",
        "Why “that”?   ",
        "",
        "@us@ward.social",
        "no",
        "yes",
    ]
    done = run(tmp_path, "\r\n".join(typed) + "\r\n")
    assert done.returncode == DONE, done.stderr
    made = load(tmp_path / "config.toml", {})
    chat = made.community.chats[0]
    assert (made.community.name, chat.title) == ("The Night Round", 'Handovers: "safe" or \\ not ☕')
    assert (chat.id, chat.hashtag, made.community.zone) == (
        "handovers-safe-or-not",
        "WardChat",
        "Europe/London",
    )
    assert (chat.starts, chat.ends - chat.starts) == (at(2040, 3, 16, 20), 90 * MINUTE)
    assert [host.name for host in chat.hosts] == ["Wren Adair", "Kit O'Neil"]
    assert [q.text for q in chat.questions] == ["Who is missing?", "Why “that”?"]
    assert [net.name for net in made.networks] == ["mastodon", "slack"]
    assert made.networks[0].settings.server == "https://ward.social"
    assert "# bluesky" not in (tmp_path / "config.toml").read_text()


def test_a_wrong_answer_that_nobody_can_mend_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "The Night Round\nHandovers\nWardChat\nLodnon\n")
    assert done.returncode == WRONG
    assert "Your time zone: There is no time zone “Lodnon”. Did you mean Europe/London?" in done.stderr
    done = run(tmp_path, b"caf\xe9\n")
    assert done.returncode == FAILED
    assert "not text in UTF-8" in done.stderr
    assert "Nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_long_question_is_named_and_noted_once(tmp_path: Path) -> None:
    asked = ["What is missing?", "Why? " * 70, "And then?", "", "ward.social", "us.example.org", "yes"]
    done = run(tmp_path, "\n" * 7 + "\n".join(asked) + "\n")
    assert done.returncode == DONE, done.stderr
    assert re.findall(r"Note: (.*) characters", done.stderr) == ["Q2: better at most 300"]


def test_a_book_is_no_question(tmp_path: Path) -> None:
    done = run(tmp_path, "\n" * 7 + "x" * 200_000 + "\n")
    assert done.returncode == WRONG
    assert "Q1: It has 200000 characters, and 2000 are the most." in done.stderr


def test_a_chat_without_any_network_is_none(tmp_path: Path) -> None:
    done = run(tmp_path, "\n" * 8 + "no\nno\nno\n")
    assert done.returncode == WRONG
    assert "at least one network" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MASTODON_TOKEN=hush\n")
    (tmp_path / "config.toml").write_text("mine")
    done = run(tmp_path, "", "--yes")
    assert done.returncode == FAILED
    assert "--force" in done.stderr
    assert (tmp_path / "config.toml").read_text() == "mine"
    assert not (tmp_path / ".gitignore").exists()
    done = run(tmp_path, "", "--yes", "--force", "--json")
    assert done.returncode == DONE
    assert json.loads(done.stdout) == {"written": ["config.toml", ".gitignore"], "kept": [".env"]}
    assert load(tmp_path / "config.toml", {}).community.name == "Our community"
    assert (tmp_path / ".env").read_text() == "MASTODON_TOKEN=hush\n"


def test_another_place_is_made_and_named_in_what_comes_next(tmp_path: Path) -> None:
    done = run(tmp_path, "", "--yes", "--config", "our chat/night.toml")
    assert done.returncode == DONE
    assert sorted(path.name for path in (tmp_path / "our chat").iterdir()) == [
        ".env",
        ".gitignore",
        "night.toml",
    ]
    assert "chatbridge rehearse --config 'our chat/night.toml'" in done.stdout
    assert run(tmp_path, "", "--yes", "--config", ".").returncode == FAILED


# ---------------------------------------------------------------- a person at a terminal


def _listening() -> None:
    """Ctrl-C is heard, as at a terminal: tests that run in the background were started deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Seated:
    """Somebody at a terminal, who types when they are asked."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self._child = subprocess.Popen(
            COMMAND, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env={**HERE, "TERM": "dumb"},
            preexec_fn=_listening,  # noqa: PLW1509  # this test has no threads
        )  # fmt: skip
        os.close(theirs)
        self._seen = ""

    def until(self, words: str) -> str:
        """What is shown until these words are, and they are."""
        while words not in self._seen:
            more = self._more()
            assert more, f"{words!r} did not come: {self._seen}"
            self._seen += more
        before, _, self._seen = self._seen.partition(words)
        return before

    def type(self, words: str) -> None:
        os.write(self._ours, words.encode())

    def interrupt(self) -> None:
        """Again if nothing came of it: between the prompt and its own waiting Python's readline hears nothing."""
        for _ in range(5):
            self._child.send_signal(signal.SIGINT)
            if select.select([self._ours], [], [], 5)[0]:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nobody sits there any longer than the test does."""
        self._child.kill()
        self._child.wait()
        os.close(self._ours)

    def end(self) -> tuple[int, str]:
        """How it ended, and what was shown last."""
        while more := self._more():
            self._seen += more
        return self._child.wait(30), self._seen

    def _more(self) -> str:
        assert select.select([self._ours], [], [], 60)[0], f"nothing came: {self._seen}"
        try:
            return os.read(self._ours, 4096).decode()
        except OSError:  # the other end is closed
            return ""


def test_somebody_at_a_terminal_is_told_what_is_wrong_and_asked_again(tmp_path: Path) -> None:
    """Among other things that the night in which Paris puts its clocks forward has no half past two."""
    night = datetime(datetime.now(UTC).year + 1, 3, 31, 1, 30, tzinfo=UTC)
    night -= timedelta(days=(night.weekday() + 1) % 7)
    with Seated(tmp_path) as seat:
        for prompt, typed in (
            ("name [Our community]: ", "The Night Round"),
            ("about [Our first chat]: ", "Handovers at night"),
        ):
            seat.until(prompt)
            seat.type(f"{typed}\n")
        seat.until("hashtag [#HandoversAtNight]: ")
        seat.type("our ward chat\n")
        seat.until("Shall it be #OurWardChat?")
        seat.until("hashtag [OurWardChat]: ")
        seat.type("\n")
        seat.until("zone [Europe/London]: ")
        seat.type("Europe/Pariss\n")
        seat.until("Did you mean Europe/Paris?")
        seat.until("zone [Europe/Paris]: ")
        seat.type("\n")
        seat.until("starts [")
        seat.type("1 March 2021 20:00\n")
        seat.until("is past.")
        seat.until("starts [")
        seat.type(f"{night.day} March {night.year} 02:30\n")
        seat.until("02:30 does not exist on that day")
        seat.until(f"starts [{night.date()} 03:30]: ")
        seat.type("\n")
        seat.until(f"Sunday {night.day} March {night.year}, 03:30 Paris time (01:30 UTC)")
        seat.until("lasts [60]: ")
        seat.type("\n")
        seat.until("[nobody yet]: ")
        seat.type("Wren Adair\n")
        seat.until("Q1: ")
        seat.type("Who is {name}?\n")
        seat.until("Take {name} out")
        seat.until("Q1: ")
        seat.type("Who is missing?\r\n\r\nWhy?\r\n\r\n\r\nWhat now?\r\n")  # pasted, with empty lines in it
        seat.until("Q4: ")
        seat.type("\n")
        seat.until("server [not known yet]: ")
        seat.type("ward\n")
        seat.until("has a dot in it")
        seat.until("server [not known yet]: ")
        seat.type("no\n")
        seat.until("handle [not known yet]: ")
        seat.type("no\n")
        seat.until("no [yes]: ")
        seat.type("no\n")
        seat.until("at least one network")
        seat.until("server [not known yet]: ")
        seat.type("ward.social\n")
        seat.until("handle [not known yet]: ")
        seat.type("ward\n")
        seat.until("handle [ward.bsky.social]: ")
        seat.type("\n")
        seat.until("no [yes]: ")
        seat.type("no\n")
        status, shown = seat.end()
    assert status == DONE
    assert "Written: config.toml, .env, .gitignore." in shown
    made = load(tmp_path / "config.toml", {})
    chat = made.community.chats[0]
    assert [q.text for q in chat.questions] == ["Who is missing?", "Why?", "What now?"]
    assert (chat.starts, chat.hashtag) == (micros(night), "OurWardChat")
    assert next(net.settings for net in made.networks if net.name == "bluesky").account == "ward.bsky.social"


@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("answered", [0, 3])
def test_who_stops_has_written_nothing(tmp_path: Path, key: str, answered: int) -> None:
    with Seated(tmp_path) as seat:
        for _ in range(answered):
            seat.until("]: ")
            seat.type("\n")
        seat.until("]: ")
        if key == "Ctrl-C":
            seat.interrupt()
        else:
            seat.type("\x04")
        status, shown = seat.end()
    assert status == FAILED
    assert "chatbridge: stopped. Nothing was written." in shown
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- every text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SPEAKABLE = TEXT.filter(
    lambda words: words.strip() and "{" not in words
)  # a brace may ask for what no text has


@given(TEXT)
@example('\x00\x1f\x7f\x85 " \\ \b\t\n\f\r \U0001f600 \u2028')
def test_any_text_is_read_back_as_it_was(words: str) -> None:
    spelt = quoted(words)
    assert "\n" not in spelt
    assert "\r" not in spelt
    assert tomllib.loads(f"a = {spelt} # {spelt!r}") == {"a": words}


@settings(max_examples=60, deadline=None)
@given(SPEAKABLE, SPEAKABLE, st.lists(SPEAKABLE, max_size=3), st.lists(SPEAKABLE, min_size=1, max_size=5))
def test_what_was_answered_is_what_is_read(
    name: str, title: str, hosts: list[str], questions: list[str]
) -> None:
    made = loaded(
        Answers(name, "Europe/London", title, "WardChat", STARTS, 50, tuple(hosts), tuple(questions)), NOW
    )
    chat = made.community.chats[0]
    assert (made.community.name, chat.title) == (name, title)
    assert [host.name for host in chat.hosts] == hosts
    assert [question.text for question in chat.questions] == questions


@given(st.text())
def test_any_title_makes_an_id(title: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", short(title))


# ---------------------------------------------------------------- the template


@pytest.mark.parametrize("hosts", [(), ("Wren Adair",)])
def test_every_line_that_is_commented_out_is_right_without_its_sign(
    tmp_path: Path, hosts: tuple[str, ...]
) -> None:
    text = config(Answers("A", "UTC", "B", "Bee", STARTS, hosts=hosts), NOW)
    lines = text.replace('"…"', '"https://ward.social"').splitlines()
    path = tmp_path / "config.toml"
    bare = [re.sub(r"^# (?=(\w+ = |\[\[))", "", line) for line in lines]
    assert len([one for one, other in zip(bare, lines, strict=True) if one != other]) >= 9
    path.write_text("\n".join(bare).replace('"https://ward.social"      ', '"ward.social"'))
    made = load(path, {})
    assert made.community.page == "https://chat.example.org"
    assert dict(made.community.chats[0].hosts[0].handles).keys() == {"mastodon", "bluesky", "slack"}


@pytest.mark.parametrize("leave", ["mastodon", "bluesky", "slack"])
def test_a_network_that_is_left_out_is_nowhere_in_the_tables(leave: str) -> None:
    less = {leave: False if leave == "slack" else None}
    answers = Answers("A", "UTC", "B", "Bee", STARTS, hosts=("Wren Adair",), **less)  # type: ignore[arg-type]
    assert leave not in [net.name for net in loaded(answers, NOW).networks]
    assert leave not in "\n".join(re.findall(r"^(?:# )?\w+ = ", config(answers, NOW), re.MULTILINE))
    assert leave.upper() not in env(answers)


@pytest.mark.parametrize(
    ("room", "announce", "remind"),
    [
        (8 * 24 * HOUR, "7d", ("24h", "10m")),
        (2 * 24 * HOUR, "1d", ("10m",)),
        (5 * HOUR, "3h", ("10m",)),
        (30 * MINUTE, None, ()),
    ],
)
def test_nothing_is_planned_for_a_time_that_is_past(
    room: int, announce: str | None, remind: tuple[str, ...]
) -> None:
    assert ahead(NOW + room, NOW) == (announce, remind)
    starts = datetime.fromtimestamp((NOW + room) / 1e6, ZoneInfo("UTC"))
    made = loaded(Answers("A", "UTC", "B", "Bee", starts), NOW)
    assert passed(made, NOW) == ()


def test_an_hour_that_comes_twice_is_written_with_its_offset() -> None:
    for fold in (0, 1):
        starts = datetime(2027, 10, 31, 1, 30, tzinfo=ZoneInfo("Europe/London"), fold=fold)
        made = loaded(Answers("A", "Europe/London", "B", "Bee", starts), NOW)
        assert made.community.chats[0].starts == micros(starts) == at(2027, 10, 31, fold, 30)
