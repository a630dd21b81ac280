"""Who may see what.

| a post made                         | hosts    | Slack    | page, transcript |
| publicly on Mastodon or Bluesky     | yes      | yes      | yes              |
| in Slack                            | yes      | is there | as its author and `public` say |
| not publicly, or after an opt-out   | no words | no words | nothing at all   |
| by somebody a host blocked          | yes      | no       | nothing at all   |

"other networks" is not an audience: nothing is ever copied there.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from bridge.chat.community import People, is_private, refuses, wordless
from bridge.chat.timeline import Entry, names, writers
from bridge.model import Network, Post
from bridge.settings import Net

Audience: TypeAlias = Literal["hosts", "slack", "page"]


def stays(post: Post, people: People) -> bool:
    """Whether the words stay on their network for good: private, or who wrote them opted out. A bridge's copy is no
    way round that."""
    if wordless(post) or is_private(post) or refuses(post):
        return True
    for account in writers(post):  # noqa: SIM110 - asked for each entry all the time, and a generator takes longer
        if account in people.all and people.all[account].opted_out:
            return True
    return False


def blocked(post: Post, entry: Entry, people: People) -> bool:
    """Whether a host blocked who wrote it. The same words elsewhere, by the same person or copied by a bridge, are
    no way round that."""
    for source in entry.sources if post in entry.sources else (post, *entry.sources):
        for account in writers(source):
            if account in people.all and people.all[account].blocked:
                return True
    return False


def taken_off(entry: Entry, people: People) -> bool:
    """Whether hosts took an entry off every surface: they hid it, or blocked who wrote it."""
    return entry.hidden or all(blocked(p, entry, people) for p in entry.sources)


def may_see(post: Post, entry: Entry, people: People, net: Net, audience: Audience) -> bool:
    """Whether `audience` may read this source of an entry. `net`: the network it was written on."""
    if stays(post, people):
        return False
    if post.original is not None and any(stays(p, people) for p in _copied(post, entry)):
        return False  # nor round what the original itself asks
    if audience == "hosts":
        return True
    if entry.hidden or entry.held is not None or blocked(post, entry, people):
        return False
    if entry.frozen and audience == "page":
        return False
    if post.reach == "room" and audience == "slack":
        return True
    return people.of(post.author.account).known and (post.reach != "room" or _agreed(post, people, net))


def _copied(post: Post, entry: Entry) -> list[Post]:
    """What a bridge copied a source of an entry from, if that is there as well."""
    return [p for p in entry.sources if post.original in names(p)]


def _agreed(post: Post, people: People, net: Net) -> bool:
    """Whether words from a room may stand on the page. Who said no is heard, whatever the config says."""
    consent = people.of(post.author.account).consent
    match net.public:
        case "yes":
            return consent != "no"
        case "no":
            return False
        case "ask":
            return consent in ("name", "first")


def undecided(post: Post, people: People, net: Net) -> bool:
    """Whether words from a room stay there only because their author has not said yet what they want."""
    asking = post.reach == "room" and net.public == "ask"
    return asking and not people.of(post.author.account).consent and not stays(post, people)


def readable(entry: Entry, people: People, nets: dict[Network, Net], audience: Audience) -> list[Post]:
    """The sources of an entry that `audience` may read, the first one leading."""
    return [p for p in entry.sources if may_see(p, entry, people, nets[p.ref.network], audience)]


def in_room(entry: Entry, network: Network) -> bool:
    """Whether an entry was written in this room itself and needs no copy there."""
    return network in [p.ref.network for p in entry.sources]
