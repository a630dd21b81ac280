"""The config: what is read, what may run, and the one that is shipped."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.config import installed, load
from bridge.errors import ConfigError
from bridge.model import HOUR, MINUTE
from bridge.readiness import missing_secrets, not_ready
from bridge.rehearsal.hour import rebased
from bridge.when import micros
from tests.unit.configs import SECOND, SHIPPED, at, mistakes, only, read, swap, written
from tests.unit.platforms import CONFIG

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


def test_who_can_delete_and_what_may_go_out_reach_the_core(tmp_path: Path) -> None:
    text = swap('channel = "C123"', 'channel = "C123"\nadmins = ["U7", "U8"]')
    text += '[consent]\noutward = "none"\nsignpost = " Help is at https://help.test "\n'
    community = read(tmp_path, text).community
    assert community.networks[2].admins == ("U7", "U8")
    assert (community.outward, community.signpost) == ("none", "Help is at https://help.test")
    assert read(tmp_path).community.outward == "asked"


def test_a_container_listens_on_every_address_unless_the_config_says_on_which(tmp_path: Path) -> None:
    inside = {"CHATBRIDGE_HOST": "0.0.0.0"}
    assert read(tmp_path).web.host == "127.0.0.1"
    assert read(tmp_path, env=inside).web.host == "0.0.0.0"
    assert read(tmp_path, CONFIG + '[web]\nhost = "::1"\n', env=inside).web.host == "::1"


def test_how_long_words_are_kept_reaches_the_core(tmp_path: Path) -> None:
    assert read(tmp_path).community.keep_text == 90 * 24 * HOUR
    config = read(tmp_path, swap("[networks.hall]", "[consent]\nkeep_text_days = 7\n[networks.hall]"))
    assert config.community.keep_text == 7 * 24 * HOUR
    assert rebased(config.community, 0).keep_text > 1000 * 24 * HOUR, (
        "a rehearsal can be looked at for as long as one likes"
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("chat.internal:80", ("chat.internal", 80)),
    ],
)
def test_metrics_can_have_an_address_of_their_own(tmp_path: Path, said: str, meant: tuple[str, int]) -> None:
    assert read(tmp_path).web.watched is None
    config = read(tmp_path, swap("[networks.hall]", f'[web]\nmetrics = "{said}"\n[networks.hall]'))
    assert config.web.watched == meant


@pytest.mark.parametrize(
    "said", ["9100", ":9100", "127.0.0.1", "http://127.0.0.1:9100", "::1:9100", "a b:1", "a:65536"]
)
def test_metrics_at_no_address_are_a_mistake(tmp_path: Path, said: str) -> None:
    found = only(tmp_path, swap("[networks.hall]", f'[web]\nmetrics = "{said}"\n[networks.hall]'))
    assert (found.key, '"127.0.0.1:9100"' in found.mend) == ("web.metrics", True)


def test_local_times_follow_summer_time_and_offsets(tmp_path: Path) -> None:
    summer = read(tmp_path, swap("2027-03-16T20:00:00", "2027-07-06T20:00:00"))
    assert summer.community.chats[0].starts == at(2027, 7, 6, 19)
    offset = read(tmp_path, swap("2027-03-16T20:00:00", "2027-07-06T20:00:00+02:00"))
    assert offset.community.chats[0].starts == at(2027, 7, 6, 18)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + CONFIG).community.name == "The Tide Readers"


def test_a_second_network_of_a_kind_bears_its_name_and_only_listens_unless_told_to_post(
    tmp_path: Path,
) -> None:
    second = CONFIG + '\n[networks.north]\nkind = "hall"\nserver = "https://north.test"\n'
    config = read(tmp_path, second)
    assert config.community.networks[3].title == "Hall (north)"
    assert [n.post for n in config.community.networks] == [True, True, True, False]
    assert config.warnings == ()
    assert [w.key for w in read(tmp_path, second + "post = true").warnings] == ["networks.north"]
    assert read(tmp_path, second + "post = false").warnings == ()


def test_the_broker_has_secrets_of_its_own(tmp_path: Path) -> None:
    text = CONFIG + '[mqtt]\nurl = "mqtts://broker.test"\n'
    mqtt = read(tmp_path, text, {"MQTT_PASSWORD": "hush"}).mqtt
    assert mqtt is not None
    assert mqtt.tls
    assert dict(mqtt.secrets) == {"password": "hush"}
    assert "hush" not in repr(mqtt)


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
    text = swap('"C123"', '"C…"\nadmins = ["U1", "U…"]', text) + '[consent]\nsignpost = "…"\n'
    text = swap("https://tide.test", "https://chat.example.org", text)
    text = swap("@mara@hall.test", "@…@…", text)
    now = at(2027, 3, 1)
    assert [m.key for m in not_ready(read(tmp_path, text), now)] == [
        "community.page",
        "chats[0].hosts[0].hall",
        "networks.hall.server",
        "networks.square.relays",
        "networks.room.channel",
        "networks.room.admins",
        "consent.signpost",
    ]
    text = swap('[consent]\nsignpost = "…"\n', "", text)
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
    assert not_ready(config, closed, staying=True) == ()
    (mistake,) = not_ready(config, closed)
    assert (mistake.key, mistake.value) == ("chats[0].starts", "2027-03-16T20:00:00+00:00")
    both = read(tmp_path, CONFIG + swap("2027-03-16", "2027-04-20", SECOND))
    assert not_ready(both, closed) == ()


def test_rebasing_moves_the_first_chat_whole(tmp_path: Path) -> None:
    config = read(tmp_path, CONFIG + swap("20:30", "21:30", SECOND))
    start = at(2026, 11, 23, 9)
    (moved,) = rebased(config.community, start).chats
    assert rebased(config.community, start, "rhythm") == rebased(config.community, start)
    assert [chat.id for chat in rebased(config.community, start, "other").chats] == ["other"]
    assert rebased(config.community, start, "gone").chats == ()
    before = config.community.chats[0]
    by = start - before.starts
    assert moved.starts == start
    assert moved.ends == before.ends + by
    assert moved.late_until == before.late_until + by
    assert [q.due for q in moved.questions] == [q.due + by for q in before.questions]
    assert moved.announce == before.announce


# ---------------------------------------------------------------- the shipped config


def test_the_shipped_config_is_the_chat_of_the_announcement() -> None:
    config = load(SHIPPED, {})
    chat = config.community.chats[0]
    assert config.warnings == ()
    assert chat.starts == micros(dt.datetime(2018, 3, 20, 20, tzinfo=ZoneInfo("Europe/London")))
    assert len(chat.questions) == 7
    assert [h.name for h in chat.hosts] == ["Lucy Scarisbrick", "Vanessa Garrity"]
    assert [(n.kind, n.title, n.direct) for n in config.community.networks] == [
        ("mastodon", "Mastodon", True),
        ("bluesky", "Bluesky", False),
        ("slack", "Slack", True),
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
    for line in (SHIPPED).read_text(encoding="utf-8").splitlines():
        bare = line.removeprefix("# ")
        starts = ("[mqtt]", bare.split(" ", 1)[0] + " = ")
        lines.append(bare if line.startswith("# ") and bare.startswith(starts) else line)
    text = "\n".join(lines)
    assert sum(a != b for a, b in zip(lines, (SHIPPED).read_text().splitlines(), strict=True)) == 25
    for name in ("broker-ca.pem", "more/chat.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            f"{swap('tidetalk', 'Ebb', SECOND)}[[chats.hosts]]\nname = 'Ann'"
            if name.startswith("more")
            else ""
        )
    text = text.replace("chats/*.toml", "more/*.toml").replace("tls = false", "tls = true")
    config = load(written(tmp_path, text), {})
    assert config.mqtt is not None
    assert config.warnings == ()
    assert len(config.community.chats[0].hosts[1].handles) == 3
    assert not config.networks[0].post


def test_the_three_kinds_are_installed() -> None:
    assert {"mastodon", "bluesky", "slack"} <= set(installed())
