"""`chatbridge login`: an app password, tried out and kept, and the session it gave."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.bluesky import Settings, convert, ids
from adapters.bluesky.client import Client, Failure
from bridge.ports import Clock, Terminal

BOT = "bot"  # the self-label by which Bluesky knows automated accounts


class Forgetful:
    """A session store that keeps nothing: the bridge makes its own session at its first start."""

    def load(self) -> bytes | None:
        return None

    def save(self, session: bytes) -> None:
        pass


async def login(settings: Settings, terminal: Terminal, clock: Clock) -> Mapping[str, str]:
    """See `bridge.ports.Platform.login`."""
    terminal.say(
        "In Bluesky, as the community's account: Settings, Privacy and security, App passwords, Add app password."
    )
    password = await terminal.ask("The app password: ", secret=True)
    client = Client(settings.api, clock, Forgetful())
    try:
        await client.login(settings.account, password)
        terminal.say(f"Logged in as @{client.handle}.")
        await _offer_label(client, terminal)
    except Failure as failure:
        raise failure.link_error() from None
    finally:
        await client.close()
    return {"password": password}


async def _offer_label(client: Client, terminal: Terminal) -> None:
    """Bots say that they are. The password is good whatever becomes of this."""
    try:
        await _label(client, terminal)
    except Failure as failure:
        mend = "chatbridge login, with this network's name, can try again."
        terminal.say(f"The account was not labelled as automated: {failure.why}. {mend}")


async def _label(client: Client, terminal: Terminal) -> None:
    """Put the label on our own profile, unless it is there. Raises Failure."""
    place = {"repo": client.did, "collection": ids.PROFILE, "rkey": "self"}
    try:
        found = await client.query("com.atproto.repo.getRecord", **place)
        record, version = dict(found["value"]), found.get("cid")
    except Failure as failure:
        if not failure.absent:
            raise
        record, version = {"$type": ids.PROFILE}, None
    if convert.own_profile(client.did, client.handle, record).bot:
        return
    if (await terminal.ask("Label the account as automated? [Y/n] ")).casefold() in ("n", "no"):
        return
    labels = record.get("labels") or {"$type": "com.atproto.label.defs#selfLabels"}
    record["labels"] = {**labels, "values": [*labels.get("values", ()), {"val": BOT}]}
    await client.procedure("com.atproto.repo.putRecord", {**place, "record": record, "swapRecord": version})
    terminal.say("Labelled.")
