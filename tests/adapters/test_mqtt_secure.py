"""Passwords, TLS, client certificates and rights at a real broker; and that no secret is ever told."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from bridge.config import Mqtt as Configured
from bridge.config import load
from bridge.errors import ConfigError, NeedsLogin, Unreachable
from tests.adapters.mqtt_rig import Kept, order, sent, split
from tests.brokers import Mosquitto, Mqtt, mosquitto, program
from tests.certificates import Authority
from tests.unit.configs import written
from tests.unit.platforms import CONFIG, kinds

ACL = Path(__file__).parents[2] / "docs" / "mqtt" / "acl.example"
PASSWORD = "kestrel-over-the-dunes-0815"
USERS = ("chatbridge-core", "chatbridge-mastodon", "display")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows three users, with the rights of the example."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for user in USERS:
        subprocess.run(
            [program("mosquitto_passwd"), "-b", str(passwords), user, PASSWORD],
            check=True,
            capture_output=True,
        )
    rights = tmp_path / "acl"
    rights.write_text(ACL.read_text().replace("mastodon", "town"))
    rights.chmod(0o600)
    passwords.write_text(passwords.read_text().replace("chatbridge-mastodon:", "chatbridge-town:"))
    with mosquitto(
        tmp_path / "broker", f"password_file {passwords}", f"acl_file {rights}", anonymous=False
    ) as broker:
        yield broker


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged; fails if a password is in it."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mqtt").setLevel(logging.DEBUG)
    yield caplog
    logging.getLogger("mqtt").setLevel(logging.WARNING)
    text = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert "CONNECT" in text, "the client library told what it does"
    assert PASSWORD not in text


def user(broker: Mosquitto, name: str, password: str = PASSWORD) -> Mqtt:
    return Mqtt(broker.url, secrets={"username": name, "password": password})


async def test_a_link_with_passwords_and_rights(locked: Mosquitto, told: pytest.LogCaptureFixture) -> None:
    async with split(locked, beside=False) as both:
        both.start(user(locked, "chatbridge-town"))
        async with both.adapter(mqtt=user(locked, "chatbridge-core")).open(Kept()) as link:
            both.town.says("through")
            assert (await anext(link.inbound(None))).cursor == "1"
            assert await link.send(order(1)) == sent(order(1))


async def test_a_wrong_password_needs_a_person(locked: Mosquitto, told: pytest.LogCaptureFixture) -> None:
    async with split(locked, beside=False) as both:
        with pytest.raises(NeedsLogin, match="MQTT_PASSWORD") as raised:
            await both.adapter(mqtt=user(locked, "chatbridge-core", PASSWORD + "!")).open(Kept()).__aenter__()
        assert PASSWORD not in f"{raised.value!r}"


@pytest.mark.parametrize("who", ["core", "beside"])
async def test_a_denied_topic_is_found_out_because_no_answer_comes(locked: Mosquitto, who: str) -> None:
    """Mosquitto takes what may not be written, and says nothing."""
    async with split(locked, beside=False) as both:
        both.start(user(locked, "display" if who == "beside" else "chatbridge-town"))
        mine = user(locked, "display" if who == "core" else "chatbridge-core")
        with pytest.raises(Unreachable, match="May its user read chatbridge/town/down and write"):
            await both.adapter(mqtt=mine).open(Kept()).__aenter__()
        assert both.town.opened == (0 if who == "core" else both.town.opened)


async def test_a_display_can_read_the_public_feed_and_never_write(locked: Mosquitto) -> None:
    def client(name: str) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            locked.port,
            username=name,
            password=PASSWORD,
            protocol=aiomqtt.ProtocolVersion.V5,
        )

    async with (
        client("display") as display,
        client("chatbridge-core") as core,
        client("chatbridge-town") as town,
    ):
        await display.subscribe("#", qos=1)
        await town.subscribe("#", qos=1)
        for topic in ("public/tea/state", "public/tea/entries/1", "town/up", "town/down"):
            await display.publish(f"chatbridge/{topic}", b"forged", qos=1, retain=True)
            await town.publish(f"chatbridge/public/tea/{topic}", b"forged", qos=1, retain=True)
        await core.publish("chatbridge/town/down", b"an order", qos=1)
        await core.publish("chatbridge/public/tea/state", b"real", qos=1, retain=True)
        async with asyncio.timeout(10):
            first = await anext(display.messages)
            assert (str(first.topic), first.payload) == ("chatbridge/public/tea/state", b"real")
            first = await anext(town.messages)
            assert (str(first.topic), first.payload) == ("chatbridge/town/down", b"an order")
    async with client("display") as late:
        await late.subscribe("chatbridge/#", qos=1)
        async with asyncio.timeout(10):
            first = await anext(late.messages)
            assert (str(first.topic), first.payload) == ("chatbridge/public/tea/state", b"real")
        assert len(late.messages) == 0


# ---------------------------------------------------------------- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def encrypted(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """A broker that lets in who has a certificate, under the name that stands there."""
    certificate, key = authority.sign("broker")
    rights = tmp_path / "acl"
    rights.write_text(ACL.read_text().replace("mastodon", "town"))
    rights.chmod(0o600)
    lines = (
        f"cafile {authority.file}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
        "use_identity_as_username true",
        f"acl_file {rights}",
    )
    with mosquitto(tmp_path / "broker", *lines) as broker:
        yield broker


def holder(broker: Mosquitto, authority: Authority, name: str) -> Mqtt:
    certificate, key = authority.sign(name)
    return Mqtt(
        broker.url.replace("mqtt:", "mqtts:"),
        tls=True,
        certificate=str(certificate),
        key=str(key),
        authority=str(authority.file),
    )


async def test_a_link_over_tls_with_client_certificates(encrypted: Mosquitto, authority: Authority) -> None:
    """Also after the broker was killed: the connection is made anew, and the words said meanwhile come."""
    async with split(encrypted, beside=False) as both:
        both.start(holder(encrypted, authority, "chatbridge-town"))
        mine = holder(encrypted, authority, "chatbridge-core")
        async with both.adapter(mqtt=mine).open(Kept()) as link:
            assert await link.send(order(1)) == sent(order(1))
            encrypted.kill()
            both.town.says("meanwhile")
            encrypted.start()
            assert (await anext(link.inbound(None))).cursor == "1"


async def test_a_stranger_s_certificate_is_not_let_in(
    encrypted: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere")
    async with split(encrypted, beside=False) as both:
        both.start(holder(encrypted, authority, "chatbridge-town"))
        for theirs, ours in ((stranger, authority), (authority, stranger)):  # its certificate, the broker's
            certificate, key = theirs.sign("chatbridge-core")
            mine = Mqtt(encrypted.url, "chatbridge", True, {}, str(certificate), str(key), str(ours.file))
            with pytest.raises(Unreachable, match="No connection to the broker"):
                await both.adapter(mqtt=mine).open(Kept()).__aenter__()


async def test_a_missing_key_is_named(encrypted: Mosquitto, authority: Authority, tmp_path: Path) -> None:
    certificate, _ = authority.sign("chatbridge-core")
    gone = tmp_path / "gone.pem"
    mine = Mqtt(encrypted.url, "chatbridge", True, {}, str(certificate), str(gone), str(authority.file))
    async with split(encrypted, beside=False) as both:
        with pytest.raises(Unreachable, match=re.escape(str(certificate))):
            await both.adapter(mqtt=mine).open(Kept()).__aenter__()


# ---------------------------------------------------------------- the config


def read(folder: Path, *lines: str) -> Configured:
    path = written(folder, CONFIG + "\n".join(('[mqtt]\nurl = "mqtts://broker.test"', *lines)) + "\n")
    mqtt = load(path, {"MQTT_PASSWORD": PASSWORD}, platforms=kinds()).mqtt
    assert mqtt is not None
    return mqtt


def test_certificates_are_found_beside_the_config(tmp_path: Path, authority: Authority) -> None:
    authority.sign("core")
    mqtt = read(tmp_path, 'authority = "authority.pem"', 'certificate = "core.pem"', 'key = "core-key.pem"')
    assert mqtt.authority == str(tmp_path / "authority.pem")
    assert (mqtt.certificate, mqtt.key) == (str(tmp_path / "core.pem"), str(tmp_path / "core-key.pem"))


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (('authority = "gone.pem"',), "mqtt.authority"),
        (('certificate = "core.pem"',), "mqtt.certificate"),
        (('key = "core-key.pem"',), "mqtt.certificate"),
    ],
)
def test_what_is_wrong_with_certificates_is_named(
    tmp_path: Path, authority: Authority, lines: tuple[str, ...], key: str
) -> None:
    authority.sign("core")
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, *lines)
    assert [mistake.key for mistake in raised.value.mistakes] == [key]
