"""Two hosts run a whole chat by themselves, with what they have in Slack; somebody who is no host tries the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.chat.commands import VERBS
from simulator.hosting.entries import FROM_HERE, FROM_THERE, SEEN, THANKS
from simulator.hosting.outsider import SHORTCUTS, TYPED, WORDS
from simulator.hosting.sheet import ASKED, EDITED, PLANNED, SAID
from simulator.hosting.visitors import ADVERTS, ASKED_HERE, CARELESS, EARLY, RAGE, REPLY
from tests.e2e.test_rehearsal import NETWORKS, rehearse
from tests.unit.configs import SHIPPED

Row = dict[str, Any]

DONE = {  # how often each
    **dict.fromkeys(("hold", "resume", "skip", "extend", "ask", "say", "plan", "edit", "preview", "end"), 1),
    **dict.fromkeys(("move", "restore", "erase", "boost", "like", "reply", "welcome", "ignored"), 1),
    **dict.fromkeys(("lead", "block", "blackout", "blackout off", "note", "report", "send", "approve"), 1),
    **dict.fromkeys(("next", "hide", "promote", "home"), 2),
}
BOARD = {"next", "hold", "skip", "extend", "ask", "say", "lead", "blackout", "end"}


class Hour:
    """What is left of it: what the hosts did, what the servers hold, and the transcript."""

    def __init__(self, out: Path) -> None:
        self.acts: list[Row] = json.loads((out / "hosts.json").read_text())
        self.servers: dict[str, list[Row]] = json.loads((out / "servers.json").read_text())
        self.transcript = json.loads((out / "transcript.json").read_text())
        self.raw = "".join((out / f"transcript.{kind}").read_text() for kind in ("json", "md", "html"))

    def did(self, verb: str) -> list[Row]:
        return [act for act in self.acts if act["verb"] == verb]

    def row(self, act: Row) -> Row:
        """The post that something was done with."""
        return next(row for row in self.servers[act["network"]] if row["id"] == act["id"])

    def ours(self, network: str, words: str, place: str = "chat") -> list[Row]:
        """What the bridge wrote there and has not taken back, with these words."""
        rows = (row for row in self.servers[network] if row["author"] == "bridge" and not row["deleted"])
        return [row for row in rows if words in row["text"] and row["place"] == place]

    def answers(self, act: Row) -> list[Row]:
        """What the community replied."""
        rows = (row for row in self.servers[act["network"]] if row["author"] == "bridge")
        return [row for row in rows if row["reply_to"] == act["id"]]

    def entries(self, words: str) -> list[Row]:
        return [entry for entry in self.transcript["entries"] if words in (entry["text"] or "")]

    @property
    def board(self) -> str:
        (board,) = self.ours("slack", "#CCNVirtual · ", "hosts")
        text: str = board["text"]
        return text


def assert_sheet(hour: Hour, result: Row) -> None:
    """Every question once, the hosts' own too, and in their words."""
    assert [q["label"] for q in result["questions"]] == [f"Q{n}" for n in range(1, 12)]
    assert all(q["posted"] == dict.fromkeys(NETWORKS, 1) for q in result["questions"])
    texts = {
        question["text"].partition("\n")[0]: question["label"] for question in hour.transcript["questions"]
    }
    assert texts[EDITED] == "Q7"
    assert {ASKED, PLANNED, FROM_HERE, FROM_THERE} <= texts.keys()
    (promoted, _) = hour.did("promote")
    for network in NETWORKS:
        assert not hour.ours(network, "Q7 How do you create a rhythm")
        assert len(hour.ours(network, SAID)) == 1
        (credited,) = hour.ours(network, FROM_HERE)
        assert f"Asked by {promoted['named']}." in credited["text"]
        (nameless,) = hour.ours(network, FROM_THERE)
        assert "Asked by" not in nameless["text"]
    assert "Recap · skipped" in hour.board
    assert "Vanessa Garrity leads" in hour.board
    assert "FROZEN" not in hour.board
    (together, typed) = hour.did("next")
    assert together["hosts"] == 2
    assert together["label"] != typed["label"]


