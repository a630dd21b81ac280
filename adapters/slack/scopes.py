"""What the app may do in the workspace: every scope of its manifest, what it is for, and what is lost without it.

The names are Slack's (documentation, Permission scopes). `slack-manifest.yaml` asks for exactly these.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from bridge.ports import Remark

MEND = "Add {} under OAuth & Permissions and install the app again."


class Scope(NamedTuple):
    """One right. `where`: it is of use only in "public" or "private" channels, or if a "group" of hosts is
    configured. `needed`: no chat can be held without it."""

    name: str
    purpose: str
    lost: str
    needed: bool = False
    where: Literal["", "public", "private", "group"] = ""


SCOPES = (
    Scope("chat:write", "questions, answers, the board", "nothing can be posted", needed=True),
    Scope(
        "chat:write.customize",
        "answers under their authors' names and pictures",
        "nobody could tell who wrote what",
        needed=True,
    ),
    Scope("users:read", "the names of those who write", "nobody's name is known", needed=True),
    Scope("channels:read", "whether the app is in its channels", "channels are not found", True, "public"),
    Scope("channels:history", "what is written in its channels", "nobody is heard", True, "public"),
    Scope("groups:read", "the same, in private channels", "private channels are not found", True, "private"),
    Scope("groups:history", "the same, in private channels", "nobody is heard there", True, "private"),
    Scope("channels:join", "entering its channels", "somebody has to /invite the app", where="public"),
    Scope(
        "commands", "/chat, and the entries in a message's menu", "neither /chat nor the menu's entries work"
    ),
    Scope(
        "reactions:read",
        "🚫 hides, ❤️ likes, ⭐ boosts",
        "hosts' reactions do nothing, and nobody is seen to have taken note of an entry",
    ),
    Scope("pins:write", "the board is pinned", "the board has to be pinned by hand"),
    Scope(
        "im:history",
        "stop, start, forget me and my record, written to the app",
        "what people write to the app is not heard",
    ),
    Scope(
        "im:read",
        "who wrote to the app while it was away",
        "what people write to the app while it is away may be missed",
    ),
    Scope("app_mentions:read", "being spoken to in other channels", "it is deaf to its name elsewhere"),
    Scope("files:read", "what people's pictures show", "the questions' pictures will be described in words"),
    Scope("files:write", "the questions' pictures", "the questions' pictures will be described in words"),
    Scope(
        "usergroups:read",
        "hosts_group: whose members command",
        "only the hosts named in the config command",
        where="group",
    ),
)


def lacking(granted: Collection[str], uses: Collection[str]) -> tuple[Scope, ...]:
    """The scopes a token does not have of those that are of use: always, and those `where` is among `uses`."""
    return tuple(s for s in SCOPES if s.name not in granted and (not s.where or s.where in uses))


def refusal(missing: Collection[Scope]) -> str:
    """Why nothing can be done with a token, by name; "" if something can."""
    names = ", ".join(sorted(scope.name for scope in missing if scope.needed))
    return f"Slack: the token lacks {names}. {MEND.format(names)}" if names else ""


def remarks(missing: Collection[Scope]) -> tuple[Remark, ...]:
    """What the hosts should know of a token with which a chat can be held: each scope by its name."""
    return tuple(
        Remark(f"the token lacks {scope.name} ({scope.purpose}): {scope.lost}", MEND.format(scope.name))
        for scope in missing
    )
