"""What links report, and what they are asked to deliver."""

from __future__ import annotations

from typing import TypeAlias

from bridge.model.posts import Post, Ref, Wishes
from bridge.model.values import Account, Cursor, Micros, Network, Tagged, Value


class Written(Tagged, frozen=True):
    """A post, possibly seen before; first sight and repetition look the same."""

    post: Post


class Edited(Tagged, frozen=True):
    """The whole post as it is after an edit."""

    post: Post


class Removed(Tagged, frozen=True):
    """A post is gone. May come before the post itself."""

    ref: Ref


class AuthorGone(Tagged, frozen=True):
    """An account was deleted or deactivated and takes its posts along."""

    account: Account


class AuthorKnown(Tagged, frozen=True):
    """An author's wishes are known (again). Comes before that author's first post is shown to anybody."""

    account: Account
    wishes: Wishes = Wishes()


class Echoed(Tagged, frozen=True):
    """A post of ours came by, carrying the stamp of the order that made it."""

    stamp: Micros
    ref: Ref
    uri: str
    version: str = ""


class Command(Tagged, frozen=True):
    """A control was used. `item` names the run-sheet item it means, `entry` an entry's number, `on` one
    network, `at` the message or post it was used on. Whether `by` may command is decided by the core, never by
    the adapter.

    `once`: names an act that may be told more than once (a reaction, live and from the history); it is obeyed
    once, until a command `again` says that it was taken back.
    """

    verb: str
    by: Account
    chat: str | None = None
    item: str | None = None
    entry: int | None = None
    on: Network | None = None
    text: str = ""
    name: str = ""  # how to call `by` in what the hosts read
    answer: str = ""  # opaque to the core: where `Console.answer` sends what came of it
    at: Ref | None = None
    choice: str = ""  # what was picked from a form's list
    once: str = ""
    again: str = ""  # the `once` of an act that was taken back
    forms: bool = False  # what answers it can be a Form


class Leaders(Tagged, frozen=True):
    """Who else may command from here: the members of the group that the config names, as it is now."""

    accounts: tuple[Account, ...]


class Malformed(Tagged, frozen=True):
    """A payload nobody could read; quarantined with its bytes."""

    payload: bytes
    why: str


class Beat(Tagged, frozen=True):
    """Nothing for us, but the cursor moved on. At most one a second."""


What: TypeAlias = (
    Written | Edited | Removed | AuthorGone | AuthorKnown | Echoed | Command | Leaders | Malformed | Beat
)


class Inbound(Value, frozen=True):
    """One thing a link reports. With `cursor`, everything up to here has been reported."""

    network: Network
    what: What
    cursor: Cursor | None = None


class Interest(Value, frozen=True):
    """What the core wants a link to deliver: posts bearing a tag (case-folded), everything in these threads,
    written at `since` or later. `acts`: those that stand, as their `Command.once` named them, so that a link which
    remembers nothing can tell which were taken back."""

    tags: tuple[str, ...] = ()
    threads: tuple[Ref, ...] = ()
    since: Micros = 0
    acts: tuple[str, ...] = ()

    def wants(self, post: Post, ours: Account) -> bool:
        """Whether a post is to be delivered: it bears a tag, belongs to a thread or quotes from one, or speaks to
        `ours`, our account."""
        if post.at < self.since:
            return False
        if post.reach == "direct" or ours in post.mentions or not set(self.tags).isdisjoint(post.tags):
            return True
        return not {post.ref, post.reply_to, post.root, *post.quotes}.isdisjoint(self.threads)
