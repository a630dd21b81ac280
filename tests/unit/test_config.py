"""The config: every mistake at once, each with its place and mend; times, secrets, readiness."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bridge.config import Config, installed, load, missing_secrets, not_ready, rebased
from bridge.errors import ConfigError, Mistake
from bridge.model import HOUR, MINUTE, Micros
from bridge.plan import spread
from bridge.when import lead, micros, moment, readings, span
from tests.unit.platforms import CONFIG, kinds

ROOT = Path(__file__).parents[2]
LONDON = ZoneInfo("Europe/London")


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str = CONFIG, env: Mapping[str, str] | None = None) -> Config:
    return load(written(folder, text), env or {}, platforms=kinds())


def mistakes(folder: Path, text: str, env: Mapping[str, str] | None = None) -> dict[str, Mistake]:
    """By key path."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    assert all(m.expected and m.mend and m.file.endswith("config.toml") for m in caught.value.mistakes)
    return {m.key: m for m in caught.value.mistakes}


def only(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Mistake:
    found = mistakes(folder, text, env)
    assert len(found) == 1, list(found)
    return next(iter(found.values()))


def swap(old: str, new: str, text: str = CONFIG) -> str:
    assert old in text
    return text.replace(old, new, 1)


def at(*when: int) -> Micros:
    return micros(dt.datetime(*when, tzinfo=dt.UTC))  # type: ignore[arg-type, misc]


# ---------------------------------------------------------------- what is read


def test_a_config_becomes_settings(tmp_path: Path) -> None:
    config = read(tmp_path)
    chat = config.community.chats[0]
    assert config.journal == tmp_path / "data/chatbridge.db"
    assert chat.starts == at(2027, 3, 16, 20)
    assert chat.ends - chat.starts == HOUR
    assert chat.late_until - chat.ends == 24 * HOUR
    assert chat.announce == 7 * 24 * HOUR
    assert chat.remind == (24 * HOUR, 10 * MINUTE)
    assert [(q.due - chat.starts) // MINUTE for q in chat.questions] == [5, 32]
    assert chat.hosts[0].handles == (("hall", "@mara@hall.test"),)
    assert [(n.name, n.title, n.mirror) for n in config.community.networks] == [
        ("hall", "Hall", False),
        ("square", "Square", False),
        ("room", "Room", True),
    ]
    assert config.web.port == 8080
    assert config.mqtt is None
    assert config.consent.keep_text_days == 90
    assert config.warnings == ()


def test_layout_and_consent_of_a_room_reach_the_core(tmp_path: Path) -> None:
    text = swap('channel = "C123"', 'channel = "C123"\nlayout = "threads"\npublic = "no"')
    net = read(tmp_path, text).community.networks[2]
    assert (net.layout, net.public) == ("threads", "no")


def test_local_times_follow_summer_time_and_offsets(tmp_path: Path) -> None:
    summer = read(tmp_path, swap("2027-03-16T20:00:00", "2027-07-06T20:00:00"))
    assert summer.community.chats[0].starts == at(2027, 7, 6, 19)
    offset = read(tmp_path, swap("2027-03-16T20:00:00", "2027-07-06T20:00:00+02:00"))
    assert offset.community.chats[0].starts == at(2027, 7, 6, 18)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + CONFIG).community.name == "The Tide Readers"


def test_a_second_network_of_a_kind_bears_its_name_and_is_warned_of_unless_it_only_listens(
    tmp_path: Path,
) -> None:
    second = CONFIG + '\n[networks.north]\nkind = "hall"\nserver = "https://north.test"\n'
    config = read(tmp_path, second)
    assert config.community.networks[3].title == "Hall (north)"
    assert [w.key for w in config.warnings] == ["networks.north"]
    assert read(tmp_path, second + "post = false").warnings == ()


def test_the_broker_has_secrets_of_its_own(tmp_path: Path) -> None:
    text = CONFIG + '[mqtt]\nurl = "mqtts://broker.test"\n'
    mqtt = read(tmp_path, text, {"MQTT_PASSWORD": "hush"}).mqtt
    assert mqtt is not None
    assert mqtt.tls
    assert dict(mqtt.secrets) == {"password": "hush"}
    assert "hush" not in repr(mqtt)


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
        ('hashtag = "TideTalk"', 'hashtag = "2027"', "chats[0].hashtag", "at least one letter"),
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
    ],
)
def test_one_mistake(tmp_path: Path, old: str, new: str, key: str, said: str) -> None:
    text = swap(old, new)
    if "Hall-1" in new:
        text = swap('hall = "@mara@hall.test"\n', "", text)
    mistake = only(tmp_path, text)
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
    (tmp_path / "q1.png").write_bytes(b"picture")
    text = swap("at = 5\n", 'at = 5\nimage = "q1.png"\nalt = "A tide table"\n')
    question = read(tmp_path, text).community.chats[0].questions[0]
    assert (question.image, question.alt) == (str(tmp_path / "q1.png"), "A tide table")


