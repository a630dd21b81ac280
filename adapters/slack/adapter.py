"""Logging in to Slack: who we are, what we may, whether the channels are there; then a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from adapters.slack import LIMITS, Settings, ids
from adapters.slack.console import Desk
from adapters.slack.convert import Home
from adapters.slack.feed import Feed
from adapters.slack.history import History
from adapters.slack.link import SlackLink
from adapters.slack.people import People
from adapters.slack.pictures import Pictures
from adapters.slack.web import Failure, Web
from adapters.slack.writing import Memory, Writer
from bridge.errors import NeedsLogin
from bridge.model import Capabilities, Network, Opened
from bridge.ports import Clock, Remark, SessionStore

SPACING = 1.0  # seconds: a channel takes about one message a second (Slack's documentation)
REQUEST = 30.0  # seconds a call may take
WITHOUT = (
    ({"files:write", "files:read"}, "the questions' pictures will be described in words and not shown"),
    ({"im:read"}, "what people write to the bot while it is away may be missed"),
)
NEEDED = {"chat:write", "chat:write.customize", "users:read"}  # the channels' own are tried out


class SlackAdapter:
    """One workspace with its chat's and its hosts' channel."""

    def __init__(self, name: Network, settings: Settings, secrets: Mapping[str, str], clock: Clock) -> None:
        self.name = name
        self._settings, self._secrets, self._clock = settings, secrets, clock

    def __repr__(self) -> str:
        return f"SlackAdapter({self.name!r})"

    @asynccontextmanager
    async def open(self, sessions: SessionStore) -> AsyncIterator[SlackLink]:
        """See `bridge.ports.Adapter.open`. Slack's tokens do not rotate, so no session is kept."""
        missing = [key for key in ("bot_token", "app_token") if not self._secrets.get(key)]
        if missing:
            names = " and ".join(f"{self.name}_{key}".upper() for key in missing)
            raise NeedsLogin(
                f"Slack: {names} must be set; see the app's pages OAuth & Permissions and Basic Information."
            )
        timeout = aiohttp.ClientTimeout(total=self._clock.timeout(REQUEST))
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            web = Web(
                session,
                self._settings.api,
                self._secrets["bot_token"],
                self._secrets["app_token"],
                self._clock,
            )
            try:
                home, handle = await self._login(web)
            except Failure as failure:
                raise failure.trouble() from None
            feed = Feed(web, self._clock, home.team, home.user, home.bot)
            try:
                await feed.connect()
                yield self._link(web, feed, home, handle)
            finally:
                await feed.close()

    async def _login(self, web: Web) -> tuple[Home, str]:
        """Who we are. Raises Failure, NeedsLogin."""
        me = await web.read("auth.test")
        missing = NEEDED - web.scopes if web.scopes else set()
        if missing:
            raise NeedsLogin(
                f"Slack: the token lacks {', '.join(sorted(missing))}. Add them under OAuth & Permissions "
                "and install the app again."
            )
        if not me.get("bot_id"):
            raise NeedsLogin("Slack: this is not a bot's token; SLACK_BOT_TOKEN starts with xoxb-.")
        settings = self._settings
        home = Home(
            self.name,
            me["team_id"],
            me["url"],
            me["user_id"],
            me["bot_id"],
            settings.channel,
            settings.hosts_channel,
        )
        for channel in dict.fromkeys((settings.channel, settings.hosts_channel)):
            await self._enter(web, channel, me["user"])
        return home, f"@{me['user']}"

    async def _enter(self, web: Web, channel: str, name: str) -> None:
        """See that we are in a channel; a public one we can join ourselves."""
        try:
            info = (await web.read("conversations.info", channel=channel))["channel"]
            if info.get("is_member") or info.get("is_archived"):
                return
            if not info.get("is_private"):
                await web.write("conversations.join", {"channel": channel})
                return
        except Failure as failure:
            if failure.kind != "refused":
                raise
        raise NeedsLogin(f"Slack: the app cannot read the channel {channel}. Type /invite @{name} there.")

    def _link(self, web: Web, feed: Feed, home: Home, handle: str) -> SlackLink:
        opened = Opened(
            network=self.name,
            account=ids.account(home.team, home.user),
            handle=handle,
            capabilities=Capabilities(
                limits=LIMITS,
                resend="look_first",
                settle=30.0,
                mirror=True,
                console=True,
                edits=True,
                spacing=SPACING,
                layout=self._settings.layout,
            ),
            url=home.site,
            skew=web.skew,
        )
        history, memory = History(web), Memory()
        return SlackLink(
            opened,
            home,
            self._clock,
            feed=feed,
            history=history,
            people=People(web, home, self._clock),
            memory=memory,
            writer=Writer(web, history, home, memory, Pictures(web, self._clock)),
            desk=Desk(web, home),
            remarks=_remarks(web),
        )


def _remarks(web: Web) -> tuple[Remark, ...]:
    """What the hosts should know of the token, though the chat can be held with it."""
    remarks = []
    for scopes, without in WITHOUT:
        if web.scopes and (lacking := scopes - web.scopes):
            mend = f"Add {' and '.join(sorted(lacking))} under OAuth & Permissions and install the app again."
            remarks.append(Remark(without, mend))
    return tuple(remarks)
