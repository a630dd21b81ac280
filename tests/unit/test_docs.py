"""The pages for people name what there is: commands, buttons, shortcuts, and pages that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.slack import manifest
from bridge import cli
from bridge.arguments import DONE
from bridge.chat.commands import USAGE, VERBS
from bridge.chat.community import said_to_us
from bridge.model import Board, Button, Notice
from tests.unit.hosting import hiding
from tests.unit.make import Hour, at, post

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests" / "peers" / "README.md"]
HOSTS = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
PARTICIPANTS = (ROOT / "docs" / "participants.md").read_text(encoding="utf-8")


def read(page: str) -> str:
    """A page as one runs on reading: line breaks are spaces."""
    return " ".join(page.split())


# ---------------------------------------------------------------- commands


def typed() -> list[str]:
    """The commands of the hosts' table, as they are typed."""
    return re.findall(r"^\| `/chat ([^`]+)` \|", HOSTS, re.MULTILINE)


def test_the_hosts_table_has_every_command_once_as_it_is_said() -> None:
    found = {words.split()[0]: words for words in typed()}
    assert len(found) == len(typed())
    assert found == USAGE


def test_who_is_no_host_can_type_what_the_table_says() -> None:
    *_, everybodys = re.split(
        r"^\| \*\*.*\|$", HOSTS.partition("Where words are missing")[0], flags=re.MULTILINE
    )
    theirs = {words.split()[0] for words in re.findall(r"`/chat ([^`]+)`", everybodys)}
    assert theirs <= {name for name, verb in VERBS.items() if verb.anybody}


def test_what_participants_read_that_they_can_write_is_obeyed() -> None:
    said = re.findall(r"write `([a-z ]+)`", PARTICIPANTS)
    assert sorted(said) == ["forget me", "my record", "start", "stop"]
    ours = "https://chat.example/users/ours"
    assert None not in [said_to_us(post("1", f"@ours {words}", mentions=(ours,)), ours) for words in said]
    assert "`/chat me`" in PARTICIPANTS


def told(page: Path) -> Iterator[str]:
    """What a page says to type into a shell for us: in its blocks, and within its sentences."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^ *((?:chatbridge|\./dev rehearse)\b.*)$", block, re.MULTILINE)
    yield from re.findall(r"`((?:chatbridge|\./dev rehearse) [^`]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_to_type_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in told(page):
        _, *words = shlex.split(line.replace("./dev", "chatbridge"), comments=True)
        named = words if len(words) > 1 else [*words, "--help"]  # a command's name alone
        ended: object = DONE
        try:
            cli.parser().parse_args(named)
        except SystemExit as stopped:
            ended = stopped.code
        assert ended == DONE, f"{line}: {capsys.readouterr().err}"


def test_the_readme_takes_somebody_from_nothing_to_a_chat() -> None:
    """In the order in which it is read, from the block of the first step to the commands for afterwards."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"(?:chatbridge|\./dev) (\w+)", text)
    way = [
        "rehearse",
        "init",
        "rehearse",
        "check",
        "preview",
        "login",
        "check",
        "run",
        "status",
        "tell",
        "report",
    ]
    rest = iter(said)
    assert [step for step in way if step not in rest] == []


# ---------------------------------------------------------------- buttons


def harmful() -> Hour:
    """An hour in which a host has hidden a reply on Bluesky, and another entry waits."""
    hour = at(6)
    hour.write(
        post(
            "1",
            "A1: her name is … #WardChat",
            network="bluesky",
            at=hour.now,
            reply_to=hour.copy_of("q1", "bluesky"),
        ),
        post("2", "Q: who else? #WardChat", at=hour.now, by="nurse-02"),
    )
    hour.command("hide", "1")
    hour.until(12)
    return hour


def shown(hour: Hour) -> Iterator[Button]:
    """Every button that hosts meet on the board, after hiding, and under "More for the chat…"."""
    board = hour.reply("status")
    assert isinstance(board, Board)
    yield from board.buttons
    for row in (*board.ignored, *board.asked):
        yield from row.buttons
    yield from hiding(hour).buttons
    more = hour.reply("more", "1")
    assert isinstance(more, Notice)
    yield from more.buttons


