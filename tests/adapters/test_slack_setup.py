"""Setting Slack up: the app's manifest, its scopes by name, the group of hosts, `chatbridge login`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from adapters.slack import Settings, manifest, platform, scopes
from bridge.errors import NeedsLogin
from bridge.model import Command, Leaders, Written
from simulator.slack.server import SCOPES as GRANTED
from simulator.slack.wire import CHAT, HOSTS
from tests.adapters.slack_rig import server, slack, subject
from tests.conformance.came import Session
from tests.conformance.rig import Rig

ROOT = Path(__file__).parents[2]
EVERY = tuple(scope.name for scope in scopes.SCOPES)

# ---------------------------------------------------------------- the manifest


def listed(key: str) -> list[str]:
    """A list of the manifest's, by the line that heads it."""
    lines = manifest.FILE.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.partition("#")[0].strip() == f"{key}:")
    found = []
    for line in lines[at + 1 :]:
        if not line.strip().startswith("- "):
            break
        found.append(line.partition("#")[0].strip().removeprefix("- "))
    return found


def every(key: str) -> list[str]:
    """Every value of a key, in order."""
    return re.findall(rf"^\s*(?:- )?{key}: (.+?)(?:\s+#.*)?$", manifest.FILE.read_text(), re.MULTILINE)


def test_the_manifest_asks_for_the_scopes_of_the_table_and_no_others() -> None:
    assert listed("bot") == sorted(scope.name for scope in scopes.SCOPES)


def test_the_manifest_tells_us_of_what_the_code_listens_to() -> None:
    assert set(listed("bot_events")) == {
        *("message.channels", "message.groups", "message.im", "app_mention"),
        *("reaction_added", "reaction_removed", "app_home_opened"),
        *("subteam_members_changed", "subteam_updated"),
    }


def test_the_manifest_keeps_slacks_limits() -> None:
    """Documentation, App manifest reference; five shortcuts in a message's menu, of 24 characters each."""
    assert every("type") == ["message"] * 5
    assert every("callback_id") == [
        f"chatbridge:{v}" for v in ("reply", "welcome", "move", "promote", "more")
    ]
    names = every("name")
    assert len(names[0]) <= 35
    assert all(len(name) <= 24 for name in names[1:])
    assert len(names) == 6
    assert [len(text) for text in every("description") if len(text) > 140] == []
    (hint,), (command,) = every("usage_hint"), every("command")
    assert len(hint) <= 1_000
    assert command == "/chat"
    assert every("home_tab_enabled") + every("is_enabled") + every("socket_mode_enabled") == ["true"] * 3
    assert every("messages_tab_read_only_enabled") == ["false"]


def test_the_hint_names_commands_there_are() -> None:
    from bridge.chat.commands import VERBS

    (hint,) = every("usage_hint")
    assert {usage.split()[0] for usage in hint.split(" | ")} <= VERBS.keys()


def test_the_file_at_the_root_is_the_one_that_is_installed() -> None:
    assert (ROOT / "slack-manifest.yaml").resolve() == manifest.FILE.resolve()


def test_one_click_makes_the_app() -> None:
    link = urlsplit(manifest.link())
    assert (link.scheme, link.netloc, link.path) == ("https", "api.slack.com", "/apps")
    query = parse_qs(link.query, strict_parsing=True)
    assert query["new_app"] == ["1"]
    (made,) = query["manifest_yaml"]
    assert "#" not in made
    kept = [line.partition("  #")[0].rstrip() for line in manifest.FILE.read_text().splitlines()]
    assert made.splitlines() == [line for line in kept if not line.startswith("#")]
    assert len(manifest.link()) < 8_000, "what servers take as an address"


def test_the_documentation_names_every_scope() -> None:
    page = (ROOT / "docs" / "slack.md").read_text()
    assert [name for name in (*EVERY, "connections:write") if f"`{name}`" not in page] == []


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize("name", [s.name for s in scopes.SCOPES if s.needed and s.where != "private"])
async def test_no_login_without_what_every_chat_needs(name: str) -> None:
    async with subject(scopes=[scope for scope in EVERY if scope != name]).rig() as rig:
        with pytest.raises(NeedsLogin, match=re.escape(name)) as refused:
            async with rig.open():
                pass
        assert "OAuth & Permissions" in str(refused.value)


