"""What `check` tells of an account on a server that speaks Mastodon's API."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import aiohttp

from adapters.mastodon import convert, ids, wire
from adapters.mastodon.html import words
from adapters.mastodon.rest import Rest
from bridge.ports import Clock, Remark
from bridge.text import tame

PAGES = 10  # of followers, 80 a page: enough to name the servers that matter
NAMED = 5  # of those servers
RULE = 120  # characters of a rule
CONNECT = 10.0  # seconds for the stream to let us in
SCOPES = ("read", "write")


class Inspector:
    """Looks at an account and changes nothing. `stream`: the address of the websocket; None if there is none
    that may be used."""

    def __init__(
        self,
        rest: Rest,
        me: wire.Account,
        home: str,
        *,
        token: str,
        stream: str | None,
        clock: Clock,
    ) -> None:
        self._rest, self._me, self._home = rest, me, home
        self._token, self._stream, self._clock = token, stream, clock

    async def inspect(self) -> tuple[Remark, ...]:
        """Everything, in the order a host would want it. Raises Unreachable or NeedsLogin."""
        return (
            *await self._rights(),
            *self._manners(),
            await self._streaming(),
            *await self._reach(),
            *await self._rules(),
        )

    async def _rights(self) -> list[Remark]:
        """Servers before Mastodon 4.3 do not say what a token may do."""
        answer = await self._rest.read("app_verify_credentials")
        data = answer.data() if answer.ok else None
        scopes = data.get("scopes") if isinstance(data, dict) else None
        if not isinstance(scopes, list) or not scopes:
            return []
        lacking = [scope for scope in SCOPES if scope not in scopes]
        if not lacking:
            return [Remark(f"the token may {' and '.join(SCOPES)}")]
        mend = f"Get one with the scopes {' and '.join(SCOPES)}: chatbridge login, with this network's name."
        return [Remark(f"the token lacks the scope {' and '.join(lacking)}", mend, needed=True)]

    def _manners(self) -> list[Remark]:
        remarks = []
        if self._me.bot:
            remarks.append(Remark("marked as automated, as servers ask of bots"))
        else:
            mend = "Tick “This is an automated account” in its profile, or let chatbridge login do it."
            remarks.append(Remark("not marked as automated", mend))
        if not self._names_a_person():
            mend = "Name a person to ask in its profile: an @account, an address to write to."
            remarks.append(Remark("its profile names nobody to ask", mend))
        if self._me.locked:
            mend = "Switch off “Approve follow requests” in its profile."
            remarks.append(
                Remark("its followers wait to be let in, so their servers do not see the chat", mend)
            )
        return remarks

    def _names_a_person(self) -> bool:
        parts = [self._me.note or "", *(field.value for field in self._me.fields or ())]
        shown = [words(part, {}, {}) for part in parts]
        return any("@" in text.plain or any(s.kind != "tag" for s in text.spans) for text in shown)

    async def _streaming(self) -> Remark:
        """Without the stream, polling carries the chat."""
        if self._stream is None:
            return Remark("streams nowhere we may go; its timeline is read every few seconds instead")
        try:
            async with asyncio.timeout(self._clock.timeout(CONNECT)), aiohttp.ClientSession() as session:
                headers = {"Authorization": f"Bearer {self._token}"}
                async with session.ws_connect(self._stream, headers=headers):
                    return Remark(f"streams at {self._stream}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = type(error).__name__
            return Remark(
                f"does not stream at {self._stream} ({why}); its timeline is read every few seconds instead"
            )

    async def _reach(self) -> list[Remark]:
        """Which servers the account has followers on. A server sees a chat's posts only if somebody there
        follows their author, or they answer somebody there (Mastodon's documentation)."""
        servers: Counter[str] = Counter()
        below: str | None = None
        for _ in range(PAGES):
            answer = await self._rest.read("account_followers", self._me.id, limit=80, max_id=below)
            page = answer.data() if answer.ok else None
            people = [p for each in page if (p := convert.person(each))] if isinstance(page, list) else []
            servers.update(ids.acct(p.acct, self._home).partition("@")[2] for p in people)
            below = _next(answer.headers.get("Link", ""))
            if below is None:
                break
        many = sum(servers.values())
        if not many:
            mend = "Ask people to follow the account: their servers then see the chat, and the chat them."
            return [Remark("nobody follows it, so other servers will not see what it posts", mend)]
        named = ", ".join(f"{tame(server)} {count}" for server, count in servers.most_common(NAMED))
        more = " and more" if below else ""
        count = (
            f"{many} follower{'s' * (many != 1)}{more} on {len(servers)} server{'s' * (len(servers) != 1)}"
        )
        return [Remark(f"{count}: {named}{' …' * (len(servers) > NAMED)}")]

    async def _rules(self) -> list[Remark]:
        answer = await self._rest.read("instance_rules")
        rules: Any = answer.data() if answer.ok else None
        texts = (
            [str(r.get("text", "")) for r in rules if isinstance(r, dict)] if isinstance(rules, list) else []
        )
        lines = [" ".join(tame(text).split()) for text in texts]
        return [
            Remark(f"server rule {n}: {line[:RULE]}{'…' * (len(line) > RULE)}")
            for n, line in enumerate(lines, 1)
        ]


def _next(link: str) -> str | None:
    """`max_id` of the next page, from the Link header."""

    found = re.search(r"[?&]max_id=([^&>]+)[^>]*>;\s*rel=\"?next", link)
    return found.group(1) if found else None
