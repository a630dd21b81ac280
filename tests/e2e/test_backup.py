"""A backup taken in the middle of a rehearsal is what the journal was at that point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from bridge.backup import backup
from bridge.chat.audience import Audience
from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Erased, Recorded
from bridge.errors import ChatbridgeError
from bridge.journal import recorded
from bridge.report.from_journal import replayed

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bridge"]


def config(folder: Path, journal: str) -> Path:
    """The shipped chat, a quarter of an hour long, over this journal."""
    text = (ROOT / "tests" / "data" / "config.toml").read_text("utf-8")
    path = folder / "config.toml"
    path.write_text(
        text.replace('journal = "data/chatbridge.db"', f"journal = {json.dumps(journal)}"), "utf-8"
    )
    return path


def replay(events: list[Recorded], final: Session) -> Session:
    """What these events come to, without the words that left the journal since."""
    session = Session()
    for one in events:
        event = one.event
        for what in final.forgotten():
            assert isinstance(what, str | Erased)
            event = redact(final.state, what, event)
        session.decide(Recorded(one.seq, one.at, event))
    return session


@pytest.mark.timeout(300)
def test_a_backup_from_the_middle_of_a_rehearsal_replays_to_the_journal_of_that_moment(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "out" / "stage" / "journal.db"
    path = config(tmp_path, "out/stage/journal.db")
    options = ["--speed", "240", "--participants", "25", "--answers", "90", "--seed", "3", "--faults", "mild"]
    rehearse = [
        *COMMAND,
        "rehearse",
        "--config",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--json",
        *options,
    ]
    kept: list[tuple[Path, int]] = []
    with subprocess.Popen(rehearse, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as rehearsal:
        while rehearsal.poll() is None:
            file = tmp_path / f"kept-{len(kept)}.db"
            try:
                taken = backup(journal, file)
            except ChatbridgeError:  # there is none yet
                time.sleep(0.05)
                continue
            kept.append((file, taken.last))
            if len(kept) == 3:
                _by_hand(path, tmp_path / "by-hand.db")
            time.sleep(0.3)
        assert rehearsal.stderr is not None
        assert rehearsal.returncode == 0, rehearsal.stderr.read()
    final, whole = replayed(journal), list(recorded(journal))
    middle = [(file, last) for file, last in kept if 20 < last < whole[-1].seq]
    assert len(middle) >= 5
    seen = []
    for file, last in middle:
        events, cut = list(recorded(file)), [one for one in whole if one.seq <= last]
        assert [one.seq for one in events] == [one.seq for one in cut]
        kept_then, was_then = replay(events, final), replay(cut, final)
        assert kept_then.digest() == was_then.digest()
        seen.append(timeline(kept_then))
        assert seen[-1] == timeline(was_then)
    assert len(set(seen)) >= 3, "each moment had a timeline of its own"
    assert timeline(replayed(middle[-1][0])) != timeline(replayed(middle[0][0])), (
        "as one who restores them sees"
    )


def timeline(session: Session) -> bytes:
    """The chat's timeline to the last sign, as hosts and as everybody see it."""
    name = "communities-of-practice"
    audiences: tuple[Audience, ...] = ("hosts", "page")
    views = [session.view(name, audience, 0) for audience in audiences]
    return msgspec.json.encode((session.state.chats[name].timeline, views))


def _by_hand(path: Path, file: Path) -> None:
    """As an operator does it."""
    command = [*COMMAND, "backup", str(file), "--config", str(path), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert json.loads(done.stdout)["events"] == len(list(recorded(file)))
