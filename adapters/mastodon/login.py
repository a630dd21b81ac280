"""`chatbridge login`: an application of the community's own on its server, and its access token.

OAuth's code flow (Mastodon's documentation, "OAuth tokens"): the person authorises in their browser and
copies the code it shows; no address of ours has to be reachable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.mastodon import Settings
from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.ports import Clock, Terminal

SCOPES = ["read", "write"]
PATIENCE = 30.0  # seconds for a request


async def login(settings: Settings, terminal: Terminal, clock: Clock) -> Mapping[str, str]:
    """See `bridge.ports.Platform.login`."""
    api = (settings.api or settings.server).rstrip("/")
    plain = api.startswith("http:")
    refusal = f"{api} registers no application for us. Is it a Mastodon server? Then ask those who run it."
    application = await _ask(refusal, api, _register, api, clock.timeout(PATIENCE))
    refusal = f"{api} has no page to authorise us on."
    page = await _ask(refusal, api, application.auth_request_url, scopes=SCOPES, allow_http=plain)
    terminal.say(
        f"Open this in a browser in which the community's account is logged in, and authorise:\n\n  {page}\n"
    )
    code = await terminal.ask("The code it shows: ", secret=True)
    if not code:
        raise NeedsLogin("No code was given. Start again whenever you like.")
    refusal = f"{api} does not accept the code. Was it copied whole?"
    token = await _ask(refusal, api, application.log_in, code=code, scopes=SCOPES, allow_http=plain)
    me = await _ask(
        f"{api} refuses the token it has just given.", api, application.account_verify_credentials
    )
    terminal.say(f"Logged in as @{me.acct}.")
    if not me.bot:
        await _offer_mark(api, application, terminal)
    return {"token": token}


async def _offer_mark(api: str, application: Any, terminal: Terminal) -> None:
    """The token is good whatever becomes of this."""
    say = "Mark the account as automated, as servers ask of bots? [Y/n] "
    if (await terminal.ask(say)).casefold() in ("n", "no"):
        return
    try:
        await _ask(f"{api} does not allow it.", api, application.account_update_credentials, bot=True)
    except LinkError as error:
        mend = "Tick “This is an automated account” in its profile."
        terminal.say(f"The account was not marked: {error} {mend}")
    else:
        terminal.say("Marked.")


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


async def _ask(refusal: str, api: str, call: Any, *args: Any, **kwargs: Any) -> Any:
    """A call of the SDK in a thread, its errors as ours: `refusal` says that the server said no. The SDK's own
    words repeat what was sent, and that may be a code."""
    from mastodon.errors import MastodonError

    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except (MastodonError, OSError, LookupError, TypeError, ValueError) as error:
        if _says_no(error):
            raise NeedsLogin(refusal) from None
        why = f"cannot be reached, or does not answer like Mastodon now ({type(error).__name__})"
        raise Unreachable(f"{api} {why}.") from None


def _says_no(error: Exception) -> bool:
    """Whether a server that is well refused. The SDK makes a wrong code of whatever goes wrong when a code is
    exchanged, and looks in vain for the id of an application that was not registered."""
    from mastodon.errors import MastodonAPIError, MastodonIllegalArgumentError, MastodonServerError

    cause = error.__context__ if isinstance(error, MastodonIllegalArgumentError) else None
    refusals = (MastodonAPIError, MastodonIllegalArgumentError, LookupError)
    return isinstance(cause or error, refusals) and not isinstance(cause or error, MastodonServerError)
