"""`chatbridge login`: an application of the community's own on its server, and its access token.

OAuth's code flow (Mastodon's documentation, "OAuth tokens"): the person authorises in their browser and
copies the code it shows; no address of ours has to be reachable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.mastodon import Settings
from bridge.errors import NeedsLogin, Unreachable
from bridge.ports import Clock, Terminal

SCOPES = ["read", "write"]
PATIENCE = 30.0  # seconds for a request


async def login(settings: Settings, terminal: Terminal, clock: Clock) -> Mapping[str, str]:
    """See `bridge.ports.Platform.login`."""
    api = (settings.api or settings.server).rstrip("/")
    application = await _ask(api, _register, api, clock.timeout(PATIENCE))
    page = await _ask(api, application.auth_request_url, scopes=SCOPES, allow_http=api.startswith("http:"))
    terminal.say(
        f"Open this in a browser in which the community's account is logged in, and authorise:\n\n  {page}\n"
    )
    code = await terminal.ask("The code it shows: ", secret=True)
    if not code:
        raise NeedsLogin("No code was given. Start again whenever you like.")
    token = await _ask(api, application.log_in, code=code, scopes=SCOPES, allow_http=api.startswith("http:"))
    me = await _ask(api, application.account_verify_credentials)
    terminal.say(f"Logged in as @{me.acct}.")
    if not me.bot:
        say = "Mark the account as automated, as servers ask of bots? [Y/n] "
        if (await terminal.ask(say)).casefold() not in ("n", "no"):
            await _ask(api, application.account_update_credentials, bot=True)
            terminal.say("Marked.")
    return {"token": token}


def _register(api: str, timeout: float) -> Any:
    from mastodon import Mastodon

    identity, secret = Mastodon.create_app(
        "chatbridge", scopes=SCOPES, api_base_url=api, request_timeout=timeout
    )
    return Mastodon(
        identity,
        secret,
        api_base_url=api,
        request_timeout=timeout,
        ratelimit_method="throw",
        version_check_mode="created",
        mastodon_version="4.6.0",
    )


async def _ask(api: str, call: Any, *args: Any, **kwargs: Any) -> Any:
    """A call of the SDK in a thread, its errors as ours."""
    from mastodon.errors import MastodonAPIError, MastodonError, MastodonIllegalArgumentError

    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except (MastodonAPIError, MastodonIllegalArgumentError, KeyError) as error:
        # The SDK's words repeat what was sent, and that was a code.
        raise NeedsLogin(
            f"{api} does not accept it ({type(error).__name__}). Was the code copied whole?"
        ) from None
    except (MastodonError, OSError, ValueError) as error:
        raise Unreachable(f"{api} does not answer like Mastodon ({type(error).__name__}).") from None
