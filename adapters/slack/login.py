"""`chatbridge login`: the app's two tokens, tried out."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from adapters.slack import Settings
from adapters.slack.web import Failure, Web
from bridge.ports import Clock, Terminal

REQUEST = 30.0  # seconds a call may take

HOW = """\
The app is made once, in a browser that is logged in to the workspace:
  1. https://api.slack.com/apps, Create New App, From a manifest: paste slack-manifest.yaml.
  2. Install App, Install to Workspace. There stands the bot token (xoxb-…).
  3. Basic Information, App-Level Tokens, Generate, with the scope connections:write: the app token (xapp-…).
  4. In the chat's channel and in the hosts' channel: /invite and the app's name.
"""


async def login(settings: Settings, terminal: Terminal, clock: Clock) -> Mapping[str, str]:
    """See `bridge.ports.Platform.login`."""
    terminal.say(HOW)
    bot = await terminal.ask("The bot token: ", secret=True)
    app = await terminal.ask("The app token: ", secret=True)
    timeout = aiohttp.ClientTimeout(total=clock.timeout(REQUEST))
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        web = Web(session, settings.api, bot, app, clock)
        try:
            me = await web.read("auth.test")
            await web.socket()
        except Failure as failure:
            raise failure.trouble() from None
    terminal.say(f"Logged in to {me.get('team', 'the workspace')} as @{me.get('user', '?')}.")
    return {"bot_token": bot, "app_token": app}
