"""Setting an account up: `login` obtains secrets that work, `inspect` says what a host should mend."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from adapters.bluesky import platform as bluesky
from adapters.mastodon import platform as mastodon
from adapters.slack import platform as slack
from bridge.errors import NeedsLogin, Unreachable
from bridge.ports import Inspected, Platform, Remark
from simulator.bluesky import Server as Bluesky
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.mastodon import Server as Mastodon
from simulator.slack import Server as Slack
from simulator.stage import Person

SPEED = 60.0


class Owner:
    """The account's owner: answers each question with the first answer whose words stand in it."""

    def __init__(self, **answers: str | Callable[[str], str]) -> None:
        self._answers = answers
        self.said: list[str] = []
        self.asked: list[tuple[str, bool]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        self.asked.append((prompt, secret))
        answer = next(a for words, a in self._answers.items() if words.replace("_", " ") in prompt)
        return answer if isinstance(answer, str) else answer("\n".join(self.said))


class Sessions:
    def load(self) -> bytes | None:
        return None

    def save(self, session: bytes) -> None:
        pass


async def log_in(platform: Platform, stage: Any, owner: Owner) -> dict[str, str]:
    settings = msgspec.convert(stage.access()["table"], platform.settings)
    return dict(await platform.login("net", settings, owner, Clock(speed=SPEED)))


async def inspected(platform: Platform, stage: Any) -> tuple[Remark, ...]:
    access = stage.access()
    settings = msgspec.convert(access["table"], platform.settings)
    secrets = {name.lower(): value for name, value in access["secrets"].items()}
    async with platform.create("net", settings, secrets, Clock(speed=SPEED)).open(Sessions()) as link:
        assert isinstance(link, Inspected)
        return await link.inspect()


def what(remarks: tuple[Remark, ...], words: str) -> Remark:
    return next(r for r in remarks if words in r.what)


async def staged(kind: type[Any], doing: Callable[[Any], Awaitable[None]]) -> None:
    clock = Clock(speed=SPEED)
    stage = kind("net", clock, Faults(clock.now), {"tag": "CoastalTea"})
    await stage.start()
    try:
        await doing(stage)
    finally:
        await stage.stop()


# ---------------------------------------------------------------- Mastodon


async def test_mastodon_gives_a_token_for_the_code_it_showed_and_the_account_is_marked() -> None:
    async def doing(stage: Mastodon) -> None:
        stage.me.bot = False

        def reads_the_code(said: str) -> str:
            page = re.search(r"http\S+", said)
            assert page is not None
            return stage.oauth.authorise(page.group())

        owner = Owner(code=reads_the_code, automated="")
        assert await log_in(mastodon, stage, owner) == {"token": stage.token}
        assert stage.scopes == "read write"
        assert stage.me.bot
        assert [secret for prompt, secret in owner.asked if "code" in prompt] == [True]
        assert stage.token not in "\n".join(owner.said)

    await staged(Mastodon, doing)


async def test_mastodon_refuses_a_code_of_somebody_elses_and_nothing_is_marked_unasked() -> None:
    async def doing(stage: Mastodon) -> None:
        stage.me.bot = False
        with pytest.raises(NeedsLogin, match="copied whole") as caught:
            await log_in(mastodon, stage, Owner(code="not-the-code"))
        assert "not-the-code" not in str(caught.value)
        with pytest.raises(NeedsLogin, match="No code"):
            await log_in(mastodon, stage, Owner(code=""))

        def reads_the_code(said: str) -> str:
            return stage.oauth.authorise(said.split("\n\n  ")[1].split(maxsplit=1)[0])

        await log_in(mastodon, stage, Owner(code=reads_the_code, automated="n"))
        assert not stage.me.bot

    await staged(Mastodon, doing)


@pytest.mark.parametrize("trouble", ["refusal", "outage"])
async def test_mastodon_keeps_a_good_token_though_the_account_cannot_be_marked(trouble: str) -> None:
    async def doing(stage: Mastodon) -> None:
        stage.me.bot = False

        def reads_the_code(said: str) -> str:
            return stage.oauth.authorise(said.split("\n\n  ")[1].split(maxsplit=1)[0])

        def agrees(said: str) -> str:
            if trouble == "refusal":
                stage.scopes = "read"
            else:
                stage.faults.at("net", "outage", 0)
            return "y"

        owner = Owner(code=reads_the_code, automated=agrees)
        assert await log_in(mastodon, stage, owner) == {"token": stage.token}
        assert not stage.me.bot
        assert "The account was not marked" in owner.said[-1]
        assert "This is an automated account" in owner.said[-1]
        assert "copied" not in owner.said[-1]

    await staged(Mastodon, doing)


async def test_mastodon_blames_the_code_for_nothing_else() -> None:
    """Neither for a registration that is refused nor for a server that is out when it is exchanged."""

    async def doing(stage: Mastodon) -> None:
        def reads_the_code_too_late(said: str) -> str:
            stage.faults.at("net", "outage", 0)
            return stage.oauth.authorise(said.split("\n\n  ")[1].split(maxsplit=1)[0])

        with pytest.raises(Unreachable) as late:
            await log_in(mastodon, stage, Owner(code=reads_the_code_too_late))
        owner = Owner()
        with pytest.raises(NeedsLogin, match="registers no application") as early:
            await log_in(mastodon, stage, owner)
        assert not owner.asked
        assert "copied" not in str(late.value) + str(early.value)

    await staged(Mastodon, doing)


async def test_a_server_that_does_not_answer_is_said_so() -> None:
    settings = mastodon.settings(server="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await mastodon.login("net", settings, Owner(), Clock(speed=SPEED))


async def test_mastodon_is_looked_over() -> None:
    async def doing(stage: Mastodon) -> None:
        stage.me.bot, stage.me.note = False, ""
        remarks = await inspected(mastodon, stage)
        assert what(remarks, "may read and write").mend == ""
        assert "chatbridge login" in what(remarks, "not marked as automated").mend
        assert what(remarks, "names nobody to ask").mend
        assert what(remarks, "streams at ws://").mend == ""
        assert "follow the account" in what(remarks, "nobody follows").mend
        assert what(remarks, "server rule 1: Be kind.").mend == ""
        assert not any(r.needed for r in remarks)
        stage.me.bot, stage.me.note = True, '<p>Ask <a href="https://ann.example">Ann</a></p>'
        for n in range(170):  # more than two pages
            stage.join(Person(f"nurse-{n:03}", "Nurse", "net"))
        remarks = await inspected(mastodon, stage)
        assert what(remarks, "marked as automated").mend == ""
        assert not [r for r in remarks if "nobody" in r.what]
        assert what(remarks, "170 followers on 2 servers").mend == ""
        stage.scopes = "read"
        lacking = what(await inspected(mastodon, stage), "lacks the scope write")
        assert lacking.needed

    await staged(Mastodon, doing)


# ---------------------------------------------------------------- Bluesky


def unlabel(stage: Bluesky) -> None:
    record = {"$type": "app.bsky.actor.profile", "displayName": "The chat"}
    stage.repos.put(stage.me.did, "app.bsky.actor.profile", "self", record)


async def test_bluesky_takes_an_app_password_and_labels_the_account_once() -> None:
    async def doing(stage: Bluesky) -> None:
        unlabel(stage)
        password = stage.access()["secrets"]["PASSWORD"]
        owner = Owner(password=password, automated="y")
        assert await log_in(bluesky, stage, owner) == {"password": password}
        assert ("The app password: ", True) in owner.asked
        assert password not in "\n".join(owner.said)
        assert what(await inspected(bluesky, stage), "labelled as automated") == Remark(
            "labelled as automated"
        )
        again = Owner(password=password)
        await log_in(bluesky, stage, again)
        assert len(again.asked) == 1
        with pytest.raises(NeedsLogin):
            await log_in(bluesky, stage, Owner(password="wrong-wrong-wrong"))

    await staged(Bluesky, doing)


async def test_bluesky_keeps_a_good_password_though_the_account_cannot_be_labelled() -> None:
    async def doing(stage: Bluesky) -> None:
        password = stage.access()["secrets"]["PASSWORD"]
        for method in ("com.atproto.repo.putRecord", "com.atproto.repo.getRecord"):
            unlabel(stage)
            stage.faulty.add(method)
            owner = Owner(password=password, automated="y")
            assert await log_in(bluesky, stage, owner) == {"password": password}
            assert "was not labelled as automated" in owner.said[-1]

    await staged(Bluesky, doing)


async def test_bluesky_is_looked_over() -> None:
    async def doing(stage: Bluesky) -> None:
        unlabel(stage)
        remarks = await inspected(bluesky, stage)
        assert "chatbridge login" in what(remarks, "not labelled").mend
        assert what(remarks, "names nobody to ask").mend
        assert what(remarks, "reads from Jetstream at 127.0.0.1").mend == ""

    await staged(Bluesky, doing)


# ---------------------------------------------------------------- Slack


async def test_slack_takes_both_tokens_and_tries_them() -> None:
    async def doing(stage: Slack) -> None:
        secrets = stage.access()["secrets"]
        owner = Owner(bot_token=secrets["BOT_TOKEN"], app_token=secrets["APP_TOKEN"])
        assert await log_in(slack, stage, owner) == {
            "bot_token": secrets["BOT_TOKEN"],
            "app_token": secrets["APP_TOKEN"],
        }
        with pytest.raises(NeedsLogin):
            await log_in(slack, stage, Owner(bot_token=secrets["BOT_TOKEN"], app_token="xapp-wrong"))

    await staged(Slack, doing)