def test_a_start_that_the_clocks_skip_is_a_mistake(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("2027-03-16T20:00:00", "2027-03-28T01:30:00"))
    assert mistake.key == "chats[0].starts"
    assert "2027-03-28T02:30:00+01:00" in mistake.mend


def test_a_start_that_comes_twice_is_a_mistake_until_an_offset_says_which(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("2027-03-16T20:00:00", "2027-10-31T01:30:00"))
    assert "2027-10-31T01:30:00+01:00 is the earlier, 2027-10-31T01:30:00+00:00 the later" in mistake.mend
    config = read(tmp_path, swap("2027-03-16T20:00:00", "2027-10-31T01:30:00+01:00"))
    assert config.community.chats[0].starts == at(2027, 10, 31, 0, 30)


SECOND = """
[[chats]]
id = "other"
title = "More tides"
hashtag = "tidetalk"
starts = 2027-03-16T20:30:00
[[chats.questions]]
text = "And then?"
"""


def test_two_chats_may_share_neither_id_nor_hour_and_tag(tmp_path: Path) -> None:
    assert only(tmp_path, CONFIG + SECOND).key == "chats[1].starts"
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
        ("a = 1\na = 2", "line 2", "twice"),
    ],
)
def test_broken_toml_says_where_and_what_to_do(tmp_path: Path, broken: str, where: str, mend: str) -> None:
    mistake = only(tmp_path, broken)
    assert mistake.key.startswith(where)
    assert mend in mistake.mend


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="comes with chatbridge"):
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


def test_names_that_would_ping_and_labels_in_questions_are_warned_of(tmp_path: Path) -> None:
    text = swap("Who keeps it?", "Q2: Who keeps it, @mara@hall.test?")
    assert [w.expected for w in read(tmp_path, text).warnings] == [
        "no @name",
        "a question without its number",
    ]


# ---------------------------------------------------------------- secrets

TOKEN = "a1b2c3-not-to-be-seen"


def test_secrets_come_from_the_environment_or_its_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "bot").write_text(f"{TOKEN}\n")
    env = {"HALL_TOKEN": TOKEN, "ROOM_BOT_TOKEN_FILE": str(tmp_path / "bot"), "ROOM_APP_TOKEN": ""}
    config = read(tmp_path, CONFIG, env)
    assert dict(config.networks[0].secrets) == {"token": TOKEN}
    assert dict(config.networks[2].secrets) == {"bot_token": TOKEN}
    assert TOKEN not in repr(config)
    assert [m.key for m in missing_secrets(config)] == ["networks.square", "networks.room"]
    assert "SQUARE_PASSWORD_FILE" in missing_secrets(config)[0].mend
    assert "ROOM_APP_TOKEN" in missing_secrets(config)[1].mend


def test_a_secret_file_that_is_empty_missing_or_beside_its_variable_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    env = {
        "HALL_TOKEN_FILE": str(tmp_path / "empty"),
        "SQUARE_PASSWORD_FILE": str(tmp_path / "none"),
        "ROOM_BOT_TOKEN": TOKEN,
        "ROOM_BOT_TOKEN_FILE": str(tmp_path / "empty"),
    }
    found = mistakes(tmp_path, CONFIG, env)
    assert set(found) == {"HALL_TOKEN_FILE", "SQUARE_PASSWORD_FILE", "ROOM_BOT_TOKEN"}
    assert TOKEN not in str(ConfigError(tuple(found.values())))


