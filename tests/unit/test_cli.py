"""The command line as somebody meets it who types something wrong, or comes when everything is over."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge import cli
from bridge.arguments import DONE, FAILED, WRONG
from bridge.chat.commands import USAGE
from bridge.chat.state import Configured
from bridge.engine import Engine
from bridge.errors import JournalUnreadable
from bridge.journal import Batch, Journal, recorded
from bridge.report.from_journal import replayed
from tests.unit.make import community, person, post
from tests.unit.test_forget import running, write

CONFIG = """
[community]
name = "The Night Round"
timezone = "Europe/London"
journal = "journal.db"
[[chats]]
id = "handovers"
title = "Safer handovers"
hashtag = "WardChat"
starts = 2018-03-20T20:00:00
minutes = 60
[[chats.hosts]]
name = "Wren Adair"
[[chats.questions]]
text = "What makes a handover safe?"
[networks.mastodon]
kind = "mastodon"
server = "https://ward.example"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config of a chat that is over."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
async def kept(place: Path) -> AsyncIterator[Engine]:
    """Its journal, with two answers; its bridge holds it, and answers no commands."""
    async with running(place / "journal.db") as engine:
        await engine.submit(Configured(community()))
        await write(
            engine,
            post("1", "A1: my paper lantern #WardChat"),
            post("2", "A1: behind the curtain #nobridge #WardChat", by=person("hedda")),
        )
        yield engine


# ---------------------------------------------------------------- what was typed wrong


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--speed", "abc", "'abc' is not a number above 0 and at most 1000"),
        ("--speed", "0", "'0' is not a number above 0 and at most 1000"),
        ("--speed", "nan", "'nan' is not a number above 0 and at most 1000"),
        ("--participants", "many", "'many' is not a whole number, 1 or more"),
        ("--answers", "0", "'0' is not a whole number, 1 or more"),
        ("--kills", "-1", "'-1' is not a whole number, 0 or more"),
        ("--seed", "1.5", "'1.5' is not a whole number"),
    ],
)
def test_a_number_is_refused_in_words(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["rehearse", option, value])
    assert stopped.value.code == WRONG
    assert f"argument {option}: {said}\n" in capsys.readouterr().err