def assert_entries(hour: Hour) -> None:
    """What was hidden, erased or blocked is gone; what was restored or moved stands where it should."""
    for words in (CARELESS, RAGE, *ADVERTS):
        assert not hour.entries(words)
        assert words not in hour.raw
        assert not hour.ours("slack", words)
    assert len(hour.entries(hour.row(hour.did("restore")[0])["words"])) == 1
    assert [entry["question"] for entry in hour.entries(EARLY)] == ["Q1"]
    assert "bridge" in hour.row(hour.did("like")[0])["liked"]
    assert "bridge" in hour.row(hour.did("boost")[0])["boosted"]
    for verb, words, sign in (
        ("reply", THANKS, "^VG"),
        ("ignored", SEEN, "^LS"),
        ("welcome", "Welcome", "^VG"),
    ):
        (said,) = hour.answers(hour.did(verb)[0])
        assert words in said["text"]
        assert said["text"].endswith(sign)
    (note,) = hour.answers(hour.did("note")[0])
    assert note["audience"] == "direct"
    assert hour.ours("slack", "reported it to Mastodon", "hosts")


def assert_sent(hour: Hour) -> None:
    """A member's own reply is in the thread that it answers, under their first name."""
    (sent, approved) = (*hour.did("send"), *hour.did("approve"))
    (said,) = hour.ours(approved["network"], REPLY)
    assert said["id"] == approved["id"]
    assert hour.row(sent)["sent"] == approved["network"]
    assert ", on Slack: " in said["text"]
    assert "visitor" not in said["text"]
    assert any(
        row["id"] == said["reply_to"] and row["author"] != "bridge"
        for row in hour.servers[approved["network"]]
    )


def assert_refused(hour: Hour, refused: dict[str, int]) -> None:
    """Somebody who is no host tried all of it, and nothing of that is anywhere."""
    only_hosts = {name for name, verb in VERBS.items() if not verb.anybody}
    assert set(TYPED) == only_hosts
    assert {*only_hosts, *SHORTCUTS, "home"} == set(refused)
    assert all(refused[verb] >= 2 for verb in (*BOARD, *SHORTCUTS[:-1], "hide", "like", "boost"))
    for network in NETWORKS:
        for place in ("chat", "hosts", "direct"):
            assert not hour.ours(network, WORDS, place)
    # as one of those whom nobody has answered yet they may stand there, as anybody may; as somebody who did it, never
    assert not [
        line for line in hour.board.splitlines() if "visitor-08" in line and " waits for " not in line
    ]
    assert WORDS not in hour.raw


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "trouble",
    [("--seed", "41"), ("--seed", "42", "--faults", "mild", "--kills", "2")],
    ids=["all is well", "trouble"],
)
def test_hosts_run_the_hour(tmp_path: Path, trouble: tuple[str, ...]) -> None:
    result = rehearse(tmp_path, "--hosts", "busy", "--participants", "30", "--answers", "150", *trouble)
    assert result["lost"] == result["duplicated"] == result["leaked"] == []
    assert result["hosts"]["failed"] == []
    assert result["hosts"]["done"] == DONE
    for kind, done in (("edits", "followed"), ("deletions", "followed"), ("opt_outs", "obeyed")):
        assert result[kind][done] == result[kind]["made"] > 0
    hour = Hour(tmp_path)
    assert_sheet(hour, result)
    assert_entries(hour)
    assert_sent(hour)
    assert_refused(hour, result["hosts"]["refused"])
    (asked,) = hour.entries(ASKED_HERE)
    assert asked["name"] == hour.did("promote")[0]["named"], "the first name, as they chose"


def test_an_hour_needs_hosts_and_their_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bridge import cli
    from bridge.arguments import WRONG

    config = tmp_path / "config.toml"
    before, _, slack = SHIPPED.read_text().partition("[networks.slack]")
    config.write_text(before + "[web]" + slack.partition("[web]")[2])
    call = ["rehearse", "--hosts", "busy", "--config", str(config)]
    assert cli.main([*call, "--out", str(tmp_path)]) == WRONG
    assert "--hosts busy needs Slack" in capsys.readouterr().err
    assert not (tmp_path / "stage").exists()