@pytest.mark.parametrize("name", [s.name for s in scopes.SCOPES if not s.needed and s.where != "group"])
async def test_without_another_scope_the_chat_is_held_and_it_is_named(name: str) -> None:
    async with subject(scopes=[s for s in EVERY if s != name]).rig() as rig, rig.open() as link:
        (remark,) = await slack(link).inspect()
        assert remark.what.startswith(f"the token lacks {name} (")
        assert name in remark.mend
        assert not remark.needed
        await link.expect(Written, rig.says(rig.person(), "A1"))


async def test_nothing_is_missed_that_is_of_no_use() -> None:
    """Private channels' scopes where both are public, and a group's where none is configured."""
    spared = {s.name for s in scopes.SCOPES if s.where in ("private", "group")}
    assert spared == {"groups:read", "groups:history", "usergroups:read"}
    async with subject(scopes=[s for s in EVERY if s not in spared]).rig() as rig, rig.open() as link:
        assert await slack(link).inspect() == ()


def test_in_private_channels_other_scopes_are_needed() -> None:
    granted = [name for name in EVERY if not name.startswith("groups:")]
    assert scopes.refusal(scopes.lacking(granted, {"public"})) == ""
    assert "groups:history, groups:read" in scopes.refusal(scopes.lacking(granted, {"private"}))


async def test_where_it_may_not_join_somebody_has_to_invite_it() -> None:
    names = [name for name in EVERY if name != "channels:join"]
    async with subject(scopes=names, joined=(CHAT,)).rig() as rig:
        with pytest.raises(NeedsLogin, match=rf"cannot read the channel {HOSTS}\. Type /invite @chatbridge"):
            async with rig.open():
                pass


# ---------------------------------------------------------------- the group of hosts


def leaders(link: Session) -> list[list[str]]:
    return [sorted(a.rpartition("/")[2] for a in told.accounts) for told in link.others(Leaders)]


async def test_the_groups_members_are_told_and_told_again_when_they_change() -> None:
    async with subject(
        {"hosts_group": "S0HOSTS"}, groups={"S0HOSTS": ["host-01"], "S0NURSES": ["nurse-01"]}
    ).rig() as rig:
        one, two, nurse = rig.person(name="host"), rig.person(name="host"), rig.person()
        async with rig.open() as link:
            await link.until(lambda: len(leaders(link)) == 1, "who leads")
            assert isinstance(link.items[0].what, Leaders), "before anything they could say"
            server(rig).regroup("S0NURSES", ["host-02"])
            server(rig).regroup("S0HOSTS", ["host-01", "host-02"])
            await link.until(lambda: len(leaders(link)) == 2, "who leads now")
            assert leaders(link) == [[one.account], sorted((one.account, two.account))]
            assert await slack(link).inspect() == ()
            assert nurse.account not in leaders(link)[1]


async def test_a_group_changed_while_no_socket_was_open_is_read_again() -> None:
    async with subject({"hosts_group": "S0HOSTS"}, groups={"S0HOSTS": ["host-01"]}).rig() as rig:
        one, two = rig.person(name="host"), rig.person(name="host")
        async with rig.open() as link:
            await link.until(lambda: leaders(link) == [[one.account]], "who leads")
            rig.strike("socket_dropped")
            assert not server(rig).regroup("S0HOSTS", ["host-02"])
            await link.until(lambda: len(leaders(link)) == 2, "who leads now")
            assert leaders(link)[1] == [two.account]


async def test_the_group_as_slack_shows_it_updated() -> None:
    """subteam_updated comes instead where the group itself was changed, or disabled."""
    async with subject({"hosts_group": "S0HOSTS"}, groups={"S0HOSTS": ["host-01"]}).rig() as rig:
        rig.person(name="host")
        async with rig.open() as link:
            await link.until(lambda: len(leaders(link)) == 1, "who leads")
            del server(rig).groups["S0HOSTS"]
            server(rig).hub.event({"type": "subteam_updated", "subteam": {"id": "S0HOSTS", "date_delete": 1}})
            await link.until(lambda: leaders(link)[1:] == [[]], "that nobody of it leads")


