"""`chatbridge login`: the app is made with one click; then its two tokens, tried out."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from adapters.slack import Settings, manifest, scopes
from adapters.slack.web import Failure, Web, asked
from bridge.errors import NeedsLogin
from bridge.ports import Clock, Terminal

REQUEST = 30.0  # seconds a call may take

HOW = """\
The app is made once, in a browser that is logged in to the workspace:

  1. Open this link, choose the workspace, and press Next and Create:

{link}

  2. Install App, Install to Workspace. There stands the bot token (xoxb-…).
  3. Basic Information, App-Level Tokens, Generate, with the scope connections:write: the app token (xapp-…).
  4. In the chat's channel and in the hosts' channel: /invite and the app's name.
"""


async def login(settings: Settings, terminal: Terminal, clock: Clock) -> Mapping[str, str]:
    """See `bridge.ports.Platform.login`."""
    terminal.say(HOW.format(link=manifest.link()))
    bot = await terminal.ask("The bot token: ", secret=True)
    app = await terminal.ask("The app token: ", secret=True)
    timeout = aiohttp.ClientTimeout(total=clock.timeout(REQUEST))
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        web = Web(session, settings.api, bot, app, clock)
        me = await asked(web.read("auth.test"))
        if not me.get("bot_id"):
            raise NeedsLogin("Slack: the first is not a bot's token; that one starts with xoxb-.")
        if web.scopes and (why := scopes.refusal(scopes.lacking(web.scopes, ()))):
            raise NeedsLogin(why)
        try:
            await web.socket()
        except Failure as failure:
            raise _of_the_app(failure) if failure.error == "missing_scope" else failure.trouble() from None
    terminal.say(f"Logged in to {me.get('team', 'the workspace')} as @{me.get('user', '?')}.")
    uses = {"public", "private"} | ({"group"} if settings.hosts_group else set())
    for remark in scopes.remarks(scopes.lacking(web.scopes, uses) if web.scopes else ()):
        terminal.say(f"But {remark.what}.\n  {remark.mend}")
    return {"bot_token": bot, "app_token": app}


def _of_the_app(failure: Failure) -> NeedsLogin:
    """The app token's one scope, by name."""
    where = "Basic Information, App-Level Tokens"
    return NeedsLogin(f"{failure}. The app token needs connections:write; generate another under {where}.")
