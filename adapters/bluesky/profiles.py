"""Who people are and what they ask of bridges, looked up in batches and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from adapters.bluesky import convert, ids
from adapters.bluesky.client import Client, Failure
from adapters.bluesky.convert import Profile
from adapters.bluesky.memory import Bounded
from bridge.model import Account, AuthorKnown, Post
from bridge.ports import Clock

_BATCH = 25  # most actors of app.bsky.actor.getProfiles
_PATIENCE = 10.0  # seconds a post waits for its author's profile


class Profiles:
    """Profiles of authors. One that cannot be had keeps no post back: it goes out under the author's DID,
    without an AuthorKnown; `retry` tries again."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._cache: Bounded[Account, Profile] = Bounded(5_000)
        self._told: Bounded[Account, AuthorKnown] = Bounded(5_000)
        self._stated: Bounded[Account, AuthorKnown] = Bounded(5_000)
        self._missed: Bounded[Account, None] = Bounded(1_000)

    async def learn(self, accounts: Iterable[Account]) -> None:
        """Look up those not known yet. Raises Failure only if our own login is refused."""
        new = [did for did in dict.fromkeys(accounts) if did not in self._cache and did not in self._missed]
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            try:
                async with asyncio.timeout(self._clock.timeout(_PATIENCE)):
                    await self._batch(batch)
            except TimeoutError:
                pass
            for did in batch:
                if did not in self._cache:
                    self._missed[did] = None

    async def retry(self) -> None:
        """Try again those that could not be had."""
        missed = list(self._missed)
        self._missed.clear()
        await self.learn(missed)

    def is_known(self, did: Account) -> bool:
        return did in self._cache

    def news(self, did: Account) -> AuthorKnown | None:
        """What is to be told of an author and has not been."""
        profile = self._cache.get(did)
        if known := self._stated.get(did):
            return self.tell(known)
        return self.tell(AuthorKnown(did, profile.wishes)) if profile and profile.asked else None

    def tell(self, known: AuthorKnown) -> AuthorKnown | None:
        """`known` if it is news."""
        if self._told.get(known.account) == known:
            return None
        self._told[known.account] = known
        return known

    def changed(self, known: AuthorKnown) -> None:
        """Jetstream told a new profile. The AppView may lag behind it: these wishes outweigh what it says."""
        self._cache.pop(known.account, None)
        self._stated[known.account] = known

    def forget(self, accounts: Iterable[Account]) -> None:
        """They may have another handle: look them up before their next post."""
        for did in accounts:
            self._cache.pop(did, None)

    def doubt(self) -> None:
        """Changes may have been missed: look everybody up again."""
        self._cache.clear()
        self._stated.clear()

    def signed(self, post: Post) -> Post:
        did = post.author.account
        return convert.signed(post, self._cache.get(did) or Profile(did))

    async def _batch(self, dids: list[Account]) -> None:
        try:
            answer = await self._client.query("app.bsky.actor.getProfiles", actors=dids)
        except Failure as failure:
            if failure.kind == "login":
                raise
            if not failure.beyond:
                return
        else:
            for view in answer.get("profiles") or ():
                profile = convert.profile(view)
                self._cache[profile.did] = profile
        async with asyncio.TaskGroup() as tasks:
            for did in dids:
                if did not in self._cache:
                    tasks.create_task(self._from_repository(did))

    async def _from_repository(self, did: Account) -> None:
        """Without the profile service: the author's own repository, as far as our server can read it."""
        handle: str | None = None
        try:
            repo = await self._client.query("com.atproto.repo.describeRepo", repo=did)
            if repo.get("handleIsCorrect") is True:
                handle = str(repo.get("handle"))
            record = await self._client.query(
                "com.atproto.repo.getRecord", repo=did, collection=ids.PROFILE, rkey="self"
            )
        except Failure as failure:
            if failure.absent:
                self._cache[did] = convert.own_profile(did, handle, {})
            return
        self._cache[did] = convert.own_profile(did, handle, record.get("value") or {})