@pytest.mark.parametrize(
    ("old", "new", "key", "variable"),
    [
        ('kind = "hall"', f'kind = "hall"\ntoken = "{TOKEN}"', "networks.hall.token", "HALL_TOKEN"),
        (
            'kind = "room"',
            f'kind = "room"\nbot_token = "{TOKEN}"',
            "networks.room.bot_token",
            "ROOM_BOT_TOKEN",
        ),
        ('kind = "hall"', f'kind = "hall"\napi_key = "{TOKEN}"', "networks.hall.api_key", "HALL_TOKEN"),
        ('kind = "hall"', f'kind = "hall"\ntokne = "{TOKEN}"', "networks.hall.tokne", ""),
        ("[community]", f'[community]\nsecret = "{TOKEN}"', "community.secret", "environment"),
        ("[community]", f'password = "{TOKEN}"\n[community]', "password", "environment"),
        ("[[chats.hosts]]", f'[[chats.hosts]]\ntoken = "{TOKEN}"', "chats[0].hosts[0].token", ""),
        ('"C123"', f'["xoxb-{TOKEN}"]', "networks.room.channel", ""),
        ('page = "https://tide.test"', f'page = "://ann:{TOKEN}@x"', "community.page", ""),
    ],
)
def test_a_secret_in_the_config_is_refused_unseen(
    tmp_path: Path, old: str, new: str, key: str, variable: str
) -> None:
    mistake = only(tmp_path, swap(old, new))
    assert mistake.key == key
    assert variable in mistake.mend
    assert TOKEN not in str(mistake)


def test_a_broker_address_with_a_password_is_refused_unseen(tmp_path: Path) -> None:
    mistake = only(tmp_path, CONFIG + f'[mqtt]\nurl = "mqtt://ann:{TOKEN}@broker.test"\n')
    assert mistake.key == "mqtt.url"
    assert TOKEN not in str(mistake)


# ---------------------------------------------------------------- ready to run


def test_placeholders_are_named_unless_an_api_key_leads_elsewhere(tmp_path: Path) -> None:
    text = swap("https://hall.test", "https://hall.example")
    text = swap("https://square.test", 'wss://a.test"\nrelays = ["wss://x.test", "wss://…"]\n#"', text)
    text = swap('"C123"', '"C…"', text)
    text = swap("https://tide.test", "https://chat.example.org", text)
    text = swap("@mara@hall.test", "@…@…", text)
    now = at(2027, 3, 1)
    assert [m.key for m in not_ready(read(tmp_path, text), now)] == [
        "community.page",
        "chats[0].hosts[0].hall",
        "networks.hall.server",
        "networks.square.relays",
        "networks.room.channel",
    ]
    text = swap(
        'server = "https://hall.example"', 'server = "https://hall.example"\napi = "http://[::1]:1"', text
    )
    text = swap('channel = "C…"', 'channel = "C…"\napi = "http://[::1]:1"', text)
    keys = [m.key for m in not_ready(read(tmp_path, text), now)]
    assert keys == ["community.page", "chats[0].hosts[0].hall", "networks.square.relays"]


def test_a_chat_is_past_when_its_late_window_has_closed_and_none_is_ahead(tmp_path: Path) -> None:
    config = read(tmp_path)
    closed = config.community.chats[0].late_until
    assert not_ready(config, closed - 1) == ()
    (mistake,) = not_ready(config, closed)
    assert (mistake.key, mistake.value) == ("chats[0].starts", "2027-03-16T20:00:00+00:00")
    both = read(tmp_path, CONFIG + swap("2027-03-16", "2027-04-20", SECOND))
    assert not_ready(both, closed) == ()


def test_rebasing_moves_the_first_chat_whole(tmp_path: Path) -> None:
    config = read(tmp_path, CONFIG + swap("20:30", "21:30", SECOND))
    start = at(2026, 11, 23, 9)
    (moved,) = rebased(config, start).chats
    before = config.community.chats[0]
    by = start - before.starts
    assert moved.starts == start
    assert moved.ends == before.ends + by
    assert moved.late_until == before.late_until + by
    assert [q.due for q in moved.questions] == [q.due + by for q in before.questions]
    assert moved.announce == before.announce


# ---------------------------------------------------------------- the shipped config


