"""Logging in to Slack: who we are, what we may, whether the channels are there; then a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from adapters.slack import LIMITS, Settings, ids, scopes
from adapters.slack.convert import Home
from adapters.slack.desk import Desk
from adapters.slack.feed import Feed
from adapters.slack.group import Group
from adapters.slack.history import History
from adapters.slack.link import SlackLink
from adapters.slack.people import People
from adapters.slack.pictures import Pictures
from adapters.slack.reactions import Reactions
from adapters.slack.scopes import Scope
from adapters.slack.web import Failure, Web, asked
from adapters.slack.writing import Memory, Writer
from bridge.errors import NeedsLogin
from bridge.model import Capabilities, Network, Opened
from bridge.ports import Clock, Remark, SessionStore

SPACING = 1.0  # seconds: a channel takes about one message a second (Slack's documentation)
EDITS = 2.0  # seconds: chat.update takes 50 a minute (Slack's documentation), and some are for what must go
GATHERED = 80  # entries a message holds; with a phone in hand nobody reads more
ROOM = 12_300  # characters of theirs a message holds: what `blocks.TOTAL` leaves beside the blocks' own cost
REQUEST = 30.0  # seconds a call may take


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
            home, handle, lacking = await asked(self._login(web))
            feed = Feed(web, self._clock, home.team, home.user, home.bot)
            try:
                await feed.connect()
                link = self._link(web, feed, home, handle, scopes.remarks(lacking))
                try:
                    yield link
                finally:
                    await link.close()
            finally:
                await feed.close()

    async def _login(self, web: Web) -> tuple[Home, str, tuple[Scope, ...]]:
        """Who we are, and what we may not do though the manifest asks for it. Raises Failure, NeedsLogin."""
        me = await web.read("auth.test")
        self._allowed(web, set())
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
        uses = {"group"} if settings.hosts_group else set()
        for channel in dict.fromkeys((settings.channel, settings.hosts_channel)):
            uses.add(await self._enter(web, channel, me["user"]))
        return home, f"@{me['user']}", self._allowed(web, uses)

    def _allowed(self, web: Web, uses: set[str]) -> tuple[Scope, ...]:
        """The scopes that are lacking of those of use. Raises NeedsLogin if it cannot be done without one."""
        lacking = scopes.lacking(web.scopes, uses) if web.scopes else ()
        if why := scopes.refusal(lacking):
            raise NeedsLogin(why)
        return lacking

    async def _enter(self, web: Web, channel: str, name: str) -> str:
        """See that we are in a channel, "public" or "private"; a public one we can join ourselves."""
        try:
            info = (await web.read("conversations.info", channel=channel))["channel"]
            kind = "private" if info.get("is_private") else "public"
            if info.get("is_member") or info.get("is_archived"):
                return kind
            if kind == "public":
                await web.write("conversations.join", {"channel": channel})
                return kind
        except Failure as failure:
            uninvited = failure.method == "conversations.join" and failure.error == "missing_scope"
            if failure.kind != "refused" and not uninvited:
                raise
        raise NeedsLogin(
            f"Slack: the app cannot read the channel {channel}. Type /invite @{name} there, or correct the ID."
        )

    def _link(self, web: Web, feed: Feed, home: Home, handle: str, remarks: tuple[Remark, ...]) -> SlackLink:
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
                edit_spacing=EDITS,
                gather_most=GATHERED,
                gather_room=ROOM,
                layout=self._settings.layout,
            ),
            url=home.site,
            skew=web.skew,
        )
        history, memory = History(web), Memory()
        people = People(web, home, self._clock)
        return SlackLink(
            opened,
            home,
            self._clock,
            feed=feed,
            history=history,
            people=people,
            memory=memory,
            writer=Writer(web, history, home, memory, Pictures(web, self._clock)),
            desk=Desk(web, home),
            reactions=Reactions(web, home, people),
            group=Group(web, home, self._settings.hosts_group),
            remarks=remarks,
        )
