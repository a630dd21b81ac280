"""What `check` tells of a Bluesky account."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from adapters.bluesky import convert, ids
from adapters.bluesky.client import Client, Failure
from bridge.ports import Clock, Remark

CONNECT = 10.0  # seconds for a Jetstream host to let us in


class Inspector:
    """Looks at an account and changes nothing. `hosts`: addresses of Jetstream's websockets."""

    def __init__(self, client: Client, hosts: tuple[str, ...], clock: Clock) -> None:
        self._client, self._hosts, self._clock = client, hosts, clock

    async def inspect(self) -> tuple[Remark, ...]:
        """Everything, in the order a host would want it. Raises Unreachable or NeedsLogin."""
        try:
            return (*await self._manners(), *await self._reach(), *await self._streaming())
        except Failure as failure:
            raise failure.link_error() from None

    async def _manners(self) -> list[Remark]:
        place = {"repo": self._client.did, "collection": ids.PROFILE, "rkey": "self"}
        try:
            record = (await self._client.query("com.atproto.repo.getRecord", **place))["value"]
        except Failure as failure:
            if not failure.absent:
                raise
            record = {}
        profile = convert.own_profile(self._client.did, self._client.handle, record)
        remarks = [
            Remark("labelled as automated")
            if profile.bot
            else Remark(
                "not labelled as automated", "chatbridge login, with this network's name, can do that."
            )
        ]
        described = str(record.get("description", ""))
        if "@" not in described and not profile.wishes.links:
            mend = "Name a person to ask in its description: an @account, an address to write to."
            remarks.append(Remark("its profile names nobody to ask", mend))
        if profile.members:
            mend = "Switch off “Discourage apps from showing my account to logged-out users” in its settings."
            remarks.append(Remark("it asks not to be shown to those who are not logged in", mend))
        return remarks

    async def _reach(self) -> list[Remark]:
        """Only the AppView counts followers; a server of one's own may have none."""
        try:
            view = await self._client.query("app.bsky.actor.getProfile", actor=self._client.did)
        except Failure as failure:
            if failure.beyond:
                return []
            raise
        followers = view.get("followersCount")
        return [Remark(f"{followers} follower{'s' * (followers != 1)}")] if isinstance(followers, int) else []

    async def _streaming(self) -> list[Remark]:
        """Whether there is a host to read from; each is tried, so that failing over finds one."""
        async with aiohttp.ClientSession() as session:
            answers = await asyncio.gather(*(self._answers(session, host) for host in self._hosts))
        names = [urlsplit(host).hostname or host for host in self._hosts]
        good = [name for name, answer in zip(names, answers, strict=True) if answer is None]
        bad = [f"{name} ({why})" for name, why in zip(names, answers, strict=True) if why is not None]
        remarks = [Remark(f"reads from Jetstream at {', '.join(good)}")] if good else []
        if bad:
            mend = "Look at this machine's connection, and at the hosts under jetstream in the config."
            remarks.append(Remark(f"no answer from Jetstream at {', '.join(bad)}", mend, needed=not good))
        return remarks

    async def _answers(self, session: aiohttp.ClientSession, host: str) -> str | None:
        """None if a host lets us in, else why not."""
        try:
            async with asyncio.timeout(self._clock.timeout(CONNECT)), session.ws_connect(host):
                return None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