async def test_no_group_no_question() -> None:
    async with subject(groups={"S0HOSTS": ["host-01"]}).rig() as rig, rig.open() as link:
        host = rig.person(name="host")
        server(rig).regroup("S0HOSTS", [host.handle])
        await link.expect(Written, rig.says(host, "later"))
        assert leaders(link) == [[]], "whoever led while the config named a group leads no more"
        assert "usergroups.users.list" not in [method for method, _ in server(rig).api.calls]


@pytest.mark.parametrize(
    ("group", "granted", "said"),
    [
        ("S0HOSTS", [s for s in EVERY if s != "usergroups:read"], "the token lacks usergroups:read ("),
        ("S0NOBODY", list(EVERY), "the members of hosts_group S0NOBODY cannot be read (no_such_subteam)"),
        ("S0NURSES", list(EVERY), "hosts_group S0NURSES has no members"),
    ],
)
async def test_a_group_that_says_nothing_is_named_and_commands_go_on(
    group: str, granted: list[str], said: str
) -> None:
    groups = {"S0HOSTS": ["host-01"], "S0NURSES": list[str]()}
    async with subject({"hosts_group": group}, scopes=granted, groups=groups).rig() as rig:
        host = rig.person(name="host")
        async with rig.open() as link:
            (remark,) = await slack(link).inspect()
            assert remark.what.startswith(said)
            server(rig).command(host, "hold")
            await link.until(lambda: link.others(Command), "the command")
            assert leaders(link) == [[]]


# ---------------------------------------------------------------- logging in


class Typist:
    """Answers what is asked, and keeps what was said."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.shown: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        if not secret:
            self.shown.append(prompt)
        return self.answers.pop(0)


async def login(rig: Rig, *answers: str) -> tuple[Typist, dict[str, str]]:
    table = msgspec.convert(rig.stage.access()["table"], Settings)
    typist = Typist(*answers)
    return typist, dict(await rig.heard(platform.login("slack", table, typist, rig.clock)))


async def test_login_shows_the_link_and_keeps_what_works() -> None:
    async with subject(scopes=EVERY).rig() as rig:
        bot, app = server(rig).bot_token, server(rig).app_token
        typist, kept = await login(rig, bot, app)
        assert kept == {"bot_token": bot, "app_token": app}
        assert manifest.link() in typist.said[0].split()
        assert typist.said[1:] == ["Logged in to Tea Shop as @chatbridge."]
        assert typist.shown == [], "nothing secret is seen"


async def test_login_says_what_is_missing_by_name() -> None:
    granted = [name for name in EVERY if name not in ("reactions:read", "pins:write")]
    async with subject(scopes=granted).rig() as rig:
        typist, _ = await login(rig, server(rig).bot_token, server(rig).app_token)
        said = "\n".join(typist.said[2:])
        assert "the token lacks reactions:read (🚫 hides, ❤️ likes, ⭐ boosts)" in said
        assert "the token lacks pins:write" in said
        assert len(typist.said) == 4


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (("xoxb-wrong", "xapp"), "auth.test: invalid_auth"),
        (("{bot}", "xapp-wrong"), "apps.connections.open: invalid_auth"),
        (("{app}", "{bot}"), "wrong kind of token"),
        (("{bot}", "{bot}"), "wrong kind of token"),
        (("", ""), "no token was given"),
    ],
)
async def test_login_keeps_nothing_that_does_not_work(answers: tuple[str, str], why: str) -> None:
    async with subject().rig() as rig:
        bot, app = server(rig).bot_token, server(rig).app_token
        with pytest.raises(NeedsLogin, match=re.escape(why)):
            await login(rig, *(answer.format(bot=bot, app=app) for answer in answers))


async def test_login_refuses_a_token_without_what_every_chat_needs() -> None:
    async with subject(scopes=[name for name in EVERY if name != "chat:write.customize"]).rig() as rig:
        with pytest.raises(NeedsLogin, match=r"lacks chat:write\.customize\. Add chat:write\.customize"):
            await login(rig, server(rig).bot_token, server(rig).app_token)


def test_the_stand_in_grants_what_the_manifest_asks_for() -> None:
    assert set(EVERY) <= {*GRANTED}
