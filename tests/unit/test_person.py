"""One person's own record: all that the journal holds of them, and nobody else's words."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge import cli, forget
from bridge.arguments import DONE, FAILED, WRONG
from bridge.chat.state import Arrived, Configured, Settled
from bridge.engine import Engine
from bridge.errors import ChatbridgeError
from bridge.model import (
    MINUTE,
    AuthorKnown,
    Capabilities,
    Command,
    Inbound,
    Media,
    Opened,
    Ref,
    Removed,
    Sent,
    Wishes,
)
from bridge.report.person import Record, Wrote, record
from bridge.report.person_text import document, markdown
from tests.unit.make import LIMITS, SLACK_HOST, STARTS, community, edited, person, post
from tests.unit.test_cli import CONFIG
from tests.unit.test_forget import OURS, running, write
from tests.unit.test_retention_journal import Running, command, hold

NOW = STARTS + 60 * MINUTE
WHO = "mastodon:@hedda@ward.example"
HEDDA = person("hedda", name="Hedda", avatar="https://ward.example/hedda.png")
PICTURE = (Media("https://ward.example/lantern.png", alt="a lamp"),)
LANTERN = post("1", "A1: my paper lantern #WardChat", by=HEDDA, media=PICTURE)
NURSE = post("2", "A1: what the nurse said #WardChat")
COPY = post(
    "9", "A1: my paper lantern #WardChat", by="hedda-bridged", network="bluesky", original=LANTERN.uri
)


async def hold_a_chat(engine: Engine) -> None:
    """Hedda writes, edits, removes, is hidden, held and copied, and asks; a nurse is there as well."""
    await engine.submit(Configured(community()))
    for network, account in OURS.items():
        await engine.submit(Opened(network, account, "@chat", Capabilities(LIMITS[network])))
    room = Capabilities(LIMITS["slack"], mirror=True, console=True)
    await engine.submit(Opened("slack", "slack:T1/UBOT", "@chat", room))
    await write(engine, LANTERN, NURSE, edited(LANTERN, "A1: my _tin_ lantern #WardChat"), COPY)
    step = engine.session.following("slack", STARTS + 10 * MINUTE)
    assert step is not None
    await engine.submit(step)
    (copy,) = [r.order for r in engine.journal.open_orders() if r.order.lane == "mirror"]
    await engine.submit(
        Settled(copy.id, Sent(Ref("slack", "C1/17.5"), "slack:C1/17.5", at=STARTS + 11 * MINUTE))
    )
    reply = post("3", "A1: I agree with them #WardChat", by=HEDDA, reply_to=NURSE.ref, reach="quiet")
    await write(
        engine,
        reply,
        post("4", "A1: behind the curtain #WardChat", by=HEDDA, reach="limited"),
        post("5", "A1: a green folder #WardChat", by=HEDDA),
        post("6", "A1: another account of mine #WardChat", by=person("hedda", "bluesky"), network="bluesky"),
    )
    await engine.arrive(Inbound("mastodon", Removed(Ref("mastodon", "5"))))
    await engine.caught_up()
    await engine.submit(Arrived("slack", Command("hide", SLACK_HOST, item="3")))


async def asks(engine: Engine, words: str) -> None:
    said = post(f"dm {words}", f"@chat {words}", by=HEDDA, mentions=(OURS["mastodon"],), reach="direct")
    await write(engine, said)


def of(path: Path, who: str = WHO) -> Record:
    return record(path, who, NOW)


def wrote(found: Record, address: str) -> Wrote:
    (one,) = [post for post in found.wrote if post.address.endswith(address)]
    return one


async def test_it_holds_all_of_theirs_and_nobody_elses_words(tmp_path: Path) -> None:
    """While a bridge runs on the journal, which is only read."""
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        await asks(engine, "my record")
        kept = [path, path.with_name("journal.db-wal")]
        before = [file.read_bytes() for file in kept]
        found = of(path)
        assert [file.read_bytes() for file in kept] == before
    assert [p.address.rpartition("/")[2] for p in found.wrote] == ["1", "9", "3", "4", "5"]
    first = wrote(found, "post/1")
    assert first.text is not None
    assert first.text.plain == "A1: my _tin_ lantern #WardChat"
    assert first.earlier == ("A1: my paper lantern #WardChat",)
    assert (first.heading, first.chat, first.network) == ("Hello · 1", "Safer handovers", "Mastodon")
    assert (first.edited, first.media) == (True, PICTURE)
    assert [(c.where, c.what, c.place) for c in first.copies] == [
        ("the page and the transcript", "shown", ""),
        ("Slack", "a message of ours", "C1/17.5"),
    ]
    assert [(a.network, a.said) for a in found.acts] == [("Mastodon", "record")]
    for told in (markdown(found), json.dumps(document(found))):
        for words in ("nurse said", "another account", "@nurse", "did:plc:hedda", "behind the curtain"):
            assert words not in told, words
        assert "https://mastodon.example/post/2" in told, "what they replied to, by its address"


async def test_what_became_of_each_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
    found = of(path)
    assert (wrote(found, "post/3").hidden, wrote(found, "post/3").reply_to) == (True, NURSE.url)
    assert [c.where for c in wrote(found, "post/3").copies] == [], "nowhere while it is hidden"
    private = wrote(found, "post/4")
    assert (private.text, private.withheld, private.reach) == (None, True, "limited")
    gone = wrote(found, "post/5")
    assert (gone.removed > 0, gone.heading) == (True, "Hello · 5")
    assert gone.text is not None, "the journal has them still, and so they are told"
    copy = wrote(found, "post/9")
    assert (copy.bridge, copy.original) == ("hedda-bridged.garden.example", LANTERN.uri)


async def test_erased_by_a_host_and_forgotten_leave_no_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        await engine.submit(Arrived("slack", Command("erase", SLACK_HOST, item="1")))
        await engine.forget(*engine.session.forgotten())
    one = wrote(of(path), "post/1")
    assert (one.text, one.erased, one.earlier, one.media) == (None, True, (), ())
    assert "lantern" not in markdown(of(path))
    await asyncio.to_thread(forget.erase, path, WHO)
    found = of(path, f"mastodon:{HEDDA.account}")
    assert found == msgspec.structs.replace(of(path), author=found.author), "by the handle too"
    assert {post.text for post in found.wrote} == {None}
    assert [a.said for a in found.acts] == ["forgotten by who runs the bridge"]
    told = markdown(found)
    assert "You were forgotten" in told
    assert told.count("*No words kept.*") == len(found.wrote)
    assert not [words for words in ("green folder", "lantern", "Hedda") if words in told]


async def test_wishes_choices_and_blocks_are_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        await asks(engine, "stop")
        await engine.submit(Arrived("slack", Command("block", SLACK_HOST, item="1")))
        wishes = Wishes(nobridge=True, links=("https://hedda.example",))
        await engine.arrive(Inbound("mastodon", AuthorKnown(HEDDA.account, wishes)))
        await engine.caught_up()
        kay = person("kay", "slack", name="Kay")
        await write(engine, post("s1", "A1: in the room", by=kay, network="slack"))
        await engine.submit(Arrived("slack", Command("consent", kay.account, item="first", name="Kay")))
    told = markdown(of(path))
    for line in ("What you told us last: stop", "A host blocked you", "Your words stay where you write them"):
        assert f"- {line}" in told
    assert "Your profile asks: #nobridge" in told
    assert "Linked in your profile: <https://hedda.example>" in told
    assert ", Mastodon: stop" in told
    kays = of(path, "slack:kay")
    assert (kays.person.consent, [a.said for a in kays.acts]) == ("first", ["consent first"])
    assert "they may stand on the page, with your first name" in markdown(kays)
    assert document(kays)["wishes"]["consent"] == "first"


async def test_of_whom_words_have_had_their_time_only_the_wish_is_left(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    expiring = Running(path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(expiring.engine.run())
        await hold(expiring, community())
        await command(expiring, "me", "slack:T1/UOLIVE", "stop", name="Olive")
        assert len(of(path).wrote) == 2
        await expiring.until_expired()
        task.cancel()
    expiring.journal.close()
    with pytest.raises(ChatbridgeError, match="holds nothing of anybody called @hedda"):
        of(path)
    olive = of(path, "slack:slack:T1/UOLIVE")
    assert (olive.author.account, olive.person.stopped, olive.wrote) == ("slack:T1/UOLIVE", True, ())
    assert "Olive" not in markdown(olive)


async def test_a_hosts_acts_are_theirs_without_a_participants_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await hold_a_chat(engine)
        host = person("host", "slack", name="Wren Adair")
        await write(engine, post("s1", "A1: from the host", by=host, network="slack"))
        await engine.submit(Arrived("slack", Command("say", SLACK_HOST, text="Five minutes left")))
        await engine.submit(Arrived("slack", Command("promote", SLACK_HOST, text="2 what the nurse said?")))
    said = [a.said for a in of(path, f"slack:{SLACK_HOST}").acts]
    assert said == ["hide 3", "say Five minutes left", "promote"]


async def test_what_somebody_typed_is_never_markup(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    rude = "A1: <script>alert(1)</script> [x](https://a.example) @everyone #WardChat"
    async with running(path) as engine:
        await hold_a_chat(engine)
        await write(engine, post("7", rude, by=person("zed", name="# Zed")))
        shown = markdown(of(path, "mastodon:zed@ward.example"))
    assert "<script>" not in shown
    assert "@everyone" not in shown
    assert "\n# Zed" not in shown


# ---------------------------------------------------------------- who is meant


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("hedda", "names nobody. Say NETWORK:HANDLE, with one of these networks: mastodon"),
        ("myspace:hedda", "names nobody"),
        ("mastodon:@heda@ward.example", "Did you mean one of these?\n  mastodon:@hedda@ward.example"),
        ("bluesky:@hedda@ward.example", "holds nothing of anybody called @hedda@ward.example on bluesky"),
        ("mastodon:@zzz", "Write the handle in full"),
        (
            "slack:nurse",
            "2 people were called nurse. Say which account:\n  chatbridge report --person slack:slack:",
        ),
    ],
)
def test_who_is_not_clear_is_not_guessed(tmp_path: Path, who: str, words: str) -> None:
    path = tmp_path / "journal.db"

    async def hold() -> None:
        async with running(path) as engine:
            await hold_a_chat(engine)
            for n in (1, 2):
                nurse = msgspec.structs.replace(person("nurse", "slack"), account=f"slack:T1/U{n}")
                await write(engine, post(f"s{n}", "A1: we write it down", by=nurse, network="slack"))

    asyncio.run(hold())
    with pytest.raises(ChatbridgeError) as raised:
        of(path, who)
    assert words in str(raised.value)


# ---------------------------------------------------------------- as somebody types it


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)

    async def hold() -> None:
        async with running(tmp_path / "journal.db") as engine:
            await hold_a_chat(engine)

    asyncio.run(hold())
    return tmp_path


def test_the_command_prints_it_or_writes_it_for_one_user(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "--person", WHO]) == DONE
    assert capsys.readouterr().out.startswith(
        "# What The Night Round holds of @\u2060hedda@\u2060ward.example\n"
    )
    for how in (["--json"], ["--format", "json"]):
        assert cli.main(["report", "--person", WHO, *how]) == DONE
        read: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (read["account"], len(read["posts"])) == (HEDDA.account, 5)
        assert read["posts"][0]["at"] == "2018-03-20T20:10:00Z"
    formats = ["--format", "md", "--format", "json"]
    assert cli.main(["report", "--person", WHO, "--out", "kept", *formats]) == DONE
    paths = [place / "kept" / f"record-mastodon-hedda@ward.example.{ending}" for ending in ("md", "json")]
    assert capsys.readouterr().out.split() == list(map(str, paths))
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert sorted(p.name for p in (place / "kept").iterdir()) == sorted(p.name for p in paths)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        (["--format", "csv"], WRONG, "written as md or json, not as csv"),
        (["--format", "md", "--format", "json"], WRONG, "Say where the files go"),
        (["handovers"], WRONG, "leave out CHAT and --check"),
        (["--check"], WRONG, "leave out CHAT and --check"),
    ],
)
def test_a_call_that_cannot_be_done_is_refused_in_words(
    place: Path, capsys: pytest.CaptureFixture[str], more: list[str], status: int, words: str
) -> None:
    assert cli.main(["report", *more, "--person", WHO]) == status
    assert words in capsys.readouterr().err


def test_nobody_is_in_a_journal_that_is_not_there(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in place.glob("journal.db*"):
        file.unlink()
    assert cli.main(["report", "--person", WHO]) == FAILED
    assert "There is no journal at journal.db" in capsys.readouterr().err
    assert not (place / "journal.db").exists()