def test_tells_help_lists_every_command_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["tell", "--help"])
    lines = capsys.readouterr().out.splitlines()
    for verb in USAGE:
        assert any(line.split()[:1] == [verb] for line in lines), verb
    assert "  reply 42 'Thank you, tell us more!'" in [line.rstrip() for line in lines]
    assert "  hold                          the next item and what follows wait" in lines
    assert "  chatbridge tell communities-of-practice ask 'What helps newcomers?'" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["handovers", "nxt"], "There is no command 'nxt'. Did you mean 'next'?"),
        (["handovers", "zzz"], "There is no command 'zzz'. There are: next, hold"),
        (["handovers"], "Say what to tell it. There are: next, hold"),
        (["next"], "Name the chat first: chatbridge tell handovers next"),
        (["ask", "Who is missing?"], "Name the chat first: chatbridge tell handovers ask 'Who is missing?'"),
    ],
)
def test_a_command_that_is_none_is_mended(
    words: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tell", *words]) == WRONG
    assert said in capsys.readouterr().err


def test_bytes_that_are_no_text_are_refused_in_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tell", "handovers", "say", "caf\udce9"]) == FAILED
    assert "not text in UTF-8" in capsys.readouterr().err


def test_tables_within_tables_without_end_are_refused_in_words(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "config.toml").write_text(f"[community]\nname = {'[' * 9000}{']' * 9000}\n")
    assert cli.main(["check", "--offline"]) == WRONG
    assert "nested" in capsys.readouterr().err


# ---------------------------------------------------------------- without a bridge


def test_no_bridge_is_said_in_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "No bridge is running for config.toml (its journal is journal.db). Start it with: chatbridge run\n"
    for command in (["tell", "handovers", "next"], ["health"]):
        assert cli.main(command) == FAILED
        assert capsys.readouterr().err == f"chatbridge: {said}"
    for command in (["status"], ["report"]):
        assert cli.main(command) == FAILED
        assert capsys.readouterr().err == f"chatbridge: journal.db: there is no journal yet. {said}"
    assert not (place / "journal.db").exists()
    other = place / "the other.toml"
    other.write_text(CONFIG)
    assert cli.main(["health", "--config", str(other)]) == FAILED
    assert f"Start it with: chatbridge run --config '{other}'" in capsys.readouterr().err


async def test_the_transcript_is_written_from_the_journal_alone(
    place: Path, kept: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while somebody holds it; it is only read; and what stays on its network stays there."""
    before = (place / "journal.db").read_bytes()
    formats = [word for ending in ("md", "html", "json", "csv") for word in ("--format", ending)]
    assert cli.main(["report", "--out", "kept", *formats]) == DONE
    paths = [place / "kept" / f"transcript.{ending}" for ending in ("md", "html", "json", "csv")]
    assert capsys.readouterr().out.split() == list(map(str, paths))
    for path in paths:
        assert "my paper lantern" in path.read_text()
        assert "behind the curtain" not in path.read_text()
    assert (place / "journal.db").read_bytes() == before
    assert cli.main(["report", "--json"]) == DONE
    usual = [str(place / f"transcript.{ending}") for ending in ("md", "json", "html")]
    assert json.loads(capsys.readouterr().out) == {"transcript": usual}


async def test_the_journal_replayed_is_the_session_that_was(place: Path, kept: Engine) -> None:
    assert replayed(place / "journal.db").digest() == kept.session.digest()


async def test_a_past_chats_board_comes_from_the_journal(
    place: Path, kept: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status"]) == DONE
    shown = capsys.readouterr().out
    assert shown.startswith(
        "No bridge is running; this is what the journal tells.\n\nSafer handovers  #WardChat\n"
    )
    assert "2 entries by 2 people" in shown
    assert cli.main(["status", "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["running"], found["board"]["entries"]) == (False, 2)


async def test_anothers_journal_is_named(
    place: Path, kept: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    other = CONFIG.replace("The Night Round", "The Day Round").replace('"handovers"', '"mornings"')
    (place / "config.toml").write_text(other)
    assert cli.main(["report"]) == FAILED
    note, error = capsys.readouterr().err.splitlines()
    assert note == (
        "note: journal.db is the journal of The Night Round; config.toml is the config of The Day Round."
    )
    assert error == "chatbridge: There is no chat 'mornings'. The journal of The Night Round has: handovers."
    assert cli.main(["report", "handovers"]) == DONE


# ---------------------------------------------------------------- a journal that went bad


async def test_a_damaged_page_is_refused_in_words(
    place: Path, kept: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / "journal.db"
    await write(kept, *(post(str(n), f"A1: {'word ' * 200} {n} #WardChat") for n in range(10, 60)))
    await kept.forget(
        "acct:nobody@ward.example"
    )  # what was written stands in the file itself, not only in its log
    whole = path.read_bytes()
    assert len(whole) > 15 * 4096
    path.with_name("journal.db-wal").unlink()
    path.write_bytes(whole[: 6 * 4096] + b"\xff" * 4096 * 6 + whole[12 * 4096 :])
    with pytest.raises(JournalUnreadable, match="damaged"):
        list(recorded(path))
    assert cli.main(["report"]) == FAILED
    assert f"{path.name}: the journal is damaged: " in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status"], ["report"], ["forget", "mastodon:@ann@ward.example"]])
def test_a_journal_that_cannot_be_opened_is_refused_in_words(
    command: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "journal.db").mkdir()
    assert cli.main(command) == FAILED
    assert "journal.db: the journal cannot be used: " in capsys.readouterr().err


async def test_a_journal_that_cannot_be_read_is_refused_in_words(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Journal(place / "journal.db")) as journal:
        await journal.run(lambda db: db.execute("DROP TABLE events").close())
    assert cli.main(["status"]) == FAILED
    assert "journal.db: the journal cannot be used: no such table" in capsys.readouterr().err


async def test_an_event_nobody_can_read_is_refused_in_words(place: Path) -> None:
    journal = Journal(place / "journal.db")
    try:
        await journal.commit(Batch(quarantine=[]))
        await journal.run(
            lambda db: db.execute('INSERT INTO events VALUES (1, 1, \'{"type": "Tea"}\')').close()
        )
        with pytest.raises(JournalUnreadable, match="Tea"):
            list(journal.events())
    finally:
        journal.close()


def test_what_is_missing_is_not_called_a_mistake(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run"]) == WRONG
    said = capsys.readouterr().err
    assert "config.toml can be read; " in said
    assert "to be seen to before it can run:" in said
    assert "mistake" not in said


def test_the_name_alone_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == WRONG
    said = capsys.readouterr()
    assert "rehearse" in said.err
    assert said.out == ""


def test_who_has_only_rehearsed_is_told_where_that_is(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = place / "rehearsal" / "stage"
    stage.mkdir(parents=True)
    (stage / "journal.db").touch()
    assert cli.main(["report"]) == FAILED
    assert (
        "A rehearsal's is rehearsal/stage/journal.db, its transcript in rehearsal." in capsys.readouterr().err
    )
