"""Every mistake of a config at once, each with its place and its mend; and what is merely unwise."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from bridge.config import load
from bridge.errors import ConfigError, Mistake
from tests.unit.configs import SECOND, SHIPPED, at, mistakes, only, read, swap, written
from tests.unit.platforms import CONFIG, kinds

# ---------------------------------------------------------------- what is wrong


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = """
[community]
name = "The Tide Readers"
timezone = "Europe/Lonon"
pgae = "https://tide.test"

[[chats]]
id = "rhythm"
title = "Reading the tide"
hashtag = "#Tide Talk"
starts = 2027-03-16
minutes = "60"
announce = "a week"
remind = ["24h", "soon"]
[[chats.hosts]]
hall = "@mara@hall.test"
square = 7
porch = "mara"
[[chats.questions]]
at = "5"
text = "What is a {thing}?"
image = "missing.png"
[[chats.questions]]
at = 70

[networks.hall]
kind = "hall"
servr = "https://hall.test"
[networks.room]
kind = "rom"
[networks.square]
kind = "square"
server = "https://square.test"

[web]
port = 80800
[sound]
"""
    found = mistakes(tmp_path, text)
    assert set(found) == {
        "sound",
        "community.timezone",
        "community.pgae",
        "chats[0].hashtag",
        "chats[0].starts",
        "chats[0].minutes",
        "chats[0].announce",
        "chats[0].remind[1]",
        "chats[0].hosts[0].name",
        "chats[0].hosts[0].square",
        "chats[0].hosts[0].porch",
        "chats[0].questions[0].at",
        "chats[0].questions[0].text",
        "chats[0].questions[0].alt",
        "chats[0].questions[0].image",
        "chats[0].questions[1].text",
        "chats[0].questions[1].at",
        "networks.hall.servr",
        "networks.hall.server",
        "networks.room.kind",
        "web.port",
    }
    assert "'page'" in found["community.pgae"].mend
    assert "Europe/London" in found["community.timezone"].mend
    assert "TideTalk" in found["chats[0].hashtag"].mend
    assert found["chats[0].starts"].expected == "a date with a time"
    assert found["chats[0].minutes"].expected == "a number"
    assert "{thing}" in found["chats[0].questions[0].text"].mend
    assert found["web.port"].expected == "a whole number, at most 65535"
    assert '"hall", "room", "square"' in found["networks.room.kind"].expected
    assert '"room"' in found["networks.room.kind"].mend
    assert "[networks.porch]" in found["chats[0].hosts[0].porch"].mend


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('name = "The Tide Readers"', "", "community.name", "missing"),
        ('name = "The Tide Readers"', 'name = ""', "community.name", "empty"),
        ('"https://tide.test"', '"tide.test"', "community.page", "address"),
        ('id = "rhythm"', 'id = "My chat"', "chats[0].id", "hyphens"),
        ('hashtag = "TideTalk"', 'hashtag = "#TideTalk"', "chats[0].hashtag", '"TideTalk"'),
        ('hashtag = "TideTalk"', 'hashtag = "2027"', "chats[0].hashtag", '"OurChat"'),
        ('"Europe/London"', '"PST"', "community.timezone", "region and city"),
        ('"Europe/London"', '"Europe/Londn"', "community.timezone", '"Europe/London"'),
        ('page = "https', 'language = "German"\npage = "https', "community.language", '"en"'),
        ('announce = "7d"', "minutes = 0", "chats[0].minutes", "more than 0 "),
        ('"@mara@hall.test"', '"@mara"', "chats[0].hosts[0].hall", '"@ann@hall.test"'),
        ('"@mara@hall.test"', '"@m@hall.test"\nroom = "mara"', "chats[0].hosts[0].room", '"U123"'),
        (
            'hall = "@mara@hall.test"',
            'hall = "@mara@hall.test"\n[[chats.hosts]]\nname = "Ida"\nhall = "Mara@hall.test"',
            "chats[0].hosts[1].hall",
            "Mara Quill has it",
        ),
        (
            "at = 5\ntext",
            'at = 5\ntranslations = {German = "Was?"}\ntext',
            "chats[0].questions[0].translations",
            '{cy = "…"}',
        ),
        ("at = 5", "at = -1", "chats[0].questions[0].at", "at least 0"),
        ("at = 5", "at = 60", "chats[0].questions[0].at", "less than 60"),
        ("at = 5\ntext", 'at = 5\nalt = "x"\ntext', "chats[0].questions[0].alt", "image"),
        ('text = "Who keeps it?"', 'text = "Who?"\nat = 3', "chats[0].questions[1].at", "at 5"),
        ('announce = "7d"', 'announce = "1h"', "chats[0].remind[0]", "announce"),
        ('announce = "7d"', 'announce = "0m"', "chats[0].announce", "7d"),
        ('announce = "7d"', 'notice = "Seen on {papers}"', "chats[0].notice", "{papers}"),
        ('kind = "hall"', "", "networks.hall.kind", "missing"),
        ("[networks.hall]", "[networks.Hall-1]", "networks.Hall-1", "small letters"),
        (
            'channel = "C123"',
            'channel = "C1"\npublic = "perhaps"',
            "networks.room.public",
            '"ask", "yes", "no"',
        ),
        ('channel = "C123"', 'channel = "C1"\npost = "no"', "networks.room.post", "true or false"),
        (
            'channel = "C123"',
            'channel = "C1"\nadmins = ["U1", "Mara"]',
            "networks.room.admins[1]",
            '["U123"]',
        ),
        ('channel = "C123"', 'channel = "C1"\nadmins = "U123"', "networks.room.admins", "a list"),
        (
            'channel = "C123"',
            'channel = "C1"\n[consent]\noutward = "all"',
            "consent.outward",
            '"none", "asked"',
        ),
        (
            'channel = "C123"',
            f'channel = "C1"\n[consent]\nsignpost = "{"Help is here. " * 16}"',
            "consent.signpost",
            "one post on Square; it has 223",
        ),
        ('channel = "C123"', 'channel = "C1"\n[consent]\nsignpost = 116123', "consent.signpost", "quotes"),
    ],
)
def test_one_mistake(tmp_path: Path, old: str, new: str, key: str, said: str) -> None:
    text = swap(old, new)
    if "Hall-1" in new:
        text = swap('hall = "@mara@hall.test"\n', "", text)
    mistake = only(tmp_path, text)
    assert mistake.key == key
    assert said in f"{mistake.expected} {mistake.mend}"


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ('hosts_group = "the hosts"', "networks.slack.hosts_group", '"S012AB3CD"'),
        ("hosts_group = 7", "networks.slack.hosts_group", "quotes"),
        ('admins = ["Mara Quill"]', "networks.slack.admins[0]", '"U012AB3CD"'),
        ("admins = [7]", "networks.slack.admins[0]", '["U012AB3CD"]'),
    ],
)
def test_who_leads_and_who_can_delete_in_slack_are_named_by_id(
    tmp_path: Path, line: str, key: str, said: str
) -> None:
    text = swap('layout = "channel"', line, SHIPPED.read_text(encoding="utf-8"))
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), {})
    (mistake,) = caught.value.mistakes
    assert mistake.key == key
    assert said in f"{mistake.expected} {mistake.mend}"


def test_one_question_after_the_end_does_not_accuse_those_after_it(tmp_path: Path) -> None:
    text = swap("at = 5", "at = 75", swap('text = "Who keeps it?"', 'text = "Who?"\nat = 50'))
    mistake = only(tmp_path, text)
    assert (mistake.key, mistake.value) == ("chats[0].questions[0].at", "75")


def test_a_hosts_network_misspelt_is_recognised(tmp_path: Path) -> None:
    assert only(tmp_path, swap('hall = "@mara', 'hal = "@mara')).mend == "Did you mean 'hall'?"


def test_a_text_that_would_vanish_without_a_page_is_a_mistake(tmp_path: Path) -> None:
    text = swap('announce = "7d"', 'announce = "7d"\nnotice = "All on {page}."')
    assert read(tmp_path, text).community.chats[0].notice
    assert only(tmp_path, swap('page = "https://tide.test"\n', "", text)).key == "chats[0].notice"
    text = swap("All on {page}.", "All on {page}. Say 'stop' to stay out.", text)
    assert read(tmp_path, swap('page = "https://tide.test"\n', "", text)).community.page is None


def test_an_image_with_alt_text_beside_the_config_is_fine(tmp_path: Path) -> None:
    (tmp_path / "q1.png").write_bytes(b"\x89PNG picture")
    text = swap("at = 5\n", 'at = 5\nimage = "q1.png"\nalt = "A tide table"\n')
    question = read(tmp_path, text).community.chats[0].questions[0]
    assert (question.image, question.alt) == (str(tmp_path / "q1.png"), "A tide table")
    assert question.digest == hashlib.sha256(b"\x89PNG picture").hexdigest()


def test_a_start_that_the_clocks_skip_is_a_mistake(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("2027-03-16T20:00:00", "2027-03-28T01:30:00"))
    assert mistake.key == "chats[0].starts"
    assert "2027-03-28T02:30:00+01:00" in mistake.mend


def test_a_start_that_comes_twice_is_a_mistake_until_an_offset_says_which(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("2027-03-16T20:00:00", "2027-10-31T01:30:00"))
    assert "2027-10-31T01:30:00+01:00 is the earlier, 2027-10-31T01:30:00+00:00 the later" in mistake.mend
    config = read(tmp_path, swap("2027-03-16T20:00:00", "2027-10-31T01:30:00+01:00"))
    assert config.community.chats[0].starts == at(2027, 10, 31, 0, 30)


def test_two_chats_share_no_id_and_better_no_tag_in_the_same_hour(tmp_path: Path) -> None:
    assert "chats[1].starts" in {m.key for m in read(tmp_path, CONFIG + SECOND).warnings}
    assert (
        only(tmp_path, CONFIG + swap("20:30", "21:00", swap('"other"', '"rhythm"', SECOND))).key
        == "chats[1].id"
    )
    assert len(read(tmp_path, CONFIG + swap("20:30", "21:00", SECOND)).community.chats) == 2
    assert len(read(tmp_path, CONFIG + swap("tidetalk", "EbbTalk", SECOND)).community.chats) == 2


@pytest.mark.parametrize(
    ("broken", "where", "mend"),
    [
        ('name = "x\ny = 1', "line 1, column 10", "quote"),
        ("name = “x”", "line 1, column 8", "straight quotes"),
        ("[a]\nname = hello", "line 2, column 8", 'key = "text"'),
        ("[a]\nname =", "line 2", "value after the ="),
        ("[a]\n[a]", "line 2", "twice"),
        ("[a]\nname: 5", "line 2", "= in place of the colon"),
        ("[a]\npost = False", "line 2", "written false"),
        ("[a]\nstarts = 2027-03-16T20:00 # eight", "line 2", "seconds"),
        ("[[a]", "line 1", "bracket"),
        ("a = 1\na = 2", "line 2", "twice"),
    ],
)
def test_broken_toml_says_where_and_what_to_do(tmp_path: Path, broken: str, where: str, mend: str) -> None:
    mistake = only(tmp_path, broken)
    assert mistake.key.startswith(where)
    assert mend in mistake.mend


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chatbridge init"):
        load(tmp_path / "config.toml", {})
    (tmp_path / "config.toml").write_bytes(b'[community]\nname = "Caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"line 2(.|\n)*UTF-8"):
        load(tmp_path / "config.toml", {})
    with pytest.raises(ConfigError, match="rights"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    "text",
    ["chats = 3", "[chats]\nid = 1", "networks = 1", "[networks]\nhall = 2", "community = []", "[[web]]"],
)
def test_tables_of_the_wrong_shape_are_mistakes_not_crashes(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


LINES = [line for line in CONFIG.splitlines() if " = " in line]
ODD = ["3", "-1", "1e400", "nan", "true", '""', '"%"', "[]", "[[1]]", "{}", "{a.b = 1}", "07:30:00"]
FAR = ["0001-01-01T00:00:00", "9999-12-31T23:59:00", "2027-03-28"]


@pytest.mark.parametrize("value", [*ODD, *FAR])
@pytest.mark.parametrize("line", LINES)
def test_any_value_anywhere_is_read_or_named(tmp_path: Path, line: str, value: str) -> None:
    key = line.split(" = ", 1)[0]
    named: tuple[Mistake, ...] = ()
    try:
        read(tmp_path, swap(line, f"{key} = {value}"))
    except ConfigError as error:
        named = error.mistakes
    assert all(m.key and m.expected and m.mend for m in named)


def test_hosts_and_questions_need_double_brackets(tmp_path: Path) -> None:
    text = CONFIG.replace("[[chats.hosts]]", "[chats.hosts]")
    assert "[[chats.hosts]]" in only(tmp_path, text).mend


def test_an_adapter_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    def fails() -> None:
        raise ImportError("No module named 'porch'")

    path = written(tmp_path, swap('kind = "hall"', 'kind = "porch"'))
    with pytest.raises(ConfigError, match="porch"):
        load(path, {}, platforms={**kinds(), "porch": fails})  # type: ignore[dict-item]


def test_only_kinds_that_are_configured_are_loaded(tmp_path: Path) -> None:
    def never() -> None:
        raise AssertionError("loaded")

    load(written(tmp_path, CONFIG), {}, platforms={**kinds(), "porch": never})  # type: ignore[dict-item]


def test_mistakes_are_json(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("at = 5", "at = 99"))
    assert json.loads(msgspec.json.encode(mistake))["key"] == "chats[0].questions[0].at"


# ---------------------------------------------------------------- what is unwise


@pytest.mark.parametrize(
    ("tag", "warned"),
    [
        ("TideTalk", False),
        ("tidetalk", True),
        ("readingthetide", True),
        ("tide", False),
        ("talk", False),
        ("reading_the_tide", False),
        ("WeCommunities", False),
    ],
)
def test_a_tag_of_several_small_words_is_warned_of(tmp_path: Path, tag: str, warned: bool) -> None:
    config = read(tmp_path, swap("TideTalk", tag))
    assert [w.key for w in config.warnings] == (["chats[0].hashtag"] if warned else [])
    assert all(w.warning for w in config.warnings)


def test_a_question_too_long_for_one_post_is_warned_of_where_it_is(tmp_path: Path) -> None:
    config = read(tmp_path, swap("What is a tide?", "What is a tide? " * 19))
    (warning,) = config.warnings
    assert warning.key == "chats[0].questions[0].text"
    assert "Square" in warning.expected
    assert "2 posts" in warning.mend


def test_nobody_to_steer_and_a_zone_without_summer_time_are_warned_of(tmp_path: Path) -> None:
    text = swap('[[chats.hosts]]\nname = "Mara Quill"\nhall = "@mara@hall.test"\n', "")
    assert [w.key for w in read(tmp_path, text).warnings] == ["chats[0].hosts"]
    text = swap("Europe/London", "EST")
    assert [w.key for w in read(tmp_path, text).warnings] == ["community.timezone"]
    assert read(tmp_path, swap("Europe/London", "UTC")).warnings == ()


def test_places_are_counted_as_people_count(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("at = 5", "at = 75"))
    assert "chats[0].questions[0].at (chat 1, question 1) = 75" in str(mistake)


def test_a_picture_is_one_that_every_network_takes(tmp_path: Path) -> None:
    (tmp_path / "q1.tiff").write_bytes(b"\x89PNG picture")
    text = swap("at = 5\n", 'at = 5\nimage = "q1.tiff"\nalt = "A tide table"\n')
    assert ".png" in only(tmp_path, text).expected


def test_names_that_would_ping_and_labels_in_questions_are_warned_of(tmp_path: Path) -> None:
    text = swap("Who keeps it?", "Q2: Who keeps it, @mara@hall.test and @ida@hall.test?")
    assert [w.expected for w in read(tmp_path, text).warnings] == [
        "no @name but a host's",
        "a question without its number",
    ]


def test_a_hosts_own_name_may_be_mentioned(tmp_path: Path) -> None:
    text = swap("Who keeps it?", "Who keeps it, @mara@hall.test?")
    assert read(tmp_path, text).warnings == ()
