"""Every string that names something on Mastodon, made and parsed only here.

Ids of statuses are opaque (snowflake, ULID, hex): they are compared for equality and never as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from bridge.model import Account, Cursor, Micros, Network, Ref

Kind: TypeAlias = Literal["like", "boost"]
KINDS: tuple[Kind, ...] = ("like", "boost")
BRIDGY = "bsky.brid.gy"  # Bridgy Fed's server for accounts that live on Bluesky
_AT_URI = re.compile(r"at://(?:did:[a-z]+:[\w.:%-]+|[\w.-]+)/[\w.-]+/[\w.~:-]+")


def host(address: str) -> str:
    """The host of an address, lower case: "https://Mastodon.example/" gives "mastodon.example"."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    return (parts.hostname or "").lower()


def acct(acct: str, home: str) -> str:
    """`acct` as the server gives it, completed: "ann" seen on its own server `home` is "ann@home"."""
    acct = acct.lstrip("@")
    return acct if "@" in acct else f"{acct}@{home}"


def account(full: str) -> Account:
    """The canonical account: the same whichever server shows it."""
    return f"acct:{full.casefold()}"


def of(refs: Iterable[Ref], network: Network) -> list[str]:
    """The ids of those refs that are this network's, each once, in order."""
    return list(dict.fromkeys(ref.id for ref in refs if ref.network == network))


def key(stamp: Micros) -> str:
    """The Idempotency-Key of the order with this stamp."""
    return f"chatbridge-{stamp}"


def endorsement(kind: Kind, of: str) -> str:
    """What names our like or boost of `of`, a status by id or by uri."""
    return f"{kind}:{of}"


def endorsed(id_: str) -> tuple[Kind, str] | None:
    """Kind and status of one of our endorsements; None if `id_` is the id of a status."""
    for kind in KINDS:
        if id_.startswith(f"{kind}:"):
            return kind, id_.removeprefix(f"{kind}:")
    return None


def cursor(read: Micros) -> Cursor:
    """Everything the server showed up to `read` (server time) has been reported."""
    return f"1 {read}"


def read(cursor: Cursor) -> Micros | None:
    """What `cursor` says; None if an older or another program wrote it."""
    version, _, micros = cursor.partition(" ")
    return int(micros) if version == "1" and micros.isdecimal() else None


def original(account_uri: str, status_uri: str) -> str | None:
    """The at:// URI that Bridgy Fed copied, if the account lives on Bridgy Fed's own server and the status
    stands there too. The addresses are ActivityPub ids, which nobody can claim on another's host."""
    if host(account_uri) != BRIDGY or host(status_uri) != BRIDGY:
        return None
    found = _AT_URI.search(unquote(status_uri))
    return found.group() if found else None


def whose(original: str | None) -> Account:
    """Who wrote an original: the DID that its address begins with, which is an account on Bluesky; "" if there is
    none."""
    authority = (original or "").removeprefix("at://").partition("/")[0]
    return authority if authority.startswith("did:") else ""