@pytest.mark.parametrize("then", ["", "hold", "blackout", "conceal 1", "block 1"])
def test_every_button_on_the_board_and_after_hiding_is_explained(then: str) -> None:
    hour = harmful()
    if then:
        verb, _, words = then.partition(" ")
        hour.command(verb, words)
        hour.deliver()
    labels = {re.sub(r"\b(Next: |Skip )?(Q\d|Recap|Closing)$", r"\1Q3", b.label) for b in shown(hour)}
    assert len(labels) > 12
    text = read(HOSTS)
    assert [label for label in sorted(labels) if f"**{label}**" not in text] == []


def test_the_board_as_the_page_draws_it_has_the_boards_buttons() -> None:
    drawn = re.findall(r"\[([^\]]+)\]", HOSTS.split("```")[1])
    now = Hour()
    now.until(12)
    board = now.reply("status")
    assert isinstance(board, Board)
    assert drawn[: len(board.buttons)] == [b.label.replace("Q2", "Q3") for b in board.buttons]
    assert set(drawn[len(board.buttons) :]) <= {b.label for b in shown(harmful())}


def test_a_button_that_the_page_explains_is_one_of_the_code() -> None:
    """Words in bold in the buttons' tables stand in the source, so that no old name lives on."""
    source = "".join(
        path.read_text() for folder in ("bridge", "adapters") for path in (ROOT / folder).rglob("*.py")
    )
    named = re.findall(r"^ *\| \*\*([^*|]+)\*\*(?:, \*\*[^*|]+\*\*)? \| [^|]", HOSTS, re.MULTILINE)
    assert len(named) > 15
    generic = {re.sub(r"(Q3|Mastodon…|Bluesky)$", "", label) for label in named}
    assert [label for label in sorted(generic) if label not in source] == []


def test_the_shortcuts_are_called_as_in_the_menu() -> None:
    names = re.findall(r"- name: (.+)", manifest.FILE.read_text(encoding="utf-8"))
    assert len(names) == 5
    assert [name for name in names if f"*{name}*" not in read(HOSTS)] == []


# ---------------------------------------------------------------- links


LINK = re.compile(r"\]\(([^)\s]+)\)|<(\w+:[^>\s]+)>")
FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    """Where a page leads; examples of code lead nowhere."""
    prose = re.sub(r"`[^`\n]+`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    return [one or other for one, other in LINK.findall(prose)]


def anchors(page: Path) -> set[str]:
    """What a heading is reached by, as on GitHub."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_pages_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if re.match(r"\w+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_a_page_of_the_site_leads_nowhere_outside_of_it() -> None:
    """What stands beside docs/ is not on the site."""
    docs = ROOT / "docs"
    outside = [
        (page.name, target)
        for page in docs.rglob("*.md")
        for target in links(page)
        if not re.match(r"\w+:", target)
        and not (page.parent / target.partition("#")[0]).resolve().is_relative_to(docs)
    ]
    assert outside == []


# ---------------------------------------------------------------- what pages name


@pytest.mark.parametrize("name", ["architecture", "security"])
def test_what_a_page_names_of_the_source_is_there(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|py|toml))`", page)
    drawn = [
        path
        for picture in re.findall(r"\]\((\w+\.svg)\)", page)
        for path in re.findall(r">([\w/]+(?:/|\.py))<", (ROOT / "docs" / picture).read_text(encoding="utf-8"))
    ]
    places = (ROOT, ROOT / "bridge" / "chat", ROOT / "tests")
    assert len(named) > 20
    assert [path for path in (*named, *drawn) if not any((place / path).exists() for place in places)] == []


@pytest.mark.parametrize("page", [*ROOT.glob("docs/**/*.md")], ids=lambda page: str(page.relative_to(ROOT)))
def test_what_stands_in_a_list_is_indented_by_four(page: Path) -> None:
    """Else the site ends the list there, and counts anew from 1; GitHub takes either."""
    lines = page.read_text(encoding="utf-8").splitlines()
    blocks = [
        line for before, line in zip(["", *lines], lines, strict=False) if not before.strip() or "```" in line
    ]
    assert [line for line in blocks if re.match(r" {1,3}\S", line)] == []