def test_the_shipped_config_is_the_chat_of_the_announcement() -> None:
    config = load(ROOT / "config.toml", {})
    chat = config.community.chats[0]
    assert config.warnings == ()
    assert chat.starts == micros(dt.datetime(2018, 3, 20, 20, tzinfo=LONDON))
    assert len(chat.questions) == 7
    assert [h.name for h in chat.hosts] == ["Lucy Scarisbrick", "Vanessa Garrity"]
    assert [(n.kind, n.title) for n in config.community.networks] == [
        ("mastodon", "Mastodon"),
        ("bluesky", "Bluesky"),
        ("slack", "Slack"),
    ]
    assert [m.key for m in not_ready(config, at(2026, 11, 23))] == [
        "community.page",
        "networks.mastodon.server",
        "networks.bluesky.account",
        "networks.slack.channel",
        "networks.slack.hosts_channel",
        "chats[0].starts",
    ]
    assert {m.key for m in missing_secrets(config)} == {
        "networks.mastodon",
        "networks.bluesky",
        "networks.slack",
    }


def test_every_commented_key_of_the_shipped_config_is_a_real_one(tmp_path: Path) -> None:
    """Taking the # away gives a config that can be read."""
    lines = []
    for line in (ROOT / "config.toml").read_text(encoding="utf-8").splitlines():
        bare = line.removeprefix("# ")
        starts = ("[mqtt]", bare.split(" ", 1)[0] + " = ")
        lines.append(bare if line.startswith("# ") and bare.startswith(starts) else line)
    text = "\n".join(lines)
    assert (
        sum(a != b for a, b in zip(lines, (ROOT / "config.toml").read_text().splitlines(), strict=True)) == 16
    )
    config = load(written(tmp_path, text), {})
    assert config.mqtt is not None
    assert config.warnings == ()
    assert len(config.community.chats[0].hosts[1].handles) == 3
    assert not config.networks[0].post


def test_the_three_kinds_are_installed() -> None:
    assert {"mastodon", "bluesky", "slack"} <= set(installed())


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("7d", 10080), ("24h", 1440), ("10m", 10), ("1d12h", 2160), ("1h 30m", 90), ("1H", 60)],
)
def test_leads(words: str, minutes: int) -> None:
    assert lead(words) == minutes * MINUTE


@pytest.mark.parametrize("words", ["", "0m", "7", "-1h", "1w", "h", "10 m", "1.5h", "m10"])
def test_no_leads(words: str) -> None:
    assert lead(words) is None


@pytest.mark.parametrize(
    ("planned", "minutes", "spread_over"),
    [
        ([None] * 7, 60, [7, 15, 22, 30, 37, 45, 52]),
        ([5, None, None], 60, [5, 23, 41]),
        ([None, 30, None], 60, [15, 30, 45]),
        ([None] * 3, 2, [0.5, 1, 1.5]),
        ([1, 2], 60, [1, 2]),
    ],
)
def test_spreading(planned: list[float | None], minutes: float, spread_over: list[float]) -> None:
    assert spread(planned, minutes) == spread_over


@pytest.mark.parametrize(
    ("shown", "times"),
    [("2027-03-28T01:30", 0), ("2027-03-28T02:00", 1), ("2027-10-31T01:00", 2), ("2027-10-31T02:00", 1)],
)
def test_clocks_put_forward_and_back(shown: str, times: int) -> None:
    assert len(readings(dt.datetime.fromisoformat(shown), LONDON)) == times


def test_times_in_words() -> None:
    eight = at(2018, 3, 20, 20)
    assert moment(eight, "Europe/London") == "Tuesday 20 March 2018, 20:00 London time (20:00 UTC)"
    assert moment(eight, "UTC") == "Tuesday 20 March 2018, 20:00 UTC"
    assert (
        moment(eight, "America/New_York", eight + HOUR)
        == "Tuesday 20 March 2018, 16:00 to 17:00 New York time (20:00 UTC)"
    )
    assert moment(eight, "Asia/Tokyo") == "Wednesday 21 March 2018, 05:00 Tokyo time (Tuesday 20:00 UTC)"
    assert [span(n * MINUTE) for n in (1, 10, 60, 90, 1440, 10080)] == [
        "1 minute",
        "10 minutes",
        "1 hour",
        "1 hour 30 minutes",
        "24 hours",
        "7 days",
    ]


def test_mistakes_are_json(tmp_path: Path) -> None:
    mistake = only(tmp_path, swap("at = 5", "at = 99"))
    assert json.loads(msgspec.json.encode(mistake))["key"] == "chats[0].questions[0].at"
